"""Item-level holds in Symphony (type COPY), which bear our mark in their comment (symphony.md, sections 5.3 and 5.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from bridge.connectors.base import Call
from bridge.connectors.symphony.client import SymphonyClient, Wish
from bridge.connectors.symphony.errors import AlreadyThere, Missing, unknown_item
from bridge.connectors.symphony.patrons import Patrons
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.sight import Sight, ids_of, same_account
from bridge.domain import commands as do
from bridge.domain.record import HoldRecord, HoldState, Learned, Outcome, OutcomeKind
from bridge.errors import IlsError, Rejected

LONGEST_COMMENT = 50
"""Characters that a hold's comment has (symphony.md section 5.3)."""


class Holds:
    """Holds of one Symphony."""

    def __init__(
        self,
        client: SymphonyClient,
        settings: SymphonySettings,
        sight: Sight,
        patrons: Patrons,
        today: Callable[[], date],
    ) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._patrons = patrons
        self._today = today

    def place(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Place a hold, unless the patron has one on the item already."""
        who = self._patrons.holder(command.target, command.patron_id)
        if call.verify and (standing := self._standing(who, command)) is not None:
            return standing
        try:
            hold = self._client.place_hold(self._wish(command, who), command.pickup_location)
        except AlreadyThere as there:
            standing = self._standing(who, command)
            if standing is None:
                raise Rejected(there.reason, code=there.code, cause="hold_elsewhere") from there
            return standing
        except Missing as missing:
            raise self._nothing_to_hold(command, missing) from missing
        except Rejected as refused:
            return self._needless(command, who, refused)
        record = HoldRecord(hold.key, command.patron_id, command.pickup_location)
        notes = self._trapped(command) if self._settings.trap_holds else ()
        return Outcome(learned=Learned(hold=record), notes=notes)

    def _wish(self, command: do.PlaceHold, who: str) -> Wish:
        days = self._settings.hold_days
        until = (self._today() + timedelta(days=days)).isoformat() if days else ""
        return Wish(command.target.barcode, who, command.pickup_location, comment_of(command), until)

    def _standing(self, who: str, command: do.PlaceHold) -> Outcome | None:
        item = command.target.ids.item
        if not item:
            try:
                item = self._sight.item(command.target).key
            except Missing as missing:
                raise unknown_item(command.target.barcode) from missing
        found = self._sight.hold_on(item, who, command.target.mark)
        if found is None:
            return None
        return Outcome(OutcomeKind.ALREADY, Learned(hold=replace(found, patron_id=command.patron_id)))

    def _nothing_to_hold(self, command: do.PlaceHold, missing: Missing) -> Rejected:
        """Which of item, patron and pickup library Symphony does not know."""
        try:
            self._sight.item(command.target)
        except Missing:
            return unknown_item(command.target.barcode)
        return Rejected(
            f"Symphony knows the patron or the pickup library {command.pickup_location} not. {missing.reason}",
            code=missing.code,
            cause="pickup_location",
            advice="Correct the map of pickup locations (it names library codes) and restart. Else see whether the patron is still there.",
        )

    def _needless(self, command: do.PlaceHold, who: str, refused: Rejected) -> Outcome:
        """The desk may have been first: the patron has the item already. Raises what Symphony said where that is not so."""
        try:
            charge = self._sight.item(command.target).charge
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        own = command.target.origin is do.Origin.OWN
        if charge is None or not (charge.patron.key == who or (own and same_account(charge, command.patron_id))):
            raise refused
        filled = HoldRecord("", command.patron_id, command.pickup_location, HoldState.SATISFIED)
        note = "The patron has the item already, so no hold is placed."
        return Outcome(OutcomeKind.ALREADY, Learned(hold=filled), (note,))

    def _trapped(self, command: do.PlaceHold) -> tuple[str, ...]:
        """Checked in where it is picked up, so that the hold is filled; a hold that was placed is placed all the same."""
        try:
            self._client.check_in(command.target.barcode, command.pickup_location)
        except (IlsError, Missing) as refused:
            return (
                f"The item could not be checked in at {command.pickup_location} to fill the hold. {refused.reason}",
            )
        return (f"The item was checked in at {command.pickup_location}, so that the hold is filled.",)

    def cancel(self, command: do.CancelHold) -> Outcome:
        """Withdraw our hold, and only this one; one that is gone is no error."""
        ended = HoldRecord(command.hold_id, command.patron_id, "", HoldState.CANCELLED)
        key = command.hold_id or self._key_of(command)
        try:
            if key:
                self._client.cancel_hold(key, command.target.place.library)
                return Outcome(learned=Learned(hold=ended))
        except Missing:
            pass
        return Outcome(OutcomeKind.ALREADY, Learned(hold=ended))

    def _key_of(self, command: do.CancelHold) -> str:
        who = self._patrons.holder(command.target, command.patron_id)
        try:
            item = command.target.ids.item or ids_of(self._sight.item(command.target)).item
        except Missing:
            return ""
        found = self._sight.hold_on(item, who, command.target.mark)
        return found.hold_id if found else ""


def comment_of(command: do.PlaceHold) -> str:
    """Our mark, and as much of the note as there is room for."""
    code, note = command.target.mark.code, command.note or command.target.mark.text
    return (note if note.startswith(code) else f"{code} {note}")[:LONGEST_COMMENT].rstrip()
