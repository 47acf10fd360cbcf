"""Crashes: a connector driven by the real engine over its stand-in, cut off at every point and taken up again by the next life.

A play is played once undisturbed; then again for each point of it, under another request number, with one life that ends there. After each
act the stand-in must hold what it held in the undisturbed play, no write may have been done twice that is not the same twice, and the
history must say what happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest

from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, Role, mark_for
from bridge.engine.boundary import Boundary
from bridge.ledger import State
from tests.contract.bench import ContractBench, Spoilt
from tests.contract.lives import ANSWERED, BEFORE, Bridge, Life, Point, Watch
from tests.contract.matrix import Matrix
from tests.contract.plays import CAN, PLAYS, Act, Play, barcode_of, can, new_barcode_of, perform, policy_of

LOOKED_UP = "was cut off before; it was looked up in the ILS"
UNCLEAR = "ended unclearly"
IN_HAND = frozenset({Boundary.STARTED, Boundary.CALL_SENT, BEFORE, ANSWERED, Boundary.CALL_DONE})
NEVER_PLANNED = frozenset({Verb.FIND_ITEM})
"""Items are found by the verbs that need them."""


@dataclass(frozen=True)
class Standing:
    """What the stand-in holds of one request, under the barcodes it may have, and of the own item."""

    items: tuple[int, ...]
    bibs: int
    holds: tuple[int, ...]
    loans: tuple[str, ...]
    dues: tuple[str, ...]
    orphans: int


def standing(bench: ContractBench, role: Role, number: str) -> Standing:
    barcodes = (barcode_of(number), new_barcode_of(number), bench.own_barcode)
    mark = mark_for("test", RequestKey("main", "svc", role, "REQ", number), "", "")
    loans = tuple(bench.loan_of(barcode) for barcode in barcodes)
    return Standing(
        items=tuple(bench.items_with_barcode(barcode) for barcode in barcodes),
        bibs=bench.bibs_with_mark(mark),
        holds=tuple(bench.holds_on(barcode) for barcode in barcodes),
        loans=loans,
        dues=tuple(bench.due_of(barcode) if loan else "" for barcode, loan in zip(barcodes, loans, strict=True)),
        orphans=bench.orphans(),
    )


@dataclass(frozen=True)
class After:
    """How an act ended."""

    state: State
    standing: Standing
    writes: Counter[str]
    fees: int
    lines: tuple[str, ...]
    steps: Counter[str]
    open_steps: tuple[str, ...]


@dataclass
class Calm:
    """An act played undisturbed: how it ended, and the points it passed."""

    after: After
    points: list[Point]


@dataclass
class Stage:
    """One bridge on which a play is played again and again."""

    bridge: Bridge
    play: Play
    numbers: Iterator[int] = field(default_factory=lambda: count(1001))

    @property
    def bench(self) -> ContractBench:
        return self.bridge.bench

    def run(self, act: Act, number: str, watch: Watch | None = None) -> After:
        """Play one act and wait until the request rests."""
        bench = self.bench
        before, fees = bench.writes(), self._fees()
        request_id = perform(act, self.bridge, self.play.role, number)
        said = len(self.bridge.history(request_id))
        state = self.bridge.settle(request_id, watch)
        lines = self.bridge.history(request_id)[said:]
        journal = self.bridge.life.ledger.requests.journal(request_id)
        return After(
            state=state,
            standing=standing(bench, self.play.role, number),
            writes=bench.writes() - before,
            fees=self._fees() - fees,
            lines=tuple(line.line for line in lines),
            steps=Counter(line.step for line in lines if line.step and LOOKED_UP not in line.line),
            open_steps=tuple(line.key for line in journal if line.finished_at is None),
        )

    def _fees(self) -> int:
        return self.bench.fees_of(self.bench.patron) + self.bench.fees_of(self.bench.other_patron)

    def calm(self) -> list[Calm]:
        """The whole play, undisturbed."""
        number, acts = str(next(self.numbers)), []
        for act in self.play.acts:
            points: list[Point] = []
            acts.append(Calm(self.run(act, number, Watch(seen=points)), _named(points)))
        return acts

    def disturbed(self, calm: list[Calm], at: int, watch: Watch) -> list[After]:
        """The whole play with this watch in the act numbered ``at``."""
        number = str(next(self.numbers))
        return [
            self.run(act, number, watch if index == at else None)
            for index, (act, _) in enumerate(zip(self.play.acts, calm, strict=True))
        ]


def _named(points: list[Point]) -> list[Point]:
    """A claim and a release belong to all verbs of their sitting."""
    verbs = tuple(dict.fromkeys(verb for point in points for verb in point.verbs))
    around = {Boundary.CLAIMED.value, Boundary.RELEASED.value}
    return [Point(point.what, verbs, point.exchange, point.writes) if point.what in around else point for point in points]


@contextmanager
def staged(bench: ContractBench, url: str, name: str) -> Iterator[Stage]:
    play = PLAYS[name]
    if not can(bench.connector, *play.needs):
        pytest.skip(f"this ILS cannot {', '.join(play.needs)} itself")
    bridge = Bridge(url, bench, policy_of(bench, play))
    try:
        yield Stage(bridge, play)
    finally:
        bridge.close()


def faults(bench: ContractBench, calm: After, found: After, *, cut: Point | None) -> list[str]:
    """What is not as in the undisturbed play."""
    wrong = []
    if found.state is not calm.state:
        wrong.append(f"it is {found.state}, not {calm.state}")
    if found.standing != calm.standing:
        wrong.append(f"the ILS holds {found.standing}, not {calm.standing}")
    if found.fees != calm.fees:
        wrong.append(f"{found.fees} fees were charged, not {calm.fees}")
    if found.open_steps:
        wrong.append(f"steps without an end: {found.open_steps}")
    for name, times in found.writes.items():
        if times > calm.writes[name] + bench.same_twice(name):
            wrong.append(f"{name} was done {times} times, not {calm.writes[name]}")
    wrong += [f"{step} is told twice" for step in found.steps if found.steps[step] > calm.steps[step]]
    looked = sum(LOOKED_UP in line for line in found.lines)
    silent = cut is None or cut.what not in IN_HAND or Verb.FIND_PATRON in cut.verbs
    if looked != (0 if silent else 1):
        wrong.append(f"the history tells {looked} looks")
    return wrong


def kill(stage: Stage, matrix: Matrix, wanted: Callable[[Point], bool]) -> list[str]:
    """End a life at each wanted point of each act; answers what went wrong."""
    failures = []
    calm = stage.calm()
    for at, act in enumerate(stage.play.acts):
        for number, point in enumerate(calm[at].points, start=1):
            if not act.cut or not wanted(point):
                continue
            found = stage.disturbed(calm, at, Watch(cut=number))
            wrong = faults(stage.bench, calm[at].after, found[at], cut=point)
            for later in range(at + 1, len(calm)):
                wrong += [f"later: {what}" for what in faults(stage.bench, calm[later].after, found[later], cut=None)]
            matrix.count(stage.play.role, point, ok=not wrong)
            failures += [f"{act.name}, {point}: {what}; {found[at].lines}" for what in wrong]
    return failures


def at_boundaries(point: Point) -> bool:
    """The named boundaries, and the meanest place of all: a write was done, and its answer not read."""
    return point.what not in {BEFORE, ANSWERED} or (point.what == ANSWERED and point.writes)


class CrashContract:
    """What every connector keeps, with the engine, when it is cut off."""

    @pytest.mark.parametrize("play", PLAYS)
    def test_a_life_may_end_at_every_boundary(
        self, bench: ContractBench, ledger_url: str, play: str, matrix: Matrix
    ) -> None:
        with staged(bench, ledger_url, play) as stage:
            failures = kill(stage, matrix, at_boundaries)
        assert not failures, "\n".join(failures)
