"""A drill: one marked temporary record set, made and removed in the real ILS by the engine proper: a crash leaves nothing behind."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.domain.arrival import Arrival
from bridge.domain.care import DRILL
from bridge.domain.change import Change, Closure, Edits, Phase, Stamp
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.request import Request
from bridge.ledger import Ledger
from bridge.ledger.model import OPEN_STATES

GOING_ON = timedelta(minutes=15)
"""How long a drill may take: an older one was cut off."""
TITLE = "ill-bridge drill (may be deleted)"


def begin(ledger: Ledger, lane_of: Callable[[str], str], library: str, *, patron: str = "", pickup: str = "") -> int:
    """A borrowed item was received, says the drill; answers the request's id. Without a patron no hold is placed."""
    number = f"DRILL-{ledger.clock():%y%m%d%H%M%S}-{secrets.token_hex(2)}"
    key = RequestKey(library, DRILL, Role.BORROWER, "ill-bridge", number)
    edits = Edits(service_type=ServiceType.LOAN, title=TITLE, barcode=number)
    if patron:
        edits = replace(edits, patron_id=patron, pickup_location=pickup)
    return _told(ledger, lane_of, _change(key, Phase.RECEIVED, ledger.clock(), edits))


def end(ledger: Ledger, lane_of: Callable[[str], str], key: RequestKey) -> int:
    """The item was sent back, says the drill: everything is removed. May be said again."""
    return _told(ledger, lane_of, _change(key, Phase.COMPLETED, ledger.clock(), Edits()))


def close_drills(ledger: Ledger, lane_of: Callable[[str], str], *, idle: timedelta = timedelta()) -> tuple[int, ...]:
    """End drills that were cut off: those that began more than ``idle`` ago, since others may be going on. Answers their ids."""
    before = ledger.clock() - idle
    rows = [ledger.requests.one(each) for each in ledger.requests.ids(states=tuple(OPEN_STATES), service=DRILL)]
    cut_off = [row for row in rows if _began(row.request) <= before]
    for row in cut_off:
        end(ledger, lane_of, row.request.key)
    return tuple(row.id for row in cut_off)


def _began(request: Request) -> datetime:
    """A drill begins with the item's arrival."""
    return request.reached({Phase.RECEIVED}) or datetime.min.replace(tzinfo=UTC)


def _change(key: RequestKey, phase: Phase, at: datetime, edits: Edits) -> Change:
    name = f"{key.number}/{phase}"
    closure = Closure.RETURNED if phase is Phase.COMPLETED else None
    return Change(
        name, key, Stamp(0, at, phase.rank, name), word=phase.value, phase=phase, closure=closure, edits=edits
    )


def _told(ledger: Ledger, lane_of: Callable[[str], str], change: Change) -> int:
    (receipt,) = ledger.inbox.take(DRILL, (Arrival(change.key, "{}", (change,)),), lane_of)
    same = (row.id for row in ledger.requests.find(change.request.number) if row.request.key == change.request)
    return receipt.requests[0] if receipt.requests else next(same)
