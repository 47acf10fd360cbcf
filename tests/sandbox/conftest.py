"""One server for all tests of stand-ins; each test puts a fresh one behind it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.sandbox.server import Server


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Door:
    """A WSGI application that leads to whatever stand-in is behind it."""

    def __init__(self) -> None:
        self.app: Callable[..., Iterable[bytes]] = lambda *_: []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self.app(environ, start_response)


@pytest.fixture(scope="session")
def door() -> Door:
    return Door()


@pytest.fixture(scope="session")
def address(door: Door) -> Iterator[str]:
    with Server(door) as server:
        yield server.url


@pytest.fixture
def clock() -> Clock:
    return Clock()
