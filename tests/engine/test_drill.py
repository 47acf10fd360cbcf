"""A drill through the engine proper."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.domain.change import Phase
from bridge.domain.record import Existence
from bridge.engine.drill import begin, close_drills, end
from bridge.ledger import State
from bridge.ledger.model import Row
from tests.engine.pretend import Stage


def lane_of(_library: str) -> str:
    return "pretend"


def begun(stage: Stage, **more: str) -> int:
    return begin(stage.ledger, lane_of, "main", **more)


def row(stage: Stage, request: int) -> Row:
    return stage.ledger.requests.one(request)


@pytest.mark.parametrize(("patron", "state"), [("", None), ("p1", "placed")])
def test_it_makes_one_item_and_removes_it(stage: Stage, patron: str, state: str | None) -> None:
    request = begun(stage, patron=patron, pickup="MAIN" if patron else "")
    stage.settle()
    made = row(stage, request)
    (item,) = made.record.items
    assert (made.state, item.existence) == (State.IN_STEP, Existence.PRESENT)
    assert (item.hold.state if item.hold else None) == state
    assert end(stage.ledger, lane_of, made.request.key) == request
    assert end(stage.ledger, lane_of, made.request.key) == request, "said again, it is the same drill"
    stage.settle()
    assert row(stage, request).state is State.CLOSED
    assert set(stage.ils.items) == {"OWN-1"}
    assert stage.ils.fees == []


def test_two_in_one_second_are_two(stage: Stage) -> None:
    one, other = begun(stage), begun(stage)
    assert one != other
    assert row(stage, one).request.key.number != row(stage, other).request.key.number


def test_those_cut_off_are_ended_and_those_going_on_are_not(stage: Stage) -> None:
    old = begun(stage)
    stage.settle()
    stage.clock.advance(minutes=20)
    young = begun(stage)
    stage.settle()
    stage.tell(Phase.RECEIVED)
    assert close_drills(stage.ledger, lane_of, idle=timedelta(minutes=15)) == (old,)
    stage.settle()
    assert (row(stage, old).state, row(stage, young).state) == (State.CLOSED, State.IN_STEP)
    assert close_drills(stage.ledger, lane_of) == (young,)
    stage.settle()
    assert close_drills(stage.ledger, lane_of) == ()
