"""Days of an ILS: of an instant with its offset, or of a plain date."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def day_of(moment: str, zone: str) -> date | None:
    """The calendar day of an instant in this zone, or of a plain date; ``None`` where it is neither."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if found.tzinfo is None:
        return found.date()
    try:
        return found.astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return None
