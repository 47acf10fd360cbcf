from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.spydus.bench import LcfBench, SpydusBench
from tests.contract.long import leave_long, within

HERE = Path(__file__).parent
SHORT = ("[sqlite-borrowed]",)
"""Of the plays with LCF, what is played in every run: lending goes by SIP2 as without it."""
LONG = ("-server error-", "goal_may_come")


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[SpydusBench]:
    made = LcfBench() if "Lcf" in getattr(request.cls, "__name__", "") else SpydusBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_long(items, HERE, LONG)
    for item in within(items, HERE):
        played = {"ledger_url", "sqlite_url"} & set(getattr(item, "fixturenames", ()))
        with_lcf = item.cls is not None and "Lcf" in item.cls.__name__  # type: ignore[attr-defined]
        if with_lcf and played and not any(word in item.name for word in SHORT):
            item.add_marker(pytest.mark.thorough)
