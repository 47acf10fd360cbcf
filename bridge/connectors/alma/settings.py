"""Settings of the Alma connector."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bridge.values import ZoneName


class AlmaSettings(BaseModel):
    """How to reach an Alma institution, and its codes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(
        description="API host of your region, without a path.", examples=["https://api-eu.hosted.exlibrisgroup.com"]
    )
    api_key: SecretStr = Field(
        min_length=1,
        description="API key with read/write for Bibs and Users, read for Configuration.",
        examples=["l8xx…"],
    )
    loan_webhook_secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="Secret of the webhook profile that tells of loans (POST https://…/ils/NAME/loans); none: no such door.",
        examples=["a long random text"],
    )
    timezone: ZoneName = Field(description="Zone (IANA) whose end of day a due date means.", examples=["Europe/Berlin"])
    lending_library: str = Field(
        default="",
        description="Library of the desk that lends our own items; empty: the owning library.",
        examples=["MAIN"],
    )
    lending_desk: str = Field(
        default="DEFAULT_CIRC_DESK",
        description="Circulation desk that checks own items out and in; it must serve the ILL location too.",
        examples=["DEFAULT_CIRC_DESK"],
    )
    check_in_at: Literal["owning", "lending"] = Field(
        default="owning",
        description="Where own items are checked in when they come back: owning library (in place at once), or the lending desk "
        "(Alma sends them on).",
        examples=["owning"],
    )
    return_desks: dict[str, str] = Field(
        default_factory=dict,
        description="Desk by owning library for that check-in; libraries not named: DEFAULT_CIRC_DESK.",
        examples=[{"SCIENCE": "SCI_DESK"}],
    )
    pickup_type: Literal["LIBRARY", "CIRCULATION_DESK"] = Field(
        default="LIBRARY",
        description="Whether pickup locations are library codes, or LIBRARY/DESK.",
        examples=["LIBRARY"],
    )
    cancellation_reason: str = Field(
        default="CannotBeFulfilled",
        description="Code of table RequestCancellationReasons, given when a hold is withdrawn.",
        examples=["CannotBeFulfilled"],
    )
    mark_field: Literal["internal_note_1", "internal_note_2", "internal_note_3"] = Field(
        default="internal_note_3", description="Item field that carries our mark.", examples=["internal_note_3"]
    )
    audit_set: str = Field(
        default="",
        description="Id of a logical set of titles whose note holds ILLB, by which the audit lists what bears our mark; empty: it cannot.",
        examples=["9543638640000121"],
    )
    fee_owner: str = Field(
        default="",
        description="Owner of fees: institution or library code; empty: fees are a task for staff.",
        examples=["MAIN"],
    )
    fee_type: str = Field(
        default="OTHER", description="Type of fee where the library's policy names none.", examples=["OTHER"]
    )
    visibility_tries: int = Field(
        default=5, ge=1, le=10, description="Tries while Alma does not yet see an item it has just made.", examples=[5]
    )
    visibility_wait: float = Field(default=2.0, ge=0, le=4, description="Seconds between these tries.", examples=[2.0])
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.", examples=[30.0])
    first_wait: float = Field(
        default=0.5, ge=0, description="Seconds before the first repeat within one call.", examples=[0.5]
    )
    warn_remaining: int = Field(
        default=5000, ge=0, description="Warn when fewer calls than this are left for the day.", examples=[5000]
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/proxy.pem"]
    )

    @field_validator("host")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an address that begins with https://")
        return f"{parts.scheme}://{parts.netloc}"
