"""Figures for those who watch: a few cheap queries, whatever number of requests is finished.

What is finished is not counted: the queries read a partial index over the unfinished requests, the latest deletions and the few messages
that were not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from bridge.domain.arrival import ArrivalState
from bridge.domain.care import DRILL
from bridge.domain.commands import Verb
from bridge.domain.notes import NotesStanding
from bridge.domain.sentences import conditions_in
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.lanes import lane_of
from bridge.ledger.libraries import library_of
from bridge.ledger.model import Lane, Library, State
from bridge.ledger.outbox import waiting_of

REQUEST = schema.request
STEP = schema.step
INBOX = schema.inbox
LIBRARY = schema.library
HOUR = timedelta(hours=1)
WORKED = frozenset({State.DUE, State.WAITING})


@dataclass(frozen=True)
class Group:
    """Unfinished requests alike in library, state, cause and lane; ``due`` of them could be worked on now, since ``oldest`` the first."""

    library: str
    state: State
    cause: str
    lane: str
    count: int
    due: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """A source that ever spoke or was polled.

    ``polled_at`` is the last poll, ``succeeded_at`` the last one that went well, ``problem`` why the last one did not; ``heard_at`` is when
    the last message came.
    """

    name: str
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    problem: str = ""
    heard_at: datetime | None = None


@dataclass(frozen=True)
class NotUnderstood:
    """Messages of a source that are kept since they were malformed, or since their word is unknown."""

    source: str
    state: ArrivalState
    count: int


@dataclass(frozen=True)
class Seen:
    """How the ledger stood at a moment. ``deletions``: by library, within the hour of its quota; ``orders``: not carried out, by kind.

    ``conditions``: unfinished requests by library and condition (``fee paid``). ``findings``: of the audit, by library and kind.
    """

    at: datetime
    lanes: tuple[Lane, ...] = ()
    libraries: tuple[Library, ...] = ()
    groups: tuple[Group, ...] = ()
    sources: tuple[Heard, ...] = ()
    kept: tuple[NotUnderstood, ...] = ()
    deletions: Mapping[str, int] = field(default_factory=dict)
    conditions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    findings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notes: tuple[NotesStanding, ...] = ()

    def workable(self, lane: str) -> tuple[Group, ...]:
        """Due requests of a lane that nobody paused."""
        paused = {each.name for each in self.libraries if each.held_until}
        if any(each.held_until for each in self.lanes if each.name == lane):
            return ()
        return tuple(each for each in self.groups if each.lane == lane and each.due and each.library not in paused)

    def oldest_due(self, lane: str) -> float:
        """Seconds since the first of a lane's due requests fell due that nobody paused; 0 where nothing is due."""
        since = [each.oldest for each in self.workable(lane) if each.oldest is not None]
        return (self.at - min(since)).total_seconds() if since else 0.0


@dataclass(frozen=True)
class Gates:
    """Whether work can begin: lanes, libraries and sources."""

    lanes: tuple[Lane, ...]
    libraries: tuple[Library, ...]
    sources: tuple[Heard, ...]


class Figures:
    """Looks at the whole ledger without reading it all."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def gates(self) -> Gates:
        """What holds work back. Raises ``LedgerBusy``."""
        now = self._clock()
        with self._database.read() as connection:
            return Gates(_lanes(connection, now), _libraries(connection, now), _sources(connection))

    def seen(self) -> Seen:
        """How everything stands. Raises ``LedgerBusy``."""
        now = self._clock()
        with self._database.read() as connection:
            return Seen(
                at=now,
                lanes=_lanes(connection, now),
                libraries=_libraries(connection, now),
                groups=_groups(connection, now),
                sources=_sources(connection),
                kept=_kept(connection),
                deletions=_deletions(connection, now),
                conditions=_conditions(connection),
                orders=_orders(connection),
                findings=_findings(connection),
                notes=waiting_of(connection),
            )

    def conditions(self) -> dict[tuple[str, str], int]:
        """Unfinished requests by library and condition (``fee paid``). Raises ``LedgerBusy``."""
        with self._database.read() as connection:
            return _conditions(connection)

    def first_due(self) -> tuple[int, str, datetime] | None:
        """The request that has been due the longest and is not paused: its ledger id, its lane, since when."""
        now = self._clock()
        held = select(LIBRARY.c.name).where(LIBRARY.c.held_until > now)
        held_lanes = select(schema.lane.c.name).where(schema.lane.c.held_until > now)
        query = (
            select(REQUEST.c.id, REQUEST.c.lane, REQUEST.c.due_at)
            .where(schema.WORK_WAITS, REQUEST.c.due_at <= now)
            .where(REQUEST.c.library.not_in(held), REQUEST.c.lane.not_in(held_lanes))
            .order_by(REQUEST.c.due_at)
            .limit(1)
        )
        with self._database.read() as connection:
            found = connection.execute(query).first()
        return (found.id, found.lane, found.due_at) if found is not None else None


def _lanes(connection: Connection, now: datetime) -> tuple[Lane, ...]:
    return tuple(lane_of(row, now) for row in connection.execute(select(schema.lane).order_by(schema.lane.c.name)))


def _libraries(connection: Connection, now: datetime) -> tuple[Library, ...]:
    return tuple(library_of(row, now) for row in connection.execute(select(LIBRARY).order_by(LIBRARY.c.name)))


def _groups(connection: Connection, now: datetime) -> tuple[Group, ...]:
    """One pass over the partial index ``request_figures``, which holds every column asked for."""
    named = (REQUEST.c.library, REQUEST.c.state, REQUEST.c.parked_cause, REQUEST.c.lane)
    due = func.sum(case((REQUEST.c.due_at <= now, 1), else_=0)).label("due")
    oldest = func.min(REQUEST.c.due_at).label("oldest")
    query = select(*named, func.count().label("number"), due, oldest).where(schema.UNFINISHED).group_by(*named)
    return tuple(
        Group(row.library, State(row.state), row.parked_cause, row.lane, int(row.number), *_due(row.due, row.oldest))
        if State(row.state) in WORKED
        else Group(row.library, State(row.state), row.parked_cause, row.lane, int(row.number))
        for row in connection.execute(query)
    )


def _conditions(connection: Connection) -> dict[tuple[str, str], int]:
    """Read from the partial index ``request_conditions``, which holds only what has any."""
    named = (REQUEST.c.library, REQUEST.c.status)
    query = select(*named, func.count().label("number")).where(schema.SPECIAL).group_by(*named)
    found: dict[tuple[str, str], int] = {}
    for row in connection.execute(query):
        for name in conditions_in(row.status):
            found[row.library, name] = found.get((row.library, name), 0) + int(row.number)
    return found


def _due(number: int, oldest: datetime | None) -> tuple[int, datetime | None]:
    return int(number), oldest if number else None


def _sources(connection: Connection) -> tuple[Heard, ...]:
    cursors = {row.source: row for row in connection.execute(select(schema.cursor))}
    heard = _last_heard(connection)
    return tuple(
        Heard(name, row.polled_at, row.succeeded_at, row.problem, heard.get(name))
        if (row := cursors.get(name)) is not None
        else Heard(name, heard_at=heard[name])
        for name in sorted({*cursors, *heard})
    )


def _last_heard(connection: Connection) -> dict[str, datetime]:
    """When each source's last message came: from one source to the next within the index ``inbox_heard``, not through all messages."""
    names = select(func.min(INBOX.c.source).label("source")).cte("names", recursive=True)
    following = select(func.min(INBOX.c.source)).where(INBOX.c.source > names.c.source).scalar_subquery()
    names = names.union_all(select(following).where(names.c.source.is_not(None)))
    last = select(func.max(INBOX.c.received_at)).where(INBOX.c.source == names.c.source).scalar_subquery()
    query = select(names.c.source, last.label("at")).where(names.c.source.is_not(None))
    return {row.source: row.at for row in connection.execute(query)}


def _kept(connection: Connection) -> tuple[NotUnderstood, ...]:
    query = (
        select(INBOX.c.source, INBOX.c.state, func.count().label("number"))
        .where(schema.KEPT)
        .group_by(INBOX.c.state, INBOX.c.source)  # in this order SQLite takes the partial index
    )
    return tuple(
        NotUnderstood(row.source, ArrivalState(row.state), int(row.number)) for row in connection.execute(query)
    )


def _deletions(connection: Connection, now: datetime) -> dict[str, int]:
    """As ``guard_quota`` counts them, for all libraries at once."""
    fresh: ColumnElement[bool] = or_(LIBRARY.c.quota_since.is_(None), STEP.c.started_at > LIBRARY.c.quota_since)
    query = (
        select(REQUEST.c.library, func.count().label("number"))
        .select_from(STEP.join(REQUEST, REQUEST.c.id == STEP.c.request_id))
        .outerjoin(LIBRARY, LIBRARY.c.name == REQUEST.c.library)
        .where(schema.DELETIONS, STEP.c.verb == Verb.DELETE_TEMPORARY_ITEM.value)
        .where(STEP.c.started_at > now - HOUR, fresh, REQUEST.c.service != DRILL)
        .group_by(REQUEST.c.library)
    )
    return {row.library: int(row.number) for row in connection.execute(query)}


def _orders(connection: Connection) -> dict[str, int]:
    order = schema.order
    query = select(order.c.kind, func.count().label("number")).where(order.c.done_at.is_(None)).group_by(order.c.kind)
    return {row.kind: int(row.number) for row in connection.execute(query)}


def _findings(connection: Connection) -> dict[tuple[str, str], int]:
    """What stands of the audit, as its partial index has it."""
    finding = schema.audit_finding
    named = (finding.c.library, finding.c.kind)
    query = select(*named, func.count().label("number")).where(schema.UNMENDED).group_by(*named)
    return {(row.library, row.kind): int(row.number) for row in connection.execute(query)}
