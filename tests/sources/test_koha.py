"""Koha's ILL module over real HTTP, against the stand-in: paging, equal times, zones, steps back, both meanings of COMP, deletion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.change import Condition, Phase
from bridge.domain.finding import Level
from bridge.domain.goal import ItemWish, Wish, goal_for
from bridge.domain.identity import Role
from bridge.domain.standing import standings
from bridge.errors import CredentialsRejected, RefusedInput
from bridge.ledger import Ledger
from bridge.sandbox.server import Server
from bridge.sandbox.sharing.koha import KohaIllStandIn
from bridge.sources.koha import KohaSettings, KohaSource
from bridge.sources.polled import Page
from tests.domain.build import POLICY
from tests.sources.asking import changes, goal_of, poll
from tests.sources.messages import LIBRARIES

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
START = "2026-10-01T00:00:00+02:00"
TITLE = [{"type": "title", "value": "Bees"}, {"type": "author", "value": "A. Piarist"}]


class Koha(KohaIllStandIn):
    """The stand-in, and a bridge's source of it."""

    url = ""
    now = NOW

    def __init__(self) -> None:
        super().__init__(lambda: self.now)

    def borrow(self, name: str, status: str, at: datetime = NOON, **more: object) -> None:
        known = {"library_id": "CPL", "patron": {"cardnumber": "p1"}, "patron_id": 51, "extended_attributes": TITLE}
        self.ill(name, status, at, **{**known, "ill_backend_id": "FreeForm", "medium": "book", **more})

    def source(self, **more: Any) -> KohaSource:
        known = {"service": "koha-ill", "library": "main", "url": self.url, "requester": "US", "start": START}
        login = {"client_id": "bridge", "client_secret": "koha-secret", "timezone": "Europe/Berlin"}
        settings = KohaSettings.model_validate({**known, **login, **more})
        return KohaSource("koha", settings, LIBRARIES, tell=lambda _: None, clock=lambda: self.now)

    def polled(self, cursor: str | None = None, **more: Any) -> list[Page]:
        source = self.source(**more)
        try:
            return list(source.poll(cursor))
        finally:
            source.close()


@pytest.fixture
def koha() -> Iterator[Koha]:
    made = Koha()
    with Server(made.app) as server:
        made.url = server.url
        yield made


@pytest.fixture
def following(koha: Koha, ledger: Ledger) -> Iterator[KohaSource]:
    """A source that asks the ledger, as the daemon's does."""
    source = koha.source()
    source.learn(ledger.known.of("koha-ill"))
    yield source
    source.close()


def test_a_request_is_read_whole(koha: Koha) -> None:
    koha.borrow("7", "REQ", due_date="2026-12-15T23:59:00+01:00")
    (change,) = changes(koha.polled())
    assert (change.request.number, change.request.requester, change.request.role) == ("7", "US", Role.BORROWER)
    assert (change.phase, change.stamp.at, change.edits.due) == (Phase.REQUESTED, NOON, date(2026, 12, 15))
    assert (change.edits.patron_id, change.edits.pickup_location) == ("p1", "CPL")
    assert (change.edits.title, change.edits.author, change.edits.item_format) == ("Bees", "A. Piarist", "book")


def test_libraries_are_kohas_branches_where_they_are_mapped(koha: Koha) -> None:
    koha.borrow("7", "REQ")
    (change,) = changes(koha.polled(libraries={"CPL": "branch"}))
    assert change.request.library == "branch"


def test_copies_and_other_backends(koha: Koha) -> None:
    koha.borrow("7", "COMP", medium="article")
    koha.borrow("8", "REQ", ill_backend_id="Other")
    (change,) = changes(koha.polled(backends=["FreeForm"]))
    assert change.edits.service_type == "copy"
    assert goal_of([change]).items[0].item is Wish.LEAVE


def test_rows_of_one_second_over_several_pages_are_all_read(koha: Koha) -> None:
    for number in range(1, 12):
        koha.borrow(str(number), "REQ", NOON + timedelta(milliseconds=number))
    found = {each.request.number for each in changes(koha.polled(page_size=3))}
    assert found == {str(number) for number in range(1, 12)}


def test_what_changes_while_pages_are_read_hides_nothing(koha: Koha) -> None:
    for number in range(1, 10):
        koha.borrow(str(number), "REQ", NOON + timedelta(minutes=number))
    moves = iter(["COMP"])

    def meanwhile() -> None:
        for status in moves:
            koha.move("1", status, NOW - timedelta(minutes=1))

    koha.shelf.meanwhile = meanwhile
    found = [each.request.number for each in changes(koha.polled(page_size=3))]
    assert set(found) == {str(number) for number in range(1, 10)}


def test_the_moment_is_written_with_its_zone_or_as_local_time(koha: Koha) -> None:
    koha.borrow("7", "REQ")
    cursor = koha.polled()[-1].cursor
    koha.polled(cursor)
    assert '"2026-11-24T12:58:00+01:00"' in koha.shelf.asked[-1]["q"]
    found = changes(koha.polled(cursor, since_format="local"))
    assert '"2026-11-24 12:58:00"' in koha.shelf.asked[-1]["q"]
    assert [each.request.number for each in found] == ["7"]


def test_the_night_when_clocks_go_back_loses_nothing(koha: Koha) -> None:
    """Local times stand twice then; with their zone they do not."""
    for minute in range(0, 180, 20):
        koha.borrow(str(minute + 1), "REQ", datetime(2026, 10, 24, 23, 30, tzinfo=UTC) + timedelta(minutes=minute))
    found = {each.request.number for each in changes(koha.polled(page_size=2))}
    assert found == {str(minute + 1) for minute in range(0, 180, 20)}


class TestWords:
    def test_complete_is_fulfilled_and_no_return(self, koha: Koha) -> None:
        told = []
        for hour, status in enumerate(("NEW", "REQ", "COMP")):
            koha.borrow("7", status, NOON + timedelta(hours=hour))
            told += changes(koha.polled())
        assert isinstance(goal_of(told).items[0].item, ItemWish)

    def test_checked_out_and_back(self, koha: Koha) -> None:
        told = []
        for hour, status in enumerate(("REQ", "CHK", "RET")):
            koha.borrow("7", status, NOON + timedelta(hours=hour))
            told += changes(koha.polled())
        assert isinstance(goal_of(told[:2]).items[0].item, ItemWish)
        assert goal_of(told).items[0].item is Wish.ABSENT

    def test_complete_after_the_return_brings_nothing_back(
        self, koha: Koha, following: KohaSource, ledger: Ledger
    ) -> None:
        for hour, status in enumerate(("REQ", "CHK", "RET", "COMP")):
            koha.borrow("7", status, NOON + timedelta(hours=hour))
            poll(following, ledger)
        (row,) = ledger.requests.list()
        assert standings(row.request)[-1].phase is Phase.RETURNED
        assert "COMP after RET" in ledger.requests.history(row.id)[-1].line

    def test_a_step_back_before_anything_moved_is_one(self, koha: Koha) -> None:
        told = []
        for hour, status in enumerate(("REQ", "REQREV", "GENREQ")):
            koha.borrow("7", status, NOON + timedelta(hours=hour))
            told += changes(koha.polled())
        assert [each.phase for each in told] == [Phase.REQUESTED] * 3
        assert goal_of(told).items[0].attention == ""

    def test_a_step_back_after_the_item_came_is_for_staff(self, koha: Koha) -> None:
        told = []
        for hour, status in enumerate(("COMP", "REQREV")):
            koha.borrow("7", status, NOON + timedelta(hours=hour))
            told += changes(koha.polled())
        assert "took the request back" in goal_of(told).items[0].attention

    def test_a_wish_to_cancel_cancels_nothing(self, koha: Koha) -> None:
        koha.borrow("7", "COMP")
        told = changes(koha.polled())
        koha.borrow("7", "CANCREQ", NOON + timedelta(hours=1))
        told += changes(koha.polled())
        assert isinstance(goal_of(told).items[0].item, ItemWish)

    def test_an_alias_counts_where_it_is_explained(self, koha: Koha) -> None:
        koha.borrow("7", "REQ", status_av="ONSHELF")
        (plain,) = changes(koha.polled())
        (explained,) = changes(koha.polled(words={"ONSHELF": {"phase": "received"}}))
        assert (plain.phase, explained.phase) == (Phase.REQUESTED, Phase.RECEIVED)


class TestDisappearance:
    def test_what_koha_deletes_is_shown_and_left_to_staff(
        self, koha: Koha, following: KohaSource, ledger: Ledger
    ) -> None:
        for name in ("7", "8"):
            koha.borrow(name, "COMP")
        poll(following, ledger)
        koha.shelf.remove("7")
        poll(following, ledger)
        assert all(not each.vanished for each in ledger.known.of("koha-ill").open()), "an hour has not passed"
        koha.now += timedelta(hours=1)
        poll(following, ledger)
        (gone,) = [row for row in ledger.requests.list() if row.request.key.number == "7"]
        (stand,) = standings(gone.request)
        assert (stand.phase, stand.has(Condition.VANISHED)) == (Phase.RECEIVED, True)
        item = goal_of_row(gone)
        assert "no longer shows the request" in item.attention
        assert item.item is Wish.LEAVE, "nothing is guessed"
        (there,) = [row for row in ledger.requests.list() if row.request.key.number == "8"]
        assert not standings(there.request)[-1].has(Condition.VANISHED)

    def test_it_is_told_once_a_day_at_most_and_over_when_it_shows_again(
        self, koha: Koha, following: KohaSource, ledger: Ledger
    ) -> None:
        koha.borrow("7", "COMP")
        poll(following, ledger)
        row = koha.shelf.row("7") or {}
        koha.shelf.remove("7")
        for _ in range(3):
            koha.now += timedelta(hours=1)
            poll(following, ledger)
        (request,) = ledger.requests.list()
        assert len(ledger.requests.history(request.id)) == 2
        koha.shelf.put("7", koha.now, **row)
        poll(following, ledger)
        (request,) = ledger.requests.list()
        assert not standings(request.request)[-1].has(Condition.VANISHED)

    def test_an_answer_to_another_question_means_nothing(
        self, koha: Koha, following: KohaSource, ledger: Ledger
    ) -> None:
        koha.borrow("7", "COMP")
        poll(following, ledger)
        koha.obeys = False
        koha.shelf.remove("7")
        koha.borrow("9", "COMP")
        koha.now += timedelta(hours=1)
        with pytest.raises(RefusedInput, match="not asked for"):
            list(following.poll(None))

    def test_it_can_be_switched_off(self, koha: Koha, ledger: Ledger) -> None:
        koha.borrow("7", "COMP")
        source = koha.source(missing_minutes=0)
        source.learn(ledger.known.of("koha-ill"))
        poll(source, ledger)
        koha.shelf.remove("7")
        koha.now += timedelta(hours=1)
        poll(source, ledger)
        source.close()
        (row,) = ledger.requests.list()
        assert not standings(row.request)[-1].has(Condition.VANISHED)


def goal_of_row(row: Any) -> Any:
    return goal_for(row.request, POLICY).items[0]


def test_one_bad_row_stops_no_other(koha: Koha) -> None:
    koha.borrow("7", "REQ", due_date="soon")
    koha.borrow("8", "NO SUCH STATUS")
    koha.borrow("9", "REQ")
    assert [each.request.number for each in changes(koha.polled())] == ["7", "9"]


def test_credentials_paths_and_questions_that_are_wrong_are_told(koha: Koha) -> None:
    with pytest.raises(CredentialsRejected):
        koha.polled(client_secret="wrong")
    with pytest.raises(CredentialsRejected, match="does not accept"):
        koha.polled(client_secret=None, token="guessed")
    source = koha.source(path="/api/v1/illrequests")
    assert source.check(lambda: NOW)[1].level is Level.FAILED
    source.close()
    with pytest.raises(ValidationError, match="must hold"):
        koha.source(query="{}")


def test_an_answer_that_is_no_list_is_told(koha: Koha) -> None:
    koha.app.view_functions["_list"] = lambda: {"error": "x"}
    with pytest.raises(RefusedInput, match="no list"):
        koha.polled()


def test_the_stand_in_moves_as_koha_does(koha: Koha) -> None:
    koha.borrow("7", "NEW")
    with pytest.raises(ValueError, match="does not lead to"):
        koha.move("7", "RET", NOON)


def test_what_was_completed_before_the_bridge_began_is_left_alone(koha: Koha) -> None:
    """Koha says COMP of every request that it ever fulfilled."""
    koha.borrow("6", "COMP", datetime(2019, 1, 1, tzinfo=UTC))
    koha.borrow("7", "COMP")
    assert [each.request.number for each in changes(koha.polled())] == ["7"]
    with pytest.raises(ValidationError, match="start"):
        koha.source(start="")
