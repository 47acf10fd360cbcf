"""Every message of the reference goes through a real door with the outcome the reference states (resource-sharing.md, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bridge.configuring import check
from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.standing import Standing, standings
from bridge.ledger import Ledger
from bridge.web.posts import Post, Said
from bridge.wiring import connector_settings, conversations_of, source_settings
from tests.databases import migrate
from tests.reference import REFERENCE, needs_reference
from tests.sources.iso18626.house import NOW, SECRET, schemas

pytestmark = needs_reference
FOLDER = REFERENCE / "iso18626"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.xml")) if FOLDER.is_dir() else []
NO_MESSAGE = {
    "crosslink/testdata/msg-invalid.xml",
    "mod-rs/unit-requestConfirmation.xml",
    "mod-rs/unit-requestingAgencyMessageConfirmation.xml",
    "mod-rs/unit-supplyingAgencyMessageConfirmation.xml",
    "oclc-circill-toolkit/RequestConfirmationSample1.xml",
    "oclc-circill-toolkit/RequestConfirmationSampleError.xml",
    "oclc-circill-toolkit/RequestingAgencyMessageConfirmationSample1.xml",
    "oclc-circill-toolkit/SupplyingAgencyMessageConfirmationSample1.xml",
}
"""Nothing begins with these: 400, as CrossLink answers."""
ERRORS = {
    "crosslink/testdata/reqmsg-invalid-action.xml": "UnsupportedActionType",
    "crosslink/testdata/supmsg-invalid-reason.xml": "UnsupportedReasonForMessageType",
    "crosslink/testdata/supmsg-invalid-status.xml": "UnrecognisedDataValue",
    "crosslink/testdata/reqmsg-no-reqid.xml": "UnrecognisedDataValue",
    "crosslink/testdata/supmsg-no-reqid.xml": "UnrecognisedDataValue",
    "crosslink/testdata/request-no-reqid.xml": "UnrecognisedDataValue",
}


class Door:
    """A door known to everybody, on a ledger of its own."""

    def __init__(self, folder: Path, **source: Any) -> None:
        peers = {"peer": {"ours": True, "secret": SECRET}}
        iso = {"kind": "iso18626", "service": "svc", "library": "main", "timezone": "America/New_York", "peers": peers}
        raw: dict[str, Any] = {
            "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
            "ils": {
                "alma": {
                    "connector": "alma",
                    "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"},
                }
            },
            "libraries": {"main": {"ils": "alma"}},
            "sources": {"iso": {**iso, **source}},
        }
        known = check(raw, connector_settings=connector_settings, source_settings=source_settings)
        self.ledger = Ledger(migrate(known.settings.ledger.url), clock=lambda: NOW)
        self.ledger.lanes.ensure(["alma"])
        self._door = conversations_of(known, self.ledger)["iso"]

    def say(self, body: bytes) -> Said:
        return self._door.answer(Post("127.0.0.1", {"X-ILL-Bridge-Secret": SECRET}, body))

    def stand(self, number: str) -> Standing:
        (row,) = self.ledger.requests.find(number)
        return standings(row.request)[-1]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("iso"))
    yield made
    made.ledger.close()


def body(name: str) -> bytes:
    return Path(FOLDER / name).read_bytes()


def text(document: etree._Element, name: str) -> str:
    return str(document.findtext(f".//{{*}}{name}") or "").strip()


def test_there_are_as_many_as_were_looked_at() -> None:
    assert len(FILES) >= 50
    assert {*NO_MESSAGE, *ERRORS} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_each_is_answered_as_stated_and_validly(door: Door, name: str) -> None:
    answer = door.say(body(name))
    if name in NO_MESSAGE:
        assert (answer.status, answer.kept is not None) == (400, True)
        return
    sent, said = etree.fromstring(body(name)), etree.fromstring(answer.body)
    version = next((str(value) for key, value in sent.attrib.items() if str(key).endswith("version")), "") or "1.2"
    schema = schemas()["2021" if "2021" in version else "1.2"]
    assert schema.validate(said), schema.error_log
    assert str(next(iter(said.attrib.values()))) == version
    assert (answer.status, text(said, "errorType")) == (200, ERRORS.get(name, ""))
    assert text(said, "messageStatus") == ("ERROR" if name in ERRORS else "OK")
    for echoed in ("requestingAgencyRequestId", "agencyIdValue", "action", "reasonForMessage"):
        if name not in ERRORS:
            assert text(said, echoed) == text(sent, echoed), echoed


OCLC = "oclc-circill-toolkit/SupplyingAgencyMessage"


def test_oclcs_due_dates_are_days_of_the_east_coast(door: Door) -> None:
    door.say(body(f"{OCLC}Loaned.xml"))
    assert (door.stand("Requesting-ID-2").phase, door.stand("Requesting-ID-2").moved) == (Phase.SHIPPED, True)
    door.say(body(f"{OCLC}RenewYes.xml"))
    assert door.stand("Requesting-ID-2").due == date(2021, 2, 24)


def test_what_each_status_says(door: Door) -> None:
    for name in ("Overdue", "Refused", "CancelYes"):
        door.say(body(f"{OCLC}{name}.xml"))
    assert door.stand("Requesting-ID-6").has(Condition.OVERDUE)
    assert door.stand("Requesting-ID-3").closure is Closure.UNFILLED
    assert door.stand("Requesting-ID-4").phase is Phase.CANCELLED


def test_a_notifications_status_makes_nothing_of_a_loan(tmp_path: Path) -> None:
    door = Door(tmp_path)
    door.say(body(f"{OCLC}Notification1.xml"))
    assert door.ledger.requests.list() == ()
    door.ledger.close()


def test_actions_of_a_borrower(door: Door) -> None:
    for name in ("Received", "Renew"):
        door.say(body(f"oclc-circill-toolkit/RequestingAgencyMessage{name}.xml"))
    stand = door.stand("168134581")
    assert (stand.phase, stand.has(Condition.RENEWAL_REQUESTED)) == (Phase.RECEIVED, True)


def test_a_cancellation_that_is_asked_for_and_one_that_is_refused(door: Door) -> None:
    door.say(body("crosslink/testdata/reqmsg-ok.xml"))
    refused = body("mod-rs/cancelResponseReplyNoTemplate.xml").replace(b"_REQUEST_ID_", b"C-1")
    door.say(body("mod-rs/statusChangeExpectToSupplyTemplate.xml").replace(b"_REQUEST_ID_", b"C-1"))
    door.say(refused)
    assert door.stand("C-1").phase is Phase.REQUESTED
    door.say(body("mod-rs/statusChangeUnfilledTemplate.xml").replace(b"_REQUEST_ID_", b"C-1"))
    assert door.stand("C-1").phase is Phase.UNFILLED


def test_our_own_requests_name_patron_and_place(tmp_path: Path) -> None:
    door = Door(tmp_path, libraries={"REQ": "main", "agencyIdValue_holder": "main"}, system="reshare")
    door.say(body("crosslink/testdata/request-loaned.xml"))
    door.say(body("mod-rs/patronRequest.xml"))
    stand = door.stand("5636c993-c41c-48f4-a285-470545f6f343")
    assert (stand.patron_id, stand.pickup_location) == ("123", "The Prancing Pony Inn, Bree")
    assert (stand.title, stand.author, stand.isbn) == ("Lord of the Rings", "JRR Tolkien", "1983")
    assert (door.stand("requestId_holder").patron_id, door.stand("requestId_holder").pickup_location) == (
        "patronId_holder",
        "RSSlnpOne",
    )
    door.ledger.close()


@pytest.mark.parametrize(
    "name",
    [
        "crosslink/testdata/reqmsg-ok.xml",
        "crosslink/testdata/supmsg-ok.xml",
        f"{OCLC}Loaned.xml",
        f"{OCLC}RenewYes.xml",
    ],
)
def test_of_a_request_that_is_not_known_a_peer_is_told(tmp_path: Path, name: str) -> None:
    peers = {"peer": {"broker": True, "secret": SECRET}}
    door = Door(tmp_path, peers=peers)
    said = etree.fromstring(door.say(body(name)).body)
    assert (text(said, "messageStatus"), text(said, "errorType")) == ("ERROR", "UnrecognisedDataValue")
    assert (door.ledger.requests.list(), len(door.ledger.inbox.kept())) == ((), 1)
    door.ledger.close()
