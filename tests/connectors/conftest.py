"""A migrated ledger of each kind for every connector's contract, and the table of what was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.matrix import PROPERTY, Matrix
from tests.databases import empty, migrate


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty, migrated ledger."""
    if request.param == "postgres":
        return empty(request.getfixturevalue("migrated_postgres"))
    return migrate(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty, migrated SQLite ledger."""
    return migrate(f"sqlite:///{tmp_path / 'ledger.db'}")


@pytest.fixture
def matrix(request: pytest.FixtureRequest, ledger_url: str) -> Iterator[Matrix]:
    """What this test cuts off; it is shown at the end of the run."""
    made = Matrix(_connector(request), "sqlite" if ledger_url.startswith("sqlite") else "postgres")
    yield made
    request.node.user_properties.append((PROPERTY, made.cells()))


@pytest.fixture
def sqlite_matrix(request: pytest.FixtureRequest) -> Iterator[Matrix]:
    """The same, for a test on SQLite only."""
    made = Matrix(_connector(request), "sqlite")
    yield made
    request.node.user_properties.append((PROPERTY, made.cells()))


def _connector(request: pytest.FixtureRequest) -> str:
    """By the class that says which bench is played: several connectors may share a folder."""
    return str(request.cls.__name__).removeprefix("Test").lower()
