"""Resync: read a request's record afresh from the ILS, then the same loop as ever; or only say what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bridge.domain.goal import Goal
from bridge.domain.learn import learn
from bridge.domain.plan import StaffTask, Step, next_step
from bridge.domain.record import Outcome, Record
from bridge.domain.sentences import plan_sentence
from bridge.engine.lane import WorkLane
from bridge.engine.reconciler import MOST_STEPS, Reconciler
from bridge.errors import IlsError
from bridge.ledger import Claimed, Ledger, State, Verdict


@dataclass(frozen=True)
class Answer:
    """What a resync found or did, in sentences."""

    lines: tuple[str, ...]
    ok: bool = True


class Resync:
    """Carries out a resync of one request at a time; within the daemon, or for a command that holds the ledger's lock."""

    def __init__(self, ledger: Ledger, lanes: Mapping[str, tuple[WorkLane, Reconciler]], *, lease: timedelta) -> None:
        self._ledger = ledger
        self._lanes = lanes
        self._lease = lease

    def carry_out(self, request_id: int, *, dry_run: bool, by: str) -> Answer | None:
        """Resync one request; ``None`` while another worker holds it (ask again)."""
        held = self._ledger.work.claim_one(request_id, owner=f"resync by {by}", lease=self._lease)
        if held is None:
            return None
        lane, reconciler = self._lanes[held.row.lane]
        if dry_run:
            return self._look(held, lane, reconciler)
        before = len(self._ledger.requests.history(request_id))
        state = reconciler.work(held, afresh=True)
        news = self._ledger.requests.history(request_id)[before:]
        return Answer((*(line.line for line in news), f"{held.row.name} is now: {state.value}."), ok=_well(state))

    def resolve(self, request_id: int, *, by: str) -> Answer | None:
        """Take staff's word that what they were asked to do is settled; ``None`` while another worker holds the request."""
        held = self._ledger.work.claim_one(request_id, owner=f"resolve by {by}", lease=self._lease)
        if held is None:
            return None
        _, reconciler = self._lanes[held.row.lane]
        task = reconciler.task(reconciler.sitting(held))
        if task is None:
            self._give_back(held)
            return Answer(("Nothing waits for staff.",), ok=False)
        state = reconciler.resolve(held, task, by=by)
        return Answer((f"Settled: {task.instruction}", f"{held.row.name} is now: {state.value}."))

    def _look(self, held: Claimed, lane: WorkLane, reconciler: Reconciler) -> Answer:
        """Inspect and plan; the request is given back just as it was."""
        sitting = reconciler.sitting(held)
        try:
            notes = reconciler.review(sitting)
            plan = planned(sitting.goal, sitting.record, lane)
            answer = Answer((*notes, *(plan or ("Nothing is left to do.",))))
        except IlsError as problem:
            answer = Answer((str(problem),), ok=False)
        self._give_back(held)
        return answer

    def _give_back(self, held: Claimed) -> None:
        """Give a request back just as it was."""
        row = held.row
        as_it_was = Verdict(row.state, row.status, row.due_at, row.attempts, parked=row.parked)
        self._ledger.work.release(held, as_it_was, version=row.version)


def planned(goal: Goal, record: Record, lane: WorkLane) -> tuple[str, ...]:
    """The steps that would follow if each of them succeeded, in sentences."""
    sentences: list[str] = []
    while len(sentences) < MOST_STEPS:
        found = next_step(goal, record, lane.connector.capabilities)
        if isinstance(found, Step):
            sentences.append(plan_sentence(found))
            record = learn(record, found, Outcome())
            continue
        if isinstance(found, StaffTask):
            sentences.append(f"Staff would be asked: {found.instruction}")
        break
    return tuple(sentences)


def _well(state: State) -> bool:
    return state in {State.IN_STEP, State.CLOSED, State.DUE}
