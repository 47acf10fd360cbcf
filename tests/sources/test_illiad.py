"""ILLiad over real HTTP, against the stand-in: known requests one by one, statuses and fields apart, local times, names in statuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import jsonify

from bridge.domain.arrival import ArrivalState
from bridge.domain.change import Change, Condition, Phase, Stamp
from bridge.domain.finding import Level
from bridge.domain.goal import ItemWish, Wish
from bridge.domain.identity import RequestKey, Role
from bridge.domain.request import Request
from bridge.domain.standing import standings
from bridge.errors import RefusedInput, Unavailable
from bridge.ledger import Arrival, Ledger
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.illiad import IlliadStandIn
from bridge.sources.illiad import IlliadSettings, IlliadSource
from bridge.sources.polled import Page
from tests.reference import REFERENCE, needs_reference
from tests.sources.asking import arrivals, changes, goal_of, poll
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Illiad(IlliadStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""
    now = NOW

    def borrow(self, name: str, status: str, at: datetime = NOON, **more: object) -> None:
        self.transaction(name, status, at, **{"Username": "jstudent", "LoanTitle": "Bees", **more})

    def source(self, **more: Any) -> IlliadSource:
        known = {"service": "illiad", "library": "main", "requester": "US", "timezone": "America/New_York"}
        settings = IlliadSettings.model_validate(
            {**known, "url": f"{self.url}/ILLiadWebPlatform", "token": "illiad-key", **more}
        )
        return IlliadSource("illiad", settings, LIBRARIES, tell=lambda _: None, clock=lambda: self.now)

    def polled(self, **more: Any) -> list[Page]:
        source = self.source(**{"users": ["jstudent"], **more})
        try:
            return list(source.poll(None))
        finally:
            source.close()


@pytest.fixture
def illiad() -> Iterator[Illiad]:
    made = Illiad()
    with Server(made.app) as server:
        made.url = server.url
        yield made


@pytest.fixture
def following(illiad: Illiad, ledger: Ledger) -> Iterator[IlliadSource]:
    """A source that asks the ledger, as the daemon's does."""
    source = illiad.source()
    source.learn(ledger.known.of("illiad"))
    yield source
    source.close()


def tell_of(ledger: Ledger, *numbers: str) -> None:
    """Another source of the service told of these first."""
    told = [
        Change(
            f"e{each}",
            RequestKey("main", "illiad", Role.BORROWER, "US", each),
            Stamp(0, NOON - timedelta(days=1)),
            phase=Phase.REQUESTED,
        )
        for each in numbers
    ]
    ledger.inbox.take("hook", [Arrival(each.key, "{}", (each,)) for each in told], lambda _: "alma")


def requests(ledger: Ledger) -> dict[str, Request]:
    return {row.request.key.number: row.request for row in ledger.requests.list()}


def test_a_transaction_is_read_whole(illiad: Illiad) -> None:
    illiad.borrow("12", "Awaiting Post Receipt Processing", DueDate="2026-12-15T00:00:00", LendingLibrary="SUP")
    status, fields = changes(illiad.polled())
    assert (status.request.number, status.request.role, status.phase) == ("12", Role.BORROWER, Phase.RECEIVED)
    assert status.stamp.at == NOON, "a local time without offset"
    assert (fields.edits.due, fields.edits.partner, fields.edits.patron_id) == (date(2026, 12, 15), "SUP", "jstudent")
    assert (fields.edits.title, fields.phase) == ("Bees", None)


def test_known_requests_are_followed_one_by_one(illiad: Illiad, following: IlliadSource, ledger: Ledger) -> None:
    illiad.borrow("12", "Customer Notified via E-Mail")
    illiad.borrow("99", "Request Sent")
    tell_of(ledger, "12")
    poll(following, ledger)
    assert standings(requests(ledger)["12"])[-1].phase is Phase.RECEIVED
    assert {each["path"].rpartition("/")[2] for each in illiad.shelf.asked} == {"12"}, "nobody told of 99"
    history = ledger.requests.history(ledger.requests.list()[0].id)
    poll(following, ledger)
    assert ledger.requests.history(ledger.requests.list()[0].id) == history, "the same again is no news"


def test_some_that_cannot_be_had_keep_no_other_waiting_and_are_told_of(
    illiad: Illiad, following: IlliadSource, ledger: Ledger
) -> None:
    numbers = [str(number) for number in range(11, 19)]
    for number in numbers:
        illiad.borrow(number, "Customer Notified via E-Mail")
    tell_of(ledger, *numbers)
    broken = {"11", "12", "13", "15"}
    illiad.before_answer = lambda path: (jsonify(Message="x"), 500) if path.rpartition("/")[2] in broken else None
    for _ in range(2):
        poll(following, ledger)
    received = {number for number, each in requests(ledger).items() if standings(each)[-1].phase is Phase.RECEIVED}
    assert received == {"14", "16", "17", "18"}
    assert "HTTP 500" in ledger.attention.failing()["illiad"], "that some cannot be had is told"


def test_fields_that_change_without_a_new_status_are_news(
    illiad: Illiad, following: IlliadSource, ledger: Ledger
) -> None:
    tell_of(ledger, "12")
    illiad.borrow("12", "Checked Out to Customer", DueDate="2026-12-15T00:00:00")
    for day in (16, 14, 20):
        poll(following, ledger)
        illiad.now += timedelta(minutes=1)
        illiad.edit("12", DueDate=f"2026-12-{day}T00:00:00")
    poll(following, ledger)
    assert standings(requests(ledger)["12"])[-1].due == date(2026, 12, 20)


def test_many_open_requests_are_asked_after_in_turn(illiad: Illiad, ledger: Ledger) -> None:
    numbers = [str(number) for number in range(1, 8)]
    tell_of(ledger, *numbers)
    source = illiad.source(most=3)
    source.learn(ledger.known.of("illiad"))
    for _ in range(3):
        list(source.poll(None))
    source.close()
    assert [each["path"].rpartition("/")[2] for each in illiad.shelf.asked] == numbers


def test_one_that_cannot_be_had_keeps_no_other_waiting(illiad: Illiad, following: IlliadSource, ledger: Ledger) -> None:
    tell_of(ledger, "11", "12", "13")
    for name in ("11", "12", "13"):
        illiad.borrow(name, "Customer Notified via E-Mail")
    illiad.before_answer = lambda path: (jsonify(Message="odd"), 400) if path.endswith("/11") else None
    illiad.edit("12", DueDate="whenever")
    poll(following, ledger)
    phases = {number: standings(each)[-1].phase for number, each in requests(ledger).items()}
    assert phases == {"11": Phase.REQUESTED, "12": Phase.RECEIVED, "13": Phase.RECEIVED}
    assert not standings(requests(ledger)["11"])[-1].has(Condition.VANISHED), "a refusal is no disappearance"


def test_one_that_is_gone_is_left_to_staff_until_it_shows_again(
    illiad: Illiad, following: IlliadSource, ledger: Ledger
) -> None:
    tell_of(ledger, "12")
    poll(following, ledger)
    poll(following, ledger)
    assert standings(requests(ledger)["12"])[-1].has(Condition.VANISHED)
    illiad.now += timedelta(minutes=1)
    illiad.borrow("12", "Request Sent")
    poll(following, ledger)
    assert not standings(requests(ledger)["12"])[-1].has(Condition.VANISHED)


@pytest.mark.parametrize(
    ("status", "phase", "raised"),
    [
        ("Cancelled By ILL Staff", Phase.CANCELLED, ()),
        ("cancelled by ill staff", Phase.CANCELLED, ()),
        ("Renewed by Ann Smith on 12/1", Phase.RECEIVED, ()),
        ("Awaiting Denied Renewal Processing", Phase.RECEIVED, (Condition.RENEWAL_REFUSED,)),
        ("Awaiting Recalled Processing", Phase.RECEIVED, (Condition.RECALLED,)),
    ],
)
def test_words_whatever_their_case_and_whoever_they_name(
    illiad: Illiad, status: str, phase: Phase, raised: tuple[Condition, ...]
) -> None:
    illiad.borrow("12", status)
    first = changes(illiad.polled())[0]
    assert (first.phase, first.raised) == (phase, raised)
    assert "Smith" not in first.word


def test_a_sites_own_queue_is_kept_until_it_is_explained(illiad: Illiad) -> None:
    illiad.borrow("12", "On the Shelf at Branch")
    assert [each.state for each in arrivals(illiad.polled())] == [ArrivalState.UNKNOWN_WORD, ArrivalState.FOLDED]
    words = {"on the shelf at branch": {"phase": "received"}}
    assert changes(illiad.polled(words=words))[0].phase is Phase.RECEIVED


def test_lending_is_not_guessed_and_documents_are_copies(illiad: Illiad) -> None:
    illiad.borrow("12", "Item Shipped", ProcessType="Lending")
    illiad.borrow("13", "Request Sent", RequestType="Article")
    illiad.borrow("14", "Request Sent", ProcessType="Doc Del")
    found = {each.key: each.state for each in arrivals(illiad.polled())}
    assert list(found.values()).count(ArrivalState.UNKNOWN_WORD) == 1
    assert list(found.values()).count(ArrivalState.MALFORMED) == 2, "no interlibrary loan"
    assert {each.edits.service_type for each in changes(illiad.polled()) if each.request.number == "13"} == {"copy"}


def test_a_whole_loan_by_its_words(illiad: Illiad) -> None:
    told = []
    for hour, status in enumerate(
        (
            "Request Sent",
            "Awaiting Post Receipt Processing",
            "Checked Out to Customer",
            "Item Returned",
            "Request Finished",
        )
    ):
        illiad.borrow("12", status, NOON + timedelta(hours=hour))
        told.append(changes(illiad.polled()))
    so_far = [change for each in told[:3] for change in each]
    assert isinstance(goal_of(so_far).items[0].item, ItemWish)
    assert goal_of([change for each in told for change in each]).items[0].item is Wish.ABSENT


def test_a_list_that_a_site_has_made_is_read_since_the_last_change(illiad: Illiad) -> None:
    illiad.borrow("12", "Request Sent")
    illiad.borrow("13", "Request Sent", NOW)
    source = illiad.source(list_path="/Custom/Changed?since={since}")
    cursor = list(source.poll(None))[-1].cursor
    assert [each.request.number for each in changes(list(source.poll(cursor)))] == ["13", "13"]
    assert illiad.shelf.asked[-1]["since"] == "2026-11-25T06:58:00"
    source.close()


def test_what_users_lists_tell_moves_no_cursor_past_a_list_that_could_not_be_read(illiad: Illiad) -> None:
    illiad.borrow("12", "Request Sent")
    illiad.borrow("13", "Request Sent", NOW, Username="other")
    source = illiad.source(users=["jstudent"], list_path="/Custom/Changed?since={since}")
    cursors: list[str] = []

    def broken(path: str) -> tuple[Any, int] | None:
        return (jsonify(Message="x"), 500) if "Custom" in path else None

    illiad.before_answer = broken
    with pytest.raises(Unavailable):
        cursors.extend(page.cursor for page in source.poll(None))
    assert set(cursors) == {""}
    source.close()


def test_an_answer_that_is_no_list_is_told(illiad: Illiad) -> None:
    illiad.before_answer = lambda _: (jsonify(Message="x"), 200)
    with pytest.raises(RefusedInput, match="no list"):
        illiad.polled()


@pytest.mark.parametrize(
    ("more", "levels"),
    [
        ({}, [Level.OK, Level.OK, Level.OK]),
        ({"users": ["jstudent"]}, [Level.OK, Level.OK, Level.OK]),
        ({"token": "wrong"}, [Level.FAILED]),
        ({"token": "wrong", "users": ["jstudent"]}, [Level.OK, Level.FAILED]),
    ],
)
def test_check_asks_once_and_changes_nothing(illiad: Illiad, more: dict[str, Any], levels: list[Level]) -> None:
    source = illiad.source(**more)
    found = source.check(lambda: datetime.now(UTC))
    source.close()
    assert [each.level for each in found] == levels


def test_check_tells_an_address_that_is_none(illiad: Illiad) -> None:
    illiad.before_answer = lambda _: (jsonify(Message="broken"), 500)
    source = illiad.source()
    assert [each.subject for each in source.check(lambda: NOW)] == ["Address"]
    source.close()


@needs_reference
def test_recorded_transactions_are_read(illiad: Illiad) -> None:
    folder = REFERENCE / "iso18626" / "illiad"
    rows = json.loads((folder / "outstanding_ill_requests_response.json").read_text(encoding="utf-8"))
    source = illiad.source()
    found = [source.replayed(json.dumps(part)) for row in rows for part in source._parts(row)]
    failed = json.loads((folder / "cancel_ill_requests_failed_response.json").read_text(encoding="utf-8"))
    odd = source.replayed(json.dumps(failed))
    source.close()
    assert [each.problem for each in found] == [""] * 4
    assert found[0].changes[0].phase is Phase.CANCELLED
    assert str(found[0].changes[0].stamp.at) == "2020-06-18 20:42:34+00:00"
    assert odd.state is ArrivalState.UNKNOWN_WORD
