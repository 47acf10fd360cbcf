"""Why no work may begin for a request, in a sentence or two for people."""

from __future__ import annotations

from datetime import datetime

from bridge.ledger import Ledger
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER, Row


def why_paused(ledger: Ledger, row: Row) -> str:
    """The pause by staff, or the quota reached, that keeps a request waiting; empty where there is none."""
    library = row.request.key.library
    for held in ledger.libraries.all():
        if held.name == library and held.held_until is not None:
            if held.held_cause == OVER_QUOTA:
                return held.held_why
            return _paused("Library", library, held.held_until, held.held_why)
    for lane in ledger.lanes.all():
        if lane.name == row.lane and lane.held_until is not None:
            return _paused("Lane", lane.name, lane.held_until, lane.held_why)
    return ""


def why_closed(ledger: Ledger, row: Row) -> str:
    """What the ILS said when the lane of a request closed; empty where it is open."""
    for lane in ledger.lanes.all():
        if lane.name == row.lane and lane.paused_until is not None:
            return f"Lane '{lane.name}' is closed: {lane.why}"
    return ""


def _paused(kind: str, name: str, until: datetime, why: str) -> str:
    end = f"ill-bridge resume {name} ends it." if until == FOREVER else f"It goes on at {until:%Y-%m-%d %H:%M} UTC."
    return f"{kind} '{name}' is paused: {why} {end}"
