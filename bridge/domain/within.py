"""In-system loans (rule 10): what is wanted of a real item that another library on the same ILS borrows, on either side. Pure.

The owning library's request charges the item to the borrowing library's ILL account; the borrowing library's request receives it, charges
it to the patron too, and on return discharges both and sends it home; the owning library's request ends what is left when it is home. Each
side looks before it discharges, so that it does not matter whether the other side's request is known here, or which came first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.domain.change import GONE_BACK, Phase
from bridge.domain.commands import Charge, Place
from bridge.domain.policy import BorrowingPolicy, DoneBy, InSystemBorrowing, InSystemLending, LendingPolicy
from bridge.domain.record import ItemRecord, LoanRecord, Record, SeenLoan
from bridge.domain.standing import Standing

CHARGED_WITHIN = timedelta(days=2)
"""How long after an item was received its owner may still charge it to the ILL account by hand."""


@dataclass(frozen=True)
class BorrowedWithin:
    """An item of our own ILS at the borrowing library: charged to the patron over the ILL account, or, when it is ``back``, discharged
    from both and on its way home. A charge that was not recorded is ours only if it began before ``began_before``, when it went back, and
    the account's only if it began before ``arrived_by`` too: the owning library may charge it a little late.
    """

    by: InSystemBorrowing
    patron_id: str
    at: Place
    back: bool = False
    arrived_by: datetime | None = None
    began_before: datetime | None = None


@dataclass(frozen=True)
class LentWithin:
    """An item lent to another library on our own ILS: sent ``to`` it where the bridge does that; ``back``: home again; ``returning``: on
    its way, so that the borrowing library has discharged it already. ``partner`` is the library to ask, ``account`` its ILL account.
    """

    by: InSystemLending
    partner: str
    account: str
    to: Place | None = None
    returning: bool = False
    back: bool = False
    began_before: datetime | None = None


Within = BorrowedWithin | LentWithin


def may_be_of(within: Within, loan: SeenLoan) -> bool:
    """Whether a charge that was not recorded can be of this loan: on the account or the patron's, and begun before the item went back."""
    bounds, ours = [within.began_before], loan.ours
    if isinstance(within, BorrowedWithin):
        bounds += [within.arrived_by] if loan.charge is Charge.ACCOUNT else []
        ours = ours or loan.charge is Charge.PATRON
    return ours and (loan.began is None or all(bound is None or loan.began < bound for bound in bounds))


def charges_patron(policy: BorrowingPolicy) -> bool:
    """Whether the bridge charges the real item to the patron."""
    return bool(policy.in_system.ill_account) and policy.in_system.charge_patron is DoneBy.BRIDGE


def borrowed_within(stand: Standing, policy: BorrowingPolicy) -> BorrowedWithin:
    """What the borrowing side wants, once the item is there."""
    back = stand.phase in GONE_BACK
    arrived_by = stand.received_at + CHARGED_WITHIN if stand.received_at else None
    return BorrowedWithin(policy.in_system, stand.patron_id, policy.place, back, arrived_by, stand.back_at)


def lent_within(stand: Standing, policy: LendingPolicy, *, out: bool) -> LentWithin | None:
    """What the lending side wants beside an ordinary loan, while the item is ``out`` or when it is home; ``None`` for other partners."""
    by = policy.in_system
    code = by.library_of(stand.partner)
    if code is None or not stand.barcode:
        return None
    sent = out and stand.phase is Phase.SHIPPED and by.send_transit is DoneBy.BRIDGE
    return LentWithin(
        by,
        stand.partner,
        policy.account(stand.partner, stand.item_format),
        to=Place(library=code) if sent else None,
        returning=stand.phase is Phase.RETURNED,
        back=not out,
        began_before=stand.back_at,
    )


def shared(items: Iterable[tuple[ItemRecord, str]], lent: Iterable[Record]) -> tuple[ItemRecord, ...]:
    """Item records of the borrowing side, each with the barcode it should have, and with the account's charge that the lending side made.

    So that the borrowing side knows by its id the one charge on the account that is of this very loan.
    """
    loans = [(item.barcode, loan) for record in lent for item in record.items for loan in item.loans if loan.loan_id]
    return tuple(_knowing(item, [loan for named, loan in loans if named == barcode]) for item, barcode in items)


def _knowing(item: ItemRecord, loans: list[LoanRecord]) -> ItemRecord:
    known = item.charged(Charge.ACCOUNT)
    if not loans or (known is not None and known.loan_id):
        return item
    others = tuple(loan for loan in item.loans if loan.charge is not Charge.ACCOUNT)
    return replace(item, loans=(replace(loans[-1], charge=Charge.ACCOUNT), *others))
