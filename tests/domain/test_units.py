"""Single parts of the domain: words, marks of time, learning, looking, sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import reduce

import pytest

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.goal import LEAVE
from bridge.domain.identity import Role, mark_for
from bridge.domain.inspection import inspection, review
from bridge.domain.learn import SHOWN, amend, confirm, keep, learn
from bridge.domain.plan import PATRON, StaffTask, Step, StepKey, next_step, volume_key, wished
from bridge.domain.policy import BarcodeFrom, BorrowingPolicy, CreateOn, LendingPolicy, Policy
from bridge.domain.preview import preview, tasks_ahead
from bridge.domain.record import (
    Existence,
    FeeRecord,
    HoldRecord,
    HoldState,
    ItemRecord,
    Learned,
    LoanRecord,
    Outcome,
    OutcomeKind,
    PatronRecord,
    Record,
    SeenLoan,
    Sighting,
    happened,
    told_apart,
)
from bridge.domain.request import fold
from bridge.domain.sentences import change_sentence, plan_sentence, status_of, step_sentence
from bridge.domain.standing import standings
from bridge.domain.words import PLAIN_WORDS, Meaning
from tests.domain.build import (
    BORROWER,
    CAN,
    DUE,
    HOME,
    LATER,
    LENDER,
    OUT,
    POLICY,
    TEMP,
    borrowed,
    change,
    folded,
    goal_of,
    lent,
    run,
    verbs,
    with_item,
)

MARK = mark_for("test", BORROWER, "", "")
TARGET = do.Target(MARK, do.Origin.CREATED, "ILL-1")
FEE = do.Money(Decimal("3.50"), "EUR")


def step(command: do.Command, verb: Verb, *, noted: bool = False, volume: str = "") -> Step:
    return Step(StepKey("", volume, verb, 0), command, noted=noted)


class TestWords:
    def test_case_and_separators_do_not_matter(self) -> None:
        for word in ("Will Supply", "WILL_SUPPLY", "will-supply", "  will  supply "):
            meaning = PLAIN_WORDS.meaning(Role.BORROWER, word)
            assert meaning is not None
            assert meaning.phase is Phase.WILL_SUPPLY

    def test_an_empty_word_says_nothing_and_an_unknown_one_is_unknown(self) -> None:
        assert PLAIN_WORDS.meaning(Role.LENDER, " ") == Meaning()
        assert PLAIN_WORDS.meaning(Role.LENDER, "teleported") is None

    def test_a_word_of_one_role_goes_before_that_of_both(self) -> None:
        table = PLAIN_WORDS.overridden({(Role.LENDER, "shipped"): Meaning(phase=Phase.RECEIVED)})
        lender, borrower = table.meaning(Role.LENDER, "Shipped"), table.meaning(Role.BORROWER, "Shipped")
        assert lender is not None
        assert borrower is not None
        assert (lender.phase, borrower.phase) == (Phase.RECEIVED, Phase.SHIPPED)

    def test_renewed_settles_what_was_open(self) -> None:
        request = folded(
            borrowed(),
            change(1, Phase.RECEIVED, raised=(Condition.RENEWAL_REQUESTED, Condition.OVERDUE)),
            change(2, cleared=(Condition.RENEWAL_REQUESTED, Condition.OVERDUE), due=LATER),
        )
        (stand,) = standings(request)
        assert (stand.conditions, stand.due) == ((), LATER)


class TestFolding:
    def test_a_change_of_another_request_is_refused(self) -> None:
        with pytest.raises(ValueError, match="another request"):
            fold(folded(borrowed()), lent())

    def test_empty_differs_from_unset(self) -> None:
        (stand,) = standings(folded(borrowed(), change(1), change(2, pickup_location=None)))
        assert (stand.patron_id, stand.pickup_location) == ("p1", "")

    def test_conditions_that_end_with_the_loan(self) -> None:
        (stand,) = standings(
            folded(borrowed(), change(1, Phase.RECEIVED, raised=(Condition.RECALLED,)), change(2, Phase.RETURNED))
        )
        assert not stand.has(Condition.RECALLED)

    def test_lost_said_again_after_found_is_lost(self) -> None:
        (stand,) = standings(
            folded(
                borrowed(),
                change(1, raised=(Condition.LOST,)),
                change(2, raised=(Condition.FOUND,)),
                change(3, raised=(Condition.LOST,)),
            )
        )
        assert stand.lost


class TestGoals:
    def test_nothing_is_known_of_the_phase_nothing_is_done(self) -> None:
        for first in (change(0, patron_id="p1"), change(0, key=LENDER, barcode="OWN-1")):
            assert run(goal_of(first))[1] == []

    def test_switched_off_nothing_is_done(self) -> None:
        off = Policy(borrowing=BorrowingPolicy(enabled=False), lending=LendingPolicy(enabled=False))
        assert run(goal_of(borrowed(), change(1, Phase.RECEIVED), policy=off))[1] == []
        assert run(goal_of(lent(), change(1, Phase.SHIPPED, key=LENDER), policy=off))[1] == []

    @pytest.mark.parametrize("when", list(CreateOn))
    def test_the_item_is_made_when_the_policy_says(self, when: CreateOn) -> None:
        policy = Policy(borrowing=BorrowingPolicy(create_on=when))
        changes = [borrowed()]
        for at, phase in enumerate((Phase.SHIPPED, Phase.RECEIVED), start=1):
            made = "create_temporary_item" in verbs(run(goal_of(*changes, policy=policy))[1])
            assert made == (changes[-1].phase is not None and changes[-1].phase.rank >= when.phase.rank)
            changes.append(change(at, phase))

    def test_the_patron_may_be_verified_at_once(self) -> None:
        policy = Policy(borrowing=BorrowingPolicy(verify_patron_on_request=True))
        assert verbs(run(goal_of(borrowed(), policy=policy))[1]) == ["find_patron"]

    def test_without_a_patron_staff_are_asked(self) -> None:
        _, steps, task = run(goal_of(borrowed(patron_id=None), change(1, Phase.RECEIVED)))
        assert steps == []
        assert task is not None
        assert task.instruction.endswith("so no hold can be placed: name it at the service, or with ill-bridge set.")

    def test_without_a_hold_no_patron_is_needed(self) -> None:
        policy = Policy(borrowing=BorrowingPolicy(hold=False))
        _, steps, _ = run(goal_of(borrowed(patron_id=None), change(1, Phase.RECEIVED), policy=policy))
        assert verbs(steps) == ["create_temporary_item"]

    def test_barcodes(self) -> None:
        supplier = Policy(borrowing=BorrowingPolicy(barcode_from=BarcodeFrom.SUPPLIER, barcode_prefix="X-"))
        received = change(1, Phase.RECEIVED, barcode="SUP-1")
        assert goal_of(borrowed(), received, policy=supplier).items[0].barcode == "X-SUP-1"
        typed = change(2, temporary_barcode="T-1")
        assert goal_of(borrowed(), received, typed, policy=supplier).items[0].barcode == "T-1"
        _, _, task = run(goal_of(borrowed(), change(1, Phase.RECEIVED), policy=supplier))
        assert task is not None
        assert "no temporary barcode" in task.instruction

    def test_pickup_locations_are_mapped_or_passed_or_defaulted(self) -> None:
        policy = BorrowingPolicy(pickup_locations={"Main": "MAIN"}, default_pickup_location="DEF")
        for named, code in (("Main", "MAIN"), ("BRANCH", "BRANCH"), (None, "DEF")):
            goal = goal_of(borrowed(pickup_location=named), change(1, Phase.RECEIVED), policy=Policy(borrowing=policy))
            _, steps, _ = run(goal)
            (hold,) = [each.command for each in steps if isinstance(each.command, do.PlaceHold)]
            assert hold.pickup_location == code

    def test_library_use_only_stands_in_a_note(self) -> None:
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED, raised=(Condition.LIBRARY_USE_ONLY,)))
        _, steps, _ = run(goal)
        (made,) = [each.command for each in steps if isinstance(each.command, do.CreateTemporaryItem)]
        assert made.staff_note == "Library use only"

    def test_accounts(self) -> None:
        policy = LendingPolicy(accounts={"XYZ": "ILL-XYZ"}, default_account="ILL")
        assert [policy.account(partner) for partner in ("XYZ", "ABC")] == ["ILL-XYZ", "ILL"]
        assert LendingPolicy().account("ABC") == "ABC"

    @pytest.mark.parametrize(("edits", "why"), [({"barcode": None}, "barcode"), ({"partner": None}, "not named")])
    def test_a_shipment_that_lacks_something_asks_staff(self, edits: dict[str, object], why: str) -> None:
        _, steps, task = run(goal_of(lent(0, **edits), change(1, Phase.SHIPPED, key=LENDER)))
        assert steps == []
        assert task is not None
        assert why in task.instruction

    def test_switched_steps_of_lending(self) -> None:
        policy = Policy(lending=LendingPolicy(check_out_on_shipped=False))
        assert run(goal_of(lent(), change(1, Phase.SHIPPED, key=LENDER), policy=policy))[1] == []
        policy = Policy(lending=LendingPolicy(update_due_date=False, check_in_on_completed=False))
        shipped = change(1, Phase.SHIPPED, key=LENDER, due=DUE)
        record, steps, _ = run(goal_of(lent(), shipped, policy=policy))
        assert isinstance(steps[0].command, do.CheckOut)
        assert steps[0].command.due is None
        completed = change(2, Phase.COMPLETED, key=LENDER)
        assert run(goal_of(lent(), shipped, completed, policy=policy), record)[1] == []

    def test_a_hold_on_an_own_item_is_placed_and_withdrawn(self) -> None:
        policy = Policy(lending=LendingPolicy(hold_on_request=True, pickup_location="RS", default_account="ILL"))
        record, steps, _ = run(goal_of(lent(), policy=policy))
        assert verbs(steps) == ["place_hold"]
        for ended in (Phase.CANCELLED, Phase.UNFILLED):
            _, steps, _ = run(goal_of(lent(), change(1, ended, key=LENDER), policy=policy), record)
            assert verbs(steps) == ["cancel_hold"]
        shipped = change(1, Phase.SHIPPED, key=LENDER)
        record, steps, _ = run(goal_of(lent(), shipped, policy=policy), record)
        assert verbs(steps) == ["check_out"]
        assert record.item("", "").hold is not None
        assert record.item("", "").hold.state is HoldState.SATISFIED  # type: ignore[union-attr]

    def test_without_delete_the_item_stays_and_without_check_in_it_is_left(self) -> None:
        policy = Policy(borrowing=BorrowingPolicy(delete_on_return=False, check_in_on_return=False))
        record, _, _ = run(goal_of(borrowed(), change(1, Phase.RECEIVED), policy=policy))
        _, steps, _ = run(
            goal_of(borrowed(), change(1, Phase.RECEIVED), change(2, Phase.RETURNED), policy=policy), record
        )
        assert verbs(steps) == ["cancel_hold"]

    def test_a_half_made_item_is_cleared(self) -> None:
        record = Record(items=(ItemRecord("", "", origin=do.Origin.CREATED, ids=do.VendorIds("b")),))
        _, steps, _ = run(goal_of(borrowed(), change(1, Phase.CANCELLED)), record)
        assert verbs(steps) == ["delete_temporary_item"]

    def test_lost_before_anything_was_made_needs_nothing(self) -> None:
        assert run(goal_of(lent(), change(1, key=LENDER, raised=(Condition.LOST,))))[1] == []

    def test_a_lost_borrowed_item_is_declared_and_its_fee_charged(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_replacement_fee=True))
        changes = (borrowed(), change(1, Phase.RECEIVED))
        record, _, _ = run(goal_of(*changes, policy=policy))
        lost = change(2, raised=(Condition.LOST,), fee=FEE)
        _, steps, _ = run(goal_of(*changes, lost, policy=policy), record)
        assert verbs(steps) == ["mark_lost", "charge_fee"]


class TestPlans:
    def test_names_of_steps(self) -> None:
        assert str(StepKey("", "", Verb.CHECK_IN, 1)) == "-:-:check_in:1"
        assert str(StepKey("A", "2", Verb.CHECK_IN, 0)) == "A:2:check_in:0"
        assert volume_key(StepKey("", "", Verb.FIND_PATRON, 0)) == PATRON
        assert volume_key(StepKey("A", "2", Verb.CHECK_IN, 0)) == ("A", "2")

    def test_a_failed_step_is_left_out_this_time(self) -> None:
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED))
        assert next_step(goal, Record(), CAN, without=frozenset({PATRON})) is None
        known = Record(patron=PatronRecord("p1", "id"))
        assert next_step(goal, known, CAN, without=frozenset({("", "")})) is None

    def test_staffs_work_stands_back_and_can_be_confirmed(self) -> None:
        can = Capabilities(
            abilities={Verb.PLACE_HOLD: Ability.STAFF, Verb.MARK_LOST: Ability.STAFF, Verb.FIND_PATRON: Ability.STAFF},
            reasons={Verb.MARK_LOST: "No such call."},
        )
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED))
        task = next_step(goal, Record(), can)
        assert isinstance(task, StaffTask)
        assert task.instruction.startswith("Check that the patron may borrow.")
        known = Record(patron=PatronRecord("p1", "id"))
        record, steps, task = run(goal, known, can)
        assert verbs(steps) == ["create_temporary_item"]
        assert task is not None
        assert task.instruction.startswith("Place a hold on item ILL-1")
        assert next_step(goal, replace(record, confirmed=(task.task_id,)), can) is None
        _, _, task = run(
            goal_of(borrowed(), change(1, Phase.RECEIVED), change(2, raised=(Condition.LOST,))), record, can
        )
        assert task is not None
        assert "No such call." in task.instruction

    def test_all_that_staff_can_do_before_the_bridge_goes_on_is_told_at_once(self) -> None:
        by_hand = Capabilities(abilities=dict.fromkeys(Verb, Ability.STAFF))
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED, due=DUE))
        tasks = tasks_ahead(goal, Record(), by_hand)
        assert [task.instruction for task in tasks] == [
            "Check that the patron may borrow.",
            "Make a temporary item with barcode ILL-1, at RS/TEMP.",
            "Place a hold on item ILL-1 for the patron, pickup at MAIN.",
        ]
        record = reduce(confirm, tasks, Record())
        assert tasks_ahead(goal, record, by_hand) == ()
        cancelled = goal_of(borrowed(), change(1, Phase.RECEIVED, due=DUE), change(2, Phase.CANCELLED))
        (decision,) = tasks_ahead(cancelled, record, by_hand)
        assert decision.command is None
        assert preview(goal, Record(), by_hand).sentences == tuple(
            f"Staff would be asked: {task.instruction}" for task in tasks
        )

    def test_what_staff_need_to_know_stands_in_the_task(self) -> None:
        by_hand = Capabilities(abilities=dict.fromkeys(Verb, Ability.STAFF))
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        goal = goal_of(*shipped)
        tasks = tasks_ahead(goal, Record(), by_hand)
        assert [task.wish for task in tasks] == [
            f"Check item OWN-1 out to the borrowing library, account XYZ, due {DUE}.",
            f"Move item OWN-1 to the ILL location {OUT}.",
        ]
        target = do.Target(MARK, do.Origin.OWN, "B")
        assert wished(do.RelabelItem(target, "C")) == "Give temporary item B its new barcode C."
        assert wished(do.RestoreItem(target, OUT, do.Place())) == "Bring item B back to its location."
        assert wished(do.CheckOut(target, "")) == "Check item B out to the borrowing library."
        assert wished(do.PlaceHold(target, "p", "")) == "Place a hold on item B for the patron."
        plain = do.CreateTemporaryItem(target, do.Description())
        assert wished(plain) == "Make a temporary item with barcode B."
        typed = do.CreateTemporaryItem(target, do.Description(), item_type="ILL", material="BOOK")
        assert wished(typed) == "Make a temporary item with barcode B, item type ILL, material BOOK."

    def test_the_order_of_moving_and_lending_follows_the_ils(self) -> None:
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        completed = (*shipped, change(2, Phase.COMPLETED, key=LENDER))
        for first, out, back in (
            (True, ["move_item", "check_out"], ["restore_item", "check_in"]),
            (False, ["check_out", "move_item"], ["check_in", "restore_item"]),
        ):
            can = Capabilities(move_before_check_out=first, restore_before_check_in=first)
            record, steps, _ = run(goal_of(*shipped), can=can)
            assert verbs(steps) == out
            assert verbs(run(goal_of(*completed), record, can)[1]) == back

    def test_without_temporary_locations_nothing_is_moved(self) -> None:
        can = Capabilities(temporary_location=False)
        assert verbs(run(goal_of(lent(), change(1, Phase.SHIPPED, key=LENDER)), can=can)[1]) == ["check_out"]


class TestLearning:
    def test_an_answer_that_says_nothing_still_settles_the_step(self) -> None:
        goal = goal_of(lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
        record = Record()
        for _ in range(10):
            found = next_step(goal, record, CAN)
            if found is None:
                break
            assert isinstance(found, Step)
            record = learn(record, found, Outcome())
        item = record.item("", "")
        assert (item.moved_to, item.before) == (OUT, do.Place())
        assert item.loans == (LoanRecord("", "XYZ", DUE),)
        assert item.due_written == DUE

    def test_what_is_learned_on_the_way_is_kept(self) -> None:
        create = step(do.CreateTemporaryItem(TARGET, do.Description()), Verb.CREATE_TEMPORARY_ITEM)
        record = keep(Record(), create, Learned(ids=do.VendorIds("b"), origin=do.Origin.CREATED))
        record = keep(record, create, Learned(ids=do.VendorIds(holding="h")))
        assert record.item("", "").ids == do.VendorIds("b", "h")
        assert record.item("", "").existence is Existence.NONE
        find = step(do.FindPatron("p1"), Verb.FIND_PATRON)
        assert keep(record, find, Learned(patron=PatronRecord("p1", "id"))).patron == PatronRecord("p1", "id")

    def test_a_patron_the_ils_cannot_look_up_is_taken_as_named(self) -> None:
        find = step(do.FindPatron("p1"), Verb.FIND_PATRON)
        assert learn(Record(), find, Outcome()).patron == PatronRecord("p1", "p1")
        known = Record(patron=PatronRecord("p1", "id"))
        assert learn(known, find, Outcome()).patron == PatronRecord("p1", "id")

    def test_deleted_latches(self) -> None:
        record = Record(items=(ItemRecord("", "", existence=Existence.DELETED),))
        check_in = step(do.CheckIn(TARGET), Verb.CHECK_IN)
        assert keep(record, check_in, Learned(existence=Existence.PRESENT)).item("", "").existence is Existence.DELETED

    def test_a_hold_that_ended_stays_ended_whatever_comes_late(self) -> None:
        ended = HoldRecord("h1", "p1", "MAIN", HoldState.EXPIRED)
        record = Record(items=(ItemRecord("", "", holds=(ended,)),))
        check_in = step(do.CheckIn(TARGET), Verb.CHECK_IN)
        late = keep(record, check_in, Learned(hold=replace(ended, state=HoldState.PLACED)))
        assert late.item("", "").holds == (ended,)
        other = keep(record, check_in, Learned(hold=HoldRecord("h2", "p1", "MAIN")))
        assert [hold.hold_id for hold in other.item("", "").holds] == ["h1", "h2"]

    def test_nothing_waits_any_more(self) -> None:
        record = Record(items=(ItemRecord("", "", holds=(HoldRecord("h1", "p1", "MAIN"),)),))
        learned = keep(record, step(do.CheckIn(TARGET), Verb.CHECK_IN), Learned(checked_in=True, nothing_waits=True))
        assert learned.item("", "").holds[0].state is HoldState.SATISFIED

    def test_a_loan_that_ended_stays_ended(self) -> None:
        record = Record(items=(ItemRecord("", "", loans=(LoanRecord("l1", "a", ended=True),)),))
        out = step(do.CheckOut(TARGET, "a"), Verb.CHECK_OUT)
        assert keep(record, out, Learned(loan=LoanRecord("l1", "a"))).item("", "").open_loan is None

    def test_a_loan_whose_id_is_told_later_is_still_one(self) -> None:
        out = step(do.CheckOut(TARGET, "a"), Verb.CHECK_OUT)
        record = keep(Record(), out, Learned(loan=LoanRecord("", "a", DUE)))
        record = learn(record, out, Outcome(learned=Learned(loan=LoanRecord("l1", "a", DUE))))
        assert record.item("", "").loans == (LoanRecord("l1", "a", DUE),)
        lent_on = Sighting(loans=(SeenLoan("l2", "b", None, ours=False),), loans_seen=True)
        assert amend(record.item("", ""), lent_on).over, (
            "nothing of ours is left of which a patron's loan could be taken for"
        )

    def test_a_fee_is_kept_once(self) -> None:
        charge = step(do.ChargeFee(TARGET, "p1", "fee", FEE), Verb.CHARGE_FEE)
        record = learn(Record(), charge, Outcome(learned=Learned(fee=FeeRecord("fee", "f1", FEE))))
        assert record.item("", "").fees == (FeeRecord("fee", "f1", FEE, told_apart("p1")),)
        assert learn(Record(), charge, Outcome()).item("", "").fees == (FeeRecord("fee", "", FEE, told_apart("p1")),)

    def test_a_hold_without_an_answer_is_placed_as_asked(self) -> None:
        place = step(do.PlaceHold(TARGET, "p1", "MAIN"), Verb.PLACE_HOLD)
        assert learn(Record(), place, Outcome()).item("", "").hold == HoldRecord("", "p1", "MAIN")

    def test_finding_an_item_settles_nothing_else(self) -> None:
        find = step(do.FindItem(TARGET), Verb.FIND_ITEM)
        item = learn(Record(), find, Outcome(learned=Learned(barcode="X"))).item("", "")
        assert (item.barcode, item.count(Verb.FIND_ITEM)) == ("X", 1)

    def test_a_hold_cancelled_is_the_one_named(self) -> None:
        holds = (HoldRecord("h1", "p1", "MAIN", HoldState.EXPIRED), HoldRecord("h2", "p1", "MAIN"))
        record = Record(items=(ItemRecord("", "", holds=holds),))
        cancel = step(do.CancelHold(TARGET, "p1", "h2"), Verb.CANCEL_HOLD)
        states = [hold.state for hold in learn(record, cancel, Outcome()).item("", "").holds]
        assert states == [HoldState.EXPIRED, HoldState.CANCELLED]

    def test_a_delete_takes_its_holds_along(self) -> None:
        record = Record(items=(ItemRecord("", "", holds=(HoldRecord("h1", "p1", "MAIN"),)),))
        delete = step(do.DeleteTemporaryItem(TARGET), Verb.DELETE_TEMPORARY_ITEM)
        item = learn(record, delete, Outcome()).item("", "")
        assert (item.existence, item.holds[0].state) == (Existence.DELETED, HoldState.CANCELLED)


class TestSeeing:
    def test_a_check_in_that_was_cut_off_and_took_effect(self) -> None:
        record, _, _ = run(goal_of(lent(), change(1, Phase.SHIPPED, key=LENDER)))
        item = amend(record.item("", ""), Sighting(item_present=True, loans_seen=True), Verb.CHECK_IN)
        assert item.checked_in
        assert item.open_loan is None

    def test_a_hold_that_was_being_cancelled_and_is_gone_was_not_filled(self) -> None:
        """So that another may be placed, say for another patron."""
        item = ItemRecord("", "", holds=(HoldRecord("h1", "p1", "MAIN"),))
        gone = Sighting(item_present=True, hold_seen=True)
        assert [amend(item, gone, verb).holds[0].state for verb in (Verb.CANCEL_HOLD, None)] == [
            HoldState.CANCELLED,
            HoldState.SATISFIED,
        ]

    def test_an_item_that_was_being_brought_back_and_is_home_was_brought_back(self) -> None:
        item = ItemRecord("", "", moved_to=OUT, before=HOME)
        home = Sighting(item_present=True, place=HOME)
        assert amend(item, home, Verb.RESTORE_ITEM).restored
        assert not amend(item, home).restored
        assert not amend(item, replace(home, temporary_place=OUT), Verb.RESTORE_ITEM).restored
        assert not amend(item, Sighting(item_present=True), Verb.RESTORE_ITEM).restored

    def test_a_move_that_was_cut_off_is_known_by_where_the_item_is(self) -> None:
        """Also where it was is known already, since that is kept before an ILS with one location is told to move."""
        away = Sighting(item_present=True, place=HOME, temporary_place=OUT)
        for item in (ItemRecord("", ""), ItemRecord("", "", before=HOME)):
            seen = amend(item, away, Verb.MOVE_ITEM)
            assert (seen.before, seen.moved_to) == (HOME, OUT)
        assert amend(ItemRecord("", ""), replace(away, place=None)).moved_to is None
        moved = ItemRecord("", "", before=HOME, moved_to=HOME)
        assert amend(moved, away) == moved

    def test_whether_a_step_was_taken_is_told_only_where_it_shows(self) -> None:
        before = ItemRecord("", "")
        hold, loan, fee = HoldRecord("h1", "p1", "MAIN"), LoanRecord("l1", "a"), FeeRecord("fee", "f1", FEE)
        shows = {
            Verb.CREATE_TEMPORARY_ITEM: replace(before, existence=Existence.PRESENT),
            Verb.PLACE_HOLD: replace(before, holds=(hold,)),
            Verb.CANCEL_HOLD: replace(before, holds=(replace(hold, state=HoldState.CANCELLED),)),
            Verb.CHECK_OUT: replace(before, loans=(loan,)),
            Verb.CHECK_IN: replace(before, loans=(replace(loan, ended=True),)),
            Verb.MOVE_ITEM: replace(before, moved_to=OUT),
            Verb.RESTORE_ITEM: replace(before, restored=True),
            Verb.DELETE_TEMPORARY_ITEM: replace(before, existence=Existence.DELETED),
            Verb.CHARGE_FEE: replace(before, fees=(fee,)),
            Verb.RELABEL_ITEM: replace(before, barcode="NEW-1"),
        }
        for verb in Verb:
            assert happened(before, shows.get(verb, before), verb) == (verb in shows)
            assert not happened(before, before, verb)
        assert set(shows) == SHOWN

    def test_an_item_that_is_gone_was_deleted(self) -> None:
        item = ItemRecord("", "", existence=Existence.PRESENT)
        assert amend(item, Sighting(item_present=False)).existence is Existence.DELETED
        assert amend(item, Sighting(item_present=None)).existence is Existence.PRESENT

    def test_an_item_made_before_the_crash_is_found(self) -> None:
        seen = Sighting(item_present=True, marked=True, barcode="ILL-1", ids=do.VendorIds("b", "h", "i"))
        item = amend(ItemRecord("", ""), seen)
        assert (item.existence, item.origin, item.barcode) == (Existence.PRESENT, do.Origin.CREATED, "ILL-1")
        own = amend(ItemRecord("", "", origin=do.Origin.OWN), seen)
        assert own.existence is Existence.NONE

    def test_a_hold_seen_is_taken_over(self) -> None:
        hold = HoldRecord("h1", "p1", "MAIN")
        assert amend(ItemRecord("", ""), Sighting(hold=hold, hold_seen=True)).hold == hold

    def test_a_loan_of_ours_is_taken_over_and_another_not(self) -> None:
        loans = (SeenLoan("l1", "a", DUE, ours=True), SeenLoan("l2", "b", None, ours=False))
        item = amend(ItemRecord("", ""), Sighting(loans=loans, loans_seen=True))
        assert item.loans == (LoanRecord("l1", "a", DUE),)

    def test_a_loan_without_id_stands_while_something_is_on_loan(self) -> None:
        item = ItemRecord("", "", loans=(LoanRecord("", "a"),))
        seen = Sighting(loans=(SeenLoan("l1", "b", None, ours=False),), loans_seen=True)
        assert amend(item, seen).open_loan is not None
        assert amend(item, Sighting(loans_seen=True)).open_loan is None
        ours = Sighting(loans=(SeenLoan("l2", "a", DUE, ours=True),), loans_seen=True)
        assert amend(item, ours).loans == (LoanRecord("l2", "a", DUE),), "a look names it"

    def test_a_move_that_was_cut_off_is_found(self) -> None:
        item = amend(ItemRecord("", ""), Sighting(place=HOME, temporary_place=OUT))
        assert (item.before, item.moved_to) == (HOME, OUT)
        assert amend(ItemRecord("", ""), Sighting(place=HOME)).moved_to is None

    def test_fees_seen_are_kept(self) -> None:
        assert amend(ItemRecord("", ""), Sighting(fees=(FeeRecord("fee", "f1", FEE),))).fees


class TestLooking:
    def test_what_a_command_may_have_done_is_looked_for(self) -> None:
        item = ItemRecord(
            "", "", barcode="B", place=TEMP, holds=(HoldRecord("h1", "p1", "MAIN"),), loans=(LoanRecord("l1", "a"),)
        )
        asked = inspection(MARK, item, Record(patron=PatronRecord("p", "id")), do.CheckIn(TARGET))
        assert (asked.patron_id, asked.hold_id, asked.account, asked.loan_ids) == ("id", "h1", "a", ("l1",))
        assert (asked.target.barcode, asked.target.place) == ("B", TEMP)
        waits = replace(item, holds=(HoldRecord("", "ILL-XYZ", "MAIN"),))
        lending = inspection(MARK, waits, Record(), do.CheckOut(TARGET, "ILL-XYZ"))
        assert lending.patron_id == "ILL-XYZ", (
            "else an ILS without numbers of holds would not find ours, and call it filled"
        )
        fee = inspection(MARK, ItemRecord("", ""), Record(), do.ChargeFee(TARGET, "p9", "fee", FEE))
        assert (fee.patron_id, fee.fee_keys, fee.account) == ("p9", ("fee",), "")
        patron = inspection(MARK, ItemRecord("", ""), Record(), do.FindPatron("p1"))
        assert patron.target.mark == MARK

    def test_a_resync_looks_at_everything_the_goal_is_about(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_fee=True))
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED, fee=FEE), policy=policy)
        asked = review(goal.items[0], ItemRecord("", ""), Record(), Role.BORROWER)
        assert (asked.patron_id, asked.fee_keys, asked.target.origin) == ("p1", ("fee",), do.Origin.CREATED)
        known = review(goal.items[0], ItemRecord("", ""), Record(patron=PatronRecord("p1", "id")), Role.BORROWER)
        assert known.patron_id == "id"
        lending = goal_of(lent(), change(1, Phase.SHIPPED, key=LENDER))
        asked = review(lending.items[0], ItemRecord("", ""), Record(), Role.LENDER)
        assert (asked.account, asked.target.origin, asked.target.barcode) == ("XYZ", do.Origin.OWN, "OWN-1")
        held = ItemRecord("", "", holds=(HoldRecord("h1", "XYZ", "MAIN"),))
        asked = review(lending.items[0], held, Record(), Role.LENDER)
        assert (asked.patron_id, asked.hold_id) == ("XYZ", "h1"), "whoever a hold was placed for that is wanted no more"


class TestSentences:
    def test_what_the_service_said(self) -> None:
        said = change_sentence(
            change(1, Phase.SHIPPED, leg="A", volume="2", due=DUE, patron_id="p1", barcode=None, fee=FEE), changed=True
        )
        assert said == (
            "The service says 'shipped' for volume 2 at supplier A (patron named, no item barcode, due date 2027-01-15, "
            "fee 3.50 EUR)."
        )
        assert "nothing changed" in change_sentence(change(1, Phase.SHIPPED), changed=False)
        assert "notification" in change_sentence(change(1, notification=True), changed=False)
        assert "something new (patron removed, no fee)" in change_sentence(
            change(1, patron_id=None, fee=None), changed=True
        )

    def test_a_step_the_ils_cannot_take_is_told_so(self) -> None:
        told = step_sentence(
            step(do.MarkLost(TARGET), Verb.MARK_LOST, noted=True), Outcome(), ItemRecord("", ""), "alma"
        )
        assert told == "alma cannot be told that item ILL-1 is lost."

    def test_already_done_is_told_so(self) -> None:
        told = step_sentence(
            step(do.CheckIn(TARGET), Verb.CHECK_IN), Outcome(OutcomeKind.ALREADY), ItemRecord("", ""), "alma"
        )
        assert told == "Item ILL-1 needed no check-in."

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            (OutcomeKind.DONE, f"The due date of item ILL-1 was set to {LATER}."),
            (OutcomeKind.ALREADY, f"The due date of item ILL-1 was left as it is; it was to be {DUE}."),
        ],
    )
    def test_a_date_that_could_not_be_set_is_told_as_it_was_wanted(self, kind: OutcomeKind, said: str) -> None:
        dating = step(do.SetDueDate(TARGET, DUE), Verb.SET_DUE_DATE)
        assert step_sentence(dating, Outcome(kind, Learned(stands=LATER)), ItemRecord("", ""), "koha") == said

    def test_plans_name_their_volume(self) -> None:
        assert (
            plan_sentence(step(do.CheckIn(TARGET), Verb.CHECK_IN, volume="2"))
            == "Would check item ILL-1 in (volume 2)."
        )
        assert plan_sentence(step(do.FindPatron("p1"), Verb.FIND_PATRON)) == "Would look the patron up."

    def test_statuses(self) -> None:
        def told(*more: object) -> str:
            return status_of(standings(folded(borrowed(), *more)))  # type: ignore[arg-type]

        assert told() == "requested"
        assert told(change(1, Phase.RECEIVED, raised=(Condition.OVERDUE,))) == "received (overdue)"
        assert (
            told(change(1, Phase.RECEIVED, volume="1"), change(2, Phase.RETURNED, volume="2")) == "received / returned"
        )
        assert status_of(standings(folded(change(0)))) == "unknown"

    def test_places(self) -> None:
        assert str(do.Place("RS", "", "D")) == "RS/D"
        assert str(do.Place()) == "nowhere"


def test_a_fee_is_left_alone_where_it_is_not_wanted() -> None:
    assert goal_of(borrowed(), change(1, Phase.RECEIVED, fee=FEE)).items[0].fee is LEAVE


def test_closure_of_a_cancelled_request_is_its_end() -> None:
    goal = goal_of(borrowed(), change(1, Phase.CANCELLED, closure=Closure.CANCELLED))
    assert goal.ended


def test_a_record_keeps_items_apart() -> None:
    record = Record().with_item(ItemRecord("", "2")).with_item(ItemRecord("", "1", barcode="B"))
    assert [item.volume for item in record.items] == ["1", "2"]
    assert with_item(Record(items=(record.item("", "1"),)), barcode="C").item("", "1").barcode == "C"
    assert date(2027, 1, 15) == DUE
