"""The temporary bib, call number and item of a borrowed loan: made in one call, relabelled, noted, deleted (symphony.md, 5.1, 5.11)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from bridge.connectors.base import Call
from bridge.connectors.symphony import marc
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import NOTES, SymphonyClient
from bridge.connectors.symphony.errors import Missing, not_ours, on_loan
from bridge.connectors.symphony.patrons import Patrons
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.sight import Sight, ids_of, place_of
from bridge.connectors.symphony.wire import Resource, policy
from bridge.domain import commands as do
from bridge.domain.record import Existence, Learned, Outcome, OutcomeKind
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected

CUSTOM = "/catalog/item/customInformation"
BY_HAND = "Delete it by hand in Symphony, or set 'deleting' to discard or staff where the bridge may not delete here."
AUTO = "AUTO"
"""A barcode that Symphony makes up (symphony.md section 5.1)."""


class TemporaryItems:
    """Items the bridge makes in one Symphony."""

    def __init__(self, client: SymphonyClient, settings: SymphonySettings, sight: Sight, patrons: Patrons) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._patrons = patrons

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Make all three in one call. A barcode is unique in the whole system, so that it is looked at only where that was refused."""
        target = command.target
        if target.ids.item:
            return self._made(OutcomeKind.ALREADY, target.ids, command, target.barcode)
        left: tuple[str, ...] = ()
        if call.verify or target.ids.bib:
            standing = self._standing(target)
            if standing is not None:
                return self._made(OutcomeKind.ALREADY, ids_of(standing), command, standing.barcode)
            left = self._remove_half_made(target)
        try:
            bib = self._client.create_bib(self._body(command), target.place.library)
        except (Rejected, Missing) as refused:
            standing = self._standing(target) if target.barcode else None
            if standing is not None:
                return self._made(OutcomeKind.ALREADY, ids_of(standing), command, standing.barcode)
            raise self._not_made(refused) from refused
        call.keep(Learned(ids=do.VendorIds(bib.key), origin=do.Origin.CREATED))
        ids, barcode = self._of_bib(bib)
        return replace(self._made(OutcomeKind.DONE, ids, command, barcode), notes=left)

    def _of_bib(self, bib: symphony.Bib) -> tuple[do.VendorIds, str]:
        """The keys of the item just made, and its barcode. Raises ``OutcomeUnknown`` where Symphony names none on the bib it made."""
        with suppress(Missing):
            whole = bib if bib.items else self._client.bib(bib.key)
            for each in whole.calls:
                if each.items:
                    return do.VendorIds(bib.key, each.key, each.items[0].key), each.items[0].barcode
        raise OutcomeUnknown(f"Symphony made bib {bib.key}, and names no item on it.", cause="nonsense")

    @staticmethod
    def _made(kind: OutcomeKind, ids: do.VendorIds, command: do.CreateTemporaryItem, barcode: str) -> Outcome:
        learned = Learned(
            ids=ids,
            barcode=barcode or command.target.barcode,
            existence=Existence.PRESENT,
            origin=do.Origin.CREATED,
            place=do.Place(command.target.place.library, command.target.place.location),
        )
        return Outcome(kind, learned)

    def _standing(self, target: do.Target) -> symphony.Item | None:
        """Our item, where it was made before. Raises ``Rejected`` where its barcode is another item's."""
        if target.barcode:
            return self._bearer(target.barcode, target)
        bib = self._sight.by_mark_at_last(target.mark)
        return self._client.item(bib.items[0].key) if bib is not None and bib.items else None

    def _bearer(self, barcode: str, target: do.Target) -> symphony.Item | None:
        item = self._sight.bearer(barcode)
        if item is None or self._sight.bears(item, target.mark):
            return item
        left = self._remove_half_made(target)
        raise Rejected(
            " ".join((f"Barcode {barcode} is taken by another item in Symphony.", *left)),
            cause="barcode_taken",
            advice="Give the request another temporary barcode at the service.",
        )

    def _remove_half_made(self, target: do.Target) -> tuple[str, ...]:
        """A bib of ours without items, should a refused call have left one behind. Returns what stays of it, as sentences."""
        bib = self._sight.bib_of(target)
        return self._take_away(bib, target.place.library) if bib is not None and not bib.items else ()

    @staticmethod
    def _not_made(refused: Rejected | Missing) -> Rejected:
        """A code that is not known here is told as a record that was not found."""
        if isinstance(refused, Rejected):
            return refused
        return Rejected(
            f"Symphony knows one of the codes for borrowed items not. {refused.reason}",
            code=refused.code,
            cause="location",
            advice="Are library, location, item type, classification and format there in Symphony? 'ill-bridge check' tells.",
        )

    def _body(self, command: do.CreateTemporaryItem) -> Resource:
        """Bib, call number and item; nothing is sent that is not known (symphony.md section 5.1)."""
        place, told = command.target.place, command.description
        notes = ((self._settings.note_code, command.staff_note), (self._settings.public_note_code, command.public_note))
        item: dict[str, object] = {
            "barcode": command.target.barcode or AUTO,
            "homeLocation": policy("location", place.location),
        }
        if command.item_type:
            item["itemType"] = policy("itemType", command.item_type)
        entries: list[object] = [_entry(code, text) for code, text in notes if code and text]
        if entries:
            item["customInformation"] = entries
        call = {
            "callNumber": told.call_number or f"ILL {command.target.barcode}".strip(),
            "classification": policy("classification", self._settings.classification),
            "library": policy("library", place.library),
            "itemList": [Resource("/catalog/item", "", item)],
        }
        bib: dict[str, object] = {
            "catalogFormat": policy("catalogFormat", self._settings.catalog_format),
            "bib": marc.record(command, self._settings.mark_tag),
            "callList": [Resource("/catalog/call", "", call)],
        }
        hidden = command.suppressed and self._settings.suppress_by == "record"
        return Resource("/catalog/bib", "", {**bib, "shadowed": True} if hidden else bib)

    def relabel(self, command: do.RelabelItem) -> Outcome:
        """Give our item another barcode; whether that is free Symphony knows."""
        item = self._sight.item(command.target)
        if item.barcode == command.new_barcode:
            return Outcome(OutcomeKind.ALREADY, Learned(barcode=command.new_barcode))
        self._must_bear(item, command.target)
        try:
            self._client.change_item(item.key, {"barcode": command.new_barcode}, item.library)
        except Rejected:
            self._bearer(command.new_barcode, command.target)
            raise
        return Outcome(learned=Learned(barcode=command.new_barcode))

    def _must_bear(self, item: symphony.Item, target: do.Target) -> None:
        if not self._sight.bears(item, target.mark):
            raise not_ours(f"Item {item.barcode} no longer bears our mark")

    def note(self, command: do.NoteItem) -> Outcome:
        """Put our note into the entry for the desk; the list of entries is written as a whole, so that the others are written again."""
        target, code = command.target, self._settings.note_code
        try:
            found = (
                self._client.item(target.ids.item, NOTES)
                if target.ids.item
                else self._client.item_by_barcode(target.barcode, NOTES)
            )
        except Missing:
            return Outcome(OutcomeKind.ALREADY, notes=("The item is gone from Symphony.",))
        self._must_bear(found, target)
        ours = next((each for each in found.entries if each.code == code), None)
        stands = ours.data if ours else ""
        wanted = command.on(stands)
        if wanted == stands:
            return Outcome(OutcomeKind.ALREADY)
        kept: list[object] = [_entry(each.code, each.data, each.key) for each in found.entries if each is not ours]
        entries = [*kept, _entry(code, wanted, ours.key if ours else "")] if wanted else kept
        self._client.change_item(found.key, {"customInformation": entries}, found.library)
        return Outcome()

    def delete(self, command: do.DeleteTemporaryItem) -> Outcome:
        """Delete item, call number and bib, while they bear mark, barcode and place as we gave them."""
        target = command.target
        try:
            item = self._sight.fresh(target)
            if not target.ids.item and not self._sight.bears(item, target.mark):
                return self._delete_remains(target)
        except Missing:
            return self._delete_remains(target)
        return self._delete_whole(item, target)

    def _delete_whole(self, item: symphony.Item, target: do.Target) -> Outcome:
        if self._settings.deleting == "discard":
            return self._discarded(item, target)
        self._guard(item, target)
        try:
            self._client.delete("item", item.key, item.library)
        except Missing as missing:
            if self._still_there(item):
                raise self._hidden("item", item, missing, item.key) from missing
            return self._delete_remains(target)
        except (Rejected, CredentialsRejected) as refused:
            raise self._hidden("item", item, refused, item.key) from refused
        for kind, key in (("call", item.call.key), ("bib", item.bib.key)):
            try:
                with suppress(Missing):
                    self._client.delete(kind, key, item.library)
            except (Rejected, CredentialsRejected) as refused:
                raise self._hidden(kind, item, refused, "") from refused
        return _gone(OutcomeKind.DONE)

    def _still_there(self, item: symphony.Item) -> bool:
        """A site without such a call may say "not found" of it."""
        try:
            return self._client.item(item.key).barcode == item.barcode
        except Missing:
            return False

    def _hidden(self, kind: str, item: symphony.Item, refused: IlsError, item_key: str) -> Rejected:
        """What could not be deleted is shadowed, and told."""
        keys = (("item", item_key), ("bib", item.bib.key))
        hidden = [self._shadowed(each, key, item.library) for each, key in keys if key]
        names = {"item": "Item", "call": "Call number of item", "bib": "Bib of item"}
        instead = "and was hidden from the public instead" if all(hidden) else "nor hidden from the public"
        return Rejected(
            f"{names[kind]} {item.barcode} could not be deleted, {instead}. {refused.reason}",
            code=refused.code,
            cause="item_in_use" if kind == "item" else "bib_in_use",
            advice=BY_HAND,
        )

    def _shadowed(self, kind: str, key: str, station: str) -> bool:
        """Hide it, and tell whether it is hidden now."""
        try:
            self._client.shadow(kind, key, station)
        except (Missing, Rejected):
            return False
        return True

    def _guard(self, item: symphony.Item, target: do.Target) -> None:
        self._must_bear(item, target)
        if item.barcode != target.barcode:
            raise not_ours(f"Item {target.barcode} now has barcode {item.barcode}")
        if place_of(item) != do.Place(target.place.library, target.place.location):
            raise not_ours(f"Item {target.barcode} now belongs to {place_of(item)}")
        if any(other.key != item.key for other in item.bib.items):
            raise not_ours("Something else hangs on the temporary bib")
        if self._sight.charge_of(item) is not None:
            raise on_loan(target.barcode)

    def _discarded(self, item: symphony.Item, target: do.Target) -> Outcome:
        """Charged to the pseudo-user whose items a report of Symphony's purges (symphony.md section 5.11)."""
        account = self._settings.discard_account
        if item.charge is not None and item.charge.patron.barcode.casefold() == account.casefold():
            return _gone(OutcomeKind.ALREADY)
        self._guard(item, target)
        self._client.check_out(item.barcode, self._patrons.key_of(account), "", item.library)
        note = f"Item {item.barcode} was charged to {account}; Symphony's report of discarded items deletes it."
        return Outcome(learned=Learned(existence=Existence.DELETED), notes=(note,))

    def _delete_remains(self, target: do.Target) -> Outcome:
        """Of an item that is gone or was never made: its bib, if nothing else hangs on it."""
        bib = self._sight.bib_of(target)
        if bib is None:
            return _gone(OutcomeKind.ALREADY)
        if bib.items:
            return self._delete_left(bib, target)
        left = self._take_away(bib, target.place.library)
        if left and self._settings.deleting == "delete":
            raise Rejected(" ".join(left), cause="bib_in_use", advice=BY_HAND)
        return replace(_gone(OutcomeKind.DONE), notes=left)

    def _delete_left(self, bib: symphony.Bib, target: do.Target) -> Outcome:
        if target.ids.item or len(bib.items) > 1:
            raise not_ours("Something else hangs on the temporary bib")
        try:
            item = self._client.item(bib.items[0].key)
        except Missing:
            return _gone(OutcomeKind.ALREADY)
        return self._delete_whole(item.model_copy(update={"bib": bib}), target)

    def _take_away(self, bib: symphony.Bib, station: str) -> tuple[str, ...]:
        """Call numbers without items, then the bib; where that may not be, the bib is hidden. Returns what stays, as sentences."""
        if self._settings.deleting != "delete":
            return self._left(bib, station)
        try:
            for kind, key in (*(("call", call.key) for call in bib.calls), ("bib", bib.key)):
                with suppress(Missing):
                    self._client.delete(kind, key, station)
        except (Rejected, CredentialsRejected) as refused:
            return (*self._left(bib, station), refused.reason)
        return ()

    def _left(self, bib: symphony.Bib, station: str) -> tuple[str, ...]:
        hidden = "is hidden" if self._shadowed("bib", bib.key, station) else "could not be hidden"
        return (f"Bib {bib.key} without items stays and {hidden} from the public.",)


def _entry(code: str, text: str, key: str = "") -> Resource:
    return Resource(CUSTOM, key, {"itemExtendedInformation": policy("itemExtendedInformation", code), "data": text})


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
