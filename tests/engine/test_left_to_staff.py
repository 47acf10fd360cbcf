"""What was left to staff, and news that came before they said that it is done: nobody knows whether it is, so they are asked."""

from __future__ import annotations

import pytest

from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.record import HoldRecord
from bridge.engine.asked import Asking
from bridge.errors import Rejected
from bridge.ledger import Claimed, State, Verdict
from tests.engine.pretend import DUE, LATER, Stage, staffed
from tests.engine.test_steering import asked


def by_hand(stage: Stage, *verbs: Verb) -> Stage:
    stage.ils = staffed(*verbs)
    stage.restart()
    return stage


def sent_out(stage: Stage) -> Stage:
    """Staff were asked to check an item out and to move it; they are about to."""
    by_hand(stage, *Verb).tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.settle()
    assert stage.row().state is State.STAFF
    return stage


def over(stage: Stage) -> Stage:
    stage.tell(Phase.COMPLETED, role=Role.LENDER)
    stage.settle()
    return stage


def test_a_loan_that_is_over_before_it_was_confirmed_is_not_forgotten(stage: Stage) -> None:
    over(sent_out(stage))
    assert (stage.row().state, stage.row().status) == (State.STAFF, "completed")
    reason = stage.row().parked.reason
    assert "Not wanted any more: Check item OWN-1 out to the borrowing library" in reason
    assert "If it was done already: check item OWN-1 in." in reason
    answer = asked(stage, Asking.RESOLVE, whole=True)
    assert (answer.ok, answer.lines[-1]) == (True, "R1 is now: closed.")
    assert any(line.startswith("Settled by ada: Not wanted any more: Check") for line in stage.history())
    stage.tell(None, role=Role.LENDER)
    stage.settle()
    assert stage.row().state is State.CLOSED, "they are not asked twice"


@pytest.mark.parametrize("kind", [Asking.RESOLVE, Asking.SKIP])
def test_each_can_be_settled_by_itself(stage: Stage, kind: Asking) -> None:
    over(sent_out(stage))
    before = stage.row().record.entrusted
    asked(stage, kind, note="looked")
    assert (len(before), len(stage.row().record.entrusted), stage.row().state) == (2, 1, State.STAFF)
    asked(stage, kind, note="looked")
    assert stage.row().state is State.CLOSED


def test_what_was_never_shown_is_not_asked_of(stage: Stage) -> None:
    """News came while the tasks were worked out: nobody saw them."""
    by_hand(stage, *Verb).tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    release = stage.ledger.work.release

    def meanwhile(held: Claimed, verdict: Verdict, **more: object) -> State:
        stage.tell(Phase.COMPLETED, role=Role.LENDER)
        return release(held, verdict, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.ledger.work, "release", meanwhile)
        stage.work()
    assert (stage.row().state, stage.row().record.entrusted) == (State.DUE, ())
    stage.settle()
    assert stage.row().state is State.CLOSED


def test_other_words_are_told_with_those_before(stage: Stage) -> None:
    sent_out(stage).tell(None, role=Role.LENDER, due=LATER)
    stage.settle()
    assert (
        f"due {LATER}. It has no such call. Before, this was asked: “Check item OWN-1 out" in stage.row().parked.reason
    )
    assert asked(stage, Asking.RESOLVE, whole=True).ok
    assert (stage.row().state, stage.row().record.entrusted) == (State.IN_STEP, ())


def test_what_the_ils_refused_and_staff_may_have_done_by_hand(stage: Stage) -> None:
    by_hand(stage).tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.ils.fails = [("check_out", Rejected("The desk must do it.", cause="by_hand"))]
    stage.settle()
    assert (stage.row().state, stage.row().parked.cause) == (State.PARKED, "by_hand")
    over(stage)
    assert stage.row().state is State.STAFF
    assert stage.row().parked.reason.startswith("Not wanted any more: Check item OWN-1 out")
    assert asked(stage, Asking.RESOLVE).ok
    assert stage.row().state is State.CLOSED


def test_what_the_ils_refused_and_does_later_is_not_asked_of(stage: Stage) -> None:
    by_hand(stage).tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.ils.fails = [("check_out", Rejected("The desk must do it.", cause="by_hand"))]
    stage.settle()
    asked(stage, Asking.RETRY)
    assert (stage.row().state, stage.row().record.entrusted) == (State.IN_STEP, ())


def test_a_resync_that_sees_it_done_is_answer_enough(stage: Stage) -> None:
    by_hand(stage, Verb.PLACE_HOLD).tell(Phase.RECEIVED)
    stage.settle()
    thing = next(each for each in stage.ils.items.values() if each.barcode == "ILL-1")
    thing.hold = HoldRecord("by-hand", "id-p1", "MAIN")
    asked(stage, Asking.RESYNC)
    assert (stage.row().state, stage.row().record.entrusted) == (State.IN_STEP, ())
    stage.tell(Phase.RETURNED)
    stage.settle()
    assert (stage.row().state, len(stage.ils.items)) == (State.IN_STEP, 1)


def test_forgetting_says_what_is_not_known(stage: Stage) -> None:
    answer = asked(sent_out(stage), Asking.FORGET)
    assert answer.lines[0].startswith("Whether this was done by hand is not known: Move item OWN-1")


def test_a_restart_knows_it(stage: Stage) -> None:
    sent_out(stage).restart()
    assert over(stage).row().state is State.STAFF
