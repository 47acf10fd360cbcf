"""How the ledger stands, looked at without changing anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.domain.finding import Finding, Level
from bridge.ledger import Ledger
from bridge.ledger.look import ledger_findings


def found(url: str) -> dict[str, Finding]:
    return {finding.subject: finding for finding in ledger_findings(url)}


def test_a_ledger_that_is_well(ledger: Ledger) -> None:
    finding = found(ledger.database.engine.url.render_as_string(hide_password=False))["Ledger"]
    assert (finding.level, finding.text) == (Level.OK, "It can be read, and its schema is this release's.")


def test_one_that_does_not_exist_yet_is_not_made(tmp_path: Path) -> None:
    finding = found(f"sqlite:///{tmp_path / 'var' / 'new.db'}")["Ledger"]
    assert finding.level is Level.OK
    assert "does not exist yet" in finding.text
    assert list(tmp_path.iterdir()) == []


def test_one_of_another_schema(tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    finding = found(f"sqlite:///{tmp_path / 'old.db'}")["Ledger"]
    assert finding.level is Level.WARNING
    assert "ill-bridge db upgrade" in finding.advice


def test_who_works_on_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    ledger = Ledger(url)
    ledger.upgrade()
    assert found(url)["Daemon"].text == "None works on the ledger now."
    assert not (tmp_path / "a.db.lock").exists()
    ledger.lock.take()
    assert f"process {os.getpid()}" in found(url)["Daemon"].text
    ledger.lock.give_back()
    assert found(url)["Daemon"].text == "None works on the ledger now."
    ledger.close()


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all" * 100)
    finding = found(f"sqlite:///{tmp_path / 'a.db'}")["Ledger"]
    assert finding.level is Level.FAILED
    assert finding.advice


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "postgresql+nodriver://x/y", "postgresql+psycopg://u@127.0.0.1:1/x"]
)
def test_an_address_that_leads_nowhere(url: str) -> None:
    finding = found(url)["Ledger"]
    assert finding.level is Level.FAILED
    assert finding.advice


def test_places_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system's answers are pretended, since tests may run as root, whom nothing stops."""
    path = tmp_path / "a.db"
    url = f"sqlite:///{path}"
    Ledger(url).close()
    monkeypatch.setattr(os, "access", lambda where, _mode: Path(where) != path)
    assert "cannot be written" in found(url)["Ledger"].text
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "Nothing can be written in" in found(url)["Ledger"].text
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    finding = found(url)["Ledger"]
    assert finding.level is Level.WARNING
    assert "belongs to another user" in finding.text
