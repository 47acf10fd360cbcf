"""Takes over what staff made in the ILS: looks for it, and puts what is found into a sitting's record."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.adopt import Adoption, adoptable, adopted, known_already, not_adoptable, sought
from bridge.domain.goal import ItemGoal
from bridge.domain.learn import learn
from bridge.domain.plan import Step, StepKey
from bridge.domain.record import ItemRecord
from bridge.engine.asked import Answer, Asked, no
from bridge.engine.lane import WorkLane
from bridge.engine.sitting import Sitting


def taken_over(asked: Asked, sitting: Sitting, lane: WorkLane) -> Answer:
    """Look for each item that staff may have made, and put what is found into the sitting's record."""
    _patron_known(sitting, lane)
    goals = [goal for goal in sitting.goal.items if asked.volume in {"", goal.volume}]
    wanted = [goal for goal in goals if adoptable(goal, sitting.record.item(goal.leg, goal.volume))]
    if not goals:
        return no(f"The request has no volume '{asked.volume}'.")
    if asked.barcode and len(wanted) > 1:
        return no(f"One barcode for several volumes: name one of {', '.join(goal.volume for goal in wanted)}.")
    if not wanted:
        return _nothing_wanted(asked, [sitting.record.item(goal.leg, goal.volume) for goal in goals])
    lines = [_item_taken_over(asked, goal, sitting, lane) for goal in wanted]
    missing = [line.why for line in lines if line.item is None]
    said = "would be taken over as staff made it" if asked.dry_run else "was taken over as staff had made it"
    taken = (f"Item {line.item.barcode} {said}." for line in lines if line.item is not None)
    return no(*missing) if missing else Answer(tuple(taken))


def _item_taken_over(asked: Asked, goal: ItemGoal, sitting: Sitting, lane: WorkLane) -> Adoption:
    role = sitting.held.row.request.key.role
    look = sought(goal, sitting.record, role, asked.barcode)
    seen = lane.connector.inspect(look, Call())
    item = sitting.record.item(goal.leg, goal.volume)
    found = adopted(goal, item, seen, role, patron_id=look.patron_id, barcode=asked.barcode)
    if found.item is not None:
        sitting.record = sitting.record.with_item(found.item)
    return found


def _patron_known(sitting: Sitting, lane: WorkLane) -> None:
    goal = sitting.goal
    if not goal.patron_id or (sitting.record.patron and sitting.record.patron.asked == goal.patron_id):
        return
    command = do.FindPatron(goal.patron_id)
    outcome = lane.connector.find_patron(command, Call())
    sitting.record = learn(sitting.record, Step(StepKey("", "", do.Verb.FIND_PATRON, 0), command), outcome)


def _nothing_wanted(asked: Asked, items: Sequence[ItemRecord]) -> Answer:
    """It may have been taken over before; else there is nothing to take over."""
    known = [item.barcode for item in items if known_already(item, asked.barcode)]
    if known:
        return Answer(tuple(f"Item {barcode} is in the record already." for barcode in known))
    return no(*dict.fromkeys(not_adoptable(item) for item in items))
