"""How the audit brings a request in step: the record is made to say what is there, so that the plan sees the difference. Pure.

Here alone a latch is opened, and only towards what is there: what was deleted, cancelled, checked in or brought home and is seen all the
same. Nothing is made again by this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridge.domain.commands import Charge, Origin, VendorIds
from bridge.domain.drift import AuditFinding, Drift, ours_open
from bridge.domain.learn import amend
from bridge.domain.record import Existence, HoldState, ItemRecord, LoanRecord, SeenLoan, Sighting
from bridge.domain.within import Within


def mended(
    item: ItemRecord,
    seen: Sighting,
    findings: Iterable[AuditFinding],
    *,
    elsewhere: bool = False,
    within: Within | None = None,
) -> ItemRecord:
    """The item record from which the plan repairs these findings; those without a repair change nothing but what a resync would."""
    record = amend(item, seen)
    for kind in sorted({each.kind for each in findings if each.repair}):
        record = _opened(record, seen, kind, elsewhere=elsewhere, within=within)
    return record


def _opened(item: ItemRecord, seen: Sighting, kind: Drift, *, elsewhere: bool, within: Within | None) -> ItemRecord:
    match kind:
        case Drift.ITEM_LEFT:
            return _still_there(item, seen)
        case Drift.HOLD_LEFT:
            return _still_held(item, seen)
        case Drift.STILL_CHARGED:
            return _still_lent(item, ours_open(item, seen, elsewhere=elsewhere, within=within))
        case Drift.PLACE_LEFT:
            return replace(item, restored=False)
        case Drift.PLACE:
            return replace(item, moved_to=None)
        case Drift.DUE_DATE:
            return replace(item, due_written=None, loans=_with_seen_dates(item, seen))
        case _:
            return item


def _still_there(item: ItemRecord, seen: Sighting) -> ItemRecord:
    """The whole item, or what is left of it; it came back before, so it is not checked in again."""
    if seen.item_present:
        place = seen.place if seen.place is not None and not item.place.location else item.place
        barcode = item.barcode or seen.barcode
        return replace(item, existence=Existence.PRESENT, ids=seen.ids, barcode=barcode, place=place, checked_in=True)
    remains = VendorIds(seen.ids.bib, seen.ids.holding)
    return replace(item, existence=Existence.NONE, origin=item.origin or Origin.CREATED, ids=remains)


def put_back(item: ItemRecord, seen: Sighting) -> ItemRecord:
    """An item that is wanted and counted as deleted, and was put back, or was not shown for a while: it goes when it is wanted no more."""
    return replace(item, existence=Existence.PRESENT, ids=seen.ids, barcode=item.barcode or seen.barcode)


def _still_held(item: ItemRecord, seen: Sighting) -> ItemRecord:
    """Our hold as it was seen, whatever we thought had become of it."""
    if seen.hold is None:
        return item
    others = tuple(hold for hold in item.holds if hold.hold_id != seen.hold.hold_id)
    return replace(item, holds=(*others, replace(seen.hold, state=HoldState.PLACED)))


def _with_seen_dates(item: ItemRecord, seen: Sighting) -> tuple[LoanRecord, ...]:
    """The loans as they stand: one that is recorded with the right date would not be dated again."""
    dates = {loan.loan_id: loan.due for loan in seen.loans}
    return tuple(replace(loan, due=dates.get(loan.loan_id, loan.due)) for loan in item.loans)


def _still_lent(item: ItemRecord, mine: tuple[SeenLoan, ...]) -> ItemRecord:
    """Open again, and to be discharged once more; of the two charges of an in-system loan only those that are left."""
    known = {loan.loan_id: loan for loan in item.loans}
    opened = {
        loan.loan_id: replace(
            known.get(loan.loan_id) or LoanRecord(loan.loan_id, loan.account, charge=loan.charge),
            account=loan.account,
            ended=False,
        )
        for loan in mine
    }
    loans = tuple(loan for loan in item.loans if loan.loan_id not in opened)
    charges = {loan.charge for loan in opened.values()}
    left = charges | ({Charge.ACCOUNT} if Charge.ANY in charges else set())
    discharged = tuple(each for each in item.discharged if each not in left)
    return replace(item, loans=(*loans, *opened.values()), checked_in=False, discharged=discharged)
