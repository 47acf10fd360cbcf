"""The audit's memory: which requests are to be looked at, what was found and since when, and how far the list of marks was read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridge.domain.audit import FindingGroup, KeptFinding
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.inbox import add_history
from bridge.ledger.model import Claimed, HistoryLine, LeaseLost, State

REQUEST = schema.request
FINDING = schema.audit_finding
LIST = schema.audit_list
HISTORY = "audit"
"""Kind of a history's lines that tell what the audit found."""


@dataclass(frozen=True)
class NewFinding:
    """A finding as it is seen now; ``subject`` is the same each time the same thing is seen."""

    subject: str
    library: str
    lane: str
    kind: str
    sentence: str
    barcode: str = ""
    repair: str = ""
    advice: str = ""
    request_id: int | None = None

    @property
    def told(self) -> str:
        """What is told in the history."""
        return " ".join(part for part in (self.sentence, self.advice) if part)


@dataclass(frozen=True)
class MarkList:
    """How far the list of what bears our mark was read in a lane; ``following`` is what is asked for next while it is being read."""

    lane: str
    begun_at: datetime | None = None
    following: str = ""
    listed: int = 0
    ended_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class DueFor:
    """Which requests of a library are to be looked at: open ones not seen since, finished ones closed between the two moments.

    Finished ones of which a finding stands count as open ones do. Where the library has its findings repaired, those that can be and were
    not are looked at again if they were not since ``mend_before``.
    """

    library: str
    open_before: datetime
    closed_after: datetime
    closed_before: datetime
    mend_before: datetime | None = None


class Audits:
    """Findings and looks."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def due(self, wanted: DueFor, *, limit: int | None = None) -> tuple[int, ...]:
        """Ledger ids of the requests to look at that nobody holds, those that were never seen or not for longest first."""
        now = self._clock()
        ids: dict[int, None] = {}
        queries = [_open_due(wanted, now), _found_due(wanted, now), _closed_due(wanted, now)]
        queries += [_mendable_due(wanted, wanted.mend_before, now)] if wanted.mend_before is not None else []
        with self._database.read() as connection:
            for query in queries:
                ids |= dict.fromkeys(connection.execute(query.limit(limit)).scalars())
        return tuple(ids)[:limit]

    def looked(
        self, held: Claimed, found: Sequence[NewFinding], *, let_go: bool, stays: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Note what one look at a claimed request found, in its history too where it is new or over; answers the new ones' sentences.

        ``stays`` are subjects that are not over, though they were not found: the look says nothing of them. ``let_go`` gives the request
        back as it is: nothing of it changes but when it was looked at. Raises ``LeaseLost``.
        """
        now = self._clock()
        given: dict[str, object] = {"audited_at": now}
        if let_go:
            given |= {"lease_until": None, "owner": ""}
        mine = (REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence)
        with self._database.write() as connection:
            if connection.execute(update(REQUEST).where(*mine).values(given)).rowcount == 0:
                raise LeaseLost(f"Request {held.row.name} was taken over by another worker.")
            before = _standing(connection, FINDING.c.request_id == held.row.id)
            fresh = _seen(connection, found, before, now)
            standing = {*stays, *(each.subject for each in found)}
            over = _gone(connection, [each for each in before if each not in standing], now)
            lines = [HistoryLine(now, HISTORY, f"Audit: {each.told}") for each in fresh]
            lines += [HistoryLine(now, HISTORY, f"Audit, no longer so: {before[each]}") for each in over]
            add_history(connection, held.row.id, lines)
        return tuple(each.sentence for each in fresh)

    def let_go(self, held: Claimed) -> None:
        """Give a claimed request back as it is, as if nobody had looked. Raises ``LeaseLost``."""
        mine = (REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence)
        with self._database.write() as connection:
            if not connection.execute(update(REQUEST).where(*mine).values(lease_until=None, owner="")).rowcount:
                raise LeaseLost(f"Request {held.row.name} was taken over by another worker.")

    def repaired(self, request_id: int, subjects: Collection[str]) -> None:
        """These findings of a request were repaired."""
        now = self._clock()
        with self._database.write() as connection:
            before = _standing(connection, FINDING.c.request_id == request_id)
            over = _gone(connection, [each for each in before if each in subjects], now)
            add_history(
                connection, request_id, [HistoryLine(now, HISTORY, f"Audit, repaired: {before[each]}") for each in over]
            )

    def seen(self, found: Sequence[NewFinding]) -> None:
        """Note findings that are no request's; those not seen any more are ended by ``ended``."""
        with self._database.write() as connection:
            before = _standing(connection, FINDING.c.subject.in_([each.subject for each in found]))
            _seen(connection, found, before, self._clock())

    def ended(self, lane: str, kind: str, *, unseen_since: datetime) -> int:
        """End a lane's findings of this kind that were last seen before this moment; answers how many."""
        stale = (FINDING.c.lane == lane, FINDING.c.kind == kind, schema.UNMENDED, FINDING.c.last_seen < unseen_since)
        with self._database.write() as connection:
            return connection.execute(update(FINDING).where(*stale).values(gone_at=self._clock())).rowcount

    def forget(self, before: datetime) -> None:
        """Findings that were over before this moment take no room any more."""
        with self._database.write() as connection:
            connection.execute(delete(FINDING).where(FINDING.c.gone_at < before))

    def standing(
        self, *, library: str = "", request_ids: Collection[int] | None = None, limit: int | None = None
    ) -> tuple[KeptFinding, ...]:
        """Findings that stand, by library and kind, the latest first; of one library, or these requests, where named."""
        wanted: list[Any] = [schema.UNMENDED]
        wanted += [FINDING.c.library == library] if library else []
        wanted += [FINDING.c.request_id.in_(request_ids)] if request_ids is not None else []
        with self._database.read() as connection:
            rows = connection.execute(_with_number(wanted).limit(limit)).all()
        return tuple(_kept(row) for row in rows)

    def groups(self, since: datetime, *, named: int) -> tuple[FindingGroup, ...]:
        """Findings that stand, by library and kind; ``named`` of each at most, those first seen after ``since`` counted as fresh."""
        groups: dict[tuple[str, str], list[KeptFinding]] = {}
        for each in self.standing():
            groups.setdefault((each.library, each.kind), []).append(each)
        return tuple(
            FindingGroup(
                library,
                kind,
                len(members),
                sum(each.first_seen > since for each in members),
                max(each.first_seen for each in members),
                tuple(members[:named]),
                tuple(each.subject for each in members),
            )
            for (library, kind), members in groups.items()
        )

    def elsewhere(self, request_id: int, lane: str, barcode: str) -> bool:
        """Whether another open request of the lane names this item; asked seldom, since it reads all open ones."""
        named = or_(REQUEST.c.document.contains(f'"{barcode}"', autoescape=True), _in_record(barcode))
        query = select(REQUEST.c.id).where(schema.UNFINISHED, REQUEST.c.lane == lane, REQUEST.c.id != request_id, named)
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def keeper_of(self, lane: str, vendor_id: str) -> int | None:
        """The open request of the lane in whose record this id of the ILS stands, if any; reads all open ones."""
        query = select(REQUEST.c.id).where(schema.UNFINISHED, REQUEST.c.lane == lane, _in_record(vendor_id))
        with self._database.read() as connection:
            found: int | None = connection.execute(query.limit(1)).scalar()
        return found

    def marked_list(self, lane: str) -> MarkList:
        """How far the list of a lane was read."""
        with self._database.read() as connection:
            row = connection.execute(select(LIST).where(LIST.c.lane == lane)).first()
        return _list(row) if row is not None else MarkList(lane)

    def lists(self) -> tuple[MarkList, ...]:
        """Every lane whose list was ever read, or could not be."""
        with self._database.read() as connection:
            return tuple(_list(row) for row in connection.execute(select(LIST).order_by(LIST.c.lane)))

    def keep_list(self, now: MarkList) -> None:
        """Note how far the list of a lane was read."""
        values = {
            "begun_at": now.begun_at,
            "following": now.following,
            "listed": now.listed,
            "ended_at": now.ended_at,
            "problem": now.problem,
        }
        with self._database.write() as connection:
            query = _insert(connection)(LIST).values(lane=now.lane, **values)
            connection.execute(query.on_conflict_do_update(index_elements=["lane"], set_=values))


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now)


def _open_due(wanted: DueFor, now: datetime) -> Select[Any]:
    last = func.coalesce(REQUEST.c.audited_at, REQUEST.c.created_at)
    due = (REQUEST.c.library == wanted.library, schema.CALM, last <= wanted.open_before, _free(now))
    return select(REQUEST.c.id).where(*due).order_by(last, REQUEST.c.id)


def _found_due(wanted: DueFor, now: datetime) -> Select[Any]:
    """Finished requests of which something stands: whether it still does is looked at as often as open ones are."""
    stands = select(FINDING.c.request_id).where(schema.UNMENDED, FINDING.c.request_id.is_not(None))
    due = (REQUEST.c.library == wanted.library, schema.CLOSED, REQUEST.c.audited_at <= wanted.open_before, _free(now))
    return select(REQUEST.c.id).where(REQUEST.c.id.in_(stands), *due).order_by(REQUEST.c.audited_at, REQUEST.c.id)


def _mendable_due(wanted: DueFor, before: datetime, now: datetime) -> Select[Any]:
    """What a repair would end that was put off, or cut off: of requests that rest."""
    mendable = select(FINDING.c.request_id).where(
        schema.UNMENDED, FINDING.c.request_id.is_not(None), FINDING.c.repair != ""
    )
    rests = REQUEST.c.state.in_([State.IN_STEP.value, State.CLOSED.value])
    due = (REQUEST.c.library == wanted.library, rests, REQUEST.c.audited_at < before, _free(now))
    return select(REQUEST.c.id).where(REQUEST.c.id.in_(mendable), *due).order_by(REQUEST.c.audited_at, REQUEST.c.id)


def _closed_due(wanted: DueFor, now: datetime) -> Select[Any]:
    """Once after each time it was worked on: a look itself is no work."""
    closed = and_(REQUEST.c.updated_at > wanted.closed_after, REQUEST.c.updated_at <= wanted.closed_before)
    unseen = or_(REQUEST.c.audited_at.is_(None), REQUEST.c.audited_at < REQUEST.c.updated_at)
    due = (REQUEST.c.library == wanted.library, schema.CLOSED, closed, unseen)
    return select(REQUEST.c.id).where(*due, _free(now)).order_by(REQUEST.c.updated_at, REQUEST.c.id)


def _in_record(value: str) -> ColumnElement[bool]:
    return REQUEST.c.record.contains(f'"{value}"', autoescape=True)


def _standing(connection: Connection, wanted: ColumnElement[bool]) -> dict[str, str]:
    """Subjects of the findings that stand, each with its sentence."""
    query = select(FINDING.c.subject, FINDING.c.sentence).where(schema.UNMENDED, wanted)
    return {row.subject: row.sentence for row in connection.execute(query)}


def _seen(
    connection: Connection, found: Iterable[NewFinding], before: Collection[str], now: datetime
) -> list[NewFinding]:
    """Keep what was found; answers what is new."""
    fresh = []
    for each in found:
        said = {"sentence": each.sentence, "repair": each.repair, "advice": each.advice, "barcode": each.barcode}
        if each.subject in before:
            mine = (FINDING.c.subject == each.subject, schema.UNMENDED)
            connection.execute(update(FINDING).where(*mine).values(last_seen=now, **said))
            continue
        who = {"subject": each.subject, "library": each.library, "lane": each.lane, "kind": each.kind}
        new = _insert(connection)(FINDING).values(
            request_id=each.request_id, first_seen=now, last_seen=now, **who, **said
        )
        once = new.on_conflict_do_nothing(index_elements=["subject"], index_where=schema.UNMENDED)
        if connection.execute(once.returning(FINDING.c.id)).first() is not None:  # else another daemon was quicker
            fresh.append(each)
    return fresh


def _insert(connection: Connection) -> type[sqlite.Insert] | type[postgresql.Insert]:
    return sqlite.Insert if connection.dialect.name == "sqlite" else postgresql.Insert


def _gone(connection: Connection, subjects: Sequence[str], now: datetime) -> Sequence[str]:
    if subjects:
        mine = (FINDING.c.subject.in_(subjects), schema.UNMENDED)
        connection.execute(update(FINDING).where(*mine).values(gone_at=now))
    return subjects


def _with_number(wanted: Sequence[Any]) -> Select[Any]:
    query = select(FINDING, REQUEST.c.number).outerjoin(REQUEST, REQUEST.c.id == FINDING.c.request_id)
    return query.where(*wanted).order_by(
        FINDING.c.library, FINDING.c.kind, FINDING.c.first_seen.desc(), FINDING.c.id.desc()
    )


def _kept(row: Any) -> KeptFinding:  # noqa: ANN401 - a row
    return KeptFinding(
        row.id,
        row.subject,
        row.library,
        row.lane,
        row.kind,
        row.request_id,
        row.barcode,
        row.sentence,
        row.repair,
        row.advice,
        row.first_seen,
        row.last_seen,
        row.number or "",
    )


def _list(row: Any) -> MarkList:  # noqa: ANN401 - a row
    return MarkList(row.lane, row.begun_at, row.following, row.listed, row.ended_at, row.problem)
