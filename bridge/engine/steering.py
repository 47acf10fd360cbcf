"""What staff and admins ask for one request: resync, retry, skip, resolve, forget, a correction, an adoption. All may be asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.adopt import adoptable, adopted, sought
from bridge.domain.inspection import review
from bridge.domain.learn import confirm, learn
from bridge.domain.plan import StaffTask, Step, StepKey, instruction, next_step
from bridge.domain.preview import Preview, found_there, left_behind, preview
from bridge.domain.standing import correct
from bridge.engine.lane import WorkLane
from bridge.engine.reconciler import Reconciler, Sitting
from bridge.errors import IlsError
from bridge.ledger import Claimed, HistoryLine, Ledger, State, Verdict


class Asking(StrEnum):
    """What can be asked."""

    RESYNC = "resync"
    RETRY = "retry"
    SKIP = "skip"
    RESOLVE = "resolve"
    FORGET = "forget"
    SET = "set"
    ADOPT = "adopt"
    WORK = "work"
    LOOK = "look"


@dataclass(frozen=True)
class Asked:
    """One thing asked for one request: by whom and why.

    ``dry_run`` only looks and plans. ``fields`` are corrections (names of ``standing.CORRECTABLE``, dates as ISO 8601), ``volume``
    confines them to one; ``barcode`` names the item to adopt.
    """

    kind: Asking
    request_id: int
    by: str = ""
    note: str = ""
    dry_run: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    volume: str = ""
    barcode: str = ""


@dataclass(frozen=True)
class Answer:
    """What was found or done, in sentences; for a dry run also how many things would be made and deleted."""

    lines: tuple[str, ...]
    ok: bool = True
    creates: int = 0
    deletes: int = 0


class Steering:
    """Carries out what is asked, one request at a time; within the daemon, or for a command that works without one."""

    def __init__(self, ledger: Ledger, lanes: Mapping[str, tuple[WorkLane, Reconciler]], *, lease: timedelta) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._lease = lease
        self._ways: dict[Asking, Callable[[Asked, Claimed, WorkLane, Reconciler], Answer]] = {
            Asking.RESYNC: self._resync,
            Asking.RETRY: self._retry,
            Asking.SKIP: self._skip,
            Asking.RESOLVE: self._resolve,
            Asking.FORGET: self._forget,
            Asking.SET: self._set,
            Asking.ADOPT: self._adopt,
            Asking.WORK: self._work,
            Asking.LOOK: self._look,
        }

    def carry_out(self, asked: Asked) -> Answer | None:
        """Do what is asked; ``None`` while another worker holds the request (ask again). Raises ``LeaseLost``."""
        owner = f"{asked.kind} by {asked.by}"
        held = self._ledger.work.claim_one(asked.request_id, owner=owner, lease=self._lease)
        if held is None:
            return None
        if held.row.lane not in self._lanes:
            self._give_back(held)
            return _no(f"{held.row.name} belongs to ILS '{held.row.lane}', which is not in the configuration.")
        return self._ways[asked.kind](asked, held, *self._lanes[held.row.lane])

    def _resync(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        if asked.dry_run:
            return self._looked(held, lane, reconciler)
        if held.row.state is State.FORGOTTEN:
            self._give_back(held)
            return _no("It was forgotten; 'retry' takes it up again.")
        return self._worked(held, reconciler, afresh=True)

    def _looked(self, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        """Inspect and plan; the request is given back just as it was."""
        sitting = reconciler.sitting(held)
        try:
            notes = reconciler.review(sitting)
            found = preview(sitting.goal, sitting.record, lane.connector.capabilities)
            answer = _planned(found, notes)
        except IlsError as problem:
            answer = _no(str(problem))
        self._give_back(held)
        return answer

    def _work(self, _asked: Asked, held: Claimed, _lane: WorkLane, reconciler: Reconciler) -> Answer:
        """Go on at once, as if it were due."""
        return self._worked(held, reconciler)

    def _look(self, _asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        """What is in the ILS now, a line each, none where there is nothing; the request is given back just as it was."""
        sitting = reconciler.sitting(held)
        role = held.row.request.key.role
        lines: list[str] = []
        try:
            for goal in sitting.goal.items:
                look = review(goal, sitting.record.item(goal.leg, goal.volume), sitting.record, role)
                lines += found_there(lane.connector.inspect(look, Call()), look.target.barcode)
            answer = Answer(tuple(lines))
        except IlsError as problem:
            answer = _no(str(problem))
        self._give_back(held)
        return answer

    def _retry(self, asked: Asked, held: Claimed, _lane: WorkLane, reconciler: Reconciler) -> Answer:
        return self._begun_anew(asked, held, reconciler, "Tried again by")

    def _resolve(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        found = self._next(reconciler.sitting(held), lane)
        if not isinstance(found, StaffTask):
            self._give_back(held)
            return _no("Nothing waits for staff.")
        return self._confirmed(asked, held, reconciler, found, "Settled by")

    def _skip(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        found = self._next(reconciler.sitting(held), lane)
        if found is None:
            self._give_back(held)
            return _no("There is no step to skip.")
        if isinstance(found, Step):
            if isinstance(found.command, do.CreateTemporaryItem):
                self._give_back(held)
                return _no(
                    "Without the item nothing else can be done. If staff made it: ill-bridge adopt; if nothing is to be done: "
                    "ill-bridge forget."
                )
            found = _as_task(found, lane)
        return self._confirmed(asked, held, reconciler, found, "Skipped by")

    def _confirmed(self, asked: Asked, held: Claimed, reconciler: Reconciler, task: StaffTask, how: str) -> Answer:
        """Take staff's word for a step or task, and go on."""
        self._ledger.work.keep(held, confirm(held.row.record, task))
        self._tell(asked, held, f"{how} {asked.by}: {task.instruction}")
        answer = self._begun_anew(asked, self._ledger.work.refreshed(held), reconciler, "")
        return replace(answer, ok=True)

    def _forget(self, asked: Asked, held: Claimed, _lane: WorkLane, _reconciler: Reconciler) -> Answer:
        stays = left_behind(held.row.record)
        if asked.dry_run or held.row.state is State.FORGOTTEN:
            self._give_back(held)
            return Answer(stays or ("Nothing of it is in the ILS.",))
        said = " ".join((f"Forgotten by {asked.by}: the bridge does no more for this request.", *stays))
        self._tell(asked, held, said)
        verdict = Verdict(State.FORGOTTEN, held.row.status)
        self._ledger.work.release(held, verdict, version=self._ledger.work.refreshed(held).row.version)
        return Answer((*stays, f"{held.row.name} is now: forgotten."))

    def _set(self, asked: Asked, held: Claimed, _lane: WorkLane, reconciler: Reconciler) -> Answer:
        request = held.row.request
        try:
            for name, value in asked.fields.items():
                request = correct(request, name, value, volume=asked.volume)
        except ValueError as wrong:
            self._give_back(held)
            return _no(f"Nothing was changed: {wrong}.")
        named = ", ".join(_FIELDS[name] for name in asked.fields)
        self._ledger.work.correct(held, request, [self._line(asked, f"Set right by {asked.by}: {named}.")])
        return self._begun_anew(asked, self._ledger.work.refreshed(held), reconciler, "")

    def _begun_anew(self, asked: Asked, held: Claimed, reconciler: Reconciler, how: str) -> Answer:
        """Work on it whatever it was parked on."""
        if how:
            self._tell(asked, held, f"{how} {asked.by}.")
        verdict = Verdict(State.DUE, held.row.status, due_at=self._ledger.clock(), afresh=held.row.afresh)
        self._ledger.work.release(held, verdict, version=held.row.version)
        again = self._ledger.work.claim_one(held.row.id, owner=f"{asked.kind} by {asked.by}", lease=self._lease)
        if again is None:
            return Answer((f"{held.row.name} is being worked on.",))
        return self._worked(again, reconciler)

    def _adopt(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        sitting = reconciler.sitting(held)
        try:
            answer = self._taken_over(asked, sitting, lane)
        except IlsError as problem:
            answer = _no(str(problem))
        if asked.dry_run or not answer.ok:
            self._give_back(held)
            return answer
        self._ledger.work.keep(held, sitting.record)
        for line in answer.lines:
            self._tell(asked, held, f"{line} (by {asked.by})")
        worked = self._begun_anew(asked, self._ledger.work.refreshed(held), reconciler, "")
        return replace(worked, lines=(*answer.lines, *worked.lines))

    def _taken_over(self, asked: Asked, sitting: Sitting, lane: WorkLane) -> Answer:
        """Look for each item that staff may have made, and put what is found into the sitting's record."""
        self._patron_known(sitting, lane)
        role = sitting.held.row.request.key.role
        lines: list[str] = []
        missing: list[str] = []
        for goal in sitting.goal.items:
            item = sitting.record.item(goal.leg, goal.volume)
            if not adoptable(goal, item) or (asked.volume and asked.volume != goal.volume):
                continue
            look = sought(goal, sitting.record, role, asked.barcode)
            seen = lane.connector.inspect(look, Call())
            found = adopted(goal, item, seen, role, patron_id=look.patron_id, barcode=asked.barcode)
            if found.item is None:
                missing.append(found.why)
                continue
            sitting.record = sitting.record.with_item(found.item)
            lines.append(f"Item {found.item.barcode} was taken over as staff had made it.")
        if missing or not lines:
            return _no(*missing or ("There is nothing to take over.",))
        return Answer(tuple(lines))

    @staticmethod
    def _patron_known(sitting: Sitting, lane: WorkLane) -> None:
        goal = sitting.goal
        if not goal.patron_id or (sitting.record.patron and sitting.record.patron.asked == goal.patron_id):
            return
        command = do.FindPatron(goal.patron_id)
        outcome = lane.connector.find_patron(command, Call())
        sitting.record = learn(sitting.record, Step(StepKey("", "", do.Verb.FIND_PATRON, 0), command), outcome)

    @staticmethod
    def _next(sitting: Sitting, lane: WorkLane) -> Step | StaffTask | None:
        return next_step(sitting.goal, sitting.record, lane.connector.capabilities)

    def _worked(self, held: Claimed, reconciler: Reconciler, *, afresh: bool = False) -> Answer:
        """Work on a claimed request; answers what came into its history meanwhile."""
        before = self._ledger.requests.last_line(held.row.id)
        state = reconciler.work(held, afresh=afresh)
        news = self._ledger.requests.told_since(held.row.id, before)
        return Answer((*(line.line for line in news), f"{held.row.name} is now: {state.value}."), ok=_well(state))

    def _tell(self, asked: Asked, held: Claimed, sentence: str) -> None:
        self._ledger.requests.tell(held.row.id, [self._line(asked, sentence)])

    def _line(self, asked: Asked, sentence: str) -> HistoryLine:
        said = f"{sentence} Note: {asked.note}" if asked.note else sentence
        return HistoryLine(self._ledger.clock(), "staff", said)

    def _give_back(self, held: Claimed) -> None:
        """Give a request back just as it was."""
        row = held.row
        as_it_was = Verdict(row.state, row.status, row.due_at, row.attempts, parked=row.parked, afresh=row.afresh)
        self._ledger.work.release(held, as_it_was, version=row.version)


_FIELDS = {
    "patron_id": "patron",
    "pickup_location": "pickup location",
    "barcode": "item barcode",
    "temporary_barcode": "temporary barcode",
    "due": "due date",
}


def _as_task(step: Step, lane: WorkLane) -> StaffTask:
    return StaffTask(step.key, str(step.key), instruction(step.command, lane.connector.capabilities), step.command)


def _planned(found: Preview, notes: tuple[str, ...]) -> Answer:
    lines = (*notes, *(found.sentences or ("Nothing is left to do.",)))
    return Answer(lines, creates=found.creates, deletes=found.deletes)


def _no(*lines: str) -> Answer:
    return Answer(lines, ok=False)


def _well(state: State) -> bool:
    return state in {State.IN_STEP, State.CLOSED, State.DUE, State.OBSERVED}
