"""What needs attention, asked of the whole ledger; every question stays cheap with a million finished requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select, text

from bridge.domain.arrival import ArrivalState
from bridge.domain.attention import (
    Concerned,
    KeptGroup,
    ParkedGroup,
    ParkedRequest,
    QuietRequest,
    concerned,
    reach_of,
    without_patron,
)
from bridge.domain.identity import Role
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import State
from bridge.ledger.rows import row_of, row_or_husk

REQUEST = schema.request
INBOX = schema.inbox
HISTORY = schema.history
STOPPED = (State.PARKED, State.STAFF)
TAKEN_UP = (State.DUE, State.WAITING, State.IN_STEP, *STOPPED)
"""States of open requests that the bridge works for; what it only observes has its own people."""
PARKED_AT = func.coalesce(REQUEST.c.parked_at, REQUEST.c.updated_at)
KEPT = INBOX.c.state != text(f"'{ArrivalState.FOLDED.value}'")
"""Spelled out as in the index of kept messages, which is used only then."""
AGAIN = (func.count(REQUEST.c.due_at).label("again"), func.min(REQUEST.c.due_at).label("next_try"))
MANY = 1000
LOOKED_AT = 100
"""Requests of a group that are looked at to say how wide its cause reaches."""


class Attention:
    """Questions of digest, alerts and ``status``."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def parked(self, since: datetime, *, named: int = 20) -> tuple[ParkedGroup, ...]:
        """Parked requests and those that wait for staff, by library and cause; ``named`` of each group are told, the latest first."""
        fresh = func.sum(case((since <= PARKED_AT, 1), else_=0))
        group = (REQUEST.c.library, REQUEST.c.state, REQUEST.c.parked_cause)
        query = (
            select(
                *group, func.count().label("count"), fresh.label("fresh"), func.max(PARKED_AT).label("latest"), *AGAIN
            )
            .where(REQUEST.c.state.in_([state.value for state in STOPPED]))
            .group_by(*group)
            .order_by(*group)
        )
        with self._database.read() as connection:
            return tuple(_group(connection, found, named) for found in connection.execute(query).all())

    def quiet(self, limits: Mapping[str, int]) -> tuple[QuietRequest, ...]:
        """Open requests of which their service has said nothing for longer than their library's limit in days; the quietest first."""
        now = self._clock()
        spoken = {name: now - timedelta(days=days) for name, days in limits.items() if days > 0}
        if not spoken:
            return ()
        with self._database.read() as connection:
            rows = connection.execute(_quiet(spoken)).all()
        found = (QuietRequest(f"R{row.id}", row.number, row.library, row.status, row.state, row.heard) for row in rows)
        return tuple(sorted(found, key=lambda each: each.heard))

    def closed_by_age(self, since: datetime) -> tuple[QuietRequest, ...]:
        """Requests closed by age since then (``heard`` is when they were), the latest first."""
        mine = and_(schema.AGED, REQUEST.c.state == State.CLOSED.value, REQUEST.c.updated_at >= since)
        told = (REQUEST.c.id, REQUEST.c.number, REQUEST.c.library, REQUEST.c.status, REQUEST.c.state)
        query = select(*told, REQUEST.c.updated_at).where(mine).order_by(REQUEST.c.updated_at.desc()).limit(MANY)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return tuple(QuietRequest(f"R{row.id}", *row[1:]) for row in rows)

    def kept(self, since: datetime) -> tuple[KeptGroup, ...]:
        """Messages that could not be understood, by source; ``fresh`` are those that came since then."""
        fresh = func.sum(case((INBOX.c.received_at >= since, 1), else_=0))
        source = func.coalesce(INBOX.c.source, "").label(
            "of"
        )  # else SQLite reads all messages in the order of their sources
        query = (
            select(source, func.count(), fresh, func.max(INBOX.c.received_at)).where(KEPT).group_by("of").order_by("of")
        )
        with self._database.read() as connection:
            return tuple(KeptGroup(*row) for row in connection.execute(query))

    def heard(self, source: str) -> tuple[datetime, datetime] | None:
        """When a source brought its first and its latest message; ``None`` where it never did."""
        mine = INBOX.c.source == source
        ends = (select(end(INBOX.c.received_at)).where(mine).scalar_subquery() for end in (func.min, func.max))
        with self._database.read() as connection:
            first, last = connection.execute(select(*ends)).one()
        return None if first is None else (first, last)

    def failing(self) -> dict[str, str]:
        """Sources whose last poll failed, and why."""
        query = select(schema.cursor.c.source, schema.cursor.c.problem).where(schema.cursor.c.problem != "")
        with self._database.read() as connection:
            return {row.source: row.problem for row in connection.execute(query)}

    def brought(self, source: str, start: datetime, end: datetime) -> int:
        """How many messages a source brought between ``start`` and ``end``, neither moment included."""
        within = and_(INBOX.c.source == source, INBOX.c.received_at > start, INBOX.c.received_at < end)
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).where(within)).scalar_one())


def _group(connection: Connection, found: Any, named: int) -> ParkedGroup:  # noqa: ANN401 - a row
    mine = and_(
        REQUEST.c.state == found.state,
        REQUEST.c.library == found.library,
        REQUEST.c.parked_cause == found.parked_cause,
    )
    query = select(REQUEST).where(mine).order_by(PARKED_AT.desc(), REQUEST.c.id.desc()).limit(max(named, LOOKED_AT))
    rows = connection.execute(query).all()
    staff = found.state == State.STAFF.value
    return ParkedGroup(
        found.library,
        staff,
        found.parked_cause,
        found.count,
        int(found.fresh),
        found.latest,
        tuple(_parked(row) for row in rows[:named]),
        "" if staff else _reach(connection, found, rows),
        int(found.again),
        found.next_try,
    )


def _reach(connection: Connection, found: Any, rows: Sequence[Any]) -> str:  # noqa: ANN401 - a row
    query = select(REQUEST.c.role, func.count()).where(schema.UNFINISHED, REQUEST.c.library == found.library)
    still_open = {Role(role): int(count) for role, count in connection.execute(query.group_by(REQUEST.c.role))}
    return reach_of(found.library, list(_concerned(rows)), found.count, still_open)


def _concerned(rows: Sequence[Any]) -> Iterator[Concerned]:
    for each in rows:
        with suppress(ValueError, KeyError):  # one that cannot be read says nothing
            row = row_of(each)
            yield concerned(row.request, row.record)


def _parked(found: Any) -> ParkedRequest:  # noqa: ANN401 - a row
    row = row_or_husk(found)  # one that cannot be read must not silence the others
    since = row.parked_at or row.updated_at
    reason, advice = (without_patron(text, row.request, row.record) for text in (row.parked.reason, row.parked.advice))
    return ParkedRequest(row.name, row.request.key.number, reason, advice, since)


def _quiet(spoken: Mapping[str, datetime]) -> Select[Any]:
    """A request made after the limit had news after it; of the others, few, the history is asked."""
    mine = and_(HISTORY.c.request_id == REQUEST.c.id, HISTORY.c.kind == "change")
    heard = select(func.max(HISTORY.c.at)).where(mine).scalar_subquery()
    library = func.coalesce(REQUEST.c.library, "")  # else SQLite reads all requests of the library, closed ones too
    of_library = [
        and_(
            library == name,
            REQUEST.c.created_at < limit,
            ~exists().where(mine, HISTORY.c.at >= limit),
        )
        for name, limit in spoken.items()
    ]
    told = (REQUEST.c.id, REQUEST.c.number, REQUEST.c.library, REQUEST.c.status, REQUEST.c.state)
    return (
        select(*told, func.coalesce(heard, REQUEST.c.created_at).label("heard"))
        .where(REQUEST.c.state.in_([state.value for state in TAKEN_UP]), or_(*of_library))
        .order_by(REQUEST.c.created_at, REQUEST.c.id)
        .limit(MANY)
    )
