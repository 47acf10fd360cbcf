from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.ncip.bench import FolioBench, HorizonBench, MillenniumBench, NcipBench, WmsBench
from tests.contract.long import within

HERE = Path(__file__).parent
BENCHES = {
    "TestNcip": NcipBench,
    "TestHorizon": HorizonBench,
    "TestMillennium": MillenniumBench,
    "TestFolio": FolioBench,
    "TestWms": WmsBench,
}
SHORT = ("[sqlite-borrowed]", "[sqlite-lent]", "-server error-True]", "test_every_verb_is_played")
"""Of the plays, what is played in every run, by the generic connector only."""


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[NcipBench]:
    made = BENCHES.get(getattr(request.cls, "__name__", ""), NcipBench)()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Five connectors stand on the same code: in every run one of them is played, and of its plays those that differ from others'."""
    for item in within(items, HERE):
        if not {"ledger_url", "sqlite_url"} & set(getattr(item, "fixturenames", ())):
            continue
        generic = item.cls is not None and item.cls.__name__ == "TestNcip"  # type: ignore[attr-defined]
        if not generic or not any(word in item.name for word in SHORT):
            item.add_marker(pytest.mark.thorough)
