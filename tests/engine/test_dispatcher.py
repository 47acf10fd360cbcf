"""Many requests: claims, caps, closed lanes and their probes, leases, an orderly end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import select, update

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.domain.finding import Finding
from bridge.domain.identity import RequestKey, Role
from bridge.domain.record import Outcome
from bridge.engine.boundary import Boundary
from bridge.engine.dispatcher import Crew, Dispatcher, Spare
from bridge.engine.lane import LaneRules, WorkLane
from bridge.errors import CredentialsRejected, Rejected, Retry, Unavailable
from bridge.ledger import Arrival, LedgerBusy, State, Verdict, schema
from tests.engine.pretend import START, PretendIls, Stage
from tests.patience import PATIENCE


def dispatcher_of(stage: Stage, **more: object) -> Dispatcher:
    lanes = {"pretend": (stage.lane, stage.reconciler)}
    return Dispatcher(stage.ledger, lanes, owner="test", **more)  # type: ignore[arg-type]


@contextmanager
def running(stage: Stage, **more: object) -> Iterator[Dispatcher]:
    dispatcher = dispatcher_of(stage, **{"backstop": timedelta(seconds=0.05), **more})
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop()


def until(holds: Callable[[], bool]) -> None:
    """Wait for a thread's work, with an end."""
    ticks = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if holds():
            return
        ticks.wait(0.01)
    raise AssertionError("it did not happen")


class Meeting(PretendIls):
    """Patrons are looked up only when so many workers are there at once."""

    def __init__(self, parties: int) -> None:
        super().__init__()
        self.together = threading.Barrier(parties, timeout=PATIENCE)
        self.most = 0
        self._now = 0
        self._guard = threading.Lock()

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        with self._guard:
            self._now += 1
            self.most = max(self.most, self._now)
        self.together.wait()
        with self._guard:
            self._now -= 1
        return super().find_patron(command, call)


def test_everything_due_is_worked_on(stage: Stage) -> None:
    numbers = [stage.tell(Phase.RECEIVED, number=str(each)) for each in range(5)]
    with running(stage):
        until(lambda: all(stage.row(each).state is State.IN_STEP for each in numbers))


def test_a_lane_works_up_to_its_cap_at_once(make_stage: Callable[..., Stage]) -> None:
    ils = Meeting(2)
    stage = make_stage(ils=ils, cap=2)
    numbers = [stage.tell(Phase.RECEIVED, number=str(each)) for each in range(4)]
    with running(stage):
        until(lambda: all(stage.row(each).state is State.IN_STEP for each in numbers))
    assert ils.most == 2


def test_news_wakes_it(stage: Stage) -> None:
    with running(stage, backstop=timedelta(hours=1)) as dispatcher:
        number = stage.tell(Phase.RECEIVED)
        dispatcher.wake()
        until(lambda: stage.row(number).state is State.IN_STEP)


def test_a_closed_lane_is_probed_and_goes_on(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.down = Unavailable("Nobody there.")
    with structlog.testing.capture_logs() as logs, running(stage) as dispatcher:
        until(lambda: stage.ledger.lanes.all()[0].paused_until is not None)
        stage.clock.advance(seconds=61)
        dispatcher.wake()
        until(lambda: stage.ils.probes >= 1)
        stage.ils.down = None
        stage.clock.advance(seconds=61)
        dispatcher.wake()
        until(lambda: stage.row().state is State.IN_STEP)
    events = [line["event"] for line in logs]
    assert events.count("lane.closed") == 1
    assert events.count("lane.opened") == 1


def test_a_lane_that_staff_paused_is_left_alone_until_then(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    dispatcher = dispatcher_of(stage, backstop=timedelta(hours=5))
    end = stage.clock.now + timedelta(hours=1)
    stage.ledger.lanes.hold("pretend", until=end, why="upgrade")
    stage.ledger.lanes.close("pretend", until=stage.clock.now, why="Nobody there.", cause="unavailable")
    given: list[Crew] = []
    assert dispatcher.dispatch(given.append) == timedelta(hours=1), "neither work nor a probe before the pause ends"
    assert given == []
    stage.clock.advance(seconds=3600)
    dispatcher.dispatch(given.append)
    until(lambda: stage.ils.probes == 1)


def test_it_sleeps_until_the_next_thing_is_due(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("find_patron", Rejected("x"))]
    dispatcher = dispatcher_of(stage, backstop=timedelta(hours=5))
    given: list[Crew] = []
    assert dispatcher.dispatch(given.append) == timedelta(hours=5)
    assert len(given) == 1
    stage.work()
    held = stage.ledger.work.claim_one(1, owner="x", lease=timedelta(seconds=1))
    assert held is not None
    later = stage.clock.now + timedelta(hours=2)
    stage.ledger.work.release(held, Verdict(State.WAITING, "", later), version=held.row.version)
    assert dispatcher.dispatch(given.append) == timedelta(hours=2)
    stage.ledger.lanes.close("pretend", until=stage.clock.now + timedelta(hours=1), why="x", cause="y")
    assert dispatcher.dispatch(given.append) == timedelta(hours=1)
    assert len(given) == 1


def test_lanes_of_another_configuration_are_left_alone(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.ledger.lanes.ensure(["gone"])
    stage.ledger.lanes.close("gone", until=stage.clock.now, why="x", cause="y")
    dispatcher = Dispatcher(stage.ledger, {}, owner="test")
    assert dispatcher.dispatch(lambda _: pytest.fail("nobody works here")) == timedelta(seconds=5)


class Ticking:
    """Seconds of a clock that nobody sets, moved by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticking:
    return Ticking()


def waiting(stage: Stage) -> None:
    """A request that waits for five minutes after its first failure, and a lane that is closed for ten."""
    stage.tell(Phase.RECEIVED)
    stage.ils.fails = [("create_temporary_item", Retry("Not now.", after=300))]
    stage.settle()
    assert stage.row().due_at == stage.clock.now + timedelta(seconds=300)


def test_a_clock_set_back_makes_no_wait_longer(stage: Stage, ticks: Ticking) -> None:
    told: list[str] = []
    dispatcher = dispatcher_of(stage, ticks=ticks, set_back=lambda: told.append("clockwork"))
    waiting(stage)
    stage.ledger.lanes.ensure(["other"])
    stage.ledger.lanes.close("other", until=stage.clock.now + timedelta(minutes=1), why="x", cause="y")
    dispatcher.dispatch(lambda _: None)
    ticks.now += 30
    stage.clock.advance(seconds=30, hours=-1)
    with structlog.testing.capture_logs() as logs:
        dispatcher.dispatch(lambda _: pytest.fail("nothing is due yet"))
    assert [(each["seconds"], each["waits"]) for each in logs if each["event"] == "clock.set_back"] == [(3600, 2)]
    assert stage.row().due_at == stage.clock.now + timedelta(seconds=270)
    assert {lane.name: lane.paused_until for lane in stage.ledger.lanes.all()}["other"] == stage.clock.now + timedelta(
        seconds=30
    )
    dispatcher.dispatch(lambda _: None)
    assert told == ["clockwork"]


def test_nor_does_one_that_was_set_back_while_no_daemon_ran(stage: Stage, ticks: Ticking) -> None:
    waiting(stage)
    stage.clock.advance(hours=-1)
    with structlog.testing.capture_logs() as logs:
        dispatcher_of(stage, ticks=ticks).dispatch(lambda _: pytest.fail("nothing is due yet"))
    assert [(each["seconds"], each["waits"]) for each in logs if each["event"] == "clock.set_back"] == [(3600, 1)]
    assert stage.row().due_at == stage.clock.now + timedelta(seconds=300)


def test_what_was_due_before_the_clock_was_set_back_stays_due(stage: Stage, ticks: Ticking) -> None:
    dispatcher = dispatcher_of(stage, ticks=ticks)
    stage.tell(Phase.RECEIVED)
    stage.clock.advance(hours=-1)
    given: list[Crew] = []
    dispatcher.dispatch(given.append)
    assert len(given) == 1


@pytest.mark.parametrize(("passed", "clock"), [(30, -10), (30, 30), (5, 7200), (7200, 7200)])
def test_a_clock_that_goes_right_or_forward_moves_nothing(
    stage: Stage, ticks: Ticking, passed: int, clock: int
) -> None:
    waiting(stage)
    dispatcher, due_at = dispatcher_of(stage, ticks=ticks), stage.row().due_at
    ticks.now += passed
    stage.clock.advance(seconds=clock)
    dispatcher.dispatch(lambda _: None)
    assert stage.row().due_at == due_at


def test_a_ledger_that_is_busy_just_then_is_asked_again(stage: Stage, ticks: Ticking) -> None:
    dispatcher = dispatcher_of(stage, ticks=ticks)
    waiting(stage)
    stage.clock.advance(hours=-1)
    moving = stage.ledger.waits.bring_forward
    stage.ledger.waits.bring_forward = busy  # type: ignore[method-assign]
    with pytest.raises(LedgerBusy):
        dispatcher.dispatch(lambda _: None)
    stage.ledger.waits.bring_forward = moving  # type: ignore[method-assign]
    dispatcher.dispatch(lambda _: None)
    assert stage.row().due_at == stage.clock.now + timedelta(seconds=300)


def busy(by: timedelta, *, lease: timedelta) -> int:
    raise LedgerBusy(f"locked {by} {lease}")


def test_leases_of_a_dead_predecessor_are_freed(make_stage: Callable[..., Stage], ready_url: str) -> None:
    stage = make_stage()
    stage.tell(Phase.RECEIVED)
    assert stage.ledger.work.claim_one(1, owner="dead", lease=timedelta(hours=9))
    with structlog.testing.capture_logs() as logs, running(stage):
        if ready_url.startswith("sqlite"):
            until(lambda: stage.row().state is State.IN_STEP)
            assert any(line["event"] == "leases.freed" for line in logs)
        else:
            stage.clock.advance(hours=10)
            until(lambda: stage.row().state is State.IN_STEP)


def test_a_probe_that_a_dead_predecessor_took_is_made_again(make_stage: Callable[..., Stage], ready_url: str) -> None:
    """A daemon that was killed at its probe had put the next one off for the time that a probe may take."""
    stage = make_stage()
    stage.tell(Phase.RECEIVED)
    stage.ledger.lanes.close("pretend", until=stage.clock.now, why="x", cause="y")
    assert stage.ledger.lanes.take_probe("pretend", next_at=stage.clock.now + timedelta(hours=9))
    with running(stage):
        if not ready_url.startswith("sqlite"):
            stage.clock.advance(hours=10)
        until(lambda: stage.row().state is State.IN_STEP)
    assert stage.ils.probes == 1


class Slow(PretendIls):
    """Waits in a look-up until told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.there = threading.Event()
        self.go_on = threading.Event()

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        self.there.set()
        assert self.go_on.wait(PATIENCE)
        return super().find_patron(command, call)


def test_a_slow_step_keeps_its_lease(make_stage: Callable[..., Stage]) -> None:
    ils = Slow()
    stage = make_stage(ils=ils)
    stage.tell(Phase.RECEIVED)
    with running(stage, lease=timedelta(seconds=0.06)):
        assert ils.there.wait(PATIENCE)
        stage.clock.advance(seconds=5)
        held = stage.clock.now

        def extended() -> bool:
            with stage.ledger.database.read() as connection:
                lease_until = connection.execute(select(schema.request.c.lease_until)).scalar_one()
            return bool(lease_until > held)

        until(extended)
        ils.go_on.set()
        until(lambda: stage.row().state is State.IN_STEP)


def test_a_lease_that_was_lost_is_told_and_forgotten(make_stage: Callable[..., Stage]) -> None:
    ils = Slow()
    stage = make_stage(ils=ils)
    stage.tell(Phase.RECEIVED)
    with structlog.testing.capture_logs() as logs, running(stage, lease=timedelta(seconds=0.06)):
        assert ils.there.wait(PATIENCE)
        stage.clock.advance(hours=1)
        taken = []

        def taken_over() -> bool:
            held = stage.ledger.work.claim_one(1, owner="other", lease=timedelta(hours=1))
            if held is None:
                stage.clock.advance(hours=1)
            taken.append(held)
            return held is not None

        until(taken_over)
        until(lambda: any(line["event"] == "lease.not_extended" for line in logs))
        ils.go_on.set()
        until(lambda: any(line["event"] == "lease.lost" for line in logs))


def test_stopping_lets_the_step_in_hand_end(make_stage: Callable[..., Stage]) -> None:
    ils = Slow()
    stage = make_stage(ils=ils)
    stage.tell(Phase.RECEIVED)
    dispatcher = dispatcher_of(stage)
    stage.stops = Stopping(dispatcher)  # type: ignore[assignment]
    dispatcher.start()
    assert ils.there.wait(PATIENCE)
    stopper = threading.Thread(target=dispatcher.stop)
    stopper.start()
    until(lambda: dispatcher.stopping)
    ils.go_on.set()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    row = stage.row()
    assert row.record.patron is not None, "the step in hand was finished"
    assert row.state is State.DUE
    assert row.pending is None


class Stopping:
    """True once the dispatcher stops."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def __bool__(self) -> bool:
        return self._dispatcher.stopping


class Faulty(PretendIls):
    """Has a fault of ours in it."""

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        raise ZeroDivisionError


def test_a_fault_of_ours_is_never_silent(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(ils=Faulty())
    stage.tell(Phase.RECEIVED)
    with structlog.testing.capture_logs() as logs, running(stage):
        until(lambda: any(line["event"] == "worker.failed" for line in logs))
        until(lambda: stage.row().state is State.PARKED)
        assert "resync R1" in stage.row().parked.advice
        assert [line["event"] for line in logs].count("worker.failed") == 1


class Patient(PretendIls):
    """A patron is found when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.there, self.go = threading.Event(), threading.Event()

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        self.there.set()
        assert self.go.wait(PATIENCE)
        return super().find_patron(command, call)


def test_who_slept_through_his_lease_lets_go_of_nothing_that_another_holds(make_stage: Callable[..., Stage]) -> None:
    ils, lease = Patient(), timedelta(seconds=60)
    stage = make_stage(ils=ils)
    stage.tell(Phase.RECEIVED)
    dispatcher = dispatcher_of(stage)
    held = []
    for _ in range(2):
        held.append(stage.ledger.work.claim("pretend", owner="test", lease=lease, cap=1))
        stage.clock.advance(seconds=61)
    sleeper, other = held
    assert sleeper is not None
    assert other is not None
    stage.clock.advance(seconds=-30)

    def slept(boundary: Boundary) -> None:
        if boundary is Boundary.CLAIMED and not working.is_alive():
            working.start()
            assert ils.there.wait(PATIENCE)

    working = threading.Thread(target=dispatcher.work_on, args=(other, stage.reconciler))
    stage.passing = slept
    with structlog.testing.capture_logs() as logs:
        dispatcher.work_on(sleeper, stage.reconciler)
    assert "lease.lost" in [each["event"] for each in logs]
    assert list(dispatcher._held.values()) == [other], "its lease is kept"
    ils.go.set()
    working.join()
    assert stage.row().state is State.IN_STEP


def test_the_step_in_hand_keeps_its_lease_while_the_dispatcher_stops(make_stage: Callable[..., Stage]) -> None:
    ils, lease = Patient(), timedelta(seconds=0.3)
    stage = make_stage(ils=ils)
    stage.tell(Phase.RECEIVED)
    dispatcher = dispatcher_of(stage, lease=lease)
    dispatcher.start()
    dispatcher.wake("pretend")
    assert ils.there.wait(PATIENCE)
    stopping = threading.Thread(target=dispatcher.stop)
    stopping.start()
    until(lambda: dispatcher.stopping)
    (held,) = dispatcher._held.values()
    for _ in range(3):
        stage.clock.advance(seconds=0.2)
        until(lambda: held.lease.until == stage.clock.now + lease)
    ils.go.set()
    stopping.join()
    assert stage.row().state is State.IN_STEP


def test_a_ledger_that_refuses_in_the_middle_leaves_the_request_to_its_lease(
    make_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage()
    stage.tell(Phase.RECEIVED)

    def busy(*_: object, **__: object) -> None:
        raise LedgerBusy("Disk full.")

    monkeypatch.setattr(stage.ledger.work, "start", busy)
    held = stage.ledger.work.claim("pretend", owner="test", lease=timedelta(seconds=60), cap=1)
    assert held is not None
    with pytest.raises(LedgerBusy):
        dispatcher_of(stage).work_on(held, stage.reconciler)
    monkeypatch.undo()
    assert stage.row().state is State.DUE
    assert stage.work() is None, "until the lease has run out"
    stage.clock.advance(seconds=61)
    assert stage.work() is State.IN_STEP


def test_a_ledger_that_refuses_stops_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [True]
    claim, lanes = stage.ledger.work.claim, stage.ledger.lanes.all

    def sometimes(*given: object, **named: object) -> object:
        if busy[0]:
            raise LedgerBusy("Disk full.")
        return claim(*given, **named)  # type: ignore[arg-type]

    def no_lanes() -> object:
        if busy[0]:
            raise LedgerBusy("Disk full.")
        return lanes()

    stage.tell(Phase.RECEIVED)
    monkeypatch.setattr(stage.ledger.work, "claim", sometimes)
    with structlog.testing.capture_logs() as logs, running(stage):
        until(lambda: any(line.get("lane") == "pretend" and line["event"] == "ledger.busy" for line in logs))
        monkeypatch.setattr(stage.ledger.lanes, "all", no_lanes)
        until(lambda: any("lane" not in line and line["event"] == "ledger.busy" for line in logs))
        busy[0] = False
        until(lambda: stage.row().state is State.IN_STEP)


def test_a_full_crew_takes_nobody_on(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    dispatcher = dispatcher_of(stage)
    crews: list[Crew] = []
    dispatcher.dispatch(crews.append)
    (crew,) = crews
    crew.running = crew.lane.rules.cap
    dispatcher._staff(crew)
    dispatcher._submit(crew, lambda _: pytest.fail("the crew is full"))
    crew.running = 0
    dispatcher._stop.set()
    dispatcher._submit(crew, lambda _: pytest.fail("it has stopped"))
    crew.pool.shutdown()


class Refusing(PretendIls):
    """Answers a probe with a refusal, which is no outage."""

    def probe(self) -> tuple[Finding, ...]:
        raise Rejected("No such test call.")


def test_a_probe_that_is_refused_shows_that_somebody_is_there(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(ils=Refusing())
    stage.ledger.lanes.close("pretend", until=stage.clock.now, why="x", cause="y")
    assert stage.lane.probe()
    assert stage.ledger.lanes.all()[0].paused_until is None
    assert stage.lane.probe(), "open already"


def test_refused_credentials_are_an_error_and_an_outage_a_warning(stage: Stage) -> None:
    with structlog.testing.capture_logs() as logs:
        stage.lane.close(CredentialsRejected("Bad key."))
        stage.lane.close(CredentialsRejected("Bad key."))
        stage.ledger.lanes.open("pretend")
        stage.lane.close(Unavailable("Nobody there."))
    assert [line["log_level"] for line in logs] == ["error", "warning"]


def test_the_rules_have_sensible_defaults(stage: Stage) -> None:
    lane = WorkLane("x", stage.ils, stage.ledger, LaneRules())
    assert (lane.rules.cap, lane.rules.probe_interval) == (4, timedelta(seconds=60))


def test_it_says_how_long_it_has_not_looked_for_work(stage: Stage) -> None:
    dispatcher = dispatcher_of(stage, backstop=timedelta(seconds=0.01))
    until(lambda: dispatcher.silent_for() > 0.1)
    dispatcher.start()
    until(lambda: dispatcher.silent_for() < 0.05)
    dispatcher.stop()


def test_a_lane_that_is_open_is_not_probed(stage: Stage) -> None:
    """Another worker or daemon may have asked meanwhile."""
    stage.lane.probe_if_due()
    assert stage.ils.probes == 0


class TestSpare:
    """A worker who is kept free for what is about to be taken in."""

    def told(self, stage: Stage, spare: Spare | None) -> None:
        """A change comes in while this worker waits for it."""
        key = RequestKey("main", "svc", Role.BORROWER, "REQ", "1")
        edits = Edits(patron_id="p1", pickup_location="MAIN")
        change = Change("c", key, Stamp(0, START, 0, "c"), phase=Phase.RECEIVED, edits=edits)
        stage.ledger.inbox.take("hook", (Arrival("c", "{}", (change,)),), lambda _: "pretend", worker=spare)

    def test_begins_at_once(self, stage: Stage) -> None:
        with running(stage, backstop=timedelta(seconds=60)) as dispatcher, dispatcher.spare("pretend") as spare:
            assert spare is not None
            self.told(stage, spare)
            assert spare.begun
            until(lambda: stage.row().state is State.IN_STEP)

    def test_there_is_none_of_a_full_crew_nor_of_an_unknown_lane_nor_at_the_end(
        self, make_stage: Callable[..., Stage]
    ) -> None:
        stage = make_stage(cap=1)
        with running(stage) as dispatcher:
            with dispatcher.spare("pretend"), dispatcher.spare("pretend") as more, dispatcher.spare("pretend") as most:
                assert (more is None, most is None) == (False, True), "one may be about to be free"
            with dispatcher.spare("koha") as nobody:
                assert nobody is None
        with dispatcher.spare("pretend") as late:
            assert late is None

    def test_beyond_the_cap_nothing_is_begun(self, make_stage: Callable[..., Stage]) -> None:
        ils = Slow()
        stage = make_stage(ils=ils, cap=1)
        with running(stage, backstop=timedelta(seconds=60)) as dispatcher:
            other = stage.tell(Phase.RECEIVED, number="2")
            dispatcher.wake("pretend")
            assert ils.there.wait(PATIENCE)
            with dispatcher.spare("pretend") as spare:
                self.told(stage, spare)
                assert spare is not None
                assert not spare.begun
            dispatcher.wake("pretend")
            ils.go_on.set()
            until(lambda: {stage.row(each).state for each in (other, other + 1)} == {State.IN_STEP})

    def test_who_was_kept_free_in_vain_takes_up_what_came_meanwhile(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(cap=1)
        with running(stage, backstop=timedelta(seconds=60)) as dispatcher:
            with dispatcher.spare("pretend") as spare:
                assert spare is not None
                stage.tell(Phase.RECEIVED)
                dispatcher.wake("pretend")
            until(lambda: stage.row().state is State.IN_STEP)

    def test_it_hides_no_request_that_somebody_else_speaks_of(self, make_stage: Callable[..., Stage]) -> None:
        """A claim in vain beside a spare worker is made again as soon as that one is let go."""
        stage = make_stage(cap=2)
        with running(stage, backstop=timedelta(seconds=60)) as dispatcher:
            with dispatcher.spare("pretend"):
                dispatcher.wake("pretend")
                (crew,) = dispatcher._crews.values()
                until(lambda: crew.blocked)
                stage.tell(Phase.RECEIVED)
            until(lambda: stage.row().state is State.IN_STEP)

    def test_who_is_begun_when_all_stop_gives_it_back(self, stage: Stage) -> None:
        with running(stage) as dispatcher, dispatcher.spare("pretend") as spare:
            dispatcher.stop()
            self.told(stage, spare)
        row = stage.row()
        assert (row.state, row.record.patron) == (State.DUE, None)
        assert stage.work() is State.IN_STEP

    def test_what_cannot_be_read_is_set_aside(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        stage.settle()
        with stage.ledger.database.write() as connection:
            connection.execute(update(schema.request).values(record="{"))
        with running(stage, backstop=timedelta(seconds=60)) as dispatcher, dispatcher.spare("pretend") as spare:
            self.told(stage, spare)
            until(lambda: stage.row().state is State.PARKED)
