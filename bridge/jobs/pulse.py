"""Tells the supervisor that the daemon still works, as long as it does."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bridge import notify

log = structlog.get_logger(__name__)


class Pulse:
    """One beat. ``silent_for`` says for how many seconds the dispatcher has not looked for work; ``patience`` how many it may.

    It beats from the clockwork's thread, so that a clockwork that stands still is noticed too. Without beats systemd ends the daemon
    and starts it anew (``WatchdogSec``).
    """

    def __init__(self, silent_for: Callable[[], float], patience: float) -> None:
        self._silent_for = silent_for
        self._patience = patience

    def run(self) -> None:
        """Beat, or log why not."""
        silent = self._silent_for()
        if silent < self._patience:
            notify.tell("WATCHDOG=1")
        else:
            log.critical("dispatcher.silent", seconds=round(silent))
