"""A stand-in Alma for a day of chaos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.chaos.ils import BYSTANDERS, OwnItem, Sandboxed, Thing, Told, Words, day_in, libraries, mark_in
from bench.chaos.stories import PATRONS
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.alma.seed import Seed, SeedItem, SeedPatron

ZONE = "Europe/Berlin"
ALMA = """
[ils.{name}]
connector = "alma"
cap = 4
calls_per_second = 0
late_writes = 0.5
[ils.{name}.settings]
host = "{url}"
api_key = "{key}"
timezone = "Europe/Berlin"
lending_library = "RS"
lending_desk = "RSDESK"
fee_owner = "MAIN"
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
item_type = "ILL"
material = "BOOK"
barcode_prefix = "{prefix}"
create_on = "{create_on}"
charge_fee = {fee}
fee_amount = "2.50"
place = {{ library = "RS", location = "ILLTEMP", desk = "RSDESK" }}
[libraries.{name}-{kind}.lending]
accounts = {{ {accounts} }}
hold_on_request = {early}
pickup_location = "RS"
temporary_place = {{ library = "RS", location = "ILLOUT" }}
"""


class AlmaHouse(Sandboxed):
    """A stand-in Alma with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "alma"
    prefix = "/almaws"
    words = Words(patron="primary_id", holds="requests", bib="mms_id", loaned="pid", held="pid")

    def __init__(self, own: Sequence[str]) -> None:
        self._alma = AlmaStandIn()
        patrons = [SeedPatron(primary_id=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=f"BY-{number:02d}", title=f"Bystander {number}") for number in range(BYSTANDERS)]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}") for barcode in own]
        self._alma.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        self._alma.behave(loan_limit=100_000, transient_requests=1, renewals=1000)
        super().__init__(self._alma.app, own)

    def configuration(self) -> str:
        """See ``House``."""
        return ALMA.format(name=self.name, url=self._server.url, key=self._alma.key) + libraries(LIBRARY, self.name)

    def key_order(self) -> Mapping[str, str]:
        """See ``Sandboxed``."""
        return {"key": self._alma.key}

    def things(self) -> tuple[Thing, ...]:
        """See ``House``."""
        found = {kind: [each for each in told if each["created_by"] == "api"] for kind, told in self.objects().items()}
        marks = {bib["id"]: mark_in(bib["network_numbers"]) for bib in found["bibs"]}
        return (
            *(Thing("bib", bib["id"], marks[bib["id"]]) for bib in found["bibs"]),
            *(Thing("holding", each["id"], marks.get(each["mms_id"], "")) for each in found["holdings"]),
            *(Thing("item", each["id"], mark_in(each["fields"]), barcode=each["barcode"]) for each in found["items"]),
            *(_hold(each) for each in found["requests"]),
            *(Thing("fee", each["id"], mark_in(each["comment"]), who=each["user"]) for each in found["fees"]),
        )

    def own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        """See ``Sandboxed``."""
        mine = [loan for loan in loans if loan["pid"] == item["id"]]
        opened = next((loan for loan in mine if loan["open"]), None)
        fixed = {key: item[key] for key in ("place", "copy_id", "fields", "suppressed", "mms_id")}
        return OwnItem(
            barcode=item["barcode"],
            loan=item["loan"] or "",
            due=day_in(opened["due"], ZONE) if opened else "",
            loans_by_bridge=sum(loan["created_by"] == "api" for loan in mine),
            away=item["temp"] is not None,
            holds=tuple(hold["user"] for hold in holds if hold["pid"] == item["id"] and hold["active"]),
            fixed=json.dumps(fixed, sort_keys=True),
        )


def _hold(told: Mapping[str, Any]) -> Thing:
    why = str(told["closed_why"])
    return Thing(
        "hold",
        told["id"],
        mark_in(told["comment"]),
        live=told["active"],
        who=told["user"],
        pickup=told["pickup_library"],
        why=why,
        ours=why.startswith("cancelled:"),
    )
