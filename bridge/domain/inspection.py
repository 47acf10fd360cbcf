"""What to look for in the ILS, given what we know; for steps of unknown end, resync and audit."""

from __future__ import annotations

from dataclasses import replace

from bridge.domain import commands as do
from bridge.domain.commands import Charge, Command, Inspect, Origin, Target
from bridge.domain.goal import FeeWish, HoldWish, ItemGoal, LoanWish
from bridge.domain.identity import Mark, Role
from bridge.domain.plan_within import charge_of, twice
from bridge.domain.record import ItemRecord, Record
from bridge.domain.sentences_within import account_of
from bridge.domain.within import BorrowedWithin, LentWithin


def inspection(mark: Mark, item: ItemRecord, record: Record, command: Command) -> Inspect:
    """Look for what this command may have done."""
    asked = do.Target(mark, Origin.CREATED) if isinstance(command, do.FindPatron) else command.target
    patron = record.patron.patron_id if record.patron else ""
    hold = item.hold
    if twice(command):
        return _inspection_of_two(_target(mark, item, asked), item, command)
    return Inspect(
        target=_target(mark, item, asked),
        patron_id=getattr(command, "patron_id", "") or patron or (hold.patron_id if hold else ""),
        hold_id=getattr(command, "hold_id", "") or (hold.hold_id if hold else ""),
        account=getattr(command, "account", "") or _account(item),
        loan_ids=_loan_ids(item),
        fee_keys=(command.fee_key,) if isinstance(command, do.ChargeFee) else (),
    )


def _inspection_of_two(target: Target, item: ItemRecord, command: Command) -> Inspect:
    """Both charges of an in-system loan: the one the command is about, and the other."""
    account, patron = item.charged(Charge.ACCOUNT), item.charged(Charge.PATRON)
    of_patron = charge_of(command) is Charge.PATRON
    return Inspect(
        target=target,
        patron_id=str(getattr(command, "account", "")) if of_patron else patron.account if patron else "",
        account=account_of(command) or (account.account if account else ""),
        loan_ids=_loan_ids(item),
        double=True,
    )


def review(goal: ItemGoal, item: ItemRecord, record: Record, role: Role) -> Inspect:
    """Look at everything this goal is about, as a resync does."""
    own = role is Role.LENDER or goal.within is not None
    origin = item.origin or (Origin.OWN if own else Origin.CREATED)
    asked = Target(goal.mark, origin, goal.barcode, item.ids, item.place)
    hold = goal.hold if isinstance(goal.hold, HoldWish) else None
    loan = goal.loan if isinstance(goal.loan, LoanWish) else None
    fees = tuple(wish.fee_key for wish in (goal.fee, goal.bill) if isinstance(wish, FeeWish))
    patron = record.patron.patron_id if record.patron and role is Role.BORROWER else ""
    if goal.within is not None:
        return _review_of_two(goal.within, _target(goal.mark, item, asked), item, patron)
    return Inspect(
        target=_target(goal.mark, item, asked),
        patron_id=patron or (hold.patron_id if hold else item.hold.patron_id if item.hold else ""),
        hold_id=item.hold.hold_id if item.hold else "",
        account=_account(item) or (loan.account if loan else ""),
        loan_ids=_loan_ids(item),
        fee_keys=fees,
    )


def _review_of_two(within: BorrowedWithin | LentWithin, target: Target, item: ItemRecord, patron: str) -> Inspect:
    if isinstance(within, LentWithin):
        return Inspect(target, account=within.account, loan_ids=_loan_ids(item), double=True)
    patron = patron or within.patron_id
    return Inspect(target, patron, account=within.by.ill_account, loan_ids=_loan_ids(item), double=True)


def glance(goal: ItemGoal, item: ItemRecord, record: Record) -> Inspect:
    """Look only who has a temporary item, as due-date alignment does."""
    return replace(review(goal, item, record, Role.BORROWER), fee_keys=(), loans_only=True)


def _target(mark: Mark, item: ItemRecord, asked: Target) -> Target:
    place = item.place if item.place != do.Place() else asked.place
    return Target(mark, item.origin or asked.origin, item.barcode or asked.barcode, asked.ids.merged(item.ids), place)


def _account(item: ItemRecord) -> str:
    return item.loans[-1].account if item.loans else ""


def _loan_ids(item: ItemRecord) -> tuple[str, ...]:
    return tuple(loan.loan_id for loan in item.loans if loan.loan_id)
