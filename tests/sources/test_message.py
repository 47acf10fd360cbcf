"""What a message says, and that what cannot be understood is kept with a reason."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.domain.arrival import ArrivalState
from bridge.domain.change import UNSET, Change, Closure, Condition, Phase
from bridge.domain.commands import Money
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.words import PLAIN_WORDS, folded_word
from bridge.sources.base import SourceSettings
from bridge.sources.message import read
from bridge.sources.vocabulary import Word
from bridge.sources.webhook import WebhookSettings
from bridge.values import zone_name
from tests.sources.messages import LIBRARIES, SETTINGS, body


def understood(**more: object) -> Change:
    arrival = read(body(**more), SETTINGS, LIBRARIES)
    assert arrival.problem == ""
    return arrival.changes[0]


def refused(**more: object) -> str:
    arrival = read(body(**more), SETTINGS, LIBRARIES)
    assert arrival.state is ArrivalState.MALFORMED
    assert arrival.changes == ()
    return arrival.problem


def test_who_when_and_what() -> None:
    change = understood(sequence=7)
    assert change.request == RequestKey("main", "svc", Role.BORROWER, "ABC", "1001")
    assert (change.stamp.sequence, change.stamp.at) == (7, datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert (change.word, change.phase, change.key) == ("Received", Phase.RECEIVED, "e1")


def test_a_field_left_out_says_nothing_and_null_empties() -> None:
    change = understood(patron=None, due_date=None)
    assert change.edits.patron_id is None
    assert change.edits.due is None
    assert change.edits.pickup_location is UNSET
    assert change.edits.barcode is UNSET


def test_every_field_arrives() -> None:
    change = understood(
        service_type="copy",
        partner="XYZ",
        patron={"id": " 4711 "},
        pickup_location="Main library",
        temporary_barcode="T-1",
        due_date="2027-01-15",
        item={"title": "T", "author": "A", "isbn": "I", "barcode": "B", "call_number": "C", "format": "Book"},
        fee={"amount": "3.50", "currency": "EUR"},
    )
    edits = change.edits
    assert edits.service_type is ServiceType.COPY
    assert (edits.partner, edits.patron_id, edits.pickup_location) == ("XYZ", "4711", "Main library")
    assert (edits.temporary_barcode, edits.barcode, edits.item_format) == ("T-1", "B", "Book")
    assert (edits.title, edits.author, edits.isbn, edits.call_number) == ("T", "A", "I", "C")
    assert edits.due == date(2027, 1, 15)
    assert edits.fee == Money(Decimal("3.50"), "EUR")


class TestRule11Dates:
    """A due date is a calendar date where it was written; an instant at the supplier's midnight is the supplier's day."""

    def test_a_date_is_that_day(self) -> None:
        assert SETTINGS.day(date(2027, 1, 15)) == date(2027, 1, 15)
        assert understood(due_date="2027-01-15").edits.due == date(2027, 1, 15)

    def test_an_instant_is_the_day_in_the_sources_zone(self) -> None:
        assert understood(due_date="2027-01-14T23:30:00Z").edits.due == date(2027, 1, 15)

    def test_a_time_without_zone_is_its_own_day(self) -> None:
        assert understood(due_date="2027-01-15T23:59:00").edits.due == date(2027, 1, 15)

    def test_a_partner_may_have_its_own_zone(self) -> None:
        settings = SETTINGS.model_copy(update={"partner_timezones": {"XYZ": "America/New_York"}})
        arrival = read(body(partner="XYZ", due_date="2027-01-15T05:00:00Z"), settings, LIBRARIES)
        assert arrival.changes[0].edits.due == date(2027, 1, 15)
        arrival = read(body(partner="XYZ", due_date="2027-01-15T04:59:00Z"), settings, LIBRARIES)
        assert arrival.changes[0].edits.due == date(2027, 1, 14)


def test_a_time_without_offset_stands_in_the_sources_zone() -> None:
    assert understood(time="2026-11-24T10:00:00").stamp.at == datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_volumes_are_changes_of_their_own() -> None:
    arrival = read(
        body(volumes=[{"id": "1", "barcode": "B1"}, {"id": "2", "temporary_barcode": "T2"}]), SETTINGS, LIBRARIES
    )
    assert [change.key for change in arrival.changes] == ["e1", "e1#1", "e1#2"]
    assert arrival.changes[1].edits.barcode == "B1"
    assert arrival.changes[2].edits.temporary_barcode == "T2"
    assert arrival.changes[1].phase is None


def test_a_notification_changes_nothing() -> None:
    arrival = read(body(notification=True, volumes=[{"id": "1"}]), SETTINGS, LIBRARIES)
    assert [change.notification for change in arrival.changes] == [True]


def test_a_message_without_word_only_edits() -> None:
    assert understood(status="").phase is None


def test_an_unknown_word_is_kept_and_nothing_is_guessed() -> None:
    arrival = read(body(status="Teleported"), SETTINGS, LIBRARIES)
    assert arrival.state is ArrivalState.UNKNOWN_WORD
    assert arrival.changes == ()
    assert "Teleported" in arrival.problem


def test_a_word_of_the_configuration_is_known_and_may_be_of_one_role() -> None:
    words = {"Teleported": Word(phase=Phase.SHIPPED, role=Role.LENDER), "Lost!": Word(raises=(Condition.LOST,))}
    settings = WebhookSettings(**{**SETTINGS.model_dump(), "words": words})
    lender = read(body(status="teleported", role="lender"), settings, LIBRARIES)
    assert lender.changes[0].phase is Phase.SHIPPED
    assert read(body(status="Teleported"), settings, LIBRARIES).state is ArrivalState.UNKNOWN_WORD
    assert read(body(status="LOST!"), settings, LIBRARIES).changes[0].raised == (Condition.LOST,)


def test_a_word_means_what_its_table_says() -> None:
    word = Word(phase=Phase.COMPLETED, closure=Closure.RETURNED, clears=(Condition.OVERDUE,), notification=True)
    meaning = word.meaning()
    assert meaning is not None
    assert (meaning.phase, meaning.closure, meaning.cleared) == (
        Phase.COMPLETED,
        Closure.RETURNED,
        (Condition.OVERDUE,),
    )
    assert meaning.notification
    assert Word(unknown=True).meaning() is None


def test_the_services_name_of_a_library_is_mapped() -> None:
    settings = SETTINGS.model_copy(update={"libraries": {"B": "branch"}})
    assert read(body(library="B"), settings, LIBRARIES).changes[0].request.library == "branch"


def test_a_requester_may_come_from_the_configuration() -> None:
    settings = SETTINGS.model_copy(update={"requester": "DEF"})
    arrival = read(body(request={"number": "1"}), settings, LIBRARIES)
    assert arrival.changes[0].request.requester == "DEF"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"library": "moon"}, "moon"),
    ({"role": "onlooker"}, "role"),
    ({"role": ...}, "role"),
    ({"request": {}}, "request"),
    ({"request": {"number": ""}}, "number"),
    ({"request": {"number": "1\n2"}}, "control characters"),
    ({"time": "yesterday"}, "time"),
    ({"due_date": "soon"}, "due_date"),
    ({"fee": {"amount": -1}}, "amount"),
    ({"fee": {"amount": "NaN"}}, "amount"),
    ({"temporary_barcode": "x" * 81}, "temporary_barcode"),
    ({"patron": {"id": "a\x00b"}}, "control characters"),
    ({"id": ""}, "id"),
    ({"volumes": [{"id": str(each)} for each in range(101)]}, "volumes"),
]


@pytest.mark.parametrize(("more", "named"), BAD)
def test_what_cannot_be_understood_is_told_by_name(more: dict[str, Any], named: str) -> None:
    assert named in refused(**more)


def test_a_day_that_does_not_exist_is_told_once() -> None:
    assert refused(due_date="2027-02-31").count("due_date") == 1


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"[]", b"7", b"\xff\xfe", b'{"id": NaN}', b"[" * 100_000])
def test_what_is_no_message_is_kept(raw: bytes) -> None:
    arrival = read(raw, SETTINGS, LIBRARIES)
    assert arrival.state is ArrivalState.MALFORMED
    assert arrival.key.startswith("sha256:")
    assert arrival.problem


def test_a_corrected_message_with_the_same_id_is_no_repeat() -> None:
    wrong = read(body(role="onlooker"), SETTINGS, LIBRARIES)
    assert wrong.key != read(body(), SETTINGS, LIBRARIES).key


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_reading_never_raises(raw: bytes) -> None:
    read(raw, SETTINGS, LIBRARIES)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    name=st.sampled_from(["id", "time", "role", "request", "status", "patron", "item", "volumes", "fee", "due_date"]),
    value=JSON,
)
def test_reading_never_raises_whatever_stands_in_a_field(name: str, value: object) -> None:
    read(body(**{name: value}), SETTINGS, LIBRARIES)


def test_zones_are_checked() -> None:
    assert zone_name("Europe/Berlin") == "Europe/Berlin"
    for wrong in ("Mars/Olympus", "../etc/passwd"):
        with pytest.raises(ValidationError, match="no time zone"):
            SourceSettings(service="x", timezone=wrong)
    with pytest.raises(ValidationError, match="no time zone"):
        SourceSettings(service="x", partner_timezones={"A": "Nowhere"})
    assert SourceSettings(service="x", partner_timezones={"A": "UTC"}).zone("A").key == "UTC"


class TestLossesAndRecalls:
    """What docs/reference/webhook.md says of words, flags and fees."""

    def test_every_plain_word_is_documented(self) -> None:
        page = (Path(__file__).parents[2] / "docs/reference/webhook.md").read_text(encoding="utf-8")
        rows = (line.split("|")[1] for line in page.splitlines() if line.startswith("| `") and line.count("|") == 3)
        named = {folded_word(word) for row in rows for word in re.findall(r"`([^`]+)`", row)}
        assert {word for _, word in PLAIN_WORDS.words} <= named
        assert set(Condition) <= set(re.findall(r"`([a-z_]+)`", page))

    def test_words(self) -> None:
        said = {
            word: (change.raised, change.cleared)
            for word in ("Damaged", "Recall withdrawn", "Fee withdrawn", "Fee refunded")
            if (change := understood(status=word))
        }
        assert said == {
            "Damaged": ((Condition.DAMAGED,), ()),
            "Recall withdrawn": ((), (Condition.RECALLED,)),
            "Fee withdrawn": ((), (Condition.FEE_COMMUNICATED,)),
            "Fee refunded": ((), (Condition.FEE_PAID,)),
        }

    def test_flags_stand_beside_the_word(self) -> None:
        change = understood(status="Received", conditions={"overdue": True, "recalled": False, "found": None})
        assert (change.phase, change.raised, change.cleared) == (
            Phase.RECEIVED,
            (Condition.OVERDUE,),
            (Condition.RECALLED,),
        )

    def test_a_flag_goes_before_the_word(self) -> None:
        change = understood(status="Overdue", conditions={"overdue": False})
        assert (change.raised, change.cleared) == ((), (Condition.OVERDUE,))

    def test_false_takes_back_neither_a_loss_nor_a_payment(self) -> None:
        change = understood(status="Lost", conditions={"lost": False, "fee_paid": False, "damaged": False})
        assert (change.raised, change.cleared) == ((Condition.LOST,), (Condition.DAMAGED,))

    def test_a_flag_that_is_none_is_told(self) -> None:
        assert "conditions.lost" in refused(conditions={"lost": "perhaps"})

    @pytest.mark.parametrize("kind", ["replacement", "Damage "])
    def test_a_fee_may_say_that_it_is_the_lenders_bill(self, kind: str) -> None:
        change = understood(fee={"amount": "80", "currency": "EUR", "type": kind})
        assert (change.edits.fee, change.edits.bill) == (UNSET, Money(Decimal(80), "EUR"))
        assert change.raised == ((Condition.DAMAGED,) if kind == "Damage " else ())

    def test_any_other_fee_is_one(self) -> None:
        edits = understood(fee={"amount": "3", "type": "postage"}).edits
        assert (edits.fee, edits.bill) == (Money(Decimal(3)), UNSET)
