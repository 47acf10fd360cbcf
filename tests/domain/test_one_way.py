"""Services whose phases only go forward: what comes late or is told again is no step back, whatever the clocks say."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from bridge.domain.change import Change, Closure, Condition, Phase
from bridge.domain.identity import RequestKey
from bridge.domain.learn import confirm
from bridge.domain.record import Record
from bridge.domain.request import Request, fold
from bridge.domain.standing import Standing, live_leg, standings
from tests.domain.build import BORROWER, LENDER, borrowed, change, goal_of, lent, run, verbs


def stand(*changes: Change) -> Standing:
    """The one standing, the same in any order."""
    found = set()
    for order in permutations(changes):
        request = Request(BORROWER)
        for each in order:
            request = fold(request, each)
        found.add(standings(request)[-1])
    (one,) = found
    return one


def told(at: int, phase: Phase | None = None, **more: object) -> Change:
    return change(at, phase, one_way=True, **more)  # type: ignore[arg-type]


def test_an_earlier_phase_told_later_is_no_step_back() -> None:
    found = stand(told(1, Phase.RECEIVED), told(2, Phase.SHIPPED), told(3, Phase.WILL_SUPPLY))
    assert (found.phase, found.reverted_from) == (Phase.RECEIVED, None)


def test_clocks_that_differ_do_not_matter() -> None:
    found = stand(told(9, Phase.SHIPPED), told(5, Phase.RECEIVED), told(20, Phase.COMPLETED), told(2, Phase.RETURNED))
    assert found.phase is Phase.COMPLETED


def test_nothing_leaves_an_end() -> None:
    found = stand(told(1, Phase.UNFILLED, closure=Closure.UNFILLED), told(2, Phase.SHIPPED), told(3, Phase.COMPLETED))
    assert (found.phase, found.moved, found.closure) == (Phase.UNFILLED, False, Closure.UNFILLED)


def test_the_first_end_stands_with_its_closure() -> None:
    lost = told(1, Phase.COMPLETED, closure=Closure.WITHOUT_RETURN)
    found = stand(lost, told(2, Phase.COMPLETED, closure=Closure.RETURNED), told(3, Phase.CANCELLED))
    assert (found.phase, found.closure, found.closed_without_item) == (Phase.COMPLETED, Closure.WITHOUT_RETURN, True)


def test_cancelled_after_it_had_moved_is_still_seen() -> None:
    found = stand(told(1, Phase.SHIPPED), told(2, Phase.CANCELLED))
    assert (found.phase, found.moved) == (Phase.CANCELLED, True)


def test_on_loan_again_after_overdue() -> None:
    found = stand(
        told(1, Phase.SHIPPED),
        told(2, Phase.RECEIVED),
        told(3, raised=(Condition.OVERDUE,)),
        told(4, Phase.SHIPPED, cleared=(Condition.OVERDUE,)),
    )
    assert (found.phase, found.conditions) == (Phase.RECEIVED, ())


def test_a_feed_of_the_same_service_may_go_further() -> None:
    found = stand(told(3, Phase.SHIPPED), change(2, Phase.RECEIVED), change(5, Phase.RETURNED))
    assert found.phase is Phase.RETURNED
    assert stand(change(9, Phase.SHIPPED), told(3, Phase.RECEIVED)).phase is Phase.RECEIVED


def test_a_leg_that_ended_gives_way_to_the_next() -> None:
    request = Request(BORROWER)
    for each in (
        told(1, Phase.REQUESTED, leg="A"),
        told(2, Phase.UNFILLED, leg="A"),
        told(3, Phase.SHIPPED, leg="B"),
        told(4, Phase.SHIPPED, leg="A"),
    ):
        request = fold(request, each)
    assert live_leg(request) == "B"


def test_a_volume_that_is_named_came_back() -> None:
    back = (told(3, Phase.RETURNED, volume="1"), told(4, Phase.RETURNED, volume="2"))
    found = stand(told(1, Phase.RECEIVED), *back)
    assert (found.volume, found.unnamed, found.phase) == ("2", False, Phase.RETURNED)


class TestSentBackAfterItWasClosedWithoutTheItem:
    """ISO 18626 has no "found": the borrower says that it sent back what the lender had given up."""

    def told(self, key: RequestKey, *more: Change) -> tuple[Change, ...]:
        begun = (
            (borrowed(), change(1, Phase.RECEIVED))
            if key is BORROWER
            else (lent(), change(1, Phase.SHIPPED, key=LENDER))
        )
        closed = told(3, Phase.COMPLETED, key=key, closure=Closure.WITHOUT_RETURN)
        return (*begun, closed, told(4, Phase.RETURNED, key=key), *more)

    @pytest.mark.parametrize("lost", [True, False])
    def test_the_borrowers_item_goes(self, *, lost: bool) -> None:
        before = (told(2, raised=(Condition.LOST,)),) if lost else ()
        record, _, _ = run(goal_of(*self.told(BORROWER)[:2]))
        _, steps, task = run(goal_of(*self.told(BORROWER, *before)), record)
        assert verbs(steps) == ["check_in", "cancel_hold", "delete_temporary_item"]
        assert task is None

    def test_the_lenders_item_is_not_checked_in_while_it_is_on_its_way(self) -> None:
        record, _, _ = run(goal_of(*self.told(LENDER)[:2]))
        record, steps, task = run(goal_of(*self.told(LENDER)), record)
        assert steps == []
        assert task is not None
        assert task.instruction == (
            "The request had ended when the borrower sent the item back: check it in when it arrives."
        )
        scanned = with_loan_ended(record)
        assert run(goal_of(*self.told(LENDER)), scanned)[1:] == ([], None)

    def test_nor_is_it_where_the_request_was_cancelled_before(self) -> None:
        for key, done in ((BORROWER, ["check_in", "cancel_hold", "delete_temporary_item"]), (LENDER, [])):
            begun = self.told(key)[:2]
            cancelled = (*begun, told(3, Phase.CANCELLED, key=key, closure=Closure.CANCELLED))
            record, steps, task = run(goal_of(*cancelled), run(goal_of(*begun))[0])
            assert steps == []
            assert task is not None
            assert "cancelled after the item had been shipped" in task.instruction
            _, steps, task = run(goal_of(*cancelled, told(4, Phase.RETURNED, key=key)), confirm(record, task))
            assert verbs(steps) == done
            assert (task is None) is (key is BORROWER)

    def test_a_cancellation_of_what_was_never_sent_is_the_end(self) -> None:
        for key, began in ((BORROWER, borrowed()), (LENDER, lent())):
            ended = told(3, Phase.CANCELLED, key=key, closure=Closure.CANCELLED)
            assert run(goal_of(began, ended, told(4, Phase.RETURNED, key=key)))[1:] == ([], None)

    def test_paid_for_staff_decide(self) -> None:
        paid = told(2, raised=(Condition.FEE_PAID,))
        for key in (BORROWER, LENDER):
            record, _, _ = run(goal_of(*self.told(key)[:2]))
            task = run(goal_of(*self.told(key, replace(paid, request=key))), record)[2]
            assert task is not None
            assert "a check-in might wipe out" in task.instruction


def with_loan_ended(record: Record) -> Record:
    """The desk has scanned the item in."""
    (item,) = record.items
    return record.with_item(replace(item, loans=tuple(replace(loan, ended=True) for loan in item.loans)))
