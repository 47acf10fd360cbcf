"""What comes in: kept once, folded into its requests and acknowledged only then; the cursor moves in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.domain.change import Change
from bridge.domain.record import Record
from bridge.domain.request import Request, fold
from bridge.domain.sentences import change_sentence
from bridge.ledger import codec, schema
from bridge.ledger.database import Database
from bridge.ledger.model import Arrival, ArrivalState, HistoryLine, Kept, Receipt, State

LaneOf = Callable[[str], str]


class Inbox:
    """Every message received, each key once."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def take(
        self, source: str, arrivals: Sequence[Arrival], lane_of: LaneOf, *, cursor: str | None = None
    ) -> tuple[Receipt, ...]:
        """Keep and fold these messages in one transaction, with the source's cursor where one is given.

        ``lane_of`` names the lane of a library. Raises ``LedgerBusy``; then nothing was taken.
        """
        with self._database.write() as connection:
            receipts = tuple(self._take(connection, source, arrival, lane_of) for arrival in arrivals)
            if cursor is not None:
                _move_cursor(connection, source, cursor, self._clock())
        return receipts

    def _take(self, connection: Connection, source: str, arrival: Arrival, lane_of: LaneOf) -> Receipt:
        known = connection.execute(
            select(schema.inbox.c.id).where(schema.inbox.c.source == source, schema.inbox.c.key == arrival.key)
        ).scalar()
        if known is not None:
            return Receipt(known, repeated=True)
        now = self._clock()
        values = {
            "source": source,
            "key": arrival.key,
            "received_at": now,
            "state": arrival.state.value,
            "problem": arrival.problem,
            "body": arrival.body,
        }
        try:
            with connection.begin_nested():
                made = insert(schema.inbox).values(values).returning(schema.inbox.c.id)
                inbox_id = int(connection.execute(made).scalar_one())
        except IntegrityError:
            return self._take(connection, source, arrival, lane_of)
        folded = tuple(dict.fromkeys(fold_change(connection, change, lane_of, now) for change in arrival.changes))
        if folded:
            connection.execute(update(schema.inbox).where(schema.inbox.c.id == inbox_id).values(request_id=folded[0]))
        return Receipt(inbox_id, repeated=False, requests=folded)

    def kept(self, ids: Sequence[int] = ()) -> tuple[Kept, ...]:
        """Messages that could not be understood (or those of these ids, whatever became of them), oldest first."""
        wanted = schema.inbox.c.id.in_(ids) if ids else schema.inbox.c.state != ArrivalState.FOLDED.value
        with self._database.read() as connection:
            rows = connection.execute(select(schema.inbox).where(wanted).order_by(schema.inbox.c.id)).all()
        return tuple(
            Kept(row.id, row.source, row.key, row.body, ArrivalState(row.state), row.problem, row.received_at)
            for row in rows
        )

    def replay(self, inbox_id: int, arrival: Arrival, lane_of: LaneOf) -> tuple[int, ...]:
        """Take a kept message again as it is understood now; answers the requests it was folded into."""
        now = self._clock()
        with self._database.write() as connection:
            folded = tuple(dict.fromkeys(fold_change(connection, change, lane_of, now) for change in arrival.changes))
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


def fold_change(connection: Connection, change: Change, lane_of: LaneOf, now: datetime) -> int:
    """Fold a change into its request (made where it is the first), tell the history, and make the request due."""
    request_id, before, state = _locked(connection, change, lane_of, now)
    after = fold(before, change)
    values: dict[str, object] = {"updated_at": now}
    if state is not State.FORGOTTEN:
        values |= {"state": State.DUE.value, "due_at": now, "backlog": 0}
    changed = after != before
    if changed:
        values["document"] = codec.request_text(after)
    table = schema.request
    connection.execute(update(table).where(table.c.id == request_id).values(values | {"version": table.c.version + 1}))
    line = HistoryLine(now, "change", change_sentence(change, changed=changed))
    add_history(connection, request_id, (line,))
    return request_id


def _locked(connection: Connection, change: Change, lane_of: LaneOf, now: datetime) -> tuple[int, Request, State]:
    key = change.request
    table = schema.request
    mine = select(table.c.id, table.c.document, table.c.state).where(
        table.c.number == key.number,
        table.c.library == key.library,
        table.c.service == key.service,
        table.c.role == key.role.value,
        table.c.requester == key.requester,
    )
    found = connection.execute(mine.with_for_update()).first()
    if found is not None:
        return found.id, codec.request_from(found.document), State(found.state)
    fresh = Request(key)
    values = {
        "library": key.library,
        "service": key.service,
        "role": key.role.value,
        "requester": key.requester,
        "number": key.number,
        "conversation": key.conversation,
        "lane": lane_of(key.library),
        "state": State.DUE.value,
        "document": codec.request_text(fresh),
        "record": codec.record_text(Record()),
        "created_at": now,
        "updated_at": now,
        "due_at": now,
    }
    try:
        with connection.begin_nested():
            made = connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    except IntegrityError:
        return _locked(connection, change, lane_of, now)
    return int(made), fresh, State.DUE


def add_history(connection: Connection, request_id: int, lines: Sequence[HistoryLine]) -> None:
    """Append lines to a request's circulation history."""
    if lines:
        connection.execute(
            insert(schema.history),
            [
                {"request_id": request_id, "at": line.at, "kind": line.kind, "line": line.line, "step": line.step}
                for line in lines
            ],
        )
