"""Which requests fail at a verb since it last went well for anybody: one of them, or all?"""

from __future__ import annotations

import threading
from collections import defaultdict

WIDESPREAD = 3
"""Different requests that fail at one verb, with no success between them, before it is the verb that ails and not the requests."""


class Ailing:
    """Kept in memory for one lane, by all its workers: a restart begins anew, and only patience hangs on it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._failed: defaultdict[str, set[int]] = defaultdict(set)

    def failed(self, verb: str, request_id: int) -> bool:
        """Note a failure; answers whether it has just become widespread."""
        with self._guard:
            before = len(self._failed[verb])
            self._failed[verb].add(request_id)
            return before < WIDESPREAD <= len(self._failed[verb])

    def well(self, verb: str) -> bool:
        """Note a success; answers whether it ends a widespread trouble."""
        with self._guard:
            return len(self._failed.pop(verb, ())) >= WIDESPREAD

    def widespread(self, verb: str) -> bool:
        """Whether so many different requests fail at the verb that it is none of theirs."""
        with self._guard:
            return len(self._failed.get(verb, ())) >= WIDESPREAD
