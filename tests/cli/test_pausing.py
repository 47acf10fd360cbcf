"""``pause`` and ``resume``: libraries and lanes stand still until their time or a human's word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bridge.cli.asking import who
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER
from tests.cli.house import House, daemon, ledger_of, several, take_all, until


def said(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_a_pause_keeps_what_comes_and_what_staff_ask(house: House) -> None:
    with daemon(house) as url:
        result = house.command("pause", "main", "--note", "stocktaking.")
        assert (result.exit_code, result.stdout) == (0, "Library 'main' is paused; 'ill-bridge resume main' ends it.\n")
        house.post(url)
        until(house.row, "a request")
        asked = house.command("retry", "R1")
        assert asked.exit_code == 0
        assert asked.stdout.startswith("R1 is worked on when the pause ends. Library 'main' is paused: Paused by ")
        assert "stocktaking. ill-bridge resume main ends it." in asked.stdout
        assert house.command("resync", "R1", "--dry-run").exit_code == 0
        assert {call.method for call in house.alma.calls()} <= {"GET"}
        assert house.command("resume", "main", "--note", "done").stdout == "Library 'main' goes on.\n"
        house.settled("in_step")
    again = house.command("resume", "main")
    assert again.exit_code == 0
    assert again.stdout.startswith(f"Library 'main' was not paused. Resumed by {who()} at ")
    assert again.stdout.endswith("UTC: done.\n")


def test_a_pause_of_a_lane_ends_by_itself(house: House) -> None:
    with daemon(house) as url:
        with ledger_of(house) as ledger:
            ledger.lanes.hold("alma", until=datetime.now(UTC) + timedelta(seconds=0.5), why="Soon over.")
        house.post(url)
        row = until(house.row, "a request")
        assert row.state == "due"
        house.settled("in_step")


def test_an_end_in_the_past_or_in_no_form_is_refused(house: House) -> None:
    assert "--until is in the past" in said(house.command("pause", "main", "--until", "2020-01-01").stderr)
    assert house.command("pause", "main", "--until", "soon").exit_code == 2
    assert house.command("resume", "main").stdout == "Library 'main' was not paused.\n"
    assert house.command("resume", "alma").stdout == "Lane 'alma' was not paused.\n"


def test_an_end_is_told_as_it_was_given(house: House) -> None:
    result = house.command("pause", "alma", "--until", "2999-12-01 06:00", "--note", "upgrade")
    assert (result.exit_code, result.stdout) == (0, "Lane 'alma' is paused until 2999-12-01 06:00.\n")
    assert house.command("resume", "alma").stdout == "Lane 'alma' goes on.\n"
    assert "Resumed by" in house.command("resume", "alma").stdout


def test_a_name_of_both_kinds_and_of_none(house: House) -> None:
    house.config.write_text(
        house.config.read_text()
        .replace("[libraries.main", "[libraries.alma")
        .replace('library = "main"', 'library = "alma"')
    )
    result = house.command("pause", "alma")
    assert result.exit_code == 2
    assert "say library:alma or lane:alma" in said(result.stderr)
    assert house.command("pause", "library:alma").stdout.startswith("Library 'alma' is paused")
    assert house.command("pause", "lane:alma").stdout.startswith("Lane 'alma' is paused")
    assert "libraries: alma; lanes: alma" in said(house.command("resume", "main").stderr)


def test_a_closed_lane_is_not_a_paused_one(house: House) -> None:
    several(house, 1)
    house.outage(on=True)
    house.command("resync", "R1")
    result = house.command("resume", "alma")
    assert result.stdout.startswith(
        "Lane 'alma' was not paused. It is closed, and opens by itself when the ILS answers: "
    )


def test_too_many_deletions_stop_the_library_until_a_human_says_so(house: House) -> None:
    house.change('mode = "live"', 'mode = "live"\ndeletes_per_hour = 1')
    several(house, 2)
    assert house.command("resync", "--all").exit_code == 0
    back: list[dict[str, object]] = [
        {
            "id": f"b{n}",
            "time": "2026-11-25T10:00:00Z",
            "status": "Returned",
            "request": {"number": str(n), "requester": "ABC"},
        }
        for n in (1001, 1002)
    ]
    take_all(house, back)
    assert house.command("retry", "R1").exit_code == 0
    stopped = house.command("retry", "R2")
    assert stopped.exit_code == 0
    assert stopped.stdout.endswith("then: ill-bridge resume main.\n")
    assert "R2 is now: due.\n" in stopped.stdout
    kept = house.command("pause", "main", "--until", "2999-01-01")
    assert kept.exit_code == 0
    assert kept.stdout.startswith("Library 'main' stands still already. Temporary items of library 'main'")
    with ledger_of(house) as ledger:
        (library,) = ledger.libraries.all()
        assert (library.held_until, library.held_cause) == (FOREVER, OVER_QUOTA)
    assert "when the pause ends. Temporary items" in house.command("resync", "R2").stdout
    assert house.command("resume", "main").stdout == "Library 'main' goes on.\n"
    assert house.command("retry", "R2").exit_code == 0
    assert house.alma.report()["leftovers"] == []
