"""Commands are imported when they are run: what looks and lists loads nothing that serves, and says the same as before."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bridge.cli.deferred import Deferred, Place
from bridge.cli.main import PLACES, app
from tests.cli.house import House

HEAVY = ("flask", "fastapi", "starlette", "uvicorn", "apscheduler", "bridge.sandbox", "bridge.daemon")
PROGRAM = """
import sys
from bridge.cli.main import main
try:
    main()
finally:
    print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """Modules that a command loads, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_help_imports_no_command() -> None:
    modules = loaded("--help")
    assert modules.isdisjoint(HEAVY)
    assert "bridge.ledger" not in modules
    assert {each for each in modules if each.startswith("bridge.cli.")} == {"bridge.cli.main", "bridge.cli.deferred"}


def test_what_looks_loads_nothing_that_serves(house: House) -> None:
    modules = loaded("status", "--config", str(house.config))
    assert "bridge.cli.overview" in modules
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_command_is_listed_as_its_own_help_begins(place: Place) -> None:
    listed = Deferred(place)
    first = inspect.cleandoc(listed.whole.help).partition("\n\n")[0]
    assert listed.help == " ".join(first.split())
    assert listed.whole.name == listed.name


def test_a_word_that_is_nearly_a_command() -> None:
    result = CliRunner().invoke(app, ["statu"])
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.output


def test_a_group_keeps_its_commands() -> None:
    group = typer.main.get_command(app).commands["db"]  # type: ignore[attr-defined]
    assert list(group.whole.commands) == ["upgrade", "backup", "check"]
    assert "Bring the ledger's schema" in CliRunner().invoke(app, ["db", "--help"]).output
