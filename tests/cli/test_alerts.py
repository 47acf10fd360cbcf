"""Commands of alerts, and the daemon's, with a real SMTP server."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bridge.ledger import Ledger
from bridge.ledger.alerts import NewNotice
from tests.alerts.post import PostOffice, free_port, text_of
from tests.cli.house import House, until
from tests.ledger.sample import take
from tests.patience import PATIENCE

MAIL = """
[alerts]
look_seconds = 0.1
settle_minutes = 0
[alerts.mail]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "ill-bridge@library.example"
recipients = ["ops@library.example"]
[alerts.mail.libraries]
main = ["ill@library.example"]
"""
HOOK = """
[alerts.webhook]
url = "http://127.0.0.1:{port}/hooks/very-secret"
"""


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with PostOffice() as made:
        yield made


class TestTrial:
    def test_everybody_is_told_by_every_channel(self, house: House, office: PostOffice) -> None:
        house.write(MAIL.format(port=office.port))
        result = house.command("alerts", "test")
        assert (result.exit_code, result.stdout) == (0, "✔ mail: sent\n✔ mail to the people of main: sent\n")
        assert [each.rcpt_tos for each in office.envelopes] == [["ops@library.example"], ["ill@library.example"]]
        assert office.mails[0]["Subject"] == "[test] Test of alerts"
        assert "the people of library main" in text_of(office.mails[1])

    def test_a_channel_that_fails_is_told_and_the_others_are_tried(self, house: House, office: PostOffice) -> None:
        house.write(MAIL.format(port=office.port) + HOOK.format(port=free_port()))
        result = house.command("alerts", "test")
        assert result.exit_code == 1
        assert "✘ webhook: the webhook of [alerts.webhook] cannot be reached" in result.stderr
        assert "very-secret" not in result.output
        assert len(office.mails) == 2

    def test_without_a_channel(self, house: House) -> None:
        result = house.command("alerts", "test")
        assert "no channel is configured; add [alerts.mail] or [alerts.webhook]" in str(result.exception)


class TestDigest:
    def test_printed_only(self, house: House) -> None:
        result = house.command("alerts", "digest", "--dry-run")
        assert result.exit_code == 0
        assert "nothing needs attention" in result.stdout
        assert "Digest of main at" in house.command("alerts", "digest", "--dry-run", "--library", "main").stdout

    def test_sent_now(self, house: House, office: PostOffice) -> None:
        house.write(MAIL.format(port=office.port))
        result = house.command("alerts", "digest")
        assert result.exit_code == 0
        assert result.stdout.startswith("Digest ")
        assert ["of main" in mail["Subject"] for mail in office.mails] == [False, True]

    def test_a_channel_that_fails_is_told(self, house: House) -> None:
        house.write(MAIL.format(port=free_port()))
        result = house.command("alerts", "digest")
        assert result.exit_code == 1
        assert "cannot be reached" in result.stderr

    @pytest.mark.parametrize("more", [("--library", "main"), ("--library", "mian", "--dry-run")])
    def test_one_librarys_is_only_printed(self, house: House, more: tuple[str, ...]) -> None:
        assert house.command("alerts", "digest", *more).exit_code == 2


class TestList:
    def test_nothing(self, house: House) -> None:
        assert house.command("alerts", "list").stdout == "No trouble stands, and nothing is to be sent.\n"
        assert house.asked("alerts", "list") == {"standing": [], "unsent": []}

    def test_what_stands_and_what_is_to_be_sent(self, house: House, office: PostOffice) -> None:
        office.says = "451 later"
        house.write(MAIL.format(port=office.port))
        house.outage(on=True)
        daemon = house.start()
        house.post(house.url_of(daemon))
        until(lambda: any(each["problem"] for each in house.asked("alerts", "list")["unsent"]), "a try")
        found = house.asked("alerts", "list")
        assert [(each["subject"], bool(each["told_at"])) for each in found["standing"]] == [("lane:alma", True)]
        assert [(each["kind"], each["channel"], each["tries"]) for each in found["unsent"]] == [
            ("lane_closed", "mail", 1)
        ]
        said = house.command("alerts", "list").stdout
        assert "lane:alma: since " in said
        assert "To be sent by mail: lane_closed of " in said
        assert "451 later" in said

    def test_what_was_not_told_yet(self, house: House) -> None:
        house.command("db", "upgrade")
        ledger = Ledger(house.ledger_url)
        last = ledger.alerts.digested()
        late = last + timedelta(days=1)
        ledger.alerts.digest(late, (NewNotice("digest@x#1", "mail", "main", "digest", late, "{}"),), last=last)
        ledger.close()
        assert "To be sent by mail: digest of " in house.command("alerts", "list").stdout


class TestDaemon:
    def test_a_lane_that_closes_and_opens_is_mailed(self, house: House, office: PostOffice) -> None:
        house.write(MAIL.format(port=office.port))
        house.outage(on=True)
        daemon = house.start()
        house.post(house.url_of(daemon))
        until(lambda: office.mails, "a mail")
        assert office.mails[0]["Subject"] == "[test] Lane alma is closed"
        house.outage(on=False)
        house.settled("in_step")
        until(lambda: len(office.mails) > 1, "the second mail")
        assert office.mails[1]["Subject"] == "[test] Lane alma is open again"
        daemon.send_signal(signal.SIGTERM)
        _, err = daemon.communicate(timeout=PATIENCE)
        assert daemon.returncode == 0, err
        events = [json.loads(line)["event"] for line in err.splitlines() if '"event"' in line]
        assert events.count("alert.raised") == 1
        assert events.count("alert.sent") == 2
        assert "P1001" not in err + "".join(text_of(mail) for mail in office.mails)

    def test_ill_accounts_are_asked_about(self, house: House, office: PostOffice) -> None:
        lending = '[libraries.main.lending]\ndefault_account = "ILL-XYZ"\naccounts = { NONE = "ILL-NONE" }\n'
        house.write(lending + MAIL.format(port=office.port))
        daemon = house.start()
        house.url_of(daemon)
        until(lambda: office.mails, "a mail")
        (mail,) = office.mails
        assert mail["Subject"] == "[test] 1 ILL account of main cannot be lent to"
        assert mail["To"] == "ill@library.example"
        assert "Nothing can be lent to account ILL-NONE in alma: The patron is unknown in Alma." in text_of(mail)


def test_status_shows_requests_without_news_for_too_long(house: House) -> None:
    house.config.write_text(house.config.read_text().replace('mode = "live"', 'mode = "live"\nage_limit_days = 30'))
    house.command("db", "upgrade")
    ledger = Ledger(house.ledger_url, clock=lambda: datetime.now(UTC) - timedelta(days=31))
    take(ledger)
    ledger.close()
    (found,) = house.asked("status")["silent_for_long"]
    assert (found["name"], found["number"], found["library"], found["state"]) == ("R1", "1", "main", "due")
    said = house.command("status").stdout
    assert "  - 1 open request is without news for longer than age_limit_days" in said
    assert f"R1 (1, due): no news since {found['heard'][:10]}\n" in said
