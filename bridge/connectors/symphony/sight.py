"""Looking things up in Symphony: an item by key, barcode or mark, and everything that hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime

from bridge.connectors.days import day_of
from bridge.connectors.recent import Recent
from bridge.connectors.symphony import marc
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import LOOK, WHOLE_LOOK, SymphonyClient
from bridge.connectors.symphony.errors import Missing, loan_not_shown
from bridge.connectors.symphony.patrons import Patrons
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.domain import commands as do
from bridge.domain.commands import Charge
from bridge.domain.identity import Mark, bears_another
from bridge.domain.record import HoldRecord, HoldState, LoanRecord, SeenLoan, Sighting
from bridge.errors import Rejected

STATES = {"EXPIRED": HoldState.EXPIRED}
"""What the status of a hold that is over means; one that was cancelled or filled is gone."""


def place_of(item: symphony.Item) -> do.Place:
    """Where an item belongs. Where it is meanwhile says how it is, and is no place of ours."""
    return do.Place(item.library, item.home)


def ids_of(item: symphony.Item) -> do.VendorIds:
    """The keys of an item and of what it hangs on."""
    return do.VendorIds(item.bib.key, item.call.key, item.key)


def same_account(charge: symphony.Charge, account: str) -> bool:
    """Whether a charge is on an ILL account, which is named by barcode."""
    return bool(account) and charge.patron.barcode.casefold() == account.casefold()


def is_ours(charge: symphony.Charge, loan_ids: Iterable[str], account: str) -> bool:
    """The charge we recorded; where none was recorded, the one on our ILL account. Another charge of that account is another loan's."""
    recorded = set(filter(None, loan_ids))
    if account and not same_account(charge, account):
        return False
    return charge.name in recorded if recorded else bool(account)


class Sight:
    """Read-only looks at one Symphony. Items just read are remembered for the next step of the same sitting, each for one use."""

    def __init__(
        self,
        client: SymphonyClient,
        settings: SymphonySettings,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._settings = settings
        self._sleep = sleep
        self._recent: Recent[symphony.Item] = Recent(now)

    def keep(self, item: symphony.Item) -> None:
        """Remember this answer for the step that follows."""
        self._recent.keep(item.key, item)

    def fresh(self, target: do.Target) -> symphony.Item:
        """The item as it was read a moment ago, else read now. Raises ``Missing``."""
        return self._recent.take(target.ids.item) or self.item(target)

    def item(self, target: do.Target) -> symphony.Item:
        """The item by key where known, else by barcode; with its bib where that is ours. Raises ``Missing``."""
        look = LOOK if target.origin is do.Origin.OWN else WHOLE_LOOK
        if target.ids.item:
            return self._client.item(target.ids.item, look)
        if not target.barcode:
            raise Missing("Neither key nor barcode of the item is known.")
        return self._client.item_by_barcode(target.barcode, look)

    def bearer(self, barcode: str) -> symphony.Item | None:
        """Whatever item bears this barcode, with its bib."""
        try:
            return self._client.item_by_barcode(barcode, WHOLE_LOOK)
        except Missing:
            return None

    def bears(self, item: symphony.Item, mark: Mark) -> bool:
        """Whether the item's bib bears this mark."""
        return self.bib_bears(item.bib, mark)

    def bib_bears(self, bib: symphony.Bib, mark: Mark) -> bool:
        """Whether a bib bears this mark."""
        return any(mark.code == each.code for each in marc.marks_of(bib, self._settings.mark_tag))

    def by_mark(self, mark: Mark) -> symphony.Bib | None:
        """The bib that bears this mark, as far as the index knows it; one with items before what is left of another."""
        if not self._settings.search_index:
            return None
        found = self._client.search_bibs(self._settings.search_index, marc.word_of(mark)).found
        ours = [bib for bib in found if self.bib_bears(bib, mark)]
        return next((bib for bib in ours if bib.items), ours[0] if ours else None)

    def by_mark_at_last(self, mark: Mark) -> symphony.Bib | None:
        """The same, asked again for a while: what was made a moment ago may not be indexed yet."""
        for _ in range(self._settings.index_tries - 1):
            found = self.by_mark(mark)
            if found is not None:
                return found
            self._sleep(self._settings.index_wait)
        return self.by_mark(mark)

    def charge_of(self, item: symphony.Item) -> symphony.Charge | None:
        """The charge on top. Raises ``Retry`` where the item is said to be with somebody and no charge is shown: that ends none."""
        if item.charge is None and item.current in self._settings.charged_locations:
            raise loan_not_shown(item.barcode)
        return item.charge

    def recorded(self, charge: symphony.Charge, account: str, which: Charge = Charge.ANY) -> LoanRecord:
        """How a charge is recorded."""
        return LoanRecord(charge.name, account, self.due(charge), charge=which)

    def due(self, charge: symphony.Charge) -> date | None:
        """The day a charge is due."""
        return day_of(charge.due, self._settings.timezone)

    def inspect(
        self, asked: do.Inspect, patrons: Patrons, charges: Callable[[symphony.Item], tuple[SeenLoan, ...]]
    ) -> Sighting:
        """Everything that exists for this mark; ``charges`` tells the loans of an item."""
        item, left = self._item_of(asked.target)
        if item is not None and self._discarded(item):
            item, left = None, do.VendorIds()
        if item is not None and asked.loans_only:
            return Sighting(item_present=True, loans=charges(item), loans_seen=True)
        fees = patrons.fees_of(asked)
        if item is None:
            return Sighting(item_present=False, ids=left, hold_seen=True, loans_seen=True, fees=fees)
        home, away = self._places(item, asked.target)
        return Sighting(
            item_present=True,
            ids=ids_of(item),
            barcode=item.barcode,
            marked=self.bears(item, asked.target.mark),
            hold=self._hold(item, asked, patrons),
            hold_seen=True,
            loans=charges(item),
            loans_seen=True,
            place=home,
            temporary_place=away,
            lost=item.current in self._settings.lost_locations,
            in_transit=item.transit is not None,
            fees=fees,
        )

    def _discarded(self, item: symphony.Item) -> bool:
        """Whether the item is charged to the pseudo-user whose items are purged."""
        return item.charge is not None and same_account(item.charge, self._settings.discard_account)

    def _item_of(self, target: do.Target) -> tuple[symphony.Item | None, do.VendorIds]:
        """The item by key, else by barcode; of a temporary one that is not there, what is left of its bib."""
        with suppress(Missing):
            item = self.item(target)
            if target.ids.item or target.origin is not do.Origin.CREATED or self.bears(item, target.mark):
                return item, ids_of(item)
        if target.origin is not do.Origin.CREATED:
            return None, do.VendorIds()
        bib = self.bib_of(target)
        if bib is None or not bib.items:
            return None, do.VendorIds(bib.key if bib else "")
        with suppress(Missing):
            item = self._client.item(bib.items[0].key, WHOLE_LOOK)
            return item, ids_of(item)
        return None, do.VendorIds(bib.key)

    def bib_of(self, target: do.Target) -> symphony.Bib | None:
        """The bib of a temporary item: by its key where that is known, which needs no index."""
        if not target.ids.bib:
            return self.by_mark(target.mark)
        with suppress(Missing):
            bib = self._client.bib(target.ids.bib)
            return bib if self.bib_bears(bib, target.mark) else None
        return None

    @staticmethod
    def _places(item: symphony.Item, target: do.Target) -> tuple[do.Place | None, do.Place | None]:
        """Where the item belongs, and where it is meanwhile: both are its home location, so that only the record tells an own item's."""
        here, home = place_of(item), target.place.location
        if target.origin is not do.Origin.OWN:
            return here, None
        if not home:
            return None, None
        return do.Place(item.library, home), here if here.location != home else None

    def _hold(self, item: symphony.Item, asked: do.Inspect, patrons: Patrons) -> HoldRecord | None:
        """The hold recorded, while it stands; else the patron's on this copy, which may have been placed without our hearing of it."""
        known = self._by_key(asked) if asked.hold_id else None
        if known is not None and known.state is HoldState.PLACED:
            return known
        who = self._holder(asked, patrons)
        if not who:
            return known
        found = self.hold_on(item.key, who, asked.target.mark)
        return replace(found, patron_id=asked.patron_id) if found else known

    @staticmethod
    def _holder(asked: do.Inspect, patrons: Patrons) -> str:
        """The key of who may have a hold; of an in-system loan it is the patron's, of other own items the ILL account's."""
        if not asked.patron_id or asked.double:
            return asked.patron_id
        try:
            return patrons.holder(asked.target, asked.patron_id)
        except Rejected:
            return ""

    def _by_key(self, asked: do.Inspect) -> HoldRecord | None:
        try:
            hold = self._client.hold(asked.hold_id)
        except Missing:
            return None
        state = HoldState.PLACED if hold.active else STATES.get(hold.status)
        return HoldRecord(hold.key, asked.patron_id or hold.patron, hold.pickup, state) if state else None

    def hold_on(self, item: str, patron: str, mark: Mark) -> HoldRecord | None:
        """A patron's hold that bears our mark, or is on this copy and bears nobody else's."""
        try:
            holds = self._client.patron_lists(patron, "holdRecordList{*}").holds
        except Missing:
            return None
        for hold in holds:
            if not hold.active or bears_another(hold.comment, mark):
                continue
            if mark.code in hold.comment.split() or (hold.item == item and hold.kind == "COPY"):
                return HoldRecord(hold.key, patron, hold.pickup, HoldState.PLACED)
        return None
