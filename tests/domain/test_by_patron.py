"""An ILS that makes item and hold in one step (NCIP): the plan names the patron, and sees that more came back than it asked for."""

from __future__ import annotations

from dataclasses import replace

from bridge.domain import commands as do
from bridge.domain.capabilities import Capabilities
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.expect import AccountStanding, account_findings
from bridge.domain.goal import Goal
from bridge.domain.identity import Mark
from bridge.domain.learn import learn
from bridge.domain.plan import Step, StepKey, next_step
from bridge.domain.policy import BorrowingPolicy
from bridge.domain.record import Existence, HoldRecord, Learned, Outcome, Record
from tests.domain.build import DUE, LATER, LENDER, POLICY, START, answer, borrowed, change, goal_of, lent

CAN = Capabilities(by_patron=True, temporary_location=False)
RECEIVED = (borrowed(due=DUE), change(1, Phase.RECEIVED))


def worked(goal: Goal, can: Capabilities, record: Record | None = None) -> tuple[Record, list[do.Command]]:
    """Every step, with item and hold in one."""
    record, commands = record or Record(), []
    while isinstance(step := next_step(goal, record, can), Step):
        commands.append(step.command)
        outcome = answer(step)
        if isinstance(step.command, do.CreateTemporaryItem):
            made = step.command
            hold = HoldRecord("n1", made.patron_id, made.pickup_location)
            outcome = Outcome(learned=replace(outcome.learned, hold=hold))
        record = learn(record, step, outcome)
    return record, commands


def kinds(commands: list[do.Command]) -> list[type]:
    return [type(command) for command in commands]


def test_the_hold_comes_with_the_item_and_is_not_placed_again() -> None:
    record, commands = worked(goal_of(*RECEIVED), CAN)
    assert kinds(commands) == [do.FindPatron, do.CreateTemporaryItem]
    (_, made) = commands
    assert isinstance(made, do.CreateTemporaryItem)
    assert (made.patron_id, made.pickup_location, made.notify) == ("id-p1", "MAIN", True)
    hold = record.item("", "").hold
    assert hold is not None
    assert hold.hold_id == "n1"


def test_without_a_hold_wanted_no_patron_is_named() -> None:
    policy = replace(POLICY, borrowing=BorrowingPolicy(hold=False))
    _, commands = worked(goal_of(*RECEIVED, policy=policy), CAN)
    (made,) = [command for command in commands if isinstance(command, do.CreateTemporaryItem)]
    assert made.patron_id == ""


def test_a_renewal_names_the_patron_and_the_date_before() -> None:
    record, _ = worked(goal_of(*RECEIVED), CAN)
    step = next_step(goal_of(*RECEIVED, change(2, due=LATER)), record, CAN)
    assert isinstance(step, Step)
    command = step.command
    assert isinstance(command, do.SetDueDate)
    assert (command.due, command.patron_id, command.before) == (LATER, "id-p1", DUE)


def test_a_lent_loan_is_renewed_with_the_date_before() -> None:
    shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
    record, _ = worked(goal_of(*shipped), CAN)
    step = next_step(goal_of(*shipped, change(2, key=LENDER, due=LATER)), record, CAN)
    assert isinstance(step, Step)
    assert isinstance(step.command, do.SetDueDate)
    assert (step.command.before, step.command.patron_id) == (DUE, "")


def test_where_holds_go_with_the_item_none_is_cancelled_first() -> None:
    returned = (*RECEIVED, change(2, Phase.RETURNED))
    record, _ = worked(goal_of(*RECEIVED), CAN)
    _, without = worked(goal_of(*returned), replace(CAN, delete_ends_holds=True), record)
    _, explicit = worked(goal_of(*returned), CAN, record)
    assert kinds(without) == [do.CheckIn, do.DeleteTemporaryItem]
    assert kinds(explicit) == [do.CheckIn, do.CancelHold, do.DeleteTemporaryItem]


def test_an_account_that_can_never_be_looked_up_is_told_so() -> None:
    (found,) = account_findings([AccountStanding("XYZ", unseen="WMS does not tell.")], (), today=START.date())
    assert (found.ok, found.text) == (True, "WMS does not tell.")


def test_what_is_learned_beside_the_item_is_kept() -> None:
    record = learn(
        Record(),
        Step(
            StepKey("", "", Verb.CREATE_TEMPORARY_ITEM, 0),
            do.CreateTemporaryItem(do.Target(Mark("m", "m"), do.Origin.CREATED, "B"), do.Description()),
        ),
        Outcome(learned=Learned(existence=Existence.PRESENT, hold=HoldRecord("n1", "p", "MAIN"))),
    )
    assert record.item("", "").holds == (HoldRecord("n1", "p", "MAIN"),)
