"""Holds in Alma: item-level requests of type HOLD."""

from __future__ import annotations

from collections.abc import Callable

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.errors import AlreadyThere, Missing, NotYetVisible, unknown_item
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.alma.sight import Sight, complete
from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.record import Existence, HoldRecord, HoldState, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected, Retry


class Holds:
    """Holds of one institution."""

    def __init__(
        self, client: AlmaClient, settings: AlmaSettings, sight: Sight, sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._sleep = sleep

    def place(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Place a hold, unless the patron has one on the item already."""
        ids = self._ids(command.target)
        if call.verify:
            standing = self._standing(ids, command)
            if standing is not None:
                return standing
        try:
            request = self._requested(ids, command)
        except AlreadyThere as there:
            standing = self._standing(ids, command)
            if standing is None:
                raise Rejected(there.reason, code=there.code, cause="hold_elsewhere") from there
            return standing
        except NotYetVisible as unseen:
            return self._needless(ids, command, unseen)
        return Outcome(learned=Learned(hold=self._record(request, command), ids=ids))

    def _ids(self, target: do.Target) -> do.VendorIds:
        if complete(target.ids):
            return target.ids
        try:
            return ids_of(self._client.item_by_barcode(target.barcode))
        except Missing as missing:
            raise unknown_item(target.barcode) from missing

    def _standing(self, ids: do.VendorIds, command: do.PlaceHold) -> Outcome | None:
        found = self._sight.hold_on(ids, command.target.mark, patron_id=command.patron_id)
        if found is None:
            return None
        return Outcome(OutcomeKind.ALREADY, Learned(hold=self._record(found, command), ids=ids))

    def _requested(self, ids: do.VendorIds, command: do.PlaceHold) -> alma.UserRequest:
        """Ask, and ask again for a while: Alma may not see yet what it has just made (alma.md, 401129). Raises ``NotYetVisible``."""
        body = {"request_type": "HOLD", "comment": command.note, **self._pickup(command.pickup_location)}
        for attempt in range(self._settings.visibility_tries - 1):
            try:
                return self._client.create_request(command.patron_id, ids.item, body, transient=attempt > 0)
            except NotYetVisible:
                self._sleep(self._settings.visibility_wait)
        again = self._settings.visibility_tries > 1
        return self._client.create_request(command.patron_id, ids.item, body, transient=again)

    def _needless(self, ids: do.VendorIds, command: do.PlaceHold, unseen: NotYetVisible) -> Outcome:
        """The desk may have been first: the patron has the item already, or somebody deleted it. Raises ``Retry`` where neither is so."""
        try:
            loans = self._client.item_loans(ids).item_loan
        except Missing:
            gone = Learned(existence=Existence.DELETED)
            return Outcome(OutcomeKind.ALREADY, gone, ("The item is gone from Alma, so no hold is placed.",))
        if any(loan.user_id.casefold() == command.patron_id.casefold() for loan in loans):
            filled = HoldRecord("", command.patron_id, command.pickup_location, HoldState.SATISFIED)
            note = "The patron has the item already, so no hold is placed."
            return Outcome(OutcomeKind.ALREADY, Learned(hold=filled), (note,))
        raise Retry(
            f"Alma says that no item can fill the hold on {command.target.barcode}. {unseen.reason}".strip(),
            code=unseen.code,
            cause="not_fillable",
            advice="If it stays so, look at the item and at the fulfilment rules of its location in Alma.",
        ) from unseen

    def _pickup(self, location: str) -> dict[str, str]:
        """Plain texts, unlike most of Alma's codes (alma.md section 5)."""
        library, _, desk = location.partition("/")
        parts = {"pickup_location_type": self._settings.pickup_type, "pickup_location_library": library}
        return {**parts, "pickup_location_circulation_desk": desk} if desk else parts

    @staticmethod
    def _record(request: alma.UserRequest, command: do.PlaceHold) -> HoldRecord:
        return HoldRecord(request.request_id, command.patron_id, command.pickup_location)

    def cancel(self, command: do.CancelHold) -> Outcome:
        """Withdraw a hold; one that is gone is no error. One that staff placed is looked for by its patron."""
        pickup = ""
        ended = HoldRecord(command.hold_id, command.patron_id, pickup, HoldState.CANCELLED)
        try:
            hold_id = command.hold_id or self._placed_by_hand(command)
            self._client.cancel_request(command.patron_id, hold_id)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(hold=ended))
        return Outcome(learned=Learned(hold=ended))

    def _placed_by_hand(self, command: do.CancelHold) -> str:
        """The id of the patron's hold on the item. Raises ``Missing`` where there is none."""
        ids = self._ids(command.target)
        found = self._sight.hold_on(ids, command.target.mark, patron_id=command.patron_id)
        if found is None:
            raise Missing("The patron has no hold on the item.")
        return found.request_id
