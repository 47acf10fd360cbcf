"""Alerts posted over real HTTP: what is posted, how it is proved, and every way to be refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from pydantic import SecretStr

from bridge.alerts.channel import Parcel
from bridge.alerts.model import Item, Kind, Notice, Stage, Undelivered
from bridge.alerts.settings import HookSettings
from bridge.alerts.webhook import HookChannel
from bridge.http import Exchange
from bridge.sandbox.server import Server
from bridge.sources.webhook import WebhookSettings, WebhookSource
from tests.alerts.post import free_port

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ITEM = Item("account", "ILL-XYZ", "main", cause="account_expires", until=date(2026, 12, 10))
NOTICE = Notice(Kind.ACCOUNT, Stage.NEW, AT, "Account ILL-XYZ expires soon", ("Köln.", "Next: …"), "main", (ITEM,))
PARCEL = Parcel(NOTICE, "account:alma:ILL-XYZ@x#2", "account:alma:ILL-XYZ@x#1", "north")


@dataclass
class Receiver:
    """Takes what is posted; answers ``status``."""

    status: int = 204
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    told: list[Exchange] = field(default_factory=list)
    url: str = ""

    def take(self, more: str) -> Any:
        self.posted.append((request.full_path, dict(request.headers), request.get_data()))
        return "", self.status, {"Location": "/elsewhere"} if self.status == 302 else {}

    def send(self, **more: object) -> None:
        known: dict[str, object] = {"url": f"{self.url}/hooks/very-secret?key=1"}
        channel = HookChannel(HookSettings.model_validate({**known, **more}), self.told.append)
        try:
            channel.send(PARCEL, AT)
        finally:
            channel.close()

    def refused(self, **more: object) -> str:
        with pytest.raises(Undelivered) as problem:
            self.send(**more)
        return str(problem.value)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    app = Flask("receiver")
    app.add_url_rule("/<path:more>", view_func=made.take, methods=["POST", "GET"])
    with Server(app) as server:
        made.url = server.url
        yield made


def test_what_is_posted(receiver: Receiver) -> None:
    receiver.send()
    ((path, headers, body),) = receiver.posted
    assert path == "/hooks/very-secret?key=1"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Ill-Bridge-Notice"] == PARCEL.id
    assert json.loads(body) == {
        "version": 1,
        "id": PARCEL.id,
        "thread": PARCEL.first_id,
        "bridge": "north",
        "kind": "account",
        "stage": "new",
        "at": "2026-11-24T09:30:00+00:00",
        "library": "main",
        "title": "Account ILL-XYZ expires soon",
        "lines": ["Köln.", "Next: …"],
        "items": [
            {
                "what": "account",
                "name": "ILL-XYZ",
                "library": "main",
                "number": None,
                "cause": "account_expires",
                "reason": None,
                "advice": None,
                "since": None,
                "until": "2026-12-10",
                "count": 1,
            }
        ],
        "text": "Account ILL-XYZ expires soon\nKöln.\nNext: …\n",
    }


def test_its_address_is_a_secret_and_not_told(receiver: Receiver) -> None:
    receiver.send()
    assert "very-secret" not in repr(receiver.told)


def test_it_is_signed_as_our_own_door_wants_it(receiver: Receiver) -> None:
    receiver.send(secret="a shared secret")
    ((_, headers, body),) = receiver.posted
    hook = WebhookSettings(service="svc", secret=SecretStr("a shared secret"))
    WebhookSource("hook", hook, frozenset()).verify(headers, body, AT)
    timestamp = str(int(AT.timestamp())).encode()
    expected = hmac.new(b"a shared secret", timestamp + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Ill-Bridge-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("more", "header", "value"),
    [({}, "Authorization", "Bearer t0ken"), ({"token_header": "X-Api-Key"}, "X-Api-Key", "t0ken")],
)
def test_with_a_token(receiver: Receiver, more: dict[str, str], header: str, value: str) -> None:
    receiver.send(token="t0ken", **more)
    assert receiver.posted[0][1][header] == value


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "token or secret"), (404, "see its url"), (302, "the receiver's own log"), (500, "the receiver's own log")],
)
def test_every_other_answer_is_a_refusal(receiver: Receiver, status: int, advice: str) -> None:
    receiver.status = status
    told = receiver.refused()
    assert f"answered {status}" in told
    assert advice in told
    assert len(receiver.posted) == 1, "it is not followed, and not repeated by itself"


def test_too_often(receiver: Receiver) -> None:
    receiver.status = 429
    assert "says we call too often" in receiver.refused()


def test_nobody_listens(receiver: Receiver) -> None:
    told = receiver.refused(url=f"http://127.0.0.1:{free_port()}/hooks/very-secret")
    assert "cannot be reached" in told
    assert "very-secret" not in told


def test_certificates_that_went_away(receiver: Receiver, tmp_path: Path) -> None:
    there = tmp_path / "ca.pem"
    there.touch()
    settings = HookSettings(url=SecretStr("https://127.0.0.1:1/"), ca_file=str(there))
    channel = HookChannel(settings, receiver.told.append)
    there.unlink()
    with pytest.raises(Undelivered, match="ca_file cannot be used"):
        channel.send(PARCEL, AT)
    channel.close()


def test_an_address_without_a_path(receiver: Receiver) -> None:
    assert HookChannel(HookSettings(url=SecretStr("https://ops.example")), receiver.told.append).audiences() == ()
