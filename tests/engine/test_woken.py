"""A worker that was stopped past its lease and woken again finishes nothing and sends nothing, wherever it was stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bridge.ledger import LeaseLost, State
from tests.engine.pretend import Stage
from tests.engine.test_kill import PLAYS, Retold, check, count_points
from tests.patience import PATIENCE


@dataclass
class Sleeper:
    """A worker on a thread of its own that stops at a point until it is woken."""

    stage: Stage
    at: int
    passed: int = 0
    where: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)
    woken: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage.passing = self.pass_point
        self.thread = threading.Thread(target=self._run, daemon=True)

    def pass_point(self, where: object) -> None:
        self.passed += 1
        if self.passed == self.at:
            self.where = str(where)
            self.stopped.set()
            assert self.woken.wait(PATIENCE)

    def _run(self) -> None:
        try:
            self.stage.settle()
        except LeaseLost as lost:
            self.failures.append(lost)
        finally:
            self.stopped.set()

    def wake(self) -> None:
        self.woken.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.thorough] if "lost" in name else []) for name in PLAYS]
)
def test_who_wakes_past_the_lease_finishes_and_sends_nothing(name: str, make_stage: Callable[..., Stage]) -> None:
    first, *rest = PLAYS[name]
    points = count_points(make_stage, (first,))
    for at in range(1, points + 1):
        slow = make_stage()
        quick = make_stage(ils=slow.ils, clock=slow.clock)
        told = Retold(slow, f"{name}-{at}")
        first(told)  # type: ignore[arg-type]
        sleeper = Sleeper(slow, at)
        sleeper.thread.start()
        assert sleeper.stopped.wait(PATIENCE)
        slow.clock.advance(seconds=61)
        quick.settle()
        state, asked = quick.row(told.request_id).state, len(slow.ils.asked)
        history = quick.history(told.request_id)
        sleeper.wake()
        where = f"{name} stopped at {at} ({sleeper.where}): {history}"
        assert state is State.IN_STEP, where
        assert len(slow.ils.asked) == asked, where
        assert quick.history(told.request_id) == history, where
        assert quick.row(told.request_id).pending is None, where
        slow.passing = quick.passing
        for act in rest:
            act(Retold(quick, f"{name}-{at}"))  # type: ignore[arg-type]
            quick.settle()
        check(quick, told.request_id, name, at)
