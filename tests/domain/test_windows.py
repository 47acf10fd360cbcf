"""Maintenance windows: over midnight, through both changes of the clock, joined, and without end."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.domain.windows import Window, maintenance, never_ends

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAYS = Window(time(22), time(4), BERLIN, frozenset({6}), "release")
NIGHTLY = Window(time(2), time(2, 30), BERLIN)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        (SUNDAYS, "2026-11-29 21:59", None),
        (SUNDAYS, "2026-11-29 22:00", "2026-11-30 04:00"),
        (SUNDAYS, "2026-11-30 03:59", "2026-11-30 04:00"),
        (SUNDAYS, "2026-11-30 04:00", None),
        (SUNDAYS, "2026-11-30 23:00", None),
        (NIGHTLY, "2026-11-30 02:10", "2026-11-30 02:30"),
        (NIGHTLY, "2026-11-30 12:00", None),
        (SUNDAYS, "2026-03-29 23:00", "2026-03-30 04:00"),
    ],
)
def test_by_the_clock_on_the_wall(window: Window, now: str, until: str | None) -> None:
    assert window.end_at(berlin(now)) == (berlin(until) if until else None)


def test_an_hour_that_comes_twice_belongs_to_it_whole() -> None:
    began = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert NIGHTLY.end_at(began) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "02:30 the second time"


def test_an_hour_that_is_left_out_is_no_window_turned_round() -> None:
    found = NIGHTLY.end_at(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert found == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_the_next_start_is_told() -> None:
    assert SUNDAYS.next_start(berlin("2026-11-29 22:00")) == berlin("2026-12-06 22:00")
    assert NIGHTLY.next_start(berlin("2026-11-29 01:00")) == berlin("2026-11-29 02:00")


def test_windows_that_meet_are_one() -> None:
    then = Window(time(4), time(5), BERLIN, why="backup")
    found = maintenance([SUNDAYS, then], berlin("2026-11-29 23:00"))
    assert found is not None
    assert (found.until, found.why) == (berlin("2026-11-30 05:00"), "release")
    assert maintenance([SUNDAYS, then], berlin("2026-11-30 05:00")) is None
    assert maintenance([], berlin("2026-11-30 05:00")) is None


def test_what_leaves_no_time_for_work_is_known() -> None:
    now = berlin("2026-11-29 12:00")
    always = Window(time(0), time(0), BERLIN)
    halves = [Window(time(6), time(18), BERLIN), Window(time(18), time(6), BERLIN)]
    assert never_ends([always], now)
    assert never_ends(halves, now)
    assert not never_ends(halves[:1], now)
    assert not never_ends([], now)
    found = maintenance([always], now)
    assert found is not None
    assert found.until - now >= timedelta(days=7)
