"""The stand-in Spydus judges what is left in it, as the demonstration relies on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.cli.demo.spydus import SpydusStage
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.sandbox.spydus import LENT, OWN, SpydusStandIn, Wrong


@pytest.fixture
def spydus() -> Iterator[SpydusStandIn]:
    made = SpydusStandIn()
    yield made
    made.server.stop()


def test_as_it_was_seeded_nothing_is_wrong(spydus: SpydusStandIn) -> None:
    assert spydus.judged({}) == Wrong()
    assert spydus.loan_of(OWN[3]) == LENT[OWN[3]]


def test_an_item_that_was_made_is_left_over_until_it_is_deleted(spydus: SpydusStandIn) -> None:
    spydus.make("ILL-1", "A title")
    spydus.lend("ILL-1", "P1002")
    spydus.delete("ILL-1")
    assert spydus.judged({}).leftovers == ("ILL-1",)
    spydus.check_in("ILL-1")
    spydus.delete("ILL-1")
    assert spydus.judged({}) == Wrong()


def test_a_hold_placed_twice_is_told(spydus: SpydusStandIn) -> None:
    spydus.make("ILL-1", "A title")
    for _ in range(2):
        spydus.hold("ILL-1", "P1002", "MAIN")
    assert spydus.judged({}).duplicates == ("ILL-1",)
    spydus.end_holds("ILL-1")
    assert spydus.judged({}).duplicates == ()


def test_own_items_that_stand_otherwise_are_told(spydus: SpydusStandIn) -> None:
    spydus.lend(OWN[0], "ILL-XYZ")
    spydus.lost(OWN[1], yes=True)
    spydus.discard(OWN[2])
    spydus.check_in(OWN[3])
    assert spydus.judged({}).foreign_touched == OWN
    assert spydus.judged({OWN[0]: "ILL-XYZ"}).foreign_touched == OWN[1:]


def test_staff_put_another_barcode_on_an_item() -> None:
    stage = SpydusStage()
    stage.start()
    try:
        target = do.Target(Mark("ILLB-0123456789abcdef", "of request 1"), do.Origin.CREATED, "ILL-1")
        assert stage.by_hand(do.CreateTemporaryItem(target, do.Description("A title")))
        assert stage.by_hand(do.RelabelItem(target, "ILL-2"))
        stage.lend("ILL-2", "P1002")
        assert (stage.loan_of("ILL-2"), stage.loan_of("ILL-1"), stage.due_of("ILL-1")) == ("P1002", "", "")
        assert stage.due_of("ILL-2")
        stage.scan_once("ILL-2", "MAIN")
        assert not stage.loan_of("ILL-2")
    finally:
        stage.stop()
