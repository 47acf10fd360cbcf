"""Planned maintenance: when an ILS is left alone, by the clock on its wall. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
ENDLESS = timedelta(days=7)
"""Windows that follow one another for longer than this never end."""


@dataclass(frozen=True)
class Window:
    """From ``start`` to ``end`` in ``zone`` on these ``weekdays`` (Monday is 0; none: every day).

    An end that is not after the start is on the next day, which is no longer asked for its weekday.
    """

    start: time
    end: time
    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset()
    why: str = ""

    def end_at(self, now: datetime) -> datetime | None:
        """When the window that runs now ends (UTC); ``None`` where none runs."""
        found = [ends for begins, ends in self._around(now) if begins <= now < ends]
        return max(found, default=None)

    def next_start(self, now: datetime) -> datetime:
        """When the next one begins (UTC)."""
        return min(begins for begins, _ in self._around(now) if begins > now)

    def _around(self, now: datetime) -> list[tuple[datetime, datetime]]:
        today = now.astimezone(self.zone).date()
        days = (today + ahead * DAY for ahead in range(-2, 9))
        return [self._on(day) for day in days if not self.weekdays or day.weekday() in self.weekdays]

    def _on(self, day: date) -> tuple[datetime, datetime]:
        """An hour that comes twice when clocks go back belongs to the window whole; so does one that is left out."""
        last = day if self.end > self.start else day + DAY
        return min(_moments(day, self.start, self.zone)), max(_moments(last, self.end, self.zone))


def _moments(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first, second = (datetime.combine(day, at.replace(fold=fold), tzinfo=zone).astimezone(UTC) for fold in (0, 1))
    return first, second


@dataclass(frozen=True)
class Maintenance:
    """One that runs now: until when (UTC), and why."""

    until: datetime
    why: str


def maintenance(windows: Sequence[Window], now: datetime) -> Maintenance | None:
    """The maintenance that runs now; windows that meet or overlap are one. Those without end are told a week at a time."""
    why = next((window.why for window in windows if window.end_at(now) is not None), "")
    until = now
    while until - now < ENDLESS:
        ends = [found for window in windows if (found := window.end_at(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return Maintenance(until, why) if until > now else None


def never_ends(windows: Sequence[Window], now: datetime) -> bool:
    """Whether nothing would ever be done between these windows."""
    starts = [window.next_start(now) for window in windows]
    found = maintenance(windows, min(starts)) if starts else None
    return found is not None and found.until - min(starts) >= ENDLESS
