"""Connections of callers: whoever is slow, silent or endless keeps nobody else out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
import requests

from bridge.web import line as module
from bridge.web.access import Guard
from bridge.web.app import AT_ONCE, make_app
from bridge.web.conversations import conversations_router
from bridge.web.health import Readiness, health_router
from bridge.web.posts import Post, Said
from bridge.web.server import WebServer

HEAD = b"POST /sources/hook/events HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def url() -> Iterator[str]:
    server = WebServer(make_app({}), "127.0.0.1", 0)
    server.start()
    yield server.url
    server.stop()


def called(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=10)


def said(line: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    heard = b""
    with suppress(ConnectionError):
        while piece := line.recv(65_536):
            heard += piece
    return heard


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\r\n",
        b"POST /sou",
        HEAD,
        HEAD + b"Content-Length: 9\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_message_that_does_not_come_to_its_end_ends_the_connection(
    url: str, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(module, "TIME", 0.1)
    with called(url) as line:
        line.sendall(beginning)
        assert b" 200 " not in said(line)


def test_a_connection_that_was_answered_waits_no_longer_for_what_follows(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIME", 0.1)
    with called(url) as line:
        line.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 404 " in line.recv(65_536)
        line.sendall(b"GET /noth")
        assert said(line) == b""


@pytest.mark.parametrize(
    "beginning", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\n{", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
)
def test_who_has_kept_us_waiting_longest_makes_room(
    url: str, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    with ExitStack() as lines:
        crowd = []
        for _ in range(8):
            line = lines.enter_context(called(url))
            line.sendall(beginning)
            crowd.append(line)
            assert requests.get(f"{url}/openapi.json", timeout=10).status_code == 200
        assert b" 200 " not in said(crowd[0])


def pieces(beginning: bytes, piece: bytes) -> Iterator[bytes]:
    yield beginning
    for _ in range(400):
        yield piece


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"POST /", b"a" * 1000),
        (HEAD + b"X: ", b"y" * 1000),
        (HEAD, b"X: y\r\n" * 200),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"y" * 1000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"y" * 1000),
    ],
    ids=["address", "header", "headers", "trailer", "extension"],
)
def test_a_head_without_end_is_refused(url: str, beginning: bytes, piece: bytes) -> None:
    with called(url) as line:
        sent = 0
        with suppress(ConnectionError):
            for each in pieces(beginning, piece):
                line.sendall(each)
                sent += len(each)
        assert sent < 400_000 or b" 400 " in said(line)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_body_in_small_pieces_is_no_head(url: str, size: int) -> None:
    def body() -> Iterator[bytes]:
        yield from (b"x" * size for _ in range(100_000 // size))

    answer = requests.post(f"{url}/sources/hook/events", data=body(), timeout=20)
    assert answer.status_code == 404
    assert "There is no source" in answer.text


class Waiting:
    """A door that answers when it is let."""

    max_bytes = 1000

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = threading.Semaphore(0)
        self.may = threading.Event()

    def admit(self, address: str, headers: Mapping[str, str]) -> None:
        """Whoever it is."""

    def answer(self, post: Post) -> Said:
        self.asked.release()
        self.may.wait(20)
        return Said(200, b"<x/>", "application/xml")


def test_a_relay_whose_peer_is_slow_keeps_nothing_else_waiting() -> None:
    slow, quick = Waiting("slow"), Waiting("quick")
    quick.may.set()
    alive = health_router(lambda: Readiness(ready=True), Guard(None), details=False)
    doors = conversations_router({"slow": slow, "quick": quick})
    server = WebServer(make_app({}, [doors, alive]), "127.0.0.1", 0)
    server.start()

    def say(name: str) -> int:
        xml = {"Content-Type": "application/xml"}
        return requests.post(f"{server.url}/iso18626/{name}", data=b"<x/>", headers=xml, timeout=10).status_code

    with ThreadPoolExecutor(AT_ONCE) as crowd:
        waiting = [crowd.submit(say, "slow") for _ in range(AT_ONCE)]
        assert all(slow.asked.acquire(timeout=10) for _ in waiting)
        assert say("quick") == 200
        assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
        slow.may.set()
        assert [each.result() for each in waiting] == [200] * AT_ONCE
    server.stop()
