"""One request, from claim to release."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

import pytest

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.change import Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.record import Outcome, Sighting
from bridge.engine import reconciler as module
from bridge.engine.boundary import Boundary
from bridge.engine.reconciler import Reconciler
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.ledger import LeaseLost, State
from bridge.ledger.model import StepState
from tests.engine.pretend import DUE, LATER, PretendIls, Stage, staffed


class Counts:
    """What a reconciler says that it did."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def step(self, verb: Verb, outcome: StepState) -> None:
        self.told.append((verb.value, outcome.value))

    def released(self, library: str, state: State) -> None:
        self.told.append((library, state.value))


class TestTheWholeWay:
    def test_each_step_and_each_release_is_counted(self, stage: Stage) -> None:
        counts = Counts()
        stage.reconciler = Reconciler(stage.ledger, stage.lane, lambda _: stage.policy, counting=counts)
        stage.ils.fails.append(("place_hold", OutcomeUnknown("No answer.")))
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        assert counts.told == [
            ("find_patron", "done"),
            ("create_temporary_item", "done"),
            ("place_hold", "unknown"),
            ("place_hold", "done"),
            ("main", "in_step"),
        ]

    def test_borrowed_and_sent_back(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        assert stage.row().state is State.IN_STEP
        assert [line.line for line in stage.lines() if line.kind == "step"] == [
            "The patron is known in pretend and may borrow.",
            "Temporary item ILL-1 was made in pretend (bib bib-1, item item-2).",
            "A hold on item ILL-1 was placed, pickup at MAIN.",
        ]
        stage.tell(Phase.RETURNED)
        stage.tell(Phase.COMPLETED)
        stage.settle()
        assert stage.row().state is State.CLOSED
        assert stage.row().status == "completed"
        assert set(stage.ils.items) == {"OWN-1"}

    def test_nothing_is_asked_of_the_ils_while_nothing_changes(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        stage.ils.asked.clear()
        stage.tell(None)
        stage.settle()
        assert stage.ils.asked == []
        calm = "The ILS agrees with the request; nothing is left to do."
        assert stage.history().count(calm) == 1

    def test_returned_before_anything_was_made_needs_no_call(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.tell(Phase.RETURNED)
        stage.settle()
        assert stage.ils.asked == []
        assert stage.row().state is State.IN_STEP

    def test_two_volumes_one_refused_does_not_hold_up_the_other(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, volume="1")
        stage.tell(Phase.RECEIVED, volume="2")
        stage.ils.fails = [("create_temporary_item", Rejected("Barcode taken.", cause="barcode_taken"))]
        stage.settle()
        row = stage.row()
        assert row.state is State.PARKED
        assert [item.volume for item in row.record.items if item.hold] == ["2"]


class TestNews:
    def test_news_while_working_is_taken_up_at_once(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)

        def send_back(what: str) -> None:
            if what == "item made":
                stage.tell(Phase.RETURNED)

        stage.ils.passing = send_back
        stage.settle()
        assert "place_hold" not in stage.ils.asked
        assert set(stage.ils.items) == {"OWN-1"}

    def test_news_in_the_last_moment_makes_it_due_again(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        stage.tell(Phase.RETURNED)
        assert stage.reconciler.work(held) is State.DUE

    def test_news_while_a_step_is_refused_is_planned_at_once(self, stage: Stage) -> None:
        """The correction comes in while the call is under way that is refused for want of it."""
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.ils.fails = [("check_out", Rejected("No such item.", cause="unknown_item"))]

        def correct(boundary: Boundary) -> None:
            if boundary is Boundary.CALL_SENT and "move_item" in stage.ils.asked:
                stage.passing = lambda _: None
                stage.tell(None, role=Role.LENDER, due=LATER)

        stage.passing = correct
        stage.settle()
        assert stage.row().state is State.IN_STEP
        assert stage.ils.items["OWN-1"].loan is not None

    def test_a_lease_taken_over_finishes_nothing(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)

        def sleep_through(what: str) -> None:
            if what == "item made":
                stage.ils.passing = lambda _: None
                stage.clock.advance(seconds=61)
                assert stage.ledger.work.claim_one(1, owner="other", lease=timedelta(seconds=60))

        stage.ils.passing = sleep_through
        with pytest.raises(LeaseLost):
            stage.work()
        assert stage.row().pending is not None


class TestFailures:
    def test_a_retry_waits_by_the_schedule_and_starts_anew(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("find_patron", Retry("Busy.", cause="busy"))]
        assert stage.work() is State.WAITING
        row = stage.row()
        assert (row.attempts, row.due_at) == (1, stage.clock.now + timedelta(minutes=1))
        assert row.parked.reason == "Busy."
        assert stage.work() is None
        stage.clock.advance(minutes=1)
        assert stage.work() is State.IN_STEP
        assert stage.row().attempts == 0

    def test_the_ils_own_wait_is_kept(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("find_patron", Retry("Busy.", after=600.0))]
        stage.work()
        assert stage.row().due_at == stage.clock.now + timedelta(seconds=600)

    def test_after_the_last_try_a_human_is_asked(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        for _ in range(4):
            stage.ils.fails = [("find_patron", Retry("Busy."))]
            stage.work()
            stage.clock.advance(hours=2)
        assert stage.row().state is State.PARKED
        assert "retry R1" in stage.row().parked.advice

    def test_a_refusal_parks_with_reason_and_advice(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("find_patron", Rejected("Unknown.", cause="unknown_patron", advice="Correct it."))]
        stage.settle()
        row = stage.row()
        assert row.state is State.PARKED
        assert (row.parked.cause, row.parked.reason) == ("unknown_patron", "Unknown.")
        assert row.parked.advice == "Correct it, then: ill-bridge retry R1."
        assert stage.history()[-2:] == [
            "Find patron did not succeed: Unknown.",
            "Parked. Correct it, then: ill-bridge retry R1.",
        ]

    def test_rule_8_parked_is_about_a_goal(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("place_hold", Rejected("No such pickup.", cause="pickup"))]
        stage.settle()
        assert stage.row().state is State.PARKED
        stage.ils.asked.clear()
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        assert stage.reconciler.work(held) is State.PARKED, "the same goal stays parked"
        assert stage.ils.asked == []
        stage.tell(Phase.RETURNED)
        stage.settle()
        assert stage.row().state is State.IN_STEP, "another goal is planned anew"
        assert set(stage.ils.items) == {"OWN-1"}

    def test_an_ils_that_is_down_closes_its_lane_and_burns_no_attempt(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.tell(Phase.RECEIVED, number="2")
        stage.ils.down = Unavailable("Nobody there.")
        assert stage.work() is State.DUE
        assert stage.row().attempts == 0
        (lane,) = stage.ledger.lanes.all()
        assert lane.paused_until == stage.clock.now + timedelta(seconds=60)
        assert stage.work() is None, "the lane is closed for the other request too"
        stage.ils.down = None
        assert stage.lane.probe()
        stage.settle()
        assert stage.row(1).state is stage.row(2).state is State.IN_STEP

    def test_refused_credentials_close_the_lane_too(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.down = CredentialsRejected("Bad key.")
        stage.work()
        (lane,) = stage.ledger.lanes.all()
        assert lane.cause == "credentials_rejected"

    def test_a_plan_without_end_is_stopped(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST_STEPS", 1)
        stage.tell(Phase.RECEIVED)
        assert stage.work() is State.PARKED
        assert "does not settle" in stage.row().parked.reason

    def test_told_to_stop_it_ends_between_two_steps(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.passing = lambda what: stage.stops.append(True) if what == "item made" else None
        assert stage.work() is State.DUE
        assert stage.ils.asked == ["find_patron", "create_temporary_item"]
        stage.stops.clear()
        stage.settle()
        assert stage.row().state is State.IN_STEP


class Lossy(PretendIls):
    """Does the work and loses the answer."""

    loses: ClassVar[list[str]] = []

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        outcome = super().place_hold(command, call)
        if "place_hold" in self.loses:
            self.loses.remove("place_hold")
            raise OutcomeUnknown("No answer.")
        return outcome

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        if "find_patron" in self.loses:
            self.loses.remove("find_patron")
            raise OutcomeUnknown("No answer.")
        return super().find_patron(command, call)


class TestUnclearEnds:
    def test_what_happened_is_looked_up_before_anything_else(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Lossy())
        stage.ils.loses = ["place_hold"]  # type: ignore[attr-defined]
        stage.tell(Phase.RECEIVED)
        stage.settle()
        assert stage.row().state is State.IN_STEP
        assert stage.ils.asked == ["find_patron", "create_temporary_item", "place_hold", "inspect"]
        states = {line.state for line in stage.ledger.requests.journal(1)}
        assert StepState.UNKNOWN in states
        told = "Place hold ended unclearly before; it was looked up in the ILS: our hold on item ILL-1 stands. It had been done."
        assert told in stage.history()

    def test_a_look_up_that_fails_is_made_again_before_anything_else(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Lossy())
        stage.ils.loses = ["place_hold"]  # type: ignore[attr-defined]
        stage.ils.fails = [("inspect", Retry("Busy."))]
        stage.tell(Phase.RECEIVED)
        assert stage.work() is State.WAITING
        assert stage.row().pending is not None
        stage.clock.advance(minutes=1)
        stage.settle()
        assert stage.ils.asked[-2:] == ["inspect", "inspect"]
        assert stage.row().state is State.IN_STEP

    def test_an_unclear_look_at_the_patron_is_just_asked_again(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Lossy())
        stage.ils.loses = ["find_patron"]  # type: ignore[attr-defined]
        stage.tell(Phase.RECEIVED)
        stage.settle()
        assert stage.row().state is State.IN_STEP

    def test_unclear_to_the_end_waits(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Lossy())
        stage.ils.loses = ["find_patron"] * 3  # type: ignore[attr-defined]
        stage.tell(Phase.RECEIVED)
        assert stage.work() is State.WAITING
        assert stage.row().parked.cause == "outcome_unknown"


class TestStaff:
    def test_what_the_ils_cannot_do_becomes_a_staff_task(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=staffed(Verb.PLACE_HOLD))
        stage.tell(Phase.RECEIVED)
        stage.settle()
        assert stage.row().state is State.STAFF
        assert "Place a hold on item ILL-1" in stage.row().parked.reason
        assert "It has no such call." in stage.row().parked.reason

    def test_what_it_cannot_do_at_all_is_noted(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=staffed(Verb.PLACE_HOLD, Verb.FIND_PATRON, ability=Ability.NO))
        stage.tell(Phase.RECEIVED)
        stage.settle()
        assert stage.row().state is State.IN_STEP
        assert "pretend cannot place holds; none was placed on item ILL-1." in stage.history()
        assert "It has no such call." in stage.history()
        assert "place_hold" not in stage.ils.asked

    def test_a_noted_step_cut_off_needs_no_look(self, make_stage: Callable[..., Stage]) -> None:
        from bridge.engine.boundary import Boundary
        from tests.engine.pretend import Killed

        stage = make_stage(ils=staffed(Verb.FIND_PATRON, ability=Ability.NO))
        stage.tell(Phase.RECEIVED)

        def kill(boundary: Boundary) -> None:
            if boundary is Boundary.STARTED:
                raise Killed

        stage.passing = kill
        with pytest.raises(Killed):
            stage.work()
        stage.passing = lambda _: None
        stage.restart()
        stage.settle()
        assert "inspect" not in stage.ils.asked[:1]
        assert stage.row().state is State.IN_STEP

    def test_physically_moved_things_are_not_undone_by_a_word(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.settle()
        stage.tell(Phase.CANCELLED)
        stage.settle()
        assert stage.row().state is State.STAFF
        assert len(stage.ils.items) == 2
        lines = stage.history()
        stage.tell(None)
        stage.settle()
        assert len([line for line in stage.lines() if line.kind == "state"]) == len(
            [line for line in lines if line.startswith(("Staff", "The ILS agrees"))]
        ), "said once"

    def test_lost_is_shown(self, stage: Stage) -> None:
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.settle()
        stage.tell(None, role=Role.LENDER, raised=(Condition.LOST,))
        stage.settle()
        assert stage.row().status == "shipped (lost)"
        assert "mark_lost" in stage.ils.asked


class TestAfresh:
    def test_what_staff_did_by_hand_is_seen(self, stage: Stage) -> None:
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.settle()
        stage.ils.items["OWN-1"].loan = None
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        stage.reconciler.work(held, afresh=True)
        assert "The record of item OWN-1 was corrected from the ILS." in stage.history()
        stage.tell(None, role=Role.LENDER, due=LATER)
        stage.settle()
        assert stage.ils.asked.count("set_due_date") == 0

    def test_nothing_amiss_is_said_too(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.settle()
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        stage.reconciler.work(held, afresh=True)
        assert "Looked up in the ILS: everything stands as recorded." in stage.history()

    def test_a_failure_of_no_known_kind_is_journalled_and_tried_later(self, stage: Stage) -> None:
        """A connector of a third party may raise the root of these errors."""
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("place_hold", IlsError("Something odd."))]
        assert stage.work() is State.WAITING
        assert "Place hold did not succeed: Something odd." in stage.history()
        assert stage.row().pending is None

    def test_afresh_a_parked_request_is_tried_again(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ils.fails = [("place_hold", Rejected("No such pickup."))]
        stage.settle()
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        assert stage.reconciler.work(held, afresh=True) is State.IN_STEP

    def test_what_the_ils_adds_is_told(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        stage.tell(Phase.RECEIVED)
        stage.settle()
        seen = Sighting(item_present=True, notes=("The item is in transit.",))
        monkeypatch.setattr(stage.ils, "inspect", lambda command, call: seen)
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        stage.reconciler.work(held, afresh=True)
        assert "The item is in transit." in stage.history()
