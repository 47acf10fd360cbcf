"""The bridge over a connector and its stand-in, in lives: one may be cut off at any point, and the next takes the work up.

A life is what a daemon is between its start and its end: its own ledger, lane, reconciler and connector. A dead one does nothing any
more: it writes nothing into the ledger and sends nothing, whatever its code would still do on its way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import NoReturn

from bridge.domain.arrival import Arrival
from bridge.domain.change import GONE_BACK, Change, Closure, Condition, Edits, Phase, Stamp
from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, Role
from bridge.domain.policy import Policy
from bridge.engine.boundary import Boundary
from bridge.engine.lane import LaneRules, WorkLane
from bridge.engine.reconciler import Reconciler
from bridge.engine.schedule import RetrySchedule
from bridge.http import Exchange
from bridge.ledger import Ledger, State
from bridge.ledger.model import HistoryLine
from tests.contract.bench import ContractBench
from tests.engine.pretend import Clock, Killed

LANE = "ils"
LEASE = timedelta(seconds=60)
BEFORE, ANSWERED = "before", "answered"
"""Around one exchange: about to be sent; done by the ILS and answered, but not read."""
OVERTAKEN = "overtaken"
"""The same, and another goal came before it was looked up."""


@dataclass(frozen=True)
class Point:
    """A point at which a life may end: a boundary, or either side of an exchange of the verb in hand.

    ``looked_up``: a step is in hand there, so that the next life looks it up in the ILS.
    """

    what: str
    verbs: tuple[Verb, ...] = ()
    exchange: str = ""
    writes: bool = False
    looked_up: bool = False

    def __str__(self) -> str:
        return f"{'+'.join(self.verbs)} {self.what} {self.exchange}".strip()


@dataclass
class Watch:
    """Counts the points passed and ends the life at the one numbered ``cut``, and the next one ``again`` points later.

    Describes all points where ``seen`` is a list, and in ``ended`` those at which lives ended. ``reborn`` happens when the next life
    begins, before it has done anything.
    """

    cut: int = 0
    again: int = 0
    passed: int = 0
    seen: list[Point] | None = None
    ended: list[Point] = field(default_factory=list)
    at_point: Callable[[Point], None] = lambda _: None
    reborn: Callable[[], object] = lambda: None


class Life:
    """One life of the bridge. ``watch`` may be exchanged between two sittings."""

    def __init__(self, url: str, bench: ContractBench, policy: Policy, clock: Clock) -> None:
        self.ledger = Ledger(url, clock=clock)
        self.ledger.lanes.ensure([LANE])
        self.lane = WorkLane(LANE, bench.connector, self.ledger, LaneRules(2, timedelta(seconds=60)))
        schedule = RetrySchedule(jitter=0.0, tries=6)
        self.reconciler = Reconciler(
            self.ledger, self.lane, lambda _: policy, schedule=schedule, passing=self._boundary
        )
        self.watch = Watch()
        self.dead = False
        self._bench = bench
        self._request = 0
        self._verb: tuple[Verb, ...] = ()
        self._calling = False
        bench.pace.before = self._before
        bench.heard.after = self._answered

    def sit(self) -> bool:
        """One sitting with whatever is due; answers whether there was anything. Raises ``Killed``."""
        held = self.ledger.work.claim(LANE, owner="test", lease=LEASE, cap=2)
        if held is None:
            return False
        self._request, self._verb = held.row.id, ()
        self.reconciler.work(held)
        return True

    def _boundary(self, boundary: Boundary) -> None:
        if boundary is Boundary.STARTED:
            pending = self.ledger.requests.one(self._request).pending
            self._verb = (pending.step.key.verb,) if pending else ()
        self._calling = boundary is Boundary.CALL_SENT
        self._pass(Point(boundary.value, self._verb))

    def _before(self) -> None:
        if self._calling or self.dead:
            self._pass(Point(BEFORE, self._verb))

    def _answered(self, exchange: Exchange) -> None:
        if self._calling or self.dead:
            name = f"{exchange.method} {exchange.template}"
            self._pass(Point(ANSWERED, self._verb, name, self._bench.changes(exchange)))

    def _pass(self, point: Point) -> None:
        if self.dead:
            raise Killed
        self.watch.passed += 1
        if self.watch.seen is not None:
            self.watch.seen.append(point)
        self.watch.at_point(point)
        if self.watch.passed in {self.watch.cut, self.watch.cut + self.watch.again}:
            self.watch.ended.append(point)
            self._die()

    def _die(self) -> NoReturn:
        self.dead = True
        self.ledger.database.write = _refuse  # type: ignore[method-assign]
        self.ledger.database.read = _refuse  # type: ignore[method-assign]
        raise Killed


def _refuse(*, relaxed: bool = False) -> NoReturn:
    raise Killed


@dataclass
class Bridge:
    """The bridge on one ledger, life after life, and the service that tells it of one request after another."""

    url: str
    bench: ContractBench
    policy: Policy
    clock: Clock = field(default_factory=Clock)
    _told: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.clock.now = self.bench.clock
        self.life = Life(self.url, self.bench, self.policy, self.clock)

    def close(self) -> None:
        """The end of the last life."""
        self.life.ledger.close()
        self.bench.pace.before = lambda: None
        self.bench.heard.after = lambda _: None

    def restart(self) -> None:
        """The next life: what the last one had in hand is free at once under the file's lock, else when its lease has run out."""
        self.life.ledger.close()
        self.bench.reconnect()
        self.life = Life(self.url, self.bench, self.policy, self.clock)
        if self.life.ledger.lock.exclusive:
            self.life.ledger.work.free_all()
        else:
            self.clock.now += LEASE

    def tell(self, role: Role, number: str, phase: Phase | None, raised: tuple[Condition, ...], edits: Edits) -> int:
        """The service tells something of a request; answers the request's id."""
        sequence = next(self._told)
        change = Change(
            key=f"{role}-{number}-{sequence}",
            request=RequestKey("main", "svc", role, "REQ", number),
            stamp=Stamp(sequence, self.clock.now, phase.rank if phase else 0, f"c{sequence}"),
            phase=phase,
            closure=Closure.RETURNED if phase in GONE_BACK else None,
            word=phase.value if phase else "",
            raised=raised,
            edits=edits,
        )
        arrival = Arrival(key=change.key, body="{}", changes=(change,))
        (receipt,) = self.life.ledger.inbox.take("hook", (arrival,), lambda _: LANE)
        return receipt.requests[0]

    def settle(self, request_id: int, watch: Watch | None = None) -> State:
        """Work until the request rests; what waits is waited for, a closed lane is probed, and a life that ends is followed by the next."""
        watch = watch or Watch()
        for _ in range(60):
            self.life.watch = watch
            try:
                if not self.life.sit():
                    state = self.life.ledger.requests.one(request_id).state
                    if state not in {State.WAITING, State.DUE}:
                        return state
                    self.clock.advance(hours=2)
                    self.life.lane.probe()
            except Killed:
                self.restart()
                watch.reborn()
        raise AssertionError("does not settle")

    def id_of(self, number: str) -> int:
        """The request's id."""
        return self.life.ledger.requests.find(number)[0].id

    def resync(self, request_id: int) -> None:
        """One sitting that reads the record afresh first."""
        held = self.life.ledger.work.claim_one(request_id, owner="test", lease=LEASE)
        assert held is not None
        self.life.reconciler.work(held, afresh=True)

    def history(self, request_id: int) -> tuple[HistoryLine, ...]:
        """What the history says."""
        return self.life.ledger.requests.history(request_id)
