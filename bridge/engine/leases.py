"""Leases of requests that are worked on: kept outside the dispatcher, however slow the ILS is, and minded by every call.

The ledger refuses what a worker writes whose lease another took over. The ILS cannot, so a worker that was stopped past its lease must not
send to it either.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

import structlog

from bridge.ledger import Claimed, LeaseLost, Ledger, LedgerBusy

log = structlog.get_logger(__name__)
_IN_HAND: ContextVar[tuple[Claimed, Callable[[], datetime]] | None] = ContextVar("in_hand", default=None)


@contextmanager
def in_hand(held: Claimed, clock: Callable[[], datetime]) -> Iterator[None]:
    """This thread works on the request meanwhile."""
    token = _IN_HAND.set((held, clock))
    try:
        yield
    finally:
        _IN_HAND.reset(token)


def must_hold() -> None:
    """Raises ``LeaseLost`` where the lease of the request that this thread works on has run out: another worker may have it by now."""
    found = _IN_HAND.get()
    if found is None:
        return
    held, clock = found
    if clock() >= held.lease.until:
        raise LeaseLost(
            f"The lease on request {held.row.name} ran out while it was worked on; nothing more is sent for it."
        )


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
                if isinstance(problem, LeaseLost):
                    return

    thread = threading.Thread(target=lengthen, name=f"lease of {held.row.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
