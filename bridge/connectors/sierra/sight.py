"""Looking things up in Sierra: an item by its number, barcode or mark, and everything that hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from bridge.connectors.days import day_of
from bridge.connectors.recent import Recent
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import Deleted, Missing, loan_not_shown, not_ours
from bridge.connectors.sierra.patrons import Patrons
from bridge.connectors.sierra.settings import SierraSettings
from bridge.domain import commands as do
from bridge.domain.identity import Mark, bears_another
from bridge.domain.record import HoldRecord, HoldState, SeenLoan, Sighting

PATRON_FIELD = "66"
"""Fixed field of an item: record number of who has it (sierra.md section 10); personal, never logged."""
USUAL = {
    "-": "available",
    "t": "in transit",
    "!": "on the hold shelf",
    "m": "missing",
    "n": "billed",
    "$": "lost and paid",
    "z": "claimed returned",
    "o": "library use only",
    "@": "off site",
}
"""What status codes mean at most sites (sierra.md section 10)."""


def place_of(item: sierra.Item) -> do.Place:
    """Where an item is: Sierra knows one location, and no temporary one."""
    return do.Place(location=item.location.code)


def ids_of(item: sierra.Item) -> do.VendorIds:
    """An item's own number and its bib's; a virtual record's (with ``@``) is not ours to name."""
    bib = next((each for each in item.bib_ids if "@" not in each), "")
    return do.VendorIds(bib=bib, item=item.id)


def loan_id(loan: str, patron: str) -> str:
    """How we record a loan: with its patron's number, by which an item tells whose it is."""
    return f"{loan}:{patron}"


def has_ended(item: sierra.Item, loan: str) -> bool:
    """Whether the item tells that the recorded loan is over: nobody has it, or somebody else (fixed field 66)."""
    number, _, patron = loan.partition(":")
    having = item.fixed_value(PATRON_FIELD)
    return bool(number) and (not item.on_loan or bool(having and patron and having != patron))


def recorded(loan: sierra.Checkout, loan_ids: Iterable[str]) -> str:
    """How this loan is recorded among these, else the empty text; one recorded in haste may lack its patron's number."""
    return next((each for each in loan_ids if each.partition(":")[0] == loan.id), "")


def has_our_hold_alone(target: do.Target) -> bool:
    """Whether nobody else has a hold on such an item, so that what it says of holds it says of ours."""
    return target.origin is do.Origin.CREATED


class Sight:
    """Read-only looks at one Sierra. Items just read are remembered for the next step of the same sitting, each for one use."""

    def __init__(
        self,
        client: SierraClient,
        settings: SierraSettings,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._settings = settings
        self._sleep = sleep
        self._recent: Recent[sierra.Item] = Recent(now)

    def keep(self, item: sierra.Item) -> None:
        """Remember this answer for the step that follows."""
        self._recent.keep(item.id, item)

    def fresh(self, target: do.Target) -> sierra.Item:
        """The item as it was read a moment ago, else read now. Raises ``Missing``."""
        return self._recent.take(target.ids.item) or self.item(target)

    def item(self, target: do.Target) -> sierra.Item:
        """The item by its number where known, else by barcode. Raises ``Missing``, and ``Rejected`` where several bear the barcode."""
        if target.ids.item:
            return self.numbered(target.ids.item)
        found = self._client.items_by_barcode(target.barcode) if target.barcode else ()
        if len(found) > 1:
            raise not_ours(f"{len(found)} items bear barcode {target.barcode}")
        if not found:
            raise Missing(f"Sierra knows no item with barcode {target.barcode}.")
        return self.numbered(found[0])

    def numbered(self, item_id: str) -> sierra.Item:
        """An item by its number. One that Sierra does not know may have been made a moment ago, so it is asked again for a while: what
        was deleted it knows (sierra.md, sections 1 and 7.6). Raises ``Missing``.
        """
        for attempt in range(self._settings.visibility_tries - 1):
            try:
                return self._client.item(item_id, transient=attempt > 0)
            except Deleted:
                raise
            except Missing:
                self._sleep(self._settings.visibility_wait)
        return self._client.item(item_id, transient=self._settings.visibility_tries > 1)

    def bears(self, item: sierra.Item, mark: Mark) -> bool:
        """Whether the item bears this mark in the field configured for it."""
        return any(mark.code in text.split() for text in item.texts(self._settings.mark_tag))

    def by_mark(self, mark: Mark) -> do.VendorIds:
        """What exists for this mark: the bib, and its item."""
        bibs = self._client.bibs_by_mark(mark.code)
        if not bibs:
            return do.VendorIds()
        for bib in bibs:
            marked = next((item for item in self._client.items_of(bib) if self.bears(item, mark)), None)
            if marked is not None:
                return do.VendorIds(bib=bib, item=marked.id)
        return do.VendorIds(bib=bibs[0])

    def recorded_bib(self, target: do.Target) -> str:
        """The bib we recorded, while it is there and bears our mark: read by its number, where an index that lags does not find it."""
        try:
            bib = self._client.bib(target.ids.bib) if target.ids.bib else None
        except Missing:
            return ""
        fields = bib.fields if bib is not None else ()
        texts = (each.text.split() for each in fields if each.tag == self._settings.bib_mark_tag)
        return target.ids.bib if any(target.mark.code in words for words in texts) else ""

    def by_mark_at_last(self, mark: Mark) -> do.VendorIds:
        """The same, asked again for a while: what was made a moment ago may not be seen yet."""
        for _ in range(self._settings.visibility_tries - 1):
            found = self.by_mark(mark)
            if found.item:
                return found
            self._sleep(self._settings.visibility_wait)
        return self.by_mark(mark)

    def bibs_at_last(self, mark: Mark) -> tuple[str, ...]:
        """The bibs that bear our mark, where a look found none: asked again for a while."""
        for _ in range(self._settings.visibility_tries - 1):
            self._sleep(self._settings.visibility_wait)
            if found := self._client.bibs_by_mark(mark.code):
                return found
        return ()

    def inspect(self, asked: do.Inspect, patrons: Patrons) -> Sighting:
        """Everything that exists for this mark."""
        fees = patrons.fees_of(asked)
        item, ids = self._item_of(asked.target)
        if item is None:
            return Sighting(item_present=False, ids=ids, hold_seen=True, loans_seen=True, fees=fees)
        home, away = self._places(item, asked.target)
        hold = self._hold(item, asked, patrons)
        return Sighting(
            item_present=True,
            ids=ids_of(item),
            barcode=item.barcode,
            marked=self.bears(item, asked.target.mark),
            hold=hold,
            hold_seen=bool(hold) or not (item.hold_count and has_our_hold_alone(asked.target)),
            loans=self._loans(item, asked, patrons),
            loans_seen=True,
            place=home,
            temporary_place=away,
            lost=item.status.code in {"$", self._settings.lost_status} if self._settings.lost_status else None,
            fees=fees,
        )

    def _item_of(self, target: do.Target) -> tuple[sierra.Item | None, do.VendorIds]:
        """A temporary item of ours by its number or mark; an own or adopted one by its number or barcode."""
        try:
            if target.ids.item or target.origin is not do.Origin.CREATED:
                item = self.item(target)
                return item, ids_of(item)
        except Missing:
            if target.origin is not do.Origin.CREATED:
                return None, do.VendorIds()
        ids = self.by_mark(target.mark)
        if not ids.bib:
            ids = do.VendorIds(bib=self.recorded_bib(target))
        try:
            return (self.numbered(ids.item), ids) if ids.item else (None, ids)
        except Missing:
            return None, do.VendorIds(bib=ids.bib)

    @staticmethod
    def _places(item: sierra.Item, target: do.Target) -> tuple[do.Place | None, do.Place | None]:
        """Where the item belongs, and where it is meanwhile: Sierra knows one location, only the record tells an own item's home."""
        here, home = place_of(item), do.Place(location=target.place.location)
        if target.origin is not do.Origin.OWN:
            return here, None
        if not home.location:
            return None, None
        return home, here if here != home else None

    def still_held(self, target: do.Target) -> bool:
        """Whether an item says that it has holds, whoever's; one that is gone has none."""
        try:
            return bool(self.item(target).hold_count)
        except Missing:
            return False

    def _hold(self, item: sierra.Item, asked: do.Inspect, patrons: Patrons) -> HoldRecord | None:
        if not item.hold_count or not asked.patron_id:
            return None
        number = patrons.holder(asked.target, asked.patron_id)
        found = self.hold_on(item.id, number, asked.target.mark, hold_id=asked.hold_id) if number else None
        return replace(found, patron_id=asked.patron_id) if found else None

    def hold_on(self, item_id: str, patron_id: str, mark: Mark, *, hold_id: str = "") -> HoldRecord | None:
        """Our hold among a patron's: the one recorded, the one whose note bears the mark, or the one on this item that bears no other."""
        for hold in self._client.holds(patron_id):
            ours = hold.id == hold_id or mark.code in hold.note.split()
            here = hold.record_type == "i" and hold.record == item_id
            if ours or (here and not bears_another(hold.note, mark)):
                return HoldRecord(hold.id, patron_id, hold.pickup.code, HoldState.PLACED)
        return None

    def loans_of(self, item: sierra.Item) -> tuple[sierra.Checkout, ...]:
        """The open loans of an item. Raises ``Retry`` where it is said to be on loan and none is listed: that ends none."""
        loans = self._client.item_checkouts(item.id) if item.on_loan else ()
        if item.on_loan and not loans:
            raise loan_not_shown(item.barcode)
        return loans

    def _loans(self, item: sierra.Item, asked: do.Inspect, patrons: Patrons) -> tuple[SeenLoan, ...]:
        loans = self.loans_of(item)
        account = patrons.number_of(asked.account) if loans and asked.account else ""
        return tuple(
            SeenLoan(
                recorded(loan, asked.loan_ids) or loan_id(loan.id, loan.patron),
                asked.account if account and loan.patron == account else loan.patron,
                day_of(loan.due, self._settings.timezone),
                bool(recorded(loan, asked.loan_ids)) or bool(account and loan.patron == account),
            )
            for loan in loans
        )

    def status_told(self, code: str) -> str:
        """A status code in words; a site names its own in ``status_names``."""
        meaning = self._settings.status_names.get(code) or USUAL.get(code)
        return f"'{code}' ({meaning})" if meaning else f"'{code}'"
