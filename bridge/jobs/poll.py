"""Polls one feed: each page is taken into the ledger with the cursor that follows it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from bridge.domain.arrival import POLL_FAULT, Arrival
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

    @property
    def name(self) -> str:
        """The source's name."""
        return self._name

    def run(self) -> None:
        """Poll until the feed has no further page, or the daemon stops. A fault of ours is noted as the source's trouble and goes on."""
        try:
            self._listen()
        except LedgerBusy as busy:
            log.critical("ledger.busy", source=self._name, why=str(busy))

    def _listen(self) -> None:
        faulty = True
        try:
            self._poll()
            faulty = False
        except LedgerBusy:
            faulty = False
            raise
        except BridgeError as problem:
            faulty = False
            self._failed(str(problem))
        finally:
            if faulty:
                self._failed(POLL_FAULT)

    def _failed(self, why: str) -> None:
        if self._ledger.inbox.polled(self._name, why):
            log.warning("source.silent", source=self._name, why=why)

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


def poll_each(polls: Sequence[PollJob]) -> None:
    """Poll all of them once, each on a thread, and wait for the last; a fault of ours in one is told and holds up no other."""
    with ThreadPoolExecutor(max(1, len(polls)), thread_name_prefix="first-poll") as pool:
        for name, polled in [(poll.name, pool.submit(poll.run)) for poll in polls]:
            if fault := polled.exception():
                log.error("job.failed", job=f"poll {name}", exc_info=fault)
