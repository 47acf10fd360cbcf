"""Due-date alignment: the loan that the desk makes of a temporary item is brought to the lender's date less the margin. Pure."""

from __future__ import annotations

from dataclasses import replace

from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Verb
from bridge.domain.goal import ItemGoal, LoanWish
from bridge.domain.record import Existence, ItemRecord, PatronLoan


def watched(goal: ItemGoal, item: ItemRecord, can: Capabilities) -> bool:
    """Whether a loan of this item by the desk concerns the bridge: it is here, and its date can be brought to the goal's."""
    if can.of(Verb.SET_DUE_DATE) is Ability.NO or item.existence is not Existence.PRESENT:
        return False
    return isinstance(goal.loan, LoanWish) and goal.loan.align and goal.loan.due is not None


def sought(goal: ItemGoal, item: ItemRecord, can: Capabilities) -> bool:
    """Whether a look is worth it: the desk's loan of a watched item was not seen yet, or its date is not settled."""
    if not watched(goal, item, can) or not isinstance(goal.loan, LoanWish):
        return False
    return item.patron_loan is None or unaligned(goal.loan, item.patron_loan)


def unaligned(loan: LoanWish, seen: PatronLoan | None) -> bool:
    """Whether a patron's loan was seen that has not been brought to the date, or that a recall may shorten now.

    What was settled once stays settled until the goal's date changes: a later renewal, or a date set by staff, is theirs.
    """
    if not loan.align or loan.due is None or seen is None or seen.ended:
        return False
    if seen.brought != loan.due:
        return loan.renew or seen.brought is None
    return loan.may_shorten and not seen.firmly and seen.due is not None and seen.due > loan.due


def compared(goal: ItemGoal, before: ItemRecord, item: ItemRecord) -> tuple[ItemRecord, tuple[str, ...]]:
    """The record after a look was held against the goal, and what the history should say of it.

    A date that is right, or that is later and may not be shortened (rule 11), is settled; anything else is left to the plan.
    """
    loan, seen = goal.loan, item.patron_loan
    if seen is None:
        return item, ()
    notes = _news(item.barcode or goal.barcode, before.patron_loan, seen)
    if not isinstance(loan, LoanWish) or not loan.align or loan.due is None or seen.ended:
        return item, notes
    longer = seen.due is not None and seen.due > loan.due and not loan.may_shorten
    if longer and (notes or unaligned(loan, seen)):
        notes = (*notes, _TOO_LONG.format(barcode=item.barcode or goal.barcode, due=loan.due))
    if longer or seen.due == loan.due:
        item = replace(item, patron_loan=replace(seen, brought=loan.due, firmly=loan.may_shorten))
    return item, notes


_TOO_LONG = (
    "Item {barcode} should be back by {due} (the lender's date less the margin), and the patron's loan runs longer. The bridge does not "
    "shorten a patron's loan, so it stays: ask the patron to bring the item back in time, or the lender to renew."
)


def _news(barcode: str, before: PatronLoan | None, seen: PatronLoan) -> tuple[str, ...]:
    until = f", due {seen.due}" if seen.due else ""
    if seen.ended:
        return (f"Item {barcode} came back from the patron.",) if before is not None and not before.ended else ()
    if before is None or before.loan_id != seen.loan_id or before.ended:
        return (f"The desk has lent item {barcode} to the patron{until}.",)
    if before.due != seen.due:
        return (f"The patron's loan of item {barcode} has another date now{until}.",)
    return ()
