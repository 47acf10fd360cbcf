"""kill -9 at every boundary of every step, and inside every write: no orphan, no duplicate, no lost loan; a restart goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from bridge.domain.change import Condition, Phase
from bridge.domain.commands import Money
from bridge.domain.identity import Role
from bridge.ledger import State
from tests.engine.pretend import DUE, LATER, Killed, Stage

Play = Callable[[Stage], None]
FEE = Money(Decimal("3.50"), "EUR")


def borrowed(stage: Stage) -> None:
    """Up to the hold, with a fee."""
    stage.tell(Phase.RECEIVED, due=DUE, fee=FEE)


def sent_back(stage: Stage) -> None:
    stage.tell(Phase.RETURNED, due=LATER)


def lent(stage: Stage) -> None:
    stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)


def renewed(stage: Stage) -> None:
    stage.tell(None, role=Role.LENDER, due=LATER)


def come_home(stage: Stage) -> None:
    stage.tell(Phase.COMPLETED, role=Role.LENDER)


def lost(stage: Stage) -> None:
    stage.tell(None, raised=(Condition.LOST,))


def found(stage: Stage) -> None:
    stage.tell(None, raised=(Condition.FOUND,))


def lent_and_lost(stage: Stage) -> None:
    stage.tell(None, role=Role.LENDER, raised=(Condition.LOST,))


def turned_up(stage: Stage) -> None:
    stage.tell(None, role=Role.LENDER, raised=(Condition.FOUND,))


PLAYS: dict[str, tuple[Play, ...]] = {
    "borrower": (borrowed, sent_back),
    "lender": (lent, renewed, come_home),
    "borrower, lost and found": (borrowed, lost, found, sent_back),
    "lender, lost and found": (lent, lent_and_lost, turned_up, come_home),
}
NAMES = [pytest.param(name, marks=[pytest.mark.thorough] if "lost" in name else []) for name in PLAYS]
"""The long ones are for the thorough run."""


def count_points(make_stage: Callable[..., Stage], play: tuple[Play, ...]) -> int:
    """How many points a play passes when nobody kills it."""
    stage = make_stage()
    passed = [0]

    def pass_point(_: object) -> None:
        passed[0] += 1

    stage.passing = pass_point
    stage.ils.passing = pass_point
    for act in play:
        act(stage)
        stage.settle()
    return passed[0]


def kill_at(stage: Stage, number: int) -> None:
    """Die at the point of this number."""
    passed = [0]

    def pass_point(_: object) -> None:
        passed[0] += 1
        if passed[0] == number:
            raise Killed

    stage.passing = pass_point
    stage.ils.passing = pass_point


def live(stage: Stage) -> None:
    """Work; after a kill, start again."""
    try:
        stage.settle()
    except Killed:
        stage.restart()
        stage.settle()


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_anywhere_leaves_everything_right(name: str, make_stage: Callable[..., Stage]) -> None:
    points = count_points(make_stage, PLAYS[name])
    assert points >= 30
    for number in range(1, points + 1):
        stage = make_stage()
        stage.policy = replace(stage.policy, deletes_per_hour=2 * points)
        key = f"{name}-{number}"
        kill_at(stage, number)
        for act in PLAYS[name]:
            retold = Retold(stage, key)
            act(retold)  # type: ignore[arg-type]
            live(stage)
        check(stage, retold.request_id, name, number)


class Retold:
    """The same play under another request number, since one database serves all kills."""

    def __init__(self, stage: Stage, number: str) -> None:
        self._stage = stage
        self._number = number
        self.request_id = 0

    def tell(self, phase: Phase | None, **more: object) -> int:
        self.request_id = self._stage.tell(phase, number=self._number, **more)  # type: ignore[arg-type]
        return self.request_id


def check(stage: Stage, request_id: int, name: str, number: int) -> None:
    row = stage.row(request_id)
    where = f"{name} killed at point {number}: {stage.history(request_id)}"
    assert row.state in {State.IN_STEP, State.CLOSED}, where
    assert row.pending is None, where
    assert stage.ils.bibs == {}, where
    assert set(stage.ils.items) == {"OWN-1"}, where
    own = stage.ils.items["OWN-1"]
    assert (own.loan, own.place) == (None, None), where
    assert len(stage.ils.fees) == len(set(stage.ils.fees)), where
    if name.startswith("borrower"):
        assert len(stage.ils.fees) == 1, where


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_in_the_middle_loses_nothing_that_should_stand(name: str, make_stage: Callable[..., Stage]) -> None:
    """After the first act only: the item with its one hold, or the one loan, stands."""
    first = PLAYS[name][:1]
    for number in range(1, count_points(make_stage, first) + 1):
        stage = make_stage()
        kill_at(stage, number)
        retold = Retold(stage, f"{name}-{number}")
        first[0](retold)  # type: ignore[arg-type]
        live(stage)
        assert stage.row(retold.request_id).state is State.IN_STEP
        if name.startswith("borrower"):
            assert len(stage.ils.bibs) == 1
            (item,) = [thing for pid, thing in stage.ils.items.items() if pid != "OWN-1"]
            assert item.hold is not None
        else:
            loan = stage.ils.items["OWN-1"].loan
            assert loan is not None
            assert loan[2] == DUE
