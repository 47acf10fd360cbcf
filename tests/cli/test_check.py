"""The command ``check``: one line a finding, exit codes, one JSON document, and nothing written anywhere."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify

from bridge.cli import main as cli
from bridge.sandbox.alma.seed import SeedPatron, add_patron
from bridge.sandbox.server import Server
from tests.cli.house import House, daemon
from tests.sources.messages import message

GOOD = """
[libraries.main.lending]
accounts = { XYZ = "ILL-XYZ" }
default_account = "ILL-DEFAULT"
temporary_place = { library = "RS", location = "ILLOUT" }
"""


@pytest.fixture
def good(house: House) -> House:
    """A house in which nothing fails, and no daemon has run yet."""
    (house.folder / "bridge.db").unlink()
    house.port = 8018
    house.write(GOOD)
    text = house.config.read_text(encoding="utf-8")
    text = text.replace('kind = "webhook"', 'kind = "webhook"\ncirculation_by_service = false')
    house.config.write_text(text, encoding="utf-8")
    return house


def report(house: House, *more: str, code: int = 0) -> dict[str, Any]:
    result = house.command("check", "--json", *more)
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def of(found: dict[str, Any], part: str) -> dict[str, dict[str, str]]:
    return {row["subject"]: row for row in found["findings"] if row["part"] == part}


def test_one_line_a_finding(good: House) -> None:
    result = good.command("check")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "✔ ok      ILS alma · Item type ILL: It is in Alma's code table ItemPolicy." in lines
    assert any(line.startswith("! warning Source hook · Secret: It is short") and " → " in line for line in lines)
    assert lines[-1].endswith(" 0 failed.")
    assert len(lines) == sum(int(count) for count in lines[-1].replace(",", "").split() if count.isdigit()) + 1
    assert not (good.folder / "bridge.db").exists()
    assert good.alma.report()["leftovers"] == []


def test_one_json_document(good: House) -> None:
    found = report(good)
    assert (found["result"], found["offline"]) == ("warning", False)
    assert {row["part"] for row in found["findings"]} == {
        "Configuration",
        "Library main",
        "Ledger",
        "Source hook",
        "ILS alma",
    }
    assert set(found["findings"][0]) == {"part", "subject", "level", "text", "advice"}
    assert sum(found["counts"].values()) == len(found["findings"])
    assert "sandbox-key" not in json.dumps(found)
    assert "a shared secret" not in json.dumps(found)


def test_offline_asks_nobody(good: House) -> None:
    good.alma.forget_calls()
    found = report(good, "--offline")
    assert {row["part"] for row in found["findings"]} == {"Configuration", "Library main", "Source hook"}
    assert good.alma.calls() == []


def test_an_ils_that_is_down_is_one_finding(good: House) -> None:
    good.outage(on=True)
    rows = of(report(good, code=1), "ILS alma")
    assert list(rows) == ["Reached"]
    assert rows["Reached"]["level"] == "failed"
    assert rows["Reached"]["advice"].endswith("Nothing else of it was looked at.")


def test_a_key_that_is_refused_is_one_finding(good: House) -> None:
    good.alma.state.keys.clear()
    rows = of(report(good, code=1), "ILS alma")
    assert list(rows) == ["Reached"]
    assert "API key" in rows["Reached"]["text"]


def test_accounts_that_cannot_borrow_or_soon_cannot(good: House) -> None:
    with good.alma.state.lock:
        soon = SeedPatron(primary_id="ILL-XYZ", expiry=date.today() + timedelta(days=20))  # noqa: DTZ011
        add_patron(good.alma.state, soon, by="seed")
        del good.alma.state.users["ill-default"]
    rows = of(report(good, code=1), "ILS alma")
    assert rows["ILL account ILL-XYZ"]["level"] == "warning"
    assert rows["ILL account ILL-DEFAULT"]["level"] == "failed"
    assert "libraries.main.lending.default_account" in rows["ILL account ILL-DEFAULT"]["advice"]
    rows = of(report(good, "--expires-within", "10", code=1), "ILS alma")
    assert rows["ILL account ILL-XYZ"]["level"] == "ok"


def test_partners_symbols_as_accounts_cannot_be_looked_at(good: House) -> None:
    good.write()
    rows = of(report(good), "ILS alma")
    assert "cannot be looked at" in rows["ILL accounts"]["text"]


def test_a_pairing_is_refused(good: House) -> None:
    text = good.config.read_text(encoding="utf-8")
    good.config.write_text(text.replace("circulation_by_service = false", 'system = "alma"'), encoding="utf-8")
    rows = of(report(good, "--offline", code=1), "Configuration")
    assert rows["Source hook and library main"]["level"] == "failed"


def test_a_feed_is_asked_once(good: House) -> None:
    app = Flask("service")
    app.add_url_rule("/changes", view_func=lambda: jsonify(changes=[message()]))
    with Server(app) as server:
        text = good.config.read_text(encoding="utf-8") + (
            f'\n[sources.feed]\nkind = "feed"\nservice = "svc"\nlibrary = "main"\nurl = "{server.url}/changes"\n'
        )
        good.config.write_text(text, encoding="utf-8")
        rows = of(report(good), "Source feed")
        assert rows["Changes"]["text"] == "1 of 1 changes of the first page would be understood."
        assert "Clock" in rows
    assert not (good.folder / "bridge.db").exists(), "no cursor was moved"
    rows = of(report(good, code=1), "Source feed")
    assert rows["Address"]["level"] == "failed"


def test_one_library_alone(good: House) -> None:
    more = """
[libraries.branch]
ils = "alma"
[libraries.branch.borrowing]
item_type = "NOPE"
place = { library = "RS", location = "ILLTEMP", desk = "RSDESK" }
"""
    good.config.write_text(good.config.read_text(encoding="utf-8") + more, encoding="utf-8")
    found = report(good, "--library", "main")
    assert "Library branch" not in {row["part"] for row in found["findings"]}
    found = report(good, "--library", "branch", code=1)
    assert of(found, "ILS alma")["Item type NOPE"]["level"] == "failed"
    assert "Source hook" not in {row["part"] for row in found["findings"]}


def test_beside_a_daemon(good: House) -> None:
    good.port = 0
    text = good.config.read_text(encoding="utf-8").replace("port = 8018", "port = 0")
    good.config.write_text(text, encoding="utf-8")
    with daemon(good):
        rows = of(report(good), "Ledger")
    assert "in use by process" in rows["Daemon"]["text"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--library", "mian"), "there is no library 'mian'"),
        (("--drill", "mian"), "there is no library 'mian'"),
        (("--drill", "main", "--offline"), "goes without"),
        (("--patron", "P1001"), "belong to --drill"),
    ],
)
def test_a_wrong_command_line(good: House, arguments: tuple[str, ...], said: str) -> None:
    result = good.command("check", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_wrong_file_is_told_whole(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house.write('[sources.two]\nkind = "webhook"\nsecrte = "x"\n[librarys.x]\n')
    monkeypatch.setattr("sys.argv", ["ill-bridge", "check", "--config", str(house.config)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "did you mean 'secret'?" in said
    assert "sources.two.service: missing" in said
    assert "librarys" in said


def test_the_example_holds(tmp_path: Path, house: House) -> None:
    """The example may warn; nothing in it fails."""
    text = (Path(__file__).parents[2] / "config" / "bridge.example.toml").read_text(encoding="utf-8")
    for number, name in enumerate(sorted({part for part in text.split('"') if part.startswith("/run/secrets/")})):
        secret = tmp_path / Path(name).name
        secret.write_text(f"a long random secret, number {number}\n", encoding="utf-8")
        text = text.replace(f'"{name}"', f'"{secret}"')
    house.config.write_text(text, encoding="utf-8")
    found = report(house, "--offline")
    assert found["counts"]["failed"] == 0
