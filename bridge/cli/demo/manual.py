"""A library without an API on the demonstration's stage: its card index, and the staff who do what the bridge asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.cli.demo.stage import Calls, Remains
from bridge.domain import commands as do
from bridge.domain.commands import Command, Origin

LEFT_TO_SCENARIOS = (do.MarkLost, do.MarkFound)
"""What a scenario shows being done."""


@dataclass
class Card:
    """An item in the card index; ``ours``: made for the bridge."""

    ours: bool = False
    place: str = "stacks"
    loan: str = ""
    due: str = ""
    held_for: str = ""


class ManualStage:
    """Three own items in a card index, and staff who never tire."""

    connector = "manual"
    by_machine = False
    config = Path(__file__).with_name("demo-manual.toml")

    def __init__(self) -> None:
        self._cards = {f"3900000000000{number}": Card() for number in (1, 2, 3)}
        self._done = 0

    def start(self) -> None:
        """The library opens."""

    def stop(self) -> None:
        """The library closes."""

    def settings(self) -> dict[str, Any]:
        """There is nothing to find."""
        return {}

    def by_hand(self, command: Command) -> bool:
        """Do what is asked, as staff would: they see for themselves whose loan it is that they end."""
        if isinstance(command, LEFT_TO_SCENARIOS):
            return False
        self._done += 1
        if isinstance(command, do.FindPatron):
            return True
        card = self._cards.setdefault(command.target.barcode, Card(ours=command.target.origin is Origin.CREATED))
        self._work(card, command)
        return True

    def _work(self, card: Card, command: Command) -> None:
        match command:
            case do.PlaceHold(patron_id=patron):
                card.held_for = patron
            case do.CancelHold():
                card.held_for = ""
            case do.CheckOut(account=account, due=due):
                card.loan, card.due = account, str(due or "")
            case do.SetDueDate(due=due):
                card.due = str(due) if card.loan else ""
            case do.CheckIn(account=account, target=target):
                if card.ours or card.loan in {"", account}:
                    self.check_in(target.barcode)
            case do.MoveItem(to=place) | do.RestoreItem(before=place):
                card.place = str(place)
            case do.DeleteTemporaryItem(target=target):
                del self._cards[target.barcode]

    def lend(self, barcode: str, patron: str) -> None:
        """The desk lends an item."""
        card = self._cards[barcode]
        card.loan, card.due, card.held_for = patron, "2026-12-24", ""

    def check_in(self, barcode: str) -> None:
        """The desk checks an item in."""
        card = self._cards[barcode]
        card.loan, card.due = "", ""

    def scan_once(self, barcode: str, library: str) -> None:  # noqa: ARG002 - one library
        """Staff scan an item in."""
        self.check_in(barcode)

    def lose(self, barcode: str) -> None:
        """The desk writes "lost" on the card; the loan stays."""

    def find(self, barcode: str) -> None:
        """The desk rubs it out again."""

    def discard(self, barcode: str) -> None:
        """Staff throw the card away."""
        del self._cards[barcode]

    def outage(self, *, on: bool) -> None:
        """Staff are always there."""

    def calls(self) -> Calls:
        """Tasks that staff did."""
        return Calls(self._done, 0)

    def remains(self, *, expected_loans: dict[str, str]) -> Remains:
        """Cards of ours that are left, and own items that are not with whom they should be."""
        wrong = sum(card.loan != expected_loans.get(name, "") for name, card in self._cards.items() if not card.ours)
        return Remains(leftovers=sum(card.ours for card in self._cards.values()), foreign_touched=wrong)

    def loan_of(self, barcode: str) -> str:
        """Who has an item."""
        return self._cards[barcode].loan if barcode in self._cards else ""

    def due_of(self, barcode: str) -> str:
        """The day on which it is due."""
        return self._cards[barcode].due
