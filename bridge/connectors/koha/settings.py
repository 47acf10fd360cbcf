"""Settings of the Koha connector."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.connectors.sip2.settings import Sip2Settings
from bridge.values import Address, ZoneName


class KohaSettings(BaseModel):
    """How to reach a Koha, and its codes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Address = Field(
        description="Address of the staff interface, without `/api/v1`.", examples=["https://staff.koha.example.org"]
    )
    auth: Literal["basic", "oauth2"] = Field(
        default="oauth2",
        description="oauth2: an API key of a patron (RESTOAuth2ClientCredentials); basic: a patron's name and password (RESTBasicAuth).",
        examples=["oauth2"],
    )
    user: str = Field(min_length=1, description="Client id of the API key, or the user name.", examples=["…"])
    secret: SecretStr = Field(
        min_length=1, description="Its secret, or the password.", examples=["a long random secret"]
    )
    timezone: ZoneName = Field(description="Zone (IANA) in which a due date's day is read.", examples=["Europe/Berlin"])
    library: str = Field(
        default="", description="Acting library (x-koha-library); empty: the API user's own.", examples=["CPL"]
    )
    patron_fields: tuple[Literal["cardnumber", "userid"], ...] = Field(
        default=("cardnumber", "userid"),
        min_length=1,
        description="Fields in which a patron's identifier is looked for, in this order.",
        examples=[["cardnumber"]],
    )
    sip2: Sip2Settings | None = Field(
        default=None,
        description="The SIP2 account for check-out and check-in, which Koha's REST API of 23.05 lacks; left out: they are tasks for "
        "staff. Keys: the table `[ils.NAME.settings.sip2]`.",
        examples=["{ host = … }"],
    )
    due_dates: Literal["advisory", "staff"] = Field(
        default="advisory",
        description="No call sets a due date. advisory: the history says which date Koha's rule gave; staff: staff are asked to change it.",
        examples=["advisory"],
    )
    lost_status: int = Field(
        default=0, ge=0, description="Value of LOST that declares an item lost; 0: a task for staff.", examples=[2]
    )
    debit_type: str = Field(
        default="MANUAL", min_length=1, description="Debit type of fees whose policy names none.", examples=["MANUAL"]
    )
    temporary_location: str = Field(
        default="", description="Shelving location of borrowed items whose policy names none.", examples=["ILL"]
    )
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(default=20.0, gt=0, description="Seconds to wait for an answer.", examples=[20.0])
    first_wait: float = Field(
        default=0.5, ge=0, description="Seconds before the first repeat within one call.", examples=[0.5]
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/koha.pem"]
    )

    @field_validator("base_url")
    @classmethod
    def _above_the_api(cls, value: str) -> str:
        return value.removesuffix("/api/v1")

    @model_validator(mode="after")
    def _no_block_is_wrong_here(self) -> Self:
        if self.sip2 is not None and self.sip2.due_date == "no_block":
            raise ValueError(
                "sip2.due_date must be 'ignored': Koha takes the date of a 'no block' check-out for the day of the check-out"
            )
        return self
