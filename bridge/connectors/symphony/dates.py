"""How Symphony wants a due date (symphony.md section 2.4)."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo


def end_of_day(day: date, zone: str) -> str:
    """The last minute of a day, RFC 3339 with offset: every other form fails validation."""
    return datetime.combine(day, time(23, 59), tzinfo=ZoneInfo(zone)).isoformat()
