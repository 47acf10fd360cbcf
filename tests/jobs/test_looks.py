"""Looks at loans fall due by the clock, lane by lane, behind everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bridge.domain.change import Phase
from bridge.domain.policy import AlignDueDate, BorrowingPolicy, Mode
from bridge.jobs.looks import LookJob, aligning
from bridge.ledger import State
from bridge.ledger.model import FOREVER
from bridge.settings import IlsSettings, LibrarySettings, Settings
from tests.engine.pretend import DUE, POLICY, Stage

DAILY = BorrowingPolicy(align_due_date=AlignDueDate.DAILY)


def settings(**libraries: LibrarySettings) -> Settings:
    found = libraries or {"main": LibrarySettings(ils="pretend", mode=Mode.LIVE, borrowing=DAILY)}
    return Settings(ils={"pretend": IlsSettings(connector="alma")}, libraries=found)


@pytest.fixture
def waits(make_stage: Callable[..., Stage]) -> Stage:
    stage = make_stage(
        policy=replace(POLICY, borrowing=replace(POLICY.borrowing, align_due_date=AlignDueDate.DAILY)), cap=1
    )
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    stage.clock.advance(days=1)
    return stage


def job_of(stage: Stage, woken: list[str]) -> LookJob:
    return LookJob(settings(), stage.ledger, wake=woken.append)


def test_libraries_that_align() -> None:
    off = replace(DAILY, align_due_date=AlignDueDate.OFF)
    found = settings(
        a=LibrarySettings(ils="pretend", mode=Mode.LIVE, borrowing=DAILY),
        b=LibrarySettings(ils="pretend", mode=Mode.LIVE, borrowing=off),
        c=LibrarySettings(ils="pretend", mode=Mode.OBSERVE, borrowing=DAILY),
        d=LibrarySettings(ils="pretend", mode=Mode.LIVE, borrowing=replace(DAILY, enabled=False)),
    )
    assert aligning(found) == ("a",)


def test_a_look_falls_due_and_wakes_its_lane(waits: Stage) -> None:
    woken: list[str] = []
    job_of(waits, woken).run()
    assert woken == ["pretend"]
    assert waits.row().state is State.DUE
    job_of(waits, woken).run()
    assert woken == ["pretend"], "once"


def test_live_work_goes_first(waits: Stage) -> None:
    woken: list[str] = []
    waits.tell(Phase.RECEIVED, number="2", due=DUE)
    job_of(waits, woken).run()
    assert woken == []
    waits.settle()
    job_of(waits, woken).run()
    waits.tell(Phase.RECEIVED, number="3", due=DUE)
    waits.ils.asked.clear()
    waits.settle()
    assert waits.ils.asked[-1] == "inspect", "news that came meanwhile went before the look"


@pytest.mark.parametrize("how", ["closed", "held"])
def test_a_lane_that_is_closed_or_paused_is_left_alone(waits: Stage, how: str) -> None:
    if how == "closed":
        waits.ledger.lanes.close("pretend", until=FOREVER, why="Down.", cause="unavailable")
    else:
        waits.ledger.lanes.hold("pretend", until=FOREVER, why="Upgrade.")
    job_of(waits, []).run()
    assert waits.row().state is State.IN_STEP


def test_many_fall_due_in_portions(waits: Stage) -> None:
    for number in range(2, 6):
        waits.tell(Phase.RECEIVED, number=str(number), due=DUE)
    waits.settle()
    waits.clock.advance(days=1)
    job = LookJob(settings(), waits.ledger, wake=lambda _: None, at_once=3)
    job.run()
    assert waits.ledger.requests.counts()[State.DUE] == 3
    waits.settle()
    job.run()
    assert waits.ledger.requests.counts()[State.DUE] == 2


def test_what_was_received_before_is_taken_up_at_the_start(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    with capture_logs() as logs:
        job_of(stage, []).take_up()
        job_of(stage, []).take_up()
    assert [(line["event"], line["requests"]) for line in logs] == [("loans.watched", 1)]
