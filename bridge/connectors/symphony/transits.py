"""Items on their way between the libraries of one Symphony (symphony.md section 5.10)."""

from __future__ import annotations

from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.errors import Missing, unknown_item
from bridge.connectors.symphony.sight import Sight, ids_of
from bridge.domain import commands as do
from bridge.domain.record import Learned, Outcome, OutcomeKind
from bridge.errors import Retry


class Transits:
    """Transits of one Symphony."""

    def __init__(self, client: SymphonyClient, sight: Sight) -> None:
        self._client = client
        self._sight = sight

    def receive(self, command: do.ReceiveTransit) -> Outcome:
        """End a transit where it ends; a charge stays."""
        item = self._item(command.target)
        here = command.target.place.library
        learned = Learned(ids=ids_of(item), transit_received=True)
        if item.transit is None:
            return Outcome(OutcomeKind.ALREADY, learned)
        if item.transit.destination != here:
            note = f"The item is on its way to {item.transit.destination} and not to {here}."
            return Outcome(OutcomeKind.ALREADY, learned, (note,))
        self._client.receive(item.barcode, here)
        return Outcome(learned=learned)

    def send(self, command: do.SendTransit) -> Outcome:
        """Put an item in transit to a library, or home to its owner."""
        item = self._item(command.target)
        to = command.to.library or item.library
        there = self._there(item, to, command)
        if there is not None:
            return there
        if command.only_look:
            raise Retry(
                f"Item {item.barcode} is not on its way to {to}; that is left to staff.",
                cause="left_to_staff",
                advice=f"Put it in transit to {to} in Symphony.",
            )
        self._client.send(item.key, to, command.at.library or item.library)
        return Outcome(learned=Learned(ids=ids_of(item), transit_sent=True))

    def _there(self, item: symphony.Item, to: str, command: do.SendTransit) -> Outcome | None:
        """Where nothing is to be done: on its way, there already, or lent on; or nothing tells whether it is home, which is noted."""
        home = not command.to.library
        learned = Learned(ids=ids_of(item), transit_sent=True)
        if item.transit is not None:
            return Outcome(OutcomeKind.ALREADY, learned) if item.transit.destination == to else None
        if home and self._sight.charge_of(item) is not None:
            note = "The item is charged to somebody, so that it is not sent home."
            return Outcome(OutcomeKind.ALREADY, learned, (note,))
        if item.now_library == to:
            return Outcome(OutcomeKind.ALREADY, learned)
        if item.now_library or not home:
            return None
        elsewhere = command.at.library not in {"", to}
        unknown = f"Symphony does not tell where item {item.barcode} is; send it home by hand if it is not there."
        return Outcome(OutcomeKind.ALREADY, learned, (unknown,) if elsewhere else ())

    def _item(self, target: do.Target) -> symphony.Item:
        try:
            return self._sight.item(target)
        except Missing as missing:
            raise unknown_item(target.barcode) from missing
