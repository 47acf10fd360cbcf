"""What is told at once, how it reads, and when it is told, told again and told to be over. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.alerts.episodes import Told, notice_due, notice_over
from bridge.alerts.facts import Facts
from bridge.alerts.model import Kind, Stage, Trouble, trouble_from, trouble_text
from bridge.alerts.settings import AlertSettings
from bridge.alerts.troubles import troubles
from bridge.domain.arrival import POLL_FAULT
from tests.alerts.situations import (
    CLOSED,
    EVERYTHING,
    EXPIRED,
    EXPIRING,
    FAILING,
    FINE,
    HELD,
    HOUR,
    KEPT,
    MINUTE,
    NOW,
    REFUSED,
    RULES,
    SILENT,
    STOPPED,
    UNTOLD,
    group,
    parked,
)


def only(rules: AlertSettings = RULES, **facts: object) -> Trouble:
    (found,) = troubles(Facts(NOW, **facts), rules)  # type: ignore[arg-type]
    return found


class TestWhatIsTold:
    def test_each_trouble_has_a_subject_of_its_own(self) -> None:
        assert [trouble.subject for trouble in troubles(EVERYTHING, RULES)] == [
            "lane:alma",
            "source:changes",
            "silence:hook",
            "quota:main",
            "parked:main:parked:item_type",
            "kept:hook",
            "notes:hook",
            "notes given up:hook",
            "account:main:account_expires",
            "account::account_unusable",
        ]

    def test_all_is_well(self) -> None:
        assert troubles(Facts(NOW, accounts=(FINE,), stops=(HELD,)), RULES) == ()

    def test_a_closed_lane_with_its_time_in_the_readers_zone(self) -> None:
        told = only(lanes=(CLOSED,))
        assert told.title == "Lane alma is closed"
        assert told.lines[0] == "No work is done in alma since 2026-11-25 05:00: Alma cannot be reached."
        assert told.lines[-1] == "Next: ill-bridge status"
        assert not told.at_once

    def test_credentials_are_told_at_once(self) -> None:
        told = only(lanes=(REFUSED,))
        assert told.title == "alma does not accept our credentials"
        assert told.at_once

    def test_a_feed_that_fails(self) -> None:
        assert "Polls of changes fail: Source changes does not answer." in only(sources=(FAILING,)).lines

    def test_a_feed_on_which_the_bridge_itself_fails_is_reported_and_no_fault_of_the_service(self) -> None:
        said = " ".join(only(sources=(replace(FAILING, problem=POLL_FAULT),)).lines)
        assert POLL_FAULT in said
        assert "See to the service" not in said

    def test_a_source_that_is_silent_with_what_is_usual(self) -> None:
        told = only(sources=(SILENT,))
        assert told.lines[0] == "Nothing has come from hook since 2026-11-24 01:00 (1 day 6 h)."
        assert told.lines[1] == "The same hours of the past weeks brought 41, 38, 44, 40 messages."

    def test_a_library_over_its_quota(self) -> None:
        told = only(stops=(STOPPED,))
        assert (told.library, told.at_once) == ("main", True)
        assert told.lines[-1].endswith("ill-bridge resume main")

    def test_five_hundred_parked_requests_are_one_trouble_of_few_lines(self) -> None:
        told = only(parked=(group(500),))
        assert told.title == "500 requests of main parked: item type"
        assert len(told.lines) < 10
        text = "\n".join(told.lines)
        assert "R1 (101), R2 (102)" in text
        assert "and 490 more" in text
        assert "Alma does not know the item policy. Correct item_type." in text
        assert "ill-bridge resync --library main --cause item_type" in text
        assert len(told.items) == 21
        assert told.items[-1].count == 480

    def test_different_reasons_of_one_cause_stand_apart(self) -> None:
        newest = tuple(parked(number, f"Reason {number}.") for number in range(1, 8))
        text = "\n".join(only(parked=(group(9, newest=newest),)).lines)
        assert "Reason 5. Correct item_type.\n    R5 (105)" in text
        assert "Reason 6" not in text
        assert "and 4 more requests" in text

    def test_a_cause_of_one_patron_is_told_when_it_meets_many(self) -> None:
        few, many = group(9, cause="unknown_patron"), group(10, cause="unknown_patron")
        assert troubles(Facts(NOW, parked=(few, replace(many, fresh=9))), RULES) == ()
        assert only(parked=(many,)).cause == "unknown_patron"

    def test_work_of_staff_is_no_trouble(self) -> None:
        assert troubles(Facts(NOW, parked=(group(40, staff=True, cause="staff"),)), RULES) == ()

    def test_work_of_staff_is_told_at_once_where_that_is_wanted(self) -> None:
        rules = RULES.model_copy(update={"parked_causes": ("staff",)})
        told = only(rules, parked=(group(1, staff=True, cause="staff"),))
        assert told.title == "1 request of main parked: waits for staff"
        assert "ill-bridge resolve REQUEST" in told.lines[-1]

    def test_messages_not_understood_without_their_content(self) -> None:
        told = only(kept=(KEPT,))
        assert told.title == "3 messages of hook not understood"
        assert told.newest == KEPT.latest
        assert "ill-bridge replay --source hook" in told.lines[-1]

    def test_a_service_that_takes_no_notes_and_what_was_given_up(self) -> None:
        waits, given_up = troubles(Facts(NOW, notes=(UNTOLD,)), RULES)
        assert (waits.title, waits.lasting, waits.over) == ("hook takes no notes", True, "hook takes notes again")
        assert waits.lines[0] == "4 notes to hook since 2026-11-25 05:00: hook did not take a note (HTTP 403)."
        assert (given_up.title, given_up.newest) == ("2 notes to hook given up", UNTOLD.last_given_up)
        assert given_up.lines[-1].endswith("ill-bridge notes --retry hook")
        assert {waits.kind, given_up.kind} == {Kind.NOTES}
        assert troubles(Facts(NOW, notes=(replace(UNTOLD, oldest=NOW - HOUR, given_up=0),)), RULES) == ()

    def test_an_account_that_expires_soon(self) -> None:
        told = only(accounts=(EXPIRING, FINE))
        assert told.title == "1 ILL account of main will expire soon"
        assert told.lines[0] == "Account ILL-XYZ in alma expires on 2026-12-10 (in 15 days)."
        assert told.library == "main"

    def test_accounts_that_expire_together_are_one_trouble(self) -> None:
        many = tuple(replace(EXPIRING, account=replace(EXPIRING.account, name=f"ILL-{number}")) for number in range(50))
        told = only(accounts=many)
        assert told.title == "50 ILL accounts of main will expire soon"
        assert told.lines[-2] == "and 30 more accounts"
        assert len(told.lines) == 22
        assert len(told.items) == len(told.members) == 50

    def test_an_account_that_cannot_be_lent_to_and_is_no_single_librarys(self) -> None:
        told = only(accounts=(EXPIRED,))
        assert told.title == "1 ILL account cannot be lent to"
        assert told.lines[0] == "Nothing can be lent to account ILL-ABC in alma: The patron may not borrow: expired."
        assert told.library == ""

    def test_what_is_stored_is_read_again(self) -> None:
        for trouble in troubles(EVERYTHING, RULES):
            assert trouble_from(trouble_text(trouble)) == trouble


LANE = only(lanes=(CLOSED,))
PARKED = only(parked=(group(),))
MANY = Kind.PARKED


def stage(trouble: Trouble, past: Told, rules: AlertSettings = RULES) -> Stage | None:
    found = notice_due(trouble, past, NOW, rules)
    return found.stage if found else None


class TestWhenItIsTold:
    def test_a_hiccup_is_not_told(self) -> None:
        assert stage(LANE, Told(NOW - 4 * MINUTE)) is None
        assert stage(LANE, Told(NOW - 5 * MINUTE)) is Stage.NEW

    def test_rejected_credentials_are_told_at_once(self) -> None:
        assert stage(only(lanes=(REFUSED,)), Told(NOW)) is Stage.NEW

    def test_a_kind_that_is_not_immediate_waits_for_the_digest(self) -> None:
        rules = RULES.model_copy(update={"immediate": (Kind.QUOTA_STOP,)})
        assert stage(LANE, Told(NOW - HOUR), rules) is None

    def test_what_stands_is_told_again_once_a_day(self) -> None:
        past = Told(NOW - 30 * HOUR, NOW - 23 * HOUR, "unavailable")
        assert stage(LANE, past) is None
        again = notice_due(LANE, replace(past, told_at=NOW - 24 * HOUR), NOW, RULES)
        assert again is not None
        assert (again.stage, again.title) == (Stage.STANDS, "Lane alma is closed (still)")

    def test_or_never(self) -> None:
        rules = RULES.model_copy(update={"repeat_hours": 0})
        assert stage(LANE, Told(NOW - 900 * HOUR, NOW - 800 * HOUR, "unavailable"), rules) is None

    def test_what_becomes_worse_is_told_at_once(self) -> None:
        worse = notice_due(only(lanes=(REFUSED,)), Told(NOW - HOUR, NOW - MINUTE, "unavailable"), NOW, RULES)
        assert worse is not None
        assert worse.title == "alma does not accept our credentials"

    def test_what_has_grown_is_told_after_the_quiet_time_only(self) -> None:
        grown = replace(PARKED, newest=NOW)
        assert stage(grown, Told(NOW - 2 * HOUR, NOW - 59 * MINUTE, "item_type")) is None
        assert stage(grown, Told(NOW - 2 * HOUR, NOW - 60 * MINUTE, "item_type")) is Stage.STANDS

    def test_what_has_not_grown_is_never_told_again(self) -> None:
        assert stage(PARKED, Told(NOW - 99 * HOUR, NOW - 98 * HOUR + 97 * HOUR, "item_type")) is None

    def test_one_account_more_is_told_and_one_less_is_not(self) -> None:
        told = only(accounts=(EXPIRING,))
        past = Told(NOW - 30 * HOUR, NOW - 29 * HOUR, members=told.members)
        assert stage(told, past) is None
        assert stage(told, replace(past, members=("alma/ILL-OLD", *told.members))) is None
        assert stage(told, replace(past, members=("alma/ILL-OLD",))) is Stage.STANDS

    def test_a_lane_that_flaps_is_quiet_for_a_while(self) -> None:
        assert stage(LANE, Told(NOW - HOUR, earlier=NOW - 59 * MINUTE)) is None
        assert stage(LANE, Told(NOW - HOUR, earlier=NOW - 60 * MINUTE)) is Stage.NEW

    def test_the_end_is_told_to_those_who_know_of_it(self) -> None:
        assert notice_over(LANE, Told(NOW - 2 * HOUR), NOW) is None
        over = notice_over(LANE, Told(NOW - 2 * HOUR, NOW - HOUR), NOW)
        assert over is not None
        assert (over.stage, over.title) == (Stage.OVER, "Lane alma is open again")
        assert over.lines == ("Lane alma is open again, after 2 h 0 min. The work that waited goes on by itself.",)

    def test_the_end_of_parked_requests_is_not(self) -> None:
        assert notice_over(PARKED, Told(NOW - 2 * HOUR, NOW - HOUR), NOW) is None


@pytest.mark.parametrize("trouble", troubles(EVERYTHING, RULES), ids=lambda trouble: trouble.subject)
def test_every_trouble_says_what_to_do_next(trouble: Trouble) -> None:
    assert any(line.startswith("Next: ") for line in trouble.lines)
    assert timedelta(0) <= NOW - (trouble.since or NOW)
