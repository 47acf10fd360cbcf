"""CrossLink over real HTTP, against the stand-in broker: paging, overlap, equal times, reverts, both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import UNSET, Change, Phase
from bridge.domain.finding import Level
from bridge.domain.identity import Role
from bridge.domain.request import Request, fold
from bridge.domain.standing import standings
from bridge.errors import CredentialsRejected, RefusedInput, Unavailable
from bridge.jobs.poll import PollJob
from bridge.ledger import Ledger, Receipt
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.crosslink import CrossLinkStandIn
from bridge.sources.crosslink import CrossLinkSettings, CrossLinkSource
from bridge.sources.marks import Marks
from bridge.sources.polled import Page
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Broker(CrossLinkStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""

    def borrow(self, name: str, state: str, at: datetime = NOON, **more: object) -> None:
        request = {
            "bibliographicInfo": {
                "title": "Bees",
                "author": "A. Piarist",
                "bibliographicItemId": [
                    {"bibliographicItemIdentifier": "978", "bibliographicItemIdentifierCode": {"#text": "ISBN"}}
                ],
            },
            "serviceInfo": {"serviceType": "Loan"},
        }
        known = {"side": "borrowing", "requesterSymbol": "ISIL:US", "requesterRequestId": f"US-{name}", "patron": "p1"}
        self.shelf.put(name, at, **{**known, "state": state, "illRequest": request, **more})

    def lend(self, name: str, state: str, at: datetime = NOON, **more: object) -> None:
        known: dict[str, Any] = {"side": "lending", "supplierSymbol": "ISIL:US", "requesterSymbol": "ISIL:REQ"}
        self.shelf.put(name, at, state=state, requesterRequestId=f"REQ-{name}", **{**known, **more})

    def source(self, **more: object) -> CrossLinkSource:
        known = {"service": "svc", "library": "main", "url": self.url, "user": "bridge", "password": "cross-link"}
        settings = CrossLinkSettings.model_validate({**known, "symbols": ["ISIL:US"], **more})
        return CrossLinkSource("broker", settings, LIBRARIES, tell=lambda _: None, clock=lambda: NOW)

    def polled(self, cursor: str | None = None, **more: object) -> list[Page]:
        source = self.source(**more)
        try:
            return list(source.poll(cursor))
        finally:
            source.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    with Server(made.app) as server:
        made.url = server.url
        yield made


def arrivals(pages: list[Page]) -> list[Arrival]:
    return [arrival for page in pages for arrival in page.arrivals]


def changes(pages: list[Page]) -> list[Change]:
    return [change for arrival in arrivals(pages) for change in arrival.changes]


def numbers(pages: list[Page]) -> set[str]:
    return {change.request.number for change in changes(pages)}


def test_a_borrowed_request_is_read_whole(broker: Broker) -> None:
    sam = {"statusInfo": {"dueDate": "2027-01-15T05:00:00Z"}}
    items = [{"id": "i1", "barcode": "L-1", "callNumber": "QL 568"}]
    broker.borrow("1", "SHIPPED", supplierSymbol="ISIL:SUP", illResponse=sam, items=items)
    (change,) = changes(broker.polled(partner_timezones={"ISIL:SUP": "America/New_York"}))
    assert (change.request.number, change.request.requester, change.request.role) == ("US-1", "ISIL:US", Role.BORROWER)
    assert (change.request.library, change.request.service, change.leg) == ("main", "svc", "ISIL:SUP")
    assert (change.phase, change.edits.partner, change.edits.patron_id) == (Phase.SHIPPED, "ISIL:SUP", "p1")
    assert (change.edits.title, change.edits.isbn, change.edits.barcode) == ("Bees", "978", "L-1")
    assert str(change.edits.due) == "2027-01-15"
    assert change.stamp.at == NOON


def test_a_due_date_is_the_suppliers_day_and_year_one_is_none(broker: Broker) -> None:
    broker.borrow("1", "SHIPPED", illResponse={"statusInfo": {"dueDate": "0001-01-01T00:00:00Z"}})
    broker.borrow("2", "SHIPPED", illResponse={"statusInfo": {"dueDate": "2027-01-15T05:00:00+0000"}})
    zero, late = changes(broker.polled(timezone="America/Los_Angeles"))
    assert zero.edits.due is UNSET
    assert str(late.edits.due) == "2027-01-14"


def test_a_lent_request_is_the_borrowers_number_and_no_leg(broker: Broker) -> None:
    broker.lend("1", "SHIPPED", patron="somebody else's")
    (change,) = changes(broker.polled())
    assert (change.request.role, change.request.number, change.request.requester) == (Role.LENDER, "REQ-1", "ISIL:REQ")
    assert (change.leg, change.edits.partner, change.edits.patron_id) == ("", "ISIL:REQ", UNSET)


def test_several_items_are_volumes(broker: Broker) -> None:
    items = [{"id": "i1", "barcode": "L-1"}, {"id": "i2", "itemId": "v2", "barcode": "L-2"}]
    broker.lend("1", "SHIPPED", items=items)
    broker.embeds_items = True
    whole, *volumes = changes(broker.polled())
    assert whole.volume == ""
    assert [(each.volume, each.edits.barcode) for each in volumes] == [("i1", "L-1"), ("v2", "L-2")]


def test_items_are_asked_for_once_the_request_was_shipped_and_only_where_wanted(broker: Broker) -> None:
    broker.lend("1", "SHIPPED", items=[{"id": "i1", "barcode": "L-1"}])
    assert changes(broker.polled())[0].edits.barcode == "L-1"
    assert changes(broker.polled(items=False))[0].edits.barcode is UNSET


def test_items_of_a_request_that_is_gone_meanwhile(broker: Broker) -> None:
    broker.lend("1", "SHIPPED", items=[{"id": "i1", "barcode": "L-1"}])
    broker.shelf.meanwhile = lambda: broker.shelf.remove("1")
    assert changes(broker.polled(sides=["lending"]))[0].edits.barcode is UNSET


@pytest.mark.parametrize(
    ("side", "states"),
    [
        (
            "borrowing",
            {
                "SENT": "requested",
                "CHECKED_IN": "received",
                "SHIPPED_RETURNED": "returned",
                "RETRY_ACCEPTED": "unfilled",
            },
        ),
        ("lending", {"CONDITION_PENDING": "will_supply", "SHIPPED_RETURN": "returned", "COMPLETED": "completed"}),
    ],
)
def test_states_of_both_sides(broker: Broker, side: str, states: dict[str, str]) -> None:
    put = broker.borrow if side == "borrowing" else broker.lend
    for name, state in enumerate(states):
        put(str(name), state)
    assert [change.phase for change in changes(broker.polled())] == list(states.values())


def test_a_cancel_that_is_only_asked_for_says_nothing(broker: Broker) -> None:
    broker.borrow("1", "CANCEL_PENDING")
    (change,) = changes(broker.polled())
    assert (change.phase, change.closure) == (None, None)


def test_closed_by_hand_is_not_said_to_have_gone_back(broker: Broker) -> None:
    broker.borrow("1", "MANUALLY_CLOSED")
    (change,) = changes(broker.polled())
    assert (change.phase, change.closure) == (Phase.COMPLETED, None)


def test_pages_in_order_of_time_and_the_cursor_of_each_list(broker: Broker) -> None:
    for place in range(7):
        broker.borrow(str(place), "SENT", NOON + timedelta(minutes=place))
    broker.lend("9", "SHIPPED", NOON + timedelta(hours=3))
    pages = broker.polled(page_size=3, items=False)
    assert numbers(pages) == {*(f"US-{place}" for place in range(7)), "REQ-9"}
    assert pages[-1].cursor == (
        '{"borrowing ISIL:US": "2026-11-24T12:06:00+00:00", "lending ISIL:US": "2026-11-24T15:00:00+00:00"}'
    )
    broker.shelf.asked.clear()
    broker.polled(pages[-1].cursor, overlap_seconds=60)
    assert [asked["cql"].split('"')[1] for asked in broker.shelf.asked] == [
        "2026-11-24T12:05:00Z",
        "2026-11-24T14:59:00Z",
    ]


def test_a_time_without_a_zone_is_the_brokers_own_wherever_we_are(broker: Broker) -> None:
    broker.zoned = False
    for number in range(6):
        broker.borrow(f"r{number}", "SHIPPED", NOON + timedelta(hours=number))
    found = changes(broker.polled(page_size=2, timezone="America/New_York"))
    assert {each.stamp.at for each in found} == {NOON + timedelta(hours=number) for number in range(6)}


def test_items_that_cannot_be_had_hold_up_no_other_request_and_are_asked_for_again(broker: Broker) -> None:
    for number in range(6):
        broker.borrow(f"r{number}", "SHIPPED", NOON + timedelta(hours=number), items=[{"barcode": f"B-{number}"}])
    broker.fails = {"r1"}
    pages: list[Page] = []
    source = broker.source(page_size=2, sides=["borrowing"])
    with pytest.raises(Unavailable):
        pages.extend(source.poll(None))
    source.close()
    assert numbers(pages) == {f"US-r{number}" for number in (0, 2, 3, 4, 5)}
    broker.fails = set()
    assert "US-r1" in numbers(broker.polled(pages[-1].cursor, sides=["borrowing"]))


def test_where_many_cannot_be_had_it_is_the_broker(broker: Broker) -> None:
    for number in range(6):
        broker.borrow(f"r{number}", "SHIPPED", NOON + timedelta(hours=number))
    broker.fails = {f"r{number}" for number in range(6)}
    with pytest.raises(Unavailable):
        broker.polled(sides=["borrowing"])


def test_more_rows_of_one_second_than_fit_a_page(broker: Broker) -> None:
    for place in range(11):
        broker.borrow(f"{place:02}", "SENT", NOON + timedelta(milliseconds=place % 2))
    broker.borrow("after", "SENT", NOON + timedelta(seconds=5))
    assert len(numbers(broker.polled(page_size=4))) == 12


def test_no_row_is_lost_when_others_move_while_pages_are_read(broker: Broker) -> None:
    """By offset alone the fourth row would slip onto the page that was read already."""
    for place in range(9):
        broker.borrow(str(place), "SENT")
    moved = iter("1")

    def move() -> None:
        for name in moved:
            broker.borrow(name, "SHIPPED", NOON + timedelta(minutes=1))

    broker.shelf.meanwhile = move
    pages = broker.polled(page_size=3)
    assert len(numbers(pages)) == 9
    assert Phase.SHIPPED in {change.phase for change in changes(pages)}


def test_what_is_told_again_has_the_same_key_and_what_changed_another(broker: Broker) -> None:
    broker.borrow("1", "RECEIVED")
    first, again = arrivals(broker.polled()), arrivals(broker.polled())
    broker.borrow("1", "RECEIVED", illResponse={"statusInfo": {"dueDate": "2027-02-01"}})
    third = arrivals(broker.polled())
    assert first[0].key == again[0].key != third[0].key


def test_only_the_latest_state_is_told_and_a_step_back_is_one(broker: Broker) -> None:
    request: Request | None = None
    for minute, state in enumerate(("RECEIVED", "SHIPPED")):
        broker.borrow("1", state, NOON + timedelta(minutes=minute), supplierSymbol="ISIL:SUP")
        for change in changes(broker.polled()):
            request = fold(request or Request(change.request), change)
    assert request is not None
    (stand,) = standings(request)
    assert (stand.phase, stand.reverted_from) == (Phase.SHIPPED, Phase.RECEIVED)


def test_one_request_at_several_suppliers_in_turn(broker: Broker) -> None:
    request: Request | None = None
    for minute, (supplier, state) in enumerate((("ISIL:ONE", "WILL_SUPPLY"), ("ISIL:TWO", "SHIPPED"))):
        broker.borrow("1", state, NOON + timedelta(minutes=minute), supplierSymbol=supplier)
        for change in changes(broker.polled()):
            request = fold(request or Request(change.request), change)
    assert request is not None
    assert [(stand.leg, stand.dead, stand.phase) for stand in standings(request)] == [
        ("ISIL:ONE", True, Phase.WILL_SUPPLY),
        ("ISIL:TWO", False, Phase.SHIPPED),
    ]


def test_an_unknown_state_is_kept_and_the_others_go_on(broker: Broker) -> None:
    broker.borrow("1", "TELEPORTED", NOON + timedelta(minutes=1))
    broker.borrow("2", "SENT")
    pages = broker.polled(sides=["borrowing"])
    assert [each.state for each in arrivals(pages)] == [ArrivalState.FOLDED, ArrivalState.UNKNOWN_WORD]
    assert "12:01:00" in pages[-1].cursor


def test_a_state_of_the_other_side_is_not_ours(broker: Broker) -> None:
    broker.lend("1", "SHIPPED_RETURNED")
    (arrival,) = arrivals(broker.polled())
    assert arrival.state is ArrivalState.UNKNOWN_WORD


def test_words_can_be_said_otherwise_for_both_sides_or_for_each(broker: Broker) -> None:
    broker.borrow("1", "CHECKED_IN")
    (change,) = changes(broker.polled(words={"checked-in": {"phase": "shipped"}}))
    assert change.phase is Phase.SHIPPED
    each = [{"role": "borrower", "phase": "will_supply"}, {"role": "lender", "unknown": True}]
    broker.lend("2", "COMPLETED")
    broker.borrow("2b", "COMPLETED")
    found = arrivals(broker.polled(words={"COMPLETED": each}))
    assert [arrival.state for arrival in found] == [ArrivalState.FOLDED, ArrivalState.FOLDED, ArrivalState.UNKNOWN_WORD]


def test_fields_can_be_found_elsewhere(broker: Broker) -> None:
    broker.borrow("1", "SENT", patron=7, internalNote="Branch")
    (change,) = changes(broker.polled(fields={"pickup_location": "internalNote", "partner": "nowhere"}))
    assert (change.edits.pickup_location, change.edits.patron_id) == ("Branch", "7")


@pytest.mark.parametrize(
    "row", [{"side": "sideways"}, {"illRequest": "text", "illResponse": []}, {"state": {}, "items": 5}]
)
def test_one_bad_row_never_stops_the_rest(broker: Broker, row: dict[str, Any]) -> None:
    broker.borrow("1", "SENT")
    broker.shelf.put("1", NOON, **row)
    broker.borrow("2", "SENT", NOON + timedelta(seconds=1))
    assert "US-2" in numbers(broker.polled(sides=["borrowing"]))


def test_a_row_of_a_library_that_is_not_ours_is_kept_and_not_taken_for_ours(broker: Broker) -> None:
    broker.borrow("1", "SENT", requesterSymbol="ISIL:OTHER")
    broker.borrow("2", "SENT")
    found = arrivals(broker.polled(symbols=[], libraries={"ISIL:US": "branch"}, sides=["borrowing"]))
    assert [arrival.state for arrival in found] == [ArrivalState.MALFORMED, ArrivalState.FOLDED]
    assert found[1].changes[0].request.library == "branch"


def test_tenant_credentials_and_answers_that_are_no_list(broker: Broker) -> None:
    broker.polled(tenant="diku")
    assert broker.shelf.asked[0]["tenant"] == "diku"
    with pytest.raises(CredentialsRejected):
        broker.polled(password="wrong")
    broker.app.view_functions["_list"] = lambda: {"items": 5}
    with pytest.raises(RefusedInput, match="no list"):
        broker.polled()


def test_without_a_count_a_full_page_has_another_behind_it(broker: Broker) -> None:
    broker.borrow("1", "SENT")
    rows = [{"id": str(place), "side": "borrowing", "updatedAt": None} for place in range(2)]
    broker.app.view_functions["_list"] = lambda: {"items": rows}
    assert len(broker.polled(page_size=2, max_pages=3, sides=["borrowing"])) == 3


def test_kept_rows_are_read_again(broker: Broker) -> None:
    broker.lend("1", "SHIPPED", items=[{"id": "i1", "barcode": "L-1"}])
    (arrival,) = arrivals(broker.polled())
    source = broker.source()
    assert source.replayed(arrival.body) == arrival
    assert source.replayed("[1").state is ArrivalState.MALFORMED
    source.close()


def test_check_asks_every_list(broker: Broker) -> None:
    broker.borrow("1", "TELEPORTED", NOW - timedelta(days=1))
    broker.lend("2", "SHIPPED", NOW - timedelta(days=1))
    source = broker.source()
    findings = source.check(lambda: NOW)
    source.close()
    assert [finding.subject for finding in findings] == ["Clock", "Address", "Changes"]
    assert findings[-1].level is Level.WARNING
    assert "1 of 2" in findings[-1].text
    assert {asked["side"] for asked in broker.shelf.asked} == {"borrowing", "lending"}


@pytest.mark.parametrize("wrong", [{"sides": []}, {"sides": ["both"]}, {"cql": "updated_at"}, {"url": "broker"}])
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CrossLinkSettings.model_validate({"service": "svc", "url": "https://b.example", **wrong})


def test_a_ledger_takes_each_state_once_and_reads_on_where_it_stopped(broker: Broker, tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'bridge.db'}")
    ledger.upgrade()
    counted: list[bool] = []
    source = broker.source()

    def received(_source: str, _arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
        counted.extend(each.repeated for each in receipts)

    job = PollJob("broker", source, ledger, lambda _: "alma", taken=lambda: None, received=received)
    for minute, state in enumerate(("SENT", "SHIPPED", "RECEIVED", "RECEIVED")):
        broker.borrow("1", state, NOON + timedelta(minutes=min(minute, 2)), supplierSymbol="ISIL:SUP")
        job.run()
    source.close()
    (row,) = ledger.requests.find("US-1")
    assert [stand.phase for stand in standings(row.request)] == [Phase.RECEIVED]
    assert counted == [False, False, False, True]
    assert json.loads(ledger.inbox.cursor("broker") or "")["borrowing ISIL:US"] == "2026-11-24T12:02:00+00:00"
    ledger.close()


@pytest.mark.parametrize("cursor", [None, "", "yesterday", "{", '{"a": 5}', "{}"])
def test_a_cursor_that_cannot_be_read_is_none(cursor: str | None) -> None:
    assert Marks.read(cursor) == Marks()


def test_an_id_with_half_a_sign_keeps_none_of_the_others_waiting(broker: Broker) -> None:
    broker.borrow("1", "RECEIVED")
    broker.borrow("\ud800", "RECEIVED")
    found = [arrival for page in broker.polled() for arrival in page.arrivals]
    assert sorted(arrival.state for arrival in found) == [ArrivalState.FOLDED, ArrivalState.MALFORMED]
