"""Notes over real HTTP: taken once, whatever the service answers, and whoever dies in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from bridge.domain.notes import NoteKind
from bridge.engine.schedule import RetrySchedule
from bridge.http import Exchange
from bridge.jobs.notes import PATIENCE, NoteJob
from bridge.ledger import HistoryLine, Ledger
from bridge.ledger.outbox import NoteRule
from bridge.sandbox.server import Server
from bridge.sources.notes import HookNotes, NoteHook
from bridge.sources.signing import sign
from tests.ledger.sample import KEY, Clock, arrival, take

SECRET = "a shared secret for notes"
HOUR = timedelta(hours=1)


@dataclass
class Receiver:
    """A service that takes each key once, as the reference asks; ``answers`` decides what it says."""

    answers: Callable[[], Any] = lambda: ("", 204)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    tries: list[str] = field(default_factory=list)
    forged: int = 0
    url: str = ""

    def take(self) -> Any:
        timestamp = request.headers["X-ILL-Bridge-Timestamp"]
        if request.headers["X-ILL-Bridge-Signature"] != sign(SECRET, timestamp, request.data):
            self.forged += 1
        key = request.headers["Idempotency-Key"]
        self.tries.append(key)
        answer = self.answers()
        status = answer[1]
        if status < 300 or status == 500:
            if key in self.known:
                return "", 409
            self.known[key] = json.loads(request.data)
        return answer

    @property
    def lines(self) -> list[str]:
        return [each["line"] for each in self.known.values()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    app = Flask("receiver")
    app.add_url_rule("/notes", view_func=made.take, methods=["POST"])
    with Server(app) as server:
        made.url = f"{server.url}/notes?from=bridge"
        yield made


@dataclass
class Stage:
    """A ledger whose lines are told, and the job that tells them."""

    ledger: Ledger
    clock: Clock
    receiver: Receiver
    job: NoteJob

    def say(self, *lines: str, number: str = "1") -> None:
        (row,) = self.ledger.requests.find(number)
        self.ledger.requests.tell(row.id, [HistoryLine(self.clock.now, "step", line) for line in lines])

    def later(self, by: timedelta = HOUR) -> None:
        self.clock.now += by
        self.job.run()


def job_of(ledger: Ledger, receiver: Receiver, clock: Clock, **more: Any) -> NoteJob:
    settings = HookNotes(url=SecretStr(receiver.url), secret=SecretStr(SECRET), timeout=1)
    told: list[Exchange] = []
    channel = NoteHook("hook", settings, told.append, clock)
    schedule = RetrySchedule(jitter=0)
    return NoteJob("hook", channel, ledger, give_up_after=72 * HOUR, schedule=schedule, **more)


@pytest.fixture
def notes(ledger: Ledger, clock: Clock, receiver: Receiver) -> Iterator[Stage]:
    ledger.notes.tell([NoteRule("hook", KEY.service, frozenset(NoteKind), frozenset({KEY.library}))])
    take(ledger, arrival("e1"), arrival("e2", number="2"))
    job = job_of(ledger, receiver, clock)
    yield Stage(ledger, clock, receiver, job)
    job.close()


def test_lines_are_told_once_and_signed(notes: Stage) -> None:
    notes.say("Item 1 was made.", "A hold was placed.")
    notes.job.run()
    notes.later()
    assert notes.receiver.lines == ["Item 1 was made.", "A hold was placed."]
    assert (len(notes.receiver.tries), notes.receiver.forged) == (2, 0)
    first = next(iter(notes.receiver.known.values()))
    assert first["request"] == {"number": "1", "requester": KEY.requester}
    assert (first["kind"], first["role"], first["version"]) == ("step", "borrower", 1)
    assert "patron" not in json.dumps(first)


def test_a_service_that_is_away_gets_all_later_and_is_told_of_once(notes: Stage) -> None:
    notes.receiver.answers = lambda: ("", 503)
    notes.say("One.")
    notes.say("Two.", number="2")
    with capture_logs() as logs:
        notes.job.run()
        notes.job.run()
        assert len(notes.receiver.tries) == 1, "it is left alone for a minute"
        notes.later(timedelta(minutes=2))
        notes.later(timedelta(minutes=6))
        notes.receiver.answers = lambda: ("", 204)
        notes.later()
        notes.later()
    assert sorted(notes.receiver.lines) == ["One.", "Two."]
    assert [each["event"] for each in logs] == ["notes.not_taken", "notes.taken_again"]


def test_an_answer_that_does_not_come_repeats_nothing(notes: Stage) -> None:
    notes.receiver.answers = lambda: ("the proxy lost it", 500)
    notes.say("One.")
    notes.job.run()
    assert notes.receiver.lines == ["One."], "it was taken, and the answer was lost"
    notes.receiver.answers = lambda: ("", 204)
    notes.later()
    notes.later()
    assert notes.receiver.lines == ["One."]
    assert len(set(notes.receiver.tries)) == 1
    assert notes.ledger.notes.unsent() == ()


def test_what_is_refused_is_given_up_and_stops_no_other(notes: Stage) -> None:
    refusing = iter([("no request of that number", 404)])
    notes.receiver.answers = lambda: next(refusing, ("", 204))
    notes.say("One.", "Two.")
    with capture_logs() as logs:
        notes.job.run()
    assert notes.receiver.lines == ["Two."]
    (dropped,) = notes.ledger.notes.unsent()
    assert dropped.dropped
    assert "HTTP 404" in dropped.problem
    assert [each["event"] for each in logs] == ["notes.given_up"]


@pytest.mark.parametrize("status", [401, 403, 429])
def test_credentials_and_haste_are_no_refusal(notes: Stage, status: int) -> None:
    notes.receiver.answers = lambda: ("", status)
    notes.say("One.")
    notes.job.run()
    notes.receiver.answers = lambda: ("", 204)
    notes.later()
    assert notes.receiver.lines == ["One."]


def test_after_days_it_is_given_up(notes: Stage) -> None:
    notes.receiver.answers = lambda: ("", 503)
    notes.say("One.")
    for _ in range(74):
        notes.later(timedelta(hours=1, minutes=1))
    (dropped,) = notes.ledger.notes.unsent()
    assert dropped.dropped
    notes.receiver.answers = lambda: ("", 204)
    assert notes.ledger.notes.retry("hook") == 1
    notes.later()
    assert notes.receiver.lines == ["One."]


class Looking:
    """A channel to a service that knows no keys: a note sent twice stands twice."""

    repeats = True

    def __init__(self) -> None:
        self.there: list[str] = []
        self.looked = 0
        self.dies = False

    def has(self, note: Any) -> bool:
        self.looked += 1
        return note.text in self.there

    def send(self, note: Any) -> None:
        self.there.append(note.text)
        if self.dies:
            raise KeyboardInterrupt  # the daemon is killed after the service has taken it

    def close(self) -> None:
        """Nothing is open."""


def test_a_daemon_killed_after_sending_repeats_nothing(notes: Stage) -> None:
    channel = Looking()
    schedule = RetrySchedule(jitter=0)
    job = NoteJob("hook", channel, notes.ledger, give_up_after=72 * HOUR, schedule=schedule)
    notes.say("One.", "Two.")
    channel.dies = True
    with pytest.raises(KeyboardInterrupt):
        job.run()
    channel.dies = False
    reborn = NoteJob("hook", channel, notes.ledger, give_up_after=72 * HOUR, schedule=schedule)
    reborn.run()
    assert len(channel.there) == 1, "nobody else takes it while the first may still be at it"
    notes.clock.now += PATIENCE
    reborn.run()
    assert [text.partition(" [")[0] for text in channel.there] == ["One.", "Two."]
    assert channel.looked == 1


def test_a_daemon_that_stops_begins_no_note(notes: Stage, ledger: Ledger, clock: Clock) -> None:
    notes.say("One.")
    job = job_of(ledger, notes.receiver, clock, stopping=lambda: True)
    job.run()
    job.close()
    assert not notes.receiver.tries


def test_a_request_that_cannot_be_read_is_given_up(notes: Stage) -> None:
    notes.say("One.")
    with notes.ledger.database.write() as connection:
        connection.exec_driver_sql("update request set document = '{}'")
    with capture_logs() as logs:
        notes.job.run()
    assert [each["event"] for each in logs] == ["notes.given_up"]


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be an address"):
        HookNotes(url=SecretStr("ftp://x"), secret=SecretStr(SECRET))
