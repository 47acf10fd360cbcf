"""Whole conversations: in any order, with repeats, with other clocks and with losses, they end in the same goal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.change import Phase
from bridge.domain.goal import ABSENT, Goal, ItemWish, LoanWish, goal_for
from bridge.domain.identity import Role
from bridge.domain.request import Request, fold
from bridge.domain.standing import standings
from bridge.sandbox.iso18626 import Talk
from tests.domain.build import POLICY
from tests.fuzz.nonsense import amounts
from tests.sources.iso18626.house import source

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SOURCE = source()
OTHER = "OTHER"


def at(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


def due(days: int) -> str:
    """Midnight in New York, in UTC (daylight saving time)."""
    return (datetime(2026, 10, 1, 4, 0, tzinfo=UTC) + timedelta(days=days)).isoformat()


class Play:
    """A conversation as it goes: messages with hours between them; the borrower's clock is off by some hours."""

    def __init__(self, talk: Talk, skew: float, *, again: bool = False) -> None:
        self.talk = talk
        self.skew = skew
        self.again = timedelta(minutes=7) if again else timedelta()
        self.hour = 0.0
        self.messages: list[bytes] = []

    def asked(self, **more: str) -> None:
        self.hour += 24
        self.messages.append(self.talk.request(at=at(self.hour + self.skew), **more))

    def acted(self, action: str) -> None:
        self.hour += 24
        self.messages.append(self.talk.acted(action, at=at(self.hour + self.skew)))

    def supplied(self, status: str, *, reason: str = "StatusChange", **more: str) -> None:
        self.hour += 24
        self.messages.append(self.talk.supplied(status, at=at(self.hour), reason=reason, **more))

    def at_another(self) -> None:
        """The first supplier cannot; the next is asked."""
        first, self.talk = self.talk, Talk(self.talk.requester, OTHER, self.talk.number, self.talk.version)
        self.messages.append(first.request(at=at(self.hour + 1 + self.skew), patron="P1"))
        self.messages.append(first.supplied("Unfilled", at=at(self.hour + 2)))
        self.hour += 3


@st.composite
def plays(draw: st.DrawFn) -> Play:
    """A loan with whatever may happen on its way, as far as it got."""
    requester, supplier = draw(st.sampled_from([("OUR", "SUP"), ("REQ", "OUR")]))
    version = draw(st.sampled_from(["1.2", "2021-2", "v1_2_2017"]))
    play = Play(Talk(requester, supplier, "N-1", version), draw(st.sampled_from([-9.0, 0.0, 9.0])))
    if requester == "OUR" and draw(st.booleans()):
        play.at_another()
    play.asked(patron="P1", title="T", isbn="9783000000000")
    if draw(st.booleans()):
        play.supplied("WillSupply", reason="RequestResponse")
    play.supplied("Loaned", due=due(0), item=draw(st.sampled_from(["39001", "n##c##39001"])))
    play.acted("Received")
    for number in range(draw(st.integers(0, 2))):
        play.acted("Renew")
        answer = draw(st.sampled_from(["Y", "N"]))
        told = {"due": due(20 * (number + 1))}
        play.supplied("Loaned", reason="RenewResponse", answer=answer, **told)
    if draw(st.booleans()):
        play.supplied("Overdue", due=due(0))
    if draw(st.booleans()):
        play.supplied("Unfilled", reason="Notification")
    if draw(st.booleans()):
        play.acted("ShippedReturn")
        if draw(st.booleans()):
            play.supplied("LoanCompleted")
    return play


def goal_after(messages: Sequence[bytes], role: Role) -> Goal:
    """The goal after these messages in this order."""
    changes = [each for body in messages for each in SOURCE.read(body).arrival.changes if each.request.role is role]
    return goal_for(reduce(fold, changes, Request(changes[0].request)), POLICY)


@amounts
def test_any_order_with_repeats_ends_in_the_same_goal(amount: settings) -> None:
    @given(plays(), st.data())
    def holds(play: Play, data: st.DataObject) -> None:
        role = Role.BORROWER if play.talk.requester == "OUR" else Role.LENDER
        wanted = goal_after(play.messages, role)
        again = data.draw(st.lists(st.sampled_from(play.messages), max_size=4))
        mixed = data.draw(st.permutations([*play.messages, *again]))
        assert goal_after(mixed, role) == wanted

    amount(holds)()


@amounts
def test_any_order_of_what_is_left_ends_in_the_same_goal_and_an_end_is_an_end(amount: settings) -> None:
    @given(plays(), st.data())
    def holds(play: Play, data: st.DataObject) -> None:
        role = Role.BORROWER if play.talk.requester == "OUR" else Role.LENDER
        last = play.messages[-1]
        lost = set(data.draw(st.lists(st.sampled_from(play.messages[:-1]), max_size=5)))
        left = [each for each in play.messages if each not in lost or each is last]
        wanted = goal_after(left, role)
        assert goal_after(data.draw(st.permutations(left)), role) == wanted
        if b"LoanCompleted" in last:
            item = wanted.items[-1]
            assert wanted.ended
            assert not isinstance(item.item, ItemWish)
            assert not isinstance(item.loan, LoanWish)

    amount(holds)()


def test_the_goal_of_a_lent_loan_survives_the_loss_of_all_but_what_was_lent() -> None:
    play = Play(Talk("REQ", "OUR", "N-1"), 0)
    play.supplied("Loaned", due=due(0), item="39001")
    (item,) = goal_after(play.messages, Role.LENDER).items
    assert isinstance(item.loan, LoanWish)
    assert (item.loan.account, item.loan.due, item.barcode) == (
        "REQ",
        datetime(2026, 10, 1, tzinfo=UTC).date(),
        "39001",
    )


@pytest.mark.parametrize("late", ["Loaned", "WillSupply", "Overdue", "LoanCompleted"])
def test_what_is_late_or_impossible_after_an_end_changes_nothing(late: str) -> None:
    play = Play(Talk("OUR", "SUP", "N-1"), 0)
    play.asked(patron="P1")
    play.supplied("Unfilled", reason="RequestResponse")
    before = goal_after(play.messages, Role.BORROWER)
    play.supplied(late)
    assert goal_after(play.messages, Role.BORROWER) == before


def test_on_loan_after_overdue_is_a_renewal_and_no_step_back() -> None:
    play = Play(Talk("REQ", "OUR", "N-1"), 0)
    play.supplied("Loaned", due=due(0), item="39001")
    play.supplied("Overdue", due=due(0))
    play.supplied("Loaned", due=due(20), item="39001")
    (item,) = goal_after(play.messages, Role.LENDER).items
    assert isinstance(item.loan, LoanWish)
    assert item.loan.due == datetime(2026, 10, 21, tzinfo=UTC).date()


def test_the_next_supplier_takes_over_and_late_news_of_the_first_changes_nothing() -> None:
    play = Play(Talk("OUR", "SUP", "N-1"), 0)
    first = play.talk
    play.at_another()
    play.asked(patron="P1")
    play.supplied("Loaned", due=due(0), item="39001")
    play.acted("Received")
    wanted = goal_after(play.messages, Role.BORROWER)
    assert [(each.leg, isinstance(each.item, ItemWish)) for each in wanted.items] == [("SUP", False), (OTHER, True)]
    assert wanted.items[0].item is ABSENT
    late = first.supplied("Loaned", at=at(500), item="66666")
    dead, live = goal_after([*play.messages, late], Role.BORROWER).items
    assert live == wanted.items[1]
    assert (dead.item, dead.hold, dead.loan) == (ABSENT, ABSENT, wanted.items[0].loan)


def test_closed_without_the_item_is_no_return() -> None:
    play = Play(Talk("REQ", "OUR", "N-1"), 0)
    play.supplied("Loaned", due=due(0), item="39001")
    play.acted("Received")
    play.supplied("CompletedWithoutReturn")
    changes = [each for body in play.messages for each in SOURCE.read(body).arrival.changes]
    (stand,) = standings(reduce(fold, changes, Request(changes[0].request)))
    assert (stand.phase, stand.closed_without_item) == (Phase.COMPLETED, True)
