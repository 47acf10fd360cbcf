"""Reading requests and their histories."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.inbox import add_history
from bridge.ledger.model import HistoryLine, Row, State
from bridge.ledger.rows import row_of

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


class Requests:
    """What the ledger knows of requests."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def list(self, *, state: State | None = None, library: str = "", limit: int = 1000) -> tuple[Row, ...]:
        """Requests, newest first; of one state or library where named."""
        wanted: list[ColumnElement[bool]] = []
        if state is not None:
            wanted.append(REQUEST.c.state == state.value)
        if library:
            wanted.append(REQUEST.c.library == library)
        query = select(REQUEST).where(and_(true(), *wanted)).order_by(REQUEST.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(row_of(found) for found in connection.execute(query))

    def find(self, name: str) -> tuple[Row, ...]:
        """Requests by short id (``R12``) or by the service's number."""
        short = SHORT_ID.fullmatch(name)
        by_number = REQUEST.c.number == name
        wanted = or_(REQUEST.c.id == int(short[1]), by_number) if short else by_number
        query = select(REQUEST).where(wanted).order_by(REQUEST.c.id)
        with self._database.read() as connection:
            return tuple(row_of(found) for found in connection.execute(query))

    def one(self, request_id: int) -> Row:
        """A request by its ledger id."""
        with self._database.read() as connection:
            return row_of(connection.execute(select(REQUEST).where(REQUEST.c.id == request_id)).one())

    def history(self, request_id: int) -> tuple[HistoryLine, ...]:
        """A request's circulation history, oldest first."""
        query = select(schema.history).where(schema.history.c.request_id == request_id).order_by(schema.history.c.id)
        with self._database.read() as connection:
            return tuple(HistoryLine(row.at, row.kind, row.line, row.step) for row in connection.execute(query))

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

    def tell(self, request_id: int, lines: Sequence[HistoryLine]) -> None:
        """Append lines to a request's circulation history."""
        with self._database.write() as connection:
            add_history(connection, request_id, lines)
