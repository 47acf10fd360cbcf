"""What a message says: leniently read, whatever its form, and meant as the standard and the field mean it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bridge.domain.arrival import ArrivalState
from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.commands import Money
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.sandbox.iso18626 import Talk
from bridge.sources.iso18626.message import FaultType
from bridge.sources.message import unknown_word
from tests.sources.iso18626.house import BORROWED, LENT, LIBRARIES, MESSAGES, NOW, change, edits, read, source

AT = "2026-11-20T10:00:00Z"
WHEN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


class TestForms:
    def test_without_namespace_and_version_out_of_order_with_a_zero_time(self) -> None:
        told = change((MESSAGES / "bare.xml").read_bytes())
        assert (told.request, told.leg) == (RequestKey("main", "svc", Role.BORROWER, "OUR", "B-1"), "SUP")
        assert (told.phase, told.stamp.at) == (Phase.WILL_SUPPLY, WHEN)

    def test_2021_with_a_prefix_without_a_supplier_in_another_encoding(self) -> None:
        told = change((MESSAGES / "new.xml").read_bytes(), system="reshare")
        assert edits(told) == {
            "title": "Märchen",
            "isbn": "9783000000000",
            "patron_id": "21000000001001",
            "pickup_location": "Main desk",
        }
        assert (told.phase, told.leg) == (Phase.REQUESTED, "")

    def test_what_is_kept_is_understood_again_alike(self) -> None:
        reading = read((MESSAGES / "new.xml").read_bytes())
        assert "Märchen" in reading.arrival.body
        assert source().replayed(reading.arrival.body) == reading.arrival

    def test_an_address_is_no_pickup_location_where_nobody_says_so(self) -> None:
        assert "pickup_location" not in edits(change((MESSAGES / "new.xml").read_bytes()))

    def test_a_message_that_is_its_own_root(self) -> None:
        body = BORROWED.supplied("Loaned", at=AT)
        inner = body[body.index(b"<supplying") : body.index(b"</ISO18626")]
        assert change(inner).phase is Phase.SHIPPED

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"", "not XML"),
            (b"<a>", "not XML"),
            (b"\xff\xfe\x00", "not XML"),
            (b"<ISO18626Message/>", "no message"),
            (b"<ISO18626Message><requestConfirmation/></ISO18626Message>", "no message"),
            (b"<html><request/></html>", "no message"),
            (b'<!DOCTYPE a [<!ENTITY x "y">]><request><header>&x;</header></request>', "document type"),
            (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><request/>', "document type"),
            (b"<?xml version='1.0' encoding='no-such'?><request/>", "not XML"),
        ],
    )
    def test_what_holds_no_message_is_kept(self, body: bytes, why: str) -> None:
        reading = read(body)
        assert (reading.message, reading.arrival.state) == (None, ArrivalState.MALFORMED)
        assert why in reading.arrival.problem

    @pytest.mark.parametrize(
        "code",
        [
            "hush",
            "<![CDATA[hush]]>",
            "h<!-- -->ush",
            "<![CDATA[h]]><?x y?>ush<![CDATA[</securityCode>]]>",
            "hush\nhush",
        ],
    )
    @pytest.mark.parametrize("tag", ["securityCode", "ill:securityCode", "securityCode\n x='1'"])
    def test_a_security_code_is_not_kept(self, code: str, tag: str) -> None:
        told = f"<requestingAgencyAuthentication><{tag}>{code}</{tag.split()[0]}></requestingAgencyAuthentication></header>"
        reading = read(BORROWED.acted("Received", at=AT).replace(b"</header>", told.encode()))
        assert reading.arrival.changes
        assert "ush" not in reading.arrival.body
        assert f"<{tag}>(removed)</" in reading.arrival.body

    @pytest.mark.parametrize("rest", ["", "<![CDATA[hush", "<!-- hush", "<?hush"])
    def test_nor_is_one_in_which_a_body_breaks_off(self, rest: str) -> None:
        reading = read(f"<x><securityCode>hush{rest}".encode())
        assert reading.message is None
        assert reading.arrival.body == "<x><securityCode>(removed)"

    def test_looking_for_them_takes_no_time(self) -> None:
        body = b"<securityCode <" * 200_000
        assert read(body).message is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (BORROWED.supplied("Sent", at=AT), "Sent"),
        (BORROWED.acted("Zap", at=AT), "Zap"),
        (BORROWED.supplied("Loaned", at=AT, reason="Fun"), "Fun"),
    ],
)
def test_a_word_that_is_not_known_is_told_by_the_command_sources(body: bytes, word: str) -> None:
    assert unknown_word(read(body).arrival.problem) == (word, "B-1")


class TestSides:
    def test_the_side_follows_from_whose_symbol_is_ours(self) -> None:
        assert change(BORROWED.acted("Received", at=AT)).request.role is Role.BORROWER
        assert change(LENT.acted("Received", at=AT)).request == RequestKey("main", "svc", Role.LENDER, "REQ", "L-1")
        assert change(LENT.supplied("Loaned", at=AT)).request.role is Role.LENDER

    def test_where_no_symbol_is_named_it_follows_from_the_kind_of_message(self) -> None:
        alone: dict[str, Any] = {"libraries": {}, "library": "main"}
        talk = Talk("A", "B", "1")
        assert change(talk.supplied("Loaned", at=AT), **alone).request.role is Role.BORROWER
        assert change(talk.acted("Received", at=AT), **alone).request.role is Role.LENDER
        assert change(talk.request(at=AT), **alone).request.role is Role.LENDER

    def test_between_two_libraries_of_ours_both_sides_hear_it(self) -> None:
        changes = read(Talk("OUR", "BRANCH", "1").acted("ShippedReturn", at=AT)).arrival.changes
        assert [(each.request.library, each.request.role) for each in changes] == [
            ("main", Role.BORROWER),
            ("branch", Role.LENDER),
        ]
        assert len({each.key for each in changes}) == 2

    def test_what_is_between_others_is_refused_and_kept(self) -> None:
        reading = read(Talk("A", "B", "1").acted("Received", at=AT))
        assert reading.fault is not None
        assert reading.fault.type is FaultType.VALUE
        assert "see 'libraries'" in reading.arrival.problem

    def test_names_with_their_type(self) -> None:
        told = change(LENT.acted("Received", at=AT), symbols_with_type=True)
        assert told.request.requester == "ISIL:REQ"

    @pytest.mark.parametrize("number", ["", "x" * 201])
    def test_without_a_number_nothing_can_be_said(self, number: str) -> None:
        reading = read(Talk("OUR", "SUP", number).supplied("Loaned", at=AT))
        assert reading.fault is not None
        assert (reading.fault.type, reading.arrival.state) == (FaultType.VALUE, ArrivalState.MALFORMED)

    def test_a_symbol_that_is_too_long(self) -> None:
        assert read(Talk("OUR", "S" * 101, "1").supplied("Loaned", at=AT)).fault is not None

    def test_a_library_that_is_gone(self) -> None:
        assert read(BORROWED.supplied("Loaned", at=AT), libraries={"OUR": "gone"}).fault is not None


class TestRequests:
    def test_of_our_own_it_names_the_patron_and_opens_the_suppliers_leg(self) -> None:
        wide, leg = read(BORROWED.request(at=AT, patron="P1", author="A", line1="Street 1")).arrival.changes
        assert (wide.leg, wide.phase, leg.leg, leg.phase) == ("", Phase.REQUESTED, "SUP", Phase.REQUESTED)
        assert edits(wide) == {
            "service_type": ServiceType.LOAN,
            "title": "A title",
            "author": "A",
            "partner": "SUP",
            "patron_id": "P1",
        }

    def test_of_another_librarys_patron_nothing_is_taken(self) -> None:
        (told,) = read(LENT.request(at=AT, patron="P1", line1="Their desk"), system="reshare").arrival.changes
        assert "patron_id" not in edits(told)
        assert "pickup_location" not in edits(told)
        assert edits(told)["partner"] == "REQ"

    @pytest.mark.parametrize(
        ("kind", "said"), [("Copy", ServiceType.COPY), ("Loan", ServiceType.LOAN), ("CopyOrLoan", None), ("", None)]
    )
    def test_copy_or_loan_is_decided_in_the_end(self, kind: str, said: ServiceType | None) -> None:
        assert edits(change(LENT.request(at=AT, kind=kind))).get("service_type") is said

    def test_a_retry_ends_the_request_it_retries(self) -> None:
        retry = read(LENT.request(at=AT, type="Retry", previous="L-0")).arrival.changes
        assert [(each.request.number, each.phase) for each in retry] == [
            ("L-1", Phase.REQUESTED),
            ("L-0", Phase.UNFILLED),
        ]
        assert len(read(LENT.request(at=AT, type="Retry", previous="L-1")).arrival.changes) == 1
        assert len(read(LENT.request(at=AT, previous="L-0")).arrival.changes) == 1


class TestActions:
    @pytest.mark.parametrize(
        ("action", "phase", "raised", "notification"),
        [
            ("Received", Phase.RECEIVED, (), False),
            ("ShippedReturn", Phase.RETURNED, (), False),
            ("Renew", None, (Condition.RENEWAL_REQUESTED,), False),
            ("Lost", None, (Condition.LOST,), False),
            ("HoldReturn", None, (), False),
            ("Cancel", None, (), True),
            ("StatusRequest", None, (), True),
            ("Notification", None, (), True),
        ],
    )
    def test_each(self, action: str, phase: Phase | None, raised: tuple[Condition, ...], notification: bool) -> None:
        told = change(LENT.acted(action, at=AT))
        assert (told.phase, told.raised, told.notification, told.word) == (phase, raised, notification, action)

    @pytest.mark.parametrize("action", ["ShippedForward", "WeCancelThisMessage"])
    def test_one_that_means_nothing_here_is_kept_as_an_unknown_word(self, action: str) -> None:
        reading = read(LENT.acted(action, at=AT))
        assert reading.fault is not None
        assert (reading.fault.type, reading.fault.value) == (FaultType.ACTION, action)
        assert (reading.arrival.state, reading.arrival.changes) == (ArrivalState.UNKNOWN_WORD, ())

    def test_the_configuration_may_say_what_it_means(self) -> None:
        words = {"ShippedForward": {"phase": "completed", "closure": "without_return"}}
        assert change(LENT.acted("ShippedForward", at=AT), words=words).closure is Closure.WITHOUT_RETURN

    def test_no_action_at_all(self) -> None:
        assert read(LENT.acted("", at=AT)).arrival.state is ArrivalState.MALFORMED

    def test_its_time_is_that_of_the_header_unless_that_lies_ahead(self) -> None:
        assert change(LENT.acted("Received", at="2026-11-20T10:00:00")).stamp.at == datetime(
            2026, 11, 20, 15, tzinfo=UTC
        )
        assert change(LENT.acted("Received", at="2027-11-20T10:00:00Z")).stamp.at == NOW
        assert change(LENT.acted("Received", at="soon")).stamp.at == NOW


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "phase", "closure"),
        [
            ("RequestReceived", Phase.REQUESTED, None),
            ("ExpectToSupply", Phase.REQUESTED, None),
            ("WillSupply", Phase.WILL_SUPPLY, None),
            ("Loaned", Phase.SHIPPED, None),
            ("Overdue", None, None),
            ("Recalled", None, None),
            ("RetryPossible", None, None),
            ("Unfilled", Phase.UNFILLED, Closure.UNFILLED),
            ("CopyCompleted", Phase.COMPLETED, None),
            ("LoanCompleted", Phase.COMPLETED, Closure.RETURNED),
            ("CompletedWithoutReturn", Phase.COMPLETED, Closure.WITHOUT_RETURN),
            ("Cancelled", Phase.CANCELLED, Closure.CANCELLED),
            ("HoldReturn", None, None),
            ("ReleaseHoldReturn", None, None),
            ("", None, None),
        ],
    )
    @pytest.mark.parametrize("talk", [BORROWED, LENT])
    def test_each(self, talk: Talk, status: str, phase: Phase | None, closure: Closure | None) -> None:
        told = change(talk.supplied(status, at=AT))
        assert (told.phase, told.closure, told.word, told.notification) == (phase, closure, status, False)

    def test_of_an_unknown_one_the_sender_is_told(self) -> None:
        reading = read(BORROWED.supplied("WeCouldLoan", at=AT))
        assert reading.fault is not None
        assert (reading.fault.type, reading.arrival.state) == (FaultType.VALUE, ArrivalState.UNKNOWN_WORD)

    def test_of_an_unknown_reason_the_sender_is_told(self) -> None:
        reading = read(BORROWED.supplied("Loaned", at=AT, reason="NoGoodReason"))
        assert reading.fault is not None
        assert (reading.fault.type, reading.arrival.changes) == (FaultType.REASON, ())

    def test_the_reason_does_not_matter_where_the_status_is_a_change(self) -> None:
        for reason in ("RequestResponse", "StatusRequestResponse", ""):
            assert change(BORROWED.supplied("Loaned", at=AT, reason=reason)).phase is Phase.SHIPPED

    @pytest.mark.parametrize("status", ["Unfilled", "RequestReceived", "", "LoanCompleted", "Whatever"])
    def test_a_notification_changes_nothing(self, status: str) -> None:
        told = change(BORROWED.supplied(status, at=AT, reason="Notification", due="2027-01-01"))
        assert told.notification
        assert edits(told) == {}

    def test_overdue_does_not_bring_its_old_date_back(self) -> None:
        told = change(BORROWED.supplied("Overdue", at=AT, due="2026-11-19"))
        assert (told.raised, "due" in edits(told)) == ((Condition.OVERDUE,), False)

    def test_for_use_in_the_library_only(self) -> None:
        told = change(BORROWED.supplied("Loaned", at=AT, condition="LibraryUseOnly"))
        assert told.raised == (Condition.LIBRARY_USE_ONLY,)


class TestAnswers:
    def test_a_renewal_is_granted_by_its_answer(self) -> None:
        told = change(
            BORROWED.supplied("Loaned", at=AT, reason="RenewResponse", answer="Y", due="2027-01-15T05:00:00Z")
        )
        assert edits(told)["due"] == date(2027, 1, 15)
        assert set(told.cleared) >= {Condition.RENEWAL_REQUESTED, Condition.OVERDUE, Condition.RECALLED}
        assert told.word == "RenewResponse Y"

    def test_and_refused_whatever_status_and_date_stand_beside_it(self) -> None:
        told = change(BORROWED.supplied("Loaned", at=AT, reason="RenewResponse", answer="N", due="2027-01-15"))
        assert told.raised == (Condition.RENEWAL_REFUSED,)
        assert "due" not in edits(told)

    def test_granted_without_a_date(self) -> None:
        assert "due" not in edits(change(BORROWED.supplied("Loaned", at=AT, reason="RenewResponse", answer="Y")))

    @pytest.mark.parametrize("answer", ["Y", "N"])
    def test_an_end_beside_a_renewal_is_none(self, answer: str) -> None:
        told = change(BORROWED.supplied("LoanCompleted", at=AT, reason="RenewResponse", answer=answer))
        assert (told.phase, told.closure) == (None, None)

    def test_without_an_answer_nothing_is_decided(self) -> None:
        told = change(BORROWED.supplied("Loaned", at=AT, reason="RenewResponse", due="2027-01-15"))
        assert (told.raised, told.cleared, "due" in edits(told)) == ((), (), False)

    @pytest.mark.parametrize(
        ("answer", "status", "phase"),
        [
            ("Y", "Cancelled", Phase.CANCELLED),
            ("Y", "Loaned", Phase.CANCELLED),
            ("Y", "", Phase.CANCELLED),
            ("N", "Cancelled", None),
            ("N", "Loaned", Phase.SHIPPED),
            ("N", "", None),
            ("", "Cancelled", Phase.CANCELLED),
            ("", "Loaned", Phase.SHIPPED),
        ],
    )
    def test_a_cancellation_is_decided_by_its_answer_else_by_the_status(
        self, answer: str, status: str, phase: Phase | None
    ) -> None:
        told = change(BORROWED.supplied(status, at=AT, reason="CancelResponse", answer=answer))
        assert told.phase is phase


class TestDates:
    @pytest.mark.parametrize(
        ("zone", "said", "day"),
        [
            ("America/New_York", "2027-01-11T05:00:00Z", date(2027, 1, 11)),
            ("Europe/Berlin", "2027-01-10T23:00:00Z", date(2027, 1, 11)),
            ("Europe/Berlin", "2027-01-10T23:00:00+0000", date(2027, 1, 11)),
            ("Australia/Sydney", "2027-01-10T13:00:00.000Z", date(2027, 1, 11)),
            ("America/Los_Angeles", "2027-01-11T08:00:00Z", date(2027, 1, 11)),
            ("America/Los_Angeles", "2027-01-12T07:59:59Z", date(2027, 1, 11)),
            ("Europe/Berlin", "2027-01-11", date(2027, 1, 11)),
            ("Europe/Berlin", "2027-01-11T00:00:00", date(2027, 1, 11)),
        ],
    )
    def test_a_due_date_is_a_day_of_its_supplier(self, zone: str, said: str, day: date) -> None:
        loaned = BORROWED.supplied("Loaned", at=AT, due=said)
        assert edits(change(loaned, partner_timezones={"SUP": zone}))["due"] == day

    def test_what_we_lend_is_due_on_a_day_of_ours(self) -> None:
        assert edits(change(LENT.supplied("Loaned", at=AT, due="2027-01-11T05:00:00Z")))["due"] == date(2027, 1, 11)

    @pytest.mark.parametrize(
        "said", ["", "0001-01-01T00:00:00Z", "2026-11-01", "2029-11-21", "soon", "9999-12-31T23:59:59Z"]
    )
    def test_a_date_that_was_never_meant_is_none(self, said: str) -> None:
        assert "due" not in edits(change(BORROWED.supplied("Loaned", at=AT, due=said)))

    @pytest.mark.parametrize("changed", ["0001-01-01T00:00:00Z", "", "1900-01-01T01:01:01+0000"])
    def test_a_zero_time_of_change_gives_way_to_that_of_the_message(self, changed: str) -> None:
        assert change(BORROWED.supplied("Loaned", at=AT, changed=changed)).stamp.at == WHEN


class TestItems:
    @pytest.mark.parametrize(
        ("item", "barcode", "call_number"),
        [
            ("39001", "39001", None),
            ("QA 76.9, 1983", "QA 76.9, 1983", None),
            ("v.1##QA 76##39001", "39001", "QA 76"),
            ("multivol:v.1##QA 76##39001", "39001", "QA 76"),
        ],
    )
    def test_one(self, item: str, barcode: str, call_number: str | None) -> None:
        told = edits(change(BORROWED.supplied("Loaned", at=AT, item=item)))
        assert (told["barcode"], told.get("call_number")) == (barcode, call_number)

    @pytest.mark.parametrize(
        ("item", "note", "volumes"),
        [
            ("39001,39002", "", {"39001": "39001", "39002": "39002"}),
            ("multivol:v.1##QA##39001###multivol:v.2##QA##39002", "", {"v.1": "39001", "v.2": "39002"}),
            ("multivol:v.1##QA##39001###multivol:v.1##QA##39002", "", {"39001": "39001", "39002": "39002"}),
            (
                "",
                "Hello\n#MultipleItems#\n39001|QA\\|1|A title\n39\\\\002|QA 2|\n\n#MultipleItemsEnd#",
                {"39001": "39001", "39\\002": "39\\002"},
            ),
        ],
    )
    def test_several(self, item: str, note: str, volumes: dict[str, str]) -> None:
        whole, *each = read(BORROWED.supplied("Loaned", at=AT, item=item, note=note)).arrival.changes
        assert {told.volume: edits(told)["barcode"] for told in each} == volumes
        assert ("barcode" in edits(whole), whole.volume, whole.phase) == (False, "", Phase.SHIPPED)

    def test_several_of_2021(self) -> None:
        talk = Talk("OUR", "SUP", "B-1", "2021-2")
        body = talk.supplied("Loaned", at=AT, item="39001").replace(b"</itemId>", b"</itemId><itemId>39002</itemId>")
        assert [each.volume for each in read(body).arrival.changes] == ["", "39001", "39002"]

    @pytest.mark.parametrize(("item", "via"), [("https://x.example/1.pdf", ""), ("doc 1", "URL"), ("doc 1", "url")])
    def test_a_document_by_its_address_is_no_loan(self, item: str, via: str) -> None:
        told = edits(change(BORROWED.supplied("Loaned", at=AT, item=item, via=via)))
        assert (told["service_type"], "barcode" in told) == (ServiceType.COPY, False)

    def test_a_copy_in_the_end(self) -> None:
        assert edits(change(BORROWED.supplied("CopyCompleted", at=AT)))["service_type"] is ServiceType.COPY

    @pytest.mark.parametrize(
        ("costs", "said"),
        [
            ("<currencyCode>eur</currencyCode><monetaryValue>12.5</monetaryValue>", Money(Decimal("12.50"), "EUR")),
            ("<monetaryValue>3</monetaryValue><currencyCode>dollars</currencyCode>", Money(Decimal("3.00"), "")),
            ("<monetaryValue>much</monetaryValue>", None),
            ("", None),
        ],
    )
    def test_what_it_costs(self, costs: str, said: Money | None) -> None:
        offered = f"<offeredCosts>{costs}</offeredCosts></messageInfo>".encode()
        body = BORROWED.supplied("Loaned", at=AT).replace(b"</messageInfo>", offered)
        assert edits(change(body)).get("fee") == said


class TestRepeats:
    def test_another_time_in_the_header_makes_no_other_message(self) -> None:
        first, second = (
            read(BORROWED.supplied("Loaned", at=at, changed=AT)).arrival.key for at in (AT, "2026-11-20T10:07:00Z")
        )
        assert first == second

    def test_whatever_differs_beside_it_does(self) -> None:
        told = [
            BORROWED.supplied("Loaned", at=AT),
            BORROWED.supplied("Loaned", at=AT, due="2027-01-01"),
            BORROWED.supplied("Loaned", at=AT, changed="2026-11-20T10:07:00Z"),
            BORROWED.supplied("Loaned", at=AT, reason="RenewResponse", answer="Y"),
            Talk("OUR", "OTHER", "B-1").supplied("Loaned", at=AT),
            BORROWED.acted("Renew", at=AT),
            BORROWED.acted("Renew", at="2026-12-20T10:00:00Z"),
            BORROWED.acted("Received", at=AT, note="#seq:4#"),
            BORROWED.acted("Received", at=AT, note="#seq:5#"),
        ]
        assert len({read(body).arrival.key for body in told}) == len(told)

    def test_keys_fit_their_column(self) -> None:
        assert len(read(BORROWED.acted("Renew", at=AT, note="#seq:999999999#")).arrival.key) < 150
        assert LIBRARIES
