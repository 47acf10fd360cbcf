"""Many requests: wakes on every commit and at every due time, and gives each lane as many workers as its cap allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from bridge.domain.parking import advice_for
from bridge.engine.lane import WorkLane
from bridge.engine.reconciler import Reconciler
from bridge.ledger import Claimed, LeaseLost, Ledger, LedgerBusy, Parked, State, Terms, Verdict

log = structlog.get_logger(__name__)

BREATH = 0.1
"""Seconds between two looks at all lanes, however often they are asked for; news of a lane goes straight to its crew."""


NOTICED = timedelta(minutes=1)
"""By how much a clock must be set back before it is told; less does no harm."""

FALLS_DUE = frozenset({State.DUE, State.WAITING, State.PARKED})
"""States in which the clock may bring a request to work."""


@dataclass
class Crew:
    """The workers of one lane.

    ``knocked``: work was announced while nobody was free; who ends next looks again. ``blocked``: a worker found nothing to claim while
    others worked, maybe since one of them holds the other side of a conversation; who ends such work looks again.
    """

    lane: WorkLane
    reconciler: Reconciler
    pool: ThreadPoolExecutor
    running: int = 0
    knocked: bool = False
    probing: bool = False
    blocked: bool = False
    guard: threading.Lock = field(default_factory=threading.Lock)


class Spare:
    """A worker of a lane who is kept free for what is about to be taken in."""

    def __init__(self, lane: str, terms: Terms, begin: Callable[[Claimed], None]) -> None:
        self.lane = lane
        self.terms = terms
        self.begun = False
        self._begin = begin

    def begin(self, held: Claimed) -> None:
        """Work on it."""
        self.begun = True
        self._begin(held)


class Dispatcher:
    """Claims due requests for their lanes' workers. ``backstop`` is how long it sleeps when nothing wakes it; ``ticks`` are seconds of a
    clock that nobody sets, and ``set_back`` is called where the other one was.

    Who takes a change in names its lane: a worker of that lane claims at once, without a look at the others. The looks at all lanes find
    what falls due by the clock, what another process left, and lanes whose probe has come.
    """

    def __init__(
        self,
        ledger: Ledger,
        lanes: Mapping[str, tuple[WorkLane, Reconciler]],
        *,
        owner: str,
        lease: timedelta = timedelta(seconds=60),
        backstop: timedelta = timedelta(seconds=5),
        ticks: Callable[[], float] = time.monotonic,
        set_back: Callable[[], object] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._owner = owner
        self._lease = lease
        self._backstop = backstop
        self._crews = {
            name: Crew(lane, reconciler, ThreadPoolExecutor(lane.rules.cap, thread_name_prefix=f"lane-{name}"))
            for name, (lane, reconciler) in lanes.items()
        }
        self._ticks = ticks
        self._set_back = set_back
        now = ledger.clock()
        self._time = (max(now, ledger.waits.last_reckoned() or now), ticks())
        self._woken = threading.Event()
        self._stop = threading.Event()
        self._idle = threading.Event()
        self._held: dict[tuple[int, int], Claimed] = {}
        self._looked = time.monotonic()
        self._in_vain = False
        self._threads = (
            threading.Thread(target=self._watch, name="dispatcher", daemon=True),
            threading.Thread(target=self._keep_leases, name="leases", daemon=True),
        )

    @property
    def stopping(self) -> bool:
        """Whether the step in hand is the last."""
        return self._stop.is_set()

    def silent_for(self) -> float:
        """Seconds since it last looked for work; more than ``backstop`` and one look mean that it hangs."""
        return time.monotonic() - self._looked

    def start(self) -> None:
        """Begin; where the ledger's lock says that nobody else lives, leases, orders and probes of a predecessor are freed at once."""
        self._ledger.lanes.ensure(self._crews)
        if self._ledger.lock.exclusive:
            if freed := self._ledger.work.free_all():
                log.info("leases.freed", requests=freed)
            self._ledger.orders.free_all()
            self._ledger.lanes.probe_now()
        for thread in self._threads:
            thread.start()

    def wake(self, *lanes: str) -> None:
        """There is work in these lanes; in any, where none is named."""
        for crew in (self._crews[lane] for lane in lanes if lane in self._crews):
            self._staff(crew)
        if not lanes:
            self._woken.set()

    @contextmanager
    def spare(self, lane: str) -> Iterator[Spare | None]:
        """Keep a worker of this lane free meanwhile; ``None`` where all of them and one more have something to do."""
        crew = self._crews.get(lane)
        if crew is None or not self._engaged(crew):
            yield None
            return
        spare = Spare(lane, Terms(self._owner, self._lease, crew.lane.rules.cap), partial(self._begin, crew))
        try:
            yield spare
        finally:
            if not spare.begun:
                self._unblocked(crew)
                self._let_go(crew)

    def stop(self) -> None:
        """Let the steps in hand end, then stop; requests in work are given back due."""
        self._stop.set()
        self._woken.set()
        for crew in self._crews.values():
            with crew.guard:
                crew.pool.shutdown(wait=False)
            crew.pool.shutdown(wait=True)
        self._idle.set()
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._woken.clear()
            self._looked = time.monotonic()
            try:
                wait = self.dispatch(self._staff)
            except LedgerBusy as problem:
                log.critical("ledger.busy", why=str(problem))
                wait = self._backstop
            if self._woken.wait(wait.total_seconds()):
                self._stop.wait(max(0.0, self._looked + BREATH - time.monotonic()))

    def dispatch(self, give_work: Callable[[Crew], None]) -> timedelta:
        """Give every open lane with due work its workers, probe closed ones whose time has come; answers how long to sleep.

        A lane that staff paused is left alone until the pause ends.
        """
        self._in_vain = False
        self._keep_time()
        now = self._ledger.clock()
        starts = [crew.lane.keep_windows() for crew in self._crews.values()]
        lanes = self._ledger.lanes.all()
        held = {lane.name: lane.held_until for lane in lanes if lane.held_until}
        closed = {lane.name: lane.paused_until for lane in lanes if lane.paused_until and lane.name not in held}
        wakings = [now + self._backstop, *held.values(), *filter(None, starts)]
        for name, until in closed.items():
            if name in self._crews and not self._probed(self._crews[name], until, now):
                wakings.append(until)
        for name, due in self._ledger.work.due_lanes():
            if name in closed or name in held or name not in self._crews:
                continue
            if due <= now:
                give_work(self._crews[name])
            else:
                wakings.append(due)
        return max(min(wakings) - now, timedelta(0))

    def _keep_time(self) -> None:
        """A clock that was set back, also while no daemon ran, must not make longer what is waited for: all waits were reckoned by the one
        before.
        """
        now, ticks = self._ledger.clock(), self._ticks()
        then, before = self._time
        back = timedelta(seconds=ticks - before) - (now - then)
        if back > NOTICED:
            moved = self._ledger.waits.bring_forward(back, lease=self._lease)
            self._set_back()
            log.warning("clock.set_back", seconds=round(back.total_seconds()), waits=moved)
        self._time = (now, ticks)

    def _probed(self, crew: Crew, until: datetime, now: datetime) -> bool:
        if until > now:
            return False
        if not crew.probing:
            self._submit(crew, self._probe)
        return True

    def _staff(self, crew: Crew) -> None:
        self._submit(crew, self._drain)

    def _submit(self, crew: Crew, task: Callable[[Crew], None]) -> None:
        with crew.guard:
            if self._stop.is_set():
                return
            if crew.running >= crew.lane.rules.cap:
                crew.knocked = True
                return
            crew.running += 1
            crew.pool.submit(self._counted, crew, task).add_done_callback(_report)

    def _engaged(self, crew: Crew) -> bool:
        """One more than there are workers: who has just given a request back is counted until he looks up. The cap is kept by the ledger,
        which counts leases when it claims.
        """
        with crew.guard:
            free = not self._stop.is_set() and crew.running <= crew.lane.rules.cap
            crew.running += free
        return free

    def _begin(self, crew: Crew, held: Claimed) -> None:
        """What a spare worker claimed; one who comes too late gives it back as it was."""
        with crew.guard:
            if not self._stop.is_set():
                task = partial(self._drain, held=held)
                crew.pool.submit(self._counted, crew, task).add_done_callback(_report)
                return
        self._let_go(crew)
        self._ledger.work.give_back(held)

    def _counted(self, crew: Crew, task: Callable[[Crew], None]) -> None:
        try:
            task(crew)
        except LedgerBusy as problem:
            log.critical("ledger.busy", why=str(problem), lane=crew.lane.name)
        finally:
            self._let_go(crew)

    def _let_go(self, crew: Crew) -> None:
        with crew.guard:
            crew.running -= 1
            again, crew.knocked = crew.knocked, False
        if again:
            self._staff(crew)

    def _probe(self, crew: Crew) -> None:
        crew.probing = True
        try:
            crew.lane.probe_if_due()
        finally:
            crew.probing = False
        self.wake()

    def _drain(self, crew: Crew, held: Claimed | None = None) -> None:
        """Work while something is known to be due; a claim that leaves more calls one more worker, as long as the cap allows.

        ``held`` was claimed before.
        """
        worked = False
        falls_due = False
        more = True
        while more and (held is not None or not self._stop.is_set()):
            held = held or self._claim(crew.lane)
            if held is None:
                self._blocked(crew)
                break
            if held.more:
                self._staff(crew)
            state = self.work_on(held, crew.reconciler)
            falls_due = falls_due or state in FALLS_DUE
            worked, more, held = True, held.more, None
        if worked:
            self._unblocked(crew)
        if falls_due or self._in_vain:
            self.wake()

    def _blocked(self, crew: Crew) -> None:
        with crew.guard:
            crew.blocked = crew.running > 1
            self._in_vain = self._in_vain or not crew.blocked

    @staticmethod
    def _unblocked(crew: Crew) -> None:
        with crew.guard:
            crew.knocked = crew.knocked or crew.blocked
            crew.blocked = False

    def _claim(self, lane: WorkLane) -> Claimed | None:
        return self._ledger.work.claim(lane.name, owner=self._owner, lease=self._lease, cap=lane.rules.cap)

    def work_on(self, held: Claimed, reconciler: Reconciler) -> State:
        """Work on a claimed request, and give it back whatever happens; answers how it stands."""
        if not held.row.readable:
            self._ledger.work.set_aside(held)
            return State.PARKED
        lease = (held.row.id, held.fence)
        self._held[lease] = held
        faulty = True
        state = State.DUE
        try:
            state = reconciler.work(held)
            faulty = False
        except LeaseLost as lost:
            faulty = False
            log.warning("lease.lost", why=str(lost))
        except LedgerBusy:
            faulty = False
            raise
        finally:
            del self._held[lease]
            if faulty:
                self._ledger.work.release(held, _fault(held), version=held.row.version)
        return state

    def _keep_leases(self) -> None:
        """Until the last worker has ended: the step in hand may be long when the daemon stops."""
        while not self._idle.wait(self._lease.total_seconds() / 3):
            for held in tuple(self._held.values()):
                try:
                    self._ledger.work.extend(held, lease=self._lease)
                except (LeaseLost, LedgerBusy) as problem:
                    log.warning("lease.not_extended", request=held.row.name, why=str(problem))


def _fault(held: Claimed) -> Verdict:
    """A request on which the bridge itself fails is parked, since it would fail again at once."""
    parked = Parked("", "fault", "The bridge itself failed on this request.", advice_for("fault", "", held.row.name))
    return Verdict(State.PARKED, held.row.status, parked=parked)


def _report(done: Future[None]) -> None:
    """A fault of ours must not stay unseen."""
    fault = done.exception()
    if fault is not None:
        log.error("worker.failed", exc_info=fault)
