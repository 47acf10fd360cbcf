"""Looking things up in Koha: an item by its number, barcode or mark, and everything that hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bridge.connectors.koha import models as koha
from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import Missing, NoSuchCall, loan_not_shown
from bridge.connectors.koha.patrons import Patrons
from bridge.connectors.recent import Recent
from bridge.domain import commands as do
from bridge.domain.identity import Mark, bears_another
from bridge.domain.record import HoldRecord, HoldState, SeenLoan, Sighting


def place_of(item: koha.Item) -> do.Place:
    """Where an item belongs: its home library and shelving location."""
    return do.Place(library=item.home_library_id, location=item.location)


def ids_of(item: koha.Item) -> do.VendorIds:
    """An item's number and its biblio's."""
    return do.VendorIds(bib=item.biblio_id, item=item.item_id)


def bears(item: koha.Item, mark: Mark) -> bool:
    """Whether our mark still stands in the non-public note."""
    return mark.code in item.internal_notes.split()


class Sight:
    """Read-only looks at one Koha. Items just read are remembered for the next step of the same sitting, each for one use.

    ``lists_bibs``: whether it could list biblios when it was asked last.
    """

    def __init__(self, client: KohaClient, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self._client = client
        self._zone = zone
        self._recent: Recent[koha.Item] = Recent(now)
        self.lists_bibs = True

    def keep(self, item: koha.Item) -> None:
        """Remember an item just read (as our own write left it) for the step that follows in the same sitting."""
        self._recent.keep(item.item_id, item)

    def fresh(self, target: do.Target) -> koha.Item:
        """The item as it was read a moment ago, for one use; else read now. Raises ``Missing``."""
        return self._recent.take(target.ids.item) or self.item(target)

    def item(self, target: do.Target) -> koha.Item:
        """The item by its number, else by its barcode. Raises ``Missing``."""
        if target.ids.item:
            return self._client.item(target.ids.item)
        found = self._client.items_with_barcode(target.barcode) if target.barcode else ()
        if not found:
            raise Missing(f"There is no item with barcode {target.barcode}.")
        return found[0]

    def by_mark(self, mark: Mark) -> do.VendorIds:
        """The item that bears our mark; else the biblio, as far as this Koha can list biblios."""
        item = next((each for each in self._client.items_noted(mark.code) if bears(each, mark)), None)
        if item is not None:
            return ids_of(item)
        try:
            bibs = self._client.bibs_noted(mark.code)
        except NoSuchCall:
            self.lists_bibs = False
            return do.VendorIds()
        self.lists_bibs = True
        return do.VendorIds(bib=next((bib.biblio_id for bib in bibs if mark.code in bib.notes.split()), ""))

    def day(self, loan: koha.Checkout) -> date | None:
        """The day on which a loan is due, where the library is."""
        return loan.due_date.astimezone(self._zone).date() if loan.due_date else None

    def inspect(self, asked: do.Inspect, patrons: Patrons) -> Sighting:
        """Everything that exists for this mark."""
        fees = patrons.fees_of(asked)
        item, ids = self._item_of(asked.target)
        if item is None:
            return Sighting(item_present=False, ids=ids, hold_seen=True, loans_seen=True, fees=fees)
        home, away = self._places(item, asked.target)
        return Sighting(
            item_present=True,
            ids=ids_of(item),
            barcode=item.external_id,
            marked=bears(item, asked.target.mark),
            hold=self._hold(item, asked, patrons),
            hold_seen=not asked.loans_only,
            loans=self._loans(item, asked, patrons),
            loans_seen=True,
            place=home,
            temporary_place=away,
            lost=patrons.is_lost(item),
            fees=fees,
        )

    def _item_of(self, target: do.Target) -> tuple[koha.Item | None, do.VendorIds]:
        """A temporary item of ours by its number or mark; an own or adopted one by its number or barcode."""
        try:
            if target.ids.item or target.origin is not do.Origin.CREATED:
                item = self.item(target)
                return item, ids_of(item)
        except Missing:
            if target.origin is not do.Origin.CREATED:
                return None, do.VendorIds()
        ids = self.by_mark(target.mark)
        return (self._client.item(ids.item), ids) if ids.item else (None, ids)

    @staticmethod
    def _places(item: koha.Item, target: do.Target) -> tuple[do.Place | None, do.Place | None]:
        """Where the item belongs, and where it is meanwhile: only the record tells an own item's home."""
        here, home = place_of(item), do.Place(library=target.place.library, location=target.place.location)
        if target.origin is not do.Origin.OWN:
            return here, None
        if not home.location:
            return None, None
        return home, here if here != home else None

    def _hold(self, item: koha.Item, asked: do.Inspect, patrons: Patrons) -> HoldRecord | None:
        if asked.loans_only or not (asked.patron_id or asked.hold_id):
            return None
        holder = patrons.holder(asked.target, asked.patron_id) if asked.patron_id else ""
        found = self.hold_on(item.item_id, holder, asked.target.mark, hold_id=asked.hold_id)
        return replace(found, patron_id=asked.patron_id) if found and asked.patron_id else found

    def hold_on(self, item_id: str, patron_id: str, mark: Mark, *, hold_id: str = "") -> HoldRecord | None:
        """Our hold among those on an item: the one recorded, the one whose note bears the mark, or the patron's that bears no other."""
        for hold in self._client.holds_on(item_id):
            ours = hold.hold_id == hold_id or mark.code in hold.notes.split()
            theirs = patron_id and hold.patron_id == patron_id
            if ours or (theirs and not bears_another(hold.notes, mark)):
                return HoldRecord(hold.hold_id, patron_id or hold.patron_id, hold.pickup_library_id, HoldState.PLACED)
        return None

    def loan_of(self, item: koha.Item) -> koha.Checkout | None:
        """The open loan of an item. Raises ``Retry`` where the item is said to be on loan and no loan is shown: that ends none."""
        loan = self._client.checkout_of(item.item_id) if item.on_loan else None
        if loan is None and item.on_loan:
            raise loan_not_shown(item.external_id)
        return loan

    def _loans(self, item: koha.Item, asked: do.Inspect, patrons: Patrons) -> tuple[SeenLoan, ...]:
        loan = self.loan_of(item)
        if loan is None:
            return ()
        ours = loan.checkout_id in asked.loan_ids
        if not ours and asked.account:
            ours = patrons.number_of(asked.account) == loan.patron_id
        account = asked.account if ours and asked.account else loan.patron_id
        return (SeenLoan(loan.checkout_id, account, self.day(loan), ours),)
