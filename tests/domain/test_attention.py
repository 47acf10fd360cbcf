"""What needs attention: no patron in it, like cases alike, and when a silence is unusual."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.attention import (
    Concerned,
    common_advice,
    common_reason,
    concerned,
    in_sentences,
    longer_than_usual,
    reach_of,
    same_hours,
    without_patron,
)
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.domain.identity import RequestKey, Role
from bridge.domain.record import HoldRecord, ItemRecord, PatronRecord, Record
from bridge.domain.request import Request, fold

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY = RequestKey("main", "svc", Role.BORROWER, "REQ", "1")


def request(patron: str) -> Request:
    stamp = Stamp(0, NOW, Phase.RECEIVED.rank, "c1")
    return fold(Request(KEY), Change("c1", KEY, stamp, phase=Phase.RECEIVED, edits=Edits(patron_id=patron)))


def test_whom_and_what_a_request_is_about() -> None:
    made = Record(items=(ItemRecord("", "", barcode="ILL-1"),))
    assert concerned(request("P1001"), made) == Concerned(Role.BORROWER, "", "P1001", "ILL-1")
    assert concerned(request("P1001"), Record()) == Concerned(Role.BORROWER, "", "P1001", "")


class TestPatrons:
    def test_every_identifier_is_hidden_whoever_told_it(self) -> None:
        record = Record(
            PatronRecord("P1001", "21000000001001"), (ItemRecord("", "", holds=(HoldRecord("h", "jdoe", "MAIN"),)),)
        )
        said = "User P1001 (21000000001001, jdoe) is blocked; P10012 is not."
        assert without_patron(said, request("P1001"), record) == "User … (…, …) is blocked; P10012 is not."

    def test_where_none_is_known_nothing_is_hidden(self) -> None:
        assert without_patron("Blocked.", Request(KEY), Record()) == "Blocked."


LENT = Concerned(Role.LENDER, "ABC", "", "B1")
OPEN = {Role.LENDER: 40, Role.BORROWER: 60}


@pytest.mark.parametrize(
    ("looked_at", "count", "said"),
    [
        ([LENT], 1, ""),
        ([], 3, ""),
        ([LENT, LENT], 2, "all 2 are about item B1"),
        ([Concerned(Role.BORROWER, patron="p", barcode=each) for each in "12"], 2, "all 2 are of one patron"),
        ([replace(LENT, barcode=each) for each in "123"], 3, "all 3 are of partner ABC"),
        ([replace(LENT, barcode=each) for each in "123"], 30, "the latest 3 of 30 are of partner ABC"),
        ([replace(LENT, barcode=each) for each in "123"], 40, "every open lent loan of library main"),
        (
            [replace(LENT, partner=each, barcode=each) for each in "123"],
            3,
            "3 of 40 open lent loans of library main, of 3 partners",
        ),
        ([Concerned(Role.BORROWER), LENT], 2, "2 of 100 open requests of library main"),
        ([Concerned(Role.BORROWER), LENT], 100, "every open request of library main"),
        ([Concerned(Role.BORROWER), Concerned(Role.BORROWER)], 2, "2 of 60 open borrowed loans of library main"),
    ],
)
def test_how_wide_a_cause_reaches(looked_at: list[Concerned], count: int, said: str) -> None:
    assert reach_of("main", looked_at, count, OPEN) == said


@pytest.mark.parametrize(
    ("advice", "common"),
    [
        ("Correct the map. Then: ill-bridge resync R12.", "Correct the map."),
        ("Correct the map, then: ill-bridge retry R12.", "Correct the map."),
        ("When it is settled: ill-bridge resolve R7.", ""),
        ("Run: ill-bridge status.", "Run: ill-bridge status."),
    ],
)
def test_an_advice_is_common_without_its_request(advice: str, common: str) -> None:
    assert common_advice(advice) == common


def test_a_reason_is_common_without_its_tracking_id() -> None:
    assert common_reason("Refused. [tracking id E01-1234] (code 1)") == "Refused. (code 1)"


class TestSilence:
    def test_the_same_hours_are_a_week_apart(self) -> None:
        spans = same_hours(NOW - timedelta(hours=5), NOW, 2)
        assert spans == (
            (NOW - timedelta(days=7, hours=5), NOW - timedelta(days=7)),
            (NOW - timedelta(days=14, hours=5), NOW - timedelta(days=14)),
        )

    def test_spans_longer_than_a_week_do_not_meet(self) -> None:
        (first, second) = same_hours(NOW - timedelta(days=8), NOW, 2)
        assert first == (NOW - timedelta(days=22), NOW - timedelta(days=14))
        assert second[1] <= first[0]

    def test_now_itself_is_no_silence(self) -> None:
        assert same_hours(NOW, NOW, 1) == ((NOW - timedelta(days=7), NOW - timedelta(days=7)),)

    @pytest.mark.parametrize(
        ("counts", "unusual"),
        [
            ((), False),
            ((50,), False),
            ((10, 12), True),
            ((10, 9), False),
            ((0, 12, 30), True),
            ((0, 12, 0, 30), False),
            ((0, 10, 10, 10), True),
        ],
    )
    def test_the_poorest_of_three_weeks_or_more_is_left_out(self, counts: tuple[int, ...], unusual: bool) -> None:
        assert longer_than_usual(counts, 10) is unusual


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("It is not valid", "Correct it."), "It is not valid. Correct it."),
        (("Refused. (code 7)", "", "See why."), "Refused. (code 7). See why."),
        (("Staff are asked:", "Do it."), "Staff are asked: Do it."),
    ],
)
def test_what_an_ils_says_and_our_advice_are_sentences_of_their_own(parts: tuple[str, ...], text: str) -> None:
    assert in_sentences(*parts) == text
