"""No state needs SQL to leave: every state, with every step under way, look and lease, held against every command of staff."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.change import Phase
from bridge.domain.plan import Step, next_step
from bridge.engine.asked import Answer, Asked, Asking
from bridge.engine.parking import look_at_stopped
from bridge.engine.reconciler import Reconciler
from bridge.engine.steering import Steering
from bridge.ledger import State, codec
from bridge.ledger.model import FOREVER, StepState
from tests.databases import migrate
from tests.engine.pretend import DUE, Stage

PENDING = (None, StepState.STARTED, StepState.UNKNOWN)
LEASES = ("free", "ran out")
OPEN = tuple(state for state in State if state is not State.FORGOTTEN)
SAME = "as it was"
ENDS: dict[Asking, dict[State, str]] = {
    Asking.RESYNC: {**dict.fromkeys(OPEN, State.IN_STEP.value), State.FORGOTTEN: SAME},
    Asking.RETRY: dict.fromkeys(State, State.IN_STEP.value),
    Asking.SKIP: {**dict.fromkeys(OPEN, State.IN_STEP.value), State.FORGOTTEN: SAME},
    Asking.RESOLVE: {**dict.fromkeys(State, SAME), State.STAFF: State.IN_STEP.value},
    Asking.FORGET: dict.fromkeys(State, State.FORGOTTEN.value),
    Asking.SET: {**dict.fromkeys(OPEN, State.IN_STEP.value), State.FORGOTTEN: SAME},
    Asking.ADOPT: dict.fromkeys(State, SAME),
    Asking.WORK: {
        **dict.fromkeys(OPEN, State.IN_STEP.value),
        State.FORGOTTEN: SAME,
        State.PARKED: "parked, or in step where it must be looked up",
    },
}
"""What each command makes of each state; the daemon then works off what is due."""
MORE: dict[Asking, dict[str, Any]] = {Asking.SET: {"fields": {"pickup_location": "SCIENCE"}}}


@dataclass(frozen=True)
class Standing:
    """How a request stands in the ledger."""

    state: State
    pending: StepState | None
    afresh: bool
    lease: str

    def __str__(self) -> str:
        return f"{self.state}, pending {self.pending}, {'afresh, ' if self.afresh else ''}lease {self.lease}"


EVERY = [Standing(*each) for each in itertools.product(State, PENDING, (False, True), LEASES)]
SOME = [
    Standing(state, *rest)
    for state in State
    for rest in (
        (None, False, "free"),
        (None, True, "ran out"),
        (StepState.STARTED, False, "ran out"),
        (StepState.UNKNOWN, True, "free"),
    )
]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"))
    yield stage
    stage.close()


def put(stage: Stage, standing: Standing, number: int) -> int:
    """A request that stands so, as a crash, a fault or an older release may have left it."""
    request = stage.tell(Phase.RECEIVED, number=str(number), due=DUE)
    sitting = stage.reconciler.sitting(_held(stage, request))
    step = next_step(sitting.goal, sitting.record, stage.ils.capabilities)
    assert isinstance(step, Step)
    pending = standing.pending and codec.step_text(step, standing.pending.value)
    lease = None if standing.lease == "free" else _micro(stage) - 1
    parked = sitting.goal.fingerprint if standing.state is State.PARKED else ""
    with stage.ledger.database.write() as connection:
        connection.exec_driver_sql(
            "update request set state = ?, pending = ?, afresh = ?, lease_until = ?, parked_goal = ?, due_at = null where id = ?",
            (standing.state.value, pending, int(standing.afresh), lease, parked, request),
        )
    return request


def _micro(stage: Stage) -> int:
    return int(stage.clock.now.timestamp() * 1_000_000)


def _held(stage: Stage, request: int) -> Any:
    held = stage.ledger.work.claim_one(request, owner="test", lease=timedelta(seconds=60))
    assert held is not None
    return held


def steering(stage: Stage) -> Steering:
    return Steering(stage.ledger, {"pretend": (stage.lane, stage.reconciler)}, lease=timedelta(seconds=60))


def ask(stage: Stage, kind: Asking, request: int) -> Answer:
    answer = steering(stage).carry_out(Asked(kind, request, by="ada", note="why", **MORE.get(kind, {})))
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    "standings", [pytest.param(SOME, id="some"), pytest.param(EVERY, id="every", marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize("kind", ENDS, ids=str)
def test_every_command_finds_its_way_out_of_every_state(stage: Stage, kind: Asking, standings: list[Standing]) -> None:
    for number, standing in enumerate(standings, 1):
        request = put(stage, standing, number)
        answer = ask(stage, kind, request)
        found, wanted = stage.row(request).state.value, ENDS[kind][standing.state]
        where = f"{kind} on {standing}: {answer.lines}"
        if wanted == SAME:
            assert found == standing.state.value, where
            assert not answer.ok, where
        elif standing.state is State.PARKED and kind is Asking.WORK:
            assert found == (State.IN_STEP if standing.afresh else State.PARKED).value, where
        else:
            assert found == wanted, where


def test_every_state_has_a_way_out_to_the_end() -> None:
    for state in set(State) - {State.IN_STEP}:
        ways = {kind: ends[state] for kind, ends in ENDS.items() if ends[state] not in {SAME, state.value}}
        assert set(ways) & {Asking.RESYNC, Asking.RETRY}, state
        assert state is State.FORGOTTEN or Asking.FORGET in ways, state


def test_every_asking_stands_in_the_table() -> None:
    assert set(ENDS) == set(Asking) - {Asking.LOOK, Asking.AUDIT}, (
        "a look changes nothing, an audit nothing that is stuck"
    )
    for ends in ENDS.values():
        assert set(ends) == set(State)


def test_what_somebody_works_on_is_asked_again_and_the_lease_ends_by_itself(stage: Stage) -> None:
    request = put(stage, EVERY[0], 1)
    _held(stage, request)
    for kind in ENDS:
        assert steering(stage).carry_out(Asked(kind, request, by="ada", note="why", **MORE.get(kind, {}))) is None
    stage.clock.advance(seconds=61)
    assert ask(stage, Asking.RETRY, request).ok


@pytest.mark.parametrize("kind", [Asking.RESYNC, Asking.RETRY, Asking.SET])
@pytest.mark.parametrize("what", ["lane", "library"])
def test_a_pause_ends_and_what_was_asked_is_done(stage: Stage, kind: Asking, what: str) -> None:
    stage.ledger.libraries.ensure(["main"])
    for number, state in enumerate(OPEN, 1):
        put(stage, Standing(state, None, afresh=False, lease="free"), number)
    if what == "lane":
        stage.ledger.lanes.hold("pretend", until=FOREVER, why="Paused.")
    else:
        stage.ledger.libraries.hold("main", until=FOREVER, why="Paused.", cause="staff")
    for number, _ in enumerate(OPEN, 1):
        ask(stage, kind, number)
        assert stage.row(number).state is State.DUE
    assert stage.work() is None
    if what == "lane":
        stage.ledger.lanes.resume("pretend")
    else:
        stage.ledger.libraries.resume("main")
    stage.settle()
    assert {stage.row(number).state for number, _ in enumerate(OPEN, 1)} == {State.IN_STEP}


class TestGoneFromTheConfiguration:
    @pytest.fixture
    def without(self, stage: Stage) -> Stage:
        """The library is gone."""

        def policy(library: str) -> Any:
            return {"other": stage.policy}[library]

        stage.tell(Phase.RECEIVED)
        stage.reconciler = Reconciler(stage.ledger, stage.lane, policy)
        return stage

    def test_the_request_is_parked_and_says_so(self, without: Stage) -> None:
        assert without.work() is State.PARKED
        assert without.history()[-1] == (
            "Parked. Library 'main' is not in the configuration. Put it back and restart, or: ill-bridge forget R1."
        )

    @pytest.mark.parametrize("kind", [kind for kind in Asking if kind is not Asking.FORGET])
    def test_nothing_but_forgetting_can_be_done(self, without: Stage, kind: Asking) -> None:
        assert ask(without, kind, 1) == Answer(
            ("Library 'main' is not in the configuration: put it back, or 'forget' its requests.",), ok=False
        )
        assert ask(without, Asking.FORGET, 1).ok

    def test_once_it_is_back_the_request_goes_on(self, without: Stage) -> None:
        without.work()
        without.restart()
        assert look_at_stopped(
            without.ledger, lambda _: without.policy, without.nights, libraries=["main"]
        ).planned_anew
        without.settle()
        assert without.row().state is State.IN_STEP

    def test_a_request_of_an_ils_that_is_gone_can_be_forgotten(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        gone = Steering(stage.ledger, {}, lease=timedelta(seconds=60))
        answer = gone.carry_out(Asked(Asking.RETRY, 1, by="ada"))
        assert answer is not None
        assert not answer.ok
        assert gone.carry_out(Asked(Asking.FORGET, 1, by="ada", note="why")) is not None
        assert stage.row().state is State.FORGOTTEN

    def test_requests_follow_their_library_to_its_new_lane(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.tell(Phase.RECEIVED, number="2")
        ask(stage, Asking.FORGET, 2)
        stage.ledger.lanes.ensure(["renamed"])
        assert stage.ledger.requests.move({"main": "renamed", "other": "renamed"}) == {"main": 1}
        assert stage.ledger.requests.move({"main": "renamed"}) == {}
        row = stage.row()
        assert (row.lane, row.afresh, stage.row(2).lane) == ("renamed", True, "pretend")
        held = stage.ledger.work.claim("renamed", owner="test", lease=timedelta(seconds=60), cap=1)
        assert held is not None
        assert stage.reconciler.work(held) is State.IN_STEP
        assert "Looked up in the ILS: everything stands as recorded." in stage.history()


class TestThatCannotBeRead:
    @pytest.fixture
    def spoilt(self, stage: Stage) -> Stage:
        for number in "12":
            stage.tell(Phase.RECEIVED, number=number)
        with stage.ledger.database.write() as connection:
            connection.exec_driver_sql("update request set document = '{' where id = 1")
        return stage

    def test_it_is_parked_and_in_nobodys_way(self, spoilt: Stage) -> None:
        spoilt.settle()
        assert (spoilt.row().state, spoilt.row(2).state) == (State.PARKED, State.IN_STEP)
        assert spoilt.row().parked.reason == "This release cannot read the request."
        assert [row.readable for row in spoilt.ledger.requests.list()] == [True, False]

    @pytest.mark.parametrize("kind", [kind for kind in Asking if kind is not Asking.FORGET])
    def test_nothing_is_written_over_it(self, spoilt: Stage, kind: Asking) -> None:
        assert not ask(spoilt, kind, 1).ok
        assert spoilt.row().state is State.DUE

    def test_it_can_be_forgotten(self, spoilt: Stage) -> None:
        answer = ask(spoilt, Asking.FORGET, 1)
        assert answer.lines[0] == "This release cannot read the request. What of it is in the ILS is not known."
        assert spoilt.row().state is State.FORGOTTEN

    def test_a_look_at_what_stands_still_passes_it_by(self, spoilt: Stage) -> None:
        spoilt.settle()
        found = look_at_stopped(spoilt.ledger, lambda _: spoilt.policy, spoilt.nights, libraries=["main"])
        assert not found.planned_anew

    def test_it_is_told_with_the_others(self, spoilt: Stage) -> None:
        spoilt.settle()
        (group,) = spoilt.ledger.attention.parked(spoilt.clock.now)
        assert (group.cause, group.count) == ("unreadable", 1)


def test_waiting_and_due_go_on_by_themselves(stage: Stage) -> None:
    for number, standing in enumerate(each for each in SOME if each.state in {State.DUE, State.WAITING}):
        request = put(stage, replace(standing, lease="free"), number)
        with stage.ledger.database.write() as connection:
            connection.exec_driver_sql("update request set due_at = ? where id = ?", (_micro(stage), request))
    stage.settle(sittings=100)
    assert {row.state for row in stage.ledger.requests.list()} == {State.IN_STEP}
