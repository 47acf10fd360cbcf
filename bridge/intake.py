"""What comes in by a door: taken into the ledger, and begun at once where a worker of its lane has nothing else to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from bridge.domain.arrival import Arrival
from bridge.ledger import Ledger, Receipt, SpareWorker

Spares = Callable[[str], AbstractContextManager[SpareWorker | None]]
"""Keeps a worker of a lane free meanwhile, where one is."""


def nobody(*_lanes: str) -> None:
    """For commands: no dispatcher to wake."""


@contextmanager
def none_spare(_lane: str) -> Iterator[None]:
    """For commands: no workers."""
    yield None


class Intake:
    """Takes messages in, and has the workers of their lanes begin. ``taken`` is told the lanes of what was new and waits for a worker."""

    def __init__(
        self,
        ledger: Ledger,
        lane_of: Callable[[str], str],
        *,
        taken: Callable[..., None] = nobody,
        spare: Spares = none_spare,
    ) -> None:
        self.lane_of = lane_of
        self._ledger = ledger
        self._taken = taken
        self._spare = spare

    def take(self, source: str, arrival: Arrival) -> Receipt:
        """Keep a message and fold it; durable when this returns. Raises ``LedgerBusy``."""
        lanes = self._lanes(arrival)
        with self._spare(lanes[0] if len(lanes) == 1 else "") as worker:
            (receipt,) = self._ledger.inbox.take(source, (arrival,), self.lane_of, worker=worker)
        if not receipt.repeated and (worker is None or not worker.begun):
            self.told(arrival)
        return receipt

    def told(self, arrival: Arrival) -> None:
        """This was folded; who works on its lanes may want to know."""
        lanes = self._lanes(arrival)
        if lanes:
            self._taken(*lanes)

    def _lanes(self, arrival: Arrival) -> tuple[str, ...]:
        return tuple({self.lane_of(change.request.library): None for change in arrival.changes})
