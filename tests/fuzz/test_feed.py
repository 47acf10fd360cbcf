"""Polled feeds: whatever a service answers, what was understood is taken, the rest is kept or told, and the next poll goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.jobs.poll import PollJob
from bridge.ledger import Ledger
from bridge.sandbox.server import Server
from bridge.sources.feed import FeedSettings, FeedSource
from bridge.sources.marks import Marks
from tests.databases import migrate
from tests.fuzz.nonsense import DATES, JSON, RAW, SCALARS, TEXTS, amounts
from tests.sources.messages import LIBRARIES, message

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@dataclass
class Service:
    """Answers what a test tells it to."""

    answers: list[Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Flask:
        app = Flask("service")

        @app.route("/changes")
        def changes() -> Response:
            self.asked.append(request.args.get("since", ""))
            return self.answers.pop(0) if self.answers else page([])

        return app


def page(changes: Any, **more: Any) -> Response:
    return Response(json.dumps({"changes": changes, **more}), mimetype="application/json")


@dataclass
class Poll:
    """A feed with its ledger; its settings map every kind of thing."""

    service: Service
    ledger: Ledger
    job: PollJob
    feed: FeedSource

    def run(self, *answers: Response) -> None:
        self.service.answers = list(answers)
        self.job.run()

    def goes_on(self) -> None:
        """The next poll takes what is right."""
        number = str(len(self.service.asked))
        self.run(page([message(id=f"good{number}", request={"number": f"good{number}", "requester": "A"})]))
        assert self.ledger.requests.find(f"good{number}"), self.ledger.inbox.sources()
        assert [problem for _, _, problem, _ in self.ledger.inbox.sources()] == [""]


@pytest.fixture
def poll(tmp_path: Path) -> Iterator[Poll]:
    service = Service()
    ledger = Ledger(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"), clock=lambda: NOW)
    with Server(service.app()) as server:
        known = FeedSettings(
            service="svc",
            library="main",
            url=f"{server.url}/changes",
            timezone="Europe/Berlin",
            key="{request.number}/{status}/{time}/{volumes.0.id}",
            fields={"item.title": "item.titles.0"},
            max_pages=5,
        )
        feed = FeedSource("feed", known, LIBRARIES, tell=lambda _: None, clock=lambda: NOW)
        job = PollJob("feed", feed, ledger, lambda _: "alma", taken=lambda: None)
        yield Poll(service, ledger, job, feed)
        feed.close()
    ledger.close()


@amounts
def test_any_page_ends_the_poll_and_the_next_one_goes_on(poll: Poll, amount: settings) -> None:
    @given(RAW, st.sampled_from([200, 200, 204, 400, 404, 418]))
    def holds(raw: bytes, status: int) -> None:
        poll.run(Response(raw, status))

    amount(holds)()
    poll.goes_on()


CHANGES = st.one_of(
    JSON,
    st.builds(
        lambda odd: {**message(id=...), **odd},
        st.dictionaries(
            st.sampled_from(
                ["id", "time", "status", "request", "volumes", "item", "fee", "patron", "due_date", "role"]
            ),
            st.one_of(
                SCALARS, DATES, JSON, st.fixed_dictionaries({"number": TEXTS}), st.fixed_dictionaries({"titles": JSON})
            ),
            max_size=3,
        ),
    ),
)


@amounts
def test_any_changes_are_taken_or_kept_each_on_its_own(poll: Poll, amount: settings) -> None:
    good = message(id="g", request={"number": "1001", "requester": "A"})

    @given(st.lists(CHANGES, max_size=4), st.one_of(st.none(), SCALARS, st.just("http://["), st.just("http://other/x")))
    def holds(changes: list[Any], following: Any) -> None:
        poll.run(page([*changes, good], next_page=following))

    amount(holds)()
    assert poll.ledger.requests.find("1001"), "the change beside them was taken"
    for kept in poll.ledger.inbox.kept():
        assert kept.problem
        assert poll.feed.replayed(kept.body).state is kept.state
    poll.goes_on()


@pytest.mark.parametrize("depth", [300, 700, 850, 900, 940, 970, 985, 995])
def test_a_change_that_is_nested_deeply_is_in_no_others_way(poll: Poll, depth: int) -> None:
    deep = b'{"id": "deep", "x": ' + b"[" * depth + b"]" * depth + b"}"
    poll.run(Response(b'{"changes": [' + deep + b", " + json.dumps(message()).encode() + b"]}"))
    taken = bool(poll.ledger.requests.find("1001"))
    (told,) = {problem for _, _, problem, _ in poll.ledger.inbox.sources()}
    assert taken or "is not JSON" in told, "taken, or told that the page cannot be read"
    poll.goes_on()


def test_a_number_that_python_does_not_read_is_in_no_others_way(poll: Poll) -> None:
    long = b'{"id": "long", "sequence": ' + b"9" * 5000 + b"}"
    poll.run(Response(b'{"changes": [' + long + b", " + json.dumps(message()).encode() + b"]}"))
    assert poll.ledger.requests.find("1001")
    assert len(poll.ledger.inbox.kept()) == 1


@pytest.mark.parametrize("year", ["0001", "1970", "2150", "9999"])
def test_a_change_of_another_age_hides_none_that_come_after_it(poll: Poll, year: str) -> None:
    poll.run(page([message(id="odd", time=f"{year}-01-01T00:00:00Z")]))
    poll.goes_on()
    assert all(since == "" or since <= NOW.isoformat() for since in poll.service.asked)
    assert Marks.read(poll.ledger.inbox.cursor("feed")).at("") is not None


def test_the_cursor_stays_at_the_present(poll: Poll) -> None:
    poll.run(page([message(time="2150-01-01T00:00:00Z")]))
    assert poll.ledger.inbox.cursor("feed") == NOW.isoformat()
    poll.run()
    assert poll.service.asked[-1] == (NOW - timedelta(seconds=120)).isoformat()


@pytest.mark.parametrize(
    "location",
    ["http://[", "http://.example.org/", "//\udcff", "http://" + "a" * 300 + ".example/", "ftp://x", ""],
)
def test_a_redirect_to_nowhere_is_told(poll: Poll, location: str) -> None:
    poll.run(
        *(
            Response("", 302, {"Location": location.encode("utf-8", "surrogateescape").decode("latin-1")})
            for _ in range(40)
        )
    )
    ((_, _, problem, _),) = poll.ledger.inbox.sources()
    assert problem
    poll.goes_on()
