"""A stand-in Alma for a day of chaos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.sandboxed import BYSTANDERS, Sandboxed, Told, Words
from bench.chaos.stories import PATRONS
from bench.chaos.tables import Table
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.alma.seed import Seed, SeedItem, SeedPatron


class AlmaHouse(Sandboxed):
    """A stand-in Alma with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "alma"
    prefix = "/almaws"
    zone = "Europe/Berlin"
    words = Words(
        patron="primary_id",
        holds="requests",
        bib="mms_id",
        loaned="pid",
        held="pid",
        bib_texts="network_numbers",
        item_texts="fields",
        hold_text="comment",
        who="user",
        pickup="pickup_library",
    )

    def __init__(self, own: Sequence[str]) -> None:
        self._alma = AlmaStandIn()
        patrons = [SeedPatron(primary_id=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=barcode, title=f"Bystander {barcode}") for barcode in BYSTANDERS]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}") for barcode in own]
        self._alma.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        self._alma.behave(loan_limit=100_000, transient_requests=1, renewals=1000)
        super().__init__(self._alma.app, own)

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        return {
            "host": self._server.url,
            "api_key": self._alma.key,
            "timezone": self.zone,
            "lending_library": "RS",
            "lending_desk": "RSDESK",
            "fee_owner": "MAIN",
            "visibility_wait": 0.02,
            "first_wait": 0.02,
            "read_timeout": 5,
        }

    def borrowing(self) -> Table:
        """See ``Sandboxed``."""
        place = {"library": "RS", "location": "ILLTEMP", "desk": "RSDESK"}
        return {"item_type": "ILL", "material": "BOOK", "place": place}

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "RS", "temporary_place": {"library": "RS", "location": "ILLOUT"}}

    def key_order(self) -> Mapping[str, str]:
        """See ``Sandboxed``."""
        return {"key": self._alma.key}

    def is_ours(self, why: str) -> bool:
        """See ``Sandboxed``."""
        return why.startswith("cancelled:")

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``."""
        return item["temp"] is not None

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:  # noqa: ARG002 - of others
        """See ``Sandboxed``."""
        return {key: item[key] for key in ("place", "copy_id", "fields", "suppressed", "mms_id")}
