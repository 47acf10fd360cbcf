"""Resync: look first, then the same loop; dry-run changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.domain.capabilities import Ability
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.engine import resync as module
from bridge.engine.resync import Answer, Resync
from bridge.errors import Rejected, Unavailable
from bridge.ledger import State
from tests.engine.pretend import DUE, Stage, staffed


def resync(stage: Stage, *, dry_run: bool = False) -> Answer | None:
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    return Resync(stage.ledger, lanes, lease=timedelta(seconds=60)).carry_out(1, dry_run=dry_run, by="ada")


def test_a_parked_request_is_brought_in_step(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("place_hold", Rejected("No such pickup."))]
    stage.settle()
    answer = resync(stage)
    assert answer is not None
    assert answer.ok
    assert answer.lines[-1] == "R1 is now: in_step."
    assert any("hold" in line for line in answer.lines)


def test_a_dry_run_says_the_plan_and_changes_nothing(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    before, history = stage.row(), stage.history()
    answer = resync(stage, dry_run=True)
    assert answer == Answer(
        (
            "Would look the patron up.",
            "Would make temporary item ILL-1.",
            "Would place a hold on item ILL-1, pickup at MAIN.",
        )
    )
    assert stage.ils.asked == ["inspect"]
    assert stage.history() == history
    assert stage.row().state is before.state


def test_a_plan_without_end_is_cut(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 1)
    stage.tell(Phase.RECEIVED)
    assert resync(stage, dry_run=True) == Answer(("Would look the patron up.",))


def test_a_dry_run_with_nothing_to_do(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert resync(stage, dry_run=True) == Answer(("Nothing is left to do.",))
    assert stage.row().state is State.IN_STEP


def test_a_dry_run_names_what_staff_would_be_asked(stage: Stage) -> None:
    stage.ils = staffed(Verb.PLACE_HOLD, ability=Ability.STAFF)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    answer = resync(stage, dry_run=True)
    assert answer is not None
    assert answer.lines[-1].startswith("Staff would be asked: Place a hold")


def test_a_dry_run_against_an_ils_that_is_down(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.down = Unavailable("Nobody there.")
    answer = resync(stage, dry_run=True)
    assert answer == Answer(("Nobody there.",), ok=False)
    assert stage.row().state is State.DUE


def test_a_request_in_work_is_left_for_later(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    assert stage.ledger.work.claim_one(1, owner="other", lease=timedelta(seconds=60))
    assert resync(stage) is None


def test_one_that_parks_again_is_not_well(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("find_patron", Rejected("Unknown."))]
    answer = resync(stage)
    assert answer is not None
    assert not answer.ok
    assert answer.lines[-1] == "R1 is now: parked."


def resolve(stage: Stage) -> Answer | None:
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    return Resync(stage.ledger, lanes, lease=timedelta(seconds=60)).resolve(1, by="ada")


def test_what_staff_did_counts_as_done_and_work_goes_on(stage: Stage) -> None:
    stage.ils = staffed(Verb.PLACE_HOLD, ability=Ability.STAFF)
    stage.restart()
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert stage.row().state is State.STAFF
    answer = resolve(stage)
    assert answer is not None
    assert answer.ok
    assert answer.lines[-1] == "R1 is now: in_step."
    assert stage.row().record.item("", "").hold is not None
    assert stage.history()[-2].startswith("Settled by ada: Place a hold on item ILL-1")


def test_a_decision_of_staff_is_kept(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    stage.tell(Phase.CANCELLED)
    stage.settle()
    assert stage.row().state is State.STAFF
    assert "resolve R1" in stage.row().parked.advice
    resolve(stage)
    assert stage.row().state is State.CLOSED
    stage.tell(None)
    stage.settle()
    assert stage.row().state is State.CLOSED


def test_there_may_be_nothing_to_settle(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    assert resolve(stage) == Answer(("Nothing waits for staff.",), ok=False)
    assert stage.row().state is State.IN_STEP
    assert stage.ledger.work.claim_one(1, owner="other", lease=timedelta(seconds=60))
    assert resolve(stage) is None
