"""Settings of the WMS connector."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self
from urllib.parse import urlencode, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from bridge.connectors.ncip.dialects import WMS, WMS_PLATFORM, Dialect
from bridge.connectors.ncip.envelope import Envelope
from bridge.connectors.ncip.settings import NcipBase


class WmsSettings(NcipBase):
    """How to reach an OCLC WorldShare Management Services: NCIP with a WSKey, patrons through SCIM."""

    form: Literal["resource_sharing", "platform"] = Field(
        default="resource_sharing",
        description="Which NCIP: resource_sharing (CircILL 2.00, with AcceptItem) or platform (Version 2011, staff profile: check-out and "
        "check-in only).",
        examples=["resource_sharing"],
    )
    key: str = Field(min_length=1, description="WSKey.", examples=["…"])
    secret: SecretStr = Field(min_length=1, description="Secret of that WSKey.", examples=["a long random secret"])
    token_url: str = Field(
        default="https://oauth.oclc.org/token",
        description="Where tokens are fetched.",
        examples=["https://oauth.oclc.org/token"],
    )
    ncip_scope: str = Field(default="WMS_NCIP", description="Scope of tokens for NCIP.", examples=["WMS_NCIP"])
    scim_url: str = Field(
        description="Address of the patron search, up to Users/.search.",
        examples=["https://128807.share.worldcat.org/idaas/scim/v2/Users/.search"],
    )
    scim_scope: str = Field(
        default="SCIM:read_user", description="Scope of tokens for the patron search.", examples=["SCIM:read_user"]
    )
    from_system: str = Field(default="ILLB", description="FromSystemId: who we are to WMS.", examples=["SHAREit"])
    account_type: str = Field(
        default="OCLC Institution Symbol",
        description="UserIdentifierType of the libraries things are lent to (resource_sharing).",
        examples=["OCLC Institution Symbol"],
    )

    principal_id: str = Field(
        default="",
        description="User to whom calls over NCIP are attributed (principalID), where OCLC wants one for the WSKey.",
        examples=["8eaa9f92-3951-431c-975a-d7df26b8d131"],
    )
    principal_idns: str = Field(
        default="", description="Name space of that user (principalIDNS).", examples=["urn:oclc:platform:128807"]
    )

    @model_validator(mode="after")
    def _a_whole_principal(self) -> Self:
        if bool(self.principal_id) != bool(self.principal_idns):
            raise ValueError("principal_id and principal_idns are set together or not at all")
        return self

    @field_validator("token_url", "scim_url")
    @classmethod
    def _a_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address that begins with https://")
        return value.rstrip("/")

    @property
    def address(self) -> str:
        """Where messages go, with the user to whom they are attributed (koha-wms-spydus.md section B.2)."""
        if not self.principal_id:
            return super().address
        who = urlencode({"principalID": self.principal_id, "principalIDNS": self.principal_idns})
        return f"{super().address}?{who}"

    def basis(self) -> Dialect:
        """One of the two NCIPs of WMS."""
        return replace(WMS, account_kind=self.account_type) if self.form == "resource_sharing" else WMS_PLATFORM

    def envelope(self) -> Envelope:
        """What stands around every message."""
        sender = self.from_system if self.form == "resource_sharing" else ""
        return replace(super().envelope(), from_system=sender)
