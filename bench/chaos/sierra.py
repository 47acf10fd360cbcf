"""A stand-in Sierra for a day of chaos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.ils import BYSTANDERS, OwnItem, Sandboxed, Thing, Told, Words, day_in, libraries, mark_in
from bench.chaos.stories import PATRONS
from bridge.sandbox.sierra import SierraStandIn
from bridge.sandbox.sierra.seed import Seed, SeedItem, SeedPatron

ZONE = "America/Chicago"
SIERRA = """
[ils.{name}]
connector = "sierra"
cap = 4
calls_per_second = 0
late_writes = 0.5
[ils.{name}.settings]
base_url = "{url}/iii/sierra-api"
key = "{key}"
secret = "{secret}"
timezone = "{zone}"
charge_fees = true
fee_location = "main"
audit_locations = ["illtm"]
parallel = 4
visibility_wait = 0.02
first_wait = 0.02
read_timeout = 5
"""
LIBRARY = """
[libraries.{name}-{kind}]
mode = "live"
ils = "{name}"
deletes_per_hour = 1000000
[libraries.{name}-{kind}.borrowing]
item_type = "50"
barcode_prefix = "{prefix}"
create_on = "{create_on}"
charge_fee = {fee}
fee_amount = "2.50"
place = {{ location = "illtm" }}
pickup_locations = {{ MAIN = "main", BRANCH = "bran" }}
[libraries.{name}-{kind}.lending]
accounts = {{ {accounts} }}
hold_on_request = {early}
pickup_location = "main"
temporary_place = {{ location = "illx" }}
"""
PICKUPS = {"main": "MAIN", "bran": "BRANCH"}
"""Codes of pickup locations, as the service calls them."""
AWAY = "illx"


class SierraHouse(Sandboxed):
    """A stand-in Sierra with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "sierra"
    prefix = "/iii/sierra-api"
    words = Words(held="record")

    def __init__(self, own: Sequence[str]) -> None:
        self._sierra = SierraStandIn()
        patrons = [SeedPatron(barcode=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=f"BY-{number:02d}", title=f"Bystander {number}") for number in range(BYSTANDERS)]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}", notes=("gift",)) for barcode in own]
        self._sierra.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        self._sierra.behave(transient_requests=1, renewals=1000)
        super().__init__(self._sierra.app, own)

    def configuration(self) -> str:
        """See ``House``."""
        key = {"key": self._sierra.key, "secret": self._sierra.secret}
        return SIERRA.format(name=self.name, url=self._server.url, zone=ZONE, **key) + libraries(LIBRARY, self.name)

    def key_order(self) -> Mapping[str, str]:
        """See ``Sandboxed``."""
        return {"key": self._sierra.key, "secret": self._sierra.secret}

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``; what Sierra says of a trouble of its own is HTTP 500 with code 102 (sierra.md section 3)."""
        worded = {"code": "102", "message": "Internal error", "status": 500}
        super().fault({**fields, **worded} if fields["kind"] == "vendor_error" else fields)

    def things(self) -> tuple[Thing, ...]:
        """See ``House``."""
        found = {kind: [each for each in told if each["created_by"] == "api"] for kind, told in self.objects().items()}
        return (
            *(Thing("bib", str(bib["id"]), mark_in(bib["texts"])) for bib in found["bibs"]),
            *(Thing("item", str(one["id"]), mark_in(one["texts"]), barcode=one["barcode"]) for one in found["items"]),
            *(_hold(each) for each in found["holds"]),
            *(Thing("fee", str(each["id"]), mark_in(each["reason"]), who=each["who"]) for each in found["fees"]),
        )

    def own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        """The one location counts as changed only where it is neither the old one nor that of lent items."""
        mine = [loan for loan in loans if loan["item"] == item["id"]]
        opened = next((loan for loan in mine if loan["open"]), None)
        away = item["location"] == AWAY
        fixed = {"fields": item["fields"], "bib": item["bib"], "type": item["item_type"]}
        fixed["location"] = "main" if away else item["location"]
        waiting = tuple(hold["who"] for hold in holds if hold["record"] == item["id"] and hold["active"])
        fixed["status"] = "-" if waiting or opened else item["status"]
        return OwnItem(
            barcode=item["barcode"],
            loan=item["loan"] or "",
            due=day_in(opened["due"], ZONE) if opened else "",
            loans_by_bridge=sum(loan["created_by"] == "api" for loan in mine),
            away=away,
            holds=waiting,
            fixed=json.dumps(fixed, sort_keys=True),
        )


def _hold(told: Mapping[str, Any]) -> Thing:
    why = str(told["closed_why"])
    return Thing(
        "hold",
        str(told["id"]),
        mark_in(told["note"]),
        live=told["active"],
        who=told["who"],
        pickup=PICKUPS.get(told["pickup"], told["pickup"]),
        why=why,
        ours=why == "cancelled",
    )
