"""A drill: one marked temporary record set, made and removed in the real ILS by the engine proper: a crash leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bridge.domain.arrival import Arrival
from bridge.domain.care import DRILL
from bridge.domain.change import Change, Closure, Edits, Phase, Stamp
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.ledger import Ledger
from bridge.ledger.model import OPEN_STATES

TITLE = "ill-bridge drill (may be deleted)"


def begin(ledger: Ledger, lane_of: Callable[[str], str], library: str, *, patron: str = "", pickup: str = "") -> int:
    """A borrowed item was received, says the drill; answers the request's id. Without a patron no hold is placed."""
    number = f"DRILL-{ledger.clock():%Y%m%d-%H%M%S}"
    key = RequestKey(library, DRILL, Role.BORROWER, "ill-bridge", number)
    edits = Edits(service_type=ServiceType.LOAN, title=TITLE, barcode=number)
    if patron:
        edits = replace(edits, patron_id=patron, pickup_location=pickup)
    return _told(ledger, lane_of, _change(key, Phase.RECEIVED, ledger.clock(), edits))


def end(ledger: Ledger, lane_of: Callable[[str], str], key: RequestKey) -> int:
    """The item was sent back, says the drill: everything is removed."""
    return _told(ledger, lane_of, _change(key, Phase.COMPLETED, ledger.clock(), Edits()))


def close_drills(ledger: Ledger, lane_of: Callable[[str], str]) -> int:
    """End drills that were cut off; answers how many."""
    open_drills = [ledger.requests.one(each) for each in ledger.requests.ids(states=tuple(OPEN_STATES), service=DRILL)]
    for row in open_drills:
        end(ledger, lane_of, row.request.key)
    return len(open_drills)


def _change(key: RequestKey, phase: Phase, at: datetime, edits: Edits) -> Change:
    name = f"{key.number}/{phase}"
    closure = Closure.RETURNED if phase is Phase.COMPLETED else None
    return Change(
        name, key, Stamp(0, at, phase.rank, name), word=phase.value, phase=phase, closure=closure, edits=edits
    )


def _told(ledger: Ledger, lane_of: Callable[[str], str], change: Change) -> int:
    (receipt,) = ledger.inbox.take(DRILL, (Arrival(change.key, "{}", (change,)),), lane_of)
    row = ledger.requests.find(change.request.number)[0]
    return receipt.requests[0] if receipt.requests else row.id
