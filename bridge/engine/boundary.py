"""The named points between claim and release, at which a crash may come; the kill tests cut there."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Boundary(StrEnum):
    """Passed in this order, the middle four once a step; ``CALL_SENT`` is the last moment at which nothing was sent yet."""

    CLAIMED = "claimed"
    STARTED = "started"
    CALL_SENT = "call_sent"
    CALL_DONE = "call_done"
    FINISHED = "finished"
    RELEASED = "released"


Passing = Callable[[Boundary], None]


def pass_by(boundary: Boundary) -> None:
    """Nothing happens at a boundary, in ordinary times."""
