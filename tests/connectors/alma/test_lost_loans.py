"""Lost loans from ledger to Alma, with the desk acting between the bridge's steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.domain.change import Condition, Phase
from bridge.domain.commands import Money
from bridge.domain.identity import Role
from bridge.domain.learn import confirm
from bridge.domain.plan import StaffTask, next_step
from bridge.ledger import State
from tests.connectors.alma.bench import AlmaBench
from tests.connectors.alma.test_whole_loans import OWN, POLICY
from tests.contract.sandboxed import NOW
from tests.databases import migrate
from tests.engine.pretend import DUE, Clock, PretendIls, Stage

EIGHTY = Money(Decimal(80), "EUR")
BARCODE = "ILL-1"
BORROWER = {"patron_id": "P1001", "pickup_location": "MAIN", "partner": "XYZ"}
LENDER = {"partner": "XYZ", "barcode": OWN}


class House:
    """A stand-in Alma and the engine over it, with a policy that passes the lender's bill on."""

    def __init__(self, folder: Path) -> None:
        self.bench = AlmaBench(visibility_tries=3, fee_owner="MAIN")
        self.bench.start()
        clock = Clock()
        clock.now = NOW
        policy = replace(POLICY, borrowing=replace(POLICY.borrowing, charge_replacement_fee=True))
        ils = cast("PretendIls", self.bench.connector)
        self.stage = Stage(migrate(f"sqlite:///{folder / 'lost.db'}"), ils=ils, clock=clock, policy=policy)

    def told(self, phase: Phase | None, role: Role, **more: Any) -> State:
        """News comes in and is worked off."""
        known = BORROWER if role is Role.BORROWER else LENDER
        self.stage.tell(phase, role=role, **{**known, **more})
        self.stage.settle()
        return self.stage.row().state

    def resync(self) -> State:
        """Look afresh, as `ill-bridge resync` does."""
        held = self.stage.ledger.work.claim_one(1, owner="test", lease=timedelta(minutes=1))
        assert held is not None
        self.stage.reconciler.work(held, afresh=True)
        return self.stage.row().state

    def resolve(self) -> State:
        """Staff settle what they are asked."""
        row = self.stage.row()
        held = self.stage.ledger.work.claim_one(1, owner="test", lease=timedelta(minutes=1))
        assert held is not None
        sitting = self.stage.reconciler.sitting(held)
        task = next_step(sitting.goal, row.record, self.bench.connector.capabilities)
        assert isinstance(task, StaffTask), task
        self.stage.ledger.work.keep(held, confirm(row.record, task))
        self.stage.reconciler.work(self.stage.ledger.work.refreshed(held))
        return self.stage.row().state

    def fees(self) -> list[tuple[str, float]]:
        return [(fee["type"], fee["original"]) for fee in self.bench.objects()["fees"]]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.stage.close()
    made.bench.stop()


def in_use(house: House) -> None:
    house.told(Phase.RECEIVED, Role.BORROWER, due=DUE)
    house.bench.lend(BARCODE, "P1001")


def test_what_the_desk_did_settles_the_tasks_when_it_is_looked_at(house: House) -> None:
    in_use(house)
    assert house.told(None, Role.BORROWER, raised=(Condition.LOST,)) is State.STAFF
    house.bench.desk("lose", barcode=BARCODE)
    assert house.resync() is State.IN_STEP
    assert house.told(None, Role.BORROWER, raised=(Condition.FOUND,)) is State.STAFF
    house.bench.desk("found", barcode=BARCODE)
    assert house.resync() is State.IN_STEP
    assert house.told(Phase.RETURNED, Role.BORROWER) is State.IN_STEP
    assert not any(house.bench.stand_in.report().values())


def test_the_desk_was_first_and_the_service_says_lost_later(house: House) -> None:
    in_use(house)
    house.bench.desk("lose", barcode=BARCODE)
    assert house.resync() is State.IN_STEP
    assert house.told(None, Role.BORROWER, raised=(Condition.LOST,)) is State.IN_STEP


def test_the_bill_is_charged_while_staff_have_yet_to_declare_it_lost(house: House) -> None:
    in_use(house)
    lost = (Condition.LOST, Condition.FEE_COMMUNICATED)
    assert house.told(None, Role.BORROWER, raised=lost, fee=EIGHTY) is State.STAFF
    assert house.fees() == [("OTHER", 80.0)]
    house.bench.desk("lose", barcode=BARCODE, fee=0)
    assert house.resolve() is State.IN_STEP
    assert house.told(Phase.RETURNED, Role.BORROWER) is State.STAFF
    assert "Waive the replacement fee of 80 EUR" in house.stage.row().parked.reason
    assert house.resolve() is State.IN_STEP
    assert house.bench.items_with_barcode(BARCODE) == 0
    assert house.fees() == [("OTHER", 80.0)], "charged once, and taken back by staff only"


def test_paid_in_alma_and_sent_back_is_for_staff_and_goes_on_after_them(house: House) -> None:
    """Nobody told the service that the patron paid: Alma shows it, and the scan-in that would pay it back is not made."""
    in_use(house)
    house.told(None, Role.BORROWER, raised=(Condition.LOST,))
    house.bench.desk("lose", barcode=BARCODE)
    house.resolve()
    house.bench.desk("pay_fee", fee=house.bench.objects()["fees"][0]["id"])
    assert house.told(Phase.RETURNED, Role.BORROWER) is State.PARKED
    assert house.stage.row().parked.cause == "lost_and_paid"
    assert house.bench.items_with_barcode(BARCODE) == 1
    assert house.fees() == [("LOSTITEMREPLACEMENTFEE", 80.0)]
    house.bench.desk("check_in", barcode=BARCODE)
    assert house.resync() is State.IN_STEP
    assert house.bench.items_with_barcode(BARCODE) == 0


@pytest.mark.parametrize("late", [Phase.COMPLETED, Phase.CANCELLED])
def test_an_own_item_that_is_lost_stays_on_loan_whatever_is_said(house: House, late: Phase) -> None:
    house.told(Phase.SHIPPED, Role.LENDER, due=DUE)
    house.told(None, Role.LENDER, raised=(Condition.LOST,))
    house.bench.desk("lose", barcode=OWN)
    assert house.resolve() is State.IN_STEP
    assert house.told(late, Role.LENDER) is State.STAFF
    assert house.bench.loan_of(OWN) == "ILL-XYZ"
    assert house.resolve() is State.CLOSED
    assert house.bench.loan_of(OWN) == "ILL-XYZ"


def test_an_own_item_that_turns_up_comes_home_unless_the_desk_lent_it_on(house: House) -> None:
    house.told(Phase.SHIPPED, Role.LENDER, due=DUE)
    house.told(None, Role.LENDER, raised=(Condition.LOST,))
    house.bench.desk("lose", barcode=OWN)
    house.resolve()
    house.bench.check_in(OWN)
    house.bench.lend(OWN, "P1002")
    house.told(None, Role.LENDER, raised=(Condition.FOUND,))
    assert house.told(Phase.COMPLETED, Role.LENDER) is State.CLOSED
    assert house.bench.loan_of(OWN) == "P1002"
