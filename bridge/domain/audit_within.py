"""What the audit finds of in-system loans (rule 10): charges that nobody ended, and the library to ask. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.domain.commands import Charge
from bridge.domain.drift import AuditFinding, Drift, Say, ours_open
from bridge.domain.policy import DoneBy
from bridge.domain.record import SeenLoan, Sighting
from bridge.domain.within import BorrowedWithin, LentWithin, Within


def charges_left(say: Say, within: BorrowedWithin, seen: Sighting, *, elsewhere: bool) -> Iterator[AuditFinding]:
    """The borrowing side: what has gone back, and is still charged to the ILL account or the patron."""
    if not within.back:
        return
    left = ours_open(say.item, seen, elsewhere=elsewhere, within=within)
    for charge, who in ((Charge.PATRON, within.by.discharge_patron), (Charge.ACCOUNT, within.by.discharge_account)):
        if any(_charge_of(say, each) is charge for each in left):
            to = within.by.ill_account if charge is Charge.ACCOUNT else "the patron"
            ours = who is DoneBy.BRIDGE and not _covered(seen, left)
            yield say(
                Drift.STILL_CHARGED,
                f"Item {{item}} is still charged to {to}, although it has gone back",
                f"Discharge item {{item}} from {to}." if ours else "",
                f"Ask {within.at.library or 'the borrowing library'} to discharge it at its desk.",
            )
            return


def _charge_of(say: Say, loan: SeenLoan) -> Charge:
    """What the record says, where it knows the loan: that stays true where an ILS does not tell."""
    known = next((each for each in say.item.loans if each.loan_id == loan.loan_id), None)
    return known.charge if known is not None else loan.charge


def _covered(seen: Sighting, left: tuple[SeenLoan, ...]) -> bool:
    """Whether somebody has it who is none of ours: a scan would end their charge."""
    return len(seen.loans) > len(left)


def account_left(say: Say, within: LentWithin, seen: Sighting, *, elsewhere: bool) -> Iterator[AuditFinding]:
    """The lending side: an item that is home and still charged to the borrowing library's account."""
    left = ours_open(say.item, seen, elsewhere=elsewhere, within=within)
    if left:
        ours = within.by.discharge_account is DoneBy.BRIDGE and not _covered(seen, left)
        over = " (and somebody's charge lies over it)" if _covered(seen, left) else ""
        yield say(
            Drift.STILL_CHARGED,
            f"Item {{item}} is still charged to {within.account}{over}, although the loan is over; the library to ask is {within.partner}",
            f"Discharge item {{item}} from {within.account}." if ours else "",
            f"Ask {within.partner} to discharge it at its desk.",
        )


def coming_home(within: Within | None, seen: Sighting) -> bool:
    """Whether an item lent within one ILS is on its way home: the borrowing library has discharged it already."""
    return isinstance(within, LentWithin) and (within.returning or bool(seen.in_transit))
