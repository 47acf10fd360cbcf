"""What stands still is looked at when the daemon starts: its settings may be others than when it stopped."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.goal import goal_for
from bridge.domain.parking import Nights, cause_of
from bridge.domain.policy import Policy
from bridge.engine.verdicts import NOT_CONFIGURED
from bridge.ledger import Ledger, State
from bridge.ledger.model import Row


@dataclass(frozen=True)
class Found:
    """How many requests have another goal now and are planned anew, and of how many the next try by itself was set."""

    planned_anew: int = 0
    set_again: int = 0


def look_at_stopped(
    ledger: Ledger, policy_of: Callable[[str], Policy], nights: Nights, *, libraries: Collection[str]
) -> Found:
    """Plan anew what was parked on another goal than the policies give now (rule 8); set when the rest is tried again by itself."""
    anew = again = 0
    for row in ledger.stopped.all():
        if row.request.key.library not in libraries:
            continue
        goal = goal_for(row.request, policy_of(row.request.key.library))
        if row.parked.cause == NOT_CONFIGURED or row.parked.goal not in {"", goal.fingerprint}:
            anew += ledger.stopped.plan_anew(row)
        elif row.state is State.PARKED and (at := _next_try(row, nights, ledger.clock())) != row.due_at:
            again += ledger.stopped.try_again(row, at)
    return Found(anew, again)


def _next_try(row: Row, nights: Nights, now: datetime) -> datetime | None:
    """A night that was missed is made up for at once."""
    library = row.request.key.library
    if not nights.days.get(library) or not cause_of(row.parked.cause).heals:
        return None
    if row.due_at is not None and row.due_at <= now:
        return row.due_at
    return nights.next_try(library, row.parked.cause, since=row.parked_at or row.updated_at, now=now) or row.due_at
