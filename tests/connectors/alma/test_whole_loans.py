"""Whole loans through ledger, reconciler and connector over real HTTP, with every single exchange failing in every way in turn.

In every run each write ends unclearly in every way (``tests/contract/crash.py``), so that here most is left to the thorough one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from bridge.domain import commands as do
from bridge.domain.change import Phase
from bridge.domain.identity import Role
from bridge.domain.policy import AlignDueDate, BorrowingPolicy, LendingPolicy, Policy
from bridge.engine.schedule import RetrySchedule
from bridge.ledger import State
from tests.connectors.alma.bench import AlmaBench
from tests.contract.sandboxed import NOW
from tests.databases import migrate
from tests.engine.pretend import DUE, LATER, Clock, PretendIls, Stage

FAULTS = ("drop_before", "drop_after", "html", "garbage", "throttle")
POLICY = Policy(
    bridge="test",
    borrowing=BorrowingPolicy(
        barcode_prefix="ILL-", place=do.Place("RS", "ILLTEMP", "RSDESK"), item_type="ILL", material="BOOK"
    ),
    lending=LendingPolicy(accounts={"XYZ": "ILL-XYZ"}, temporary_place=do.Place("RS", "ILLOUT")),
)
FAR = date(2027, 6, 1)
OWN = "39000000000001"


@dataclass
class House:
    """A stand-in Alma, and the engine over it."""

    bench: AlmaBench
    stage: Stage

    def act(self, phase: Phase | None, role: Role, **edits: object) -> None:
        """News comes in and is worked off, however often that takes."""
        known: dict[str, object] = {"partner": "XYZ", **edits}
        known |= {"patron_id": "P1001", "pickup_location": "MAIN"} if role is Role.BORROWER else {"barcode": OWN}
        self.stage.tell(phase, role=role, **known)  # type: ignore[arg-type]
        for _ in range(12):
            self.stage.settle()
            if self.row_state in {State.IN_STEP, State.CLOSED}:
                return
            self.stage.clock.advance(hours=2)
            self.stage.lane.probe()
        raise AssertionError((self.row_state, self.stage.history()))

    @property
    def row_state(self) -> State:
        return self.stage.row().state


Play = Callable[[House], None]


def borrowed(house: House) -> None:
    house.act(Phase.RECEIVED, Role.BORROWER, due=DUE)
    house.bench.lend("ILL-1", "P1001")
    house.act(None, Role.BORROWER, due=LATER)
    house.act(Phase.RETURNED, Role.BORROWER)


def undone(house: House) -> None:
    house.act(Phase.RECEIVED, Role.BORROWER, due=DUE)
    house.act(Phase.RETURNED, Role.BORROWER)


def lent(house: House) -> None:
    house.act(Phase.SHIPPED, Role.LENDER, due=DUE)
    house.act(None, Role.LENDER, due=LATER)
    house.act(Phase.COMPLETED, Role.LENDER)


PLAYS: dict[str, Play] = {"borrowed": borrowed, "undone": undone, "lent": lent}


def played(
    folder: Path, name: str, play: Play, fault: tuple[str, int] | None = None, *, policy: Policy = POLICY
) -> AlmaBench:
    bench = AlmaBench(visibility_tries=3)
    bench.start()
    clock = Clock()
    clock.now = NOW
    ils = cast("PretendIls", bench.connector)
    stage = Stage(migrate(f"sqlite:///{folder / f'{name}.db'}"), ils=ils, clock=clock, policy=policy)
    if fault is not None:
        bench.fault(fault[0], skip=fault[1])
    try:
        play(House(bench, stage))
        report = bench.stand_in.report()
        assert not any(report.values()), (fault, report, stage.history())
    finally:
        stage.close()
        bench.stop()
    return bench


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind == "throttle" else [pytest.mark.thorough]) for kind in FAULTS]
)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "lent" else [pytest.mark.thorough]) for name in PLAYS]
)
def test_any_exchange_may_fail_in_any_way(tmp_path: Path, name: str, kind: str) -> None:
    exchanges = len(played(tmp_path, "calm", PLAYS[name]).recording.asked)
    assert exchanges >= 8
    for number in range(exchanges):
        played(tmp_path, f"{kind}-{number}", PLAYS[name], (kind, number))


def test_a_server_error_for_one_request_parks_it_and_closes_nothing(tmp_path: Path) -> None:
    """Alma answers its probe and fails on this patron, whatever is asked of them."""
    bench = AlmaBench()
    bench.start()
    stage = Stage(
        migrate(f"sqlite:///{tmp_path / 'ledger.db'}"),
        ils=cast("PretendIls", bench.connector),
        policy=POLICY,
        schedule=RetrySchedule(jitter=0.0),
    )
    page = "<html><body><h1>Internal error</h1><p>Cannot handle user P1001</p></body></html>"
    bench.fault("status", status=500, body=page, content_type="text/html", path="/users/P1001", times=99)
    try:
        stage.tell(Phase.RECEIVED, patron_id="P1001", pickup_location="MAIN")
        other = stage.tell(Phase.RECEIVED, number="2", patron_id="P1002", pickup_location="MAIN")
        for _ in range(stage.schedule.server_error_tries):
            stage.settle()
            stage.clock.advance(hours=1, minutes=1)
        row = stage.row()
        assert (row.state, row.parked.cause) == (State.PARKED, "server_error")
        assert (
            row.parked.reason
            == "Alma answers with an error (user, HTTP 500). Alma says: Internal error Cannot handle user …"
        )
        assert not stage.ledger.lanes.closed("pretend")
        assert stage.row(other).state is State.IN_STEP
    finally:
        stage.close()
        bench.stop()


def test_the_desks_loan_is_brought_to_the_lenders_date(tmp_path: Path) -> None:
    """One call a day until the loan is seen, two more to set its date, none after that."""
    calls: list[int] = []

    def aligned(house: House) -> None:
        house.act(Phase.RECEIVED, Role.BORROWER, due=FAR)
        for lends in (False, True, False):
            if lends:
                house.bench.lend("ILL-1", "P1001")
            before = len(house.bench.recording.asked)
            house.stage.clock.advance(days=1)
            house.stage.ledger.watches.fall_due("pretend", ["main"], most=10)
            house.stage.settle()
            calls.append(len(house.bench.recording.asked) - before)
        assert house.bench.due_of("ILL-1").startswith(FAR.isoformat())
        house.act(Phase.RETURNED, Role.BORROWER)

    daily = replace(POLICY, borrowing=replace(POLICY.borrowing, align_due_date=AlignDueDate.DAILY))
    played(tmp_path, "aligned", aligned, policy=daily)
    assert calls == [1, 3, 0]
