"""The audit: what should be (goal), what we did (record) and what is there (sighting), held against each other. Pure.

Only what an ILS shows of one request's own items is compared; what has no mark of ours is never judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bridge.domain.audit_within import account_left, charges_left, coming_home
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Origin, Place, VendorIds, Verb
from bridge.domain.drift import AuditFinding, Drift, Say, ours_open
from bridge.domain.goal import ABSENT, LEAVE, HoldWish, ItemGoal, ItemWish, LoanWish
from bridge.domain.record import Existence, HoldState, ItemRecord, Record, SeenLoan, Sighting
from bridge.domain.within import BorrowedWithin, LentWithin


class AuditMode(StrEnum):
    """What is done by night: nothing, look and tell, or look and bring in step what can be brought in step."""

    OFF = "off"
    REPORT = "report"
    REPAIR = "repair"


WHILE_STUCK = frozenset(
    {Drift.ITEM_GONE, Drift.RELABELLED, Drift.MARK_GONE, Drift.PLACE, Drift.LENT_ON, Drift.CHECKED_IN}
)
"""What is worth telling of a request that is parked or waits for staff: the rest is what it is stuck on."""
REPAIRED_BY = {
    Drift.ITEM_LEFT: Verb.DELETE_TEMPORARY_ITEM,
    Drift.STILL_CHARGED: Verb.CHECK_IN,
    Drift.HOLD_LEFT: Verb.CANCEL_HOLD,
    Drift.PLACE_LEFT: Verb.RESTORE_ITEM,
    Drift.PICKUP: Verb.PLACE_HOLD,
    Drift.PLACE: Verb.MOVE_ITEM,
    Drift.DUE_DATE: Verb.SET_DUE_DATE,
}
MISSED_AFTER = {Drift.HOLD_GONE: Verb.PLACE_HOLD, Drift.CHECKED_IN: Verb.CHECK_OUT, Drift.LENT_ON: Verb.CHECK_OUT}
"""What nobody can miss where staff took over the step that would have made it."""


@dataclass(frozen=True)
class KeptFinding:
    """A finding that stands, since when, and when it was last seen so."""

    id: int
    subject: str
    library: str
    lane: str
    kind: str
    request_id: int | None
    barcode: str
    sentence: str
    repair: str
    advice: str
    first_seen: datetime
    last_seen: datetime
    number: str = ""

    @property
    def request(self) -> str:
        """The request's short id; empty where it is no request's."""
        return f"R{self.request_id}" if self.request_id is not None else ""


@dataclass(frozen=True)
class FindingGroup:
    """Findings that stand, alike in library and kind; ``fresh`` of them were first seen within the time asked about."""

    library: str
    kind: str
    count: int
    fresh: int
    latest: datetime
    newest: tuple[KeptFinding, ...] = ()
    subjects: tuple[str, ...] = ()


def worth_a_look(record: Record) -> bool:
    """Whether anything was ever made, moved or lent for this request; else there is nothing to look for."""
    return any(
        item.existence is not Existence.NONE
        or item.ids != VendorIds()
        or item.holds
        or item.loans
        or item.moved_to
        or item.discharged
        for item in record.items
    )


def compare(
    goal: ItemGoal,
    item: ItemRecord,
    seen: Sighting,
    can: Capabilities,
    *,
    elsewhere: bool = False,
    confirmed: Collection[str] = (),
) -> tuple[AuditFinding, ...]:
    """Everything that differs for one leg and volume.

    ``elsewhere``: another open request names the same item, so that a loan or place we do not know may be that one's, or a temporary
    item that came back under its barcode. ``confirmed``
    names the tasks and steps that staff settled or skipped (``Record.confirmed``): of these nothing is told anew, or nothing repaired.
    """
    if not tells(goal, item, seen) or _decided(goal, item, confirmed):
        return ()
    say = Say(goal, item)
    if isinstance(goal.within, BorrowedWithin):
        found = charges_left(say, goal.within, seen, elsewhere=elsewhere)
    else:
        found = (
            _own(say, seen, can, elsewhere=elsewhere)
            if _is_own(goal, item)
            else _temporary(say, seen, can, elsewhere=elsewhere)
        )
    return tuple(
        _left_to_staff(each, confirmed)
        for each in found
        if not _taken_over(each, MISSED_AFTER.get(each.kind), confirmed)
    )


def tells(goal: ItemGoal, item: ItemRecord, seen: Sighting) -> bool:
    """Whether a look shows anything to compare: that the item is there or not; of an own one it may do to see who has it."""
    own = goal.within is not None or _is_own(goal, item)
    return seen.item_present is not None or (own and seen.loans_seen)


def unshown(goal: ItemGoal, item: ItemRecord, seen: Sighting) -> frozenset[Drift]:
    """Of which kinds a look cannot say that there is nothing."""
    kinds: set[Drift] = set()
    if seen.item_present is None:
        kinds |= set(Drift) - _OF_HOLDS - _OF_LOANS
    if not seen.hold_seen:
        kinds |= _OF_HOLDS
    if not seen.loans_seen:
        kinds |= _OF_LOANS
    if not (seen.loans_seen and tells(goal, item, seen)):
        kinds.add(Drift.HOLD_GONE)
    return frozenset(kinds)


_OF_HOLDS = frozenset({Drift.HOLD_LEFT, Drift.HOLD_GONE, Drift.PICKUP})
_OF_LOANS = frozenset({Drift.STILL_CHARGED, Drift.CHECKED_IN, Drift.LENT_ON, Drift.DUE_DATE})


def _decided(goal: ItemGoal, item: ItemRecord, confirmed: Collection[str]) -> bool:
    """Whether staff decided about the item, and nothing more is wanted of it: what is there then is as they want it."""
    if item.origin is Origin.ADOPTED and f"adopted:{goal.leg}:{goal.volume}" in confirmed:
        return True
    texts = [text for text in (goal.attention, goal.dispute) if text]
    nothing_wanted = goal.item is goal.hold is goal.loan is goal.place is LEAVE
    return nothing_wanted and bool(texts) and all(_task_id(goal, text) in confirmed for text in texts)


def _task_id(goal: ItemGoal, text: str) -> str:
    return f"attention:{goal.leg}:{goal.volume}:{text}"


def _taken_over(found: AuditFinding, verb: Verb | None, confirmed: Collection[str]) -> bool:
    """Whether staff settled or skipped a step of this verb."""
    named = f"{found.leg or '-'}:{found.volume or '-'}:{verb}:"
    return verb is not None and any(task.startswith(named) for task in confirmed)


def _left_to_staff(found: AuditFinding, confirmed: Collection[str]) -> AuditFinding:
    """A finding whose repair is a step that staff settled or skipped is told, and nothing is done about it."""
    if not found.repair or not _taken_over(found, REPAIRED_BY.get(found.kind), confirmed):
        return found
    return replace(found, repair="", advice=_THEIRS)


_THEIRS = "Staff settled or skipped this step, so the bridge leaves it: see to it by hand."


def same_spot(one: Place, other: Place) -> bool:
    """Whether library and location agree; a desk is no part of where an item is."""
    return (one.library, one.location) == (other.library, other.location)


def stands_again(item: ItemRecord, seen: Sighting) -> bool:
    """Whether a temporary item that counts as deleted is seen with our mark."""
    return item.existence is Existence.DELETED and bool(seen.item_present) and seen.marked


def may_be_deleted(item: ItemRecord, seen: Sighting) -> bool:
    """Whether what is left is ours beyond doubt, and nobody has it."""
    return beyond_doubt(item, seen) and not seen.loans


def beyond_doubt(item: ItemRecord, seen: Sighting) -> bool:
    """Whether what is seen is ours: it was made by us, and bears our mark, barcode and place."""
    barcode_kept = item.barcode in {"", seen.barcode}
    place_kept = item.place == Place() or seen.place is None or same_spot(seen.place, item.place)
    return seen.marked and item.origin is Origin.CREATED and barcode_kept and place_kept


def _is_own(goal: ItemGoal, item: ItemRecord) -> bool:
    return item.origin is Origin.OWN or (isinstance(goal.loan, LoanWish) and bool(goal.loan.account))


def _temporary(say: Say, seen: Sighting, can: Capabilities, *, elsewhere: bool) -> Iterator[AuditFinding]:
    goal, item = say.goal, say.item
    if not seen.item_present:
        yield from _not_there(say, seen)
    elif elsewhere and item.existence is Existence.DELETED:
        return  # that other request's item bears the barcode now
    elif not seen.marked and item.origin is not Origin.ADOPTED:
        if item.existence is Existence.PRESENT:
            yield say(
                Drift.MARK_GONE,
                "Temporary item {item} no longer bears our mark",
                advice="The bridge will not delete it: put the mark back, or delete the item by hand when it has gone back.",
            )
    elif goal.item is ABSENT:
        yield _left(say, seen)
    elif item.existence is Existence.PRESENT:
        yield from _label_and_place(say, seen)
        yield from _hold(say, seen)
        yield from _patrons_date(say, seen, can)


def _not_there(say: Say, seen: Sighting) -> Iterator[AuditFinding]:
    goal, item = say.goal, say.item
    wanted = isinstance(goal.item, ItemWish) or bool(goal.attention) or goal.lost
    if item.existence is Existence.PRESENT and wanted:
        yield say(
            Drift.ITEM_GONE,
            "Temporary item {item} is no longer in the ILS",
            advice="Somebody deleted it: it is not made again by itself. Make one by hand and adopt it, or see to the loan by hand.",
        )
    elif goal.item is ABSENT and seen.ids != VendorIds():
        yield say(
            Drift.ITEM_LEFT,
            f"A part of the temporary record of item {{item}} is still in the ILS ({_ids(seen)})",
            "Delete what is left of temporary item {item}.",
        )


def _left(say: Say, seen: Sighting) -> AuditFinding:
    on_loan = ", and somebody has it on loan" if seen.loans else ""
    other = f" under barcode {seen.barcode}" if seen.barcode not in {"", say.barcode} else ""
    repair = "Delete temporary item {item} with its holding and bib." if may_be_deleted(say.item, seen) else ""
    return say(
        Drift.ITEM_LEFT,
        f"Temporary item {{item}} is still in the ILS{other} ({_ids(seen)}){on_loan}, although the item has gone back",
        repair,
        "See what it is; if it is not needed any more, delete it by hand.",
    )


def _ids(seen: Sighting) -> str:
    return ", ".join(part for part in (seen.ids.bib, seen.ids.holding, seen.ids.item) if part) or "ids unknown"


def _label_and_place(say: Say, seen: Sighting) -> Iterator[AuditFinding]:
    item = say.item
    if seen.barcode and item.barcode and seen.barcode != item.barcode:
        yield say(
            Drift.RELABELLED,
            f"Temporary item {{item}} now bears barcode {seen.barcode}",
            advice=f"If that is right, tell the bridge: ill-bridge set REQUEST --barcode {seen.barcode}; else put the old barcode back.",
        )
    where = seen.temporary_place or seen.place
    if where is not None and item.place != Place() and not same_spot(where, item.place):
        yield say(
            Drift.PLACE,
            f"Temporary item {{item}} is at {where} instead of {item.place}",
            advice="The bridge deletes it only at its own place: move it back before the item is returned.",
        )


def _hold(say: Say, seen: Sighting) -> Iterator[AuditFinding]:
    """A hold that is gone while somebody has the item was filled, which is as it should be."""
    goal, record = say.goal, say.item.hold
    if goal.hold is ABSENT and seen.hold is not None:
        yield say(
            Drift.HOLD_LEFT,
            "Our hold on item {item} still stands, although it is not needed any more",
            "Cancel the hold on item {item}.",
        )
    if not isinstance(goal.hold, HoldWish) or record is None or record.state is not HoldState.PLACED:
        return
    if seen.hold is None and seen.hold_seen and seen.loans_seen and not seen.loans:
        yield say(
            Drift.HOLD_GONE,
            "The hold on item {item} is gone, and nobody has the item on loan",
            advice="It ran out, or was cancelled; the bridge does not place it again. Place one by hand if the patron still wants it.",
        )
    if seen.hold is not None and seen.hold.pickup_location not in {"", goal.hold.pickup_location}:
        yield say(
            Drift.PICKUP,
            f"The hold on item {{item}} is for pickup at {seen.hold.pickup_location} instead of {goal.hold.pickup_location}",
            f"Place the hold on item {{item}} anew, for pickup at {goal.hold.pickup_location}.",
        )


def _patrons_date(say: Say, seen: Sighting, can: Capabilities) -> Iterator[AuditFinding]:
    """A patron's loan that runs longer than the lender allows; a shorter one does no harm."""
    loan = say.goal.loan
    if not isinstance(loan, LoanWish) or loan.due is None:
        return
    late = next((each.due for each in seen.loans if each.due is not None and each.due > loan.due), None)
    if late is None:
        return
    settled = say.item.patron_loan
    recalled = settled is not None and settled.firmly and settled.brought == loan.due
    able = loan.may_shorten and not recalled and can.of(Verb.SET_DUE_DATE) is Ability.YES
    yield say(
        Drift.DUE_DATE,
        f"Item {{item}} is on loan until {late}, but should be back on {loan.due}",
        f"Set the due date of item {{item}} to {loan.due}." if able else "",
        "The recall was brought to the loan already, as far as your rules go: ask the patron, or set the date by hand."
        if recalled
        else "The bridge does not shorten a patron's loan: ask the patron, or set the date by hand.",
    )


def _own(say: Say, seen: Sighting, can: Capabilities, *, elsewhere: bool) -> Iterator[AuditFinding]:
    goal, item = say.goal, say.item
    out = isinstance(goal.loan, LoanWish) and item.open_loan is not None
    if seen.item_present is False:
        if out or (item.moved_to is not None and not item.restored):
            yield say(
                Drift.ITEM_GONE, "Own item {item} is no longer in the ILS", advice="See what became of it in the ILS."
            )
        return
    if out:
        yield from _away(say, seen, can)
    elif goal.loan is ABSENT or goal.place is ABSENT:
        yield from _home(say, seen, elsewhere=elsewhere)
    yield from _hold(say, seen)


def _away(say: Say, seen: Sighting, can: Capabilities) -> Iterator[AuditFinding]:
    """An own item that should be on loan to its borrower."""
    loan = say.goal.loan
    mine = ours_open(say.item, seen)
    if seen.loans_seen and not mine and not coming_home(say.goal.within, seen):
        if seen.loans:
            yield say(
                Drift.LENT_ON,
                "Item {item} should be on loan to the borrowing library, but somebody else has it",
                advice="The bridge leaves that loan alone. If the item came back, tell the service.",
            )
        else:
            instead = "it is checked in" if seen.item_present else "its account does not have it"
            yield say(
                Drift.CHECKED_IN,
                f"Item {{item}} should be on loan to the borrowing library, but {instead}",
                advice="If the item came back, tell the service; else check it out again by hand.",
            )
    if isinstance(loan, LoanWish) and can.of(Verb.SET_DUE_DATE) is Ability.YES:
        yield from _lenders_date(say, loan, mine)
    yield from _away_from_home(say, seen, can)


def _lenders_date(say: Say, loan: LoanWish, mine: tuple[SeenLoan, ...]) -> Iterator[AuditFinding]:
    """The date that we brought to the loan is no longer the one that stands there."""
    other = next((each.due for each in mine if each.due not in {None, loan.due}), None)
    if other is not None and loan.due is not None and say.item.due_written == loan.due:
        yield say(
            Drift.DUE_DATE,
            f"Item {{item}} is due on {other} in the ILS, but the request says {loan.due}",
            f"Set the due date of item {{item}} to {loan.due}.",
        )


def _away_from_home(say: Say, seen: Sighting, can: Capabilities) -> Iterator[AuditFinding]:
    wanted, item = say.goal.place, say.item
    if not isinstance(wanted, Place) or item.moved_to is None or item.restored:
        return
    if not seen.item_present or not can.temporary_location:
        return
    now = seen.temporary_place
    if now is not None and same_spot(now, item.moved_to):
        return
    yield say(
        Drift.PLACE,
        f"Item {{item}} is at {now or 'its own place'} instead of {item.moved_to}",
        f"Move item {{item}} to {wanted}." if now is None else "",
        "Somebody moved it there; the bridge leaves it.",
    )


def _home(say: Say, seen: Sighting, *, elsewhere: bool) -> Iterator[AuditFinding]:
    """An own item that should be home again."""
    goal, item = say.goal, say.item
    if isinstance(goal.within, LentWithin):
        yield from account_left(say, goal.within, seen, elsewhere=elsewhere)
    elif ours_open(item, seen, elsewhere=elsewhere):
        yield say(
            Drift.STILL_CHARGED,
            "Item {item} is still charged to the borrowing library's account, although the loan is over",
            "Check item {item} in." if goal.loan is ABSENT else "",
            "Check it in at the desk when it is there.",
        )
    moved_to, now = item.moved_to, seen.temporary_place
    if not elsewhere and moved_to is not None and now is not None and same_spot(now, moved_to):
        yield say(
            Drift.PLACE_LEFT,
            f"Item {{item}} is still at {moved_to}, although the loan is over",
            "Bring item {item} back to its own place." if goal.place is ABSENT else "",
            "Bring it back to its own place by hand.",
        )
