"""Polled feeds over real HTTP: paging, overlap, mapping of fields, and what a service may answer instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request
from pydantic import SecretStr, ValidationError

from bridge.domain.arrival import ArrivalState
from bridge.domain.change import Condition, Phase
from bridge.domain.identity import Role
from bridge.errors import CredentialsRejected, RefusedInput, Rejected, Unavailable
from bridge.http import Exchange
from bridge.sandbox.server import Server
from bridge.sources.feed import FeedSettings, FeedSource
from bridge.sources.mapping import at_path
from bridge.sources.polled import Page
from tests.sources.messages import LIBRARIES, message

Answering = Callable[[], Any]


@dataclass
class Service:
    """A service whose answer a test decides."""

    answers: Answering = lambda: jsonify(changes=[])
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self) -> Any:
        self.asked.append(dict(request.args))
        self.headers.append(dict(request.headers))
        return self.answers()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    app = Flask("service")
    app.add_url_rule("/changes", view_func=made.answer)
    with Server(app) as server:
        made.url = server.url
        yield made


def feed_of(service: Service, **more: object) -> FeedSource:
    known: dict[str, object] = {"service": "svc", "library": "main", "url": f"{service.url}/changes"}
    settings = FeedSettings.model_validate({**known, **more})
    told: list[Exchange] = []
    return FeedSource("changes", settings, LIBRARIES, tell=told.append)


def polled(service: Service, cursor: str | None = None, **more: object) -> list[Page]:
    feed = feed_of(service, **more)
    try:
        return list(feed.poll(cursor))
    finally:
        feed.close()


def events(*times: str) -> list[dict[str, Any]]:
    return [message(id=f"e{place}", time=time) for place, time in enumerate(times)]


def test_the_cursor_is_the_newest_time_and_the_next_poll_reaches_back(service: Service) -> None:
    service.answers = lambda: jsonify(changes=events("2026-11-24T09:05:00Z", "2026-11-24T09:01:00Z"))
    (page,) = polled(service)
    assert page.cursor == "2026-11-24T09:05:00+00:00"
    assert [arrival.key for arrival in page.arrivals] == ["e0", "e1"]
    assert "since" not in service.asked[0]
    polled(service, page.cursor, overlap_seconds=60)
    assert service.asked[1]["since"] == "2026-11-24T09:04:00+00:00"


def test_without_news_the_cursor_stays(service: Service) -> None:
    (page,) = polled(service, "2026-11-24T09:05:00+00:00")
    assert page.cursor == "2026-11-24T09:05:00+00:00"
    (page,) = polled(service)
    assert page.cursor == ""


def test_pages_by_number_and_the_cursor_only_moves_with_the_last(service: Service) -> None:
    def answers() -> Response:
        page = int(request.args.get("page", 1))
        times = ["2026-11-24T09:05:00Z"] if page == 1 else ["2026-11-24T09:01:00Z"]
        return jsonify(changes=events(*times), next_page=page + 1 if page < 3 else None)

    service.answers = answers
    pages = polled(service)
    assert [page.cursor for page in pages] == ["", "", "2026-11-24T09:05:00+00:00"]
    assert [asked.get("page") for asked in service.asked] == [None, "2", "3"]


def test_pages_by_address(service: Service) -> None:
    def answers() -> Response:
        following = f"{service.url}/changes?after=1" if not request.args else None
        return jsonify(changes=events("2026-11-24T09:00:00Z"), next_page=following)

    service.answers = answers
    assert len(polled(service)) == 2
    assert service.asked[1] == {"after": "1"}


def test_a_next_page_on_another_host_is_not_followed(service: Service) -> None:
    service.answers = lambda: jsonify(changes=[], next_page="https://evil.example/changes")
    with pytest.raises(RefusedInput, match=r"evil\.example"):
        polled(service)


def test_no_more_pages_than_allowed_and_what_comes_oldest_first_is_read_on(service: Service) -> None:
    times = iter(["2026-11-24T09:00:00Z", "2026-11-24T09:10:00Z", "2026-11-24T09:10:00Z", "2026-11-24T08:00:00Z"])
    service.answers = lambda: jsonify(changes=events(next(times)), next_page=2)
    pages = polled(service, max_pages=2)
    assert [len(page.arrivals) for page in pages] == [1, 1, 0]
    assert pages[-1].cursor == "2026-11-24T09:10:00+00:00"
    with pytest.raises(Rejected, match="goes on behind 2 pages"):
        polled(service, pages[-1].cursor, max_pages=2)


@pytest.mark.parametrize("time", ["2026-11-24T09:00:00Z", "never"])
def test_a_list_whose_end_would_never_be_reached_is_told(service: Service, time: str) -> None:
    """Were the cursor moved all the same, each poll would read the same pages, and nothing behind them."""
    service.answers = lambda: jsonify(changes=events(time), next_page=2)
    for cursor in (None, "2026-11-24T09:00:00+00:00"):
        with pytest.raises(Rejected, match="nearly the same"):
            polled(service, cursor, max_pages=2)


def test_one_page_where_there_is_no_paging(service: Service) -> None:
    service.answers = lambda: jsonify(changes=[], next_page=2)
    assert len(polled(service, page_parameter="")) == 1


def test_the_list_may_be_the_answer(service: Service) -> None:
    service.answers = lambda: jsonify(events("2026-11-24T09:00:00Z"))
    (page,) = polled(service, items_path="", next_path="next")
    assert len(page.arrivals) == 1


def test_where_the_first_poll_begins(service: Service) -> None:
    polled(service, start="2026-01-01T00:00:00", timezone="Europe/Berlin", since_format="epoch")
    polled(service, start="2026-01-01T00:00:00Z", since_format="epoch_ms", since_parameter="from")
    assert service.asked[0]["since"] == str(int(datetime(2025, 12, 31, 23, tzinfo=UTC).timestamp()))
    assert service.asked[1]["from"] == str(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000)


def test_parameters_of_address_and_configuration_are_sent(service: Service) -> None:
    feed = feed_of(service, url=f"{service.url}/changes?kind=ill", parameters={"limit": "5"})
    list(feed.poll(None))
    assert service.asked[0] == {"kind": "ill", "limit": "5"}


def test_every_way_to_show_who_we_are(service: Service) -> None:
    polled(service, token="t-1")
    polled(service, token="t-2", token_header="X-Api-Key")
    polled(service, user="u", password="p")
    polled(service)
    sent = [headers.get("Authorization") for headers in service.headers]
    assert sent == ["Bearer t-1", None, "Basic dTpw", None]
    assert service.headers[1]["X-Api-Key"] == "t-2"


def test_foreign_fields_are_mapped_by_configuration(service: Service) -> None:
    theirs = {
        "requestId": 4711,
        "state": {"name": "In transit to us"},
        "changed": "2026-11-24T09:00:00Z",
        "patron": {"card": 21000},
        "loan": {"due": "2027-01-15"},
        "bib": [{"title": "T"}],
        "cost": None,
        "late": True,
        "missing": "false",
        "pickup": None,
    }
    service.answers = lambda: jsonify(data={"rows": [theirs]})
    (page,) = polled(
        service,
        items_path="data.rows",
        key="{request.number}/{status}/{time}/{nothing.here}",
        words={"in transit to us": {"phase": "shipped"}},
        fields={
            "request.number": "requestId",
            "status": "state.name",
            "time": "changed",
            "role": "=borrower",
            "patron.id": "patron.card",
            "due_date": "loan.due",
            "item.title": "bib.0.title",
            "item.barcode": "bib.7.barcode",
            "fee.amount": "cost",
            "conditions.overdue": "late",
            "conditions.lost": "missing",
            "conditions.found": "pickup",
            "pickup_location": "pickup",
            "item.author": "pickup",
        },
    )
    (arrival,) = page.arrivals
    assert arrival.problem == ""
    (change,) = arrival.changes
    assert change.key == "4711/In transit to us/2026-11-24T09:00:00Z/"
    assert (change.request.number, change.request.role, change.phase) == ("4711", Role.BORROWER, Phase.SHIPPED)
    assert (change.edits.patron_id, change.edits.title) == ("21000", "T")
    assert change.edits.fee is None
    assert (change.raised, change.cleared) == ((Condition.OVERDUE,), ())
    assert change.edits.pickup_location is None


def test_a_kept_change_is_mapped_again(service: Service) -> None:
    feed = feed_of(service, fields={"request.number": "nr"})
    text = '{"id": "e1", "time": "2026-11-24T09:00:00Z", "role": "borrower", "nr": "9", "status": "Received"}'
    assert feed.replayed(text).changes[0].request.number == "9"
    assert feed.replayed("{").state is ArrivalState.MALFORMED


def test_what_is_no_change_is_kept(service: Service) -> None:
    service.answers = lambda: jsonify(changes=["nonsense", message(), {"id": 3}])
    (page,) = polled(service)
    assert [arrival.state for arrival in page.arrivals] == [
        ArrivalState.MALFORMED,
        ArrivalState.FOLDED,
        ArrivalState.MALFORMED,
    ]


ANSWERS: list[tuple[Answering, type[Exception]]] = [
    (lambda: Response("no", status=401), CredentialsRejected),
    (lambda: Response("no", status=403), CredentialsRejected),
    (lambda: Response("gone", status=404), Rejected),
    (lambda: Response("oops", status=500), Unavailable),
    (lambda: Response("<html>"), RefusedInput),
    (lambda: jsonify(other=[]), RefusedInput),
    (lambda: jsonify(changes={}), RefusedInput),
    (lambda: Response("[" * 100_000), RefusedInput),
]


@pytest.mark.parametrize(("answers", "error"), ANSWERS)
def test_what_a_service_may_answer_instead(service: Service, answers: Answering, error: type[Exception]) -> None:
    service.answers = answers
    with pytest.raises(error, match="changes"):
        polled(service)


def test_settings_say_what_is_wrong() -> None:
    with pytest.raises(ValidationError, match="begins with https"):
        FeedSettings(service="x", url="ill.example/changes")
    with pytest.raises(ValidationError, match="there is no field nummer"):
        FeedSettings(service="x", url="https://ill.example/c", fields={"nummer": "n"})
    assert FeedSettings(service="x", url="https://ill.example/c", token=SecretStr("t")).token


def test_paths() -> None:
    assert at_path({"a": [{"b": 1}]}, "a.0.b") == 1
    assert at_path({"a": [{"b": 1}]}, "a.1.b") is None
    assert at_path({"a": 1}, "a.b") is None
