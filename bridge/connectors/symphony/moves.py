"""An own item's place in Symphony, where the ILL account has no location of its own (symphony.md section 5.6).

Only the home location is written: nobody may count on what is written to the current one. It is brought back before the item is checked
in, so that the check-in takes it home.
"""

from __future__ import annotations

from bridge.connectors.base import Call
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.errors import Missing, unknown_item
from bridge.connectors.symphony.sight import Sight, ids_of, place_of
from bridge.connectors.symphony.wire import policy
from bridge.domain import commands as do
from bridge.domain.record import Learned, Outcome, OutcomeKind
from bridge.errors import Rejected


class Moves:
    """Own items moved and restored in one Symphony."""

    def __init__(self, client: SymphonyClient, sight: Sight) -> None:
        self._client = client
        self._sight = sight

    def move(self, command: do.MoveItem, call: Call) -> Outcome:
        """Give the item another home location; the one it had is kept before that."""
        try:
            item = self._sight.fresh(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        before = place_of(item)
        if before.location == command.to.location:
            return Outcome(OutcomeKind.ALREADY, Learned(ids=ids_of(item), moved_to=command.to))
        call.keep(Learned(ids=ids_of(item), place=before, before=before))
        self._relocated(item.key, command.to.location, item.library)
        return Outcome(learned=Learned(ids=ids_of(item), place=before, before=before, moved_to=command.to))

    def restore(self, command: do.RestoreItem) -> Outcome:
        """Give the item its home location back, while it still has the one we set."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), ("The item is gone from Symphony.",))
        if item.home != command.moved_to.location:
            note = f"The item is no longer at {command.moved_to}, so it stays where it is."
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), (note,))
        if not command.before.location:
            raise Rejected(
                f"Where item {command.target.barcode} belongs is not known.",
                cause="location",
                advice="Set its home location in Symphony by hand; then it counts as restored.",
            )
        self._relocated(item.key, command.before.location, item.library)
        return Outcome(learned=Learned(restored=True))

    def _relocated(self, key: str, location: str, library: str) -> None:
        try:
            self._client.change_item(key, {"homeLocation": policy("location", location)}, library)
        except Missing as missing:
            raise Rejected(
                f"Symphony does not know location {location}. {missing.reason}",
                code=missing.code,
                cause="location",
                advice="Correct the library's policy (lending.temporary_place) and restart.",
            ) from missing
