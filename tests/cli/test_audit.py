"""The command ``audit``: what staff did in the ILS is found, told once, and repaired where that is asked."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import requests

from bridge.cli.auditing import _named
from bridge.domain.identity import RequestKey, Role, mark_for
from bridge.sandbox.alma.seed import MARKED_SET
from tests.cli.house import House, daemon, ledger_of, several, take


@pytest.fixture
def in_step(house: House) -> House:
    """A house in which one item was received and is waiting for its patron."""
    house.change('lending_desk = "RSDESK"', f'lending_desk = "RSDESK"\naudit_set = "{MARKED_SET}"')
    with daemon(house) as url:
        assert house.post(url).ok
        house.settled("in_step")
    return house


def desk(house: House, what: str, **order: object) -> None:
    answer = requests.post(f"{house.server.url}/_sandbox/desk/{what}", json=order, timeout=10)
    assert answer.ok, answer.text


def finish(house: House) -> None:
    with daemon(house) as url:
        assert house.post(url, status="Returned").ok
        assert house.post(url, status="Completed").ok
        house.settled("closed")


def put_back(house: House) -> None:
    mark = mark_for("test", RequestKey("main", "svc", Role.BORROWER, "ABC", "1001"), "", "")
    borne = {"network_number": f"(ILLB){mark.code}", "note": f"Temporary. {mark.text}", "mark": mark.text}
    desk(house, "catalogue", barcode="ILL-1001", title="Put back", library="RS", location="ILLTEMP", **borne)


def kinds(report: Any) -> list[str]:
    return [each["kind"] for each in report["findings"]]


def test_nothing_differs(in_step: House) -> None:
    result = in_step.command("audit")
    assert result.exit_code == 0, result.output
    assert result.stdout == "1 request was looked at. Nothing differs.\n"


def test_what_was_not_compared_is_told(in_step: House) -> None:
    assert in_step.command("forget", "R1", "--yes", "--note", "by hand").exit_code == 0
    result = in_step.command("audit", "R1")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "R1: It was forgotten, so the audit leaves it out.\n0 requests were looked at. Nothing differs.\n"
    )
    report = in_step.asked("audit", "R1")
    assert report["looked"] == 0
    assert report["passed_by"] == [{"request": "R1", "why": "It was forgotten, so the audit leaves it out."}]


def test_many_that_were_not_compared_are_counted() -> None:
    assert _named(["R1", "R2"]) == "R1, R2"
    assert _named([f"R{number}" for number in range(1, 13)]).endswith("R9, R10 and 2 more")


DESK = {
    "delete": ({}, "item_gone"),
    "cancel_hold": ({}, "hold_gone"),
    "relabel": ({"new_barcode": "NEW-1"}, "relabelled"),
    "move": ({"library": "RS", "location": "ILLOUT"}, "place"),
    "erase_mark": ({}, "mark_gone"),
}


@pytest.mark.parametrize("what", DESK)
def test_what_the_desk_does_is_found_and_told_once(in_step: House, what: str) -> None:
    order, kind = DESK[what]
    desk(in_step, what, barcode="ILL-1001", **order)
    report = in_step.asked("audit")
    (found,) = report["findings"]
    assert (report["looked"], found["kind"], found["request"], found["library"]) == (1, kind, "R1", "main")
    assert "ILL-1001" in found["sentence"]
    again = in_step.asked("audit")
    assert again["findings"][0]["first_seen"] == found["first_seen"]
    shown = in_step.command("show", "R1").stdout
    assert shown.count(f"Audit: {found['sentence']}") == 1


def test_a_loan_by_the_desk_is_as_it_should_be(in_step: House) -> None:
    desk(in_step, "lend", barcode="ILL-1001", patron="P1001")
    assert kinds(in_step.asked("audit")) == []


def test_what_earlier_looks_found_is_shown_without_a_call(in_step: House) -> None:
    desk(in_step, "cancel_hold", barcode="ILL-1001")
    first = in_step.command("audit", "--library", "main")
    assert first.exit_code == 0
    line, summary = first.stdout.splitlines()
    assert line.startswith("R1 (1001, main): The hold on item ILL-1001 is gone")
    assert summary == "1 request was looked at. 1 finding stands: 1 hold_gone."
    in_step.alma.forget_calls()
    last = in_step.command("audit", "--last")
    assert last.stdout.splitlines() == [line, "1 finding stands: 1 hold_gone."]
    assert in_step.alma.calls() == []


def test_status_and_digest_say_what_stands(in_step: House) -> None:
    desk(in_step, "cancel_hold", barcode="ILL-1001")
    in_step.change(f'audit_set = "{MARKED_SET}"', "")
    in_step.command("audit")
    status = in_step.asked("status")
    assert status["audit"]["findings"] == [{"library": "main", "kind": "hold_gone", "count": 1}]
    assert "1 finding of the audit: ill-bridge audit --last" in status["concerns"]
    shown = in_step.command("status").stdout.splitlines()
    assert "Audit of main: 1 hold gone" in shown
    assert any(line.startswith("Audit: what bears our mark is not listed in alma: ") for line in shown)
    assert "1 new finding of the audit, hold gone:" in in_step.command("alerts", "digest", "--dry-run").stdout


def test_an_orphan_is_told_and_stays(in_step: House) -> None:
    mark = mark_for("test", RequestKey("main", "svc", Role.BORROWER, "ABC", "404"), "", "")
    borne = {"network_number": f"(ILLB){mark.code}", "note": f"Temporary. {mark.text}", "mark": mark.text}
    desk(in_step, "catalogue", barcode="ILL-404", title="Orphan", library="RS", location="ILLTEMP", **borne)
    report = in_step.asked("audit", "--repair")
    (found,) = report["findings"]
    assert (found["kind"], found["request"], found["ils"]) == ("orphan", None, "alma")
    assert "request 404, which the bridge does not know" in found["sentence"]
    assert report["lists"][0]["listed"] == 2
    assert in_step.alma.state.items_with_barcode("ILL-404")


def test_without_a_list_that_is_said(in_step: House) -> None:
    in_step.change(f'audit_set = "{MARKED_SET}"', "")
    result = in_step.command("audit")
    assert "alma: what bears our mark and no request knows was not looked for: Alma lists" in result.stdout
    assert result.exit_code == 0


def test_a_list_that_cannot_be_read_is_a_failure(in_step: House) -> None:
    in_step.change(MARKED_SET, "1")
    result = in_step.command("audit")
    assert result.exit_code == 1
    assert "no set with the id in audit_set" in result.stderr


def test_what_was_put_back_after_its_end_is_found_by_its_mark_and_repaired(in_step: House) -> None:
    finish(in_step)
    assert kinds(in_step.asked("audit")) == []
    put_back(in_step)
    report = in_step.asked("audit")
    (found,) = report["findings"]
    assert (found["kind"], found["request"]) == ("item_left", "R1")
    assert found["repair"] == "Delete temporary item ILL-1001 with its holding and bib."
    assert in_step.alma.state.items_with_barcode("ILL-1001")
    done = in_step.asked("audit", "--repair")
    assert done["findings"] == []
    assert [(each["request"], each["ok"]) for each in done["repaired"]] == [("R1", True)]
    assert not in_step.alma.state.items_with_barcode("ILL-1001")
    assert "Audit, repaired: Temporary item ILL-1001" in in_step.command("show", "R1").stdout


def test_an_own_item_lent_on_and_one_still_charged(house: House) -> None:
    barcode = "39000000000001"
    lent = {"role": "lender", "status": "Shipped", "item": {"barcode": barcode}, "partner": "ILL-XYZ"}
    with daemon(house) as url:
        assert house.post(url, **lent).ok
        house.settled("in_step")
    desk(house, "check_in", barcode=barcode)
    assert kinds(house.asked("audit", "R1")) == ["checked_in"]
    desk(house, "lend", barcode=barcode, patron="P1001")
    report = house.asked("audit", "1001")
    assert kinds(report) == ["lent_on"]
    assert "P1001" not in json.dumps(report)
    desk(house, "check_in", barcode=barcode)
    with daemon(house) as url:
        assert house.post(url, **{**lent, "status": "Completed"}).ok
        house.settled("closed")
    desk(house, "lend", barcode=barcode, patron="ILL-XYZ")
    (found,) = house.asked("audit")["findings"]
    assert (found["kind"], found["repair"]) == ("still_charged", f"Check item {barcode} in.")
    assert house.asked("audit", "--repair")["findings"] == []
    assert house.alma.state.open_loan(house.alma.state.items_with_barcode(barcode)[0].pid) is None


def test_many_repairs_are_shown_and_asked_for(in_step: House) -> None:
    finish(in_step)
    put_back(in_step)
    in_step.change("backstop = 0.2", "backstop = 0.2\nask_over = 0")
    result = in_step.command("audit", "--repair")
    assert result.exit_code == 1
    assert "R1: Delete temporary item ILL-1001 with its holding and bib." in result.stderr
    assert "Go on with the repair of 1 requests?" in result.stderr
    assert in_step.alma.state.items_with_barcode("ILL-1001")
    result = in_step.command("audit", "--repair", "--yes")
    assert result.exit_code == 0, result.output
    assert "R1 is now: closed." in result.stdout
    assert not in_step.alma.state.items_with_barcode("ILL-1001")


def test_an_ils_that_is_down_is_told(in_step: House) -> None:
    in_step.outage(on=True)
    result = in_step.command("audit")
    assert result.exit_code == 1
    assert "R1 was not looked at: " in result.stderr
    assert "could not be read" in result.stderr


def test_a_running_daemon_carries_it_out(in_step: House) -> None:
    several(in_step, 2)
    with daemon(in_step):
        in_step.settled("in_step", "1002")
        desk(in_step, "cancel_hold", barcode="ILL-1002")
        report = in_step.asked("audit")
    assert (report["looked"], kinds(report)) == (2, ["hold_gone"])


def test_an_interrupted_audit_can_be_resumed(in_step: House) -> None:
    result = in_step.command("audit", "--resume", "audit-none")
    assert result.exit_code == 1
    assert "Nothing is left of 'audit-none'" in result.stderr


def test_accounts_that_expire_soon_are_among_the_findings(in_step: House) -> None:
    in_step.change(
        "[libraries.main.borrowing]",
        '[libraries.main.lending]\ndefault_account = "ILL-XYZ"\n[libraries.main.borrowing]',
    )
    with ledger_of(in_step) as ledger:
        ledger.accounts.ensure("alma", ["ILL-XYZ"])
        ledger.accounts.learned("alma", "ILL-XYZ", expires=(ledger.clock() + timedelta(days=3)).date(), problem="")
    (found,) = in_step.asked("audit")["findings"]
    assert (found["kind"], found["library"]) == ("account", "main")
    assert found["sentence"].startswith("Account ILL-XYZ in alma expires on ")
    with ledger_of(in_step) as ledger:
        ledger.accounts.learned("alma", "ILL-XYZ", expires=None, problem="")
    assert in_step.asked("audit")["findings"] == []


@pytest.mark.parametrize("odd", [["--repair"], ["R1"], ["--resume", "audit-1"]])
def test_last_only_shows(house: House, odd: list[str]) -> None:
    take(house)
    assert house.command("audit", "--last", *odd).exit_code == 2


def test_an_unknown_library_is_named(house: House) -> None:
    take(house)
    assert house.command("audit", "--library", "nowhere").exit_code == 2
