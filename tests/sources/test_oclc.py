"""OCLC over real HTTP, against the stand-in: tokens, lists by status, requests whole, words, a lost loan that is paid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Change, Condition, Phase
from bridge.domain.finding import Level
from bridge.domain.goal import ABSENT, goal_for
from bridge.domain.identity import Role, ServiceType
from bridge.domain.request import Request, fold
from bridge.errors import CredentialsRejected, RefusedInput, Rejected, Unavailable
from bridge.http import Exchange
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.oclc import OclcStandIn
from bridge.sources.oclc import OclcSettings, OclcSource
from bridge.sources.polled import Page
from tests.domain.build import POLICY
from tests.reference import REFERENCE, needs_reference
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Service(OclcStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Exchange] = []

    def borrow(self, number: int, status: str, at: datetime = NOON, **more: object) -> None:
        requester = {"institution": {"institutionId": 128807}, "serviceType": "LOAN"}
        patron = {"userId": "p1", "name": "S. Smith", "pickupLocationInfo": {"registryId": 1, "name": "Main Library"}}
        known: dict[str, Any] = {"requester": requester, "patron": patron, "item": {"title": "Bees", "isbn": "978"}}
        self.shelf.put(str(number), at, **{**known, "side": "borrowing", "requestStatus": status, **more})

    def lend(self, number: int, status: str, at: datetime = NOON, **more: object) -> None:
        requester = {"institution": {"institutionId": 7, "symbol": "REQ"}, "serviceType": "LOAN"}
        known: dict[str, Any] = {"requester": requester, "itemBarcode": "OWN-1"}
        self.shelf.put(str(number), at, **{**known, "side": "lending", "requestStatus": status, **more})

    def source(self, **more: object) -> OclcSource:
        known = {"service": "svc", "library": "main", "url": self.url, "token_url": f"{self.url}/token", "key": "wskey"}
        paths = {"borrowing_path": "/ill/borrowing", "lending_path": "/ill/lending", "scope": "ill"}
        settings = OclcSettings.model_validate({**known, **paths, "secret": "ws-secret", **more})
        return OclcSource("tipasa", settings, LIBRARIES, tell=self.told.append, clock=lambda: NOW)

    def polled(self, cursor: str | None = None, **more: object) -> list[Page]:
        source = self.source(**more)
        try:
            return list(source.poll(cursor))
        finally:
            source.close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    with Server(made.app) as server:
        made.url = server.url
        yield made


def arrivals(pages: list[Page]) -> list[Arrival]:
    return [arrival for page in pages for arrival in page.arrivals]


def changes(pages: list[Page]) -> list[Change]:
    return [change for arrival in arrivals(pages) for change in arrival.changes]


def told(service: Service, *steps: tuple[str, int], lends: bool = False, **more: Any) -> Request:
    """A request after it stood in these statuses, on these days; each is polled by itself."""
    request: Request | None = None
    for status, day in steps:
        (service.lend if lends else service.borrow)(1, status, NOON - timedelta(days=90 - day), **more)
        for change in changes(service.polled()):
            request = fold(request or Request(change.request), change)
    assert request is not None
    return request


def test_a_borrowed_request_is_read_whole(service: Service) -> None:
    supplier = {"institution": {"symbol": "SUP"}}
    service.borrow(1, "In Transit", dueDate="2027-01-15T05:00:00Z", temporaryBarcode="TYPED-1", supplier=supplier)
    (change,) = changes(service.polled(timezone="America/New_York"))
    assert (change.request.number, change.request.requester, change.request.role) == ("1", "128807", Role.BORROWER)
    assert (change.phase, str(change.edits.due), change.edits.patron_id) == (Phase.SHIPPED, "2027-01-15", "p1")
    assert (change.edits.temporary_barcode, change.edits.pickup_location) == ("TYPED-1", "Main Library")
    assert (change.edits.service_type, change.edits.partner) == (ServiceType.LOAN, "SUP")
    assert change.stamp.at == NOON


def test_no_request_is_passed_over_when_another_leaves_the_list_while_it_is_read(service: Service) -> None:
    """By offset alone the fourth would slip onto the page that was read already, and the cursor would go past it."""
    for number in range(1, 10):
        service.borrow(number, "Received", NOON - timedelta(minutes=number))
    leaving = iter("1")

    def leave() -> None:
        for number in leaving:
            service.borrow(int(number), "Returned", NOON)

    service.shelf.meanwhile = leave
    pages = service.polled(page_size=3, statuses=["Received"], lending_path="")
    assert {change.request.number for change in changes(pages)} == {str(number) for number in range(1, 10)}


def test_a_list_of_whole_pages_ends(service: Service) -> None:
    for number in range(1, 7):
        service.borrow(number, "Received", NOON - timedelta(minutes=number))
    for more in ({}, {"total_path": "response.nothing"}):
        for size in (2, 3, 6):
            found = changes(service.polled(page_size=size, lending_path="", **more))
            assert [change.request.number for change in found] == ["1", "2", "3", "4", "5", "6"], (more, size)


def test_a_barcode_that_staff_overwrite_is_news(service: Service) -> None:
    service.borrow(1, "Received", temporaryBarcode="ONE")
    (before,) = arrivals(service.polled())
    service.borrow(1, "Received", temporaryBarcode="TWO")
    (after,) = arrivals(service.polled())
    assert before.key != after.key
    assert after.changes[0].edits.temporary_barcode == "TWO"


def test_a_lent_request_names_the_borrower(service: Service) -> None:
    service.lend(1, "Received")
    (change,) = changes(service.polled())
    assert (change.request.role, change.edits.partner, change.edits.barcode) == (Role.LENDER, "REQ", "OWN-1")


def test_what_comes_by_age_alone_moves_nothing(service: Service) -> None:
    """Fourteen working days after it was shipped nobody has received it yet; returned is not complete after thirty."""
    shipped = told(service, ("In Transit", 0), ("Received?", 20))
    assert {node.facts.phase.value for node in shipped.nodes if node.facts.phase} == {Phase.SHIPPED}
    returned = told(service, ("Returned", 0), ("Returned/Complete?", 30))
    assert {node.facts.phase.value for node in returned.nodes if node.facts.phase} == {Phase.RETURNED}


def test_a_lost_loan_that_is_completed_after_it_was_paid_is_not_checked_in(service: Service) -> None:
    paid = goal_for(
        told(service, ("In Transit", 0), ("Received", 1), ("Lost", 60), ("Checked-in/Complete", 80), lends=True), POLICY
    )
    (item,) = paid.items
    assert item.loan is not ABSENT
    assert "lost" in item.dispute
    back = goal_for(told(service, ("In Transit", 0), ("Received", 1), ("Checked-in/Complete", 80), lends=True), POLICY)
    assert back.items[0].loan is ABSENT


def test_a_request_that_only_pays_never_touches_the_ils(service: Service) -> None:
    service.borrow(1, "Received", item={"title": "Replacement charge for 42"})
    service.borrow(2, "Received")
    pays, loan = sorted(
        changes(service.polled(payment_only={"item.title": "(?i)replacement charge"})), key=lambda each: each.key
    )
    assert (pays.notification, loan.notification) == (True, False)


def test_renewals_are_conditions_and_a_new_date(service: Service) -> None:
    service.borrow(1, "No Renewal")
    (change,) = changes(service.polled())
    assert (change.raised, change.cleared) == ((Condition.RENEWAL_REFUSED,), (Condition.RENEWAL_REQUESTED,))


def test_lists_by_status_have_each_a_cursor_and_only_what_was_edited_is_asked_for(service: Service) -> None:
    service.borrow(1, "Received", NOON - timedelta(hours=1))
    service.borrow(2, "Returned")
    queues: dict[str, Any] = {"statuses": ["Received", "Returned"], "lending_path": ""}
    pages = service.polled(**queues)
    assert json.loads(pages[-1].cursor) == {
        "borrowing Received": "2026-11-24T11:00:00+00:00",
        "borrowing Returned": "2026-11-24T12:00:00+00:00",
    }
    assert service.single == 2
    without = {"status": "{status}", "limit": "{limit}", "offset": "{offset}"}
    service.polled(
        json.dumps({"borrowing Received": NOW.isoformat(), "borrowing Returned": NOW.isoformat()}),
        parameters=without,
        **queues,
    )
    assert service.single == 2
    assert "editedSince" not in service.shelf.asked[-1]


def test_pages_and_the_cursor_moves_with_the_last_since_the_order_is_not_known(service: Service) -> None:
    for number in range(1, 6):
        service.borrow(number, "Received", NOON + timedelta(minutes=number))
    pages = service.polled(page_size=3, lending_path="")
    assert [len(page.arrivals) for page in pages] == [3, 2], "a page begins with the last row of the one before"
    assert [bool(page.cursor) for page in pages] == [False, True]
    assert len(service.polled(page_size=3, lending_path="", total_path="nowhere")) == 3
    with pytest.raises(Rejected, match="goes on behind 1 pages"):
        service.polled(page_size=2, lending_path="", max_pages=1)


def test_a_token_that_is_refused_is_renewed_once_and_one_that_ends_before_it_does(service: Service) -> None:
    source = service.source()
    list(source.poll(None))
    list(source.poll(None))
    assert service.tokens == 1
    service.expire()
    list(source.poll(None))
    assert service.tokens == 2
    source.close()


def test_a_token_that_is_refused_again_is_no_credential(service: Service) -> None:
    service.app.view_functions["_give_token"] = lambda: {"access_token": "never", "expires_in": "soon"}
    with pytest.raises(Unavailable, match="asked for a token"):
        service.polled()
    service.app.view_functions["_give_token"] = lambda: {"access_token": "never"}
    with pytest.raises(CredentialsRejected, match="does not accept"):
        service.polled()
    service.app.view_functions["_give_token"] = lambda: ("down", 500)
    with pytest.raises(Unavailable):
        service.polled()


def test_no_secret_is_told(service: Service) -> None:
    with pytest.raises(CredentialsRejected) as refused:
        service.polled(secret="wrong-secret")
    assert "wrong-secret" not in str(refused.value)
    assert service.told
    assert all("secret" not in repr(exchange) for exchange in service.told)
    source = service.source(secret="wrong-secret")
    findings = source.check(lambda: NOW)
    source.close()
    assert [finding.level for finding in findings] == [Level.FAILED]
    assert "key and secret" in findings[0].advice


def test_a_request_that_cannot_be_had_keeps_no_other_waiting(service: Service) -> None:
    for number in range(1, 7):
        service.borrow(number, "Received", NOON + timedelta(minutes=number))
    service.fails = {"6"}
    found: list[Page] = []
    source = service.source(lending_path="")
    with pytest.raises(Unavailable):
        found.extend(source.poll(None))
    source.close()
    assert {change.request.number for change in changes(found)} == {"1", "2", "3", "4", "5"}
    assert found[-1].cursor == ""
    service.fails = {"6", "5", "4"}
    source, found = service.source(lending_path=""), []
    with pytest.raises(Unavailable):
        found.extend(source.poll(None))
    source.close()
    assert changes(found) == []


def test_a_request_that_is_gone_is_what_its_list_says(service: Service) -> None:
    service.borrow(1, "Received")
    service.shelf.meanwhile = lambda: service.shelf.remove("1")
    (arrival,) = arrivals(service.polled(lending_path=""))
    assert arrival.changes[0].phase is Phase.RECEIVED


def test_unknown_statuses_rows_that_are_none_and_answers_without_a_list(service: Service) -> None:
    service.borrow(1, "Teleported")
    assert [arrival.state for arrival in arrivals(service.polled())] == [ArrivalState.UNKNOWN_WORD]
    service.app.view_functions["_lending"] = lambda: {
        "response": {"illRequests": ["odd", {"requestStatus": "Received"}]}
    }
    states = [arrival.state for arrival in arrivals(service.polled(borrowing_path=""))]
    assert states == [ArrivalState.MALFORMED, ArrivalState.MALFORMED]
    with pytest.raises(RefusedInput, match="no list"):
        service.polled(rows_path="elsewhere")


@pytest.mark.parametrize("wrong", [{"borrowing_path": ""}, {"payment_only": {"a": "("}}, {"token_url": "oauth"}])
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    known = {"service": "svc", "key": "k", "secret": "s", "borrowing_path": "/b"}
    with pytest.raises(ValidationError):
        OclcSettings.model_validate({**known, **wrong})


@needs_reference
def test_oclcs_own_example_is_understood() -> None:
    recorded = json.loads((REFERENCE / "iso18626/oclc-illrequest/illRequestResponse.json").read_text(encoding="utf-8"))
    settings = OclcSettings.model_validate(
        {"service": "s", "library": "main", "key": "k", "secret": "s", "borrowing_path": "/b"}
    )
    source = OclcSource("tipasa", settings, LIBRARIES, tell=lambda _: None)
    row = {**recorded["response"]["illRequest"], "ourSide": "borrowing"}
    (change,) = source.replayed(json.dumps(row)).changes
    source.close()
    assert (change.request.number, change.phase, change.edits.service_type) == (
        "167513532",
        Phase.REQUESTED,
        ServiceType.COPY,
    )
    assert change.stamp.at == datetime(2019, 7, 17, 21, 21, 45, 943000, tzinfo=UTC)


def test_a_number_with_half_a_sign_keeps_none_of_the_others_waiting(service: Service) -> None:
    service.borrow(1, "RECEIVED")
    service.shelf.put("2", NOON, requestId="\ud800", side="borrowing", requestStatus="RECEIVED")
    assert ArrivalState.FOLDED in {arrival.state for arrival in arrivals(service.polled())}
