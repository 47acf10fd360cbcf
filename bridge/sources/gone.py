"""A request that a service no longer shows: that is kept as a row of its own, so that it is told, and can be read again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bridge.domain.known import KnownRequest
from bridge.sources.rows import filled

GONE = "bridge_gone"


def gone_row(request: KnownRequest, now: datetime) -> dict[str, Any]:
    """A row that says that this request is not there any more, as of now; one a day."""
    key = request.key
    return {
        GONE: now.isoformat(),
        "library": key.library,
        "role": key.role.value,
        "number": key.number,
        "requester": key.requester,
    }


def was_gone(row: object) -> bool:
    """Whether a row is such a one."""
    return isinstance(row, dict) and GONE in row


def said_gone(row: dict[str, Any]) -> dict[str, Any]:
    """It in our fields: nothing is guessed of what became of the loan."""
    return {
        "id": f"gone:{row['number']}:{row[GONE][:10]}",
        "time": row[GONE],
        "kind": "news",
        "library": row["library"],
        "role": row["role"],
        "request": filled(number=row["number"], requester=row["requester"]),
        "status": "",
        "conditions": {"vanished": True},
    }
