"""One request: goal − record = next step, until there is nothing left to do. Every step is journalled before and after its call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from bridge.connectors.base import Call
from bridge.domain.attention import in_sentences
from bridge.domain.care import READING, hands_off, is_drill
from bridge.domain.commands import Verb
from bridge.domain.entrusted import entrust
from bridge.domain.goal import Goal
from bridge.domain.learn import keep, learn
from bridge.domain.parking import Nights
from bridge.domain.plan import StaffTask, Step, next_step, volume_key
from bridge.domain.policy import Policy
from bridge.domain.preview import doubted
from bridge.domain.record import Learned, Outcome, OutcomeKind, Record
from bridge.domain.sentences import step_sentence
from bridge.domain.steps import MOST_STEPS
from bridge.domain.within import BorrowedWithin, shared
from bridge.engine.boundary import Boundary, Passing, pass_by
from bridge.engine.counting import Counting, Uncounted
from bridge.engine.failing import ITS_OWN, not_wanted, singled_out, unnamed
from bridge.engine.lane import WorkLane
from bridge.engine.leases import in_hand, must_hold
from bridge.engine.looking import INSPECT, Looks, attempted
from bridge.engine.schedule import RetrySchedule
from bridge.engine.sitting import Sitting, UnderWay, line_now
from bridge.engine.verdicts import Verdicts, homeless, left_to_staff, parked_for
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.ledger import (
    Claimed,
    Ending,
    Ledger,
    Look,
    Pending,
    Quota,
    QuotaReached,
    State,
    StepState,
    Verdict,
)
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER, Row

log = structlog.get_logger(__name__)

NO_ANSWER = frozenset({"server_error", "general_error", "nonsense"})
"""Causes of a repeatable call's failure that leave open whether it was done."""
MOST_UNKNOWN = 2
"""Unclear ends looked up at once in one sitting; after that the request waits."""


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
        self._verdicts = Verdicts(ledger.clock, schedule or RetrySchedule(), nights or Nights())
        self._looks = Looks(ledger, lane)
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
                return self._ledger.work.release(held, homeless(held, self._ledger.clock()), version=held.row.version)
            wanted = afresh or held.row.afresh
            sitting = self.sitting(held)
            sitting.again = self._night(held.row) and not wanted
            found = self._judged(sitting, afresh=wanted)
            seen = sitting.looked or sitting.reviewed
            verdict = replace(
                found,
                afresh=wanted and not sitting.reviewed,
                look=Look.NONE if seen else held.row.look,
                watches=self._looks.watches(sitting, found.state),
                looked=seen,
                record=self._entrusted(sitting, found),
            )
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

    def sitting(self, held: Claimed) -> Sitting:
        """A sitting for a claimed request."""
        row = held.row
        policy = self._policy_of(row.request.key.library)
        made = Sitting(held, policy, row.record, row.version, attempts=row.attempts)
        return self._told_of_the_other_side(made)

    def _told_of_the_other_side(self, sitting: Sitting) -> Sitting:
        """An in-system loan: the borrowing side knows the charge that the lending side made (both are worked under one lock)."""
        wanted = [goal for goal in sitting.goal.items if isinstance(goal.within, BorrowedWithin)]
        held, record = sitting.held, sitting.record
        if not wanted or hands_off(held.row.request, record, sitting.policy):
            return sitting
        items = [(record.item(goal.leg, goal.volume), goal.barcode) for goal in wanted]
        for item in shared(items, self._ledger.requests.lending_sides(held.row.request.key)):
            record = record.with_item(item) if item.loans else record
        told = replace(held, row=replace(held.row, record=record))
        return replace(sitting, held=told, record=record)

    def review(self, sitting: Sitting) -> tuple[str, ...]:
        """Read the record of a sitting afresh from the ILS (nothing is written there); answers what was seen that we did not know."""
        return self._looks.review(sitting)

    def _entrusted(self, sitting: Sitting, verdict: Verdict) -> Record | None:
        """The record with what is left to staff now, where that is news."""
        can = self._lane.connector.capabilities
        record = entrust(sitting.record, left_to_staff(verdict, sitting.goal, sitting.record, can))
        return None if record == sitting.record else record

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
                self._looks.verify(sitting, sitting.held.row.pending)
            if afresh:
                self._looks.reviewed(sitting)
            elif sitting.held.row.look is not Look.NONE:
                self._looks.look(sitting)
            return self._steps(sitting, afresh=afresh)
        except (Unavailable, CredentialsRejected) as problem:
            if sitting.down or self._lane.down():
                return self._verdicts.later(sitting, backlog=True)
            return self._verdicts.waits(sitting, self._noted(sitting, INSPECT, singled_out(problem)))
        except UnderWay as early:
            return self._verdicts.under_way(sitting, early.until)
        except QuotaReached as problem:
            return self._over_quota(sitting, problem)
        except IlsError as problem:
            return self._verdicts.waits(sitting, problem)

    def _over_quota(self, sitting: Sitting, problem: QuotaReached) -> Verdict:
        """Too many deletions at once look like a mistake somewhere: the library stops until a human says that it is right (rule 12)."""
        library = sitting.held.row.request.key.library
        why = (
            f"{problem} See what is due ('ill-bridge requests --library {library}'), then: ill-bridge resume {library}."
        )
        if self._ledger.libraries.hold(library, until=FOREVER, why=why, cause=OVER_QUOTA):
            log.error("quota.reached", why=str(problem), library=library)
        later = self._verdicts.later(sitting, backlog=False)
        said = f"Stopped before deleting: {problem}"
        return replace(later, lines=(line_now(self._ledger, "state", said),))

    def _steps(self, sitting: Sitting, *, afresh: bool) -> Verdict:
        for _ in range(MOST_STEPS):
            goal = sitting.goal
            why = hands_off(sitting.held.row.request, sitting.record, sitting.policy)
            if why:
                return self._watched(sitting, goal, why)
            if not afresh and not sitting.again and self._parked_on(sitting, goal):
                return self._verdicts.as_before(sitting, sitting.held.row.due_at)
            if self._stopping() or self._lane.resting():
                return self._verdicts.later(sitting, backlog=False)
            capabilities = self._lane.connector.capabilities
            found = next_step(goal, sitting.record, capabilities, without=frozenset(sitting.failures))
            if _left_open(sitting, found):
                continue
            if not isinstance(found, Step):
                return self._verdicts.settled(sitting, goal, capabilities)
            self._take(sitting, found)
        unsettled = Rejected("The request does not settle: one step follows another without end.", cause="unsettled")
        return self._verdicts.parked(sitting, unsettled, sitting.goal)

    def _watched(self, sitting: Sitting, goal: Goal, why: str) -> Verdict:
        """Look patrons and items up, but write nothing: say what would be done."""
        capabilities = self._lane.connector.capabilities
        found = next_step(goal, sitting.record, capabilities)
        version = sitting.version
        if isinstance(found, Step) and found.key.verb in READING:
            self._take(sitting, found)
        if sitting.version != version:
            return self._verdicts.later(sitting, backlog=False)
        if any(isinstance(problem, Retry) for problem in sitting.failures.values()):
            return self._verdicts.failed(sitting, goal)
        return self._verdicts.observed(sitting, goal, why, capabilities)

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

        again = str(step.key) in sitting.verified or doubted(step, sitting.record)
        call = Call(keep=keep_now, verify=again)
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
        lines = tuple(line_now(self._ledger, "step", sentence, str(step.key)) for sentence in sentences)
        sitting.ending = Ending(step, state, sitting.record, lines)

    def _refused(self, sitting: Sitting, step: Step, problem: IlsError) -> None:
        """It failed. Where the ILS may have done its work all the same, it is looked up before anything else is done another time."""
        state = StepState.UNKNOWN if _may_be_done(step, problem) else StepState.REFUSED
        sentence = f"{attempted(step)} did not succeed: {problem.reason}"
        known = sitting.in_vain and (isinstance(problem, Retry) or parked_for(sitting, problem))
        sitting.told.add(problem.reason)
        self._journal(sitting, step, state, () if known else (sentence,), problem=sentence)
        log.warning("step.refused", cause=problem.cause, code=problem.code, why=problem.reason)

    def _unclear(self, sitting: Sitting, step: Step, problem: OutcomeUnknown) -> None:
        """The call may have taken effect: look it up at once, before anything else is done."""
        sentence = in_sentences(
            f"{attempted(step)} ended unclearly: {problem.reason}", "It is looked up before anything else."
        )
        self._journal(sitting, step, StepState.UNKNOWN, (sentence,))
        log.warning("step.unclear", cause=problem.cause, why=problem.reason)
        sitting.unknown += 1
        if sitting.unknown > MOST_UNKNOWN:
            said = f"The ILS keeps answering unclearly: {problem.reason}"
            raise self._noted(sitting, step.key.verb, Retry(said, cause=problem.cause, code=problem.code))
        self._looks.verify(sitting, Pending(step, StepState.UNKNOWN, self._ledger.clock()))

    def _journal(
        self, sitting: Sitting, step: Step, state: StepState, sentences: tuple[str, ...], *, problem: str = ""
    ) -> None:
        lines = [line_now(self._ledger, "step", sentence, str(step.key)) for sentence in sentences]
        version = self._ledger.work.finish(sitting.held, step, state, sitting.record, lines, problem=problem)
        self._counting.step(step.key.verb, state)
        self._news(sitting, version)

    def _news(self, sitting: Sitting, version: int) -> bool:
        """Take in what came since the sitting began; answers whether there was anything."""
        if version == sitting.version:
            return False
        sitting.held = self._ledger.work.refreshed(sitting.held)
        sitting.version = sitting.held.row.version
        sitting.record = self._told_of_the_other_side(sitting).record
        sitting.failures.clear()
        return True


def _left_open(sitting: Sitting, found: Step | StaffTask | None) -> bool:
    """Whether something else is next where a step was begun of which nobody can see whether it was done: people look there first.

    A lost item stays as it is, whatever of it is there: people look when it comes back.
    """
    lost = {(goal.leg, goal.volume) for goal in sitting.goal.items if goal.left_lost}
    for volume, unseen in sitting.record.unseen.items():
        elsewhere = isinstance(found, Step) and volume_key(found.key) != volume
        doubtful = isinstance(found, Step) and doubted(found, sitting.record)
        if volume in sitting.failures or volume in lost or elsewhere or doubtful:
            continue
        sitting.failures[volume] = not_wanted(unseen)
        return True
    return False


def _may_be_done(step: Step, problem: IlsError) -> bool:
    """A write that failed with no answer, or none that can be read, may have taken effect, even where it is safe to repeat."""
    no_answer = isinstance(problem, Unavailable) or (isinstance(problem, Retry) and problem.cause in NO_ANSWER)
    return no_answer and step.key.verb not in READING and not step.noted


def _quota(sitting: Sitting, step: Step) -> Quota | None:
    key = sitting.held.row.request.key
    if step.key.verb is not Verb.DELETE_TEMPORARY_ITEM or is_drill(key):
        return None
    return Quota(key.library, sitting.policy.deletes_per_hour)
