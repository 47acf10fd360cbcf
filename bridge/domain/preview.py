"""What would follow if every step succeeded: for dry runs, observe mode, and the question before many requests are changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.capabilities import Capabilities
from bridge.domain.commands import Charge, FindPatron, Verb
from bridge.domain.goal import Goal
from bridge.domain.learn import confirm, learn
from bridge.domain.plan import StaffTask, Step, VolumeKey, next_step, volume_key
from bridge.domain.record import Existence, HoldState, ItemRecord, Outcome, Record, Sighting
from bridge.domain.sentences import plan_sentence
from bridge.domain.steps import MOST_STEPS

MAKING = frozenset({Verb.CREATE_TEMPORARY_ITEM, Verb.PLACE_HOLD, Verb.CHECK_OUT, Verb.CHARGE_FEE})
DELETING = frozenset({Verb.DELETE_TEMPORARY_ITEM})


@dataclass(frozen=True)
class Preview:
    """The steps that would follow, in sentences; how many of them make something in the ILS, and how many delete."""

    sentences: tuple[str, ...] = ()
    creates: int = 0
    deletes: int = 0


def preview(goal: Goal, record: Record, can: Capabilities) -> Preview:
    """What would follow if each step succeeded."""
    sentences: list[str] = []
    verbs: list[Verb] = []
    while len(sentences) < MOST_STEPS:
        found = next_step(goal, record, can)
        if isinstance(found, Step):
            sentences.append(plan_sentence(found))
            verbs.append(found.key.verb)
            record = learn(record, found, Outcome())
            continue
        sentences += [f"Staff would be asked: {task.instruction}" for task in tasks_ahead(goal, record, can)]
        break
    return Preview(tuple(sentences), sum(verb in MAKING for verb in verbs), sum(verb in DELETING for verb in verbs))


def tasks_ahead(goal: Goal, record: Record, can: Capabilities) -> tuple[StaffTask, ...]:
    """What staff can do one after the other before the bridge goes on: the task that stands, and those that follow once it is settled.

    What staff must decide stands alone, since nobody knows what follows from it.
    """
    tasks: list[StaffTask] = []
    while True:
        found = next_step(goal, record, can)
        if not isinstance(found, StaffTask) or (tasks and _is_decided(found)) or len(tasks) == MOST_STEPS:
            break
        tasks.append(found)
        if _is_decided(found):
            break
        record = confirm(record, found)
    return tuple(tasks)


def _is_decided(task: StaffTask) -> bool:
    return task.command is None and not task.wish


def doubted(step: Step, record: Record) -> bool:
    """Whether this is the very step of which nobody knows whether it was done."""
    unseen = record.item(step.key.leg, step.key.volume).unseen
    about = step.command.target.barcode if not isinstance(step.command, FindPatron) else ""
    return unseen is not None and (unseen.verb, unseen.barcode) == (step.key.verb, about)


def step_parked_on(goal: Goal, record: Record, can: Capabilities) -> Step | None:
    """The step that the ILS did not show, as it is wanted now; where there is none, the next one, which it refused."""
    without = frozenset[VolumeKey]()
    while True:
        found = next_step(goal, record, can, without=without)
        if not isinstance(found, Step):
            return None
        if not record.unseen or doubted(found, record):
            return found
        without |= {volume_key(found.key)}


def left_behind(record: Record) -> tuple[str, ...]:
    """What would stay in the ILS if the bridge did no more, in sentences."""
    open_tasks = (f"Whether this was done by hand is not known: {each.wish}" for each in record.entrusted)
    return (*(sentence for item in record.items for sentence in _left(item)), *open_tasks)


def found_there(seen: Sighting, barcode: str) -> tuple[str, ...]:
    """What a look found in the ILS, in sentences; none where there is nothing."""
    ids = ", ".join(part for part in (seen.ids.bib, seen.ids.holding, seen.ids.item) if part)
    found = []
    if seen.item_present:
        found.append(
            f"Item {seen.barcode or barcode} is there ({ids}), {'with' if seen.marked else 'without'} our mark."
        )
    elif ids:
        found.append(f"A part of what belongs to item {barcode} is there ({ids}).")
    if seen.hold is not None and seen.hold.state is HoldState.PLACED:
        found.append("Our hold on it stands.")
    if seen.loans:
        found.append("It is on loan.")
    return tuple(found)


def _left(item: ItemRecord) -> tuple[str, ...]:
    found = []
    if item.existence is Existence.PRESENT:
        ids = ", ".join(part for part in (item.ids.bib, item.ids.holding, item.ids.item) if part)
        found.append(f"Temporary item {item.barcode} stays" + (f" ({ids})." if ids else "."))
    if item.hold is not None and item.hold.state is HoldState.PLACED:
        found.append(f"The hold on item {item.barcode} stays.")
    for loan in (loan for loan in item.loans if not loan.ended):
        to = "the patron" if loan.charge is Charge.PATRON else loan.account
        found.append(f"Item {item.barcode} stays on loan to {to}.")
    if item.moved_to is not None and not item.restored:
        found.append(f"Item {item.barcode} stays at {item.moved_to}.")
    return tuple(found)
