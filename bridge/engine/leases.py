"""Keeps the lease of a request that is worked on outside the dispatcher, however slow the ILS is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from bridge.ledger import Claimed, LeaseLost, Ledger, LedgerBusy

log = structlog.get_logger(__name__)


@contextmanager
def kept(ledger: Ledger, held: Claimed, *, lease: timedelta) -> Iterator[None]:
    """Lengthen the lease again and again meanwhile."""
    ended = threading.Event()

    def lengthen() -> None:
        while not ended.wait(lease.total_seconds() / 3):
            try:
                ledger.work.extend(held, lease=lease)
            except (LeaseLost, LedgerBusy) as problem:
                log.warning("lease.not_extended", request=held.row.name, why=str(problem))

    thread = threading.Thread(target=lengthen, name=f"lease of {held.row.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
