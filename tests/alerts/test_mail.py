"""Mails over a real SMTP server: what they look like, TLS, log-in, and every way to be refused."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.alerts.channel import Parcel
from bridge.alerts.mail import MailChannel
from bridge.alerts.model import Item, Kind, Notice, Stage, Undelivered
from tests.alerts.post import PASSWORD, USER, PostOffice, free_port, text_of

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LINES = ("Nothing has come from hook – für lange Zeit.", "Next: ill-bridge status")
NOTICE = Notice(Kind.SOURCE_SILENT, Stage.NEW, AT, "Source hook is silent", LINES, items=(Item("source", "hook"),))


def parcel(number: int = 1, audience: str = "", notice: Notice = NOTICE) -> Parcel:
    return Parcel(notice, f"silence:hook@x#{number}", "silence:hook@x#1", "north", audience)


FIRST = parcel()


def send(office: PostOffice, what: Parcel = FIRST, **more: Any) -> None:
    MailChannel(office.settings(**more)).send(what, AT)


def refused(office: PostOffice, **more: Any) -> str:
    with pytest.raises(Undelivered) as problem:
        send(office, **more)
    return str(problem.value)


class TestMail:
    def test_what_arrives(self) -> None:
        with PostOffice() as office:
            send(office)
        (mail,) = office.mails
        assert mail["Subject"] == "[north] Source hook is silent"
        assert mail["From"] == "ill-bridge <ill-bridge@library.example>"
        assert mail["To"] == "ops@library.example"
        assert mail["Date"] == "Tue, 24 Nov 2026 09:30:00 +0000"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"] == f"<{parcel().id}@library.example>"
        assert mail["In-Reply-To"] is None
        assert mail.get_content_type() == "text/plain"
        assert mail.get_content_charset() == "utf-8"
        text = text_of(mail).replace("\r\n", "\n")
        assert text.startswith("\n".join(LINES) + "\n")
        assert "Sent by ill-bridge 'north'" in text
        (envelope,) = office.envelopes
        assert envelope.mail_from == "ill-bridge@library.example"
        assert envelope.rcpt_tos == ["ops@library.example"]

    def test_every_line_is_ascii_on_its_way(self) -> None:
        with PostOffice() as office:
            send(office)
        content = office.envelopes[0].content
        assert isinstance(content, bytes)
        assert content.isascii()

    def test_a_title_with_other_letters_and_a_line_end_stays_one_subject(self) -> None:
        notice = Notice(Kind.TEST, Stage.NEW, AT, "Bibliothek Köln\r\nBcc: all@library.example", ("x",))
        with PostOffice() as office:
            send(office, parcel(notice=notice))
        assert office.mails[0]["Subject"] == "[north] Bibliothek Köln Bcc: all@library.example"
        assert office.mails[0]["Bcc"] is None

    def test_a_later_notice_of_the_same_trouble_answers_the_first(self) -> None:
        with PostOffice() as office:
            send(office)
            send(office, parcel(2))
        first, second = office.mails
        assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
        assert second["Message-ID"] != first["Message-ID"]

    def test_a_library_has_its_own_people(self) -> None:
        own = {"main": ["a@main.example", "Desk <b@main.example>"]}
        with PostOffice() as office:
            send(office, parcel(audience="main"), libraries=own)
            send(office, parcel(audience="branch"), libraries=own)
        assert [each.rcpt_tos for each in office.envelopes] == [
            ["a@main.example", "b@main.example"],
            ["ops@library.example"],
        ]
        assert office.mails[0]["To"] == "a@main.example, Desk <b@main.example>"


class TestTls:
    @pytest.mark.parametrize("security", ["starttls", "tls"])
    def test_with_a_log_in(self, security: str, self_made: tuple[Path, Path]) -> None:
        with PostOffice(security, *self_made, log_in=security == "starttls") as office:
            who: dict[str, Any] = {"user": USER, "password": PASSWORD} if office.log_in else {}
            send(office, **who)
        assert len(office.mails) == 1
        assert office.logged_in == ([USER] if office.log_in else [])

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    def test_a_certificate_nobody_vouches_for(self, security: str, self_made: tuple[Path, Path]) -> None:
        with PostOffice(security, *self_made) as office:
            assert "certificate that is not trusted" in refused(office, ca_file=None)
        assert office.mails == []

    def test_a_certificate_for_another_host(self, self_made: tuple[Path, Path]) -> None:
        with PostOffice("starttls", *self_made) as office:
            assert "not trusted (IP address mismatch" in refused(office, host="127.0.0.1")

    def test_a_server_without_starttls_gets_no_mail(self) -> None:
        with PostOffice() as office:
            assert "does not offer what [alerts.mail] asks for" in refused(office, security="starttls")
        assert office.mails == []

    def test_tls_where_none_is_spoken(self) -> None:
        with PostOffice() as office:
            assert "does not speak TLS as [alerts.mail] security asks" in refused(office, security="tls")

    def test_a_password_that_is_wrong(self, self_made: tuple[Path, Path]) -> None:
        with PostOffice("starttls", *self_made, log_in=True) as office:
            told = refused(office, user=USER, password="another one")
        assert "refused our log-in (535)" in told
        assert "another one" not in told

    def test_certificates_that_are_none(self, tmp_path: Path) -> None:
        broken = tmp_path / "ca.pem"
        broken.write_text("no certificate")
        with PostOffice() as office:
            assert "ca_file cannot be used" in refused(office, security="tls", ca_file=str(broken))


class TestRefusals:
    def test_nobody_listens(self) -> None:
        office = PostOffice(port=free_port())
        assert "cannot be reached (ConnectionRefusedError): see [alerts.mail] host" in refused(office)

    def test_a_server_that_says_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            office = PostOffice(port=silent.getsockname()[1])
            assert "did not answer in time, or hung up" in refused(office, timeout=0.05)

    @pytest.mark.parametrize(
        ("says", "told"),
        [
            ("451 4.3.0 try again later", "refused the mail: 451 4.3.0 try again later"),
            ("554 5.7.1 looks like spam", "refused the mail: 554 5.7.1 looks like spam"),
        ],
    )
    def test_the_mail_is_refused(self, says: str, told: str) -> None:
        with PostOffice(says=says) as office:
            assert told in refused(office)

    def test_a_mail_that_was_taken_is_delivered_however_the_server_parts(self) -> None:
        with PostOffice(parts="421 in a bad mood") as office:
            send(office)
        assert len(office.mails) == 1

    def test_every_recipient_is_refused(self) -> None:
        with PostOffice(unknown={"ops@library.example"}) as office:
            assert "refused every recipient: ops@library.example (550)" in refused(office)

    def test_one_recipient_is_refused_and_the_other_is_told(self) -> None:
        with PostOffice(unknown={"gone@library.example"}) as office, capture_logs() as logs:
            send(office, recipients=["ops@library.example", "gone@library.example"])
        assert office.envelopes[0].rcpt_tos == ["ops@library.example"]
        (line,) = logs
        assert (line["event"], line["refused"]) == ("alert.recipients_refused", {"gone@library.example": 550})

    def test_the_sender_is_refused(self) -> None:
        with PostOffice(unknown={"ill-bridge@library.example"}) as office:
            assert "refused the sender (550)" in refused(office)


def test_closing_changes_nothing() -> None:
    channel = MailChannel(PostOffice().settings())
    closing: Callable[[], None] = channel.close
    closing()
    assert channel.audiences() == ()
