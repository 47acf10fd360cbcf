"""What services are still to be told: written in the transaction of the history's own line, so that neither is without the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from bridge.domain.identity import Role
from bridge.domain.notes import Note, NoteKind, NotesStanding, note_kind
from bridge.domain.partner_lines import for_partner
from bridge.domain.privacy import Redaction, patrons_of
from bridge.domain.request import Request
from bridge.domain.standing import standings
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import HistoryLine
from bridge.ledger.prepared import Prepared
from bridge.ledger.rows import row_or_husk

NOTE = schema.note
HISTORY = schema.history
REQUEST = schema.request
OPTION = "notes"
PUT = Prepared(insert(NOTE).inline())
WHOSE = Prepared(select(REQUEST.c.service, REQUEST.c.library, REQUEST.c.role).where(REQUEST.c.id == bindparam("of")))


@dataclass(frozen=True)
class NoteRule:
    """A source that is told lines of these kinds of its service's requests, for these libraries of ours.

    ``for_partner``: the other library reads them, so that only what is its business is told.
    """

    source: str
    service: str
    kinds: frozenset[NoteKind]
    libraries: frozenset[str]
    for_partner: bool = False

    def tells(self, service: str, library: str, role: Role, kind: NoteKind, line: str) -> bool:
        """Whether this line of such a request is told."""
        wanted = service == self.service and library in self.libraries and kind in self.kinds
        return wanted and (not self.for_partner or bool(for_partner(line, role)))


@dataclass(frozen=True)
class KeptNote:
    """A note of the ledger. ``unsure``: an earlier try may have arrived; ``note`` is ``None`` where its request cannot be read."""

    id: int
    source: str
    note: Note | None
    at: datetime
    tries: int
    unsure: bool
    problem: str
    dropped: bool = False


def rules_of(connection: Connection) -> Sequence[NoteRule]:
    """Who is told; nobody unless ``Outbox.tell`` said so."""
    found: Sequence[NoteRule] = connection.engine.get_execution_options().get(OPTION, ())
    return found


def put(connection: Connection, request_id: int, line: HistoryLine, history_id: int, rules: Sequence[NoteRule]) -> None:
    """Note that a line of the history is to be told, to whom it is told."""
    kind = note_kind(line.kind, line.line)
    if kind is None:
        return
    whose = WHOSE.first(connection, {"of": request_id})
    for rule in rules:
        if rule.tells(whose.service, whose.library, Role(whose.role), kind, line.line):
            PUT.run(
                connection,
                {
                    "source": rule.source,
                    "request_id": request_id,
                    "history_id": history_id,
                    "key": uuid4().hex,
                    "kind": kind.value,
                    "at": line.at,
                    "due_at": line.at,
                },
            )


class Outbox:
    """Notes to be sent. What a note says is the history's line, so that what is taken out there is out of the note too."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def tell(self, rules: Sequence[NoteRule]) -> None:
        """From now on what is written into histories is told by these rules."""
        self._database.engine.update_execution_options(**{OPTION: tuple(rules)})

    def take(self, source: str, *, patience: timedelta) -> KeptNote | None:
        """Take the first note that is due, behind no earlier one of its request; nobody else sends it until ``patience`` is over.

        Until its end is written, a try counts as one that may have arrived.
        """
        now = self._clock()
        before = NOTE.alias("before")
        earlier = and_(before.c.request_id == NOTE.c.request_id, before.c.source == NOTE.c.source)
        unsent = (before.c.sent_at.is_(None), before.c.dropped_at.is_(None), before.c.id < NOTE.c.id)
        behind = select(before.c.id).where(earlier, *unsent).exists()
        free = or_(NOTE.c.taken_until.is_(None), NOTE.c.taken_until <= now)
        open_ = (NOTE.c.sent_at.is_(None), NOTE.c.dropped_at.is_(None))
        due = (NOTE.c.source == source, *open_, NOTE.c.due_at <= now, free, ~behind)
        query = select(NOTE).where(*due).order_by(NOTE.c.due_at, NOTE.c.id).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            found = connection.execute(query).first()
            if found is None:
                return None
            taken = {"taken_until": now + patience, "unsure": 1}
            connection.execute(update(NOTE).where(NOTE.c.id == found.id).values(taken))
            return _kept(connection, found)

    def sent(self, note: KeptNote) -> None:
        """It is there."""
        self._mark(note, sent_at=self._clock(), problem="")

    def put_off(self, note: KeptNote, *, until: datetime, problem: str, unsure: bool) -> None:
        """It was not taken (or that is not known: ``unsure``); try again then."""
        values: dict[str, object] = {"due_at": until, "tries": note.tries + 1, "taken_until": None}
        self._mark(note, **values, problem=problem, unsure=int(unsure))

    def drop(self, note: KeptNote, problem: str, *, unsure: bool = True) -> None:
        """Try no more. ``unsure``: should it be tried again after all, it is looked up first."""
        self._mark(note, dropped_at=self._clock(), problem=problem, unsure=int(unsure))

    def _mark(self, note: KeptNote, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(update(NOTE).where(NOTE.c.id == note.id).values(values))

    def retry(self, source: str) -> int:
        """Try again, now, what was given up or waits; answers how many."""
        mine = (NOTE.c.source == source, NOTE.c.sent_at.is_(None))
        with self._database.write() as connection:
            again = update(NOTE).where(*mine).values(dropped_at=None, due_at=self._clock(), at=self._clock())
            return connection.execute(again).rowcount

    def unsent(self, *, limit: int = 1000) -> tuple[KeptNote, ...]:
        """Notes that wait or were given up, oldest first."""
        query = select(NOTE).where(NOTE.c.sent_at.is_(None)).order_by(NOTE.c.id).limit(limit)
        with self._database.read() as connection:
            return tuple(_kept(connection, found) for found in connection.execute(query).all())

    def waiting(self) -> tuple[NotesStanding, ...]:
        """How the notes of each source stand that has any unsent."""
        with self._database.read() as connection:
            return waiting_of(connection)

    def forget(self, before: datetime) -> None:
        """Forget what was sent or given up before then."""
        done = func.coalesce(NOTE.c.sent_at, NOTE.c.dropped_at)
        with self._database.write() as connection:
            connection.execute(delete(NOTE).where(done < before))


def waiting_of(connection: Connection) -> tuple[NotesStanding, ...]:
    """How the notes of each source stand that has any unsent; read from the partial index ``note_open``."""
    waits = and_(NOTE.c.sent_at.is_(None), NOTE.c.dropped_at.is_(None))
    query = select(
        NOTE.c.source,
        func.count().filter(waits).label("waiting"),
        func.min(NOTE.c.at).filter(waits).label("oldest"),
        func.count(NOTE.c.dropped_at).label("given_up"),
        func.max(NOTE.c.dropped_at).label("last_given_up"),
        func.max(NOTE.c.id).filter(NOTE.c.problem != "").label("latest"),
    ).where(schema.NOT_TOLD)
    rows = connection.execute(query.group_by(NOTE.c.source).order_by(NOTE.c.source)).all()
    problems = _problems(connection, [row.latest for row in rows if row.latest is not None])
    return tuple(
        NotesStanding(
            row.source, row.waiting, row.oldest, row.given_up, row.last_given_up, problems.get(row.latest, "")
        )
        for row in rows
    )


def _problems(connection: Connection, notes: Sequence[int]) -> Mapping[int, str]:
    if not notes:
        return {}
    told = select(NOTE.c.id, NOTE.c.problem).where(NOTE.c.id.in_(notes))
    return {row.id: row.problem for row in connection.execute(told)}


def _kept(connection: Connection, found: Any) -> KeptNote:  # noqa: ANN401 - a row
    note = _note(connection, found)
    return KeptNote(
        found.id,
        found.source,
        note,
        found.at,
        found.tries,
        bool(found.unsure),
        found.problem,
        found.dropped_at is not None,
    )


def _note(connection: Connection, found: Any) -> Note | None:  # noqa: ANN401 - a row
    """The line as it may leave the house: without an ILS's own words and what staff wrote, and should a patron stand in it, without."""
    line = connection.execute(select(HISTORY).where(HISTORY.c.id == found.history_id)).first()
    row = row_or_husk(connection.execute(select(REQUEST).where(REQUEST.c.id == found.request_id)).one())
    if line is None or not row.readable:
        return None
    commands = (row.pending.step.command,) if row.pending is not None else ()
    hidden = Redaction.of(patrons_of(row.request, row.record, commands))
    kind = NoteKind(found.kind)
    partner = _partner(row.request, line.step)
    return Note(found.key, row.request.key, row.name, kind, line.at, hidden.line(line.line), partner)


def _partner(request: Request, step: str) -> str:
    """The other library: the supplier whose leg the step was for, else that of the live one."""
    stands = standings(request)
    meant = next((each for each in stands if each.leg and step.startswith(f"{each.leg}:")), stands[-1])
    return meant.leg or meant.partner
