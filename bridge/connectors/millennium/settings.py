"""Settings of the Millennium connector."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from bridge.connectors.ncip.dialects import MILLENNIUM, Dialect
from bridge.connectors.ncip.settings import NcipBase


class MillenniumSettings(NcipBase):
    """How to reach a Millennium's (or Sierra's) NCIP Responder, and its Patron API where patrons are looked up there."""

    accept_user_prefix: str = Field(
        default="b", description="Index letter before a patron's barcode in AcceptItem.", examples=["b"]
    )
    patron_api: str = Field(
        default="",
        description="Address of the Patron API up to PATRONAPI; empty: patrons are looked up by NCIP.",
        examples=["https://millennium.example.org:54620/PATRONAPI"],
    )

    @field_validator("patron_api")
    @classmethod
    def _an_api(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query):
            raise ValueError("must be an address that begins with https://")
        return value.rstrip("/")

    def basis(self) -> Dialect:
        """Millennium's NCIP."""
        return MILLENNIUM
