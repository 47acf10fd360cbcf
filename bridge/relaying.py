"""ISO 18626 conversations as a relay: each message is stored, forwarded, and answered as the peer did; our troubles stay ours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress

import structlog

from bridge.conversing import AGAIN, Conversations
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.errors import IlsError, OutcomeUnknown, RefusedInput, Retry
from bridge.intake import Intake
from bridge.ledger import Ledger, LedgerBusy
from bridge.metrics import Metrics
from bridge.sources.iso18626 import Iso18626Source
from bridge.sources.iso18626.callers import Caller, caller_of
from bridge.sources.iso18626.relay import Relay
from bridge.sources.iso18626.source import Reading, without_codes
from bridge.unkept import Unkept, UnkeptMessages
from bridge.web.posts import Post, Said

log = structlog.get_logger(__name__)
STORE_PATIENCE = 5.0
"""Seconds for which a message waits for the ledger before it is forwarded all the same."""
THREADS = 8


class RelayedConversations(Conversations):
    """The door of a source that stands between our ISO 18626 system and its peers."""

    def __init__(
        self,
        source: Iso18626Source,
        ledger: Ledger,
        intake: Intake,
        metrics: Metrics,
        relay: Relay,
        unkept: UnkeptMessages,
        others: Sequence[str] = (),
    ) -> None:
        super().__init__(source, ledger, intake, metrics, others)
        self._relay = relay
        self._readers = ThreadPoolExecutor(THREADS, thread_name_prefix="relay-read")
        self._keepers = ThreadPoolExecutor(THREADS, thread_name_prefix="relay-keep")
        self._unkept = unkept

    def answer(self, post: Post) -> Said:
        """Store a message, forward it, and answer as the peer did. Raises ``RefusedInput`` for a stranger."""
        reading = self._read(post)
        with self.counted():
            caller = caller_of(self.source.callers(post.address, post.headers), reading.message)
        stored = self._keepers.submit(self._overhear, caller, reading)
        stored.add_done_callback(self._look_at)
        wait((stored,), timeout=STORE_PATIENCE)
        if not _done(stored):
            lasting = self._unkept.put(Unkept(caller.name, reading.arrival.body))
            log.critical("relay.not_kept", source=self.name, held="file" if lasting else "memory")
        try:
            peer = self._relay.meant_for(caller, reading.message)
        except RefusedInput as nobody:
            log.warning("relay.nobody", source=self.name, caller=caller.name, why=str(nobody))
            return Said(400, error=str(nobody))
        return self._forwarded(peer, post)

    def close(self) -> None:
        """Finish what is in hand."""
        self._keepers.shutdown(wait=True)
        self._unkept.catch_up(self._taken_later)
        self._unkept.close()
        self._readers.shutdown(wait=True)
        self._relay.close()

    def catch_up(self) -> None:
        """Have the ledger take what it did not take when it came, and what waited. Raises ``LedgerBusy``."""
        self._unkept.catch_up(self._taken_later)
        super().catch_up()

    def _forwarded(self, peer: str, post: Post) -> Said:
        headers = {name.lower(): value for name, value in post.headers.items()}
        try:
            answer = self._relay.forward(peer, post.body, headers.get("content-type", "application/xml"))
        except IlsError as failure:
            log.warning("relay.no_answer", source=self.name, peer=peer, why=str(failure))
            return _no_answer(peer, failure)
        return Said(answer.status, answer.body, answer.header("Content-Type"))

    def _read(self, post: Post) -> Reading:
        """In another thread, so that a fault of our reading ends there."""
        reading = self._readers.submit(self.source.read, post.body)
        reading.add_done_callback(self._look_at)
        wait((reading,))
        if reading.exception() is None:
            return reading.result()
        text = post.body.decode("utf-8", errors="backslashreplace").replace("\x00", "\\x00")
        return Reading(_unread(without_codes(text)))

    def _look_at(self, ended: Future[Reading] | Future[bool]) -> None:
        fault = ended.exception()
        if fault is not None:
            log.critical("relay.fault", source=self.name, why=type(fault).__name__, exc_info=fault)

    def _overhear(self, caller: Caller, reading: Reading) -> bool:
        """Keep a message that is forwarded whatever becomes of it here; answers whether it is kept."""
        try:
            self._kept_or_heard(caller, reading)
        except LedgerBusy as busy:
            self.metrics.not_kept(self.name)
            log.critical("ledger.busy", source=self.name, why=str(busy))
            return False
        with suppress(RuntimeError):  # the door is closing, and catches up then
            self._keepers.submit(self._unkept.catch_up, self._taken_later)
        return True

    def _taken_later(self, message: Unkept) -> bool:
        """Keep a message that was held; one that a fault of ours meets is kept as it is, so that it holds up no other."""
        taken = self._readers.submit(self._taken_again, message)
        taken.add_done_callback(self._look_at)
        wait((taken,))
        return taken.result() if taken.exception() is None else self._kept_as_it_is(message)

    def _taken_again(self, message: Unkept) -> bool:
        peer = self.source.settings.peers.get(message.peer)
        if peer is None:
            return self._kept_as_it_is(message)
        try:
            self._kept_or_heard(Caller(message.peer, peer), self.source.reread(message.body))
        except LedgerBusy:
            return False
        return True

    def _kept_as_it_is(self, message: Unkept) -> bool:
        try:
            self.kept(_unread(message.body))
        except LedgerBusy:
            return False
        return True

    def _kept_or_heard(self, caller: Caller, reading: Reading) -> None:
        message = reading.message
        if message is None:
            self.kept(reading.arrival)
        elif message.asked_sequence is None:
            self.heard(caller, reading, message)


def _done(stored: Future[bool]) -> bool:
    return stored.done() and stored.exception() is None and stored.result()


def _unread(text: str) -> Arrival:
    problem = "The message could not be read, which is a fault of the bridge; see its log (relay.fault)."
    key = "unread:" + hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
    return Arrival(key, text, (), ArrivalState.MALFORMED, problem)


def _no_answer(peer: str, failure: IlsError) -> Said:
    if isinstance(failure, Retry):
        return Said(429, error=f"'{peer}' says that it is called too often.", headers=AGAIN)
    status = 504 if isinstance(failure, OutcomeUnknown) else 502
    return Said(status, error=f"'{peer}' did not answer what was forwarded to it; send it again.")
