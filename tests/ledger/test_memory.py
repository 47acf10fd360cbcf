"""How far the ledger had come is remembered beside it, so that a restored copy is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from bridge.ledger import HistoryLine, Ledger
from bridge.ledger.memory import RunFile
from tests.ledger.sample import NOW, take


def tell(ledger: Ledger, count: int = 1) -> None:
    ledger.requests.tell(1, [HistoryLine(NOW, "staff", "x")] * count)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.run"


def test_a_ledger_behind_its_last_run_is_older(ledger: Ledger, path: Path) -> None:
    take(ledger)
    assert not RunFile(ledger, path).older(), "nothing is known yet"
    RunFile(ledger, path).remember()
    assert not RunFile(ledger, path).older()
    tell(ledger)
    assert not RunFile(ledger, path).older(), "further than remembered"
    high = ledger.meta.high_water()
    path.write_text(path.read_text().replace(f"{high - 1}}}", f"{high + 5}}}"), encoding="utf-8")
    assert RunFile(ledger, path).older()
    path.write_text(path.read_text().replace(ledger.meta.identity(), "another"), encoding="utf-8")
    assert not RunFile(ledger, path).older(), "of another ledger"


def test_only_news_is_written(ledger: Ledger, path: Path) -> None:
    take(ledger)
    file = RunFile(ledger, path)
    file.remember()
    path.unlink()
    file.remember()
    assert not path.exists()
    tell(ledger)
    file.remember()
    assert path.exists()


def test_without_a_file_nothing_is_noticed(ledger: Ledger) -> None:
    file = RunFile(ledger, None)
    file.remember()
    assert not file.older()


def test_a_file_that_cannot_be_used_is_told_and_does_no_harm(ledger: Ledger, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        RunFile(ledger, tmp_path / "no" / "ledger.run").remember()
        for text in ("{", '{"ledger": "x", "more": 1}', "[]"):
            (tmp_path / "odd.run").write_text(text, encoding="utf-8")
            assert not RunFile(ledger, tmp_path / "odd.run").older()
    assert [entry["event"] for entry in logs] == ["run_file.not_written", *["run_file.unreadable"] * 3]


def test_the_identity_is_made_once(ledger: Ledger) -> None:
    assert ledger.meta.identity() == ledger.meta.identity() != ""
    assert ledger.meta.high_water() == 0
