"""The door for loans over real HTTP, on a real ledger: ours are looked at, of everybody else's nothing stays."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select
from structlog.testing import capture_logs

from bridge.configuring import check
from bridge.connectors.alma import AlmaSettings
from bridge.connectors.alma.webhook import loan_hook
from bridge.domain.change import Phase
from bridge.domain.policy import AlignDueDate
from bridge.ledger import LedgerBusy, Look, State
from bridge.ledger.schema import metadata
from bridge.web.app import make_app
from bridge.web.loans import loans_router
from bridge.web.server import WebServer
from bridge.wiring import connector_settings, loan_doors_of, source_settings
from tests.engine.conftest import make_stage
from tests.engine.pretend import DUE, POLICY, Stage
from tests.reference import REFERENCE, needs_reference

__all__ = ["make_stage"]
SECRET = "the profile's secret"
ALMA = {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}


def event(barcode: str, item: str = "", *, action: str = "LOAN", patron: str = "NEIGHBOUR") -> bytes:
    loan = {"item_barcode": barcode, "item_id": item, "user_id": patron, "title": "A private matter", "loan_id": "77"}
    return json.dumps({"id": "1", "action": action, "event": {"value": "LOAN_CREATED"}, "item_loan": loan}).encode()


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass
class House:
    """The door, and the stage behind it."""

    url: str
    stage: Stage
    woken: list[str]

    def post(self, body: bytes, *, name: str = "pretend", secret: str = SECRET) -> requests.Response:
        headers = {"x-exl-signature": sign(body, secret)}
        return requests.post(f"{self.url}/ils/{name}/loans", data=body, headers=headers, timeout=10)

    def kept(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        with self.stage.ledger.database.read() as connection:
            tables = metadata.sorted_tables
            return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in tables}


@pytest.fixture
def house(make_stage: Callable[..., Stage]) -> Iterator[House]:
    borrowing = replace(POLICY.borrowing, align_due_date=AlignDueDate.WEBHOOK)
    stage = make_stage(policy=replace(POLICY, borrowing=borrowing))
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    raw = {
        "ils": {
            "pretend": {"connector": "alma", "settings": {**ALMA, "loan_webhook_secret": SECRET}},
            "silent": {"connector": "alma", "settings": {**ALMA, "api_key": "other"}},
        }
    }
    known = check(raw, connector_settings=connector_settings, source_settings=source_settings)
    woken: list[str] = []
    doors = loan_doors_of(known, stage.ledger, taken=woken.append)
    server = WebServer(make_app({}, [loans_router(doors)]), "127.0.0.1", 0)
    server.start()
    yield House(server.url, stage, woken)
    server.stop()


def test_a_loan_of_our_item_is_looked_at_at_once(house: House) -> None:
    thing = next(thing for pid, thing in house.stage.ils.items.items() if pid != "OWN-1")
    thing.hold, thing.loan = None, ("desk-1", "id-p1", date(2027, 1, 5))
    for _ in range(3):  # a repeat is harmless
        assert house.post(event("ILL-1")).json() == {"accepted": True}
    assert set(house.woken) == {"pretend"}
    assert (house.stage.row().state, house.stage.row().look) == (State.DUE, Look.ALL)
    house.stage.settle()
    assert thing.loan == ("desk-1", "id-p1", DUE)


def test_of_everybody_elses_loans_nothing_is_kept_or_logged(house: House) -> None:
    before = house.kept()
    with capture_logs() as logs:
        for body in (
            event("39000000000001", "23"),
            event("", ""),
            event("ILL-1", action="REQUEST"),
            b'{"action":"bib"}',
        ):
            answer = house.post(body)
            assert (answer.status_code, answer.json()) == (200, {"accepted": True})
    assert house.kept() == before
    assert logs == []
    assert house.woken == []


def test_a_late_event_of_a_finished_request_does_nothing(house: House) -> None:
    house.stage.tell(Phase.RETURNED)
    house.stage.settle()
    before = house.kept()
    assert house.post(event("ILL-1")).ok
    assert house.kept() == before


@pytest.mark.parametrize(("secret", "status"), [("another secret", 401), (SECRET, 200)])
def test_only_signed_events_are_read(house: House, secret: str, status: int) -> None:
    with capture_logs() as logs:
        assert house.post(event("ILL-1"), secret=secret).status_code == status
    assert [line["event"] for line in logs] == (["door.refused"] if status == 401 else [])
    assert "NEIGHBOUR" not in repr(logs)
    assert house.stage.row().state is (State.DUE if status == 200 else State.IN_STEP)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b'{"action":"LOAN","item_loan":7}', b"<xml/>", b"[" * 9999])
def test_what_is_no_event_is_refused_and_not_kept(house: House, body: bytes) -> None:
    before = house.kept()
    with capture_logs() as logs:
        assert house.post(body).status_code == 422
    assert [line["event"] for line in logs] == ["door.no_event"]
    assert house.kept() == before


def test_a_large_body_is_not_read(house: House) -> None:
    assert house.post(b"x" * 300_000).status_code == 413


def test_a_ledger_that_is_busy_asks_for_it_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_args: object, **_named: object) -> None:
        raise LedgerBusy("locked")

    monkeypatch.setattr(house.stage.ledger.watches, "told", busy)
    answer = house.post(event("ILL-1"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_challenge_is_answered(house: House) -> None:
    asked = requests.get(f"{house.url}/ils/pretend/loans", params={"challenge": "b9e3"}, timeout=10)
    assert asked.json() == {"challenge": "b9e3"}
    for params in ({}, {"challenge": "x" * 500}, {"challenge": "a\nb"}):
        assert requests.get(f"{house.url}/ils/pretend/loans", params=params, timeout=10).status_code == 404


@pytest.mark.parametrize("name", ["silent", "unknown"])
def test_where_no_secret_is_set_there_is_no_door(house: House, name: str) -> None:
    assert house.post(event("ILL-1"), name=name).status_code == 404
    assert requests.get(f"{house.url}/ils/{name}/loans?challenge=x", timeout=10).status_code == 404


@needs_reference
def test_recorded_events_are_understood() -> None:
    """The reference's vectors are signed with 'secretkey'."""
    hook = loan_hook(AlmaSettings.model_validate({**ALMA, "loan_webhook_secret": "secretkey"}))
    assert hook is not None
    for path in sorted((REFERENCE / "alma" / "webhook").glob("*_event.json")):
        recorded = json.loads(Path(path).read_text(encoding="utf-8"))
        hook.verify(recorded["headers"], recorded["body"].encode())
        news = hook.read(recorded["body"].encode())
        assert (news is not None and news.barcode == "12345") is path.name.startswith("loan_")
