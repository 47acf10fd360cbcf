"""Parked requests: tried again by themselves where time heals, planned anew with another goal, never in another's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bridge.domain.change import Condition, Phase
from bridge.domain.identity import Role
from bridge.domain.parking import Nights
from bridge.engine.parking import Found, look_at_stopped
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.ledger import State, Verdict
from bridge.ledger.model import StepState
from tests.databases import migrate
from tests.engine.pretend import DUE, LATER, Stage

NIGHTS = Nights(time(2, 30), ZoneInfo("UTC"), {"main": 3})
UNKNOWN = Rejected("The patron is unknown.", cause="unknown_patron", advice="Correct the patron id in the request.")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """On SQLite alone; what the databases might do differently is asked of both."""
    stage = Stage(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"), nights=NIGHTS)
    yield stage
    stage.close()


@pytest.fixture
def each_stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage(nights=NIGHTS)


def fail(stage: Stage, problem: IlsError = UNKNOWN, verb: str = "find_patron") -> None:
    stage.ils.fails.append((verb, problem))


def parked(stage: Stage, problem: IlsError = UNKNOWN, verb: str = "find_patron", **edits: Any) -> int:
    fail(stage, problem, verb)
    request = stage.tell(Phase.RECEIVED, due=DUE, **edits)
    stage.settle()
    assert stage.row(request).state is State.PARKED
    return request


def night(stage: Stage) -> State | None:
    """What the next night brings."""
    due = [row.due_at for row in stage.ledger.stopped.all() if row.due_at is not None]
    stage.clock.now = max(stage.clock.now, min(due, default=stage.clock.now + timedelta(days=1)))
    return stage.work()


def parked_at(stage: Stage) -> datetime | None:
    return stage.row().parked_at


class TestByItself:
    def test_time_heals(self, stage: Stage) -> None:
        parked(stage)
        assert stage.row().due_at == stage.clock.now.replace(day=25, hour=2, minute=30)
        assert stage.work() is None, "not before the night"
        assert night(stage) is State.IN_STEP
        assert stage.history()[-5:] == [
            "Parked. Correct the patron id in the request, then: ill-bridge retry R1. It is tried again by itself every night.",
            "The patron is known in pretend and may borrow.",
            "Temporary item ILL-1 was made in pretend (bib bib-1, item item-2).",
            "A hold on item ILL-1 was placed, pickup at MAIN.",
            "The ILS agrees with the request; nothing is left to do.",
        ]

    def test_the_same_refusal_is_no_news_and_ends_after_so_many_nights(self, stage: Stage) -> None:
        parked(stage)
        since, told = parked_at(stage), stage.history()
        for _ in range(2):
            fail(stage)
            assert night(stage) is State.PARKED
            assert (parked_at(stage), stage.history()) == (since, told)
        (journal,) = stage.ledger.requests.journal(1)
        assert (journal.state, journal.problem) == (
            StepState.REFUSED,
            "Find patron did not succeed: The patron is unknown.",
        )
        fail(stage)
        assert night(stage) is State.PARKED
        assert stage.row().due_at is None
        assert stage.history() == [*told, "It was tried again every night and is not tried by itself any more."]
        assert night(stage) is None, "it was tried long enough"

    def test_that_it_is_not_tried_any_more_is_said_once(self, stage: Stage) -> None:
        parked(stage)
        stage.clock.advance(days=4)
        fail(stage, Retry("Busy."))
        assert stage.work() is State.PARKED
        assert stage.history()[-1] == "It was tried again every night and is not tried by itself any more."
        assert stage.row().due_at is None
        assert stage.row().parked.cause == "unknown_patron"

    def test_another_refusal_is_news(self, stage: Stage) -> None:
        parked(stage)
        since = parked_at(stage)
        fail(stage, Rejected("The patron is blocked.", cause="patron_not_entitled"))
        assert night(stage) is State.PARKED
        assert parked_at(stage) != since
        assert stage.history()[-2:] == [
            "Find patron did not succeed: The patron is blocked.",
            "Parked. See to the patron's record in the ILS, then: ill-bridge retry R1. It is tried again by itself every night.",
        ]

    @pytest.mark.parametrize("problem", [Retry("Busy.", cause="throttled"), OutcomeUnknown("No answer.")])
    def test_an_ils_that_is_busy_at_night_is_no_news(self, stage: Stage, problem: IlsError) -> None:
        parked(stage)
        since = parked_at(stage)
        for _ in range(3):
            fail(stage, problem)
        assert night(stage) is State.PARKED
        row = stage.row()
        assert (row.parked_at, row.parked.cause, row.attempts) == (since, "unknown_patron", 0)
        assert row.due_at is not None
        assert row.due_at > stage.clock.now

    @pytest.mark.parametrize("problem", [Unavailable("Nobody there."), CredentialsRejected("Bad key.")])
    def test_an_ils_that_is_down_at_night_keeps_it_for_later(self, stage: Stage, problem: IlsError) -> None:
        parked(stage)
        since = parked_at(stage)
        stage.ils.down = problem
        assert night(stage) is State.PARKED
        assert stage.work() is None, "the lane is closed"
        stage.ils.down = None
        assert stage.lane.probe()
        assert parked_at(stage) == since
        assert stage.work() is State.IN_STEP

    def test_told_to_stop_it_is_kept_for_the_next_start(self, stage: Stage) -> None:
        parked(stage)
        stage.stops.append(True)
        assert night(stage) is State.PARKED
        stage.stops.clear()
        assert stage.work() is State.IN_STEP

    def test_half_of_the_way_is_news_and_waits_as_usual(self, stage: Stage) -> None:
        parked(stage)
        fail(stage, Retry("Busy."), "create_temporary_item")
        assert night(stage) is State.WAITING
        assert "The patron is known in pretend and may borrow." in stage.history()

    def test_after_the_last_try_of_a_busy_ils_it_goes_on_at_night(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED)
        for _ in range(4):
            fail(stage, Retry("Busy.", cause="server_error"))
            stage.work()
            stage.clock.advance(hours=2)
        assert stage.row().state is State.PARKED
        assert night(stage) is State.IN_STEP

    @pytest.mark.parametrize("cause", ["item_type", "not_ours", "fault", "refused"])
    def test_what_only_people_mend_is_left_to_them(self, stage: Stage, cause: str) -> None:
        parked(stage, Rejected("No.", cause=cause))
        assert stage.row().due_at is None
        assert "by itself" not in stage.history()[-1]
        stage.clock.advance(days=2)
        assert stage.work() is None

    def test_it_goes_behind_live_changes_and_backlog(self, each_stage: Stage) -> None:
        stage = each_stage
        parked(stage)
        stage.clock.advance(days=1)
        live, backlog = stage.tell(Phase.RECEIVED, number="2"), stage.tell(Phase.RECEIVED, number="3")
        held = stage.ledger.work.claim_one(backlog, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        row = stage.row(backlog)
        assert stage.ledger.stopped.plan_anew(row) is False, "somebody works on it"
        stage.ledger.work.release(held, Verdict(State.DUE, "", stage.clock.now, backlog=True), version=row.version)
        claimed = []
        for _ in range(3):
            mine = stage.ledger.work.claim("pretend", owner="test", lease=timedelta(seconds=60), cap=4)
            assert mine is not None
            claimed.append((mine.row.id, mine.more))
        assert claimed == [(live, True), (backlog, True), (1, False)]

    def test_the_lane_is_known_to_have_work_at_night(self, each_stage: Stage) -> None:
        stage = each_stage
        parked(stage)
        assert stage.ledger.work.due_lanes() == (("pretend", stage.row().due_at),)

    def test_a_worker_that_died_meanwhile_leaves_it_parked_and_due(self, stage: Stage) -> None:
        parked(stage)
        since = parked_at(stage)
        stage.clock.advance(days=1)
        assert stage.ledger.work.claim("pretend", owner="dead", lease=timedelta(seconds=60), cap=2) is not None
        assert stage.work() is None
        stage.clock.advance(minutes=2)
        assert (stage.row().state, parked_at(stage)) == (State.PARKED, since)
        assert stage.work() is State.IN_STEP

    def test_a_look_before_the_night_leaves_the_night(self, stage: Stage) -> None:
        parked(stage)
        due = stage.row().due_at
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(seconds=60))
        assert held is not None
        assert stage.reconciler.work(held) is State.PARKED
        assert stage.row().due_at == due

    def test_one_volume_heals_at_night_whatever_another_says(self, stage: Stage) -> None:
        fail(stage, Rejected("Type.", cause="item_type"), "create_temporary_item")
        stage.tell(Phase.RECEIVED, volume="1", temporary_barcode="V1")
        stage.tell(Phase.RECEIVED, volume="2", temporary_barcode="V2")
        stage.settle()
        assert {thing.barcode for thing in stage.ils.items.values()} == {"OWN-1", "V2"}


class TestInNobodysWay:
    """Nothing that is parked holds up another."""

    def test_the_other_side_of_its_conversation_goes_on(self, stage: Stage) -> None:
        parked(stage)
        lent = stage.tell(Phase.SHIPPED, role=Role.LENDER)
        stage.settle()
        assert (stage.row().state, stage.row(lent).state) == (State.PARKED, State.IN_STEP)

    def test_nor_does_it_while_it_is_tried_again(self, stage: Stage) -> None:
        parked(stage)
        other = stage.tell(Phase.RECEIVED, number="2")
        stage.clock.advance(days=1)
        fail(stage)  # meets whoever is first: the live one
        stage.work()
        assert stage.row(other).state is State.PARKED
        stage.settle()
        assert stage.row().state is State.IN_STEP

    def test_many_of_them_hold_no_worker(self, stage: Stage) -> None:
        for number in range(30):
            parked(stage, number=str(number))
        assert stage.ledger.work.free_all() == 0
        assert stage.work() is None
        assert stage.ledger.work.due_lanes()[0][1] > stage.clock.now


class TestAnotherGoal:
    """Rule 8, for each kind of news that changes what should be in the ILS."""

    @pytest.mark.parametrize(
        ("phase", "more"),
        [
            (Phase.RECEIVED, {"patron_id": "p2"}),
            (Phase.RECEIVED, {"pickup_location": "SCIENCE"}),
            (Phase.RECEIVED, {"temporary_barcode": "TYPED"}),
            (Phase.RECEIVED, {"due": LATER}),
            (Phase.RECEIVED, {"raised": (Condition.LOST,)}),
            (Phase.RECEIVED, {"raised": (Condition.LIBRARY_USE_ONLY,)}),
            (Phase.RETURNED, {}),
            (Phase.COMPLETED, {}),
            (Phase.CANCELLED, {}),
        ],
    )
    @pytest.mark.parametrize("verb", ["find_patron", "create_temporary_item", "place_hold"])
    def test_a_borrowed_one_is_planned_anew(self, stage: Stage, verb: str, phase: Phase, more: dict[str, Any]) -> None:
        parked(stage, Rejected("No.", cause="item_type"), verb)
        before = stage.row().parked.goal
        stage.tell(phase, **more)
        stage.settle()
        row = stage.row()
        assert row.state is not State.PARKED
        assert row.parked.goal != before

    @pytest.mark.parametrize(
        ("phase", "more"),
        [
            (Phase.SHIPPED, {"partner": "OTHER"}),
            (Phase.SHIPPED, {"due": LATER}),
            (Phase.COMPLETED, {}),
            (Phase.CANCELLED, {}),
        ],
    )
    def test_a_lent_one_is_planned_anew(self, stage: Stage, phase: Phase, more: dict[str, Any]) -> None:
        stage.policy = replace(stage.policy, lending=replace(stage.policy.lending, accounts={"OTHER": "ACC-2"}))
        fail(stage, Rejected("Blocked.", cause="account_blocked"), "check_out")
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.settle()
        assert stage.row().state is State.PARKED
        stage.tell(phase, role=Role.LENDER, **more)
        stage.settle()
        assert stage.row().state is not State.PARKED

    def test_news_that_changes_no_goal_tries_it_once_and_leaves_it_parked(self, stage: Stage) -> None:
        parked(stage)
        since = parked_at(stage)
        stage.ils.asked.clear()
        stage.tell(Phase.RECEIVED, due=DUE, title="Another title")
        stage.ils.fails.append(("find_patron", UNKNOWN))
        stage.settle()
        assert (stage.row().state, parked_at(stage)) == (State.PARKED, since)
        assert stage.ils.asked == ["find_patron"]

    def test_settings_that_change_the_goal_plan_it_anew_at_the_next_start(self, stage: Stage) -> None:
        parked(stage, Rejected("No such pickup.", cause="pickup_location"), "place_hold")
        assert look(stage) == Found(0, 0)
        pickups = {"MAIN": "HQ"}
        stage.policy = replace(stage.policy, borrowing=replace(stage.policy.borrowing, pickup_locations=pickups))
        assert look(stage) == Found(planned_anew=1)
        stage.settle()
        assert stage.row().state is State.IN_STEP
        assert "A hold on item ILL-1 was placed, pickup at HQ." in stage.history()


def look(stage: Stage, nights: Nights = NIGHTS, *libraries: str) -> Found:
    return look_at_stopped(stage.ledger, lambda _: stage.policy, nights, libraries=libraries or ("main",))


class TestAtTheStart:
    def test_what_was_parked_before_the_nights_were_set_is_tried_again(self, stage: Stage) -> None:
        stage.nights = Nights()
        stage.restart()
        parked(stage)
        assert stage.row().due_at is None
        assert look(stage) == Found(set_again=1)
        assert stage.row().due_at == stage.clock.now.replace(day=25, hour=2, minute=30)
        assert look(stage) == Found()

    def test_what_is_switched_off_is_not_tried_again(self, stage: Stage) -> None:
        parked(stage)
        assert look(stage, Nights()) == Found(set_again=1)
        assert stage.row().due_at is None

    def test_a_night_that_was_missed_is_made_up_for(self, stage: Stage) -> None:
        parked(stage)
        stage.clock.advance(days=9)
        assert look(stage) == Found()
        assert stage.work() is State.IN_STEP

    def test_another_hour_counts_from_the_next_night(self, stage: Stage) -> None:
        parked(stage)
        assert look(stage, replace(NIGHTS, at=time(4))) == Found(set_again=1)
        assert stage.row().due_at == stage.clock.now.replace(day=25, hour=4)

    def test_a_library_that_is_not_configured_is_left_alone(self, stage: Stage) -> None:
        parked(stage)
        assert look(stage, Nights(), "other") == Found()
