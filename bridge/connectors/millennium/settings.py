"""Settings of the Millennium connector."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bridge.connectors.ncip.dialects import MILLENNIUM, Dialect
from bridge.connectors.ncip.settings import NcipBase
from bridge.connectors.sip2.settings import Sip2Settings


class MillenniumSettings(NcipBase):
    """How to reach a Millennium's (or Sierra's) NCIP Responder, and its Patron API or SIP2 server where patrons are looked up there."""

    accept_user_prefix: str = Field(
        default="b", description="Index letter before a patron's barcode in AcceptItem.", examples=["b"]
    )
    patron_api: str = Field(
        default="",
        description="Address of the Patron API up to PATRONAPI; empty: patrons are looked up by NCIP.",
        examples=["https://millennium.example.org:54620/PATRONAPI"],
    )

    sip2: Sip2Settings | None = Field(
        default=None,
        description="A SIP2 account by which patrons are looked up; left out: by NCIP or the Patron API. Keys: the table "
        "`[ils.NAME.settings.sip2]`.",
        examples=["{ host = … }"],
    )

    @model_validator(mode="after")
    def _one_door_for_patrons(self) -> Self:
        if self.sip2 is not None and self.patron_api:
            raise ValueError("patrons are looked up by sip2 or by patron_api, not by both")
        return self

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
