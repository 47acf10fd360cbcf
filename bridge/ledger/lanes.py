"""Lanes: one per ILS institution; closed while the ILS does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.exc import IntegrityError

from bridge.ledger import schema, statements
from bridge.ledger.database import Database
from bridge.ledger.model import Lane

LANE = schema.lane
REQUEST = schema.request


class Lanes:
    """The lanes' durable state."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

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
            values: dict[str, object] = {"paused_until": until, "why": why, "cause": cause}
            if before is None:
                values["closed_at"] = self._clock()
            connection.execute(update(LANE).where(LANE.c.name == name).values(values))
        return before is None

    def closed(self, name: str) -> bool:
        """Whether the lane is closed."""
        with self._database.read() as connection:
            return connection.execute(select(LANE.c.paused_until).where(LANE.c.name == name)).scalar() is not None

    def put_behind(self, name: str, *, before: datetime) -> None:
        """What fell due until then is backlog: what comes after goes before it."""
        with self._database.write() as connection:
            _put_behind(connection, name, before)

    def held(self, name: str) -> bool:
        """Whether the lane is paused by staff, or for maintenance."""
        with self._database.read() as connection:
            until = connection.execute(select(LANE.c.held_until).where(LANE.c.name == name)).scalar()
        return until is not None and until > self._clock()

    def take_probe(self, name: str, *, next_at: datetime) -> bool:
        """Take the probe of a closed lane that is due, so that of all daemons and commands one asks; the next is due at ``next_at``."""
        with self._database.write() as connection:
            taken = connection.execute(
                update(LANE)
                .where(LANE.c.name == name, LANE.c.paused_until <= self._clock())
                .values(paused_until=next_at)
            )
        return taken.rowcount > 0

    def probe_now(self) -> None:
        """The probe of each closed lane is due: whoever had taken it is no more."""
        now = self._clock()
        with self._database.write() as connection:
            connection.execute(update(LANE).where(LANE.c.paused_until > now).values(paused_until=now))

    def open(self, name: str) -> bool:
        """Open a lane; answers whether it was closed before. What fell due meanwhile is backlog: what comes now goes before it."""
        with self._database.write() as connection:
            opened = connection.execute(
                update(LANE)
                .where(LANE.c.name == name, LANE.c.paused_until.is_not(None))
                .values(paused_until=None, why="", cause="", closed_at=None)
            )
            if opened.rowcount:
                _put_behind(connection, name, self._clock())
        return opened.rowcount > 0

    def hold(self, name: str, *, until: datetime, why: str) -> None:
        """Staff pause a lane: no work begins on it until then, and it is not probed."""
        with self._database.write() as connection:
            connection.execute(update(LANE).where(LANE.c.name == name).values(held_until=until, held_why=why))

    def hold_until(self, name: str, *, until: datetime, why: str) -> bool:
        """The same, unless it is paused for as long already; answers whether that was news."""
        shorter = or_(LANE.c.held_until.is_(None), LANE.c.held_until < until)
        with self._database.write() as connection:
            held = connection.execute(
                update(LANE).where(LANE.c.name == name, shorter).values(held_until=until, held_why=why)
            )
        return held.rowcount > 0

    def resume(self, name: str, *, why: str = "") -> bool:
        """End staff's pause; ``why`` says who did. Answers whether there was one."""
        with self._database.write() as connection:
            freed = connection.execute(
                update(LANE)
                .where(LANE.c.name == name, LANE.c.held_until > self._clock())
                .values(held_until=None, held_why=why)
            )
        return freed.rowcount > 0

    def last_said(self, name: str) -> str:
        """Who paused the lane last, or let it go on, and why; empty where nobody did."""
        with self._database.read() as connection:
            return connection.execute(select(LANE.c.held_why).where(LANE.c.name == name)).scalar() or ""

    def remaining(self, name: str, calls: int) -> None:
        """Note how many calls the ILS has left for us."""
        with self._database.write() as connection:
            connection.execute(update(LANE).where(LANE.c.name == name).values(calls_remaining=calls))

    def all(self) -> tuple[Lane, ...]:
        """Every lane, by name."""
        with self._database.read() as connection:
            rows = statements.LANES.all(connection, {})
        return tuple(lane_of(row, self._clock()) for row in rows)


def _put_behind(connection: Connection, lane: str, now: datetime) -> None:
    """What has waited until now goes behind what comes from now on."""
    waits = (REQUEST.c.lane == lane, schema.WORK_WAITS, REQUEST.c.backlog == 0, REQUEST.c.due_at <= now)
    connection.execute(update(REQUEST).where(*waits).values(backlog=1))


def lane_of(row: SqlRow[Any], now: datetime) -> Lane:
    """The lane in this row; one whose hold ran out is free."""
    held = row.held_until is not None and row.held_until > now
    return Lane(
        name=row.name,
        paused_until=row.paused_until,
        why=row.why,
        cause=row.cause,
        calls_remaining=row.calls_remaining,
        closed_at=row.closed_at,
        held_until=row.held_until if held else None,
        held_why=row.held_why if held else "",
    )
