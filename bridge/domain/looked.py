"""What a look after a step of unknown end found of what the step was to do, in words for the history. Pure; no patron is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridge.domain import commands as do
from bridge.domain.commands import Charge, Command
from bridge.domain.plan_within import charge_of, twice
from bridge.domain.record import HoldState, Sighting
from bridge.domain.steps import kind_of_fee

_HOLDS = {
    HoldState.PLACED: "stands",
    HoldState.SATISFIED: "was filled",
    HoldState.EXPIRED: "has run out",
    HoldState.CANCELLED_BY_PATRON: "was cancelled by the patron",
    HoldState.CANCELLED: "was cancelled",
}


def found_of(command: Command, barcode: str, seen: Sighting) -> str:
    """What there is of what this command was to do, to end a sentence with; ``barcode`` is the one that was asked for."""
    named = barcode or seen.barcode
    told = _charge if twice(command) else _FOUND[type(command)]
    return told(f"item {named}" if named else "the item", command, seen)


def _item(item: str, _: Command, seen: Sighting) -> str:
    if seen.item_present is None:
        return f"the ILS does not show whether {item} is there"
    if seen.item_present:
        return f"{item} is there, {'with' if seen.marked else 'without'} our mark"
    return f"{item} is not there{', but a part of its record is' if seen.ids != do.VendorIds() else ''}"


def _own_item(item: str, _: Command, seen: Sighting) -> str:
    if seen.item_present is None:
        return f"the ILS does not show whether {item} is there"
    return f"{item} is there" if seen.item_present else f"{item} is not there"


def _hold(item: str, _: Command, seen: Sighting) -> str:
    if seen.hold is not None:
        return f"our hold on {item} {_HOLDS[seen.hold.state]}"
    if seen.hold_seen:
        return f"there is no hold of ours on {item}"
    return f"the ILS does not show whether our hold on {item} stands"


def _loan(item: str, _: Command, seen: Sighting) -> str:
    if not seen.loans_seen:
        return f"the ILS does not show who has {item}"
    if not seen.loans:
        return f"nobody has {item} on loan"
    return f"{item} is on loan to our account" if any(loan.ours for loan in seen.loans) else f"{item} is on loan"


def _charge(item: str, command: Command, seen: Sighting) -> str:
    """One of the two charges of an in-system loan."""
    which = charge_of(command)
    whose = "the patron" if which is Charge.PATRON else "the borrowing library's account"
    if not seen.loans_seen:
        return f"the ILS does not show whether {item} is charged to {whose}"
    stands = any(loan.charge is which for loan in seen.loans)
    return f"{item} is {'charged' if stands else 'not charged'} to {whose}"


def _due(item: str, command: Command, seen: Sighting) -> str:
    dates = [loan.due for loan in seen.loans if loan.due is not None]
    return f"{item} is due on {max(dates)}" if dates else _loan(item, command, seen)


def _place(item: str, command: Command, seen: Sighting) -> str:
    place = seen.temporary_place or seen.place
    return f"{item} is at {place}" if place is not None else _own_item(item, command, seen)


def _transit(item: str, _: Command, seen: Sighting) -> str:
    if seen.in_transit is None:
        return f"the ILS does not show whether {item} is in transit"
    return f"{item} is {'in' if seen.in_transit else 'not in'} transit"


def _fee(_: str, command: Command, seen: Sighting) -> str:
    kind, key = kind_of_fee(command), getattr(command, "fee_key", "")
    return f"our {kind} is there" if any(fee.fee_key == key for fee in seen.fees) else f"no {kind} of ours is seen"


def _lost(item: str, _: Command, seen: Sighting) -> str:
    if seen.lost is None:
        return f"the ILS does not show whether {item} is declared lost"
    return f"{item} is {'declared' if seen.lost else 'not declared'} lost"


def _barcode(item: str, command: Command, seen: Sighting) -> str:
    return (
        f"the item bears barcode {seen.barcode}" if seen.item_present and seen.barcode else _item(item, command, seen)
    )


def _note(item: str, command: Command, seen: Sighting) -> str:
    return f"{_own_item(item, command, seen)}; notes are not looked at"


_FOUND: Mapping[type, Callable[[str, Command, Sighting], str]] = {
    do.FindItem: _own_item,
    do.CreateTemporaryItem: _item,
    do.RelabelItem: _barcode,
    do.PlaceHold: _hold,
    do.CancelHold: _hold,
    do.CheckOut: _loan,
    do.SetDueDate: _due,
    do.CheckIn: _loan,
    do.MoveItem: _place,
    do.RestoreItem: _place,
    do.ReceiveTransit: _transit,
    do.SendTransit: _transit,
    do.DeleteTemporaryItem: _item,
    do.ChargeFee: _fee,
    do.MarkLost: _lost,
    do.MarkFound: _lost,
    do.NoteItem: _note,
}
