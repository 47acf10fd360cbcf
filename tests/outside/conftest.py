from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "ill-bridge-cards"
sys.path.insert(0, str(PACKAGE))  # as an installed package would be found

from tests.connectors.conftest import (  # noqa: E402, F401 - fixtures of the contract suite
    ledger_url,
    matrix,
    sqlite_matrix,
    sqlite_url,
)
from tests.contract.long import leave_long  # noqa: E402
from tests.outside.bench import CardsBench  # noqa: E402

HERE = Path(__file__).parent
LONG = ("goal_may_come", "-server error-", "asked for", "not returned", "boundary[sqlite-lent]")


@pytest.fixture
def bench() -> Iterator[CardsBench]:
    made = CardsBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_long(items, HERE, LONG)
