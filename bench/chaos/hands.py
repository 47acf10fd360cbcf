"""Staff's hands in the ILS behind the NCIP stand-in: whatever the bridge may ask of them, done once."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from bridge.domain import commands as do
from bridge.domain.commands import Origin
from bridge.sandbox.ncip.model import Fee, Item
from bridge.sandbox.ncip.state import State

UNDOING = do.CheckIn | do.RestoreItem | do.CancelHold | do.MarkFound


class Hands:
    """``away``: barcodes of own items that were put where lent items are. An item of ours is found by its mark, however labelled."""

    def __init__(self, state: State, zone: str) -> None:
        self._state = state
        self._zone = zone
        self.away: set[str] = set()

    def settle(self, command: do.Command) -> bool:
        """Do it, or find it done; answers whether it is."""
        with self._state.lock:
            match command:
                case do.FindPatron(patron_id=patron):
                    return self._state.find_patron(patron) is not None
                case do.CreateTemporaryItem():
                    return self._made(command)
                case do.ChargeFee():
                    return self._charged(command)
                case _:
                    item = self._item(command.target)
                    if (
                        item is None
                    ):  # nothing is to be done or undone; a wrong barcode of an own one is not theirs to correct
                        return command.target.origin is Origin.CREATED or isinstance(command, UNDOING)
                    return self._done(item, command)

    def _item(self, target: do.Target) -> Item | None:
        if target.origin is Origin.OWN:
            return self._state.find_item(target.barcode)
        marked = (item for item in self._state.live_items() if any(target.mark.code in text for text in item.texts))
        return next(marked, None)

    def _made(self, command: do.CreateTemporaryItem) -> bool:
        """With its hold, where that was asked for together with it."""
        target, item = command.target, self._item(command.target)
        if item is None:
            if self._state.items_with_barcode(target.barcode):
                return False
            title = command.description.title
            item = self._state.add_item(target.barcode, by="api", title=title, call=target.mark.text)
        item.barcode = target.barcode
        known = any(hold.request == target.mark.code for hold in self._state.holds)
        return known or not command.patron_id or self._placed(item, command.patron_id, command)

    def _placed(self, item: Item, patron_id: str, command: do.PlaceHold | do.CreateTemporaryItem) -> bool:
        patron, mark = self._state.find_patron(patron_id), command.target.mark.code
        standing = any(hold.request == mark for hold in self._state.active_holds(item))
        if patron is not None and not standing:
            self._state.add_hold(item, patron, command.pickup_location, by="api", request=mark)
        return patron is not None

    def _charged(self, command: do.ChargeFee) -> bool:
        patron, mark = self._state.find_patron(command.patron_id), command.target.mark.code
        reason = f"{mark} {command.fee_key}"
        if patron is not None and not any(fee.description == reason for fee in self._state.fees):
            minor, currency = int(command.fee.amount * 100), command.fee.currency
            self._state.fees.append(Fee(self._state.new_id(), patron.barcode, minor, currency, reason, mark))
        return patron is not None

    def _done(self, item: Item, command: do.Command) -> bool:
        match command:
            case do.RelabelItem(new_barcode=barcode):
                item.barcode = barcode
            case do.PlaceHold(patron_id=patron):
                return self._placed(item, patron, command)
            case do.CancelHold():
                self._withdrawn(item, command)
            case do.CheckOut() | do.SetDueDate() | do.CheckIn():
                return self._lent(item, command)
            case do.MoveItem():
                self.away.add(item.barcode)
            case do.RestoreItem():
                self.away.discard(item.barcode)
            case do.MarkLost() | do.MarkFound():
                item.lost = isinstance(command, do.MarkLost)
            case do.DeleteTemporaryItem():
                return self._deleted(item)
        return True

    def _withdrawn(self, item: Item, command: do.CancelHold) -> None:
        for hold in self._state.active_holds(item):
            if hold.request == command.target.mark.code:
                hold.closed = "cancelled by the api"

    def _deleted(self, item: Item) -> bool:
        if self._state.open_loan(item) is not None:
            return False
        self._state.delete(item, why="gone with its item")
        return True

    def _lent(self, item: Item, command: do.CheckOut | do.SetDueDate | do.CheckIn) -> bool:
        loan = self._state.open_loan(item)
        if isinstance(command, do.SetDueDate):
            if loan is not None:
                loan.due = self._end_of(command)
            return True
        if isinstance(command, do.CheckIn):
            if loan is not None and (command.target.origin is not Origin.OWN or loan.patron == command.account):
                self._state.check_in(item)
            return True
        patron = self._state.find_patron(command.account)
        if patron is None or (loan is not None and loan.patron != patron.barcode):
            return False
        loan = loan or self._state.lend(item, patron, by="api")
        loan.due = self._end_of(command) if command.due else loan.due
        return True

    def _end_of(self, command: do.CheckOut | do.SetDueDate) -> datetime:
        assert command.due is not None
        return datetime.combine(command.due, time(23, 59), ZoneInfo(self._zone))
