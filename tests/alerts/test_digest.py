"""The daily digest: when it is due, and what it says. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bridge.alerts.digest import digest, digest_due
from bridge.alerts.facts import Facts, SourceFact
from bridge.alerts.model import Kind, notice_from, notice_text
from bridge.alerts.settings import DigestSettings, Weekday
from tests.alerts.situations import EVERYTHING, NOW, PAST, QUIET, RULES, SINCE, group

WHOLE = """Digest at 2026-11-25 07:00 (Europe/Berlin), since 2026-11-24 07:00.

Library branch
  No work begins: Paused by ann: move.
    Next: ill-bridge resume branch
  Nothing can be lent to account ILL-ABC in alma: The patron may not borrow: expired.

Library main
  No work begins: 50 temporary items were deleted within an hour.
    Next: ill-bridge resume main
  3 requests newly parked, item type, the latest at 2026-11-25 06:00:
    Alma does not know the item policy. Correct item_type.
      R1 (101), R2 (102), R3 (103)
    Next: ill-bridge requests --library main --cause item_type; when it is mended: ill-bridge resync --library main --cause item_type
  2 requests new for staff, the latest at 2026-11-25 06:00:
    Delete item ILL-7 by hand. Correct item_type.
      R7 (107)
    Waive the fee. Correct item_type.
      R8 (108)
    Next: ill-bridge requests --state staff --library main; when a task is done: ill-bridge resolve REQUEST --note "…"
  1 open request without news for more than 120 days: R9 (109, shipped, 2026-07-18)
    Next: ask the partner or look at the shelf; ill-bridge show REQUEST
  Account ILL-XYZ in alma expires on 2026-12-10 (in 15 days).
  Nothing can be lent to account ILL-ABC in alma: The patron may not borrow: expired.

Lanes
  alma: closed since 2026-11-25 05:00: Alma cannot be reached.
  alma: closed once in this time, 1 h 0 min in all; that is over
  koha: Paused by ann.

Sources
  changes: cannot be asked: Source changes does not answer.
  hook: silent since 2026-11-24 01:00, longer than usual

Messages not understood
  hook: 3 messages kept, 1 of them new
    Next: ill-bridge status; then: ill-bridge replay --source hook

Notes to services
  hook: 4 wait since 2026-11-25 05:00: hook did not take a note (HTTP 403).
  hook: 2 given up, the latest at 2026-11-25 06:00: hook did not take a note (HTTP 403).
    Next: ill-bridge notes; then: ill-bridge notes --retry hook
"""


class TestWords:
    def test_how_wide_a_cause_reaches_and_when_it_is_tried_again(self) -> None:
        wide = group(cause="unknown_patron", reach="all 3 are of partner ABC", again=3, next_try=NOW)
        older = replace(wide, fresh=0, again=1)
        told = digest(Facts(NOW, parked=(wide,)), RULES, since=SINCE).text
        assert "3 requests newly parked, unknown patron (all 3 are of partner ABC), the latest at " in told
        assert "    Tried again by itself at 2026-11-25 07:00.\n" in told
        told = digest(Facts(NOW, parked=(older,)), RULES, since=SINCE).text
        assert "3 requests still parked, unknown patron (all 3 are of partner ABC), none of them new: " in told
        assert "    1 of them: tried again by itself at 2026-11-25 07:00.\n" in told

    def test_loans_that_are_not_as_usual_are_counted_and_ask_nothing(self) -> None:
        counts = {("main", "lost"): 2, ("main", "overdue"): 3, ("main", "library use only"): 9, ("branch", "found"): 1}
        told = digest(Facts(NOW, conditions=counts), RULES, since=SINCE)
        said = "  Of the unfinished requests: 2 lost, 3 overdue; ill-bridge requests --library main --condition NAME"
        assert said in told.text
        assert "Library branch\n  Of the unfinished requests: 1 found;" in told.text
        assert told.text.endswith("Nothing needs attention.\n")
        assert (
            digest(Facts(NOW, conditions={("main", "library use only"): 1}), RULES, since=SINCE).text.count("main") == 0
        )

    def test_everything(self) -> None:
        told = digest(EVERYTHING, RULES, since=SINCE)
        assert told.text == WHOLE
        assert told.title == "Digest 2026-11-25: 18 things to see to"
        assert (told.kind, told.library) == (Kind.DIGEST, "")

    def test_a_librarys_own(self) -> None:
        told = digest(EVERYTHING, RULES, since=SINCE, library="main")
        assert told.text.startswith("Digest of main at ")
        assert "Library branch" not in told.text
        assert "Sources" not in told.text
        assert "koha" not in told.text, "another library's lane"
        assert "alma: closed since" in told.text
        assert {item.library for item in told.items} <= {"main", ""}

    def test_nothing_needs_attention_and_what_was_is_told_all_the_same(self) -> None:
        twice = (PAST, replace(PAST, began=NOW - timedelta(minutes=30), ended=NOW - timedelta(minutes=20)))
        lanes = (replace(EVERYTHING.lanes[0], closed_at=None, why=""),)
        told = digest(Facts(NOW, lanes=lanes, past=twice), RULES, since=SINCE)
        assert told.title == "Digest 2026-11-25: nothing needs attention"
        assert told.items == ()
        assert "alma: closed 2 times in this time, 1 h 10 min in all; that is over" in told.text
        assert told.text.endswith("Nothing needs attention.\n")

    def test_of_requests_parked_before_only_the_ids_are_told(self) -> None:
        old = group(30, fresh=0), group(1, fresh=0, staff=True, cause="staff")
        told = digest(Facts(NOW, parked=old), RULES, since=SINCE)
        assert "30 requests still parked, item type, none of them new: R1 (101)," in told.text
        assert "and 20 more" in told.text
        assert "1 request still waiting for staff, none of them new: R1 (101)" in told.text
        assert "does not know" not in told.text

    def test_a_source_that_never_spoke_is_told_though_it_may_be_new(self) -> None:
        told = digest(Facts(NOW, sources=(SourceFact("hook"),)), RULES, since=SINCE)
        assert "hook: has brought nothing yet" in told.text
        assert told.items == ()

    def test_some_are_new(self) -> None:
        told = digest(Facts(NOW, parked=(group(5, fresh=2),)), RULES, since=SINCE)
        assert "2 requests newly parked, item type, 3 from before, the latest" in told.text

    def test_many_without_news(self) -> None:
        quiet = tuple(replace(QUIET, name=f"R{number}") for number in range(12))
        told = digest(Facts(NOW, quiet=quiet, age_limits={"main": 120}), RULES, since=SINCE)
        assert "12 open requests without news" in told.text
        assert "and 2 more" in told.text
        assert len(told.items) == 12

    def test_what_is_stored_is_read_again(self) -> None:
        told = digest(EVERYTHING, RULES, since=SINCE)
        assert notice_from(notice_text(told)) == told


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BERLIN = DigestSettings(timezone="Europe/Berlin")
WORKDAYS = BERLIN.model_copy(update={"weekdays": tuple(Weekday)[:5]})
LONG_AGO = at("2026-11-01T00:00")


class TestWhen:
    @pytest.mark.parametrize(
        ("now", "last", "due"),
        [
            ("2026-11-25T05:59", "2026-11-24T06:00", None),
            ("2026-11-25T06:00", "2026-11-24T06:00", "2026-11-25T06:00"),
            ("2026-11-25T06:01", "2026-11-25T06:00", None),
            ("2026-11-25T05:59", "2026-11-23T06:00", "2026-11-24T06:00"),
            ("2026-11-25T23:30", "2026-11-24T06:00", "2026-11-25T06:00"),
            ("2026-11-25T12:00", "2026-11-25T11:00", None),
        ],
        ids=["before", "now", "sent", "missed", "late", "alerts began after it"],
    )
    def test_once_a_day(self, now: str, last: str, due: str | None) -> None:
        assert digest_due(BERLIN, at(now), at(last)) == (at(due) if due else None)

    def test_one_missed_for_more_than_a_day_is_not_sent(self) -> None:
        assert digest_due(WORKDAYS, at("2026-11-29T05:00"), LONG_AGO) is None

    def test_on_its_weekdays_only(self) -> None:
        assert digest_due(WORKDAYS, at("2026-11-27T07:00"), LONG_AGO) == at("2026-11-27T06:00")
        assert digest_due(WORKDAYS, at("2026-11-28T07:00"), at("2026-11-27T06:00")) is None
        assert digest_due(WORKDAYS, at("2026-11-30T07:00"), at("2026-11-27T06:00")) == at("2026-11-30T06:00")

    def test_the_clock_on_the_wall_counts_when_it_is_put_forward(self) -> None:
        spring = BERLIN.model_copy(update={"at": time(2, 30)})
        before, after = at("2026-03-28T01:30"), at("2026-03-29T01:30")
        assert digest_due(spring, after, before) == after
        assert digest_due(BERLIN, at("2026-03-29T05:00"), before) == at("2026-03-29T05:00")

    def test_not_at_all(self) -> None:
        assert digest_due(BERLIN.model_copy(update={"enabled": False}), NOW, LONG_AGO) is None
