"""Recalled, overdue, lost, found: each row of docs/explanation/lost-and-recalled.md, and what holds whatever comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Change, Closure, Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.goal import goal_for
from bridge.domain.identity import Role, mark_for
from bridge.domain.learn import amend, confirm
from bridge.domain.plan import StaffTask, Step, StepKey, next_step
from bridge.domain.policy import NotReturned, OnRecall
from bridge.domain.record import (
    Existence,
    FeeRecord,
    ItemRecord,
    Learned,
    Outcome,
    OutcomeKind,
    Record,
    SeenLoan,
    Sighting,
)
from bridge.domain.sentences import change_sentence, plan_sentence, step_sentence
from bridge.domain.standing import standings
from bridge.domain.steps import wished
from tests.domain.build import (
    BORROWER,
    CAN,
    DUE,
    LATER,
    LENDER,
    POLICY,
    borrowed,
    change,
    folded,
    goal_of,
    lent,
    run,
    verbs,
    with_item,
)
from tests.domain.lost import Row, named, played, played_at_once, rows, work

ROWS = tuple(rows())
TODAY = date(2026, 12, 1)
RECEIVED = (borrowed(due=DUE), change(1, Phase.RECEIVED))
LOST = change(2, raised=(Condition.LOST,))
EIGHTY = do.Money(Decimal(80), "EUR")


def label(row: Row) -> str:
    return f"{row.role.value}: {row.what}"


class TestThePage:
    def test_it_has_rows_for_both_sides(self) -> None:
        assert len([row for row in ROWS if row.role is Role.BORROWER]) > 40
        assert len([row for row in ROWS if row.role is Role.LENDER]) > 20

    @pytest.mark.parametrize("row", ROWS, ids=label)
    def test_a_row_is_true(self, row: Row) -> None:
        play = played(row)
        assert (play.status, play.done, play.staff or "–") == (row.status, row.done, row.staff)

    @pytest.mark.parametrize("row", ROWS, ids=label)
    def test_what_was_told_before_changes_nothing(self, row: Row) -> None:
        play = played(row)
        taken, asked = len(play.steps), play.staff
        for each in (change(0, Phase.REQUESTED, key=play.request.key), change(0, Phase.SHIPPED, key=play.request.key)):
            play.request = folded(each, onto=play.request)
            work(play)
        assert (len(play.steps), play.staff) == (taken, asked)

    @pytest.mark.parametrize("row", ROWS, ids=label)
    def test_told_at_once_in_any_order_it_comes_to_the_same(self, row: Row) -> None:
        """Less may be done where nothing had been made yet; what stays in the ILS, and what staff are asked, agrees."""
        play, once = played(row), played_at_once(row)
        assert once.request.nodes == play.request.nodes
        if "declare lost" not in row.done and "*" not in "".join(row.said):
            asked = once.staff if once.record.items else ""
            assert asked in {play.staff, ""}
        undone = {"check in", "delete"}
        assert undone & {named(step) for step in once.steps} <= undone & {named(step) for step in play.steps}


class TestRecalls:
    def command(self, **more: object) -> do.SetDueDate:
        target = do.Target(mark_for("test", BORROWER, "", ""), do.Origin.CREATED)
        return do.SetDueDate(target, DUE, **more)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("due", "stands", "leave", "written"),
        [
            (5, 30, 7, 7),
            (10, 30, 7, 10),
            (-3, 30, 7, 7),
            (-3, 4, 7, 4),
            (5, 5, 7, 5),
            (20, 10, 7, 20),
            (5, None, 7, 5),
            (5, 30, 0, 5),
        ],
    )
    def test_a_loan_that_is_shortened_still_runs_some_days_from_the_day_it_is_written(
        self, due: int, stands: int | None, leave: int, written: int
    ) -> None:
        def day(days: int | None) -> date | None:
            return None if days is None else TODAY + timedelta(days=days)

        command = replace(self.command(may_shorten=True, leave_days=leave), due=day(due))  # type: ignore[arg-type]
        assert command.on(TODAY, day(stands)) == day(written)

    def test_without_leave_nothing_is_shortened(self) -> None:
        assert self.command().on(TODAY, LATER) == LATER
        assert self.command().on(TODAY, TODAY) == DUE

    def test_a_recall_told_again_keeps_its_date(self) -> None:
        told = (
            change(2, raised=(Condition.RECALLED,), due=TODAY),
            change(3, raised=(Condition.RECALLED,)),
        )
        (stand,) = standings(folded(*RECEIVED, *told))
        assert (stand.due, stand.recall_dated) == (TODAY, True)

    def test_a_recall_after_one_that_was_withdrawn_has_no_date_of_its_own(self) -> None:
        told = (
            change(2, raised=(Condition.RECALLED,), due=TODAY),
            change(3, cleared=(Condition.RECALLED,)),
            change(4, raised=(Condition.RECALLED,)),
        )
        (stand,) = standings(folded(*RECEIVED, *told))
        assert (stand.due, stand.recall_dated) == (DUE, False)
        (stand,) = standings(folded(*RECEIVED, *told, change(5, due=TODAY)))
        assert (stand.due, stand.recall_dated) == (TODAY, True)

    def test_the_history_tells_the_date_that_stands(self) -> None:
        """Not the one asked for, where the ILS made it another, or the recall leaves the patron some days."""
        step = Step(StepKey("", "", Verb.SET_DUE_DATE, 0), self.command())
        stands = Outcome(learned=Learned(due=DUE, stands=LATER))
        told = step_sentence(step, stands, ItemRecord("", "", barcode="ILL-1"), "alma")
        assert told == f"The due date of item ILL-1 was set to {LATER}."
        left = replace(stands, kind=OutcomeKind.ALREADY)
        told = step_sentence(step, left, ItemRecord("", "", barcode="ILL-1"), "koha")
        assert told == f"The due date of item ILL-1 was left as it is; it was to be {DUE}."


class TestNotes:
    TARGET = do.Target(mark_for("test", BORROWER, "", ""), do.Origin.CREATED)

    @pytest.mark.parametrize(
        ("stands", "before", "note", "after"),
        [
            ("", "", "Recalled", "Recalled"),
            ("Fragile", "", "Recalled", "Fragile; Recalled"),
            ("Fragile; Recalled", "Recalled", "", "Fragile"),
            ("Library use only", "Library use only", "Library use only; Recalled", "Library use only; Recalled"),
            ("Recalled", "", "Recalled", "Recalled"),
            ("Fragile", "Recalled", "", "Fragile"),
        ],
    )
    def test_what_staff_wrote_stays(self, stands: str, before: str, note: str, after: str) -> None:
        assert do.NoteItem(self.TARGET, note, before).on(stands) == after

    def test_items_from_before_notes_were_recorded_are_left(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, on_recall=OnRecall.NOTE))
        recalled = change(2, raised=(Condition.RECALLED,))
        record, _, _ = run(goal_of(*RECEIVED))
        assert verbs(run(goal_of(*RECEIVED, recalled, policy=policy), record)[1]) == ["note_item"]
        assert run(goal_of(*RECEIVED, recalled, policy=policy), with_item(record, staff_note=None))[1] == []

    def test_a_note_that_is_not_wanted_any_more_is_taken_off(self) -> None:
        command = do.NoteItem(self.TARGET, "", "Recalled")
        step = Step(StepKey("", "", Verb.NOTE_ITEM, 1), command)
        item = ItemRecord("", "", barcode="ILL-1")
        assert step_sentence(step, Outcome(), item, "alma") == "Our note on item ILL-1 was taken off."
        gone = step_sentence(step, Outcome(OutcomeKind.ALREADY), item, "alma")
        assert gone == "Our note on item ILL-1 was off already."
        noted = step_sentence(replace(step, noted=True), Outcome(OutcomeKind.ALREADY), item, "ncip")
        assert noted == "No note on item ILL-1 is wanted any more; ncip never had one of ours."
        named = replace(command, target=replace(command.target, barcode="ILL-1"))
        assert plan_sentence(replace(step, command=named)) == "Would take our note off item ILL-1."
        assert wished(named) == "Take our note off item ILL-1."

    def test_their_sentences(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, on_recall=OnRecall.NOTE))
        goal = goal_of(*RECEIVED, change(2, raised=(Condition.RECALLED,), due=TODAY), policy=policy)
        record = with_item(record, due_written=TODAY)
        found = next_step(goal, record, CAN)
        assert isinstance(found, Step)
        said = step_sentence(found, Outcome(), record.item("", ""), "alma")
        assert said == "The note on item ILL-1 is now: Recalled by the lender, due back 2026-12-01."
        asked = next_step(goal, record, Capabilities(abilities={Verb.NOTE_ITEM: Ability.STAFF}))
        assert isinstance(asked, StaffTask)
        assert asked.instruction == "Put a note on item ILL-1: Recalled by the lender, due back 2026-12-01."


class TestLosses:
    def test_a_task_of_staff_holds_up_no_fee(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_replacement_fee=True))
        can = replace(CAN, abilities={Verb.MARK_LOST: Ability.STAFF})
        record, _, _ = run(goal_of(*RECEIVED, policy=policy))
        goal = goal_of(*RECEIVED, LOST, change(3, bill=EIGHTY), policy=policy)
        record, steps, task = run(goal, record, can)
        assert verbs(steps) == ["charge_fee"]
        assert task is not None
        assert task.instruction == "Declare item ILL-1 lost."
        record = confirm(record, task)
        assert record.item("", "").marked_lost
        assert run(goal, record, can)[1:] == ([], None)

    def test_the_task_says_whose_loan_and_is_gone_where_somebody_else_has_the_item(self) -> None:
        can = replace(CAN, abilities={Verb.MARK_LOST: Ability.STAFF})
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        record, _, _ = run(goal_of(*shipped))
        goal = goal_of(*shipped, change(2, key=LENDER, raised=(Condition.LOST,)))
        record, _, task = run(goal, record, can)
        assert task is not None
        assert task.instruction == "Declare item OWN-1 lost, if it is still on loan to account XYZ."
        lent_on = Sighting(loans=(SeenLoan("l9", "p9", None, ours=False),), loans_seen=True)
        assert run(goal, record.with_item(amend(record.item("", ""), lent_on)), can)[1:] == ([], None)
        ours = Sighting(loans=(SeenLoan("loan-0", "XYZ", DUE, ours=True),), loans_seen=True)
        assert run(goal, record.with_item(amend(record.item("", ""), ours)), can)[2] is not None

    def test_found_after_it_was_paid_only_the_place_is_brought_back_once_staff_checked_it_in(self) -> None:
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        record, _, _ = run(goal_of(*shipped))
        paid = (*shipped, change(2, Phase.COMPLETED, key=LENDER, closure=Closure.LOST_PAID))
        found = goal_of(*paid, change(3, key=LENDER, raised=(Condition.FOUND,)))
        ours = Sighting(loans=(SeenLoan("loan-0", "XYZ", DUE, ours=True),), loans_seen=True)
        for item in (record.item("", ""), amend(record.item("", ""), ours)):
            _, steps, task = run(found, record.with_item(item))
            assert (steps, task is None) == ([], False), "it is on our loan still"
        lent_on = Sighting(loans=(SeenLoan("l9", "p9", None, ours=False),), loans_seen=True)
        for seen in (Sighting(loans_seen=True), lent_on):
            back = record.with_item(amend(record.item("", ""), seen))
            back, steps, task = run(found, back)
            assert (verbs(steps), task) == (["restore_item"], None)
            assert run(found, back)[1] == []
            lost = replace(POLICY, lending=replace(POLICY.lending, not_returned=NotReturned.LOST))
            again = change(4, Phase.COMPLETED, key=LENDER, closure=Closure.WITHOUT_RETURN)
            closed = goal_of(*shipped, change(3, key=LENDER, raised=(Condition.FOUND,)), again, policy=lost)
            gone = record.with_item(amend(record.item("", ""), seen))
            assert run(closed, gone)[1] == [], "closed without the item: it stays as it is"

    def test_declared_lost_by_the_desk_settles_the_task(self) -> None:
        can = replace(CAN, abilities={Verb.MARK_LOST: Ability.STAFF, Verb.MARK_FOUND: Ability.STAFF})
        record, _, _ = run(goal_of(*RECEIVED))
        goal = goal_of(*RECEIVED, LOST)
        assert isinstance(next_step(goal, record, can), StaffTask)
        seen = amend(record.item("", ""), Sighting(item_present=True, lost=True))
        record = record.with_item(seen)
        assert next_step(goal, record, can) is None
        found = goal_of(*RECEIVED, LOST, change(3, raised=(Condition.FOUND,)))
        task = next_step(found, record, can)
        assert isinstance(task, StaffTask)
        assert task.instruction == "Item ILL-1 was found: take back that it was declared lost."
        record = record.with_item(amend(record.item("", ""), Sighting(item_present=True, lost=False)))
        assert next_step(found, record, can) is None
        assert next_step(goal, record, can) is None, "what staff took back in the ILS is not declared again"

    def test_nothing_is_done_to_a_loan_that_staff_have_yet_to_take_back(self) -> None:
        can = replace(CAN, abilities={Verb.MARK_FOUND: Ability.STAFF})
        record, _, _ = run(goal_of(*RECEIVED))
        record, _, _ = run(goal_of(*RECEIVED, LOST), record)
        goal = goal_of(*RECEIVED, LOST, change(3, raised=(Condition.FOUND,)), change(4, due=LATER))
        record, steps, task = run(goal, record, can)
        assert steps == []
        assert task is not None
        assert verbs(run(goal, confirm(record, task), can)[1]) == ["set_due_date"]

    def test_an_ils_that_does_not_tell_teaches_nothing(self) -> None:
        item = ItemRecord("", "", marked_lost=True)
        assert amend(item, Sighting(item_present=True)) == item

    def test_an_ordinary_fee_and_the_bill_are_two(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_fee=True, charge_replacement_fee=True))
        fee = do.Money(Decimal("3.50"), "EUR")
        told: tuple[Change, ...] = (*RECEIVED, change(2, raised=(Condition.FEE_COMMUNICATED,), fee=fee))
        record, steps, _ = run(goal_of(*told, policy=policy))
        assert [step.command.fee for step in steps if isinstance(step.command, do.ChargeFee)] == [fee]
        told = (*told, change(3, raised=(Condition.LOST,)))
        record, steps, _ = run(goal_of(*told, policy=policy), record)
        assert verbs(steps) == ["mark_lost"], "the same amount was charged before"
        told = (*told, change(4, raised=(Condition.FEE_COMMUNICATED,), fee=EIGHTY))
        record, steps, _ = run(goal_of(*told, policy=policy), record)
        assert [step.command.fee for step in steps if isinstance(step.command, do.ChargeFee)] == [EIGHTY]
        assert [fee.fee_key for fee in record.item("", "").fees] == ["fee", "replacement"]
        said = step_sentence(steps[0], Outcome(), record.item("", ""), "alma")
        assert said == "A replacement fee of 80 EUR was charged."

    def test_a_bill_is_nothing_to_a_patron_who_never_had_it(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_replacement_fee=True))
        told = (borrowed(), change(1, Phase.SHIPPED), change(2, raised=(Condition.LOST,), fee=EIGHTY))
        assert run(goal_of(*told, policy=policy)) == (Record(), [], None)

    def test_closed_as_paid_says_lost_and_paid(self) -> None:
        (stand,) = standings(folded(*RECEIVED, change(2, Phase.COMPLETED, closure=Closure.LOST_PAID)))
        assert stand.lost
        assert stand.has(Condition.FEE_PAID)

    def test_a_check_in_of_what_was_lost_looks_first(self) -> None:
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        record, _, _ = run(goal_of(*shipped))
        told = (change(2, key=LENDER, raised=(Condition.LOST,)), change(3, Phase.RETURNED, key=LENDER))
        record, _, _ = run(goal_of(*shipped, *told[:1]), record)
        _, steps, _ = run(goal_of(*shipped, *told, change(4, Phase.COMPLETED, key=LENDER)), record)
        (check_in,) = [step.command for step in steps if isinstance(step.command, do.CheckIn)]
        assert check_in.was_lost

    def test_returned_by_mistake_then_lost_is_lost(self) -> None:
        """Sent back was taken back: the patron has it, so it was not lost on the way."""
        told = (*RECEIVED, change(2, Phase.RETURNED), change(3, Phase.RECEIVED), change(4, raised=(Condition.LOST,)))
        (stand,) = standings(folded(*told))
        assert (stand.lost, stand.lost_on_the_way_back) == (True, False)
        record, _, _ = run(goal_of(*RECEIVED))
        assert verbs(run(goal_of(*told), record)[1]) == ["mark_lost"]

    def test_a_request_taken_up_again_after_it_was_found_goes_on(self) -> None:
        told = (
            *RECEIVED,
            LOST,
            change(3, Phase.COMPLETED),
            change(4, raised=(Condition.FOUND,)),
            change(5, Phase.RECEIVED),
        )
        record, _, _ = run(goal_of(*RECEIVED))
        assert run(goal_of(*told), record)[2] is None

    def test_lost_with_another_supplier_is_nothing_to_this_one(self) -> None:
        told = (
            borrowed(),
            change(1, Phase.SHIPPED, leg="A"),
            change(2, leg="A", raised=(Condition.LOST,)),
            change(3, Phase.SHIPPED, leg="B"),
        )
        dead, live = standings(folded(*told))
        assert (dead.leg, dead.lost, live.leg, live.lost) == ("A", True, "B", False)

    def test_damage_at_our_patrons_is_billed_while_they_have_it(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_replacement_fee=True))
        record, _, _ = run(goal_of(*RECEIVED, policy=policy))
        told = (change(2, raised=(Condition.DAMAGED, Condition.FEE_COMMUNICATED), fee=EIGHTY),)
        assert verbs(run(goal_of(*RECEIVED, *told, policy=policy), record)[1]) == ["charge_fee"]

    def test_an_in_system_loan_is_shown_where_it_went_astray(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, existing_item=True))
        for told in ((LOST,), (change(2, Phase.COMPLETED, closure=Closure.WITHOUT_RETURN),)):
            assert run(goal_of(*RECEIVED, *told, policy=policy))[1:] == ([], None)
        assert run(goal_of(*RECEIVED, change(2, Phase.CANCELLED), policy=policy))[2] is not None

    def test_a_fee_that_staff_should_take_back_is_the_one_charged(self) -> None:
        fees = (FeeRecord("fee", "1", EIGHTY),)
        gone = Record(items=(ItemRecord("", "", existence=Existence.DELETED, fees=fees),))
        assert next_step(goal_for(folded(*RECEIVED, change(2, Phase.RETURNED)), POLICY), gone, CAN) is None


class TestSentences:
    @pytest.mark.parametrize(
        ("word", "meant", "said"),
        [
            ("REPORT_LOST", (Condition.LOST,), "The service says 'REPORT_LOST'."),
            ("Closed 9", (Condition.LOST,), "The service says 'Closed 9', which means lost."),
            ("Lost", (Condition.LOST,), "The service says 'Lost'."),
        ],
    )
    def test_a_word_that_does_not_say_what_it_means_is_explained(
        self, word: str, meant: tuple[Condition, ...], said: str
    ) -> None:
        assert change_sentence(replace(change(1, raised=meant), word=word), changed=True) == said

    def test_the_bill_and_how_a_loan_was_closed(self) -> None:
        told = replace(change(1, closure=Closure.WITHOUT_RETURN, bill=EIGHTY), word="CompletedWithoutReturn")
        said = (
            "The service says 'CompletedWithoutReturn' (replacement fee 80 EUR), which means closed without the item."
        )
        assert change_sentence(told, changed=True) == said
        paid = replace(change(1, closure=Closure.LOST_PAID, bill=None), word="Z")
        assert (
            change_sentence(paid, changed=True)
            == "The service says 'Z' (no replacement fee), which means lost and paid."
        )
