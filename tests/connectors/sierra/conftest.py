from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.sierra.bench import SierraBench


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
