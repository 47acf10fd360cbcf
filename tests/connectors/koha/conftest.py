from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.koha.bench import KohaBench
from tests.contract.long import leave_long

HERE = Path(__file__).parent
LONG = (
    "-server error-",
    "goal_may_come",
    "[sqlite-asked for]",
    "[sqlite-edited]",
    "[sqlite-cancelled]",
    "[sqlite-recalled]",
    "[sqlite-found]",
    "[sqlite-lost]",
    "[sqlite-not returned]",
)


@pytest.fixture
def bench() -> Iterator[KohaBench]:
    made = KohaBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_long(items, HERE, LONG)
