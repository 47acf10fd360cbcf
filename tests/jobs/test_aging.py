"""What has grown old is closed by rule, never silently; nothing is done in the ILS, and news takes it up again."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.alerts.digest import digest
from bridge.alerts.facts import Facts
from bridge.alerts.settings import AlertSettings
from bridge.domain.attention import QuietRequest
from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.domain.policy import Mode
from bridge.jobs.aging import AgingJob, closing
from bridge.ledger import State
from bridge.settings import IlsSettings, LibrarySettings, Settings
from tests.engine.pretend import DUE, START, Stage


def settings(days: int = 180, mode: Mode = Mode.LIVE) -> Settings:
    library = LibrarySettings(ils="pretend", mode=mode, close_after_days=days)
    return Settings(ils={"pretend": IlsSettings(connector="alma")}, libraries={"main": library})


def age(stage: Stage, *, days: int = 181, stops: bool = False) -> None:
    stage.clock.advance(days=days)
    stage.ils.asked.clear()
    AgingJob(settings(), stage.ledger, stopping=lambda: stops).run()
    assert stage.ils.asked == [], "nothing is asked of the ILS"


@pytest.fixture
def lent(stage: Stage) -> Stage:
    stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
    stage.settle()
    return stage


def test_only_libraries_that_want_it() -> None:
    assert closing(settings()) == {"main": 180}
    assert closing(settings(0)) == closing(settings(mode=Mode.OBSERVE)) == {}


def test_a_lent_item_that_did_not_come_back_is_closed_and_stays_out(lent: Stage) -> None:
    with capture_logs() as logs:
        age(lent)
    assert lent.row().state is State.CLOSED
    assert lent.ils.items["OWN-1"].loan is not None
    assert lent.history()[-1] == (
        "Closed by age. The service has said nothing for more than 180 days (close_after_days). Nothing is done in the ILS: Item OWN-1 "
        "stays on loan to PARTNER. Item OWN-1 stays at RS/OUT. News of it takes it up again."
    )
    assert [(line["event"], line["state"]) for line in logs] == [("request.aged", "closed")]


def test_before_its_time_nothing_happens(lent: Stage) -> None:
    age(lent, days=179)
    assert lent.row().state is State.IN_STEP


def test_news_takes_it_up_again(lent: Stage) -> None:
    age(lent)
    lent.tell(Phase.COMPLETED, role=Role.LENDER)
    lent.settle()
    assert lent.row().state is State.CLOSED
    assert lent.ils.items["OWN-1"].loan is None, "it came back after all"
    assert lent.row().parked.cause == ""


def test_news_of_the_same_moment_goes_first(lent: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    release = lent.ledger.work.release

    def told_meanwhile(*given: Any, **named: Any) -> State:
        lent.tell(Phase.COMPLETED, role=Role.LENDER)
        return release(*given, **named)

    monkeypatch.setattr(lent.ledger.work, "release", told_meanwhile)
    with capture_logs() as logs:
        age(lent)
    monkeypatch.undo()
    assert logs == []
    assert lent.row().state is State.DUE
    lent.settle()
    assert lent.ils.items["OWN-1"].loan is None
    assert not any("Closed by age" in line for line in lent.history())


def test_a_borrowed_item_that_stands_is_parked_for_staff(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    age(stage)
    row = stage.row()
    assert (row.state, row.parked.cause) == (State.PARKED, "aged")
    assert "Temporary item ILL-1 stays" in row.parked.reason
    assert row.parked.advice.endswith("then: ill-bridge retry R1.")
    age(stage, days=1)
    assert sum(line.startswith("Parked.") for line in stage.history()) == 1
    stage.tell(Phase.RETURNED)
    stage.settle()
    assert stage.row().state is State.IN_STEP, "news takes it up"
    assert "ILL-1" not in {thing.barcode for thing in stage.ils.items.values()}


def test_a_borrowed_request_that_never_came_to_anything_is_closed(stage: Stage) -> None:
    stage.tell(Phase.REQUESTED)
    stage.settle()
    age(stage)
    assert stage.row().state is State.CLOSED
    assert "Nothing of it is in the ILS." in stage.history()[-1]


def test_what_staff_had_to_do_with_lately_is_not_old(lent: Stage) -> None:
    lent.clock.advance(days=100)
    held = lent.ledger.work.claim_one(1, owner="resync", lease=lent.lane.rules.probe_interval)
    assert held is not None
    lent.reconciler.work(held, afresh=True)
    age(lent, days=100)
    assert lent.row().state is State.IN_STEP


def test_what_is_held_by_a_worker_waits(lent: Stage) -> None:
    lent.clock.advance(days=181)
    lent.ledger.work.claim_one(1, owner="other", lease=lent.lane.rules.probe_interval)
    age(lent, days=0)
    assert lent.row().state is State.IN_STEP


def test_what_is_parked_already_stays_as_it_is(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED, role=Role.LENDER, barcode="")
    stage.settle()
    assert stage.row().state is State.STAFF
    age(stage)
    assert stage.row().state is State.STAFF


def test_a_daemon_that_stops_closes_no_more(lent: Stage) -> None:
    age(lent, stops=True)
    assert lent.row().state is State.IN_STEP


def test_the_digest_tells_what_age_closed(lent: Stage) -> None:
    before = lent.clock()
    age(lent)
    (found,) = lent.ledger.attention.closed_by_age(before)
    assert (found.name, found.library, found.heard) == ("R1", "main", lent.clock())
    lent.clock.advance(days=1)
    assert lent.ledger.attention.closed_by_age(lent.clock()) == ()
    facts = Facts(lent.clock(), aged=(found,) * 12)
    told = digest(facts, AlertSettings(), since=before)
    assert any(line.strip().startswith("12 requests closed by age: R1 (1, shipped), ") for line in told.lines)
    assert isinstance(found, QuietRequest)
    assert lent.clock() > START
