"""A drill does nothing that cannot be undone, and what a look finds is said."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bridge.domain import commands as do
from bridge.domain.care import DRILL
from bridge.domain.change import UNSET, Phase
from bridge.domain.goal import ABSENT, LEAVE, ItemWish, goal_for
from bridge.domain.learn import amend
from bridge.domain.plan import Step, next_step
from bridge.domain.policy import Policy
from bridge.domain.preview import found_there
from bridge.domain.record import Existence, HoldRecord, HoldState, ItemRecord, Record, SeenLoan, Sighting
from tests.domain.build import BORROWER, CAN, DUE, POLICY, change, folded

KEY = replace(BORROWER, service=DRILL)
CHARGING = replace(POLICY.borrowing, charge_fee=True, fee_amount=Decimal(2), delete_on_return=False)
DRILLED = Policy(borrowing=CHARGING)


def test_a_drill_charges_nobody() -> None:
    request = folded(change(1, Phase.RECEIVED, key=KEY, patron_id="p1", barcode="D"))
    (goal,) = goal_for(request, DRILLED).items
    assert isinstance(goal.item, ItemWish)
    assert goal.fee is LEAVE


@pytest.mark.parametrize(("patron", "loan"), [("", ABSENT), ("p1", LEAVE)])
def test_a_held_item_is_not_scanned_in_and_all_is_deleted(patron: str, loan: object) -> None:
    """A scan-in would fill the hold, and the ILS would write to the patron."""
    begun = change(1, Phase.RECEIVED, key=KEY, barcode="D", patron_id=patron or UNSET)
    (goal,) = goal_for(folded(begun, change(2, Phase.COMPLETED, key=KEY)), DRILLED).items
    assert (goal.item, goal.hold, goal.loan) == (ABSENT, ABSENT, loan)


class TestFoundThere:
    IDS = do.VendorIds("b1", "h1", "i1")

    def test_nothing(self) -> None:
        assert found_there(Sighting(item_present=False, hold_seen=True, loans_seen=True), "X") == ()

    def test_everything(self) -> None:
        hold = HoldRecord("1", "p", "MAIN", HoldState.PLACED)
        loan = SeenLoan("9", "somebody", DUE, ours=False)
        seen = Sighting(item_present=True, ids=self.IDS, barcode="X", marked=True, hold=hold, loans=(loan,))
        said = found_there(seen, "X")
        assert said == ("Item X is there (b1, h1, i1), with our mark.", "Our hold on it stands.", "It is on loan.")
        assert "somebody" not in " ".join(said)

    def test_an_item_that_lost_its_mark(self) -> None:
        hold = HoldRecord("1", "p", "MAIN", HoldState.CANCELLED)
        seen = Sighting(item_present=True, ids=self.IDS, hold=hold)
        assert found_there(seen, "X") == ("Item X is there (b1, h1, i1), without our mark.",)

    def test_a_part(self) -> None:
        seen = Sighting(item_present=False, ids=do.VendorIds(bib="b1"))
        assert found_there(seen, "X") == ("A part of what belongs to item X is there (b1).",)


def test_a_half_made_record_that_is_found_by_its_mark_is_ours_to_delete() -> None:
    """The bib's creation ended unclearly, and the item came back before it was looked up: nothing may stay."""
    seen = Sighting(item_present=False, ids=do.VendorIds(bib="b1"), hold_seen=True, loans_seen=True)
    item = amend(ItemRecord("", ""), seen, do.Verb.CREATE_TEMPORARY_ITEM)
    assert (item.origin, item.ids.bib, item.existence) == (do.Origin.CREATED, "b1", Existence.NONE)
    request = folded(change(1, Phase.RECEIVED, patron_id="p1"), change(2, Phase.RETURNED))
    step = next_step(goal_for(request, POLICY), Record().with_item(item), CAN)
    assert isinstance(step, Step)
    assert isinstance(step.command, do.DeleteTemporaryItem)
    assert step.command.target.ids.bib == "b1"
