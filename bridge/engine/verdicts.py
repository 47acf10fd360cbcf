"""How a sitting ends: in step, closed, waiting, parked, with staff; and what the history says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bridge.domain.attention import in_sentences
from bridge.domain.capabilities import Capabilities
from bridge.domain.goal import Goal
from bridge.domain.parking import Mend, Nights, advice_for, mended_by
from bridge.domain.plan import StaffTask
from bridge.domain.preview import preview, step_parked_on, tasks_ahead
from bridge.domain.record import Record
from bridge.domain.steps import as_task
from bridge.engine.failing import ITS_OWN, NOT_ACCEPTED
from bridge.engine.schedule import RetrySchedule
from bridge.engine.sitting import Sitting
from bridge.errors import IlsError, OutcomeUnknown, Rejected, Retry
from bridge.ledger import Claimed, HistoryLine, Parked, State, Verdict

NOT_CONFIGURED = "not_configured"


class Verdicts:
    """What becomes of a request after a sitting. Nothing is written here: the reconciler gives the request back with it."""

    def __init__(self, clock: Callable[[], datetime], schedule: RetrySchedule, nights: Nights) -> None:
        self._clock = clock
        self._schedule = schedule
        self._nights = nights

    def settled(self, sitting: Sitting, goal: Goal, capabilities: Capabilities) -> Verdict:
        """No step is left: in step or closed; failed, where one was set aside; or with staff."""
        if sitting.failures:
            return self.failed(sitting, goal)
        tasks = tasks_ahead(goal, sitting.record, capabilities)
        if tasks:
            name = sitting.held.row.name
            several = f"When all of it is settled: ill-bridge resolve {name} --all; when only the first: ill-bridge resolve {name}."
            advice = several if len(tasks) > 1 else f"When it is settled: ill-bridge resolve {name}."
            parked = Parked(goal.fingerprint, "staff", _in_order(tasks), advice)
            return self._stopped(sitting, State.STAFF, parked)
        state = State.CLOSED if goal.ended else State.IN_STEP
        calm = _STILL_UNKNOWN if sitting.record.unseen else _CALM[state]
        return Verdict(state, sitting.status, lines=(self._line(calm),))

    def failed(self, sitting: Sitting, goal: Goal) -> Verdict:
        """Steps failed, and nothing else can be done: it waits where one of them may be tried again soon, else it is parked."""
        again = [problem for problem in sitting.failures.values() if isinstance(problem, Retry)]
        if again:
            return self.waits(sitting, max(again, key=lambda problem: problem.after or 0.0))
        return self.parked(sitting, next(iter(sitting.failures.values())), goal)

    def observed(self, sitting: Sitting, goal: Goal, why: str, capabilities: Capabilities) -> Verdict:
        """Nothing is written for it: say what would be done."""
        plan = preview(goal, sitting.record, capabilities).sentences
        problems = tuple(f"It would be parked: {problem.reason}" for problem in sitting.failures.values())
        said = " ".join((why, *(problems or plan or ("Nothing would be done.",))))
        state = State.CLOSED if goal.ended and not plan else State.OBSERVED
        parked = Parked("", "observed", problems[0], "") if problems else Parked()
        return Verdict(state, sitting.status, parked=parked, lines=(self._line(said),))

    def waits(self, sitting: Sitting, problem: IlsError) -> Verdict:
        """It is tried again after a while, or parked where that was tried often enough or is of no use."""
        attempts = sitting.attempts + 1
        if sitting.in_vain and not isinstance(problem, Rejected):
            return self.as_before(sitting, self._next_night(sitting, sitting.held.row.parked))
        alone = problem.cause == NOT_ACCEPTED or (problem.cause in ITS_OWN and not sitting.shared)
        if self._schedule.exhausted(attempts, alone=alone) or isinstance(problem, Rejected):
            return self.parked(sitting, problem, sitting.goal)
        wait = self._schedule.wait(attempts, at_least=problem.after)
        parked = Parked("", problem.cause, problem.reason, problem.advice)
        return Verdict(State.WAITING, sitting.status, due_at=self._clock() + wait, attempts=attempts, parked=parked)

    def parked(self, sitting: Sitting, problem: IlsError, goal: Goal) -> Verdict:
        """Parked, and tried again by itself where time may heal what stands in the way."""
        advice = advice_for(problem.cause, problem.advice, sitting.held.row.name)
        parked = Parked(goal.fingerprint, problem.cause, problem.reason, advice)
        again = self._next_night(sitting, parked)
        if sitting.in_vain and parked_for(sitting, problem):
            return replace(self.as_before(sitting, again), parked=parked)
        return replace(self._stopped(sitting, State.PARKED, parked, _NIGHTS[again is not None]), due_at=again)

    def later(self, sitting: Sitting, *, backlog: bool) -> Verdict:
        """Nothing of its own stands in the way: it stays due, behind what is live where it is ``backlog``."""
        if sitting.in_vain:
            return self.as_before(sitting, sitting.held.row.due_at)
        return Verdict(State.DUE, sitting.status, due_at=self._clock(), attempts=sitting.attempts, backlog=backlog)

    def under_way(self, sitting: Sitting, until: datetime) -> Verdict:
        """A call of unknown end may still take effect: it is looked up again then, and counts as no try."""
        parked = Parked("", OutcomeUnknown.consequence, _UNDER_WAY, "It goes on by itself.")
        lines = (self._line(_UNDER_WAY),)
        return Verdict(
            State.WAITING, sitting.status, due_at=until, attempts=sitting.attempts, parked=parked, lines=lines
        )

    def as_before(self, sitting: Sitting, due_at: datetime | None) -> Verdict:
        """It stays parked, which is no news; that it is no longer tried again by itself is."""
        gave_up = sitting.again and due_at is None
        lines = (self._line(_GAVE_UP),) if gave_up else ()
        return Verdict(State.PARKED, sitting.status, due_at=due_at, parked=sitting.held.row.parked, lines=lines)

    def _next_night(self, sitting: Sitting, parked: Parked) -> datetime | None:
        row, now = sitting.held.row, self._clock()
        since = row.parked_at if row.parked_at is not None and row.parked.alike(parked) else now
        return self._nights.next_try(row.request.key.library, parked.cause, since=since, now=now)

    def _stopped(self, sitting: Sitting, state: State, parked: Parked, more: str = "") -> Verdict:
        reason = "" if parked.reason in sitting.told else parked.reason
        said = in_sentences(_STOPPED[state], reason, parked.advice, more)
        return Verdict(state, sitting.status, parked=parked, lines=(self._line(said),))

    def _line(self, sentence: str) -> HistoryLine:
        return HistoryLine(self._clock(), "state", sentence)


def left_to_staff(verdict: Verdict, goal: Goal, record: Record, can: Capabilities) -> tuple[StaffTask, ...]:
    """What staff are shown to do with this verdict: their tasks, or the one step that the ILS refused and they can do by hand."""
    if verdict.state is State.STAFF:
        return tasks_ahead(goal, record, can)
    by_hand = verdict.state is State.PARKED and mended_by(verdict.parked.cause, Mend.RESOLVE) and not record.unseen
    step = step_parked_on(goal, record, can) if by_hand else None
    return () if step is None else (as_task(step, can),)


def _in_order(tasks: tuple[StaffTask, ...]) -> str:
    """Tasks as one text, numbered where there are several."""
    if len(tasks) == 1:
        return tasks[0].instruction
    return " ".join(f"{number}. {task.instruction}" for number, task in enumerate(tasks, start=1))


_CALM = {
    State.IN_STEP: "The ILS agrees with the request; nothing is left to do.",
    State.CLOSED: "The request is finished and nothing of it is left to do in the ILS.",
}
_STILL_UNKNOWN = (
    "Nothing is left to do while the item is lost; what is not known of it is looked up when it comes back."
)
_UNDER_WAY = "The ILS shows nothing of the last step yet, and it may still come: it is looked up again before anything else is done."
_NIGHTS = {True: "It is tried again by itself every night.", False: ""}
_GAVE_UP = "It was tried again every night and is not tried by itself any more."
_STOPPED = {State.STAFF: "Staff are asked:", State.PARKED: "Parked."}


def not_configured(library: str) -> str:
    """That nothing can be done for a library's request, and the two ways out."""
    return f"Library '{library}' is not in the configuration: put it back, or 'forget' its requests."


def homeless(held: Claimed, now: datetime) -> Verdict:
    """Parked, since its library is not in the configuration (any more)."""
    library, name = held.row.request.key.library, held.row.name
    reason = f"Library '{library}' is not in the configuration."
    advice = f"Put it back and restart, or: ill-bridge forget {name}."
    parked = Parked("", NOT_CONFIGURED, reason, advice)
    line = HistoryLine(now, "state", f"Parked. {reason} {advice}")
    return Verdict(State.PARKED, held.row.status, parked=parked, lines=(line,), afresh=held.row.afresh)


def parked_for(sitting: Sitting, problem: IlsError) -> bool:
    """Whether the request is parked for this very problem."""
    return sitting.held.row.parked.alike(Parked("", problem.cause, problem.reason))
