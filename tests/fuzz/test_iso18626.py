"""The ISO 18626 door: whatever is posted, it is answered as the field answers, what was admitted is kept, and confirmations stay XML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from bridge.domain.arrival import ArrivalState
from bridge.domain.capabilities import Capabilities
from bridge.domain.goal import goal_for
from bridge.domain.preview import preview
from bridge.ledger import Ledger
from bridge.sandbox.iso18626 import Talk
from bridge.web.posts import Post, Said
from bridge.wiring import conversations_of, readers_of
from tests.databases import migrate
from tests.fuzz.nonsense import DATES, RAW, TEXTS, amounts
from tests.fuzz.test_webhook import POLICY
from tests.reference import REFERENCE
from tests.sources.iso18626.house import NOW, schemas
from tests.web.test_conversations import BORROWED, LENT, SYSTEM, configuration

VALID = schemas() if REFERENCE.is_dir() else {}
NUMBERS = ["1", "12.50", "-3", "1e999", "9" * 30, "NaN", "0x10", "½"]
VALUES = st.one_of(
    TEXTS,
    DATES,
    st.sampled_from(NUMBERS),
    st.sampled_from(["Loaned", "Y", "N", "RenewResponse", "CancelResponse", "Copy", "Retry", "URL", "x" * 300]),
    st.sampled_from(
        ["a##b##c", "multivol:a##b##c###multivol:##", "1,2,3", "#MultipleItems#|||\\\n#MultipleItemsEnd#", "#seq:1#"]
    ),
)
NAMES = [
    *(
        "title",
        "author",
        "patronId",
        "serviceType",
        "requestType",
        "requestingAgencyPreviousRequestId",
        "line1",
        "sortOrder",
    ),
    *("bibliographicItemIdentifier", "reasonForMessage", "answerYesNo", "note", "status", "dueDate", "lastChange"),
    *("dateSent", "itemId", "sentVia", "loanCondition", "monetaryValue", "currencyCode", "action", "timestamp"),
    *("requestingAgencyRequestId", "agencyIdValue", "agencyIdType", "multipleItemRequestId"),
]
AT = "2026-11-20T10:00:00Z"
WHOLE = [
    LENT.request(at=AT, patron="P", isbn="9783000000000", line1="Desk"),
    BORROWED.request(at=AT, patron="P", type="Retry", previous="B-0"),
    BORROWED.supplied("Loaned", at=AT, due="2027-01-01", item="39001", via="Mail", condition="None", note="n"),
    BORROWED.supplied("Loaned", at=AT, reason="RenewResponse", answer="Y", due="2027-01-01"),
    LENT.acted("Received", at=AT, note="n"),
    Talk("OUR", "XYZ", "B-1", "2021-2").supplied("LoanCompleted", at=AT, item="39001"),
]


class Door:
    """A door, its ledger, and what reads kept messages again."""

    def __init__(self, folder: Path) -> None:
        known = configuration(folder, max_bytes=262_144)
        self.ledger = Ledger(migrate(known.settings.ledger.url), clock=lambda: NOW)
        self.ledger.lanes.ensure(["alma"])
        self.source: Any = readers_of(known)["iso"]
        self._door = conversations_of(known, self.ledger)["iso"]

    def say(self, body: bytes) -> Said:
        said = self._door.answer(Post("127.0.0.1", {"X-ILL-Bridge-Secret": SYSTEM}, body))
        assert said.status in {200, 400}
        if said.status == 400:
            (kept,) = self.ledger.inbox.kept([said.kept or 0])
            assert kept.state is ArrivalState.MALFORMED
            return said
        document = etree.fromstring(said.body)
        version = "2021" if any("2021" in str(value) for value in document.attrib.values()) else "1.2"
        if VALID:
            assert VALID[version].validate(document), (VALID[version].error_log, said.body)
        return said


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.ledger.close()


@amounts
def test_any_body_is_answered_and_kept(door: Door, amount: settings) -> None:
    @given(RAW)
    def holds(body: bytes) -> None:
        door.say(body)

    amount(holds)()
    assert door.say(LENT.request(at=AT)).status == 200, "the door still takes what is right"


def odd(body: bytes, values: dict[str, str]) -> bytes:
    """The message with other texts in some of its elements."""
    root = etree.fromstring(body)
    for element in root.iter():
        name = etree.QName(element).localname
        if name in values and len(element) == 0:
            element.text = "".join(sign for sign in values[name] if _writable(sign))
    return etree.tostring(root, encoding="utf-8")


def _writable(sign: str) -> bool:
    return sign in "\t\n" or (" " <= sign <= "\ud7ff") or ("\ue000" <= sign <= "\ufffd") or sign > "\uffff"


@amounts
def test_a_message_with_odd_texts_is_folded_or_kept_and_what_is_folded_can_be_worked_on(
    door: Door, amount: settings
) -> None:
    @given(st.sampled_from(WHOLE), st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=4))
    def holds(body: bytes, values: dict[str, str]) -> None:
        assert door.say(odd(body, values)).status == 200

    amount(holds)()
    for row in door.ledger.requests.list():
        plan = preview(goal_for(row.request, POLICY), row.record, Capabilities())
        assert all(sentence.isprintable() for sentence in plan.sentences)


@amounts
def test_elements_in_any_order_doubled_or_left_out(door: Door, amount: settings) -> None:
    @given(st.sampled_from(WHOLE), st.data())
    def holds(body: bytes, data: st.DataObject) -> None:
        root = etree.fromstring(body)
        for element in [each for each in root.iter() if len(each) > 1]:
            children = data.draw(st.permutations(list(element)))
            for child in children[: data.draw(st.integers(0, 1))]:
                element.remove(child)
            element[:] = [each for each in children if each.getparent() is element]
        assert door.say(etree.tostring(root)).status == 200

    amount(holds)()


def test_what_is_kept_is_understood_again_alike(door: Door) -> None:
    for body in WHOLE:
        reading = door.source.read(body)
        assert door.source.replayed(reading.arrival.body).key == reading.arrival.key
