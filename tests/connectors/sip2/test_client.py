"""The SIP2 client over real sockets: log-in first, every message read, damage survived, nothing done twice, pace and pool kept."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bridge.connectors.sip2.answers import Can, Circulation
from bridge.domain.commands import Money
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry, Unavailable
from tests.alerts.post import certificate
from tests.connectors.sip2.conftest import Desk

DUE = date(2026, 12, 22)


def test_a_whole_loan(desk: Desk) -> None:
    sip = desk.client()
    status = sip.status()
    assert status.online
    assert status.can is not None
    assert status.can == set(Can) - {Can.ITEM_UPDATE}
    assert sip.patron("P1").known
    assert sip.item("B1").circulation is Circulation.AVAILABLE
    loan = sip.check_out("B1", "ILL-XYZ", due=date(2027, 1, 15))
    assert (loan.ok, loan.renewed, loan.due, loan.title) == (True, False, DUE, "Żółta książka")
    assert sip.item("B1").due == DUE
    assert sip.patron("ILL-XYZ", charged=True).charged == ("B1",)
    desk.house.loan_days = 35
    assert sip.renew("B1", "ILL-XYZ").due == DUE + timedelta(days=7)
    home = sip.check_in("B1")
    assert (home.ok, home.patron_id, home.traps_hold) == (True, "ILL-XYZ", False)
    again = sip.check_in("B1")
    assert (again.ok, again.patron_id, again.words) == (False, "", ("Item not checked out",))
    assert desk.codes() == ["93", "99", "63", "17", "11", "17", "63", "29", "09", "09"]


def test_holds_and_payments(desk: Desk) -> None:
    sip = desk.client()
    assert sip.hold("B1", "P1", "MAIN", add=True).ok
    refused = sip.check_out("B1", "ILL-XYZ")
    assert (refused.ok, refused.due) == (False, None)
    home = sip.check_in("B1")
    assert (home.ok, home.traps_hold, home.held_for, home.destination) == (True, True, "P1", "MAIN")
    assert "Lovelace" not in repr(home)
    assert sip.item("B1").circulation is Circulation.ON_SHELF
    assert sip.hold("B1", "P1", "MAIN", add=False).ok
    assert not sip.hold("B1", "P1", "MAIN", add=False).ok
    assert sip.pay("P1", Money(Decimal("3.5"), "EUR"), "T1").ok
    assert desk.house.payments == [("P1", "3.50")]


def test_who_is_not_known_or_may_not_borrow(desk: Desk) -> None:
    sip = desk.client()
    assert not sip.patron("nobody").known
    blocked = sip.patron("P2")
    assert blocked.known
    assert blocked.charge_denied
    assert blocked.against[0] == "charge privileges are denied"
    assert not sip.item("NOWHERE").known
    assert not sip.check_out("NOWHERE", "P1").ok


def test_the_same_check_out_renews_so_it_is_told_apart(desk: Desk) -> None:
    sip = desk.client()
    assert not sip.check_out("B1", "P1").renewed
    assert sip.check_out("B1", "P1").renewed


@pytest.mark.parametrize(("does", "stands"), [("obeyed", True), ("mistaken", False), ("ignored", False)])
def test_a_date_is_sent_only_where_the_server_is_said_to_obey_it(desk: Desk, does: str, stands: bool) -> None:
    desk.house.no_block = does  # type: ignore[assignment]
    wanted = date(2027, 1, 15)
    desk.client().check_out("B1", "P1", due=wanted)
    assert desk.house.loans["B1"].due.date() == DUE
    desk.client(due_date="no_block").check_out("B2", "P1", due=wanted)
    assert (desk.house.loans["B2"].due.date() == wanted) is stands


def test_an_empty_date_in_the_answer_is_no_date(desk: Desk) -> None:
    desk.house.no_block = "mistaken"
    loan = desk.client(due_date="no_block").check_out("B1", "P1", due=DUE)
    assert (loan.ok, loan.due) == (True, None)


def test_a_wrong_log_in_is_told_apart_from_an_outage(desk: Desk) -> None:
    with pytest.raises(CredentialsRejected, match="log-in") as refused:
        desk.client(password="wrong").status()
    assert refused.value.advice
    assert "wrong" not in str(refused.value)
    with pytest.raises(Unavailable, match="closed the connection"):
        desk.client(login="").status()  # a status before the log-in: this server hangs up


def test_a_server_without_accounts_needs_no_log_in(desks: Callable[..., Desk]) -> None:
    desk = desks(login="")
    assert desk.client(login="").status().online
    assert desk.codes() == ["99"]


@pytest.mark.parametrize(("charset", "line_end"), [("cp850", "\r\n"), ("latin-1", "\r"), ("utf-8", "\n\r")])
def test_character_sets_and_line_ends(desks: Callable[..., Desk], charset: str, line_end: str) -> None:
    desk = desks(charset=charset, line_end=line_end)
    desk.house.copies["B1"].title = "Straße é"
    sip = desk.client(charset=charset, line_end="CRLF")
    assert sip.item("B1").title == "Straße é"
    assert sip.item("B1").title == "Straße é"


@pytest.mark.parametrize("barcode", ["B1|AAP1", "B1\r99", "日本"])
def test_what_the_protocol_cannot_carry_is_refused_and_not_sent(desk: Desk, barcode: str) -> None:
    sip = desk.client(charset="latin-1")
    with pytest.raises(Rejected, match="cannot be sent"):
        sip.check_in(barcode)
    assert "09" not in desk.codes()


class TestDamage:
    def test_a_damaged_answer_is_asked_for_again_and_nothing_is_done_twice(self, desk: Desk) -> None:
        sip = desk.client()
        sip.status()
        desk.fault("garbage", "11", done=True)
        loan = sip.check_out("B1", "P1")
        assert (loan.ok, loan.renewed) == (True, False)
        assert desk.codes()[-2:] == ["11", "97"]

    def test_an_older_answer_that_is_repeated_is_not_taken_for_ours(self, desk: Desk) -> None:
        """The server never got our message, and repeats what it said last: the check-out of another item."""
        sip = desk.client()
        assert sip.check_out("B1", "P1").ok
        desk.fault("garbage", "11")
        with pytest.raises(OutcomeUnknown):
            sip.check_out("B2", "P1")
        assert "B2" not in desk.house.loans

    def test_a_message_is_sent_again_as_often_as_it_may_be(self, desk: Desk) -> None:
        sip = desk.client()
        sip.status()
        desk.fault("throttle", "11", times=2)
        assert sip.check_out("B1", "P1").ok
        assert desk.codes()[-3:] == ["11", "11", "11"]
        desk.fault("throttle", "11", times=99)
        with pytest.raises(Retry, match="does not understand") as failed:
            sip.check_out("B2", "P1")
        assert failed.value.cause == "nonsense"
        assert "B2" not in desk.house.loans

    def test_a_server_that_cannot_repeat_its_damaged_answer_is_not_asked_to_lend_again(self, desk: Desk) -> None:
        """It answers 96 to our 97: to send 11 once more would renew the loan."""
        desk.fault("garbage", "11", done=True)
        desk.fault("throttle", "97", times=9)
        with pytest.raises(OutcomeUnknown, match="damaged"):
            desk.client().check_out("B1", "P1")
        assert desk.codes().count("11") == 1
        assert desk.house.loans["B1"].renewals == 0

    def test_damage_without_end_is_an_unknown_outcome(self, desk: Desk) -> None:
        sip = desk.client()
        sip.status()
        desk.fault("garbage", "11", times=9, done=True)
        desk.fault("garbage", "97", times=9)
        with pytest.raises(OutcomeUnknown, match="damaged again and again"):
            sip.check_out("B1", "P1")
        assert desk.codes().count("11") == 1

    def test_another_kind_of_answer_and_a_page_are_damage(self, desk: Desk) -> None:
        sip = desk.client()
        sip.status()
        desk.fault("html", "17", times=9)
        with pytest.raises(Unavailable):
            sip.item("B1")

    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
    def test_a_write_without_an_answer_is_unknown_and_not_repeated(self, desk: Desk, kind: str) -> None:
        sip = desk.client()
        sip.status()
        desk.fault(kind, "11")
        with pytest.raises(OutcomeUnknown, match="closed the connection"):
            sip.check_out("B1", "P1")
        assert desk.codes().count("11") == 1
        assert sip.item("B1").on_loan is (kind == "drop_after")

    def test_a_look_without_an_answer_is_repeated_on_a_new_connection(self, desk: Desk) -> None:
        sip = desk.client(read_timeout=0.2)
        sip.status()
        desk.fault("hang", "17")
        assert sip.item("B1").known
        assert desk.codes()[-3:] == ["17", "93", "17"]
        desk.fault("hang", "17", times=9)
        with pytest.raises(Unavailable, match="in time"):
            sip.item("B1")

    def test_an_unknown_payer_kills_the_connection_which_is_an_unknown_outcome(self, desk: Desk) -> None:
        sip = desk.client()
        with pytest.raises(OutcomeUnknown):
            sip.pay("nobody", Money(Decimal(1)), "T")
        assert sip.status().online


class Liar:
    """A server that says whatever it is told to, in pieces of any size."""

    def __init__(self, *pieces: bytes) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._pieces = pieces
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                talking, _ = self._listening.accept()
            except OSError:
                return
            with talking:
                talking.recv(4096)
                for piece in self._pieces:
                    talking.sendall(piece)
                talking.settimeout(0.1)
                try:
                    talking.recv(1)
                except OSError:
                    continue

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


STATUS = b"98YYYNYN60000320261123    2332472.00AOMAIN|"


@pytest.mark.parametrize(
    "pieces",
    [
        (STATUS[:20], STATUS[20:] + b"\r"),
        (b"\r\n\0", STATUS + b"\r\n"),
        (STATUS + b"\n",),
        (STATUS + b"QQnew|U1|AMLib | with a bar|\r", b"junk behind it\r"),
    ],
)
def test_answers_come_in_any_packets_with_or_without_checksum(desk: Desk, pieces: tuple[bytes, ...]) -> None:
    liar = Liar(*pieces)
    try:
        found = desk.client(login="", port=liar.port).status()
        assert found.online
        assert found.can is None
        assert found.library in {"MAIN", "Lib | with a bar"}
    finally:
        liar.close()


@pytest.mark.parametrize(
    "said",
    [STATUS + b"AY5AZE457\r", STATUS[:30] + b"\r", b"9", b"\xff" * 70_000, b"98\r", b"96\r" * 9, STATUS + b"AY3AZ\r"],
)
def test_nonsense_never_passes_for_an_answer(desk: Desk, said: bytes) -> None:
    liar = Liar(said)
    try:
        with pytest.raises((Unavailable, Retry)):
            desk.client(login="", port=liar.port, read_timeout=0.2).status()
    finally:
        liar.close()


class TestConnections:
    def test_one_is_used_again_and_never_more_than_allowed_are_open(self, desk: Desk) -> None:
        sip = desk.client(connections=2)
        with ThreadPoolExecutor(8) as many:
            found = list(many.map(lambda _: sip.item("B1").known, range(40)))
        assert all(found)
        assert desk.codes().count("93") <= 2

    def test_one_that_the_server_gave_up_is_replaced_before_anything_is_sent(self, desk: Desk) -> None:
        sip = desk.client()
        sip.status()
        desk.server._listener.hang_up()
        for _ in range(200):
            if sip._idle.queue[0].stale:
                break
            threading.Event().wait(0.01)
        assert sip.check_out("B1", "P1").ok
        assert desk.codes().count("11") == 1

    def test_one_that_was_unused_for_long_is_opened_anew(self, desk: Desk) -> None:
        sip = desk.client(idle_seconds=0)
        sip.status()
        sip.status()
        assert desk.codes().count("93") == 2

    def test_nobody_there_is_an_outage(self, desk: Desk) -> None:
        port = desk.server.port
        desk.stop()
        with pytest.raises(Unavailable, match="cannot be reached"):
            desk.client(port=port).status()

    def test_a_server_that_speaks_no_tls_is_not_spoken_to(self, desk: Desk) -> None:
        with pytest.raises(Unavailable, match="secured"):
            desk.client(tls=True, read_timeout=0.5, connect_timeout=0.5).status()
        assert not {"93", "99"} & set(desk.codes())


def test_every_message_is_paced_and_told_without_what_stood_in_it(desk: Desk) -> None:
    sip = desk.client()
    sip.patron("P1")
    desk.fault("drop_before", "11")
    with pytest.raises(OutcomeUnknown):
        sip.check_out("B1", "P1")
    told = [(each.method, each.template, each.status, each.error) for each in desk.heard.exchanges]
    assert told == [
        ("SIP2", "93 log in", 200, ""),
        ("SIP2", "63 patron information", 200, ""),
        ("SIP2", "11 check out", None, "NoAnswer"),
    ]
    assert desk.heard.exchanges[0].transient
    assert desk.pace.cost == 3
    assert "P1" not in repr(desk.heard.exchanges)


class TestTls:
    @pytest.fixture
    def secured(self, desk: Desk, tmp_path: Path) -> Iterator[tuple[int, Path]]:
        """A door with TLS in front of the server, as stunnel is one."""
        cert, key = certificate(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=_door, args=(listening, context, desk.server.port), daemon=True)
        thread.start()
        yield listening.getsockname()[1], cert
        desk.stop()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)

    def test_a_certificate_that_is_vouched_for(self, desk: Desk, secured: tuple[int, Path]) -> None:
        port, cert = secured
        assert desk.client(host="localhost", port=port, tls=True, ca_file=str(cert)).status().online

    def test_one_that_nobody_vouches_for_is_told_no_password(self, desk: Desk, secured: tuple[int, Path]) -> None:
        port, _ = secured
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            desk.client(host="localhost", port=port, tls=True).status()
        assert desk.codes() == []

    def test_a_ca_file_that_is_not_there_is_told(self, desk: Desk) -> None:
        with pytest.raises(Unavailable, match="secured"):
            desk.client(tls=True, ca_file="/nowhere.pem").status()


def _door(listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = listening.accept()
            with (
                context.wrap_socket(plain, server_side=True) as outer,
                socket.create_connection(("127.0.0.1", port)) as inner,
            ):
                while octets := outer.recv(4096):
                    inner.sendall(octets)
                    outer.sendall(inner.recv(4096))
        except ssl.SSLError:
            continue
        except OSError:
            return
