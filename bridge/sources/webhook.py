"""Webhooks: messages that a service posts to us, signed with a shared secret."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime

from pydantic import Field, SecretStr

from bridge.domain.arrival import Arrival
from bridge.errors import RefusedInput
from bridge.sources import message
from bridge.sources.base import SourceSettings
from bridge.sources.signing import SIGNATURE, TIMESTAMP, sign


class WebhookSettings(SourceSettings):
    """Settings of a webhook."""

    secret: SecretStr = Field(
        min_length=8, description="Shared secret that messages are signed with.", examples=["a long random text"]
    )
    previous_secret: SecretStr | None = Field(
        default=None, description="The secret before, while the service still uses it.", examples=["the old one"]
    )
    tolerance_seconds: int = Field(
        default=300, ge=1, description="How old or early a signature may be.", examples=[300]
    )
    max_bytes: int = Field(default=262_144, ge=1024, description="The largest message taken.", examples=[262144])


class WebhookSource:
    """One webhook. ``libraries`` are the names of our libraries."""

    def __init__(self, name: str, settings: WebhookSettings, libraries: AbstractSet[str]) -> None:
        self.name = name
        self.settings = settings
        self._libraries = libraries

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Check timestamp and signature (HMAC-SHA256 over timestamp, a dot, and the raw body). Raises ``RefusedInput``."""
        given = {name.lower(): value for name, value in headers.items()}
        timestamp, signatures = given.get(TIMESTAMP, ""), given.get(SIGNATURE, "")
        if not timestamp or not signatures:
            raise RefusedInput(
                "The message is not signed: X-ILL-Bridge-Timestamp and X-ILL-Bridge-Signature are needed."
            )
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            raise RefusedInput("X-ILL-Bridge-Timestamp must be the time in whole seconds since 1970-01-01 UTC.")
        if abs(now.timestamp() - int(timestamp)) > self.settings.tolerance_seconds:
            raise RefusedInput("The signature is too old or too early; check the clocks of both machines.")
        if not self._signed(timestamp, signatures, body):
            raise RefusedInput(
                "The signature does not fit the message; check the secret, and that the raw body is signed."
            )

    def _signed(self, timestamp: str, signatures: str, body: bytes) -> bool:
        secrets = (self.settings.secret, self.settings.previous_secret)
        wanted = [sign(secret.get_secret_value(), timestamp, body) for secret in secrets if secret]
        given = [signature.strip().encode() for signature in signatures.split(",")[:10]]
        matches = [hmac.compare_digest(one.encode(), other) for one in wanted for other in given]
        return any(matches)

    def read(self, body: bytes) -> Arrival:
        """What a message says; never raises."""
        return message.read(body, self.settings, self._libraries)

    def replayed(self, text: str) -> Arrival:
        """A kept message, as it is understood now; never raises."""
        return self.read(text.encode())
