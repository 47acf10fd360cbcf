"""The daemon: ledger, engine, doors, feeds and clockwork, started and stopped in the right order."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bridge import __version__, notify
from bridge.conversing import Conversations
from bridge.domain.policy import Mode
from bridge.engine.dispatcher import Dispatcher
from bridge.engine.drill import GOING_ON, close_drills
from bridge.engine.parking import look_at_stopped
from bridge.engines import Engine, make_engine
from bridge.jobs.accounts import AccountJob
from bridge.jobs.aging import AgingJob, closing
from bridge.jobs.alerts import AlertJob
from bridge.jobs.audit import AuditJob
from bridge.jobs.clockwork import run_now, tell_faults
from bridge.jobs.looks import LookJob, aligning
from bridge.jobs.notes import NoteJob
from bridge.jobs.poll import PollJob, poll_each
from bridge.jobs.pulse import Pulse
from bridge.jobs.retention import Retention, RetentionJob
from bridge.jobs.steady import Steady
from bridge.ledger.memory import RunFile
from bridge.logging import tell_poll
from bridge.metrics import LedgerGauges, Metrics
from bridge.settings import Configuration
from bridge.web.access import open_to_others
from bridge.web.readiness import health_of
from bridge.web.servers import WebServers
from bridge.wiring import (
    both,
    channels_of,
    conversations_of,
    doors_of,
    feeds_of,
    ledger_of,
    loan_doors_of,
    note_channels_of,
    run_file,
)

log = structlog.get_logger(__name__)

LATE_AND_ONCE = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
"""What could not be done at its time is done as soon as it can, not left out."""
ORDERS_EVERY = 0.5
"""Seconds between looks at orders that commands wrote."""
REMEMBER_EVERY = 5
"""Seconds between notes of how far the ledger has come."""
TELL_EVERY = 5
"""Seconds between words that this daemon lives, where no lock on a file says it."""
ACCOUNTS_EVERY = 300
"""Seconds between looks which ILL accounts are to be asked about."""
AUDIT_EVERY = 60
"""Seconds between looks whether the audit has something to do; its pace is told by the minute."""
AUDITS_AT_ONCE = 2
"""Lanes that are audited at the same time."""
AGING_EVERY = 3600
"""Seconds between looks which requests have grown old."""
NOTES_EVERY = 10
"""Seconds between looks whether services are to be told something."""
NOTES_AT_ONCE = 4
"""Services that are told at the same time."""
CATCH_UP_EVERY = 30
"""Seconds between looks at what relays forwarded and the ledger did not take, and at what waited for a request."""
LOOKS_EVERY = 60
"""Seconds between looks which loans are to be looked at."""
DRILLS_EVERY = 60
"""Seconds between looks for drills that were cut off while the daemon ran."""

RETENTION_EVERY = 60
"""Seconds between looks whether the day's removal of patrons and titles is due."""
RETENTION_WAITS = timedelta(seconds=10)
"""After the start, so that the work on requests begins first."""


class Daemon:
    """The whole of it. ``start`` refuses (``LedgerBusy``) where another daemon holds the ledger."""

    def __init__(self, known: Configuration) -> None:
        self._known = known
        settings = known.settings
        self.ledger = ledger_of(known)
        self.metrics = Metrics()
        self.ledger.database.refused = self.metrics.ledger_refused
        self._stopping = threading.Event()
        self._dispatcher: Dispatcher | None = None
        self._engine: Engine | None = None
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults=LATE_AND_ONCE)
        tell_faults(self._scheduler)
        self._web: WebServers | None = None
        self._conversations: dict[str, Conversations] = {}
        self._run_file = RunFile(self.ledger, run_file(settings))
        self._alerts: AlertJob | None = None
        self._notes: tuple[NoteJob, ...] = ()
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return self._web.url if self._web else ""

    @property
    def health_url(self) -> str:
        """Where `/healthz` and `/readyz` are asked."""
        return self._web.health_url if self._web else ""

    @property
    def metrics_url(self) -> str:
        """Where `/metrics` is read."""
        return self._web.metrics_url if self._web else ""

    def start(self) -> None:
        """Lock, migrate, then work; the doors open last, when all that they need is there."""
        self.ledger.lock.take()
        before = self.ledger.upgrade()
        if before.newer:
            log.warning("ledger.newer_schema", schema=before.stands, release=before.head)
        settings = self._known.settings
        self._engine = make_engine(self._known, self.ledger, self._stopping.is_set, self.metrics, live_first=True)
        dispatcher = Dispatcher(
            self.ledger,
            self._engine.lanes,
            owner=self._owner,
            lease=timedelta(seconds=settings.engine.lease),
            backstop=timedelta(seconds=settings.engine.backstop),
            set_back=partial(run_now, self._scheduler),
        )
        polls = self._polls(dispatcher)
        self._caution(polls)
        dispatcher.start()
        self._dispatcher = dispatcher
        self._start_clockwork(self._engine, polls)
        self._start_looks(dispatcher)
        self._start_aging()
        self._beat(dispatcher)
        self._open_doors(dispatcher)

    def _open_doors(self, dispatcher: Dispatcher) -> None:
        self.metrics.begin(
            version=__version__,
            database="sqlite" if self.ledger.database.sqlite else "postgresql",
            sources=self._known.sources,
            gauges=LedgerGauges(self.ledger.figures.seen, self._known),
        )
        doors = doors_of(self._known, self.ledger, taken=dispatcher.wake, spare=dispatcher.spare, metrics=self.metrics)
        loans = loan_doors_of(self._known, self.ledger, taken=dispatcher.wake)
        readiness = health_of(self._known, self.ledger)
        web = self._known.settings.web
        self._conversations = conversations_of(
            self._known, self.ledger, taken=dispatcher.wake, spare=dispatcher.spare, metrics=self.metrics
        )
        self._web = WebServers(web, doors, readiness, self.metrics.exposition, loans, self._conversations)
        for name, door in self._conversations.items():
            caught_up = Steady(f"conversations {name}", door.catch_up).run
            self._scheduler.add_job(caught_up, "interval", seconds=CATCH_UP_EVERY, id=f"conversations {name}")
        for said in open_to_others(web):
            log.warning("web.open_to_others", why=said)
        self._web.start()

    def _polls(self, dispatcher: Dispatcher) -> tuple[tuple[PollJob, float], ...]:
        """A poll for each feed, and the seconds between two of them."""
        return tuple(
            (
                PollJob(
                    name,
                    feed,
                    self.ledger,
                    self._known.settings.lane,
                    taken=dispatcher.wake,
                    received=self.metrics.received,
                    stopping=self._stopping.is_set,
                ),
                feed.settings.interval_seconds,
            )
            for name, feed in feeds_of(self._known, tell=both(self.metrics.poll, tell_poll), ledger=self.ledger).items()
        )

    def _caution(self, polls: Sequence[tuple[PollJob, float]]) -> None:
        """Before anything is written: a restored ledger first hears what the feeds have to say, and looks everything up (rule 12)."""
        settings = self._known.settings
        wanted = settings.engine.verify_on_start
        restored = self._run_file.older()
        if wanted == "always" or (wanted == "restored" and restored):
            poll_each([poll for poll, _ in polls])
            found = self.ledger.work.look_afresh()
            log.warning("ledger.verified_afresh", requests=found, restored=restored)
        live = [name for name, library in settings.libraries.items() if library.mode is Mode.LIVE]
        if taken := self.ledger.work.take_up(live):
            log.info("observed.taken_up", requests=taken)
        stopped = look_at_stopped(self.ledger, settings.policy, settings.nights, libraries=settings.libraries)
        if stopped.planned_anew:
            log.info("parked.planned_anew", requests=stopped.planned_anew)
        close_drills(self.ledger, settings.lane)

    def _start_clockwork(self, engine: Engine, polls: Sequence[tuple[PollJob, float]]) -> None:
        of_the_ledger: tuple[tuple[str, Callable[[], object], float], ...] = (
            ("orders", engine.orders.run, ORDERS_EVERY),
            ("run file", self._run_file.remember, REMEMBER_EVERY),
            ("drills", self._end_drills, DRILLS_EVERY),
        )
        retention = self._retention()
        self._scheduler.add_job(
            Steady("retention", retention.run).run,
            "interval",
            seconds=RETENTION_EVERY,
            id="retention",
            next_run_time=self.ledger.clock() + RETENTION_WAITS,
        )
        if not self.ledger.lock.exclusive:
            of_the_ledger = (*of_the_ledger, ("presence", partial(self.ledger.presence.tell, self._owner), TELL_EVERY))
            self.ledger.presence.tell(self._owner)
        for name, job, every in of_the_ledger:
            self._scheduler.add_job(Steady(name, job).run, "interval", seconds=every, id=name)
        self._start_polls(polls)
        self._start_audit(engine)
        self._start_notes()
        if self._known.settings.alerts.on:
            self._start_alerts(engine)
        self._scheduler.start()

    def _start_polls(self, polls: Sequence[tuple[PollJob, float]]) -> None:
        """On a thread each: a service that does not answer must hold up neither another one nor what else goes by the clock."""
        if polls:
            self._scheduler.add_executor(ThreadPoolExecutor(len(polls)), "polls")
        for poll, every in polls:
            self._scheduler.add_job(poll.run, "interval", seconds=every, id=f"poll {poll.name}", executor="polls")

    def _retention(self) -> RetentionJob:
        rules = self._known.settings.privacy
        stopping, rest = self._stopping.is_set, self._stopping.wait
        return RetentionJob(rules, self.ledger, Retention(rules, self.ledger, stopping=stopping, rest=rest))

    def _start_audit(self, engine: Engine) -> None:
        """On threads of its own: a slow ILS must not hold up what else goes by the clock."""
        lanes = {name: lane for name, (lane, _) in engine.lanes.items()}
        job = AuditJob(self._known, self.ledger, engine.steering, lanes, stopping=self._stopping.is_set)
        self._scheduler.add_executor(ThreadPoolExecutor(AUDITS_AT_ONCE), "audit")
        work: dict[str, Callable[[], object]] = {f"audit {name}": partial(job.run, name) for name in lanes}
        for name, each in {**work, "audit accounts": job.look_after}.items():
            self._scheduler.add_job(Steady(name, each).run, "interval", seconds=AUDIT_EVERY, id=name, executor="audit")

    def _start_notes(self) -> None:
        """On threads of its own: a service that does not answer must not hold up what else goes by the clock."""
        channels = note_channels_of(self._known)
        self._notes = tuple(
            NoteJob(
                name,
                channel,
                self.ledger,
                give_up_after=patience,
                stopping=self._stopping.is_set,
                count=self.metrics.noted,
            )
            for name, (channel, patience) in channels.items()
        )
        if not self._notes:
            return
        self._scheduler.add_executor(ThreadPoolExecutor(NOTES_AT_ONCE), "notes")
        for name, job in zip(channels, self._notes, strict=True):
            told = Steady(f"notes {name}", job.run).run
            self._scheduler.add_job(told, "interval", seconds=NOTES_EVERY, id=f"notes {name}", executor="notes")

    def _start_looks(self, dispatcher: Dispatcher) -> None:
        """Looks whether the desk has lent what was received, where a library aligns due dates."""
        settings = self._known.settings
        looks = LookJob(settings, self.ledger, wake=dispatcher.wake)
        looks.take_up()
        if aligning(settings):
            self._scheduler.add_job(Steady("looks", looks.run).run, "interval", seconds=LOOKS_EVERY, id="looks")

    def _start_aging(self) -> None:
        """What has grown old is closed, where a library wants that."""
        if closing(self._known.settings):
            aging = AgingJob(self._known.settings, self.ledger, stopping=self._stopping.is_set)
            now = self.ledger.clock()
            self._scheduler.add_job(
                Steady("aging", aging.run).run, "interval", seconds=AGING_EVERY, id="aging", next_run_time=now
            )

    def _end_drills(self) -> None:
        """What they made is removed; the dispatcher's backstop finds the work."""
        close_drills(self.ledger, self._known.settings.lane, idle=GOING_ON)

    def _beat(self, dispatcher: Dispatcher) -> None:
        """Where systemd watches, tell it thrice in its interval that work goes on."""
        if seconds := notify.watchdog_seconds():
            pulse = Pulse(dispatcher.silent_for, seconds + self._known.settings.engine.backstop)
            self._scheduler.add_job(pulse.run, "interval", seconds=seconds / 3, id="pulse")

    def _start_alerts(self, engine: Engine) -> None:
        """Digest and alerts, where a channel is configured; ILL accounts are asked about for their sake only."""
        stopping = self._stopping.is_set
        self._alerts = AlertJob(self._known, self.ledger, channels_of(self._known), stopping=stopping)
        lanes = {name: lane for name, (lane, _) in engine.lanes.items()}
        accounts = AccountJob(self._known.settings, self.ledger, lanes, stopping=stopping)
        every = self._known.settings.alerts.look_seconds
        now = self.ledger.clock()
        self._scheduler.add_job(accounts.run, "interval", seconds=ACCOUNTS_EVERY, id="accounts", next_run_time=now)
        self._scheduler.add_job(self._alerts.run, "interval", seconds=every, id="alerts")

    def stop(self) -> None:
        """Close the doors, let the step in hand end, give everything back."""
        self._stopping.set()
        if self._web is not None:
            self._web.stop()
        for conversation in self._conversations.values():
            conversation.close()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        if self._alerts is not None:
            self._alerts.close()
        for notes in self._notes:
            notes.close()
        if self._dispatcher is not None:
            self._dispatcher.stop()
        if self._engine is not None:
            for lane, _ in self._engine.lanes.values():
                lane.connector.close()
        if self._engine is not None:
            Steady("run file", self._run_file.remember).run()
            Steady("presence", partial(self.ledger.presence.withdraw, self._owner)).run()
        self.ledger.close()
