"""What a cause means: which command goes on, and when it is tried again by itself."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.domain.parking import CAUSES, Nights, advice_for

BERLIN = Nights(time(2, 30), ZoneInfo("Europe/Berlin"), {"main": 14, "never": 0})
PARKED = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cause", "advice", "said"),
    [
        (
            "unknown_patron",
            "Correct the patron id in the request.",
            "Correct the patron id in the request, then: ill-bridge retry R12.",
        ),
        ("on_loan", "", "See in the ILS what stands in its way, then: ill-bridge resync R12."),
        ("of a stranger", "", "Find out why, then: ill-bridge resync R12."),
    ],
)
def test_an_advice_ends_with_the_command_that_goes_on(cause: str, advice: str, said: str) -> None:
    assert advice_for(cause, advice, "R12") == said


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_every_cause_has_an_advice_that_is_one_sentence(cause: str) -> None:
    said = advice_for(cause, "", "R1")
    assert said.count(".") <= 2
    assert said.endswith(f", then: ill-bridge {CAUSES[cause].mend} R1.")


class TestNights:
    @pytest.mark.parametrize(
        ("now", "then"),
        [
            (PARKED, datetime(2026, 11, 25, 1, 30, tzinfo=UTC)),
            (datetime(2026, 11, 25, 1, 29, tzinfo=UTC), datetime(2026, 11, 25, 1, 30, tzinfo=UTC)),
            (datetime(2026, 11, 25, 1, 30, tzinfo=UTC), datetime(2026, 11, 26, 1, 30, tzinfo=UTC)),
        ],
    )
    def test_the_next_night_is_told_by_the_clock_on_the_wall(self, now: datetime, then: datetime) -> None:
        assert BERLIN.next_try("main", "unknown_patron", since=PARKED, now=now) == then

    def test_summer_begins_and_each_night_comes_once(self) -> None:
        now = datetime(2027, 3, 26, 12, tzinfo=UTC)
        found: list[datetime] = []
        for _ in range(4):
            then = BERLIN.next_try("main", "unknown_patron", since=now, now=found[-1] if found else now)
            assert then is not None
            found.append(then)
        assert [f"{each:%d %H:%M}" for each in found] == ["27 01:30", "28 01:30", "29 00:30", "30 00:30"]

    def test_after_the_last_day_it_is_not_tried_any_more(self) -> None:
        last = PARKED + timedelta(days=14)
        assert BERLIN.next_try("main", "unknown_patron", since=PARKED, now=last - timedelta(days=1)) is not None
        assert BERLIN.next_try("main", "unknown_patron", since=PARKED, now=last) is None

    @pytest.mark.parametrize(("library", "cause"), [("never", "on_loan"), ("other", "on_loan"), ("main", "item_type")])
    def test_what_time_does_not_heal_waits_for_people(self, library: str, cause: str) -> None:
        assert BERLIN.next_try(library, cause, since=PARKED, now=PARKED) is None
