"""Commands that look and commands that steer, with and without a daemon beside them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bridge import logging
from bridge.cli import asking
from bridge.cli import main as cli
from bridge.ledger import Ledger
from bridge.ledger.model import NewOrder
from bridge.wiring import configuration, readers_of
from tests.cli.house import House, daemon, take, until
from tests.sources.messages import body


def test_looking_at_nothing(house: House) -> None:
    assert house.asked("status")["requests"] == {}
    assert house.command("requests").stdout == "No request matches.\n"
    result = house.command("show", "R1")
    assert (result.exit_code, result.stdout) == (1, "There is no request 'R1'.\n")
    assert "Daemon: not running" in house.command("status").stdout


def test_a_request_from_hold_to_history(house: House) -> None:
    with daemon(house) as url:
        house.post(url, due_date="2027-01-15")
        house.settled("in_step")
        assert house.asked("status")["daemon"] is True
    (shown,) = house.asked("show", "1001")
    assert shown["state"] == "in_step"
    assert shown["items"][0]["holds"][0]["state"] == "placed"
    assert shown["next_step"] == "nothing"
    (known,) = shown["known"]
    assert (known["phase"], known["due"], known["pickup_location"], known["patron"]) == (
        "received",
        "2027-01-15",
        "MAIN",
        "…01",
    )
    lines = [line["line"] for line in shown["history"]]
    assert "A hold on item ILL-1001 was placed, pickup at MAIN." in lines
    assert {step["state"] for step in shown["steps"]} == {"done"}
    page = house.command("show", "R1").stdout
    assert "Circulation history:" in page
    assert "Known: patron …01, pickup location MAIN, due 2027-01-15" in page
    assert "Item ILL-1001: present bib" in page
    assert "P1001" not in page
    assert "1001" in house.command("requests").stdout
    assert [row["request"] for row in house.asked("requests", "--state", "in_step", "--library", "main")] == ["R1"]
    assert house.asked("requests", "--state", "parked") == []
    status = house.command("status").stdout
    assert "Lane alma: open" in status
    assert "calls left" in status
    assert "Source hook: 1 messages" in status
    assert "Requests: 1 in_step" in status


def test_what_needs_attention_is_shown_with_advice(house: House) -> None:
    known = configuration(house.config)
    ledger = Ledger(house.ledger_url)
    ledger.upgrade()
    reader = readers_of(known)["hook"]
    raw = (body(patron={"id": "nobody"}), body(id="e2", status="Teleported"), b"{")
    ledger.inbox.take("hook", [reader.replayed(each.decode()) for each in raw], known.settings.lane)
    ledger.close()
    result = house.command("resync", "1001")
    assert result.exit_code == 1
    assert "R1 is now: parked." in result.stdout
    status = house.command("status").stdout
    assert "Kept message 2 from hook: " in status
    assert "R1 (1001, parked): The patron is unknown in Alma." in status.replace("\n", " ")
    assert "Correct the patron id" in status.replace("\n", " ")
    report = house.asked("status")
    assert [row["cause"] for row in report["attention"]] == ["unknown_patron"]
    assert [kept["id"] for kept in report["kept"]] == [2, 3]
    assert "Why: The patron is unknown" in house.command("show", "R1").stdout
    (shown,) = house.asked("show", "R1")
    assert shown["next_step"] == "Would look the patron up."


def test_resync_without_a_daemon_does_it_itself(house: House) -> None:
    take(house)
    result = house.command("resync", "R1", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "R1: Would place a hold on item ILL-1001, pickup at MAIN."
    assert house.alma.report()["leftovers"] == []
    result = house.command("resync", "1001")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "R1 is now: in_step."
    assert house.row().state == "in_step"  # type: ignore[union-attr]


def test_resync_beside_a_daemon_is_carried_out_by_it(house: House) -> None:
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
        (item,) = [one for one in house.alma.state.items.values() if one.created_by == "api"]
        hold = next(iter(house.alma.state.requests.values()))
        result = house.command("resync", "R1")
        assert result.exit_code == 0, result.output
        assert "everything stands as recorded" in result.stdout
        assert (item.barcode, hold.active) == ("ILL-1001", True)


def test_resync_names_what_is_not_there(house: House) -> None:
    result = house.command("resync", "R7")
    assert (result.exit_code, result.stderr) == (1, "R7: there is no such request.\n")


def test_staff_settle_what_only_they_could_do(house: House) -> None:
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
        house.post(url, status="Lost")
        house.settled("staff")
        assert "Declare item ILL-1001 lost. Alma's API cannot" in house.command("show", "R1").stdout.replace("\n", " ")
        result = house.command("resolve", "R1")
        assert result.exit_code == 0, result.output
        assert "R1 is now: in_step." in result.stdout
    assert house.command("resolve", "R1").exit_code == 1


def test_what_is_lost_overdue_or_recalled_is_found_and_counted(house: House) -> None:
    with daemon(house) as url:
        house.post(url)
        house.post(url, request={"number": "1002", "requester": "ABC"}, patron={"id": "P1002"})
        house.settled("in_step")
        fee = {"amount": "80", "currency": "EUR"}
        house.post(url, status="Lost", conditions={"overdue": True}, fee=fee)
        house.settled("staff")
    assert [row["number"] for row in house.asked("requests", "--condition", "lost")] == ["1001"]
    assert [row["number"] for row in house.asked("requests", "--condition", "overdue")] == ["1001"]
    assert house.asked("requests", "--condition", "recalled") == []
    assert house.asked("status")["conditions"] == {"lost": 1, "overdue": 1}
    assert (
        "Of the unfinished: 1 lost, 1 overdue (ill-bridge requests --condition NAME)" in house.command("status").stdout
    )
    assert "condition lost, overdue, the lender's bill 80 EUR" in house.command("show", "1001").stdout
    assert house.command("resolve", "R1").exit_code == 0
    assert "Item ILL-1001: present bib" in (page := house.command("show", "1001").stdout)
    assert ", declared lost" in page


def test_an_own_item_is_shown_with_where_it_is(house: House) -> None:
    take(house, role="lender", status="Shipped", item={"barcode": "39000000000001"}, partner="ILL-XYZ")
    assert house.command("resync", "R1").exit_code == 0
    shown = house.command("show", "R1").stdout
    assert "Item 39000000000001: own bib" in shown
    assert ", on loan\n" in shown


def test_a_daemon_that_is_slow_is_not_waited_for_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    take(house)
    monkeypatch.setattr(asking, "PATIENCE", 0.0)
    ledger = Ledger(house.ledger_url)
    ledger.lock.take()
    result = house.command("resync", "R1")
    ledger.close()
    assert result.exit_code == 1
    assert "has not carried it out yet" in result.stdout


def test_replay_takes_a_kept_message_again_after_a_fix(house: House) -> None:
    take(house, status="Teleported")
    result = house.command("replay", "1")
    assert result.exit_code == 1
    assert "still not understood" in result.stdout
    house.write('[sources.hook.words."teleported"]\nphase = "received"\n')
    result = house.command("replay", "1", "9")
    assert "1: taken into R1." in result.stdout
    assert "9: there is no such message" in result.stderr
    assert result.exit_code == 1
    assert house.asked("status")["kept"] == []


def test_an_order_of_a_newer_release_is_answered(house: House) -> None:
    with daemon(house) as url:
        assert url
        ledger = Ledger(house.ledger_url)
        order = ledger.orders.give(NewOrder("dance", 1, '{"kind": "dance", "request_id": 1}', "ada"))
        until(lambda: ledger.orders.one(order).done_at, "an answer")
        answered = ledger.orders.one(order)
        assert answered.failed
        assert "dance" in answered.answer
        ledger.close()


def test_a_feed_is_polled_and_its_silence_told_once(house: House) -> None:
    house.write(
        '[sources.feed]\nkind = "feed"\nservice = "svc"\nlibrary = "main"\ninterval_seconds = 0.05\nurl = "http://127.0.0.1:9/changes"\n'
    )
    with daemon(house):
        status = until(
            lambda: [each for each in house.asked("status")["sources"] if each["problem"]], "a silent source"
        )
        assert status[0]["name"] == "feed"
    assert "cannot be reached" in house.command("status").stdout


def test_help_names_every_command() -> None:
    text = CliRunner().invoke(cli.app, ["--help"]).stdout
    for name in ("run", "status", "requests", "show", "resync", "resolve", "replay", "demo", "sandbox"):
        assert name in text


def test_errors_are_told_in_a_sentence(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house.config.write_text("[nonsense]\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["ill-bridge", "status", "--config", str(house.config)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "The configuration cannot be used" in capsys.readouterr().err


def test_a_busy_ledger_is_told_in_a_sentence(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(house.ledger_url)
    ledger.lock.take()
    monkeypatch.setattr("sys.argv", ["ill-bridge", "run", "--config", str(house.config)])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    ledger.close()
    assert ended.value.code == 1
    assert "in use by process" in capsys.readouterr().err


def test_json_is_one_document(house: House) -> None:
    take(house)
    logging.configure(console=False)
    result = house.command("requests", "--json")
    assert json.loads(result.stdout)[0]["number"] == "1001"
