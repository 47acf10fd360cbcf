"""A stand-in Symphony for a day of chaos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.ils import BYSTANDERS, OwnItem, Sandboxed, Thing, Told, Words, day_in, libraries, mark_in
from bench.chaos.stories import PATRONS
from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.seed import Seed, SeedItem, SeedPatron, SeedPolicy

ZONE = "America/New_York"
SYMPHONY = """
[ils.{name}]
connector = "symphony"
cap = 4
calls_per_second = 0
late_writes = 0.5
[ils.{name}.settings]
base_url = "{url}/symws"
client_id = "{client_id}"
login = "{login}"
password = "{password}"
library = "MAIN"
timezone = "{zone}"
charge_fees = true
fee_reason = "ILLFEE"
parallel = 4
busy_wait = 0.02
index_wait = 0.02
first_wait = 0.02
read_timeout = 5
"""
LIBRARY = """
[libraries.{name}-{kind}]
mode = "live"
ils = "{name}"
deletes_per_hour = 1000000
[libraries.{name}-{kind}.borrowing]
item_type = "ILL"
barcode_prefix = "{prefix}"
create_on = "{create_on}"
charge_fee = {fee}
fee_amount = "2.50"
place = {{ library = "MAIN", location = "ILL" }}
pickup_locations = {{ MAIN = "MAIN", BRANCH = "BRANCH" }}
[libraries.{name}-{kind}.lending]
accounts = {{ {accounts} }}
hold_on_request = {early}
pickup_location = "MAIN"
"""
TEMPORARY_PLACE = """temporary_place = { library = "MAIN", location = "ILL-AWAY" }
"""
"""Of the library that comes last; what the other one lends lies where its ILL accounts have it."""
AWAY = "ILL-AWAY"
AT_ACCOUNT = "ILL-LENT"


class SymphonyHouse(Sandboxed):
    """A stand-in Symphony with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "symphony"
    prefix = "/symws"
    words = Words()

    def __init__(self, own: Sequence[str]) -> None:
        self._symphony = SymphonyStandIn(zone=ZONE)
        patrons = [SeedPatron(barcode=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=f"BY-{number:02d}", title=f"Bystander {number}") for number in range(BYSTANDERS)]
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
        account = {"client_id": self._symphony.client_id, **self.key_order()}
        lane = SYMPHONY.format(name=self.name, url=self._server.url, zone=ZONE, **account)
        return lane + libraries(LIBRARY, self.name) + TEMPORARY_PLACE

    def key_order(self) -> Mapping[str, str]:
        """See ``Sandboxed``."""
        return {"login": self._symphony.login, "password": self._symphony.password}

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``; a trouble of its own Symphony tells as an unhandled exception (symphony.md section 7)."""
        worded = {"code": "unhandledException", "message": "Unhandled exception", "status": 500}
        super().fault({**fields, **worded} if fields["kind"] == "vendor_error" else fields)

    def things(self) -> tuple[Thing, ...]:
        """See ``House``."""
        found = {
            kind: [each for each in told if each.get("created_by") == "api"] for kind, told in self.objects().items()
        }
        marks = {bib["id"]: mark_in(bib["texts"]) for bib in found["bibs"]}
        return (
            *(Thing("bib", bib["id"], marks[bib["id"]]) for bib in found["bibs"]),
            *(
                Thing("item", each["id"], marks.get(each["bib"], ""), barcode=each["barcode"])
                for each in found["items"]
            ),
            *(_hold(each) for each in found["holds"]),
            *(Thing("fee", each["id"], mark_in(each["comment"]), who=each["who"]) for each in found["fees"]),
        )

    def own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        """Where an item is is its status; it is away while it lies where an ILL account has it."""
        mine = [loan for loan in loans if loan["item"] == item["id"]]
        opened = next((loan for loan in mine if loan["open"]), None)
        fixed = {key: item[key] for key in ("library", "item_type", "shadowed", "call_number", "notes")}
        fixed["location"] = "STACKS" if item["location"] == AWAY else item["location"]
        return OwnItem(
            barcode=item["barcode"],
            loan=item["loan"] or "",
            due=day_in(opened["due"], ZONE) if opened else "",
            loans_by_bridge=sum(loan["created_by"] == "api" for loan in mine),
            away=item["location"] == AWAY or item["current"] == AT_ACCOUNT,
            holds=tuple(hold["who"] for hold in holds if hold["item"] == item["id"] and hold["active"]),
            fixed=json.dumps(fixed, sort_keys=True),
        )


def _hold(told: Mapping[str, Any]) -> Thing:
    why = str(told["closed_why"])
    return Thing(
        "hold",
        told["id"],
        mark_in(told["comment"]),
        live=told["active"],
        who=told["who"],
        pickup=told["pickup"],
        why=why,
        ours=why == "cancelled",
    )
