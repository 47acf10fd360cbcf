"""One request: goal − record = next step, until there is nothing left to do. Every step is journalled before and after its call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bridge.connectors.base import Call
from bridge.domain.align import compared
from bridge.domain.capabilities import Ability
from bridge.domain.care import READING, hands_off, is_drill
from bridge.domain.commands import CheckOut, CreateTemporaryItem, PlaceHold, Verb
from bridge.domain.goal import Goal, goal_of
from bridge.domain.identity import Role, mark_for
from bridge.domain.inspection import inspection, review
from bridge.domain.learn import amend, happened, keep, learn
from bridge.domain.parking import Nights, advice_for
from bridge.domain.plan import PATRON, StaffTask, Step, VolumeKey, next_step, volume_key
from bridge.domain.policy import AlignDueDate, Policy
from bridge.domain.preview import MOST_STEPS, preview
from bridge.domain.record import Existence, HoldState, ItemRecord, Learned, Outcome, OutcomeKind, Record
from bridge.domain.request import Request
from bridge.domain.sentences import status_of, step_sentence
from bridge.domain.standing import Standing, standings
from bridge.engine.boundary import Boundary, Passing, pass_by
from bridge.engine.counting import Counting, Uncounted
from bridge.engine.failing import ITS_OWN, NOT_ACCEPTED, singled_out, unnamed
from bridge.engine.lane import WorkLane
from bridge.engine.leases import in_hand, must_hold
from bridge.engine.looking import LOOK_AGAIN, LOOK_EVERY, look, watches_of
from bridge.engine.schedule import RetrySchedule
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.ledger import (
    Claimed,
    Ending,
    HistoryLine,
    Ledger,
    Look,
    Parked,
    Pending,
    Quota,
    QuotaReached,
    State,
    StepState,
    Verdict,
    Watch,
)
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER, Row

log = structlog.get_logger(__name__)

NOT_CONFIGURED = "not_configured"
INSPECT = "inspect"
MOST_UNKNOWN = 2
"""Unclear ends looked up at once in one sitting; after that the request waits."""


@dataclass
class Sitting:
    """One worker with one request, from claim to release. ``again``: it is parked and tried again by itself.

    ``attempts``: tries that failed before, none since something went well. ``down``: the ILS is; ``shared``: it fails alike on others.
    """

    held: Claimed
    policy: Policy
    record: Record
    version: int
    failures: dict[VolumeKey, IlsError] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    unknown: int = 0
    attempts: int = 0
    down: bool = False
    shared: bool = False
    reviewed: bool = False
    again: bool = False
    looked: bool = False
    look_again: timedelta | None = None
    ending: Ending | None = None
    planned: tuple[Request, tuple[Standing, ...], Goal] | None = None

    @property
    def goal(self) -> Goal:
        """What should exist now."""
        return self._plan()[1]

    @property
    def status(self) -> str:
        """The status a person sees."""
        return status_of(self._plan()[0])

    @property
    def in_vain(self) -> bool:
        """Whether it is tried again by itself and stands as before: no news came, nothing was learned."""
        row = self.held.row
        return self.again and row.state is State.PARKED and self.record == row.record

    @property
    def identifiers(self) -> tuple[str, ...]:
        """How the patron is named, here and in the ILS."""
        patron = self.record.patron
        return (self.goal.patron_id, *((patron.asked, patron.patron_id) if patron else ()))

    def _plan(self) -> tuple[tuple[Standing, ...], Goal]:
        """Standings and goal, worked out once for a request as it stands."""
        request = self.held.row.request
        if self.planned is None or self.planned[0] is not request:
            stands = standings(request)
            self.planned = request, stands, goal_of(request, stands, self.policy)
        return self.planned[1:]


class Reconciler:
    """Brings claimed requests of one lane in step."""

    def __init__(
        self,
        ledger: Ledger,
        lane: WorkLane,
        policy_of: Callable[[str], Policy],
        *,
        schedule: RetrySchedule | None = None,
        nights: Nights | None = None,
        stopping: Callable[[], bool] = lambda: False,
        passing: Passing = pass_by,
        counting: Counting | None = None,
    ) -> None:
        self._ledger = ledger
        self._lane = lane
        self._policy_of = policy_of
        self._schedule = schedule or RetrySchedule()
        self._nights = nights or Nights()
        self._stopping = stopping
        self._passing = passing
        self._counting = counting or Uncounted()

    def work(self, held: Claimed, *, afresh: bool = False) -> State:
        """Work on a claimed request until it is in step or cannot go on, then give it back.

        ``afresh`` reads the record from the ILS first, as a resync does. Raises ``LeaseLost`` where another worker took over.
        """
        key = held.row.request.key
        named = structlog.contextvars.bound_contextvars(request=held.row.name, library=key.library, ils=self._lane.name)
        with named, in_hand(held, self._ledger.clock):
            self._passing(Boundary.CLAIMED)
            if not self.knows(key.library):
                return self._ledger.work.release(held, _homeless(held, self._ledger.clock()), version=held.row.version)
            wanted = afresh or held.row.afresh
            sitting = replace(self.sitting(held), again=self._night(held.row) and not wanted)
            verdict = self._judged(sitting, afresh=wanted)
            seen = sitting.looked or sitting.reviewed
            verdict = replace(
                verdict, afresh=wanted and not sitting.reviewed, look=Look.NONE if seen else held.row.look
            )
            verdict = replace(verdict, watches=self._watches(sitting, verdict.state), looked=seen)
            state = self._ledger.work.release(held, verdict, version=sitting.version, ending=sitting.ending)
            self._journalled(sitting.ending)
            self._passing(Boundary.RELEASED)
            self._counting.released(key.library, state)
            log.info("request.released", state=state.value, status=verdict.status, cause=verdict.parked.cause)
            return state

    def knows(self, library: str) -> bool:
        """Whether this library is in the configuration."""
        try:
            self._policy_of(library)
        except KeyError:
            return False
        return True

    def review(self, sitting: Sitting) -> tuple[str, ...]:
        """Read the record of a sitting afresh from the ILS (nothing is written there); answers what was seen that we did not know."""
        notes: list[str] = []
        role = sitting.held.row.request.key.role
        for item_goal in sitting.goal.items:
            item = sitting.record.item(item_goal.leg, item_goal.volume)
            with unnamed(sitting.identifiers):
                seen = self._lane.connector.inspect(review(item_goal, item, sitting.record, role), Call())
            amended, news = compared(item_goal, item, amend(item, seen))
            notes.extend((*seen.notes, *news))
            if amended != item:
                sitting.record = sitting.record.with_item(amended)
                notes.append(f"The record of item {amended.barcode or item_goal.barcode} was corrected from the ILS.")
        return tuple(notes)

    def sitting(self, held: Claimed) -> Sitting:
        """A sitting for a claimed request."""
        row = held.row
        policy = self._policy_of(row.request.key.library)
        return Sitting(held, policy, row.record, row.version, attempts=row.attempts)

    def _night(self, row: Row) -> bool:
        return row.state is State.PARKED and row.due_at is not None and row.due_at <= self._ledger.clock()

    def _judged(self, sitting: Sitting, *, afresh: bool) -> Verdict:
        """Sit; should the bridge itself fail between two steps, the one that was taken is journalled all the same."""
        verdict = None
        try:
            verdict = self._sit(sitting, afresh=afresh)
        finally:
            if verdict is None and sitting.ending is not None:
                end = sitting.ending
                self._ledger.work.finish(sitting.held, end.step, end.state, end.record, end.lines)
                self._journalled(end)
        return verdict

    def _sit(self, sitting: Sitting, *, afresh: bool) -> Verdict:
        try:
            if sitting.held.row.pending is not None:
                self._verify(sitting, sitting.held.row.pending)
            if afresh:
                self._review(sitting)
            elif sitting.held.row.look is not Look.NONE:
                self._look(sitting)
            return self._steps(sitting, afresh=afresh)
        except (Unavailable, CredentialsRejected) as problem:
            if sitting.down or self._lane.down():
                return self._later(sitting, self._ledger.clock(), backlog=True)
            return self._waits(sitting, self._noted(sitting, INSPECT, singled_out(problem)))
        except QuotaReached as problem:
            return self._over_quota(sitting, problem)
        except IlsError as problem:
            return self._waits(sitting, problem)

    def _over_quota(self, sitting: Sitting, problem: QuotaReached) -> Verdict:
        """Too many deletions at once look like a mistake somewhere: the library stops until a human says that it is right (rule 12)."""
        library = sitting.held.row.request.key.library
        why = (
            f"{problem} See what is due ('ill-bridge requests --library {library}'), then: ill-bridge resume {library}."
        )
        if self._ledger.libraries.hold(library, until=FOREVER, why=why, cause=OVER_QUOTA):
            log.error("quota.reached", why=str(problem), library=library)
        later = self._later(sitting, self._ledger.clock(), backlog=False)
        said = f"Stopped before deleting: {problem}"
        return replace(later, lines=(self._line("state", said),))

    def _review(self, sitting: Sitting) -> None:
        notes = self.review(sitting) or ("Looked up in the ILS: everything stands as recorded.",)
        lines = [self._line("staff", note) for note in notes]
        self._ledger.work.keep(sitting.held, sitting.record, lines)
        sitting.reviewed = True
        self._lane.well(INSPECT)

    def _look(self, sitting: Sitting) -> None:
        """See who has the temporary items. A look that fails stands back: the request is in step, and is looked at again later."""
        held = sitting.held
        record = sitting.record
        try:
            with unnamed(sitting.identifiers):
                record, notes = look(self._lane.connector, sitting.goal, record, held.row.look)
            self._lane.well(INSPECT)
        except (Retry, Rejected, OutcomeUnknown) as problem:
            log.warning("look.refused", cause=problem.cause, why=problem.reason)
            sitting.look_again = LOOK_AGAIN if isinstance(problem, Retry) else LOOK_EVERY
            notes = () if isinstance(problem, Retry) else (f"Who has the item could not be seen: {problem.reason}",)
        if notes or record != sitting.record:
            self._ledger.work.keep(held, record, [self._line("step", note) for note in notes])
        sitting.record = record
        sitting.looked = True

    def _watches(self, sitting: Sitting, state: State) -> tuple[Watch, ...] | None:
        """The items whose loan by the desk concerns us from now on; ``None`` where due dates are not aligned."""
        align = sitting.policy.borrowing.align_due_date
        if align is AlignDueDate.OFF or sitting.held.row.request.key.role is Role.LENDER:
            return None
        if state in {State.CLOSED, State.OBSERVED}:
            return ()
        wait = sitting.look_again or (LOOK_EVERY if align is AlignDueDate.DAILY else None)
        next_look = self._ledger.clock() + wait if wait is not None else None
        return watches_of(self._lane.connector, sitting.goal, sitting.record, next_look)

    def _steps(self, sitting: Sitting, *, afresh: bool) -> Verdict:
        for _ in range(MOST_STEPS):
            goal = sitting.goal
            why = hands_off(sitting.held.row.request, sitting.record, sitting.policy)
            if why:
                return self._watched(sitting, goal, why)
            if not afresh and not sitting.again and self._parked_on(sitting, goal):
                return self._as_before(sitting, sitting.held.row.due_at)
            if self._stopping() or self._lane.resting():
                return self._later(sitting, self._ledger.clock(), backlog=False)
            capabilities = self._lane.connector.capabilities
            found = next_step(goal, sitting.record, capabilities, without=frozenset(sitting.failures))
            if not isinstance(found, Step):
                return self._settled(sitting, goal, found)
            self._take(sitting, found)
        unsettled = Rejected("The request does not settle: one step follows another without end.", cause="unsettled")
        return self._parked(sitting, unsettled, sitting.goal)

    def _watched(self, sitting: Sitting, goal: Goal, why: str) -> Verdict:
        """Look patrons and items up, but write nothing: say what would be done."""
        capabilities = self._lane.connector.capabilities
        found = next_step(goal, sitting.record, capabilities)
        version = sitting.version
        if isinstance(found, Step) and found.key.verb in READING:
            self._take(sitting, found)
        if sitting.version != version:
            return self._later(sitting, self._ledger.clock(), backlog=False)
        if any(isinstance(problem, Retry) for problem in sitting.failures.values()):
            return self._failed(sitting, goal)
        plan = preview(goal, sitting.record, capabilities).sentences
        problems = tuple(f"It would be parked: {problem.reason}" for problem in sitting.failures.values())
        said = " ".join((why, *(problems or plan or ("Nothing would be done.",))))
        state = State.CLOSED if goal.ended and not plan else State.OBSERVED
        parked = Parked("", "observed", problems[0], "") if problems else Parked()
        return Verdict(state, sitting.status, parked=parked, lines=(self._line("state", said),))

    def _parked_on(self, sitting: Sitting, goal: Goal) -> bool:
        row = sitting.held.row
        return row.state is State.PARKED and row.parked.goal == goal.fingerprint and not sitting.failures

    def _take(self, sitting: Sitting, step: Step) -> None:
        """Journal, call, journal. What fails for this step alone is set aside, so that other volumes go on.

        A success is journalled together with what comes next, in one transaction: the next step's start, or the release. Where news came
        meanwhile, the step is not begun, since the next one may be another.
        """
        if not self._begun(sitting, step):
            return
        with structlog.contextvars.bound_contextvars(step=str(step.key), attempt=sitting.attempts + 1):
            self._passing(Boundary.STARTED)
            try:
                outcome = self._call(sitting, step)
            except OutcomeUnknown as problem:
                self._unclear(sitting, step, problem)
            except (Retry, Rejected) as problem:
                # noted before the journal: news that is taken in with it forgets it
                sitting.failures[volume_key(step.key)] = self._noted(sitting, step.key.verb, problem)
                self._refused(sitting, step, problem)
            except (Unavailable, CredentialsRejected) as problem:
                self._doubted(sitting, step, problem)
            except IlsError as problem:
                self._refused(sitting, step, problem)
                raise
            else:
                self._finish(sitting, step, outcome)

    def _doubted(self, sitting: Sitting, step: Step, problem: IlsError) -> None:
        """Is it an outage, or this request's own trouble? Raises the problem again where the ILS is down."""
        sitting.down = self._lane.down()
        if not sitting.down:
            sitting.failures[volume_key(step.key)] = self._noted(sitting, step.key.verb, singled_out(problem))
        self._refused(sitting, step, problem)
        if sitting.down:
            raise problem

    def _noted(self, sitting: Sitting, verb: str, problem: IlsError) -> IlsError:
        """The problem; where the ILS blames itself, it is held against what becomes of other requests at the same verb."""
        if problem.cause in ITS_OWN:
            self._lane.failed(verb, sitting.held.row.id, problem)
            sitting.shared = self._lane.fails_on_all(verb)
        return problem

    def _begun(self, sitting: Sitting, step: Step) -> bool:
        """Journal the start, with the end of the step before; answers whether it may be called."""
        quota = _quota(sitting, step)
        if sitting.ending is None:
            self._ledger.work.start(sitting.held, step, quota=quota)
            return True
        ending, sitting.ending = sitting.ending, None
        try:
            version = self._ledger.work.go_on(sitting.held, ending, step, version=sitting.version, quota=quota)
        except QuotaReached:
            sitting.ending = ending  # nothing was journalled; it goes with the release
            raise
        self._journalled(ending)
        return not self._news(sitting, version)

    def _journalled(self, ending: Ending | None) -> None:
        """The end of a step is durable."""
        if ending is not None:
            self._counting.step(ending.step.key.verb, ending.state)
            self._passing(Boundary.FINISHED)
            said = ending.lines[0].line
            log.info("step.finished", step=str(ending.step.key), outcome=ending.state.value, said=said)

    def _call(self, sitting: Sitting, step: Step) -> Outcome:
        if step.noted:
            why = self._lane.connector.capabilities.reasons.get(step.key.verb)
            return Outcome(OutcomeKind.ALREADY, notes=(why,) if why else ())

        def keep_now(learned: Learned) -> None:
            sitting.record = keep(sitting.record, step, learned)
            self._ledger.work.keep(sitting.held, sitting.record)

        call = Call(keep=keep_now, verify=str(step.key) in sitting.verified)
        verb = getattr(self._lane.connector, step.key.verb.value)
        self._passing(Boundary.CALL_SENT)
        must_hold()
        with unnamed(sitting.identifiers):
            outcome: Outcome = verb(step.command, call)
        self._passing(Boundary.CALL_DONE)
        return outcome

    def _finish(self, sitting: Sitting, step: Step, outcome: Outcome) -> None:
        self._lane.well(step.key.verb)
        sitting.attempts = 0
        sitting.record = learn(sitting.record, step, outcome)
        item = sitting.record.item(step.key.leg, step.key.volume)
        sentences = (step_sentence(step, outcome, item, self._lane.name), *outcome.notes)
        state = StepState.DONE if outcome.kind is OutcomeKind.DONE else StepState.ALREADY
        lines = tuple(self._line("step", sentence, str(step.key)) for sentence in sentences)
        sitting.ending = Ending(step, state, sitting.record, lines)

    def _refused(self, sitting: Sitting, step: Step, problem: IlsError) -> None:
        sentence = f"{_attempted(step)} did not succeed: {problem.reason}"
        known = sitting.in_vain and (isinstance(problem, Retry) or _parked_for(sitting, problem))
        sitting.told.add(problem.reason)
        self._journal(sitting, step, StepState.REFUSED, () if known else (sentence,), problem=sentence)
        log.warning("step.refused", cause=problem.cause, code=problem.code, why=problem.reason)

    def _unclear(self, sitting: Sitting, step: Step, problem: OutcomeUnknown) -> None:
        """The call may have taken effect: look it up at once, before anything else is done."""
        sentence = f"{_attempted(step)} ended unclearly ({problem.reason}); it is looked up before anything else."
        self._journal(sitting, step, StepState.UNKNOWN, (sentence,))
        log.warning("step.unclear", cause=problem.cause, why=problem.reason)
        sitting.unknown += 1
        if sitting.unknown > MOST_UNKNOWN:
            said = f"The ILS keeps answering unclearly: {problem.reason}"
            raise self._noted(sitting, step.key.verb, Retry(said, cause=problem.cause, code=problem.code))
        self._verify(sitting, Pending(step, StepState.UNKNOWN))

    def _journal(
        self, sitting: Sitting, step: Step, state: StepState, sentences: tuple[str, ...], *, problem: str = ""
    ) -> None:
        lines = [self._line("step", sentence, str(step.key)) for sentence in sentences]
        version = self._ledger.work.finish(sitting.held, step, state, sitting.record, lines, problem=problem)
        self._counting.step(step.key.verb, state)
        self._news(sitting, version)

    def _news(self, sitting: Sitting, version: int) -> bool:
        """Take in what came since the sitting began; answers whether there was anything."""
        if version == sitting.version:
            return False
        sitting.held = self._ledger.work.refreshed(sitting.held)
        sitting.version = sitting.held.row.version
        sitting.failures.clear()
        return True

    def _verify(self, sitting: Sitting, pending: Pending) -> None:
        """A step that was started and whose end is not known: what does the ILS say?"""
        step = pending.step
        sitting.verified.add(str(step.key))
        if volume_key(step.key) == PATRON or step.noted:
            self._ledger.work.verified(sitting.held, pending, sitting.record, ())
            return
        key = sitting.held.row.request.key
        mark = mark_for(sitting.policy.bridge, key, step.key.leg, step.key.volume)
        item = sitting.record.item(step.key.leg, step.key.volume)
        with unnamed(sitting.identifiers):
            seen = self._lane.connector.inspect(inspection(mark, item, sitting.record, step.command), Call())
        self._lane.well(INSPECT)
        amended = amend(item, seen, step.key.verb)
        sitting.record = sitting.record.with_item(amended)
        if self._has_taught_all(step, amended):
            sitting.record = learn(sitting.record, step, Outcome(OutcomeKind.ALREADY))
        looked = _looked_up(step, pending, done=happened(item, amended, step.key.verb))
        notes = (*seen.notes, *(_own_date(amended) if isinstance(step.command, CheckOut) else ()))
        told = [self._line("step", sentence, str(step.key)) for sentence in (looked, *notes)]
        self._ledger.work.verified(sitting.held, pending, sitting.record, told)
        log.info("step.verified", step=str(step.key), changed=amended != item)

    def _has_taught_all(self, step: Step, seen: ItemRecord) -> bool:
        """Whether a look stands for the step's own answer: a creation's, a hold's, a check-out's where no date can be set afterwards."""
        if isinstance(step.command, PlaceHold):
            return seen.hold is not None and seen.hold.state is HoldState.PLACED
        if isinstance(step.command, CheckOut):
            advisory = self._lane.connector.capabilities.of(Verb.SET_DUE_DATE) is Ability.ADVISORY
            return advisory and seen.open_loan is not None
        return isinstance(step.command, CreateTemporaryItem) and seen.existence is Existence.PRESENT

    def _settled(self, sitting: Sitting, goal: Goal, found: StaffTask | None) -> Verdict:
        if sitting.failures:
            return self._failed(sitting, goal)
        if found is not None:
            advice = f"When it is settled: ill-bridge resolve {sitting.held.row.name}."
            parked = Parked(goal.fingerprint, "staff", found.instruction, advice)
            return self._stopped(sitting, State.STAFF, parked)
        state = State.CLOSED if goal.ended else State.IN_STEP
        return Verdict(state, sitting.status, lines=(self._line("state", _CALM[state]),))

    def _failed(self, sitting: Sitting, goal: Goal) -> Verdict:
        again = [problem for problem in sitting.failures.values() if isinstance(problem, Retry)]
        if again:
            return self._waits(sitting, max(again, key=lambda problem: problem.after or 0.0))
        return self._parked(sitting, next(iter(sitting.failures.values())), goal)

    def _waits(self, sitting: Sitting, problem: IlsError) -> Verdict:
        attempts = sitting.attempts + 1
        if sitting.in_vain and not isinstance(problem, Rejected):
            return self._as_before(sitting, self._next_night(sitting, sitting.held.row.parked))
        alone = problem.cause == NOT_ACCEPTED or (problem.cause in ITS_OWN and not sitting.shared)
        if self._schedule.exhausted(attempts, alone=alone) or isinstance(problem, Rejected):
            return self._parked(sitting, problem, sitting.goal)
        wait = self._schedule.wait(attempts, at_least=problem.after)
        parked = Parked("", problem.cause, problem.reason, problem.advice)
        return Verdict(
            State.WAITING, sitting.status, due_at=self._ledger.clock() + wait, attempts=attempts, parked=parked
        )

    def _parked(self, sitting: Sitting, problem: IlsError, goal: Goal) -> Verdict:
        """Parked, and tried again by itself where time may heal what stands in the way."""
        advice = advice_for(problem.cause, problem.advice, sitting.held.row.name)
        parked = Parked(goal.fingerprint, problem.cause, problem.reason, advice)
        again = self._next_night(sitting, parked)
        if sitting.in_vain and _parked_for(sitting, problem):
            return replace(self._as_before(sitting, again), parked=parked)
        return replace(self._stopped(sitting, State.PARKED, parked, _NIGHTS[again is not None]), due_at=again)

    def _next_night(self, sitting: Sitting, parked: Parked) -> datetime | None:
        row, now = sitting.held.row, self._ledger.clock()
        since = row.parked_at if row.parked_at is not None and row.parked.alike(parked) else now
        return self._nights.next_try(row.request.key.library, parked.cause, since=since, now=now)

    def _stopped(self, sitting: Sitting, state: State, parked: Parked, more: str = "") -> Verdict:
        reason = "" if parked.reason in sitting.told else parked.reason
        said = " ".join(part for part in (_STOPPED[state], reason, parked.advice, more) if part)
        return Verdict(state, sitting.status, parked=parked, lines=(self._line("state", said),))

    def _as_before(self, sitting: Sitting, due_at: datetime | None) -> Verdict:
        """It stays parked, which is no news; that it is no longer tried again by itself is."""
        gave_up = sitting.again and due_at is None
        lines = (self._line("state", _GAVE_UP),) if gave_up else ()
        return Verdict(State.PARKED, sitting.status, due_at=due_at, parked=sitting.held.row.parked, lines=lines)

    def _later(self, sitting: Sitting, due_at: datetime, *, backlog: bool) -> Verdict:
        if sitting.in_vain:
            return self._as_before(sitting, sitting.held.row.due_at)
        return Verdict(State.DUE, sitting.status, due_at=due_at, attempts=sitting.attempts, backlog=backlog)

    def _line(self, kind: str, sentence: str, step: str = "") -> HistoryLine:
        return HistoryLine(self._ledger.clock(), kind, sentence, step)


_CALM = {
    State.IN_STEP: "The ILS agrees with the request; nothing is left to do.",
    State.CLOSED: "The request is finished and nothing of it is left to do in the ILS.",
}
_NIGHTS = {True: "It is tried again by itself every night.", False: ""}
_GAVE_UP = "It was tried again every night and is not tried by itself any more."
_STOPPED = {State.STAFF: "Staff are asked:", State.PARKED: "Parked."}


def _quota(sitting: Sitting, step: Step) -> Quota | None:
    key = sitting.held.row.request.key
    if step.key.verb is not Verb.DELETE_TEMPORARY_ITEM or is_drill(key):
        return None
    return Quota(key.library, sitting.policy.deletes_per_hour)


def not_configured(library: str) -> str:
    """That nothing can be done for a library's request, and the two ways out."""
    return f"Library '{library}' is not in the configuration: put it back, or 'forget' its requests."


def _homeless(held: Claimed, now: datetime) -> Verdict:
    library, name = held.row.request.key.library, held.row.name
    reason = f"Library '{library}' is not in the configuration."
    advice = f"Put it back and restart, or: ill-bridge forget {name}."
    parked = Parked("", NOT_CONFIGURED, reason, advice)
    line = HistoryLine(now, "state", f"Parked. {reason} {advice}")
    return Verdict(State.PARKED, held.row.status, parked=parked, lines=(line,), afresh=held.row.afresh)


def _parked_for(sitting: Sitting, problem: IlsError) -> bool:
    """Whether the request is parked for this very problem."""
    return sitting.held.row.parked.alike(Parked("", problem.cause, problem.reason))


def _attempted(step: Step) -> str:
    return step.key.verb.value.replace("_", " ").capitalize()


def _looked_up(step: Step, pending: Pending, *, done: bool) -> str:
    why = "was cut off" if pending.state is StepState.STARTED else "ended unclearly"
    found = ": it had been done" if done else ""
    return f"{_attempted(step)} {why} before; it was looked up in the ILS{found}."


def _own_date(item: ItemRecord) -> tuple[str, ...]:
    """What a check-out's answer would have told of its date."""
    loan = item.open_loan
    return (f"In the ILS it is due {loan.due}.",) if loan is not None and loan.due is not None else ()
