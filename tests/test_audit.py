"""The audit of dependencies: a known advisory fails, and what could not be asked is never called clean."""

from __future__ import annotations

import json
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def audit() -> Any:
    loader = SourceFileLoader("audit", str(ROOT / "scripts" / "audit"))
    spec = spec_from_loader("audit", loader)
    assert spec is not None
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.dont_write_bytecode", True)
        patch.setitem(__import__("sys").modules, "audit", module)
        loader.exec_module(module)
        yield module


def clean(name: str) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": []}


SKIPPED = {"name": "requests", "skip_reason": "Dependency not found on PyPI"}
ADVISORY = {"name": "lxml", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNFIXED = {"name": "lxml", "version": "1.0", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([clean("a"), clean("b")], 0, "no advisory is known for 2 packages"),
        ([clean("a"), SKIPPED], 0, "no advisory is known for 1 packages (1 could not be asked about)"),
        ([SKIPPED, SKIPPED], 0, "skipped: the index has no advisories on any of 2 packages"),
        ([clean("a"), ADVISORY], 1, "lxml 1.0: PYSEC-1 (fixed in 1.1)"),
        ([UNFIXED], 1, "PYSEC-2 (fixed in no release yet)"),
    ],
)
def test_what_a_report_says(audit: Any, packages: list[dict[str, Any]], code: int, says: str) -> None:
    found = audit.verdict({"dependencies": packages})
    assert found.code == code
    assert says in found.text


def test_without_the_program_it_is_skipped(audit: Any, tmp_path: Path) -> None:
    assert audit.asked(tmp_path / "pip-audit", tmp_path / "lock").text.startswith("skipped: pip-audit is not installed")


def program(folder: Path, script: str) -> Path:
    path = folder / "pip-audit"
    path.write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
    path.chmod(0o700)
    return path


def test_without_a_network_it_is_skipped(audit: Any, tmp_path: Path) -> None:
    found = audit.asked(program(tmp_path, "echo 'cannot resolve pypi.org' >&2; exit 1"), tmp_path / "lock")
    assert (found.code, found.text) == (0, "skipped: the advisories cannot be asked for (cannot resolve pypi.org)")


def test_advisories_that_do_not_come_are_not_waited_for(
    audit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "SECONDS", 0.05)
    assert "were not there within" in audit.asked(program(tmp_path, "exec sleep 5"), tmp_path / "lock").text


def test_a_known_advisory_fails(audit: Any, tmp_path: Path) -> None:
    report = json.dumps({"dependencies": [ADVISORY]})
    script = f'while [ "$1" != -o ]; do shift; done; echo \'{report}\' > "$2"; exit 1'
    found = audit.asked(program(tmp_path, script), tmp_path / "lock")
    assert (found.code, "PYSEC-1" in found.text) == (1, True)


def test_it_is_one_of_the_gates() -> None:
    assert "scripts/audit" in (ROOT / "scripts" / "gates").read_text(encoding="utf-8")
