"""Leases: what a worker that slept through its own may still do, and the order in which work is handed out."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.plan import Step, StepKey
from bridge.domain.record import PatronRecord, Record
from bridge.domain.request import Request
from bridge.domain.standing import correct, standings
from bridge.ledger import (
    Claimed,
    Ending,
    HistoryLine,
    LeaseLost,
    Ledger,
    Pending,
    Quota,
    QuotaReached,
    State,
    StepState,
    Terms,
    Verdict,
    codec,
)
from bridge.ledger.claims import claim_next
from tests.ledger.sample import MINUTE, NOW, STEP, Clock, arrival, claim, held, take

LINE = HistoryLine(NOW, "step", "Done by one who slept.", str(STEP.key))
LOOKING = Step(StepKey("", "", Verb.FIND_PATRON, 0), do.FindPatron("p1"))
DONE = Record(patron=PatronRecord("p", "id"))


class TestLease:
    def test_a_sleeper_leaves_no_trace_after_another_took_over(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        sleeper = held(ledger)
        ledger.work.start(sleeper, STEP)
        clock.now += MINUTE
        other = held(ledger)
        before = (ledger.requests.one(1), ledger.requests.history(1), ledger.requests.journal(1))
        pending = Pending(STEP, StepState.STARTED, NOW)
        verdict = Verdict(State.CLOSED, "closed", lines=(LINE,))
        for attempt in (
            lambda: ledger.work.finish(sleeper, STEP, StepState.DONE, DONE, (LINE,)),
            lambda: ledger.work.verified(sleeper, pending, DONE, (LINE,)),
            lambda: ledger.work.release(sleeper, verdict, version=sleeper.row.version),
            lambda: ledger.work.keep(sleeper, DONE),
            lambda: ledger.work.start(sleeper, STEP),
            lambda: ledger.work.extend(sleeper, lease=MINUTE),
        ):
            with pytest.raises(LeaseLost, match="R1"):
                attempt()
        assert (ledger.requests.one(1), ledger.requests.history(1), ledger.requests.journal(1)) == before
        assert other.row.pending == pending, "who takes over is told of the step under way"
        ledger.work.finish(other, STEP, StepState.DONE, DONE, (LINE,))
        assert ledger.requests.one(1).record == DONE

    @pytest.mark.parametrize(
        ("end", "attempts"),
        [(StepState.DONE, 0), (StepState.ALREADY, 0), (StepState.REFUSED, 3), (StepState.UNKNOWN, 3)],
    )
    def test_a_step_that_went_well_and_no_other_begins_the_count_of_attempts_anew(
        self, ledger: Ledger, clock: Clock, end: StepState, attempts: int
    ) -> None:
        take(ledger)
        first = held(ledger)
        ledger.work.release(first, Verdict(State.WAITING, "", NOW, attempts=3), version=first.row.version)
        again = held(ledger)
        ledger.work.start(again, STEP)
        ledger.work.finish(again, STEP, end, DONE, (LINE,))
        assert ledger.requests.one(1).attempts == attempts
        entry = ledger.requests.journal(1)[0]
        assert bool(entry.problem) == (end in {StepState.REFUSED, StepState.UNKNOWN})

    def test_no_step_is_begun_on_a_lease_that_ran_out(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a"), arrival("b", role=Role.LENDER))
        sleeper = held(ledger)
        clock.now += MINUTE
        other_side = ledger.work.claim_one(2, owner="other", lease=MINUTE)
        assert other_side is not None
        with pytest.raises(LeaseLost, match="ran out"):
            ledger.work.extend(sleeper, lease=MINUTE)
        with pytest.raises(LeaseLost, match="ran out"):
            ledger.work.start(sleeper, STEP)
        assert ledger.requests.one(1).pending is None
        assert ledger.requests.journal(1) == ()

    def test_a_lease_is_lengthened_while_it_runs(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        mine = held(ledger)
        clock.now += MINUTE / 2
        ledger.work.extend(mine, lease=MINUTE)
        clock.now += MINUTE - MINUTE / 60
        assert claim(ledger) is None
        clock.now += MINUTE / 60
        assert claim(ledger) is not None

    def test_what_was_done_is_noted_while_nobody_took_over(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        mine = held(ledger)
        ledger.work.start(mine, STEP)
        clock.now += 10 * MINUTE
        ledger.work.finish(mine, STEP, StepState.DONE, DONE, (LINE,))
        ledger.work.release(mine, Verdict(State.IN_STEP, "received"), version=mine.row.version)
        assert (ledger.requests.one(1).record, ledger.requests.one(1).state) == (DONE, State.IN_STEP)

    def test_a_claim_is_read_again_with_its_news(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        take(ledger, arrival("e2", phase=Phase.RETURNED))
        again = ledger.work.refreshed(mine)
        assert (again.row.version, again.fence, again.lease) == (2, mine.fence, mine.lease)
        assert again.row.request != mine.row.request

    def test_a_freed_lease_gives_its_request_to_the_next(self, ledger: Ledger) -> None:
        take(ledger)
        dead = held(ledger)
        assert ledger.work.free_all() == 1
        assert held(ledger).fence == dead.fence + 1
        with pytest.raises(LeaseLost):
            ledger.work.keep(dead, DONE)


class TestLane:
    def test_the_cap_is_of_one_lane(self, ledger: Ledger) -> None:
        ledger.lanes.ensure(["koha"])
        take(ledger, arrival("a", number="1"), arrival("b", number="2"))
        ledger.inbox.take("hook", (arrival("c", number="3"),), lambda _: "koha")
        assert claim(ledger, cap=1) is not None
        assert claim(ledger, cap=1) is None
        assert ledger.work.claim("koha", owner="test", lease=MINUTE, cap=1) is not None

    def test_a_lease_that_ran_out_is_not_counted(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a", number="1"), arrival("b", number="2"))
        first = held(ledger)
        clock.now += MINUTE
        assert claim(ledger, cap=1) is not None
        assert first.lease.until == clock.now

    def test_a_closed_lane_stays_closed_until_it_is_opened(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        ledger.lanes.close("alma", until=NOW + MINUTE, why="No answer.", cause="unavailable")
        clock.now += 10 * MINUTE
        assert claim(ledger) is None, "only a probe opens a lane, not time"
        (lane,) = ledger.lanes.all()
        assert (lane.why, lane.cause, lane.paused_until) == ("No answer.", "unavailable", NOW + MINUTE)
        ledger.lanes.open("alma")
        (lane,) = ledger.lanes.all()
        assert (lane.why, lane.cause, lane.paused_until) == ("", "", None)

    def test_the_longest_due_goes_first(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a", number="1"))
        clock.now += MINUTE
        take(ledger, arrival("b", number="2"))
        clock.now += MINUTE
        take(ledger, arrival("c", number="1", phase=Phase.RETURNED))
        assert [held(ledger).row.request.key.number for _ in range(2)] == ["2", "1"]


@pytest.mark.parametrize("state", list(StepState))
def test_how_each_end_of_a_step_stands_in_the_journal(ledger: Ledger, state: StepState) -> None:
    take(ledger)
    mine = held(ledger)
    ledger.work.start(mine, STEP)
    ledger.work.finish(mine, STEP, state, DONE, (LINE,))
    (entry,) = ledger.requests.journal(1)
    told = state in {StepState.REFUSED, StepState.UNKNOWN}
    assert (entry.state, entry.problem, entry.finished_at) == (state, LINE.line if told else "", NOW)
    pending = ledger.requests.one(1).pending
    assert pending == (Pending(STEP, state, NOW) if state is StepState.UNKNOWN else None)
    assert ledger.requests.history(1)[-1] == LINE


def test_staff_are_told_in_the_history(ledger: Ledger) -> None:
    take(ledger)
    ledger.requests.tell(1, ())
    ledger.requests.tell(1, (HistoryLine(NOW, "staff", "Settled by ada."),))
    assert [line.kind for line in ledger.requests.history(1)] == ["change", "staff"]


class TestGoingOn:
    """A step's end and the next one's start in one transaction."""

    NEXT = replace(STEP, key=replace(STEP.key, ordinal=STEP.key.ordinal + 1))
    ENDING = Ending(STEP, StepState.DONE, DONE, (LINE,))

    def states(self, ledger: Ledger) -> list[tuple[str, str]]:
        return [(line.key, line.state) for line in ledger.requests.journal(1)]

    def test_both_are_journalled(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        ledger.work.start(mine, STEP)
        assert ledger.work.go_on(mine, self.ENDING, self.NEXT, version=mine.row.version) == mine.row.version
        row = ledger.requests.one(1)
        assert (row.record, row.pending) == (DONE, Pending(self.NEXT, StepState.STARTED, NOW))
        assert self.states(ledger) == [(str(STEP.key), "done"), (str(self.NEXT.key), "started")]
        assert ledger.requests.history(1)[-1] == LINE

    def test_news_keeps_the_next_from_beginning(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        ledger.work.start(mine, STEP)
        take(ledger, arrival("e2", phase=Phase.RETURNED))
        assert ledger.work.go_on(mine, self.ENDING, self.NEXT, version=mine.row.version) == mine.row.version + 1
        assert (ledger.requests.one(1).record, ledger.requests.one(1).pending) == (DONE, None)
        assert self.states(ledger) == [(str(STEP.key), "done")]

    def test_on_a_lease_that_ran_out_only_the_end_is_journalled(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        mine = held(ledger)
        ledger.work.start(mine, STEP)
        clock.now += MINUTE
        with pytest.raises(LeaseLost, match="ran out"):
            ledger.work.go_on(mine, self.ENDING, self.NEXT, version=mine.row.version)
        assert (ledger.requests.one(1).record, ledger.requests.one(1).pending) == (DONE, None)

    def test_over_the_quota_nothing_is_journalled_and_the_end_goes_with_the_release(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        ledger.work.start(mine, STEP)
        none = Quota("main", 0)
        with pytest.raises(QuotaReached):
            ledger.work.go_on(mine, self.ENDING, self.NEXT, version=mine.row.version, quota=none)
        assert ledger.requests.one(1).pending == Pending(STEP, StepState.STARTED, NOW)
        calm = HistoryLine(NOW, "state", "Stopped.")
        verdict = Verdict(State.DUE, "received", NOW, lines=(calm,))
        ledger.work.release(mine, verdict, version=mine.row.version, ending=self.ENDING)
        row = ledger.requests.one(1)
        assert (row.record, row.pending, row.state) == (DONE, None, State.DUE)
        assert ledger.requests.history(1)[-2:] == (LINE, calm)
        assert self.states(ledger) == [(str(STEP.key), "done")]

    def test_how_a_request_stands_is_said_once_and_not_over_news(self, ledger: Ledger) -> None:
        take(ledger)
        calm = HistoryLine(NOW, "state", "Nothing is left to do.")
        verdict = Verdict(State.IN_STEP, "received", lines=(calm,))
        for number, told in ((2, 1), (3, 1)):
            mine = held(ledger)
            assert ledger.work.release(mine, verdict, version=mine.row.version) is State.IN_STEP
            assert ledger.requests.history(1).count(calm) == told
            take(ledger, arrival(f"e{number}", phase=Phase.RETURNED))
        mine = held(ledger)
        other = replace(verdict, lines=(replace(calm, line="Something else."),))
        assert ledger.work.release(mine, other, version=mine.row.version - 1) is State.DUE
        assert [line.line for line in ledger.requests.history(1)].count("Something else.") == 0

    def test_a_claim_says_whether_more_is_due(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a", number="1"), arrival("b", number="2"), arrival("c", number="3"))
        clock.now += MINUTE / 60
        assert [held(ledger).more for _ in range(3)] == [True, True, False]


class TestTheDisk:
    """What a power cut may take away, and what it may not."""

    @pytest.fixture
    def relaxed(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        seen: list[bool] = []
        write = ledger.database.write

        def noted(*, relaxed: bool = False) -> AbstractContextManager[Connection]:
            seen.append(relaxed)
            return write(relaxed=relaxed)

        monkeypatch.setattr(ledger.database, "write", noted)
        return seen

    def test_what_comes_in_and_what_is_begun_in_the_ils_is_on_disk_first(
        self, ledger: Ledger, relaxed: list[bool]
    ) -> None:
        take(ledger)
        assert relaxed.pop() is False
        mine = held(ledger)
        relaxed.clear()
        ledger.work.start(mine, LOOKING)
        ledger.work.go_on(mine, Ending(LOOKING, StepState.DONE, DONE, (LINE,)), STEP, version=mine.row.version)
        ledger.work.keep(mine, DONE)
        ledger.work.finish(mine, STEP, StepState.UNKNOWN, DONE, ())
        assert relaxed == [True, False, False, False], "the first only reads in the ILS"

    def test_claims_and_releases_are_found_out_again(self, ledger: Ledger, relaxed: list[bool]) -> None:
        take(ledger)
        relaxed.clear()
        mine = held(ledger)
        ledger.work.release(mine, Verdict(State.IN_STEP, "in step"), version=mine.row.version)
        assert relaxed == [True, True]


class TestNewsMeanwhile:
    """Whoever writes a request's document anew writes it over what is there by then."""

    def test_a_correction_keeps_the_news_that_came_after_the_claim(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        take(ledger, arrival("e2", phase=Phase.RETURNED))
        told = ledger.requests.one(1).request
        ledger.work.correct(mine, correct(mine.row.request, "patron_id", "p9").corrections, [])
        assert ledger.requests.one(1).request == correct(told, "patron_id", "p9")

    def test_a_correction_of_whoever_lost_the_request_is_refused(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        sleeper = held(ledger)
        clock.now += MINUTE
        held(ledger)
        with pytest.raises(LeaseLost):
            ledger.work.correct(sleeper, (), [])

    def test_a_request_told_anew_waits_for_no_news_to_slip_in(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(ledger)
        row = ledger.requests.one(1)
        read = codec.request_from
        news = threading.Thread(target=take, args=(ledger, arrival("e2", phase=Phase.RETURNED)))

        def slowly(text: str) -> Request:
            monkeypatch.setattr(codec, "request_from", read)
            found = read(text)
            news.start()
            news.join(0.3)
            return found

        monkeypatch.setattr(codec, "request_from", slowly)
        assert ledger.inbox.retell(row, correct(row.request, "patron_id", "p9"), {}, "Told anew.")
        news.join()
        found = ledger.requests.one(1)
        assert found.request.corrections, "told anew"
        assert found.version == row.version + 2
        assert standings(found.request)[0].phase is Phase.RETURNED, "and the news"


class TestOneRequest:
    """Staff ask for a request by name: it is claimed whatever its state, and still not beside another worker."""

    def one(self, ledger: Ledger, request_id: int) -> Claimed | None:
        return ledger.work.claim_one(request_id, owner="staff", lease=MINUTE)

    def test_the_other_side_of_its_conversation_is_in_no_other_hands(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a", role=Role.LENDER), arrival("b"), arrival("c", number="2"))
        lender = self.one(ledger, 1)
        assert lender is not None
        assert self.one(ledger, 1) is None
        assert self.one(ledger, 2) is None, "both are worked under one lock"
        assert self.one(ledger, 3) is not None
        clock.now += MINUTE
        assert self.one(ledger, 2) is not None, "a lease that ran out is as good as none"

    @pytest.mark.postgres
    def test_it_waits_for_whoever_claims_in_the_lane_just_now(self, ledger: Ledger) -> None:
        if ledger.lock.exclusive:
            pytest.skip("SQLite's writers take turns")
        take(ledger, arrival("a", role=Role.LENDER), arrival("b"))
        found: list[Claimed | None] = []
        asking = threading.Thread(target=lambda: found.append(self.one(ledger, 2)))
        with ledger.database.write() as connection:
            assert claim_next(connection, "alma", Terms("worker", MINUTE, 4), NOW) is not None
            asking.start()
            asking.join(0.3)
            assert asking.is_alive()
        asking.join()
        assert found == [None]
