"""What comes in: kept once, folded into its requests and acknowledged only then; the cursor moves in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from bridge.domain.change import Change
from bridge.domain.identity import RequestKey, Role
from bridge.domain.record import Record
from bridge.domain.request import Request, fold
from bridge.domain.sentences import change_sentence
from bridge.ledger import codec, outbox, schema, statements
from bridge.ledger.claims import claim_at_once
from bridge.ledger.database import Database
from bridge.ledger.model import Arrival, ArrivalState, HistoryLine, Kept, Receipt, Row, SpareWorker, State

LaneOf = Callable[[str], str]
NOTHING_DONE = codec.record_text(Record())
BEYOND = 2**63
"""No id is as large, and no database takes one that is."""


class Inbox:
    """Every message received, each key once."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def take(
        self,
        source: str,
        arrivals: Sequence[Arrival],
        lane_of: LaneOf,
        *,
        cursor: str | None = None,
        worker: SpareWorker | None = None,
    ) -> tuple[Receipt, ...]:
        """Keep and fold these messages in one transaction, with the source's cursor where one is given.

        ``lane_of`` names the lane of a library. A spare ``worker`` begins with the one request that was told of, where nothing stands in
        its way. Raises ``LedgerBusy``; then nothing was taken.
        """
        held = None
        with self._database.write() as connection:
            receipts = tuple(self._take(connection, source, arrival, lane_of) for arrival in arrivals)
            if cursor is not None:
                _move_cursor(connection, source, cursor, self._clock())
            told = {request for receipt in receipts for request in receipt.requests}
            if worker is not None and len(told) == 1:
                held = claim_at_once(connection, told.pop(), worker, self._clock())
        if worker is not None and held is not None:
            worker.begin(held)
        return receipts

    def _take(self, connection: Connection, source: str, arrival: Arrival, lane_of: LaneOf) -> Receipt:
        now = self._clock()
        values = {
            "source": source,
            "key": arrival.key,
            "received_at": now,
            "state": arrival.state.value,
            "problem": arrival.problem,
            "body": arrival.body,
        }
        inbox_id = statements.RECEIVED[connection.dialect.name].scalar(connection, values)
        if inbox_id is None:
            named = {"from_source": source, "named": arrival.key}
            return Receipt(int(statements.RECEIVED_BEFORE.scalar(connection, named)), repeated=True)
        folded = _folded(connection, arrival, lane_of, now)
        if folded:
            statements.FOLDED_INTO.run(connection, {"message": inbox_id, "of": folded[0]})
        return Receipt(int(inbox_id), repeated=False, requests=folded)

    def kept(self, ids: Sequence[int] = ()) -> tuple[Kept, ...]:
        """Messages that could not be understood (or those of these ids, whatever became of them), oldest first."""
        wanted = (
            schema.inbox.c.id.in_([each for each in ids if abs(each) < BEYOND])
            if ids
            else schema.inbox.c.state != ArrivalState.FOLDED.value
        )
        return self._kept(wanted)

    def heard(self, source: str, since: datetime) -> tuple[Kept, ...]:
        """All messages of a source that came since then, whatever became of them, oldest first."""
        return self._kept(and_(schema.inbox.c.source == source, schema.inbox.c.received_at >= since))

    def told(self, request_id: int) -> tuple[Kept, ...]:
        """All messages that were folded into this request, whoever told them, oldest first."""
        return self._kept(schema.inbox.c.request_id == request_id)

    def folded_into(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The requests that these messages were folded into."""
        column = schema.inbox.c.request_id
        query = select(column).where(schema.inbox.c.id.in_(ids), column.is_not(None)).distinct().order_by(column)
        with self._database.read() as connection:
            return tuple(int(found) for found in connection.execute(query).scalars())

    def unknown(self) -> tuple[Kept, ...]:
        """Messages whose word is not known, oldest first."""
        return self._kept(schema.inbox.c.state == ArrivalState.UNKNOWN_WORD.value)

    def _kept(self, wanted: ColumnElement[bool]) -> tuple[Kept, ...]:
        with self._database.read() as connection:
            rows = connection.execute(select(schema.inbox).where(wanted).order_by(schema.inbox.c.id)).all()
        return tuple(
            Kept(row.id, row.source, row.key, row.body, ArrivalState(row.state), row.problem, row.received_at)
            for row in rows
        )

    def retell(self, row: Row, after: Request, arrivals: Mapping[int, Arrival], line: str) -> bool:
        """Put a request that was told anew in the place of the one there, and note what became of its messages (by their id).

        Answers ``False``, and changes nothing, where something else was said of the request meanwhile.
        """
        now = self._clock()
        with self._database.write() as connection:
            stands = select(schema.request.c.document, schema.request.c.state).where(schema.request.c.id == row.id)
            found = connection.execute(stands.with_for_update()).one()
            if codec.request_from(found.document) != row.request:
                return False
            _changed(connection, row.id, found.state, after, now)
            for inbox_id, arrival in arrivals.items():
                values: dict[str, object] = {"state": arrival.state.value, "problem": arrival.problem}
                if arrival.changes:
                    values["request_id"] = row.id
                connection.execute(update(schema.inbox).where(schema.inbox.c.id == inbox_id).values(values))
            add_history(connection, row.id, (HistoryLine(now, "change", line),))
        return True

    def request(self, key: RequestKey) -> Request | None:
        """What was said of a request so far; ``None`` where nothing was."""
        with self._database.read() as connection:
            found = statements.NAMED.first(connection, _names(key))
        return codec.request_from(found.document) if found is not None else None

    def told_by(self, sources: Sequence[str], since: datetime) -> tuple[RequestKey, ...]:
        """The requests of which these sources told since then."""
        of, request = schema.inbox.c, schema.request.c
        heard = select(of.request_id).where(of.source.in_(sources), of.received_at >= since, of.request_id.is_not(None))
        columns = (request.library, request.service, request.role, request.requester, request.number)
        query = select(*columns).where(request.id.in_(heard)).order_by(request.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return tuple(RequestKey(row.library, row.service, Role(row.role), row.requester, row.number) for row in rows)

    def waiting(self, source: str, begins: str) -> tuple[Kept, ...]:
        """Kept messages of a source whose keys begin so, oldest first."""
        of = schema.inbox.c
        wanted = (
            of.source == source,
            of.state != ArrivalState.FOLDED.value,
            of.key.startswith(begins, autoescape=True),
        )
        with self._database.read() as connection:
            rows = connection.execute(select(schema.inbox).where(*wanted).order_by(of.id)).all()
        return tuple(
            Kept(row.id, row.source, row.key, row.body, ArrivalState(row.state), row.problem, row.received_at)
            for row in rows
        )

    def keys(self, source: str, begins: str) -> tuple[str, ...]:
        """Keys of a source's messages that begin so, in the order in which they came."""
        of = schema.inbox.c
        wanted = (of.source == source, of.key.startswith(begins, autoescape=True))
        with self._database.read() as connection:
            return tuple(connection.execute(select(of.key).where(*wanted).order_by(of.id)).scalars())

    def replay(self, inbox_id: int, arrival: Arrival, lane_of: LaneOf) -> tuple[int, ...]:
        """Take a kept message again as it is understood now; answers the requests it was folded into."""
        now = self._clock()
        with self._database.write() as connection:
            folded = _folded(connection, arrival, lane_of, now)
            values = {"state": arrival.state.value, "problem": arrival.problem}
            if folded:
                values["request_id"] = folded[0]  # type: ignore[assignment]
            connection.execute(update(schema.inbox).where(schema.inbox.c.id == inbox_id).values(values))
        return folded

    def cursor(self, source: str) -> str | None:
        """Where this source's poll stands."""
        with self._database.read() as connection:
            found = select(schema.cursor.c.position).where(schema.cursor.c.source == source)
            position = connection.execute(found).scalar()
        return position or None

    def polled(self, source: str, problem: str = "") -> bool:
        """Note how a poll ended; answers whether that is news (the source went silent, or speaks again)."""
        with self._database.write() as connection:
            before = connection.execute(
                select(schema.cursor.c.problem).where(schema.cursor.c.source == source)
            ).scalar()
            if before is None:
                connection.execute(insert(schema.cursor).values(source=source, position="", problem=""))
            values: dict[str, object] = {"polled_at": self._clock(), "problem": problem}
            if not problem:
                values["succeeded_at"] = values["polled_at"]
            connection.execute(update(schema.cursor).where(schema.cursor.c.source == source).values(values))
        return bool(before) != bool(problem)

    def sources(self) -> tuple[tuple[str, datetime | None, str, int], ...]:
        """Each source that ever spoke: name, last poll, its problem, and how many messages came."""
        with self._database.read() as connection:
            rows = connection.execute(select(schema.inbox.c.source, func.count()).group_by(schema.inbox.c.source))
            counts = {name: int(count) for name, count in rows}
            cursors = {row.source: row for row in connection.execute(select(schema.cursor))}
        names = sorted({*counts, *cursors})
        return tuple(
            (
                name,
                cursors[name].polled_at if name in cursors else None,
                cursors[name].problem if name in cursors else "",
                counts.get(name, 0),
            )
            for name in names
        )


def _move_cursor(connection: Connection, source: str, position: str, now: datetime) -> None:
    moved = connection.execute(
        update(schema.cursor)
        .where(schema.cursor.c.source == source)
        .values(position=position, polled_at=now, problem="")
    )
    if moved.rowcount == 0:
        connection.execute(insert(schema.cursor).values(source=source, position=position, polled_at=now))


def _folded(connection: Connection, arrival: Arrival, lane_of: LaneOf, now: datetime) -> tuple[int, ...]:
    """The requests that a message was folded into, each once."""
    told = (fold_change(connection, change, lane_of, now) for change in arrival.changes)
    return tuple(dict.fromkeys(each for each in told if each is not None))


def fold_change(connection: Connection, change: Change, lane_of: LaneOf, now: datetime) -> int | None:
    """Fold a change into its request (made where it is the first), tell the history, and make the request due.

    A notification makes no request: one of a request never heard of is ``None``, and only its message is kept.
    """
    named = _names(change.request)
    found = statements.NAMED.first(connection, named)
    if found is None and change.notification:
        return None
    before = codec.request_from(found.document) if found is not None else Request(change.request)
    after = fold(before, change)
    changed = after != before
    if found is not None:
        request_id = int(found.id)
        _changed(connection, request_id, found.state, after if changed else None, now)
    else:
        made = _made(connection, named, after, lane_of, now)
        if made is None:
            return fold_change(connection, change, lane_of, now)
        request_id = made
    add_history(connection, request_id, (HistoryLine(now, "change", change_sentence(change, changed=changed)),))
    return request_id


def _names(key: RequestKey) -> dict[str, object]:
    return {
        "number": key.number,
        "library": key.library,
        "service": key.service,
        "role": key.role.value,
        "requester": key.requester,
    }


def _changed(connection: Connection, request_id: int, state: str, after: Request | None, now: datetime) -> None:
    """A change came in; ``after`` is what the request became, unless it stayed as it was."""
    values: dict[str, object] = {"of": request_id, "now": now}
    if after is not None:
        values["text"] = codec.request_text(after)
    statements.CHANGED[after is not None, state == State.FORGOTTEN.value].run(connection, values)


def _made(
    connection: Connection, named: dict[str, object], fresh: Request, lane_of: LaneOf, now: datetime
) -> int | None:
    """The id of a new request; ``None`` where another daemon made it meanwhile."""
    values = {
        **named,
        "conversation": fresh.key.conversation,
        "lane": lane_of(fresh.key.library),
        "state": State.DUE.value,
        "document": codec.request_text(fresh),
        "record": NOTHING_DONE,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "due_at": now,
    }
    made: int | None = statements.FIRST_TOLD[connection.dialect.name].scalar(connection, values)
    return made


def add_history(connection: Connection, request_id: int, lines: Sequence[HistoryLine]) -> None:
    """Append lines to a request's circulation history, and to what its service is to be told, where it is told anything."""
    rules = outbox.rules_of(connection)
    for line in lines:
        told = {"request_id": request_id, "at": line.at, "kind": line.kind, "line": line.line, "step": line.step}
        if rules:
            outbox.put(connection, request_id, line, statements.HISTORY_ID.scalar(connection, told), rules)
        else:
            statements.HISTORY.run(connection, told)
