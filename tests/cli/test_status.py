"""``status``: what needs attention, and how everything stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bridge.cli import overview
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.ledger import Ledger, Parked, State, Verdict
from bridge.ledger.model import FOREVER, NewOrder
from tests.cli.house import House, daemon, several, take

FEED = '[sources.feed]\nkind = "feed"\nservice = "svc"\nlibrary = "main"\nurl = "http://127.0.0.1:9/changes"\n'


@pytest.fixture
def ledger(house: House) -> Iterator[Ledger]:
    house.command("status")
    made = Ledger(house.ledger_url)
    yield made
    made.close()


def lines(house: House) -> list[str]:
    result = house.command("status")
    assert result.exit_code == 0, result.output
    return str(result.stdout).splitlines()


def test_nothing_needs_attention(house: House) -> None:
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
        said = lines(house)
        assert house.asked("status")["concerns"] == []
    assert said[:2] == ["Daemon: running", "Nothing needs attention."]
    assert said[2].startswith("Lane alma: open; ")
    assert said[3] == "Library main (alma, live): 1 in_step; 0 of 50 deletions in this hour"


def test_a_daemon_that_does_not_run_is_a_concern(house: House) -> None:
    assert lines(house)[:3] == ["Daemon: not running", "Needs attention:", "  - The daemon is not running."]


def test_the_keys_that_scripts_know_stay(house: House) -> None:
    report = house.asked("status")
    assert {"daemon", "lanes", "sources", "requests", "kept", "attention"} < set(report)
    assert {"name", "open", "why", "calls_remaining"} < set(report["lanes"][0])


def test_pauses_are_shown_with_who_and_until_when_and_are_no_concern(house: House) -> None:
    house.command("pause", "main", "--note", "Holidays")
    house.command("pause", "alma", "--until", "2999-01-01 06:00", "--note", "Alma upgrade")
    report = house.asked("status")
    (lane,), (library,) = report["lanes"], report["libraries"]
    assert (lane["held"], lane["held_until"][:4], library["held"], library["held_until"]) == (True, "2999", True, None)
    assert library["held_by"] == "staff"
    assert library["held_why"].startswith("Paused by ")
    assert report["concerns"] == ["The daemon is not running."]
    said = "\n".join(lines(house))
    assert "Lane alma: open; paused until 2999-01-01 " in said
    assert "paused until it is resumed (Paused by " in said
    assert "Alma upgrade" in said


def test_a_library_at_its_quota_is_a_concern(house: House, ledger: Ledger) -> None:
    ledger.libraries.hold("main", until=FOREVER, why="50 were deleted.", cause="delete_quota")
    assert house.asked("status")["concerns"][1:] == ["Library main stopped at its quota of deletions: 50 were deleted."]


def test_how_long_a_lane_has_been_closed(house: House, ledger: Ledger) -> None:
    ledger.clock = ledger.lanes._clock = lambda: datetime.now(UTC) - timedelta(minutes=23, seconds=5)
    ledger.lanes.close("alma", until=datetime.now(UTC), why="Nobody there.", cause="unavailable")
    report = house.asked("status")
    (lane,) = report["lanes"]
    assert (lane["open"], lane["cause"], int(lane["closed_seconds"] // 60)) == (False, "unavailable", 23)
    assert report["concerns"][1:] == ["Lane alma has been closed for 23 min: Nobody there."]
    assert "Lane alma: closed for 23 min: Nobody there." in lines(house)


def test_what_has_been_due_for_long(house: House, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    take(house)
    (lane,) = house.asked("status")["lanes"]
    assert lane["due"] == 1
    assert house.asked("status")["oldest_due"]["request"] == "R1"
    assert any(line.startswith("Due the longest: R1 on lane alma for ") for line in lines(house))
    assert house.asked("status")["concerns"] == ["The daemon is not running."]
    monkeypatch.setattr(overview, "LONG_DUE", timedelta(0))
    assert house.asked("status")["concerns"][1].startswith("R1 has been due for ")
    ledger.lanes.close("alma", until=FOREVER, why="Nobody there.", cause="unavailable")
    assert len(house.asked("status")["concerns"]) == 2, "a closed lane says it already"


def test_what_is_left_to_people(house: House, ledger: Ledger) -> None:
    house.write(FEED + '[libraries.other]\nils = "alma"\n')
    ledger.inbox.polled("feed", "It does not answer.")
    ledger.inbox.take("hook", [Arrival("x", "{", state=ArrivalState.MALFORMED, problem="Not JSON.")], lambda _: "alma")
    with daemon(house) as url:
        house.post(url, patron={"id": "nobody"})
        house.settled("parked")
    ledger.orders.give(NewOrder("resync", 1))
    report = house.asked("status")
    assert {each["name"]: each["requests"] for each in report["libraries"]} == {"main": {"parked": 1}, "other": {}}
    assert report["orders"] == {"resync": 1}
    said = lines(house)
    assert "  - 1 request is parked: ill-bridge requests --state parked" in said
    (group,) = report["stopped"]
    assert (group["library"], group["cause"], group["count"], group["tried_again"]) == ("main", "unknown_patron", 1, 1)
    assert any(line.startswith("Parked, unknown patron: 1 request of main. Tried again by itself at ") for line in said)
    assert [each["request"] for each in house.asked("requests", "--cause", "unknown_patron")] == ["R1"]
    assert house.asked("requests", "--cause", "item_type") == []
    assert house.command("requests", "--state", "parked").stdout.startswith(
        "Parked, unknown patron: 1 request of main."
    )
    assert "Tried again by itself: " in house.command("show", "R1").stdout
    assert any(line.startswith("  - Source feed is silent: ") for line in said)
    assert any(line.startswith("  - 1 message is not understood: ") for line in said)
    assert "Orders not carried out yet: 1 resync" in said


def test_what_age_closed_is_shown_for_a_month_and_is_no_concern(house: House, ledger: Ledger) -> None:
    several(house, 21, status="Shipped")
    for number in range(1, 22):
        held = ledger.work.claim_one(number, owner="aged", lease=timedelta(seconds=60))
        assert held is not None
        verdict = Verdict(State.CLOSED, "shipped", parked=Parked("", "aged", "Closed by age.", ""))
        ledger.work.release(held, verdict, version=held.row.version)
    report = house.asked("status")
    assert report["concerns"] == ["The daemon is not running."]
    assert {each["state"] for each in report["closed_by_age"]} == {"closed"}
    said = lines(house)
    assert said[-1] == "and 1 more closed by age in the last 30 days"
    assert f"R21 (1021, shipped): closed by age on {datetime.now(UTC):%Y-%m-%d}" in said
    later = Ledger(house.ledger_url, clock=lambda: datetime.now(UTC) + timedelta(days=31))
    assert later.attention.closed_by_age(later.clock() - overview.AGED_SHOWN) == ()
    later.close()


def test_observe_mode_and_its_cut_over_are_shown(house: House) -> None:
    text = house.config.read_text(encoding="utf-8")
    text = text.replace('mode = "live"', 'mode = "observe"\nlive_from = "2026-12-01T06:00:00+01:00"')
    house.config.write_text(text, encoding="utf-8")
    (library,) = house.asked("status")["libraries"]
    assert (library["mode"], library["live_from"]) == ("observe", "2026-12-01T06:00:00+01:00")
    assert any(
        line.startswith("Library main (alma, observe, cut-over 2026-12-01 06:00+01:00): none;") for line in lines(house)
    )


def test_observed_and_forgotten_requests_are_counted(house: House) -> None:
    text = house.config.read_text(encoding="utf-8")
    house.config.write_text(text.replace('mode = "live"', 'mode = "observe"'), encoding="utf-8")
    with daemon(house) as url:
        house.post(url)
        house.post(url, request={"number": "2", "requester": "ABC"})
        house.settled("observed")
        house.settled("observed", "2")
        house.command("forget", "2", "--note", "A test.", "--yes")
    assert house.asked("status")["requests"] == {"forgotten": 1, "observed": 1}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0, " for 0 s"),
        (59, " for 59 s"),
        (60, " for 1 min"),
        (3660, " for 1 h 1 min"),
        (180_000, " for 2 days"),
    ],
)
def test_spans_are_said_as_people_say_them(seconds: float | None, said: str) -> None:
    assert overview._for(seconds) == said


def test_many_are_many() -> None:
    assert (overview._many(1, "request"), overview._many(2, "request")) == ("1 request is", "2 requests are")
