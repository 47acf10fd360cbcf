"""The way to a host over real sockets: answers as servers write them, to the octet, and which of them still are HTTP."""

from __future__ import annotations

import base64
import gzip
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from bridge.errors import OutcomeUnknown, Retry, Unavailable
from bridge.http import Exchange, Http, HttpRules, Sending, Unpaced
from bridge.wire import parts

GET = Sending("GET", "/thing", "/thing", repeatable=True)
POST = Sending("POST", "/thing", "/thing", body=b"{}")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
PACKED = gzip.compress(b"done", mtime=0)


@dataclass
class Speaker:
    """A server that says these octets, one piece a request, and hangs up after a piece in ``last``; ``asked``: by connection."""

    url: str = ""
    says: list[bytes] = field(default_factory=list)
    last: frozenset[int] = frozenset()
    asked: list[list[bytes]] = field(default_factory=list)
    told: list[Exchange] = field(default_factory=list)
    lines: list[socket.socket] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def http(self, url: str = "", **rules: object) -> Http:
        return Http(
            url or self.url,
            name="ils",
            pace=Unpaced(),
            tell=self.told.append,
            rules=HttpRules(**rules),  # type: ignore[arg-type]
            sleep=lambda _: None,
        )

    def serve(self, listening: socket.socket) -> None:
        spoken = 0
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            self.lines.append(line)
            heard: list[bytes] = []
            self.asked.append(heard)
            with suppress(OSError):
                while question := whole(line):
                    heard.append(question)
                    line.sendall(self.says[spoken])
                    spoken += 1
                    if spoken - 1 in self.last:
                        break
            line.close()
            self.hung_up.set()


def whole(line: socket.socket) -> bytes:
    """The next request, or nothing where there is none."""
    heard = b""
    while piece := line.recv(1 << 20):
        heard += piece
        head, ends, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
        if ends and len(body) == int(length[1] if length else 0):
            return heard
    return b""


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    made = Speaker()
    listening = socket.create_server(("127.0.0.1", 0))
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=made.serve, args=(listening,), daemon=True)
    thread.start()
    yield made
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for line in made.lines:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_one_connection_serves_one_call_after_another(speaker: Speaker) -> None:
    speaker.says = [OK, OK, OK]
    http = speaker.http()
    assert [http.send(each).text for each in (GET, POST, GET)] == ["done"] * 3
    assert [len(heard) for heard in speaker.asked] == [3]
    head = speaker.asked[0][1].decode().split("\r\n")
    assert head[0] == "POST /thing HTTP/1.1"
    assert {f"Host: {speaker.url.removeprefix('http://')}", "Content-Length: 2"} < set(head)
    assert head[-1] == "{}", "head and body go out together"
    http.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone",
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ndone",
        OK + b"and more",
        OK + OK,
    ],
)
def test_a_connection_that_is_not_to_be_kept_is_not(speaker: Speaker, answer: bytes) -> None:
    speaker.says = [answer, OK]
    http = speaker.http()
    assert [http.send(POST).text, http.send(POST).text] == ["done", "done"]
    assert [len(heard) for heard in speaker.asked] == [1, 1]


def test_one_that_the_other_side_closed_meanwhile_is_opened_anew(speaker: Speaker) -> None:
    speaker.says, speaker.last = [OK, OK], frozenset({0})
    http = speaker.http()
    assert http.send(POST).text == "done"
    speaker.hung_up.wait(10)
    assert http.send(POST).text == "done"
    assert len(speaker.asked) == 2


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ndo\r\n2;a=b\r\nne\r\n0\r\n\r\n", "done"),
        (b"HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\n" + OK, "done"),
        (b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\ndone", "done"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ""),
        (b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 4\r\n\r\ndone", "done"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(PACKED), PACKED), "done"),
    ],
    ids=["chunked", "announced", "no reason", "no content", "not modified", "elsewhere", "packed"],
)
def test_answers_of_every_make_are_read(speaker: Speaker, answer: bytes, text: str) -> None:
    speaker.says = [answer, OK]
    http = speaker.http()
    assert [http.send(POST).text, http.send(POST).text] == [text, "done"]
    assert [len(heard) for heard in speaker.asked] == [2]


def test_an_answer_without_a_length_ends_with_its_connection(speaker: Speaker) -> None:
    speaker.says, speaker.last = [b"HTTP/1.1 200 OK\r\n\r\ndone", OK], frozenset({0})
    http = speaker.http()
    assert [http.send(POST).text, http.send(POST).text] == ["done", "done"]


def test_headers_are_read_in_any_case_and_sign(speaker: Speaker) -> None:
    speaker.says = [b"HTTP/1.1 200 OK\r\nx-a:  one \r\nX-A: two\r\nX-B: \xe4\r\nContent-Length: 0\r\n\r\n"]
    answer = speaker.http().send(GET)
    assert (answer.header("X-a"), answer.header("x-b")) == ("one, two", "ä")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndone",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndone",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_half_an_answer_is_none(speaker: Speaker, answer: bytes) -> None:
    speaker.says, speaker.last = [answer] * 2, frozenset({0, 1})
    http = speaker.http(tries=1)
    with pytest.raises(OutcomeUnknown):
        http.send(POST)
    with pytest.raises(Unavailable, match="ConnectionError"):
        http.send(GET)


LOOSE = [
    b"HTTP/1.1 200 OK\nContent-Length: 4\n\ndone",
    b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 4\r\n\r\ndone",
]


@pytest.mark.parametrize("answer", LOOSE)
def test_who_does_not_keep_to_the_letter_is_read_leniently_from_then_on(speaker: Speaker, answer: bytes) -> None:
    speaker.says = [answer] * 3
    http = speaker.http()
    with pytest.raises(OutcomeUnknown):
        http.send(POST)
    assert [http.send(POST).text, http.send(GET).text] == ["done", "done"]
    assert [told.error for told in speaker.told] == ["Unreadable", "", ""]


@pytest.mark.parametrize("answer", LOOSE)
def test_a_read_of_such_a_one_is_only_made_twice(speaker: Speaker, answer: bytes) -> None:
    speaker.says = [answer] * 2
    assert speaker.http().send(GET).text == "done"


def test_a_protocol_that_nobody_asked_for_is_no_answer(speaker: Speaker) -> None:
    speaker.says = [b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"]
    with pytest.raises(OutcomeUnknown):
        speaker.http().send(POST)


@pytest.mark.parametrize(("sending", "error"), [(GET, Retry), (POST, OutcomeUnknown)])
def test_what_is_small_only_while_it_is_packed_is_given_up(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch, sending: Sending, error: type[Exception]
) -> None:
    monkeypatch.setattr("bridge.http.LARGEST", 1000)
    packed = gzip.compress(b"x" * 100_000)
    speaker.says = [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    ]
    with pytest.raises(error, match="with more than 1000 bytes"):
        speaker.http().send(sending)


def test_an_answer_that_comes_before_all_was_heard_is_read(speaker: Speaker) -> None:
    speaker.says, speaker.last = [b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"], frozenset({0})
    body = b"x" * 200
    assert speaker.http().send(Sending("POST", "/thing", "/thing", body=body)).status == 413


def test_a_port_that_goes_without_saying_is_not_named() -> None:
    assert [parts(url) for url in ("https://a:443/b/", "http://a:80/", "https://a:80/b/c", "http://[::1]:8080/")] == [
        ("https://a", "/b"),
        ("http://a", ""),
        ("https://a:80", "/b/c"),
        ("http://[::1]:8080", ""),
    ]


def test_a_user_in_the_address_is_told(speaker: Speaker) -> None:
    speaker.says = [OK]
    assert speaker.http(speaker.url.replace("http://", "http://me:secret@")).send(GET).text == "done"
    known = base64.b64encode(b"me:secret")
    assert b"Authorization: Basic " + known in speaker.asked[0][0]
