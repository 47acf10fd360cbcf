"""Settings of the Spydus connector: those of its SIP2 account, of LCF where it is bought, and what is Spydus's own."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.connectors.sip2.settings import Sip2Settings
from bridge.values import Address


class LcfSettings(BaseModel):
    """How to reach the LCF interface of a Spydus, and the record under which temporary items are made. Unverified: no Spydus was tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Address = Field(
        description="Address of the interface, up to lcf/1.0.", examples=["https://library.spydus.example/lcf/1.0"]
    )
    user: str = Field(min_length=1, description="Vendor user of the API Manager.", examples=["ill-bridge"])
    secret: SecretStr = Field(min_length=1, description="Its key.", examples=["a long random secret"])
    record: str = Field(
        min_length=1,
        description="Identifier of a record (manifestation) that staff made once: temporary items are made as its copies.",
        examples=["1234567"],
    )
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(default=20.0, gt=0, description="Seconds to wait for an answer.", examples=[20.0])
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/lcf.pem"]
    )


class SpydusSettings(Sip2Settings):
    """How to reach a Spydus by SIP2."""

    lcf: LcfSettings | None = Field(
        default=None,
        description="The LCF interface (unverified), for temporary items and holds; left out: these are tasks for staff. Keys: the table "
        "`[ils.NAME.settings.lcf]`.",
        examples=["{ url = … }"],
    )
    due_dates: Literal["advisory", "staff"] = Field(
        default="advisory",
        description="SIP2 sets no due date, except where `due_date` says so. advisory: the history says which date Spydus gave; staff: "
        "staff are asked to change it.",
        examples=["advisory"],
    )
