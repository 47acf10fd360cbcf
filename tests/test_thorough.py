"""The long tests run when they are asked for, and only then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TWO = """
import pytest

def test_short(): pass

@pytest.mark.thorough
def test_long(): pass
"""


@pytest.mark.parametrize(
    ("asked", "runs"),
    [((), "1 passed, 1 deselected"), (("--thorough",), "2 passed")],
)
def test_long_tests_run_when_asked_for(tmp_path: Path, asked: tuple[str, ...], runs: str) -> None:
    (tmp_path / "test_two.py").write_text(TWO)
    plugins = ("-p", "tests.conftest", "-p", "no:cacheprovider", "-p", "no:xdist")
    run = (sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), *plugins, *asked, str(tmp_path))
    ended = subprocess.run((*run, "-o", "markers=thorough"), capture_output=True, text=True)
    assert runs in ended.stdout, ended.stdout + ended.stderr
