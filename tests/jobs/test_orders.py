"""Orders are carried out one after another; none holds up another, and live work goes before many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import structlog

from bridge.domain.change import Phase
from bridge.engine.asked import Answer, Asked, Asking
from bridge.engine.steering import Steering
from bridge.errors import Unavailable
from bridge.jobs.orders import ANSWER, ASKED, OrderJob, why_waiting
from bridge.ledger import LeaseLost, LedgerBusy, State
from bridge.ledger.model import NewOrder
from tests.engine.pretend import Stage

MINUTE = timedelta(minutes=1)


class Office:
    """Orders for a stage, and the job that carries them out."""

    def __init__(self, stage: Stage, **more: Any) -> None:
        self.stage = stage
        self.orders = stage.ledger.orders
        stage.ledger.lanes.ensure(["pretend"])
        self.steering = Steering(stage.ledger, {"pretend": (stage.lane, stage.reconciler)}, lease=MINUTE)
        self.job = OrderJob(stage.ledger, self.steering, **more)

    def order(self, request_id: int, kind: Asking = Asking.RESYNC) -> NewOrder:
        asked = Asked(kind, request_id, "ada")
        return NewOrder(kind.value, request_id, ASKED.dump_json(asked).decode(), "ada")

    def give(self, request_id: int = 1, kind: Asking = Asking.RESYNC) -> int:
        return self.orders.give(self.order(request_id, kind))

    def give_many(self, *request_ids: int) -> None:
        self.orders.watch("resync-1")
        self.orders.give_all([self.order(each) for each in request_ids], batch="resync-1")

    def answer(self, order: int) -> Answer:
        return ANSWER.validate_json(self.orders.one(order).answer)


@pytest.fixture
def office(stage: Stage) -> Office:
    stage.tell(Phase.RECEIVED)
    return Office(stage)


def test_single_and_many_are_carried_out(office: Office) -> None:
    office.stage.tell(Phase.RECEIVED, number="2")
    office.give_many(1, 2)
    order = office.give()
    office.job.run()
    assert office.answer(order).lines[-1] == "R1 is now: in_step."
    assert not office.orders.any()
    assert office.stage.row(2).state is State.IN_STEP
    office.job.run()


def test_what_no_release_knows_and_what_is_not_there_is_answered(office: Office) -> None:
    odd = office.orders.give(NewOrder("dance", 1, "{}", "ada"))
    nobody = office.give(99)
    office.give_many(98)
    fine = office.give()
    office.job.run()
    assert "dance" in office.answer(odd).lines[0]
    assert office.answer(nobody).lines == ("There is no request R99.",)
    assert office.answer(fine).ok
    assert not office.orders.any()


def test_one_in_work_waits_and_holds_up_nobody(office: Office) -> None:
    office.stage.tell(Phase.RECEIVED, number="2")
    held = office.stage.ledger.work.claim_one(1, owner="other", lease=MINUTE)
    assert held is not None
    first, second = office.give(1), office.give(2)
    office.give_many(1)
    office.job.run()
    assert office.orders.one(first).done_at is None
    assert office.answer(second).ok
    office.stage.clock.advance(seconds=61)
    office.job.run()
    assert office.answer(first).ok


def test_one_taken_by_another_daemon_is_left_to_it(office: Office) -> None:
    order = office.give()
    office.orders.take(order)
    office.job.run()
    assert office.orders.one(order).done_at is None


def test_a_lost_lease_leaves_the_order_open(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    order = office.give()

    def lost(*_: Any, **__: Any) -> State:
        raise LeaseLost("taken over")

    monkeypatch.setattr(office.stage.reconciler, "work", lost)
    with structlog.testing.capture_logs() as logs:
        office.job.run()
    assert office.orders.one(order).done_at is None
    assert [entry["event"] for entry in logs] == ["order.lease_lost"]


@pytest.mark.parametrize(("fault", "answered"), [(RuntimeError, True), (KeyboardInterrupt, False), (LedgerBusy, False)])
def test_a_fault_is_answered_once_and_an_interruption_or_a_busy_ledger_gives_back(
    office: Office, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException], answered: bool
) -> None:
    order = office.give()

    def fails(*_: Any, **__: Any) -> State:
        raise fault

    monkeypatch.setattr(office.stage.reconciler, "work", fails)
    with pytest.raises(fault):
        office.job.run()
    found = office.orders.one(order)
    assert (found.done_at is not None) is answered
    assert ("The bridge itself failed" in found.answer) is answered
    assert office.orders.take(order) is not answered, "it can be taken again at once"


def test_the_step_in_hand_is_the_last(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    office = Office(stage, stopping=lambda: True)
    office.give()
    office.give_many(1)
    office.job.run()
    assert len(office.orders.open()) == 2


class TestManyWait:
    def test_for_live_work_within_a_daemon(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        office = Office(stage, live_first=True)
        office.give_many(1)
        office.job.run()
        assert office.orders.left("resync-1") == 1
        stage.settle()
        office.job.run()
        assert office.orders.left("resync-1") == 0

    def test_for_a_closed_lane(self, office: Office) -> None:
        office.stage.ils.down = Unavailable("Nobody there.")
        order = office.give()
        office.job.run()
        assert office.answer(order).lines == ("R1 is now: due.", "Lane 'pretend' is closed: Nobody there.")
        assert office.stage.row().afresh, "it is looked up first when the ILS is back"
        office.give_many(1)
        office.job.run()
        assert office.orders.left("resync-1") == 1
        assert why_waiting(office.stage.ledger, "resync-1") == "Lane 'pretend' is closed: Nobody there."
        assert why_waiting(office.stage.ledger, "resync-2") == ""
        office.stage.ils.down = None
        office.stage.lane.probe()
        office.job.run()
        assert office.orders.left("resync-1") == 0

    def test_for_staffs_pause_while_single_ones_are_noted(self, office: Office) -> None:
        ledger = office.stage.ledger
        later = office.stage.clock() + MINUTE
        ledger.libraries.hold("other", until=later, why="Not ours.")
        ledger.lanes.ensure(["another"])
        ledger.lanes.hold("another", until=later, why="Not ours.")
        ledger.lanes.hold("pretend", until=later, why="Upgrade.")
        office.give_many(1)
        single = office.give()
        office.job.run()
        assert office.orders.left("resync-1") == 1
        (line,) = office.answer(single).lines
        assert line.startswith(
            "R1 is worked on when the pause ends. Lane 'pretend' is paused: Upgrade. It goes on at 2"
        )
        assert office.stage.ils.asked == []
        assert (office.stage.row().state, office.stage.row().afresh) == (State.DUE, True)
        assert "Upgrade." in why_waiting(ledger, "resync-1")

    def test_for_nobody_once_their_command_is_gone(self, office: Office) -> None:
        office.give_many(1)
        office.stage.clock.advance(seconds=61)
        with structlog.testing.capture_logs() as logs:
            office.job.run()
        assert office.orders.left("resync-1") == 0
        assert office.stage.ils.asked == []
        assert [(entry["event"], entry["orders"]) for entry in logs] == [("orders.taken_back", 1)]
