"""What staff may have done and have not confirmed when news came: never undone by nobody, never asked of for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import Change, Closure, Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.entrusted import entrust
from bridge.domain.goal import Goal
from bridge.domain.identity import RequestKey, Role
from bridge.domain.learn import confirm, learn
from bridge.domain.plan import StaffTask, next_step
from bridge.domain.preview import left_behind, tasks_ahead
from bridge.domain.privacy import record_without_person
from bridge.domain.record import Entrusted, Existence, HoldRecord, HoldState, ItemRecord, LoanRecord, Outcome, Record
from bridge.domain.steps import Step, StepKey
from bridge.domain.wishes import HoldWish, ItemGoal, ItemWish, LoanWish
from tests.domain.build import BORROWER, DUE, LATER, LENDER, OUT, borrowed, change, goal_of, lent, run

BY_HAND = Capabilities(abilities=dict.fromkeys(Verb, Ability.STAFF))
SHIPPED = (lent(), change(1, Phase.SHIPPED, key=LENDER, due=DUE))
RECEIVED = (borrowed(), change(1, Phase.RECEIVED))


def shown(goal: Goal, record: Record = Record(), can: Capabilities = BY_HAND) -> Record:  # noqa: B008 - frozen
    """The record once staff were shown their tasks."""
    return entrust(record, tasks_ahead(goal, record, can))


def told(goal: Goal, record: Record, can: Capabilities = BY_HAND) -> list[str]:
    return [task.instruction for task in tasks_ahead(goal, record, can)]


def confirmed(goal: Goal, record: Record, most: int = 60) -> Record:
    """The record once staff confirmed their tasks."""
    return reduce(confirm, tasks_ahead(goal, record, BY_HAND)[:most], record)


class TestWhatIsWantedNoMore:
    def test_staff_are_asked_what_became_of_it(self) -> None:
        record = shown(goal_of(*SHIPPED))
        completed = goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER))
        assert told(completed, record) == [
            (
                f"Not wanted any more: Move item OWN-1 to the ILL location {OUT}. "
                "If it was done already: bring item OWN-1 back to its location."
            ),
            (
                f"Not wanted any more: Check item OWN-1 out to the borrowing library, account XYZ, due {DUE}. "
                "If it was done already: check item OWN-1 in."
            ),
        ]
        after = confirmed(completed, record)
        assert after == Record(), "it is as if it had never been asked"
        assert next_step(completed, after, BY_HAND) is None

    def test_it_may_be_asked_again_and_be_taken_back_again(self) -> None:
        goal, completed = goal_of(*SHIPPED), goal_of(*SHIPPED, change(2, Phase.COMPLETED, key=LENDER))
        record = shown(goal, confirmed(completed, shown(goal)))
        assert len(told(completed, record)) == 2

    def test_what_stands_behind_it_follows(self) -> None:
        record = shown(goal_of(*RECEIVED), confirmed(goal_of(*RECEIVED), Record(), most=2))
        returned = goal_of(*RECEIVED, change(2, Phase.RETURNED))
        assert told(returned, record) == [
            (
                "Not wanted any more: Place a hold on item ILL-1 for the patron, pickup at MAIN. "
                "If it was done already: cancel the hold on item ILL-1."
            ),
            "Check item ILL-1 in.",
            "Delete temporary item ILL-1 with its holding and bib.",
        ]

    def test_it_stands_back_behind_what_the_bridge_does(self) -> None:
        can = Capabilities(abilities={Verb.PLACE_HOLD: Ability.STAFF})
        record, _, _ = run(goal_of(*RECEIVED), can=can)
        _, steps, task = run(goal_of(*RECEIVED, change(2, Phase.RETURNED)), shown(goal_of(*RECEIVED), record), can)
        assert steps
        assert task is None, "the item is deleted, and its hold with it"

    def test_what_the_bridge_does_behind_it_is_still_to_come(self) -> None:
        """An order of staff with a step of the bridge behind it, and a task behind that."""
        can = Capabilities(abilities={Verb.CREATE_TEMPORARY_ITEM: Ability.STAFF, Verb.SET_DUE_DATE: Ability.STAFF})
        record, _, _ = run(goal_of(*RECEIVED), can=can)
        record = shown(goal_of(*RECEIVED), record, can)
        (task,) = tasks_ahead(goal_of(*RECEIVED, change(2, due=LATER)), record, can)
        assert task.instruction == "Make a temporary item with barcode ILL-1, at RS/TEMP."

    def test_what_the_goal_leaves_alone_is_left_alone(self) -> None:
        can = Capabilities(abilities={Verb.MARK_LOST: Ability.STAFF})
        lost = (*SHIPPED, change(2, key=LENDER, raised=(Condition.LOST,)))
        record, _, _ = run(goal_of(*lost), can=can)
        record = shown(goal_of(*lost), record, can)
        paid = goal_of(*lost, change(3, Phase.COMPLETED, key=LENDER, closure=Closure.LOST_PAID))
        assert all(task.withdrawn is None for task in tasks_ahead(paid, record, can))
        found = goal_of(*lost, change(3, key=LENDER, raised=(Condition.FOUND,)))
        (task,) = tasks_ahead(found, record, can)
        assert task.instruction.endswith("If it was done already: take back that item OWN-1 was declared lost.")

    def test_a_volume_that_is_not_known_any_more_is_asked_of(self) -> None:
        record = shown(goal_of(*RECEIVED))
        named = goal_of(*RECEIVED, change(2, Phase.RECEIVED, volume="1"), change(3, Phase.RECEIVED, volume="2"))
        first = tasks_ahead(named, record, BY_HAND)[0]
        assert first.instruction.startswith("Not wanted any more: Place a hold on item ILL-1")

    def test_who_forgets_the_request_is_told(self) -> None:
        record = shown(goal_of(*SHIPPED))
        assert left_behind(record)[0].startswith("Whether this was done by hand is not known: Check item OWN-1 out")


class TestWhatIsWantedInOtherWords:
    def test_staff_are_told_of_those_before(self) -> None:
        record = shown(goal_of(*SHIPPED))
        other = goal_of(*SHIPPED, change(2, key=LENDER, due=LATER))
        assert told(other, record)[0] == (
            f"Check item OWN-1 out to the borrowing library, account XYZ, due {LATER}. Before, this was asked: "
            f"“Check item OWN-1 out to the borrowing library, account XYZ, due {DUE}.” If it was done so already, change it."
        )
        both = shown(other, record)
        assert shown(other, both) == both, "what was told is not told again"
        assert confirmed(other, both).entrusted == ()

    def test_what_is_undone_alike_is_asked_of_once(self) -> None:
        other = goal_of(*SHIPPED, change(2, key=LENDER, due=LATER))
        both = shown(other, shown(goal_of(*SHIPPED)))
        completed = goal_of(*SHIPPED, change(3, Phase.COMPLETED, key=LENDER))
        moved, lent_out = told(completed, both)
        assert "Move item OWN-1" in moved
        assert f"due {LATER}. If it was done already: check item OWN-1 in." in lent_out
        assert confirmed(completed, both) == Record()

    def test_another_patron_is_told_without_a_name(self) -> None:
        record = shown(goal_of(*RECEIVED), confirmed(goal_of(*RECEIVED), Record(), most=2))
        other = goal_of(*RECEIVED, change(2, patron_id="p2"))
        patron, hold = tasks_ahead(other, record, BY_HAND)
        assert patron.instruction == "Check that the patron may borrow.", "another one than was confirmed before"
        assert "Before, this was asked: the same for another patron. If it was done so already" in hold.instruction
        assert "p1" not in repr(record.entrusted)
        assert {each.whom for each in record_without_person(record, Role.BORROWER).entrusted} == {""}

    def test_a_due_date_takes_the_place_of_the_one_before(self) -> None:
        can = Capabilities(abilities={Verb.SET_DUE_DATE: Ability.STAFF})
        record, _, _ = run(goal_of(*SHIPPED), can=can)
        later = goal_of(*SHIPPED, change(2, key=LENDER, due=LATER))
        again = goal_of(*SHIPPED, change(3, key=LENDER, due=LATER.replace(day=20)))
        record = shown(later, record, can)
        assert told(again, record, can) == ["Set the due date of item OWN-1 to 2027-02-20."]
        assert told(goal_of(*SHIPPED), record, can) == [
            f"Not wanted any more: Set the due date of item OWN-1 to {LATER}. If it was done already: set it back to {DUE}."
        ]


def of(verb: Verb) -> Record:
    """A record of somebody who was asked for one thing."""
    asked = Entrusted("", "", f"-:-:{verb}:0", verb, "B", "", "")
    return Record(entrusted=(asked,), items=(ItemRecord("", ""),))


class TestWhatComesToLight:
    @pytest.mark.parametrize(
        ("verb", "seen"),
        [
            (Verb.CREATE_TEMPORARY_ITEM, {"existence": Existence.PRESENT}),
            (Verb.RELABEL_ITEM, {"barcode": "T-2"}),
            (Verb.PLACE_HOLD, {"holds": (HoldRecord("1", "p", "MAIN"),)}),
            (Verb.CANCEL_HOLD, {"holds": (HoldRecord("1", "p", "MAIN", HoldState.CANCELLED),)}),
            (Verb.CHECK_OUT, {"loans": (LoanRecord("1", "XYZ"),)}),
            (Verb.SET_DUE_DATE, {"due_written": DUE}),
            (Verb.CHECK_IN, {"checked_in": True}),
            (Verb.MOVE_ITEM, {"moved_to": OUT}),
            (Verb.RESTORE_ITEM, {"restored": True}),
            (Verb.DELETE_TEMPORARY_ITEM, {"existence": Existence.DELETED}),
            (Verb.CHARGE_FEE, {"fees": (object(),)}),
            (Verb.MARK_LOST, {"marked_lost": True}),
            (Verb.NOTE_ITEM, {"staff_note": "ours"}),
        ],
    )
    def test_what_the_ils_shows_as_done_is_not_asked_of(self, verb: Verb, seen: dict[str, object]) -> None:
        record = of(verb)
        item = record.item("", "")
        assert record.with_item(item) == record
        now = replace(item, **seen)  # type: ignore[arg-type]
        assert record.with_item(now).entrusted == ()
        assert record.with_item(replace(now, volume="2")).entrusted == record.entrusted, "of another volume"

    def test_found_after_it_was_lost(self) -> None:
        record = of(Verb.MARK_FOUND).with_item(ItemRecord("", "", marked_lost=True))
        assert record.entrusted
        assert record.with_item(ItemRecord("", "", marked_lost=True, lost_ended=True)).entrusted == ()

    def test_what_the_bridge_did_itself_is_not_asked_of(self) -> None:
        key = StepKey("", "", Verb.SET_DUE_DATE, 0)
        step = Step(key, do.SetDueDate(do.Target(goal_of(*SHIPPED).items[0].mark, do.Origin.OWN, "B"), DUE))
        assert learn(of(Verb.SET_DUE_DATE), step, Outcome()).entrusted == ()

    def test_a_look_up_leaves_nothing_behind(self) -> None:
        assert [each.verb for each in shown(goal_of(*RECEIVED)).entrusted] == [
            Verb.CREATE_TEMPORARY_ITEM,
            Verb.PLACE_HOLD,
        ]
        decision = StaffTask(None, "attention", "Decide.")
        assert entrust(Record(), [decision]) == Record()

    def test_a_note_is_not_kept_word_for_word(self) -> None:
        key = StepKey("", "", Verb.NOTE_ITEM, 0)
        target = do.Target(goal_of(*RECEIVED).items[0].mark, do.Origin.CREATED, "B")
        (kept,) = entrust(Record(), [StaffTask(key, str(key), "", do.NoteItem(target, "for {Ada}"))]).entrusted
        assert kept.wish == "Put our note on item B."


@dataclass
class House:
    """An ILS without a door, as its staff know it: what of ours stands there."""

    items: set[str] = field(default_factory=set)
    holds: dict[str, tuple[str, str]] = field(default_factory=dict)
    loans: dict[str, tuple[str, date | None]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)

    def settle(self, task: StaffTask, record: Record) -> None:
        """Do what is asked, or undo what is not wanted any more; what was asked in other words before is undone first."""
        if task.withdrawn is not None:
            self.undo(task.withdrawn, record)
            return
        before = record.entrusted if "Before, this was asked" in task.instruction else ()
        for each in (each for each in before if each.task_id == task.task_id):
            self.undo(each, record)
        self.carry_out(task.command)

    def carry_out(self, command: do.Command | None) -> None:  # noqa: C901 - one line a verb
        match command:
            case do.CreateTemporaryItem(target=target):
                self.items.add(target.barcode)
            case do.RelabelItem(target=target, new_barcode=new) if target.barcode in self.items:
                self.items = (self.items - {target.barcode}) | {new}
                self.holds = {new if each == target.barcode else each: at for each, at in self.holds.items()}
            case do.PlaceHold(target=target, patron_id=patron, pickup_location=pickup) if target.barcode in self.items:
                self.holds[target.barcode] = (patron, pickup)
            case do.CancelHold(target=target):
                self.holds.pop(target.barcode, None)
            case do.DeleteTemporaryItem(target=target):
                self.items.discard(target.barcode)
                self.holds.pop(target.barcode, None)
            case do.CheckOut(target=target, account=account, due=due):
                self.loans[target.barcode] = (account, due)
            case do.SetDueDate(target=target, due=due) if target.barcode in self.loans:
                self.loans[target.barcode] = ("XYZ", due)
            case do.CheckIn(target=target):
                self.loans.pop(target.barcode, None)
            case do.MoveItem(target=target):
                self.away.add(target.barcode)
            case do.RestoreItem(target=target):
                self.away.discard(target.barcode)

    def undo(self, asked: Entrusted, record: Record) -> None:
        barcode = asked.barcode
        match asked.verb:
            case Verb.CREATE_TEMPORARY_ITEM:
                self.items.discard(barcode)
                self.holds.pop(barcode, None)
            case Verb.RELABEL_ITEM:
                new = asked.undo.removeprefix("give item ").partition(" ")[0]
                if new in self.items:
                    self.items = (self.items - {new}) | {barcode}
                    self.holds = {barcode if each == new else each: at for each, at in self.holds.items()}
            case Verb.PLACE_HOLD:
                self.holds.pop(barcode, None)
            case Verb.CANCEL_HOLD:
                hold = record.item("", "").hold
                assert hold is not None
                self.holds[barcode] = (hold.patron_id, hold.pickup_location)
            case Verb.SET_DUE_DATE:
                self.loans[barcode] = ("XYZ", date.fromisoformat(asked.undo[-11:-1]))
            case Verb.CHECK_OUT:
                self.loans.pop(barcode, None)
            case Verb.MOVE_ITEM:
                self.away.discard(barcode)


NEWS = {
    BORROWER: st.one_of(
        st.just({"phase": Phase.RECEIVED}),
        st.sampled_from(["T-1", "T-2"]).map(lambda barcode: {"temporary_barcode": barcode}),
        st.sampled_from(["MAIN", "BRANCH"]).map(lambda pickup: {"pickup_location": pickup}),
        st.sampled_from(["p1", "p2"]).map(lambda patron: {"patron_id": patron}),
    ),
    LENDER: st.one_of(
        st.just({"phase": Phase.SHIPPED, "due": DUE}), st.sampled_from([DUE, LATER]).map(lambda due: {"due": due})
    ),
}
END = {BORROWER: Phase.RETURNED, LENDER: Phase.COMPLETED}


@st.composite
def days(draw: st.DrawFn) -> tuple[RequestKey, list[Change]]:
    """News of one request, its end left out."""
    key = draw(st.sampled_from([BORROWER, LENDER]))
    first = borrowed() if key is BORROWER else lent()
    news = draw(st.lists(NEWS[key], min_size=1, max_size=5))
    return key, [first, *(change(at, key=key, **each) for at, each in enumerate(news, start=1))]


class TestAnyDay:
    """Staff do some of what they are asked and confirm some of that, before the next news comes; in the evening they do all of it."""

    @given(data=st.data(), day=days())
    def test_in_the_evening_the_ils_is_as_the_request_wants_it(
        self, data: st.DataObject, day: tuple[RequestKey, list[Change]]
    ) -> None:
        key, news = day
        house, record = House(), Record()
        for at in range(1, len(news) + 1):
            record = self._worked(house, goal_of(*news[:at]), record, data)
        if data.draw(st.booleans()):
            record = self._evening(house, goal_of(*news), record)
            self._agrees(house, goal_of(*news).items[0])
        self._evening(house, goal_of(*news, change(99, END[key], key=key)), record)
        assert house == House(), "nothing of ours stays"

    @staticmethod
    def _worked(house: House, goal: Goal, record: Record, data: st.DataObject) -> Record:
        tasks = tasks_ahead(goal, record, BY_HAND)
        record = entrust(record, tasks)
        done = tasks[: data.draw(st.integers(0, len(tasks)))]
        for task in done:
            house.settle(task, record)
        return reduce(confirm, done[: data.draw(st.integers(0, len(done)))], record)

    @staticmethod
    def _evening(house: House, goal: Goal, record: Record) -> Record:
        while tasks := tasks_ahead(goal, record, BY_HAND):
            house.settle(tasks[0], record)
            record = confirm(record, tasks[0])
        return record

    @staticmethod
    def _agrees(house: House, goal: ItemGoal) -> None:
        if isinstance(goal.item, ItemWish):
            assert house.items == {goal.item.barcode}
            assert isinstance(goal.hold, HoldWish)
            assert house.holds == {goal.item.barcode: (goal.hold.patron_id, goal.hold.pickup_location)}
        elif isinstance(goal.loan, LoanWish):
            assert house.loans == {goal.barcode: (goal.loan.account, goal.loan.due)}
            assert house.away == {goal.barcode}
        else:
            assert house == House()
