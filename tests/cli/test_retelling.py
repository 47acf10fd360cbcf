"""``replay --since``: what a corrected table would do to messages that were taken, tried first and then done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.cli.house import House, ledger_of, take_all

SPYDUS = '[sources.hook.words."request complete"]\nphase = "completed"\nclosure = "returned"\n'
CORRECTED = '[sources.hook.words."request complete"]\nphase = "received"\n'
SINCE = ("replay", "--source", "hook", "--since", "2020-01-01")


def misread(house: House) -> None:
    """A service that says complete when the item arrives, and a table that takes it for a return."""
    house.write(SPYDUS)
    shipped = {"id": "a", "status": "Shipped", "time": "2026-11-24T09:00:00Z"}
    complete: dict[str, object] = {"id": "b", "status": "Request complete", "time": "2026-11-25T09:00:00Z"}
    patron = {"patron": {"id": "3001234"}, "pickup_location": "MAIN", "item": {"title": "Bees", "barcode": "S-1"}}
    take_all(house, [{**shipped, **patron}, complete, {"id": "c", "request": {"number": "77"}}])


def status_of(house: House) -> Any:
    return house.asked("show", "1001")[0]["known"][0]["phase"]


def test_what_a_corrected_word_would_do_is_shown_and_nothing_is_done(house: House) -> None:
    misread(house)
    house.change(SPYDUS, CORRECTED)
    result = house.command(*SINCE, "--dry-run")
    assert result.exit_code == 0
    assert "R1 (1001, main, borrower): completed (returned) → received" in result.stdout
    assert "would: " in result.stdout
    assert "3 messages of 2 requests; 1 would stay as they are." in result.stdout
    assert status_of(house) == "completed"
    told = house.asked(*SINCE, "--dry-run")
    assert [(each["before"], each["after"]) for each in told["requests"]] == [("completed (returned)", "received")]


def test_then_it_is_done_and_only_once(house: House) -> None:
    misread(house)
    house.change(SPYDUS, CORRECTED)
    assert house.command(*SINCE).exit_code == 1  # nobody said yes
    assert status_of(house) == "completed"
    assert house.command(*SINCE, "--yes").exit_code == 0
    assert status_of(house) == "received"
    history = [line["line"] for line in house.asked("show", "1001")[0]["history"]]
    assert any("Told anew from its messages" in line for line in history)
    assert "0 would stay" not in house.command(*SINCE, "--dry-run").stdout


def test_a_word_that_becomes_unknown_takes_back_what_it_said(house: House) -> None:
    misread(house)
    house.change(SPYDUS, '[sources.hook.words."request complete"]\nunknown = true\n')
    said = house.command(*SINCE, "--yes").stdout
    assert "completed (returned) → shipped" in said
    assert "2: still not understood" in said
    assert status_of(house) == "shipped"
    assert [each["id"] for each in house.asked("status")["kept"]] == [2]


def test_a_kept_message_tried_before_it_is_replayed(house: House) -> None:
    take_all(house, [{"id": "a", "status": "Teleported"}])
    assert "still not understood" in house.command("replay", "--all", "--dry-run").stdout
    house.write('[sources.hook.words."teleported"]\nphase = "received"\n')
    said = house.command("replay", "1", "--dry-run").stdout
    assert "new (1001, main, borrower): nothing → received" in said
    assert house.asked("requests") == []
    assert house.command(*SINCE, "--yes").exit_code == 0
    assert status_of(house) == "received"


def test_a_request_whose_messages_are_gone_is_left_alone_and_told(house: House) -> None:
    misread(house)
    with ledger_of(house) as ledger:
        ledger.privacy.drop_bodies(ledger.clock() + timedelta(seconds=1))
    take_all(house, [{"id": "d", "status": "Request complete", "time": "2026-11-26T09:00:00Z"}])
    house.change(SPYDUS, CORRECTED)
    said = house.command(*SINCE, "--yes").stdout
    assert "cannot be told anew" in said
    assert status_of(house) == "completed"


def test_what_was_said_meanwhile_is_not_lost(house: House) -> None:
    misread(house)
    with ledger_of(house) as ledger:
        (row,) = ledger.requests.find("1001")
    take_all(house, [{"id": "d", "status": "Lost", "time": "2026-11-26T09:00:00Z"}])
    with ledger_of(house) as ledger:
        assert not ledger.inbox.retell(row, row.request, {}, "nothing")


WRONG = [
    ["--since", "2026-01-01"],
    ["--source", "hok", "--since", "2026-01-01"],
    ["--source", "hook", "--since", "soon"],
]


@pytest.mark.parametrize("wrong", WRONG)
def test_options_that_make_no_sense(house: House, wrong: list[str]) -> None:
    assert house.command("replay", *wrong).exit_code == 2
