"""Looking things up in Alma: an item by its ids, barcode or mark, and everything that hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.dates import day_of
from bridge.connectors.alma.errors import Missing, loan_not_shown
from bridge.connectors.alma.marc import system_number
from bridge.connectors.alma.patrons import Patrons
from bridge.connectors.alma.settings import AlmaSettings
from bridge.domain import commands as do
from bridge.domain.identity import Mark, bears_another
from bridge.domain.record import HoldRecord, HoldState, SeenLoan, Sighting

LOST_AND_PAID = "LOST_LOAN_AND_PAID"
LOST = frozenset({"LOST_LOAN", LOST_AND_PAID})
ON_LOAN = frozenset({"LOAN", "CLAIM_RETURNED_LOAN", *LOST})
"""Process types of an item that somebody has, or had to the end."""
LISTED = ON_LOAN - {LOST_AND_PAID}
"""Those whose loan is open, and so is listed."""
"""Process types of an item whose loan was declared lost (alma.md section 4)."""


def complete(ids: do.VendorIds) -> bool:
    """Whether Alma can be asked for the item by these ids."""
    return bool(ids.bib and ids.holding and ids.item)


def permanent_place(item: alma.Item) -> do.Place:
    """Where the item belongs; stays so while it is in a temporary location (alma.md section 4)."""
    return do.Place(item.item_data.library, item.item_data.location)


def temporary_place(item: alma.Item) -> do.Place | None:
    """The temporary location the item is in, if any."""
    held = item.holding_data
    return do.Place(held.temp_library, held.temp_location) if held.in_temp_location else None


def same_place(one: do.Place, other: do.Place) -> bool:
    """Whether library and location agree; a desk is no part of where an item is."""
    return (one.library, one.location) == (other.library, other.location)


def is_ours(loan: alma.Loan, loan_ids: tuple[str, ...], account: str) -> bool:
    """A loan we recorded, or one on our ILL account; primary ids are compared without case (alma.md section 2)."""
    return loan.loan_id in loan_ids or bool(account and loan.user_id.casefold() == account.casefold())


class Sight:
    """Read-only looks at one institution."""

    def __init__(self, client: AlmaClient, settings: AlmaSettings, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._settings = settings
        self._sleep = sleep

    def raw(self, target: do.Target) -> dict[str, Any]:
        """The item with every field, by ids where known, else by barcode. Raises ``Missing``."""
        if complete(target.ids):
            return self._client.raw_item(target.ids)
        return self._client.raw_item_by_barcode(target.barcode)

    def item(self, target: do.Target) -> alma.Item:
        """The item, by ids where known, else by barcode. Raises ``Missing``."""
        return alma.Item.model_validate(self.raw(target))

    def bears(self, item: alma.Item, mark: Mark) -> bool:
        """Whether the item bears this mark in the field configured for it."""
        return mark.code in getattr(item.item_data, self._settings.mark_field).split()

    def by_mark(self, mark: Mark) -> do.VendorIds:
        """Ids of what exists for this mark, as far as it was made: bib; bib and holding; or all three."""
        bib = self._client.bib_of_mark(system_number(mark))
        if not bib:
            return do.VendorIds()
        holdings = self._client.holdings(bib).holding
        if not holdings:
            return do.VendorIds(bib)
        items = self._client.items(bib, "ALL").item
        marked = next((item for item in items if self.bears(item, mark)), None)
        return ids_of(marked) if marked else do.VendorIds(bib, holdings[0].holding_id)

    def by_mark_at_last(self, mark: Mark) -> do.VendorIds:
        """The same, asked again for a while: a bib made a moment ago may not be in the index yet."""
        for _ in range(self._settings.visibility_tries - 1):
            found = self.by_mark(mark)
            if found.bib:
                return found
            self._sleep(self._settings.visibility_wait)
        return self.by_mark(mark)

    def inspect(self, asked: do.Inspect, patrons: Patrons) -> Sighting:
        """Everything that exists for this mark."""
        if asked.loans_only and (seen := self._glance(asked)) is not None:
            return seen
        fees = patrons.fees_of(asked)
        item, found = self._item_of(asked.target)
        if item is None:
            return Sighting(item_present=False, ids=found, hold_seen=True, loans_seen=True, fees=fees)
        ids = ids_of(item)
        marked = self.bears(item, asked.target.mark)
        return Sighting(
            item_present=True,
            ids=ids,
            barcode=item.item_data.barcode,
            marked=marked,
            hold=self._hold(ids, asked),
            hold_seen=True,
            loans=self._all_loans(item, asked),
            loans_seen=True,
            place=permanent_place(item),
            temporary_place=temporary_place(item),
            lost=alma.folded(item.item_data.process_type) in LOST,
            fees=fees,
        )

    def _all_loans(self, item: alma.Item, asked: do.Inspect) -> tuple[SeenLoan, ...]:
        """The loans of an item just read. Raises ``Retry`` where it is said to be on loan and none is listed: that ends none."""
        loans = self._loans(ids_of(item), asked)
        if not loans and alma.folded(item.item_data.process_type) in LISTED:
            raise loan_not_shown(item.item_data.barcode)
        return loans

    def _glance(self, asked: do.Inspect) -> Sighting | None:
        """Who has the item, in one call; ``None`` where it must be looked for."""
        if not complete(asked.target.ids):
            return None
        try:
            return Sighting(item_present=True, loans=self._loans(asked.target.ids, asked), loans_seen=True)
        except Missing:
            return None

    def _item_of(self, target: do.Target) -> tuple[alma.Item | None, do.VendorIds]:
        """A temporary item of ours by its ids, else by its mark; an own or adopted one by its ids or barcode.

        An item moved to another place hangs on another holding, so its ids lead nowhere then (alma.md section 3). Without an item: what
        is left of its record.
        """
        made_by_us = target.origin is do.Origin.CREATED
        if complete(target.ids) or not made_by_us:
            with suppress(Missing):
                return self.item(target), do.VendorIds()
        if not made_by_us:
            return None, do.VendorIds()
        ids = do.VendorIds()
        with suppress(Missing):
            ids = self.by_mark(target.mark)
            if complete(ids):
                return self._client.item(ids), do.VendorIds()
        return None, ids

    def _hold(self, ids: do.VendorIds, asked: do.Inspect) -> HoldRecord | None:
        by_staff = asked.patron_id if asked.target.origin is do.Origin.ADOPTED else ""
        found = self.hold_on(ids, asked.target.mark, hold_id=asked.hold_id, patron_id=by_staff)
        if found is None:
            return None
        patron = asked.patron_id or found.user_primary_id
        return HoldRecord(found.request_id, patron, self.pickup_of(found), HoldState.PLACED)

    def hold_on(
        self, ids: do.VendorIds, mark: Mark, *, hold_id: str = "", patron_id: str = ""
    ) -> alma.UserRequest | None:
        """Our hold on an item: the one recorded, the one that bears the mark, or this patron's that bears no other."""
        for request in self._client.item_requests(ids).user_request:
            ours = request.request_id == hold_id or mark.code in request.comment
            theirs = patron_id and request.user_primary_id.casefold() == patron_id.casefold()
            if ours or (theirs and not bears_another(request.comment, mark)):
                return request
        return None

    def pickup_of(self, request: alma.UserRequest) -> str:
        """The pickup location in the form the configuration uses; empty where Alma does not name the desk."""
        desk = request.pickup_location_circulation_desk
        if self._settings.pickup_type == "LIBRARY":
            return request.pickup_location_library
        return f"{request.pickup_location_library}/{desk}" if desk else ""

    def _loans(self, ids: do.VendorIds, asked: do.Inspect) -> tuple[SeenLoan, ...]:
        zone = self._settings.timezone
        return tuple(
            SeenLoan(
                loan.loan_id, loan.user_id, day_of(loan.due_date, zone), is_ours(loan, asked.loan_ids, asked.account)
            )
            for loan in self._client.item_loans(ids).item_loan
        )
