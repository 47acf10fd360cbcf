"""What the ledger's tests work with: a clock, arrivals of one request, a step, and claims."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.domain import commands as do
from bridge.domain.arrival import Arrival
from bridge.domain.change import Change, Phase, Stamp
from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, Role, mark_for
from bridge.domain.plan import Step, StepKey
from bridge.ledger import Claimed, Ledger

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = RequestKey("main", "svc", Role.BORROWER, "REQ", "1")
STEP = Step(
    StepKey("", "", Verb.CHECK_IN, 0),
    do.CheckIn(do.Target(mark_for("test", KEY, "", ""), do.Origin.OWN, "B-1"), ("l1",), "A"),
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def arrival(
    key: str = "e1", *, number: str = "1", role: Role = Role.BORROWER, phase: Phase = Phase.RECEIVED
) -> Arrival:
    request = replace(KEY, number=number, role=role)
    return Arrival(
        key, '{"id": 1}', (Change(key, request, Stamp(0, NOW, phase.rank, key), word=phase.value, phase=phase),)
    )


def take(ledger: Ledger, *arrivals: Arrival, cursor: str | None = None) -> list[int]:
    receipts = ledger.inbox.take("hook", arrivals or (arrival(),), lambda _: "alma", cursor=cursor)
    return [receipt.inbox_id for receipt in receipts]


def claim(ledger: Ledger, *, cap: int = 4) -> Claimed | None:
    return ledger.work.claim("alma", owner="test", lease=MINUTE, cap=cap)


def held(ledger: Ledger) -> Claimed:
    found = claim(ledger)
    assert found is not None
    return found
