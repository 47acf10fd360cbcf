"""Temporary items and holds in Spydus by LCF (bic-lcf, E02 item, E06 reservation, function 16); no Spydus was ever asked."""

from __future__ import annotations

from bridge.connectors.base import Call
from bridge.connectors.spydus.lcf import PERMANENT, SAYS, LcfClient, LcfItem, LcfReservation, written
from bridge.connectors.spydus.settings import LcfSettings
from bridge.domain import commands as do
from bridge.domain.record import Existence, HoldRecord, HoldState, Learned, Outcome, OutcomeKind
from bridge.errors import Rejected

MOST = 200
"""Items of the record for interlibrary loans that are read, one call each, to find ours after an unclear end."""
UNSPECIFIED = "00"
AVAILABLE, THIS_COPY, IN_QUEUE = "03", "3", "01"


class TemporaryItems:
    """Items the bridge makes in one Spydus, as copies of one record kept for them: no LCF call finds a record of ours again."""

    def __init__(self, client: LcfClient, settings: LcfSettings) -> None:
        self._client = client
        self._settings = settings

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Make the item, unless it is there. Its identifier is its barcode, which Spydus may give otherwise than asked."""
        found = self._standing(command.target, call)
        if found is not None:
            return self._made(OutcomeKind.ALREADY, command, found.identifier)
        return self._made(OutcomeKind.DONE, command, self._client.create("items", self._body(command)))

    def _standing(self, target: do.Target, call: Call) -> LcfItem | None:
        seen = self.item(target)
        if seen is None:
            return self._by_mark(target) if call.verify and not target.ids.item else None
        if target.mark.code not in seen.notes:
            raise Rejected(
                f"Barcode {target.barcode} is taken by another item in Spydus.",
                cause="barcode_taken",
                advice="Give the request another temporary barcode at the service.",
            )
        return seen

    def item(self, target: do.Target) -> LcfItem | None:
        """The item by its identifier."""
        name = target.ids.item or target.barcode
        return self._client.item(name) if name else None

    def _by_mark(self, target: do.Target) -> LcfItem | None:
        """After an unclear end, an item that was given another barcode than asked for."""
        names = self._client.listed("manifestations", self._settings.record, "items", most=MOST)
        if len(names) > MOST:
            raise Rejected(
                f"Making temporary item {target.barcode} ended unclearly; it is not looked for among more than {MOST} items of one record.",
                cause="cannot_look",
                advice="Look in Spydus: where it was made, settle this with 'resolve'; where not, try again with 'retry'.",
            )
        seen = (self._client.item(name) for name in names)
        return next((each for each in seen if each is not None and target.mark.code in each.notes), None)

    def _body(self, command: do.CreateTemporaryItem) -> bytes:
        target, about = command.target, command.description
        place = self._client.ref("locations", target.place.location) if target.place.location else ""
        told = " / ".join(filter(None, (about.title or "Interlibrary loan", about.volume, about.author)))
        notes = (target.mark.text, command.staff_note, command.public_note)
        return written(
            "item",
            (
                ("identifier", target.barcode),
                ("manifestation-ref", self._client.ref("manifestations", self._settings.record)),
                ("description", told),
                ("associated-location", (("association-type", PERMANENT), ("location-ref", place)) if place else ()),
                ("media-warning", UNSPECIFIED),
                ("security-desensitize", UNSPECIFIED),
                ("circulation-status", AVAILABLE),
                *(("note", (("note-text", note),)) for note in notes if note),
            ),
        )

    def _made(self, kind: OutcomeKind, command: do.CreateTemporaryItem, identifier: str) -> Outcome:
        asked = command.target.barcode
        other = identifier.casefold() != asked.casefold()
        note = f"Spydus gave the item barcode {identifier} instead of {asked}: label it so."
        learned = Learned(
            ids=do.VendorIds(item=identifier),
            barcode=identifier if other else asked,
            existence=Existence.PRESENT,
            origin=do.Origin.CREATED,
            place=do.Place(location=command.target.place.location),
        )
        return Outcome(kind, learned, (note,) if other else ())

    def delete(self, command: do.DeleteTemporaryItem) -> Outcome:
        """Delete the item while it bears our mark and nobody has it."""
        target = command.target
        seen = self.item(target)
        if seen is None:
            return _gone(OutcomeKind.ALREADY)
        if target.mark.code not in seen.notes:
            raise SAYS.not_ours(f"Item {target.barcode} no longer bears our mark")
        if target.place.location and seen.location and seen.location != target.place.location:
            raise SAYS.not_ours(f"Item {target.barcode} is now at {seen.location}")
        if seen.may_be_on_loan:
            raise SAYS.on_loan(target.barcode)
        if not seen.status:
            raise Rejected(
                f"Spydus does not tell by LCF whether item {target.barcode} is on loan, so it is not deleted.",
                cause="cannot_look",
                advice="Delete the item by hand in Spydus.",
            )
        return _gone(OutcomeKind.DONE if self._client.delete("items", seen.identifier) else OutcomeKind.ALREADY)


class Reservations:
    """Holds of one Spydus."""

    def __init__(self, client: LcfClient) -> None:
        self._client = client

    def place(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Reserve this very copy, once; repeated, the call makes a second reservation."""
        target, pickup = command.target, command.pickup_location
        standing = self.of(target, command.patron_id) if call.verify else None
        if standing is not None:
            record = HoldRecord(standing.identifier, command.patron_id, standing.pickup or pickup)
            return Outcome(OutcomeKind.ALREADY, Learned(hold=record))
        number = self._client.create("reservations", self._body(command))
        return Outcome(learned=Learned(hold=HoldRecord(number, command.patron_id, pickup)))

    def _body(self, command: do.PlaceHold) -> bytes:
        target, pickup, ref = command.target, command.pickup_location, self._client.ref
        return written(
            "reservation",
            (
                ("reservation-type", THIS_COPY),
                ("patron-ref", ref("patrons", command.patron_id)),
                ("item-ref", ref("items", target.ids.item or target.barcode)),
                ("pickup-location-ref", ref("locations", pickup) if pickup else ""),
                ("reservation-status", IN_QUEUE),
                ("note", (("note-text", command.note or target.mark.text),)),
            ),
        )

    def of(self, target: do.Target, patron_id: str) -> LcfReservation | None:
        """A patron's reservation that waits for an item."""
        waiting = self._client.reservations_on(target.ids.item or target.barcode)
        return next((each for each in waiting if each.patron.casefold() == patron_id.casefold()), None)

    def cancel(self, command: do.CancelHold) -> Outcome:
        """Withdraw our reservation, and no other; one that is gone is no error."""
        gone = Learned(hold=HoldRecord(command.hold_id, command.patron_id, "", HoldState.CANCELLED))
        number = command.hold_id
        if not number:
            found = self.of(command.target, command.patron_id)
            number = found.identifier if found else ""
        done = bool(number) and self._client.delete("reservations", number)
        return Outcome(OutcomeKind.DONE if done else OutcomeKind.ALREADY, gone)


def _gone(kind: OutcomeKind) -> Outcome:
    return Outcome(kind, Learned(existence=Existence.DELETED))
