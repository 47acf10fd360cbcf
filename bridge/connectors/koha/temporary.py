"""The temporary biblio and item of a borrowed loan: made, relabelled, noted, deleted (recorded/koha-rest 01, 02, 05)."""

from __future__ import annotations

from bridge.connectors.base import Call
from bridge.connectors.koha import marc
from bridge.connectors.koha import models as koha
from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import BarcodeTaken, Missing, not_ours, on_loan
from bridge.connectors.koha.settings import KohaSettings
from bridge.connectors.koha.sight import Sight, bears, ids_of, place_of
from bridge.domain import commands as do
from bridge.domain.record import Existence, Learned, Outcome, OutcomeKind
from bridge.errors import OutcomeUnknown, Rejected

NEIGHBOURS = 20
"""Biblios before a new one that are looked at; whoever else makes them meanwhile makes few in the seconds that a lost answer takes."""


class TemporaryItems:
    """Items the bridge makes in one Koha."""

    def __init__(self, client: KohaClient, settings: KohaSettings, sight: Sight) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Make what is not there yet of biblio and item; each number is kept at once."""
        ids = command.target.ids
        if call.verify and not ids.item:
            ids = (
                self._sight.by_mark(command.target.mark).merged(ids)
                if ids.bib
                else self._sight.by_mark(command.target.mark)
            )
        if ids.item:
            return self._made(OutcomeKind.ALREADY, ids, command)
        item = self._item_on(ids.bib, command) if ids.bib else None
        if item is None:
            bib = self._client.create_bib(marc.bib(command))
            call.keep(Learned(ids=do.VendorIds(bib=bib), origin=do.Origin.CREATED))
            if call.verify and not self._sight.lists_bibs:
                self._swept(bib, command.target)
            item = self._item_on(bib, command)
        if item is None:
            raise OutcomeUnknown("Koha made a biblio and does not know it any more.")
        return self._made(OutcomeKind.DONE, ids_of(item), command)

    def _swept(self, bib: str, target: do.Target) -> None:
        """A biblio of ours from a first try whose answer was not heard, where none can be listed: it has one of the numbers just before."""
        for number in range(int(bib) - 1, max(int(bib) - 1 - NEIGHBOURS, 0), -1):
            if self._still_ours(target, str(number)):
                self._removed(str(number))

    def _item_on(self, bib: str, command: do.CreateTemporaryItem) -> koha.Item | None:
        """The item, made on this biblio; ``None`` where the biblio is gone. A barcode that is taken leaves no biblio behind."""
        try:
            return self._client.create_item(bib, self._body(command))
        except Missing:
            return None
        except BarcodeTaken as taken:
            ours = next((each for each in self._bearers(command.target) if bears(each, command.target.mark)), None)
            if ours is not None:
                return ours
            self._removed(bib)
            raise _taken(command.target.barcode) from taken

    def _bearers(self, target: do.Target) -> tuple[koha.Item, ...]:
        return self._client.items_with_barcode(target.barcode)

    def _removed(self, bib: str) -> None:
        try:
            self._client.delete_bib(bib)
        except Missing:
            return

    def _body(self, command: do.CreateTemporaryItem) -> dict[str, object]:
        target, said = command.target, command.description
        place = target.place
        if not place.library or not command.item_type:
            lacking = "item_type" if place.library else "place.library"
            raise Rejected(
                f"Koha needs an item type and a library for a temporary item; {lacking} is not set.",
                cause="item_type" if place.library else "location",
                advice="Correct the library's policy.",
            )
        named = {
            "external_id": target.barcode,
            "item_type_id": command.item_type,
            "home_library_id": place.library,
            "holding_library_id": place.library,
            "internal_notes": target.mark.text,
            "materials_notes": command.staff_note,
            "public_notes": command.public_note,
            "callnumber": said.call_number,
            "location": place.location or self._settings.temporary_location,
        }
        return {name: value for name, value in named.items() if value}

    def _made(self, kind: OutcomeKind, ids: do.VendorIds, command: do.CreateTemporaryItem) -> Outcome:
        place = command.target.place
        location = place.location or self._settings.temporary_location
        learned = Learned(
            ids=ids,
            barcode=command.target.barcode,
            existence=Existence.PRESENT,
            origin=do.Origin.CREATED,
            place=do.Place(library=place.library, location=location),
        )
        return Outcome(kind, learned)

    def relabel(self, command: do.RelabelItem) -> Outcome:
        """Give our item another barcode, if that is free."""
        item = self._ours(command.target)
        learned = Learned(barcode=command.new_barcode)
        if item.external_id == command.new_barcode:
            return Outcome(OutcomeKind.ALREADY, learned)
        try:
            self._client.update_item(item, {"external_id": command.new_barcode})
        except BarcodeTaken as taken:
            raise _taken(command.new_barcode) from taken
        return Outcome(learned=learned)

    def _ours(self, target: do.Target) -> koha.Item:
        """Our item. Raises ``Missing``, and ``Rejected`` for one that no longer bears our mark."""
        item = self._sight.item(target)
        if not bears(item, target.mark):
            raise not_ours(f"Item {item.external_id} no longer bears our mark")
        return item

    def note(self, command: do.NoteItem) -> Outcome:
        """Put our note among those that circulation shows (materials specified)."""
        try:
            item = self._ours(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, notes=("The item is gone from Koha.",))
        wanted = command.on(item.materials_notes)
        if wanted == item.materials_notes:
            return Outcome(OutcomeKind.ALREADY)
        self._client.update_item(item, {"materials_notes": wanted or None})
        return Outcome()

    def delete(self, command: do.DeleteTemporaryItem) -> Outcome:
        """Delete item, then biblio, while the item bears mark, barcode and place as we gave them."""
        target = command.target
        if not target.ids.item:
            return self._remains(target)
        try:
            item = self._sight.fresh(target)
            self._guard(item, target)
            self._client.delete_item(item.item_id)
        except Missing:
            return self._remains(target)
        self._removed(target.ids.bib or item.biblio_id)
        return _gone(OutcomeKind.DONE)

    def _guard(self, item: koha.Item, target: do.Target) -> None:
        if not bears(item, target.mark):
            raise not_ours(f"Item {item.external_id} no longer bears our mark")
        if target.barcode and item.external_id != target.barcode:
            raise not_ours(f"Item {target.barcode} now has barcode {item.external_id}")
        if target.place.location and place_of(item).location != target.place.location:
            raise not_ours(f"Item {target.barcode} is now at {place_of(item)}")
        if item.on_loan:
            raise on_loan(target.barcode)

    def _remains(self, target: do.Target) -> Outcome:
        """Of an item that is gone or was never made: what bears our mark, and the biblio we recorded while it bears it too."""
        found = self._sight.by_mark(target.mark)
        if found.item:
            item = self._client.item(found.item)
            self._guard(item, target)
            self._client.delete_item(item.item_id)
        bib = found.bib or self._still_ours(target, target.ids.bib)
        if not bib:
            return _gone(OutcomeKind.DONE if found.item else OutcomeKind.ALREADY)
        self._removed(bib)
        return _gone(OutcomeKind.DONE)

    def _still_ours(self, target: do.Target, number: str) -> str:
        """This biblio, while it is there and bears our mark; else nothing."""
        try:
            bib = self._client.bib(number) if number else None
        except Missing:
            return ""
        return bib.biblio_id if bib is not None and target.mark.code in bib.notes.split() else ""


def _taken(barcode: str) -> Rejected:
    return Rejected(
        f"Barcode {barcode} is taken by another item in Koha.",
        cause="barcode_taken",
        advice="Give the request another temporary barcode at the service.",
    )


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
