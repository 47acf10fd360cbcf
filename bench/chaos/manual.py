"""A library without an API for a day of chaos: all its work is done by staff, in an ILS to which the bridge has no door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from bench.chaos.ncip import NcipHouse
from bench.chaos.sandboxed import Told
from bench.chaos.tables import Table
from bridge.domain import commands as do
from bridge.domain.commands import Origin
from bridge.sandbox.ncip.model import Fee, Item

AWAY = do.Place(location="ILLOUT")


class ManualHouse(NcipHouse):
    """The ILS of the NCIP house behind a closed door, and staff who do what they are asked, once, and see what stands in its way.

    They find an item of ours by its mark, whatever barcode it bears.
    """

    name = "manual"
    prefix = "/nowhere"
    untold = frozenset[str]()

    def __init__(self, own: Sequence[str]) -> None:
        super().__init__(own)
        self._state = self._ncip.state
        self._away: set[str] = set()

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        return {}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "MAIN", "temporary_place": {"location": AWAY.location}}

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``."""
        return item["barcode"] in self._away

    def by_hand(self, command: do.Command) -> bool:
        """See ``House``."""
        with self._state.lock:
            match command:
                case do.FindPatron(patron_id=patron):
                    return self._state.find_patron(patron) is not None
                case do.CreateTemporaryItem(target=target, description=about):
                    return self._made(target, about.title)
                case do.ChargeFee():
                    return self._charged(command)
                case _:
                    item = self._item(command.target)
                    if item is None:
                        return command.target.origin is Origin.CREATED  # gone, so that nothing is to be done
                    return self._done(item, command)

    def _item(self, target: do.Target) -> Item | None:
        if target.origin is Origin.OWN:
            return self._state.find_item(target.barcode)
        return next((item for item in self._state.live_items() if target.mark.code in item.call_number), None)

    def _made(self, target: do.Target, title: str) -> bool:
        if self._item(target) is None:
            if self._state.items_with_barcode(target.barcode):
                return False
            self._state.add_item(target.barcode, by="api", title=title, call=target.mark.text)
        return True

    def _charged(self, command: do.ChargeFee) -> bool:
        patron = self._state.find_patron(command.patron_id)
        reason = f"{command.target.mark.code} {command.fee_key}"
        if patron is not None and not any(fee.description == reason for fee in self._state.fees):
            minor = int(command.fee.amount * 100)
            fee = Fee(
                self._state.new_id(), patron.barcode, minor, command.fee.currency, reason, command.target.mark.code
            )
            self._state.fees.append(fee)
        return patron is not None

    def _done(self, item: Item, command: do.Command) -> bool:
        match command:
            case do.RelabelItem(new_barcode=barcode):
                item.barcode = barcode
            case do.PlaceHold() | do.CancelHold():
                return self._held(item, command)
            case do.CheckOut() | do.SetDueDate() | do.CheckIn():
                return self._lent(item, command)
            case do.MoveItem():
                self._away.add(item.barcode)
            case do.RestoreItem():
                self._away.discard(item.barcode)
            case do.MarkLost():
                item.lost = True
            case do.MarkFound():
                item.lost = False
            case do.DeleteTemporaryItem():
                if self._state.open_loan(item) is not None:
                    return False
                self._state.delete(item, why="gone with its item")
        return True

    def _held(self, item: Item, command: do.PlaceHold | do.CancelHold) -> bool:
        patron, mark = self._state.find_patron(command.patron_id), command.target.mark.code
        holds = [hold for hold in self._state.active_holds(item) if hold.number == mark]
        if isinstance(command, do.CancelHold):
            for hold in holds:
                hold.closed = "cancelled by the api"
        elif patron is not None and not holds:
            self._state.add_hold(item, patron, command.pickup_location, by="api", request=mark)
        return patron is not None

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
        if loan is None and patron is not None:
            self._state.lend(item, patron, by="api", due=self._end_of(command) if command.due else None)
        return patron is not None and (loan is None or loan.patron == patron.barcode)

    def _end_of(self, command: do.CheckOut | do.SetDueDate) -> datetime:
        assert command.due is not None
        return datetime.combine(command.due, time(23, 59), ZoneInfo(self.zone))

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:
        """See ``Sandboxed``."""
        return {**super().fixed(item, in_use=in_use), "lost": item["lost"]}
