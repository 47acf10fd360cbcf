"""``retry``, ``skip``, ``resolve``, ``forget`` and ``set``: who, when and why stand in the history."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bridge.cli.asking import who
from bridge.cli.main import app
from tests.cli.house import House, daemon, several, take_all


def lines(house: House, name: str = "R1") -> list[str]:
    (shown,) = house.asked("show", name)
    return [line["line"] for line in shown["history"]]


def both_sides(house: House) -> None:
    """One number, borrowed and lent: two requests."""
    take_all(house, [{"id": "a"}, {"id": "b", "role": "lender", "status": "Requested", "item": {"barcode": "X"}}])


@pytest.mark.parametrize(
    "command", [["forget", "--note", "x"], ["skip", "--note", "x"], ["retry"], ["set", "--patron", "P"]]
)
def test_a_name_that_means_several_is_refused(house: House, command: list[str]) -> None:
    both_sides(house)
    result = house.command(*command, "1001")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "1001 names several requests: R1 (main, svc, borrower), R2 (main, svc, lender)" in result.stderr


@pytest.mark.parametrize("command", ["forget", "skip"])
@pytest.mark.parametrize("note", [[], ["--note", " "]])
def test_what_cannot_be_undone_needs_a_reason(house: House, command: str, note: list[str]) -> None:
    several(house, 1)
    assert house.command(command, "R1", *note).exit_code == 2


def test_names_that_are_not_there_are_told_together(house: House) -> None:
    result = house.command("retry", "R8", "R9")
    assert (result.exit_code, result.stderr) == (
        1,
        "R8: there is no such request.\nR9: there is no such request.\n",
    )


def test_a_step_is_skipped_with_a_reason(house: House) -> None:
    several(house, 1, pickup_location="NOWHERE")
    assert house.command("retry", "R1").exit_code == 1
    result = house.command("skip", "R1", "--note", "hold placed by hand")
    assert result.exit_code == 0, result.output
    assert any(
        line.startswith(f"Skipped by {who()}: Place a hold") and line.endswith("Note: hold placed by hand")
        for line in lines(house)
    )


def test_forgetting_shows_what_stays_and_asks(house: House) -> None:
    several(house, 1)
    house.command("resync", "R1")
    arguments = ["forget", "R1", "--note", "by hand", "--config", str(house.config)]
    result = CliRunner().invoke(app, arguments, input="")
    assert result.exit_code == 1
    assert "R1: Temporary item ILL-1001 stays (" in result.stdout
    assert "R1: The hold on item ILL-1001 stays." in result.stdout
    assert result.stderr == "Leave that in the ILS and do no more? [y/N]: \nNothing was changed.\n"
    assert house.row().state == "in_step"  # type: ignore[union-attr]
    result = CliRunner().invoke(app, arguments, input="y\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("R1 is now: forgotten.\n")
    again = house.command("forget", "R1", "--note", "by hand", "--yes")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "R1 was forgotten before.")
    for command in (["resync"], ["set", "--barcode", "X"], ["resolve"], ["skip", "--note", "x"]):
        refused = house.command(*command, "R1")
        assert (refused.exit_code, refused.stdout) == (1, "R1: It was forgotten; 'retry' takes it up again.\n")
    assert house.command("retry", "R1").exit_code == 0


class TestSetting:
    def test_a_field_that_says_nothing_is_none(self, house: House) -> None:
        several(house, 1)
        result = house.command("set", "R1", "--barcode", " ")
        assert result.exit_code == 2
        assert "name at least one" in result.stderr

    def test_the_ils_follows_until_the_service_says_something_new(self, house: House) -> None:
        with daemon(house) as url:
            house.post(url)
            house.settled("in_step")
            result = house.command("set", "R1", "--barcode", " HAND-7 ", "--due", "2027-02-01", "--note", "torn")
            assert result.exit_code == 0, result.output
            assert "R1 is now: in_step." in result.stdout
            assert {one.barcode for one in house.alma.state.items.values() if one.created_by == "api"} == {"HAND-7"}
            assert f"Set right by {who()}: temporary barcode, due date. Note: torn" in lines(house)
            again = house.command("set", "R1", "--barcode", "HAND-7")
            assert (again.exit_code, again.stdout) == (0, "R1: It stands so already; nothing was changed.\n")
            assert sum(line.startswith("Set right by") for line in lines(house)) == 1

    def test_a_lent_items_own_barcode(self, house: House) -> None:
        both_sides(house)
        house.command("set", "R2", "--barcode", "Y")
        (shown,) = house.asked("show", "R2")
        assert shown["known"][0]["barcode"] == "Y"

    def test_what_makes_no_sense_changes_nothing(self, house: House) -> None:
        several(house, 1)
        assert house.command("set", "R1", "--due", "2027-13-01").exit_code == 2
        result = house.command("set", "R1", "--due", "2027-12-01", "--volume", "2")
        assert (result.exit_code, result.stdout) == (1, "R1: Nothing was changed: the request has no volume '2'.\n")
        assert house.command("set", "R7", "--patron", "P").exit_code == 1
