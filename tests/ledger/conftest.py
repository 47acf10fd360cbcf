"""An empty, migrated ledger of each kind, with a clock of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.ledger import Ledger
from tests.databases import empty, migrate, postgres_database, server_url
from tests.ledger.sample import Clock


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "ledger.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    with postgres_database(server_url()) as url:
        yield migrate(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return empty(request.getfixturevalue("migrated_postgres"))
    return f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_file'), tmp_path)}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(migrated_url: str, clock: Clock) -> Iterator[Ledger]:
    made = Ledger(migrated_url, clock=clock)
    made.lanes.ensure(["alma"])
    yield made
    made.close()
