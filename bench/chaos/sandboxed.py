"""What houses have in common whose ILS is a stand-in of ``bridge.sandbox``."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import requests

from bench.chaos.ils import Gate, OwnItem, Thing
from bench.chaos.stories import PATRONS
from bench.chaos.tables import Table, ils_tables
from bridge.connectors.base import Surroundings
from bridge.connectors.registry import connector_kind
from bridge.domain.capabilities import Capabilities
from bridge.domain.commands import Command
from bridge.http import Unpaced
from bridge.sandbox.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MARK = re.compile(r"ILLB-[0-9a-f]{16}")
Told = Mapping[str, Any]
"""An object as a stand-in tells it."""
BYSTANDERS = tuple(f"BY-{number:02d}" for number in range(16))
"""Barcodes of own items that no story is about."""


@dataclass(frozen=True)
class Words:
    """Keys under which a stand-in tells its objects.

    A patron's name, all holds, an item's bib, the item of a loan and of a hold; where bibs, items, holds and fees may bear a mark
    (``item_texts`` is empty where an item's bib bears it), whose a hold or fee is, where a hold is picked up, and why it ended.
    """

    patron: str = "barcode"
    holds: str = "holds"
    bib: str = "bib"
    loaned: str = "item"
    held: str = "item"
    bib_texts: str = "texts"
    item_texts: str = "texts"
    hold_text: str = "note"
    fee_text: str = "comment"
    who: str = "who"
    pickup: str = "pickup"
    why: str = "closed_why"


class Sandboxed:
    """A server behind a gate, and control under ``/_sandbox``.

    ``prefix``: where the vendor's own paths begin; ``words``: what the stand-in calls things; ``pickups``: where holds are picked up, in
    the service's words. ``own``: barcodes of items that stories are about.
    """

    name: str
    prefix: str
    zone: str
    words = Words()
    pickups: Mapping[str, str] = {}
    untold: frozenset[str] = frozenset()

    def __init__(self, app: WSGIApplication, own: Sequence[str]) -> None:
        self._own = frozenset(own)
        self.gate = Gate(app, lambda path: path.startswith(self.prefix))
        self._server = Server(self.gate)
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self) -> None:
        """Listen; patrons have loans and holds of their own."""
        self._server.start()
        for number, barcode in enumerate(BYSTANDERS):
            self.desk("lend" if number % 2 else "place_hold", barcode, {"patron": PATRONS[number]})

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()
        self._session.close()

    def configuration(self) -> str:
        """See ``House``."""
        return ils_tables(self.name, self.settings(), self.borrowing(), self.lending())

    def settings(self) -> Table:
        """The connector's settings."""
        raise NotImplementedError

    def borrowing(self) -> Table:
        """What both libraries borrow by, in this ILS's codes."""
        return {}

    def lending(self) -> Table:
        """What both libraries lend by, in this ILS's codes."""
        return {}

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

    def by_hand(self, command: Command) -> bool:  # noqa: ARG002 - for ILSs of which staff do a part
        """See ``House``."""
        return False

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
            self.refuse_key(on=on)

    def refuse_key(self, *, on: bool) -> None:
        """The ILS knows the bridge's key no more, or knows it again."""
        self.posted("/keys", {**self.key_order(), "remove": on}).raise_for_status()

    def key_order(self) -> Mapping[str, str]:
        """The bridge's key, as the stand-in's control names it."""
        raise NotImplementedError

    def calm(self) -> None:
        """See ``House``."""
        self._session.delete(f"{self._server.url}/_sandbox/faults", timeout=30).raise_for_status()
        for kind in ("outage", "latency", "throttle", "unauthorized"):
            self.spell(kind, {}, on=False)

    def things(self) -> tuple[Thing, ...]:
        """See ``House``."""
        told = self.objects().items()
        made = {kind: [each for each in every if each.get("created_by") == "api"] for kind, every in told}
        return tuple(self._things(made))

    def _things(self, made: Mapping[str, Sequence[Told]]) -> Iterator[Thing]:
        words = self.words
        marks = {bib["id"]: mark_in(bib[words.bib_texts]) for bib in made.get("bibs", ())}
        yield from (Thing("bib", str(number), mark) for number, mark in marks.items())
        for holding in made.get("holdings", ()):
            yield Thing("holding", str(holding["id"]), marks.get(holding[words.bib], ""))
        for item in made["items"]:
            mark = mark_in(item[words.item_texts]) if words.item_texts else marks.get(item[words.bib], "")
            yield Thing("item", str(item["id"]), mark, barcode=item["barcode"])
        yield from (self._hold(each) for each in made[words.holds])
        for fee in made["fees"]:
            yield Thing("fee", str(fee["id"]), mark_in(fee[words.fee_text]), who=fee[words.who])

    def _hold(self, told: Told) -> Thing:
        words = self.words
        why, pickup = str(told[words.why]), told[words.pickup]
        return Thing(
            "hold",
            str(told["id"]),
            mark_in(told[words.hold_text]),
            live=told["active"],
            who=told[words.who],
            pickup=self.pickups.get(pickup, pickup),
            why=why,
            ours=self.is_ours(why),
        )

    def is_ours(self, why: str) -> bool:
        """Whether it was we who ended a hold."""
        return why == "cancelled"

    def own(self) -> dict[str, OwnItem]:
        """See ``House``."""
        found = self.objects()
        items = (item for item in found["items"] if item["barcode"] in self._own)
        return {item["barcode"]: self._own_item(item, found["loans"], found[self.words.holds]) for item in items}

    def _own_item(self, item: Told, loans: Sequence[Told], holds: Sequence[Told]) -> OwnItem:
        words = self.words
        mine = [loan for loan in loans if loan[words.loaned] == item["id"]]
        opened = next((loan for loan in mine if loan["open"]), None)
        waiting = tuple(hold[words.who] for hold in holds if hold[words.held] == item["id"] and hold["active"])
        return OwnItem(
            barcode=item["barcode"],
            loan=item["loan"] or "",
            due=day_in(opened["due"], self.zone) if opened else "",
            loans_by_bridge=sum(loan["created_by"] == "api" for loan in mine),
            away=self.is_away(item),
            holds=waiting,
            fixed=json.dumps(self.fixed(item, in_use=bool(waiting or opened)), sort_keys=True),
        )

    def is_away(self, item: Told) -> bool:
        """Whether an own item is where lent items are."""
        raise NotImplementedError

    def fixed(self, item: Told, *, in_use: bool) -> dict[str, Any]:
        """What nobody but the library may change of an own item. ``in_use``: somebody has it, or waits for it."""
        raise NotImplementedError

    def bystanders(self) -> Mapping[str, object]:
        """See ``House``: seeded items that no story is about, with their bibs, loans and holds."""
        found, words = self.objects(), self.words
        seeded = (item for item in found["items"] if item["created_by"] == "seed" and item["barcode"] not in self._own)
        items = {item["id"]: item for item in seeded}
        bibs = {item.get(words.bib) for item in items.values()}
        told: dict[str, object] = {f"item {item['barcode']}": item for item in items.values()}
        told |= {f"bib {bib['id']}": bib for bib in found.get("bibs", ()) if bib["id"] in bibs}
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
