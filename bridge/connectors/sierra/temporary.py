"""The temporary bib and item of a borrowed loan: made, relabelled, deleted (sierra.md, sections 7.1, 7.2 and 7.6)."""

from __future__ import annotations

from dataclasses import replace

from bridge.connectors.base import Call
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import Missing, not_ours, on_loan
from bridge.connectors.sierra.settings import SierraSettings
from bridge.connectors.sierra.sight import Sight, ids_of, place_of
from bridge.domain import commands as do
from bridge.domain.record import Existence, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected

BCODE3 = "31"
STATUS = "88"


class TemporaryItems:
    """Items the bridge makes in one Sierra."""

    def __init__(self, client: SierraClient, settings: SierraSettings, sight: Sight) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Make what is not there yet of bib and item; each number is kept at once."""
        body = self._item_body(command)
        ids = command.target.ids
        if call.verify and not ids.item:
            ids = ids.merged(self._sight.by_mark_at_last(command.target.mark))
        standing = None if ids.item else self._bearer(command.target)
        if standing is not None:
            ids = ids_of(standing)
        if ids.item:
            return _made(OutcomeKind.ALREADY, ids, command)
        if not ids.bib:
            ids = replace(ids, bib=self._client.create_bib(self._bib_body(command)))
            call.keep(Learned(ids=ids, origin=do.Origin.CREATED))
        ids = replace(ids, item=self._client.create_item({"bibIds": [int(ids.bib)], **body}))
        return _made(OutcomeKind.DONE, ids, command)

    def _bearer(self, target: do.Target) -> sierra.Item | None:
        """Our own item under this barcode; that Sierra refuses duplicates is not known, so that a barcode must be free."""
        if not target.barcode:
            return None
        for number in self._client.items_by_barcode(target.barcode):
            try:
                item = self._sight.numbered(number)
            except Missing:
                continue
            if self._sight.bears(item, target.mark):
                return item
            raise Rejected(
                f"Barcode {target.barcode} is taken by another item in Sierra.",
                cause="barcode_taken",
                advice="Give the request another temporary barcode at the service.",
            )
        return None

    def _bib_body(self, command: do.CreateTemporaryItem) -> dict[str, object]:
        """Titles and authors as plain lists; the mark in a field by which the bib is found; no nulls (sierra.md section 7.1)."""
        told, mark, settings = command.description, command.target.mark, self._settings
        subfields = [{"tag": "a", "content": mark.code}, {"tag": "b", "content": mark.text.partition(" ")[2]}]
        field = {"fieldTag": settings.bib_mark_tag, "marcTag": settings.bib_mark_marc, "ind1": " ", "ind2": " "}
        body: dict[str, object] = {
            "titles": [told.title or "Interlibrary loan"],
            "varFields": [{**field, "subfields": subfields}],
        }
        if told.author:
            body["authors"] = [told.author]
        if told.isbn:
            body["standardNums"] = [told.isbn]
        if command.suppressed:
            body["fixedFields"] = {BCODE3: {"label": "BIB CODE 3", "value": settings.suppress_code}}
        return body

    def _item_body(self, command: do.CreateTemporaryItem) -> dict[str, object]:
        if command.item_type and not command.item_type.isdigit():
            raise Rejected(
                f"Item type '{command.item_type}' is not a number, as Sierra's are.",
                cause="item_type",
                advice="Correct the library's policy and restart.",
            )
        tag, told = self._settings.mark_tag, command.description
        notes = [(tag, command.target.mark.text), (self._settings.note_tag, command.staff_note)]
        fields = [*notes, ("p", command.public_note), ("v", told.volume)]
        body: dict[str, object] = {
            "location": command.target.place.location,
            "barcodes": [command.target.barcode],
            "varFields": [{"fieldTag": name, "content": text} for name, text in fields if text],
            "fixedFields": {STATUS: {"label": "STATUS", "value": self._settings.temporary_status}},
        }
        if command.item_type:
            body["itemType"] = int(command.item_type)
        if told.call_number:
            body["callNumbers"] = [told.call_number]
        return body

    def relabel(self, command: do.RelabelItem) -> Outcome:
        """Give our item another barcode, if that is free."""
        item = self._sight.item(command.target)
        if item.barcode == command.new_barcode:
            return Outcome(OutcomeKind.ALREADY, Learned(barcode=command.new_barcode))
        if not self._sight.bears(item, command.target.mark):
            raise not_ours(f"Item {item.barcode} no longer bears our mark")
        self._bearer(replace(command.target, barcode=command.new_barcode))
        self._client.update_item(item.id, {"barcodes": [command.new_barcode]})
        return Outcome(learned=Learned(barcode=command.new_barcode))

    def note(self, command: do.NoteItem) -> Outcome:
        """Put our note among those for the desk. A tag's group is replaced as a whole, so that the others are written again."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, notes=("The item is gone from Sierra.",))
        if not self._sight.bears(item, command.target.mark):
            raise not_ours(f"Item {item.barcode} no longer bears our mark")
        tag = self._settings.note_tag
        stands = [text for text in item.texts(tag) if text]
        wanted = [text for text in stands if text not in {command.instead_of, command.note}]
        wanted += [command.note] if command.note else []
        if sorted(wanted) == sorted(stands):
            return Outcome(OutcomeKind.ALREADY)
        fields = [{"fieldTag": tag, "content": text} for text in wanted or [""]]
        self._client.update_item(item.id, {"varFields": fields})
        return Outcome()

    def delete(self, command: do.DeleteTemporaryItem) -> Outcome:
        """Delete item, then bib, while the item bears mark, barcode and place as we gave them."""
        target = command.target
        if not target.ids.item:
            return self._delete_remains(target)
        try:
            item = self._sight.fresh(target)
            self._guard(item, target)
            self._client.delete_item(target.ids.item)
        except Missing:
            return self._delete_remains(target)
        try:
            self._client.delete_bib(target.ids.bib or ids_of(item).bib)
        except Missing:
            return _gone(OutcomeKind.DONE)
        return _gone(OutcomeKind.DONE)

    def _guard(self, item: sierra.Item, target: do.Target) -> None:
        """Barcode and place are not known of an item whose making was cut off; then the mark alone tells."""
        if not self._sight.bears(item, target.mark):
            raise not_ours(f"Item {item.barcode} no longer bears our mark")
        if target.barcode and item.barcode != target.barcode:
            raise not_ours(f"Item {target.barcode} now has barcode {item.barcode}")
        if target.place.location and place_of(item).location != target.place.location:
            raise not_ours(f"Item {target.barcode} is now at {place_of(item)}")
        if item.on_loan:
            raise on_loan(target.barcode)

    def _delete_remains(self, target: do.Target) -> Outcome:
        """Of an item that is gone or was never made: its bib, if nothing else hangs on it."""
        found = self._left(target)
        for bib in found:
            left = self._client.items_of(bib)
            if any(not self._sight.bears(item, target.mark) for item in left):
                raise not_ours("Something else hangs on the temporary bib")
            for item in left:
                self._guard(item, target)
                self._client.delete_item(item.id)
            self._client.delete_bib(bib)
        return _gone(OutcomeKind.DONE if found else OutcomeKind.ALREADY)

    def _left(self, target: do.Target) -> tuple[str, ...]:
        """Bibs that bear our mark. An index that lags does not find what was made a moment ago: then the one we recorded is read, or, where
        its number is not known, looked for again for a while.
        """
        found = self._client.bibs_by_mark(target.mark.code)
        if found:
            return found
        if target.ids.bib:
            return tuple(filter(None, (self._sight.recorded_bib(target),)))
        return self._sight.bibs_at_last(target.mark)


def _made(kind: OutcomeKind, ids: do.VendorIds, command: do.CreateTemporaryItem) -> Outcome:
    learned = Learned(
        ids=ids,
        barcode=command.target.barcode,
        existence=Existence.PRESENT,
        origin=do.Origin.CREATED,
        place=do.Place(location=command.target.place.location),
    )
    return Outcome(kind, learned)


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
