"""Settings of digest and alerts: off until a channel is configured."""

from __future__ import annotations

from datetime import time
from email.headerregistry import AddressHeader
from email.policy import SMTP
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.alerts.model import IMMEDIATE, Kind
from bridge.values import TimeOfDay, ZoneName

PORTS = {"starttls": 587, "tls": 465, "none": 25}
PARKED_CAUSES = (
    "item_type",
    "location",
    "pickup_location",
    "desk",
    "unknown_account",
    "account_not_entitled",
    "account_expired",
    "account_blocked",
    "loan_limit",
    "daily_threshold",
    "credentials_rejected",
    "fault",
)
"""Causes that sit in the configuration, the ILS or the bridge, and so meet every request alike."""


class Weekday(StrEnum):
    """A day of the week, in the order of ``datetime.weekday``."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class AlertsSection(BaseModel):
    """A table of the alerts' settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MailSettings(AlertsSection):
    """Alerts by e-mail, over SMTP."""

    host: str = Field(min_length=1, description="The mail server.", examples=["smtp.example.org"])
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Its port; left out: 587 with starttls, 465 with tls, 25 with none.",
        examples=[587],
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls: the server must offer it; tls: from the first byte; none: in the clear, for a relay on this machine.",
        examples=["starttls"],
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/mail-ca.pem"]
    )
    user: str = Field(default="", description="User to log in as; empty: no log-in.", examples=["ill-bridge"])
    password: SecretStr | None = Field(default=None, description="That user's password.", examples=["…"])
    sender: str = Field(description="Address mails come from.", examples=["ill-bridge <ill-bridge@example.org>"])
    recipients: tuple[str, ...] = Field(
        min_length=1,
        description="Who is told of everything that is no single library's.",
        examples=[["ops@example.org"]],
    )
    libraries: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Our name of a library = who is told of its matters, with a digest of their own; a library not listed: `recipients`.",
        examples=[{"main": ["ill@example.org"]}],
    )
    timeout: float = Field(default=20, gt=0, le=120, description="Seconds to wait for the server.", examples=[20])

    @field_validator("sender")
    @classmethod
    def _one_address(cls, value: str) -> str:
        return _address(value)

    @field_validator("recipients")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_address(each) for each in value)

    @field_validator("libraries")
    @classmethod
    def _addresses_of_libraries(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        empty = [name for name, addresses in value.items() if not addresses]
        if empty:
            raise ValueError(f"no address for {', '.join(empty)}")
        return {name: tuple(_address(each) for each in addresses) for name, addresses in value.items()}

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> MailSettings:
        if self.user and self.password is None:
            raise ValueError("user needs password or password_file")
        if self.user and self.security == "none":
            raise ValueError('a password is never sent in the clear: security = "starttls" or "tls", or no user')
        return self

    @property
    def at_port(self) -> int:
        """The port, or the usual one."""
        return self.port or PORTS[self.security]


class HookSettings(AlertsSection):
    """Alerts by webhook: each is posted as JSON."""

    url: SecretStr = Field(
        description="Address to post to; a secret, since many services take whoever knows it. `url_file` reads it from a file.",
        examples=["https://chat.example.org/hooks/…"],
    )
    token: SecretStr | None = Field(default=None, description="Sent as 'Authorization: Bearer …'.", examples=["…"])
    token_header: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        description="Header that takes the token instead of Authorization.",
        examples=["X-Api-Key"],
    )
    secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="Shared secret to sign with, as our own webhooks are signed.",
        examples=["a long random text"],
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/ops-ca.pem"]
    )
    timeout: float = Field(default=20, gt=0, le=120, description="Seconds to wait for an answer.", examples=[20])

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("must be an address that begins with https:// (or http://)")
        return value


class DigestSettings(AlertsSection):
    """The daily digest."""

    enabled: bool = Field(default=True, description="Whether a digest is sent at all.", examples=[True])
    at: TimeOfDay = Field(default=time(7), description="Time of day it is sent.", examples=["07:00"])
    timezone: ZoneName = Field(default="UTC", description="Zone (IANA) of that time.", examples=["Europe/Berlin"])
    weekdays: tuple[Weekday, ...] = Field(
        default=tuple(Weekday),
        min_length=1,
        description="Days it is sent on; the first after a pause covers the days between.",
        examples=[["mon", "tue", "wed", "thu", "fri"]],
    )
    when_empty: bool = Field(default=True, description="Send it also when nothing needs attention.", examples=[True])

    @property
    def zone(self) -> ZoneInfo:
        """The zone of that time."""
        return ZoneInfo(self.timezone)


class AlertSettings(AlertsSection):
    """Digest and immediate alerts; off until [alerts.mail] or [alerts.webhook] is there."""

    mail: MailSettings | None = Field(default=None, description="The channel e-mail, a table of its own.")
    webhook: HookSettings | None = Field(default=None, description="The channel webhook, a table of its own.")
    digest: DigestSettings = Field(default_factory=DigestSettings)
    immediate: tuple[Kind, ...] = Field(
        default=IMMEDIATE,
        description="What is told at once: lane_closed, source_silent, quota_stop, parked, kept, notes, account; audit may be added. The "
        "digest holds all of it too.",
        examples=[["lane_closed", "quota_stop"]],
    )
    look_seconds: float = Field(
        default=30, gt=0, description="Seconds between looks at what stands and what is to be sent.", examples=[30]
    )
    settle_minutes: float = Field(
        default=5,
        ge=0,
        description="How long a trouble must stand before it is told, so that hiccups are not and many alike are told together. "
        "Rejected credentials and quota stops are told at once.",
        examples=[5],
    )
    quiet_minutes: float = Field(
        default=60, ge=0, description="Silence about one trouble after it was told, even if it grows.", examples=[60]
    )
    repeat_hours: float = Field(
        default=24,
        ge=0,
        description="A closed lane, a silent source or a stopped library is told again after this; 0: never.",
        examples=[24],
    )
    silent_weeks: int = Field(
        default=4, ge=2, le=12, description="Weeks that say how much a source usually brings.", examples=[4]
    )
    silent_messages: int = Field(
        default=10,
        ge=1,
        description="A source is silent longer than usual when the same hours of the past weeks brought at least so many messages each "
        "(the poorest week aside), and now none came.",
        examples=[10],
    )
    silent_hours: float = Field(
        default=3, ge=0, description="A source is never called silent before this.", examples=[3]
    )
    accounts_expire_within_days: int = Field(
        default=30, ge=0, description="ILL accounts that expire within so many days are told.", examples=[30]
    )
    parked_causes: tuple[str, ...] = Field(
        default=PARKED_CAUSES,
        description="Causes of parked requests that are told at once, since they concern every request alike.",
        examples=[["item_type", "location", "fault"]],
    )
    parked_many: int = Field(
        default=10,
        ge=1,
        description="So many requests newly parked within a day for one other cause are told too.",
        examples=[10],
    )

    @property
    def on(self) -> bool:
        """Whether there is any channel."""
        return self.mail is not None or self.webhook is not None


def _address(value: str) -> str:
    """An e-mail address, with or without a name before it. Raises ``ValueError``."""
    if "\r" in value or "\n" in value:
        raise ValueError("an e-mail address is one line")
    header = SMTP.header_factory("From", value)
    found = header.addresses if isinstance(header, AddressHeader) else ()
    if len(found) != 1 or header.defects or not found[0].domain or not found[0].username:
        raise ValueError(f"'{value}' is no e-mail address")
    return value
