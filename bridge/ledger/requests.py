"""Reading requests and their histories."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update

from bridge.domain.change import Condition
from bridge.domain.identity import RequestKey, Role
from bridge.domain.record import Record
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.inbox import add_history
from bridge.ledger.model import OPEN_STATES, HistoryLine, Row, State
from bridge.ledger.rows import row_or_husk

REQUEST = schema.request
SHORT_ID = re.compile(r"[Rr]([0-9]{1,18})")


@dataclass(frozen=True)
class JournalLine:
    """A step of the journal."""

    key: str
    verb: str
    state: str
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    problem: str


@dataclass(frozen=True)
class Told:
    """A line of a circulation history with whose it is."""

    at: datetime
    request: str
    number: str
    library: str
    service: str
    role: str
    kind: str
    line: str
    step: str


class Requests:
    """What the ledger knows of requests."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def list(
        self,
        *,
        state: State | None = None,
        library: str = "",
        service: str = "",
        cause: str = "",
        condition: Condition | None = None,
        limit: int = 1000,
    ) -> tuple[Row, ...]:
        """Requests, newest first; of one state, library, service, cause or condition (as of their last look) where named."""
        wanted = _wanted((state,) if state is not None else (), library, service, cause)
        if condition is not None:
            wanted = and_(wanted, _bears(condition))
        query = select(REQUEST).where(wanted).order_by(REQUEST.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(row_or_husk(found) for found in connection.execute(query))

    def ids(
        self,
        *,
        states: Sequence[State] = (),
        library: str = "",
        service: str = "",
        cause: str = "",
        limit: int | None = None,
    ) -> tuple[int, ...]:
        """Ledger ids of requests, oldest first; of these states, library, service or cause where named."""
        wanted = _wanted(states, library, service, cause)
        query = select(REQUEST.c.id).where(wanted).order_by(REQUEST.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())

    def open_ids(self, *, state: State | None = None, library: str = "", cause: str = "") -> tuple[int, ...]:
        """Ledger ids of the requests in this state, or of all that are open; of one library or cause where named."""
        return self.ids(states=(state,) if state is not None else tuple(OPEN_STATES), library=library, cause=cause)

    def find(self, name: str) -> tuple[Row, ...]:
        """Requests by short id (``R12``) or by the service's number."""
        short = SHORT_ID.fullmatch(name)
        by_number = REQUEST.c.number == name
        wanted = or_(REQUEST.c.id == int(short[1]), by_number) if short else by_number
        query = select(REQUEST).where(wanted).order_by(REQUEST.c.id)
        with self._database.read() as connection:
            return tuple(row_or_husk(found) for found in connection.execute(query))

    def of(self, key: RequestKey) -> Row | None:
        """The request of this identity, if there is one."""
        named = {name: getattr(key, name) for name in ("library", "service", "requester", "number")}
        mine = [REQUEST.c.role == key.role.value, *(REQUEST.c[name] == value for name, value in named.items())]
        with self._database.read() as connection:
            found = connection.execute(select(REQUEST).where(*mine)).first()
        return row_or_husk(found) if found is not None else None

    def lending_sides(self, key: RequestKey) -> tuple[Record, ...]:
        """What was done for the lending side of this conversation: one record where both sides are in this ledger."""
        mine = [getattr(REQUEST.c, name) == getattr(key, name) for name in ("number", "requester", "service")]
        query = select(REQUEST).where(*mine, REQUEST.c.role == Role.LENDER.value)
        with self._database.read() as connection:
            return tuple(row_or_husk(found).record for found in connection.execute(query))

    def there(self, request_id: int) -> bool:
        """Whether there is a request of this ledger id."""
        query = select(REQUEST.c.id).where(REQUEST.c.id == request_id)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def one(self, request_id: int) -> Row:
        """A request by its ledger id."""
        with self._database.read() as connection:
            return row_or_husk(connection.execute(select(REQUEST).where(REQUEST.c.id == request_id)).one())

    def history(self, request_id: int) -> tuple[HistoryLine, ...]:
        """A request's circulation history, oldest first."""
        query = select(schema.history).where(schema.history.c.request_id == request_id).order_by(schema.history.c.id)
        with self._database.read() as connection:
            return tuple(HistoryLine(row.at, row.kind, row.line, row.step) for row in connection.execute(query))

    def told(
        self,
        *,
        ids: Sequence[int] | None = None,
        library: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Told]:
        """Lines of all histories, oldest first; of these requests, this library, this time where named. Read as they are asked for."""
        history = schema.history
        wanted = [_wanted((), library, "")]
        wanted += [REQUEST.c.id.in_(ids)] if ids is not None else []
        wanted += [history.c.at >= since] if since is not None else []
        wanted += [history.c.at < until] if until is not None else []
        who = (REQUEST.c.id, REQUEST.c.number, REQUEST.c.library, REQUEST.c.service, REQUEST.c.role)
        query = (
            select(history.c.at, history.c.kind, history.c.line, history.c.step, *who)
            .join(REQUEST, REQUEST.c.id == history.c.request_id)
            .where(and_(*wanted))
            .order_by(history.c.id)
        )
        with self._database.read() as connection:
            for row in connection.execution_options(yield_per=500).execute(query):
                yield Told(
                    row.at, f"R{row.id}", row.number, row.library, row.service, row.role, row.kind, row.line, row.step
                )

    def told_since(self, request_id: int, line_id: int) -> tuple[HistoryLine, ...]:
        """Lines of a history that came after the line of this id, oldest first."""
        history = schema.history
        query = select(history).where(history.c.request_id == request_id, history.c.id > line_id).order_by(history.c.id)
        with self._database.read() as connection:
            return tuple(HistoryLine(row.at, row.kind, row.line, row.step) for row in connection.execute(query))

    def last_line(self, request_id: int) -> int:
        """The id of the latest line of a history."""
        query = select(func.max(schema.history.c.id)).where(schema.history.c.request_id == request_id)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def journal(self, request_id: int) -> tuple[JournalLine, ...]:
        """A request's steps, in the order they were first started."""
        query = select(schema.step).where(schema.step.c.request_id == request_id).order_by(schema.step.c.id)
        with self._database.read() as connection:
            return tuple(
                JournalLine(row.key, row.verb, row.state, row.attempts, row.started_at, row.finished_at, row.problem)
                for row in connection.execute(query)
            )

    def counts(self) -> dict[State, int]:
        """How many requests are in each state."""
        query = select(REQUEST.c.state, func.count()).group_by(REQUEST.c.state)
        with self._database.read() as connection:
            return {State(state): int(count) for state, count in connection.execute(query)}

    def move(self, lanes: Mapping[str, str]) -> dict[str, int]:
        """Bring open requests to the lane of their library, which is another since the configuration changed; answers how many of which
        library. Each is looked up in the ILS before anything else is done for it.
        """
        now = self._clock()
        free = or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now)
        still_open = REQUEST.c.state.in_([state.value for state in OPEN_STATES])
        moved = {}
        with self._database.write() as connection:
            for library, lane in lanes.items():
                elsewhere = and_(REQUEST.c.library == library, REQUEST.c.lane != lane, still_open, free)
                query = update(REQUEST).where(elsewhere).values(lane=lane, afresh=1)
                moved[library] = connection.execute(query).rowcount
        return {library: count for library, count in moved.items() if count}

    def tell(self, request_id: int, lines: Sequence[HistoryLine]) -> None:
        """Append lines to a request's circulation history."""
        with self._database.write() as connection:
            add_history(connection, request_id, lines)


def _bears(condition: Condition) -> ColumnElement[bool]:
    """Whether the status names this condition among those it holds in brackets."""
    name = condition.replace("_", " ")
    return or_(*(REQUEST.c.status.like(f"%{before}{name}{after}%") for before in "( " for after in ",)"))


def _wanted(states: Sequence[State], library: str, service: str, cause: str = "") -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = []
    if states:
        wanted.append(REQUEST.c.state.in_([state.value for state in states]))
    if library:
        wanted.append(REQUEST.c.library == library)
    if service:
        wanted.append(REQUEST.c.service == service)
    if cause:
        wanted.append(REQUEST.c.parked_cause == cause)
    return and_(true(), *wanted)
