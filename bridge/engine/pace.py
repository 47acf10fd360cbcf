"""A lane's pace: a token bucket over vendor calls, with the vendor's own advice on top.

Written here rather than taken from a library: tokens have weights (a redirected look-up costs two), the clock must be simulated, and a
vendor's "too fast" has to hold back every worker of the lane at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bridge.engine.leases import must_hold
from bridge.errors import Unavailable

PATIENCE = 30.0
"""Seconds that workers stand still because an ILS said "too fast". One that wants to be left alone for longer counts as down: its lane
closes, its requests wait as rows, and a daemon can be stopped."""


class Bucket:
    """At most ``rate`` calls a second in the long run, and ``burst`` at once; ``rate`` 0 means without limit."""

    def __init__(
        self,
        rate: float,
        burst: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._level = self._burst
        self._seen = clock()

    def acquire(self, cost: int = 1) -> None:
        """Take ``cost`` tokens, waiting until they have come in; those who ask first are served first."""
        wait = self._reserve(cost)
        if wait > 0:
            self._sleep(wait)

    def give_back(self, cost: int) -> None:
        """Put tokens back that were taken and not needed."""
        with self._guard:
            self._refill()
            self._level = min(self._burst, self._level + cost)

    def hold_back(self, seconds: float) -> None:
        """Let no token come in for this long."""
        with self._guard:
            self._refill()
            self._level = min(self._level, 0.0)
            self._seen = max(self._seen, self._clock() + seconds)

    def held_back(self) -> float:
        """For how many seconds no token comes in."""
        return max(0.0, self._seen - self._clock())

    def _reserve(self, cost: int) -> float:
        with self._guard:
            self._refill()
            if self._rate <= 0:
                return self.held_back()
            self._level -= cost
            return self.held_back() + (-self._level / self._rate if self._level < 0 else 0.0)

    def _refill(self) -> None:
        now = self._clock()
        if now > self._seen:
            self._level = min(self._burst, self._level + (now - self._seen) * self._rate)
            self._seen = now


class LanePace:
    """The pace of one ILS institution, shared by all its workers."""

    def __init__(self, bucket: Bucket, *, slow_down: float = 1.0, told: Callable[[int], None] | None = None) -> None:
        self._bucket = bucket
        self._slow_down = slow_down
        self._told = told

    def acquire(self, cost: int = 1) -> None:
        """Wait for ``cost`` calls. Raises ``Unavailable`` where the ILS wants to be left alone for longer than a worker waits, and
        ``LeaseLost`` for a worker whose lease has run out meanwhile.
        """
        if (rest := self._bucket.held_back()) > PATIENCE:
            said = f"The ILS says that it is called too often, and wants no call for {rest:.0f} seconds."
            raise Unavailable(
                said, advice="It is asked again by itself. Where this comes back, take calls_per_second lower."
            )
        self._bucket.acquire(cost)
        must_hold()

    def give_back(self, cost: int) -> None:
        """So many calls were not made after all: a look-up that was not redirected costs one."""
        self._bucket.give_back(cost)

    def throttled(self, after: float | None) -> None:
        """The ILS said "too fast": nobody calls for ``after`` seconds, or the lane's own pause where it named none."""
        self._bucket.hold_back(self._slow_down if after is None else after)

    def remaining(self, calls: int) -> None:
        """The ILS said how many calls are left of its quota."""
        if self._told is not None:
            self._told(calls)
