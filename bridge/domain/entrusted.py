"""What was left to staff and is not confirmed yet: nobody knows whether it is done, so that news never lets it fall. Pure.

Where the same is wanted in other words, staff are told of those before; where it is wanted no more, they are asked to undo what they did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from bridge.domain import commands as do
from bridge.domain.commands import Command, Verb
from bridge.domain.record import Entrusted, Existence, Record, told_apart
from bridge.domain.steps import StaffTask, kind_of_fee, wished
from bridge.domain.wishes import ABSENT, LEAVE, Goal, HoldWish, ItemGoal, ItemWish, LoanWish, Wish

OVERWRITING = frozenset(
    {
        Verb.SET_DUE_DATE,
        Verb.NOTE_ITEM,
        Verb.CANCEL_HOLD,
        Verb.DELETE_TEMPORARY_ITEM,
        Verb.MARK_LOST,
    }
)
"""Verbs that bring about the same whatever was done before in other words."""


def entrust(record: Record, tasks: Iterable[StaffTask]) -> Record:
    """The record once staff were shown these tasks; only what leaves something in the ILS is remembered."""
    known = set(record.entrusted)
    fresh = (each for task in tasks for each in _of(task) if each not in known)
    return replace(record, entrusted=(*record.entrusted, *dict.fromkeys(fresh)))


def _of(task: StaffTask) -> Iterator[Entrusted]:
    key, command = task.key, task.command
    if key is None or command is None or isinstance(command, do.FindPatron) or key.verb not in _UNDO:
        return
    barcode = command.target.barcode
    wish = f"Put our note on item {barcode}." if isinstance(command, do.NoteItem) else wished(command)
    undo = _UNDO[key.verb].format(**_words(command, barcode))
    whom = told_apart(getattr(command, "patron_id", ""))
    yield Entrusted(key.leg, key.volume, task.task_id, key.verb, barcode, wish, undo, whom)


def _words(command: Command, barcode: str) -> dict[str, str]:
    before = getattr(command, "before", None)
    date = f"set it back to {before}" if before else "set it back to what it was"
    return {"barcode": barcode, "new": getattr(command, "new_barcode", ""), "kind": kind_of_fee(command), "date": date}


def settled(record: Record, task_id: str) -> Record:
    """The record once what this names was done: nothing of it is open."""
    if not record.entrusted:
        return record
    return replace(record, entrusted=tuple(each for each in record.entrusted if each.task_id != task_id))


def undone(record: Record, entrusted: Entrusted) -> Record:
    """The record once staff said that this is not done, or done no more; in whatever words it was asked."""
    rest = (each for each in record.entrusted if (each.task_id, each.undo) != (entrusted.task_id, entrusted.undo))
    return replace(record, entrusted=tuple(rest))


def withdrawn(record: Record, goal: Goal, wanted: Collection[str]) -> Iterator[StaffTask]:
    """What was left to staff and is to be undone where it was done, the latest first, since it stands on what was before.

    ``wanted``: ids of the steps and tasks that are still to come. What the goal leaves as it is stays as it is.
    """
    goals = {(each.leg, each.volume): each for each in (*goal.forsaken, *goal.items)}
    last = {(each.task_id, each.undo): each for each in record.entrusted}
    for each in reversed(last.values()):
        now = goals.get((each.leg, each.volume))
        if each.task_id not in wanted and not _went_along(record, each) and (now is None or _UNWANTED[each.verb](now)):
            text = f"Not wanted any more: {each.wish} If it was done already: {each.undo}"
            wish = f"Not wanted any more: {each.wish}"
            yield StaffTask(None, f"withdrawn:{each.task_id}", text, wish=wish, withdrawn=each)


def _went_along(record: Record, entrusted: Entrusted) -> bool:
    """Whether it went with the item that is deleted."""
    deleted = record.item(entrusted.leg, entrusted.volume).existence is Existence.DELETED
    return deleted and entrusted.verb is not Verb.CHARGE_FEE


def in_other_words(record: Record, task: StaffTask) -> StaffTask:
    """The task, with what it was before: staff may have done it so."""
    now = next(_of(task), None)
    if now is None or now.verb in OVERWRITING:
        return task
    before = [each for each in record.entrusted if each.task_id == task.task_id and each != now]
    if not before:
        return task
    told = " ".join(f"“{each.wish}”" if each.wish != now.wish else "the same for another patron." for each in before)
    said = f"{task.instruction} Before, this was asked: {told} If it was done so already, change it."
    return replace(task, instruction=said)


_UNDO: Mapping[Verb, str] = {
    Verb.CREATE_TEMPORARY_ITEM: "delete temporary item {barcode} with its holding and bib.",
    Verb.RELABEL_ITEM: "give item {new} its barcode {barcode} back.",
    Verb.PLACE_HOLD: "cancel the hold on item {barcode}.",
    Verb.CANCEL_HOLD: "place the hold on item {barcode} again.",
    Verb.CHECK_OUT: "check item {barcode} in.",
    Verb.SET_DUE_DATE: "{date}.",
    Verb.CHECK_IN: "check item {barcode} out again as it was.",
    Verb.MOVE_ITEM: "bring item {barcode} back to its location.",
    Verb.RESTORE_ITEM: "move item {barcode} to the ILL location again.",
    Verb.DELETE_TEMPORARY_ITEM: "make temporary item {barcode} again.",
    Verb.CHARGE_FEE: "waive the {kind}.",
    Verb.MARK_LOST: "take back that item {barcode} was declared lost.",
    Verb.MARK_FOUND: "declare item {barcode} lost again.",
    Verb.NOTE_ITEM: "take the note off item {barcode}.",
}
"""What undoes a verb. One that is not named here leaves nothing behind: a look-up, or a transit, which ends with the next scan."""
_UNWANTED: Mapping[Verb, Callable[[ItemGoal], bool]] = {
    Verb.CREATE_TEMPORARY_ITEM: lambda goal: goal.item is ABSENT,
    Verb.RELABEL_ITEM: lambda goal: goal.item is not LEAVE,
    Verb.PLACE_HOLD: lambda goal: goal.hold is not LEAVE,
    Verb.CANCEL_HOLD: lambda goal: isinstance(goal.hold, HoldWish),
    Verb.CHECK_OUT: lambda goal: goal.loan is ABSENT,
    Verb.SET_DUE_DATE: lambda goal: isinstance(goal.loan, LoanWish),
    Verb.CHECK_IN: lambda goal: isinstance(goal.loan, LoanWish),
    Verb.MOVE_ITEM: lambda goal: goal.place is ABSENT,
    Verb.RESTORE_ITEM: lambda goal: not isinstance(goal.place, Wish),
    Verb.DELETE_TEMPORARY_ITEM: lambda goal: isinstance(goal.item, ItemWish),
    Verb.CHARGE_FEE: lambda goal: ABSENT in {goal.fee, goal.bill},
    Verb.MARK_LOST: lambda goal: goal.found,
    Verb.MARK_FOUND: lambda goal: goal.lost,
    Verb.NOTE_ITEM: lambda goal: isinstance(goal.item, ItemWish),
}
"""Whether this goal wants it undone, where it was done and is not to come any more."""
