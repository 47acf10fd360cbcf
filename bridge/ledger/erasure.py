"""One patron's data: where it stands in the ledger, by whichever identifier, and taking it out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Column, ColumnElement, Connection, and_, delete, func, or_, select, true, update

from bridge.domain.arrival import ArrivalState
from bridge.domain.privacy import Redaction, patrons_of
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import Row
from bridge.ledger.privacy import NOTHING
from bridge.ledger.rows import row_of

REQUEST = schema.request
INBOX = schema.inbox
STEP = schema.step
ORDER = schema.order
SURE = 4
"""Signs from which an identifier is looked for in sentences of the whole ledger; a shorter one stands in too many dates and numbers."""
ROUNDS = 5
"""How often the requests found may teach another identifier of the same patron."""
FREE_TEXT: tuple[tuple[Column[Any], ColumnElement[bool]], ...] = (
    (schema.history.c.line, true()),
    (STEP.c.problem, true()),
    (ORDER.c.options, ORDER.c.done_at.is_not(None)),
    (ORDER.c.answer, true()),
    (schema.alert.c.document, true()),
    (schema.notice.c.document, true()),
    (schema.notice.c.problem, true()),
    (schema.note.c.problem, true()),
    (schema.audit_finding.c.sentence, true()),
    (schema.audit_finding.c.advice, true()),
    (schema.cursor.c.problem, true()),
    (schema.lane.c.why, true()),
    (schema.lane.c.held_why, true()),
    (schema.library.c.held_why, true()),
)
"""Text in which somebody may have written an identifier, and the rows where it may be hidden."""


@dataclass(frozen=True)
class Mentions:
    """Where else the patron is named: understood messages, kept messages by id, steps, and texts."""

    messages: int = 0
    kept: tuple[int, ...] = ()
    steps: int = 0
    texts: int = 0

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.messages or self.kept or self.steps or self.texts)


@dataclass(frozen=True)
class Found:
    """What the ledger knows of a patron: requests that name them, and under which identifiers that is, in every spelling that was seen.

    ``unreadable``: ids of requests that this release cannot read, and in which one of them may stand.
    """

    identifiers: frozenset[str]
    rows: tuple[Row, ...]
    unreadable: tuple[int, ...] = ()

    @property
    def different(self) -> int:
        """How many identifiers these are, whatever their case."""
        return len(_folded(self.identifiers))


class Erasure:
    """Looks through whole tables, since no index leads to a patron; that is asked for seldom."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, identifier: str) -> Found:
        """Requests of a patron, by this identifier and by those that the ILS knows the same patron by."""
        known = frozenset({identifier, identifier.casefold()})
        rows: tuple[Row, ...] = ()
        unreadable: tuple[int, ...] = ()
        for _ in range(ROUNDS):
            rows, unreadable = self._rows(known)
            learned = known.union(*(_same_patron(row, known) for row in rows))
            if learned == known:
                break
            known = learned
        return Found(known, rows, unreadable)

    def _rows(self, identifiers: frozenset[str]) -> tuple[tuple[Row, ...], tuple[int, ...]]:
        """Requests that name the patron, and ids of those that cannot be read and may."""
        with self._database.read() as connection:
            places = (REQUEST.c.document, REQUEST.c.record, REQUEST.c.pending)
            named = or_(*(_holds(connection, place, each) for place in places for each in identifiers))
            found = connection.execute(
                select(REQUEST).where(REQUEST.c.purged_at.is_(None), named).order_by(REQUEST.c.id)
            )
            unreadable: list[int] = []
            wanted = _folded(identifiers)
            rows = tuple(row for row in _readable(found, unreadable) if _folded(_patrons(row)) & wanted)
            return rows, tuple(unreadable)

    def mentions(self, identifiers: Collection[str], erased: Collection[int] = ()) -> Mentions:
        """Where else they stand, the requests themselves apart; messages of requests that are (to be) ``erased`` count too."""
        with self._database.read() as connection:
            folded = _messages(connection, identifiers, erased, folded=True)
            kept = _messages(connection, identifiers, folded=False)
            texts = sum(len(tuple(_texts(connection, *place, identifiers))) for place in FREE_TEXT)
            return Mentions(len(folded), tuple(kept), len(_steps(connection, identifiers)), texts)

    def hide(self, identifiers: Collection[str], erased: Collection[int] = ()) -> Mentions:
        """Take them out of everything but requests and messages that were not understood; answers what was changed, and what stays.

        Messages and orders of ``erased`` requests lose all they say. Each kind of place is a transaction of its own.
        """
        with self._database.write() as connection:
            connection.execute(delete(ORDER).where(ORDER.c.request_id.in_(list(erased)), ORDER.c.done_at.is_not(None)))
            folded = _messages(connection, identifiers, erased, folded=True)
            connection.execute(update(INBOX).where(INBOX.c.id.in_(folded)).values(body="", problem=""))
            kept = _messages(connection, identifiers, folded=False)
        with self._database.write() as connection:
            steps = _steps(connection, identifiers)
            connection.execute(update(STEP).where(STEP.c.id.in_(steps)).values(command=NOTHING, problem=""))
        texts = 0
        for column, mine in FREE_TEXT:
            with self._database.write() as connection:
                for key, text in tuple(_texts(connection, column, mine, identifiers)):
                    change = update(column.table).where(_key(column) == key)
                    connection.execute(change.values({column.name: text}))
                    texts += 1
        return Mentions(len(folded), tuple(kept), len(steps), texts)


def _same_patron(row: Row, known: frozenset[str]) -> frozenset[str]:
    """The identifiers that the ILS says are one patron's, where one of them is known; and known ones, as they are spelled here."""
    patron, wanted = row.record.patron, _folded(known)
    pair = {patron.asked, patron.patron_id} - {""} if patron else set()
    spelled = {each for each in _patrons(row) if each.casefold() in wanted}
    return frozenset(pair | spelled if _folded(pair) & wanted else spelled)


def _folded(identifiers: Iterable[str]) -> frozenset[str]:
    return frozenset(each.casefold() for each in identifiers)


def _patrons(row: Row) -> frozenset[str]:
    commands = (row.pending.step.command,) if row.pending is not None else ()
    return patrons_of(row.request, row.record, commands)


def _readable(found: Any, unreadable: list[int]) -> Iterator[Row]:  # noqa: ANN401 - rows
    """Those that this release can read; ``ill-bridge db check`` tells of the others."""
    for each in found:
        try:
            yield row_of(each)
        except (ValidationError, ValueError, KeyError):
            unreadable.append(each.id)


def _messages(
    connection: Connection, identifiers: Collection[str], erased: Collection[int] = (), *, folded: bool
) -> list[int]:
    state = INBOX.c.state == ArrivalState.FOLDED.value
    mine = INBOX.c.request_id.in_(list(erased))
    named = or_(mine, *(_holds(connection, INBOX.c.body, each) for each in identifiers))
    query = select(INBOX.c.id, INBOX.c.request_id, INBOX.c.body).where(schema.BODY, state if folded else ~state, named)
    hidden = _hiding(identifiers)
    rows = connection.execute(query.order_by(INBOX.c.id))
    return [row.id for row in rows if row.request_id in erased or hidden.text(row.body) != row.body]


def _steps(connection: Connection, identifiers: Collection[str]) -> list[int]:
    named = or_(*(_holds(connection, STEP.c.command, each) for each in identifiers))
    hidden = _hiding(identifiers)
    rows = connection.execute(select(STEP.c.id, STEP.c.command).where(named))
    return [row.id for row in rows if hidden.text(row.command) != row.command]


def _texts(
    connection: Connection, column: Column[Any], mine: ColumnElement[bool], identifiers: Collection[str]
) -> Iterator[tuple[Any, str]]:
    """Rows whose text names the patron, and the text without that."""
    sure = [each for each in identifiers if len(each) >= SURE]
    if not sure:
        return
    named = or_(*(_holds(connection, column, each) for each in sure))
    hidden = _hiding(sure)
    for key, text in connection.execute(select(_key(column), column).where(and_(mine, named))):
        without = hidden.text(text)
        if without != text:
            yield key, without


def _key(column: Column[Any]) -> Column[Any]:
    return next(iter(column.table.primary_key))


def _holds(connection: Connection, column: Any, identifier: str) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Whether text may hold an identifier in any case, as it is or as JSON spells it: databases fold the case of ASCII letters only."""
    if not identifier.isascii():
        return true()
    within = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return or_(*(within(func.lower(column), each.lower()) > 0 for each in sorted(_spelled(identifier))))


def _hiding(identifiers: Collection[str]) -> Redaction:
    return Redaction.of({spelled for each in identifiers for spelled in _spelled(each)})


def _spelled(identifier: str) -> set[str]:
    """As it is, and as JSON spells it, with slashes as PHP writes them."""
    escaped = {json.dumps(identifier, ensure_ascii=False)[1:-1], json.dumps(identifier)[1:-1]}
    return {identifier, *escaped, *(each.replace("/", "\\/") for each in escaped)}
