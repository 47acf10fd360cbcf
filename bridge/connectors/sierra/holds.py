"""Item-level holds in Sierra: placed without an answer, found again by our mark in their note (sierra.md, sections 6 and 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bridge.connectors.base import Call
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import (
    AgainstPatron,
    AlreadyThere,
    Missing,
    NotAvailable,
    NotYetVisible,
    SentAlready,
    unknown_item,
)
from bridge.connectors.sierra.patrons import Patrons
from bridge.connectors.sierra.settings import SierraSettings
from bridge.connectors.sierra.sight import Sight, has_our_hold_alone
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.domain.record import HoldRecord, HoldState, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected, Retry

AFTER_SENT = 10.0
"""Seconds after which a hold "already sent" is looked for again (sierra.md section 6)."""


class Holds:
    """Holds of one Sierra."""

    def __init__(
        self,
        client: SierraClient,
        settings: SierraSettings,
        sight: Sight,
        patrons: Patrons,
        sleep: Callable[[float], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._patrons = patrons
        self._sleep = sleep

    def place(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Place a hold, unless the patron has one on the item already. The number of a new one is looked up when it is needed."""
        item_id = command.target.ids.item or self._number_of(command.target.barcode)
        who = self._patrons.holder(command.target, command.patron_id)
        if not who:
            raise self._patrons.unknown_account()
        if call.verify and (standing := self._standing(item_id, who, command)) is not None:
            return standing
        try:
            self._placed(item_id, who, command)
        except (AlreadyThere, NotAvailable, SentAlready) as refused:
            standing = self._standing(item_id, who, command)
            if standing is not None:
                return standing
            raise self._for_good(refused, command) from refused
        except AgainstPatron as refused:
            raise self._patrons.explained(who, refused.reason) from refused
        except Missing as missing:
            raise Rejected(
                "The patron's record is gone from Sierra.",
                cause="unknown_patron",
                advice="Correct the patron id in the request at the service.",
            ) from missing
        return Outcome(learned=Learned(hold=HoldRecord("", command.patron_id, command.pickup_location)))

    def _number_of(self, barcode: str) -> str:
        try:
            return self._sight.item(do.Target(Mark("", ""), do.Origin.OWN, barcode)).id
        except Missing as missing:
            raise unknown_item(barcode) from missing

    def _standing(self, item_id: str, who: str, command: do.PlaceHold) -> Outcome | None:
        found = self._sight.hold_on(item_id, who, command.target.mark)
        if found is None:
            return None
        return Outcome(OutcomeKind.ALREADY, Learned(hold=replace(found, patron_id=command.patron_id)))

    def _placed(self, item_id: str, who: str, command: do.PlaceHold) -> None:
        """Ask, and ask again for a while: Sierra may not see yet what it has just made."""
        body = self._body(item_id, command)
        for attempt in range(self._settings.visibility_tries):
            try:
                return self._client.place_hold(who, body, transient=attempt > 0)
            except NotYetVisible as unseen:
                refused = unseen
            self._sleep(self._settings.visibility_wait)
        raise Retry(
            f"Sierra does not see item {command.target.barcode} yet, so that no hold could be placed. {refused.reason}",
            code=refused.code,
            cause="not_yet_visible",
            advice="If it stays so, look whether the item is there in Sierra.",
        )

    def _body(self, item_id: str, command: do.PlaceHold) -> dict[str, object]:
        body: dict[str, object] = {
            "recordType": "i",
            "recordNumber": int(item_id),
            "pickupLocation": command.pickup_location,
            "note": command.note or command.target.mark.text,
        }
        return body if self._settings.statgroup is None else {**body, "statgroup": self._settings.statgroup}

    def _for_good(self, refused: AlreadyThere | NotAvailable | SentAlready, command: do.PlaceHold) -> Rejected | Retry:
        if isinstance(refused, SentAlready):
            return Retry(refused.reason, code=refused.code, cause="sent_already", after=AFTER_SENT)
        if isinstance(refused, AlreadyThere):
            text = "The patron has the item already."
            return Rejected(f"{text} {refused.reason}", code=refused.code, cause="hold_elsewhere")
        return Rejected(
            f"Sierra lets nobody place a hold on item {command.target.barcode}. {refused.reason}",
            code=refused.code,
            cause="not_requestable",
            advice="See in Sierra to the item's type and location and to the rules for holds.",
        )

    def cancel(self, command: do.CancelHold) -> Outcome:
        """Withdraw our hold, and only this one; one that is gone is no error."""
        ended = HoldRecord(command.hold_id, command.patron_id, "", HoldState.CANCELLED)
        number = command.hold_id or self._number_of_hold(command)
        if not number:
            self._doubt(command.target)
            return Outcome(OutcomeKind.ALREADY, Learned(hold=ended))
        try:
            self._client.cancel_hold(number)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(hold=ended))
        return Outcome(learned=Learned(hold=ended))

    def _doubt(self, target: do.Target) -> None:
        """A temporary item has our hold alone. Raises ``Retry`` where it is said to have one and the patron's list does not show it."""
        if has_our_hold_alone(target) and self._sight.still_held(target):
            raise Retry(
                f"Sierra says that item {target.barcode} has a hold, and the patron's list of holds does not show it.",
                cause="hold_not_shown",
                advice="If it stays so, see to the item's holds in Sierra.",
            )

    def _number_of_hold(self, command: do.CancelHold) -> str:
        who = self._patrons.holder(command.target, command.patron_id)
        item_id = command.target.ids.item or self._number_of(command.target.barcode)
        found = self._sight.hold_on(item_id, who, command.target.mark) if who else None
        return found.hold_id if found else ""
