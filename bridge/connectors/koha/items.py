"""Own items moved and restored, and items declared lost, by changing single fields (recorded/koha-rest 06)."""

from __future__ import annotations

from bridge.connectors.base import Call
from bridge.connectors.koha import models as koha
from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import Missing, unknown_item
from bridge.connectors.koha.settings import KohaSettings
from bridge.connectors.koha.sight import Sight, ids_of, place_of
from bridge.domain import commands as do
from bridge.domain.record import Learned, Outcome, OutcomeKind


class Items:
    """Items of one Koha."""

    def __init__(self, client: KohaClient, settings: KohaSettings, sight: Sight) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight

    def move(self, command: do.MoveItem, call: Call) -> Outcome:
        """Put the item at another shelving location; where it was is kept before that, since Koha forgets it."""
        try:
            item = self._sight.fresh(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        to = do.Place(library=item.home_library_id, location=command.to.location)
        if item.location == command.to.location:
            return Outcome(OutcomeKind.ALREADY, Learned(ids=ids_of(item), moved_to=to))
        before = place_of(item)
        call.keep(Learned(ids=ids_of(item), place=before, before=before))
        self._client.update_item(item, {"location": command.to.location})
        return Outcome(learned=Learned(ids=ids_of(item), place=before, before=before, moved_to=to))

    def restore(self, command: do.RestoreItem) -> Outcome:
        """Put the item back where it was, while it still is where we put it."""
        try:
            item = self._sight.fresh(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), ("The item is gone from Koha.",))
        if item.location != command.moved_to.location:
            note = f"The item is no longer at {command.moved_to}, so it stays where it is."
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), (note,))
        self._client.update_item(item, {"location": command.before.location or None})
        return Outcome(learned=Learned(restored=True))

    def mark_lost(self, command: do.MarkLost) -> Outcome:
        """Set the value of LOST; the loan stays open and nobody is charged. An item that came back, or was lent on, is not lost."""
        item = self._item(command.target)
        if item is None:
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True), ("The item is gone from Koha.",))
        if item.lost_status:
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True))
        if command.loan_id and not self._on_loan_by(item, command.loan_id):
            note = "The loan has ended, so the item is not declared lost."
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True), (note,))
        self._client.update_item(item, {"lost_status": self._settings.lost_status})
        return Outcome(learned=Learned(marked_lost=True))

    def mark_found(self, target: do.Target) -> Outcome:
        """Take it back, while the value is the one we set."""
        item = self._item(target)
        if item is None:
            return Outcome(OutcomeKind.ALREADY, notes=("The item is gone from Koha.",))
        if item.lost_status != self._settings.lost_status:
            return Outcome(OutcomeKind.ALREADY)
        self._client.update_item(item, {"lost_status": 0})
        return Outcome()

    def _on_loan_by(self, item: koha.Item, loan_id: str) -> bool:
        loan = self._sight.loan_of(item)
        return loan is not None and loan.checkout_id == loan_id

    def _item(self, target: do.Target) -> koha.Item | None:
        try:
            return self._sight.item(target)
        except Missing:
            return None
