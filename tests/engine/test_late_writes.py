"""A call of unknown end may take effect after it was looked for: what is not seen is not taken for not done before that time is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.domain.record import Outcome
from bridge.engine.boundary import Boundary
from bridge.errors import OutcomeUnknown
from bridge.ledger import State
from tests.engine.pretend import DUE, Killed, PretendIls, Stage

LATE = timedelta(seconds=60)


class Slow(PretendIls):
    """Makes the first item only when ``arrive`` is called, long after it stopped answering."""

    def __init__(self) -> None:
        super().__init__()
        self.on_its_way: list[Callable[[], object]] = []
        self.slow = True

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        made = super().create_temporary_item
        if not self.slow:
            return made(command, call)
        self.slow = False
        self.on_its_way.append(lambda: made(command, Call()))
        raise OutcomeUnknown("No answer.")

    def arrive(self) -> None:
        while self.on_its_way:
            self.on_its_way.pop()()


@pytest.fixture
def ils() -> Slow:
    return Slow()


@pytest.fixture
def stage(make_stage: Callable[..., Stage], ils: Slow) -> Stage:
    return make_stage(ils=ils, late_writes=LATE)


def test_what_comes_late_is_not_made_twice(stage: Stage, ils: Slow) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    row = stage.row()
    assert (row.state, row.attempts, row.due_at) == (State.WAITING, 0, stage.clock() + LATE)
    assert stage.history()[-1].startswith("The ILS shows nothing of the last step yet, and it may still come")
    ils.arrive()
    stage.clock.advance(seconds=61)
    stage.settle()
    assert stage.row().state is State.IN_STEP
    assert len(ils.bibs) == 1
    assert (
        "Create temporary item ended unclearly before; it was looked up in the ILS: item ILL-1 is there, with our mark. It had been done."
        in stage.history()
    )


def test_what_never_comes_is_made_when_the_time_is_over(stage: Stage, ils: Slow) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    stage.clock.advance(seconds=59)
    stage.settle()
    assert ils.bibs == {}
    stage.clock.advance(seconds=2)
    stage.settle()
    assert stage.row().state is State.IN_STEP
    assert len(ils.bibs) == 1


def test_news_meanwhile_looks_again_and_gives_nothing_up(stage: Stage, ils: Slow) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    stage.tell(Phase.RETURNED)
    stage.settle()
    assert stage.row().state is State.WAITING
    ils.arrive()
    stage.tell(Phase.COMPLETED)
    stage.settle()
    assert stage.row().state is State.CLOSED
    assert ils.bibs == {}


def test_after_a_crash_too(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(late_writes=LATE)
    stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)

    def die(boundary: Boundary) -> None:
        if boundary is Boundary.CALL_SENT:
            raise Killed

    stage.passing = die
    with pytest.raises(Killed):
        stage.work()
    stage.passing = lambda _: None
    stage.restart()
    stage.settle()
    assert stage.row().state is State.WAITING
    assert "move_item" not in stage.ils.asked
    stage.clock.advance(seconds=61)
    stage.settle()
    assert stage.row().state is State.IN_STEP


def test_what_is_seen_at_once_waits_for_nothing(make_stage: Callable[..., Stage]) -> None:
    ils = PretendIls()
    stage = make_stage(ils=ils, late_writes=LATE)
    made = ils.create_temporary_item

    def unheard(command: do.CreateTemporaryItem, call: Call) -> Outcome:
        made(command, call)
        raise OutcomeUnknown("No answer.")

    ils.create_temporary_item = unheard  # type: ignore[method-assign]
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    assert stage.row().state is State.IN_STEP
    assert len(ils.bibs) == 1
