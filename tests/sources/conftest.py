"""A migrated ledger in a file, with a clock of its own: what sources do is the same on every database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import migrate
from tests.ledger.conftest import clock, ledger

__all__ = ["clock", "ledger"]


@pytest.fixture
def migrated_url(tmp_path: Path) -> str:
    folder = tmp_path / "ledger"
    folder.mkdir()
    return migrate(f"sqlite:///{folder / 'ledger.db'}")
