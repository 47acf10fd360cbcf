"""We lend another item than the one that was asked for, or lent: the service says so by its barcode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.change import Change, Phase
from bridge.domain.commands import Origin, VendorIds
from bridge.domain.goal import goal_for
from bridge.domain.learn import confirm, learn
from bridge.domain.plan import Step, next_step
from bridge.domain.policy import Policy
from bridge.domain.record import HoldRecord, HoldState, Learned, Outcome, Record
from tests.domain.build import CAN, LENDER, OUT, POLICY, change, folded, goal_of, lent, run

HELD = replace(POLICY, lending=replace(POLICY.lending, hold_on_request=True, pickup_location="M", temporary_place=None))
MOVED = replace(HELD, lending=replace(HELD.lending, temporary_place=OUT))
ASKED = lent()
SUPPLIED = change(1, Phase.WILL_SUPPLY, key=LENDER, barcode="OWN-2")
SHIPPED = change(2, Phase.SHIPPED, key=LENDER, barcode="OWN-2")
COMPLETED = change(3, Phase.COMPLETED, key=LENDER)


def told(record: Record, *changes: Change, policy: Policy) -> tuple[Record, list[tuple[str, str, str]], str]:
    """The record, which steps were taken on which item (barcode and the ILS's id), and what staff are asked. A hold teaches ids."""
    goal = goal_for(folded(*changes), policy)
    steps = []
    while isinstance(found := next_step(goal, record, CAN), Step):
        target = found.command.target  # type: ignore[union-attr]
        steps.append((found.key.verb.value, target.barcode, target.ids.item))
        ids = VendorIds(item=f"id-{target.barcode}")
        hold = HoldRecord(f"h-{target.barcode}", "XYZ", "M") if found.key.verb.value == "place_hold" else None
        learned = Learned(ids=ids if target.barcode else None, hold=hold)
        record = learn(record, found, Outcome(learned=learned))
    return record, steps, found.instruction if found is not None else ""


@pytest.mark.parametrize("policy", [HELD, MOVED], ids=["held", "moved"])
class TestAnotherIsSent:
    def test_the_hold_on_the_first_is_cancelled_and_the_second_is_lent(self, policy: Policy) -> None:
        record, _, _ = told(Record(), ASKED, policy=policy)
        record, steps, asked = told(record, ASKED, SHIPPED, policy=policy)
        assert steps[0] == ("cancel_hold", "OWN-1", "id-OWN-1")
        assert {barcode for _, barcode, _ in steps[1:]} == {"OWN-2"}
        assert "id-OWN-1" not in {known for _, _, known in steps[1:]}, "nothing is done to the first by its id"
        record, steps, asked = told(record, ASKED, SHIPPED, COMPLETED, policy=policy)
        assert {(barcode, known) for _, barcode, known in steps} == {("OWN-2", "id-OWN-2")}
        assert asked == ""

    def test_it_is_held_first_where_it_is_told_before(self, policy: Policy) -> None:
        record, _, _ = told(Record(), ASKED, policy=policy)
        record, steps, _ = told(record, ASKED, SUPPLIED, policy=policy)
        assert steps == [("cancel_hold", "OWN-1", "id-OWN-1"), ("place_hold", "OWN-2", "")]
        assert record.items[0].barcode == "OWN-2"
        assert told(record, ASKED, SUPPLIED, policy=policy)[1] == []

    def test_a_hold_that_is_gone_needs_no_end(self, policy: Policy) -> None:
        record, _, _ = told(Record(), ASKED, policy=policy)
        (item,) = record.items
        expired = replace(item, holds=(replace(item.holds[0], state=HoldState.EXPIRED),))
        _, steps, _ = told(record.with_item(expired), ASKED, SHIPPED, policy=policy)
        assert {(barcode, known) for _, barcode, known in steps[:1]} == {("OWN-2", "")}

    def test_cancelled_in_the_same_breath_the_first_ones_hold_goes(self, policy: Policy) -> None:
        record, _, _ = told(Record(), ASKED, policy=policy)
        cancelled = change(2, Phase.CANCELLED, key=LENDER, barcode="OWN-2")
        assert told(record, ASKED, cancelled, policy=policy)[1] == [("cancel_hold", "OWN-1", "id-OWN-1")]


class TestAnotherIsNamedTooLate:
    ASKED = (
        "The service names item OWN-2 now, but item OWN-1 was checked out for it: see which of them was sent, "
        "and put the other one right in the ILS."
    )

    def test_staff_are_asked_once(self) -> None:
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER))
        renamed = (*shipped, change(2, key=LENDER, barcode="OWN-2"))
        record, _, _ = run(goal_of(*shipped))
        record, steps, task = run(goal_of(*renamed), record)
        assert steps == []
        assert task is not None
        assert task.instruction == self.ASKED
        record, _, task = run(goal_of(*renamed, COMPLETED), confirm(record, task))
        assert task is None
        assert record.items[0].checked_in

    def test_the_same_in_other_letters_is_the_same(self) -> None:
        shipped = (lent(), change(1, Phase.SHIPPED, key=LENDER))
        record, _, _ = run(goal_of(*shipped))
        assert run(goal_of(*shipped, change(2, key=LENDER, barcode="own-1")), record)[2] is None
        assert record.items[0].origin is Origin.OWN
