"""A request that is claimed in the transaction that tells of it: under a lease like any other, and only where it need not wait its turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import select, update

from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.ledger import Arrival, Claimed, LeaseLost, Ledger, Receipt, State, Terms, Verdict, schema
from tests.ledger.sample import MINUTE, NOW, STEP, Clock, arrival, claim, held, take

HOUR = 60 * MINUTE


@dataclass
class Worker:
    """One who has nothing to do."""

    lane: str = "alma"
    terms: Terms = field(default_factory=lambda: Terms("spare", MINUTE, 2))
    held: list[Claimed] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return bool(self.held)

    def begin(self, held: Claimed) -> None:
        self.held.append(held)


def tell(ledger: Ledger, *arrivals: Arrival, worker: Worker | None = None) -> tuple[list[Claimed], tuple[Receipt, ...]]:
    spare = worker or Worker()
    receipts = ledger.inbox.take("hook", arrivals or (arrival(),), lambda _: "alma", worker=spare)
    return spare.held, receipts


def test_what_is_told_is_held_at_once(ledger: Ledger) -> None:
    (mine,), (receipt,) = tell(ledger)
    assert receipt.requests == (mine.row.id,)
    assert (mine.row.state, mine.row.request.key.number, mine.fence, mine.lease.until) == (
        State.DUE,
        "1",
        1,
        NOW + MINUTE,
    )
    assert mine.row == ledger.requests.one(1)
    assert not mine.more
    assert claim(ledger) is None, "it is in hand"
    ledger.work.start(mine, STEP)
    ledger.work.release(mine, Verdict(State.IN_STEP, "received"), version=mine.row.version)
    (again,), _ = tell(ledger, arrival("e2", phase=Phase.RETURNED))
    assert (again.row.version, again.fence, again.row.state) == (2, 2, State.DUE)


def test_it_says_whether_more_is_due(ledger: Ledger) -> None:
    take(ledger, arrival("a", number="7"))
    (mine,), _ = tell(ledger)
    assert mine.more


def test_a_lease_that_ran_out_is_as_good_as_none(ledger: Ledger, clock: Clock) -> None:
    tell(ledger)
    (sleeper,), _ = tell(ledger, arrival("b", number="2"))
    clock.now += MINUTE
    (mine,), _ = tell(ledger, arrival("b2", number="2", phase=Phase.RETURNED))
    assert mine.fence == sleeper.fence + 1
    with pytest.raises(LeaseLost):
        ledger.work.start(sleeper, STEP)


class TestWaiting:
    """Nothing is held, and what was told is due for whoever claims next."""

    def waits(self, ledger: Ledger, *arrivals: Arrival, worker: Worker | None = None) -> None:
        assert tell(ledger, *arrivals, worker=worker)[0] == []
        assert ledger.requests.one(1).state is State.DUE

    def test_while_it_is_worked_on(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        self.waits(ledger, arrival("e2", phase=Phase.RETURNED))
        verdict = Verdict(State.IN_STEP, "received")
        assert ledger.work.release(mine, verdict, version=mine.row.version) is State.DUE, "the news is heard"

    def test_while_somebody_speaks_with_its_other_side(self, ledger: Ledger) -> None:
        take(ledger, arrival("a", role=Role.LENDER))
        held(ledger)
        self.waits(ledger)

    def test_while_as_many_are_worked_on_as_may_be(self, ledger: Ledger) -> None:
        take(ledger, arrival("a", number="7"), arrival("b", number="8"))
        assert [held(ledger).row.id for _ in range(2)] == [1, 2]
        self.waits(ledger, arrival())

    def test_while_the_lane_is_closed_or_paused(self, ledger: Ledger, clock: Clock) -> None:
        ledger.lanes.close("alma", until=NOW + MINUTE, why="No answer.", cause="unavailable")
        clock.now += HOUR
        self.waits(ledger)
        ledger.lanes.open("alma")
        ledger.lanes.hold("alma", until=clock.now + MINUTE, why="By staff.")
        self.waits(ledger, arrival("e2", phase=Phase.RETURNED))
        clock.now += MINUTE
        assert tell(ledger, arrival("e3", phase=Phase.COMPLETED))[0] != []

    def test_while_the_library_is_held(self, ledger: Ledger) -> None:
        ledger.libraries.hold("main", until=NOW + MINUTE, why="By staff.")
        self.waits(ledger)

    def test_where_it_belongs_to_another_lane(self, ledger: Ledger) -> None:
        self.waits(ledger, worker=Worker(lane="koha"))

    def test_where_several_were_told_of(self, ledger: Ledger) -> None:
        self.waits(ledger, arrival("a", number="7"), arrival("b", number="8"))

    @pytest.mark.postgres
    def test_while_another_claims_in_the_lane(self, ledger: Ledger) -> None:
        if ledger.lock.exclusive:
            pytest.skip("one writer at a time in a file")
        lane = select(schema.lane.c.name).where(schema.lane.c.name == "alma").with_for_update()
        with ledger.database.write() as connection:
            connection.execute(lane)
            self.waits(ledger)


def test_what_came_before_or_cannot_be_read_is_not_begun(ledger: Ledger) -> None:
    odd = Arrival("odd", "?")
    take(ledger)
    assert tell(ledger, odd)[0] == tell(ledger)[0] == []
    assert held(ledger).row.id == 1


def test_a_request_that_staff_forgot_stays_so(ledger: Ledger) -> None:
    take(ledger)
    mine = held(ledger)
    ledger.work.release(mine, Verdict(State.FORGOTTEN, "forgotten"), version=mine.row.version)
    assert tell(ledger, arrival("e2", phase=Phase.RETURNED))[0] == []
    assert ledger.requests.one(1).state is State.FORGOTTEN


def test_what_this_release_cannot_read_is_set_aside(ledger: Ledger) -> None:
    take(ledger)
    with ledger.database.write() as connection:
        connection.execute(update(schema.request).values(record='{"from": "later"'))
    (mine,), _ = tell(ledger, arrival("e2", phase=Phase.RETURNED))
    assert not mine.row.readable
    ledger.work.set_aside(mine)
    assert ledger.requests.one(1).state is State.PARKED


def test_what_was_not_begun_is_given_back_as_it_was(ledger: Ledger) -> None:
    take(ledger)
    first = held(ledger)
    tried = Verdict(State.WAITING, "received", NOW, attempts=3, afresh=True)
    ledger.work.release(first, tried, version=first.row.version)
    mine = held(ledger)
    ledger.work.give_back(mine)
    row = ledger.requests.one(1)
    assert row == replace(mine.row, state=State.DUE)
    assert held(ledger).row == row
