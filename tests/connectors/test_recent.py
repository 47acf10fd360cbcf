"""Answers that may stand for a look a moment later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bridge.connectors.recent import Recent

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_an_answer_is_used_once_and_the_oldest_is_forgotten() -> None:
    seen: Recent[str] = Recent(lambda: NOW)
    for number in range(101):
        seen.keep(str(number), "answer")
    assert seen.take("0") is None
    assert seen.take("100") == "answer"
    assert seen.take("100") is None


def test_an_old_answer_is_no_look() -> None:
    moments = iter([NOW, NOW + timedelta(seconds=31)])
    seen: Recent[str] = Recent(lambda: next(moments))
    seen.keep("1", "answer")
    assert seen.take("1") is None
