"""The desk lends a temporary item with the ILS's own date: what of that is seen, said, and brought to the lender's date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.align import compared, sought, unaligned, watched
from bridge.domain.capabilities import Ability
from bridge.domain.change import Condition, Phase
from bridge.domain.goal import Goal, ItemGoal, LoanWish
from bridge.domain.inspection import glance
from bridge.domain.learn import amend, handed_over
from bridge.domain.policy import AlignDueDate, BorrowingPolicy, CreateOn, OnRecall, Policy
from bridge.domain.record import Existence, HoldRecord, HoldState, ItemRecord, PatronLoan, Record, SeenLoan, Sighting
from tests.domain.build import CAN, DUE, LATER, POLICY, borrowed, change, goal_of, run, verbs

DAY = timedelta(days=1)
SOONER = DUE - 10 * DAY
ALIGNING = replace(POLICY, borrowing=replace(POLICY.borrowing, align_due_date=AlignDueDate.DAILY))
RECEIVED = (borrowed(), change(1, Phase.RECEIVED, due=DUE))


def on(policy: Policy = ALIGNING, **borrowing: object) -> Policy:
    return replace(policy, borrowing=replace(policy.borrowing, **borrowing))  # type: ignore[arg-type]


def here(goal: Goal | None = None) -> Record:
    """The record of an item that was made and held for its patron."""
    return run(goal or goal_of(*RECEIVED, policy=ALIGNING))[0]


def lent(due: date | None, loan_id: str = "loan-7", account: str = "id-p1") -> Sighting:
    return Sighting(loans=(SeenLoan(loan_id, account, due, ours=False),), loans_seen=True)


def seen(goal: Goal, record: Record, sight: Sighting) -> tuple[Record, tuple[str, ...]]:
    """The record after a look, and what was said."""
    before = record.item("", "")
    item, notes = compared(goal.items[0], before, amend(before, sight))
    return record.with_item(item), notes


NOTHING = Sighting(loans_seen=True)


class TestSeen:
    """What a look at the loan teaches."""

    def test_a_shorter_loan_is_brought_to_the_date_once(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, notes = seen(goal, here(), lent(SOONER))
        assert notes == ("The desk has lent item ILL-1 to the patron, due 2027-01-05.",)
        record, steps, _ = run(goal, record)
        (step,) = steps
        assert isinstance(step.command, do.SetDueDate)
        assert (step.command.due, step.command.may_shorten) == (DUE, False)
        assert record.item("", "").patron_loan == PatronLoan("loan-7", DUE, brought=DUE)
        assert not sought(goal.items[0], record.item("", ""), CAN)

    def test_the_margin_is_taken_off(self) -> None:
        goal = goal_of(*RECEIVED, policy=on(due_margin_days=3))
        record, _ = seen(goal, here(), lent(SOONER))
        (step,) = run(goal, record)[1]
        assert step.command == do.SetDueDate(step.command.target, DUE - 3 * DAY)  # type: ignore[union-attr]

    def test_a_date_that_is_right_needs_no_step(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, notes = seen(goal, here(), lent(DUE))
        assert notes == ("The desk has lent item ILL-1 to the patron, due 2027-01-15.",)
        assert run(goal, record)[1] == []
        assert not sought(goal.items[0], record.item("", ""), CAN)

    def test_a_longer_loan_is_left_and_told_once(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, notes = seen(goal, here(), lent(LATER))
        assert notes[0] == "The desk has lent item ILL-1 to the patron, due 2027-02-15."
        assert notes[1].startswith(
            "Item ILL-1 should be back by 2027-01-15 (the lender's date less the margin), and the"
        )
        assert run(goal, record)[1] == []
        again, notes = seen(goal, record, lent(LATER))
        assert (again, notes) == (record, ())

    def test_the_loan_fills_the_hold(self) -> None:
        record, _ = seen(goal_of(*RECEIVED, policy=ALIGNING), here(), lent(DUE))
        assert record.item("", "").holds[-1].state is HoldState.SATISFIED

    def test_a_loan_to_somebody_else_fills_no_hold(self) -> None:
        record, _ = seen(goal_of(*RECEIVED, policy=ALIGNING), here(), lent(SOONER, account="neighbour"))
        assert record.item("", "").holds[-1].state is HoldState.PLACED

    def test_a_hold_that_still_waits_is_not_filled(self) -> None:
        record = here()
        sight = replace(lent(DUE), hold=record.item("", "").hold, hold_seen=True)
        record, _ = seen(goal_of(*RECEIVED, policy=ALIGNING), record, sight)
        assert record.item("", "").holds[-1].state is HoldState.PLACED

    @pytest.mark.parametrize(
        ("account", "before", "filled"),
        [
            ("id-P1", (), True),
            ("", (), True),
            ("neighbour", (), False),
            ("id-p1", (HoldRecord("h", "id-p0", "MAIN", HoldState.CANCELLED),), True),
            ("id-p1", (HoldRecord("h", "id-p1", "MAIN", HoldState.EXPIRED),), False),
        ],
    )
    def test_who_has_it_before_our_hold_was_placed_needs_none(
        self, account: str, before: tuple[HoldRecord, ...], filled: bool
    ) -> None:
        item = replace(here().item("", ""), holds=before)
        after = handed_over(item, lent(DUE, account=account), "id-p1").holds
        assert after == (*before, HoldRecord("", "id-p1", "", HoldState.SATISFIED)) if filled else after == before
        assert handed_over(replace(item, existence=Existence.DELETED), lent(DUE), "id-p1").holds == before

    def test_nothing_on_loan_teaches_nothing(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        assert seen(goal, here(), NOTHING) == (here(), ())
        assert sought(goal.items[0], here().item("", ""), CAN)

    def test_a_loan_that_ended_is_told_and_left(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, _ = seen(goal, here(), lent(SOONER))
        record, notes = seen(goal, record, NOTHING)
        assert notes == ("Item ILL-1 came back from the patron.",)
        assert run(goal, record)[1] == []
        assert not sought(goal.items[0], record.item("", ""), CAN)
        assert seen(goal, record, NOTHING) == (record, ())

    def test_another_loan_begins_anew(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, _ = seen(goal, here(), lent(DUE))
        record, notes = seen(goal, record, lent(SOONER, "loan-8"))
        assert notes == ("The desk has lent item ILL-1 to the patron, due 2027-01-05.",)
        assert verbs(run(goal, record)[1]) == ["set_due_date"]

    def test_a_loan_without_a_date_is_given_one(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, notes = seen(goal, here(), lent(None))
        assert notes == ("The desk has lent item ILL-1 to the patron.",)
        assert verbs(run(goal, record)[1]) == ["set_due_date"]

    def test_it_is_recorded_where_nothing_is_aligned(self) -> None:
        goal = goal_of(*RECEIVED)
        record, notes = seen(goal, here(goal), lent(SOONER))
        assert notes
        assert run(goal, record)[1] == []

    def test_an_own_item_has_no_patrons_loan(self) -> None:
        item = ItemRecord("", "", origin=do.Origin.OWN, existence=Existence.PRESENT)
        assert amend(item, lent(DUE)).patron_loan is None


class TestAfterwards:
    """What was settled stays so until the goal's date changes."""

    def settled(self, goal: Goal, due: date = DUE) -> Record:
        return run(goal, seen(goal, here(), lent(due))[0])[0]

    def test_a_renewal_by_the_lender_is_brought_without_a_look(self) -> None:
        record = self.settled(goal_of(*RECEIVED, policy=ALIGNING))
        goal = goal_of(*RECEIVED, change(2, due=LATER), policy=ALIGNING)
        record, steps, _ = run(goal, record)
        assert verbs(steps) == ["set_due_date"]
        assert not sought(goal.items[0], record.item("", ""), CAN)

    def test_where_renewals_are_not_brought_the_first_date_holds(self) -> None:
        policy = on(renew=False)
        record = self.settled(goal_of(*RECEIVED, policy=policy))
        goal = goal_of(*RECEIVED, change(2, due=LATER), policy=policy)
        assert run(goal, record)[1] == []
        assert not sought(goal.items[0], record.item("", ""), CAN)

    def test_a_renewal_by_the_patron_is_told_and_left(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, notes = seen(goal, self.settled(goal), lent(LATER))
        assert notes[0] == "The patron's loan of item ILL-1 has another date now, due 2027-02-15."
        assert len(notes) == 2
        assert run(goal, record)[1] == []

    def test_a_date_that_staff_brought_forward_is_theirs(self) -> None:
        goal = goal_of(*RECEIVED, policy=ALIGNING)
        record, notes = seen(goal, self.settled(goal), lent(SOONER))
        assert notes == ("The patron's loan of item ILL-1 has another date now, due 2027-01-05.",)
        assert run(goal, record)[1] == []

    def test_a_recall_shortens_a_longer_loan_once_under_policy(self) -> None:
        policy = on(on_recall=OnRecall.SHORTEN, recall_minimum_days=7)
        record = self.settled(goal_of(*RECEIVED, policy=policy), LATER)
        goal = goal_of(*RECEIVED, change(2, raised=(Condition.RECALLED,), due=DUE), policy=policy)
        record, steps, _ = run(goal, record)
        found = [step.command for step in steps if isinstance(step.command, do.SetDueDate)]
        assert [(command.due, command.may_shorten, command.leave_days) for command in found] == [(DUE, True, 7)]
        record, _ = seen(goal, record, lent(LATER))
        assert run(goal, record)[1] == [], "no quarrel with an ILS that sets another date"

    def test_a_recall_reaches_a_loan_that_the_desk_makes_after_it(self) -> None:
        policy = on(on_recall=OnRecall.SHORTEN, recall_minimum_days=7)
        goal = goal_of(*RECEIVED, change(2, raised=(Condition.RECALLED,), due=SOONER), policy=policy)
        record, notes = seen(goal, here(goal), lent(DUE))
        assert notes == ("The desk has lent item ILL-1 to the patron, due 2027-01-15.",)
        record, steps, _ = run(goal, record)
        found = [step.command for step in steps if isinstance(step.command, do.SetDueDate)]
        assert [(each.due, each.may_shorten, each.leave_days) for each in found] == [(SOONER, True, 7)]
        left = SOONER + 2 * DAY
        assert found[0].on(left - 7 * DAY, DUE) == left, "the patron keeps the days that policy leaves"
        record, _ = seen(goal, record, lent(left))
        assert run(goal, record)[1] == []
        assert not sought(goal.items[0], record.item("", ""), CAN)


class TestWatched:
    """Which items are worth a look."""

    @pytest.mark.parametrize(
        "changes",
        [
            (borrowed(), change(1, Phase.SHIPPED, due=DUE)),
            (borrowed(), change(1, Phase.RECEIVED)),
            (*RECEIVED, change(2, Phase.RETURNED)),
        ],
    )
    def test_only_what_was_received_and_has_a_date(self, changes: tuple) -> None:  # type: ignore[type-arg]
        (goal,) = goal_of(*changes, policy=on(create_on=CreateOn.REQUESTED)).items
        assert not watched(goal, here().item("", ""), CAN)

    def test_only_where_it_is_asked_for(self) -> None:
        (goal,) = goal_of(*RECEIVED).items
        assert not watched(goal, here().item("", ""), CAN)

    def test_only_where_the_ils_takes_a_date(self) -> None:
        (goal,) = goal_of(*RECEIVED, policy=ALIGNING).items
        assert watched(goal, here().item("", ""), CAN)
        assert not watched(goal, here().item("", ""), replace(CAN, abilities={do.Verb.SET_DUE_DATE: Ability.NO}))

    def test_only_what_is_there(self) -> None:
        (goal,) = goal_of(*RECEIVED, policy=ALIGNING).items
        assert not watched(goal, ItemRecord("", ""), CAN)
        assert not sought(goal, ItemRecord("", ""), CAN)

    def test_a_look_asks_for_the_loans_only(self) -> None:
        (goal,) = goal_of(*RECEIVED, policy=ALIGNING).items
        asked = glance(goal, here().item("", ""), here())
        assert asked.loans_only
        assert asked.target.ids == do.VendorIds("b1", "h1", "i1")


DATES = st.none() | st.integers(0, 60).map(lambda days: DUE + (days - 30) * DAY)
LOANS = st.none() | st.builds(
    SeenLoan, st.sampled_from(["1", "2"]), st.sampled_from(["id-p1", "other", ""]), DATES, st.just(False)
)
SHIFTS = st.lists(st.sampled_from([None, DUE, LATER, SOONER]), max_size=3)


@given(
    looks=st.lists(LOANS, max_size=6),
    renew=st.booleans(),
    recalled=st.booleans(),
    shifts=SHIFTS,
)
def test_any_course_of_looks_comes_to_rest_and_shortens_only_by_recall(
    looks: list[SeenLoan | None], renew: bool, recalled: bool, shifts: list[date | None]
) -> None:
    policy = on(renew=renew, on_recall=OnRecall.SHORTEN)
    told = [*RECEIVED, *(change(2 + place, due=due) for place, due in enumerate(shifts) if due)]
    told += [change(50, raised=(Condition.RECALLED,), due=DUE)] if recalled else []
    goal = goal_of(*told, policy=policy)
    record = here()
    for loan in looks:
        record, _ = seen(goal, record, Sighting(loans=(loan,) if loan else (), loans_seen=True))
        record, steps, _ = run(goal, record, most=4)
        for step in steps:
            assert isinstance(step.command, do.SetDueDate | do.NoteItem)
            assert step.command.target.barcode == "ILL-1"
            if isinstance(step.command, do.SetDueDate):
                assert step.command.may_shorten is recalled
        item = record.item("", "")
        assert not unaligned(goal.items[0].loan, item.patron_loan)  # type: ignore[arg-type]
        assert sought(goal.items[0], item, CAN) == (item.patron_loan is None), "once seen, no more looks"
        again, notes = seen(goal, record, Sighting(loans=(loan,) if loan else (), loans_seen=True))
        rested = run(goal, again)[1]
        assert rested == []
        assert loan is None or notes == () or loan.due != item.patron_loan.due  # type: ignore[union-attr]


def test_an_item_goal_without_a_loan_is_not_compared() -> None:
    (goal,) = goal_of(*RECEIVED, policy=ALIGNING).items
    bare = ItemGoal("", "", goal.mark)
    item = amend(here().item("", ""), lent(SOONER))
    assert compared(bare, here().item("", ""), item)[0] == item
    assert not unaligned(LoanWish(), item.patron_loan)


def test_nothing_is_aligned_unless_it_is_asked_for() -> None:
    assert BorrowingPolicy().align_due_date is AlignDueDate.OFF
