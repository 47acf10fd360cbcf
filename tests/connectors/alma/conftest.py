from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.alma.bench import AlmaBench
from tests.openapi import VendorApi
from tests.reference import REFERENCE

HERE = Path(__file__).parent
ALWAYS = ("[postgres-lent]",)
SLOWEST = (
    "-time-out-",
    "-nonsense-",
    "-server error-False",
    "-dropped-False",
    "boundary[sqlite-edited]",
    "boundary[sqlite-cancelled]",
    "boundary[sqlite-recalled]",
    "[edited-server",
    "[cancelled-server",
    "[recalled-server",
)


@pytest.fixture(scope="session")
def vendor_api() -> VendorApi | None:
    """The vendor's documents, where they are at hand."""
    folder = REFERENCE / "alma" / "openapi"
    return VendorApi.load(folder) if folder.is_dir() else None


@pytest.fixture
def bench(vendor_api: VendorApi | None) -> Iterator[AlmaBench]:
    made = AlmaBench()
    made.start()
    try:
        yield made
    finally:
        made.stop()
    check(made, vendor_api)


def check(bench: AlmaBench, vendor_api: VendorApi | None) -> None:
    """Whatever a test made the connector ask stands in the vendor's documents."""
    if vendor_api is None:
        return
    for asked in bench.recording.asked:
        problems = vendor_api.check_request(asked.method, asked.address, asked.headers, has_body=bool(asked.body))
        assert not problems, (asked, problems)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL an own item's loan is cut off in every run; the other plays, and the slowest unclear ends, in the long one."""
    for item in items:
        long = "[postgres-" in item.name and not item.name.endswith(ALWAYS)
        if item.path == HERE / "test_contract.py" and (long or any(word in item.name for word in SLOWEST)):
            item.add_marker(pytest.mark.thorough)
