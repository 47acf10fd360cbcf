"""One staff session for all threads (symphony.md section 3)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from bridge.connectors.symphony.models import LogIn
from bridge.errors import CredentialsRejected

FIRST_PAUSE = timedelta(hours=1)
"""After a refused log-in none is tried for so long, and after each further one for twice as long: accounts lock."""


class Session:
    """The session that all calls share. ``log_in`` makes a new one, and raises ``CredentialsRejected`` where it is refused."""

    def __init__(self, log_in: Callable[[], LogIn], now: Callable[[], datetime]) -> None:
        self._log_in = log_in
        self._now = now
        self._guard = threading.Lock()
        self._current: LogIn | None = None
        self._refusals = 0
        self._refused: CredentialsRejected | None = None
        self._not_before = now()

    def current(self) -> LogIn:
        """The session, made now where there is none."""
        with self._guard:
            return self._current or self._new()

    def renewed(self, timed_out: LogIn) -> LogIn:
        """A new session, unless another thread made one since this one timed out."""
        with self._guard:
            return self._new() if self._current in (None, timed_out) else self._current or timed_out

    def _new(self) -> LogIn:
        if self._refused is not None and self._now() < self._not_before:
            raise self._refused
        self._current = None
        try:
            self._current = self._log_in()
        except CredentialsRejected as refused:
            self._refused = refused
            self._not_before = self._now() + FIRST_PAUSE * 2**self._refusals
            self._refusals += 1
            raise
        self._refused, self._refusals = None, 0
        return self._current
