"""In-system loans (rule 10): the real item charged twice, discharged charge by charge, and home again, whatever order the news come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.change import Phase
from bridge.domain.drift import Drift
from bridge.domain.policy import DoneBy
from bridge.engine.audit import Looked, look
from bridge.errors import OutcomeUnknown
from bridge.ledger import State, Verdict
from tests.engine.district import ACCOUNT, BORROWER, OWNER, PATRON, DistrictStage, with_borrowing, with_lending
from tests.engine.pretend import DUE, LATER, Stage

Make = Callable[..., Stage]


def test_a_whole_loan(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    lender = both.lends(Phase.SHIPPED, due=DUE)
    assert [each.account for each in both.book.charges] == [ACCOUNT]
    both.book.to = BORROWER  # the desk sends it off
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    assert [each.account for each in both.book.charges] == [ACCOUNT, PATRON]
    assert [str(each.due) for each in both.book.charges] == ["2027-01-15", "2027-01-12"]
    assert (both.book.at, both.book.to) == (BORROWER, "")
    both.lends(None, due=LATER)
    both.borrows(None, due=LATER)
    assert [str(each.due) for each in both.book.charges] == ["2027-02-15", "2027-02-12"]
    both.borrows(Phase.RETURNED)
    assert (both.book.charges, both.book.to) == ([], OWNER)
    both.lends(Phase.COMPLETED)
    assert both.book.home
    assert {both.stage.row(each).state for each in (lender, borrower)} <= {State.IN_STEP, State.CLOSED}
    for words in ("charged to the patron, due 2027-01-12; it stays charged", "discharged from the patron."):
        assert len(both.said(borrower, words)) == 1, both.stage.history(borrower)
    assert both.said(borrower, f"discharged from {ACCOUNT}.")
    assert both.said(lender, "was received from transit")
    assert both.said(lender, f"not charged to {ACCOUNT} (any more)")
    assert not [line for line in both.stage.history(borrower) if "p1" in line]


def test_only_the_borrowing_side_reaches_us(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    both.ils.lend(ACCOUNT)
    both.clock.advance(hours=1)
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    both.borrows(Phase.RETURNED)
    assert (both.book.charges, both.book.to) == ([], OWNER)
    assert both.said(borrower, f"discharged from {ACCOUNT}.")


def test_only_the_lending_side_reaches_us(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    both.lends(Phase.SHIPPED, due=DUE)
    lender = both.lends(Phase.COMPLETED)
    assert both.book.home
    assert both.said(lender, f"discharged from {ACCOUNT}.")


def test_a_patrons_charge_that_lies_over_it_is_left_to_the_borrowing_library(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    both.lends(Phase.SHIPPED, due=DUE)
    theirs = both.ils.lend("somebody")
    lender = both.lends(Phase.COMPLETED)
    assert both.stage.row(lender).state is State.WAITING
    both.wait(hours=48)
    row = both.stage.row(lender)
    assert (row.state, row.parked.cause) == (State.PARKED, "charged_over")
    assert both.ils.ended == []
    both.ils.scan(BORROWER)
    assert both.ils.ended == [theirs]
    both.wait(hours=30)
    assert both.book.home
    assert both.stage.row(lender).state is State.CLOSED


def test_the_patron_is_charged_once_the_account_is(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    assert (both.book.charges, both.stage.row(borrower).parked.cause) == ([], "not_charged")
    both.lends(Phase.SHIPPED, due=DUE)
    both.wait(hours=1)
    assert [each.account for each in both.book.charges] == [ACCOUNT, PATRON]


def test_a_renewal_that_was_cut_off_ends_no_loan_beneath_the_patrons(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    lender = both.lends(Phase.SHIPPED, due=DUE)
    both.borrows(Phase.RECEIVED, due=DUE)
    both.ils.fails.append(("set_due_date", OutcomeUnknown("The connection was cut.")))
    both.lends(None, due=LATER)
    both.wait(hours=1)
    assert [str(each.due) for each in both.book.charges] == ["2027-02-15", "2027-01-12"]
    loan = both.stage.row(lender).record.items[0].open_loan
    assert loan is not None
    assert loan.account == ACCOUNT


@pytest.mark.parametrize("scans", [1, 2])
def test_staff_scanned_it_already(make_stage: Make, scans: int) -> None:
    both = DistrictStage(make_stage)
    both.lends(Phase.SHIPPED, due=DUE)
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    for _ in range(scans):
        both.ils.scan(BORROWER)
    both.borrows(Phase.RETURNED)
    assert (both.book.charges, both.book.to) == ([], OWNER)
    assert both.said(borrower, "is not charged to the patron (any more)")
    assert bool(both.said(borrower, f"is not charged to {ACCOUNT} (any more)")) == (scans == 2)
    both.lends(Phase.COMPLETED)
    assert both.book.home


def test_staff_had_charged_it_to_the_patron(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    both.lends(Phase.SHIPPED, due=DUE)
    both.ils.lend(PATRON)
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    assert both.said(borrower, "was charged to the patron already")
    both.borrows(Phase.RETURNED)
    assert both.book.to == OWNER


def test_what_is_left_to_staff_is_waited_for_and_seen(make_stage: Make) -> None:
    staff = dict.fromkeys(("discharge_patron", "discharge_account", "send_transit"), DoneBy.STAFF)
    both = DistrictStage(make_stage, with_borrowing(**staff))
    both.lends(Phase.SHIPPED, due=DUE)
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    both.borrows(Phase.RETURNED)
    assert both.stage.row(borrower).parked.cause == "left_to_staff"
    both.wait(hours=48)
    assert both.stage.row(borrower).state is State.PARKED
    assert len(both.book.charges) == 2
    both.ils.scan(BORROWER)
    both.wait(hours=24)
    assert both.said(borrower, "not charged to the patron")
    both.ils.scan(BORROWER)
    both.wait(hours=24)
    assert both.said(borrower, f"not charged to {ACCOUNT}")
    assert both.stage.row(borrower).state is State.IN_STEP
    assert both.ils.ended == ["c2", "c1"]


def test_the_owning_library_leaves_all_to_its_staff(make_stage: Make) -> None:
    policy = with_lending(receive_transit=DoneBy.STAFF, discharge_account=DoneBy.STAFF)
    both = DistrictStage(make_stage, policy)
    both.lends(Phase.SHIPPED, due=DUE)
    lender = both.lends(Phase.COMPLETED)
    assert both.stage.row(lender).parked.cause == "left_to_staff"
    both.ils.scan(OWNER)
    both.wait(hours=2)
    assert both.stage.row(lender).state is State.CLOSED


def test_staff_charge_the_patron_and_the_bridge_discharges(make_stage: Make) -> None:
    both = DistrictStage(make_stage, with_borrowing(charge_patron=DoneBy.STAFF, receive_transit=DoneBy.STAFF))
    both.lends(Phase.SHIPPED, due=DUE)
    both.borrows(Phase.RECEIVED, due=DUE)
    assert [each.account for each in both.book.charges] == [ACCOUNT]
    both.ils.lend(PATRON)
    both.clock.advance(hours=1)
    both.borrows(Phase.RETURNED, patron_id=PATRON)
    assert (both.book.charges, both.book.to) == ([], OWNER)


def test_the_bridge_sends_it_off_where_it_should(make_stage: Make) -> None:
    both = DistrictStage(make_stage, with_lending(send_transit=DoneBy.BRIDGE))
    lender = both.lends(Phase.SHIPPED, due=DUE)
    assert both.book.to == BORROWER
    assert both.said(lender, "was put in transit to SOUTH")
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    assert both.said(borrower, "was received from transit")


def test_a_late_return_ends_no_later_loan(make_stage: Make) -> None:
    """The item is home and lent to the same library again, to the same patron, when the old return is told."""
    for sides in ((True, True), (False, True), (True, False)):
        both = DistrictStage(make_stage)
        both.number = f"first-{sides}"
        if sides[0]:
            both.lends(Phase.SHIPPED, due=DUE)
        else:
            both.ils.lend(ACCOUNT)
        if sides[1]:
            both.borrows(Phase.RECEIVED, due=DUE)
        while both.book.charges:
            both.ils.scan(BORROWER)
        both.ils.scan(OWNER)
        both.clock.advance(days=8)
        again = {both.ils.lend(ACCOUNT), both.ils.lend(PATRON)}
        both.borrows(Phase.RETURNED)
        both.lends(Phase.COMPLETED)
        assert {each.loan_id for each in both.book.charges} == again, sides
        both.stage.close()


def test_an_ils_that_charges_an_item_once_says_so(make_stage: Make) -> None:
    both = DistrictStage(make_stage, double_charge=False)
    both.ils.lend(ACCOUNT)
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    assert both.said(borrower, "pretend cannot charge an item twice")
    both.borrows(Phase.RETURNED)
    assert [each.account for each in both.book.charges] == [ACCOUNT]
    assert both.said(borrower, "see that item OWN-1 is discharged from")


def test_a_loan_from_before_the_cut_over_is_left_alone_whatever_was_done_for_the_other_side(make_stage: Make) -> None:
    both = DistrictStage(make_stage)
    both.lends(Phase.SHIPPED, due=DUE)
    both.stage.policy = replace(both.stage.policy, live_from=both.clock() + timedelta(days=1))
    borrower = both.borrows(Phase.RECEIVED, due=DUE)
    assert both.stage.row(borrower).state is State.OBSERVED
    assert [each.account for each in both.book.charges] == [ACCOUNT]


class TestAudit:
    """Charges that nobody ended are found, with the library to ask; what is beyond doubt ours is ended."""

    @staticmethod
    def audited(both: DistrictStage, request_id: int, *, repair: bool = False) -> Looked:
        held = both.stage.ledger.work.claim_one(request_id, owner="audit", lease=timedelta(seconds=60))
        assert held is not None
        sitting = both.stage.reconciler.sitting(held)
        found = look(both.stage.ledger, sitting, both.stage.lane)
        state = both.stage.row(request_id).state
        if repair:
            both.stage.ledger.work.keep(held, found.record)
            both.stage.ledger.work.begin(held)
            both.stage.reconciler.work(both.stage.ledger.work.refreshed(held))
        else:
            both.stage.ledger.work.release(held, Verdict(state, ""), version=sitting.version)
        return found

    def test_while_it_is_away_nothing_is_amiss(self, make_stage: Make) -> None:
        both = DistrictStage(make_stage)
        lender = both.lends(Phase.SHIPPED, due=DUE)
        borrower = both.borrows(Phase.RECEIVED, due=DUE)
        assert self.audited(both, lender).findings == self.audited(both, borrower).findings == ()
        both.borrows(Phase.RETURNED)
        assert self.audited(both, lender).findings == ()
        both.book.to = ""
        (found,) = self.audited(both, lender).findings
        assert found.kind is Drift.CHECKED_IN
        both.lends(Phase.RETURNED)
        assert self.audited(both, lender).findings == ()

    def test_what_came_back_charged_is_told_and_discharged(self, make_stage: Make) -> None:
        both = DistrictStage(make_stage)
        lender = both.lends(Phase.SHIPPED, due=DUE)
        borrower = both.borrows(Phase.RECEIVED, due=DUE)
        book, charges = both.book, list(both.book.charges)
        both.borrows(Phase.RETURNED)
        both.lends(Phase.COMPLETED)
        assert self.audited(both, lender).findings == self.audited(both, borrower).findings == ()
        book.charges[:] = charges  # an ILS restored from yesterday
        found = self.audited(both, borrower, repair=True)
        assert [each.sentence for each in found.findings] == [
            "Item OWN-1 is still charged to the patron, although it has gone back."
        ]
        assert found.findings[0].repair == "Discharge item OWN-1 from the patron."
        assert book.charges == []
        book.charges[:] = charges[:1]
        (found_there,) = self.audited(both, lender, repair=True).findings
        assert "DISTRICT-PARTNERILL, although the loan is over; the library to ask is PARTNER" in found_there.sentence
        assert book.charges == []
        book.charges[:] = charges[:1]
        (left,) = self.audited(both, borrower).findings
        assert "still charged to DISTRICT-PARTNERILL" in left.sentence

    def test_what_lies_under_somebody_elses_charge_is_left_to_the_library_to_ask(self, make_stage: Make) -> None:
        both = DistrictStage(make_stage)
        lender = both.lends(Phase.SHIPPED, due=DUE)
        borrower = both.borrows(Phase.RECEIVED, due=DUE)
        charges = list(both.book.charges)
        both.borrows(Phase.RETURNED)
        both.lends(Phase.COMPLETED)
        both.book.charges[:] = charges[:1]
        both.ils.lend("stranger")
        for request, asked in ((lender, "PARTNER"), (borrower, "SOUTH")):
            (found,) = self.audited(both, request).findings
            assert (found.repair, found.advice) == ("", f"Ask {asked} to discharge it at its desk.")
