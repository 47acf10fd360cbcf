"""Reading what stands in a service's row, whatever stands there: nothing here raises."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from bridge.sources.mapping import at_path

ZERO_YEARS = 1900
"""Years before this one are nobody's date: some systems write year 1 for none."""


def text_at(row: object, *paths: str) -> str:
    """The first text or number among these dotted paths, without white space at its ends; empty where there is none."""
    for path in paths:
        value = at_path(row, path)
        if isinstance(value, dict):
            value = value.get("#text", value.get("value", value.get("text")))
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def in_path(text: str) -> str:
    """A text as one piece of an address; half a sign, which no address holds, is asked about as a question mark."""
    return quote(text, safe="", errors="replace")


def list_at(row: object, path: str) -> list[Any]:
    """The list at a path; one thing alone is a list of one, and what is not there is an empty one."""
    value = at_path(row, path)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def moment_at(row: object, *paths: str) -> str:
    """The first of these paths that holds a time (ISO 8601, ``+0000`` and nanoseconds too), as ISO 8601; empty where none does."""
    for path in paths:
        found = _moment(text_at(row, path))
        if found is not None and found.year >= ZERO_YEARS:
            return found.isoformat()
    return ""


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def filled(**fields: object) -> dict[str, Any]:
    """These fields without the empty ones, which say nothing."""
    return {name: value for name, value in fields.items() if value not in ("", None, {}, [])}
