"""Patrons and titles leave the ledger: those of finished requests after a time, those of one patron when they ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    TextClause,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from bridge.domain.arrival import ArrivalState
from bridge.domain.privacy import (
    patrons_of,
    record_without_person,
    redaction_of,
    step_without_person,
    titles_of,
    without_person,
)
from bridge.ledger import codec, schema, statements
from bridge.ledger.database import Database
from bridge.ledger.inbox import add_history
from bridge.ledger.model import HistoryLine, Row, State
from bridge.ledger.rows import row_of

REQUEST = schema.request
INBOX = schema.inbox
STEP = schema.step
HISTORY = schema.history
ORDER = schema.order
META = schema.meta
RUN = "retention"
NOTHING = "{}"
"""What is left of a step's command; nothing reads it once its step has ended."""
SOME = 500
"""Rows of one transaction where each is a small change."""
Conditions = Sequence[ColumnElement[bool] | TextClause]
FINISHED = tuple(state.value for state in (State.CLOSED, State.FORGOTTEN))


@dataclass(frozen=True)
class Place:
    """How far a look at finished requests has come."""

    settled_at: datetime
    id: int


@dataclass(frozen=True)
class Finished:
    """A finished request, and what is to be written instead of it: worked out before the transaction, so that that is short.

    ``rewritten`` also says whether it still is the same then; ``lines`` are the lines of its history that change; ``personal``: there is
    a patron or a title to take out.
    """

    row: Row
    settled_at: datetime
    rewritten: Mapping[str, object]
    lines: tuple[Mapping[str, object], ...]
    personal: bool

    @property
    def id(self) -> int:
        """Its ledger id."""
        return self.row.id


@dataclass(frozen=True)
class Look:
    """Finished requests of one look, those that this release cannot read, and where the next look goes on."""

    found: tuple[Finished, ...]
    unreadable: tuple[int, ...]
    place: Place | None


class Privacy:
    """What may go, and letting it go; in transactions so short that the work on requests hardly notices."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def last_run(self) -> datetime | None:
        """The moment the latest run was due that came to its end; ``None`` where there was none."""
        with self._database.read() as connection:
            said = connection.execute(select(META.c.value).where(META.c.name == RUN)).scalar()
        return datetime.fromisoformat(said) if said else None

    def ran(self, due: datetime) -> None:
        """The run that was due then came to its end."""
        with self._database.write() as connection:
            if not connection.execute(update(META).where(META.c.name == RUN).values(value=due.isoformat())).rowcount:
                connection.execute(insert(META).values(name=RUN, value=due.isoformat()))

    def date_finished(self) -> int:
        """Give some requests that were finished before this was kept (or by an older release) their date; answers how many."""
        undated = select(REQUEST.c.id).where(schema.PURGEABLE, REQUEST.c.settled_at.is_(None)).limit(SOME)
        with self._database.write() as connection:
            ids = connection.execute(undated).scalars().all()
            mine = and_(REQUEST.c.id.in_(ids), REQUEST.c.settled_at.is_(None))
            if ids:
                connection.execute(update(REQUEST).where(mine).values(settled_at=REQUEST.c.updated_at))
        return len(ids)

    def finished(self, before: datetime, *, after: Place | None = None, limit: int) -> Look:
        """Requests finished before then whose patron and title are still there, the first ones first."""
        mine: list[Any] = [schema.PURGEABLE, REQUEST.c.settled_at < before, _free(self._clock())]
        if after is not None:
            later = and_(REQUEST.c.settled_at == after.settled_at, REQUEST.c.id > after.id)
            mine += [REQUEST.c.settled_at >= after.settled_at, or_(REQUEST.c.settled_at > after.settled_at, later)]
        query = select(REQUEST).where(*mine).order_by(REQUEST.c.settled_at, REQUEST.c.id).limit(limit)
        return self._look(query)

    def wanted(self, *, after: int = 0, limit: int) -> Look:
        """Finished requests whose patron asked to be erased while they were open."""
        state = func.coalesce(REQUEST.c.state, "")  # else SQLite reads all finished requests
        mine = (schema.ERASE, state.in_(FINISHED), REQUEST.c.id > after, _free(self._clock()))
        query = select(REQUEST).where(*mine).order_by(REQUEST.c.id).limit(limit)
        return self._look(query)

    def one(self, request_id: int) -> Look:
        """This request, if it is finished and nobody works on it."""
        mine = (REQUEST.c.id == request_id, REQUEST.c.state.in_(FINISHED), _free(self._clock()))
        return self._look(select(REQUEST).where(*mine))

    def _look(self, query: Select[Any]) -> Look:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            lines: dict[int, list[Any]] = {row.id: [] for row in rows}
            told = select(HISTORY.c.id, HISTORY.c.request_id, HISTORY.c.line).where(HISTORY.c.request_id.in_(lines))
            for row in connection.execute(told):
                lines[row.request_id].append(row)
        found, unreadable = [], []
        for row in rows:
            try:
                found.append(_finished(row, lines[row.id]))
            except (ValidationError, ValueError, KeyError):
                unreadable.append(row.id)
        last = Place(rows[-1].settled_at or rows[-1].updated_at, rows[-1].id) if rows else None
        return Look(tuple(found), tuple(unreadable), last)

    def erase(self, found: Sequence[Finished], said: str, *, kind: str = "state") -> tuple[int, ...]:
        """Take patron and title out of these requests; ``said`` goes into the history of each that had any.

        Answers the ids of those that are done; one that changed since it was looked at is left alone.
        """
        now = self._clock()
        with self._database.write() as connection:
            done = tuple(each for each in found if _erased(connection, each, now))
            ids = [each.id for each in done]
            named = or_(STEP.c.command != NOTHING, STEP.c.problem != "")
            if ids:
                mine = update(STEP).where(STEP.c.request_id.in_(ids), named)
                connection.execute(mine.values(command=NOTHING, problem=""))
            for each in done:
                if each.personal:
                    add_history(connection, each.id, (HistoryLine(now, kind, said),))
        codec.forget()
        return tuple(ids)

    def want_erased(self, ids: Collection[int]) -> tuple[int, ...]:
        """Have these requests erased in the first night after their end; answers for which that is new."""
        mine = (REQUEST.c.id.in_(list(ids)), REQUEST.c.erase == 0)
        with self._database.write() as connection:
            fresh = connection.execute(select(REQUEST.c.id).where(*mine)).scalars().all()
            connection.execute(update(REQUEST).where(REQUEST.c.id.in_(fresh)).values(erase=1))
        return tuple(fresh)

    def drop_bodies(self, before: datetime) -> int:
        """Empty some messages that were understood and came before then; answers how many. The messages themselves stay."""
        return self._some(INBOX, _bodies(before), INBOX.c.received_at, {"body": "", "problem": ""})

    def drop_kept(self, before: datetime) -> int:
        """Let go some messages that nobody made understood in all this time; answers how many."""
        return self._some(INBOX, _kept(before), INBOX.c.id)

    def drop_orders(self, before: datetime) -> int:
        """Forget some orders of staff that were carried out, or taken back, before then; answers how many."""
        return self._some(ORDER, _orders(before), ORDER.c.done_at)

    def bodies(self, before: datetime) -> int:
        """How many messages would be emptied."""
        return self._count(INBOX, _bodies(before))

    def kept(self, before: datetime) -> int:
        """How many messages that were not understood would be let go."""
        return self._count(INBOX, _kept(before))

    def orders(self, before: datetime) -> int:
        """How many orders would be forgotten."""
        return self._count(ORDER, _orders(before))

    def _count(self, table: Table, mine: Conditions) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table).where(*mine)).scalar_one())

    def _some(
        self, table: Table, mine: Conditions, order: ColumnElement[Any], values: dict[str, str] | None = None
    ) -> int:
        """Change, or delete, some rows; answers how many."""
        query = select(table.c.id).where(*mine).order_by(order).limit(SOME)
        with self._database.write() as connection:
            ids = connection.execute(query).scalars().all()
            some = table.c.id.in_(ids)
            if ids:
                change = delete(table).where(some) if values is None else update(table).where(some).values(values)
                connection.execute(change)
        return len(ids)

    def shorten_log(self) -> bool:
        """Have what was overwritten leave SQLite's write-ahead log too; answers whether that was done."""
        return self._database.shorten_log()


def _bodies(before: datetime) -> Conditions:
    return (schema.BODY, INBOX.c.received_at < before, INBOX.c.state == ArrivalState.FOLDED.value)


def _kept(before: datetime) -> Conditions:
    return (schema.KEPT, INBOX.c.received_at < before)


def _orders(before: datetime) -> Conditions:
    return (ORDER.c.done_at < before,)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now)


def _finished(found: Any, lines: Sequence[Any]) -> Finished:  # noqa: ANN401 - rows
    row = row_of(found)
    role, pending = row.request.key.role, row.pending
    commands = (pending.step.command,) if pending is not None else ()
    redaction = redaction_of(row.request, row.record, commands)
    hidden = tuple({"of": line.id, "text": text} for line in lines if (text := redaction.line(line.line)) != line.line)
    rewritten = {
        "of": row.id,
        "known": row.version,
        "my_fence": found.fence,
        "in_state": row.state.value,
        "text": codec.request_text(without_person(row.request)),
        "learned": codec.record_text(record_without_person(row.record, role)),
        "step": codec.step_text(step_without_person(pending.step, role), pending.state.value, since=pending.since)
        if pending
        else None,
    }
    personal = bool(patrons_of(row.request, row.record, commands) or titles_of(row.request) or hidden)
    return Finished(row, found.settled_at or found.updated_at, rewritten, hidden, personal)


def _erased(connection: Connection, each: Finished, now: datetime) -> bool:
    """Rewrite one request; answers whether it still was as it was looked at."""
    if statements.ERASED.first(connection, {**each.rewritten, "now": now}) is None:
        return False
    statements.LINE.run(connection, *each.lines)
    return True
