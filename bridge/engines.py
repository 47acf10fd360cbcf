"""The engine that works on requests: a daemon's, or that of a command where no daemon runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bridge.engine.lane import WorkLane
from bridge.engine.reconciler import Reconciler
from bridge.engine.schedule import RetrySchedule
from bridge.engine.steering import Steering
from bridge.jobs.orders import OrderJob
from bridge.ledger import Ledger
from bridge.metrics import LaneCounts, Metrics
from bridge.settings import Configuration
from bridge.wiring import lanes_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Engine:
    """The lanes with their reconcilers, and what carries out orders on them."""

    lanes: Mapping[str, tuple[WorkLane, Reconciler]]
    steering: Steering
    orders: OrderJob


def make_engine(
    known: Configuration,
    ledger: Ledger,
    stopping: Callable[[], bool],
    metrics: Metrics | None = None,
    *,
    live_first: bool = False,
) -> Engine:
    """An engine that stops between two steps once ``stopping`` says so; ``live_first`` has batches of orders wait for other work."""
    rules = known.settings.engine
    schedule = RetrySchedule(rules.retry_waits, rules.retry_jitter, rules.retry_tries, rules.server_error_tries)
    counted = metrics or Metrics()

    def reconciler(name: str, lane: WorkLane) -> Reconciler:
        counting = LaneCounts(counted, name, known.settings.ils[name].connector)
        policy = known.settings.policy
        nights = known.settings.nights
        return Reconciler(ledger, lane, policy, schedule=schedule, nights=nights, stopping=stopping, counting=counting)

    lanes = {name: (lane, reconciler(name, lane)) for name, lane in lanes_of(known, ledger, counted).items()}
    ledger.lanes.ensure(lanes)
    for lane, _ in lanes.values():
        lane.keep_windows()
    ledger.libraries.ensure(known.settings.libraries)
    moved = ledger.requests.move({name: library.ils for name, library in known.settings.libraries.items()})
    for library, requests in moved.items():
        log.warning("requests.moved", library=library, lane=known.settings.lane(library), requests=requests)
    steering = Steering(ledger, lanes, lease=timedelta(seconds=rules.lease))
    return Engine(lanes, steering, OrderJob(ledger, steering, stopping=stopping, live_first=live_first))


def _never() -> bool:
    return False


@contextmanager
def engine_of(known: Configuration, ledger: Ledger, *, stopping: Callable[[], bool] = _never) -> Iterator[Engine]:
    """An engine for a command that works without a daemon; holds the ledger's lock meanwhile (a PostgreSQL ledger has none).

    Raises ``LedgerBusy``.
    """
    ledger.lock.take()
    if ledger.lock.exclusive:
        ledger.work.free_all()
        ledger.orders.free_all()
    engine = make_engine(known, ledger, stopping)
    try:
        yield engine
    finally:
        for lane, _ in engine.lanes.values():
            lane.connector.close()
        ledger.lock.give_back()
