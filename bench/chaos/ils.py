"""A stand-in ILS as a day of chaos needs it, behind a gate that counts exchanges. A further connector needs a class like ``AlmaHouse``."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import requests

from bench.chaos.stories import ACCOUNTS, PATRONS
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.alma.seed import Seed, SeedItem, SeedPatron
from bridge.sandbox.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MARK = re.compile(r"ILLB-[0-9a-f]{16}")


@dataclass(frozen=True)
class Thing:
    """An object in the ILS that bears our mark, hangs on one that does, or was made through the API.

    ``kind``: bib, holding, item, hold, fee. ``live``: it stands; a hold that has ended tells ``why``, and ``ours`` says that we ended it.
    """

    kind: str
    id: str
    mark: str
    live: bool = True
    barcode: str = ""
    who: str = ""
    pickup: str = ""
    why: str = ""
    ours: bool = False


@dataclass(frozen=True)
class OwnItem:
    """How an item of the library's own stands. ``fixed``: what nobody but the library may change, comparable."""

    barcode: str
    loan: str
    due: str
    loans_by_bridge: int
    away: bool
    holds: tuple[str, ...]
    fixed: str


class House(Protocol):
    """One stand-in ILS: where it is, its desk, its faults, and everything it holds."""

    name: str
    gate: Gate

    def start(self) -> None:
        """Listen."""
        ...

    def stop(self) -> None:
        """Stop listening."""
        ...

    def configuration(self) -> str:
        """Its table ``[ils.NAME]`` and what libraries on it are configured with, as TOML."""
        ...

    def desk(self, act: str, barcode: str, more: Mapping[str, Any]) -> bool:
        """Somebody acts by hand; answers whether the ILS let them."""
        ...

    def fault(self, fields: Mapping[str, Any]) -> None:
        """Order a fault."""
        ...

    def spell(self, kind: str, fields: Mapping[str, Any], *, on: bool) -> None:
        """Begin or end a trouble that lasts."""
        ...

    def calm(self) -> None:
        """End all faults and spells."""
        ...

    def things(self) -> tuple[Thing, ...]:
        """Everything that is ours, or that was made through the API."""
        ...

    def own(self) -> dict[str, OwnItem]:
        """The own items that stories are about, by barcode."""
        ...

    def bystanders(self) -> Mapping[str, object]:
        """Everything that no story is about; must not change. Comparable values by a name for people."""
        ...


@dataclass
class Gate:
    """Counts exchanges, and can be asked to do something before or after one of them; the caller then gets no answer that counts."""

    app: WSGIApplication
    counts: Callable[[str], bool]
    exchanges: int = 0
    _before: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _after: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def before(self, count: int, act: Callable[[], None]) -> None:
        """Act when so many more exchanges have begun, before anything is done for the last of them."""
        with self._guard:
            self._before.append((self.exchanges + count, act))

    def after(self, count: int, act: Callable[[], None]) -> None:
        """Act when that exchange's work is done and nobody was told."""
        with self._guard:
            self._after.append((self.exchanges + count, act))

    def forget(self) -> None:
        """Nothing is to be done any more."""
        with self._guard:
            self._before.clear()
            self._after.clear()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let an exchange through, and count it (WSGI)."""
        if not self.counts(environ.get("PATH_INFO", "")):
            return self.app(environ, start_response)
        with self._guard:
            self.exchanges += 1
            number = self.exchanges
            first, last = self._due(self._before, number), self._due(self._after, number)
        for act in first:
            act()
        answer = self.app(environ, start_response)
        for act in last:
            act()
        return answer

    @staticmethod
    def _due(waiting: list[tuple[int, Callable[[], None]]], number: int) -> list[Callable[[], None]]:
        found = [act for at, act in waiting if at <= number]
        waiting[:] = [(at, act) for at, act in waiting if at > number]
        return found


ALMA = """
[ils.{name}]
connector = "alma"
cap = 4
calls_per_second = 0
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


class AlmaHouse:
    """A stand-in Alma with patrons, ILL accounts, own items for stories, and loans and holds that are nobody's business."""

    name = "alma"

    def __init__(self, own: Sequence[str]) -> None:
        self._alma = AlmaStandIn()
        self._own = frozenset(own)
        patrons = [SeedPatron(primary_id=name) for name in PATRONS]
        bystanders = [SeedItem(barcode=f"BY-{number:02d}", title=f"Bystander {number}") for number in range(16)]
        stories = [SeedItem(barcode=barcode, title=f"Own title of {barcode}") for barcode in own]
        self._alma.plant(Seed(patrons=patrons, items=[*bystanders, *stories]))
        self._alma.behave(loan_limit=100_000, transient_requests=1, renewals=1000)
        self.gate = Gate(self._alma.app, lambda path: path.startswith("/almaws"))
        self._server = Server(self.gate)
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self) -> None:
        """Listen; patrons have loans and holds of their own."""
        self._server.start()
        for number in range(16):
            self.desk("lend" if number % 2 else "place_hold", f"BY-{number:02d}", {"patron": PATRONS[number]})

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()
        self._session.close()

    def configuration(self) -> str:
        """See ``House``."""
        accounts = ", ".join(f'{symbol} = "{account}"' for symbol, account in ACCOUNTS.items())
        main = {"kind": "main", "prefix": "ILL-", "create_on": "received", "fee": "true", "early": "false"}
        early = {"kind": "early", "prefix": "ILE-", "create_on": "requested", "fee": "false", "early": "true"}
        libraries = [LIBRARY.format(name=self.name, accounts=accounts, **kind) for kind in (main, early)]
        return ALMA.format(name=self.name, url=self._server.url, key=self._alma.key) + "".join(libraries)

    def desk(self, act: str, barcode: str, more: Mapping[str, Any]) -> bool:
        """See ``House``."""
        return self._posted(f"/desk/{act}", {"barcode": barcode, **more} if barcode else more).ok

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``."""
        self._posted("/faults", {"path": "^/almaws", **fields}).raise_for_status()

    def spell(self, kind: str, fields: Mapping[str, Any], *, on: bool) -> None:
        """See ``House``."""
        if kind in {"outage", "dead"}:
            self._posted("/outage", {"on": on, "drop": kind == "dead"}).raise_for_status()
        elif kind == "latency":
            self._posted("/latency", fields if on else {"ms": 0}).raise_for_status()
        elif kind == "throttle":
            self._posted("/settings", {"per_second": 10 if on else 0}).raise_for_status()
        else:
            self._posted("/keys", {"key": self._alma.key, "remove": on}).raise_for_status()

    def calm(self) -> None:
        """See ``House``."""
        self._session.delete(f"{self._server.url}/_sandbox/faults", timeout=30).raise_for_status()
        for kind in ("outage", "latency", "throttle", "unauthorized"):
            self.spell(kind, {}, on=False)

    def things(self) -> tuple[Thing, ...]:
        """See ``House``."""
        found = {kind: [each for each in told if each["created_by"] == "api"] for kind, told in self._objects().items()}
        marks = {bib["id"]: _mark(bib["network_numbers"]) for bib in found["bibs"]}
        return (
            *(Thing("bib", bib["id"], marks[bib["id"]]) for bib in found["bibs"]),
            *(Thing("holding", each["id"], marks.get(each["mms_id"], "")) for each in found["holdings"]),
            *(Thing("item", each["id"], _mark(each["fields"]), barcode=each["barcode"]) for each in found["items"]),
            *(_hold(each) for each in found["requests"]),
            *(Thing("fee", each["id"], _mark(each["comment"]), who=each["user"]) for each in found["fees"]),
        )

    def own(self) -> dict[str, OwnItem]:
        """See ``House``."""
        found = self._objects()
        return {
            item["barcode"]: _own(item, found["loans"], found["requests"])
            for item in found["items"]
            if item["barcode"] in self._own
        }

    def bystanders(self) -> Mapping[str, object]:
        """See ``House``: seeded items that no story is about, with their loans and holds; patrons; the desk's own fees."""
        found = self._objects()
        items = {
            item["id"]: item
            for item in found["items"]
            if item["created_by"] == "seed" and item["barcode"] not in self._own
        }
        bibs = {item["mms_id"] for item in items.values()}
        told = {f"item {item['barcode']}": item for item in items.values()}
        told |= {f"bib {bib['id']}": bib for bib in found["bibs"] if bib["id"] in bibs}
        told |= {f"loan {loan['id']} of a bystander": loan for loan in found["loans"] if loan["pid"] in items}
        told |= {f"hold {hold['id']} of a bystander": hold for hold in found["requests"] if hold["pid"] in items}
        return told

    def _objects(self) -> dict[str, list[dict[str, Any]]]:
        answer = self._session.get(f"{self._server.url}/_sandbox/objects", timeout=60)
        answer.raise_for_status()
        found: dict[str, list[dict[str, Any]]] = answer.json()
        return found

    def _posted(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        return self._session.post(f"{self._server.url}/_sandbox{path}", json=body, timeout=60)


def _mark(told: object) -> str:
    found = MARK.search(json.dumps(told))
    return found[0] if found else ""


def _day(told: str) -> str:
    """The library's day of a moment as Flask writes it."""
    return parsedate_to_datetime(told).astimezone(ZoneInfo("Europe/Berlin")).date().isoformat()


def _hold(told: Mapping[str, Any]) -> Thing:
    why = str(told["closed_why"])
    return Thing(
        "hold",
        told["id"],
        _mark(told["comment"]),
        live=told["active"],
        who=told["user"],
        pickup=told["pickup_library"],
        why=why,
        ours=why.startswith("cancelled:"),
    )


def _own(item: Mapping[str, Any], loans: Sequence[Mapping[str, Any]], holds: Sequence[Mapping[str, Any]]) -> OwnItem:
    mine = [loan for loan in loans if loan["pid"] == item["id"]]
    opened = next((loan for loan in mine if loan["open"]), None)
    fixed = {key: item[key] for key in ("place", "copy_id", "fields", "suppressed", "mms_id")}
    return OwnItem(
        barcode=item["barcode"],
        loan=item["loan"] or "",
        due=_day(opened["due"]) if opened else "",
        loans_by_bridge=sum(loan["created_by"] == "api" for loan in mine),
        away=item["temp"] is not None,
        holds=tuple(hold["user"] for hold in holds if hold["pid"] == item["id"] and hold["active"]),
        fixed=json.dumps(fixed, sort_keys=True),
    )


HOUSES: Mapping[str, Callable[[Sequence[str]], House]] = {"alma": AlmaHouse}
