"""``replay`` of kept messages."""

from __future__ import annotations

import pytest

from tests.cli.house import House, take, take_all


@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["--all", "--source", "hook"]])
def test_one_way_to_choose(house: House, arguments: list[str]) -> None:
    assert house.command("replay", *arguments).exit_code == 2


def test_nothing_kept_is_told(house: House) -> None:
    assert house.command("replay", "--all").stdout == "No message is kept.\n"
    result = house.command("replay", "--source", "hook")
    assert (result.exit_code, result.stdout) == (0, "No message is kept of source 'hook'.\n")
    result = house.command("replay", "--source", "hok")
    assert result.exit_code == 2
    assert "there is no source 'hok'; there are: hook" in result.stderr


def test_all_of_a_source_after_a_fix(house: House) -> None:
    take_all(house, [{"id": "a", "status": "Teleported"}, {"id": "b"}])
    house.write('[sources.hook.words."teleported"]\nphase = "received"\n')
    result = house.command("replay", "--source", "hook")
    assert (result.exit_code, result.stdout) == (0, "1: taken into R1.\n")
    again = house.command("replay", "1", "2")
    assert (again.exit_code, again.stdout) == (0, "1: taken into R1.\n2: taken into R1.\n")


def test_a_source_that_is_no_longer_there(house: House) -> None:
    take(house, status="Teleported")
    house.change("[sources.hook]", "[sources.door]")
    result = house.command("replay", "--source", "hook")
    assert (result.exit_code, result.stdout) == (1, "1: its source 'hook' is not in the configuration.\n")
