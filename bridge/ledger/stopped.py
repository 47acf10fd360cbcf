"""Requests that stand still: parked, or waiting for staff. What stood in the way may be gone, or the goal another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Update, or_, select, update

from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import Row, State
from bridge.ledger.rows import row_of

REQUEST = schema.request
STILL = (State.PARKED, State.STAFF)


class Stopped:
    """Reads them, and sets them going again."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def all(self) -> tuple[Row, ...]:
        """All of them that this release can read, the oldest first."""
        query = select(REQUEST).where(REQUEST.c.state.in_([state.value for state in STILL])).order_by(REQUEST.c.id)
        with self._database.read() as connection:
            return tuple(_readable(connection.execute(query)))

    def plan_anew(self, row: Row) -> bool:
        """Make it due, behind live changes; answers whether it still stood as in ``row``."""
        return self._changed(row, {"state": State.DUE.value, "due_at": self._clock(), "backlog": 1})

    def try_again(self, row: Row, at: datetime | None) -> bool:
        """Have a parked one tried again by itself then (``None``: not at all); answers whether it still stood as in ``row``."""
        return self._changed(row, {"due_at": at})

    def _changed(self, row: Row, values: dict[str, object]) -> bool:
        with self._database.write() as connection:
            return connection.execute(self._unless_moved(row).values(values)).rowcount > 0

    def _unless_moved(self, row: Row) -> Update:
        free = or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= self._clock())
        same = (REQUEST.c.version == row.version, REQUEST.c.state == row.state.value)
        return update(REQUEST).where(REQUEST.c.id == row.id, *same, free)


def _readable(found: Iterable[object]) -> Iterable[Row]:
    for each in found:
        try:
            yield row_of(each)
        except (ValueError, KeyError):  # left alone, as `db check` says
            continue
