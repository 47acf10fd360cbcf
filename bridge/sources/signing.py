"""The signature of messages, in both directions: HMAC-SHA256 over the time, a dot, and the raw body."""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP = "x-ill-bridge-timestamp"
SIGNATURE = "x-ill-bridge-signature"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a message."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
