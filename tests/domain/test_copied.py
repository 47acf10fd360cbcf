"""A request that was taken for a loan and is filled by a copy: what had been made for the loan goes, and nothing that moved is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.change import Change, Phase
from bridge.domain.goal import goal_for
from bridge.domain.identity import ServiceType
from bridge.domain.policy import CreateOn, Policy
from bridge.domain.record import Existence, Record
from tests.domain.build import LENDER, POLICY, borrowed, change, folded, goal_of, lent, run, verbs

EARLY = replace(
    POLICY,
    borrowing=replace(POLICY.borrowing, create_on=CreateOn.REQUESTED),
    lending=replace(POLICY.lending, hold_on_request=True, pickup_location="M", temporary_place=None),
)
OFF = replace(EARLY, borrowing=replace(EARLY.borrowing, enabled=False), lending=replace(EARLY.lending, enabled=False))
SYSTEM = replace(EARLY, borrowing=replace(EARLY.borrowing, existing_item=True))


def copied(at: int, phase: Phase = Phase.SHIPPED, **more: object) -> Change:
    return change(at, phase, service_type=ServiceType.COPY, **more)  # type: ignore[arg-type]


def made(*told: Change) -> Record:
    return run(goal_of(*told, policy=EARLY))[0]


class TestWhenWeBorrow:
    def test_the_item_and_its_hold_go(self) -> None:
        record, steps, task = run(goal_of(borrowed(), copied(1), policy=EARLY), made(borrowed()))
        assert verbs(steps) == ["cancel_hold", "delete_temporary_item"]
        assert task is None
        later = (borrowed(), copied(1), copied(2, Phase.RECEIVED), copied(3, Phase.COMPLETED))
        assert run(goal_of(*later, policy=EARLY), record)[1:] == ([], None)

    def test_what_was_received_stays_until_staff_have_looked(self) -> None:
        told = (borrowed(), change(1, Phase.RECEIVED))
        _, steps, task = run(goal_of(*told, copied(2, Phase.RECEIVED), policy=EARLY), made(*told))
        assert steps == []
        assert task is not None
        assert task.instruction == (
            "Item ILL-1 was made for a loan, and the service says now that it is a copy: "
            "see what came, and delete the item by hand if nobody needs it."
        )

    def test_where_a_supplier_gives_up_its_item_goes_too(self) -> None:
        first = (borrowed(), change(1, Phase.WILL_SUPPLY, leg="A"))
        told = (*first, copied(2, leg="B"), copied(3, Phase.RECEIVED, leg="B"))
        record, _, task = run(goal_of(*told, policy=EARLY), made(*first))
        assert {item.existence for item in record.items} <= {Existence.DELETED, Existence.NONE}
        assert task is None

    @pytest.mark.parametrize("policy", [OFF, SYSTEM], ids=["off", "in system"])
    def test_where_nothing_is_made_nothing_goes(self, policy: Policy) -> None:
        goal = goal_of(borrowed(), copied(1), policy=policy)
        assert run(goal, made(borrowed()))[1:] == ([], None)


class TestWhenWeLend:
    def test_the_hold_goes(self) -> None:
        _, steps, task = run(goal_of(lent(), copied(1, key=LENDER), policy=EARLY), made(lent()))
        assert (verbs(steps), task) == (["cancel_hold"], None)
        assert run(goal_of(lent(), copied(1, key=LENDER), policy=OFF), made(lent()))[1:] == ([], None)

    def test_what_is_on_loan_is_for_staff(self) -> None:
        told = (lent(), change(1, Phase.SHIPPED, key=LENDER))
        _, steps, task = run(goal_of(*told, copied(2, key=LENDER), policy=EARLY), made(*told))
        assert steps == []
        assert task is not None
        assert task.instruction == (
            "Item OWN-1 was checked out, and the service says now that a copy was sent: see whether it is here, and check it in."
        )


@given(
    st.lists(st.sampled_from([Phase.REQUESTED, Phase.WILL_SUPPLY, Phase.SHIPPED, Phase.RECEIVED, Phase.COMPLETED])),
    st.booleans(),
)
def test_a_copy_never_touches_circulation(phases: list[Phase], borrower: bool) -> None:
    first = borrowed(service_type=ServiceType.COPY) if borrower else lent(service_type=ServiceType.COPY)
    told = [change(at, phase, key=first.request) for at, phase in enumerate(phases, start=1)]
    assert run(goal_for(folded(first, *told), EARLY))[1:] == ([], None)
