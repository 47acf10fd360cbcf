"""The audit by night: few requests a minute, only while nothing else is due, each once, and on after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.domain.audit import AuditMode
from bridge.domain.capabilities import InspectBy
from bridge.domain.change import Phase
from bridge.domain.identity import Mark, RequestKey, Role, mark_for
from bridge.engine.marks import Left
from bridge.engine.steering import Steering
from bridge.errors import Rejected, Retry, Unavailable
from bridge.jobs.audit import AuditJob
from bridge.ledger import LeaseLost, State
from bridge.ledger.model import FOREVER
from bridge.settings import AuditSettings, Configuration, IlsSettings, LibrarySettings, Settings
from tests.engine.pretend import POLICY, START, Killed, Stage, Thing
from tests.engine.test_audit import MARK, audited, finished, kinds, lists, put_back, standing


def job_of(
    stage: Stage,
    *,
    audit: AuditMode = AuditMode.REPORT,
    stops: bool = False,
    own: dict[str, str] | None = None,
    **rules: Any,
) -> AuditJob:
    """A job whose night begins when the stage's clock does."""
    night = {"at": START.time(), "looks_per_minute": 2, "open_every_days": 7, **rules}
    lending = {"default_account": "ILL-1"}
    library = LibrarySettings.model_validate({"ils": "pretend", "audit": audit, "lending": lending, **(own or {})})
    other = LibrarySettings(ils="elsewhere", audit=AuditMode.REPORT)
    settings = Settings(
        bridge="test",
        audit=AuditSettings.model_validate(night),
        ils={"pretend": IlsSettings(connector="alma")},
        libraries={"main": library, "other": other},
    )
    steering = Steering(stage.ledger, {"pretend": (stage.lane, stage.reconciler)}, lease=timedelta(seconds=60))
    known = Configuration(settings, {}, {})
    return AuditJob(known, stage.ledger, steering, {"pretend": stage.lane}, stopping=lambda: stops)


def in_step(stage: Stage, count: int) -> None:
    """So many borrowed items, a week ago."""
    for number in range(1, count + 1):
        stage.tell(Phase.RECEIVED, number=str(number))
    stage.settle(sittings=count + 1)
    stage.clock.advance(days=8)
    stage.ils.asked.clear()


def looks(stage: Stage) -> int:
    return stage.ils.asked.count("inspect")


def test_a_few_requests_a_minute_each_once(stage: Stage) -> None:
    in_step(stage, 5)
    job = job_of(stage)
    for done in (2, 4, 5, 5):
        job.run("pretend")
        assert looks(stage) == done
        stage.clock.advance(minutes=1)


def test_a_restart_goes_on_where_it_stopped(stage: Stage) -> None:
    in_step(stage, 4)
    job_of(stage).run("pretend")
    stage.restart()
    job_of(stage).run("pretend")
    assert looks(stage) == 4
    job_of(stage).run("pretend")
    assert looks(stage) == 4


def test_only_by_night_and_where_it_is_wanted(stage: Stage) -> None:
    in_step(stage, 1)
    job_of(stage, audit=AuditMode.OFF).run("pretend")
    stage.clock.advance(hours=5)
    job_of(stage).run("pretend")
    assert looks(stage) == 0
    stage.clock.advance(hours=19)
    job_of(stage).run("pretend")
    assert looks(stage) == 1


@pytest.mark.parametrize(
    ("at", "zone", "goes_on"),
    [("10:00", "Europe/Berlin", True), ("09:00", "Asia/Tokyo", False), ("23:00", "UTC", False)],
)
def test_the_night_is_that_of_its_zone(stage: Stage, at: str, zone: str, *, goes_on: bool) -> None:
    """The stage begins at nine in UTC."""
    assert (AuditSettings.model_validate({"at": at, "timezone": zone}).night(stage.clock()) is not None) is goes_on


@pytest.mark.parametrize(("zone", "looked"), [("UTC", 1), ("Asia/Tokyo", 0)])
def test_a_library_may_have_a_night_of_its_own(stage: Stage, zone: str, looked: int) -> None:
    """The stage begins at nine in UTC; the other libraries' night does not."""
    in_step(stage, 1)
    job = job_of(stage, at="21:00", own={"audit_at": "08:30", "audit_timezone": zone})
    job.run("pretend")
    assert looks(stage) == looked


def test_each_library_is_looked_at_anew_in_its_next_night(stage: Stage) -> None:
    in_step(stage, 1)
    stage.ils.fails = [("inspect", Retry("Not now."))]
    job = job_of(stage, at="21:00", own={"audit_at": "08:30"})
    for hours, done in ((0, 1), (1, 1), (12, 1), (11, 2)):
        stage.clock.advance(hours=hours)
        job.run("pretend")
        assert looks(stage) == done


def test_a_night_that_lasts_all_day_is_followed_by_the_next(stage: Stage) -> None:
    in_step(stage, 1)
    job = job_of(stage, hours=24)
    for day in range(1, 4):
        job.run("pretend")
        assert looks(stage) == day
        stage.clock.advance(days=7)


def test_a_repair_that_found_no_room_is_made_in_the_next_night(make_stage: Callable[..., Stage]) -> None:
    """One deletion in this hour was the loan's own, and half of three leaves no room for another."""
    stage = make_stage(policy=replace(POLICY, deletes_per_hour=3))
    finished(stage)
    put_back(stage)
    assert "Not repaired now" in audited(stage, repair=True).lines[-1]
    job = job_of(stage, audit=AuditMode.REPAIR, own={"mode": "live"})
    stage.clock.advance(minutes=5)
    job.run("pretend")
    assert "again" in stage.ils.items, "looked at since the night began"
    stage.clock.advance(days=1)
    stage.tell(Phase.RECEIVED, number="2")
    stage.settle()
    job.run("pretend")
    assert "again" not in stage.ils.items
    assert kinds(stage) == []


@pytest.mark.parametrize("boundary", ["settle", "begin"])
def test_a_repair_that_was_cut_off_is_made_by_the_next_night(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    finished(stage)
    put_back(stage)
    stage.clock.advance(hours=2)

    def die(*_: Any) -> Any:
        raise Killed

    monkeypatch.setattr(stage.ledger.work, boundary, die)
    with pytest.raises(Killed):
        job_of(stage, audit=AuditMode.REPAIR, own={"mode": "live"}).run("pretend")
    monkeypatch.undo()
    stage.restart()
    stage.settle()
    stage.clock.advance(hours=22)
    job_of(stage, audit=AuditMode.REPAIR, own={"mode": "live"}).run("pretend")
    assert "again" not in stage.ils.items
    assert kinds(stage) == []


@pytest.mark.parametrize("odd", [{"timezone": "Nowhere/Else"}, {"at": "02:00+01:00"}])
def test_an_odd_night_is_refused(odd: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="zone"):
        AuditSettings.model_validate(odd)


def test_live_work_goes_first(stage: Stage) -> None:
    in_step(stage, 1)
    stage.tell(Phase.RECEIVED, number="2")
    job_of(stage).run("pretend")
    assert looks(stage) == 0
    stage.settle()
    job_of(stage).run("pretend")
    assert looks(stage) == 1


def test_work_that_comes_in_meanwhile_ends_the_minute(stage: Stage) -> None:
    in_step(stage, 2)
    look = stage.ils.inspect

    def inspect(*arguments: Any) -> Any:
        stage.tell(Phase.RECEIVED, number="3")
        return look(*arguments)

    stage.ils.inspect = inspect  # type: ignore[method-assign,assignment]
    job_of(stage).run("pretend")
    assert looks(stage) == 1


@pytest.mark.parametrize("held", ["lane closed", "lane", "library", "stopping"])
def test_what_is_closed_or_paused_is_left_alone(stage: Stage, held: str) -> None:
    in_step(stage, 1)
    if held == "lane closed":
        stage.ledger.lanes.close("pretend", until=FOREVER, why="It is down.", cause="unavailable")
    elif held == "lane":
        stage.ledger.lanes.hold("pretend", until=FOREVER, why="Stocktaking.")
    elif held == "library":
        stage.ledger.libraries.hold("main", until=FOREVER, why="Stocktaking.")
    job_of(stage, stops=held == "stopping").run("pretend")
    assert looks(stage) == 0


@pytest.mark.parametrize("problem", [Retry("Not now."), Rejected("It may not be seen.")])
def test_one_that_cannot_be_looked_at_holds_up_no_other(stage: Stage, problem: Retry | Rejected) -> None:
    in_step(stage, 3)
    job = job_of(stage)
    stage.ils.fails = [("inspect", problem)]
    with capture_logs() as logs:
        job.run("pretend")
        job.run("pretend")
    assert looks(stage) == 3
    told = [each for each in logs if each["event"] == "audit.not_looked"]
    assert [(each["request"], each["why"]) for each in told] == [("R1", str(problem))]
    stage.clock.advance(hours=5)
    job.run("pretend")
    stage.clock.advance(hours=19)
    job.run("pretend")
    assert looks(stage) == 4


def test_one_that_somebody_works_on_comes_another_night(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    in_step(stage, 1)
    job = job_of(stage)

    def lost(*_: object, **__: object) -> None:
        raise LeaseLost("It was taken over.")

    monkeypatch.setattr(stage.ledger.work, "claim_one", lost)
    job.run("pretend")
    monkeypatch.setattr(stage.ledger.work, "claim_one", lambda *_, **__: None)
    job.run("pretend")
    assert looks(stage) == 0
    monkeypatch.undo()
    job.run("pretend")
    assert looks(stage) == 0


def test_an_outage_closes_the_lane(stage: Stage) -> None:
    in_step(stage, 3)
    stage.ils.down = Unavailable("It is down.")
    job_of(stage).run("pretend")
    assert looks(stage) == 1
    (lane,) = stage.ledger.lanes.all()
    assert lane.paused_until is not None


def test_never_looked_at_where_the_settings_say_so(stage: Stage) -> None:
    in_step(stage, 1)
    job_of(stage, open_every_days=0).run("pretend")
    assert looks(stage) == 0


@pytest.mark.parametrize("mode", [AuditMode.REPORT, AuditMode.REPAIR])
def test_what_is_found_is_told_or_repaired(stage: Stage, mode: AuditMode) -> None:
    finished(stage)
    put_back(stage)
    stage.clock.advance(days=1)
    job_of(stage, audit=mode).run("pretend")
    repairs = mode is AuditMode.REPAIR
    assert ("again" in stage.ils.items) is not repairs
    assert kinds(stage) == ([] if repairs else ["item_left"])
    assert stage.row().state is State.CLOSED


class TestList:
    """What bears our mark is listed a page a minute."""

    STRANGERS = tuple(
        (f"bib-{number}", mark_for("test", RequestKey("main", "svc", Role.BORROWER, "REQ", f"4{number}"), "", ""))
        for number in range(3)
    )

    def test_a_page_a_minute_once_in_so_many_days(self, stage: Stage) -> None:
        lists(stage, *self.STRANGERS)
        job = job_of(stage)
        for asked, found in ((1, 2), (2, 3), (2, 3)):
            with capture_logs() as logs:
                job.run("pretend")
            assert (stage.ils.asked.count("marked"), len(standing(stage))) == (asked, found)
            stage.clock.advance(minutes=1)
        assert not logs
        stage.clock.advance(days=7)
        job.run("pretend")
        assert stage.ils.asked.count("marked") == 3

    def test_what_a_finished_request_left_is_looked_at_however_long_ago(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        stage.clock.advance(days=100)
        lists(stage, ("bib-99", MARK))
        job_of(stage).run("pretend")
        assert kinds(stage) == ["item_left"]

    def test_a_copy_that_a_look_at_its_finished_request_does_not_find_is_told(self, stage: Stage) -> None:
        finished(stage)
        lists(stage, ("bib-1", MARK), ("bib-99", MARK))
        for _ in range(2):
            job_of(stage).run("pretend")
            (found,) = standing(stage)
            assert found.sentence.startswith("A temporary record (bib-99) bears the mark of R1, but is not what")
            assert found.first_seen == START
            stage.clock.advance(days=7)
        stage.ils.listed = []
        job_of(stage).run("pretend")
        assert standing(stage) == ()

    def test_one_of_a_library_that_is_not_audited_is_let_be(self, stage: Stage) -> None:
        finished(stage)
        put_back(stage)
        lists(stage, ("bib-99", MARK))
        job = job_of(stage)
        job._left([Left(1)], {})
        assert kinds(stage) == []

    def test_an_ils_that_cannot_list_says_so_in_the_log(self, stage: Stage) -> None:
        stage.ils.capabilities = _cannot(stage)
        with capture_logs() as logs:
            job_of(stage).run("pretend")
        (told,) = [each for each in logs if each["event"] == "audit.listed"]
        assert told["problem"] == "It has no search."

    @pytest.mark.parametrize("problem", [Unavailable("It is down."), Rejected("No such set.")])
    def test_a_list_that_cannot_be_read_is_told(self, stage: Stage, problem: Unavailable | Rejected) -> None:
        lists(stage, *self.STRANGERS)
        stage.ils.fails = [("marked", problem)]
        with capture_logs() as logs:
            job_of(stage).run("pretend")
        assert [each["why"] for each in logs if each["event"] == "audit.not_listed"] == [str(problem)]
        (lane,) = stage.ledger.lanes.all()
        assert (lane.paused_until is not None) == isinstance(problem, Unavailable)

    def test_never_where_the_settings_say_so(self, stage: Stage) -> None:
        lists(stage, *self.STRANGERS)
        job_of(stage, list_every_days=0).run("pretend")
        assert stage.ils.asked == []


def _cannot(stage: Stage) -> Any:
    return replace(stage.ils.capabilities, inspect_by=frozenset({InspectBy.IDS}), cannot_list="It has no search.")


def test_accounts_are_told_once_an_hour_of_the_night(stage: Stage) -> None:
    job = job_of(stage)
    job.look_after()
    assert stage.ils.asked == ["find_patron"]
    stage.ledger.accounts.learned("pretend", "ILL-1", expires=None, problem="It is blocked.")
    job.look_after()
    assert standing(stage) == ()
    stage.clock.advance(hours=1)
    job.look_after()
    assert [(each.kind, each.library) for each in standing(stage)] == [("account", "main")]
    stage.ledger.accounts.learned("pretend", "ILL-1", expires=None, problem="")
    stage.clock.advance(hours=1)
    job.look_after()
    assert standing(stage) == ()
    assert stage.ils.asked == ["find_patron"]


def test_accounts_are_let_be_where_nothing_is_audited(stage: Stage) -> None:
    job_of(stage, audit=AuditMode.OFF).look_after()
    stage.clock.advance(hours=5)
    job_of(stage).look_after()
    assert stage.ils.asked == []


def test_a_stranger_in_the_ils_is_never_touched(stage: Stage) -> None:
    """A thing without our mark, under a barcode of ours, survives a night of repairs."""
    finished(stage)
    stage.ils.items["stock"] = Thing(Mark("", ""), "ILL-1")
    stage.clock.advance(days=8)
    job_of(stage, audit=AuditMode.REPAIR).run("pretend")
    assert "stock" in stage.ils.items
