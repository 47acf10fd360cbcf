"""Figures of the ledger, looked up whenever somebody asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.domain.change import Condition
from bridge.domain.notes import NotesStanding
from bridge.domain.windows import maintenance
from bridge.ledger import LedgerBusy, State
from bridge.ledger.figures import Heard, Seen
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import OPEN_STATES
from bridge.metrics import families
from bridge.metrics.counters import RESULTS
from bridge.metrics.families import LOOKED_UP, Family
from bridge.settings import Configuration
from bridge.sources.base import SourceSettings

ATTENTION = frozenset({State.PARKED, State.STAFF})
HOLDS = ("staff", OVER_QUOTA)


class LedgerGauges(Collector):
    """Gauges of one ledger. A ledger that cannot be read now is told as ``ill_bridge_ledger_up 0``; the rest is left out then."""

    def __init__(self, look: Callable[[], Seen], known: Configuration) -> None:
        self._look = look
        self._known = known

    def describe(self) -> Iterable[Metric]:
        """The families without values; the ledger is not asked."""
        return [_family(family) for family in LOOKED_UP]

    def collect(self) -> Iterator[Metric]:
        """The families with their values."""
        up = _family(families.LEDGER_UP)
        began = time.perf_counter()
        try:
            seen = self._look()
        except LedgerBusy:
            up.add_metric((), 0)
            yield up
            return
        up.add_metric((), 1)
        yield up
        yield _filled(families.LEDGER_SECONDS, [((), time.perf_counter() - began)])
        yield from self._lanes(seen)
        yield from self._libraries(seen)
        yield from self._requests(seen)
        yield from self._sources(seen)
        yield _filled(families.ORDERS, [((kind,), number) for kind, number in sorted(seen.orders.items())])
        yield _filled(families.AUDIT_FINDINGS, sorted(seen.findings.items()))

    def _lanes(self, seen: Seen) -> Iterator[Metric]:
        lanes = [lane for lane in seen.lanes if lane.name in self._known.settings.ils]
        names = [lane.name for lane in lanes]
        yield _filled(families.LANE_OPEN, [((lane.name,), lane.paused_until is None) for lane in lanes])
        yield _filled(
            families.LANE_CLOSED,
            [((lane.name, lane.cause), _since(lane.closed_at, seen.at)) for lane in lanes if lane.paused_until],
        )
        yield _filled(families.LANE_HELD, [((lane.name,), lane.held_until is not None) for lane in lanes])
        planned = [((lane.name,), bool(lane.held_until) and self._in_maintenance(lane.name, seen.at)) for lane in lanes]
        yield _filled(families.LANE_MAINTENANCE, planned)
        left = [((lane.name,), lane.calls_remaining) for lane in lanes if lane.calls_remaining is not None]
        yield _filled(families.CALLS_LEFT, left)
        yield _filled(families.BACKLOG, [((name,), sum(each.due for each in seen.workable(name))) for name in names])
        yield _filled(families.OLDEST_DUE, [((name,), seen.oldest_due(name)) for name in names])

    def _in_maintenance(self, ils: str, now: datetime) -> bool:
        windows = [each.window for each in self._known.settings.ils[ils].maintenance]
        return maintenance(windows, now) is not None

    def _libraries(self, seen: Seen) -> Iterator[Metric]:
        configured = self._known.settings.libraries
        held = {each.name: each.held_cause for each in seen.libraries if each.held_until}
        yield _filled(
            families.LIBRARY_INFO, [((name, each.ils, each.mode.value), 1) for name, each in configured.items()]
        )
        yield _filled(
            families.LIBRARY_HELD,
            [((name, cause), held.get(name) == cause) for name in configured for cause in HOLDS],
        )
        yield _filled(families.QUOTA_LIMIT, [((name,), each.deletes_per_hour) for name, each in configured.items()])
        yield _filled(families.QUOTA_USED, [((name,), seen.deletions.get(name, 0)) for name in configured])

    def _requests(self, seen: Seen) -> Iterator[Metric]:
        by_state = {(name, state.value): 0 for name in self._known.settings.libraries for state in sorted(OPEN_STATES)}
        by_cause: dict[tuple[str, str, str], int] = {}
        for group in seen.groups:
            named = (group.library, group.state.value)
            by_state[named] = by_state.get(named, 0) + group.count
            if group.state in ATTENTION:
                cause = (*named, group.cause)
                by_cause[cause] = by_cause.get(cause, 0) + group.count
        yield _filled(families.REQUESTS, by_state.items())
        yield _filled(families.ATTENTION, by_cause.items())
        counts = {(name, each.value): 0 for name in self._known.settings.libraries for each in Condition}
        counts |= {(name, each.replace(" ", "_")): count for (name, each), count in seen.conditions.items()}
        yield _filled(families.CONDITIONS, counts.items())

    def _sources(self, seen: Seen) -> Iterator[Metric]:
        heard = {each.name: each for each in seen.sources}
        sources = [heard.get(name, Heard(name)) for name in self._known.sources]
        yield _filled(families.SILENT, [((each.name,), bool(each.problem)) for each in sources])
        yield _filled(
            families.POLL_AGE,
            [((each.name,), _since(each.succeeded_at, seen.at)) for each in sources if each.succeeded_at],
        )
        yield _filled(
            families.MESSAGE_AGE, [((each.name,), _since(each.heard_at, seen.at)) for each in sources if each.heard_at]
        )
        kept = {(name, result): 0 for name in self._known.sources for result in ("malformed", "unknown_word")}
        kept |= {(each.source, RESULTS[each.state]): each.count for each in seen.kept}
        yield _filled(families.KEPT, kept.items())
        yield from self._notes(seen)

    def _notes(self, seen: Seen) -> Iterator[Metric]:
        """For the sources that are told anything, and those that were."""
        told = {each.source: each for each in seen.notes}
        for name, source in self._known.sources.items():
            if isinstance(source, SourceSettings) and source.note_settings is not None:
                told.setdefault(name, NotesStanding(name))
        waiting = {(name, "waiting"): each.waiting for name, each in told.items()}
        given_up = {(name, "given_up"): each.given_up for name, each in told.items()}
        yield _filled(families.NOTES, {**waiting, **given_up}.items())
        yield _filled(families.NOTES_AGE, [((name,), _since(each.oldest, seen.at)) for name, each in told.items()])


def _family(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.meaning, labels=family.labels)


def _filled(family: Family, values: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    made = _family(family)
    for labels, value in values:
        made.add_metric(labels, float(value))
    return made


def _since(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment is not None else 0.0
