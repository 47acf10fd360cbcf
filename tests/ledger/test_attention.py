"""What needs attention, asked of both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.ledger import Ledger, Parked, State, Verdict
from tests.ledger.sample import KEY, NOW, Clock, arrival, claim, held, take

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def stop(ledger: Ledger, state: State, cause: str, reason: str = "Why.", advice: str = "") -> str:
    """Leave the next due request in this state."""
    mine = held(ledger)
    verdict = Verdict(state, "received", parked=Parked("goal", cause, reason, advice))
    ledger.work.release(mine, verdict, version=mine.row.version)
    return mine.row.name


class TestParked:
    def test_by_library_state_and_cause(self, ledger: Ledger, clock: Clock) -> None:
        for number in "123":
            take(ledger, arrival(number, number=number))
            stop(ledger, State.PARKED, "item_type")
            clock.now += HOUR
        take(ledger, arrival("4", number="4"))
        stop(ledger, State.STAFF, "staff")
        take(ledger, arrival("5", number="5"))
        stop(ledger, State.IN_STEP, "")
        first, second = ledger.attention.parked(NOW + HOUR, named=2)
        assert (first.library, first.staff, first.cause, first.count, first.fresh) == ("main", False, "item_type", 3, 2)
        assert first.latest == NOW + 2 * HOUR
        assert [(each.name, each.number) for each in first.newest] == [("R3", "3"), ("R2", "2")]
        assert (second.staff, second.cause, second.count) == (True, "staff", 1)

    def test_how_wide_it_reaches_and_when_it_is_tried_again(self, ledger: Ledger) -> None:
        for number in "12":
            stamp = Stamp(0, NOW, Phase.RECEIVED.rank, number)
            key = replace(KEY, number=number)
            edits = Edits(partner="ABC", temporary_barcode=number, patron_id=number)
            take(ledger, Arrival(number, "{}", (Change(number, key, stamp, phase=Phase.RECEIVED, edits=edits),)))
            mine = held(ledger)
            parked = Parked("goal", "unknown_patron", "Why.")
            due_at = NOW + DAY if number == "1" else None
            ledger.work.release(mine, Verdict(State.PARKED, "", due_at, parked=parked), version=mine.row.version)
        (group,) = ledger.attention.parked(NOW)
        assert (group.reach, group.again, group.next_try) == ("every open borrowed loan of library main", 1, NOW + DAY)
        take(ledger, arrival("3", number="3"))
        (group,) = ledger.attention.parked(NOW)
        assert group.reach == "all 2 are of partner ABC"

    def test_no_patron_is_told(self, ledger: Ledger) -> None:
        stamp = Stamp(0, NOW, Phase.RECEIVED.rank, "e1")
        change = Change("e1", KEY, stamp, phase=Phase.RECEIVED, edits=Edits(patron_id="P1001"))
        take(ledger, Arrival("e1", "{}", (change,)))
        stop(ledger, State.PARKED, "refused", "User P1001 is odd.", "Ask P1001.")
        ((told,),) = (each.newest for each in ledger.attention.parked(NOW))
        assert (told.reason, told.advice) == ("User … is odd.", "Ask ….")

    def test_parked_again_for_the_same_reason_is_no_news(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        stop(ledger, State.PARKED, "refused", "No. [tracking id 1]")
        clock.now += HOUR
        take(ledger, arrival("e2"))
        stop(ledger, State.PARKED, "refused", "No. [tracking id 2]")
        (told,) = ledger.attention.parked(NOW)[0].newest
        assert (told.since, told.reason) == (NOW, "No. [tracking id 2]")

    def test_parked_for_another_reason_or_after_it_went_on_is_news(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        stop(ledger, State.PARKED, "item_type")
        clock.now += HOUR
        take(ledger, arrival("e2"))
        stop(ledger, State.PARKED, "location")
        assert ledger.attention.parked(NOW)[0].newest[0].since == NOW + HOUR
        take(ledger, arrival("e3"))
        stop(ledger, State.WAITING, "location")
        clock.now += HOUR
        take(ledger, arrival("e4"))
        stop(ledger, State.PARKED, "location")
        assert ledger.attention.parked(NOW)[0].newest[0].since == NOW + 2 * HOUR

    def test_what_an_older_release_parked_has_its_last_touch(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        stop(ledger, State.PARKED, "item_type")
        with ledger.database.write() as connection:
            connection.exec_driver_sql("update request set parked_at = null")
        (group,) = ledger.attention.parked(NOW)
        assert (group.fresh, group.latest, group.newest[0].since) == (1, NOW, NOW)

    def test_one_that_cannot_be_read_does_not_silence_the_others(self, ledger: Ledger) -> None:
        for number in "12":
            take(ledger, arrival(number, number=number))
            stop(ledger, State.PARKED, "item_type")
        with ledger.database.write() as connection:
            connection.exec_driver_sql("update request set document = '{}' where id = 1")
        (group,) = ledger.attention.parked(NOW)
        assert [each.reason for each in group.newest] == ["Why.", "This release cannot read the request."]

    def test_none(self, ledger: Ledger) -> None:
        assert ledger.attention.parked(NOW) == ()


class TestQuiet:
    def test_open_requests_without_news_for_longer_than_their_library_allows(
        self, ledger: Ledger, clock: Clock
    ) -> None:
        for number, state in (("1", State.IN_STEP), ("2", State.PARKED), ("3", State.CLOSED), ("4", State.OBSERVED)):
            take(ledger, arrival(number, number=number))
            stop(ledger, state, "")
        clock.now += 5 * DAY
        take(ledger, arrival("5", number="5"))
        stop(ledger, State.IN_STEP, "")
        clock.now += 6 * DAY
        found = ledger.attention.quiet({"main": 10, "branch": 1})
        assert [(each.name, each.number, each.library, each.state) for each in found] == [
            ("R1", "1", "main", "in_step"),
            ("R2", "2", "main", "parked"),
        ]
        assert (found[0].heard, found[0].status) == (NOW, "received")

    def test_news_counts_and_work_does_not(self, ledger: Ledger, clock: Clock) -> None:
        for number in "12":
            take(ledger, arrival(number, number=number))
            stop(ledger, State.IN_STEP, "")
        clock.now += 9 * DAY
        take(ledger, arrival("n", number="1"))
        ledger.work.look_afresh()
        assert stop(ledger, State.IN_STEP, "")
        assert stop(ledger, State.IN_STEP, "")
        assert claim(ledger) is None
        clock.now += 2 * DAY
        assert [each.name for each in ledger.attention.quiet({"main": 10})] == ["R2"]

    def test_the_quietest_first(self, ledger: Ledger, clock: Clock) -> None:
        for number in "12":
            take(ledger, arrival(number, number=number))
            clock.now += HOUR
        take(ledger, arrival("n", number="1"))
        clock.now += 2 * DAY
        assert [each.name for each in ledger.attention.quiet({"main": 1})] == ["R2", "R1"]

    def test_without_a_limit_none_are(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        clock.now += 999 * DAY
        assert ledger.attention.quiet({}) == ledger.attention.quiet({"main": 0}) == ()


class TestSources:
    def test_messages_not_understood(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, Arrival("a", "x", state=ArrivalState.MALFORMED, problem="P1001"))
        clock.now += HOUR
        take(ledger, Arrival("b", "x", state=ArrivalState.UNKNOWN_WORD), arrival("c"))
        (kept,) = ledger.attention.kept(NOW + HOUR)
        assert (kept.source, kept.count, kept.fresh, kept.latest) == ("hook", 2, 1, NOW + HOUR)

    def test_when_a_source_was_heard(self, ledger: Ledger, clock: Clock) -> None:
        assert ledger.attention.heard("hook") is None
        take(ledger)
        clock.now += HOUR
        take(ledger, arrival("e2"))
        assert ledger.attention.heard("hook") == (NOW, NOW + HOUR)
        assert ledger.attention.heard("other") is None

    def test_what_it_brought_in_a_time(self, ledger: Ledger, clock: Clock) -> None:
        for key in "abc":
            take(ledger, arrival(key))
            clock.now += HOUR
        assert ledger.attention.brought("hook", NOW, NOW + 2 * HOUR) == 1
        assert ledger.attention.brought("other", NOW, NOW + 2 * HOUR) == 0

    def test_whose_polls_fail(self, ledger: Ledger) -> None:
        ledger.inbox.polled("changes", "Down.")
        ledger.inbox.polled("calm")
        assert ledger.attention.failing() == {"changes": "Down."}
