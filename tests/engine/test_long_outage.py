"""Eight hours without an ILS, thousands of requests: nothing is burnt, nothing is noisy, nothing costs a thread. Time is simulated."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.record import Outcome
from bridge.engine.dispatcher import Crew, Dispatcher
from bridge.engine.pace import Bucket
from bridge.errors import Unavailable
from bridge.ledger import State
from tests.databases import migrate
from tests.engine.crowd import crowd, waiting
from tests.engine.pretend import POLICY, START, Clock, PretendIls, Stage
from tests.engine.test_dispatcher import dispatcher_of, running, until

RATE = 8.0
OUTAGE = timedelta(hours=8)
LOOKED_UP = replace(POLICY, borrowing=replace(POLICY.borrowing, verify_patron_on_request=True))


class Paced(PretendIls):
    """Keeps its lane's pace, on the simulated clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._bucket = Bucket(RATE, clock=self._now, sleep=lambda seconds: clock.advance(seconds=seconds))

    def _now(self) -> float:
        return (self._clock.now - START).total_seconds()

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        self._bucket.acquire()
        return super().find_patron(command, call)


def looked(dispatcher: Dispatcher) -> tuple[timedelta, list[Crew]]:
    """One look at all lanes, with the probe it may have begun; a probe that ends wakes the dispatcher at once."""
    given: list[Crew] = []
    dispatcher._woken.clear()
    wait = dispatcher.dispatch(given.append)
    until(lambda: not any(crew.running for crew in dispatcher._crews.values()))
    return timedelta(0) if dispatcher._woken.is_set() else wait, given


@pytest.fixture
def one_file(tmp_path: Path) -> str:
    return migrate(f"sqlite:///{tmp_path / 'ledger.db'}")


def test_eight_hours(one_file: str) -> None:
    clock = Clock()
    stage = Stage(one_file, clock=clock, ils=Paced(clock), policy=LOOKED_UP)
    nothing_is_burnt_and_two_lines_are_told(stage, 100)
    stage.close()


@pytest.mark.thorough
def test_eight_hours_with_thousands(make_stage: Callable[..., Stage]) -> None:
    clock = Clock()
    nothing_is_burnt_and_two_lines_are_told(make_stage(clock=clock, ils=Paced(clock), policy=LOOKED_UP), 5000)


def nothing_is_burnt_and_two_lines_are_told(stage: Stage, size: int) -> None:
    clock = stage.clock
    crowd(stage, size)
    ils = stage.ils
    ils.down = Unavailable("Nobody there.")
    dispatcher = dispatcher_of(stage, backstop=timedelta(hours=1))
    with structlog.testing.capture_logs() as logs:
        stage.work()
        closed_at = clock.now
        while clock.now < closed_at + OUTAGE:
            wait, given = looked(dispatcher)
            assert given == []
            clock.now += wait
        ils.down = None
        looked(dispatcher)
        began = clock.now
        while stage.work() is not None:
            pass
    for crew in dispatcher._crews.values():
        crew.pool.shutdown()
    assert 479 <= ils.probes <= 482, "one a minute, and one to make sure"
    lines = [line["event"] for line in logs if str(line["event"]).startswith("lane.")]
    assert lines == ["lane.closed", "lane.opened"]
    rows = stage.ledger.requests.list(state=State.IN_STEP, limit=size + 1)
    assert len(rows) == size
    assert {row.attempts for row in rows} == {0}
    took = (clock.now - began).total_seconds()
    assert took == pytest.approx(size / RATE, abs=2), "at the lane's pace"


def test_ten_thousand_that_wait_cost_no_thread(one_file: str) -> None:
    stage = Stage(one_file)
    crowd(stage, 10_000)
    waiting(stage, hours=1)
    before = threading.active_count()
    with running(stage, backstop=timedelta(seconds=0.02)) as dispatcher:
        until(lambda: not dispatcher._woken.is_set())
        dispatcher.wake("pretend")
        until(lambda: not any(crew.running for crew in dispatcher._crews.values()))
        assert threading.active_count() - before <= 2 + stage.cap, "the dispatcher, the leases, a lane's workers"
    assert stage.ils.asked == []
    stage.close()
