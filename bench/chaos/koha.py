"""A stand-in Koha for a day of chaos: REST and SIP2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.gated import GatedDesk
from bench.chaos.sandboxed import BYSTANDERS, Sandboxed, Told, Words
from bench.chaos.stories import PATRONS
from bench.chaos.tables import Table
from bridge.sandbox.koha import KohaStandIn
from bridge.sandbox.koha.seed import Seed, SeedItem, SeedPatron

HOME, AWAY = "STACKS", "ILLOUT"


class KohaHouse(Sandboxed):
    """A stand-in Koha with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "koha"
    prefix = "/api/v1"
    zone = "Europe/Berlin"
    words = Words(patron="cardnumber", fee_text="description")
    pickups: Mapping[str, str] = {"CPL": "MAIN", "MPL": "BRANCH"}

    def __init__(self, own: Sequence[str]) -> None:
        self._koha = KohaStandIn()
        patrons = [SeedPatron(cardnumber=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=barcode, title=f"Bystander {barcode}") for barcode in BYSTANDERS]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}", internal_notes="gift") for barcode in own]
        self._koha.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        self._koha.behave(renewals=1000)
        super().__init__(self._koha.app, own)
        self._koha.sip.desk = GatedDesk(self._koha.sip.desk, self.gate)

    def start(self) -> None:
        """See ``House``."""
        super().start()
        self._koha.sip.start()

    def stop(self) -> None:
        """See ``House``."""
        super().stop()
        self._koha.sip.stop()

    def settings(self) -> Table:
        """See ``Sandboxed``."""
        sip = self._koha.sip
        return {
            "base_url": self._server.url,
            "user": self._koha.user,
            "secret": self._koha.password,
            "timezone": self.zone,
            "lost_status": 2,
            "first_wait": 0.02,
            "read_timeout": 5,
            "sip2": {
                "host": "127.0.0.1",
                "port": sip.port,
                "login": sip.habits.login,
                "password": sip.habits.password,
                "location": "CPL",
                "institution": "CPL",
                "timezone": self.zone,
                "connections": 4,
                "read_timeout": 5,
            },
        }

    def borrowing(self) -> Table:
        """See ``Sandboxed``."""
        pickups = {name: code for code, name in self.pickups.items()}
        return {
            "item_type": "ILL",
            "place": {"library": "CPL", "location": "ILLTEMP"},
            "pickup_locations": pickups,
        }

    def lending(self) -> Table:
        """See ``Sandboxed``."""
        return {"pickup_location": "CPL", "temporary_place": {"library": "CPL", "location": AWAY}}

    def refuse_key(self, *, on: bool) -> None:
        """See ``Sandboxed``; the API key is taken away with the tokens that were got by it."""
        state = self._koha.state
        with state.lock:
            state.tokens.clear()
            state.users = {} if on else {self._koha.user: self._koha.password}

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``. SIP2 has faults too, but for a trouble of Koha's own, which REST words as HTTP 500 (recorded/koha-rest)."""
        wording = fields["kind"] == "vendor_error"
        both = {
            "path": f"^({self.prefix}|/sip2)/",
            "method": {"POST": "POST|SIP2"}.get(fields["method"], fields["method"]),
        }
        worded = {"message": "Something went wrong, check Koha logs for details.", "status": 500}
        super().fault({**fields, **(worded if wording else both)})

    def is_away(self, item: Told) -> bool:
        """See ``Sandboxed``."""
        return bool(item["location"] == AWAY)

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:  # noqa: ARG002 - of others
        """See ``Sandboxed``; the one location counts as changed only where it is neither the old one nor that of lent items."""
        kept = {key: item[key] for key in ("bib", "texts", "item_type_id", "home_library_id", "callnumber")}
        return {**kept, "location": HOME if self.is_away(item) else item["location"]}
