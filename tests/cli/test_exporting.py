"""``export``: the circulation history for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from bridge.ledger import HistoryLine
from tests.cli.house import House, ledger_of, several


@pytest.fixture(autouse=True)
def told(house: House) -> None:
    several(house, 2)


def test_csv_names_its_columns_and_holds_no_formula(house: House) -> None:
    with ledger_of(house) as ledger:
        ledger.requests.tell(
            1, [HistoryLine(datetime.fromisoformat("2026-11-25T10:00:00Z"), "staff", '=HYPERLINK("x")')]
        )
    result = house.command("export", "1001")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["line"] for row in rows] == [
        "The service says 'Received' (patron named, pickup location MAIN).",
        '\'=HYPERLINK("x")',
    ]
    assert rows[0] | {"at": "", "line": ""} == {
        "at": "",
        "request": "R1",
        "number": "1001",
        "library": "main",
        "service": "svc",
        "role": "borrower",
        "kind": "change",
        "line": "",
        "step": "",
    }
    assert datetime.fromisoformat(rows[0]["at"]).tzinfo is not None
    assert "P1001" not in result.stdout


def test_json_lines_to_a_file_that_appears_whole(house: House) -> None:
    out = house.folder / "out.jsonl"
    out.write_text("old", encoding="utf-8")
    result = house.command("export", "--format", "jsonl", "--library", "main", "--out", str(out))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"{out}: 2 lines written.\n")
    assert [json.loads(line)["request"] for line in out.read_text().splitlines()] == ["R1", "R2"]
    assert not list(house.folder.glob(".*.part"))


def test_what_is_not_there_is_told(house: House) -> None:
    result = house.command("export", "1001", "R9", "R8")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "R9: there is no such request.\nR8: there is no such request.\n"
    assert house.command("export", "--library", "nope").exit_code == 2
    assert house.command("export", "--since", "2999-01-01").stderr == "No line matches.\n"
    assert house.command("export", "--until", "2020-01-01T10:00").stderr == "No line matches.\n"


def test_a_place_that_cannot_be_written_is_told(house: House) -> None:
    result = house.command("export", "--out", "/nowhere/out.csv")
    assert (result.exit_code, result.stderr) == (1, "/nowhere/out.csv cannot be written: No such file or directory.\n")


def test_a_reader_that_goes_away_is_no_fault(house: House) -> None:
    with ledger_of(house) as ledger:
        now = datetime.fromisoformat("2026-11-25T10:00:00Z")
        ledger.requests.tell(1, [HistoryLine(now, "staff", "x" * 100)] * 3000)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "bridge", "export", "--config", str(house.config)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=house.folder,
    ) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        assert export.stdout.readline().startswith(b"at,")
        export.stdout.close()
        assert b"Traceback" not in export.stderr.read()
