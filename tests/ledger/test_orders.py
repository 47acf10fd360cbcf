"""Orders of staff: single ones and batches, taken once, taken back when nobody waits for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.ledger import Ledger
from bridge.ledger.model import NewOrder
from bridge.ledger.orders import SILENT, UNWATCHED
from tests.ledger.sample import Clock, arrival

SOON = timedelta(minutes=1)


def order(request_id: int, kind: str = "resync") -> NewOrder:
    return NewOrder(kind, request_id, "{}", "ada")


@pytest.fixture
def requests(ledger: Ledger) -> None:
    ledger.inbox.take("src", [arrival(f"k{n}", number=str(n)) for n in range(3)], lambda _: "alma")


def test_single_orders_and_batches_are_told_apart(ledger: Ledger) -> None:
    assert not ledger.orders.any()
    ledger.orders.give_all([], batch="resync-0")
    assert not ledger.orders.any()
    ledger.orders.give_all([order(1), order(2)], batch="resync-1")
    single = ledger.orders.give(order(3))
    assert ledger.orders.any()
    assert [each.id for each in ledger.orders.open(batch="")] == [single]
    assert [each.request_id for each in ledger.orders.open(batch="resync-1")] == [1, 2]
    assert len(ledger.orders.open()) == 3
    assert ledger.orders.left("resync-1") == 2


@pytest.mark.usefixtures("requests")
class TestNextOfBatch:
    def test_oldest_first_and_never_a_single_one(self, ledger: Ledger) -> None:
        ledger.orders.give(order(1))
        assert ledger.orders.next_of_batch() is None
        ledger.orders.give_all([order(2), order(1)], batch="resync-1")
        found = ledger.orders.next_of_batch()
        assert found is not None
        assert found.request_id == 2
        assert ledger.orders.take(found.id)
        assert not ledger.orders.take(found.id)
        found = ledger.orders.next_of_batch()
        assert found is not None
        assert found.request_id == 1

    def test_what_cannot_be_worked_on_waits(self, ledger: Ledger, clock: Clock) -> None:
        ledger.orders.give_all([order(1)], batch="resync-1")
        assert ledger.orders.next_of_batch(lanes_closed={"alma"}) is None
        ledger.libraries.hold("main", until=clock() + SOON, why="x")
        assert ledger.orders.next_of_batch() is None
        ledger.libraries.resume("main")
        held = ledger.work.claim_one(1, owner="other", lease=SOON)
        assert held is not None
        assert ledger.orders.next_of_batch() is None
        clock.now += 2 * SOON
        assert ledger.orders.next_of_batch() is not None

    def test_an_order_for_no_request_is_found_so_that_it_is_answered(self, ledger: Ledger) -> None:
        ledger.orders.give_all([order(99)], batch="resync-1")
        assert ledger.orders.next_of_batch(lanes_closed={"alma"}) is not None


class TestTakingBack:
    def test_what_was_begun_stays_until_its_taker_falls_silent(self, ledger: Ledger, clock: Clock) -> None:
        ledger.orders.give_all([order(1), order(2)], batch="resync-1")
        first, _ = ledger.orders.of("resync-1")
        ledger.orders.take(first.id)
        assert ledger.orders.withdraw("resync-1") == 1
        assert ledger.orders.left("resync-1") == 1
        assert not ledger.orders.take_back(first.id)
        clock.now += SILENT
        assert ledger.orders.take_back(first.id)
        assert ledger.orders.left("resync-1") == 0

    def test_what_a_killed_daemon_had_begun_is_free_for_its_successor(self, ledger: Ledger) -> None:
        first, second = ledger.orders.give(order(1)), ledger.orders.give(order(2))
        for each in (first, second):
            assert ledger.orders.take(each)
        ledger.orders.answer(second, "Done.")
        assert not ledger.orders.take(first)
        assert ledger.orders.free_all() == 1
        assert ledger.orders.take(first)
        assert not ledger.orders.take(second)

    def test_who_carries_it_out_himself_takes_back_what_he_began(self, ledger: Ledger) -> None:
        ledger.orders.give_all([order(1)], batch="resync-1")
        ledger.orders.take(ledger.orders.of("resync-1")[0].id)
        assert ledger.orders.withdraw("resync-1", begun=True) == 1

    def test_a_batch_that_nobody_watches_is_taken_back(self, ledger: Ledger, clock: Clock) -> None:
        for batch in ("resync-1", "resync-2"):
            ledger.orders.watch(batch)
            ledger.orders.give_all([order(1)], batch=batch)
        ledger.orders.give(order(3))
        assert ledger.orders.withdraw_unwatched() == {}
        clock.now += UNWATCHED
        ledger.orders.watch("resync-2")
        assert not ledger.orders.watched("resync-1")
        assert ledger.orders.withdraw_unwatched() == {"resync-1": 1}
        assert ledger.orders.under_way("resync") == ("resync-2",)
        assert len(ledger.orders.open(batch="")) == 1, "single ones stay"

    def test_the_rest_is_known_until_it_is_given_anew(self, ledger: Ledger) -> None:
        ledger.orders.give_all([order(1), order(2)], batch="resync-1")
        ledger.orders.give_all([order(1, "adopt")], batch="adopt-1")
        done, _ = ledger.orders.of("resync-1")
        ledger.orders.answer(done.id, "Done.")
        for batch in ("resync-1", "adopt-1"):
            ledger.orders.withdraw(batch)
        assert ledger.orders.interrupted("resync") == {"resync-1": 1}
        ledger.orders.resumed("resync-1", "Given anew.")
        assert ledger.orders.interrupted("resync") == {}
        assert [each.answer for each in ledger.orders.of("resync-1")] == ["Done.", "Given anew."]
