"""A Spydus behind a SIP2 server on the demonstration's stage, and the staff who do what SIP2 has no message for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge.cli.demo.stage import Calls, Remains
from bridge.domain import commands as do
from bridge.domain.commands import Command
from bridge.sandbox.spydus import ZONE, SpydusStandIn

AGAIN = {"93", "97"}
"""Log-in and resend: these only wait for a connection."""


class SpydusStage:
    """A stand-in Spydus on loopback, and staff who never tire."""

    connector = "spydus"
    by_machine = True
    config = Path(__file__).with_name("demo-spydus.toml")

    def __init__(self) -> None:
        self._stand_in = SpydusStandIn()

    def start(self) -> None:
        """Listen by SIP2."""
        self._stand_in.server.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stand_in.server.stop()

    def settings(self) -> dict[str, Any]:
        """Where the connector finds it."""
        habits = self._stand_in.server.habits
        return {
            "host": "127.0.0.1",
            "port": self._stand_in.server.port,
            "login": habits.login,
            "password": habits.password,
            "location": habits.institution,
            "institution": habits.institution,
            "timezone": ZONE,
        }

    def by_hand(self, command: Command) -> bool:
        """Make, label, note and delete items, place and withdraw holds, as staff do; what a scenario shows is left to it."""
        house = self._stand_in
        match command:
            case do.CreateTemporaryItem(target=target, description=about):
                house.make(target.barcode, about.title)
            case do.RelabelItem(target=target, new_barcode=barcode):
                house.relabel(target.barcode, barcode)
            case do.PlaceHold(target=target, patron_id=patron, pickup_location=pickup):
                house.hold(target.barcode, patron, pickup)
            case do.CancelHold(target=target):
                house.end_holds(target.barcode)
            case do.NoteItem(target=target, note=note):
                house.note(target.barcode, note)
            case do.DeleteTemporaryItem(target=target):
                house.delete(target.barcode)
            case _:
                return False
        return True

    def lend(self, barcode: str, patron: str) -> None:
        """The desk lends an item."""
        self._stand_in.lend(barcode, patron)

    def check_in(self, barcode: str) -> None:
        """The desk checks an item in."""
        self._stand_in.check_in(barcode)

    def scan_once(self, barcode: str, library: str) -> None:  # noqa: ARG002 - one library
        """Staff scan an item in."""
        self.check_in(barcode)

    def lose(self, barcode: str) -> None:
        """The desk declares a loan lost."""
        self._stand_in.lost(barcode, yes=True)

    def find(self, barcode: str) -> None:
        """The desk takes that back."""
        self._stand_in.lost(barcode, yes=False)

    def discard(self, barcode: str) -> None:
        """Staff delete an item by hand, with its loan."""
        self._stand_in.discard(barcode)

    def outage(self, *, on: bool) -> None:
        """The server goes down, or comes up again."""
        self._stand_in.outage(on=on)

    def calls(self) -> Calls:
        """Messages so far; what staff do is none."""
        heard = list(self._stand_in.server.heard)
        return Calls(len(heard), sum(each.code in AGAIN or bool(each.fault) for each in heard))

    def remains(self, *, expected_loans: dict[str, str]) -> Remains:
        """What the stand-in finds wrong."""
        found = self._stand_in.judged(expected_loans)
        return Remains(len(found.leftovers), len(found.duplicates), len(found.foreign_touched))

    def loan_of(self, barcode: str) -> str:
        """Who has an item."""
        return self._stand_in.loan_of(barcode)

    def due_of(self, barcode: str) -> str:
        """The day on which it is due."""
        due = self._stand_in.due_of(barcode)
        return due.date().isoformat() if due else ""
