"""The receiving door: whatever a sender sends, it gets an answer without a traceback, and what was signed is kept or folded."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.configuring import check
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.capabilities import Capabilities
from bridge.domain.change import Change, Condition, Edits, Phase, Stamp
from bridge.domain.goal import goal_for
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.domain.preview import preview
from bridge.domain.request import Request, fold
from bridge.domain.sentences import status_of
from bridge.domain.standing import standings
from bridge.ledger import Ledger, Receipt, schema
from bridge.sources.signing import sign
from bridge.web import app as module
from bridge.web.app import make_app
from bridge.web.server import WebServer
from bridge.wiring import connector_settings, doors_of, readers_of, source_settings
from tests.databases import migrate
from tests.fuzz.nonsense import DATES, JSON, RAW, SCALARS, TEXTS, amounts
from tests.sources.messages import message

SECRET = "a shared secret"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MOST = 65_536
POLICY = Policy(
    "test",
    BorrowingPolicy(charge_fee=True, due_margin_days=30),
    LendingPolicy(default_account="A"),
)


@dataclass
class Door:
    """A door on a real server, and its ledger."""

    url: str
    ledger: Ledger
    read: Callable[[str], Any]
    session: requests.Session

    def post(self, raw: bytes) -> requests.Response:
        at = str(int(NOW.timestamp()))
        headers = {"X-ILL-Bridge-Timestamp": at, "X-ILL-Bridge-Signature": sign(SECRET, at, raw)}
        return self.session.post(f"{self.url}/sources/hook/events", data=raw, headers=headers, timeout=20)

    def sane(self, raw: bytes) -> dict[str, Any]:
        """The answer to a signed body, which is kept in any case."""
        answer = self.post(raw)
        assert answer.status_code in {202, 422}, (answer.status_code, raw[:200])
        assert "Traceback" not in answer.text
        said: dict[str, Any] = answer.json()
        (kept,) = self.ledger.inbox.kept([said["id"] if answer.status_code == 202 else said["kept"]])
        again = self.read(kept.body)
        if kept.state is not ArrivalState.MALFORMED:
            assert again.state is kept.state, "what is kept is understood again as it was"
        return said

    def rows(self) -> list[Any]:
        return [row for row in self.ledger.requests.list() if row.readable]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with opened(f"sqlite:///{tmp_path / 'ledger.db'}") as door:
        yield door


@pytest.fixture
def each_door(database_url: str) -> Iterator[Door]:
    with opened(database_url) as door:
        yield door


@contextmanager
def opened(database_url: str) -> Iterator[Door]:
    raw: dict[str, Any] = {
        "ledger": {"url": database_url},
        "ils": {
            "alma": {"connector": "alma", "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}}
        },
        "libraries": {"main": {"ils": "alma"}},
        "sources": {
            "hook": {
                "kind": "webhook",
                "service": "svc",
                "library": "main",
                "secret": SECRET,
                "max_bytes": MOST,
                "timezone": "Pacific/Kiritimati",
            }
        },
    }
    known = check(raw, connector_settings=connector_settings, source_settings=source_settings)
    ledger = Ledger(migrate(database_url), clock=lambda: NOW)
    ledger.lanes.ensure(["alma"])
    server = WebServer(make_app(doors_of(known, ledger)), "127.0.0.1", 0)
    server.start()
    with requests.Session() as session:
        yield Door(server.url, ledger, readers_of(known)["hook"].replayed, session)
    server.stop()
    ledger.close()


@amounts
def test_any_signed_body_is_answered_and_kept(door: Door, amount: settings) -> None:
    @given(RAW.filter(lambda raw: len(raw) <= MOST))
    def holds(raw: bytes) -> None:
        door.sane(raw)

    amount(holds)()
    assert door.post(json.dumps(message()).encode()).status_code == 202, "the door still takes what is right"


FIELDS = [
    *("id", "time", "sequence", "kind", "library", "role", "request", "service_type", "status", "notification"),
    *("partner", "leg", "volume", "due_date", "patron", "pickup_location", "temporary_barcode", "item", "volumes"),
    *("fee", "note"),
]
PARTS = st.one_of(
    SCALARS,
    DATES,
    JSON,
    st.fixed_dictionaries({}, optional={"id": TEXTS, "number": TEXTS, "requester": TEXTS, "barcode": TEXTS}),
    st.fixed_dictionaries({"amount": SCALARS, "currency": TEXTS}),
    st.lists(st.fixed_dictionaries({"id": TEXTS}, optional={"barcode": TEXTS}), max_size=3),
    st.sampled_from(
        ["received", "shipped", "returned", "x" * 250, "1" * 100, {"id": "p" * 100}, {"number": "n" * 200}]
    ),
)


@amounts
def test_a_message_with_odd_fields_is_folded_or_kept_and_what_is_folded_can_be_worked_on(
    each_door: Door, amount: settings
) -> None:
    door = each_door

    @given(
        st.dictionaries(st.sampled_from(FIELDS), PARTS, min_size=1, max_size=3), st.sampled_from(["borrower", "lender"])
    )
    @example({"note": "n" * 250, "volume": "1" * 100}, "borrower")
    @example({"partner": {"id": "p" * 100}}, "lender")
    def holds(odd: dict[str, Any], role: str) -> None:
        door.sane(json.dumps({**message(role=role, id=f"e{crc32(str(odd).encode())}"), **odd}).encode())

    amount(holds)()
    rows = door.rows()
    assert rows
    for row in rows:
        plan = preview(goal_for(row.request, POLICY), row.record, Capabilities())
        assert all(sentence.isprintable() for sentence in plan.sentences), "no control character gets as far as the ILS"
        held = door.ledger.work.claim_one(row.id, owner="test", lease=LEASE)
        assert held is not None
        door.ledger.work.give_back(held)


LEASE = timedelta(seconds=60)


@pytest.mark.parametrize("date", ["0001-01-01", "1969-12-31", "2201-01-01", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("name", ["time", "due_date"])
def test_a_day_that_no_loan_can_have_is_kept_and_said(door: Door, name: str, date: str) -> None:
    said = door.sane(json.dumps(message(**{name: date})).encode())
    assert f"{name}: " in said["error"] or "time or due_date: " in said["error"]
    assert "no day that a loan can have" in said["error"] or "outside of what a calendar holds" in said["error"]
    assert door.rows() == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_an_encoding_that_json_allows_is_understood_now_and_when_it_is_taken_again(door: Door, encoding: str) -> None:
    said = door.sane(
        json.dumps(message(status="Überfällig", item={"title": "Čapek"}), ensure_ascii=False).encode(encoding)
    )
    assert "The word 'Überfällig'" in said["note"]


def test_latin_1_is_kept(door: Door) -> None:
    assert (
        "not JSON" in door.sane(json.dumps(message(status="Überfällig"), ensure_ascii=False).encode("latin-1"))["error"]
    )


def test_two_bodies_that_differ_in_half_a_sign_are_both_kept(door: Door) -> None:
    kept = {door.sane(b'{"id": "\\ud8%s"}' % end)["kept"] for end in (b"00", b"01")}
    assert len(kept) == 2


@amounts
def test_nobody_gets_in_with_odd_headers(door: Door, amount: settings) -> None:
    values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)

    @given(values, values)
    def holds(timestamp: str, signature: str) -> None:
        headers = {
            "X-ILL-Bridge-Timestamp": timestamp.strip().encode("latin-1"),
            "X-ILL-Bridge-Signature": signature.strip().encode("latin-1"),
        }
        answer = door.session.post(f"{door.url}/sources/hook/events", data=b"{}", headers=headers, timeout=20)
        assert answer.status_code in {400, 401}, answer.text

    amount(holds)()


@pytest.mark.parametrize("path", ["%00", "%ff%fe", "..%2f..", "%ed%a0%80", "a" * 5000, "hook%20", "hook/events/"])
def test_an_odd_path_leads_nowhere(door: Door, path: str) -> None:
    answer = door.session.post(f"{door.url}/sources/{path}/events", data=b"{}", timeout=20)
    assert answer.status_code in {404, 405, 307}, answer.text


def test_ten_megabytes_are_refused_at_once_announced_or_not(door: Door) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(160):
            yield b"x" * MOST

    for data in (b"x" * 10_000_000, pieces()):
        try:
            assert requests.post(f"{door.url}/sources/hook/events", data=data, timeout=20).status_code == 413
        except requests.ConnectionError:  # the answer came, and the connection was closed, before all was sent
            continue
    assert door.rows() == []


def spoken(door: Door, raw: bytes, *, close: bool = False) -> bytes:
    """What the server answers to these bytes; with ``close`` we hang up instead of listening."""
    address = urlsplit(door.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as line:
        line.sendall(raw)
        if close:
            return b""
        line.shutdown(socket.SHUT_WR)
        said = b""
        while piece := line.recv(65_536):
            said += piece
        return said


HEAD = b"POST /sources/hook/events HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: \xb2\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n{}",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        HEAD + b"Content-Length: 4\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        HEAD + b"Content-Length: 20\r\n\r\n{}",
        HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        b"\x00" * 1000,
    ],
    ids=str,
)
def test_what_is_no_http_ends_without_a_traceback(door: Door, raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert b"Traceback" not in spoken(door, raw[:100_000])
        spoken(door, raw[:100_000], close=True)
        assert door.post(json.dumps(message()).encode()).status_code == 202, "the next one is served"
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_a_sender_that_falls_silent_is_told_so(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    address = urlsplit(door.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as line:
        line.sendall(HEAD + b"Content-Length: 20\r\n\r\n{}")
        assert line.recv(65_536).startswith(b"HTTP/1.1 408 ")
    assert door.post(json.dumps(message()).encode()).status_code == 202


def test_a_status_fits_its_column_whatever_was_said() -> None:
    key = RequestKey("main", "svc", Role.BORROWER, "REQ", "1")
    request = Request(key)
    for number, phase in enumerate(Phase):
        stamp = Stamp(number, NOW, phase.rank, str(number))
        edits = Edits(service_type=ServiceType.COPY)
        change = Change(str(number), key, stamp, volume=str(number), phase=phase, raised=tuple(Condition), edits=edits)
        request = fold(request, change)
    column: Any = schema.request.c.status.type
    assert len(status_of(standings(request))) == column.length


def test_a_sender_that_falls_silent_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.web.server.GRACE", 0)
    server = WebServer(make_app({"hook": Silent()}), "127.0.0.1", 0)
    server.start()
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as line:
        line.sendall(HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 100 "), "the door reads the body"
        server.stop()
    assert not server._thread.is_alive()


class Silent:
    """A door that is never asked."""

    name = "hook"
    max_bytes = MOST

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        raise AssertionError

    def read(self, body: bytes) -> Arrival:
        raise AssertionError

    def take(self, arrival: Arrival) -> Receipt:
        raise AssertionError
