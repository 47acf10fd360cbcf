"""Due dates on the wire: a day is sent as its last minute with the library's offset, and read as the day it is there."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

LAST_MINUTE = time(23, 59)
_SPLIT = re.compile(r"^(\d{4}-\d{2}-\d{2})[T ]?(.*)$")


def last_minute(day: date, zone: str) -> datetime:
    """The end of a day in the library's zone (IANA), with its offset."""
    return datetime.combine(day, LAST_MINUTE, ZoneInfo(zone))


def day_of(text: str, zone: str) -> date | None:
    """The library's day of a moment; ``None`` for what cannot be read. Without an offset the date is as it was written.

    NYPL's Millennium wrote a blank for the ``T`` (millennium.md section 2.2).
    """
    found = _SPLIT.match(text.strip())
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}" if found[2] else found[1])
    except ValueError:
        return _plain(found[1])
    return moment.astimezone(ZoneInfo(zone)).date() if moment.tzinfo else moment.date()


def _plain(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
