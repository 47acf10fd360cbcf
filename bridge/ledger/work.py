"""The work on requests: claimed under a lease with a fence, every step journalled before and after its call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Update, exists, func, insert, or_, select, update

from bridge.domain.attention import common_reason
from bridge.domain.plan import Step
from bridge.domain.record import Record
from bridge.domain.request import Request
from bridge.ledger import codec, schema
from bridge.ledger.database import Database
from bridge.ledger.inbox import add_history
from bridge.ledger.libraries import guard_quota
from bridge.ledger.model import OPEN_STATES, Claimed, HistoryLine, LeaseLost, Pending, Quota, State, StepState, Verdict
from bridge.ledger.rows import row_of

REQUEST = schema.request
STEP = schema.step


class Work:
    """Claims, the journal of steps, and releases.

    Every write but a claim is refused to a worker whose lease was taken over. A step is begun, and a lease lengthened, only while
    the lease runs: a lane's cap and the other side of a conversation no longer count one that ran out.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def claim(self, lane: str, *, owner: str, lease: timedelta, cap: int) -> Claimed | None:
        """Take the next due request of an open lane that is below its cap; live changes before backlog, then by due time."""
        now = self._clock()
        with self._database.write() as connection:
            if not _lane_open(connection, lane, now) or _leased(connection, lane, now) >= cap:
                return None
            found = connection.execute(_next_due(lane, now)).first()
            if found is None:
                return None
            until = now + lease
            fence = found.fence + 1
            connection.execute(
                update(REQUEST).where(REQUEST.c.id == found.id).values(lease_until=until, owner=owner, fence=fence)
            )
        return Claimed(row_of(found), fence, until)

    def claim_one(self, request_id: int, *, owner: str, lease: timedelta) -> Claimed | None:
        """Take this request, whatever its state, unless it is leased; for a resync by hand."""
        now = self._clock()
        with self._database.write() as connection:
            free = or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now)
            query = select(REQUEST).where(REQUEST.c.id == request_id, free).with_for_update(skip_locked=True)
            found = connection.execute(query).first()
            if found is None:
                return None
            fence, until = found.fence + 1, now + lease
            connection.execute(
                update(REQUEST).where(REQUEST.c.id == request_id).values(lease_until=until, owner=owner, fence=fence)
            )
        return Claimed(row_of(found), fence, until)

    def extend(self, held: Claimed, *, lease: timedelta) -> None:
        """Hold the lease longer. Raises ``LeaseLost``."""
        with self._database.write() as connection:
            now = self._clock()
            self._guarded(connection, held, _running(now).values(lease_until=now + lease))

    def refreshed(self, held: Claimed) -> Claimed:
        """The same claim with what has come in since. Raises ``LeaseLost``."""
        with self._database.read() as connection:
            found = connection.execute(select(REQUEST).where(REQUEST.c.id == held.row.id)).one()
        if found.fence != held.fence:
            raise LeaseLost(f"Request {held.row.name} was taken over by another worker.")
        return Claimed(row_of(found), held.fence, held.lease_until)

    def start(self, held: Claimed, step: Step, *, quota: Quota | None = None) -> None:
        """Journal a step as started, before its call. Raises ``LeaseLost``, and ``QuotaReached`` for a deletion beyond the quota."""
        now = self._clock()
        with self._database.write() as connection:
            if quota is not None:
                guard_quota(connection, quota, now)
            pending = codec.step_text(step, StepState.STARTED.value)
            self._guarded(connection, held, _running(now).values(pending=pending, updated_at=now))
            _journal_start(connection, held.row.id, step, now)

    def keep(self, held: Claimed, record: Record) -> None:
        """Store what a step has learned so far, while it is under way. Raises ``LeaseLost``."""
        with self._database.write() as connection:
            self._guarded(connection, held, update(REQUEST).values(record=codec.record_text(record)))

    def correct(self, held: Claimed, request: Request, lines: Sequence[HistoryLine]) -> None:
        """Store what staff set right, which is news to whoever works on the request. Raises ``LeaseLost``."""
        values = {"document": codec.request_text(request), "version": REQUEST.c.version + 1}
        with self._database.write() as connection:
            self._guarded(connection, held, update(REQUEST).values(values))
            add_history(connection, held.row.id, lines)

    def finish(self, held: Claimed, step: Step, state: StepState, record: Record, lines: Sequence[HistoryLine]) -> int:
        """Journal a step's end with the new record and its sentences; answers the request's version now.

        ``unknown`` leaves the step pending, so that it is verified before anything else. Raises ``LeaseLost``.
        """
        now = self._clock()
        pending = codec.step_text(step, state.value) if state is StepState.UNKNOWN else None
        values: dict[str, object] = {"pending": pending, "record": codec.record_text(record), "updated_at": now}
        if state in {StepState.DONE, StepState.ALREADY}:
            values["attempts"] = 0
        with self._database.write() as connection:
            version = self._guarded(connection, held, update(REQUEST).values(values))
            problem = lines[-1].line if state in {StepState.REFUSED, StepState.UNKNOWN} and lines else ""
            connection.execute(
                update(STEP)
                .where(STEP.c.request_id == held.row.id, STEP.c.key == str(step.key))
                .values(state=state.value, finished_at=now, problem=problem)
            )
            add_history(connection, held.row.id, lines)
        return version

    def verified(self, held: Claimed, pending: Pending, record: Record, lines: Sequence[HistoryLine]) -> None:
        """A step of unknown end was looked up in the ILS: the record says what is true now. Raises ``LeaseLost``."""
        now = self._clock()
        with self._database.write() as connection:
            values = {"pending": None, "record": codec.record_text(record), "updated_at": now}
            self._guarded(connection, held, update(REQUEST).values(values))
            connection.execute(
                update(STEP)
                .where(STEP.c.request_id == held.row.id, STEP.c.key == str(pending.step.key))
                .values(finished_at=now, problem="looked up in the ILS")
            )
            add_history(connection, held.row.id, lines)

    def release(self, held: Claimed, verdict: Verdict, *, version: int) -> State:
        """Give a request back. News that came since ``version`` makes it due at once. Raises ``LeaseLost``."""
        now = self._clock()
        with self._database.write() as connection:
            known = (REQUEST.c.version, REQUEST.c.parked_at, REQUEST.c.parked_cause, REQUEST.c.parked_reason)
            before = connection.execute(select(*known).where(REQUEST.c.id == held.row.id)).one()
            state, due_at = (verdict.state, verdict.due_at) if before.version == version else (State.DUE, now)
            values = {
                "state": state.value,
                "due_at": due_at,
                "status": verdict.status,
                "attempts": verdict.attempts,
                "backlog": int(verdict.backlog),
                "afresh": int(verdict.afresh),
                "lease_until": None,
                "owner": "",
                "parked_goal": verdict.parked.goal,
                "parked_cause": verdict.parked.cause,
                "parked_reason": verdict.parked.reason,
                "parked_advice": verdict.parked.advice,
                "parked_at": _parked_at(before, verdict, now),
                "updated_at": now,
            }
            self._guarded(connection, held, update(REQUEST).values(values))
            add_history(connection, held.row.id, verdict.lines)
        return state

    def look_afresh(self) -> int:
        """Have every open request looked up in the ILS before anything else is done for it; answers how many."""
        open_states = [state.value for state in OPEN_STATES]
        values = {"afresh": 1, "state": State.DUE.value, "due_at": self._clock(), "backlog": 1, "parked_goal": ""}
        with self._database.write() as connection:
            return connection.execute(update(REQUEST).where(REQUEST.c.state.in_(open_states)).values(values)).rowcount

    def take_up(self, libraries: Sequence[str]) -> int:
        """Plan anew what was only observed in these libraries; answers how many requests."""
        values = {"state": State.DUE.value, "due_at": self._clock(), "backlog": 1}
        observed = REQUEST.c.state == State.OBSERVED.value
        with self._database.write() as connection:
            query = update(REQUEST).where(observed, REQUEST.c.library.in_(libraries)).values(values)
            return connection.execute(query).rowcount

    def free_all(self) -> int:
        """Free every lease at once; for a daemon that holds the file's lock, so that nobody else can hold one."""
        with self._database.write() as connection:
            freed = connection.execute(
                update(REQUEST).where(REQUEST.c.lease_until.is_not(None)).values(lease_until=None, owner="")
            )
        return freed.rowcount

    def due_lanes(self) -> tuple[tuple[str, datetime], ...]:
        """Lanes with work that nobody holds, and when their next request falls due."""
        now = self._clock()
        free = or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now)
        due = func.min(REQUEST.c.due_at)
        query = select(REQUEST.c.lane, due).where(schema.WORK_WAITS, free, ~_held(now)).group_by(REQUEST.c.lane)
        with self._database.read() as connection:
            return tuple((name, due) for name, due in connection.execute(query) if due is not None)

    def _guarded(self, connection: Connection, held: Claimed, change: Update) -> int:
        """Carry out a change of the claimed row, if its fence still is ours; answers the row's version."""
        done = connection.execute(
            change.where(REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence).returning(REQUEST.c.version)
        ).first()
        if done is None:
            raise LeaseLost(f"The lease on request {held.row.name} ran out, or another worker took it over.")
        return int(done.version)


def _parked_at(before: Any, verdict: Verdict, now: datetime) -> datetime | None:  # noqa: ANN401 - a row
    """Since when a request is parked (or waits for staff); parked again for the same reason is no news."""
    if verdict.state not in {State.PARKED, State.STAFF}:
        return None
    same = before.parked_cause == verdict.parked.cause
    same = same and common_reason(before.parked_reason) == common_reason(verdict.parked.reason)
    since: datetime | None = before.parked_at if same else None
    return since or now


def _running(now: datetime) -> Update:
    return update(REQUEST).where(REQUEST.c.lease_until > now)


def _lane_open(connection: Connection, lane: str, now: datetime) -> bool:
    """Read the lane under a lock, so that two daemons never pass its cap together."""
    query = select(schema.lane).where(schema.lane.c.name == lane).with_for_update()
    found = connection.execute(query).first()
    if found is None:
        return True
    return found.paused_until is None and (found.held_until is None or found.held_until <= now)


def _held(now: datetime) -> ColumnElement[bool]:
    """Whether a request's library is held."""
    libraries = schema.library
    return REQUEST.c.library.in_(select(libraries.c.name).where(libraries.c.held_until > now))


def _leased(connection: Connection, lane: str, now: datetime) -> int:
    query = select(func.count()).where(
        REQUEST.c.lane == lane, REQUEST.c.lease_until.is_not(None), REQUEST.c.lease_until > now
    )
    return int(connection.execute(query).scalar_one())


def _next_due(lane: str, now: datetime) -> Select[tuple[object, ...]]:
    other = REQUEST.alias("other")
    spoken_with = exists().where(
        other.c.conversation == REQUEST.c.conversation, other.c.lease_until.is_not(None), other.c.lease_until > now
    )
    return (
        select(REQUEST)
        .where(
            REQUEST.c.lane == lane,
            schema.WORK_WAITS,
            REQUEST.c.due_at <= now,
            or_(REQUEST.c.lease_until.is_(None), REQUEST.c.lease_until <= now),
            ~spoken_with,
            ~_held(now),
        )
        .order_by(REQUEST.c.backlog, REQUEST.c.due_at, REQUEST.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=REQUEST)
    )


def _journal_start(connection: Connection, request_id: int, step: Step, now: datetime) -> None:
    again = connection.execute(
        update(STEP)
        .where(STEP.c.request_id == request_id, STEP.c.key == str(step.key))
        .values(
            state=StepState.STARTED.value,
            command=codec.command_text(step.command),
            attempts=STEP.c.attempts + 1,
            started_at=now,
            finished_at=None,
            problem="",
        )
    )
    if again.rowcount == 0:
        values = {
            "request_id": request_id,
            "key": str(step.key),
            "verb": step.key.verb.value,
            "state": StepState.STARTED.value,
            "command": codec.command_text(step.command),
            "attempts": 1,
            "started_at": now,
        }
        connection.execute(insert(STEP).values(values))
