"""The drill: made, verified, removed in the real ILS; what goes wrong on the way, and what is left then."""

from __future__ import annotations

import json
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bridge.cli import asking, drilling
from bridge.cli.main import app
from bridge.engine.asked import Answer
from bridge.engine.drill import begin
from bridge.ledger import Ledger, State
from bridge.sandbox.faults import Fault, Outage
from bridge.wiring import configuration
from tests.cli.house import House, daemon, ledger_of, until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drilling, "TRIES", 3)
    monkeypatch.setattr(drilling, "TRY_EVERY", 0.01)


def drill(house: House, *more: str) -> Result:
    return house.command("check", "--drill", "main", "--yes", *more)


def fault(house: House, kind: str, path: str, *, method: str = "POST", times: int | None = 1, **more: Any) -> None:
    house.alma.faults.add(Fault.model_validate({"kind": kind, "method": method, "path": path, "times": times, **more}))


def nothing_left(house: House) -> bool:
    report = house.alma.report()
    made = [item for item in house.alma.state.items.values() if item.created_by == "api"]
    holds = [hold for hold in house.alma.state.requests.values() if hold.active]
    return not (report["orphans"] or report["leftovers"] or made or holds)


def test_made_seen_removed(house: House) -> None:
    result = drill(house)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Temporary item ILL-DRILL-")
    assert any(line.startswith("Seen in the ILS: Item ILL-DRILL-") and "with our mark" in line for line in lines)
    assert lines[-2:] == [
        "Looked in the ILS: nothing of it is left.",
        "The drill succeeded: made, verified, removed, and nothing is left.",
    ]
    assert nothing_left(house)
    assert "ill-bridge-drill" not in house.command("sources").stdout
    with ledger_of(house) as ledger:
        assert ledger.libraries.deletions("main") == ledger.figures.seen().deletions.get("main", 0) == 0


def test_with_a_hold_that_is_never_filled(house: House) -> None:
    result = drill(house, "--patron", "P1001", "--pickup", "MAIN", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["ok"], report["left"], report["requests"]) == (True, [], ["R1"])
    assert "Seen in the ILS: Our hold on it stands." in report["said"]
    assert not any("checked in" in line for line in report["said"])
    assert "P1001" not in result.output
    assert nothing_left(house)


def test_it_asks_first(house: House) -> None:
    arguments = ["check", "--drill", "main", "--patron", "P1001", "--pickup", "MAIN", "--config", str(house.config)]
    result = CliRunner().invoke(app, arguments, input="n\n")
    assert result.exit_code == 1
    assert "makes a bib, a holding and an item, and a hold for patron …01" in result.stderr
    assert "Temporary item" not in result.stdout
    assert house.alma.calls() == []
    assert (
        CliRunner().invoke(app, ["check", "--drill", "main", "--config", str(house.config)], input="y\n").exit_code == 0
    )


def test_beside_a_daemon_the_daemon_does_the_work(house: House) -> None:
    with daemon(house):
        result = drill(house, "--patron", "P1001", "--pickup", "MAIN")
    assert result.exit_code == 0, result.output
    assert "The drill succeeded" in result.stdout
    assert nothing_left(house)


def test_in_observe_mode_too(house: House) -> None:
    text = house.config.read_text(encoding="utf-8").replace('mode = "live"', 'mode = "observe"')
    house.config.write_text(text, encoding="utf-8")
    assert drill(house).exit_code == 0
    assert nothing_left(house)


def test_an_ils_that_refuses_a_step(house: House) -> None:
    house.write()
    text = house.config.read_text(encoding="utf-8").replace('item_type = "ILL"', 'item_type = "NOPE"')
    house.config.write_text(text, encoding="utf-8")
    result = drill(house)
    assert result.exit_code == 1
    assert "It did not succeed: Alma does not take the item's type" in result.stdout
    assert "The drill failed; nothing of it is left in the ILS." in result.stdout
    assert nothing_left(house)


def test_an_answer_that_is_lost_midway_is_looked_up(house: House) -> None:
    fault(house, "drop_after", "/holdings$")
    result = drill(house)
    assert result.exit_code == 0, result.output
    assert "ended unclearly" in result.stdout
    assert nothing_left(house)


def test_an_ils_that_stumbles_is_tried_again(house: House) -> None:
    fault(house, "vendor_error", "/items$", code="401652")
    result = drill(house)
    assert result.exit_code == 0, result.output
    assert nothing_left(house)


def test_an_ils_that_goes_down_midway_keeps_what_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the holding was made nothing answers any more; the next drill removes what is left."""
    real = drilling.Drill._worked

    def cut(self: drilling.Drill, request: int, wanted: State, **more: Any) -> Any:
        row = real(self, request, wanted, **more)
        house.alma.faults.set_outage(Outage(on=True))
        return row

    monkeypatch.setattr(drilling.Drill, "_worked", cut)
    result = drill(house, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    (item,) = [each for each in house.alma.state.items.values() if each.created_by == "api"]
    left, unclear = report["left"]
    assert all(each in left for each in (item.mms_id, item.holding_id, item.pid))
    assert unclear.startswith("Whether 'check in' took effect is not known")
    assert any(line.startswith("R1 is due: Alma answers with an error") for line in report["said"])
    assert any("could not be looked at" in line for line in report["said"])
    monkeypatch.setattr(drilling.Drill, "_worked", real)
    house.outage(on=False)
    result = drill(house)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("An earlier drill (R1) was cut off")
    assert nothing_left(house)


def test_what_cannot_be_deleted_is_named(house: House) -> None:
    fault(house, "vendor_error", "/items/", method="DELETE", times=None, code="401849", message="Item is in use.")
    result = drill(house)
    assert result.exit_code == 1
    (item,) = [each for each in house.alma.state.items.values() if each.created_by == "api"]
    left = next(line for line in result.stdout.splitlines() if line.startswith("Left in the ILS: "))
    assert all(each in left for each in (item.mms_id, item.holding_id, item.pid))
    assert "R1 is parked: Alma does not delete the item." in result.stdout
    assert "ill-bridge show R1" in result.stdout
    house.alma.faults.clear()
    result = drill(house)
    assert result.exit_code == 0, result.output
    assert "An earlier drill (R1) was cut off" in result.stdout
    assert result.stdout.count("was deleted with its holding and bib") == 2
    assert nothing_left(house)


def test_a_part_that_stays_although_all_seemed_well(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = asking.Way.one

    def seen(self: asking.Way, asked: Any) -> Any:
        answer = real(self, asked)
        gone = asked.kind == "look" and nothing_left(house)
        return Answer(("A part of what belongs to item D is there (991).",)) if gone else answer

    monkeypatch.setattr(asking.Way, "one", seen)
    result = drill(house)
    assert result.exit_code == 1
    assert "Left in the ILS: A part of what belongs to item D is there (991)." in result.stdout
    assert "Remove it by hand" in result.stdout
    assert "R1 is" not in result.stdout


def test_an_end_that_stays_unclear_is_said(house: House) -> None:
    house.alma.faults.add(Fault(kind="drop_after", method="POST", path="/bibs$", times=1))
    house.alma.faults.add(Fault(kind="status", method="GET", path="/bibs$", times=None, status=503))
    result = drill(house)
    assert result.exit_code == 1
    assert "took effect is not known; what it made, if anything, bears the mark ILLB-" in result.stdout
    house.alma.faults.clear()
    assert drill(house).exit_code == 0
    assert nothing_left(house)


def test_what_was_made_and_cannot_be_seen_is_no_success(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk deletes the item just before the drill looks."""
    real = drilling.Drill._worked

    def deleted(self: drilling.Drill, request: int, wanted: State, **more: Any) -> Any:
        row = real(self, request, wanted, **more)
        with house.alma.state.lock:
            for pid in [item.pid for item in house.alma.state.items.values() if item.created_by == "api"]:
                del house.alma.state.items[pid]
            for kind in (house.alma.state.holdings, house.alma.state.bibs):
                for each in [each for each, thing in kind.items() if thing.created_by == "api"]:
                    del kind[each]
        return row

    monkeypatch.setattr(drilling.Drill, "_worked", deleted)
    result = drill(house)
    assert result.exit_code == 1
    assert "What was made cannot be seen in the ILS." in result.stdout
    assert "The drill failed; nothing of it is left in the ILS." in result.stdout


def test_ctrl_c_stops_and_removes(house: House) -> None:
    """The item was made; before the drill looks at it, Ctrl-C comes."""
    house.alma.behave(transient_requests=3)
    made = threading.Event()

    def interrupt() -> None:
        until(lambda: any(call.template == "/almaws/v1/bibs" and call.method == "POST" for call in house.alma.calls()))
        os.kill(os.getpid(), signal.SIGINT)
        made.set()

    waiting = threading.Thread(target=interrupt)
    fault(house, "delay", "/items$", seconds=0.3)
    waiting.start()
    result = drill(house)
    waiting.join()
    assert made.is_set()
    assert result.exit_code == 1, result.output
    assert "Stopped; what was made is removed." in result.stdout
    assert "The drill failed; nothing of it is left in the ILS." in result.stdout
    assert nothing_left(house)


def test_a_fault_of_ours_removes_what_was_made(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = asking.Way.one

    def fails(self: asking.Way, asked: Any) -> Any:
        answer = real(self, asked)
        if asked.kind == "look" and not nothing_left(house):
            raise RuntimeError("a fault of ours")
        return answer

    monkeypatch.setattr(asking.Way, "one", fails)
    result = drill(house)
    assert isinstance(result.exception, RuntimeError)
    assert nothing_left(house)


def test_a_daemon_removes_a_drill_that_was_cut_off(house: House) -> None:
    known = configuration(house.config)
    ledger = Ledger(house.ledger_url)
    ledger.upgrade()
    request = begin(ledger, known.settings.lane, "main")
    number = ledger.requests.one(request).request.key.number
    ledger.close()
    with daemon(house):
        house.settled("closed", number)
    assert nothing_left(house)


def test_a_daemon_removes_a_drill_that_was_cut_off_while_it_ran(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.daemon.DRILLS_EVERY", 0.1)
    long_ago = datetime.now(UTC) - timedelta(minutes=20)
    with daemon(house):
        ledger = Ledger(house.ledger_url, clock=lambda: long_ago)
        request = begin(ledger, configuration(house.config).settings.lane, "main")
        number = ledger.requests.one(request).request.key.number
        ledger.close()
        house.settled("closed", number)
    assert nothing_left(house)


def test_a_drill_that_may_be_going_on_beside_a_daemon_is_let_be(house: House) -> None:
    with daemon(house):
        known = configuration(house.config)
        ledger = Ledger(house.ledger_url)
        request = begin(ledger, known.settings.lane, "main")
        number = ledger.requests.one(request).request.key.number
        ledger.close()
        house.settled("in_step", number)
        assert "An earlier drill" not in drill(house).stdout
        assert house.settled("in_step", number)


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (('barcode_prefix = "ILL-"', "enabled = false"), (), "Borrowing is not enabled for 'main'"),
        (('barcode_prefix = "ILL-"', "existing_item = true"), (), "it makes no temporary items"),
        (("", ""), ("--patron", "P1001"), "name one with --pickup"),
    ],
)
def test_where_there_is_nothing_to_drill(
    house: House, change: tuple[str, str], arguments: tuple[str, ...], said: str
) -> None:
    house.config.write_text(house.config.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    result = drill(house, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert house.alma.calls() == []


@pytest.mark.parametrize("name", ["main", "alma"])
def test_what_is_paused_is_not_drilled(house: House, name: str) -> None:
    house.command("pause", name, "--note", "upgrade")
    result = drill(house)
    assert result.exit_code == 1
    assert "is paused: " in result.stderr
    assert "ill-bridge resume" in result.stderr
    house.command("resume", name)
    assert drill(house).exit_code == 0
