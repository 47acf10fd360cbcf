"""Asks each ILS once a day about the accounts that items are checked out to; nothing is written there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import structlog

from bridge.connectors.base import Call
from bridge.domain.attention import common_reason
from bridge.domain.capabilities import Ability
from bridge.domain.commands import FindPatron, Verb
from bridge.engine.lane import WorkLane
from bridge.errors import IlsError, Rejected
from bridge.jobs.gathering import accounts_of
from bridge.ledger import Ledger, LedgerBusy
from bridge.settings import Settings

log = structlog.get_logger(__name__)

ASKED_EVERY = timedelta(days=1)
ASKED_AGAIN = timedelta(hours=1)
"""After an ILS did not answer."""
AT_ONCE = 50
"""Accounts asked about in one go, so that a lane's pace is left to the requests."""


class AccountJob:
    """One look at the accounts that are to be asked about."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        lanes: Mapping[str, WorkLane],
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._lanes = lanes
        self._stopping = stopping

    def run(self) -> None:
        """Ask every open lane about its accounts that are due."""
        try:
            shut = {lane.name for lane in self._ledger.lanes.all() if lane.paused_until or lane.held_until}
            for name, lane in self._lanes.items():
                self._ledger.accounts.ensure(name, self._accounts(name))
                if name not in shut and lane.connector.capabilities.of(Verb.FIND_PATRON) is Ability.YES:
                    self._ask(lane)
        except LedgerBusy as busy:
            log.critical("ledger.busy", why=str(busy))

    def _accounts(self, lane: str) -> frozenset[str]:
        libraries = self._settings.libraries.values()
        return frozenset(name for library in libraries if library.ils == lane for name in accounts_of(library))

    def _ask(self, lane: WorkLane) -> None:
        for _ in range(AT_ONCE):
            if self._stopping():
                return
            name = self._ledger.accounts.take(lane.name, next_at=self._ledger.clock() + ASKED_EVERY)
            if name is None or not self._asked(lane, name):
                return

    def _asked(self, lane: WorkLane, name: str) -> bool:
        """Ask about one account; answers whether the ILS can be asked about more."""
        expires: date | None = None
        problem = ""
        try:
            learned = lane.connector.find_patron(FindPatron(name), Call()).learned
        except Rejected as refused:
            problem = common_reason(refused.reason)
        except IlsError as down:
            self._ledger.accounts.ask_again(lane.name, name, at=self._ledger.clock() + ASKED_AGAIN)
            log.info("accounts.not_asked", lane=lane.name, why=str(down))
            return False
        else:
            expires = learned.patron.expires if learned.patron else None
        self._ledger.accounts.learned(lane.name, name, expires=expires, problem=problem)
        return True
