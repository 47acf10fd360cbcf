"""When the audit is at work, and how often it looks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from bridge.settings.section import Section
from bridge.values import TimeOfDay, ZoneName


class AuditSettings(Section):
    """The audit: by night the ILS is held against what should be there; see docs/how-to/resync-and-audit.md for what it costs."""

    at: TimeOfDay = Field(default=time(2), description="Time of day at which it begins.", examples=["02:00"])
    timezone: ZoneName = Field(default="UTC", description="Zone (IANA) of that time.", examples=["Europe/Berlin"])
    hours: float = Field(
        default=4, gt=0, le=24, description="How long it may go on; what is left comes in the next night.", examples=[4]
    )
    open_every_days: int = Field(
        default=28,
        ge=0,
        description="An open request is looked at once in so many days, and a finished one of which a finding stands; three calls to Alma "
        "each time; 0: never.",
        examples=[28],
    )
    finished_within_days: int = Field(
        default=14,
        ge=0,
        description="A finished request is looked at once, if it was closed within so many days; 0: never.",
        examples=[14],
    )
    list_every_days: int = Field(
        default=7,
        ge=0,
        description="What bears our mark is listed once in so many days, where the ILS can list it; 0: never.",
        examples=[7],
    )
    looks_per_minute: int = Field(
        default=10, ge=1, le=600, description="Requests looked at in a minute, for each ILS.", examples=[10]
    )

    def night(self, now: datetime) -> datetime | None:
        """When the night's audit began that may be at work at this moment (aware); ``None`` by day."""
        here = now.astimezone(ZoneInfo(self.timezone))
        began = datetime.combine(here.date(), self.at, tzinfo=here.tzinfo)
        if began > here:
            began -= timedelta(days=1)
        return began.astimezone(UTC) if here - began < timedelta(hours=self.hours) else None
