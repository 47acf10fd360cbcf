"""Everything that waits for a moment, where the clock by which that was reckoned is set back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Table, TextClause, case, literal, select, type_coerce, update

from bridge.ledger import schema
from bridge.ledger.database import Database

WAITS: tuple[tuple[Table, Column[datetime], TextClause | None], ...] = (
    (schema.request, schema.request.c.due_at, schema.WORK_WAITS),
    (schema.lane, schema.lane.c.paused_until, None),
    (schema.note, schema.note.c.due_at, schema.UNSENT),
    (schema.notice, schema.notice.c.due_at, schema.UNSENT),
    (schema.note, schema.note.c.taken_until, schema.UNSENT),
    (schema.notice, schema.notice.c.taken_until, schema.UNSENT),
    (schema.order, schema.order.c.taken_at, None),
)
"""Requests and their tries, probes of closed lanes, lines for services, messages for people, and what a daemon that was killed had taken of
these. What waits for a time of day is not here."""


class Waits:
    """Waits of all kinds."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def last_reckoned(self) -> datetime | None:
        """The moment of the last line of any history: by such a clock what waits was reckoned, or by an earlier one."""
        last = select(schema.history.c.at).order_by(schema.history.c.id.desc()).limit(1)
        with self._database.read() as connection:
            found: datetime | None = connection.execute(last).scalar()
        return found

    def bring_forward(self, by: timedelta, *, lease: timedelta) -> int:
        """Waits that were reckoned before the clock was set back end so much earlier, and none before now; answers how many.

        No lease runs longer than ``lease`` from now: who lives makes it longer in time, and nobody waits for who does not.
        """
        now = self._clock()
        at_once = literal((now - schema.EPOCH) // schema.MICROSECOND, BigInteger)
        moved = 0
        with self._database.write() as connection:
            for table, due, open_ in WAITS:
                earlier = type_coerce(due, BigInteger) - by // schema.MICROSECOND
                later = (due > now,) if open_ is None else (due > now, open_)
                query = update(table).where(*later).values({due: case((due > now + by, earlier), else_=at_once)})
                moved += connection.execute(query).rowcount
            held = update(schema.request).where(schema.LEASED, schema.request.c.lease_until > now + lease)
            connection.execute(held.values(lease_until=now + lease))
        return moved
