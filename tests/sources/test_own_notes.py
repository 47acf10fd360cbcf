"""Notes told by services' own APIs, over real HTTP against their stand-ins: once, whatever answer is lost, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from bridge.domain.change import Change, Phase, Stamp
from bridge.domain.identity import RequestKey, Role
from bridge.domain.notes import NoteKind
from bridge.engine.schedule import RetrySchedule
from bridge.jobs.notes import NoteJob
from bridge.ledger import Arrival, HistoryLine, Ledger
from bridge.ledger.outbox import NoteRule
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.crosslink import CrossLinkStandIn
from bridge.sandbox.sharing.illiad import IlliadStandIn
from bridge.sandbox.sharing.koha import KohaIllStandIn
from bridge.sources.kinds import polled_source, source_settings
from bridge.sources.koha import KohaSettings
from bridge.sources.listed import ListedSource
from bridge.sources.notes import HookNotes
from bridge.sources.own_notes import own_channel
from tests.ledger.sample import NOW, Clock

StandIn = CrossLinkStandIn | IlliadStandIn | KohaIllStandIn
HOUR = timedelta(hours=1)


@dataclass
class Service:
    """A stand-in with one request, 12, and how a bridge is configured for it."""

    kind: str
    stand_in: StandIn
    settings: dict[str, Any]
    told: Callable[[], list[str]]

    def channel(self, url: str, **more: Any) -> Any:
        known = {"service": "svc", "library": "main", "requester": "US", "url": url + self.settings.get("below", "")}
        raw = {**known, **{name: value for name, value in self.settings.items() if name != "below"}, **more}
        settings = source_settings(self.kind).model_validate(raw)
        source = polled_source("told", settings, frozenset(), lambda _: None)
        assert isinstance(source, ListedSource)
        assert settings.note_settings is not None
        return own_channel(source.asked, settings.note_settings)


def koha() -> Service:
    made = KohaIllStandIn()
    made.ill("12", "REQ", NOW)
    login = {"client_id": "bridge", "client_secret": "koha-secret", "start": "2026-01-01"}
    own = {"path": "/api/v1/contrib/bridge/requests/{number}/comments"}
    return Service("koha", made, {**login, "own_notes": own}, lambda: [text for _, text in made.comments])


def illiad() -> Service:
    made = IlliadStandIn()
    made.transaction("12", "Request Sent", NOW)
    settings = {"token": "illiad-key", "own_notes": {}, "below": "/ILLiadWebPlatform"}
    return Service("illiad", made, settings, lambda: [note["Note"] for _, note in made.notes])


def crosslink() -> Service:
    made = CrossLinkStandIn()
    known = {"side": "borrowing", "requesterRequestId": "12", "requesterSymbol": "US", "state": "SHIPPED"}
    made.shelf.put("broker-id", NOW, **known, internalNote="Written by Ann")
    made.shelf.put("other", NOW, **{**known, "side": "lending"})

    def told() -> list[str]:
        first, *ours = str((made.shelf.row("broker-id") or {})["internalNote"]).split("\n")
        assert first == "Written by Ann", "what stood there stays"
        return ours

    return Service("crosslink", made, {"user": "bridge", "password": "cross-link", "own_notes": {}}, told)


@pytest.fixture(params=[koha, illiad, crosslink], ids=lambda each: str(each.__name__))
def service(request: pytest.FixtureRequest) -> Service:
    made: Service = request.param()
    return made


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    with Server(service.stand_in.app) as server:
        yield server.url


@dataclass
class Stage:
    """A ledger with two requests, one of which the service does not know, and the job that tells."""

    ledger: Ledger
    clock: Clock
    job: NoteJob

    def say(self, line: str, number: str = "12") -> None:
        (row,) = self.ledger.requests.find(number)
        self.ledger.requests.tell(row.id, [HistoryLine(self.clock.now, "step", line)])

    def later(self) -> None:
        self.clock.now += HOUR
        self.job.run()


def stage_of(ledger: Ledger, clock: Clock, channel: Any) -> Stage:
    ledger.notes.tell([NoteRule("told", "svc", frozenset(NoteKind), frozenset({"main"}))])
    for number in ("12", "99"):
        key = RequestKey("main", "svc", Role.BORROWER, "US", number)
        told = Change(number, key, Stamp(0, NOW), phase=Phase.REQUESTED)
        ledger.inbox.take("hook", [Arrival(number, "{}", (told,))], lambda _: "alma")
    job = NoteJob("told", channel, ledger, give_up_after=72 * HOUR, schedule=RetrySchedule(jitter=0))
    return Stage(ledger, clock, job)


@pytest.fixture
def telling(service: Service, url: str, ledger: Ledger, clock: Clock) -> Iterator[Stage]:
    made = stage_of(ledger, clock, service.channel(url))
    yield made
    made.job.close()


def lines(service: Service) -> list[str]:
    return [text.partition(" [ill-bridge ")[0] for text in service.told()]


def test_lines_stand_at_the_request_once(service: Service, telling: Stage) -> None:
    telling.say("Item 1 was made.")
    telling.say("A hold was placed.")
    telling.job.run()
    telling.later()
    assert lines(service) == ["Item 1 was made.", "A hold was placed."]


def test_a_lost_answer_is_looked_up_and_repeats_nothing(service: Service, telling: Stage) -> None:
    service.stand_in.loses_answers = True
    telling.say("One.")
    telling.say("Two.")
    telling.job.run()
    assert lines(service) == ["One."]
    service.stand_in.loses_answers = False
    telling.later()
    telling.later()
    assert lines(service) == ["One.", "Two."]
    assert telling.ledger.notes.unsent() == ()


def test_a_request_that_the_service_does_not_know_is_given_up(service: Service, telling: Stage) -> None:
    telling.say("Never told.", number="99")
    telling.say("One.")
    with capture_logs() as logs:
        telling.job.run()
    assert lines(service) == ["One."]
    assert [each["event"] for each in logs] == ["notes.given_up"]


def test_credentials_that_are_refused_lose_nothing(service: Service, url: str, ledger: Ledger, clock: Clock) -> None:
    wrong = {"koha": {"client_secret": "wrong"}, "illiad": {"token": "wrong"}, "crosslink": {"password": "wrong"}}
    made = stage_of(ledger, clock, service.channel(url, **wrong[service.kind]))
    made.say("One.")
    made.job.run()
    made.job.close()
    (kept,) = ledger.notes.unsent()
    assert not kept.dropped
    right = stage_of(ledger, clock, service.channel(url))
    right.later()
    right.job.close()
    assert lines(service) == ["One."]


def test_an_answer_that_makes_no_sense_is_looked_at_again(service: Service, telling: Stage) -> None:
    service.stand_in.loses_answers = True
    telling.say("One.")
    telling.job.run()
    service.stand_in.loses_answers = False
    views = service.stand_in.app.view_functions
    looks = {"koha": "_comments", "illiad": "_notes", "crosslink": "_list"}[service.kind]
    before, views[looks] = views[looks], lambda **_: {"nonsense": True}
    telling.later()
    views[looks] = before
    telling.later()
    assert lines(service) == ["One."]
    assert telling.ledger.notes.unsent() == ()


def test_one_way_is_enough() -> None:
    hook = HookNotes(url=SecretStr("https://x.example/"), secret=SecretStr("long enough"))
    raw = {
        "service": "svc",
        "url": "https://x.example/",
        "start": "2026-01-01",
        "notes": hook,
        "own_notes": {"path": "/x"},
    }
    with pytest.raises(ValidationError, match="keep one"):
        KohaSettings.model_validate(raw)


def test_settings_of_no_way_are_a_fault() -> None:
    hook = HookNotes(url=SecretStr("https://x.example/"), secret=SecretStr("long enough"))
    with pytest.raises(TypeError, match="HookNotes"):
        own_channel(None, hook)  # type: ignore[arg-type]
