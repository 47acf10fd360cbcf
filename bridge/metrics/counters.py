"""What is counted as it happens, in a registry of its own, so that several daemons in one process do not mix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.commands import Verb
from bridge.http import Exchange
from bridge.ledger import Receipt, State, StepState
from bridge.metrics import families
from bridge.metrics.families import Family

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MOST_ENDPOINTS = 200
"""Endpoints of one ILS that are told apart; a connector that names more is told as ``other``, so that no id becomes a label without end."""
RESULTS = {
    ArrivalState.FOLDED: "folded",
    ArrivalState.MALFORMED: "malformed",
    ArrivalState.UNKNOWN_WORD: "unknown_word",
}
REPEATED, REFUSED, NOT_KEPT = "repeated", "refused", "not_kept"


class Metrics:
    """The counters of one daemon, and its exposition."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._received = self._counter(families.RECEIVED)
        self._steps = self._counter(families.STEPS)
        self._released = self._counter(families.RELEASED)
        self._calls = self._counter(families.CALLS)
        self._call_seconds = self._histogram(families.CALL_SECONDS)
        self._polls = self._counter(families.POLL_CALLS)
        self._poll_seconds = self._histogram(families.POLL_SECONDS)
        self._confirmed = self._counter(families.CONFIRMED)
        self._relayed = self._counter(families.RELAYED)
        self._relay_seconds = self._histogram(families.RELAY_SECONDS)
        self._notes = self._counter(families.NOTES_TRIED)
        self._refusals = self._counter(families.LEDGER_REFUSALS)
        self._endpoints: dict[str, set[str]] = {}
        self._guard = Lock()

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self.registry)

    def _histogram(self, family: Family) -> Histogram:
        return Histogram(family.name, family.meaning, family.labels, buckets=SECONDS, registry=self.registry)

    def begin(self, *, version: str, database: str, sources: Iterable[str], gauges: Collector) -> None:
        """Say what runs, begin the counters of the known sources at 0, and look the ledger's figures up from now on."""
        family = families.BUILD_INFO
        info = Gauge(family.name, family.meaning, family.labels, registry=self.registry)
        info.labels(version, database).set(1)
        for source in sources:
            for result in (*RESULTS.values(), REPEATED, REFUSED, NOT_KEPT):
                self._received.labels(source, result)
        for doing in ("read", "write"):
            self._refusals.labels(doing)
        self.registry.register(gauges)

    def received(self, source: str, arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
        """Messages were taken into the ledger."""
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            self._received.labels(source, REPEATED if receipt.repeated else RESULTS[arrival.state]).inc()

    def refused(self, source: str) -> None:
        """A message was not signed as it should be."""
        self._received.labels(source, REFUSED).inc()

    def not_kept(self, source: str) -> None:
        """A message could not be kept just now."""
        self._received.labels(source, NOT_KEPT).inc()

    def confirmed(self, source: str, kind: str, *, ok: bool) -> None:
        """An ISO 18626 message was confirmed."""
        self._confirmed.labels(source, kind, "OK" if ok else "ERROR").inc()

    def relayed(self, source: str, exchange: Exchange) -> None:
        """A message was forwarded to a peer (``exchange.ils``)."""
        self._relayed.labels(source, exchange.ils, status_class(exchange.status)).inc()
        self._relay_seconds.labels(source, exchange.ils).observe(exchange.milliseconds / 1000)

    def noted(self, source: str, result: str) -> None:
        """A service was to be told something."""
        self._notes.labels(source, result).inc()

    def step(self, ils: str, connector: str, verb: str, outcome: str) -> None:
        """A step ended."""
        self._steps.labels(ils, connector, verb, outcome).inc()

    def released(self, library: str, state: str) -> None:
        """A worker was finished with a request."""
        self._released.labels(library, state).inc()

    def ledger_refused(self, doing: str) -> None:
        """The ledger could not be read, or written."""
        self._refusals.labels(doing).inc()

    def exchange(self, exchange: Exchange) -> None:
        """A call to an ILS ended."""
        endpoint = self._endpoint(exchange.ils, exchange.template)
        self._calls.labels(exchange.ils, exchange.method, endpoint, status_class(exchange.status)).inc()
        self._call_seconds.labels(exchange.ils, exchange.method).observe(exchange.milliseconds / 1000)

    def poll(self, exchange: Exchange) -> None:
        """A call to a polled source ended."""
        self._polls.labels(exchange.ils, status_class(exchange.status)).inc()
        self._poll_seconds.labels(exchange.ils).observe(exchange.milliseconds / 1000)

    def _endpoint(self, ils: str, template: str) -> str:
        with self._guard:
            known = self._endpoints.setdefault(ils, set())
            if template not in known and len(known) >= MOST_ENDPOINTS:
                return "other"
            known.add(template)
        return template

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Everything as Prometheus reads it, in the format the ``Accept`` header asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class LaneCounts:
    """Counts the work of one lane."""

    def __init__(self, metrics: Metrics, ils: str, connector: str) -> None:
        self._metrics = metrics
        self._ils = ils
        self._connector = connector

    def step(self, verb: Verb, outcome: StepState) -> None:
        """A step ended."""
        self._metrics.step(self._ils, self._connector, verb.value, outcome.value)

    def released(self, library: str, state: State) -> None:
        """A worker was finished with a request."""
        self._metrics.released(library, state.value)


def status_class(status: int | None) -> str:
    """How an answer counts: by its hundreds, except that "too many calls" is its own."""
    if status is None:
        return "none"
    return "429" if status == 429 else f"{status // 100}xx"
