"""A job of the clockwork that stands a ledger which cannot be used just now."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bridge.ledger import LedgerBusy

log = structlog.get_logger(__name__)


class Steady:
    """Runs a job again at its next time, whatever the ledger says; an outage of the ledger is told once, not at every tick."""

    def __init__(self, name: str, job: Callable[[], object]) -> None:
        self._name = name
        self._job = job
        self._told = False

    def run(self) -> None:
        """Do the job, if the ledger can be used."""
        try:
            self._job()
        except LedgerBusy as busy:
            if not self._told:
                log.critical("ledger.busy", job=self._name, why=str(busy))
            self._told = True
        else:
            self._told = False
