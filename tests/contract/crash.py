"""Crashes: a connector driven by the real engine over its stand-in, cut off at every point and taken up again by the next life.

A play is played once undisturbed; then again for each point of it, under another request number, with one life that ends there. After each
act the stand-in must hold what it held in the undisturbed play, no write may have been done twice that is not the same twice, and the
history must say what happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import pytest

from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, Role, mark_for
from bridge.engine.boundary import Boundary
from bridge.ledger import State
from tests.contract.bench import ContractBench, Spoilt
from tests.contract.lives import ANSWERED, BEFORE, OVERTAKEN, Bridge, Point, Watch
from tests.contract.matrix import Matrix
from tests.contract.plays import PLAYS, Act, Play, barcode_of, can, new_barcode_of, no_desk, perform, policy_of

LOOKED_UP = "was cut off before; it was looked up in the ILS"
NOT_WANTED = "is not known, since the ILS does not show it; it is not wanted any more"
UNCLEAR = "ended unclearly"
IN_HAND = frozenset({Boundary.STARTED, Boundary.CALL_SENT, BEFORE, ANSWERED, Boundary.CALL_DONE})
AROUND = frozenset({Boundary.CLAIMED.value, Boundary.RELEASED.value})
IMPATIENT = 0.4
"""Seconds after which a connector gives up on an answer, where one never comes."""
UNCLEARLY = [
    pytest.param(way, done, marks=[] if done or way is Spoilt.SERVER_ERROR else [pytest.mark.thorough])
    for way in Spoilt
    for done in (True, False)
]
OVERTAKABLE = [name for name, play in PLAYS.items() if len(play.acts) > 1 and play.acts[-1].desk is no_desk]
"""Plays of several acts whose end does not hang on the desk."""
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
    notes: tuple[str, ...]
    shown: tuple[tuple[str, ...], ...]
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
        notes=tuple(bench.note_of(barcode) for barcode in barcodes),
        shown=tuple(bench.shown(barcode) for barcode in barcodes),
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
    numbers: Iterator[int]

    @property
    def bench(self) -> ContractBench:
        return self.bridge.bench

    def run(self, act: Act, number: str, watch: Watch | None = None) -> After:
        """Play one act and wait until the request rests."""
        before, fees = self.bench.writes(), self._fees()
        request_id = perform(act, self.bridge, self.play.role, number)
        said = len(self.bridge.history(request_id))
        return self._after(request_id, number, self.bridge.settle(request_id, watch), said, before, fees)

    def resynced(self, number: str) -> After:
        """Staff have it looked up anew."""
        before, fees = self.bench.writes(), self._fees()
        request_id = self.bridge.id_of(number)
        said = len(self.bridge.history(request_id))
        self.bridge.resync(request_id)
        return self._after(request_id, number, self.bridge.settle(request_id), said, before, fees)

    def _after(self, request_id: int, number: str, state: State, said: int, before: Counter[str], fees: int) -> After:
        bench = self.bench
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

    def tell(self, acts: Sequence[Act], number: str) -> None:
        """The service tells all of this, and the desk does nothing of its own."""
        for act in acts:
            perform(replace(act, desk=no_desk), self.bridge, self.play.role, number)

    def _fees(self) -> int:
        return self.bench.fees_of(self.bench.patron) + self.bench.fees_of(self.bench.other_patron)

    def calm(self) -> list[Calm]:
        """The whole play, undisturbed."""
        number, acts = str(next(self.numbers)), []
        for act in self.play.acts:
            points: list[Point] = []
            acts.append(Calm(self.run(act, number, Watch(seen=points)), _named(points, self._noted())))
        return acts

    def _noted(self) -> frozenset[Verb]:
        """What this ILS cannot do at all: nothing is asked, so that nothing is looked up."""
        return frozenset(verb for verb in Verb if self.bench.connector.capabilities.of(verb) is Ability.NO)

    def disturbed(self, calm: list[Calm], at: int, watch: Watch) -> list[After]:
        """The whole play with this watch in the act numbered ``at``."""
        number = str(next(self.numbers))
        return [
            self.run(act, number, watch if index == at else None)
            for index, (act, _) in enumerate(zip(self.play.acts, calm, strict=True))
        ]


def _named(points: list[Point], noted: frozenset[Verb]) -> list[Point]:
    """A claim and a release belong to all verbs of their sitting; and who was cut off in a step is looked up in the ILS.

    A step's end is journalled with the next one's start, so that after the one the other may be in hand already.
    """
    verbs = tuple(dict.fromkeys(verb for point in points for verb in point.verbs))
    named = []
    for point, following in zip(points, (*points[1:], Point("the end")), strict=True):
        begun = following if point.what == Boundary.FINISHED else point
        unasked = noted | {Verb.FIND_PATRON}
        looked_up = begun.what in IN_HAND and not unasked & set(begun.verbs)
        named.append(replace(point, verbs=verbs if point.what in AROUND else point.verbs, looked_up=looked_up))
    return named


@contextmanager
def staged(bench: ContractBench, url: str, name: str, first: int = 1001) -> Iterator[Stage]:
    play = PLAYS[name]
    if not can(bench.connector, *play.needs):
        pytest.skip(f"this ILS cannot {', '.join(play.needs)} itself")
    if not bench.connector.capabilities.inspect_by:
        pytest.skip("this ILS cannot be asked what became of a step")
    bridge = Bridge(url, bench, policy_of(bench, play))
    try:
        yield Stage(bridge, play, count(first))
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
        if times > calm.writes[name] + bench.same_twice(name, cut.verbs if cut else ()):
            wrong.append(f"{name} was done {times} times, not {calm.writes[name]}")
    wrong += [f"{step} is told twice" for step, times in found.steps.items() if times > max(1, calm.steps[step])]
    looked = sum(LOOKED_UP in line for line in found.lines)
    if looked != int(cut is not None and cut.looked_up):
        wrong.append(f"the history tells {looked} looks")
    return wrong


def elsewhere(watch: Watch, point: Point) -> list[str]:
    """What is wrong where the first life did not end at this point, or none did at all."""
    if not watch.ended:
        return ["no life ended"]
    ended = watch.ended[0]
    same_verb = point.what in AROUND or ended.verbs == point.verbs
    return (
        [] if same_verb and (ended.what, ended.exchange) == (point.what, point.exchange) else [f"it ended at {ended}"]
    )


def kill(stage: Stage, matrix: Matrix, wanted: Callable[[Point], bool]) -> list[str]:
    """End a life at each wanted point of each act; answers what went wrong."""
    failures = []
    calm = stage.calm()
    for at, act in enumerate(stage.play.acts):
        for number, point in enumerate(calm[at].points, start=1):
            if not act.cut or not wanted(point):
                continue
            watch = Watch(cut=number)
            found = stage.disturbed(calm, at, watch)
            wrong = elsewhere(watch, point) + faults(stage.bench, calm[at].after, found[at], cut=point)
            for later in range(at + 1, len(calm)):
                wrong += [f"later: {what}" for what in faults(stage.bench, calm[later].after, found[later], cut=None)]
            matrix.count(stage.play.role, point, ok=not wrong)
            failures += [f"{act.name}, {point}: {what}; {found[at].lines}" for what in wrong]
    return failures


def at_boundaries(point: Point) -> bool:
    """The named boundaries, and the meanest place of all: a write was done, and its answer not read."""
    return point.what not in {BEFORE, ANSWERED} or (point.what == ANSWERED and point.writes)


def kill_again(stage: Stage, matrix: Matrix) -> list[str]:
    """End a life at each boundary within a step, and the next life at each of its own next points, where it looks up what happened."""
    failures = []
    calm = stage.calm()
    for at, act in enumerate(stage.play.acts):
        for number, point in enumerate(calm[at].points, start=1):
            if not act.cut or not point.looked_up or point.what == Boundary.FINISHED:
                continue
            for again in range(1, 5):
                watch = Watch(cut=number, again=again)
                found = stage.disturbed(calm, at, watch)
                wrong = elsewhere(watch, point)
                wrong += [
                    what for what in faults(stage.bench, calm[at].after, found[at], cut=point) if "looks" not in what
                ]
                matrix.count(stage.play.role, point, ok=not wrong)
                failures += [f"{act.name}, {point} and {again} later: {what}; {found[at].lines}" for what in wrong]
    return failures


def overtake(stage: Stage, matrix: Matrix, unshown: frozenset[Verb]) -> list[str]:
    """End a life where a write was done and its answer not read, and have all other news of the play come before the next one looks.

    What ``unshown`` verbs did no look shows, so that staff are asked to look, and to undo it.
    """
    failures = []
    calm = stage.calm()
    for at, act in enumerate(stage.play.acts[:-1]):
        for number, point in enumerate(calm[at].points, start=1):
            if point.what != ANSWERED or not point.writes:
                continue
            request = str(next(stage.numbers))
            for before in stage.play.acts[:at]:
                stage.run(before, request)
            watch = Watch(cut=number, reborn=partial(stage.tell, stage.play.acts[at + 1 :], request))
            found = stage.run(act, request, watch)
            if unshown.intersection(point.verbs):
                wrong = [] if NOT_WANTED in found.lines[-1] else ["nobody is told that it may stand"]
            else:
                wrong = [] if found.standing == calm[-1].after.standing else [f"the ILS holds {found.standing}"]
                wrong += [] if found.state is calm[-1].after.state else [f"it is {found.state}"]
            wrong += elsewhere(watch, point)
            matrix.count(stage.play.role, replace(point, what=OVERTAKEN), ok=not wrong and not found.open_steps)
            failures += [f"{act.name}, {point}: {what}; {found.lines}" for what in (*wrong, *found.open_steps)]
    return failures


@dataclass(frozen=True)
class Write:
    """A write of a verb: the point of its call, and how many writes of the call come before it."""

    call: int
    before: int
    point: Point


def writes_of(points: list[Point]) -> Iterator[Write]:
    """The writes of an undisturbed act."""
    call, before = 0, 0
    for number, point in enumerate(points, start=1):
        if point.what == Boundary.CALL_SENT:
            call, before = number, 0
        if point.what == ANSWERED and point.writes:
            yield Write(call, before, point)
            before += 1


def spoil(stage: Stage, matrix: Matrix, way: Spoilt, *, done: bool) -> list[str]:
    """Have each write of each act end unclearly in this way; answers what went wrong."""
    failures = []
    calm = stage.calm()
    for at, act in enumerate(stage.play.acts):
        for write in writes_of(calm[at].points) if act.cut else ():
            heard = len(stage.bench.heard.exchanges)
            watch = Watch()

            def arm(_: Point, write: Write = write, watch: Watch = watch) -> None:
                nonlocal heard
                if watch.passed == write.call:
                    heard = len(stage.bench.heard.exchanges)
                    stage.bench.spoil(way, done=done, skip=write.before)

            watch.at_point = arm
            found = stage.disturbed(calm, at, watch)
            wrong = unclear(stage.bench, calm[at].after, found[at], write, heard)
            for later in range(at + 1, len(calm)):
                wrong += [f"later: {what}" for what in faults(stage.bench, calm[later].after, found[later], cut=None)]
            matrix.count(stage.play.role, replace(write.point, what=way.value), ok=not wrong)
            failures += [f"{act.name}, {write.point}: {what}; {found[at].lines}" for what in wrong]
    return failures


def unclear(bench: ContractBench, calm: After, found: After, write: Write, heard: int) -> list[str]:
    """What is wrong after a write of unknown outcome. The first thing after it must be a look, unless it is the same done twice."""
    wrong = [
        what for what in faults(bench, calm, found, cut=write.point) if "looks" not in what and "told twice" not in what
    ]
    exchanges = bench.heard.exchanges[heard:]
    spoilt, *after = [number for number, exchange in enumerate(exchanges) if bench.changes(exchange)][write.before :]
    name = f"{exchanges[spoilt].method} {exchanges[spoilt].template}"
    if bench.same_twice(name, write.point.verbs):
        return wrong
    if after and after[0] == spoilt + 1:
        wrong.append(f"{exchanges[after[0]]} came before any look")
    if not any(UNCLEAR in line for line in found.lines):
        wrong.append("the history does not say that the end was unclear")
    return wrong


class CrashContract:
    """What every connector keeps, with the engine, when it is cut off or does not hear how a call ended.

    ``unshown``: verbs whose work the ILS does not show while the request's own number for it is not known.
    """

    unshown: frozenset[Verb] = frozenset()

    @pytest.mark.no_cover
    @pytest.mark.parametrize("play", PLAYS)
    def test_a_life_may_end_at_every_boundary(
        self, bench: ContractBench, ledger_url: str, play: str, matrix: Matrix
    ) -> None:
        with staged(bench, ledger_url, play) as stage:
            failures = kill(stage, matrix, at_boundaries)
        assert not failures, "\n".join(failures)

    @pytest.mark.no_cover
    @pytest.mark.parametrize("play", OVERTAKABLE)
    def test_another_goal_may_come_before_what_was_cut_off_is_looked_up(
        self, bench: ContractBench, sqlite_matrix: Matrix, sqlite_url: str, play: str
    ) -> None:
        with staged(bench, sqlite_url, play) as stage:
            failures = overtake(stage, sqlite_matrix, self.unshown)
        assert not failures, "\n".join(failures)

    @pytest.mark.no_cover
    @pytest.mark.thorough
    @pytest.mark.parametrize("play", PLAYS)
    def test_a_life_may_end_on_either_side_of_every_exchange(
        self, bench: ContractBench, ledger_url: str, play: str, matrix: Matrix
    ) -> None:
        with staged(bench, ledger_url, play) as stage:
            failures = kill(stage, matrix, lambda point: not at_boundaries(point))
        assert not failures, "\n".join(failures)

    @pytest.mark.no_cover
    @pytest.mark.thorough
    @pytest.mark.parametrize("play", PLAYS)
    def test_the_life_that_takes_up_the_work_may_end_too(
        self, bench: ContractBench, ledger_url: str, play: str, matrix: Matrix
    ) -> None:
        with staged(bench, ledger_url, play) as stage:
            failures = kill_again(stage, matrix)
        assert not failures, "\n".join(failures)

    @pytest.mark.parametrize(("way", "done"), UNCLEARLY)
    @pytest.mark.parametrize("play", PLAYS)
    def test_what_ended_unclearly_is_looked_up_before_anything_else(
        self, bench: ContractBench, sqlite_matrix: Matrix, sqlite_url: str, play: str, way: Spoilt, done: bool
    ) -> None:
        if way is Spoilt.TIME_OUT:
            bench.reconnect(IMPATIENT)
        with staged(bench, sqlite_url, play) as stage:
            failures = spoil(stage, sqlite_matrix, way, done=done)
        assert not failures, "\n".join(failures)

    def test_every_verb_is_played(self, bench: ContractBench, sqlite_url: str) -> None:
        """So that none is missing from what is cut off and from what ends unclearly."""
        planned = {verb for verb in Verb if can(bench.connector, verb)} - NEVER_PLANNED
        if not can(bench.connector, Verb.CREATE_TEMPORARY_ITEM):
            planned -= {Verb.FIND_PATRON}  # looked up for what is made for them
        for first, (name, play) in enumerate(PLAYS.items(), start=1001):
            if can(bench.connector, *play.needs):
                with staged(bench, sqlite_url, name, first) as stage:
                    acts = zip(play.acts, stage.calm(), strict=True)
                    points = [point for act, calm in acts if act.cut for point in calm.points]
                    planned -= {verb for point in points for verb in point.verbs}
        assert planned == set()
