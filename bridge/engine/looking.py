"""What the ILS says of the request in hand: everything afresh, who has the temporary items (due-date alignment), how a step ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from bridge.connectors.base import Call, Connector
from bridge.domain.align import compared, sought, watched
from bridge.domain.capabilities import Ability
from bridge.domain.commands import ChargeFee, CheckOut, CreateTemporaryItem, Origin, PlaceHold, RelabelItem, Verb
from bridge.domain.goal import Goal, HoldWish, ItemGoal
from bridge.domain.identity import Role, mark_for
from bridge.domain.inspection import glance, inspection, review
from bridge.domain.learn import SHOWN, amend, handed_over, learn, shows
from bridge.domain.looked import found_of
from bridge.domain.plan import PATRON, Step, volume_key
from bridge.domain.policy import AlignDueDate
from bridge.domain.record import (
    Existence,
    HoldState,
    ItemRecord,
    Learned,
    Outcome,
    OutcomeKind,
    Record,
    Sighting,
    Unseen,
    happened,
)
from bridge.engine.audit import taken_up
from bridge.engine.failing import unnamed
from bridge.engine.lane import WorkLane
from bridge.engine.sitting import Sitting, UnderWay, line_now
from bridge.errors import OutcomeUnknown, Rejected, Retry
from bridge.ledger import Ledger, Look, Pending, State, StepState, Watch

log = structlog.get_logger(__name__)

INSPECT = "inspect"
"""Stands among the verbs for all looks together, where it counts whom they fail on."""
EARLIER = datetime.min.replace(tzinfo=UTC)
LOOK_EVERY = timedelta(days=1)
"""Between two looks at one loan."""
LOOK_AGAIN = timedelta(hours=1)
"""After the ILS could not say it for the moment."""


class Looks:
    """What a lane's ILS says of the request in hand: everything afresh, who has the items, how a step ended."""

    def __init__(self, ledger: Ledger, lane: WorkLane) -> None:
        self._ledger = ledger
        self._lane = lane

    def review(self, sitting: Sitting) -> tuple[str, ...]:
        """Read the record of a sitting afresh from the ILS (nothing is written there); answers what was seen that we did not know."""
        notes: list[str] = []
        role = sitting.held.row.request.key.role
        for item_goal in sitting.goal.items:
            item = sitting.record.item(item_goal.leg, item_goal.volume)
            with unnamed(sitting.identifiers):
                seen = self._lane.connector.inspect(review(item_goal, item, sitting.record, role), Call())
            known = _amended(item_goal, item, sitting.record, seen)
            amended, back = taken_up(self._ledger, sitting, self._lane, item_goal, known, seen)
            amended, news = compared(item_goal, item, amended)
            notes.extend((*seen.notes, *back, *news))
            if amended != item:
                sitting.record = sitting.record.with_item(amended)
                notes.append(f"The record of item {amended.barcode or item_goal.barcode} was corrected from the ILS.")
        return tuple(notes)

    def reviewed(self, sitting: Sitting) -> None:
        """The same, kept and told in the history."""
        notes = self.review(sitting) or ("Looked up in the ILS: everything stands as recorded.",)
        lines = [line_now(self._ledger, "staff", note) for note in notes]
        self._ledger.work.keep(sitting.held, sitting.record, lines)
        sitting.reviewed = True
        self._lane.well(INSPECT)

    def look(self, sitting: Sitting) -> None:
        """See who has the temporary items. A look that fails stands back: the request is in step, and is looked at again later."""
        held = sitting.held
        record = sitting.record
        try:
            with unnamed(sitting.identifiers):
                record, notes = look(self._lane.connector, sitting.goal, record, held.row.look)
            self._lane.well(INSPECT)
        except (Retry, Rejected, OutcomeUnknown) as problem:
            log.warning("look.refused", cause=problem.cause, why=problem.reason)
            sitting.look_again = LOOK_AGAIN if isinstance(problem, Retry) else LOOK_EVERY
            notes = () if isinstance(problem, Retry) else (f"Who has the item could not be seen: {problem.reason}",)
        if notes or record != sitting.record:
            self._ledger.work.keep(held, record, [line_now(self._ledger, "step", note) for note in notes])
        sitting.record = record
        sitting.looked = True

    def watches(self, sitting: Sitting, state: State) -> tuple[Watch, ...] | None:
        """The items whose loan by the desk concerns us from now on; ``None`` where due dates are not aligned."""
        align = sitting.policy.borrowing.align_due_date
        if align is AlignDueDate.OFF or sitting.held.row.request.key.role is Role.LENDER:
            return None
        if state in {State.CLOSED, State.OBSERVED}:
            return ()
        wait = sitting.look_again or (LOOK_EVERY if align is AlignDueDate.DAILY else None)
        next_look = self._ledger.clock() + wait if wait is not None else None
        return watches_of(self._lane.connector, sitting.goal, sitting.record, next_look)

    def verify(self, sitting: Sitting, pending: Pending) -> None:
        """A step that was started and whose end is not known: what does the ILS say? Raises ``UnderWay`` where it is too early to tell."""
        step = pending.step
        sitting.verified.add(str(step.key))
        if volume_key(step.key) == PATRON or step.noted:
            self._ledger.work.verified(sitting.held, pending, sitting.record, ())
            return
        key = sitting.held.row.request.key
        mark = mark_for(sitting.policy.bridge, key, step.key.leg, step.key.volume)
        item = sitting.record.item(step.key.leg, step.key.volume)
        asked = inspection(mark, item, sitting.record, step.command)
        with unnamed(sitting.identifiers):
            seen = self._lane.connector.inspect(asked, Call())
        self._lane.well(INSPECT)
        amended = amend(item, seen, step.key.verb)
        record = sitting.record.with_item(amended)
        if self._has_taught_all(step, amended, seen):
            learned = Learned(barcode=seen.barcode) if isinstance(step.command, RelabelItem) else Learned()
            record = learn(record, step, Outcome(OutcomeKind.ALREADY, learned))
            amended = record.item(step.key.leg, step.key.volume)
        done = happened(item, amended, step.key.verb)
        if not done and step.key.verb in SHOWN:
            self._may_come(pending)
        if not done and not shows(step.key.verb, seen):
            record = record.with_item(replace(amended, unseen=Unseen(step.key.verb, asked.target.barcode)))
        sitting.record = record
        looked = _looked_up(pending, found_of(step.command, asked.target.barcode, seen), done=done)
        notes = (*seen.notes, *(_own_date(amended) if isinstance(step.command, CheckOut) else ()))
        told = [line_now(self._ledger, "step", sentence, str(step.key)) for sentence in (looked, *notes)]
        self._ledger.work.verified(sitting.held, pending, sitting.record, told)
        log.info("step.verified", step=str(step.key), changed=amended != item)

    def _may_come(self, pending: Pending) -> None:
        """A call that was sent a moment ago may reach the ILS, or be worked on there, after this look. Raises ``UnderWay``."""
        until = (pending.since or EARLIER) + self._lane.rules.late_writes
        if until > self._ledger.clock():
            raise UnderWay(until)

    def _has_taught_all(self, step: Step, item: ItemRecord, seen: Sighting) -> bool:
        """Whether a look stands for the step's own answer: a creation's, a hold's, a fee's, a new barcode's, a check-out's where no date
        can be set afterwards.
        """
        if isinstance(step.command, PlaceHold):
            return item.hold is not None and item.hold.state is HoldState.PLACED
        if isinstance(step.command, ChargeFee):
            return any(fee.fee_key == step.command.fee_key for fee in seen.fees)
        if isinstance(step.command, RelabelItem):
            return bool(seen.marked) and seen.barcode == step.command.new_barcode
        if isinstance(step.command, CheckOut):
            can = self._lane.connector.capabilities
            advisory = can.of(Verb.SET_DUE_DATE) is Ability.ADVISORY or can.by_patron
            return advisory and item.open_loan is not None and not step.command.over
        return isinstance(step.command, CreateTemporaryItem) and item.existence is Existence.PRESENT


def attempted(step: Step) -> str:
    """The verb of a step, to begin a sentence with."""
    return step.key.verb.value.replace("_", " ").capitalize()


def _looked_up(pending: Pending, found: str, *, done: bool) -> str:
    why = "was cut off" if pending.state is StepState.STARTED else "ended unclearly"
    so = " It had been done." if done else ""
    return f"{attempted(pending.step)} {why} before; it was looked up in the ILS: {found}.{so}"


def _own_date(item: ItemRecord) -> tuple[str, ...]:
    """What a check-out's answer would have told of its date."""
    loan = item.open_loan
    return (f"In the ILS it is due {loan.due}.",) if loan is not None and loan.due is not None else ()


def look(connector: Connector, goal: Goal, record: Record, kind: Look) -> tuple[Record, tuple[str, ...]]:
    """The record after a look, and what it showed that we did not know. Raises as ``inspect`` does."""
    notes: list[str] = []
    for item_goal in goal.items:
        item = record.item(item_goal.leg, item_goal.volume)
        wanted = watched if kind is Look.ALL else sought
        if not wanted(item_goal, item, connector.capabilities):
            continue
        seen = connector.inspect(glance(item_goal, item, record), Call())
        settled, news = compared(item_goal, item, _amended(item_goal, item, record, seen))
        record = record.with_item(settled)
        notes.extend(news)
    return record, tuple(notes)


def _amended(goal: ItemGoal, item: ItemRecord, record: Record, seen: Sighting) -> ItemRecord:
    known = amend(item, seen)
    wanted = isinstance(goal.hold, HoldWish) and item.origin is not Origin.OWN
    return handed_over(known, seen, record.patron.patron_id) if wanted and record.patron else known


def watches_of(connector: Connector, goal: Goal, record: Record, next_look: datetime | None) -> tuple[Watch, ...]:
    """The items to watch; ``next_look`` is when those are looked at whose loan was not seen yet, or is not settled."""
    found = []
    for item_goal in goal.items:
        item = record.item(item_goal.leg, item_goal.volume)
        if watched(item_goal, item, connector.capabilities):
            look_at = next_look if sought(item_goal, item, connector.capabilities) else None
            found.append(Watch(item.ids.item, item.barcode, look_at))
    return tuple(found)
