"""Whom the bridge works for: ILS institutions and libraries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from bridge.domain.audit import AuditMode
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Mode
from bridge.domain.windows import Window
from bridge.settings.presets import Preset, with_preset
from bridge.settings.section import Section
from bridge.values import TimeOfDay, ZoneName

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class MaintenanceSettings(Section):
    """A planned maintenance of an ILS: no work begins meanwhile and nothing is asked of it; it goes on by itself."""

    start: TimeOfDay = Field(description="Time of day at which it begins.", examples=["22:00"])
    end: TimeOfDay = Field(
        description="Time of day at which it ends; one that is not after `start` is on the next day.",
        examples=["06:00"],
    )
    timezone: ZoneName = Field(description="Zone (IANA) of both.", examples=["Europe/Berlin"])
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), description="Days on which it begins; none: every day.", examples=[["sun"]]
    )
    why: str = Field(default="", description="What people are told.", examples=["the vendor's weekly release"])

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
        description="Begin with the steps of a product, whose options stand below it: tipasa (its circulation integration; "
        "docs/reference/sources/oclc.md). What is written under borrowing and lending goes before it.",
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
    audit_at: TimeOfDay | None = Field(
        default=None,
        description="Time of day at which this library's audit begins, where that is not `[audit] at`.",
        examples=["01:00"],
    )
    audit_timezone: ZoneName | None = Field(
        default=None,
        description="Zone (IANA) of that time, where it is not `[audit] timezone`.",
        examples=["America/Chicago"],
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
