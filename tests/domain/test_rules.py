"""The rules of the design, each by its number (docs/explanation/architecture.md)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.entrusted import entrust
from bridge.domain.goal import ABSENT, LEAVE, LoanWish, goal_for
from bridge.domain.identity import RequestKey, Role, ServiceType, mark_for
from bridge.domain.learn import amend, confirm, learn
from bridge.domain.plan import PATRON, StaffTask, Step, StepKey, next_step
from bridge.domain.policy import BorrowingPolicy, CreateOn, Policy
from bridge.domain.record import (
    Existence,
    HoldRecord,
    HoldState,
    ItemRecord,
    Learned,
    Outcome,
    OutcomeKind,
    Record,
    SeenLoan,
    Sighting,
)
from bridge.domain.request import Request, fold
from bridge.domain.sentences import step_sentence
from bridge.domain.standing import standings
from tests.domain.build import (
    BORROWER,
    CAN,
    DUE,
    HOME,
    LATER,
    LENDER,
    OUT,
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

RECEIVED = (borrowed(), change(1, Phase.RECEIVED))
SHIPPED = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
FEE = do.Money(Decimal("3.50"), "EUR")


class TestRule1OutcomesLatch:
    @pytest.mark.parametrize("state", [HoldState.SATISFIED, HoldState.EXPIRED, HoldState.CANCELLED_BY_PATRON])
    def test_a_hold_that_ended_is_not_placed_again(self, state: HoldState) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        hold = record.item("", "").hold
        assert hold is not None
        ended = with_item(record, holds=(replace(hold, state=state),))
        assert next_step(goal_of(*RECEIVED, change(2, pickup_location="BRANCH")), ended, CAN) is None

    def test_a_hold_no_longer_seen_is_satisfied(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        item = amend(record.item("", ""), Sighting(item_present=True, hold_seen=True))
        assert item.hold is not None
        assert item.hold.state is HoldState.SATISFIED

    def test_a_fee_once_charged_is_charged_whatever_is_seen(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_fee=True))
        goal = goal_of(*RECEIVED, change(2, fee=FEE), policy=policy)
        record, steps, _ = run(goal)
        assert verbs(steps).count("charge_fee") == 1
        seen = amend(record.item("", ""), Sighting(item_present=True, fees=()))
        assert next_step(goal, record.with_item(seen), CAN) is None

    def test_a_deleted_item_is_not_made_again_by_late_news(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        record, _, _ = run(goal_of(*RECEIVED, change(2, Phase.RETURNED)), record)
        assert record.item("", "").existence is Existence.DELETED
        found = next_step(goal_of(*RECEIVED), record, CAN)
        assert isinstance(found, StaffTask)
        assert "not made again by itself" in found.instruction

    def test_a_loan_that_ended_at_the_desk_is_not_made_again(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        ended = amend(record.item("", ""), Sighting(item_present=True, loans_seen=True))
        assert next_step(goal_of(*SHIPPED), record.with_item(ended), CAN) is None


class TestRule2LookBeforeYouTouch:
    def test_a_check_in_names_the_loan_that_must_be_ours(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        goal = goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER))
        _, steps, _ = run(goal, record)
        (check_in,) = [step.command for step in steps if isinstance(step.command, do.CheckIn)]
        assert (check_in.loan_ids, check_in.account) == (("loan-0",), "XYZ")

    def test_a_location_is_restored_only_from_where_we_put_it(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        _, steps, _ = run(goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER)), record)
        (restore,) = [step.command for step in steps if isinstance(step.command, do.RestoreItem)]
        assert (restore.moved_to, restore.before) == (OUT, HOME)

    def test_what_was_never_moved_is_not_restored(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        unmoved = with_item(record, moved_to=None)
        _, steps, _ = run(goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER)), unmoved)
        assert "restore_item" not in verbs(steps)

    def test_a_delete_says_mark_barcode_and_place(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        _, steps, _ = run(goal_of(*RECEIVED, change(2, Phase.RETURNED)), record)
        (delete,) = [step.command for step in steps if isinstance(step.command, do.DeleteTemporaryItem)]
        target = delete.target
        assert target.mark == mark_for("test", BORROWER, "", "")
        assert (target.barcode, target.place, target.ids.item) == ("ILL-1", POLICY.borrowing.place, "i1")

    def test_an_own_item_already_checked_in_is_not_scanned(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        ended = amend(record.item("", ""), Sighting(item_present=True, loans_seen=True))
        _, steps, _ = run(goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER)), record.with_item(ended))
        assert "check_in" not in verbs(steps)


class TestRule3MarkAndOrigin:
    def test_a_mark_differs_by_every_part(self) -> None:
        others = {
            mark_for("test", BORROWER, "", ""),
            mark_for("other", BORROWER, "", ""),
            mark_for("test", LENDER, "", ""),
            mark_for("test", replace(BORROWER, library="branch"), "", ""),
            mark_for("test", replace(BORROWER, service="s"), "", ""),
            mark_for("test", replace(BORROWER, requester="x"), "", ""),
            mark_for("test", replace(BORROWER, number="2"), "", ""),
            mark_for("test", BORROWER, "leg", ""),
            mark_for("test", BORROWER, "", "vol"),
        }
        assert len({mark.code for mark in others}) == 9
        assert all(len(mark.code) == 21 and mark.text.startswith(mark.code) for mark in others)

    def test_a_mark_is_the_same_each_time(self) -> None:
        assert mark_for("test", BORROWER, "a", "b") == mark_for("test", BORROWER, "a", "b")

    def test_adopted_items_are_deleted_by_staff_only(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        adopted = with_item(record, origin=do.Origin.ADOPTED)
        record, steps, task = run(goal_of(*RECEIVED, change(2, Phase.RETURNED)), adopted)
        assert verbs(steps) == ["check_in", "cancel_hold"]
        assert task is not None
        assert "made by staff" in task.instruction
        confirmed = replace(record, confirmed=(task.task_id,))
        assert next_step(goal_of(*RECEIVED, change(2, Phase.RETURNED)), confirmed, CAN) is None

    def test_own_items_are_never_deleted(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        assert record.item("", "").origin is do.Origin.OWN
        _, steps, _ = run(goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER)), record)
        assert set(verbs(steps)) == {"restore_item", "check_in"}

    def test_an_item_without_our_mark_is_not_taken_for_ours(self) -> None:
        record, _, _ = run(goal_of(borrowed()))
        item = amend(record.item("", ""), Sighting(item_present=True, marked=False, barcode="ILL-1"))
        assert item.existence is Existence.NONE


class TestRule4MoreThanOneStatus:
    def test_received_sent_again_with_a_renewal_refused_is_the_same_phase(self) -> None:
        (stand,) = standings(folded(*RECEIVED, change(2, Phase.RECEIVED, raised=(Condition.RENEWAL_REFUSED,))))
        assert (stand.phase, stand.conditions) == (Phase.RECEIVED, (Condition.RENEWAL_REFUSED,))

    def test_another_patron_means_another_hold(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        _, steps, _ = run(goal_of(*RECEIVED, change(2, patron_id="p2")), record)
        assert verbs(steps) == ["find_patron", "cancel_hold", "place_hold"]

    def test_another_pickup_location_means_another_hold(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        _, steps, _ = run(goal_of(*RECEIVED, change(2, pickup_location="BRANCH")), record)
        assert verbs(steps) == ["cancel_hold", "place_hold"]

    def test_another_barcode_means_a_new_label(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        record, steps, _ = run(goal_of(*RECEIVED, change(2, temporary_barcode="T-9")), record)
        assert verbs(steps) == ["relabel_item"]

    @pytest.mark.parametrize(("item_id", "then"), [("T-1", "T-9"), ("i1", "i1")])
    def test_staffs_word_is_taken_for_a_new_label_too(self, item_id: str, then: str) -> None:
        """Else it would be looked for, and taken for gone, under the old one; in some ILSs the barcode is the item's id."""
        target = do.Target(goal_of(*RECEIVED).items[0].mark, do.Origin.CREATED, "T-1", do.VendorIds(item=item_id))
        record = Record(items=(ItemRecord(leg="", volume="", barcode="T-1", ids=target.ids),))
        key = StepKey("", "", do.Verb.RELABEL_ITEM, 0)
        item = confirm(record, StaffTask(key, str(key), "", do.RelabelItem(target, "T-9"))).item("", "")
        assert (item.barcode, item.wished_barcode, item.ids.item) == ("T-9", "T-9", then)

    def test_a_due_date_that_comes_after_the_word_is_brought(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        _, steps, _ = run(goal_of(*RECEIVED, change(2, due=DUE)), record)
        (step,) = steps
        assert step.command == do.SetDueDate(step.command.target, DUE)  # type: ignore[union-attr]

    def test_the_due_dates_history_is_kept(self) -> None:
        node = folded(*RECEIVED, change(2, due=DUE), change(3, due=LATER)).node("", "")
        assert node is not None
        assert [each.value for each in node.facts.dues] == [DUE, LATER]

    def test_a_hold_whose_cancellation_was_cut_off_makes_way_for_the_next_one(self) -> None:
        """The patron was changed, our cancellation was done, and then the bridge was killed."""
        record, _, _ = run(goal_of(*RECEIVED))
        item = amend(record.item("", ""), Sighting(item_present=True, hold_seen=True), Verb.CANCEL_HOLD)
        record, steps, _ = run(goal_of(*RECEIVED, change(2, patron_id="p2")), record.with_item(item))
        assert verbs(steps) == ["find_patron", "place_hold"]
        assert [hold.state for hold in record.items[0].holds] == [HoldState.CANCELLED, HoldState.PLACED]

    def test_what_the_desk_was_first_with_is_told_as_it_is(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED, policy=replace(POLICY, borrowing=replace(POLICY.borrowing, hold=False))))
        goal = goal_of(*RECEIVED)
        step = next_step(goal, record, CAN)
        assert isinstance(step, Step)
        met = HoldRecord("", "id-p1", "MAIN", HoldState.SATISFIED)
        outcome = Outcome(OutcomeKind.ALREADY, Learned(hold=met))
        record = learn(record, step, outcome)
        assert step_sentence(step, outcome, record.items[0], "ILS") == "Item ILL-1 needed no hold."
        assert next_step(goal, record, CAN) is None

    def test_a_hold_for_an_item_that_is_gone_leaves_nothing_to_withdraw(self) -> None:
        goal = replace(goal_of(*RECEIVED), items=(replace(goal_of(*RECEIVED).items[0], hold=LEAVE),))
        record, _, _ = run(goal)
        step = next_step(goal_of(*RECEIVED), record, CAN)
        assert isinstance(step, Step)
        record = learn(record, step, Outcome(OutcomeKind.ALREADY, Learned(existence=Existence.DELETED)))
        assert record.items[0].holds == ()
        _, steps, task = run(goal_of(*RECEIVED), record)
        assert steps == []
        assert task is not None
        assert "is not made again by itself" in task.instruction
        assert run(goal_of(*RECEIVED, change(3, Phase.RETURNED)), record)[1:] == ([], None)


class TestRule5Legs:
    FIRST = change(1, Phase.SHIPPED, leg="A", due=DUE, barcode="A-1")
    REFUSED = change(2, Phase.UNFILLED, leg="A")
    SECOND = change(3, Phase.SHIPPED, leg="B", due=LATER, barcode="B-1")

    def test_the_leg_opened_last_lives(self) -> None:
        stands = standings(folded(borrowed(), self.FIRST, self.SECOND))
        assert [(stand.leg, stand.dead, stand.due) for stand in stands] == [("A", True, DUE), ("B", False, LATER)]

    def test_a_refused_leg_gives_way_even_to_an_older_one(self) -> None:
        stands = standings(folded(borrowed(), self.FIRST, self.SECOND, change(4, Phase.UNFILLED, leg="B")))
        assert stands[-1].leg == "A"

    def test_late_news_of_a_dead_leg_changes_nothing_of_the_live_one(self) -> None:
        request = folded(borrowed(), self.FIRST, self.REFUSED, self.SECOND)
        later = fold(request, change(9, Phase.SHIPPED, leg="A", due=DUE))
        alive = [stand for stand in standings(request) if not stand.dead]
        assert [stand for stand in standings(later) if not stand.dead] == alive

    def test_what_was_made_for_a_dead_leg_is_cleared(self) -> None:
        record, _, _ = run(goal_of(borrowed(), change(1, Phase.RECEIVED, leg="A")))
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED, leg="A"), change(5, Phase.RECEIVED, leg="B"))
        record, steps, _ = run(goal, record)
        assert [str(step.key) for step in steps] == [
            "A:-:cancel_hold:0",
            "A:-:delete_temporary_item:0",
            "B:-:create_temporary_item:0",
            "B:-:place_hold:0",
        ]

    def test_what_was_made_before_a_supplier_was_named_gives_way_to_the_suppliers_own(self) -> None:
        early = replace(POLICY, borrowing=replace(POLICY.borrowing, create_on=CreateOn.REQUESTED))
        record, _, _ = run(goal_of(borrowed(), policy=early))
        goal = goal_of(borrowed(), change(1, Phase.WILL_SUPPLY, leg="A"), policy=early)
        record, steps, task = run(goal, record)
        assert task is None
        assert [str(step.key) for step in steps] == [
            "-:-:cancel_hold:0",
            "-:-:delete_temporary_item:0",
            "A:-:create_temporary_item:0",
            "A:-:place_hold:0",
        ]

    def test_what_had_moved_before_a_supplier_was_named_is_left_to_staff(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        _, _, task = run(goal_of(*RECEIVED, change(2, Phase.RECEIVED, leg="A")), record)
        assert task is not None
        assert "before the service named the suppliers" in task.instruction

    def test_news_of_the_whole_request_before_a_leg_was_opened_is_not_its_own(self) -> None:
        (stand,) = standings(folded(borrowed(), change(1, Phase.CANCELLED), change(3, Phase.SHIPPED, leg="B", due=DUE)))
        assert stand.phase is Phase.SHIPPED
        (stand,) = standings(
            folded(
                borrowed(), change(3, Phase.SHIPPED, leg="B"), change(4, Phase.RECEIVED, raised=(Condition.OVERDUE,))
            )
        )
        assert (stand.phase, stand.conditions) == (Phase.RECEIVED, (Condition.OVERDUE,))

    def test_a_dead_lending_leg_only_loses_its_hold(self) -> None:
        goal = goal_of(
            lent(), change(1, Phase.WILL_SUPPLY, key=LENDER, leg="A"), change(2, Phase.SHIPPED, key=LENDER, leg="B")
        )
        assert goal.items[0].hold is ABSENT
        assert not isinstance(goal.items[0].loan, LoanWish)


class TestRule6CompletedIsNotReturned:
    def test_completed_without_a_return_asks_staff(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        completed = replace(change(2, Phase.COMPLETED), closure=None)
        _, steps, task = run(goal_of(*RECEIVED, completed), record)
        assert steps == []
        assert task is not None
        assert "not that the item went back" in task.instruction

    def test_completed_after_a_return_cleans_up(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        completed = replace(change(3, Phase.COMPLETED), closure=None)
        goal = goal_of(*RECEIVED, change(2, Phase.RETURNED), completed)
        _, steps, _ = run(goal, record)
        assert verbs(steps)[-1] == "delete_temporary_item"
        assert goal.ended

    def test_a_lenders_completion_is_enough_for_a_lender(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        completed = replace(change(2, Phase.COMPLETED, key=LENDER), closure=None)
        _, steps, _ = run(goal_of(*SHIPPED, completed), record)
        assert "check_in" in verbs(steps)

    @pytest.mark.parametrize("closure", [Closure.WITHOUT_RETURN, Closure.LOST_PAID])
    def test_closed_without_the_item_asks_staff(self, closure: Closure) -> None:
        _, steps, task = run(goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER, closure=closure)))
        assert steps == []
        assert task is not None

    def test_a_phase_taken_back_is_shown(self) -> None:
        _, _, task = run(goal_of(*RECEIVED, change(2, Phase.REQUESTED)))
        assert task is not None
        assert "took the request back from 'received' to 'requested'" in task.instruction


class TestRule8ParkedIsAboutAGoal:
    def test_equal_goals_have_equal_fingerprints_and_others_differ(self) -> None:
        assert goal_of(*RECEIVED).fingerprint == goal_of(*RECEIVED, change(9)).fingerprint
        assert goal_of(*RECEIVED).fingerprint != goal_of(*RECEIVED, change(2, Phase.RETURNED)).fingerprint


class TestRule9Volumes:
    TWO = (borrowed(), change(1, Phase.RECEIVED, volume="1"), change(2, Phase.RECEIVED, volume="2"))

    def test_a_record_each(self) -> None:
        record, _, _ = run(goal_of(*self.TWO))
        assert [(item.volume, item.barcode) for item in record.items] == [("1", "ILL-1-1"), ("2", "ILL-1-2")]

    def test_the_patron_is_verified_for_the_first_volume_that_needs_it(self) -> None:
        goal = goal_of(borrowed(), change(1, Phase.RECEIVED, volume="1"), change(2, volume="2", barcode="B2"))
        assert verbs(run(goal)[1])[0] == "find_patron"

    def test_a_patron_told_with_one_volume_is_the_requests(self) -> None:
        stands = standings(
            folded(change(0, volume="1", patron_id="p1"), change(1, volume="2"), change(2, volume="2", leg="A"))
        )
        assert {stand.patron_id for stand in stands} == {"p1"}

    def test_request_level_news_checks_in_no_volume_nobody_named(self) -> None:
        record, _, _ = run(goal_of(*self.TWO))
        _, steps, task = run(goal_of(*self.TWO, change(3, Phase.RETURNED)), record)
        assert steps == []
        assert task is not None
        assert "nobody said that this volume" in task.instruction

    def test_a_volume_that_was_named_is_cleared_and_the_other_stays(self) -> None:
        record, _, _ = run(goal_of(*self.TWO))
        _, steps, _ = run(goal_of(*self.TWO, change(3, Phase.RETURNED, volume="1")), record)
        assert {step.key.volume for step in steps} == {"1"}

    def test_volumes_named_late_leave_the_item_made_before_to_staff(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        goal = goal_of(*RECEIVED, change(2, Phase.RECEIVED, volume="1"), change(3, Phase.RECEIVED, volume="2"))
        record, steps, task = run(goal, record)
        assert {step.key.volume for step in steps} == {"1", "2"}
        assert task is not None
        assert "before the service named the volumes" in task.instruction
        assert next_step(goal, replace(record, confirmed=(task.task_id,)), CAN) is None


class TestRule11Dates:
    def test_a_loan_that_is_found_with_its_date_is_not_dated_again(self) -> None:
        """As where the answer to the check-out was lost, and the loan was then seen in the ILS."""
        record, _, _ = run(goal_of(*SHIPPED))
        unheard = replace(record.item("", ""), loans=(), due_written=None)
        for due, verb in ((DUE, None), (LATER, Verb.SET_DUE_DATE)):
            sighting = Sighting(item_present=True, loans=(SeenLoan("loan-9", "XYZ", due, ours=True),), loans_seen=True)
            found = amend(unheard, sighting, Verb.CHECK_OUT)
            step = next_step(goal_of(*SHIPPED), record.with_item(found), CAN)
            assert (step.key.verb if isinstance(step, Step) else None) is verb

    def test_a_patrons_due_date_is_never_shortened(self) -> None:
        goal = goal_of(*RECEIVED, change(2, due=DUE))
        (item,) = goal.items
        assert isinstance(item.loan, LoanWish)
        assert not item.loan.may_shorten

    def test_a_margin_is_kept(self) -> None:
        policy = Policy(borrowing=BorrowingPolicy(due_margin_days=3))
        (item,) = goal_of(*RECEIVED, change(2, due=DUE), policy=policy).items
        assert isinstance(item.loan, LoanWish)
        assert str(item.loan.due) == "2027-01-12"

    def test_a_partners_loan_follows_the_requests_date(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        _, steps, _ = run(goal_of(*SHIPPED, change(2, key=LENDER, due=LATER)), record)
        (step,) = steps
        command = step.command
        assert isinstance(command, do.SetDueDate)
        assert (command.due, command.loan_id, command.account) == (LATER, "loan-0", "XYZ")
        assert (command.before, command.is_earlier) == (DUE, False)

    def test_a_partners_date_that_comes_forward_says_so_for_renewals_only_make_loans_longer(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED, change(2, key=LENDER, due=LATER)))
        _, (step,), _ = run(goal_of(*SHIPPED, change(2, key=LENDER, due=LATER), change(3, key=LENDER, due=DUE)), record)
        assert isinstance(step.command, do.SetDueDate)
        assert (step.command.due, step.command.is_earlier) == (DUE, True)


class TestRule7PhysicallyMoved:
    """Completed by a later release; its types and first consequences are here."""

    @pytest.mark.parametrize("word", [Phase.CANCELLED, Phase.UNFILLED])
    def test_moved_things_are_not_undone_by_a_word(self, word: Phase) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        _, steps, task = run(goal_of(*RECEIVED, change(2, word)), record)
        assert steps == []
        assert task is not None
        assert "only staff can see" in task.instruction

    @pytest.mark.parametrize("word", [Phase.CANCELLED, Phase.UNFILLED])
    @pytest.mark.parametrize("condition", [(), (Condition.VANISHED,)])
    def test_what_was_put_right_before_is_no_question(self, word: Phase, condition: tuple[Condition, ...]) -> None:
        borrowed_back = (*RECEIVED, change(2, Phase.RETURNED))
        lent_back = (*SHIPPED, change(2, Phase.COMPLETED, key=LENDER))
        for told, key in ((borrowed_back, BORROWER), (lent_back, LENDER)):
            record, _, _ = run(goal_of(*told[:-1]))
            record, _, _ = run(goal_of(*told), record)
            assert record.items[0].put_right
            late = goal_of(*told, change(3, word, key=key, raised=condition))
            assert run(late, record)[1:] == ([], None)

    def test_what_was_not_put_right_is_asked_about(self) -> None:
        record, _, _ = run(goal_of(*RECEIVED))
        late = goal_of(*RECEIVED, change(2, Phase.RETURNED), change(3, Phase.CANCELLED))
        for left in (record, with_item(record, checked_in=True)):
            assert run(late, left)[2] is not None, "the temporary item is there"
        record, _, _ = run(goal_of(*SHIPPED))
        late = goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER), change(3, Phase.CANCELLED, key=LENDER))
        for left in (record, with_item(record, checked_in=True)):
            assert run(late, left)[2] is not None, "it is in the ILL location"

    def test_closed_without_having_been_shipped_is_asked_of_what_there_is(self) -> None:
        """OCLC's plain 'Closed' does not say after what."""
        closed = (borrowed(), replace(change(1, Phase.COMPLETED), closure=None))
        assert run(goal_of(*closed)) == (Record(), [], None)
        early = replace(POLICY, borrowing=replace(POLICY.borrowing, create_on=CreateOn.REQUESTED))
        record, _, _ = run(goal_of(borrowed(), policy=early))
        _, steps, task = run(goal_of(*closed, policy=early), record)
        assert steps == []
        assert task is not None
        assert "not that the item went back" in task.instruction
        by_hand = Capabilities(abilities=dict.fromkeys(Verb, Ability.STAFF))
        asked = next_step(goal_of(borrowed(), policy=early), Record(patron=record.patron), by_hand)
        assert isinstance(asked, StaffTask)
        task = run(goal_of(*closed, policy=early), entrust(Record(), [asked]), by_hand)[2]
        assert task is not None, "staff may have made it"
        in_system = replace(POLICY, borrowing=replace(POLICY.borrowing, existing_item=True))
        assert run(goal_of(*closed, policy=in_system))[1:] == ([], None)
        shipped = (*closed[:1], change(1, Phase.SHIPPED), replace(change(2, Phase.COMPLETED), closure=None))
        assert run(goal_of(*shipped))[2] is not None

    @pytest.mark.parametrize("paid", ["", " and paid for"])
    def test_lost_then_checked_in_by_the_lender_is_told_as_it_was(self, paid: str) -> None:
        """Alma's LENDER_CHECK_IN; OCLC's lenders close lost loans so too."""
        lost = change(2, raised=(Condition.LOST, *((Condition.FEE_PAID,) if paid else ())))
        record, _, _ = run(goal_of(*RECEIVED))
        record, _, _ = run(goal_of(*RECEIVED, lost), record)
        task = run(goal_of(*RECEIVED, lost, change(3, Phase.COMPLETED)), record)[2]
        assert task is not None
        assert task.instruction == (
            f"The item was declared lost{paid}, and then the request was completed as if it had come back: see whether it did."
        )
        task = run(goal_of(*RECEIVED, lost, replace(change(3, Phase.COMPLETED), closure=None)), record)[2]
        assert task is not None
        assert task.instruction.endswith("nobody said that the item came back.")

    def test_lost_then_completed_does_not_check_in(self) -> None:
        record, _, _ = run(goal_of(*SHIPPED))
        lost = change(2, key=LENDER, raised=(Condition.LOST,))
        record, steps, _ = run(goal_of(*SHIPPED, lost), record)
        assert verbs(steps) == ["mark_lost"]
        _, steps, task = run(goal_of(*SHIPPED, lost, change(3, Phase.COMPLETED, key=LENDER)), record)
        assert steps == []
        assert task is not None

    def test_found_after_lost_goes_on(self) -> None:
        lost, found = change(2, key=LENDER, raised=(Condition.LOST,)), change(3, key=LENDER, raised=(Condition.FOUND,))
        (stand,) = standings(folded(*SHIPPED, lost, found))
        assert (stand.lost, stand.was_lost) == (False, True)

    def test_returned_after_lost_goes_on_unless_it_was_paid_for(self) -> None:
        lost = change(2, raised=(Condition.LOST,))
        record, _, _ = run(goal_of(*RECEIVED))
        _, steps, _ = run(goal_of(*RECEIVED, lost, change(3, Phase.RETURNED)), record)
        assert "check_in" in verbs(steps)
        paid = change(4, raised=(Condition.FEE_PAID,))
        _, steps, task = run(goal_of(*RECEIVED, lost, change(3, Phase.RETURNED), paid), record)
        assert steps == []
        assert task is not None
        assert "replacement fee" in task.instruction


class TestRule10InSystemLoans:
    """Completed by a later release: the real item is used, nothing is created or deleted."""

    POLICY = Policy(borrowing=BorrowingPolicy(existing_item=True, place=do.Place("MAIN", "", "DESK")))

    def test_the_real_item_is_received_and_nothing_is_made(self) -> None:
        goal = goal_of(*RECEIVED, policy=self.POLICY)
        assert goal.patron_id == ""
        _, steps, _ = run(goal)
        assert verbs(steps) == ["receive_transit"]

    def test_before_it_arrives_nothing_is_done(self) -> None:
        _, steps, _ = run(goal_of(borrowed(), change(1, Phase.SHIPPED), policy=self.POLICY))
        assert steps == []

    def test_both_sides_share_a_conversation(self) -> None:
        assert BORROWER.conversation == LENDER.conversation


class TestCopies:
    @pytest.mark.parametrize("phase", list(Phase))
    def test_copies_never_touch_circulation(self, phase: Phase) -> None:
        for first in (borrowed(service_type=ServiceType.COPY), lent(service_type=ServiceType.COPY)):
            role = first.request.role
            goal = goal_of(first, change(1, phase, key=first.request))
            _, steps, task = run(goal)
            assert (steps, task) == ([], None), role

    def test_they_may_carry_a_fee(self) -> None:
        policy = Policy(borrowing=BorrowingPolicy(charge_fee_on_copies=True, fee_type="COPY"))
        changes = (borrowed(service_type=ServiceType.COPY), change(1, Phase.RECEIVED, fee=FEE))
        _, steps, _ = run(goal_of(*changes, policy=policy))
        asked, step = steps
        assert asked.command == do.FindPatron("p1")
        assert isinstance(step.command, do.ChargeFee)
        assert (step.command.patron_id, step.command.fee, step.command.fee_type) == ("id-p1", FEE, "COPY")
        assert run(goal_of(*changes, change(2, Phase.CANCELLED), policy=policy))[1] == []

    def test_no_fee_is_charged_to_a_patron_the_ils_did_not_find(self) -> None:
        """Its number in the ILS is what a fee is charged to, and nobody else may be charged."""
        policy = Policy(borrowing=BorrowingPolicy(charge_fee=True))
        lost = (change(1, Phase.RECEIVED, fee=FEE), change(2, raised=(Condition.LOST,)))
        goal = goal_of(borrowed(), *lost, policy=policy)
        step = next_step(goal, Record(), CAN)
        assert (step.key.verb if isinstance(step, Step) else None) is Verb.FIND_PATRON
        rest = next_step(goal, Record(), CAN, without=frozenset({PATRON}))
        assert not isinstance(rest, Step)


def test_an_open_loan_that_is_not_ours_stays_out_of_the_record() -> None:
    record, _, _ = run(goal_of(*SHIPPED))
    seen = Sighting(item_present=True, loans_seen=True, loans=(SeenLoan("other", "somebody", None, ours=False),))
    item = amend(record.item("", ""), seen)
    assert item.open_loan is None
    assert Role.LENDER is LENDER.role


@pytest.mark.parametrize("key", [BORROWER, LENDER])
def test_rule_6_what_vanished_is_left_to_staff_until_it_shows_again(key: RequestKey) -> None:
    """Disappearance is real (Koha): shown, parked, never guessed."""
    there = fold(Request(key), change(1, key=key, phase=Phase.RECEIVED, patron_id="p1", barcode="B1"))
    gone = fold(there, change(2, key=key, raised=(Condition.VANISHED,)))
    (item,) = goal_for(gone, POLICY).items
    assert "no longer shows the request" in item.attention
    assert (item.item, item.hold, item.loan, item.place) == (LEAVE, LEAVE, LEAVE, LEAVE)
    back = fold(gone, change(3, key=key, cleared=(Condition.VANISHED,)))
    assert goal_for(back, POLICY) == goal_for(there, POLICY)
