"""Faults ordered per call, on a small app that counts the work it does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify

from bridge.sandbox.faults import Fault, Faults, Latency, Outage, VendorAnswers, install_faults
from bridge.sandbox.server import Server


@dataclass
class Rig:
    """A served app with faults whose waits are only noted."""

    url: str
    faults: Faults
    waits: list[float]
    now: list[float]
    work: list[str] = field(default_factory=list)

    def get(self, path: str = "/work") -> requests.Response:
        return requests.get(self.url + path, timeout=5)

    def order(self, path: str, body: dict[str, Any]) -> requests.Response:
        return requests.post(f"{self.url}/_sandbox{path}", json=body, timeout=5)


@pytest.fixture
def rig() -> Iterator[Rig]:
    app = Flask("rig")
    work: list[str] = []
    waits: list[float] = []
    now = [0.0]
    vendor = VendorAnswers(
        unauthorized=lambda: Response("who?", status=401),
        throttle=lambda: Response("slow", status=429),
        error=lambda code, message, status: Response(f"{code} {message}", status=status),
    )
    faults = install_faults(app, vendor, Faults(clock=lambda: now[0], sleep=waits.append))

    @app.route("/work", methods=["GET", "POST"])
    def do_work() -> Response:
        work.append("done")
        return jsonify(done=len(work))

    with Server(app) as server:
        yield Rig(server.url, faults, waits, now, work)


def test_without_faults_the_work_is_done(rig: Rig) -> None:
    assert rig.get().json() == {"done": 1}


def test_drop_before_does_nothing_and_closes(rig: Rig) -> None:
    rig.order("/faults", {"kind": "drop_before"})
    with pytest.raises(requests.ConnectionError):
        rig.get()
    assert rig.work == []
    assert rig.get().status_code == 200


def test_drop_after_does_the_work_and_closes(rig: Rig) -> None:
    rig.order("/faults", {"kind": "drop_after"})
    with pytest.raises(requests.ConnectionError):
        rig.get()
    assert rig.work == ["done"]


def test_delay_waits_and_answers(rig: Rig) -> None:
    rig.order("/faults", {"kind": "delay", "seconds": 1.5})
    assert rig.get().status_code == 200
    assert rig.waits == [1.5]


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "status", "status": 500, "body": "broken"}, 500, "^broken$"),
        ({"kind": "status", "status": 503}, 503, "^$"),
        ({"kind": "html", "status": 502}, 502, "<html>.*502"),
        ({"kind": "unauthorized"}, 401, "who"),
        ({"kind": "throttle", "retry_after": 2}, 429, "slow"),
        ({"kind": "garbage"}, 200, '^{"item_data": {"pid"'),
        ({"kind": "vendor_error", "code": "401652", "message": "General"}, 400, "401652 General"),
    ],
)
def test_answers_instead_of_work(rig: Rig, fault: dict[str, Any], status: int, text: str) -> None:
    rig.order("/faults", fault)
    answer = rig.get()
    assert answer.status_code == status
    assert re.search(text, answer.text, re.DOTALL)
    assert rig.work == []
    assert answer.headers.get("Retry-After") == (str(fault["retry_after"]) if "retry_after" in fault else None)


@pytest.mark.parametrize(("kind", "status"), [("status", 503), ("garbage", 200), ("html", 503)])
def test_the_work_may_be_done_before_its_answer_is_spoilt(rig: Rig, kind: str, status: int) -> None:
    rig.order("/faults", {"kind": kind, "done": True})
    answer = rig.get()
    assert (answer.status_code, '"done":1' in answer.text) == (status, False)
    assert rig.work == ["done"]


@pytest.mark.parametrize("done", [False, True])
def test_hang_waits_until_the_client_hangs_up(rig: Rig, done: bool) -> None:
    rig.order("/faults", {"kind": "hang", "done": done})
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{rig.url}/work", timeout=0.05)
    assert rig.get().status_code == 200
    assert len(rig.work) == 1 + done


def test_times_skip_and_matching(rig: Rig) -> None:
    rig.order("/faults", {"kind": "status", "method": "GET", "path": "^/work$", "skip": 1, "times": 2})
    assert [rig.get().status_code for _ in range(4)] == [200, 503, 503, 200]
    rig.order("/faults", {"kind": "status", "method": "POST"})
    assert rig.get().status_code == 200


def test_a_fault_without_end_lasts_until_cleared(rig: Rig) -> None:
    rig.order("/faults", {"kind": "status", "times": None})
    assert {rig.get().status_code for _ in range(3)} == {503}
    assert len(requests.get(f"{rig.url}/_sandbox/faults", timeout=5).json()["faults"]) == 1
    requests.delete(f"{rig.url}/_sandbox/faults", timeout=5)
    assert rig.get().status_code == 200


def test_an_outage_ends_after_its_seconds(rig: Rig) -> None:
    rig.order("/outage", {"seconds": 2})
    assert "text/html" in rig.get().headers["Content-Type"]
    rig.now[0] = 2.1
    assert rig.get().status_code == 200


def test_an_outage_switched_on_and_off(rig: Rig) -> None:
    assert rig.order("/outage", {"on": True}).json() == {"outage": True}
    assert rig.get().status_code == 503
    rig.order("/outage", {"on": False})
    assert rig.get().status_code == 200


def test_an_outage_may_close_the_door(rig: Rig) -> None:
    rig.faults.set_outage(Outage(drop=True))
    with pytest.raises(requests.ConnectionError):
        rig.get()


def test_latency_waits_before_each_answer(rig: Rig) -> None:
    assert rig.order("/latency", {"ms": 50}).json() == {"ms": 50}
    rig.get()
    rig.get()
    assert rig.waits == [0.05, 0.05]


def test_nonsense_is_refused(rig: Rig) -> None:
    assert rig.order("/faults", {"kind": "explode"}).status_code == 422
    assert rig.order("/faults", {"kind": "status", "path": "("}).status_code == 422
    assert rig.order("/outage", {"sec": 1}).status_code == 422


def test_faults_may_be_armed_in_process(rig: Rig) -> None:
    rig.faults.add(Fault(kind="status", status=500))
    rig.faults.set_latency(Latency(ms=0))
    assert rig.get().status_code == 500
    assert rig.faults.waiting() == []
