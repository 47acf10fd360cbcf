"""Whatever comes, in whatever order: folding agrees with itself, plans end, and no plan holds a step that a rule forbids."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Change, Condition
from bridge.domain.goal import Goal, goal_for
from bridge.domain.identity import Role, ServiceType
from bridge.domain.learn import learn
from bridge.domain.plan import Step, next_step
from bridge.domain.policy import OnRecall, Policy
from bridge.domain.record import (
    Existence,
    HoldRecord,
    HoldState,
    ItemRecord,
    Learned,
    Outcome,
    OutcomeKind,
    Record,
)
from bridge.domain.request import Request, fold
from bridge.domain.sentences import change_sentence, plan_sentence, status_of, step_sentence
from bridge.domain.standing import standings
from tests.domain.build import answer
from tests.domain.strategies import CAPABILITIES, KEYS, POLICIES, changes_of

MOST = 120
CHANGES = KEYS.flatmap(changes_of)
ENDINGS = st.lists(st.sampled_from(["done", "already", "satisfied", "bare"]), min_size=MOST, max_size=MOST)


@given(changes=CHANGES, data=st.data())
def test_any_order_and_repetition_folds_to_an_equal_request(changes: list[Change], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(changes))
    repeated = [*shuffled, *data.draw(st.lists(st.sampled_from(changes), max_size=5))]
    one = other = Request(changes[0].request)
    for change in changes:
        one = fold(one, change)
    for change in repeated:
        other = fold(other, change)
    assert one == other
    assert standings(one) == standings(other)


@given(changes=CHANGES)
def test_a_notification_changes_nothing(changes: list[Change]) -> None:
    request = Request(changes[0].request)
    for change in changes:
        request = fold(request, change)
    assert fold(request, replace(changes[0], key="note", notification=True)) == request


@given(changes=CHANGES, policy=POLICIES, can=CAPABILITIES, endings=ENDINGS)
def test_plans_end_and_hold_no_forbidden_step(
    changes: list[Change], policy: Policy, can: Capabilities, endings: list[str]
) -> None:
    request, record, left = Request(changes[0].request), Record(), iter(endings)
    for change in changes:
        request = fold(request, change)
        goal = goal_for(request, policy)
        for _ in range(MOST):
            found = next_step(goal, record, can)
            if not isinstance(found, Step):
                break
            forbidden(found, record, request, can)
            forbidden_while_lost(found, request, policy)
            told(found, record, request)
            record = learn(record, found, outcome_of(found, next(left, "done")))
        else:
            raise AssertionError("the plan does not end")
        assert next_step(goal_for(request, policy), record, can) == found, "what is in step stays in step"


def outcome_of(step: Step, ending: str) -> Outcome:
    """Done, already so, done with the hold gone meanwhile, or an answer that says nothing."""
    if ending == "bare":
        return Outcome()
    outcome = answer(step)
    if ending == "already":
        return replace(outcome, kind=OutcomeKind.ALREADY)
    if ending == "satisfied" and outcome.learned.hold is not None:
        hold = replace(outcome.learned.hold, state=HoldState.SATISFIED)
        return Outcome(learned=replace(outcome.learned, hold=hold))
    if ending == "satisfied":
        return Outcome(learned=replace(outcome.learned, nothing_waits=True))
    return outcome


def told(step: Step, record: Record, request: Request) -> None:
    """Every step has its sentences, and none names the patron."""
    item = record.item(step.key.leg, step.key.volume)
    for kind in OutcomeKind:
        assert "{" not in step_sentence(step, Outcome(kind), item, "alma")
    assert plan_sentence(step).startswith("Would ")
    assert status_of(standings(request))


def forbidden(step: Step, record: Record, request: Request, can: Capabilities) -> None:
    """Raise for a step that a rule forbids."""
    item = record.item(step.key.leg, step.key.volume)
    role = request.key.role
    assert can.of(step.key.verb) is not Ability.STAFF, "staff's work is no step"
    if isinstance(step.command, do.FindPatron):
        assert role is Role.BORROWER
        return
    copies = {stand.volume for stand in standings(request) if stand.service_type is ServiceType.COPY}
    if step.key.volume in copies:
        assert isinstance(step.command, do.ChargeFee), "copies never touch circulation"
    _forbidden_item(step.command, item, role)
    _forbidden_loan(step.command, item, role)


def forbidden_while_lost(step: Step, request: Request, policy: Policy) -> None:
    """Raise for a step that rule 7 forbids: what is lost, or came back after it was paid for, is not checked in or deleted."""
    here = (step.key.leg, step.key.volume)
    stand = next((each for each in standings(request) if (each.leg, each.volume) == here), None)
    if stand is None or stand.dead or stand.lost_on_the_way_back:
        return
    if isinstance(step.command, do.SetDueDate) and step.command.may_shorten and request.key.role is Role.BORROWER:
        assert stand.has(Condition.RECALLED), "rule 11: only a recall shortens"
        assert policy.borrowing.on_recall is OnRecall.SHORTEN
    undoing = isinstance(step.command, do.CheckIn | do.DeleteTemporaryItem | do.RestoreItem)
    if undoing and (stand.lost or (stand.found and stand.has(Condition.FEE_PAID))):
        assert not stand.arrived, "rule 7: lost latches, and paid leaves it to staff"
        assert request.key.role is Role.BORROWER
    if isinstance(step.command, do.MarkLost):
        assert stand.lost or stand.closed_without_item


def _forbidden_item(command: do.Command, item: ItemRecord, role: Role) -> None:
    match command:
        case do.CreateTemporaryItem():
            assert item.existence is Existence.NONE, "rule 1: what was made or deleted is not made again"
            assert role is Role.BORROWER
        case do.DeleteTemporaryItem():
            assert item.origin is do.Origin.CREATED, "rule 3: only what we made"
            assert item.existence is not Existence.DELETED
            assert role is Role.BORROWER
        case do.PlaceHold():
            latched = {HoldState.SATISFIED, HoldState.EXPIRED, HoldState.CANCELLED_BY_PATRON}
            assert item.hold is None or item.hold.state not in latched, "rule 1: a hold that ended is not placed again"
        case do.ChargeFee(fee_key=key):
            assert key not in {fee.fee_key for fee in item.fees}, "rule 1: a fee once charged is charged"
        case _:
            return


def _forbidden_loan(command: do.Command, item: ItemRecord, role: Role) -> None:
    match command:
        case do.CheckIn(loan_ids=ids):
            assert item.existence is Existence.PRESENT or item.loans, "rule 2: nothing of ours is on loan"
            assert set(ids) <= {loan.loan_id for loan in item.loans}
        case do.CheckOut():
            assert not item.loans, "rule 1: a loan that ended is not made again"
            assert role is Role.LENDER
        case do.SetDueDate(may_shorten=shorten, leave_days=days):
            assert role is Role.LENDER or not shorten or days, (
                "rule 11: a patron's loan is shortened with days left only"
            )
        case do.RestoreItem(moved_to=place):
            assert place == item.moved_to, "rule 2: only from where we put it"
        case _:
            return


@given(changes=CHANGES, policy=POLICIES)
def test_a_goal_is_the_same_each_time(changes: list[Change], policy: Policy) -> None:
    request = Request(changes[0].request)
    for change in changes:
        request = fold(request, change)
        sentence = change_sentence(change, changed=True)
        assert "p1" not in sentence
        assert "p2" not in sentence
    one, other = goal_for(request, policy), goal_for(request, policy)
    assert isinstance(one, Goal)
    assert one.fingerprint == other.fingerprint


@given(changes=CHANGES, policy=POLICIES)
def test_an_answer_that_says_more_than_was_asked_makes_the_rest_smaller(changes: list[Change], policy: Policy) -> None:
    """NCIP AcceptItem makes item and hold: then no hold is asked for."""
    request, record = Request(changes[0].request), Record()
    for change in changes:
        request = fold(request, change)
    for _ in range(MOST):
        found = next_step(goal_for(request, policy), record, Capabilities())
        if not isinstance(found, Step):
            return
        outcome = answer(found)
        if isinstance(found.command, do.CreateTemporaryItem):
            here = (found.key.leg, found.key.volume)
            goal = next(each for each in goal_for(request, policy).items if (each.leg, each.volume) == here)
            hold = getattr(goal.hold, "pickup_location", None)
            if hold is not None:
                patron = record.patron.patron_id if record.patron else ""
                more: Learned = replace(outcome.learned, hold=HoldRecord("h", patron, hold))
                outcome = Outcome(learned=more)
        assert (
            not isinstance(found.command, do.PlaceHold) or record.item(found.key.leg, found.key.volume).origin is None
        )
        record = learn(record, found, outcome)
