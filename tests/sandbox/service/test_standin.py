"""The stand-in service: a feed since a time in pages, signed webhooks in order and repeated, requests moved along by command."""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from flask import Flask, Response, request

from bridge.sandbox.server import Server
from bridge.sandbox.service import ServiceStandIn, sender

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class Listener:
    """A receiver of webhooks whose answers a test decides."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.answers: list[int] = []
        self.app = Flask("listener")
        self.app.add_url_rule("/events", view_func=self._take, methods=["POST"])

    def _take(self) -> Response:
        self.got.append((request.get_data(), dict(request.headers)))
        return Response(status=self.answers.pop(0) if self.answers else 202)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def service(listener: Listener) -> Iterator["Talk"]:
    stand_in = ServiceStandIn(lambda: NOW)
    with Server(stand_in.app) as server, Server(listener.app) as receiver:
        yield Talk(server.url, f"{receiver.url}/events", stand_in)


class Talk:
    """Speaks to the service."""

    def __init__(self, url: str, hook: str, stand_in: ServiceStandIn) -> None:
        self.url = url
        self.hook = hook
        self.stand_in = stand_in

    def post(self, path: str, **body: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=10)

    def get(self, path: str, *, token: str = "feed-token", **params: str) -> requests.Response:
        return requests.get(self.url + path, params=params, headers={"Authorization": f"Bearer {token}"}, timeout=10)

    def subscribed(self) -> None:
        assert self.post("/_control/webhook", url=self.hook, secret="s3cret").status_code == 201


def test_a_request_is_made_and_moved_along(service: Talk) -> None:
    made = service.post("/requests", role="borrower", library="main", patron={"id": "P1"})
    assert (made.status_code, made.json()) == (201, {"number": "1", "id": "1-1"})
    moved = service.post("/requests/1/advance", status="Shipped", due_date="2026-05-01", nonsense="x").json()
    assert (moved["id"], moved["status"], moved["sequence"], moved["due_date"]) == ("1-2", "Shipped", 2, "2026-05-01")
    assert "nonsense" not in moved
    assert service.get("/requests/1").json()["events"] == ["1-1", "1-2"]
    assert service.get("/requests").json()[0]["number"] == "1"
    assert service.get("/requests/9").status_code == 404
    assert service.post("/requests/9/advance", status="x").status_code == 404


def test_a_request_may_be_made_silently(service: Talk) -> None:
    assert service.post("/requests", number="7", silent=True).json() == {"number": "7", "id": None}
    assert service.get("/changes").json()["changes"] == []


def test_the_feed_since_and_in_pages(service: Talk) -> None:
    for number in range(3):
        service.post("/requests", number=str(number), channel="feed")
    first = service.get("/changes", limit="2").json()
    assert [each["id"] for each in first["changes"]] == ["0-1", "1-1"]
    assert first["next_page"] == 2
    second = service.get("/changes", limit="2", page="2").json()
    assert ([each["id"] for each in second["changes"]], second["next_page"]) == (["2-1"], None)
    since = second["changes"][0]["time"]
    assert [each["id"] for each in service.get("/changes", since=since).json()["changes"]] == ["2-1"]
    assert service.get("/changes", since="yesterday").status_code == 400
    assert service.get("/changes", token="wrong").status_code == 401


def test_webhooks_are_signed_and_in_order(service: Talk, listener: Listener) -> None:
    service.subscribed()
    service.post("/requests", number="1")
    service.post("/requests/1/advance", status="Shipped")
    assert service.post("/_control/idle").json() == {"idle": True}
    assert [b'"Requested"' in raw or b'"Shipped"' in raw for raw, _ in listener.got] == [True, True]
    raw, headers = listener.got[0]
    stamp = headers["X-Ill-Bridge-Timestamp"]
    expected = hmac.new(b"s3cret", f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
    assert headers["X-Ill-Bridge-Signature"] == f"sha256={expected}"


def test_a_receiver_that_fails_is_tried_again(
    service: Talk, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "PAUSE", 0.0)
    listener.answers = [503, 422]
    service.subscribed()
    service.post("/requests", number="1")
    service.post("/_control/idle")
    deliveries = service.get("/_control/deliveries").json()
    assert [(each["status"], each["attempt"]) for each in deliveries] == [(503, 1), (422, 2)]


def test_nobody_there_is_given_up_in_the_end(service: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "PAUSE", 0.0)
    service.post("/_control/webhook", url="http://127.0.0.1:9/events", secret="s3cret")
    service.post("/requests", number="1")
    service.post("/_control/idle")
    deliveries = service.get("/_control/deliveries").json()
    assert [(each["status"], each["attempt"]) for each in deliveries] == [(0, attempt) for attempt in range(1, 6)]


def test_events_are_repeated_and_reordered_on_command(service: Talk, listener: Listener) -> None:
    service.subscribed()
    service.post("/requests", number="1", channel="feed")
    held = [service.post("/requests/1/advance", status=status, send="hold").json()["id"] for status in ("A", "B")]
    answer = service.post("/_control/send", events=held[::-1], times=2).json()
    assert answer == {"statuses": [202] * 4}
    assert [b'"B"' in raw for raw, _ in listener.got] == [True, False, True, False]
    assert service.post("/_control/send", events=["9"]).status_code == 404
    assert threading.active_count() > 1


def test_a_body_that_is_no_object_says_nothing(service: Talk) -> None:
    answer = requests.post(f"{service.url}/requests", json=[1], timeout=10)
    assert answer.json()["number"] == "1"
