"""A planned maintenance: the lane is paused by the clock, a request in hand is given back, and all goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from bridge.domain.change import Phase
from bridge.domain.windows import Window
from bridge.engine.lane import LaneRules, WorkLane
from bridge.engine.pauses import why_paused
from bridge.engine.reconciler import Reconciler
from bridge.errors import Unavailable
from bridge.ledger import State
from tests.engine.pretend import START, PretendIls, Stage
from tests.engine.test_dispatcher import dispatcher_of
from tests.engine.test_outage import Noting

UTC_ZONE = ZoneInfo("UTC")
BEGINS = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ENDS = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)
WINDOW = Window(time(10), time(11, 30), UTC_ZONE, why="the release")


def planned(make_stage: Callable[..., Stage], ils: PretendIls | None = None) -> Stage:
    stage = make_stage(ils=ils or PretendIls())
    rules = LaneRules(stage.cap, timedelta(seconds=60), (WINDOW,))
    stage.lane = WorkLane("pretend", stage.ils, stage.ledger, rules)
    stage.reconciler = Reconciler(stage.ledger, stage.lane, lambda _: stage.policy, schedule=stage.schedule)
    return stage


def test_no_work_begins_and_it_goes_on_by_itself(make_stage: Callable[..., Stage]) -> None:
    stage = planned(make_stage)
    dispatcher = dispatcher_of(stage, backstop=timedelta(hours=9))
    with structlog.testing.capture_logs() as logs:
        assert dispatcher.dispatch(lambda _: None) == BEGINS - START, "it wakes when the maintenance begins"
        stage.clock.now = BEGINS
        stage.tell(Phase.RECEIVED)
        given: list[object] = []
        assert dispatcher.dispatch(given.append) == ENDS - BEGINS
        dispatcher.dispatch(given.append)
        assert given == []
        assert stage.work() is None
        assert why_paused(stage.ledger, stage.row()) == (
            "Lane 'pretend' is paused: Maintenance: the release. It goes on at 2026-11-24 11:30 UTC."
        )
        stage.clock.now = ENDS
        dispatcher.dispatch(given.append)
        assert len(given) == 1
        assert stage.work() is State.IN_STEP
    assert [line["event"] for line in logs if str(line["event"]).startswith("lane.")] == ["lane.maintenance"]


def test_what_waited_goes_behind_what_comes_then(make_stage: Callable[..., Stage]) -> None:
    ils = Noting()
    stage = planned(make_stage, ils)
    stage.clock.now = BEGINS
    stage.lane.keep_windows()
    stage.tell(Phase.RECEIVED, number="kept")
    stage.clock.now = ENDS
    stage.lane.keep_windows()
    stage.clock.advance(seconds=1)
    stage.tell(Phase.RECEIVED, number="new")
    stage.settle()
    assert ils.made == ["ILL-new", "ILL-kept"]


def test_a_closed_lane_is_not_probed_meanwhile(make_stage: Callable[..., Stage]) -> None:
    stage = planned(make_stage)
    stage.ledger.lanes.close("pretend", until=BEGINS, why="x", cause="unavailable")
    stage.clock.now = BEGINS + timedelta(minutes=10)
    dispatcher = dispatcher_of(stage)
    dispatcher.dispatch(lambda _: None)
    for crew in dispatcher._crews.values():
        crew.pool.shutdown(wait=True)
    assert stage.ils.probes == 0


def test_what_fails_as_it_begins_is_held_against_nobody(make_stage: Callable[..., Stage]) -> None:
    stage = planned(make_stage)
    stage.tell(Phase.RECEIVED)
    held = stage.ledger.work.claim("pretend", owner="test", lease=timedelta(hours=9), cap=1)
    assert held is not None
    stage.ils.down = Unavailable("Nobody there.")
    stage.passing = lambda _: None
    lane = stage.lane
    stage.ils.asked.clear()
    stage.clock.now = BEGINS
    assert lane.down(), "in a maintenance nobody asks"
    assert stage.reconciler.work(held) is State.DUE
    assert (stage.ils.probes, stage.ils.asked, stage.row().attempts) == (0, [], 0)
    assert not stage.ledger.lanes.closed("pretend")


def test_a_request_in_hand_ends_its_step_and_is_given_back(make_stage: Callable[..., Stage]) -> None:
    ils = PretendIls()
    stage = planned(make_stage, ils)
    stage.tell(Phase.RECEIVED)
    ils.passing = lambda what: setattr(stage.clock, "now", BEGINS) if what == "item made" else None
    held = stage.ledger.work.claim("pretend", owner="test", lease=timedelta(hours=9), cap=1)
    assert held is not None
    assert stage.reconciler.work(held) is State.DUE
    assert ils.asked == ["find_patron", "create_temporary_item"]
    stage.clock.now = ENDS
    stage.settle()
    assert stage.row().state is State.IN_STEP


def test_staff_may_end_it(make_stage: Callable[..., Stage]) -> None:
    stage = planned(make_stage)
    stage.clock.now = BEGINS
    stage.lane.keep_windows()
    assert stage.ledger.lanes.resume("pretend")
    stage.lane.keep_windows()
    (lane,) = stage.ledger.lanes.all()
    assert lane.held_until is None
    stage.tell(Phase.RECEIVED)
    assert stage.work() is State.IN_STEP


def test_a_longer_pause_by_staff_stays(make_stage: Callable[..., Stage]) -> None:
    stage = planned(make_stage)
    longer = ENDS + timedelta(days=1)
    stage.ledger.lanes.hold("pretend", until=longer, why="by hand")
    stage.clock.now = BEGINS
    stage.lane.keep_windows()
    (lane,) = stage.ledger.lanes.all()
    assert (lane.held_until, lane.held_why) == (longer, "by hand")
