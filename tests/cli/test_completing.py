"""The shell completes what the configuration names, and is silent where it cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bridge.cli import completing
from bridge.cli.main import app
from tests.cli.house import House


def context(**params: object) -> typer.Context:
    made = typer.Context(typer.main.get_command(app))
    made.params = dict(params)
    return made


def test_names_of_the_configuration(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    here = context(config=house.config)
    assert completing.libraries(here, "") == ["main"]
    assert completing.libraries(here, "x") == []
    assert completing.sources(here, "h") == ["hook"]
    assert completing.pausable(here, "") == ["alma", "main"]
    monkeypatch.setenv("ILL_BRIDGE_CONFIG", str(house.config))
    assert completing.libraries(context(), "m") == ["main"]


def test_silence_where_it_cannot_be_read(tmp_path: Path) -> None:
    assert completing.libraries(context(config=tmp_path / "none.toml"), "") == []
    wrong = tmp_path / "wrong.toml"
    for text in (b"[", b"\xff", b"libraries = 3"):
        wrong.write_bytes(text)
        assert completing.libraries(context(config=wrong), "") == []


def test_the_shell_gets_them(house: House) -> None:
    words = f"ill-bridge resync --config {house.config} --library m"
    asked = {"COMP_WORDS": words, "COMP_CWORD": "5", "_ILL_BRIDGE_COMPLETE": "complete_bash"}
    root = str(Path(__file__).parents[2])
    program = "import sys; sys.argv = ['ill-bridge']; from bridge.cli.main import app; app(prog_name='ill-bridge')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **asked, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["main"]
