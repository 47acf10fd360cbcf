"""What people were told is remembered, on both databases, and told by one of two daemons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.domain.attention import IllAccount
from bridge.ledger import Ledger
from bridge.ledger.alerts import Episode, NewNotice
from tests.ledger.sample import MINUTE, NOW, Clock

TROUBLE = Episode(0, "lane:alma", "lane_closed", "", "unavailable", "{}", NOW)
LATER = NOW + timedelta(days=1)


def notice(key: str = "lane:alma@x#1", channel: str = "mail", audience: str = "") -> NewNotice:
    return NewNotice(key, channel, audience, "lane_closed", NOW, '{"title": "Über"}')


@pytest.fixture
def other(ledger: Ledger, clock: Clock) -> Iterator[Ledger]:
    """Another daemon's view of the same database."""
    made = Ledger(ledger.database.url, clock=clock)
    yield made
    made.close()


class TestTroubles:
    def test_begin_tell_end(self, ledger: Ledger, clock: Clock) -> None:
        assert ledger.alerts.begin(TROUBLE)
        (begun,) = ledger.alerts.standing()
        assert replace(begun, id=0) == TROUBLE
        clock.now += MINUTE
        assert ledger.alerts.tell(begun, at=clock.now, cause="credentials_rejected", document="[]", notices=(notice(),))
        (told,) = ledger.alerts.standing()
        assert (told.told, told.told_at, told.cause, told.document) == (1, NOW + MINUTE, "credentials_rejected", "[]")
        clock.now += MINUTE
        assert ledger.alerts.end(told, (notice("lane:alma@x#2"),))
        assert ledger.alerts.standing() == ()
        (ended,) = ledger.alerts.ended(NOW + 2 * MINUTE)
        assert ended.ended_at == NOW + 2 * MINUTE
        assert ledger.alerts.ended(NOW + 3 * MINUTE) == ()
        assert [each.key for each in ledger.alerts.unsent()] == ["lane:alma@x#1", "lane:alma@x#2"]

    def test_one_of_two_daemons_begins_tells_and_ends(self, ledger: Ledger, other: Ledger) -> None:
        assert ledger.alerts.begin(TROUBLE)
        assert not other.alerts.begin(TROUBLE)
        (begun,) = other.alerts.standing()
        assert other.alerts.tell(begun, at=NOW, cause="", document="{}", notices=(notice(),))
        assert not ledger.alerts.tell(begun, at=NOW, cause="", document="{}", notices=(notice(),))
        assert ledger.alerts.end(begun, (notice("over"),))
        assert not other.alerts.end(begun, (notice("over"),))
        assert not other.alerts.tell(replace(begun, told=1), at=NOW, cause="", document="{}", notices=(notice("late"),))
        assert [each.key for each in ledger.alerts.unsent()] == [notice().key, "over"]

    def test_after_its_end_the_same_may_begin_again(self, ledger: Ledger) -> None:
        ledger.alerts.begin(TROUBLE)
        (begun,) = ledger.alerts.standing()
        ledger.alerts.end(begun, ())
        assert ledger.alerts.begin(TROUBLE)
        assert ledger.alerts.standing()[0].id != begun.id


class TestDigests:
    def test_since_when_people_are_told_is_noted_once(self, ledger: Ledger, other: Ledger, clock: Clock) -> None:
        assert ledger.alerts.digested() == NOW
        clock.now += MINUTE
        assert other.alerts.digested() == NOW

    def test_one_of_two_daemons_makes_it(self, ledger: Ledger, other: Ledger) -> None:
        last = ledger.alerts.digested()
        digests = (notice("digest@x#1"), notice("digest@x#1", "webhook"), notice("digest@x#1", audience="main"))
        assert other.alerts.digest(LATER, digests, last=last)
        assert not ledger.alerts.digest(LATER, digests, last=last)
        assert ledger.alerts.digested() == LATER
        assert len(ledger.alerts.unsent()) == 3


class TestNotices:
    @pytest.fixture(autouse=True)
    def two(self, ledger: Ledger) -> None:
        ledger.alerts.digest(NOW, (notice("a"), notice("b", "webhook")), last=ledger.alerts.digested())

    def test_taken_by_one_until_patience_ends(self, ledger: Ledger, other: Ledger, clock: Clock) -> None:
        mine = ledger.alerts.take(["mail"], patience=MINUTE)
        assert mine is not None
        assert (mine.key, mine.document) == ("a", '{"title": "Über"}')
        assert other.alerts.take(["mail"], patience=MINUTE) is None
        clock.now += MINUTE
        assert other.alerts.take(["mail"], patience=MINUTE) == mine

    def test_sent_once(self, ledger: Ledger, clock: Clock) -> None:
        mine = ledger.alerts.take(["mail", "webhook"], patience=MINUTE)
        assert mine is not None
        ledger.alerts.sent(mine)
        clock.now += 2 * MINUTE
        assert [each.key for each in ledger.alerts.unsent()] == ["b"]
        assert ledger.alerts.take(["mail"], patience=MINUTE) is None

    def test_put_off_until_then(self, ledger: Ledger, clock: Clock) -> None:
        mine = ledger.alerts.take(["mail"], patience=MINUTE)
        assert mine is not None
        ledger.alerts.put_off(mine, until=NOW + 5 * MINUTE, problem="down")
        clock.now += 4 * MINUTE
        assert ledger.alerts.take(["mail"], patience=MINUTE) is None
        clock.now += MINUTE
        again = ledger.alerts.take(["mail"], patience=MINUTE)
        assert again is not None
        assert (again.tries, again.problem) == (1, "down")

    def test_dropped(self, ledger: Ledger, clock: Clock) -> None:
        mine = ledger.alerts.take(["mail"], patience=MINUTE)
        assert mine is not None
        ledger.alerts.drop(mine, "too old")
        clock.now += 2 * MINUTE
        assert ledger.alerts.take(["mail"], patience=MINUTE) is None

    def test_what_is_long_over_is_forgotten_and_what_is_not_sent_stays(self, ledger: Ledger, clock: Clock) -> None:
        mine = ledger.alerts.take(["mail"], patience=MINUTE)
        assert mine is not None
        ledger.alerts.sent(mine)
        for subject in ("lane:alma", "lane:koha"):
            ledger.alerts.begin(replace(TROUBLE, subject=subject))
        ledger.alerts.end(ledger.alerts.standing()[0], ())
        clock.now = LATER
        ledger.alerts.forget(NOW)
        assert len(ledger.alerts.ended(NOW)) == 1
        ledger.alerts.forget(LATER)
        assert ledger.alerts.ended(NOW) == ()
        assert [each.subject for each in ledger.alerts.standing()] == ["lane:koha"]
        assert [each.key for each in ledger.alerts.unsent()] == ["b"]
        with ledger.database.read() as connection:
            assert connection.exec_driver_sql("select count(*) from notice").scalar() == 1


class TestAccounts:
    def test_asked_once_a_day_by_one(self, ledger: Ledger, other: Ledger, clock: Clock) -> None:
        ledger.accounts.ensure("alma", ["B", "A"])
        other.accounts.ensure("alma", ["A", "B"])
        assert ledger.accounts.take("alma", next_at=LATER) == "A"
        assert other.accounts.take("alma", next_at=LATER) == "B"
        assert ledger.accounts.take("alma", next_at=LATER) is None
        assert ledger.accounts.take("koha", next_at=LATER) is None
        clock.now = LATER
        assert ledger.accounts.take("alma", next_at=LATER + MINUTE) == "A"

    def test_what_was_said_is_kept(self, ledger: Ledger) -> None:
        ledger.accounts.ensure("alma", ["A", "B", "C"])
        ledger.accounts.learned("alma", "A", expires=date(2026, 12, 1), problem="")
        ledger.accounts.learned("alma", "B", expires=None, problem="Blocked.")
        assert ledger.accounts.all() == (
            IllAccount("alma", "A", date(2026, 12, 1), "", NOW),
            IllAccount("alma", "B", None, "Blocked.", NOW),
        )

    def test_asked_again_sooner_where_the_ils_was_silent(self, ledger: Ledger, clock: Clock) -> None:
        ledger.accounts.ensure("alma", ["A"])
        ledger.accounts.take("alma", next_at=LATER)
        ledger.accounts.ask_again("alma", "A", at=NOW + MINUTE)
        clock.now += MINUTE
        assert ledger.accounts.take("alma", next_at=LATER) == "A"

    def test_an_account_no_longer_configured_is_forgotten(self, ledger: Ledger) -> None:
        ledger.accounts.ensure("alma", ["A", "B"])
        ledger.accounts.learned("alma", "A", expires=None, problem="Blocked.")
        ledger.accounts.ensure("alma", ["B"])
        assert ledger.accounts.all() == ()
        assert ledger.accounts.take("alma", next_at=LATER) == "B"
