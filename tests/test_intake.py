"""What comes in by a door is begun by a spare worker of its lane, or its lane is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.intake import Intake
from bridge.ledger import Arrival, Ledger, SpareWorker
from tests.databases import migrate
from tests.ledger.sample import Clock, arrival
from tests.ledger.test_claims import Worker

LANES = {"main": "alma", "branch": "koha"}


class House:
    """An intake with a crew in one lane."""

    def __init__(self, url: str) -> None:
        self.ledger = Ledger(url, clock=Clock())
        self.ledger.lanes.ensure(["alma", "koha"])
        self.told: list[tuple[str, ...]] = []
        self.workers: list[Worker] = []
        self.intake = Intake(self.ledger, LANES.__getitem__, taken=self._taken, spare=self._spare)

    def _taken(self, *lanes: str) -> None:
        self.told.append(lanes)

    @contextmanager
    def _spare(self, lane: str) -> Iterator[SpareWorker | None]:
        if lane != "alma":
            yield None
            return
        self.workers.append(Worker())
        yield self.workers[-1]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"))
    yield made
    made.ledger.close()


def of(library: str, key: str) -> Arrival:
    told = arrival(key)
    (change,) = told.changes
    return replace(told, changes=(replace(change, request=replace(change.request, library=library)),))


def test_a_spare_worker_begins_and_nobody_else_is_called(house: House) -> None:
    assert house.intake.take("hook", of("main", "a")).requests == (1,)
    assert [worker.begun for worker in house.workers] == [True]
    assert house.told == []


def test_what_it_may_not_begin_is_told_to_the_lane_and_a_repeat_is_not(house: House) -> None:
    for _ in range(2):
        house.intake.take("hook", of("main", "a"))
    house.intake.take("hook", of("main", "b"))
    assert [worker.begun for worker in house.workers] == [True, False, False]
    assert house.told == [("alma",)], "the second is of a request in hand"


def test_where_nobody_is_spare_the_lanes_are_told(house: House) -> None:
    house.intake.take("hook", of("branch", "a"))
    both = replace(of("main", "b"), changes=(*of("main", "b").changes, *of("branch", "b").changes))
    house.intake.take("hook", both)
    house.intake.take("hook", Arrival("odd", "?"))
    assert house.told == [("koha",), ("alma", "koha")]
    assert house.workers == []
