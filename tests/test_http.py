"""The HTTP wrapper over real connections: what is repeated, what never is, and what is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from flask import Flask, Response, request

from bridge.errors import OutcomeUnknown, Retry, Unavailable
from bridge.http import Answer, Exchange, Http, HttpRules, Sending, Unpaced, retry_after
from bridge.sandbox.faults import Fault, VendorAnswers, install_faults
from bridge.sandbox.server import Server

GET = Sending("GET", "/thing", "/thing", params={"patron": "P1001"}, repeatable=True)
POST = Sending("POST", "/thing", "/thing", body=b"{}")


class Pace(Unpaced):
    def __init__(self) -> None:
        self.cost = 0
        self.told: list[float | None] = []

    def acquire(self, cost: int = 1) -> None:
        self.cost += cost

    def throttled(self, after: float | None) -> None:
        self.told.append(after)


@dataclass
class Bench:
    """A server that can misbehave, and a client whose waits are only noted."""

    url: str
    faults: list[Fault]
    calls: list[str] = field(default_factory=list)
    told: list[Exchange] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)

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
    made = Bench("", [])
    vendor = VendorAnswers(
        unauthorized=lambda: Response(status=401),
        throttle=lambda: Response(status=429),
        error=lambda code, message, status: Response(f"{code} {message}", status=status),
    )
    faults = install_faults(app, vendor)

    @app.route("/thing", methods=["GET", "POST"])
    def thing() -> str:
        made.calls.append(f"{request.method} {request.headers.get('Authorization')}")
        return "done"

    with Server(app) as server:
        made.url = server.url
        made.add = faults.add  # type: ignore[attr-defined]
        yield made


def fault(bench: Bench, kind: str, **more: object) -> None:
    bench.add(Fault.model_validate({"kind": kind, **more}))  # type: ignore[attr-defined]


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


def test_the_cost_is_paid_each_time(bench: Bench) -> None:
    fault(bench, "drop_before")
    bench.http().send(Sending("GET", "/thing", "/thing", repeatable=True, cost=2))
    assert bench.pace.cost == 4


def test_a_host_that_does_not_exist_is_an_outage(bench: Bench) -> None:
    with pytest.raises(Unavailable):
        bench.http("http://no-such-host.invalid", connect_timeout=1).send(POST)


def test_retry_after_in_seconds_and_as_a_date() -> None:
    assert retry_after("7") == 7.0
    assert retry_after("") is None
    assert retry_after("soon") is None
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert soon is not None
    assert 50 < soon <= 60
    assert retry_after("Mon, 01 Jan 2001 00:00:00 GMT") == 0.0


def test_unpaced_never_waits() -> None:
    pace = Unpaced()
    pace.acquire(2)
    pace.throttled(1.0)
    pace.remaining(3)
