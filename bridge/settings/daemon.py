"""How the daemon itself runs: where it remembers and listens, what it logs, when it tries again, how long it keeps."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from bridge.settings.section import Section
from bridge.values import TimeOfDay, ZoneName


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
    parked_retry_at: TimeOfDay = Field(
        default=time(2, 30),
        description="Time of day at which parked requests are tried again by themselves, where time may heal the cause.",
        examples=["02:30"],
    )
    parked_retry_timezone: ZoneName = Field(
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
    at: TimeOfDay = Field(default=time(2, 30), description="Time of day at which it is done.", examples=["02:30"])
    timezone: ZoneName = Field(default="UTC", description="Zone (IANA) of that time.", examples=["Europe/Berlin"])
