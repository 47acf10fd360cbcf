"""A stand-in ILS on the demonstration's stage, spoken to over HTTP only; all of them have the same desk, faults and judgement."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import requests
from flask import Flask

from bridge.cli.demo.stage import Calls, Remains
from bridge.domain.commands import Command
from bridge.sandbox.server import Server

BERLIN = ZoneInfo("Europe/Berlin")
"""The zone of the demonstration's library."""


class StandInStage:
    """A stand-in on loopback."""

    by_machine = True

    def __init__(self, app: Flask) -> None:
        self._server = Server(app)

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.stop()

    def lend(self, barcode: str, patron: str) -> None:
        """The desk lends an item."""
        self._post("/desk/lend", {"barcode": barcode, "patron": patron})

    def check_in(self, barcode: str) -> None:
        """The desk checks an item in."""
        self._post("/desk/check_in", {"barcode": barcode})

    def scan_once(self, barcode: str, library: str) -> None:
        """Staff of this library scan an item in once."""
        self._post("/desk/scan_once", {"barcode": barcode, "library": library})

    def lose(self, barcode: str) -> None:
        """The desk declares a loan lost, which costs a replacement fee."""
        self._post("/desk/lose", {"barcode": barcode})

    def find(self, barcode: str) -> None:
        """The desk takes back that a loan was declared lost."""
        self._post("/desk/found", {"barcode": barcode})

    def discard(self, barcode: str) -> None:
        """Staff delete an item by hand, with its loan."""
        self._post("/desk/delete", {"barcode": barcode})

    def outage(self, *, on: bool) -> None:
        """The ILS goes down, or comes up again."""
        self._post("/outage", {"on": on})

    def by_hand(self, command: Command) -> bool:  # noqa: ARG002 - for ILSs of which staff do a part
        """Scenarios themselves tell what staff do here."""
        return False

    def calls(self) -> Calls:
        """Calls so far."""
        found = self._get("/calls")
        return Calls(found["total"], found["transient"])

    def remains(self, *, expected_loans: dict[str, str]) -> Remains:
        """What the stand-in finds wrong, and how many loans are not as expected."""
        expect = {barcode: {"loan": patron} for barcode, patron in expected_loans.items()}
        found = self._post("/report", {"expect": expect})
        return Remains(
            leftovers=len(found["leftovers"]) + len(found["orphans"]),
            duplicates=len(found["duplicates"]),
            foreign_touched=len(found["foreign_touched"]),
        )

    def loan_of(self, barcode: str) -> str:
        """How the stand-in names who has an item; empty where nobody has."""
        items = self._get("/objects")["items"]
        return next((item["loan"] or "" for item in items if item["barcode"] == barcode), "")

    def _get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self._server.url}/_sandbox{path}", timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    def _post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        answer = requests.post(f"{self._server.url}/_sandbox{path}", json=body, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())
