"""The steps of in-system loans (rule 10), one at a time: charge by charge, each of them once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bridge.domain import commands as do
from bridge.domain.commands import Charge, Command, Place
from bridge.domain.goal import Wish
from bridge.domain.policy import DoneBy
from bridge.domain.record import ItemRecord, LoanRecord
from bridge.domain.within import BorrowedWithin, LentWithin

STAFF = DoneBy.STAFF


@dataclass(frozen=True)
class Dated:
    """The date that the patron's charge should have; ``moved``: the one that was brought to it last is another."""

    due: date | None
    may_shorten: bool
    leave_days: int
    moved: bool


def twice(command: Command) -> bool:
    """Whether a command is about one of an item's two charges, so that only an ILS with ``double_charge`` can be asked."""
    return charge_of(command) is not Charge.ANY


def charge_of(command: Command) -> Charge:
    """Which charge of an item a command is about."""
    if isinstance(command, do.CheckOut):
        return Charge.PATRON if command.over else Charge.ANY
    return command.charge if isinstance(command, do.CheckIn | do.SetDueDate) else Charge.ANY


def borrowing_step(
    wish: BorrowedWithin,
    target: do.Target,
    item: ItemRecord,
    patron: str,
    *,
    transit: Place | Wish,
    dated: Dated,
    was_lost: bool,
) -> Command | None:
    """What the borrowing side lacks: received and charged to the patron; or discharged from both, and sent home."""
    if wish.back:
        return _sent_home(wish, target, item, patron, was_lost=was_lost)
    if isinstance(transit, Place) and not item.transit_received:
        return do.ReceiveTransit(do.Target(target.mark, target.origin, target.barcode, target.ids, transit))
    charged = item.charged(Charge.PATRON)
    if wish.by.charge_patron is DoneBy.BRIDGE and charged is None:
        return _charged_over(wish, target, item, patron, dated) if patron else None
    if not dated.moved or dated.due is None or not patron:
        return None
    loan_id = charged.loan_id if charged else ""
    return do.SetDueDate(target, dated.due, loan_id, patron, dated.may_shorten, dated.leave_days, charge=Charge.PATRON)


def _charged_over(wish: BorrowedWithin, target: do.Target, item: ItemRecord, patron: str, dated: Dated) -> do.CheckOut:
    return do.CheckOut(
        target,
        patron,
        dated.due,
        over=wish.by.ill_account,
        over_loan_ids=_ids(item.charged(Charge.ACCOUNT)),
        over_began_before=wish.arrived_by,
        at=wish.at,
    )


def _ids(loan: LoanRecord | None) -> tuple[str, ...]:
    return (loan.loan_id,) if loan is not None and loan.loan_id else ()


def _sent_home(
    wish: BorrowedWithin, target: do.Target, item: ItemRecord, patron: str, *, was_lost: bool
) -> Command | None:
    """First what lies on top: the patron's charge, then the ILL account's; then the transit, unless the scan put it there."""
    by = wish.by
    earlier = min(filter(None, (wish.arrived_by, wish.began_before)), default=None)
    for charge, account, who, before in (
        (Charge.PATRON, patron, by.discharge_patron, wish.began_before),
        (Charge.ACCOUNT, by.ill_account, by.discharge_account, earlier),
    ):
        known = item.charged(charge)
        if charge not in item.discharged and (account or known):
            return do.CheckIn(
                target,
                _ids(known),
                known.account if known and known.account else account,
                was_lost,
                charge,
                wish.at,
                before,
                only_look=who is STAFF,
            )
    return None if item.transit_sent else do.SendTransit(target, wish.at, only_look=by.send_transit is STAFF)


def lending_step(wish: LentWithin, target: do.Target, item: ItemRecord, *, was_lost: bool = False) -> Command | None:
    """What the lending side lacks beside an ordinary loan: sent to the borrowing library; or, home again, discharged and received."""
    if not wish.back:
        waits = wish.to is not None and not item.transit_sent and item.open_loan is not None
        return do.SendTransit(target, wish.by.home, wish.to) if waits and wish.to is not None else None
    if Charge.ACCOUNT not in item.discharged:
        loans = tuple(loan.loan_id for loan in item.loans if loan.loan_id)
        staff = wish.by.discharge_account is STAFF
        return do.CheckIn(
            target, loans, wish.account, was_lost, Charge.ACCOUNT, wish.by.home, wish.began_before, only_look=staff
        )
    if wish.by.receive_transit is DoneBy.BRIDGE and wish.by.home != Place() and not item.transit_received:
        return do.ReceiveTransit(do.Target(target.mark, target.origin, target.barcode, target.ids, wish.by.home))
    return None
