from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import logging
from tests.cli.house import House
from tests.databases import migrate


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "ledger.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def house(tmp_path: Path, migrated_file: Path) -> Iterator[House]:
    logging.configure(console=False)
    shutil.copy(migrated_file, tmp_path / "bridge.db")
    made = House(tmp_path)
    try:
        yield made
    finally:
        made.close()
        logging.configure(console=False)
