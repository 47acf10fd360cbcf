"""A step that ended unclearly in an ILS that shows nothing afterwards: it is not done again by any news, and is not forgotten over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.record import Outcome, Sighting
from bridge.engine.asked import Asking
from bridge.errors import OutcomeUnknown, Rejected
from bridge.ledger import State, Verdict
from tests.engine.pretend import DUE, LATER, PretendIls, Stage
from tests.engine.test_steering import asked


class Blind(PretendIls):
    """Shows nothing, and does nothing again of which it is asked whether it was done. ``lost`` verbs' next answers are lost."""

    def __init__(self, *lost: Verb, **traits: object) -> None:
        super().__init__(**traits)
        self.lost = list(lost)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        self._verb("inspect")
        return Sighting(notes=("It shows nothing.",))

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        return self._end(
            Verb.CREATE_TEMPORARY_ITEM, call, lambda: PretendIls.create_temporary_item(self, command, call)
        )

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        return self._end(Verb.PLACE_HOLD, call, lambda: PretendIls.place_hold(self, command, call))

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        return self._end(Verb.CHECK_OUT, call, lambda: PretendIls.check_out(self, command, call))

    def _end(self, verb: Verb, call: Call, work: Callable[[], Outcome]) -> Outcome:
        if call.verify:
            raise Rejected("Nobody can tell.", cause="cannot_look")
        outcome = work()
        if verb in self.lost:
            self.lost.remove(verb)
            raise OutcomeUnknown("No answer.")
        return outcome


def blind(stage: Stage, *lost: Verb, **traits: object) -> Stage:
    stage.ils = Blind(*lost, **traits)
    stage.restart()
    return stage


def sent(stage: Stage, verb: Verb) -> int:
    return stage.ils.asked.count(verb.value)


def lent(stage: Stage, **traits: object) -> Stage:
    """A check-out whose answer was lost."""
    blind(stage, Verb.CHECK_OUT, **traits).tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.settle()
    return stage


def made(stage: Stage) -> Stage:
    """A temporary item whose making was not answered."""
    blind(stage, Verb.CREATE_TEMPORARY_ITEM).tell(Phase.RECEIVED)
    stage.settle()
    return stage


class TestNews:
    def test_news_has_nothing_done_again(self, stage: Stage) -> None:
        lent(stage)
        assert (stage.row().state, stage.row().parked.cause) == (State.PARKED, "cannot_look")
        stage.tell(None, role=Role.LENDER, due=LATER)
        stage.settle()
        assert (stage.row().state, stage.row().parked.cause) == (State.PARKED, "cannot_look")
        assert sent(stage, Verb.CHECK_OUT) == 1

    @pytest.mark.parametrize(
        ("role", "end"),
        [(Role.LENDER, Phase.COMPLETED), (Role.BORROWER, Phase.RETURNED), (Role.BORROWER, Phase.CANCELLED)],
    )
    def test_what_is_not_wanted_any_more_is_not_forgotten(self, stage: Stage, role: Role, end: Phase) -> None:
        """It may stand in the ILS, where nothing would ever end it."""
        (lent if role is Role.LENDER else made)(stage)
        stage.tell(end, role=role)
        stage.settle()
        row = stage.row()
        assert (row.state, row.parked.cause) == (State.PARKED, "cannot_look")
        done = "the loan was made for item OWN-1" if role is Role.LENDER else "record and hold were made for item ILL-1"
        assert done in row.parked.reason
        assert "not wanted any more" in row.parked.reason
        assert row.parked.advice == "Look in the ILS, and undo there what was done, then: ill-bridge resolve R1."

    def test_what_is_lost_stays_as_it_is_and_is_looked_for_when_it_comes_back(self, stage: Stage) -> None:
        made(stage).tell(None, raised=(Condition.LOST,))
        stage.settle()
        assert stage.row().state is State.IN_STEP, "nothing is to be undone of a lost item"
        assert "what is not known of it is looked up when it comes back" in stage.history()[-1]
        stage.tell(Phase.RETURNED)
        stage.settle()
        assert (stage.row().state, stage.row().parked.cause) == (State.PARKED, "cannot_look")
        assert "not wanted any more" in stage.row().parked.reason

    def test_a_hold_that_may_stand_keeps_the_item_until_people_looked(self, stage: Stage) -> None:
        blind(stage, Verb.PLACE_HOLD).tell(Phase.RECEIVED)
        stage.settle()
        stage.tell(Phase.RETURNED)
        stage.settle()
        assert stage.row().parked.reason.startswith("Whether the hold was placed for item ILL-1 is not known")
        asked(stage, Asking.RESOLVE)
        assert (stage.row().state, len(stage.ils.items)) == (State.IN_STEP, 1)

    def test_what_was_begun_for_another_item_is_not_taken_for_it(self, stage: Stage) -> None:
        """The service corrected the barcode meanwhile: people see to the wrong item first."""
        lent(stage, temporary_location=False)
        stage.tell(None, role=Role.LENDER, barcode="OWN-2")
        stage.settle()
        assert stage.row().parked.reason.startswith("Whether the loan was made for item OWN-1 is not known")
        stage.ils.items["OWN-1"].loan = None
        asked(stage, Asking.RESOLVE)
        assert (stage.row().state, sent(stage, Verb.CHECK_OUT)) == (State.IN_STEP, 2)

    def test_other_volumes_go_on(self, stage: Stage) -> None:
        blind(stage, Verb.CREATE_TEMPORARY_ITEM).tell(Phase.RECEIVED, volume="1")
        stage.tell(Phase.RECEIVED, volume="2")
        stage.settle()
        stage.tell(Phase.RETURNED, volume="1")
        stage.settle()
        record = stage.row().record
        assert (record.item("", "1").hold, record.item("", "2").hold is not None) == (None, True)
        assert stage.row().parked.cause == "cannot_look"

    def test_a_worker_that_died_leaves_it_to_be_seen_too(self, stage: Stage) -> None:
        made(stage)
        stage.tell(Phase.RETURNED)
        stage.restart()
        stage.settle()
        assert stage.row().parked.cause == "cannot_look"

    def test_a_look_that_shows_it_ends_the_doubt(self, stage: Stage) -> None:
        made(stage)
        stage.tell(Phase.RETURNED)
        stage.settle()
        stage.ils.inspect = lambda command, call: PretendIls.inspect(stage.ils, command, call)  # type: ignore[method-assign]
        asked(stage, Asking.RESYNC)
        assert (stage.row().state, stage.row().record.unseen) == (State.IN_STEP, {})
        assert len(stage.ils.items) == 1


class TestPeople:
    """Whoever resolves or tries again has looked."""

    def test_it_was_done_and_still_is_wanted(self, stage: Stage) -> None:
        lent(stage)
        stage.tell(None, role=Role.LENDER, due=LATER)
        stage.settle()
        assert asked(stage, Asking.RESOLVE).lines[-1] == "R1 is now: in_step."
        loan = stage.row().record.item("", "").open_loan
        assert (loan and loan.due, sent(stage, Verb.CHECK_OUT)) == (LATER, 1)
        assert stage.row().record.unseen == {}

    def test_it_was_not_done_and_is_tried_again(self, stage: Stage) -> None:
        lent(stage)
        stage.ils.items["OWN-1"].loan = None
        assert asked(stage, Asking.RETRY).lines[-1] == "R1 is now: in_step."
        assert sent(stage, Verb.CHECK_OUT) == 2

    def test_it_is_not_wanted_and_people_saw_to_it(self, stage: Stage) -> None:
        made(stage)
        stage.tell(Phase.RETURNED)
        stage.settle()
        assert asked(stage, Asking.RESOLVE, note="deleted by hand").ok
        assert (stage.row().state, stage.row().record.unseen) == (State.IN_STEP, {})
        assert "Settled by ada. Note: deleted by hand" in stage.history()
        stage.tell(Phase.COMPLETED)
        stage.settle()
        assert stage.row().state is State.CLOSED

    @pytest.mark.parametrize("end", [None, Phase.COMPLETED])
    def test_a_step_that_is_left_out_is_not_looked_for_again(self, stage: Stage, end: Phase | None) -> None:
        lent(stage)
        if end is not None:
            stage.tell(end, role=Role.LENDER)
            stage.settle()
        asked(stage, Asking.SKIP, note="seen to")
        assert (stage.row().state, sent(stage, Verb.CHECK_OUT)) == (State.CLOSED if end else State.IN_STEP, 1)

    def test_the_word_is_about_the_step_that_nobody_saw(self, stage: Stage) -> None:
        """And not about another volume's, that was refused for a reason of its own."""
        blind(stage, Verb.CREATE_TEMPORARY_ITEM).tell(Phase.RECEIVED, volume="2")
        stage.settle()
        stage.ils.fails = [("create_temporary_item", Rejected("It is taken.", cause="barcode_taken"))] * 2
        stage.tell(Phase.RECEIVED, volume="1")
        stage.settle()
        row = stage.ledger.requests.one(1)
        parked = replace(row.parked, cause="cannot_look")
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        stage.ledger.work.release(held, Verdict(State.PARKED, row.status, parked=parked), version=held.row.version)
        asked(stage, Asking.RESOLVE)
        record = stage.row().record
        assert [record.item("", volume).existence for volume in ("1", "2")] == ["none", "present"]
