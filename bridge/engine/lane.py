"""A lane: one ILS institution with its connector, its pace, its cap, and whether it is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from bridge.connectors.base import Connector
from bridge.errors import CredentialsRejected, IlsError, Unavailable
from bridge.ledger import Ledger

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LaneRules:
    """``cap``: requests worked on at once; ``probe_interval``: how long a closed lane waits before it asks the ILS again."""

    cap: int = 4
    probe_interval: timedelta = timedelta(seconds=60)


class WorkLane:
    """What the engine needs of a lane."""

    def __init__(self, name: str, connector: Connector, ledger: Ledger, rules: LaneRules) -> None:
        self.name = name
        self.connector = connector
        self.rules = rules
        self._ledger = ledger

    def close(self, problem: IlsError) -> None:
        """Close until the next probe; one log line when it closes, however many workers find out."""
        until = self._ledger.clock() + self.rules.probe_interval
        if self._ledger.lanes.close(self.name, until=until, why=str(problem), cause=problem.cause):
            tell = log.error if isinstance(problem, CredentialsRejected) else log.warning
            tell("lane.closed", lane=self.name, why=str(problem), cause=problem.cause)

    def probe(self) -> bool:
        """Ask the ILS whether work can go on; opens the lane or closes it for another interval."""
        try:
            self.connector.probe()
        except (Unavailable, CredentialsRejected) as problem:
            self.close(problem)
            return False
        except IlsError as problem:
            log.info("lane.probe", lane=self.name, why=str(problem))
        if self._ledger.lanes.open(self.name):
            log.info("lane.opened", lane=self.name)
        return True
