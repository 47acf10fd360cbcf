"""Closes open requests of which the service has said nothing for longer than their library's ``close_after_days``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bridge.domain.aging import AGED, aging
from bridge.domain.parking import advice_for
from bridge.domain.policy import Mode
from bridge.ledger import HistoryLine, LeaseLost, Ledger, Parked, State, Verdict
from bridge.ledger.model import Row
from bridge.settings import Settings

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
ALIVE = frozenset({"change", "staff"})
"""Kinds of history lines that show that somebody is at it."""


def closing(settings: Settings) -> dict[str, int]:
    """Library = days without news after which its open requests are closed; libraries that never close are left out."""
    found = settings.libraries.items()
    return {name: each.close_after_days for name, each in found if each.close_after_days and each.mode is Mode.LIVE}


class AgingJob:
    """One look at what has grown old. Only what is in step is closed: what is parked or waits for staff already asks for them."""

    def __init__(self, settings: Settings, ledger: Ledger, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self._ledger = ledger
        self._limits = closing(settings)
        self._stopping = stopping

    def run(self) -> None:
        """Close or park each; nothing is called in any ILS."""
        for quiet in self._ledger.attention.quiet(self._limits):
            if self._stopping():
                return
            if quiet.state == State.IN_STEP.value:
                self._age(int(quiet.name.removeprefix("R")), self._limits[quiet.library])

    def _age(self, request_id: int, days: int) -> None:
        since = self._ledger.clock() - timedelta(days=days)
        held = self._ledger.work.claim_one(request_id, owner=AGED, lease=LEASE)
        if held is None:
            return
        row = held.row
        touched = row.state is not State.IN_STEP or not row.readable or self._touched(row, since)
        verdict = _as_it_was(row) if touched else self._verdict(row, days)
        try:
            state = self._ledger.work.release(held, verdict, version=row.version)
        except LeaseLost as lost:
            log.warning("lease.lost", why=str(lost))
            return
        if not touched and state is verdict.state:  # else news came in meanwhile
            log.info("request.aged", request=row.name, library=row.request.key.library, state=state.value, days=days)

    def _touched(self, row: Row, since: datetime) -> bool:
        """Whether the service or staff had something to do with it since then."""
        return any(line.kind in ALIVE and line.at >= since for line in self._ledger.requests.history(row.id))

    def _verdict(self, row: Row, days: int) -> Verdict:
        found = aging(row.request.key.role, row.record, days)
        advice = "" if found.closes else advice_for(AGED, "", row.name)
        said = found.said if found.closes else f"Parked. {found.said} {advice}"
        line = HistoryLine(self._ledger.clock(), "state", said)
        state = State.CLOSED if found.closes else State.PARKED
        return Verdict(state, row.status, parked=Parked("", AGED, found.said, advice), lines=(line,), watches=())


def _as_it_was(row: Row) -> Verdict:
    return Verdict(row.state, row.status, row.due_at, row.attempts, parked=row.parked, afresh=row.afresh, look=row.look)
