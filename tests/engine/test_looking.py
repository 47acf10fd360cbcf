"""A look at who has the temporary items: when it is taken, what follows, and that nothing of it is lost or doubled by a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.domain.capabilities import Ability
from bridge.domain.change import Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Role
from bridge.domain.policy import AlignDueDate, Policy
from bridge.domain.record import HoldState
from bridge.engine.boundary import Boundary
from bridge.errors import OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.ledger import Look, State
from tests.engine.pretend import DUE, LATER, POLICY, Killed, Stage, staffed

SOONER = date(2027, 1, 5)
DAY = timedelta(days=1)


def aligning(how: AlignDueDate = AlignDueDate.DAILY) -> Policy:
    return replace(POLICY, borrowing=replace(POLICY.borrowing, align_due_date=how))


@pytest.fixture
def waits(stage: Stage) -> Stage:
    """An item that is held for its patron."""
    stage.policy = aligning()
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    stage.ils.asked.clear()
    return stage


def lend(stage: Stage, due: date | None = SOONER, loan: str = "desk-1") -> None:
    """The desk lends the item to its patron."""
    thing = next(thing for pid, thing in stage.ils.items.items() if pid != "OWN-1")
    thing.hold, thing.loan = None, (loan, "id-p1", due)


def fall_due(stage: Stage) -> int:
    return stage.ledger.watches.fall_due("pretend", ["main"], most=10)


def days(stage: Stage, count: int) -> list[list[str]]:
    """What the ILS was asked on each of these days, with a look for what is due every six hours."""
    asked = []
    for _ in range(count):
        stage.ils.asked.clear()
        for _ in range(4):
            stage.clock.advance(hours=6)
            fall_due(stage)
            stage.settle()
        asked.append(list(stage.ils.asked))
    return asked


def due_of(stage: Stage) -> date | None:
    return next(thing.loan[2] for thing in stage.ils.items.values() if thing.loan)


class TestDaily:
    """At most one look a loan and day, none once its date is right."""

    def test_what_ended_is_not_looked_at(self, waits: Stage) -> None:
        waits.tell(Phase.CANCELLED, number="ended")
        waits.settle()
        row = waits.ledger.requests.find("ended")[0]
        assert row.state is State.CLOSED
        waits.clock.advance(days=2)
        waits.settle()
        before = len(waits.history(row.id))
        fall_due(waits)
        waits.settle()
        assert waits.row(row.id).state is State.CLOSED
        assert len(waits.history(row.id)) == before

    def test_one_look_a_day_until_the_loan_was_seen(self, waits: Stage) -> None:
        assert days(waits, 3) == [["inspect"]] * 3
        lend(waits)
        assert days(waits, 4) == [["inspect", "set_due_date"], [], [], []]
        assert due_of(waits) == DUE
        assert waits.row().record.items[0].holds[0].state is HoldState.SATISFIED
        assert waits.history()[-3:-1] == [
            "The desk has lent item ILL-1 to the patron, due 2027-01-05.",
            "The due date of item ILL-1 was set to 2027-01-15.",
        ]

    def test_a_look_that_shows_nothing_new_is_not_told(self, waits: Stage) -> None:
        before = waits.history()
        days(waits, 2)
        assert waits.history() == before
        assert waits.row().state is State.IN_STEP

    def test_a_longer_loan_is_left_and_told_once(self, waits: Stage) -> None:
        lend(waits, LATER)
        assert days(waits, 3) == [["inspect"], [], []]
        assert due_of(waits) == LATER
        assert sum("does not shorten" in line for line in waits.history()) == 1

    def test_a_new_date_of_the_lender_needs_no_look(self, waits: Stage) -> None:
        lend(waits)
        days(waits, 1)
        waits.ils.asked.clear()
        waits.tell(Phase.RECEIVED, due=LATER)
        waits.settle()
        assert waits.ils.asked == ["set_due_date"]
        assert days(waits, 2) == [[], []]

    def test_news_does_not_put_a_look_off(self, waits: Stage) -> None:
        waits.clock.advance(hours=20)
        waits.tell(None, title="Another")
        waits.settle()
        waits.clock.advance(hours=4)
        assert fall_due(waits) == 1

    def test_after_the_return_nothing_is_watched(self, waits: Stage) -> None:
        waits.tell(Phase.RETURNED)
        waits.settle()
        assert days(waits, 2) == [[], []]
        assert waits.ledger.watches.told("pretend", item="item-2", barcode="ILL-1") == ()

    def test_what_is_off_costs_nothing(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        assert days(stage, 2) == [[], []]

    def test_a_library_that_no_longer_aligns_is_not_looked_at(self, waits: Stage) -> None:
        waits.clock.advance(days=1)
        assert waits.ledger.watches.fall_due("pretend", ["elsewhere"], most=10) == 0

    def test_a_held_library_waits(self, waits: Stage) -> None:
        waits.ledger.libraries.hold("main", until=datetime(9999, 1, 1, tzinfo=UTC), why="Moving.")
        waits.clock.advance(days=1)
        assert fall_due(waits) == 0

    def test_lending_is_not_watched(self, stage: Stage) -> None:
        stage.policy = aligning()
        stage.tell(Phase.SHIPPED, role=Role.LENDER, due=DUE)
        stage.settle()
        assert stage.ledger.watches.told("pretend", item="OWN-1", barcode="OWN-1") == ()

    def test_an_ils_that_takes_no_date_is_not_asked(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=staffed(Verb.SET_DUE_DATE, ability=Ability.NO), policy=aligning())
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        assert days(stage, 1) == [[]]

    def test_where_staff_set_dates_they_are_asked(self, make_stage: Callable[..., Stage]) -> None:
        stage = make_stage(ils=staffed(Verb.SET_DUE_DATE), policy=aligning())
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        lend(stage)
        days(stage, 1)
        assert stage.row().state is State.STAFF
        assert stage.row().parked.reason == "Set the due date of item ILL-1 to 2027-01-15. It has no such call."

    def test_volumes_are_looked_at_each_for_itself(self, stage: Stage) -> None:
        stage.policy = aligning()
        stage.tell(Phase.RECEIVED, volume="1", due=DUE)
        stage.tell(Phase.RECEIVED, volume="2", due=DUE)
        stage.settle()
        lend(stage, DUE)
        assert days(stage, 2) == [["inspect", "inspect"], ["inspect"]]


class TestFailing:
    """A look that fails leaves a request in step, and comes again."""

    @pytest.mark.parametrize("problem", [Rejected("No rights."), OutcomeUnknown("Odd.")])
    def test_refused_it_is_told_and_comes_again_the_next_day(self, waits: Stage, problem: Exception) -> None:
        waits.ils.fails = [("inspect", problem)]  # type: ignore[list-item]
        assert days(waits, 2) == [["inspect"], ["inspect"]]
        assert waits.row().state is State.IN_STEP
        assert any(line.startswith("Who has the item could not be seen: ") for line in waits.history())

    def test_when_busy_it_comes_again_in_an_hour(self, waits: Stage) -> None:
        waits.ils.fails = [("inspect", Retry("Busy."))]
        waits.clock.advance(days=1)
        fall_due(waits)
        waits.settle()
        assert waits.row().state is State.IN_STEP
        waits.clock.advance(minutes=59)
        assert fall_due(waits) == 0
        waits.clock.advance(minutes=1)
        assert fall_due(waits) == 1

    def test_an_outage_closes_the_lane_and_the_look_waits(self, waits: Stage) -> None:
        waits.ils.down = Unavailable("Nobody there.")
        waits.clock.advance(days=1)
        fall_due(waits)
        waits.work()
        assert (waits.row().state, waits.row().look) == (State.DUE, Look.UNSETTLED)
        waits.ils.down = None
        lend(waits)
        waits.lane.probe()
        waits.settle()
        assert due_of(waits) == DUE

    @pytest.mark.parametrize("boundary", [Boundary.CLAIMED, Boundary.STARTED, Boundary.CALL_DONE, Boundary.FINISHED])
    def test_a_kill_anywhere_leaves_the_look_to_be_taken(self, waits: Stage, boundary: Boundary) -> None:
        lend(waits)

        def die(at: Boundary) -> None:
            if at is boundary:
                raise Killed

        waits.passing = die
        waits.clock.advance(days=1)
        fall_due(waits)
        with pytest.raises(Killed):
            waits.work()
        waits.passing = lambda _: None
        waits.restart()
        waits.settle()
        assert due_of(waits) == DUE
        assert (waits.row().state, waits.row().look) == (State.IN_STEP, Look.NONE)
        assert sum("The desk has lent" in line for line in waits.history()) == 1

    def test_what_is_left_when_the_daemon_stops_is_taken_later(self, waits: Stage) -> None:
        lend(waits)
        waits.stops.append(True)
        waits.clock.advance(days=1)
        fall_due(waits)
        waits.work()
        assert waits.row().state is State.DUE
        waits.stops.clear()
        waits.settle()
        assert due_of(waits) == DUE


class TestTold:
    """The ILS itself tells of a loan."""

    def test_it_is_looked_at_at_once(self, stage: Stage) -> None:
        stage.policy = aligning(AlignDueDate.WEBHOOK)
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        assert days(stage, 2) == [[], []], "nothing is asked by the clock"
        lend(stage)
        assert stage.ledger.watches.told("pretend", item="", barcode="ILL-1") == (1,)
        assert stage.ledger.watches.told("pretend", item="", barcode="ILL-1") == (1,)
        stage.ils.asked.clear()
        stage.settle()
        assert stage.ils.asked == ["inspect", "set_due_date"]

    def test_a_settled_loan_is_looked_at_too(self, waits: Stage) -> None:
        lend(waits)
        days(waits, 1)
        lend(waits, LATER)
        item = waits.row().record.items[0].ids.item
        assert waits.ledger.watches.told("pretend", item=item, barcode="") == (1,)
        waits.settle()
        assert "The patron's loan of item ILL-1 has another date now, due 2027-02-15." in waits.history()

    @pytest.mark.parametrize(
        ("lane", "item", "barcode"), [("pretend", "x", "y"), ("other", "", "ILL-1"), ("pretend", "", "")]
    )
    def test_what_is_not_ours_is_nobodys(self, waits: Stage, lane: str, item: str, barcode: str) -> None:
        assert waits.ledger.watches.told(lane, item=item, barcode=barcode) == ()
        assert waits.row().state is State.IN_STEP

    def test_news_while_a_worker_sits_is_not_lost(self, waits: Stage) -> None:
        held = waits.ledger.work.claim_one(1, owner="resync", lease=timedelta(seconds=60))
        assert held is not None
        waits.ledger.watches.told("pretend", item="", barcode="ILL-1")
        assert waits.reconciler.work(held) is State.DUE
        assert waits.row().look is Look.ALL

    def test_a_failed_look_comes_again_though_nothing_is_asked_by_the_clock(self, stage: Stage) -> None:
        stage.policy = aligning(AlignDueDate.WEBHOOK)
        stage.tell(Phase.RECEIVED, due=DUE)
        stage.settle()
        lend(stage)
        stage.ledger.watches.told("pretend", item="", barcode="ILL-1")
        stage.ils.fails = [("inspect", Retry("Busy."))]
        stage.settle()
        stage.clock.advance(hours=1)
        assert fall_due(stage) == 1
        stage.settle()
        assert due_of(stage) == DUE


class TestAllTheSame:
    """Resync sees the loan too; a library that begins to align takes up what it has."""

    def test_a_resync_settles_the_loan(self, waits: Stage) -> None:
        lend(waits)
        held = waits.ledger.work.claim_one(1, owner="resync", lease=timedelta(seconds=60))
        assert held is not None
        waits.reconciler.work(held, afresh=True)
        assert due_of(waits) == DUE
        assert days(waits, 1) == [[]]

    def test_what_was_received_before_is_taken_up(self, stage: Stage) -> None:
        for number, phase in (("1", Phase.RECEIVED), ("2", Phase.REQUESTED), ("3", Phase.RETURNED)):
            stage.tell(phase, number=number, due=DUE)
        stage.settle()
        stage.policy = aligning()
        assert stage.ledger.watches.take_up(["main"]) == 1
        stage.settle()
        assert stage.ledger.watches.take_up(["main"]) == 0
        lend(stage)
        assert days(stage, 1) == [["inspect", "set_due_date"]]


def test_a_patron_whom_the_desk_gave_the_item_needs_no_hold_that_was_refused(stage: Stage) -> None:
    """As the advice has it: staff hand the item out by hand, then resync."""
    stage.ils.fails = [("place_hold", Rejected("Nobody can fill it.", cause="not_fillable"))]
    stage.tell(Phase.RECEIVED, due=DUE)
    stage.settle()
    assert stage.row().state is State.PARKED
    thing = next(thing for pid, thing in stage.ils.items.items() if pid != "OWN-1")
    thing.loan = ("desk-1", "id-p1", DUE)
    stage.ils.asked.clear()
    stage.ledger.work.look_afresh()
    stage.settle()
    assert stage.ils.asked == ["inspect"]
    assert stage.row().state is State.IN_STEP
    thing.loan = None
    stage.ledger.work.look_afresh()
    stage.settle()
    assert thing.hold is None, "they had it"


def test_a_new_barcode_that_was_given_before_a_kill_is_seen_and_not_given_again(stage: Stage) -> None:
    stage.tell(Phase.RECEIVED)
    stage.settle()
    stage.tell(None, temporary_barcode="T-2")

    def cut(boundary: Boundary) -> None:
        if boundary is Boundary.CALL_DONE and stage.ils.asked[-1] == "relabel_item":
            raise Killed

    stage.passing = cut
    with pytest.raises(Killed):
        stage.settle()
    stage.passing = lambda _: None
    stage.restart()
    stage.settle()
    assert stage.ils.asked.count("relabel_item") == 1
    assert stage.row().state is State.IN_STEP
    assert any("looked up in the ILS: the item bears barcode" in line for line in stage.history())
