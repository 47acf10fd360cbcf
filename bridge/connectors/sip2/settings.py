"""Settings of a SIP2 connection, shared by every connector that has one."""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bridge.values import ZoneName


class Sip2Settings(BaseModel):
    """How to reach a SIP2 server, and its habits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="Name or address of the SIP2 server.", examples=["sip.example.org"])
    port: int = Field(default=6001, ge=1, le=65535, description="Its port.", examples=[6001])
    login: str = Field(default="", description="Name of the SIP2 account; empty: no log-in is sent.", examples=["ill"])
    password: SecretStr = Field(
        default=SecretStr(""), description="Password of that account.", examples=["a long random secret"]
    )
    location: str = Field(
        default="", description="Where the account stands: sent with the log-in and at check-in.", examples=["MAIN"]
    )
    institution: str = Field(default="", description="Institution id that every message names (AO).", examples=["MAIN"])
    terminal_password: SecretStr = Field(
        default=SecretStr(""), description="Terminal password (AC), where the server wants one.", examples=["a secret"]
    )
    timezone: ZoneName = Field(description="Zone (IANA) of the server's times.", examples=["America/New_York"])
    tls: bool = Field(default=False, description="Speak TLS, and verify the certificate.", examples=[True])
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/sip.pem"]
    )
    charset: str = Field(
        default="utf-8", description="Character set of the messages (utf-8, cp850, latin-1 …).", examples=["cp850"]
    )
    line_end: Literal["CR", "CRLF"] = Field(default="CR", description="What ends a message we send.", examples=["CR"])
    due_date: Literal["ignored", "no_block"] = Field(
        default="ignored",
        description="no_block: a check-out with a date is sent as 'no block', which some servers obey and others take for something else; "
        "only where you have tried it. The loan's own date is read back either way.",
        examples=["ignored"],
    )
    connections: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Connections at once; the protocol allows one message on each.",
        examples=[2],
    )
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(default=20.0, gt=0, description="Seconds to wait for an answer.", examples=[20.0])
    idle_seconds: float = Field(
        default=60.0,
        ge=0,
        description="A connection unused for longer is opened anew, since firewalls forget it.",
        examples=[60.0],
    )

    @field_validator("charset")
    @classmethod
    def _a_charset(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError as unknown:
            raise ValueError(f"'{value}' is no character set that is known here") from unknown
