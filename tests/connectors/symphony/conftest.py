from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.symphony.bench import SymphonyBench
from tests.contract.long import leave_long

HERE = Path(__file__).parent
LONG = (
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
    leave_long(items, HERE, LONG)
