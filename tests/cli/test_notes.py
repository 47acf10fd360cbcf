"""The command ``notes``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli.main import app
from bridge.ledger import HistoryLine, Ledger
from bridge.wiring import configuration, ledger_of
from tests.ledger.sample import KEY, arrival, take

CONFIG = """
ledger.url = "sqlite:///{folder}/ledger.db"
[ils.alma]
connector = "alma"
settings = {{ host = "http://127.0.0.1:1", api_key = "k", timezone = "UTC" }}
[libraries.{library}]
ils = "alma"
mode = "live"
[sources.hook]
kind = "webhook"
service = "{service}"
secret = "a shared secret"
notes = {{ url = "https://ill.example/notes", secret = "another secret" }}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.toml"
    path.write_text(CONFIG.format(folder=tmp_path, library=KEY.library, service=KEY.service), encoding="utf-8")
    return path


@contextmanager
def opened(config: Path) -> Iterator[Ledger]:
    ledger = ledger_of(configuration(config))
    ledger.upgrade()
    yield ledger
    ledger.close()


def said(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["notes", "--config", str(config), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_waits_and_what_was_given_up_is_shown_and_tried_again(config: Path) -> None:
    assert "Nothing is still to be told." in said(config)
    with opened(config) as ledger:
        take(ledger, arrival())
        (row,) = ledger.requests.list()
        ledger.requests.tell(row.id, [HistoryLine(ledger.clock(), "step", "Item 1 was made.")])
        kept = ledger.notes.unsent()[0]
        ledger.notes.drop(kept, "It refused.")
    text = said(config)
    assert f"hook, {row.name} (1), of " in text
    assert '"Item 1 was made." given up, 0 tries: It refused.' in text
    (report,) = json.loads(said(config, "--json"))
    assert (report["given_up"], report["number"], report["line"]) == (True, "1", "Item 1 was made.")
    overview = CliRunner().invoke(app, ["status", "--config", str(config)]).stdout
    assert "  - 1 note to hook given up: It refused. See: ill-bridge notes" in overview
    assert "Notes to hook: 0 waiting, 1 given up (ill-bridge notes)" in overview
    assert "1 notes are tried again." in said(config, "--retry", "hook")
    assert "waits" in said(config)


def test_a_source_that_is_none_is_told(config: Path) -> None:
    result = CliRunner().invoke(app, ["notes", "--config", str(config), "--retry", "nonsense"])
    assert result.exit_code == 2
    assert "no source" in result.output
