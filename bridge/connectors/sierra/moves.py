"""An own item's location in Sierra: there is only one, so that the old one is kept before it is changed (sierra.md, section 8)."""

from __future__ import annotations

from bridge.connectors.base import Call
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import Missing, unknown_item
from bridge.connectors.sierra.settings import SierraSettings
from bridge.connectors.sierra.sight import Sight, ids_of, place_of
from bridge.domain import commands as do
from bridge.domain.record import Learned, Outcome, OutcomeKind
from bridge.errors import Rejected

AVAILABLE = "-"
OF_CIRCULATION = frozenset({"-", "t", "!"})
"""Statuses that circulation sets and clears itself; none of them is ever set back by us."""


class Moves:
    """Own items moved and restored in one Sierra."""

    def __init__(self, client: SierraClient, settings: SierraSettings, sight: Sight) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight

    def move(self, command: do.MoveItem, call: Call) -> Outcome:
        """Put the item at another location; where it was (and its status, in the place of a desk) is kept before that."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        if place_of(item).location == command.to.location:
            return Outcome(OutcomeKind.ALREADY, Learned(ids=ids_of(item), moved_to=command.to))
        status = item.status.code
        lendable = status in self._settings.lend_from_statuses and not item.on_loan
        before = do.Place(location=item.location.code, desk=status if lendable and status != AVAILABLE else "")
        call.keep(Learned(ids=ids_of(item), place=place_of(item), before=before))
        body: dict[str, object] = {"location": command.to.location}
        self._client.update_item(item.id, {**body, "status": AVAILABLE} if lendable else body)
        learned = Learned(ids=ids_of(item), place=place_of(item), before=before, moved_to=command.to)
        return Outcome(learned=learned)

    def restore(self, command: do.RestoreItem) -> Outcome:
        """Put the item back where it was, while it still is where we put it."""
        try:
            item = self._sight.fresh(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), ("The item is gone from Sierra.",))
        if item.location.code != command.moved_to.location:
            note = f"The item is no longer at {command.moved_to}, so it stays where it is."
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), (note,))
        if not command.before.location:
            raise Rejected(
                f"Where item {command.target.barcode} belongs is not known.",
                cause="location",
                advice="Set its location in Sierra by hand; then it counts as restored.",
            )
        self._client.update_item(item.id, self._back(item, command))
        return Outcome(learned=Learned(restored=True))

    def _back(self, item: sierra.Item, command: do.RestoreItem) -> dict[str, object]:
        """The old location; the old status too where it is no business of circulation's."""
        status = command.before.desk
        body: dict[str, object] = {"location": command.before.location}
        free = item.status.code == AVAILABLE and not item.hold_count
        return {**body, "status": status} if status and status not in OF_CIRCULATION and free else body
