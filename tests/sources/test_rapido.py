"""Rapido over real HTTP, against the stand-in: windows, overlap, equal times, latest state only, renewals, both sides of one row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bridge.domain.arrival import ArrivalState
from bridge.domain.change import Condition, Phase
from bridge.domain.finding import Level
from bridge.domain.goal import ItemWish, Wish
from bridge.domain.identity import Role
from bridge.domain.request import Request, fold
from bridge.domain.standing import standings
from bridge.errors import CredentialsRejected, RefusedInput, Unavailable
from bridge.ledger import Ledger
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.rapido import RapidoStandIn
from bridge.sources.polled import Page
from bridge.sources.rapido import RapidoSettings, RapidoSource, instant_at
from tests.reference import REFERENCE, needs_reference
from tests.sources.asking import arrivals, changes, goal_of, poll
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DUE = int(datetime(2026, 12, 15, 12, 0, tzinfo=UTC).timestamp())


class Rapido(RapidoStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""
    now = NOW

    def __init__(self) -> None:
        super().__init__(lambda: self.now)

    def borrow(self, name: str, state: str, at: datetime = NOON, **more: object) -> None:
        known = {"borrowerCode": "us", "lenderCode": "them", "patronId": "p1", "pickupLocation": "MPL:Main:System"}
        self.circ(name, state, at, **{**known, "title": "Bees", "itemBarcode": "L-1", **more})

    def source(self, **more: Any) -> RapidoSource:
        known = {"service": "rapido", "library": "main", "url": self.url, "codes": ["us"]}
        login = {"key": "bridge", "secret": "rapid-secret"}
        settings = RapidoSettings.model_validate({**known, **login, **more})
        return RapidoSource("rapido", settings, LIBRARIES, tell=lambda _: None, clock=lambda: self.now)

    def polled(self, cursor: str | None = None, **more: Any) -> list[Page]:
        source = self.source(**more)
        try:
            return list(source.poll(cursor))
        finally:
            source.close()


@pytest.fixture
def rapido() -> Iterator[Rapido]:
    made = Rapido()
    with Server(made.app) as server:
        made.url = server.url
        yield made


@pytest.mark.parametrize("numbers", [True, False])
def test_a_borrowed_request_is_read_whole(rapido: Rapido, numbers: bool) -> None:
    rapido.numbers = numbers
    rapido.borrow("C1", "ITEM_SHIPPED", dueDateTime=DUE if numbers else "2026-12-15T12:00:00Z")
    (change,) = changes(rapido.polled())
    assert (change.request.role, change.request.number, change.request.requester) == (Role.BORROWER, "C1", "us")
    assert (change.phase, change.edits.partner, change.edits.patron_id) == (Phase.SHIPPED, "them", "p1")
    assert (change.edits.pickup_location, change.edits.barcode) == ("MPL", "L-1")
    assert (change.edits.due, change.stamp.at) == (date(2026, 12, 15), NOON)


def test_a_lent_request_names_no_patron(rapido: Rapido) -> None:
    rapido.borrow("C1", "ITEM_SHIPPED", borrowerCode="them", lenderCode="us")
    (change,) = changes(rapido.polled())
    assert (change.request.role, change.request.requester, change.edits.partner) == (Role.LENDER, "them", "them")
    assert not isinstance(change.edits.patron_id, str)


def test_a_request_between_two_of_ours_is_read_for_both(rapido: Rapido) -> None:
    rapido.borrow("C1", "ITEM_SHIPPED", lenderCode="our-other")
    found = changes(
        rapido.polled(codes=["us", "our-other"], libraries={"us": "main", "our-other": "branch"}, library="")
    )
    assert [(each.request.role, each.request.library) for each in found] == [
        (Role.BORROWER, "main"),
        (Role.LENDER, "branch"),
    ]


def test_one_bad_row_stops_no_other(rapido: Rapido) -> None:
    rapido.borrow("C1", "ITEM_SHIPPED")
    rapido.borrow("C2", "NO SUCH STATE")
    rapido.borrow("C3", "ITEM_SHIPPED", borrowerCode="a", lenderCode="b")
    rapido.borrow("", "ITEM_SHIPPED", title=["x"])
    rapido.borrow("C5", "ITEM_RECEIVED")
    states = {each.state for each in arrivals(rapido.polled())}
    assert states == {ArrivalState.FOLDED, ArrivalState.UNKNOWN_WORD, ArrivalState.MALFORMED}
    assert {each.request.number for each in changes(rapido.polled())} == {"C1", "C5"}


def test_first_seen_as_shipped_received_or_renewed_makes_the_item(rapido: Rapido) -> None:
    for state in ("ITEM_RECEIVED", "BORROWER_RENEW", "OWNER_RENEW", "RECALL"):
        rapido.borrow("C1", state, dueDateTime=DUE)
        (item,) = goal_of(changes(rapido.polled())).items
        assert isinstance(item.item, ItemWish), state


@pytest.mark.parametrize("state", ["FINAL_CHECKIN", "BORROWING_SITE_CANCEL", "OWNING_SITE_CANCEL"])
def test_first_seen_as_over_does_nothing(rapido: Rapido, state: str) -> None:
    rapido.borrow("C1", state)
    (item,) = goal_of(changes(rapido.polled())).items
    assert item.item is Wish.ABSENT


def test_a_second_renewal_in_the_same_state_is_news(rapido: Rapido, ledger: Ledger) -> None:
    source = rapido.source()
    for day, due in enumerate((DUE, DUE + 86_400 * 14, DUE + 86_400 * 28)):
        rapido.borrow("C1", "OWNER_RENEW", NOON + timedelta(hours=day), dueDateTime=due)
        poll(source, ledger)
    source.close()
    (row,) = ledger.requests.list()
    assert standings(row.request)[-1].due == date(2027, 1, 12)
    assert len(ledger.requests.history(row.id)) == 3


def test_a_refused_renewal_brings_back_the_old_date(rapido: Rapido) -> None:
    told = []
    for hour, (state, due) in enumerate(
        [("ITEM_RECEIVED", DUE), ("BORROWER_RENEW", DUE + 86_400 * 14), ("ITEM_RECEIVED", DUE)]
    ):
        rapido.borrow("C1", state, NOON + timedelta(hours=hour), dueDateTime=due)
        told += changes(rapido.polled())
    request = Request(told[0].request)
    for change in told[:2]:
        request = fold(request, change)
    assert standings(request)[-1].has(Condition.RENEWAL_REQUESTED)
    stand = standings(fold(request, told[2]))[-1]
    assert (stand.due, stand.phase, stand.has(Condition.RENEWAL_REQUESTED)) == (
        date(2026, 12, 15),
        Phase.RECEIVED,
        False,
    )


def test_the_overlap_repeats_nothing_and_equal_times_lose_nothing(rapido: Rapido, ledger: Ledger) -> None:
    source = rapido.source()
    rapido.borrow("C1", "ITEM_SHIPPED")
    poll(source, ledger)
    rapido.borrow("C2", "ITEM_SHIPPED")  # in the very second of the cursor
    poll(source, ledger)
    poll(source, ledger)
    source.close()
    histories = [len(ledger.requests.history(row.id)) for row in ledger.requests.list()]
    assert histories == [1, 1]


def test_a_long_silence_is_read_window_by_window(rapido: Rapido) -> None:
    cursor = json.dumps({"ACTIVE": (NOW - timedelta(days=20)).isoformat()})
    rapido.borrow("C1", "ITEM_SHIPPED", NOW - timedelta(days=1))
    pages = rapido.polled(cursor, states=["ACTIVE"])
    spans = [int(each["endTime"]) - int(each["startTime"]) for each in rapido.shelf.asked]
    assert len(spans) == 3
    assert max(spans) <= 7 * 86_400 + 1
    assert [each.request.number for each in changes(pages)] == ["C1"]


def test_the_first_poll_begins_where_it_is_told(rapido: Rapido) -> None:
    rapido.polled(states=["ACTIVE"], start="2026-11-24T00:00:00Z")
    rapido.polled(states=["ACTIVE"])
    begins = [datetime.fromtimestamp(int(each["startTime"]), UTC) for each in rapido.shelf.asked]
    assert begins[0] == datetime(2026, 11, 24, tzinfo=UTC)
    assert begins[1] == NOW - timedelta(days=30)


def test_each_state_has_a_cursor_of_its_own(rapido: Rapido) -> None:
    rapido.borrow("C1", "ITEM_SHIPPED", NOON)
    rapido.borrow("C2", "FINAL_CHECKIN", NOON - timedelta(days=2))
    cursor = json.loads(rapido.polled()[-1].cursor)
    assert cursor["ACTIVE"] > cursor["COMPLETED"]


def test_a_token_that_ended_is_renewed(rapido: Rapido) -> None:
    rapido.borrow("C1", "ITEM_SHIPPED")
    source = rapido.source(states=["ACTIVE"])
    assert changes(list(source.poll(None)))
    rapido.revoke()
    assert changes(list(source.poll(None)))
    rapido.now += timedelta(minutes=20)
    assert changes(list(source.poll(None)))
    source.close()


def test_a_wrong_secret_is_told(rapido: Rapido) -> None:
    with pytest.raises(CredentialsRejected, match="gives us no token"):
        rapido.polled(secret="wrong")
    source = rapido.source(secret="wrong")
    assert source.check(lambda: NOW)[0].level is Level.FAILED
    source.close()


def test_a_proxy_in_the_place_of_the_token_is_told(rapido: Rapido) -> None:
    with pytest.raises(Unavailable, match="asked for a token"):
        rapido.polled(token_path="/elsewhere")


def test_an_answer_without_a_list_is_told(rapido: Rapido) -> None:
    rapido.app.view_functions["_list"] = lambda: {"error": None}
    with pytest.raises(RefusedInput, match="no list"):
        rapido.polled()


def test_check_says_what_would_be_understood(rapido: Rapido) -> None:
    rapido.borrow("C1", "ITEM_SHIPPED")
    source = rapido.source()
    assert [each.level for each in source.check(lambda: NOW)][-2:] == [Level.OK, Level.OK]
    source.close()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1_764_000_000, "2025-11-24T16:00:00+00:00"),
        (1_764_000_000_000, "2025-11-24T16:00:00+00:00"),
        ("1764000000", "2025-11-24T16:00:00+00:00"),
        (0, ""),
        (10**19, ""),
        ("never", ""),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00"),
    ],
)
def test_times_in_all_their_dialects(value: object, read: str) -> None:
    assert instant_at({"at": value}, "at") == read


@needs_reference
def test_the_scenarios_of_the_published_test_server(rapido: Rapido) -> None:
    """Each row of the reference is understood; sent through the source as the server would tell it."""
    path = REFERENCE / "iso18626" / "rapido" / "mock_config.json"
    found = json.loads(path.read_text(encoding="utf-8"))["responses"]
    rows = [row for answer in found.values() for row in answer.get("data", [])]
    assert len(rows) > 10
    source = rapido.source(codes=sorted({row["borrowerCode"] for row in rows}))
    odd = [(row["lastCircState"], each.problem) for row in rows for each in _read(source, row) if each.problem]
    source.close()
    assert odd == []


def _read(source: RapidoSource, row: dict[str, Any]) -> list[Any]:
    return [source.replayed(json.dumps(side)) for side in source._sides(row)]
