"""Answers in hand that may stand for a look a moment later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
JUST_NOW = timedelta(seconds=30)
"""How long an answer in hand may stand for a look: staff may relabel or move the item later."""
MOST = 100


class Recent(Generic[T]):
    """Answers by the id of what they are about, at most a hundred. Each is used once. Safe to use from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._guard = threading.Lock()
        self._answers: dict[str, tuple[datetime, T]] = {}

    def keep(self, name: str, answer: T) -> None:
        """Remember this answer."""
        with self._guard:
            while len(self._answers) >= MOST:
                self._answers.pop(next(iter(self._answers)))
            self._answers[name] = (self._now(), answer)

    def take(self, name: str) -> T | None:
        """The answer, if it is fresh; it is then forgotten."""
        with self._guard:
            seen, answer = self._answers.pop(name, (None, None))
        return answer if seen is not None and self._now() - seen <= JUST_NOW else None
