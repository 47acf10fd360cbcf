"""A stand-in Sierra for a day of chaos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.sandboxed import BYSTANDERS, Sandboxed, Told, Words
from bench.chaos.stories import PATRONS
from bench.chaos.tables import Table
from bridge.sandbox.sierra import SierraStandIn
from bridge.sandbox.sierra.seed import Seed, SeedItem, SeedPatron

AWAY = "illx"


class SierraHouse(Sandboxed):
    """A stand-in Sierra with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "sierra"
    prefix = "/iii/sierra-api"
    zone = "America/Chicago"
    words = Words(held="record", fee_text="reason")
    pickups: Mapping[str, str] = {"main": "MAIN", "bran": "BRANCH"}

    def __init__(self, own: Sequence[str]) -> None:
        self._sierra = SierraStandIn()
        patrons = [SeedPatron(barcode=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=barcode, title=f"Bystander {barcode}") for barcode in BYSTANDERS]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}", notes=("gift",)) for barcode in own]
        self._sierra.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        self._sierra.behave(transient_requests=1, renewals=1000)
        super().__init__(self._sierra.app, own)

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        return {
            "base_url": f"{self._server.url}{self.prefix}",
            **self.key_order(),
            "timezone": self.zone,
            "charge_fees": True,
            "fee_location": "main",
            "audit_locations": ["illtm"],
            "parallel": 4,
            "visibility_wait": 0.02,
            "first_wait": 0.02,
            "read_timeout": 5,
        }

    def borrowing(self) -> Table:
        """See ``Sandboxed``."""
        pickups = {name: code for code, name in self.pickups.items()}
        return {"item_type": "50", "place": {"location": "illtm"}, "pickup_locations": pickups}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "main", "temporary_place": {"location": AWAY}}

    def key_order(self) -> Mapping[str, str]:
        """See ``Sandboxed``."""
        return {"key": self._sierra.key, "secret": self._sierra.secret}

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``; what Sierra says of a trouble of its own is HTTP 500 with code 102 (sierra.md section 3)."""
        worded = {"code": "102", "message": "Internal error", "status": 500}
        super().fault({**fields, **worded} if fields["kind"] == "vendor_error" else fields)

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``."""
        return bool(item["location"] == AWAY)

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:
        """See ``Sandboxed``; the one location counts as changed only where it is neither the old one nor that of lent items."""
        return {
            "fields": item["fields"],
            "bib": item["bib"],
            "type": item["item_type"],
            "location": "main" if self.is_away(item) else item["location"],
            "status": "-" if in_use else item["status"],
        }
