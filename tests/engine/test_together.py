"""A step's end is journalled with what comes next, in one transaction; and who takes a change in wakes its lane."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.domain.plan import next_step
from bridge.domain.record import Outcome
from bridge.engine.dispatcher import Dispatcher
from bridge.engine.lane import LaneRules, WorkLane
from bridge.engine.reconciler import Reconciler
from bridge.ledger import State
from tests.engine.pretend import PretendIls, Stage
from tests.engine.test_dispatcher import Slow, dispatcher_of, running, until
from tests.patience import PATIENCE

NEVER = timedelta(hours=1)


class Interrupted(PretendIls):
    """While the patron is looked up, other news comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.news: Callable[[], object] = lambda: None

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        outcome = super().find_patron(command, call)
        self.news()
        return outcome


def test_news_between_two_steps_is_heard_before_the_next_begins(make_stage: Callable[..., Stage]) -> None:
    ils = Interrupted()
    stage = make_stage(ils=ils)
    stage.tell(Phase.RECEIVED)
    ils.news = lambda: stage.tell(Phase.RETURNED)
    assert stage.work() is not State.PARKED
    stage.settle()
    assert ils.asked == ["find_patron"], "the item was never made, since it had gone back"
    assert stage.row().record.patron is not None, "the look-up was journalled all the same"
    assert [line.key for line in stage.ledger.requests.journal(1)] == ["-:-:find_patron:0"]


def test_a_fault_of_ours_between_two_steps_does_not_lose_the_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.tell(Phase.RECEIVED)
    answers = [next_step]

    def faulty(*given: object, **named: object) -> object:
        if not answers:
            raise ZeroDivisionError
        return answers.pop()(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("bridge.engine.reconciler.next_step", faulty)
    with pytest.raises(ZeroDivisionError):
        stage.work()
    row = stage.row()
    assert row.record.patron is not None
    assert row.pending is None


class TestWaking:
    def test_a_lane_that_is_named_works_at_once(self, stage: Stage) -> None:
        with running(stage, backstop=NEVER) as dispatcher:
            until(lambda: not dispatcher._woken.is_set())
            number = stage.tell(Phase.RECEIVED)
            dispatcher.wake("pretend", "of another configuration")
            until(lambda: stage.row(number).state is State.IN_STEP)

    def test_a_full_crew_hears_of_work_when_it_is_through(self, make_stage: Callable[..., Stage]) -> None:
        ils = Slow()
        stage = make_stage(ils=ils, cap=1)
        stage.tell(Phase.RECEIVED)
        with running(stage, backstop=NEVER) as dispatcher:
            assert ils.there.wait(PATIENCE)
            other = stage.tell(Phase.RECEIVED, number="2")
            dispatcher._woken.clear()
            dispatcher.wake("pretend")
            ils.go_on.set()
            until(lambda: stage.row(other).state is State.IN_STEP)

    def test_the_other_side_of_a_conversation_follows(self, make_stage: Callable[..., Stage]) -> None:
        ils = Slow()
        stage = make_stage(ils=ils, cap=2)
        stage.tell(Phase.RECEIVED)
        with running(stage, backstop=NEVER) as dispatcher:
            assert ils.there.wait(PATIENCE)
            other = stage.tell(Phase.SHIPPED, role=Role.LENDER)
            dispatcher.wake("pretend")
            (crew,) = dispatcher._crews.values()
            until(lambda: crew.blocked)
            ils.go_on.set()
            until(lambda: stage.row(other).state is State.IN_STEP)

    def test_so_does_one_on_another_ils(self, make_stage: Callable[..., Stage]) -> None:
        ils = Slow()
        stage = make_stage(ils=ils)
        stage.ledger.lanes.ensure(["other"])
        lane = WorkLane("other", PretendIls(), stage.ledger, LaneRules())
        lanes = {
            "pretend": (stage.lane, stage.reconciler),
            "other": (lane, Reconciler(stage.ledger, lane, lambda _: stage.policy)),
        }
        stage.tell(Phase.RECEIVED)
        dispatcher = Dispatcher(stage.ledger, lanes, owner="test", backstop=NEVER)
        dispatcher.start()
        try:
            assert ils.there.wait(PATIENCE)
            other = stage.tell(Phase.SHIPPED, role=Role.LENDER, lane="other")
            dispatcher.wake("other")
            until(lambda: dispatcher._in_vain)
            ils.go_on.set()
            until(lambda: stage.row(other).state is State.IN_STEP)
        finally:
            ils.go_on.set()
            dispatcher.stop()


def test_a_crew_that_stops_takes_no_work(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    dispatcher = dispatcher_of(stage)
    stopped = threading.Event()
    dispatcher._stop.set()
    dispatcher.wake("pretend")
    for crew in dispatcher._crews.values():
        crew.pool.submit(stopped.set)
        crew.pool.shutdown()
        assert not crew.running
    assert stopped.is_set()
    assert stage.ils.asked == []
