"""The daemon: ledger, engine, doors, feeds and clockwork, started and stopped in the right order."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from bridge.engine.dispatcher import Dispatcher
from bridge.engine.lane import WorkLane
from bridge.engine.reconciler import Reconciler
from bridge.engine.resync import Resync
from bridge.engine.schedule import RetrySchedule
from bridge.jobs.orders import OrderJob
from bridge.jobs.poll import PollJob
from bridge.ledger import Ledger
from bridge.settings import Configuration
from bridge.web.app import make_app
from bridge.web.server import WebServer
from bridge.wiring import doors_of, feeds_of, health_of, lanes_of

log = structlog.get_logger(__name__)

ORDERS_EVERY = 0.5
"""Seconds between looks at orders that commands wrote."""


@dataclass(frozen=True)
class Engine:
    """The lanes with their reconcilers, and what carries out orders on them."""

    lanes: Mapping[str, tuple[WorkLane, Reconciler]]
    orders: OrderJob


def make_engine(known: Configuration, ledger: Ledger, dispatcher_stops: list[Dispatcher]) -> Engine:
    """An engine that stops between two steps once the dispatcher in ``dispatcher_stops`` stops."""
    rules = known.settings.engine
    schedule = RetrySchedule(rules.retry_waits, rules.retry_jitter, rules.retry_tries)

    def stopping() -> bool:
        return any(dispatcher.stopping for dispatcher in dispatcher_stops)

    lanes = {
        name: (lane, Reconciler(ledger, lane, known.settings.policy, schedule=schedule, stopping=stopping))
        for name, lane in lanes_of(known, ledger).items()
    }
    ledger.lanes.ensure(lanes)
    resync = Resync(ledger, lanes, lease=timedelta(seconds=rules.lease))
    return Engine(lanes, OrderJob(ledger, resync))


@contextmanager
def engine_of(known: Configuration, ledger: Ledger) -> Iterator[Engine]:
    """An engine for a command that works without a daemon; holds the ledger's lock meanwhile. Raises ``LedgerBusy``."""
    ledger.lock.take()
    engine = make_engine(known, ledger, [])
    try:
        yield engine
    finally:
        for lane, _ in engine.lanes.values():
            lane.connector.close()
        ledger.lock.give_back()


class Daemon:
    """The whole of it. ``start`` refuses (``LedgerBusy``) where another daemon holds the ledger."""

    def __init__(self, known: Configuration) -> None:
        self._known = known
        settings = known.settings
        self.ledger = Ledger(settings.ledger.url)
        self._dispatchers: list[Dispatcher] = []
        self._engine: Engine | None = None
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        self._web: WebServer | None = None

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return self._web.url if self._web else ""

    def start(self) -> None:
        """Lock, migrate, then work; the doors open last, when all that they need is there."""
        self.ledger.lock.take()
        self.ledger.upgrade()
        settings = self._known.settings
        self._engine = make_engine(self._known, self.ledger, self._dispatchers)
        dispatcher = Dispatcher(
            self.ledger,
            self._engine.lanes,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            lease=timedelta(seconds=settings.engine.lease),
            backstop=timedelta(seconds=settings.engine.backstop),
        )
        self._dispatchers.append(dispatcher)
        dispatcher.start()
        self._start_clockwork(self._engine, dispatcher)
        doors = doors_of(self._known, self.ledger, taken=dispatcher.wake)
        app = make_app(doors, health_of(self._known, self.ledger))
        self._web = WebServer(app, settings.web.host, settings.web.port)
        self._web.start()

    def _start_clockwork(self, engine: Engine, dispatcher: Dispatcher) -> None:
        self._scheduler.add_job(engine.orders.run, "interval", seconds=ORDERS_EVERY, id="orders")
        for name, feed in feeds_of(self._known).items():
            job = PollJob(name, feed, self.ledger, self._known.settings.lane, taken=dispatcher.wake)
            every = feed.settings.interval_seconds
            self._scheduler.add_job(job.run, "interval", seconds=every, id=f"poll {name}")
        self._scheduler.start()

    def stop(self) -> None:
        """Close the doors, let the step in hand end, give everything back."""
        if self._web is not None:
            self._web.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        for dispatcher in self._dispatchers:
            dispatcher.stop()
        if self._engine is not None:
            for lane, _ in self._engine.lanes.values():
                lane.connector.close()
        self.ledger.close()
