"""``tasks`` and ``resolve --all``: a library without an API works off the same plan by hand."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.cli.house import House, several

PLACES = '[ils.alma.settings]\nnot_done = ["note_item"]\n[libraries.main]'


@pytest.fixture
def by_hand(house: House) -> House:
    """The house with two received requests, after everything went over to being done by hand."""
    text = house.config.read_text(encoding="utf-8")
    before, _, after = text.partition("[ils.alma.settings]")
    house.config.write_text(
        before.replace('connector = "alma"', 'connector = "manual"') + PLACES + after.partition("[libraries.main]")[2],
        encoding="utf-8",
    )
    several(house, 2, item={"title": "=A title", "author": "A"})
    house.command("resync", "--all", "--yes")
    return house


WANTED = [
    "Check that the patron may borrow.",
    "Make a temporary item with barcode ILL-1001, item type ILL, material BOOK, at RS/ILLTEMP/RSDESK.",
    "Place a hold on item ILL-1001 for the patron, pickup at MAIN.",
]


def test_tasks_of_a_request_follow_one_another(by_hand: House) -> None:
    found = list(csv.DictReader(io.StringIO(by_hand.command("tasks", "--format", "csv").stdout)))
    assert [row["instruction"] for row in found if row["request"] == "R1"] == WANTED
    assert [row["task"] for row in found] == ["1", "2", "3", "1", "2", "3"]
    assert found[0]["title"] == "'=A title"
    assert "P1001" not in json.dumps(found)


def test_the_list_is_written_as_a_file_or_shown(by_hand: House) -> None:
    out = by_hand.folder / "tasks.json"
    written = by_hand.command("tasks", "--library", "main", "--format", "json", "--out", str(out))
    assert written.stderr == f"{out}: 6 tasks written.\n"
    assert json.loads(out.read_text(encoding="utf-8"))[0]["request"] == "R1"
    assert "Check that" in by_hand.command("tasks").stdout
    assert by_hand.command("tasks", "--library", "moon").exit_code == 2


def test_show_lists_them_too(by_hand: House) -> None:
    assert by_hand.asked("show", "R1")[0]["tasks"] == WANTED
    shown = by_hand.command("show", "R1").stdout
    assert f"for staff, 3: {WANTED[2]}" in shown
    assert f"Why: 1. {WANTED[0]} 2. {WANTED[1]}" in shown
    assert "resolve R1 --all" in shown


def test_all_of_them_are_confirmed_at_once_or_one_by_one(by_hand: House) -> None:
    assert by_hand.command("resolve", "R1", "--all", "--note", "done").exit_code == 0
    assert by_hand.row("1001").state == "in_step"  # type: ignore[union-attr]
    lines = [line["line"] for line in by_hand.asked("show", "R1")[0]["history"] if line["kind"] == "staff"]
    assert [line.split(": ", 1)[1] for line in lines if line.startswith("Settled by")] == [
        f"{each} Note: done" for each in WANTED
    ]
    by_hand.command("resolve", "R2")
    left = json.loads(by_hand.command("tasks", "--format", "json").stdout)
    assert [each["request"] for each in left] == ["R2", "R2"]
    by_hand.command("resolve", "R2", "--all")
    nothing = by_hand.command("tasks")
    assert (nothing.stdout, nothing.stderr) == ("", "Nothing waits for staff.\n")
    assert json.loads(by_hand.command("tasks", "--format", "json").stdout) == []


def test_a_library_that_is_no_longer_configured_is_passed_over(by_hand: House) -> None:
    by_hand.change("[libraries.main]", "[libraries.other]")
    by_hand.change("[libraries.main.borrowing]", "[libraries.other.borrowing]")
    by_hand.change('library = "main"', 'library = "other"')
    assert json.loads(by_hand.command("tasks", "--format", "json").stdout) == []
