"""The token bucket and the retry schedule, with simulated time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.domain.change import Phase
from bridge.engine.boundary import Boundary, pass_by
from bridge.engine.leases import in_hand
from bridge.engine.pace import Bucket, LanePace
from bridge.engine.schedule import RetrySchedule
from bridge.errors import Unavailable
from bridge.ledger import LeaseLost
from tests.engine.pretend import Stage


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def test_calls_come_at_the_rate(time: Time) -> None:
    bucket = Bucket(5.0, clock=time.clock, sleep=time.sleep)
    for _ in range(11):
        bucket.acquire()
    assert time.now == pytest.approx(102.0)


def test_a_burst_goes_at_once(time: Time) -> None:
    bucket = Bucket(5.0, 4.0, clock=time.clock, sleep=time.sleep)
    for _ in range(4):
        bucket.acquire()
    assert time.slept == []
    bucket.acquire()
    assert time.slept == [0.2]


def test_a_redirect_costs_two(time: Time) -> None:
    bucket = Bucket(5.0, clock=time.clock, sleep=time.sleep)
    bucket.acquire(2)
    assert time.slept == [0.2]


def test_what_was_not_needed_is_given_back(time: Time) -> None:
    bucket = Bucket(5.0, clock=time.clock, sleep=time.sleep)
    pace = LanePace(bucket)
    pace.acquire(2)
    pace.give_back(1)
    pace.acquire()
    assert sum(time.slept) == pytest.approx(0.2)
    pace.give_back(99)
    pace.acquire()
    pace.acquire()
    assert sum(time.slept) == pytest.approx(0.4), "no more than the burst"


def test_tokens_do_not_pile_up_beyond_the_burst(time: Time) -> None:
    bucket = Bucket(5.0, 2.0, clock=time.clock, sleep=time.sleep)
    time.now += 3600
    for _ in range(3):
        bucket.acquire()
    assert time.slept == [0.2]


def test_without_a_rate_nobody_waits(time: Time) -> None:
    bucket = Bucket(0.0, clock=time.clock, sleep=time.sleep)
    for _ in range(100):
        bucket.acquire()
    assert time.slept == []


def test_held_back_everybody_waits_with_and_without_rate(time: Time) -> None:
    for rate in (0.0, 5.0):
        bucket = Bucket(rate, clock=time.clock, sleep=time.sleep)
        before = time.now
        bucket.hold_back(3.0)
        bucket.acquire()
        assert time.now - before >= 3.0


def test_the_lane_slows_down_as_told_or_by_itself(time: Time) -> None:
    for advice, wait in ((7.0, 7.0), (None, 1.0)):
        pace = LanePace(Bucket(0.0, clock=time.clock, sleep=time.sleep))
        before = time.now
        pace.throttled(advice)
        pace.acquire()
        assert time.now - before == pytest.approx(wait)


def test_nobody_stands_still_for_as_long_as_an_ils_may_ask_for(time: Time) -> None:
    pace = LanePace(Bucket(5.0, clock=time.clock, sleep=time.sleep))
    pace.throttled(3600.0)
    with pytest.raises(Unavailable, match="wants no call for 3600 seconds"):
        pace.acquire()
    assert time.slept == []
    time.now += 3575
    pace.acquire()
    assert time.slept == [25.2]


def test_the_quota_left_is_told_on() -> None:
    told: list[int] = []
    LanePace(Bucket(0.0), told=told.append).remaining(42)
    LanePace(Bucket(0.0)).remaining(41)
    assert told == [42]


def test_waits_grow_to_an_hour_and_stay_there() -> None:
    schedule = RetrySchedule(jitter=0.0)
    waits = [schedule.wait(attempt) for attempt in range(1, 8)]
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 60, 60)]


def test_jitter_only_lengthens() -> None:
    schedule = RetrySchedule(jitter=0.5)
    for _ in range(50):
        assert timedelta(minutes=1) <= schedule.wait(1) <= timedelta(seconds=90)


def test_the_vendors_advice_is_a_floor() -> None:
    assert RetrySchedule(jitter=0.0).wait(1, at_least=100.0) == timedelta(seconds=100)


def test_after_so_many_tries_a_human_is_asked() -> None:
    assert not RetrySchedule(tries=3).exhausted(2)
    assert RetrySchedule(tries=3).exhausted(3)


def test_at_a_boundary_nothing_happens_in_ordinary_times() -> None:
    assert [pass_by(boundary) for boundary in Boundary] == [None] * 6  # type: ignore[func-returns-value]


def test_a_call_is_refused_to_a_worker_whose_lease_has_run_out(stage: Stage) -> None:
    """It may have waited long for its turn, or been stopped; another worker may have the request by now."""
    stage.tell(Phase.RECEIVED)
    held = stage.ledger.work.claim("pretend", owner="test", lease=timedelta(seconds=60), cap=2)
    assert held is not None
    pace = LanePace(Bucket(1.0, sleep=lambda seconds: stage.clock.advance(seconds=seconds)))
    with in_hand(held, stage.clock):
        pace.acquire()
        stage.clock.advance(seconds=50)
        stage.ledger.work.extend(held, lease=timedelta(seconds=60))
        stage.clock.advance(seconds=50)
        pace.acquire()
        with pytest.raises(LeaseLost, match="R1"):
            pace.acquire(30)
    pace.acquire()
