"""The HTTP wrapper over real connections: what is repeated, what never is, and what is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote_plus

import pytest
from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from bridge.errors import OutcomeUnknown, Retry, Unavailable
from bridge.http import LONGEST_ADVICE, Answer, Exchange, Http, HttpRules, Sending, Unpaced, retry_after, words_of
from bridge.sandbox.faults import Fault, Faults, VendorAnswers, install_faults
from bridge.sandbox.server import Server

GET = Sending("GET", "/thing", "/thing", params={"patron": "P1001"}, repeatable=True)
POST = Sending("POST", "/thing", "/thing", body=b"{}")
METHODS = ["GET", "POST", "PUT", "DELETE"]


class Pace(Unpaced):
    def __init__(self) -> None:
        self.cost = 0
        self.told: list[float | None] = []

    def acquire(self, cost: int = 1) -> None:
        self.cost += cost

    def give_back(self, cost: int) -> None:
        self.cost -= cost

    def throttled(self, after: float | None) -> None:
        self.told.append(after)


@dataclass
class Bench:
    """A server that can misbehave, and a client whose waits are only noted."""

    url: str
    other: str = ""
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)
    told: list[Exchange] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    guard: threading.Lock = field(default_factory=threading.Lock)
    barriers: dict[int, threading.Barrier] = field(default_factory=dict)

    def http(self, url: str = "", **rules: object) -> Http:
        return Http(
            url or self.url,
            name="ils",
            pace=self.pace,
            tell=self.told.append,
            headers=lambda: {"Authorization": "apikey secret"},
            rules=HttpRules(**rules),  # type: ignore[arg-type]
            sleep=self.waits.append,
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    app = Flask("thing")
    made = Bench("")
    answered = threading.Event()
    vendor = VendorAnswers(
        unauthorized=lambda: Response(status=401),
        throttle=lambda: Response(status=429),
        error=lambda code, message, status: Response(f"{code} {message}", status=status),
    )
    install_faults(app, vendor, made.faults)
    made.faults.sleep = lambda _: None if answered.wait(10) else pytest.fail("nobody ended the wait")

    @app.route("/thing", methods=METHODS)
    def thing() -> str:
        made.calls.append(f"{request.method} {request.headers.get('Authorization')}")
        return "done"

    @app.route("/moved", methods=METHODS)
    def moved() -> Redirect:
        made.calls.append(f"{request.method} moved")
        return redirect("/thing", code=int(request.args.get("code", "302")))

    @app.route("/sticky", methods=METHODS)
    def sticky() -> Response:
        made.calls.append(f"{request.method} {request.cookies.get('node', '-')}")
        answer = Response("done")
        answer.set_cookie("node", "a")
        return answer

    @app.route("/told", methods=METHODS)
    def told() -> str:
        made.calls.append(
            f"{request.full_path} {request.headers.get('Content-Length')} {request.get_data(as_text=True)}"
        )
        return "done"

    @app.route("/together/<int:many>")
    def together(many: int) -> str:
        with made.guard:
            barrier = made.barriers.setdefault(many, threading.Barrier(many))
        barrier.wait(10)
        return str(request.environ["REMOTE_PORT"])

    @app.route("/away")
    def away() -> Redirect:
        return redirect(made.other)

    @app.route("/round")
    def around() -> Redirect:
        return redirect("/round")

    with Server(app) as server, Server(app) as other:
        made.url = server.url
        made.other = f"{other.url.replace('127.0.0.1', 'localhost')}/thing"
        yield made
        answered.set()


def fault(bench: Bench, kind: str, **more: object) -> None:
    bench.faults.add(Fault.model_validate({"kind": kind, **more}))


def test_an_answer_is_read_and_told_without_query_or_header(bench: Bench) -> None:
    answer = bench.http().send(GET)
    assert (answer.status, answer.text) == (200, "done")
    assert bench.calls == ["GET apikey secret"]
    (told,) = bench.told
    assert (told.method, told.template, told.status, told.attempt) == ("GET", "/thing", 200, 1)
    assert "P1001" not in repr(told)
    assert "secret" not in repr(told)


def test_headers_are_found_in_any_case() -> None:
    assert Answer(200, b"\xff", {"X-A": "1"}).header("X-A") == "1"
    assert Answer(200, b"\xff").header("X-A") == ""
    assert Answer(200, b"\xff").text == "\ufffd"


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "html"])
def test_what_may_be_repeated_is_repeated(bench: Bench, kind: str) -> None:
    fault(bench, kind, times=2)
    assert bench.http().send(GET).status == 200
    assert bench.waits == [0.5, 1.0]
    assert [told.attempt for told in bench.told] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_what_may_not_be_repeated_ends_unclearly(bench: Bench, kind: str) -> None:
    fault(bench, kind)
    with pytest.raises(OutcomeUnknown, match="ils did not answer POST /thing"):
        bench.http().send(POST)
    assert bench.waits == []
    assert len(bench.calls) == (1 if kind == "drop_after" else 0)


def test_nobody_to_connect_to_is_an_outage_even_for_a_write(bench: Bench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(Unavailable, match="cannot be reached"):
        bench.http(url).send(POST)
    assert len(bench.waits) == 2


def test_a_connection_that_does_not_come_about_is_an_outage_even_for_a_write(bench: Bench) -> None:
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)  # Linux keeps one more than said waiting, and is deaf to the rest
        first.connect(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with pytest.raises(Unavailable, match="ConnectTimeout"):
            bench.http(url, connect_timeout=0.05, tries=1).send(POST)
    assert [told.error for told in bench.told] == ["ConnectTimeout"]


def test_a_server_error_of_a_write_is_handed_on(bench: Bench) -> None:
    fault(bench, "html")
    assert bench.http().send(POST).status == 503
    assert bench.waits == []


def test_an_error_to_the_end_is_handed_on(bench: Bench) -> None:
    fault(bench, "status", status=502, times=3, body="bad gateway", retry_after=2)
    assert bench.http().send(GET).status == 502
    assert bench.waits == [2.0, 2.0]


def test_too_fast_is_waited_for_and_told_to_the_lane(bench: Bench) -> None:
    fault(bench, "throttle", retry_after=3)
    assert bench.http().send(POST).status == 200
    assert (bench.waits, bench.pace.told) == ([3.0], [3.0])


def test_too_fast_to_the_end_is_tried_later(bench: Bench) -> None:
    fault(bench, "throttle", times=None, retry_after=30)
    with pytest.raises(Retry) as later:
        bench.http().send(GET)
    assert (later.value.after, later.value.cause) == (30.0, "throttled")
    assert bench.waits == [8.0, 8.0], "no longer than is good within one call"
    fault(bench, "throttle", times=None)
    with pytest.raises(Retry) as later:
        bench.http(tries=1).send(GET)
    assert later.value.after == 30.0


def test_a_slow_answer_times_out(bench: Bench) -> None:
    fault(bench, "delay", seconds=0.3)
    with pytest.raises(OutcomeUnknown):
        bench.http(read_timeout=0.05).send(POST)


def test_a_read_that_is_never_answered_is_an_outage(bench: Bench) -> None:
    fault(bench, "delay", seconds=1, times=None)
    with pytest.raises(Unavailable, match=r"ReadTimeout"):
        bench.http(read_timeout=0.05).send(GET)
    assert (bench.waits, [told.status for told in bench.told]) == ([0.5, 1.0], [None] * 3)
    assert {told.error for told in bench.told} == {"ReadTimeout"}


def test_what_was_not_redirected_costs_one(bench: Bench) -> None:
    bench.http().send(Sending("GET", "/thing", "/thing", repeatable=True, cost=2))
    assert bench.pace.cost == 1


def test_a_read_follows_a_redirect_and_costs_what_was_said(bench: Bench) -> None:
    answer = bench.http().send(Sending("GET", "/moved", "/moved", repeatable=True, cost=2))
    assert (answer.text, answer.url) == ("done", f"{bench.url}/thing")
    assert bench.calls == ["GET moved", "GET apikey secret"]
    assert (bench.pace.cost, len(bench.told)) == (2, 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("code", ["301", "302", "303", "307", "308"])
def test_a_write_never_follows_one_lest_it_become_a_read(bench: Bench, method: str, code: str) -> None:
    answer = bench.http().send(
        Sending(method, "/moved", "/moved", params={"code": code}, body=b"{}", repeatable=method != "POST")
    )
    assert answer.status == int(code)
    assert bench.calls == [f"{method} moved"]


def test_a_cookie_is_sent_back_since_it_may_say_which_node_knows_us(bench: Bench) -> None:
    http = bench.http()
    for method in ("POST", "GET", "POST"):
        assert http.send(Sending(method, "/sticky", "/sticky", body=b"{}")).text == "done"
    assert bench.calls == ["POST -", "GET a", "POST a"]


def test_who_was_led_elsewhere_once_goes_on_as_before(bench: Bench) -> None:
    http = bench.http()
    http.send(Sending("GET", "/moved", "/moved", repeatable=True))
    assert http.send(Sending("GET", "/moved", "/moved", repeatable=True)).text == "done"
    assert http.send(POST).text == "done"
    assert bench.calls == ["GET moved", "GET apikey secret"] * 2 + ["POST apikey secret"]


@pytest.mark.parametrize(
    ("sending", "told"),
    [
        (Sending("GET", "/told", "/told", params={"a": "ä b", "c": "1&2"}), "/told?a=ä+b&c=1%262 None "),
        (Sending("GET", "/told?x=1", "/told", params={"a": "2"}), "/told?x=1&a=2 None "),
        (Sending("GET", "/told#part", "/told"), "/told? None "),
        (Sending("POST", "/told", "/told"), "/told? 0 "),
        (Sending("DELETE", "/told", "/told"), "/told? 0 "),
        (Sending("PUT", "/told", "/told", body="ü".encode()), "/told? 2 ü"),
    ],
)
def test_what_is_asked_reaches_the_ils(bench: Bench, sending: Sending, told: str) -> None:
    assert bench.http().send(sending).status == 200
    (called,) = bench.calls
    assert unquote_plus(called) == unquote_plus(told)


def test_a_header_that_would_break_the_request_is_not_sent(bench: Bench) -> None:
    with pytest.raises(OutcomeUnknown):
        bench.http().send(Sending("POST", "/thing", "/thing", headers={"X-Token": "a\r\nX-Other: b"}))
    assert bench.calls == []
    assert [each.error for each in bench.told] == ["InvalidHeader"]


def test_another_host_is_not_told_the_key(bench: Bench) -> None:
    assert bench.http().send(Sending("GET", "/away", "/away", repeatable=True)).status == 200
    assert bench.calls == ["GET None"]


def test_going_round_in_circles_is_an_outage(bench: Bench) -> None:
    with pytest.raises(Unavailable, match="TooManyRedirects"):
        bench.http(tries=1).send(Sending("GET", "/round", "/round", repeatable=True))


def test_headers_are_asked_for_anew_each_time_and_the_call_has_the_last_word(bench: Bench) -> None:
    tokens = iter(["one", "two"])
    http = Http(
        bench.url + "/",
        name="ils",
        pace=bench.pace,
        tell=bench.told.append,
        headers=lambda: {"Authorization": next(tokens)},
        sleep=bench.waits.append,
    )
    fault(bench, "html")
    http.send(GET)
    http_own = Sending("GET", "/thing", "/thing", headers={"Authorization": "own"})
    tokens = iter(["three"])
    http.send(http_own)
    assert bench.calls == ["GET two", "GET own"]
    http.close()


def test_a_lane_that_closed_stops_the_call_before_it_is_made(bench: Bench) -> None:
    class Closed(Pace):
        def acquire(self, cost: int = 1) -> None:
            raise Unavailable("The lane is closed.")

    bench.pace = Closed()
    with pytest.raises(Unavailable, match="The lane is closed"):
        bench.http().send(GET)
    assert bench.calls == []
    assert bench.told == []


def test_no_secret_in_what_goes_wrong(bench: Bench) -> None:
    fault(bench, "drop_before", times=None)
    for sending in (GET, POST):
        with pytest.raises((Unavailable, OutcomeUnknown)) as wrong:
            bench.http().send(sending)
        assert "secret" not in f"{wrong.value} {wrong.value!r} {bench.told}"
        assert "P1001" not in f"{wrong.value} {wrong.value!r} {bench.told}"


def test_a_proxy_page_is_handed_on_as_it_is(bench: Bench) -> None:
    fault(bench, "html", status=500)
    answer = bench.http().send(GET)
    assert (answer.status, answer.header("content-type")) == (500, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert bench.waits == []


def test_each_worker_of_a_wide_lane_keeps_its_connection(bench: Bench) -> None:
    many = 24
    http = bench.http()
    sending = Sending("GET", f"/together/{many}", "/together")
    with ThreadPoolExecutor(many) as workers:
        ports = [[each.text for each in workers.map(lambda _: http.send(sending), range(many))] for _ in range(3)]
    assert len({*ports[0], *ports[1], *ports[2]}) == many


def test_the_cost_is_paid_each_time(bench: Bench) -> None:
    fault(bench, "drop_before")
    bench.http().send(Sending("GET", "/thing", "/thing", repeatable=True, cost=2))
    assert bench.pace.cost == 3, "the one that was answered without a redirect gives one back"


def test_a_host_that_does_not_exist_is_an_outage(bench: Bench) -> None:
    with pytest.raises(Unavailable):
        bench.http("http://no-such-host.invalid", connect_timeout=1).send(POST)


def test_retry_after_in_seconds_and_as_a_date() -> None:
    assert retry_after("7") == 7.0
    assert retry_after("") is None
    assert retry_after("soon") is None
    assert retry_after("-5") is None
    assert retry_after("²") is None
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert soon is not None
    assert 50 < soon <= 60
    assert retry_after("Mon, 01 Jan 2001 00:00:00 GMT") == 0.0


@pytest.mark.parametrize("zone", ["", " -0000"])
def test_a_date_without_a_zone_is_gmt(zone: str) -> None:
    assert retry_after(f"Mon, 01 Jan 2001 00:00:00{zone}") == 0.0
    assert retry_after(f"Fri, 31 Dec 2100 00:00:00{zone}") == LONGEST_ADVICE


@pytest.mark.parametrize("value", ["86401", "99999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_believed_for_longer_than_a_day(value: str) -> None:
    assert retry_after(value) == LONGEST_ADVICE == 86_400


def test_unpaced_never_waits() -> None:
    pace = Unpaced()
    pace.acquire(2)
    pace.throttled(1.0)
    pace.remaining(3)


PAGE = b"""<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>b {color: red}</style></head>
<body><h1>502 Bad Gateway</h1><script>var a = 1;</script><hr>nginx &amp; Co<!-- secret --></body></html>"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (PAGE, "502 Bad Gateway nginx & Co"),
        (
            b'{"error": "Something went wrong,\n  check the logs."}',
            '{"error": "Something went wrong, check the logs."}',
        ),
        (b"<error><code>7</code><text>No such patron</text></error>", "7 No such patron"),
        (b"a\x00b\xffc\x1b[31m", "a b\ufffdc [31m"),
        (b"", ""),
        (b"<", "<"),
        (b"<!-- nothing -->", ""),
        (b"x" * 400, "x" * 300 + " …"),
    ],
)
def test_a_body_is_quoted_as_people_read_it(body: bytes, words: str) -> None:
    assert words_of(body) == words


def dripping(times: int) -> Iterator[bytes]:
    yield from (b"x" * 100 for _ in range(times))


@pytest.fixture
def endless() -> Iterator[str]:
    """A server whose answers do not end for a long while."""
    listening = socket.create_server(("127.0.0.1", 0))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            with line:
                line.recv(65_536)
                try:
                    line.sendall(head)
                    for piece in dripping(10_000):
                        line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


@pytest.mark.parametrize(("sending", "error"), [(GET, Retry), (POST, OutcomeUnknown)])
def test_an_answer_without_end_is_given_up_and_closes_no_lane(
    bench: Bench, endless: str, monkeypatch: pytest.MonkeyPatch, sending: Sending, error: type[Exception]
) -> None:
    monkeypatch.setattr("bridge.http.LARGEST", 1000)
    with pytest.raises(error, match="with more than 1000 bytes"):
        bench.http(endless).send(sending)
    assert bench.told[-1].error == "TooLarge"


@pytest.mark.parametrize(("sending", "error"), [(GET, Unavailable), (POST, OutcomeUnknown)])
def test_an_answer_that_comes_drop_by_drop_is_one_that_did_not_come(
    bench: Bench, endless: str, sending: Sending, error: type[Exception]
) -> None:
    with pytest.raises(error):
        bench.http(endless, whole_timeout=0.0).send(sending)
    assert bench.told[-1].error == "ReadTimeout"


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("at_once", "drop"),
    [
        (HEAD + b"X: ", b"x"),
        (b"", HEAD.replace(b"200 OK", b"100 Continue") + b"\r\n"),
        (HEAD + b"\r\n", b"x"),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    ],
    ids=["header", "continue", "until it closes", "length", "chunk", "length of a chunk"],
)
def test_wherever_an_answer_comes_drop_by_drop_its_time_is_up(bench: Bench, at_once: bytes, drop: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            line, _ = listening.accept()
            with line, suppress(OSError):
                line.recv(65_536)
                line.sendall(at_once)
                while not given_up.wait(0.02):
                    line.sendall(drop)

        given_up = threading.Event()
        late = threading.Timer(5, given_up.set)
        late.start()
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unavailable):
            bench.http(f"http://127.0.0.1:{listening.getsockname()[1]}", whole_timeout=0.1, tries=1).send(GET)
        assert not given_up.is_set()
        late.cancel()
        given_up.set()
        thread.join()
    assert bench.told[-1].error.startswith("ReadTimeout")
