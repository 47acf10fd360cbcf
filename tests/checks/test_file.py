"""Addresses and secrets that are odd, as far as the file tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.checks.file import endless, file_findings, source_findings
from bridge.domain.finding import Finding
from bridge.errors import ConfigurationError
from bridge.wiring import connector_settings
from tests.checks.build import GOOD, bad, feed, hook, known


def source(settings: dict[str, Any]) -> tuple[Finding, ...]:
    return source_findings(known(sources__hook=settings).sources["hook"])


@pytest.mark.parametrize(
    ("host", "port", "level"),
    [
        ("127.0.0.1", 8018, "ok"),
        ("localhost", 8018, "ok"),
        ("::1", 8018, "ok"),
        ("0.0.0.0", 8018, "warning"),  # noqa: S104 - a setting, and a bad one
        ("bridge.example.org", 8018, "warning"),
        ("127.0.0.1", 0, "warning"),
        ("127.0.0.1", 443, "warning"),
        ("http://127.0.0.1", 8018, "failed"),
        ("300.1.1.1", 8018, "failed"),
        ("-x", 8018, "failed"),
    ],
)
def test_the_web_address(host: str, port: int, level: str) -> None:
    (finding,) = (each for each in file_findings(known(web={"host": host, "port": port})) if "Web" in each.subject)
    assert finding.level == level


def test_any_port_will_do_where_nobody_calls() -> None:
    assert bad(file_findings(known(web={"port": 0}, sources__hook=feed()))) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////var/lib/a.db", []),
        ("sqlite:///var/a.db", [("Ledger's place", "warning")]),
        ("postgresql+psycopg://u@h/n", []),
    ],
)
def test_the_ledgers_place(url: str, expected: list[tuple[str, str]]) -> None:
    assert bad(file_findings(known(ledger__url=url))) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("http://alma.example", [("ILS alma", "warning")]), ("http://127.0.0.1:8080", []), ("http://localhost", [])],
)
def test_an_ils_without_tls(host: str, expected: list[tuple[str, str]]) -> None:
    assert bad(file_findings(known(ils__alma__settings__host=host))) == expected


@pytest.mark.parametrize(("end", "expected"), [("00:00", [("ILS alma", "warning")]), ("23:00", []), ("23:59:59", [])])
def test_maintenance_that_leaves_no_time_for_work(end: str, expected: list[tuple[str, str]]) -> None:
    window = {"start": "00:00", "end": end, "timezone": "Europe/Berlin"}
    found = endless(known(ils__alma__maintenance=[window]), datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert bad(tuple(found)) == expected


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("timezone", "Berlin", "time zone"), ("start", "22:00+01:00", "without a zone"), ("weekdays", ["sunday"], "sun")],
)
def test_a_window_that_nobody_can_understand_is_refused(key: str, value: object, said: str) -> None:
    window = {"start": "22:00", "end": "04:00", "timezone": "Europe/Berlin", key: value}
    with pytest.raises(ConfigurationError, match=said):
        known(ils__alma__maintenance=[window])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"secret": "a short secret"}, [("Secret", "warning")]),
        ({"secret": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}, [("Secret", "failed")]),
        ({"previous_secret": "the one before, long enough"}, []),
        ({"previous_secret": GOOD["sources"]["hook"]["secret"]}, [("Previous secret", "warning")]),
        ({"library": ""}, []),
    ],
)
def test_webhooks(more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    findings = source(hook(**more))
    assert bad(findings) == expected
    assert all(str(secret) not in repr(findings) for name, secret in more.items() if "secret" in name)
    assert any(each.subject == "Library" for each in findings) is (more.get("library") == "")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"url": "http://ill.example/changes"}, [("Address of the feed", "warning")]),
        ({"user": "bridge", "token": ...}, [("Credentials", "failed")]),
        ({"user": "bridge", "password": "p", "token": ...}, []),
        ({"token": ...}, []),
    ],
)
def test_feeds(more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    made = {name: value for name, value in feed(**more).items() if value is not ...}
    assert bad(source(made)) == expected


def test_a_source_of_a_third_party_is_let_be() -> None:
    assert source_findings(connector_settings("alma").model_construct()) == ()


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        ({}, 0),
        ({"request_days": 0}, 1),
        ({"unsettled_days": 0, "kept_message_days": 0}, 2),
        ({"unsettled_days": 20}, 1),
        ({"message_days": 0}, 0),
        ({"message_days": 0, "request_days": 0}, 2),
    ],
)
def test_what_is_kept_for_ever_is_told(rules: dict[str, int], count: int) -> None:
    assert bad(file_findings(known(privacy=rules))) == [("Privacy", "warning")] * count


@pytest.mark.parametrize(
    ("url", "secret", "expected"),
    [
        ("https://ill.example/notes", "a1b2c3d4e5f6a7b8c9d0e1f2", []),
        ("http://ill.example/notes", "a1b2c3d4e5f6a7b8c9d0e1f2", [("Notes: address", "warning")]),
        ("https://ill.example/notes", "aaaaaaaa", [("Notes: secret", "failed")]),
    ],
)
def test_notes_back(url: str, secret: str, expected: list[tuple[str, str]]) -> None:
    assert bad(source(hook(notes={"url": url, "secret": secret}))) == expected


def test_notes_by_the_services_own_api() -> None:
    illiad = {"kind": "illiad", "service": "svc", "url": "https://illiad.example", "token": "key", "own_notes": {}}
    (finding,) = (each for each in source(illiad) if each.subject == "Notes")
    assert (finding.level, finding.text) == ("ok", "Told by its own API: step, stop, of libraries that are live.")


def test_credentials_of_a_named_source_count_wherever_they_stand() -> None:
    oclc = {"kind": "oclc", "service": "svc", "library": "main", "key": "k", "borrowing_path": "/b", "secret": "s" * 20}
    assert [finding.subject for finding in source(oclc)] == []
    (finding,) = source({"kind": "crosslink", "service": "svc", "library": "main", "url": "https://broker.example"})
    assert "None are set" in finding.text
