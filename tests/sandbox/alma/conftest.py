"""Each test of the Alma stand-in gets a fresh institution."""

import re
from collections.abc import Iterator

import pytest
import requests

from bridge.sandbox.alma import AlmaStandIn
from tests.openapi import Answer, VendorApi
from tests.reference import REFERENCE
from tests.sandbox.alma.client import AlmaClient, code_of
from tests.sandbox.conftest import Clock, Door

BEFORE_ANY_ROUTE = {401, 404, 429}
"""No key, no such route, too many calls: said by the gateway, which the documents do not describe."""
OTHERWISE_KNOWN = frozenset({"60211"})
"""Stated by bibs.json for the same operation at the item's address."""


@pytest.fixture
def stand_in(door: Door, clock: Clock) -> AlmaStandIn:
    made = AlmaStandIn(clock=clock)
    door.app = made.app
    return made


@pytest.fixture(scope="session")
def vendor_api() -> VendorApi | None:
    return VendorApi.load(REFERENCE / "alma" / "openapi") if REFERENCE.is_dir() else None


@pytest.fixture(scope="session")
def known_codes() -> frozenset[str]:
    """The error codes of alma.md's table, which knows more than the documents, and a few known otherwise."""
    table = (REFERENCE / "alma.md").read_text(encoding="utf-8") if REFERENCE.is_dir() else ""
    firsts = re.findall(r"^\|([^|]+)\|", table, flags=re.MULTILINE)
    return frozenset(re.findall(r"\d{5,8}|UNAUTHORIZED", " ".join(firsts))) | OTHERWISE_KNOWN


@pytest.fixture
def alma(
    stand_in: AlmaStandIn, address: str, vendor_api: VendorApi | None, known_codes: frozenset[str]
) -> Iterator[AlmaClient]:
    """After the test, every exchange must have been one that the vendor's documents and alma.md allow."""
    with AlmaClient(address, key=stand_in.key) as client:
        yield client
    if vendor_api:
        assert [problem for each in client.exchanges for problem in _problems(each, vendor_api, known_codes)] == []


def _problems(exchange: requests.Response, api: VendorApi, known_codes: frozenset[str]) -> list[str]:
    asked = exchange.request
    method, url = str(asked.method), str(asked.url)
    if exchange.status_code in BEFORE_ANY_ROUTE:
        return []
    answer = Answer(exchange.status_code, exchange.headers.get("Content-Type", ""), code_of(exchange))
    problems = api.check_answer(method, url, answer, elsewhere=known_codes)
    if exchange.ok:
        problems += api.check_request(method, url, asked.headers, has_body=bool(asked.body))
    return problems
