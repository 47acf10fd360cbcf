"""The work on requests: claimed under a lease with a fence, every step journalled before and after its call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.domain.care import READING
from bridge.domain.plan import Step
from bridge.domain.record import Record
from bridge.domain.request import Correction
from bridge.ledger import codec, schema, statements
from bridge.ledger.claims import claim_next, claim_this
from bridge.ledger.database import Database
from bridge.ledger.inbox import add_history
from bridge.ledger.libraries import guard_quota
from bridge.ledger.model import (
    OPEN_STATES,
    Claimed,
    Ending,
    HistoryLine,
    LeaseLost,
    Parked,
    Pending,
    Quota,
    State,
    StepState,
    Terms,
    Verdict,
)
from bridge.ledger.rows import row_or_husk
from bridge.ledger.watches import keep_watches

REQUEST = schema.request
PARKED = (REQUEST.c.parked_at, REQUEST.c.parked_cause, REQUEST.c.parked_reason)
WELL = frozenset({StepState.DONE, StepState.ALREADY})
UNWELL = frozenset({StepState.REFUSED, StepState.UNKNOWN})


class Work:
    """Claims, the journal of steps, and releases.

    Durable before anything is done outside are the start of a step that writes to the ILS, and what is learned while one is under way.
    Claims, ends and releases are relaxed: where a power cut takes one away, the step still stands as started, and is looked up.

    Every write but a claim is refused to a worker whose lease was taken over. A step is begun, and a lease lengthened, only while
    the lease runs: a lane's cap and the other side of a conversation no longer count one that ran out.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def claim(self, lane: str, *, owner: str, lease: timedelta, cap: int) -> Claimed | None:
        """Take the next due request of an open lane below its cap: live changes, then backlog, then what is parked and tried again.

        What this release cannot read is parked, so that it is in nobody's way.
        """
        with self._database.write(relaxed=True) as connection:
            held = claim_next(connection, lane, Terms(owner, lease, cap), self._clock())
        if held is None or held.row.readable:
            return held
        self.set_aside(held)
        return self.claim(lane, owner=owner, lease=lease, cap=cap)

    def set_aside(self, held: Claimed) -> None:
        """Park what this release cannot read. Raises ``LeaseLost``."""
        self.release(held, Verdict(State.PARKED, held.row.status, parked=held.row.parked), version=held.row.version)

    def claim_one(self, request_id: int, *, owner: str, lease: timedelta) -> Claimed | None:
        """Take this request, whatever its state, unless it or the other side of its conversation is leased; for what staff ask."""
        with self._database.write() as connection:
            return claim_this(connection, request_id, owner=owner, lease=lease, now=self._clock())

    def begin(self, held: Claimed) -> None:
        """Work is about to be done for a request that was not due: should it be cut off, the next worker goes on. Raises ``LeaseLost``."""
        mine = (REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence)
        due = {"state": State.DUE.value, "due_at": self._clock(), "backlog": 0}
        with self._database.write() as connection:
            if connection.execute(update(REQUEST).where(*mine).values(due)).rowcount == 0:
                raise _lost(held)

    def give_back(self, held: Claimed) -> None:
        """Let go of what was claimed and not begun: it is due as before. Raises ``LeaseLost``."""
        row = held.row
        as_before = Verdict(
            State.DUE, row.status, due_at=self._clock(), attempts=row.attempts, afresh=row.afresh, look=row.look
        )
        self.release(held, as_before, version=row.version)

    def extend(self, held: Claimed, *, lease: timedelta) -> None:
        """Hold the lease longer. Raises ``LeaseLost``."""
        with self._database.write() as connection:
            now = self._clock()
            mine = (REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence, REQUEST.c.lease_until > now)
            done = connection.execute(update(REQUEST).where(*mine).values(lease_until=now + lease))
            if done.rowcount == 0:
                raise _lost(held)
        held.lease.until = now + lease

    def refreshed(self, held: Claimed) -> Claimed:
        """The same claim with what has come in since. Raises ``LeaseLost``."""
        with self._database.read() as connection:
            found = connection.execute(select(REQUEST).where(REQUEST.c.id == held.row.id)).one()
        if found.fence != held.fence:
            raise LeaseLost(f"Request {held.row.name} was taken over by another worker.")
        return Claimed(row_or_husk(found), held.fence, held.lease)

    def start(self, held: Claimed, step: Step, *, quota: Quota | None = None) -> None:
        """Journal a step as started, before its call. Raises ``LeaseLost``, and ``QuotaReached`` for a deletion beyond the quota."""
        with self._database.write(relaxed=step.key.verb in READING) as connection:
            self._begin(connection, held, step, quota)

    def go_on(self, held: Claimed, ending: Ending, step: Step, *, version: int, quota: Quota | None = None) -> int:
        """Journal a step's end and the next one's start in one transaction; answers the request's version now.

        Where that no longer is ``version``, only the end is journalled: the next step may be another. Raises ``LeaseLost`` (where the lease
        merely ran out, the end is journalled all the same) and ``QuotaReached`` (nothing is journalled).
        """
        with self._database.write(relaxed=step.key.verb in READING) as connection:
            current, runs = self._end(connection, held, ending)
            if runs and current == version:
                self._begin(connection, held, step, quota)
        if not runs:
            raise _lost(held)
        return current

    def keep(self, held: Claimed, record: Record, lines: Sequence[HistoryLine] = ()) -> None:
        """Store what was learned so far, while a step or a sitting is under way, with the lines that tell it. Raises ``LeaseLost``."""
        with self._database.write() as connection:
            _mine(statements.KEEP.first(connection, _of(held) | {"learned": codec.record_text(record)}), held)
            add_history(connection, held.row.id, lines)

    def settle(self, held: Claimed, record: Record, lines: Sequence[HistoryLine], *, step: Step | None = None) -> None:
        """Store what staff settled, with the lines that tell it, and that the request is due and stopped for nothing any more.

        All in one transaction: should whoever carries it out be cut off and do it again, nothing else is settled in its place. ``step`` is
        one of unknown end, which their word ends. Raises ``LeaseLost``.
        """
        due = {"state": State.DUE.value, "due_at": self._clock(), "backlog": 0, "attempts": 0}
        nothing = {"parked_goal": "", "parked_cause": "", "parked_reason": "", "parked_advice": "", "parked_at": None}
        with self._database.write() as connection:
            if step is None:
                _mine(statements.KEEP.first(connection, _of(held) | {"learned": codec.record_text(record)}), held)
                add_history(connection, held.row.id, lines)
            else:
                self._end(connection, held, Ending(step, StepState.ALREADY, record, tuple(lines)))
            connection.execute(update(REQUEST).where(REQUEST.c.id == held.row.id).values(due | nothing))

    def correct(self, held: Claimed, corrections: tuple[Correction, ...], lines: Sequence[HistoryLine]) -> None:
        """Store what staff set right, beside whatever was said of the request since it was claimed. Raises ``LeaseLost``."""
        mine = (REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence)
        with self._database.write() as connection:
            document = connection.execute(select(REQUEST.c.document).where(*mine).with_for_update()).scalar()
            if document is None:
                raise _lost(held)
            request = replace(codec.request_from(document), corrections=corrections)
            values = {"document": codec.request_text(request), "version": REQUEST.c.version + 1}
            connection.execute(update(REQUEST).where(*mine).values(values))
            add_history(connection, held.row.id, lines)

    def finish(
        self,
        held: Claimed,
        step: Step,
        state: StepState,
        record: Record,
        lines: Sequence[HistoryLine],
        *,
        problem: str = "",
    ) -> int:
        """Journal a step's end with the new record and its sentences; answers the request's version now.

        ``unknown`` leaves the step pending, so that it is verified before anything else. Raises ``LeaseLost``.
        """
        with self._database.write() as connection:
            current, _ = self._end(connection, held, Ending(step, state, record, tuple(lines), problem))
        return current

    def verified(self, held: Claimed, pending: Pending, record: Record, lines: Sequence[HistoryLine]) -> None:
        """A step of unknown end was looked up in the ILS: the record says what is true now. Raises ``LeaseLost``."""
        now = self._clock()
        mine = (REQUEST.c.id == held.row.id, REQUEST.c.fence == held.fence)
        values = {"pending": None, "record": codec.record_text(record), "updated_at": now}
        with self._database.write() as connection:
            if connection.execute(update(REQUEST).where(*mine).values(values)).rowcount == 0:
                raise _lost(held)
            connection.execute(
                update(schema.step)
                .where(schema.step.c.request_id == held.row.id, schema.step.c.key == str(pending.step.key))
                .values(finished_at=now, problem="looked up in the ILS")
            )
            add_history(connection, held.row.id, lines)

    def release(self, held: Claimed, verdict: Verdict, *, version: int, ending: Ending | None = None) -> State:
        """Give a request back, with the end of the last step where one is given. News that came since ``version`` makes it due at once.

        The verdict's line is left out where it was the last thing said, or where news came. The disk is waited for where a record is kept
        with it, since staff go by what they are shown. Raises ``LeaseLost``.
        """
        with self._database.write(relaxed=verdict.record is None) as connection:
            released = self._released(held, verdict, version) | {"since": self._parked_since(connection, held, verdict)}
            if ending is None:
                state = _mine(statements.RELEASE.first(connection, released), held)
            else:
                learned = {"learned": codec.record_text(ending.record)}
                state = _mine(statements.END_AND_RELEASE.first(connection, released | learned), held)
                self._note_end(connection, held, ending)
            if verdict.record is not None and state == verdict.state:
                told = _of(held) | {"learned": codec.record_text(verdict.record)}
                _mine(statements.KEEP.first(connection, told), held)
            if verdict.watches is not None:
                keep_watches(connection, held, verdict)
            said = ending.lines if ending is not None else ()
            news = verdict.lines if state == verdict.state else ()
            add_history(connection, held.row.id, (*said, *_unsaid(connection, held.row.id, said, news)))
        return State(str(state))

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
        with self._database.read() as connection:
            rows = statements.DUE_LANES.all(connection, {"now": self._clock()})
        waits = ((row.name, tuple(filter(None, (row.live, row.backlog, row.again)))) for row in rows)
        return tuple((name, min(due)) for name, due in waits if due)

    def _begin(self, connection: Connection, held: Claimed, step: Step, quota: Quota | None) -> None:
        now = self._clock()
        if quota is not None:
            guard_quota(connection, quota, now)
        command = codec.command_text(step.command)
        pending = codec.step_text(step, StepState.STARTED.value, command, since=now)
        _mine(statements.BEGIN_STEP.first(connection, _of(held) | {"step": pending, "now": now}), held)
        begun = {
            "of": held.row.id,
            "named": str(step.key),
            "with_verb": step.key.verb.value,
            "with_command": command,
            "as_state": StepState.STARTED.value,
            "now": now,
        }
        statements.STEP_BEGUN[connection.dialect.name].run(connection, begun)

    def _end(self, connection: Connection, held: Claimed, ending: Ending) -> tuple[int, bool]:
        """Journal an end; answers the request's version now, and whether the lease still runs."""
        now = self._clock()
        unknown = ending.state is StepState.UNKNOWN
        values = {
            "step": codec.step_text(ending.step, ending.state.value, since=now) if unknown else None,
            "learned": codec.record_text(ending.record),
            "succeeded": int(ending.state in WELL),
            "now": now,
        }
        found = statements.END_STEP.first(connection, _of(held) | values)
        if found is None:
            raise _lost(held)
        self._note_end(connection, held, ending)
        add_history(connection, held.row.id, ending.lines)
        return int(found.version), found.lease_until is not None and found.lease_until > now

    def _note_end(self, connection: Connection, held: Claimed, ending: Ending) -> None:
        ended = {
            "of": held.row.id,
            "named": str(ending.step.key),
            "as_state": ending.state.value,
            "why": ending.problem or (ending.lines[-1].line if ending.state in UNWELL and ending.lines else ""),
            "now": self._clock(),
        }
        statements.STEP_ENDED.run(connection, ended)

    def _released(self, held: Claimed, verdict: Verdict, version: int) -> dict[str, object]:
        return {
            **_of(held),
            "known": version,
            "as_state": verdict.state.value,
            "due": verdict.due_at,
            "as_status": verdict.status,
            "tried": verdict.attempts,
            "behind": int(verdict.backlog),
            "again": int(verdict.afresh),
            "glance": int(verdict.look),
            "finished": None if verdict.state in OPEN_STATES else self._clock(),
            "goal": verdict.parked.goal,
            "cause": verdict.parked.cause,
            "reason": verdict.parked.reason,
            "advice": verdict.parked.advice,
            "now": self._clock(),
        }

    def _parked_since(self, connection: Connection, held: Claimed, verdict: Verdict) -> datetime | None:
        if verdict.state not in {State.PARKED, State.STAFF}:
            return None
        before = connection.execute(select(*PARKED).where(REQUEST.c.id == held.row.id)).one()
        same = Parked("", before.parked_cause, before.parked_reason).alike(verdict.parked)
        since: datetime | None = before.parked_at if same else None
        return since or self._clock()


def _of(held: Claimed) -> dict[str, object]:
    return {"of": held.row.id, "my_fence": held.fence}


def _mine(found: Any, held: Claimed) -> object:  # noqa: ANN401 - a row
    """What a change of the claimed row gives back, if its fence still is ours."""
    if found is None:
        raise _lost(held)
    return found[0]


def _lost(held: Claimed) -> LeaseLost:
    return LeaseLost(f"The lease on request {held.row.name} ran out, or another worker took it over.")


def _unsaid(
    connection: Connection, request_id: int, said: Sequence[HistoryLine], news: Sequence[HistoryLine]
) -> Sequence[HistoryLine]:
    """How a request stands, unless only changes came in since it was said before."""
    if not news:
        return ()
    last = said[-1].line if said else statements.LAST_SAID.scalar(connection, {"of": request_id})
    return () if last == news[0].line else news
