"""Each test of the Symphony stand-in gets a fresh one, and a client that has logged in."""

from collections.abc import Iterator

import pytest

from bridge.sandbox.symphony import SymphonyStandIn
from tests.sandbox.conftest import Clock, Door
from tests.sandbox.symphony.client import SymphonyClient


@pytest.fixture
def stand_in(door: Door, clock: Clock) -> SymphonyStandIn:
    made = SymphonyStandIn(clock=clock)
    door.app = made.app
    return made


@pytest.fixture
def symphony(stand_in: SymphonyStandIn, address: str) -> Iterator[SymphonyClient]:
    with SymphonyClient(address, stand_in) as client:
        yield client
