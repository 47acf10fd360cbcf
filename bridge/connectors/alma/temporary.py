"""The temporary bib, holding and item of a borrowed loan: made, relabelled, deleted."""

from __future__ import annotations

from dataclasses import replace

from bridge.connectors.alma import marc
from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.errors import Missing, not_ours
from bridge.connectors.alma.marc import system_number
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.alma.sight import Sight, complete, permanent_place, same_place
from bridge.connectors.alma.whole import whole
from bridge.connectors.base import Call
from bridge.connectors.recent import Recent
from bridge.domain import commands as do
from bridge.domain.record import Existence, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected


class TemporaryItems:
    """Items the bridge makes in one institution."""

    def __init__(self, client: AlmaClient, settings: AlmaSettings, sight: Sight, seen: Recent[alma.Item]) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._seen = seen

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Make what is not there yet of bib, holding and item; each id is kept at once."""
        ids = command.target.ids
        if call.verify and not ids.item:
            ids = ids.merged(self._sight.by_mark_at_last(command.target.mark))
        standing = None if ids.item else self._bearer(command.target)
        if standing is not None:
            ids = ids_of(standing)
        if ids.item:
            return self._made(OutcomeKind.ALREADY, ids, command, command.target.barcode)
        return self._make(ids, command, call)

    def _make(self, ids: do.VendorIds, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        if not ids.bib:
            ids = replace(ids, bib=self._client.create_bib(marc.bib(command)))
            call.keep(Learned(ids=ids, origin=do.Origin.CREATED))
        if not ids.holding:
            ids = replace(ids, holding=self._client.create_holding(ids.bib, marc.holding(command)))
            call.keep(Learned(ids=ids))
        item = self._client.create_item(ids.bib, ids.holding, self._item_data(command))
        ids = replace(ids, item=item.item_data.pid)
        return self._made(OutcomeKind.DONE, ids, command, item.item_data.barcode)

    def _made(self, kind: OutcomeKind, ids: do.VendorIds, command: do.CreateTemporaryItem, barcode: str) -> Outcome:
        learned = Learned(
            ids=ids,
            barcode=barcode or command.target.barcode,
            existence=Existence.PRESENT,
            origin=do.Origin.CREATED,
            place=command.target.place,
        )
        return Outcome(kind, learned)

    def _bearer(self, target: do.Target) -> alma.Item | None:
        """Our own item under this barcode; Alma may accept duplicates, so a barcode must be free (alma.md section 1, 402203)."""
        if not target.barcode:
            return None
        try:
            item = self._client.item_by_barcode(target.barcode)
        except Missing:
            return None
        if self._sight.bears(item, target.mark):
            return item
        raise Rejected(
            f"Barcode {target.barcode} is taken by another item in Alma.",
            cause="barcode_taken",
            advice="Give the request another temporary barcode at the service.",
        )

    def _item_data(self, command: do.CreateTemporaryItem) -> dict[str, object]:
        data: dict[str, object] = {
            "barcode": command.target.barcode,
            "description": command.description.volume,
            "public_note": command.public_note,
            "fulfillment_note": command.staff_note,
            self._settings.mark_field: command.target.mark.text,
        }
        codes = {"physical_material_type": command.material, "policy": command.item_type}
        coded = {name: {"value": code} for name, code in codes.items() if code}
        return {name: value for name, value in data.items() if value} | coded

    def relabel(self, command: do.RelabelItem) -> Outcome:
        """Give our item another barcode, if that is free."""
        raw = self._sight.raw(command.target)
        item = alma.Item.model_validate(raw)
        if item.item_data.barcode == command.new_barcode:
            return Outcome(OutcomeKind.ALREADY, Learned(barcode=command.new_barcode))
        self._must_bear(item, command.target.mark.code)
        self._bearer(replace(command.target, barcode=command.new_barcode))
        updated = self._client.update_item(ids_of(item), whole(raw, item_data={"barcode": command.new_barcode}))
        return Outcome(learned=Learned(barcode=updated.item_data.barcode or command.new_barcode))

    def note(self, command: do.NoteItem) -> Outcome:
        """Put our note into the fulfilment note of our item, which Alma shows at the desk; what staff wrote there stays."""
        try:
            raw = self._sight.raw(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, notes=("The item is gone from Alma.",))
        item = alma.Item.model_validate(raw)
        self._must_bear(item, command.target.mark.code)
        stands = str(raw.get("item_data", {}).get("fulfillment_note") or "")
        wanted = command.on(stands)
        if wanted == stands:
            return Outcome(OutcomeKind.ALREADY)
        self._client.update_item(ids_of(item), whole(raw, item_data={"fulfillment_note": wanted}))
        return Outcome()

    def _must_bear(self, item: alma.Item, code: str) -> None:
        if code not in getattr(item.item_data, self._settings.mark_field):
            raise not_ours(f"Item {item.item_data.barcode} no longer bears our mark")

    def delete(self, command: do.DeleteTemporaryItem) -> Outcome:
        """Delete item, holding and bib, while they bear mark, barcode and place as we gave them."""
        target = command.target
        if not complete(target.ids):
            return self._delete_remains(target)
        try:
            item = self._seen.take(target.ids.item) or self._client.item(target.ids)
            self._guard(item, target)
            self._client.delete_item(target.ids)
        except Missing:
            return self._delete_remains(target)
        return _gone(OutcomeKind.DONE)

    def _guard(self, item: alma.Item, target: do.Target) -> None:
        if not self._sight.bears(item, target.mark):
            raise not_ours(f"Item {item.item_data.barcode} no longer bears our mark")
        if item.item_data.barcode != target.barcode:
            raise not_ours(f"Item {target.barcode} now has barcode {item.item_data.barcode}")
        if not same_place(permanent_place(item), target.place):
            raise not_ours(f"Item {target.barcode} now belongs to {permanent_place(item)}")

    def _delete_remains(self, target: do.Target) -> Outcome:
        """Of an item that is gone or was never made: its bib and holding, if nothing else hangs on them."""
        bib = self._client.bib_of_mark(system_number(target.mark))
        if not bib:
            return _gone(OutcomeKind.ALREADY)
        holdings = self._client.holdings(bib).holding
        if holdings and self._client.items(bib, "ALL").item:
            raise not_ours("Something else hangs on the temporary bib")
        try:
            for held in holdings:
                self._client.delete_holding(bib, held.holding_id)
            if not holdings:
                self._client.delete_bib(bib)
        except Missing:
            return _gone(OutcomeKind.ALREADY)
        return _gone(OutcomeKind.DONE)


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
