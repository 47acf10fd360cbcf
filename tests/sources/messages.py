"""Messages for the tests of sources."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from bridge.sources.webhook import WebhookSettings

LIBRARIES = frozenset({"main", "branch"})
SECRET = "a shared secret"
SETTINGS = WebhookSettings(service="svc", secret=SecretStr(SECRET), library="main", timezone="Europe/Berlin")


def message(**more: object) -> dict[str, Any]:
    """A message as a service sends it; a field given as ``...`` is left out."""
    known: dict[str, Any] = {
        "id": "e1",
        "time": "2026-11-24T10:00:00+01:00",
        "role": "borrower",
        "request": {"number": "1001", "requester": "ABC"},
        "status": "Received",
    }
    return {name: value for name, value in {**known, **more}.items() if value is not ...}


def body(**more: object) -> bytes:
    return json.dumps(message(**more)).encode()
