"""An empty, migrated ledger of each kind, with a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.ledger import Ledger
from tests.databases import empty, migrate
from tests.ledger.sample import Clock


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return empty(request.getfixturevalue("migrated_postgres"))
    return migrate(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(migrated_url: str, clock: Clock) -> Iterator[Ledger]:
    made = Ledger(migrated_url, clock=clock)
    made.lanes.ensure(["alma"])
    yield made
    made.close()
