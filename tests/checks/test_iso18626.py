"""What check says of an ISO 18626 source: symbols, peers, their secrets, and whether a relay's peers answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.checks.file import file_findings, source_findings
from bridge.checks.live import relay_findings
from bridge.checks.run import Scope, checked
from bridge.sandbox.iso18626 import IsoPeer
from bridge.sandbox.server import Server
from bridge.sources.iso18626 import Iso18626Settings
from tests.checks.build import bad, known

LONG = "0123456789abcdef0123456789abcdef"
OURS: dict[str, Any] = {"ours": True, "secret": LONG}


def iso(**more: Any) -> dict[str, Any]:
    known = {"kind": "iso18626", "service": "svc", "libraries": {"OUR": "main"}, "peers": {"system": OURS}}
    return {**known, "circulation_by_service": False, **more}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"libraries": {}, "library": "main"}, [("Symbols", "warning")]),
        ({"peers": {"b": {"broker": True, "secret": LONG}}}, [("Peers", "warning")]),
        ({"peers": {"b": {"broker": True, "secret": LONG}}, "peers_open_requests": True}, []),
        ({"peers": {"s": {**OURS, "secret": "too short"}}}, [("Peer s: secret", "warning")]),
        ({"peers": {"s": {"ours": True, "user": "u", "password": "aaaaaaaa"}}}, [("Peer s: secret", "failed")]),
        ({"peers": {"s": {"ours": True, "account": "u", "security_code": "1234"}}}, [("Peer s: secret", "failed")]),
        ({"peers": {"s": {"ours": True, "addresses": ["192.0.2.1"]}}}, [("Peer s", "warning")]),
        ({"peers": {"s": {**OURS, "previous_secret": "the one before, long enough"}}}, []),
    ],
)
def test_what_is_odd_about_it(more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    findings = source_findings(known(sources__hook=iso(**more)).sources["hook"])
    assert bad(findings) == expected
    assert LONG not in repr(findings)


def test_a_relay_without_tls_and_a_door_on_any_port() -> None:
    peers = {
        "system": {**OURS, "url": "https://us.example/iso"},
        "broker": {"broker": True, "secret": LONG, "url": "http://broker.example/iso"},
    }
    settings = known(sources__hook=iso(deployment="relay", peers=peers), web={"port": 0})
    assert bad(source_findings(settings.sources["hook"])) == [("Peer broker: address", "warning")]
    assert ("Web address", "warning") in bad(file_findings(settings))


def test_notes_to_other_libraries_are_told_and_not_unencrypted() -> None:
    peers = {"system": OURS, "xyz": {"symbols": ["XYZ"], "secret": LONG, "url": "http://xyz.example/iso"}}
    findings = source_findings(known(sources__hook=iso(own_notes={}, peers=peers)).sources["hook"])
    assert bad(findings) == [("Peer xyz: address", "warning")]
    assert "Told to other libraries as notifications: step, of libraries that are live." in [
        each.text for each in findings
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"ledger": {"url": "postgresql+psycopg://db/bridge"}}, [("Relay", "warning")]),
        ({"ledger": {"url": "postgresql+psycopg://db/bridge"}, "engine": {"unkept_folder": "/var/lib/x"}}, []),
    ],
)
def test_what_a_relay_forwards_outlives_the_daemon(more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    peers = {
        "system": {**OURS, "url": "https://us.example/iso"},
        "broker": {"broker": True, "secret": LONG, "url": "https://broker.example/iso"},
    }
    found = bad(file_findings(known(sources__hook=iso(deployment="relay", peers=peers), **more)))
    assert [each for each in found if each[0] == "Relay"] == expected


def test_whether_a_relays_peers_answer() -> None:
    server = Server(IsoPeer().app)
    server.start()
    peers = {
        "system": {**OURS, "url": f"{server.url}/iso18626?x=1"},
        "broker": {"broker": True, "secret": LONG, "url": "http://127.0.0.1:9/iso"},
    }
    settings = known(sources__hook=iso(deployment="relay", peers=peers))
    source = settings.sources["hook"]
    assert isinstance(source, Iso18626Settings)
    found = tuple(relay_findings(source))
    server.stop()
    assert [(each.subject, each.level.value) for each in found] == [("Peer system", "ok"), ("Peer broker", "failed")]
    assert "405" in found[0].text


def test_a_copy_asks_nobody() -> None:
    settings = known(sources__hook=iso())
    parts = list(checked(settings, Scope(offline=True), lambda: datetime(2026, 11, 26, tzinfo=UTC)))
    (part,) = (each for each in parts if each.name == "Source hook")
    assert "Ours are OUR." in [each.text for each in part.findings]
    assert isinstance(settings.sources["hook"], Iso18626Settings)
    assert tuple(relay_findings(settings.sources["hook"])) == ()
