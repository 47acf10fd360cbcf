"""Whether work can go on, as ``/readyz`` tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bridge.ledger import Ledger, LedgerBusy
from bridge.ledger.figures import Heard
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER, Lane, Library
from bridge.settings import Configuration
from bridge.web.health import Part, Readiness


def health_of(known: Configuration, ledger: Ledger) -> Callable[[], Readiness]:
    """What ``/readyz`` asks: the ledger, every lane, every library that is held, every source. A pause by staff is no fault."""

    def readiness() -> Readiness:
        try:
            gates = ledger.figures.gates()
        except LedgerBusy as busy:
            return Readiness(ready=False, parts=(Part(name="ledger", ready=False, state="down", why=str(busy)),))
        heard = {source.name: source for source in gates.sources}
        parts = [Part(name="ledger", ready=True)]
        parts += [_lane_part(lane) for lane in gates.lanes if lane.name in known.settings.ils]
        held = [library for library in gates.libraries if library.held_until]
        parts += [_library_part(library) for library in held if library.name in known.settings.libraries]
        parts += [_source_part(heard.get(name, Heard(name))) for name in sorted(known.sources)]
        return Readiness(ready=all(part.ready for part in parts), parts=tuple(parts))

    return readiness


def _lane_part(lane: Lane) -> Part:
    name = f"lane {lane.name}"
    if lane.held_until is not None:
        return Part(name=name, ready=True, state="held", why=lane.held_why, until=_end(lane.held_until))
    if lane.paused_until is not None:
        return Part(name=name, ready=False, state="down", why=lane.why, since=lane.closed_at)
    return Part(name=name, ready=True)


def _library_part(library: Library) -> Part:
    """One that stopped at its quota of deletions needs a human, so it is not ready; a pause by staff is as it should be."""
    planned = library.held_cause != OVER_QUOTA
    name = f"library {library.name}"
    return Part(name=name, ready=planned, state="held", why=library.held_why, until=_end(library.held_until))


def _source_part(source: Heard) -> Part:
    state = "down" if source.problem else "ok"
    return Part(
        name=f"source {source.name}",
        ready=not source.problem,
        state=state,
        why=source.problem,
        since=source.succeeded_at if source.problem else source.polled_at,
    )


def _end(until: datetime | None) -> datetime | None:
    """When a pause ends by itself; ``None`` where somebody has to end it."""
    return until if until != FOREVER else None
