from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.symphony.bench import SymphonyBench

HERE = Path(__file__).parent
LONG = (
    "[postgres-",
    "-time-out-",
    "-nonsense-",
    "-dropped-",
    "error-False]",
    "[sqlite-borrowed]",
    "[sqlite-lent]",
    "[sqlite-not returned]",
    "[sqlite-sent within]",
    "[sent within-server",
    "[charged twice-server",
    "[lost-server",
    "[recalled-server",
    "[edited-server",
    "[sqlite-edited]",
    "[sqlite-cancelled]",
    "[sqlite-recalled]",
    "[sqlite-found]",
)


@pytest.fixture
def bench() -> Iterator[SymphonyBench]:
    made = SymphonyBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a second connector does, PostgreSQL cannot tell from the first, and of unclear ends these are the slowest: long tests."""
    for item in items:
        if item.path.is_relative_to(HERE) and any(word in item.name for word in LONG):
            item.add_marker(pytest.mark.thorough)
