"""The audit compares what should be, what we did and what is there; what it repairs is ours beyond doubt, and only that."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.audit import compare, unshown, worth_a_look
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Change, Condition, Phase
from bridge.domain.commands import Origin, Verb
from bridge.domain.drift import AuditFinding, Drift
from bridge.domain.goal import Goal
from bridge.domain.identity import Mark, RequestKey, Role, mark_for, owner_of
from bridge.domain.learn import confirm
from bridge.domain.mending import mended
from bridge.domain.plan import StaffTask
from bridge.domain.policy import LendingPolicy, OnRecall, Policy
from bridge.domain.record import (
    Existence,
    HoldRecord,
    HoldState,
    ItemRecord,
    LoanRecord,
    PatronLoan,
    Record,
    SeenLoan,
    Sighting,
)
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
    goal_of,
    lent,
    run,
    verbs,
)

IDS = do.VendorIds("b1", "h1", "i1")
RECEIVED = (borrowed(), change(1, Phase.RECEIVED, due=DUE))
RETURNED = (*RECEIVED, change(2, Phase.RETURNED), change(3, Phase.COMPLETED))
SHIPPED = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
OVER = (*SHIPPED, change(2, Phase.COMPLETED, key=LENDER))
LOANS = {Drift.STILL_CHARGED, Drift.CHECKED_IN, Drift.LENT_ON, Drift.DUE_DATE}
PATRONS = SeenLoan("loan-9", "p1", DUE, ours=False)


def seen_as(item: ItemRecord, **more: Any) -> Sighting:
    """The ILS as the record has it."""
    present = item.existence is Existence.PRESENT or item.origin is Origin.OWN
    hold = item.hold if item.hold and item.hold.state is HoldState.PLACED else None
    loans = tuple(SeenLoan(loan.loan_id, loan.account, loan.due, ours=True) for loan in item.loans if not loan.ended)
    as_it_is = Sighting(
        item_present=present,
        ids=item.ids if present else do.VendorIds(),
        barcode=item.barcode if present else "",
        marked=present and item.origin is not Origin.OWN,
        hold=hold,
        hold_seen=True,
        loans=loans,
        loans_seen=True,
        place=HOME if item.origin is Origin.OWN else item.place,
        temporary_place=item.moved_to if item.moved_to and not item.restored else None,
    )
    return replace(as_it_is, **more)


def settled(*changes: Change, policy: Policy = POLICY) -> tuple[Goal, ItemRecord, Record]:
    """A request in step after these changes, each worked on as it came."""
    record = Record()
    for count in range(1, len(changes) + 1):
        goal = goal_of(*changes[:count], policy=policy)
        record, _, _ = run(goal, record)
    return goal, record.items[0], record


def compared(
    changes: tuple[Change, ...],
    *,
    policy: Policy = POLICY,
    can: Capabilities = CAN,
    elsewhere: bool = False,
    **more: Any,
) -> tuple[AuditFinding, ...]:
    goal, item, _ = settled(*changes, policy=policy)
    return compare(goal.items[0], item, seen_as(item, **more), can, elsewhere=elsewhere)


def only(findings: tuple[AuditFinding, ...]) -> AuditFinding:
    (found,) = findings
    return found


def repaired(changes: tuple[Change, ...], *, policy: Policy = POLICY, **more: Any) -> list[str]:
    """Verbs of the steps by which the plan repairs what was seen."""
    goal, item, record = settled(*changes, policy=policy)
    seen = seen_as(item, **more)
    findings = compare(goal.items[0], item, seen, CAN)
    _, steps, _ = run(goal, record.with_item(mended(item, seen, findings)))
    return verbs(steps)


@pytest.mark.parametrize("changes", [RECEIVED, RETURNED, SHIPPED, OVER])
def test_what_is_as_it_should_be_is_no_finding(changes: tuple[Change, ...]) -> None:
    assert compared(changes) == ()


def test_an_ils_that_cannot_tell_gives_no_finding() -> None:
    assert compared(RECEIVED, item_present=None) == ()


@pytest.mark.parametrize(
    ("changes", "shown", "kinds"),
    [
        (RECEIVED, {}, set()),
        (RECEIVED, {"hold_seen": False}, {Drift.HOLD_LEFT, Drift.HOLD_GONE, Drift.PICKUP}),
        (
            SHIPPED,
            {"loans_seen": False},
            {Drift.STILL_CHARGED, Drift.CHECKED_IN, Drift.LENT_ON, Drift.DUE_DATE, Drift.HOLD_GONE},
        ),
        (RECEIVED, {"item_present": None}, set(Drift) - {Drift.HOLD_LEFT, Drift.PICKUP, *LOANS}),
        (SHIPPED, {"item_present": None}, set(Drift) - {Drift.HOLD_LEFT, Drift.HOLD_GONE, Drift.PICKUP, *LOANS}),
        (RECEIVED, {"item_present": None, "hold_seen": False, "loans_seen": False}, set(Drift)),
    ],
)
def test_of_which_kinds_a_look_says_nothing(
    changes: tuple[Change, ...], shown: dict[str, Any], kinds: set[Drift]
) -> None:
    goal, item, _ = settled(*changes)
    assert unshown(goal.items[0], item, seen_as(item, **shown)) == kinds


def test_nothing_made_is_not_worth_a_look() -> None:
    assert not worth_a_look(Record(items=(ItemRecord("", ""),)))
    assert worth_a_look(settled(*RETURNED)[2])
    assert worth_a_look(Record(items=(ItemRecord("", "", loans=(LoanRecord("l1", "XYZ"),)),)))


class TestBorrowed:
    def test_an_item_the_desk_deleted(self) -> None:
        found = only(compared(RECEIVED, item_present=False, ids=do.VendorIds()))
        assert found.kind is Drift.ITEM_GONE
        assert found.sentence == "Temporary item ILL-1 is no longer in the ILS."
        assert not found.repair
        assert "adopt it" in found.told

    def test_an_item_gone_after_its_return_is_no_finding(self) -> None:
        kept = replace(POLICY, borrowing=replace(POLICY.borrowing, delete_on_return=False))
        assert compared(RETURNED, policy=kept, item_present=False, ids=do.VendorIds()) == ()

    def test_an_item_gone_while_staff_decide_is_told(self) -> None:
        lost = (*RECEIVED, change(2, raised=(Condition.LOST,)))
        assert only(compared(lost, item_present=False, ids=do.VendorIds())).kind is Drift.ITEM_GONE

    def test_a_relabelled_item(self) -> None:
        found = only(compared(RECEIVED, barcode="NEW-1"))
        assert found.kind is Drift.RELABELLED
        assert "ill-bridge set REQUEST --barcode NEW-1" in found.advice
        assert repaired(RECEIVED, barcode="NEW-1") == []

    def test_an_item_without_our_mark_is_never_touched(self) -> None:
        found = only(compared(RECEIVED, marked=False, barcode="X", place=HOME))
        assert found.kind is Drift.MARK_GONE
        assert compared(RETURNED, item_present=True, ids=IDS, marked=False) == ()
        assert repaired(RETURNED, item_present=True, ids=IDS, marked=False) == []

    @pytest.mark.parametrize("where", [{"place": HOME}, {"temporary_place": HOME}])
    def test_an_item_that_was_moved(self, where: dict[str, Any]) -> None:
        found = only(compared(RECEIVED, **where))
        assert (found.kind, found.repair) == (Drift.PLACE, "")
        assert found.sentence == "Temporary item ILL-1 is at MAIN/STACKS instead of RS/TEMP."

    def test_a_hold_that_is_gone(self) -> None:
        found = only(compared(RECEIVED, hold=None))
        assert (found.kind, found.repair) == (Drift.HOLD_GONE, "")
        assert repaired(RECEIVED, hold=None) == []

    def test_a_hold_that_was_filled_is_as_it_should_be(self) -> None:
        assert compared(RECEIVED, hold=None, loans=(PATRONS,)) == ()
        assert compared(RECEIVED, hold=None, hold_seen=False) == ()

    def test_a_hold_for_another_pickup_location(self) -> None:
        there = HoldRecord("hold-0", "id-p1", "BRANCH")
        found = only(compared(RECEIVED, hold=there))
        assert found.kind is Drift.PICKUP
        assert found.repair == "Place the hold on item ILL-1 anew, for pickup at MAIN."
        assert repaired(RECEIVED, hold=there) == ["cancel_hold", "place_hold"]

    def test_a_patron_who_has_it_longer_than_the_lender_allows(self) -> None:
        late = replace(PATRONS, due=LATER)
        found = only(compared(RECEIVED, hold=None, loans=(late,)))
        assert found.kind is Drift.DUE_DATE
        assert found.sentence == "Item ILL-1 is on loan until 2027-02-15, but should be back on 2027-01-15."
        assert "does not shorten" in found.advice
        assert compared(RECEIVED, hold=None, loans=(replace(PATRONS, due=date(2026, 12, 1)),)) == ()
        assert compared(RECEIVED, hold=None, loans=(replace(PATRONS, due=None),)) == ()

    def test_a_recall_that_shortens_is_repaired_where_the_ils_lets_us(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, on_recall=OnRecall.SHORTEN))
        recalled = (*RECEIVED, change(2, raised=(Condition.RECALLED,)))
        late: dict[str, Any] = {"hold": None, "loans": (replace(PATRONS, due=LATER),)}
        assert only(compared(recalled, policy=policy, **late)).repair == "Set the due date of item ILL-1 to 2027-01-15."
        assert repaired(recalled, policy=policy, **late) == ["set_due_date"]
        advisory = replace(CAN, abilities={Verb.SET_DUE_DATE: Ability.ADVISORY})
        assert only(compared(recalled, policy=policy, can=advisory, **late)).repair == ""

    def test_a_recall_that_was_brought_to_the_loan_is_not_brought_again(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, on_recall=OnRecall.SHORTEN))
        goal, item, _ = settled(*RECEIVED, change(2, raised=(Condition.RECALLED,)), policy=policy)
        item = replace(item, patron_loan=PatronLoan("loan-9", LATER, brought=DUE, firmly=True))
        seen = seen_as(item, hold=None, loans=(replace(PATRONS, due=LATER),))
        found = only(compare(goal.items[0], item, seen, CAN))
        assert (found.kind, found.repair) == (Drift.DUE_DATE, "")
        assert "as far as your rules go" in found.advice

    def test_a_loan_without_a_date_of_the_lender_is_let_be(self) -> None:
        undated = (borrowed(), change(1, Phase.RECEIVED))
        assert compared(undated, hold=None, loans=(PATRONS,)) == ()

    def test_an_item_that_the_desk_put_back_is_left_to_the_task_for_staff(self) -> None:
        goal, item, _ = settled(*RECEIVED)
        deleted = replace(item, existence=Existence.DELETED)
        assert compare(goal.items[0], deleted, seen_as(item), CAN) == ()

    def test_a_volume_is_named(self) -> None:
        volumes = (borrowed(), change(1, Phase.RECEIVED, volume="2"))
        goal, item, _ = settled(*volumes)
        found = only(compare(goal.items[0], item, seen_as(item, item_present=False), CAN))
        assert found.volume == "2"
        assert found.sentence.endswith("(volume 2).")


class TestStaffSettledIt:
    """What staff settled with ``resolve`` or left out with ``skip`` is theirs."""

    LOST = (*RECEIVED, change(2, raised=(Condition.LOST,)), change(3, Phase.COMPLETED))

    def resolved(self, *changes: Change) -> tuple[Goal, ItemRecord, Record]:
        goal, _, record = settled(*changes)
        _, _, task = run(goal, record)
        assert isinstance(task, StaffTask)
        record = confirm(record, task)
        return goal, record.items[0], record

    def test_an_item_that_staff_deleted_when_they_decided_is_not_missed(self) -> None:
        goal, item, record = self.resolved(*self.LOST)
        gone = seen_as(item, item_present=False, ids=do.VendorIds())
        assert compare(goal.items[0], item, gone, CAN, confirmed=record.confirmed) == ()
        assert only(compare(goal.items[0], item, gone, CAN)).kind is Drift.ITEM_GONE, "while they have not decided"

    @pytest.mark.parametrize("how", [{"barcode": "NEW-1"}, {"place": HOME}, {"marked": False}])
    def test_an_item_that_staff_kept_is_as_they_want_it(self, how: dict[str, Any]) -> None:
        goal, item, record = self.resolved(*self.LOST)
        assert compare(goal.items[0], item, seen_as(item, **how), CAN, confirmed=record.confirmed) == ()

    def test_a_question_that_was_settled_hides_nothing_of_what_is_still_wanted(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, on_recall=OnRecall.SHORTEN))
        goal, item, _ = settled(*RECEIVED, change(2, raised=(Condition.RECALLED,)), policy=policy)
        mine = replace(goal.items[0], attention="Undated")
        seen = seen_as(item, item_present=False, ids=do.VendorIds())
        found = compare(mine, item, seen, CAN, confirmed=("attention:::Undated",))
        assert only(found).kind is Drift.ITEM_GONE

    def test_what_staff_made_and_kept_is_no_finding(self) -> None:
        goal, item, _ = settled(*RETURNED)
        adopted = replace(item, origin=Origin.ADOPTED, existence=Existence.PRESENT)
        seen = seen_as(adopted, ids=IDS)
        assert only(compare(goal.items[0], adopted, seen, CAN)).kind is Drift.ITEM_LEFT
        assert compare(goal.items[0], adopted, seen, CAN, confirmed=("adopted::",)) == ()

    def test_a_check_in_that_staff_skipped_is_told_and_not_made_up_for(self) -> None:
        goal, item, record = settled(*OVER)
        seen = seen_as(item, loans=(SeenLoan("loan-0", "XYZ", DUE, ours=True),))
        found = only(compare(goal.items[0], item, seen, CAN, confirmed=("-:-:check_in:0",)))
        assert (found.kind, found.repair) == (Drift.STILL_CHARGED, "")
        assert "Staff settled or skipped this step" in found.advice
        assert run(goal, record.with_item(mended(item, seen, (found,))))[1] == []
        other = compare(goal.items[0], item, seen, CAN, confirmed=("-:2:check_in:0", "-:-:check_out:0"))
        assert only(other).repair == "Check item OWN-1 in."

    def test_a_hold_or_loan_that_staff_skipped_is_not_missed(self) -> None:
        goal, item, _ = settled(*RECEIVED)
        assert compare(goal.items[0], item, seen_as(item, hold=None), CAN, confirmed=("-:-:place_hold:0",)) == ()
        goal, item, _ = settled(*SHIPPED)
        assert compare(goal.items[0], item, seen_as(item, loans=()), CAN, confirmed=("-:-:check_out:0",)) == ()


class TestWentBack:
    def test_a_temporary_item_that_is_still_there(self) -> None:
        there: dict[str, Any] = {"item_present": True, "ids": IDS, "barcode": "ILL-1", "marked": True, "place": TEMP}
        found = only(compared(RETURNED, **there))
        assert found.kind is Drift.ITEM_LEFT
        assert found.repair == "Delete temporary item ILL-1 with its holding and bib."
        assert not found.advice
        assert repaired(RETURNED, **there) == ["delete_temporary_item"]

    @pytest.mark.parametrize(
        "odd", [{"barcode": "STOCK-1"}, {"place": HOME}, {"loans": (SeenLoan("l", "p2", None, ours=False),)}]
    )
    def test_one_that_is_not_ours_beyond_doubt_is_left_to_staff(self, odd: dict[str, Any]) -> None:
        there: dict[str, Any] = {"item_present": True, "ids": IDS, "barcode": "ILL-1", "marked": True, "place": TEMP}
        found = only(compared(RETURNED, **{**there, **odd}))
        assert (found.kind, found.repair) == (Drift.ITEM_LEFT, "")
        assert repaired(RETURNED, **{**there, **odd}) == []

    def test_a_part_of_its_record_that_is_still_there(self) -> None:
        part: dict[str, Any] = {"ids": do.VendorIds("b1")}
        found = only(compared(RETURNED, **part))
        assert "A part of the temporary record of item ILL-1" in found.sentence
        assert repaired(RETURNED, **part) == ["delete_temporary_item"]

    def test_one_that_policy_leaves_is_no_finding(self) -> None:
        kept = replace(POLICY, borrowing=replace(POLICY.borrowing, delete_on_return=False))
        assert compared(RETURNED, policy=kept) == ()

    def test_a_hold_that_still_stands(self) -> None:
        kept = replace(POLICY, borrowing=replace(POLICY.borrowing, delete_on_return=False))
        there: dict[str, Any] = {"hold": HoldRecord("hold-0", "id-p1", "MAIN")}
        assert only(compared(RETURNED, policy=kept, **there)).kind is Drift.HOLD_LEFT
        assert repaired(RETURNED, policy=kept, **there) == ["cancel_hold"]


class TestLent:
    def test_checked_in_at_the_desk(self) -> None:
        assert only(compared(SHIPPED, loans=())).kind is Drift.CHECKED_IN
        assert repaired(SHIPPED, loans=()) == []

    def test_lent_on_by_the_desk(self) -> None:
        elsewhere = (SeenLoan("loan-7", "p2", None, ours=False),)
        found = only(compared(SHIPPED, loans=elsewhere))
        assert found.kind is Drift.LENT_ON
        assert "p2" not in found.told
        assert repaired(SHIPPED, loans=elsewhere) == []

    def test_loans_that_could_not_be_seen_say_nothing(self) -> None:
        assert compared(SHIPPED, loans=(), loans_seen=False) == ()

    def test_who_has_it_may_be_shown_where_the_item_is_not(self) -> None:
        """As SIP2 and the lists of an NCIP account do."""
        calm = compared(SHIPPED, item_present=None, temporary_place=None, place=None)
        assert calm == ()
        found = only(compared(SHIPPED, item_present=None, temporary_place=None, place=None, loans=()))
        assert (found.kind, found.repair) == (Drift.CHECKED_IN, "")
        assert found.sentence.endswith("but its account does not have it.")

    def test_another_due_date(self) -> None:
        other: dict[str, Any] = {"loans": (SeenLoan("loan-0", "XYZ", LATER, ours=True),)}
        assert only(compared(SHIPPED, **other)).kind is Drift.DUE_DATE
        assert repaired(SHIPPED, **other) == ["set_due_date"]
        assert compared(SHIPPED, can=replace(CAN, abilities={Verb.SET_DUE_DATE: Ability.ADVISORY}), **other) == ()

    def test_a_date_that_policy_does_not_bring_is_let_be(self) -> None:
        policy = replace(POLICY, lending=replace(POLICY.lending, update_due_date=False))
        assert compared(SHIPPED, policy=policy, loans=(SeenLoan("loan-0", "XYZ", LATER, ours=True),)) == ()

    def test_an_item_that_is_not_where_we_put_it(self) -> None:
        assert only(compared(SHIPPED, temporary_place=None)).repair == "Move item OWN-1 to RS/OUT."
        assert repaired(SHIPPED, temporary_place=None) == ["move_item"]
        moved_by_staff = only(compared(SHIPPED, temporary_place=HOME))
        assert (moved_by_staff.kind, moved_by_staff.repair) == (Drift.PLACE, "")
        assert repaired(SHIPPED, temporary_place=HOME) == []
        policy = replace(POLICY, lending=LendingPolicy())
        assert compared(SHIPPED, policy=policy, temporary_place=HOME) == ()

    def test_an_item_that_is_gone(self) -> None:
        assert only(compared(SHIPPED, item_present=False)).kind is Drift.ITEM_GONE
        assert compared(OVER, item_present=False) == ()

    def test_a_hold_on_an_own_item_that_is_gone(self) -> None:
        policy = replace(POLICY, lending=replace(POLICY.lending, hold_on_request=True, pickup_location="MAIN"))
        goal, item, _ = settled(lent(), policy=policy)
        seen = seen_as(item, item_present=True, hold=None)
        own = replace(item, origin=Origin.OWN)
        assert only(compare(goal.items[0], own, seen, CAN)).kind is Drift.HOLD_GONE


class TestLoanOver:
    LOAN = SeenLoan("loan-0", "XYZ", DUE, ours=True)

    def test_still_charged(self) -> None:
        found = only(compared(OVER, loans=(self.LOAN,)))
        assert (found.kind, found.repair) == (Drift.STILL_CHARGED, "Check item OWN-1 in.")
        assert repaired(OVER, loans=(self.LOAN,)) == ["check_in"]

    def test_so_it_is_where_the_item_itself_is_not_shown(self) -> None:
        ours = (SeenLoan("loan", "PARTNER", DUE, ours=True),)
        found = only(compared(OVER, item_present=None, place=None, loans=ours))
        assert found.kind is Drift.STILL_CHARGED
        assert found.repair

    def test_still_charged_where_policy_leaves_it_to_the_desk(self) -> None:
        policy = replace(POLICY, lending=replace(POLICY.lending, check_in_on_completed=False))
        found = only(compared(OVER, policy=policy))
        assert (found.kind, found.repair) == (Drift.STILL_CHARGED, "")

    def test_a_loan_on_the_account_that_we_do_not_know(self) -> None:
        unknown = replace(self.LOAN, loan_id="loan-77")
        assert repaired(OVER, loans=(unknown,)) == ["check_in"]
        assert compared(OVER, loans=(unknown,), elsewhere=True) == ()
        assert compared(OVER, loans=(replace(unknown, ours=False),)) == ()
        assert only(compared(OVER, loans=(self.LOAN,), elsewhere=True)).kind is Drift.STILL_CHARGED

    def test_still_at_the_ill_location(self) -> None:
        assert only(compared(OVER, temporary_place=OUT)).kind is Drift.PLACE_LEFT
        assert repaired(OVER, temporary_place=OUT) == ["restore_item"]
        assert compared(OVER, temporary_place=OUT, elsewhere=True) == ()
        assert compared(OVER, temporary_place=HOME) == ()


SEEN = st.builds(
    Sighting,
    item_present=st.sampled_from([None, True, False]),
    ids=st.sampled_from([IDS, do.VendorIds("b1"), do.VendorIds()]),
    barcode=st.sampled_from(["ILL-1", "OWN-1", "NEW-1", ""]),
    marked=st.booleans(),
    hold=st.none()
    | st.builds(HoldRecord, st.sampled_from(["hold-0", "h9"]), st.just("id-p1"), st.sampled_from(["MAIN", "BRANCH"])),
    hold_seen=st.just(True),
    loans=st.lists(
        st.builds(
            SeenLoan,
            st.sampled_from(["loan-0", "loan-9"]),
            st.sampled_from(["XYZ", "p2"]),
            st.sampled_from([None, DUE, LATER]),
            st.booleans(),
        ),
        max_size=2,
        unique_by=lambda loan: loan.loan_id,
    ).map(tuple),
    loans_seen=st.just(True),
    place=st.sampled_from([None, TEMP, HOME]),
    temporary_place=st.sampled_from([None, OUT, HOME]),
)


@given(st.sampled_from([RECEIVED, RETURNED, SHIPPED, OVER]), SEEN)
def test_whatever_is_seen_a_repair_deletes_only_what_is_ours_and_comes_to_an_end(
    changes: tuple[Change, ...], seen: Sighting
) -> None:
    goal, item, record = settled(*changes)
    findings = compare(goal.items[0], item, seen, CAN)
    _, steps, _ = run(goal, record.with_item(mended(item, seen, findings)))
    made = {"create_temporary_item", "check_out", "charge_fee"}
    assert not made & set(verbs(steps)), "the audit makes nothing again"
    if "delete_temporary_item" in verbs(steps) and seen.item_present:
        assert seen.marked
        assert seen.barcode == "ILL-1"
        assert not seen.loans
    if not findings:
        assert not any(step.key.verb is Verb.DELETE_TEMPORARY_ITEM for step in steps)


def test_a_repair_without_a_hold_to_see_changes_nothing() -> None:
    _, item, _ = settled(*RECEIVED)
    odd = AuditFinding(Drift.HOLD_LEFT, "", "", "ILL-1", "It stands.", "Cancel it.")
    assert mended(item, seen_as(item, hold=None, hold_seen=False), (odd,)) == item


class TestMarks:
    @pytest.mark.parametrize("number", ["1", "a/b", "-", "2026/11/25-7"])
    def test_a_mark_says_whose_it_is(self, number: str) -> None:
        key = RequestKey("main", "svc", Role.LENDER, "REQ", number)
        owner = owner_of(mark_for("test", key, "", "2"))
        if number == "-":
            assert owner is None
            return
        assert owner is not None
        assert (owner.bridge, owner.key, owner.leg, owner.volume) == ("test", key, "", "2")

    @pytest.mark.parametrize("text", ["", "ILLB-1", "ILLB-1 a/b", "ILLB-1 a/b/c/d/e/f/g/h", "ILLB-1 " + "x/" * 40])
    def test_a_text_that_was_changed_says_nothing(self, text: str) -> None:
        assert owner_of(Mark("ILLB-1", text)) is None

    def test_a_mark_of_which_the_text_was_changed_proves_nothing(self) -> None:
        mark = mark_for("test", BORROWER, "", "")
        assert owner_of(replace(mark, text=mark.text.replace("REQ", "QER"))) is None
