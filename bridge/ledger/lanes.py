"""Lanes: one per ILS institution; closed while the ILS does not answer."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import Lane

LANE = schema.lane


class Lanes:
    """The lanes' durable state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, names: Iterable[str]) -> None:
        """Make a row for each lane that has none."""
        with self._database.write() as connection:
            known = set(connection.execute(select(LANE.c.name)).scalars())
            for name in sorted(set(names) - known):
                with suppress(IntegrityError), connection.begin_nested():  # another daemon was quicker
                    connection.execute(insert(LANE).values(name=name, why="", cause=""))

    def close(self, name: str, *, until: datetime, why: str, cause: str) -> bool:
        """Close a lane until its next probe; answers whether it was open before."""
        with self._database.write() as connection:
            before = connection.execute(
                select(LANE.c.paused_until).where(LANE.c.name == name).with_for_update()
            ).scalar()
            connection.execute(update(LANE).where(LANE.c.name == name).values(paused_until=until, why=why, cause=cause))
        return before is None

    def open(self, name: str) -> bool:
        """Open a lane; answers whether it was closed before."""
        with self._database.write() as connection:
            opened = connection.execute(
                update(LANE)
                .where(LANE.c.name == name, LANE.c.paused_until.is_not(None))
                .values(paused_until=None, why="", cause="")
            )
        return opened.rowcount > 0

    def remaining(self, name: str, calls: int) -> None:
        """Note how many calls the ILS has left for us."""
        with self._database.write() as connection:
            connection.execute(update(LANE).where(LANE.c.name == name).values(calls_remaining=calls))

    def all(self) -> tuple[Lane, ...]:
        """Every lane, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(LANE).order_by(LANE.c.name)).all()
        return tuple(Lane(row.name, row.paused_until, row.why, row.cause, row.calls_remaining) for row in rows)
