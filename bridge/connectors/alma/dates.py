"""Alma's dates: instants in UTC on the wire, calendar days at the desk."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def end_of_day(day: date, zone: str) -> str:
    """The last minute of a day in the library's zone, as Alma wants it: ``YYYY-MM-DDThh:mm:ssZ`` (alma.md section 6)."""
    local = datetime.combine(day, time(23, 59), tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(value: str, zone: str) -> date | None:
    """The local day of an instant (with or without seconds and fractions) or date of Alma's; ``None`` for what is neither."""
    text = value.strip()
    if len(text) in {10, 11}:
        return _date(text[:10])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
