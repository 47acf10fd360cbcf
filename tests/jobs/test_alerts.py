"""From what happens in the ledger to mails on a real SMTP server: once, whatever restarts, and not lost while the server is away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.alerts.mail import MailChannel
from bridge.alerts.model import Undelivered
from bridge.configuring import check
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.engine.schedule import RetrySchedule
from bridge.jobs.alerts import AlertJob
from bridge.ledger import Ledger, Parked, State, Verdict
from bridge.ledger.alerts import Episode, NewNotice
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER
from bridge.settings import Configuration
from bridge.wiring import channels_of, connector_settings, source_settings
from tests.alerts.post import PostOffice, text_of
from tests.ledger.sample import KEY, NOW, Clock, arrival, held, take

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Stage:
    """A ledger, a post office, and the job of a daemon."""

    ledger: Ledger
    clock: Clock
    office: PostOffice
    more: dict[str, Any] = field(default_factory=dict)
    mail: dict[str, Any] = field(default_factory=dict)
    lending: dict[str, Any] = field(default_factory=dict)
    jobs: list[AlertJob] = field(default_factory=list)

    def known(self) -> Configuration:
        mail = self.office.settings().model_dump(exclude={"ca_file", "password", "port"}) | {"port": self.office.port}
        alma = {"connector": "alma", "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}}
        raw: dict[str, Any] = {
            "bridge": "north",
            "alerts": {"mail": {**mail, **self.mail}, "digest": {"at": "07:00"}, **self.more},
            "ils": {"alma": alma},
            "libraries": {
                "main": {"ils": "alma", "age_limit_days": 100, "lending": self.lending},
                "branch": {"ils": "alma"},
            },
            "sources": {
                "hook": {"kind": "webhook", "service": "svc", "library": "main", "secret": "a shared secret"},
                "changes": {"kind": "feed", "service": "svc", "library": "main", "url": "http://127.0.0.1:1"},
            },
        }
        return check(raw, connector_settings=connector_settings, source_settings=source_settings)

    def daemon(self) -> AlertJob:
        """The job of a daemon that has just begun."""
        known = self.known()
        schedule = RetrySchedule((60.0, 300.0), jitter=0.0)
        self.jobs.append(AlertJob(known, self.ledger, channels_of(known), schedule=schedule))
        return self.jobs[-1]

    def look(self, **later: float) -> list[str]:
        """Let time pass and look; answers the subjects of the mails that came."""
        if not self.jobs:
            self.daemon()
        self.clock.now += timedelta(**later)
        before = len(self.office.mails)
        self.jobs[-1].run()
        return [mail["Subject"].removeprefix("[north] ") for mail in self.office.mails[before:]]

    def text(self) -> str:
        return text_of(self.office.mails[-1]).replace("\r\n", "\n")

    def close_lane(self, cause: str = "unavailable") -> None:
        self.ledger.lanes.close("alma", until=NOW + DAY, why="Alma cannot be reached.", cause=cause)

    def park(self, number: str, cause: str, state: State = State.PARKED) -> None:
        stamp = Stamp(0, NOW, Phase.RECEIVED.rank, number)
        key = KEY.__class__(KEY.library, KEY.service, KEY.role, KEY.requester, number)
        edits = Edits(patron_id="P1001", title="A title")
        take(self.ledger, Arrival(number, "{}", (Change(number, key, stamp, phase=Phase.RECEIVED, edits=edits),)))
        mine = held(self.ledger)
        parked = Parked("goal", cause, "No for P1001.", f"Mend it. Then: ill-bridge resync {mine.row.name}.")
        self.ledger.work.release(mine, Verdict(state, "received", parked=parked), version=mine.row.version)


@pytest.fixture
def stage(ledger: Ledger, clock: Clock) -> Iterator[Stage]:
    with PostOffice() as office:
        made = Stage(ledger, clock, office)
        yield made
        for job in made.jobs:
            job.close()


class TestLanes:
    def test_told_when_it_has_stood_and_when_it_is_over(self, stage: Stage) -> None:
        stage.close_lane()
        assert stage.look() == []
        assert stage.look(minutes=4) == []
        assert stage.look(minutes=1) == ["Lane alma is closed"]
        assert "No work is done in alma since 2026-11-24 09:00: Alma cannot be reached." in stage.text()
        assert stage.look(minutes=30) == []
        stage.ledger.lanes.open("alma")
        assert stage.look() == ["Lane alma is open again"]
        assert stage.office.mails[1]["In-Reply-To"] == stage.office.mails[0]["Message-ID"]
        assert stage.look(minutes=1) == []

    def test_a_hiccup_is_not_told(self, stage: Stage) -> None:
        stage.close_lane()
        stage.look(minutes=1)
        stage.ledger.lanes.open("alma")
        assert stage.look(minutes=10) == []
        assert stage.ledger.alerts.standing() == ()

    def test_rejected_credentials_are_told_at_once(self, stage: Stage) -> None:
        stage.close_lane("credentials_rejected")
        assert stage.look() == ["alma does not accept our credentials"]

    def test_a_restart_neither_repeats_nor_loses(self, stage: Stage) -> None:
        stage.close_lane()
        stage.look(minutes=5)
        stage.daemon()
        assert stage.look(minutes=30) == []
        stage.ledger.lanes.open("alma")
        stage.daemon()
        assert stage.look() == ["Lane alma is open again"]

    def test_what_flaps_is_told_once_an_hour(self, stage: Stage) -> None:
        stage.close_lane()
        stage.look(minutes=5)
        stage.ledger.lanes.open("alma")
        stage.look(minutes=1)
        stage.close_lane()
        assert stage.look(minutes=50) == []
        assert stage.look(minutes=10) == ["Lane alma is closed"]

    def test_two_daemons_send_one_mail(self, stage: Stage) -> None:
        stage.close_lane("credentials_rejected")
        one, other = stage.daemon(), stage.daemon()
        one.notice()
        other.notice()
        other.send()
        one.send()
        assert len(stage.office.mails) == 1


class TestOthers:
    def test_a_quota_stop(self, stage: Stage) -> None:
        stage.ledger.libraries.hold("main", until=FOREVER, why="50 deleted.", cause=OVER_QUOTA)
        assert stage.look() == ["Library main is stopped: too many deletions"]
        stage.ledger.libraries.resume("main")
        assert stage.look(minutes=1) == []

    def test_many_parked_requests_give_one_mail_without_a_patron(self, stage: Stage) -> None:
        for number in range(30):
            stage.park(str(number), "item_type")
        stage.look()
        assert stage.look(minutes=5) == ["30 requests of main parked: item type"]
        text = stage.text()
        assert "P1001" not in text
        assert "A title" not in text
        assert "No for …. Mend it." in text
        assert stage.look(minutes=1) == []
        stage.park("31", "item_type")
        assert stage.look(minutes=29) == []
        assert stage.look(minutes=30) == ["31 requests of main parked: item type"]
        assert stage.look(hours=3) == []

    def test_a_feed_whose_polls_fail(self, stage: Stage) -> None:
        stage.ledger.inbox.polled("changes", "Source changes does not answer.")
        stage.look()
        assert stage.look(minutes=5) == ["Source changes cannot be asked"]
        stage.ledger.inbox.polled("changes")
        assert stage.look(minutes=5) == ["Source changes answers again"]

    def test_a_source_silent_longer_than_usual(self, stage: Stage) -> None:
        start = NOW - timedelta(weeks=3)
        for hour in range(3 * 7 * 24):
            stage.clock.now = start + hour * HOUR
            if stage.clock.now.weekday() < 5:
                take(stage.ledger, arrival(f"e{hour}"))
        stage.clock.now = NOW
        assert stage.look(hours=9) == []
        assert stage.look(hours=1) == ["Source hook is silent longer than usual"]
        assert "The same hours of the past weeks brought 10, 10 messages." in stage.text()
        take(stage.ledger, arrival("again"))
        assert stage.look(minutes=1) == ["Source hook speaks again"]

    def test_a_weekend_is_no_silence(self, stage: Stage) -> None:
        start = NOW - timedelta(weeks=3)
        for hour in range(3 * 7 * 24 + 80):
            stage.clock.now = start + hour * HOUR
            if stage.clock.now.weekday() < 5:
                take(stage.ledger, arrival(f"e{hour}"))
        stage.clock.now = NOW + timedelta(days=5, hours=-1)
        assert stage.clock.now.weekday() == 6
        assert stage.look() == []

    def test_messages_not_understood_without_their_content(self, stage: Stage) -> None:
        take(stage.ledger, Arrival("k", "P1001", state=ArrivalState.MALFORMED, problem="P1001 is odd"))
        stage.look()
        assert stage.look(minutes=5) == ["1 message of hook not understood"]
        assert "P1001" not in stage.text()

    def test_a_kind_left_out_is_kept_for_the_digest(self, stage: Stage) -> None:
        stage.more = {"immediate": ["quota_stop"]}
        stage.look()
        stage.close_lane()
        stage.look(minutes=10)
        stage.ledger.lanes.open("alma")
        assert stage.look(minutes=10) == []
        assert stage.look(hours=22) == ["Digest 2026-11-25: nothing needs attention"]
        assert "alma: closed once in this time, 20 min in all; that is over" in stage.text()

    def test_what_another_release_remembered_ends_without_a_word(self, stage: Stage) -> None:
        stage.ledger.alerts.begin(Episode(0, "odd", "odd", "", "", "{}", NOW))
        (odd,) = stage.ledger.alerts.standing()
        stage.ledger.alerts.tell(odd, at=NOW, cause="", document="{}", notices=())
        assert stage.look() == []
        assert stage.ledger.alerts.standing() == ()

    def test_a_librarys_own_people_are_told_of_its_matters(self, stage: Stage) -> None:
        stage.mail = {"libraries": {"main": ["ill@main.example"]}}
        stage.ledger.libraries.hold("main", until=FOREVER, why="50 deleted.", cause=OVER_QUOTA)
        stage.ledger.libraries.hold("branch", until=FOREVER, why="50 deleted.", cause=OVER_QUOTA)
        stage.look()
        told = {
            mail["Subject"]: envelope.rcpt_tos
            for mail, envelope in zip(stage.office.mails, stage.office.envelopes, strict=True)
        }
        assert told == {
            "[north] Library branch is stopped: too many deletions": ["ops@library.example"],
            "[north] Library main is stopped: too many deletions": ["ill@main.example"],
        }


class TestDigest:
    def test_once_a_day_whatever_restarts(self, stage: Stage) -> None:
        assert stage.look() == []
        assert stage.look(hours=21, minutes=59) == []
        assert stage.look(minutes=1) == ["Digest 2026-11-25: nothing needs attention"]
        stage.daemon()
        assert stage.look(minutes=1) == []
        assert stage.look(hours=24) == ["Digest 2026-11-26: nothing needs attention"]

    def test_one_missed_while_down_is_sent_on_start(self, stage: Stage) -> None:
        stage.look()
        stage.daemon()
        assert stage.look(hours=40) == ["Digest 2026-11-26: nothing needs attention"]

    def test_two_daemons_send_one(self, stage: Stage) -> None:
        stage.look()
        stage.clock.now += DAY
        for job in (stage.daemon(), stage.daemon()):
            job.run()
        assert len(stage.office.mails) == 1

    def test_what_stands_in_it(self, stage: Stage) -> None:
        stage.look()
        stage.clock.now = NOW + HOUR
        stage.park("1", "unknown_patron")
        stage.park("2", "staff", State.STAFF)
        stage.park("3", "", State.IN_STEP)
        stage.look(hours=21)
        text = stage.text()
        assert "Library main" in text
        assert "1 request newly parked, unknown patron" in text
        assert "1 request new for staff" in text
        assert "P1001" not in text
        stage.look(days=101)
        text = stage.text()
        assert "3 open requests without news for more than 100 days: R1 (1, received, 2026-11-24)" in text
        assert "1 request still parked" in text

    def test_a_librarys_people_have_their_own(self, stage: Stage) -> None:
        stage.mail = {"libraries": {"main": ["ill@main.example"]}}
        stage.look()
        assert stage.look(days=1) == [
            "Digest 2026-11-25: nothing needs attention",
            "Digest of main 2026-11-25: nothing needs attention",
        ]
        assert [each.rcpt_tos for each in stage.office.envelopes] == [["ops@library.example"], ["ill@main.example"]]

    def test_an_empty_one_only_where_it_is_wanted(self, stage: Stage) -> None:
        stage.more = {"digest": {"at": "07:00", "when_empty": False}}
        stage.look()
        assert stage.look(days=1) == []
        stage.park("1", "unknown_patron")
        assert stage.look(hours=1) == [], "the next one is tomorrow's"
        assert stage.look(days=1) == ["Digest 2026-11-26: 1 thing to see to"]


class TestDelivery:
    def test_a_server_that_is_away_is_tried_later_and_told_once(self, stage: Stage) -> None:
        stage.close_lane("credentials_rejected")
        stage.office.__exit__()
        with capture_logs() as logs:
            assert stage.look() == []
            assert stage.look(minutes=1) == []
        assert [line["event"] for line in logs if line["event"].startswith("alert.")] == [
            "alert.raised",
            "alert.not_sent",
        ]
        (kept,) = stage.ledger.alerts.unsent()
        assert kept.tries == 2
        assert "cannot be reached" in kept.problem
        stage.daemon()
        stage.office.__enter__()
        assert stage.look(minutes=4) == []
        with capture_logs() as logs:
            assert stage.look(minutes=1) == ["alma does not accept our credentials"]
        assert [line["event"] for line in logs if line["event"].startswith("alert.")] == ["alert.sent"]
        assert stage.office.mails[0]["Date"].datetime == NOW

    def test_when_it_works_again_that_is_told(self, stage: Stage) -> None:
        stage.close_lane("credentials_rejected")
        stage.office.says = "451 later"
        stage.look()
        stage.office.says = "250 OK"
        with capture_logs() as logs:
            stage.look(minutes=1)
        assert [line["event"] for line in logs if line["event"].startswith("alert.")] == [
            "alert.channel_works",
            "alert.sent",
        ]

    def test_people_who_cannot_be_told_do_not_hold_up_the_others(self, stage: Stage) -> None:
        stage.mail = {"libraries": {"branch": ["gone@branch.example"]}}
        stage.office.unknown = {"gone@branch.example"}
        stage.ledger.libraries.hold("branch", until=FOREVER, why="50 deleted.", cause=OVER_QUOTA)
        stage.ledger.libraries.hold("main", until=FOREVER, why="50 deleted.", cause=OVER_QUOTA)
        assert stage.look() == []
        assert stage.look(seconds=30) == ["Library main is stopped: too many deletions"]

    def test_after_a_week_it_is_given_up(self, stage: Stage) -> None:
        stage.more = {"repeat_hours": 0, "digest": {"enabled": False}}
        stage.close_lane("credentials_rejected")
        stage.office.says = "554 no"
        stage.look()
        stage.look(days=6)
        assert len(stage.ledger.alerts.unsent()) == 1
        with capture_logs() as logs:
            stage.look(days=1)
        assert "alert.given_up" in [line["event"] for line in logs]
        assert stage.ledger.alerts.unsent() == ()

    def test_a_crash_after_sending_sends_once_more_with_the_same_id(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.close_lane("credentials_rejected")
        monkeypatch.setattr(stage.ledger.alerts, "sent", _killed)
        with pytest.raises(KeyboardInterrupt):
            stage.look()
        monkeypatch.undo()
        stage.daemon()
        assert stage.look(minutes=9) == []
        assert len(stage.look(minutes=1)) == 1
        first, second = stage.office.mails
        assert first["Message-ID"] == second["Message-ID"]

    def test_what_this_release_cannot_read_is_given_up(self, stage: Stage) -> None:
        last = stage.ledger.alerts.digested()
        stage.ledger.alerts.digest(NOW, (NewNotice("odd", "mail", "", "odd", NOW, '{"kind": "odd"}'),), last=last)
        with capture_logs() as logs:
            assert stage.look() == []
        assert "alert.given_up" in [line["event"] for line in logs]

    def test_a_daemon_that_stops_sends_no_more(self, stage: Stage) -> None:
        stage.close_lane("credentials_rejected")
        known = stage.known()
        job = AlertJob(known, stage.ledger, channels_of(known), stopping=lambda: True)
        job.run()
        assert stage.office.mails == []
        assert len(stage.ledger.alerts.unsent()) == 1

    def test_one_channel_that_fails_leaves_the_other_alone(self, stage: Stage) -> None:
        known = stage.known()
        assert known.settings.alerts.mail is not None
        good = MailChannel(known.settings.alerts.mail)
        stage.jobs.append(AlertJob(known, stage.ledger, (Broken(good), good)))
        stage.close_lane("credentials_rejected")
        assert stage.look() == ["alma does not accept our credentials"]
        assert [each.channel for each in stage.ledger.alerts.unsent()] == ["broken"]

    def test_what_is_long_over_is_forgotten(self, stage: Stage) -> None:
        stage.close_lane("credentials_rejected")
        stage.look()
        stage.ledger.lanes.open("alma")
        stage.look()
        stage.look(days=59)
        assert len(stage.ledger.alerts.ended(NOW)) == 1
        stage.look(days=2)
        assert stage.ledger.alerts.ended(NOW) == ()


class Broken(MailChannel):
    """A channel that takes nothing."""

    name = "broken"

    def __init__(self, other: MailChannel) -> None:
        super().__init__(other._settings)

    def send(self, parcel: object, now: object) -> None:
        raise Undelivered("Broken.")


def _killed(_: object) -> None:
    raise KeyboardInterrupt


def test_a_ledger_that_is_busy_is_told_and_tried_at_the_next_look(stage: Stage) -> None:
    if not stage.ledger.lock.exclusive:
        pytest.skip("PostgreSQL has another word for a table that is missing")
    job = stage.daemon()
    with stage.ledger.database.write() as connection:
        connection.exec_driver_sql("drop table notice")
    with capture_logs() as logs:
        job.run()
    assert [line["event"] for line in logs] == ["ledger.busy"]


def test_accounts_are_told_once_until_there_is_one_more(stage: Stage) -> None:
    stage.lending = {"accounts": {"A": "ILL-A", "B": "ILL-B"}}
    stage.ledger.accounts.ensure("alma", ["ILL-A", "ILL-B"])
    stage.ledger.accounts.learned("alma", "ILL-A", expires=(NOW + 9 * DAY).date(), problem="")
    stage.look()
    assert stage.look(minutes=5) == ["1 ILL account of main will expire soon"]
    assert stage.look(hours=2) == []
    stage.ledger.accounts.learned("alma", "ILL-B", expires=(NOW + 9 * DAY).date(), problem="")
    assert stage.look(minutes=1) == ["2 ILL accounts of main will expire soon"]
    stage.ledger.accounts.learned("alma", "ILL-A", expires=(NOW + 999 * DAY).date(), problem="")
    assert stage.look(hours=2) == []
