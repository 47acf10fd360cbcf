from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import logging
from tests.cli.house import House
from tests.databases import migrate


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    logging.configure(console=False)
    migrate(f"sqlite:///{tmp_path / 'bridge.db'}")
    made = House(tmp_path)
    try:
        yield made
    finally:
        made.close()
        logging.configure(console=False)
