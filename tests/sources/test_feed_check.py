"""A feed that is asked whether all is well: one question, nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Response, jsonify
from pydantic import ValidationError

from bridge.domain.finding import Finding, Level
from bridge.sources.base import System
from bridge.sources.feed import FeedSettings
from tests.sources.messages import message
from tests.sources.test_feed import Service, feed_of, service

__all__ = ["service"]


def checked(service: Service, *, off: float = 0, limit: float = 300, **more: object) -> dict[str, Finding]:
    feed = feed_of(service, **more)
    try:
        clock = lambda: datetime.now(UTC) + timedelta(seconds=off)  # noqa: E731
        return {finding.subject: finding for finding in feed.check(clock, limit=timedelta(seconds=limit))}
    finally:
        feed.close()


def test_a_feed_that_is_well(service: Service) -> None:
    service.answers = lambda: jsonify(changes=[message(), message(id="e2")])
    found = checked(service)
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert found["Changes"].text == "2 of 2 changes of the first page would be understood."
    assert len(service.asked) == 1


def test_it_asks_for_the_last_days_and_not_before_the_start(service: Service) -> None:
    checked(service)
    since = datetime.fromisoformat(service.asked[0]["since"])
    assert timedelta(days=6, hours=23) < datetime.now(UTC) - since < timedelta(days=7, hours=1)
    start = datetime.now(UTC) - timedelta(hours=3)
    checked(service, start=start.isoformat())
    assert datetime.fromisoformat(service.asked[1]["since"]) == start
    checked(service, start="2020-01-01T00:00:00Z")
    assert datetime.fromisoformat(service.asked[2]["since"]).year > 2020


def test_an_empty_list_tells_little(service: Service) -> None:
    assert "no change could be tried" in checked(service)["Changes"].text


@pytest.mark.parametrize(("statuses", "level"), [(("Received", "Odd"), "warning"), (("Odd", "Odd"), "failed")])
def test_changes_that_would_not_be_understood(service: Service, statuses: tuple[str, str], level: str) -> None:
    changes = [message(id=f"e{place}", status=status) for place, status in enumerate(statuses)]
    service.answers = lambda: jsonify(changes=changes)
    finding = checked(service)["Changes"]
    assert finding.level == level
    assert "The word 'Odd'" in finding.text
    assert finding.advice


@pytest.mark.parametrize(
    ("answer", "subject", "text"),
    [
        (lambda: Response("no", 401), "Credentials", "does not accept our credentials"),
        (lambda: Response("", 503), "Address", "does not answer as it should"),
        (lambda: Response("key t0ps3cret is odd", 404), "Address", "key … is odd"),
        (lambda: Response("<html>"), "Changes", "not JSON"),
        (lambda: jsonify(rows=[]), "Changes", "there is no list at 'changes'"),
    ],
)
def test_what_goes_wrong(service: Service, answer: Callable[[], Response], subject: str, text: str) -> None:
    service.answers = answer
    finding = checked(service, token="t0ps3cret", read_timeout=5)[subject]
    assert finding.level is Level.FAILED
    assert text in finding.text
    assert finding.advice
    assert "t0ps3cret" not in finding.text


def test_a_feed_that_is_not_there() -> None:
    finding = checked(Service(url="http://127.0.0.1:9"))["Address"]
    assert finding.level is Level.FAILED
    assert "cannot be reached" in finding.text


def test_the_clock(service: Service) -> None:
    assert checked(service, off=200)["Clock"].level is Level.WARNING
    assert checked(service, off=200, limit=100)["Clock"].level is Level.FAILED


def test_an_answer_out_of_a_cache_tells_no_time(service: Service) -> None:
    service.answers = lambda: Response('{"changes": []}', headers={"Age": "7200"})
    assert checked(service, off=7200)["Clock"].level is Level.OK


def test_who_circulates() -> None:
    def settings(**more: object) -> FeedSettings:
        return FeedSettings.model_validate({"service": "s", "url": "https://s.example", **more})

    assert settings().circulates("main") is None
    assert settings(circulation_by_service=True).circulates("main")
    some = settings(circulation_by_service=["branch"], system="reshare")
    assert (some.circulates("main"), some.circulates("branch"), some.system) == (False, True, System.RESHARE)
    with pytest.raises(ValidationError, match="system"):
        settings(system="nobody")
