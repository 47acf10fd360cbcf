"""What can be configured: every table of the file, its keys, their defaults and meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.alerts.settings import AlertSettings
from bridge.auditing import AuditSettings
from bridge.domain.audit import AuditMode
from bridge.domain.parking import Nights
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Mode, Policy
from bridge.domain.windows import Window
from bridge.presets import Preset, with_preset
from bridge.sources.base import zone_name


class Section(BaseModel):
    """A table of the configuration file; keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LedgerSettings(Section):
    """Where the bridge remembers."""

    url: str = Field(
        default="sqlite:///var/ill-bridge.db",
        description="Database: sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME for several daemons.",
        examples=["sqlite:////var/lib/ill-bridge/ill-bridge.db"],
    )
    password: SecretStr | None = Field(
        default=None,
        description="PostgreSQL password of that user; without one libpq looks into its own password file (PGPASSFILE).",
        examples=["a long random secret"],
    )


class WatchSettings(Section):
    """Where something is looked at, and who may."""

    address: str = Field(
        default="",
        description="HOST:PORT of its own; empty: on the main address.",
        examples=["127.0.0.1:9101"],
    )
    token: SecretStr | None = Field(
        default=None,
        description="Only those who send it may look ('Authorization: Bearer …'); at least 16 signs. None: everybody who reaches the "
        "address.",
        examples=["a long random text"],
    )

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        fits = bool(host) and (":" not in host or bracketed) and port.isascii() and port.isdigit() and int(port) < 65536
        if value and not fits:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:9101, or [::1]:9101")
        return value

    @field_validator("token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value is not None else None
        if text is not None and (
            len(text) < 16 or not text.isascii() or not text.isprintable() or text != text.strip()
        ):
            raise ValueError("must have at least 16 signs, all of them ASCII, and no blank at its ends")
        return value

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The address of its own in its two parts."""
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


class HealthSettings(WatchSettings):
    """Where `/healthz` and `/readyz` are asked; without a token `/readyz` only says yes or no, unless on a loopback address of its own."""


class MetricsSettings(WatchSettings):
    """Where Prometheus reads `/metrics`."""


class WebSettings(Section):
    """Where webhooks come in, and where health and metrics are asked."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.", examples=["127.0.0.1"])
    port: int = Field(
        default=8018, ge=0, le=65535, description="Port to listen on; 0 takes a free one.", examples=[8018]
    )
    health: HealthSettings = Field(default_factory=HealthSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)


class LogSettings(Section):
    """How logs look."""

    format: Literal["json", "console"] = Field(
        default="json", description="JSON lines for a log collector, or coloured lines for a person.", examples=["json"]
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important event that is logged.", examples=["info"]
    )


class EngineSettings(Section):
    """When work is tried again, and how requests are held."""

    retry_waits: tuple[float, ...] = Field(
        default=(60, 300, 900, 1800, 3600),
        min_length=1,
        description="Seconds to wait after each failed try; the last one is repeated.",
        examples=[[60, 300, 900, 1800, 3600]],
    )
    retry_tries: int = Field(default=40, ge=1, description="Tries before staff are asked.", examples=[40])
    server_error_tries: int = Field(
        default=6,
        ge=1,
        description="The same for a request on which the ILS fails while it answers others; the waits are the same, so six are two hours.",
        examples=[6],
    )
    retry_jitter: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share by which a wait may grow, so that not all try at once.",
        examples=[0.2],
    )
    probe_interval: float = Field(
        default=60, gt=0, description="Seconds between looks at an ILS that is down.", examples=[60]
    )
    lease: float = Field(
        default=60, gt=0, description="Seconds a worker may be silent before another takes over.", examples=[60]
    )
    backstop: float = Field(
        default=5, gt=0, description="Seconds between looks for work that nobody announced.", examples=[5]
    )
    parked_retry_at: time = Field(
        default=time(2, 30),
        description="Time of day at which parked requests are tried again by themselves, where time may heal the cause.",
        examples=["02:30"],
    )
    parked_retry_timezone: str = Field(
        default="UTC", description="Zone (IANA) of that time.", examples=["Europe/Berlin"]
    )
    ask_over: int = Field(
        default=20,
        ge=0,
        description="A command that changes more requests than this shows its plan first and asks.",
        examples=[20],
    )
    verify_on_start: Literal["restored", "always", "never"] = Field(
        default="restored",
        description="When every open request is looked up in the ILS before anything is done for it: when the ledger is older "
        "than the last known run, at every start, or never.",
        examples=["restored"],
    )
    run_file: str = Field(
        default="",
        description="File that remembers how far the ledger had come, to notice a restored backup; empty: beside a SQLite file (FILE.run), "
        "none with PostgreSQL.",
        examples=["/var/lib/ill-bridge/ill-bridge.run"],
    )
    unkept_folder: str = Field(
        default="",
        description="Folder for messages that an ISO 18626 relay forwarded and that the ledger did not take, until it does. They name "
        "patrons. Empty: beside a SQLite file (FILE.unkept), in memory alone with PostgreSQL.",
        examples=["/var/lib/ill-bridge/unkept"],
    )

    @field_validator("parked_retry_at")
    @classmethod
    def _local(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("is a time of day without a zone; the zone is `parked_retry_timezone`")
        return value

    @field_validator("parked_retry_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return zone_name(value)


class PrivacySettings(Section):
    """How long patrons and titles are kept, in days; 0: for ever."""

    request_days: int = Field(
        default=30,
        ge=0,
        description="Days after a request is finished and settled until its patron and title are removed; orders of staff and alerts that "
        "are over go then too.",
        examples=[30],
    )
    unsettled_days: int = Field(
        default=365,
        ge=0,
        description="The same for finished requests with an open fee, a lost item that nobody paid for, or a step of unknown end.",
        examples=[365],
    )
    message_days: int = Field(
        default=7,
        ge=0,
        description="Days until the body of a message that was understood is removed; never longer than request_days.",
        examples=[7],
    )
    kept_message_days: int = Field(
        default=90,
        ge=0,
        description="Days until a message that was not understood, and that nobody replayed, is let go.",
        examples=[90],
    )
    at: time = Field(default=time(2, 30), description="Time of day at which it is done.", examples=["02:30"])
    timezone: str = Field(default="UTC", description="Zone (IANA) of that time.", examples=["Europe/Berlin"])

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return zone_name(value)

    @field_validator("at")
    @classmethod
    def _local(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("is a time of day without a zone; the zone is `timezone`")
        return value


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class MaintenanceSettings(Section):
    """A planned maintenance of an ILS: no work begins meanwhile and nothing is asked of it; it goes on by itself."""

    start: time = Field(description="Time of day at which it begins.", examples=["22:00"])
    end: time = Field(
        description="Time of day at which it ends; one that is not after `start` is on the next day.",
        examples=["06:00"],
    )
    timezone: str = Field(description="Zone (IANA) of both.", examples=["Europe/Berlin"])
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), description="Days on which it begins; none: every day.", examples=[["sun"]]
    )
    why: str = Field(default="", description="What people are told.", examples=["the vendor's weekly release"])

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return zone_name(value)

    @field_validator("start", "end")
    @classmethod
    def _local(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("is a time of day without a zone; the zone is `timezone`")
        return value

    @property
    def window(self) -> Window:
        """The same as the engine asks it."""
        days = frozenset(DAYS.index(day) for day in self.weekdays)
        return Window(self.start, self.end, ZoneInfo(self.timezone), days, self.why)


class IlsSettings(Section):
    """One ILS institution: its connector, its pace, and the connector's own settings."""

    connector: str = Field(description="Which connector speaks to this ILS.", examples=["alma"])
    cap: int = Field(default=4, ge=1, le=64, description="Requests worked on at once.", examples=[4])
    calls_per_second: float = Field(
        default=8,
        ge=0,
        description="Our share of the vendor's limit, for all libraries of this ILS together; 0 means no limit.",
        examples=[8],
    )
    burst: float = Field(default=4, ge=1, description="Calls that may be made at once after a pause.", examples=[4])
    late_writes: float = Field(
        default=60,
        ge=0,
        le=3600,
        description="Seconds in which a call whose end nobody knows (a crash, a time-out) may still take effect in the ILS. Until they are "
        "over, what is not seen there is not taken for not done, so that nothing is made twice; it is looked up again then.",
        examples=[60],
    )
    maintenance: tuple[MaintenanceSettings, ...] = Field(
        default=(), description="Planned maintenance windows, a table each.", examples=[[]]
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="The connector's own settings; see its page.", examples=[{}]
    )


class LibrarySettings(Section):
    """One library: its ILS and its policies."""

    ils: str = Field(
        description="Name of the ILS (a table under [ils]) this library's circulation desk works in.", examples=["alma"]
    )
    mode: Mode = Field(
        default=Mode.OBSERVE,
        description="observe: everything is planned and shown, nothing is written in the ILS; live: it is done.",
        examples=["live"],
    )
    live_from: datetime | None = Field(
        default=None,
        description="Cut-over, with its zone: loans that began before it (received, or as `create_on` says; lent: shipped) are left alone "
        "until `adopt` takes them over.",
        examples=["2026-12-01T06:00:00+01:00"],
    )
    preset: Preset = Field(
        default=Preset.NONE,
        description="Begin with the steps of a product, whose options stand below it: tipasa (its circulation integration, as OCLC "
        "recommends it; docs/reference/sources/oclc.md). What is written under borrowing and lending goes before it.",
        examples=["tipasa"],
    )
    deletes_per_hour: int = Field(
        default=50,
        ge=0,
        description="Temporary items deleted in an hour before the library stops and a human is asked.",
        examples=[50],
    )
    parked_retry_days: int = Field(
        default=14,
        ge=0,
        le=3650,
        description="Days for which a parked request is tried again by itself every night, where time may heal the cause (an unknown "
        "patron, a blocked account, an item in use …); 0: only staff try it again.",
        examples=[14],
    )
    age_limit_days: int = Field(
        default=0,
        ge=0,
        description="Open requests of which the service has said nothing for more days than this need attention: `status` and the digest "
        "show them; 0: none do.",
        examples=[120],
    )
    close_after_days: int = Field(
        default=0,
        ge=0,
        description="Open requests in step of which the service has said nothing for more days than this are closed, and the history says "
        "so; borrowed ones of which something stands in the ILS are parked for staff instead. Nothing is deleted or checked in. 0: never.",
        examples=[180],
    )
    audit: AuditMode = Field(
        default=AuditMode.REPORT,
        description="What is done by night: off; report (what differs in the ILS is told); repair (and brought in step where it can be).",
        examples=["report"],
    )
    borrowing: BorrowingPolicy = Field(
        default_factory=BorrowingPolicy, description="What is done for items this library borrows.", examples=[{}]
    )
    lending: LendingPolicy = Field(
        default_factory=LendingPolicy, description="What is done for items this library lends.", examples=[{}]
    )

    @model_validator(mode="before")
    @classmethod
    def _begun_with(cls, table: object) -> object:
        return with_preset(table) if isinstance(table, Mapping) else table

    @field_validator("live_from")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs its zone, as in 2026-12-01T06:00:00+01:00")
        return value


class Settings(BaseSettings):
    """The whole configuration. ``ils`` and ``sources`` hold tables that connectors and sources check themselves."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="ILL_BRIDGE_", env_nested_delimiter="__", env_ignore_empty=True
    )

    bridge: str = Field(
        default="ill-bridge",
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="Name of this bridge inside the marks it leaves in the ILS; never change it while loans are open.",
        examples=["ill-bridge"],
    )
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    privacy: PrivacySettings = Field(default_factory=PrivacySettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    ils: dict[str, IlsSettings] = Field(default_factory=dict, description="The ILS institutions, by name.")
    libraries: dict[str, LibrarySettings] = Field(default_factory=dict, description="The libraries, by name.")
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict, description="The resource-sharing side, by name.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``check`` hands in: it laid the environment over the file and read the secrets' files already."""
        return (init_settings,)

    def policy(self, library: str) -> Policy:
        """The policy of a library, with the name of this bridge."""
        found = self.libraries[library]
        return Policy(
            self.bridge,
            found.borrowing,
            found.lending,
            mode=found.mode,
            live_from=found.live_from,
            deletes_per_hour=found.deletes_per_hour,
        )

    @property
    def nights(self) -> Nights:
        """When parked requests are tried again by themselves."""
        days = {name: library.parked_retry_days for name, library in self.libraries.items()}
        return Nights(self.engine.parked_retry_at, ZoneInfo(self.engine.parked_retry_timezone), days)

    def lane(self, library: str) -> str:
        """The lane of a library: its ILS."""
        return self.libraries[library].ils


KindOf = Callable[[str], type[BaseModel]]
"""The settings model of a connector or of a kind of source, by name. Raises ``ConfigurationError`` for an unknown name."""


@dataclass(frozen=True)
class Configuration:
    """Settings with every part checked: the connectors' and the sources' own settings as their models."""

    settings: Settings
    connectors: Mapping[str, BaseModel]
    sources: Mapping[str, BaseModel]
