"""kill -9 at every boundary of both sides of an in-system loan, and inside every call: each charge made and ended once, the item home."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.domain.change import Phase
from bridge.domain.policy import DoneBy
from bridge.ledger import State
from tests.engine.district import ACCOUNT, BARCODE, PATRON, Book, DistrictStage, with_lending
from tests.engine.pretend import DUE, LATER, Killed, Stage


class Pair(DistrictStage):
    """Many loans, one after the other, of one item."""

    def begin(self, number: str) -> None:
        self.number = number
        self.ils.books[BARCODE] = Book(BARCODE)
        self.requests: set[int] = set()

    def _told(self, request_id: int) -> int:
        self.requests.add(request_id)
        try:
            self.stage.settle()
        except Killed:
            self.stage.restart()
            self.stage.settle()
        self.clock.advance(minutes=1)
        return request_id

    def whole_loan(self) -> None:
        self.lends(Phase.SHIPPED, due=DUE)
        self.borrows(Phase.RECEIVED, due=DUE)
        self.borrows(None, due=LATER)
        standing = [each.account for each in self.book.charges]
        assert standing == [ACCOUNT, PATRON], standing
        self.borrows(Phase.RETURNED)
        self.lends(Phase.COMPLETED)

    def passing(self, point: Callable[[object], None]) -> None:
        self.stage.passing = point
        self.ils.passing = point


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.thorough) for part in (1, 2, 3))])
def test_a_kill_anywhere_leaves_everything_right(make_stage: Callable[..., Stage], part: int) -> None:
    pair = Pair(make_stage, with_lending(send_transit=DoneBy.BRIDGE))
    passed = [0]
    at = [0]

    def point(_: object) -> None:
        passed[0] += 1
        if passed[0] == at[0]:
            raise Killed

    pair.passing(point)
    pair.begin("calm")
    pair.whole_loan()
    points = passed[0]
    assert points >= 60
    for number in range(1 + part, points + 1, 4):
        passed[0], at[0] = 0, number
        pair.begin(f"killed-{number}")
        pair.whole_loan()
        where = [(number, pair.stage.history(each)) for each in pair.requests]
        assert pair.book.home, where
        assert {pair.stage.row(each).state for each in pair.requests} <= {State.IN_STEP, State.CLOSED}, where
        assert len(pair.ils.ended) == len(set(pair.ils.ended)), where
