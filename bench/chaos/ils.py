"""A stand-in ILS as a day of chaos needs it, behind a gate that counts exchanges. A further connector needs a class like ``AlmaHouse``."""

from __future__ import annotations

import json
import re
import threading
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import requests

from bench.chaos.stories import ACCOUNTS, PATRONS
from bridge.connectors.base import Surroundings
from bridge.connectors.registry import connector_kind
from bridge.domain.capabilities import Capabilities
from bridge.http import Unpaced
from bridge.sandbox.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MARK = re.compile(r"ILLB-[0-9a-f]{16}")
Told = Mapping[str, Any]
"""An object as a stand-in tells it."""
BYSTANDERS = 16
"""Own items that no story is about."""


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

    @property
    def capabilities(self) -> Capabilities:
        """What the connector declares with this house's settings."""
        ...

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
        with self.passing():
            return self.app(environ, start_response)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """One exchange; what is due before it is done now, what is due after it once its work is done."""
        with self._guard:
            self.exchanges += 1
            number = self.exchanges
            first, last = self._due(self._before, number), self._due(self._after, number)
        for act in first:
            act()
        yield
        for act in last:
            act()

    @staticmethod
    def _due(waiting: list[tuple[int, Callable[[], None]]], number: int) -> list[Callable[[], None]]:
        found = [act for at, act in waiting if at <= number]
        waiting[:] = [(at, act) for at, act in waiting if at > number]
        return found


@dataclass(frozen=True)
class Words:
    """Keys under which a stand-in tells its objects: a patron's name, all holds, an item's bib, the item of a loan and of a hold."""

    patron: str = "barcode"
    holds: str = "holds"
    bib: str = "bib"
    loaned: str = "item"
    held: str = "item"


class Sandboxed:
    """What stand-ins of ``bridge.sandbox`` have in common: a server behind a gate, and control under ``/_sandbox``.

    ``prefix``: where the vendor's own paths begin; ``words``: what the stand-in calls things.
    ``own``: barcodes of items that stories are about.
    """

    name: str
    prefix: str
    words: Words

    def __init__(self, app: WSGIApplication, own: Sequence[str]) -> None:
        self._own = frozenset(own)
        self.gate = Gate(app, lambda path: path.startswith(self.prefix))
        self._server = Server(self.gate)
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self) -> None:
        """Listen; patrons have loans and holds of their own."""
        self._server.start()
        for number in range(BYSTANDERS):
            self.desk("lend" if number % 2 else "place_hold", f"BY-{number:02d}", {"patron": PATRONS[number]})

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()
        self._session.close()

    def configuration(self) -> str:
        """See ``House``."""
        raise NotImplementedError

    @cached_property
    def capabilities(self) -> Capabilities:
        """See ``House``."""
        kind = connector_kind(self.name)
        settings = kind.settings.model_validate(tomllib.loads(self.configuration())["ils"][self.name]["settings"])
        connector = kind.build(settings, Surroundings(self.name, Unpaced(), lambda _: None))
        try:
            return connector.capabilities
        finally:
            connector.close()

    def desk(self, act: str, barcode: str, more: Mapping[str, Any]) -> bool:
        """See ``House``."""
        told = {self.words.patron: more["patron"]} if act == "add_patron" else more
        return self.posted(f"/desk/{act}", {"barcode": barcode, **told} if barcode else told).ok

    def fault(self, fields: Mapping[str, Any]) -> None:
        """See ``House``."""
        self.posted("/faults", {"path": f"^{self.prefix}", **fields}).raise_for_status()

    def spell(self, kind: str, fields: Mapping[str, Any], *, on: bool) -> None:
        """See ``House``."""
        if kind in {"outage", "dead"}:
            self.posted("/outage", {"on": on, "drop": kind == "dead"}).raise_for_status()
        elif kind == "latency":
            self.posted("/latency", fields if on else {"ms": 0}).raise_for_status()
        elif kind == "throttle":
            self.posted("/settings", {"per_second": 10 if on else 0}).raise_for_status()
        else:
            self.posted("/keys", {**self.key_order(), "remove": on}).raise_for_status()

    def key_order(self) -> Mapping[str, str]:
        """The bridge's key, as the stand-in's control names it."""
        raise NotImplementedError

    def calm(self) -> None:
        """See ``House``."""
        self._session.delete(f"{self._server.url}/_sandbox/faults", timeout=30).raise_for_status()
        for kind in ("outage", "latency", "throttle", "unauthorized"):
            self.spell(kind, {}, on=False)

    def own(self) -> dict[str, OwnItem]:
        """See ``House``."""
        found = self.objects()
        items = (item for item in found["items"] if item["barcode"] in self._own)
        return {item["barcode"]: self.own_item(item, found["loans"], found[self.words.holds]) for item in items}

    def own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        """How an own item stands."""
        raise NotImplementedError

    def bystanders(self) -> Mapping[str, object]:
        """See ``House``: seeded items that no story is about, with their bibs, loans and holds."""
        found, words = self.objects(), self.words
        seeded = (item for item in found["items"] if item["created_by"] == "seed" and item["barcode"] not in self._own)
        items = {item["id"]: item for item in seeded}
        bibs = {item[words.bib] for item in items.values()}
        told: dict[str, object] = {f"item {item['barcode']}": item for item in items.values()}
        told |= {f"bib {bib['id']}": bib for bib in found["bibs"] if bib["id"] in bibs}
        loans = (loan for loan in found["loans"] if loan[words.loaned] in items)
        told |= {f"loan {loan['id']} of a bystander": loan for loan in loans}
        holds = (hold for hold in found[words.holds] if hold[words.held] in items)
        return told | {f"hold {hold['id']} of a bystander": hold for hold in holds}

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that the stand-in holds."""
        answer = self._session.get(f"{self._server.url}/_sandbox/objects", timeout=60)
        answer.raise_for_status()
        found: dict[str, list[dict[str, Any]]] = answer.json()
        return found

    def posted(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        """An order to the stand-in's control or desk."""
        return self._session.post(f"{self._server.url}/_sandbox{path}", json=body, timeout=60)


def mark_in(told: object) -> str:
    """The first mark of ours in this, or the empty text."""
    found = MARK.search(json.dumps(told))
    return found[0] if found else ""


def day_in(told: str, zone: str) -> str:
    """The library's day of a moment as Flask writes it."""
    return parsedate_to_datetime(told).astimezone(ZoneInfo(zone)).date().isoformat()


def libraries(template: str, name: str) -> str:
    """The two libraries on an ILS, main and early, as TOML."""
    accounts = ", ".join(f'{symbol} = "{account}"' for symbol, account in ACCOUNTS.items())
    main = {"kind": "main", "prefix": "ILL-", "create_on": "received", "fee": "true", "early": "false"}
    early = {"kind": "early", "prefix": "ILE-", "create_on": "requested", "fee": "false", "early": "true"}
    return "".join(template.format(name=name, accounts=accounts, **kind) for kind in (main, early))
