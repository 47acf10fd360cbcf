"""Item-level holds in Koha (recorded/koha-rest 01, 03): item and biblio are named together, and there is no read of a single hold."""

from __future__ import annotations

from bridge.connectors.base import Call
from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import AlreadyThere, Missing, unknown_item
from bridge.connectors.koha.patrons import Patrons
from bridge.connectors.koha.sight import Sight, ids_of
from bridge.domain import commands as do
from bridge.domain.record import HoldRecord, HoldState, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected


class Holds:
    """Holds of one Koha."""

    def __init__(self, client: KohaClient, sight: Sight, patrons: Patrons) -> None:
        self._client = client
        self._sight = sight
        self._patrons = patrons

    def place(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Place a hold once; the mark stands in its note."""
        ids = self._ids(command.target)
        holder = self._patrons.holder(command.target, command.patron_id)
        if not holder:
            said = "The borrowing library's account is unknown in Koha."
            raise Rejected(said, cause="unknown_account", advice="Make the account in Koha, or correct its name.")
        if call.verify and (standing := self._standing(ids, holder, command)) is not None:
            return standing
        body = {
            "patron_id": int(holder),
            "biblio_id": int(ids.bib),
            "item_id": int(ids.item),
            "pickup_library_id": command.pickup_location,
            "notes": command.note or command.target.mark.text,
        }
        try:
            made = self._client.place_hold(body)
        except AlreadyThere as there:
            standing = self._standing(ids, holder, command)
            if standing is not None:
                return standing
            raise Rejected(
                there.reason, cause="hold_elsewhere", advice="See to the holds on the item in Koha."
            ) from there
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        record = HoldRecord(made.hold_id, command.patron_id, made.pickup_library_id or command.pickup_location)
        return Outcome(learned=Learned(ids=ids, hold=record))

    def _ids(self, target: do.Target) -> do.VendorIds:
        if target.ids.item and target.ids.bib:
            return target.ids
        try:
            return ids_of(self._sight.item(target))
        except Missing as missing:
            raise unknown_item(target.barcode) from missing

    def _standing(self, ids: do.VendorIds, holder: str, command: do.PlaceHold) -> Outcome | None:
        found = self._sight.hold_on(ids.item, holder, command.target.mark)
        if found is None:
            return None
        record = HoldRecord(found.hold_id, command.patron_id, found.pickup_location)
        return Outcome(OutcomeKind.ALREADY, Learned(ids=ids, hold=record))

    def cancel(self, command: do.CancelHold) -> Outcome:
        """Cancel our hold, and no other."""
        hold_id = command.hold_id or self._number(command)
        gone = HoldRecord(command.hold_id, command.patron_id, "", HoldState.CANCELLED)
        if not hold_id:
            return Outcome(OutcomeKind.ALREADY, Learned(hold=gone))
        try:
            self._client.cancel_hold(hold_id)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(hold=gone))
        return Outcome(learned=Learned(hold=gone))

    def _number(self, command: do.CancelHold) -> str:
        try:
            item = self._sight.item(command.target)
        except Missing:
            return ""
        found = self._sight.hold_on(item.item_id, "", command.target.mark)
        return found.hold_id if found else ""
