"""ReShare over real HTTP, against the stand-in tenant: log-in, paging, both roles, volumes, dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import UNSET, Change, Condition, Phase
from bridge.domain.finding import Level
from bridge.domain.identity import Role, ServiceType
from bridge.errors import CredentialsRejected, RefusedInput, Unavailable
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.reshare import ReShareStandIn
from bridge.sources.polled import Page
from bridge.sources.reshare import ReShareSettings, ReShareSource
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Tenant(ReShareStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""

    def borrow(self, name: str, state: str, at: datetime = NOON, **more: object) -> None:
        known: dict[str, Any] = {"isRequester": True, "hrid": f"US-{name}", "requestingInstitutionSymbol": "RESHARE:US"}
        self.shelf.put(name, at, **{**known, "state": {"code": state}, "patronIdentifier": "p1", **more})

    def lend(self, name: str, state: str, at: datetime = NOON, **more: object) -> None:
        known: dict[str, Any] = {"isRequester": False, "peerRequestIdentifier": f"REQ-{name}"}
        symbols = {"requestingInstitutionSymbol": "RESHARE:REQ", "supplyingInstitutionSymbol": "RESHARE:US"}
        self.shelf.put(name, at, **{**known, **symbols, "state": {"code": state}, **more})

    def source(self, **more: object) -> ReShareSource:
        known = {"service": "svc", "library": "main", "url": self.url, "tenant": "our_tenant", "user": "bridge"}
        settings = ReShareSettings.model_validate({**known, "password": "re-share", **more})
        return ReShareSource("reshare", settings, LIBRARIES, tell=lambda _: None, clock=lambda: NOW)

    def polled(self, cursor: str | None = None, **more: object) -> list[Page]:
        source = self.source(**more)
        try:
            return list(source.poll(cursor))
        finally:
            source.close()


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    made = Tenant()
    with Server(made.app) as server:
        made.url = server.url
        yield made


def arrivals(pages: list[Page]) -> list[Arrival]:
    return [arrival for page in pages for arrival in page.arrivals]


def changes(pages: list[Page]) -> list[Change]:
    return [change for arrival in arrivals(pages) for change in arrival.changes]


def test_a_borrowed_request_is_read_whole(tenant: Tenant) -> None:
    volumes = [{"itemId": "L-1", "temporaryItemBarcode": "US-1", "callNumber": "QL 568"}]
    tenant.borrow(
        "1",
        "REQ_BORROWING_LIBRARY_RECEIVED",
        title="Bees",
        serviceType={"value": "loan"},
        pickupLocation="Main Library",
        pickupLocationCode="MAIN",
        parsedDueDateRS="2027-01-15T23:00:00Z",
        volumes=volumes,
    )
    (change,) = changes(tenant.polled(timezone="Europe/Berlin"))
    assert (change.request.number, change.request.requester, change.request.role) == (
        "US-1",
        "RESHARE:US",
        Role.BORROWER,
    )
    assert (change.phase, str(change.edits.due), change.edits.patron_id) == (Phase.RECEIVED, "2027-01-16", "p1")
    assert (change.edits.pickup_location, change.edits.barcode, change.edits.temporary_barcode) == (
        "MAIN",
        "L-1",
        "US-1",
    )
    assert change.edits.service_type is ServiceType.LOAN


def test_a_lent_request_has_the_borrowers_number(tenant: Tenant) -> None:
    tenant.lend("1", "RES_ITEM_SHIPPED", selectedItemBarcode="OWN-1", dueDateRS="2027-01-15", serviceType="Copy")
    (change,) = changes(tenant.polled(libraries={"RESHARE:US": "branch"}))
    assert (change.request.number, change.request.role, change.request.library) == ("REQ-1", Role.LENDER, "branch")
    assert (change.edits.partner, change.edits.barcode, change.edits.patron_id) == ("RESHARE:REQ", "OWN-1", UNSET)
    assert str(change.edits.due) == "2027-01-15"
    assert change.edits.service_type is ServiceType.COPY


def test_volumes_keep_their_barcodes(tenant: Tenant) -> None:
    volumes = [{"itemId": f"L-{each}", "temporaryItemBarcode": f"US-{each}"} for each in "12"]
    tenant.borrow("1", "REQ_SHIPPED", volumes=volumes)
    whole, *parts = changes(tenant.polled())
    assert whole.edits.barcode is UNSET
    assert [(each.volume, each.edits.temporary_barcode) for each in parts] == [("L-1", "US-1"), ("L-2", "US-2")]


STATES = [
    ("REQ_UNFILLED", None),
    ("REQ_END_OF_ROTA", "unfilled"),
    ("REQ_AWAITING_RETURN_SHIPPING", "received"),
    ("REQ_CANCELLED_WITH_SUPPLIER", None),
]


@pytest.mark.parametrize(("state", "phase"), STATES)
def test_what_states_of_a_borrower_mean(tenant: Tenant, state: str, phase: str | None) -> None:
    tenant.borrow("1", state)
    assert changes(tenant.polled())[0].phase == phase


def test_an_overdue_loan_first_seen_so_is_one_that_was_received(tenant: Tenant) -> None:
    tenant.borrow("1", "REQ_OVERDUE", overdue=True)
    (change,) = changes(tenant.polled())
    assert (change.phase, change.raised) == (Phase.RECEIVED, (Condition.OVERDUE,))


def test_a_renewal_is_only_another_due_date_and_is_news(tenant: Tenant) -> None:
    tenant.borrow("1", "REQ_BORROWING_LIBRARY_RECEIVED", parsedDueDateRS="2027-01-15T12:00:00Z")
    before = arrivals(tenant.polled())
    tenant.borrow(
        "1", "REQ_BORROWING_LIBRARY_RECEIVED", NOON + timedelta(days=1), parsedDueDateRS="2027-02-15T12:00:00Z"
    )
    after = arrivals(tenant.polled())
    assert before[0].key != after[0].key
    assert str(after[0].changes[0].edits.due) == "2027-02-15"


def test_pages_equal_times_and_the_overlap(tenant: Tenant) -> None:
    for place in range(7):
        tenant.borrow(str(place), "REQ_SHIPPED")
    tenant.borrow("8", "REQ_SHIPPED", NOON + timedelta(minutes=3))
    pages = tenant.polled(page_size=3)
    assert len({change.request.number for change in changes(pages)}) == 8
    assert pages[-1].cursor == "2026-11-24T12:03:00+00:00"
    tenant.shelf.asked.clear()
    assert {arrival.key for arrival in arrivals(tenant.polled(pages[-1].cursor))} <= {
        each.key for each in arrivals(pages)
    }
    assert tenant.shelf.asked[0]["filters"] == "lastUpdated>=2026-11-24T12:01:00Z"


def test_rows_that_move_while_pages_are_read_hide_no_other(tenant: Tenant) -> None:
    for place in range(9):
        tenant.borrow(str(place), "REQ_SHIPPED")
    moved = iter("012")

    def move() -> None:
        for name in moved:
            tenant.borrow(name, "REQ_SHIPPED", NOON + timedelta(minutes=5))
            return

    tenant.shelf.meanwhile = move
    assert len({change.request.number for change in changes(tenant.polled(page_size=4))}) == 9


def test_a_list_without_figures_is_read_to_its_short_page(tenant: Tenant) -> None:
    tenant.stats = False
    for place in range(5):
        tenant.borrow(str(place), "REQ_SHIPPED", NOON + timedelta(minutes=place))
    assert len({change.request.number for change in changes(tenant.polled(page_size=2))}) == 5


def test_a_token_that_is_refused_is_renewed_once(tenant: Tenant) -> None:
    source = tenant.source()
    list(source.poll(None))
    tenant.expire()
    list(source.poll(None))
    assert tenant.log_ins == 2
    source.close()
    with pytest.raises(CredentialsRejected, match="gives us no token"):
        tenant.polled(password="wrong")
    with pytest.raises(CredentialsRejected, match="does not accept"):
        tenant.polled(password=None, token="okapi-of-old")


def test_log_ins_that_are_none(tenant: Tenant) -> None:
    tenant.app.view_functions["_log_in"] = dict
    with pytest.raises(Unavailable, match="X-Okapi-Token"):
        tenant.polled()
    tenant.app.view_functions["_log_in"] = lambda: ("down", 500)
    with pytest.raises(Unavailable):
        tenant.polled()


def test_an_answer_that_is_no_list_and_an_unknown_state(tenant: Tenant) -> None:
    tenant.borrow("1", "REQ_TELEPORTED")
    tenant.shelf.put("2", NOON, state={"code": "RES_ITEM_SHIPPED"}, hrid="X-2")
    states = [(arrival.state, bool(arrival.changes)) for arrival in arrivals(tenant.polled())]
    assert states == [(ArrivalState.UNKNOWN_WORD, False), (ArrivalState.FOLDED, True)]
    tenant.app.view_functions["_list"] = lambda: {"error": "no"}
    with pytest.raises(RefusedInput, match="no list"):
        tenant.polled()


def test_check_names_no_password(tenant: Tenant) -> None:
    source = tenant.source(password="wrong")
    findings = source.check(lambda: NOW)
    source.close()
    assert [finding.level for finding in findings] == [Level.FAILED]
    assert "wrong" not in findings[0].text
