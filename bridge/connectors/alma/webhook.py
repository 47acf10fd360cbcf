"""Alma's webhook for loans: signature, challenge, and which item an event is about; nothing else of it is read (alma.md section 9)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from pydantic import BaseModel, Field, SecretStr, ValidationError

from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.base import LoanNews
from bridge.errors import RefusedInput

SIGNATURE = "x-exl-signature"
LONGEST_CHALLENGE = 200
MAX_BYTES = 262_144


class _Loan(BaseModel):
    """Of the loan only what names its item; patron and title are left unread."""

    item_id: str | None = Field(default=None, max_length=100)
    item_barcode: str | None = Field(default=None, max_length=300)


class _Event(BaseModel):
    action: str = Field(default="", max_length=100)
    item_loan: _Loan | None = None


class AlmaLoanHook:
    """Events of one institution, signed with the secret of its integration profile."""

    max_bytes = MAX_BYTES

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret

    def challenge(self, query: Mapping[str, str]) -> Mapping[str, str] | None:
        """Alma asks once, unsigned, whether somebody listens: its text is given back."""
        text = query.get("challenge", "")
        return {"challenge": text} if text and len(text) <= LONGEST_CHALLENGE and text.isprintable() else None

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Base64 of HMAC-SHA256 over the raw body. Raises ``RefusedInput``."""
        given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE, "")
        made = hmac.new(self._secret.get_secret_value().encode(), body, hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(made), given.strip().encode()):
            raise RefusedInput(
                "The event is not signed with the secret of this ILS; check X-Exl-Signature and the secret."
            )

    def read(self, body: bytes) -> LoanNews | None:
        """The item whose loan is told of; ``None`` for an event of another kind. Raises ``RefusedInput`` for what is no event."""
        try:
            event = _Event.model_validate_json(body)
        except ValidationError as wrong:
            raise RefusedInput("The body is no event of Alma.") from wrong
        loan = event.item_loan
        if event.action.casefold() != "loan" or loan is None:
            return None
        return LoanNews(loan.item_id or "", loan.item_barcode or "")


def loan_hook(settings: BaseModel) -> AlmaLoanHook | None:
    """The hook of these settings (an ``AlmaSettings``); ``None`` where no secret is set."""
    secret = AlmaSettings.model_validate(settings.model_dump()).loan_webhook_secret
    return AlmaLoanHook(secret) if secret is not None else None
