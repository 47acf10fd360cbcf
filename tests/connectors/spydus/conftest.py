from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.spydus.bench import SpydusBench

HERE = Path(__file__).parent
LONG = ("[postgres-", "-time-out-", "-nonsense-", "-dropped-", "-server error-", "goal_may_come")


@pytest.fixture
def bench() -> Iterator[SpydusBench]:
    made = SpydusBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and any(word in item.name for word in LONG):
            item.add_marker(pytest.mark.thorough)
