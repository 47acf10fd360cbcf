"""Days that a loan can have: what lies outside was never meant, and cannot be reckoned with."""

from __future__ import annotations

from datetime import date

FIRST = date(1970, 1, 1)
LAST = date(2199, 12, 31)


def possible(day: date) -> bool:
    """Whether a loan can begin, change or be due on this day."""
    return FIRST <= day <= LAST
