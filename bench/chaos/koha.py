"""A stand-in Koha for a day of chaos: REST and SIP2, whose messages are exchanges at which a daemon may die as well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bench.chaos.ils import BYSTANDERS, Gate, OwnItem, Sandboxed, Thing, Told, Words, day_in, libraries, mark_in
from bench.chaos.stories import PATRONS
from bridge.sandbox.koha import KohaStandIn
from bridge.sandbox.koha.seed import Seed, SeedItem, SeedPatron
from bridge.sandbox.sip2.desk import Desk, ItemSeen, LoanMade, PatronSeen, TakenIn

ZONE = "Europe/Berlin"
KOHA = """
[ils.{name}]
connector = "koha"
cap = 4
calls_per_second = 0
late_writes = 0.5
[ils.{name}.settings]
base_url = "{url}"
user = "{user}"
secret = "{secret}"
timezone = "{zone}"
lost_status = 2
first_wait = 0.02
read_timeout = 5
[ils.{name}.settings.sip2]
host = "127.0.0.1"
port = {port}
login = "{login}"
password = "{password}"
location = "CPL"
institution = "CPL"
timezone = "{zone}"
connections = 4
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
place = {{ library = "CPL", location = "ILLTEMP" }}
pickup_locations = {{ MAIN = "CPL", BRANCH = "MPL" }}
[libraries.{name}-{kind}.lending]
accounts = {{ {accounts} }}
hold_on_request = {early}
pickup_location = "CPL"
temporary_place = {{ library = "CPL", location = "ILLOUT" }}
"""
PICKUPS = {"CPL": "MAIN", "MPL": "BRANCH"}
"""Libraries where holds are picked up, as the service calls them."""
HOME, AWAY = "STACKS", "ILLOUT"


class KohaHouse(Sandboxed):
    """A stand-in Koha with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "koha"
    prefix = "/api/v1"
    words = Words(patron="cardnumber")

    def __init__(self, own: Sequence[str]) -> None:
        self._koha = KohaStandIn()
        patrons = [SeedPatron(cardnumber=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=f"BY-{number:02d}", title=f"Bystander {number}") for number in range(BYSTANDERS)]
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

    def configuration(self) -> str:
        """See ``House``."""
        sip = self._koha.sip
        account = {"user": self._koha.user, "secret": self._koha.password, "zone": ZONE}
        door = {"port": sip.port, "login": sip.habits.login, "password": sip.habits.password}
        return KOHA.format(name=self.name, url=self._server.url, **account, **door) + libraries(LIBRARY, self.name)

    def spell(self, kind: str, fields: Mapping[str, Any], *, on: bool) -> None:
        """See ``House``; the API key is taken away, with the tokens that were got by it, and comes back."""
        if kind != "unauthorized":
            super().spell(kind, fields, on=on)
            return
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

    def things(self) -> tuple[Thing, ...]:
        """See ``House``."""
        found = {kind: [each for each in told if each["created_by"] == "api"] for kind, told in self.objects().items()}
        return (
            *(Thing("bib", str(bib["id"]), mark_in(bib["texts"])) for bib in found["bibs"]),
            *(Thing("item", str(one["id"]), mark_in(one["texts"]), barcode=one["barcode"]) for one in found["items"]),
            *(_hold(each) for each in found["holds"]),
            *(Thing("fee", str(each["id"]), mark_in(each["description"]), who=each["who"]) for each in found["fees"]),
        )

    def own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        """The one location counts as changed only where it is neither the old one nor that of lent items."""
        mine = [loan for loan in loans if loan["item"] == item["id"]]
        opened = next((loan for loan in mine if loan["open"]), None)
        away = item["location"] == AWAY
        fixed = {key: item[key] for key in ("bib", "texts", "item_type_id", "home_library_id", "callnumber")}
        fixed["location"] = HOME if away else item["location"]
        return OwnItem(
            barcode=item["barcode"],
            loan=item["loan"] or "",
            due=day_in(opened["due"], ZONE) if opened else "",
            loans_by_bridge=sum(loan["created_by"] == "api" for loan in mine),
            away=away,
            holds=tuple(hold["who"] for hold in holds if hold["item"] == item["id"] and hold["active"]),
            fixed=json.dumps(fixed, sort_keys=True),
        )


class GatedDesk:
    """Koha's desk behind SIP2, each of whose loans, returns and renewals passes the gate."""

    def __init__(self, desk: Desk, gate: Gate) -> None:
        self._desk = desk
        self._gate = gate

    def now(self) -> datetime:
        """See ``Desk``."""
        return self._desk.now()

    def patron(self, patron_id: str) -> PatronSeen | None:
        """See ``Desk``."""
        return self._desk.patron(patron_id)

    def item(self, barcode: str) -> ItemSeen | None:
        """See ``Desk``."""
        return self._desk.item(barcode)

    def check_out(self, patron_id: str, barcode: str, due: datetime | None, *, no_block: bool) -> LoanMade:
        """See ``Desk``."""
        with self._gate.passing():
            return self._desk.check_out(patron_id, barcode, due, no_block=no_block)

    def check_in(self, barcode: str, place: str) -> TakenIn:
        """See ``Desk``."""
        with self._gate.passing():
            return self._desk.check_in(barcode, place)

    def renew(self, patron_id: str, barcode: str) -> LoanMade:
        """See ``Desk``."""
        with self._gate.passing():
            return self._desk.renew(patron_id, barcode)

    def hold(self, patron_id: str, barcode: str, pickup: str, *, add: bool) -> str:
        """See ``Desk``."""
        return self._desk.hold(patron_id, barcode, pickup, add=add)

    def pay(self, patron_id: str, amount: str) -> None:
        """See ``Desk``."""
        self._desk.pay(patron_id, amount)


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
