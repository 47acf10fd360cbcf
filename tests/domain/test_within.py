"""In-system loans (rule 10): what is wanted on either side, what is said of it, and what of it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.commands import Charge, Origin, Place, Verb
from bridge.domain.expect import Use, expectations_of
from bridge.domain.goal import Goal
from bridge.domain.inspection import inspection, review
from bridge.domain.learn import amend, learn
from bridge.domain.plan import StaffTask, Step, StepKey, next_step
from bridge.domain.policy import (
    BorrowingPolicy,
    DoneBy,
    InSystemBorrowing,
    InSystemLending,
    LendingPolicy,
    OnRecall,
    Policy,
)
from bridge.domain.preview import left_behind
from bridge.domain.privacy import patrons_of, record_without_person
from bridge.domain.record import (
    ItemRecord,
    Learned,
    LoanRecord,
    Outcome,
    OutcomeKind,
    Record,
    SeenLoan,
    Sighting,
    happened,
)
from bridge.domain.request import Request
from bridge.domain.sentences import plan_sentence, step_sentence
from bridge.domain.within import BorrowedWithin, may_be_of, shared
from tests.domain.build import BORROWER, DUE, LATER, LENDER, change, folded, goal_of

ACCOUNT = "DISTRICT-XYZILL"
SOUTH, NORTH = Place("SOUTH", "", "CIRC"), Place("NORTH", "", "CIRC")
POLICY = Policy(
    bridge="test",
    borrowing=BorrowingPolicy(existing_item=True, place=SOUTH, in_system=InSystemBorrowing(ill_account=ACCOUNT)),
    lending=LendingPolicy(
        default_account="DISTRICT-{partner}ILL", in_system=InSystemLending(partners={"xyz": "SOUTH"}, home=NORTH)
    ),
)
CAN = Capabilities(abilities={Verb.SEND_TRANSIT: Ability.YES}, double_charge=True)
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def borrowing(phase: Phase | None, at: int = 1, policy: Policy = POLICY, **edits: object) -> Goal:
    known: dict[str, object] = {"patron_id": "p1", "barcode": "3001", "partner": "NORTH", "due": DUE}
    return goal_of(change(at, phase, **{**known, **edits}), policy=policy)  # type: ignore[arg-type]


def lending(phase: Phase, policy: Policy = POLICY, **edits: object) -> Goal:
    known: dict[str, object] = {"barcode": "3001", "partner": "XYZ", "due": DUE}
    return goal_of(change(1, phase, key=LENDER, **{**known, **edits}), policy=policy)  # type: ignore[arg-type]


def steps(goal: Goal, record: Record | None = None, can: Capabilities = CAN) -> tuple[list[Step], Record]:
    """What is done one after the other where all goes well."""
    record = record or Record()
    found: list[Step] = []
    while isinstance(step := next_step(goal, record, can), Step):
        found.append(step)
        record = learn(record, step, Outcome())
        assert len(found) < 20
    return found, record


def verbs(goal: Goal, record: Record | None = None, can: Capabilities = CAN) -> list[str]:
    return [step.key.verb.value for step in steps(goal, record, can)[0]]


def lends(**changes: object) -> Policy:
    in_system = replace(POLICY.lending.in_system, **changes)  # type: ignore[arg-type]
    return replace(POLICY, lending=replace(POLICY.lending, in_system=in_system))


def borrows(**changes: object) -> Policy:
    in_system = replace(POLICY.borrowing.in_system, **changes)  # type: ignore[arg-type]
    return replace(POLICY, borrowing=replace(POLICY.borrowing, in_system=in_system))


class TestBorrowing:
    def test_received_and_returned(self) -> None:
        there, record = steps(borrowing(Phase.RECEIVED))
        assert [step.key.verb.value for step in there] == ["find_patron", "receive_transit", "check_out"]
        charged = there[-1].command
        assert isinstance(charged, do.CheckOut)
        assert (charged.account, charged.over, charged.at, charged.target.origin) == ("p1", ACCOUNT, SOUTH, Origin.OWN)
        back, record = steps(borrowing(Phase.RETURNED), record)
        assert [(step.key.verb.value, getattr(step.command, "charge", None)) for step in back] == [
            ("check_in", Charge.PATRON),
            ("check_in", Charge.ACCOUNT),
            ("send_transit", None),
        ]
        assert verbs(borrowing(Phase.COMPLETED), record) == []

    def test_a_renewal_is_the_patrons_too(self) -> None:
        _, record = steps(borrowing(Phase.RECEIVED))
        (step,), record = steps(borrowing(Phase.RECEIVED, due=LATER), record)
        assert isinstance(step.command, do.SetDueDate)
        assert (step.command.due, step.command.charge) == (LATER, Charge.PATRON)
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, renew=False))
        assert verbs(borrowing(Phase.RECEIVED, due=DUE, policy=policy), record) == []

    def test_before_it_is_there_nothing_is_done(self) -> None:
        assert verbs(borrowing(Phase.SHIPPED)) == verbs(borrowing(Phase.CANCELLED)) == []

    def test_a_patron_that_is_not_known_is_not_charged(self) -> None:
        goal = borrowing(Phase.RECEIVED)
        found = next_step(goal, Record(), CAN, without=frozenset({("", "the patron")}))
        assert isinstance(found, Step)
        assert found.key.verb is Verb.RECEIVE_TRANSIT
        record = learn(Record(), found, Outcome())
        assert next_step(goal, record, CAN, without=frozenset({("", "the patron")})) is None
        task = next_step(borrowing(Phase.RECEIVED, patron_id=""), record, CAN)
        assert isinstance(task, StaffTask)
        assert "names no patron" in task.instruction

    def test_without_a_barcode_nothing_can_be_charged(self) -> None:
        goal = borrowing(Phase.RECEIVED, barcode="")
        assert "does not name the barcode" in goal.items[0].attention

    def test_without_an_account_it_is_only_received(self) -> None:
        policy = borrows(ill_account="")
        assert verbs(borrowing(Phase.RECEIVED, policy=policy)) == ["receive_transit"]
        assert verbs(borrowing(Phase.RETURNED, policy=policy)) == []

    def test_the_patron_is_looked_up_early_where_that_is_wanted(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, verify_patron_on_request=True))
        assert verbs(borrowing(Phase.REQUESTED, policy=policy)) == ["find_patron"]

    def test_completed_without_a_word_of_the_item_is_for_staff(self) -> None:
        known = change(1, Phase.COMPLETED, closure=Closure.CANCELLED, patron_id="p1", barcode="3001", partner="NORTH")
        assert goal_of(known, policy=POLICY).items[0].attention == "", "nothing was charged"
        assert (
            "not that the item went back" in goal_of(change(0, Phase.RECEIVED), known, policy=POLICY).items[0].attention
        )

    def test_a_recall_without_a_date_is_for_staff(self) -> None:
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, on_recall=OnRecall.SHORTEN))
        known = change(1, Phase.RECEIVED, raised=(Condition.RECALLED,), patron_id="p1", barcode="3001", partner="NORTH")
        goal = goal_of(known, policy=policy)
        assert "names no date" in goal.items[0].attention

    def test_only_what_these_suppliers_send_is_of_this_ils(self) -> None:
        policy = borrows(suppliers=("north",))
        assert verbs(borrowing(Phase.RECEIVED, policy=policy))[1] == "receive_transit"
        assert "create_temporary_item" in verbs(borrowing(Phase.RECEIVED, policy=policy, partner="FAR"))
        assert POLICY.borrowing.makes_items is False
        assert policy.borrowing.makes_items

    def test_what_is_left_to_staff(self) -> None:
        policy = borrows(
            receive_transit=DoneBy.STAFF,
            charge_patron=DoneBy.STAFF,
            discharge_patron=DoneBy.STAFF,
            discharge_account=DoneBy.STAFF,
            send_transit=DoneBy.STAFF,
        )
        there, record = steps(borrowing(Phase.RECEIVED, policy=policy))
        assert [step.key.verb.value for step in there] == ["set_due_date"]
        back, _ = steps(borrowing(Phase.RETURNED, policy=policy), record)
        assert all(getattr(step.command, "only_look", False) for step in back)
        assert verbs(borrowing(Phase.RECEIVED, policy=policy, patron_id="")) == []
        only_account = steps(borrowing(Phase.RETURNED, policy=policy, patron_id=""))[0]
        assert [getattr(step.command, "charge", None) for step in only_account] == [Charge.ACCOUNT, None]
        undated = borrowing(Phase.RECEIVED, policy=policy, due=None)
        assert verbs(undated) == []

    def test_a_charge_is_ours_by_its_id_or_by_the_time_it_began(self) -> None:
        item = ItemRecord("", "", loans=(LoanRecord("c1", ACCOUNT, charge=Charge.ACCOUNT),))
        there = [each.command for each in steps(borrowing(Phase.RECEIVED), Record(items=(item,)))[0]]
        (out,) = [each for each in there if isinstance(each, do.CheckOut)]
        assert out.over_loan_ids == ("c1",)
        received = change(1, Phase.RECEIVED, patron_id="p1", barcode="3001", partner="NORTH")
        returned = change(9 * 86400, Phase.RETURNED)
        goal = goal_of(received, returned, policy=POLICY)
        checks = [each.command for each in steps(goal)[0] if isinstance(each.command, do.CheckIn)]
        assert [each.began_before for each in checks] == [
            START + timedelta(days=9),
            START + timedelta(days=2, seconds=1),
        ]


class TestLending:
    def test_shipped_and_completed(self) -> None:
        out, record = steps(lending(Phase.SHIPPED))
        assert [step.key.verb.value for step in out] == ["check_out"]
        assert out[0].command.account == ACCOUNT  # type: ignore[union-attr]
        assert verbs(lending(Phase.RETURNED), record) == []
        home, _ = steps(lending(Phase.COMPLETED), record)
        assert [step.key.verb.value for step in home] == ["check_in", "receive_transit"]
        assert home[0].command.at == NORTH  # type: ignore[union-attr]

    def test_it_is_sent_off_where_the_bridge_does_that(self) -> None:
        policy = lends(send_transit=DoneBy.BRIDGE)
        out, record = steps(lending(Phase.SHIPPED, policy))
        assert [step.key.verb.value for step in out] == ["check_out", "send_transit"]
        assert out[1].command.to == Place("SOUTH")  # type: ignore[union-attr]
        assert verbs(lending(Phase.RECEIVED, policy), record) == []

    def test_what_is_left_to_staff(self) -> None:
        policy = lends(discharge_account=DoneBy.STAFF, receive_transit=DoneBy.STAFF)
        (step,) = steps(lending(Phase.COMPLETED, policy))[0]
        assert step.command.only_look  # type: ignore[union-attr]

    def test_other_partners_are_lent_to_as_ever(self) -> None:
        assert lending(Phase.SHIPPED, partner="FAR").items[0].within is None
        assert lending(Phase.SHIPPED, barcode="").items[0].within is None
        assert lending(Phase.REQUESTED).items[0].within is None
        off = replace(POLICY, lending=replace(POLICY.lending, check_in_on_completed=False))
        assert verbs(lending(Phase.COMPLETED, off)) == []

    def test_an_ils_that_charges_an_item_once_checks_in_as_ever(self) -> None:
        once = replace(CAN, double_charge=False)
        _, record = steps(lending(Phase.SHIPPED), can=once)
        (step,) = steps(lending(Phase.COMPLETED), record, once)[0]
        assert isinstance(step.command, do.CheckIn)
        assert step.command.charge is Charge.ANY


def steps_of_two() -> list[Step]:
    target = do.Target(goal_of(change(1, Phase.RECEIVED)).items[0].mark, Origin.OWN, "3001")
    commands = (
        do.CheckOut(target, "id-p1", DUE, over=ACCOUNT),
        do.SetDueDate(target, DUE, "c2", "id-p1", charge=Charge.PATRON),
        do.CheckIn(target, ("c2",), "id-p1", charge=Charge.PATRON),
        do.CheckIn(target, ("c1",), ACCOUNT, charge=Charge.ACCOUNT),
        do.SendTransit(target, SOUTH),
        do.SendTransit(target, NORTH, Place("SOUTH")),
    )
    kinds = {do.CheckOut: Verb.CHECK_OUT, do.SetDueDate: Verb.SET_DUE_DATE, do.CheckIn: Verb.CHECK_IN}
    return [Step(StepKey("", "", kinds.get(type(each), Verb.SEND_TRANSIT), 0), each) for each in commands]


@pytest.mark.parametrize("step", steps_of_two(), ids=lambda step: step.key.verb.value)
def test_no_patron_is_named_in_what_is_said(step: Step) -> None:
    item = ItemRecord("", "", barcode="3001")
    said = [
        step_sentence(replace(step, noted=noted), Outcome(kind), item, "north")
        for kind in OutcomeKind
        for noted in (False, True)
    ]
    for sentence in (*said, plan_sentence(step)):
        assert "3001" in sentence or "cannot charge an item twice" in sentence
        assert "id-p1" not in sentence


def test_what_staff_are_asked_where_no_machine_does_it() -> None:
    by_hand = Capabilities(abilities=dict.fromkeys(Verb, Ability.STAFF), double_charge=True)
    item = ItemRecord("", "", transit_received=True)
    task = next_step(borrowing(Phase.RETURNED), Record(items=(item,)), by_hand)
    assert isinstance(task, StaffTask)
    assert task.wish == "Discharge item 3001 from the patron."


class TestRecord:
    LOANS = (
        LoanRecord("c1", ACCOUNT, charge=Charge.ACCOUNT),
        LoanRecord("c2", "id-p1", charge=Charge.PATRON),
    )
    ITEM = ItemRecord("", "", barcode="3001", origin=Origin.OWN, loans=LOANS)

    def test_the_patron_goes_and_the_account_is_none(self) -> None:
        commands = tuple(step.command for step in steps_of_two())
        request = Request(BORROWER)
        assert patrons_of(request, Record(items=(self.ITEM,)), commands) == {"id-p1"}
        kept = record_without_person(Record(items=(self.ITEM,)), BORROWER.role).items[0]
        assert [loan.account for loan in kept.loans] == ["", ""]

    def test_what_would_stay_names_no_patron(self) -> None:
        said = left_behind(Record(items=(self.ITEM,)))
        assert said == (f"Item 3001 stays on loan to {ACCOUNT}.", "Item 3001 stays on loan to the patron.")

    def test_a_look_makes_no_charge_ours(self) -> None:
        loans = tuple(SeenLoan(f"x{charge}", "a", None, True, charge) for charge in (Charge.ACCOUNT, Charge.PATRON))
        seen = amend(ItemRecord("", "", origin=Origin.OWN), Sighting(item_present=True, loans=loans, loans_seen=True))
        assert seen.loans == ()

    def test_a_transit_that_was_cut_off_is_seen(self) -> None:
        seen = amend(self.ITEM, Sighting(item_present=True, in_transit=True), Verb.SEND_TRANSIT)
        assert seen.transit_sent
        assert happened(self.ITEM, seen, Verb.SEND_TRANSIT)

    def test_a_charge_to_the_patron_is_recorded_where_the_ils_told_nothing(self) -> None:
        (step, *_) = steps_of_two()
        record = learn(Record(), step, Outcome())
        assert record.item("", "").charged(Charge.PATRON) == LoanRecord("", "id-p1", DUE, charge=Charge.PATRON)
        learned = Learned(loan=self.LOANS[1], beneath=self.LOANS[0])
        assert learn(Record(), step, Outcome(learned=learned)).item("", "").loans == self.LOANS

    def test_the_other_sides_charge_is_known_by_its_id(self) -> None:
        lent = Record(items=(ItemRecord("", "", barcode="3001", loans=(LoanRecord("c7", ACCOUNT),)),))
        bare = ItemRecord("", "")
        (known,) = shared([(bare, "3001")], [lent])
        assert known.loans == (LoanRecord("c7", ACCOUNT, charge=Charge.ACCOUNT),)
        assert shared([(bare, "3002"), (self.ITEM, "3001")], [lent]) == (bare, self.ITEM)


def test_looks_name_both_accounts() -> None:
    item = TestRecord.ITEM
    goal = borrowing(Phase.RETURNED).items[0]
    looked = review(goal, item, Record(), BORROWER.role)
    assert (looked.patron_id, looked.account, looked.double) == ("p1", ACCOUNT, True)
    lent = review(lending(Phase.SHIPPED).items[0], ItemRecord("", ""), Record(), LENDER.role)
    assert (lent.account, lent.double) == (ACCOUNT, True)
    for step in steps_of_two()[:4]:
        for record in (item, ItemRecord("", "")):
            asked = inspection(goal.mark, record, Record(), step.command)
            assert asked.double
            assert asked.patron_id in {"id-p1", ""}
            assert asked.account in {ACCOUNT, ""}


def test_what_can_be_of_this_loan() -> None:
    day = START
    within = BorrowedWithin(InSystemBorrowing(), "p1", SOUTH, True, day, day + timedelta(days=9))
    on = SeenLoan("x", ACCOUNT, None, True, Charge.ACCOUNT, day - timedelta(days=1))
    assert may_be_of(within, on)
    assert may_be_of(within, replace(on, began=None))
    assert not may_be_of(within, replace(on, began=day))
    patrons = replace(on, ours=False, charge=Charge.PATRON, began=day)
    assert may_be_of(within, patrons)
    assert not may_be_of(within, replace(patrons, began=day + timedelta(days=9)))
    assert not may_be_of(within, replace(patrons, charge=Charge.ANY))
    lent = lending(Phase.COMPLETED).items[0].within
    assert lent is not None
    assert may_be_of(lent, replace(on, began=None))


def test_what_must_exist_in_the_ils() -> None:
    wanted = expectations_of({"a": POLICY, "b": replace(POLICY, lending=LendingPolicy(default_account="D"))}).wanted
    assert {each.code for each in wanted if each.use is Use.ACCOUNT} == {ACCOUNT, "DISTRICT-xyzILL", "D"}
    listed = replace(POLICY, lending=replace(POLICY.lending, accounts={"xyz": "OWN"}))
    codes = {each.code for each in expectations_of({"a": listed}).wanted if each.use is Use.ACCOUNT}
    assert codes == {ACCOUNT, "OWN"}
    assert [str(each.place) for each in wanted if each.use is Use.ARRIVAL_PLACE] == ["SOUTH/CIRC", "NORTH/CIRC"]


def test_folded_requests_of_both_sides_share_a_conversation() -> None:
    assert folded(change(1, Phase.RECEIVED)).key.conversation == LENDER.conversation
    assert date(2027, 1, 15) == DUE
