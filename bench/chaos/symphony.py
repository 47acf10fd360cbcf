"""A stand-in Symphony for a day of chaos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.sandboxed import BYSTANDERS, Sandboxed, Told, Words
from bench.chaos.stories import PATRONS
from bench.chaos.tables import Table
from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.seed import Seed, SeedItem, SeedPatron, SeedPolicy

TEMPORARY_PLACE = """temporary_place = { library = "MAIN", location = "ILL-AWAY" }
"""
"""Of the library that comes last; what the other one lends lies where its ILL accounts have it."""
AWAY = "ILL-AWAY"
AT_ACCOUNT = "ILL-LENT"


class SymphonyHouse(Sandboxed):
    """A stand-in Symphony with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "symphony"
    prefix = "/symws"
    zone = "America/New_York"
    words = Words(item_texts="", hold_text="comment")

    def __init__(self, own: Sequence[str]) -> None:
        self._symphony = SymphonyStandIn(zone=self.zone)
        patrons = [SeedPatron(barcode=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=barcode, title=f"Bystander {barcode}") for barcode in BYSTANDERS]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}") for barcode in own]
        away = SeedPolicy(kind="location", code=AWAY)
        self._symphony.plant(Seed(policies=[away], patrons=patrons, items=[*bystanders, *stories]))
        self._symphony.behave(renewals=1000)
        for patron in self._symphony.state.patrons.values():
            if patron.profile == "ILL":
                patron.checkout_location = AT_ACCOUNT
        super().__init__(self._symphony.app, own)

    def configuration(self) -> str:
        """See ``House``."""
        return super().configuration() + TEMPORARY_PLACE

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        return {
            "base_url": f"{self._server.url}{self.prefix}",
            "client_id": self._symphony.client_id,
            **self.key_order(),
            "library": "MAIN",
            "timezone": self.zone,
            "charge_fees": True,
            "fee_reason": "ILLFEE",
            "parallel": 4,
            "busy_wait": 0.02,
            "index_wait": 0.02,
            "first_wait": 0.02,
            "read_timeout": 5,
        }

    def borrowing(self) -> Table:
        """See ``Sandboxed``."""
        pickups = {"MAIN": "MAIN", "BRANCH": "BRANCH"}
        return {"item_type": "ILL", "place": {"library": "MAIN", "location": "ILL"}, "pickup_locations": pickups}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "MAIN"}

    def key_order(self) -> Mapping[str, str]:
        """See ``Sandboxed``."""
        return {"login": self._symphony.login, "password": self._symphony.password}

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``; a trouble of its own Symphony tells as an unhandled exception (symphony.md section 7)."""
        worded = {"code": "unhandledException", "message": "Unhandled exception", "status": 500}
        super().fault({**fields, **worded} if fields["kind"] == "vendor_error" else fields)

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``: where an item is is its status; it is away while it lies where an ILL account has it."""
        return bool(item["location"] == AWAY or item["current"] == AT_ACCOUNT)

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:  # noqa: ARG002 - of others
        """See ``Sandboxed``."""
        kept = {key: item[key] for key in ("library", "item_type", "shadowed", "call_number", "notes")}
        return {**kept, "location": "STACKS" if item["location"] == AWAY else item["location"]}
