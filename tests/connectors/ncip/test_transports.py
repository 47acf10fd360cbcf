"""Messages over a bare connection, inside a hand-made HTTP/1.0, and with tokens."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bridge.connectors.base import Call, Surroundings
from bridge.connectors.ncip import NcipConnector, NcipSettings
from bridge.connectors.ncip.bearer import Bearer
from bridge.connectors.ncip.tcp import TcpTransport
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Unavailable
from bridge.http import Exchange, Http, HttpRules, Unpaced
from bridge.sandbox.faults import Fault
from bridge.sandbox.ncip import NcipStandIn
from bridge.sandbox.server import Server
from tests.connectors.ncip.bench import WmsBench

UNKNOWN = (
    b"<NCIPMessage version='x'><LookupUserResponse><Problem><ProcessingError><ProcessingErrorType><Value>Unknown User</Value>"
    b"</ProcessingErrorType></ProcessingError></Problem></LookupUserResponse></NCIPMessage>"
)
CALL = Call()


@contextmanager
def listening(answer: Callable[[bytes], bytes | None]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that reads until it has a whole message, answers in two pieces, and hangs up; `None`: it hangs up at once."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                received = b""
                while b"</NCIPMessage>" not in received:
                    received += connection.recv(4096)
                heard.append(received)
                told = answer(received)
                if told is not None:
                    connection.sendall(told[:20])
                    connection.sendall(told[20:])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def connector(url: str, dialect: str, heard: list[Exchange], **more: object) -> NcipConnector:
    settings = {
        "url": url,
        "timezone": "Europe/Berlin",
        "to_agency": "LIB",
        "dialect": dialect,
        "read_timeout": 0.3,
        **more,
    }
    return NcipConnector(NcipSettings.model_validate(settings), Surroundings("ils", Unpaced(), heard.append))


def test_a_bare_connection_carries_the_message_and_a_line_end() -> None:
    told: list[Exchange] = []
    with listening(lambda _: UNKNOWN) as (port, heard):
        made = connector(f"tcp://127.0.0.1:{port}", "voyager", told)
        with pytest.raises(Rejected) as refused:
            made.find_patron(do.FindPatron("P1"), CALL)
    assert refused.value.cause == "unknown_patron"
    assert heard[0].startswith(b"<?xml")
    assert heard[0].endswith(b"</NCIPMessage>\n")
    assert [(each.method, each.template, each.status) for each in told] == [("NCIP", "LookupUser", 200)]


def test_aleph_gets_a_hand_made_http_and_answers_with_none() -> None:
    with listening(lambda _: b"HTTP/1.0 200\nodd head\n\n" + UNKNOWN + b"\ntrailer") as (port, heard):
        made = connector(f"tcp://127.0.0.1:{port}/ncip", "aleph", [])
        with pytest.raises(Rejected):
            made.find_patron(do.FindPatron("P1"), CALL)
    assert heard[0].startswith(b"POST /ncip HTTP/1.0\r\n")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in heard[0]


def test_no_answer_after_a_write_is_an_unknown_outcome() -> None:
    with listening(lambda _: None) as (port, _):
        made = connector(f"tcp://127.0.0.1:{port}", "voyager", [])
        with pytest.raises(OutcomeUnknown):
            made.check_in(do.CheckIn(do.Target(Mark("m", "m"), do.Origin.CREATED, "B")), CALL)
        with pytest.raises(Unavailable):
            made.find_patron(do.FindPatron("P1"), CALL)


def test_silence_after_half_an_answer_is_none() -> None:
    waiting = threading.Event()

    def half(_: bytes) -> bytes:
        waiting.wait(1.0)
        return b""

    told: list[Exchange] = []
    with listening(half) as (port, _):
        made = connector(f"tcp://127.0.0.1:{port}", "voyager", told)
        with pytest.raises(Unavailable):
            made.find_patron(do.FindPatron("P1"), CALL)
        waiting.set()
    assert (told[0].status, told[0].error) == (None, "TimeoutError")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        connector(f"tcp://127.0.0.1:{port}", "voyager", []).probe()


def test_a_certificate_that_is_not_trusted_is_told() -> None:
    transport = TcpTransport.__new__(TcpTransport)
    transport._name = "ils"
    failed = transport._failed("LookupUser", ssl.SSLCertVerificationError("x"), sent=False, repeatable=True)
    assert "ca_file" in failed.advice


def test_a_server_without_tls_cannot_be_reached_by_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = connector(f"tls://127.0.0.1:{server.getsockname()[1]}", "voyager", [], connect_timeout=0.2)
        with pytest.raises(Unavailable):
            made.probe()


class TestTokens:
    """OAuth2 client credentials."""

    def test_one_token_is_used_until_shortly_before_its_end(self) -> None:
        bench = WmsBench()
        bench.start()
        try:
            for _ in range(2):
                bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
            assert sum(call.path == "/token" for call in bench.stand_in.calls()) == 1
            bench.clock += timedelta(seconds=1150)
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
            assert sum(call.path == "/token" for call in bench.stand_in.calls()) == 2
        finally:
            bench.stop()

    def test_a_token_that_is_not_taken_is_renewed_once(self) -> None:
        bench = WmsBench()
        bench.start()
        try:
            target = do.Target(Mark("ILLB-0", "ILLB-0"), do.Origin.OWN, bench.own_barcode)
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
            bench.connector.check_out(do.CheckOut(target, bench.account), CALL)
            bench.stand_in.forget_tokens()
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
            bench.connector.check_in(do.CheckIn(target, (), bench.account), CALL)
            assert sum(call.path == "/token" for call in bench.stand_in.calls()) == 4
            assert bench.loan_of(bench.own_barcode) == ""
        finally:
            bench.stop()

    def test_a_key_that_is_not_accepted(self) -> None:
        bench = WmsBench(key="stranger")
        bench.start()
        try:
            with pytest.raises(CredentialsRejected, match="SCIM:read_user"):
                bench.connector.probe()
        finally:
            bench.stop()

    def test_no_token_in_the_answer_is_an_outage(self) -> None:
        stand_in = NcipStandIn(tokens=True)
        with Server(stand_in.app) as server:
            stand_in.faults.add(Fault(kind="garbage", path="^/token"))
            http = Http(f"{server.url}/token", name="ils", pace=Unpaced(), tell=lambda _: None, rules=HttpRules())
            bearer = Bearer(http, "a", "b", "scope", lambda: datetime.now(UTC))
            with pytest.raises(Unavailable):
                bearer.headers()
            http.close()
