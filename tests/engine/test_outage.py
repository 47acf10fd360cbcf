"""Is the ILS down, or does it fail on one request? Closed lanes, their probes, and what failing requests come to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pytest
import structlog

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.finding import Finding
from bridge.domain.identity import Role
from bridge.domain.record import Outcome, Sighting
from bridge.engine.ailing import WIDESPREAD, Ailing
from bridge.engine.pace import Bucket, LanePace
from bridge.engine.schedule import RetrySchedule
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Retry, Unavailable
from bridge.ledger import State
from bridge.ledger.model import StepState
from tests.engine.pretend import DUE, PretendIls, Stage
from tests.engine.test_dispatcher import dispatcher_of, running, until
from tests.patience import PATIENCE

SCHEDULE = RetrySchedule(jitter=0.0)
SAID = "Something went wrong for p1 (p1@lib.example.org)."


class Picky(PretendIls):
    """Answers its probe, and fails on requests whose item bears one of these barcodes."""

    def __init__(self, *barcodes: str, fails_with: Callable[[], IlsError] = lambda: Unavailable(SAID)) -> None:
        super().__init__()
        self.barcodes: Collection[str] = barcodes
        self.fails_with = fails_with

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        if command.target.barcode in self.barcodes:
            self.asked.append("create_temporary_item")
            raise self.fails_with()
        return super().create_temporary_item(command, call)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        if "inspect" in self.barcodes:
            raise self.fails_with()
        return super().inspect(command, call)


def tried(stage: Stage, number: int, *, most: int = 60) -> int:
    """Let time pass until the request rests; answers how many times it was worked on."""
    for times in range(most):
        if stage.row(number).state not in {State.DUE, State.WAITING}:
            return times
        stage.settle()
        stage.clock.advance(hours=1, minutes=1)
    raise AssertionError("it is tried for ever")


class TestOneRequestAlone:
    def test_it_is_tried_so_often_and_parked_with_the_words_of_the_ils(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Picky("ILL-1"), schedule=SCHEDULE)
        odd, other = stage.tell(Phase.RECEIVED), stage.tell(Phase.RECEIVED, number="2")
        with structlog.testing.capture_logs() as logs:
            assert tried(stage, odd) == SCHEDULE.server_error_tries
        row = stage.row(odd)
        assert (row.state, row.parked.cause) == (State.PARKED, "server_error")
        assert row.parked.reason == "Something went wrong for … (…)."
        assert row.parked.advice == (
            "The ILS answers others: see there what is odd about the patron, the item or its records, then: ill-bridge retry R1."
        )
        assert stage.row(other).state is State.IN_STEP
        assert not stage.ledger.lanes.closed("pretend")
        assert [line for line in logs if line["event"] in {"lane.closed", "lane.opened"}] == []
        assert "p1" not in "".join(stage.history(odd)).split()
        assert stage.ils.probes == SCHEDULE.server_error_tries, "one for each failure"

    @pytest.mark.parametrize("cause", ["server_error", "general_error", "nonsense"])
    def test_an_ils_that_blames_itself_is_believed_so_often_too(
        self, make_stage: Callable[..., Stage], cause: str
    ) -> None:
        ils = Picky("ILL-1", fails_with=lambda: Retry(SAID, cause=cause))
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        assert tried(stage, stage.tell(Phase.RECEIVED)) == SCHEDULE.server_error_tries
        assert stage.row().parked.cause == cause
        assert ils.probes == 0

    def test_an_ils_that_is_busy_is_asked_for_longer(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Picky("ILL-1", fails_with=lambda: Retry(SAID, cause="throttled")), schedule=SCHEDULE)
        assert tried(stage, stage.tell(Phase.RECEIVED)) == SCHEDULE.tries

    def test_a_write_that_always_ends_unclearly_is_parked_with_the_words_too(
        self, make_stage: Callable[..., Stage]
    ) -> None:
        ils = Picky("ILL-1", fails_with=lambda: OutcomeUnknown(SAID, cause="server_error"))
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        assert tried(stage, stage.tell(Phase.RECEIVED)) == SCHEDULE.server_error_tries
        assert stage.row().parked.cause == "server_error"
        assert stage.row().parked.reason == "The ILS keeps answering unclearly: Something went wrong for … (…)."

    def test_what_is_not_accepted_for_one_request_tells_a_human_and_closes_nothing(
        self, make_stage: Callable[..., Stage]
    ) -> None:
        ils = Picky("ILL-1", fails_with=lambda: CredentialsRejected("May not do this.", advice="Give it the right."))
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        assert tried(stage, stage.tell(Phase.RECEIVED)) == SCHEDULE.server_error_tries
        assert stage.row().parked.cause == "credentials_rejected"
        assert stage.row().parked.advice == "Give it the right, then: ill-bridge retry R1."

    def test_a_look_that_fails_alone_is_bounded_as_well(self, make_stage: Callable[..., Stage]) -> None:
        ils = Picky("inspect")
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        stage.tell(Phase.RECEIVED)
        stage.ledger.work.look_afresh()
        assert tried(stage, 1) == SCHEDULE.server_error_tries
        assert stage.row().parked.cause == "server_error"

    def test_other_volumes_of_the_request_go_on(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=Picky("ILL-1-2"), schedule=SCHEDULE)
        for volume in ("1", "2"):
            stage.tell(Phase.RECEIVED, volume=volume)
        stage.work()
        assert [thing.barcode for thing in stage.ils.items.values() if thing.hold] == ["ILL-1-1"]

    def test_tries_begin_anew_after_a_success(self, make_stage: Callable[..., Stage]) -> None:
        ils = Picky("ILL-1")
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        stage.tell(Phase.RECEIVED)
        for _ in range(3):
            stage.settle()
            stage.clock.advance(hours=1)
        assert stage.row().attempts == 3
        ils.barcodes = ()
        ils.fails = [("place_hold", Retry("Busy."))]
        stage.settle()
        assert stage.row().attempts == 1


class TestAllOfThem:
    def test_where_the_ils_fails_on_all_alike_patience_is_longer_and_it_is_told_once(
        self, make_stage: Callable[..., Stage]
    ) -> None:
        ils = Picky(*(f"ILL-{number}" for number in range(4)))
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        numbers = [stage.tell(Phase.RECEIVED, number=str(each)) for each in range(4)]
        with structlog.testing.capture_logs() as logs:
            for _ in range(SCHEDULE.server_error_tries + 2):
                stage.settle()
                stage.clock.advance(hours=1, minutes=1)
            assert {stage.row(each).state for each in numbers} == {State.WAITING}
            ils.barcodes = ()
            stage.settle()
        assert {stage.row(each).state for each in numbers} == {State.IN_STEP}
        told = [(line["event"], line["verb"]) for line in logs if line["event"] in {"lane.ailing", "lane.recovered"}]
        assert told == [("lane.ailing", "create_temporary_item"), ("lane.recovered", "create_temporary_item")]

    def test_it_takes_different_requests_and_a_success_ends_it(self) -> None:
        ailing = Ailing()
        assert not any(ailing.failed("check_in", 1) for _ in range(9))
        assert not ailing.well("check_in")
        assert [ailing.failed("check_in", each) for each in range(5)] == [False, False, True, False, False]
        assert ailing.widespread("check_in")
        assert not ailing.widespread("check_out")
        assert ailing.well("check_in")
        assert not ailing.widespread("check_in")
        assert WIDESPREAD == 3


class Down(PretendIls):
    """Down as long as it is told; counts how many ask its probe at once."""

    def __init__(self) -> None:
        super().__init__()
        self.down = Unavailable("Nobody there.")
        self.most = 0
        self._now = 0
        self._guard = threading.Lock()

    def probe(self) -> tuple[Finding, ...]:
        with self._guard:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return super().probe()
        finally:
            with self._guard:
                self._now -= 1


@dataclass
class Gathered:
    """Log lines that matter for lanes."""

    logs: list[dict[str, object]] = field(default_factory=list)

    def count(self, event: str) -> int:
        return [line["event"] for line in self.logs].count(event)


class TestTheLane:
    def test_many_workers_that_find_out_at_once_ask_once(self, make_stage: Callable[..., Stage]) -> None:
        ils = Down()
        stage = make_stage(ils=ils, cap=4)
        numbers = [stage.tell(Phase.RECEIVED, number=str(each)) for each in range(12)]
        with structlog.testing.capture_logs() as logs, running(stage):
            until(lambda: stage.ledger.lanes.closed("pretend"))
            until(lambda: not any(stage.ledger.work.due_lanes()) or len(ils.asked) <= 4)
        assert ils.probes == 1
        assert [line["event"] for line in logs].count("lane.closed") == 1
        assert {stage.row(each).attempts for each in numbers} == {0}
        assert len(ils.asked) <= 4, "no more than the cap found out for themselves"

    def test_one_of_two_daemons_asks(self, make_stage: Callable[..., Stage]) -> None:
        ils = Down()
        stage = make_stage(ils=ils)
        twin = stage.twin()
        stage.tell(Phase.RECEIVED)
        with structlog.testing.capture_logs() as logs:
            stage.work()
            for _ in range(3):
                stage.clock.advance(seconds=61)
                ours, theirs = dispatcher_of(stage), dispatcher_of(twin)
                for each in (ours, theirs):
                    each.dispatch(lambda _: None)
                for each in (ours, theirs):
                    for crew in each._crews.values():
                        crew.pool.shutdown(wait=True)
        assert ils.probes == 1 + 3, "one to make sure, then one an interval"
        assert [line["event"] for line in logs].count("lane.closed") == 1

    def test_a_probe_that_takes_long_is_not_joined_by_another(self, make_stage: Callable[..., Stage]) -> None:
        ils = Lingering()
        stage = make_stage(ils=ils)
        stage.ledger.lanes.close("pretend", until=stage.clock.now, why="x", cause="unavailable")
        dispatcher = dispatcher_of(stage)
        dispatcher.dispatch(lambda _: None)
        assert ils.there.wait(PATIENCE)
        for _ in range(3):
            stage.clock.advance(minutes=10)
            dispatcher.dispatch(lambda _: None)
        ils.go_on.set()
        for crew in dispatcher._crews.values():
            crew.pool.shutdown(wait=True)
        assert ils.probes == 1

    def test_one_line_each_time_it_closes_and_opens(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=PretendIls())
        with structlog.testing.capture_logs() as logs:
            for number in range(3):
                stage.tell(Phase.RECEIVED, number=str(number))
                stage.ils.down = Unavailable("Nobody there.")
                stage.work()
                for _ in range(2):
                    stage.clock.advance(seconds=61)
                    stage.lane.probe_if_due()
                stage.ils.down = None
                stage.clock.advance(seconds=61)
                stage.lane.probe_if_due()
                stage.settle()
        events = [line["event"] for line in logs if str(line["event"]).startswith("lane.")]
        assert events == ["lane.closed", "lane.opened"] * 3

    def test_what_comes_goes_before_what_the_outage_kept(self, make_stage: Callable[..., Stage]) -> None:
        """The request in hand, and those that came in meanwhile, are backlog when the lane opens."""
        ils = Noting()
        stage = make_stage(ils=ils, cap=1)
        interrupted, waiting = stage.tell(Phase.RECEIVED, number="in hand"), stage.tell(Phase.RECEIVED, number="kept")
        ils.down = Unavailable("Nobody there.")
        stage.work()
        stage.clock.advance(minutes=1)
        ils.down = None
        stage.lane.probe_if_due()
        stage.clock.advance(seconds=1)
        live = stage.tell(Phase.RECEIVED, number="new")
        ils.made.clear()
        stage.settle()
        assert ils.made[0] == "ILL-new"
        assert set(ils.made) == {"ILL-new", "ILL-in hand", "ILL-kept"}
        assert {stage.row(each).state for each in (interrupted, waiting, live)} == {State.IN_STEP}

    def test_news_of_what_the_outage_kept_makes_it_live_again(self, make_stage: Callable[..., Stage]) -> None:
        ils = Noting()
        stage = make_stage(ils=ils, cap=1)
        for number in ("first", "second"):
            stage.tell(Phase.RECEIVED, number=number)
        stage.ledger.lanes.close("pretend", until=stage.clock.now, why="x", cause="unavailable")
        stage.lane.probe_if_due()
        stage.tell(Phase.RECEIVED, number="second", title="Another")
        stage.settle()
        assert ils.made == ["ILL-second", "ILL-first"]


class Noting(PretendIls):
    """Remembers in which order items were made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        outcome = super().create_temporary_item(command, call)
        self.made.append(command.target.barcode)
        return outcome


class Lingering(PretendIls):
    """Its probe takes as long as the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.there = threading.Event()
        self.go_on = threading.Event()

    def probe(self) -> tuple[Finding, ...]:
        self.there.set()
        assert self.go_on.wait(PATIENCE)
        return super().probe()


class Silent(PretendIls):
    """Moves items, and never says so."""

    def __init__(self, problem: IlsError) -> None:
        super().__init__()
        self.problem = problem

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        super().move_item(command, call)
        raise self.problem


class TestDoneWithoutAnAnswer:
    """A write that is safe to repeat may have been done although it failed; and what comes next may be another goal."""

    @pytest.mark.parametrize("problem", [Unavailable(SAID), Retry(SAID, cause="nonsense")])
    def test_it_is_looked_up_before_anything_else(self, make_stage: Callable[..., Stage], problem: IlsError) -> None:
        ils = Silent(problem)
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        number = stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.work()
        pending = stage.row(number).pending
        assert pending is not None
        assert (pending.step.key.verb, pending.state) == (Verb.MOVE_ITEM, StepState.UNKNOWN)
        assert ils.items["OWN-1"].place is not None
        stage.tell(Phase.COMPLETED, role=Role.LENDER)
        stage.settle()
        assert stage.row(number).state is State.CLOSED
        assert ils.items["OWN-1"].place is None

    def test_what_was_too_often_or_refused_was_not_done(self, make_stage: Callable[..., Stage]) -> None:
        ils = Silent(Retry("Too often.", cause="throttled"))
        stage = make_stage(ils=ils, schedule=SCHEDULE)
        number = stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.work()
        assert stage.row(number).pending is None


class Paced(PretendIls):
    """Every call waits for the lane's pace, as all that are made through ``bridge.http`` do."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__()
        self.pace = LanePace(bucket)

    def _verb(self, name: str) -> None:
        self.pace.acquire()
        super()._verb(name)

    def probe(self) -> tuple[Finding, ...]:
        self.pace.acquire()
        return super().probe()


def test_an_ils_that_wants_to_be_left_alone_for_an_hour_holds_no_worker(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    slept: list[float] = []

    def seconds() -> float:
        return stage.clock.now.timestamp()

    bucket = Bucket(0.0, clock=seconds, sleep=slept.append)
    stage.ils = Paced(bucket)
    stage.restart()
    stage.ils.pace.throttled(3600.0)
    number = stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    (lane,) = stage.ledger.lanes.all()
    assert "wants no call for 3600 seconds" in lane.why
    row = stage.row(number)
    assert (row.state, row.attempts, stage.ils.asked, slept) == (State.DUE, 0, [], [])
    stage.clock.advance(hours=1)
    stage.lane.probe_if_due()
    stage.settle()
    assert stage.row(number).state is State.IN_STEP
