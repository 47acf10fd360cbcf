from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.sierra.bench import SierraBench
from tests.contract.long import leave_long

HERE = Path(__file__).parent
LONG = (
    "[edited-server",
    "[cancelled-server",
    "[recalled-server",
    "[found-server",
    "[lost-server",
    "[not returned-server",
    "[sqlite-not returned]",
    "[sqlite-edited]",
    "[sqlite-cancelled]",
    "[sqlite-recalled]",
    "[sqlite-found]",
)


@pytest.fixture
def bench() -> Iterator[SierraBench]:
    made = SierraBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()
        cancels = [call for call in made.stand_in.calls() if call.method == "DELETE" and call.path.endswith("/holds")]
        assert not cancels, "the call that cancels all of a patron's holds is never made"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_long(items, HERE, LONG)
