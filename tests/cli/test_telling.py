"""The whole way with a real daemon: what is done in the ILS is told to the service, and a service without a list of changes is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, request

from bridge import daemon as daemons
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.illiad import IlliadStandIn
from bridge.wiring import configuration, note_rules_of
from tests.cli.house import House, daemon, until

MORE = """
[sources.hook.notes]
url = "{url}/notes"
secret = "a secret for notes"
kinds = ["step", "stop", "state"]
[sources.illiad]
kind = "illiad"
service = "svc"
library = "main"
requester = "ABC"
url = "{illiad}/ILLiadWebPlatform"
token = "illiad-key"
timezone = "America/New_York"
interval_seconds = 0.2
"""


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of notes: its address, and what it was told."""
    found: list[dict[str, Any]] = []
    app = Flask("receiver")

    def take() -> tuple[str, int]:
        found.append(json.loads(request.data))
        return "", 204

    app.add_url_rule("/notes", view_func=take, methods=["POST"])
    with Server(app) as server:
        yield server.url, found


def test_a_loan_is_told_and_a_followed_request_goes_on(
    house: House, told: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons, "NOTES_EVERY", 0.2)
    url, lines = told
    illiad = IlliadStandIn()
    with Server(illiad.app) as server:
        house.write(MORE.format(url=url, illiad=server.url))
        with daemon(house) as bridge:
            illiad.transaction("1001", "Checked Out to Customer", datetime(2026, 11, 24, 10, tzinfo=UTC))
            house.post(bridge, status="Received")
            until(lambda: any("hold" in each["line"] for each in lines), "the hold was told")
            illiad.transaction("1001", "Item Returned", datetime(2026, 11, 24, 12, tzinfo=UTC))
            until(lambda: any("deleted" in each["line"] for each in lines), "the clean-up was told")
            until(lambda: any(each["kind"] == "state" for each in lines), "that nothing is left to do was told")
    assert len({each["key"] for each in lines}) == len(lines)
    assert {each["request"]["number"] for each in lines} == {"1001"}
    assert {each["kind"] for each in lines} == {"step", "state"}
    assert "P1001" not in json.dumps(lines)
    assert "service says" not in json.dumps(lines), "its own news is not told to it"


def test_a_library_that_only_observes_tells_nothing(house: House) -> None:
    house.write(MORE.format(url="https://x.example", illiad="https://y.example"))
    (rule,) = note_rules_of(configuration(house.config))
    assert (rule.source, rule.service, rule.libraries) == ("hook", "svc", frozenset({"main"}))
    house.change('mode = "live"', 'mode = "observe"')
    (rule,) = note_rules_of(configuration(house.config))
    assert rule.libraries == frozenset()
