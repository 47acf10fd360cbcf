"""A lane: one ILS institution with its connector, its pace, its cap, and whether it is open."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.connectors.base import Connector
from bridge.domain.windows import Window, maintenance
from bridge.engine.ailing import Ailing
from bridge.errors import CredentialsRejected, IlsError, Unavailable
from bridge.ledger import Ledger

log = structlog.get_logger(__name__)

PROBING = timedelta(minutes=2)
"""How long a probe may take before another daemon thinks that whoever took it is gone."""


@dataclass(frozen=True)
class LaneRules:
    """``cap``: requests worked on at once; ``probe_interval``: how long a closed lane waits before it asks the ILS again.

    ``windows``: planned maintenance, in which the ILS is left alone. ``late_writes``: how long a call whose end nobody knows may still
    take effect in the ILS; until then what is not seen there is not taken for not done.
    """

    cap: int = 4
    probe_interval: timedelta = timedelta(seconds=60)
    windows: tuple[Window, ...] = ()
    late_writes: timedelta = timedelta(0)


class WorkLane:
    """What the engine needs of a lane."""

    def __init__(self, name: str, connector: Connector, ledger: Ledger, rules: LaneRules) -> None:
        self.name = name
        self.connector = connector
        self.rules = rules
        self._ledger = ledger
        self._ailing = Ailing()
        self._doubting = threading.Lock()
        self._kept: datetime | None = None

    def down(self) -> bool:
        """One request failed as in an outage: is the ILS down for everybody? Its probe decides, and closes the lane where it is.

        One worker asks at a time; those that failed meanwhile hear its answer, so that an outage costs one probe.
        """
        with self._doubting:
            return self.resting() or self._ledger.lanes.closed(self.name) or not self.probe()

    def resting(self) -> bool:
        """Whether a planned maintenance runs, unless staff ended it: the request in hand is given back, and what fails is no outage."""
        if maintenance(self.rules.windows, self._ledger.clock()) is None:
            return False
        self.keep_windows()
        return self._ledger.lanes.held(self.name)

    def keep_windows(self) -> datetime | None:
        """Pause the lane where a planned maintenance has begun, once, so that staff may end it; answers when the next one begins.

        The pause is durable and ends by itself, so that all who ask the ledger hear of it: claims, probes, commands, ``status``.
        What waited for its end goes behind what comes then.
        """
        now = self._ledger.clock()
        if self._kept is not None and self._kept <= now:
            self._ledger.lanes.put_behind(self.name, before=self._kept)
            self._kept = None
        found = maintenance(self.rules.windows, now)
        if found is not None and found.until != self._kept:
            self._kept = found.until
            why = f"Maintenance{f': {found.why}' if found.why else ''}."
            if self._ledger.lanes.hold_until(self.name, until=found.until, why=why):
                log.info("lane.maintenance", lane=self.name, until=found.until.isoformat(), why=found.why)
        return min((window.next_start(now) for window in self.rules.windows), default=None)

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

    def probe_if_due(self) -> None:
        """The same, where the lane is closed, its time has come, and no other daemon asks already."""
        next_at = self._ledger.clock() + self.rules.probe_interval + PROBING
        if self._ledger.lanes.take_probe(self.name, next_at=next_at):
            self.probe()

    def failed(self, verb: str, request_id: int, problem: IlsError) -> None:
        """The ILS failed on a request; told once where it fails on all of them alike."""
        if self._ailing.failed(verb, request_id):
            log.warning("lane.ailing", lane=self.name, verb=verb, why=problem.reason, cause=problem.cause)

    def well(self, verb: str) -> None:
        """A step went well."""
        if self._ailing.well(verb):
            log.info("lane.recovered", lane=self.name, verb=verb)

    def fails_on_all(self, verb: str) -> bool:
        """Whether the ILS answers its probe, and fails on whatever request comes with this verb."""
        return self._ailing.widespread(verb)
