from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bridge.connectors.base import Surroundings
from bridge.connectors.sip2 import Sip2Client, Sip2Settings
from bridge.sandbox.faults import Fault
from bridge.sandbox.sip2 import Habits, House, SipServer
from bridge.sandbox.sip2.house import Copy, Person
from tests.contract.bench import Listening, SpyPace

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class Desk:
    """A server with a house behind it, and a client that speaks to it over a real socket."""

    habits: Habits = field(default_factory=Habits)
    pace: SpyPace = field(default_factory=SpyPace)
    heard: Listening = field(default_factory=Listening)

    def __post_init__(self) -> None:
        self.house = House(clock=lambda: NOW)
        self.house.people = {each.patron_id: each for each in (Person("P1", "Ada Lovelace"), Person("ILL-XYZ", "XYZ"))}
        self.house.people["P2"] = Person("P2", "Blocked One", blocked="Patron blocked by fines")
        self.house.copies = {each: Copy(each, "Żółta książka") for each in ("B1", "B2")}
        self.server = SipServer(self.house, self.house.lock, self.habits)
        self.server.start()
        self.clients: list[Sip2Client] = []

    def client(self, **settings: object) -> Sip2Client:
        known = {"host": "127.0.0.1", "port": self.server.port, "timezone": "Europe/Berlin", "institution": "MAIN"}
        account = {"login": self.habits.login, "password": self.habits.password, "location": "MAIN"}
        made = Sip2Client(
            Sip2Settings.model_validate({**known, **account, **settings}),
            Surroundings("sip", self.pace, self.heard.tell),
            now=lambda: NOW,
        )
        self.clients.append(made)
        return made

    def fault(self, kind: str, code: str, *, times: int = 1, **more: object) -> None:
        self.server.faults.add(
            Fault.model_validate({"kind": kind, "method": "SIP2", "path": f"/{code}$", "times": times, **more})
        )

    def codes(self) -> list[str]:
        return [each.code for each in self.server.heard]

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.server.stop()


@pytest.fixture
def desks() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**habits: object) -> Desk:
        made.append(Desk(Habits.model_validate(habits)))
        return made[-1]

    yield make
    for desk in made:
        desk.stop()


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    return desks()
