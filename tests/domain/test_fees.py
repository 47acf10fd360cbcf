"""What a patron is charged is what is owed, whatever is told of it and however often: by the bridge once, and then by staff."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Change, Closure, Condition, Phase
from bridge.domain.commands import Money, Verb
from bridge.domain.entrusted import entrust
from bridge.domain.goal import ABSENT, FeeWish
from bridge.domain.identity import Role
from bridge.domain.learn import confirm, learn
from bridge.domain.plan import StaffTask, Step, next_step
from bridge.domain.preview import tasks_ahead
from bridge.domain.privacy import record_without_person
from bridge.domain.record import Existence, FeeRecord, Outcome, OutcomeKind, Record, told_apart
from tests.domain.build import CAN, POLICY, answer, borrowed, change, copy_of, goal_of, run, verbs, with_item

UNTOLD = Money(Decimal(0))
EIGHTY, SIXTY = Money(Decimal("80.00"), "EUR"), Money(Decimal(60), "EUR")
BILLED = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_replacement_fee=True))
NOTHING = Money(Decimal(0), "EUR")
CHARGED = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_fee=True))
AT_HOME = replace(POLICY, borrowing=replace(BILLED.borrowing, charge_fee_on_copies=True, fee_currency="EUR"))
RECEIVED = (borrowed(), change(1, Phase.RECEIVED))
BILL = change(2, raised=(Condition.LOST,), fee=EIGHTY)
LESS = change(3, raised=(Condition.FEE_COMMUNICATED,), fee=SIXTY)
WITHDRAWN = change(3, cleared=(Condition.FEE_COMMUNICATED,))


def asked(record: Record, *told: Change, policy: object = BILLED) -> tuple[Record, str]:
    """The record when nothing is left to the bridge, and what staff are asked."""
    record, _, task = run(goal_of(*RECEIVED, *told, policy=policy), record)  # type: ignore[arg-type]
    return record, task.instruction if task is not None else ""


def settled(record: Record, *told: Change, policy: object = BILLED) -> Record:
    """The record once staff have done all they were asked."""
    for _ in range(9):
        record, _, task = run(goal_of(*RECEIVED, *told, policy=policy), record)  # type: ignore[arg-type]
        if task is None:
            return record
        record = confirm(record, task)
    raise AssertionError("staff are asked without end")


class TestAnotherPatron:
    TOLD = (*RECEIVED, change(2, raised=(Condition.FEE_COMMUNICATED,), fee=SIXTY))
    OTHER = change(3, patron_id="p2")
    MOVE = "The fee was charged to the patron whom the request named before: move it in the ILS to the one named now."

    def test_staff_are_asked_to_move_what_was_charged(self) -> None:
        record, _, _ = run(goal_of(*self.TOLD, policy=CHARGED))
        now = goal_of(*self.TOLD, self.OTHER, policy=CHARGED)
        record, steps, task = run(now, record)
        assert "charge_fee" not in verbs(steps)
        assert task is not None
        assert task.instruction == self.MOVE
        back = goal_of(*self.TOLD, self.OTHER, change(4, patron_id="p1"), policy=CHARGED)
        assert run(back, record)[2] is None, "it was never moved"
        record = confirm(record, task)
        assert run(now, record)[2] is None
        record, _, task = run(back, record)
        assert task is not None
        assert task.instruction == self.MOVE

    def test_the_patron_of_a_copy_is_looked_up(self) -> None:
        told = (copy_of(borrowed()), change(1, Phase.RECEIVED, fee=SIXTY))
        record, _, _ = run(goal_of(*told, policy=AT_HOME))
        _, steps, task = run(goal_of(*told, change(2, patron_id="p2"), policy=AT_HOME), record)
        assert verbs(steps) == ["find_patron"]
        assert task is not None
        assert task.instruction == self.MOVE

    def test_what_nobody_charged_or_nobody_knows_whom_is_not_moved(self) -> None:
        no = replace(CAN, abilities={Verb.CHARGE_FEE: Ability.NO})
        record, _, _ = run(goal_of(*self.TOLD, policy=CHARGED), can=no)
        assert run(goal_of(*self.TOLD, self.OTHER, policy=CHARGED), record, no)[2] is None
        record, _, _ = run(goal_of(*self.TOLD, policy=CHARGED))
        record = record_without_person(record, Role.BORROWER)
        assert record.items[0].fees[0].whom == ""
        assert run(goal_of(*self.TOLD, self.OTHER, policy=CHARGED), record)[2] is None


class TestABillThatChanges:
    def test_staff_are_asked_to_correct_what_was_charged(self) -> None:
        record, _ = asked(Record(), BILL)
        record, text = asked(record, BILL, LESS)
        assert text == "The replacement fee is 60 EUR now, and 80.00 EUR was charged: correct it in the ILS."
        record = settled(record, BILL, LESS)
        again = change(4, raised=(Condition.FEE_COMMUNICATED,), fee=EIGHTY)
        _, text = asked(record, BILL, LESS, again)
        assert text == "The replacement fee is 80.00 EUR now, and 60 EUR was charged: correct it in the ILS."
        record = settled(record, BILL, LESS, again)
        _, text = asked(record, BILL, LESS, again, change(5, raised=(Condition.FEE_COMMUNICATED,), fee=SIXTY))
        assert "is 60 EUR now, and 80.00 EUR was charged" in text

    def test_the_same_in_other_words_is_no_change(self) -> None:
        record, _ = asked(Record(), BILL)
        same = change(3, raised=(Condition.FEE_COMMUNICATED,), fee=Money(Decimal(80), "EUR"))
        assert asked(record, BILL, same)[1] == ""
        seen = with_item(record, fees=(FeeRecord("replacement", "1", Money(Decimal(80))),))
        assert asked(seen, BILL)[1] == "", "an ILS may not tell the currency"
        seen = with_item(record, fees=(FeeRecord("replacement", "1", UNTOLD),))
        assert asked(seen, BILL)[1] == "", "nor the amount"
        waive = "Waive the replacement fee in the ILS, or pay it back: it is not owed any more."
        assert asked(seen, BILL, WITHDRAWN)[1] == waive

    @pytest.mark.parametrize("told", [UNTOLD, Money(EIGHTY.amount, "USD")])
    def test_what_was_charged_is_what_was_asked_for_however_the_ils_tells_it(self, told: Money) -> None:
        goal = goal_of(*RECEIVED, BILL, policy=BILLED)
        record = Record()
        while not isinstance((step := next_step(goal, record, CAN)), Step) or step.key.verb is not Verb.CHARGE_FEE:
            assert isinstance(step, Step)
            record = learn(record, step, answer(step))
        usual = FeeRecord("fee", "1", UNTOLD)
        found = with_item(record, fees=(usual, FeeRecord("replacement", "2", told)))
        charged = learn(found, step, Outcome(OutcomeKind.ALREADY))
        assert charged.item("", "").fees == (usual, FeeRecord("replacement", "2", EIGHTY, told_apart("id-p1")))

    def test_one_that_is_taken_back_is_waived(self) -> None:
        record, _ = asked(Record(), BILL)
        waive = "Waive the replacement fee of 80.00 EUR in the ILS, or pay it back: it is not owed any more."
        assert asked(record, BILL, WITHDRAWN)[1] == waive
        record = settled(record, BILL, LESS)
        _, text = asked(record, BILL, LESS, change(4, cleared=(Condition.FEE_COMMUNICATED,)))
        assert text == waive.replace("80.00", "60")

    def test_it_is_told_beside_what_else_is_asked(self) -> None:
        by_hand = replace(CAN, abilities={Verb.MARK_LOST: Ability.STAFF})
        goal = goal_of(*RECEIVED, BILL, WITHDRAWN, policy=BILLED)
        record = run(goal_of(*RECEIVED, BILL, policy=BILLED), Record(), by_hand)[0]
        record = with_item(record, existence=Existence.PRESENT)
        told = [task.instruction for task in tasks_ahead(goal, record, by_hand)]
        assert [text.partition(" ")[0] for text in told] == ["Declare", "Waive"]

    def test_lost_again_it_is_charged_again(self) -> None:
        found = change(3, raised=(Condition.FOUND,))
        record = settled(asked(Record(), BILL)[0], BILL, found)
        lost = change(4, raised=(Condition.LOST,))
        record, text = asked(record, BILL, found, lost)
        assert text == (
            "Charge the replacement fee of 80.00 EUR again in the ILS: it was waived or paid back before, and is owed now."
        )
        record = settled(record, BILL, found, lost)
        assert asked(record, BILL, found, lost, change(5, raised=(Condition.FOUND,)))[1].startswith("Waive")

    def test_lost_again_and_billed_less_it_is_charged_once(self) -> None:
        found = change(3, raised=(Condition.FOUND,))
        record = settled(asked(Record(), BILL)[0], BILL, found)
        told = (BILL, found, change(4, raised=(Condition.LOST, Condition.FEE_COMMUNICATED), bill=SIXTY))
        record, text = asked(record, *told)
        assert text.startswith("Charge the replacement fee of 60 EUR again")
        (once,) = set(settled(record, *told).confirmed) - set(record.confirmed)
        assert once.endswith(":60 EUR")

    def test_nothing_is_no_fee(self) -> None:
        """Many lenders say that a loan costs 0.00; some ILSs refuse to charge that."""
        free = change(2, raised=(Condition.LOST,), fee=NOTHING)
        assert "charge_fee" not in verbs(run(goal_of(*RECEIVED, free, policy=BILLED))[1])
        assert "charge_fee" not in verbs(run(goal_of(*RECEIVED, change(2, fee=NOTHING), policy=CHARGED))[1])
        record, _ = asked(Record(), BILL)
        forgiven = change(3, raised=(Condition.FEE_COMMUNICATED,), fee=NOTHING)
        record, text = asked(record, BILL, forgiven)
        assert text == "The replacement fee is 0 EUR now, and 80.00 EUR was charged: correct it in the ILS."
        assert asked(settled(record, BILL, forgiven), BILL, forgiven, change(4, raised=(Condition.FOUND,)))[1] == ""

    def test_the_usual_fee_is_corrected_too_unless_it_is_our_own(self) -> None:
        first = change(2, raised=(Condition.FEE_COMMUNICATED,), fee=EIGHTY)
        record, _ = asked(Record(), first, policy=CHARGED)
        assert asked(record, first, LESS, policy=CHARGED)[1].startswith("The fee is 60 EUR now, and 80.00 EUR was")
        ours = replace(CHARGED, borrowing=replace(CHARGED.borrowing, fee_amount=Decimal(3)))
        record, _ = asked(Record(), policy=ours)
        dearer = replace(ours, borrowing=replace(ours.borrowing, fee_amount=Decimal(4)))
        assert asked(record, policy=dearer)[1] == ""

    def test_a_bill_left_to_staff_is_not_wanted_any_more(self) -> None:
        """They may have charged it already, and not have said so."""
        by_hand = replace(CAN, abilities={Verb.CHARGE_FEE: Ability.STAFF})
        record, _, task = run(goal_of(*RECEIVED, BILL, policy=BILLED), Record(), by_hand)
        assert task is not None
        assert asked(record, BILL, WITHDRAWN)[1] == ""
        record = entrust(record, (task,))
        _, text = asked(record, BILL, WITHDRAWN)
        assert text.startswith("Not wanted any more: Charge the replacement fee of 80.00 EUR")


class TestForeignMoney:
    DOLLARS = change(2, raised=(Condition.LOST,), fee=Money(Decimal(80), "USD"))

    def test_it_is_left_to_staff(self) -> None:
        """Most ILSs know no currency: eighty dollars would be eighty euros there."""
        record, _ = asked(Record(), policy=AT_HOME)
        record, text = asked(record, self.DOLLARS, policy=AT_HOME)
        assert text == (
            "Charge the replacement fee of 80 USD for item ILL-1. "
            "It is not in the currency of the library's fees, so the bridge does not charge it."
        )
        record = settled(record, self.DOLLARS, policy=AT_HOME)
        assert [fee.fee.currency for fee in record.items[0].fees] == ["USD"]
        assert asked(record, self.DOLLARS, change(3, raised=(Condition.FOUND,)), policy=AT_HOME)[1].startswith("Waive")

    @pytest.mark.parametrize("fee", [EIGHTY, Money(Decimal(80))])
    def test_at_home_it_is_charged(self, fee: Money) -> None:
        lost = replace(self.DOLLARS, edits=replace(self.DOLLARS.edits, fee=fee))
        _, steps, _ = run(goal_of(*RECEIVED, lost, policy=AT_HOME))
        assert "charge_fee" in verbs(steps)

    def test_where_no_currency_is_named_all_are_charged(self) -> None:
        assert "charge_fee" in verbs(run(goal_of(*RECEIVED, self.DOLLARS, policy=BILLED))[1])

    def test_where_staff_charge_all_fees_nothing_more_is_said(self) -> None:
        by_hand = replace(CAN, abilities={Verb.CHARGE_FEE: Ability.STAFF})
        _, _, task = run(goal_of(*RECEIVED, self.DOLLARS, policy=AT_HOME), Record(), by_hand)
        assert task is not None
        assert task.instruction == "Charge the replacement fee of 80 USD."

    def test_a_copy_has_no_item_to_be_named(self) -> None:
        copy = copy_of(borrowed())
        fee = change(1, Phase.RECEIVED, fee=Money(Decimal(80), "USD"))
        _, _, task = run(goal_of(copy, fee, policy=AT_HOME))
        assert task is not None
        assert task.instruction.startswith("Charge the fee of 80 USD. It is not")


NEWS = {
    "lost": {"raised": (Condition.LOST,)},
    "found": {"raised": (Condition.FOUND,)},
    "damaged": {"raised": (Condition.DAMAGED,)},
    "billed": {"raised": (Condition.FEE_COMMUNICATED,), "fee": EIGHTY},
    "billed less": {"raised": (Condition.FEE_COMMUNICATED,), "fee": SIXTY},
    "billed nothing": {"raised": (Condition.FEE_COMMUNICATED,), "fee": NOTHING},
    "withdrawn": {"cleared": (Condition.FEE_COMMUNICATED,)},
    "paid": {"raised": (Condition.FEE_PAID,)},
    "refunded": {"cleared": (Condition.FEE_PAID,)},
    "returned": {"phase": Phase.RETURNED},
    "received": {"phase": Phase.RECEIVED},
    "closed": {"phase": Phase.COMPLETED, "closure": Closure.WITHOUT_RETURN},
}


class Account:
    """What the patron owes, as the bridge and staff leave it; staff do what they are asked, at once."""

    def __init__(self, can: Capabilities) -> None:
        self.can = can
        self.owed = Decimal(0)
        self.record = Record()

    def work(self, goal: object) -> None:
        for _ in range(60):
            found = next_step(goal, self.record, self.can)  # type: ignore[arg-type]
            if found is None:
                return
            if isinstance(found, Step):
                self.record = learn(self.record, found, answer(found))
            else:
                self.record = confirm(self.record, found)
                self._by_hand(found)
            if isinstance(found.command, do.ChargeFee):
                self.owed += found.command.fee.amount
        raise AssertionError("no end")

    def _by_hand(self, task: StaffTask) -> None:
        amount = re.search(r"fee (?:of|is) ([\d.]+)", task.instruction)
        if task.command is not None or amount is None:
            return
        assert not task.instruction.startswith("The ") or self.owed != Decimal(amount[1]), "nothing is to be corrected"
        if task.instruction.startswith("Waive"):
            self.owed -= Decimal(amount[1])
        elif task.instruction.startswith("Charge"):
            self.owed += Decimal(amount[1])
        else:
            self.owed = Decimal(amount[1])


@given(st.lists(st.sampled_from(sorted(NEWS)), max_size=9), st.sampled_from([Ability.YES, Ability.STAFF]))
def test_what_is_charged_is_what_is_owed(told: list[str], ability: Ability) -> None:
    account = Account(replace(CAN, abilities={Verb.CHARGE_FEE: ability}))
    changes = [*RECEIVED]
    for at, name in enumerate(told, start=2):
        changes.append(change(at, **NEWS[name]))  # type: ignore[arg-type]
        goal = goal_of(*changes, policy=BILLED)
        account.work(goal)
        bill = goal.items[0].bill
        if isinstance(bill, FeeWish):
            assert account.owed == bill.fee.amount
        elif bill is ABSENT:
            assert account.owed == 0
