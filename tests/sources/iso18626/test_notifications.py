"""Notes as ISO 18626 notifications, over real HTTP to a peer: valid, once, and nothing that is not the other library's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from bridge.configuring import check
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.domain.commands import Verb
from bridge.domain.identity import RequestKey, Role
from bridge.domain.notes import NoteKind
from bridge.domain.partner_lines import TOLD, for_partner
from bridge.domain.sentences import DONE
from bridge.domain.steps import StepKey
from bridge.engine.schedule import RetrySchedule
from bridge.jobs.notes import PATIENCE, NoteJob
from bridge.ledger import Arrival, HistoryLine, Ledger
from bridge.ledger.outbox import NoteRule
from bridge.sandbox.iso18626 import IsoPeer
from bridge.sandbox.server import Server
from bridge.sources.iso18626 import Iso18626Settings
from bridge.sources.iso18626.notifications import IsoChannel
from bridge.wiring import connector_settings, note_channels_of, note_rules_of, source_settings
from tests.ledger.sample import NOW, Clock
from tests.reference import needs_reference
from tests.sources.iso18626.house import SECRET, read, schemas

HOUR = timedelta(hours=1)
OUT = "Item 39001 was checked out to ILL-XYZ, due 2026-12-20."


@dataclass
class Stage:
    """A ledger with a lent and a borrowed request, and what tells the other library of them."""

    ledger: Ledger
    clock: Clock
    job: NoteJob
    xyz: IsoPeer
    broker: IsoPeer

    def say(self, line: str, number: str = "L-1", kind: str = "step", leg: str = "") -> None:
        (row,) = self.ledger.requests.find(number)
        step = str(StepKey(leg, "", Verb.CHECK_IN, 0))
        self.ledger.requests.tell(row.id, [HistoryLine(self.clock.now, kind, line, step)])

    def later(self) -> None:
        self.clock.now += HOUR
        self.job.run()


@pytest.fixture
def peers() -> Iterator[tuple[IsoPeer, IsoPeer, list[str]]]:
    xyz, broker = IsoPeer(), IsoPeer()
    servers = [Server(xyz.app), Server(broker.app)]
    for server in servers:
        server.start()
    yield xyz, broker, [f"{server.url}/iso18626" for server in servers]
    for server in servers:
        server.stop()


@pytest.fixture
def telling(ledger: Ledger, clock: Clock, peers: tuple[IsoPeer, IsoPeer, list[str]]) -> Iterator[Callable[..., Stage]]:
    xyz, broker, urls = peers
    made: list[NoteJob] = []

    def staged(**own: Any) -> Stage:
        known = {
            "system": {"ours": True, "secret": SECRET, "url": "http://127.0.0.1:9/"},
            "broker": {"broker": True, "secret": SECRET, "secret_header": "X-B", "url": urls[1], "send_secret": "hush"},
            "xyz": {"symbols": ["ISIL:XYZ"], "secret": SECRET, "secret_header": "X-X", "url": urls[0]},
        }
        iso = {
            "kind": "iso18626",
            "service": "svc",
            "libraries": {"ISIL:OUR": "main"},
            "peers": known,
            "own_notes": own,
        }
        raw: dict[str, Any] = {
            "ledger": {"url": "sqlite:////nowhere/ledger.db"},
            "ils": {
                "alma": {
                    "connector": "alma",
                    "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"},
                }
            },
            "libraries": {"main": {"ils": "alma", "mode": "live"}},
            "sources": {"iso": iso},
        }
        configuration = check(raw, connector_settings=connector_settings, source_settings=source_settings)
        ledger.notes.tell(note_rules_of(configuration))
        channel, patience = note_channels_of(configuration, tell=lambda _: None)["iso"]
        job = NoteJob("iso", channel, ledger, give_up_after=patience, schedule=RetrySchedule(jitter=0))
        made.append(job)
        opened(ledger)
        return Stage(ledger, clock, job, xyz, broker)

    yield staged
    for job in made:
        job.close()


def opened(ledger: Ledger) -> None:
    told = (
        (RequestKey("main", "svc", Role.LENDER, "XYZ", "L-1"), "", "XYZ"),
        (RequestKey("main", "svc", Role.BORROWER, "OUR", "B-1"), "ABC", "ABC"),
        (RequestKey("main", "svc", Role.BORROWER, "", "B-2"), "", "ABC"),
    )
    changes = [
        Change(
            key.number,
            key,
            Stamp(0, NOW),
            leg=leg,
            phase=Phase.REQUESTED,
            edits=Edits(partner=partner, patron_id="P-1"),
        )
        for key, leg, partner in told
    ]
    ledger.inbox.take("iso", [Arrival(each.key, "{}", (each,)) for each in changes], lambda _: "alma")


def found(body: bytes, *names: str) -> list[str]:
    root = etree.fromstring(body)
    return [str(root.findtext(f".//{{*}}{name}")) for name in names]


@needs_reference
@pytest.mark.parametrize("version", ["1.2", "2021"])
def test_a_lender_tells_the_requester_by_a_message_that_is_valid_and_changes_nothing(
    telling: Callable[..., Stage], version: str
) -> None:
    stage = telling(version=version)
    stage.say(OUT)
    stage.job.run()
    ((headers, body),) = stage.xyz.heard
    document = etree.fromstring(body)
    schema = schemas()[version]
    assert schema.validate(document), schema.error_log
    names = ("reasonForMessage", "status", "requestingAgencyRequestId", "note", "supplyingAgencyId/{*}agencyIdValue")
    (reason, status, number, note, supplier) = found(body, *names)
    assert (reason, status, number, supplier) == ("Notification", "RequestReceived", "L-1", "OUR")
    assert note.partition(" [ill-bridge ")[0] == "Item 39001 was checked out, due 2026-12-20."
    assert headers["Content-Type"] == "application/xml; charset=utf-8"
    assert [change.notification for change in read(body, libraries={"XYZ": "main"}).arrival.changes] == [True]
    assert stage.ledger.notes.unsent() == ()


@needs_reference
@pytest.mark.parametrize("version", ["1.2", "2021"])
def test_a_borrower_tells_the_supplier_of_the_leg_through_the_broker(
    telling: Callable[..., Stage], version: str
) -> None:
    stage = telling(version=version)
    stage.say("Item T-1 was checked in.", "B-1", leg="ABC")
    stage.job.run()
    ((headers, body),) = stage.broker.heard
    document = etree.fromstring(body)
    schema = schemas()[version]
    assert schema.validate(document), schema.error_log
    names = ("action", "supplyingAgencyId/{*}agencyIdValue", "requestingAgencyId/{*}agencyIdType", "note")
    action, supplier, kind, note = found(body, *names)
    assert (action, supplier, kind) == ("Notification", "ABC", "ISIL")
    assert note.startswith("Item T-1 was checked in. [ill-bridge ")
    assert headers["X-B"] == "hush"


def test_nothing_else_is_told(telling: Callable[..., Stage]) -> None:
    stage = telling()
    for line, number, kind in (
        ("Check out did not succeed: P-1 owes 20.00.", "L-1", "step"),
        ("Item 39001 was checked out to ILL-XYZ already.", "L-1", "step"),
        ("Parked. Item 39001 was checked in.", "L-1", "state"),
        ("Item 39001 was checked in.", "L-1", "staff"),
        (OUT, "B-1", "step"),
        ("The due date of item T-1 was set to 2026-12-13.", "B-1", "step"),
        ("A hold on item T-1 was placed, pickup at Main.", "B-1", "step"),
    ):
        stage.say(line, number, kind)
    assert stage.ledger.notes.unsent() == ()


def test_of_all_that_is_done_only_these_sentences_are_for_others() -> None:
    words = dict.fromkeys(
        ("barcode", "new", "pickup", "due", "account", "place", "way", "kind", "fee", "ils", "ids", "note"), "x"
    )
    for role in Role:
        told = {command for command, template in DONE.items() if for_partner(template.format(**words), role)}
        assert told == set(TOLD[role])


def test_an_error_gives_it_up_with_the_reason(telling: Callable[..., Stage]) -> None:
    stage = telling()
    stage.xyz.refuses = "not here"
    stage.say(OUT)
    stage.job.run()
    (kept,) = stage.ledger.notes.unsent()
    assert kept.dropped
    assert "UnrecognisedDataValue: not here" in kept.problem


@pytest.mark.parametrize("status", [500, 204])
def test_what_may_have_arrived_is_not_sent_again_until_staff_say_so(telling: Callable[..., Stage], status: int) -> None:
    stage = telling()
    stage.xyz.status = status
    stage.say(OUT)
    stage.job.run()
    stage.xyz.status = 200
    stage.later()
    assert len(stage.xyz.heard) == 1
    (kept,) = stage.ledger.notes.unsent()
    assert (kept.dropped, "may have arrived" in kept.problem) == (True, True)
    assert stage.ledger.notes.retry("iso") == 1
    stage.later()
    (_, first), (_, second) = stage.xyz.heard
    assert first == second
    assert stage.ledger.notes.unsent() == ()


def test_a_try_that_a_crash_cut_off_is_one_that_may_have_arrived(telling: Callable[..., Stage]) -> None:
    stage = telling()
    stage.say(OUT)
    assert stage.ledger.notes.take("iso", patience=PATIENCE) is not None
    stage.later()
    (kept,) = stage.ledger.notes.unsent()
    assert (stage.xyz.heard, kept.dropped) == ([], True)


def test_where_peers_know_a_repeat_the_very_same_message_is_sent_again(telling: Callable[..., Stage]) -> None:
    stage = telling(repeat_unclear=True)
    stage.xyz.status = 500
    stage.say(OUT)
    stage.job.run()
    stage.xyz.status = 200
    stage.later()
    stage.later()
    (_, first), (_, second) = stage.xyz.heard
    assert first == second


def test_a_peer_that_is_away_gets_it_later_once(telling: Callable[..., Stage]) -> None:
    stage = telling()
    stage.xyz.status = 503
    stage.say(OUT)
    stage.job.run()
    stage.xyz.status = 200
    stage.later()
    stage.later()
    assert len(stage.xyz.heard) == 2
    assert stage.ledger.notes.unsent() == ()


def test_in_nobodys_name_nothing_is_told(telling: Callable[..., Stage]) -> None:
    stage = telling()
    stage.say("Item T-1 was checked in.", "B-2")
    stage.job.run()
    (kept,) = stage.ledger.notes.unsent()
    assert (kept.dropped, "in whose name" in kept.problem) == (True, True)


def test_nor_to_a_library_for_which_no_peer_speaks(ledger: Ledger, clock: Clock) -> None:
    raw = {
        "service": "svc",
        "libraries": {"OUR": "main"},
        "peers": {"def": {"symbols": ["DEF"], "secret": SECRET, "url": "http://127.0.0.1:9/"}},
        "own_notes": {},
    }
    settings = Iso18626Settings.model_validate(raw)
    ledger.notes.tell([NoteRule("iso", "svc", frozenset(NoteKind), frozenset({"main"}), for_partner=True)])
    opened(ledger)
    job = NoteJob("iso", IsoChannel("iso", settings, lambda _: None), ledger, give_up_after=HOUR)
    Stage(ledger, clock, job, IsoPeer(), IsoPeer()).say(OUT)
    job.run()
    job.close()
    (kept,) = ledger.notes.unsent()
    assert "no peer with a url speaks for ISIL:XYZ" in kept.problem


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"own_notes": {}}, "needs the url"),
        ({"own_notes": {"kinds": ["stop"]}}, "own_notes.kinds"),
        ({"own_notes": {"kinds": []}}, "own_notes.kinds"),
    ],
)
def test_settings_by_which_nobody_or_too_much_would_be_told(more: dict[str, Any], why: str) -> None:
    peer = {"ours": True, "secret": SECRET, "url": "https://system.example/"}
    with pytest.raises(ValidationError, match=why):
        Iso18626Settings.model_validate({"service": "svc", "library": "main", "peers": {"system": peer}, **more})
