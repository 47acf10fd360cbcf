"""What is asked for one request: resync, retry, skip, resolve, forget, a correction, an adoption, an audit. All may be asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import reduce

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.attention import in_sentences
from bridge.domain.care import hands_off
from bridge.domain.inspection import review
from bridge.domain.learn import confirm, taken_at_word
from bridge.domain.parking import Mend, mended_by
from bridge.domain.plan import StaffTask, Step, next_step
from bridge.domain.preview import Preview, found_there, left_behind, preview, step_parked_on, tasks_ahead
from bridge.domain.privacy import patrons_of
from bridge.domain.record import Record
from bridge.domain.standing import correct
from bridge.domain.steps import as_task
from bridge.engine.adopting import taken_over
from bridge.engine.asked import Answer, Asked, Asking, no, passed_by, planned
from bridge.engine.audit import (
    AS_IT_SHOULD_BE,
    MENDABLE,
    NOT_SHOWN,
    STUCK,
    UNSETTLED,
    Looked,
    foreseen,
    kept_as,
    look,
    no_room,
    why_not_mended,
)
from bridge.engine.lane import WorkLane
from bridge.engine.leases import kept
from bridge.engine.pauses import why_closed, why_paused
from bridge.engine.reconciler import Reconciler
from bridge.engine.sitting import Sitting
from bridge.engine.verdicts import not_configured
from bridge.errors import CredentialsRejected, IlsError, Unavailable
from bridge.ledger import Claimed, HistoryLine, Ledger, Parked, State, Verdict
from bridge.ledger.model import Row

OWNER = 100
"""Signs that the ledger keeps of a worker's name."""


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
            Asking.SET: self._set,
            Asking.ADOPT: self._adopt,
            Asking.WORK: self._work,
            Asking.LOOK: self._look,
            Asking.AUDIT: self._audit,
        }

    @property
    def lanes(self) -> frozenset[str]:
        """Names of the lanes it knows."""
        return frozenset(self._lanes)

    def carry_out(self, asked: Asked) -> Answer | None:
        """Do what is asked; ``None`` while another worker holds the request (ask again). Raises ``LeaseLost``."""
        if not self._ledger.requests.there(asked.request_id):
            return no(f"There is no request R{asked.request_id}.")
        owner = f"{asked.kind} by {asked.by}"[:OWNER]
        held = self._ledger.work.claim_one(asked.request_id, owner=owner, lease=self._lease)
        if held is None:
            return None
        refused = self._refused(asked, held.row)
        if refused:
            self._give_back(held)
            return no(refused)
        with kept(self._ledger, held, lease=self._lease):
            if asked.kind is Asking.FORGET:
                return self._forget(asked, held)
            return self._ways[asked.kind](asked, held, *self._lanes[held.row.lane])

    def _refused(self, asked: Asked, row: Row) -> str:
        """Why it cannot be done for this request at all; empty where it can. Forgetting is always possible."""
        if asked.kind is Asking.FORGET:
            return ""
        if not row.readable:
            return in_sentences(row.parked.reason, row.parked.advice, "'forget' leaves it alone for good.")
        if row.lane not in self._lanes:
            return f"{row.name} belongs to ILS '{row.lane}', which is not in the configuration. 'forget' leaves it alone for good."
        if not self._lanes[row.lane][1].knows(row.request.key.library):
            return not_configured(row.request.key.library)
        if row.state is State.FORGOTTEN and asked.kind not in {Asking.RETRY, Asking.AUDIT} and not asked.dry_run:
            return "It was forgotten; 'retry' takes it up again."
        return ""

    def _resync(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        if asked.dry_run:
            return self._looked(held, lane, reconciler)
        return self._worked(held, reconciler, afresh=True)

    def _looked(self, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        """Inspect and plan; the request is given back just as it was."""
        sitting = reconciler.sitting(held)
        try:
            notes = reconciler.review(sitting)
            answer = planned(_preview(sitting, lane), notes, _hands_off(sitting))
        except IlsError as problem:
            answer = no(str(problem))
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
            answer = no(str(problem))
        self._give_back(held)
        return answer

    def _audit(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        """Look and note what differs; unless it is a dry run, repair what can be repaired."""
        cut_off = held.row.pending is not None and held.row.state not in STUCK
        if held.row.state in UNSETTLED or held.row.state is State.FORGOTTEN or cut_off:
            if cut_off:  # whatever its state says, the next worker looks that step up
                self._ledger.work.begin(held)
            self._ledger.audits.let_go(held)
            return passed_by(_LEFT_OUT[held.row.state is State.FORGOTTEN])
        sitting = reconciler.sitting(held)
        try:
            looked = look(self._ledger, sitting, lane)
        except IlsError as problem:
            self._ledger.audits.let_go(held)
            if isinstance(problem, Unavailable | CredentialsRejected):
                lane.close(problem)
            return no(str(problem))
        if looked.news:
            self._ledger.audits.let_go(held)
            return passed_by("News came in meanwhile; it is worked on, and looked at another time.")
        return self._mended(asked, sitting, looked, lane, reconciler)

    def _mended(self, asked: Asked, sitting: Sitting, looked: Looked, lane: WorkLane, reconciler: Reconciler) -> Answer:
        held, found = sitting.held, kept_as(sitting.held, looked.findings)
        plan = foreseen(sitting, looked, lane) if looked.mendable else Preview()
        why_not = why_not_mended(sitting) or ("" if asked.dry_run else no_room(self._ledger, sitting, plan))
        mends = not asked.dry_run and looked.mendable and not why_not
        self._ledger.audits.looked(held, found, let_go=not mends, stays=looked.stays)
        hidden = NOT_SHOWN if looked.hidden else ""
        lines = (*(each.told for each in found), *([hidden] if hidden else [])) or (AS_IT_SHOULD_BE,)
        if not mends:
            self._align(held, looked)
            said = (why_not,) if looked.mendable and why_not else plan.sentences
            counted = (0, 0) if why_not else (plan.creates, plan.deletes)
            return Answer((*lines, *said), creates=counted[0], deletes=counted[1], passed_by=hidden)
        request = held.row.request
        if patrons_of(request, looked.record) and not patrons_of(request, held.row.record):
            self._ledger.privacy.want_erased(
                [held.row.id]
            )  # the patron was taken out before, and is only borrowed for the repair
        self._ledger.work.settle(held, looked.record, [self._line(asked, f"Repaired after an audit by {asked.by}.")])
        worked = self._begun_anew(asked, self._ledger.work.refreshed(held), reconciler, "")
        if self._ledger.requests.one(held.row.id).state in MENDABLE:
            self._ledger.audits.repaired(held.row.id, [each.subject for each in found if each.repair])
        return replace(worked, lines=(*lines, *worked.lines), passed_by=hidden)

    def _align(self, held: Claimed, looked: Looked) -> None:
        """A loan of the desk that nobody told us of is looked at as if the ILS had told of it."""
        if held.row.state is State.IN_STEP:
            for item in looked.lent:
                self._ledger.watches.told(held.row.lane, item=item.ids.item, barcode=item.barcode)

    def _retry(self, asked: Asked, held: Claimed, _lane: WorkLane, reconciler: Reconciler) -> Answer:
        return self._begun_anew(asked, self._looked_by_people(held), reconciler, "Tried again by")

    def _looked_by_people(self, held: Claimed) -> Claimed:
        """Whoever asks has looked in the ILS what came of steps that it does not show us, and has seen to it."""
        record = held.row.record
        if not record.unseen:
            return held
        self._ledger.work.keep(held, record.seen())
        return self._ledger.work.refreshed(held)

    def _resolve(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        sitting = reconciler.sitting(held)
        if told := self._outdated(asked, sitting):
            return told
        parked = held.row.state is State.PARKED and mended_by(held.row.parked.cause, Mend.RESOLVE)
        if parked and held.row.pending is not None:
            return self._settled_at_word(asked, held, held.row.pending.step, lane, reconciler)
        step = self._parked_on(sitting, lane) if parked else None
        if step is not None:
            made = replace(held, row=replace(held.row, record=taken_at_word(held.row.record, step)))
            return self._confirmed(asked, made, reconciler, (as_task(step, lane.connector.capabilities),), "Settled by")
        if parked and sitting.record.unseen:  # of what is not wanted any more
            return self._settled(asked, held, reconciler, held.row.record.seen(), (f"Settled by {asked.by}.",))
        tasks = tasks_ahead(sitting.goal, sitting.record, lane.connector.capabilities)
        if tasks:
            return self._confirmed(asked, held, reconciler, tasks if asked.whole else tasks[:1], "Settled by")
        if parked or held.row.state is State.STAFF:  # what it was stopped for is settled, or not wanted any more
            return self._begun_anew(asked, held, reconciler, "")
        self._give_back(held)
        return no(_parked_instead("Nothing waits for staff.", held.row))

    def _settled_at_word(
        self, asked: Asked, held: Claimed, step: Step, lane: WorkLane, reconciler: Reconciler
    ) -> Answer:
        """Staff's word ends a step of unknown end that no look can tell of: else the next worker would look, and park, for ever."""
        task = as_task(step, lane.connector.capabilities)
        record = confirm(taken_at_word(held.row.record, step), task)
        said = f"Settled by {asked.by}: {task.wish or task.instruction}"
        return self._settled(asked, held, reconciler, record, (said,), step=step)

    def _skip(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        sitting = reconciler.sitting(held)
        if told := self._outdated(asked, sitting):
            return told
        if sitting.record.unseen and self._parked_on(sitting, lane) is None:
            return self._settled(asked, held, reconciler, held.row.record.seen(), (f"Skipped by {asked.by}.",))
        found = self._next(sitting, lane)
        if found is None:
            self._give_back(held)
            return no(_parked_instead("There is no step to skip.", held.row))
        if isinstance(found, Step):
            if isinstance(found.command, do.CreateTemporaryItem):
                self._give_back(held)
                return no(
                    "Without the item nothing else can be done. If staff made it: ill-bridge adopt; if nothing is to be done: "
                    "ill-bridge forget."
                )
            found = as_task(found, lane.connector.capabilities)
        return self._confirmed(asked, held, reconciler, (found,), "Skipped by")

    def _outdated(self, asked: Asked, sitting: Sitting) -> Answer | None:
        """That a request is stopped by now for something else than what whoever asks has seen; ``None`` where it is not."""
        held = sitting.held
        see = f"see 'show {held.row.name}'. Nothing was settled."
        if asked.goal not in {"", sitting.goal.fingerprint}:
            self._give_back(held)
            return no(f"News came in meanwhile, so that something else may be to do: {see}")
        if asked.stop not in {"", held.row.parked.fingerprint}:
            self._give_back(held)
            return no(f"What you saw is settled already, or something else is to do by now: {see}")
        return None

    def _confirmed(
        self, asked: Asked, held: Claimed, reconciler: Reconciler, tasks: tuple[StaffTask, ...], how: str
    ) -> Answer:
        """Take staff's word for steps or tasks, and go on."""
        said = tuple(f"{how} {asked.by}: {task.wish or task.instruction}" for task in tasks)
        return self._settled(asked, held, reconciler, reduce(confirm, tasks, held.row.record), said)

    def _settled(
        self,
        asked: Asked,
        held: Claimed,
        reconciler: Reconciler,
        record: Record,
        said: tuple[str, ...],
        *,
        step: Step | None = None,
    ) -> Answer:
        self._ledger.work.settle(held, record, [self._line(asked, each) for each in said], step=step)
        worked = self._worked(self._ledger.work.refreshed(held), reconciler)
        row = self._ledger.requests.one(held.row.id)
        stays = left_behind(row.record) if row.state is State.CLOSED else ()
        if stays:
            self._tell(asked, held, " ".join(stays))
        return replace(worked, lines=(*worked.lines, *stays), ok=True)

    def _forget(self, asked: Asked, held: Claimed) -> Answer:
        stays = (*left_behind(held.row.record), *_unclear(held.row))
        if not held.row.readable:
            stays = (f"{held.row.parked.reason} What of it is in the ILS is not known.",)
        if asked.dry_run or held.row.state is State.FORGOTTEN:
            self._give_back(held)
            already = (f"{held.row.name} was forgotten before.",) if held.row.state is State.FORGOTTEN else ()
            return Answer((*(stays or ("Nothing of it is in the ILS.",)), *already))
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
            return no(f"Nothing was changed: {wrong}.")
        if set(request.corrections) == set(held.row.request.corrections):
            self._give_back(held)
            return Answer(("It stands so already; nothing was changed.",))
        named = ", ".join(_FIELDS[name] for name in asked.fields)
        self._ledger.work.correct(held, request.corrections, [self._line(asked, f"Set right by {asked.by}: {named}.")])
        return self._begun_anew(asked, self._ledger.work.refreshed(held), reconciler, "")

    def _begun_anew(self, asked: Asked, held: Claimed, reconciler: Reconciler, how: str) -> Answer:
        """Work on it whatever it was parked on."""
        if how:
            self._tell(asked, held, f"{how} {asked.by}.")
        fresh = replace(held.row, state=State.DUE, attempts=0, parked=Parked())
        return self._worked(replace(held, row=fresh), reconciler)

    def _adopt(self, asked: Asked, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        sitting = reconciler.sitting(held)
        try:
            answer = taken_over(asked, sitting, lane)
        except IlsError as problem:
            answer = no(str(problem))
        if asked.dry_run or not answer.ok or sitting.record == held.row.record:
            self._give_back(held)
            return _foreseen(answer, sitting, lane) if asked.dry_run and answer.ok else answer
        self._ledger.work.keep(held, sitting.record)
        for line in answer.lines:
            self._tell(asked, held, f"{line} (by {asked.by})")
        worked = self._begun_anew(asked, self._ledger.work.refreshed(held), reconciler, "")
        return replace(worked, lines=(*answer.lines, *worked.lines))

    @staticmethod
    def _parked_on(sitting: Sitting, lane: WorkLane) -> Step | None:
        return step_parked_on(sitting.goal, sitting.record, lane.connector.capabilities)

    @staticmethod
    def _next(sitting: Sitting, lane: WorkLane) -> Step | StaffTask | None:
        return next_step(sitting.goal, sitting.record, lane.connector.capabilities)

    def _worked(self, held: Claimed, reconciler: Reconciler, *, afresh: bool = False) -> Answer:
        """Work on a claimed request, or leave it due where a pause forbids it; answers what came into its history meanwhile."""
        why = why_paused(self._ledger, held.row)
        if why:
            again = afresh or held.row.afresh
            due = Verdict(State.DUE, held.row.status, self._ledger.clock(), afresh=again, look=held.row.look)
            self._ledger.work.release(held, due, version=held.row.version)
            return Answer((f"{held.row.name} is worked on when the pause ends. {why}",))
        before = self._ledger.requests.last_line(held.row.id)
        self._ledger.work.begin(held)
        state = reconciler.work(held, afresh=afresh)
        news = self._ledger.requests.told_since(held.row.id, before)
        row = self._ledger.requests.one(held.row.id)
        later = (why_paused(self._ledger, row) or why_closed(self._ledger, row)) if state is State.DUE else ""
        said = (f"{held.row.name} is now: {state.value}.", *([later] if later else []))
        return Answer((*(line.line for line in news), *said), ok=state in _WELL)

    def _tell(self, asked: Asked, held: Claimed, sentence: str) -> None:
        self._ledger.requests.tell(held.row.id, [self._line(asked, sentence)])

    def _line(self, asked: Asked, sentence: str) -> HistoryLine:
        said = f"{sentence} Note: {asked.note}" if asked.note else sentence
        return HistoryLine(self._ledger.clock(), "staff", said)

    def _give_back(self, held: Claimed) -> None:
        """Give a request back just as it was."""
        row = held.row
        as_it_was = Verdict(
            row.state, row.status, row.due_at, row.attempts, parked=row.parked, afresh=row.afresh, look=row.look
        )
        self._ledger.work.release(held, as_it_was, version=row.version)


_WELL = frozenset({State.IN_STEP, State.CLOSED, State.DUE, State.OBSERVED})
_LEFT_OUT = {
    False: "Work on it is still to be done; it is looked at when it is in step.",
    True: "It was forgotten, so the audit leaves it out.",
}
_FIELDS = {
    "patron_id": "patron",
    "pickup_location": "pickup location",
    "barcode": "item barcode",
    "temporary_barcode": "temporary barcode",
    "due": "due date",
}


def _parked_instead(said: str, row: Row) -> str:
    """What is said where there is nothing to settle or skip; of a parked request, what ends its stop instead."""
    return f"{said} {row.name} is parked. {row.parked.advice}" if row.state is State.PARKED else said


def _preview(sitting: Sitting, lane: WorkLane) -> Preview:
    return preview(sitting.goal, sitting.record, lane.connector.capabilities)


def _hands_off(sitting: Sitting) -> str:
    return hands_off(sitting.held.row.request, sitting.record, sitting.policy)


def _foreseen(answer: Answer, sitting: Sitting, lane: WorkLane) -> Answer:
    """What would follow once the items were taken over."""
    found = _preview(sitting, lane)
    plan = planned(found, answer.lines, _hands_off(sitting))
    return plan if found.sentences else answer


def _unclear(row: Row) -> tuple[str, ...]:
    if row.pending is None:
        return ()
    verb = row.pending.step.key.verb.value.replace("_", " ")
    return (f"How the step '{verb}' ended is not known: what it makes may be in the ILS too.",)
