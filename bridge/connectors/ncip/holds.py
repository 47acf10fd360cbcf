"""Holds after AcceptItem made the first one, and on own items: RequestItem and CancelRequestItem, idempotent nowhere."""

from __future__ import annotations

from dataclasses import replace

from bridge.connectors.base import Call
from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.errors import Refused, for_good, not_seen, not_told
from bridge.connectors.ncip.problems import Meaning
from bridge.connectors.ncip.reading import named
from bridge.connectors.ncip.sight import Sight, handle, same
from bridge.domain import commands as do
from bridge.domain.record import HoldRecord, HoldState, Learned, Outcome, OutcomeKind

_CAUSES = {
    Meaning.UNKNOWN_USER: ("unknown_patron", "Correct the patron id, or the map of accounts."),
    Meaning.USER_BLOCKED: ("patron_not_entitled", "See to the patron's record in the ILS."),
    Meaning.UNKNOWN_ITEM: ("unknown_item", "Correct the barcode in the request at the service."),
    Meaning.PICKUP: ("pickup_location", "Correct the map of pickup locations and restart."),
}


class Holds:
    """Holds of one ILS."""

    def __init__(self, client: NcipClient, sight: Sight) -> None:
        self._client = client
        self._dialect = client.dialect
        self._sight = sight

    def place(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Place a hold on the item, unless the patron has one there: repeated, the message makes a second one."""
        found = self._standing(command, call)
        if found is not None:
            return Outcome(OutcomeKind.ALREADY, Learned(hold=found))
        agency = command.pickup_location if self._dialect.pickup_in_to_agency else ""
        try:
            body = self._client.ask(self._asking(command), to_agency=agency)
        except Refused as refused:
            cause, advice = _CAUSES.get(refused.meaning, ("by_hand", "Place the hold by hand in the ILS."))
            raise for_good(refused, cause, advice) from refused
        number = named(body, "Request").value or command.target.mark.code
        return Outcome(learned=Learned(hold=HoldRecord(number, command.patron_id, command.pickup_location)))

    def _asking(self, command: do.PlaceHold) -> say.RequestItem:
        """By the item's own identifier; mod-ncip looks in the record number for it, and falls back to the barcode."""
        names, target, dialect = self._client.names, command.target, self._dialect
        item = names.item(handle(target))
        return say.RequestItem(
            user=self._who(target, command.patron_id),
            request=names.request(target.mark.code),
            request_type=dialect.request_type,
            scope=dialect.scope,
            item=item if not dialect.requests_by_record else None,
            bib=handle(target) if dialect.requests_by_record else "",
            bib_code="SYSNUMBER" if dialect.requests_by_record else "",
            pickup="" if dialect.pickup_in_to_agency else command.pickup_location,
        )

    def _who(self, target: do.Target, name: str) -> say.Id:
        return self._client.names.account(name) if target.origin is do.Origin.OWN else self._client.names.user(name)

    def _standing(self, command: do.PlaceHold, call: Call) -> HoldRecord | None:
        target, who = command.target, command.patron_id
        if self._sight.by_item:
            return self._on_item(command, call)
        if self._sight.blind:
            if call.verify:
                raise not_seen(f"Placing a hold on item {target.barcode}")
            return None
        user = self._sight.lists_of(self._who(target, who))
        if call.verify and (user is None or user.requests is None):
            raise not_seen(f"Placing a hold on item {target.barcode}")
        hold = self._sight.hold_in(user, target) if user is not None else None
        return HoldRecord(hold.request, who, hold.pickup or command.pickup_location) if hold else None

    def _on_item(self, command: do.PlaceHold, call: Call) -> HoldRecord | None:
        """Those who wait may only be counted. A temporary item was made with its hold, so that one of them is likely to be ours."""
        seen = self._sight.item(handle(command.target))
        hold, sure = self._sight.hold_on(seen, command.patron_id) if seen is not None else (None, True)
        if hold is not None:
            return replace(hold, pickup_location=command.pickup_location)
        if not sure and (call.verify or command.target.origin is not do.Origin.OWN):
            raise not_told(f"Who waits for item {command.target.barcode}", "No second hold is placed by itself.")
        return None

    def cancel(self, command: do.CancelHold) -> Outcome:
        """Withdraw a hold by the number the responder gave it, else by its item; one that is gone is no error."""
        names, target = self._client.names, command.target
        number = command.hold_id
        message = say.CancelRequestItem(
            user=self._who(target, command.patron_id),
            request=names.request(number) if number else None,
            item=names.item(handle(target)),
            request_type=self._dialect.request_type,
            scope=self._dialect.scope,
        )
        ended = Learned(hold=HoldRecord(number, command.patron_id, "", HoldState.CANCELLED))
        try:
            self._client.ask(message)
        except Refused as refused:
            gone = refused.meaning is Meaning.UNKNOWN_ITEM
            if gone or (refused.meaning is Meaning.UNKNOWN_REQUEST and self._is_gone(command)):
                return Outcome(OutcomeKind.ALREADY, ended)
            raise for_good(refused, "by_hand", "Cancel the hold by hand in the ILS.") from refused
        return Outcome(learned=ended)

    def _is_gone(self, command: do.CancelHold) -> bool:
        """A number that the responder gave and does not know any more is gone; one of ours it may never have known (seen at a Koha)."""
        target, who = command.target, command.patron_id
        if command.hold_id and not same(command.hold_id, target.mark.code):
            return True
        if self._sight.by_item:
            seen = self._sight.item(handle(target))
            hold, sure = self._sight.hold_on(seen, who) if seen is not None else (None, True)
            return hold is None and sure
        user = None if self._sight.blind else self._sight.lists_of(self._who(target, who))
        return user is not None and user.requests is not None and self._sight.hold_in(user, target) is None
