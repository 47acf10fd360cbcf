"""Everything that waits for a moment, where the clock by which that was reckoned is set back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Table, TextClause, case, literal, type_coerce, update

from bridge.ledger import schema
from bridge.ledger.database import Database

WAITS: tuple[tuple[Table, Column[datetime], TextClause | None], ...] = (
    (schema.request, schema.request.c.due_at, schema.WORK_WAITS),
    (schema.lane, schema.lane.c.paused_until, None),
    (schema.note, schema.note.c.due_at, schema.UNSENT),
    (schema.notice, schema.notice.c.due_at, schema.UNSENT),
)
"""Requests and their tries, probes of closed lanes, lines for services, messages for people. What waits for a time of day is not here."""


class Waits:
    """Waits of all kinds."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def bring_forward(self, by: timedelta) -> int:
        """Waits that were reckoned before the clock was set back end so much earlier, and none before now; answers how many."""
        now = self._clock()
        at_once = literal((now - schema.EPOCH) // schema.MICROSECOND, BigInteger)
        moved = 0
        with self._database.write() as connection:
            for table, due, open_ in WAITS:
                earlier = type_coerce(due, BigInteger) - by // schema.MICROSECOND
                later = (due > now,) if open_ is None else (due > now, open_)
                query = update(table).where(*later).values({due: case((due > now + by, earlier), else_=at_once)})
                moved += connection.execute(query).rowcount
        return moved
