"""The receiving door over real HTTP, on a real ledger: what is answered is durable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from bridge.configuring import check
from bridge.errors import ConfigurationError
from bridge.ledger import Ledger, LedgerBusy
from bridge.sources.signing import sign
from bridge.web.app import make_app
from bridge.web.server import WebServer
from bridge.wiring import connector_settings, doors_of, source_settings
from tests.databases import migrate
from tests.sources.messages import body, message

SECRET = "a shared secret"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class House:
    """A door, its ledger, and how often the engine was woken."""

    url: str
    ledger: Ledger
    woken: list[int]

    def post(self, raw: bytes, *, name: str = "hook", secret: str = SECRET, **headers: str) -> requests.Response:
        timestamp = str(int(NOW.timestamp()))
        signed = {"X-ILL-Bridge-Timestamp": timestamp, "X-ILL-Bridge-Signature": sign(secret, timestamp, raw)}
        return requests.post(f"{self.url}/sources/{name}/events", data=raw, headers={**signed, **headers}, timeout=10)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    raw: dict[str, Any] = {
        "ledger": {"url": f"sqlite:///{tmp_path / 'ledger.db'}"},
        "ils": {
            "alma": {"connector": "alma", "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}}
        },
        "libraries": {"main": {"ils": "alma"}},
        "sources": {
            "hook": {"kind": "webhook", "service": "svc", "library": "main", "secret": SECRET, "max_bytes": 4096}
        },
    }
    known = check(raw, connector_settings=connector_settings, source_settings=source_settings)
    ledger = Ledger(migrate(known.settings.ledger.url), clock=lambda: NOW)
    ledger.lanes.ensure(["alma"])
    woken: list[int] = []
    doors = doors_of(known, ledger, taken=lambda *lanes: woken.append(len(lanes)))
    server = WebServer(make_app(doors), "127.0.0.1", 0)
    server.start()
    try:
        yield House(server.url, ledger, woken)
    finally:
        server.stop()
        ledger.close()


def test_a_message_is_taken_and_wakes_the_engine(house: House) -> None:
    answer = house.post(body())
    assert (answer.status_code, answer.json()) == (202, {"accepted": True, "id": 1, "repeated": False, "note": ""})
    assert len(house.ledger.requests.list()) == 1
    assert house.woken == [1]


def test_a_repeat_is_answered_alike_and_changes_nothing(house: House) -> None:
    house.post(body())
    before = house.ledger.requests.history(1)
    answer = house.post(body())
    assert answer.status_code == 202
    assert answer.json()["repeated"]
    assert house.ledger.requests.history(1) == before
    assert house.woken == [1]


def test_what_is_not_signed_is_refused_and_nothing_kept(house: House) -> None:
    answer = house.post(body(), secret="another secret")
    assert answer.status_code == 401
    assert "secret" in answer.json()["error"]
    assert house.ledger.inbox.kept() == ()
    assert house.ledger.requests.list() == ()


def test_what_is_too_large_is_refused_and_nothing_kept(house: House) -> None:
    large = body(note="x" * 5000)
    assert house.post(large).status_code == 413
    chunks = requests.post(f"{house.url}/sources/hook/events", data=iter([large[:3000], large[3000:]]), timeout=10)
    assert chunks.status_code == 413
    assert house.ledger.inbox.kept() == ()


def test_signed_but_malformed_is_kept_and_told(house: House) -> None:
    answer = house.post(body(role="onlooker"))
    assert answer.status_code == 422
    (kept,) = house.ledger.inbox.kept()
    assert answer.json()["kept"] == kept.id
    assert "role" in answer.json()["error"]
    assert json.loads(kept.body) == message(role="onlooker")


def test_an_unknown_word_is_accepted_kept_and_shown(house: House) -> None:
    answer = house.post(body(status="Teleported"))
    assert answer.status_code == 202
    assert "Teleported" in answer.json()["note"]
    assert [kept.id for kept in house.ledger.inbox.kept()] == [answer.json()["id"]]


def test_no_such_source(house: House) -> None:
    answer = house.post(body(), name="moon")
    assert answer.status_code == 404
    assert "moon" in answer.json()["error"]


def test_a_ledger_that_refuses_asks_to_send_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise LedgerBusy("Disk full.")

    monkeypatch.setattr(house.ledger.inbox, "take", busy)
    answer = house.post(body())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_schema_of_messages_is_served(house: House) -> None:
    document = requests.get(f"{house.url}/openapi.json", timeout=10).json()
    operation = document["paths"]["/sources/{name}/events"]["post"]
    assert set(operation["responses"]) >= {"202", "401", "404", "413", "422", "503"}
    schema = document["components"]["schemas"]["Message"]
    assert set(schema["required"]) == {"id", "time", "role", "request"}
    assert "PatronPart" in document["components"]["schemas"]


def test_a_port_already_taken_is_told_at_once(house: House) -> None:
    port = int(house.url.rsplit(":", 1)[1])
    with pytest.raises(ConfigurationError, match=f"port {port}"):
        WebServer(make_app({}), "127.0.0.1", port)


def test_it_listens_on_ipv6_too() -> None:
    server = WebServer(make_app({}), "::1", 0)
    assert server.url.startswith("http://[::1]:")
    server.stop()
