"""A migrated ledger in a file, with a clock of its own: what sources do is the same on every database."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ledger.conftest import clock, ledger, migrated_file

__all__ = ["clock", "ledger", "migrated_file"]


@pytest.fixture
def migrated_url(migrated_file: Path, tmp_path: Path) -> str:
    folder = tmp_path / "ledger"
    folder.mkdir()
    return f"sqlite:///{shutil.copy(migrated_file, folder)}"
