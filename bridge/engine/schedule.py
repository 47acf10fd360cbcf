"""When a failed step is tried again: a few short waits, then hourly with jitter, up to a number of tries."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

MINUTES = (1, 5, 15, 30, 60)


@dataclass(frozen=True)
class RetrySchedule:
    """``waits`` in seconds, the last one repeated; ``jitter`` is the share by which a wait may grow; ``tries`` before a human is asked.

    ``server_error_tries``: the same for a request on which the ILS fails while it answers others.
    """

    waits: tuple[float, ...] = tuple(60.0 * minutes for minutes in MINUTES)
    jitter: float = 0.2
    tries: int = 40
    server_error_tries: int = 6

    def wait(self, attempt: int, *, at_least: float | None = None) -> timedelta:
        """How long to wait after this many attempts (1 for the first)."""
        base = self.waits[min(attempt, len(self.waits)) - 1]
        grown = base * (1 + random.random() * self.jitter)
        return timedelta(seconds=max(grown, at_least or 0.0))

    def exhausted(self, attempt: int, *, alone: bool = False) -> bool:
        """Whether a human should be asked now; ``alone``: the ILS fails on this request and answers others."""
        return attempt >= (min(self.tries, self.server_error_tries) if alone else self.tries)
