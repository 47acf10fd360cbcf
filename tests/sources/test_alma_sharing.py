"""Alma's resource sharing over real HTTP, against the stand-in: whole lists compared by content, known requests followed, what is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Response, request
from pydantic import ValidationError

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Change, Condition, Phase
from bridge.domain.finding import Level
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.known import KnownRequest
from bridge.errors import CredentialsRejected, RefusedInput, Rejected
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.alma import AlmaSharingStandIn
from bridge.sources.alma_sharing import AlmaSharingSettings, AlmaSharingSource
from bridge.sources.polled import Page
from tests.reference import REFERENCE, needs_reference
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Memory:
    """Requests that are open here."""

    def __init__(self, *requests: KnownRequest) -> None:
        self.requests = requests

    def open(self) -> Sequence[KnownRequest]:
        return self.requests

    def phase(self, number: str, role: Role) -> Phase | None:
        raise NotImplementedError


def known(number: str, role: Role = Role.LENDER, *, vanished: bool = False) -> KnownRequest:
    return KnownRequest(RequestKey("main", "svc", role, "REQ" if role is Role.LENDER else "", number), vanished)


class Alma(AlmaSharingStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        super().__init__()

    def _let_in(self) -> tuple[Response, int] | None:
        """``refused``: the last parts of paths that Alma refuses."""
        parts = set(request.path.split("/"))
        return (self._error("60258"), 400) if parts & self.refused else super()._let_in()

    def lend(self, number: str, status: str, at: datetime = NOON, **more: object) -> None:
        facts: dict[str, Any] = {"partner": {"value": "REQ"}, "format": {"value": "PHYSICAL"}, "barcode": "OWN-1"}
        self.shelf.put(number, at, **{**facts, "side": "lending", "library": "RS", "status": status, **more})

    def borrow(self, number: str, status: str, at: datetime = NOON, **more: object) -> None:
        facts: dict[str, Any] = {"partner": {"value": "SUP"}, "pickup_location": {"value": "MAIN"}, "user": "u1"}
        self.shelf.put(number, at, **{**facts, "side": "borrowing", "status": status, **more})

    def source(self, *memory: KnownRequest, **more: object) -> AlmaSharingSource:
        known = {"service": "svc", "library": "main", "url": f"{self.url}/almaws/v1", "token": "l8xx-sharing"}
        settings = AlmaSharingSettings.model_validate({**known, "lending_libraries": ["RS"], **more})
        source = AlmaSharingSource("alma", settings, LIBRARIES, tell=lambda _: None, clock=lambda: NOW)
        source.learn(Memory(*memory))
        return source

    def polled(self, *memory: KnownRequest, **more: object) -> list[Page]:
        source = self.source(*memory, **more)
        try:
            return list(source.poll(None))
        finally:
            source.close()


def test_what_alma_refuses_holds_up_no_other_user_and_no_request(alma: Alma) -> None:
    alma.borrow("1", "RECEIVED_PHYSICALLY", user="u1")
    alma.borrow("2", "RECEIVED_PHYSICALLY", user="u1")
    alma.borrow("3", "RECEIVED_PHYSICALLY", user="u3")
    for number in ("4", "5"):
        alma.lend(number, "SHIPPED_PHYSICALLY")
        alma.off_list.add(number)
    alma.refused = {"1", "u2", "4"}
    pages: list[Page] = []
    source = alma.source(known("4"), known("5"), users=["u1", "u2", "u3"])
    with pytest.raises(Rejected):
        pages.extend(source.poll(None))
    source.close()
    told = {arrival.changes[0].request.number for page in pages for arrival in page.arrivals if arrival.changes}
    assert told == {"2", "3", "5"}


@pytest.fixture
def alma() -> Iterator[Alma]:
    made = Alma()
    with Server(made.app) as server:
        made.url = server.url
        yield made


def arrivals(pages: list[Page]) -> list[Arrival]:
    return [arrival for page in pages for arrival in page.arrivals]


def changes(pages: list[Page]) -> list[Change]:
    return [change for arrival in arrivals(pages) for change in arrival.changes]


def test_a_lent_request_is_read_whole(alma: Alma) -> None:
    alma.lend("1", "SHIPPED_PHYSICALLY", title="Bees", due_date="2027-01-15")
    (change,) = changes(alma.polled(libraries={"RS": "branch"}))
    assert (change.request.number, change.request.requester, change.request.role) == ("1", "REQ", Role.LENDER)
    assert (change.request.library, change.phase, change.edits.barcode) == ("branch", Phase.SHIPPED, "OWN-1")
    assert (change.edits.service_type, str(change.edits.due), change.edits.title) == (
        ServiceType.LOAN,
        "2027-01-15",
        "Bees",
    )


def test_the_list_is_whole_each_time_and_only_what_changed_is_news(alma: Alma) -> None:
    alma.lend("1", "SHIPPED_PHYSICALLY")
    first, again = arrivals(alma.polled()), arrivals(alma.polled())
    alma.lend("1", "LENDER_CHECK_IN", NOON + timedelta(hours=1))
    alma.lend("1", "SHIPPED_PHYSICALLY", NOON + timedelta(hours=2))
    back = arrivals(alma.polled())
    assert first[0].key == again[0].key != back[0].key


def test_lists_by_status_and_an_empty_one(alma: Alma) -> None:
    alma.lend("1", "SHIPPED_PHYSICALLY")
    pages = alma.polled(statuses=["SHIPPED_PHYSICALLY", "WILL_SUPPLY"])
    assert [len(page.arrivals) for page in pages] == [1, 0]


def test_a_known_request_that_left_the_list_is_asked_for(alma: Alma) -> None:
    alma.lend("1", "LENDER_CHECK_IN")
    alma.off_list = {"1"}
    (change,) = changes(alma.polled(known("1")))
    assert (change.phase, change.cleared) == (Phase.COMPLETED, (Condition.VANISHED,))


def test_one_that_is_gone_is_told_once_and_nothing_is_guessed(alma: Alma) -> None:
    (change,) = changes(alma.polled(known("1")))
    assert (change.phase, change.closure, change.raised) == (None, None, (Condition.VANISHED,))
    assert changes(alma.polled(known("1", vanished=True))) == []
    assert changes(alma.polled(known("2", Role.BORROWER))) == []


def test_borrowing_of_named_users_only(alma: Alma) -> None:
    alma.borrow("1", "RECEIVED_PHYSICALLY")
    alma.borrow("2", "RECEIVED_PHYSICALLY", user="u2")
    (change,) = changes(alma.polled(users=["u1"]))
    assert (change.request.number, change.request.role, change.phase) == ("1", Role.BORROWER, Phase.RECEIVED)
    assert (change.edits.patron_id, change.edits.pickup_location, change.edits.partner) == ("u1", "MAIN", "SUP")


def test_a_known_borrowing_request_is_looked_for_at_each_user(alma: Alma) -> None:
    alma.borrow("2", "RETURNED_TO_PARTNER", user="u2")
    alma.off_list = {"2"}
    (change,) = changes(alma.polled(known("2", Role.BORROWER), users=["u1", "u2"], lending_libraries=[]))
    assert (change.phase, change.edits.patron_id) == (Phase.RETURNED, "u2")
    alma.shelf.remove("2")
    (gone,) = changes(alma.polled(known("2", Role.BORROWER), users=["u1", "u2"]))
    assert gone.raised == (Condition.VANISHED,)


def test_refusals_that_are_not_about_the_request_are_told(alma: Alma) -> None:
    alma.app.view_functions["_lending"] = lambda **_: ({"errorList": {"error": [{"errorCode": "60340"}]}}, 400)
    with pytest.raises(Rejected):
        alma.polled(known("1"))
    alma.app.view_functions["_lending"] = lambda **_: ("<html>not here</html>", 404)
    assert changes(alma.polled(known("1")))[0].raised == (Condition.VANISHED,)
    with pytest.raises(CredentialsRejected):
        alma.polled(token="wrong")
    alma.app.view_functions["_tasks"] = lambda: {"user_resource_sharing_request": "none"}
    with pytest.raises(RefusedInput, match="no list"):
        alma.polled()


def test_codes_nobody_knows_and_rows_that_are_none(alma: Alma) -> None:
    alma.lend("1", "TELEPORTED")
    (arrival,) = arrivals(alma.polled())
    assert arrival.state is ArrivalState.UNKNOWN_WORD
    alma.app.view_functions["_tasks"] = lambda: {"user_resource_sharing_request": ["odd"]}
    alma.app.view_functions["_of_user"] = lambda **_: {"user_request": [{"resource_sharing": {"link": "x/7"}}]}
    alma.app.view_functions["_borrowing"] = lambda **_: json.dumps("odd")
    states = [each.state for each in arrivals(alma.polled(users=["u1"]))]
    assert states == [ArrivalState.MALFORMED, ArrivalState.MALFORMED]


def test_check_says_what_alma_cannot_tell(alma: Alma) -> None:
    for number in range(101):
        alma.lend(str(number), "SHIPPED_PHYSICALLY", NOW - timedelta(hours=1))
    source = alma.source()
    findings = {finding.subject: finding for finding in source.check(lambda: NOW)}
    source.close()
    assert findings["Borrowing"].level is findings["Lending"].level is Level.WARNING
    assert "none is read" in findings["Borrowing"].text
    source = alma.source(users=["u1"], lending_libraries=[])
    findings = {finding.subject: finding for finding in source.check(lambda: NOW)}
    source.close()
    assert "Lending" not in findings
    assert "1 users" in findings["Borrowing"].text


def test_settings_that_name_nothing_to_read() -> None:
    with pytest.raises(ValidationError, match="lending_libraries or users"):
        AlmaSharingSettings.model_validate({"service": "svc", "url": "https://a.example/almaws/v1"})


@needs_reference
@pytest.mark.parametrize(
    ("name", "phase"), [("lending_request_shipped", "shipped"), ("php_lending_requests_created", "requested")]
)
def test_recorded_requests_are_understood(name: str, phase: str) -> None:
    recorded = json.loads((REFERENCE / f"alma/rest/{name}.json").read_text(encoding="utf-8"))
    settings = {"service": "s", "library": "main", "url": "https://a.example/almaws/v1", "lending_libraries": ["RS"]}
    source = AlmaSharingSource("alma", AlmaSharingSettings.model_validate(settings), LIBRARIES, tell=lambda _: None)
    for row in recorded.get("user_resource_sharing_request", [recorded]):
        (change,) = source.replayed(json.dumps({**row, "bridge_side": "lending"})).changes
        assert change.phase == phase
    source.close()
