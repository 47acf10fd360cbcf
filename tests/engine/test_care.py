"""First do no harm: observe mode, the cut-over, the quota of deletions, a restored ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.domain.policy import Mode
from bridge.engine.boundary import Boundary
from bridge.errors import Rejected, Retry, Unavailable
from bridge.ledger import State
from tests.engine.pretend import DUE, POLICY, START, Stage

WRITES = {"create_temporary_item", "place_hold", "check_out", "move_item", "charge_fee", "delete_temporary_item"}


@pytest.fixture
def watched(stage: Stage) -> Stage:
    stage.policy = replace(POLICY, mode=Mode.OBSERVE)
    return stage


class TestObserving:
    """Everything is planned and shown, nothing is written."""

    def test_the_plan_is_told_once_a_goal(self, watched: Stage) -> None:
        watched.tell(Phase.RECEIVED, due=DUE)
        watched.settle()
        row = watched.row()
        assert (row.state, row.due_at) == (State.OBSERVED, None)
        assert watched.history()[-1] == (
            "Observe mode: nothing is written in the ILS. Would make temporary item ILL-1. "
            "Would place a hold on item ILL-1, pickup at MAIN."
        )
        watched.tell(Phase.RECEIVED, due=DUE)
        watched.settle()
        assert sum("Observe mode" in line for line in watched.history()) == 1
        assert not WRITES & set(watched.ils.asked)

    def test_patrons_are_looked_up_all_the_same(self, watched: Stage) -> None:
        watched.ils.fails = [("find_patron", Rejected("The patron is not known."))]
        watched.tell(Phase.RECEIVED)
        watched.settle()
        assert watched.row().state is State.OBSERVED
        assert watched.history()[-1].endswith("It would be parked: The patron is not known.")
        assert watched.row().parked.reason == "It would be parked: The patron is not known."

    def test_news_while_a_look_fails_is_planned_anew(self, watched: Stage) -> None:
        watched.ils.fails = [("find_patron", Rejected("The patron is not known."))]
        watched.tell(Phase.RECEIVED)

        def correct(boundary: Boundary) -> None:
            if boundary is Boundary.CALL_SENT:
                watched.passing = lambda _: None
                watched.tell(None, patron_id="p2")

        watched.passing = correct
        watched.settle()
        assert watched.row().state is State.OBSERVED
        assert "Would make temporary item ILL-1" in watched.history()[-1]

    def test_a_look_that_fails_is_repeated_later(self, watched: Stage) -> None:
        watched.ils.fails = [("find_patron", Retry("Busy."))]
        watched.tell(Phase.RECEIVED)
        watched.settle()
        assert watched.row().state is State.WAITING

    def test_an_ils_that_is_down_closes_its_lane(self, watched: Stage) -> None:
        watched.ils.down = Unavailable("Nobody there.")
        watched.tell(Phase.RECEIVED)
        watched.work()
        assert watched.ledger.lanes.all()[0].paused_until is not None

    def test_what_ended_is_closed(self, watched: Stage) -> None:
        watched.tell(Phase.CANCELLED)
        watched.settle()
        assert watched.row().state is State.CLOSED

    def test_going_live_takes_up_what_was_observed(self, watched: Stage) -> None:
        watched.tell(Phase.RECEIVED)
        watched.settle()
        watched.policy = POLICY
        assert watched.ledger.work.take_up(["elsewhere"]) == 0
        assert watched.ledger.work.take_up(["main"]) == 1
        watched.settle()
        assert watched.row().state is State.IN_STEP


class TestTheCutOver:
    """Requests from before it are left alone."""

    def test_what_began_before_is_only_observed(self, stage: Stage) -> None:
        stage.policy = replace(POLICY, live_from=START + timedelta(days=1))
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.settle()
        assert stage.row().state is State.OBSERVED
        assert stage.history()[-1].startswith("From before the cut-over (2026-11-25): left alone until it is adopted.")

    def test_what_began_after_is_worked_on(self, stage: Stage) -> None:
        stage.policy = replace(POLICY, live_from=START)
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.settle()
        assert stage.row().state is State.IN_STEP

    def test_what_was_begun_is_brought_to_its_end(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.settle()
        stage.policy = replace(POLICY, live_from=START + timedelta(days=1))
        stage.tell(Phase.RETURNED)
        stage.settle()
        assert "ILL-1" not in {thing.barcode for thing in stage.ils.items.values()}


class TestTheQuota:
    """Too many deletions within an hour stop the library until a human says that it is right."""

    def three_returned(self, stage: Stage) -> None:
        for number in ("1", "2", "3"):
            stage.tell(Phase.RECEIVED, number=number)
        stage.settle()
        for number in ("1", "2", "3"):
            stage.clock.advance(seconds=1)
            stage.tell(Phase.RETURNED, number=number)
        stage.settle()

    def deleted(self, stage: Stage) -> int:
        return stage.ils.asked.count("delete_temporary_item")

    def test_it_stops_and_goes_on_when_told(self, stage: Stage) -> None:
        stage.policy = replace(POLICY, deletes_per_hour=2)
        self.three_returned(stage)
        assert self.deleted(stage) == 2
        (library,) = stage.ledger.libraries.all()
        assert (library.name, library.held_cause) == ("main", "delete_quota")
        assert "ill-bridge resume main" in library.held_why
        assert stage.ledger.libraries.deletions("main") == 2
        assert stage.row(3).state is State.DUE
        assert stage.ledger.work.due_lanes() == (), "a library that is held wakes nobody"
        assert "Stopped before deleting: Temporary items" in stage.history(3)[-1]
        assert stage.ledger.libraries.resume("main")
        assert not stage.ledger.libraries.resume("main")
        stage.settle()
        assert self.deleted(stage) == 3
        assert stage.ledger.libraries.deletions("main") == 0, "the quota began anew"

    def test_an_hour_later_it_may_delete_again(self, stage: Stage) -> None:
        stage.policy = replace(POLICY, deletes_per_hour=1)
        self.three_returned(stage)
        stage.clock.advance(minutes=61)
        assert stage.ledger.libraries.deletions("main") == 0
        assert stage.row(2).state is State.DUE, "held until a human has looked"

    def test_the_stop_is_told_once(self, stage: Stage) -> None:
        stage.policy = replace(POLICY, deletes_per_hour=0)
        stage.tell(Phase.RECEIVED)
        stage.settle()
        stage.tell(Phase.RETURNED)
        stage.settle()
        held = stage.ledger.work.claim_one(1, owner="staff", lease=timedelta(seconds=60))
        assert held is not None
        assert stage.reconciler.work(held) is State.DUE
        assert sum("Stopped before deleting" in line for line in stage.history()) == 1


class TestARestoredLedger:
    """Every open request is looked up in the ILS before anything is done for it."""

    def test_what_was_made_since_the_backup_is_found(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        assert stage.work() is State.IN_STEP
        with stage.ledger.database.write() as connection:
            connection.exec_driver_sql("update request set record = '{}', state = 'in_step'")
        assert stage.ledger.work.look_afresh() == 1
        stage.settle()
        assert stage.row().state is State.IN_STEP
        assert stage.ils.asked.count("create_temporary_item") == 1
        assert not stage.row().afresh

    def test_it_waits_for_an_ils_that_is_down(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.ledger.work.look_afresh()
        stage.ils.down = Unavailable("Nobody there.")
        assert stage.work() is State.DUE
        assert stage.row().afresh
        stage.ils.down = None
        stage.ledger.lanes.open("pretend")
        stage.settle()
        assert stage.ils.asked.index("inspect") < stage.ils.asked.index("create_temporary_item")

    def test_what_is_closed_is_left(self, stage: Stage) -> None:
        stage.tell(Phase.CANCELLED)
        stage.settle()
        assert stage.ledger.work.look_afresh() == 0
