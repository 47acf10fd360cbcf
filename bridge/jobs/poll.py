"""Polls one feed: each page is taken into the ledger with the cursor that follows it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from bridge.domain.arrival import Arrival
from bridge.errors import BridgeError
from bridge.ledger import Ledger, LedgerBusy, Receipt
from bridge.sources.polled import PolledSource

log = structlog.get_logger(__name__)


Received = Callable[[str, Sequence[Arrival], Sequence[Receipt]], None]
"""Told which messages of a source were taken, and what became of each."""


def uncounted(_source: str, _arrivals: Sequence[Arrival], _receipts: Sequence[Receipt]) -> None:
    """Nobody counts: commands and tests."""


class PollJob:
    """One poll of one feed. A feed that fails is told once, and once when it speaks again."""

    def __init__(
        self,
        name: str,
        feed: PolledSource,
        ledger: Ledger,
        lane_of: Callable[[str], str],
        *,
        taken: Callable[[], None],
        received: Received = uncounted,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._name = name
        self._feed = feed
        self._ledger = ledger
        self._lane_of = lane_of
        self._taken = taken
        self._received = received
        self._stopping = stopping

    def run(self) -> None:
        """Poll until the feed has no further page, or the daemon stops."""
        try:
            self._poll()
        except LedgerBusy as busy:
            log.critical("ledger.busy", source=self._name, why=str(busy))
        except BridgeError as problem:
            if self._ledger.inbox.polled(self._name, str(problem)):
                log.warning("source.silent", source=self._name, why=str(problem))

    def _poll(self) -> None:
        fresh = 0
        for page in self._feed.poll(self._ledger.inbox.cursor(self._name)):
            receipts = self._ledger.inbox.take(self._name, page.arrivals, self._lane_of, cursor=page.cursor)
            self._received(self._name, page.arrivals, receipts)
            fresh += sum(not receipt.repeated for receipt in receipts)
            if fresh:
                self._taken()
            if self._stopping():
                return
        if self._ledger.inbox.polled(self._name):
            log.info("source.speaks", source=self._name)
        if fresh:
            log.info("source.polled", source=self._name, fresh=fresh)
