"""Taking over what staff made by hand: looked up by barcode, then recorded as it stands. Nothing is made by it (rules 1, 3 and 12)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.domain import commands as do
from bridge.domain.commands import Inspect, Origin, Target
from bridge.domain.goal import FeeWish, HoldWish, ItemGoal, ItemWish, LoanWish
from bridge.domain.identity import Role
from bridge.domain.record import Existence, FeeRecord, HoldRecord, HoldState, ItemRecord, LoanRecord, Record, Sighting


def adoptable(goal: ItemGoal, item: ItemRecord) -> bool:
    """Whether something should be there that we have not touched yet."""
    wanted = isinstance(goal.item, ItemWish) or (isinstance(goal.loan, LoanWish) and bool(goal.loan.account))
    return wanted and item.existence is Existence.NONE and not item.loans


def known_already(item: ItemRecord, barcode: str = "") -> bool:
    """Whether the record holds the item: made, taken over or lent before (``barcode``: this very one)."""
    there = item.existence is Existence.PRESENT or item.open_loan is not None
    return there and barcode.casefold() in {"", item.barcode.casefold()}


def not_adoptable(item: ItemRecord) -> str:
    """Why there is nothing to take over, in one sentence."""
    if item.existence is Existence.PRESENT or item.loans:
        return f"The record holds item {item.barcode}; nothing is taken over beside it."
    return "There is nothing to take over: as the request stands, nothing of it should be in the ILS."


def sought(goal: ItemGoal, record: Record, role: Role, barcode: str = "") -> Inspect:
    """Where to look for what staff made; ``barcode`` goes before the one the request would have."""
    origin = Origin.OWN if role is Role.LENDER else Origin.ADOPTED
    hold = goal.hold if isinstance(goal.hold, HoldWish) else None
    patron = record.patron.patron_id if record.patron else hold.patron_id if hold else ""
    account = goal.loan.account if isinstance(goal.loan, LoanWish) else ""
    target = Target(goal.mark, origin, barcode or goal.barcode)
    return Inspect(target=target, patron_id=patron if role is Role.BORROWER else "", account=account)


@dataclass(frozen=True)
class Adoption:
    """What came of it: the item record, or why nothing is taken over."""

    item: ItemRecord | None = None
    why: str = ""


def adopted(
    goal: ItemGoal, item: ItemRecord, seen: Sighting, role: Role, *, patron_id: str = "", barcode: str = ""
) -> Adoption:
    """Take over what was found. What staff did not make (hold, fee, move) counts as settled, so that taking over makes nothing.

    ``barcode`` is one that staff named; without it an item at another place than temporary items have is not believed to be ours.
    """
    named = barcode or goal.barcode
    if not seen.item_present:
        return Adoption(why=f"There is no item {named} in the ILS.")
    found = replace(item, ids=item.ids.merged(seen.ids), barcode=seen.barcode or named)
    if role is Role.LENDER:
        return _lent(found, seen)
    why = _not_for_us(goal, seen, named, patron_id, believed=bool(barcode))
    return Adoption(why=why) if why else Adoption(_borrowed(goal, found, seen))


def _not_for_us(goal: ItemGoal, seen: Sighting, named: str, patron_id: str, *, believed: bool) -> str:
    if any(loan.account.casefold() != patron_id.casefold() for loan in seen.loans):
        return f"Item {named} is on loan to somebody else than the request's patron."
    place = goal.item.place if isinstance(goal.item, ItemWish) else do.Place()
    if not believed and place.location and seen.place is not None and seen.place.location != place.location:
        return f"Item {named} stands at {seen.place}, not at {place} where temporary items belong; name it in a CSV file if it is right."
    return ""


def _borrowed(goal: ItemGoal, item: ItemRecord, seen: Sighting) -> ItemRecord:
    wish = goal.item if isinstance(goal.item, ItemWish) else None
    return replace(
        item,
        origin=Origin.CREATED if seen.marked else Origin.ADOPTED,
        existence=Existence.PRESENT,
        wished_barcode=wish.barcode if wish else "",
        place=_with_desk(seen.place or do.Place(), wish.place if wish else do.Place()),
        holds=_holds(goal, seen),
        fees=_fees(goal),
        due_written=wish.due if wish else None,
    )


def _with_desk(seen: do.Place, usual: do.Place) -> do.Place:
    """The place seen, with the desk that temporary items are scanned at where it is of the same library."""
    return replace(seen, desk=usual.desk) if seen.library == usual.library else seen


def _holds(goal: ItemGoal, seen: Sighting) -> tuple[HoldRecord, ...]:
    """The hold found; else one that counts as filled."""
    if seen.hold is not None:
        return (seen.hold,)
    if not isinstance(goal.hold, HoldWish):
        return ()
    return (HoldRecord("", goal.hold.patron_id, goal.hold.pickup_location, HoldState.SATISFIED),)


def _fees(goal: ItemGoal) -> tuple[FeeRecord, ...]:
    wishes = (wish for wish in (goal.fee, goal.bill) if isinstance(wish, FeeWish))
    return tuple(FeeRecord(wish.fee_key, "", wish.fee) for wish in wishes)


def _lent(item: ItemRecord, seen: Sighting) -> Adoption:
    """An own item is taken over only where it is on loan to the partner's account."""
    loan = next((loan for loan in seen.loans if loan.ours), None)
    if loan is None:
        return Adoption(why=f"Item {item.barcode} is not on loan to the borrowing library's account.")
    away = seen.temporary_place
    taken = replace(
        item,
        origin=Origin.OWN,
        place=seen.place or do.Place(),
        loans=(LoanRecord(loan.loan_id, loan.account, loan.due),),
        due_written=loan.due,
        before=seen.place if away else None,
        moved_to=away,
        restored=away is None,
    )
    return Adoption(taken)
