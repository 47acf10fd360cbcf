"""What staff set right, what is taken over, what would be done: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bridge.domain import commands as do
from bridge.domain.adopt import adoptable, adopted, sought
from bridge.domain.care import DRILL, hands_off
from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.commands import Origin, Place
from bridge.domain.goal import ABSENT, FeeWish, HoldWish, ItemGoal, ItemWish, LoanWish, goal_for
from bridge.domain.identity import RequestKey, Role
from bridge.domain.plan import StaffTask, next_step
from bridge.domain.policy import (
    BarcodeFrom,
    BorrowingPolicy,
    CreateOn,
    ItemRule,
    LendingPolicy,
    LendingRule,
    Mode,
    NoBarcode,
    NotReturned,
    OnRecall,
    Policy,
)
from bridge.domain.record import (
    Existence,
    FeeRecord,
    HoldRecord,
    HoldState,
    ItemRecord,
    PatronRecord,
    Record,
    SeenLoan,
    Sighting,
)
from bridge.domain.request import Request
from bridge.domain.standing import correct, standings
from tests.domain.build import (
    BORROWER,
    CAN,
    DUE,
    LATER,
    LENDER,
    OUT,
    POLICY,
    START,
    TEMP,
    borrowed,
    change,
    folded,
    goal_of,
    lent,
    run,
    verbs,
)


def received(*more: object, **edits: object) -> Request:
    return folded(borrowed(**edits), change(1, Phase.RECEIVED, due=DUE), *more)  # type: ignore[arg-type]


def only(request: Request, policy: Policy = POLICY) -> ItemGoal:
    return goal_for(request, policy).items[-1]


class TestCorrections:
    """They stand until the service says something new."""

    def test_a_date(self) -> None:
        request = correct(received(), "due", LATER.isoformat())
        assert standings(request)[0].due == LATER
        again = correct(request, "due", DUE.isoformat())
        assert again.corrections == (), "back to what the service says"

    def test_made_twice_the_later_stands(self) -> None:
        request = correct(correct(received(), "patron_id", "p2"), "patron_id", "p3")
        assert standings(request)[0].patron_id == "p3"
        assert len(request.corrections) == 1

    def test_of_one_volume(self) -> None:
        told = folded(borrowed(), change(1, Phase.RECEIVED, volume="1"), change(2, Phase.RECEIVED, volume="2"))
        request = correct(told, "temporary_barcode", "B-2", volume="2")
        assert [stand.temporary_barcode for stand in standings(request)] == ["", "B-2"]

    @pytest.mark.parametrize("day", ["1969-12-31", "2200-01-01"])
    def test_a_day_that_no_loan_can_have_is_refused(self, day: str) -> None:
        with pytest.raises(ValueError, match="no day that a loan can have"):
            correct(received(), "due", day)

    def test_they_survive_repeated_news_and_yield_to_new(self) -> None:
        request = correct(received(), "patron_id", "p9")
        repeated = folded(change(5, Phase.RECEIVED, patron_id="p1"), onto=request)
        assert standings(repeated)[0].patron_id == "p9"
        assert standings(folded(change(6, patron_id="p7"), onto=repeated))[0].patron_id == "p7"

    def test_a_request_without_news_began_never(self) -> None:
        assert Request(BORROWER).reached(set(Phase)) is None
        assert received().reached(set(Phase)) == START
        assert received().reached({Phase.RECEIVED}) == START + timedelta(seconds=1)


class TestHandsOff:
    def test_a_drill_is_written_in_any_mode(self) -> None:
        drill = Request(RequestKey("main", DRILL, Role.BORROWER, "x", "1"))
        assert hands_off(drill, Record(), replace(POLICY, mode=Mode.OBSERVE)) == ""

    def test_a_request_of_no_date_is_not_before_the_cut_over(self) -> None:
        assert hands_off(Request(BORROWER), Record(), replace(POLICY, live_from=START)) == ""

    @pytest.mark.parametrize(
        ("create_on", "first", "off"),
        [
            (CreateOn.RECEIVED, Phase.SHIPPED, False),
            (CreateOn.RECEIVED, Phase.RECEIVED, True),
            (CreateOn.RECEIVED, Phase.CANCELLED, False),
            (CreateOn.SHIPPED, Phase.SHIPPED, True),
            (CreateOn.SHIPPED, Phase.WILL_SUPPLY, False),
            (CreateOn.REQUESTED, Phase.REQUESTED, True),
        ],
    )
    def test_a_borrowed_loan_begins_when_its_item_is_made(self, create_on: CreateOn, first: Phase, off: bool) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, create_on=create_on))
        policy = replace(policy, live_from=START + timedelta(hours=1))
        request = folded(change(0, first), change(7200, Phase.RECEIVED), change(7201, Phase.RECEIVED, due=LATER))
        assert bool(hands_off(request, Record(), policy)) is off

    def test_a_lent_loan_begins_when_it_is_shipped(self) -> None:
        policy = replace(POLICY, live_from=START + timedelta(hours=1))
        asked = folded(lent(), change(7200, Phase.SHIPPED, key=LENDER))
        assert hands_off(asked, Record(), policy) == ""
        shipped = folded(
            lent(), change(1, Phase.SHIPPED, key=LENDER), change(7200, Phase.SHIPPED, key=LENDER, due=LATER)
        )
        assert "before the cut-over" in hands_off(shipped, Record(), policy)


class TestRules:
    def policy(self, *rules: ItemRule, **more: object) -> Policy:
        return replace(POLICY, borrowing=replace(POLICY.borrowing, rules=rules, item_type="ILL", **more))  # type: ignore[arg-type]

    def wish(self, policy: Policy, **edits: object) -> ItemWish:
        raised = (change(2, raised=(Condition.LIBRARY_USE_ONLY,)),) if edits.pop("luo", None) else ()
        goal = only(received(*raised, **edits), policy)
        assert isinstance(goal.item, ItemWish)
        return goal.item

    def test_the_first_that_names_a_value_gives_it(self) -> None:
        policy = self.policy(
            ItemRule(partners=("xyz",), item_type="PARTNER"),
            ItemRule(formats=("DVD",), item_type="FILM", public_note="Handle with care", place=OUT, material="DVD"),
        )
        wish = self.wish(policy, partner="XYZ", item_format="dvd")
        assert (wish.item_type, wish.public_note, wish.place, wish.material) == (
            "PARTNER",
            "Handle with care",
            OUT,
            "DVD",
        )
        assert self.wish(policy, partner="ABC", item_format="book").item_type == "ILL"

    def test_by_condition(self) -> None:
        rule = ItemRule(conditions=(Condition.LIBRARY_USE_ONLY,), item_type="READ-HERE", staff_note="")
        assert self.wish(self.policy(rule), luo=True).item_type == "READ-HERE"
        assert self.wish(self.policy(rule), luo=True).staff_note == "", "a rule may empty a value"
        assert self.wish(self.policy(), luo=True).staff_note == "Library use only"

    def test_of_lending(self) -> None:
        rules = (LendingRule(partners=("XYZ",), account="ILL-X"), LendingRule(formats=("map",), temporary_place=TEMP))
        policy = LendingPolicy(rules=rules, accounts={"ABC": "ILL-A"}, default_account="ILL-D", temporary_place=OUT)
        assert [policy.account(name) for name in ("xyz", "ABC", "QQQ")] == ["ILL-X", "ILL-A", "ILL-D"]
        assert policy.place_away("XYZ", "map") == TEMP
        assert policy.place_away("XYZ", "book") == OUT


class TestSwitches:
    def borrowing(self, **more: object) -> Policy:
        return replace(POLICY, borrowing=replace(POLICY.borrowing, **more))  # type: ignore[arg-type]

    def lending(self, **more: object) -> Policy:
        return replace(POLICY, lending=replace(POLICY.lending, **more))  # type: ignore[arg-type]

    def test_no_barcode_of_the_supplier(self) -> None:
        policy = self.borrowing(barcode_from=BarcodeFrom.SUPPLIER, when_no_barcode=NoBarcode.REQUEST)
        assert only(received(), policy).barcode == "ILL-1"
        assert only(received(barcode="S1"), policy).barcode == "ILL-S1"

    @pytest.mark.parametrize("role", list(Role))
    def test_a_renewal_may_be_left_to_staff(self, role: Role) -> None:
        policy = replace(self.borrowing(renew=False), lending=replace(POLICY.lending, renew=False))
        first = (borrowed(), change(1, Phase.RECEIVED, due=DUE))
        if role is Role.LENDER:
            first = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        record, _, _ = run(goal_of(*first, policy=policy))
        renewed = change(2, key=first[0].request, due=LATER)
        _, steps, task = run(goal_of(*first, renewed, policy=policy), record)
        assert (steps, task) == ([], None)
        _, steps, _ = run(goal_of(*first, renewed, policy=POLICY), record)
        assert verbs(steps) == ["set_due_date"]

    def test_a_first_date_that_comes_late_is_no_renewal(self) -> None:
        policy = self.borrowing(renew=False)
        record, _, _ = run(goal_of(borrowed(), change(1, Phase.RECEIVED), policy=policy))
        _, steps, _ = run(goal_of(borrowed(), change(1, Phase.RECEIVED), change(2, due=DUE), policy=policy), record)
        assert verbs(steps) == ["set_due_date"]

    def test_a_recall_may_shorten_but_leaves_some_days(self) -> None:
        recalled = received(change(2, raised=(Condition.RECALLED,), due=START.date() + timedelta(days=1)))
        shown = only(recalled, POLICY)
        assert shown.loan == LoanWish(due=START.date() + timedelta(days=1))
        shortened = only(recalled, self.borrowing(on_recall=OnRecall.SHORTEN, recall_minimum_days=5))
        assert shortened.loan == LoanWish(due=START.date() + timedelta(days=1), may_shorten=True, leave_days=5)
        late = received(change(2, raised=(Condition.RECALLED,), due=LATER))
        named = only(late, self.borrowing(on_recall=OnRecall.SHORTEN))
        assert named.loan == LoanWish(due=LATER, may_shorten=True, leave_days=7)
        assert named.attention == ""
        dateless = folded(borrowed(), change(1, Phase.RECEIVED, raised=(Condition.RECALLED,)))
        undated = only(dateless, self.borrowing(on_recall=OnRecall.SHORTEN))
        assert undated.loan == LoanWish(may_shorten=True, leave_days=7)
        assert "names no date" in undated.attention

    def test_a_fee_of_ours_is_charged_when_policy_says(self) -> None:
        policy = self.borrowing(
            charge_fee=True, fee_amount=Decimal("2.50"), fee_currency="EUR", fee_on=CreateOn.REQUESTED
        )
        asked = folded(borrowed())
        goal = only(asked, policy)
        assert isinstance(goal.fee, FeeWish)
        assert goal.fee.fee == do.Money(Decimal("2.50"), "EUR")
        assert not isinstance(only(asked, self.borrowing(charge_fee=True, fee_amount=Decimal(1))).fee, FeeWish)

    def test_a_fee_for_what_was_never_supplied_is_waived_by_staff(self) -> None:
        request = folded(borrowed(), change(1, Phase.CANCELLED))
        goal = goal_for(request, POLICY)
        assert goal.items[0].fee is ABSENT
        charged = Record(items=(ItemRecord("", "", fees=(FeeRecord("fee", "1", do.Money(Decimal(2), "EUR")),)),))
        task = next_step(goal, charged, CAN)
        assert isinstance(task, StaffTask)
        assert task.instruction == "Waive the fee of 2 EUR in the ILS: the request was not supplied."
        assert next_step(goal, Record(), CAN) is None
        kept = goal_for(request, self.borrowing(waive_fee_on_cancel=False))
        assert next_step(kept, charged, CAN) is None

    def test_lost_may_be_left_to_staff(self) -> None:
        lost = received(change(2, raised=(Condition.LOST,)))
        assert only(lost).lost
        assert not only(lost, self.borrowing(declare_lost=False)).lost

    def test_closed_without_return(self) -> None:
        kept = folded(lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        gone = folded(change(2, Phase.COMPLETED, key=LENDER, closure=Closure.WITHOUT_RETURN), onto=kept)
        assert only(gone).dispute
        assert only(gone, self.lending(not_returned=NotReturned.LOST)).lost
        paid = folded(change(3, key=LENDER, raised=(Condition.FEE_PAID,)), onto=gone)
        assert only(paid, self.lending(not_returned=NotReturned.LOST)).dispute


class TestADrill:
    def test_it_needs_no_patron_and_always_cleans_up(self) -> None:
        key = replace(BORROWER, service=DRILL)
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, delete_on_return=False))
        made = folded(change(0, Phase.RECEIVED, key=key), onto=Request(key))
        goal = only(made, policy)
        assert isinstance(goal.item, ItemWish)
        assert not isinstance(goal.hold, HoldWish)
        ended = folded(change(1, Phase.COMPLETED, key=key), onto=made)
        assert only(ended, policy).item is ABSENT


class TestTakingOver:
    def seen(self, **more: object) -> Sighting:
        base: dict[str, object] = {
            "item_present": True,
            "barcode": "ILL-1",
            "place": TEMP,
            "ids": do.VendorIds("b", "h", "i"),
        }
        return Sighting(**{**base, **more})  # type: ignore[arg-type]

    def goal(self, request: Request | None = None, **more: object) -> ItemGoal:
        return only(request or received(), replace(POLICY, borrowing=replace(POLICY.borrowing, **more)))  # type: ignore[arg-type]

    def test_a_hold_found_is_ours_now(self) -> None:
        hold = HoldRecord("h1", "p1", "MAIN")
        found = adopted(self.goal(), ItemRecord("", ""), self.seen(hold=hold), Role.BORROWER)
        assert found.item is not None
        assert found.item.holds == (hold,)
        assert (found.item.origin, found.item.existence, found.item.due_written) == (
            Origin.ADOPTED,
            Existence.PRESENT,
            DUE,
        )

    def test_no_hold_counts_as_filled_where_one_is_wanted(self) -> None:
        found = adopted(self.goal(), ItemRecord("", ""), self.seen(), Role.BORROWER)
        assert found.item is not None
        assert found.item.hold is not None
        assert found.item.hold.state is HoldState.SATISFIED
        without = adopted(self.goal(hold=False), ItemRecord("", ""), self.seen(), Role.BORROWER)
        assert without.item is not None
        assert without.item.hold is None

    def test_what_bears_our_mark_was_made_by_us(self) -> None:
        found = adopted(self.goal(), ItemRecord("", ""), self.seen(marked=True), Role.BORROWER)
        assert found.item is not None
        assert found.item.origin is Origin.CREATED

    def test_a_fee_counts_as_charged(self) -> None:
        request = received(fee=do.Money(Decimal(3), "EUR"))
        goal = self.goal(request, charge_fee=True)
        found = adopted(goal, ItemRecord("", ""), self.seen(), Role.BORROWER)
        assert found.item is not None
        assert [fee.fee_key for fee in found.item.fees] == ["fee"]

    def test_an_item_that_is_somebody_elses_business_is_not_believed(self) -> None:
        goal = self.goal()
        foreign = self.seen(loans=(SeenLoan("1", "somebody", None, ours=False),))
        assert (
            "on loan to somebody else" in adopted(goal, ItemRecord("", ""), foreign, Role.BORROWER, patron_id="p1").why
        )
        theirs = self.seen(loans=(SeenLoan("1", "P1", None, ours=False),))
        assert adopted(goal, ItemRecord("", ""), theirs, Role.BORROWER, patron_id="p1").item
        shelved = self.seen(place=Place("MAIN", "STACKS"))
        assert "stands at MAIN/STACKS" in adopted(goal, ItemRecord("", ""), shelved, Role.BORROWER).why
        named = adopted(goal, ItemRecord("", ""), shelved, Role.BORROWER, barcode="X")
        assert named.item is not None
        assert named.item.place == Place("MAIN", "STACKS")

    def test_the_desk_is_that_of_temporary_items(self) -> None:
        place = Place("RS", "TEMP", "DESK")
        found = adopted(self.goal(place=place), ItemRecord("", ""), self.seen(), Role.BORROWER)
        assert found.item is not None
        assert found.item.place == place

    def test_a_lent_item_in_its_ill_location(self) -> None:
        goal = only(folded(lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE)))
        loan = SeenLoan("1", "XYZ", LATER, ours=True)
        away = self.seen(place=Place("MAIN", "STACKS"), temporary_place=OUT, loans=(loan,))
        found = adopted(goal, ItemRecord("", ""), away, Role.LENDER)
        assert found.item is not None
        assert (found.item.moved_to, found.item.before, found.item.restored) == (OUT, Place("MAIN", "STACKS"), False)
        assert "not on loan" in adopted(goal, ItemRecord("", ""), self.seen(), Role.LENDER).why

    def test_where_to_look(self) -> None:
        record = Record(patron=PatronRecord("p1", "primary"))
        look = sought(self.goal(), record, Role.BORROWER, "HAND")
        assert (look.target.origin, look.target.barcode, look.patron_id) == (Origin.ADOPTED, "HAND", "primary")
        unknown = sought(self.goal(), Record(), Role.BORROWER)
        assert unknown.patron_id == "p1"
        goal = only(folded(lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE)))
        look = sought(goal, Record(), Role.LENDER)
        assert (look.target.origin, look.patron_id, look.account) == (Origin.OWN, "", "XYZ")

    @pytest.mark.parametrize(
        "item", [ItemRecord("", "", existence=Existence.PRESENT), ItemRecord("", "", existence=Existence.DELETED)]
    )
    def test_what_was_touched_is_not_taken_over(self, item: ItemRecord) -> None:
        assert not adoptable(self.goal(), item)
        assert adoptable(self.goal(), ItemRecord("", ""))
        assert not adoptable(only(folded(borrowed())), ItemRecord("", ""))


def test_a_date_of_nothing() -> None:
    assert BorrowingPolicy().given("item_type", "", "", ()) is None
    assert date.fromisoformat("2027-01-15") == DUE
