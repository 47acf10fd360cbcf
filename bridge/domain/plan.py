"""The plan: goal − record = the one next step. Pure, and it always comes to an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bridge.domain import commands as do
from bridge.domain.align import unaligned
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Charge, Command, Origin, Verb
from bridge.domain.entrusted import in_other_words, withdrawn
from bridge.domain.goal import ABSENT, Goal, HoldWish, ItemGoal, ItemWish, LoanWish, Wish
from bridge.domain.learn import confirm, learn
from bridge.domain.plan_fees import bill, usual_fee
from bridge.domain.plan_within import Dated, borrowing_step, lending_step, twice
from bridge.domain.record import Existence, HoldState, ItemRecord, Outcome, Record
from bridge.domain.steps import (
    MOST_STEPS,
    PATRON,
    StaffTask,
    Step,
    StepKey,
    VolumeKey,
    instruction,
    kind_of_fee,
    recorded,
    verb_of,
    volume_key,
    way_of,
    wished,
)
from bridge.domain.within import BorrowedWithin, LentWithin

__all__ = [
    "PATRON",
    "StaffTask",
    "Step",
    "StepKey",
    "VolumeKey",
    "instruction",
    "kind_of_fee",
    "next_step",
    "verb_of",
    "volume_key",
    "way_of",
    "wished",
]


PATRONS_KEY = StepKey("", "", Verb.FIND_PATRON, 0)


def next_step(
    goal: Goal, record: Record, can: Capabilities, *, without: frozenset[VolumeKey] = frozenset()
) -> Step | StaffTask | None:
    """The next thing to do, or ``None`` when the record meets the goal.

    ``without`` names legs and volumes that are left out this time (their step just failed), so that one volume never holds up another.
    A staff task stands back behind everything that can be done without staff; first of all staff are asked what became of what they were
    asked before and is wanted no more.
    """
    found = _next(goal, record, can, without)
    if isinstance(found, Step) or not record.entrusted:
        return found
    gone = next(withdrawn(record, goal, _still_wanted(goal, record, can)), None)
    return gone or (in_other_words(record, found) if found is not None else None)


def _still_wanted(goal: Goal, record: Record, can: Capabilities) -> frozenset[str]:
    """Ids of the steps and tasks that follow one another from here, were each done."""
    wanted: set[str] = set()
    found = _next(goal, record, can)
    while found is not None and len(wanted) < MOST_STEPS:
        if isinstance(found, Step):
            wanted.add(str(found.key))
            record = learn(record, found, Outcome())
        else:
            wanted.add(found.task_id)
            record = confirm(record, found)
        found = _next(goal, record, can)
    return frozenset(wanted)


def _next(
    goal: Goal, record: Record, can: Capabilities, without: frozenset[VolumeKey] = frozenset()
) -> Step | StaffTask | None:
    task: StaffTask | None = None
    for found in _differences(goal, record, can, without):
        if isinstance(found, Step):
            return found
        task = task or found
    return task


def _differences(
    goal: Goal, record: Record, can: Capabilities, without: frozenset[VolumeKey]
) -> Iterator[Step | StaffTask]:
    if goal.patron_id and _patron_unknown(goal.patron_id, record):
        if PATRON not in without:
            yield from _step(PATRONS_KEY, do.FindPatron(goal.patron_id), record, can)
        waits_for_patron = True
    else:
        waits_for_patron = False
    for item_goal in (*goal.forsaken, *goal.items):
        if (item_goal.leg, item_goal.volume) in without:
            continue
        item = record.item(item_goal.leg, item_goal.volume)
        for found in _found_wanting(item_goal, item, record, can, patron_known=not waits_for_patron):
            if isinstance(found, StaffTask):
                if found.task_id not in record.confirmed:
                    yield found
                continue
            if isinstance(found, do.FindPatron):
                yield from () if PATRON in without else _step(PATRONS_KEY, found, record, can)
                continue
            key = StepKey(item.leg, item.volume, verb_of(type(found)), item.count(verb_of(type(found))))
            yield from _step(key, found, record, can)
    yield from _strays(goal, record)


def _patron_unknown(patron_id: str, record: Record) -> bool:
    return record.patron is None or record.patron.asked != patron_id


def _strays(goal: Goal, record: Record) -> Iterator[StaffTask]:
    """Items made for a volume or leg the request no longer knows: they were named only after it was made."""
    known = {(item.leg, item.volume) for item in (*goal.forsaken, *goal.items)}
    for item in record.items:
        if (item.leg, item.volume) not in known and item.existence is Existence.PRESENT:
            task_id = f"stray:{item.leg}:{item.volume}"
            named = (
                "suppliers; decide which one's"
                if goal.items[-1].leg and not item.leg
                else "volumes; decide which volume"
            )
            text = f"Item {item.barcode} was made before the service named the {named} it is."
            if task_id not in record.confirmed:
                yield StaffTask(None, task_id, text)


def _step(key: StepKey, command: Command, record: Record, can: Capabilities) -> Iterator[Step | StaffTask]:
    ability = can.of(key.verb)
    if twice(command) and not can.double_charge:
        ability = Ability.NO
    if ability is Ability.STAFF:
        if key == PATRONS_KEY or str(key) not in record.confirmed:  # a patron confirmed is known: this is another
            yield StaffTask(key, str(key), instruction(command, can), command, wished(command))
        return
    yield Step(key, command, noted=ability is Ability.NO)


def _found_wanting(
    goal: ItemGoal, item: ItemRecord, record: Record, can: Capabilities, *, patron_known: bool
) -> Iterator[Command | StaffTask]:
    """What an item lacks: each of these can be done without the others; what staff must decide stands back behind all of it."""
    loss = _loss(goal, item)
    still_lost = isinstance(loss, do.MarkFound)  # an ILS may refuse to renew what it holds for lost
    rest = None if still_lost else _difference(goal, item, record, can, patron_known=patron_known)
    yield from (each for each in (loss, rest, bill(goal, item, record, can)) if each is not None)
    attention = "" if goal.asks_where and item.put_right else goal.attention
    texts = (attention, "" if item.over else goal.dispute, _if_there(goal, item, record), _another(goal, item))
    yield from (StaffTask(None, f"attention:{goal.leg}:{goal.volume}:{text}", text) for text in texts if text)


def _if_there(goal: ItemGoal, item: ItemRecord, record: Record) -> str:
    """What is asked of an item that is there or on loan, or that staff may have made or lent."""
    where = (goal.leg, goal.volume)
    left = [each.barcode for each in record.entrusted if (each.leg, each.volume) == where]
    there = [item.barcode] if item.existence is Existence.PRESENT or item.open_loan is not None else left
    return goal.if_there.format(barcode=there[0]) if there else ""


def _difference(
    goal: ItemGoal, item: ItemRecord, record: Record, can: Capabilities, *, patron_known: bool
) -> Command | StaffTask | None:
    if isinstance(goal.item, ItemWish):
        return _making(goal, goal.item, item, record, can) if patron_known else None
    patron = _patron(record, "")
    within = _within(goal, item, patron if patron_known else None)
    return within or _lending(goal, item, can) or _clearing(goal, item, can) or usual_fee(goal, item, record, can)


def _within(goal: ItemGoal, item: ItemRecord, patron: str | None) -> Command | None:
    """What the borrowing side of an in-system loan lacks: it has nothing else in the ILS. ``patron``: ``None`` while they are looked up."""
    if not isinstance(goal.within, BorrowedWithin):
        return None
    target = do.Target(goal.mark, Origin.OWN, item.barcode or goal.barcode, item.ids)
    named = "" if patron is None else patron or goal.within.patron_id
    loan = goal.loan if isinstance(goal.loan, LoanWish) else LoanWish()
    moved = loan.due is not None and _moved(loan, item)
    dated = Dated(loan.due, loan.may_shorten, loan.leave_days, moved)
    return borrowing_step(goal.within, target, item, named, transit=goal.transit, dated=dated, was_lost=goal.was_lost)


def _another(goal: ItemGoal, item: ItemRecord) -> str:
    """The service names another item of ours than the one that was checked out."""
    if not item.loans or not isinstance(goal.within, LentWithin | None) or item.origin is not Origin.OWN:
        return ""
    if not goal.barcode or goal.barcode.casefold() == item.barcode.casefold():
        return ""
    return (
        f"The service names item {goal.barcode} now, but item {item.barcode} was checked out for it: see which of them was sent, "
        "and put the other one right in the ILS."
    )


def _target(goal: ItemGoal, item: ItemRecord, origin: Origin) -> do.Target:
    if _instead(goal, item):
        return do.Target(goal.mark, Origin.OWN, goal.barcode)
    return recorded(goal, item, origin)


def _instead(goal: ItemGoal, item: ItemRecord) -> bool:
    """Whether another own item is meant now than the one that is held."""
    return item.only_held and goal.barcode not in {"", item.barcode}


def _making(
    goal: ItemGoal, wish: ItemWish, item: ItemRecord, record: Record, can: Capabilities
) -> Command | StaffTask | None:
    if item.existence is Existence.DELETED:
        gone = f"Item {item.barcode} was deleted and is not made again by itself."
        return StaffTask(None, f"deleted:{item.leg}:{item.volume}", gone)
    target = _target(goal, item, Origin.CREATED)
    if item.existence is Existence.NONE:
        target = do.Target(goal.mark, Origin.CREATED, wish.barcode, item.ids, wish.place)
        creating = _creating(target, wish)
        return _with_hold(creating, goal, record) if can.by_patron else creating
    if wish.barcode not in {item.barcode, item.wished_barcode}:
        return do.RelabelItem(target, wish.barcode)
    dating = _dating(goal, item, target)
    if dating is not None and can.by_patron:
        dating = replace(dating, patron_id=_patron(record, ""), before=item.due_written)
    first = _holding(goal, item, target, record) or dating or _noting(wish, item, target)
    return first or usual_fee(goal, item, record, can)


def _patron(record: Record, asked: str) -> str:
    return record.patron.patron_id if record.patron else asked


def _with_hold(creating: do.CreateTemporaryItem, goal: ItemGoal, record: Record) -> do.CreateTemporaryItem:
    wanted = goal.hold
    if not isinstance(wanted, HoldWish):
        return creating
    patron = _patron(record, wanted.patron_id)
    return replace(creating, patron_id=patron, pickup_location=wanted.pickup_location, notify=wanted.notify)


def _creating(target: do.Target, wish: ItemWish) -> do.CreateTemporaryItem:
    return do.CreateTemporaryItem(
        target=target,
        description=wish.description,
        item_type=wish.item_type,
        material=wish.material,
        suppressed=wish.suppressed,
        public_note=wish.public_note,
        staff_note=wish.staff_note,
        due=wish.due,
    )


def _holding(goal: ItemGoal, item: ItemRecord, target: do.Target, record: Record) -> Command | None:
    """A hold that was satisfied, expired or withdrawn by the patron latches: it is met, and never placed again by itself."""
    if not isinstance(goal.hold, HoldWish):
        return _withdrawing(goal, item)
    wanted = goal.hold
    patron = _patron(record, wanted.patron_id)
    placed = item.hold
    if placed is None or placed.state is HoldState.CANCELLED:
        note = goal.mark.text
        return do.PlaceHold(target, patron, wanted.pickup_location, note=note, notify=wanted.notify)
    elsewhere = placed.pickup_location not in {"", wanted.pickup_location}
    differs = elsewhere or placed.patron_id != patron
    if placed.state is HoldState.PLACED and differs:
        return do.CancelHold(target, placed.patron_id, placed.hold_id)
    return None


def _withdrawing(goal: ItemGoal, item: ItemRecord) -> Command | None:
    unwanted = goal.hold is ABSENT or _instead(goal, item)
    if unwanted and item.hold and item.hold.state is HoldState.PLACED:
        return do.CancelHold(recorded(goal, item, Origin.CREATED), item.hold.patron_id, item.hold.hold_id)
    return None


def _noting(wish: ItemWish, item: ItemRecord, target: do.Target) -> Command | None:
    """Our note on the item changed since it was made; on one that staff made, or made before notes were recorded, nothing is written."""
    if item.staff_note is None or item.staff_note == wish.staff_note:
        return None
    return do.NoteItem(target, wish.staff_note, instead_of=item.staff_note)


def _dating(goal: ItemGoal, item: ItemRecord, target: do.Target) -> do.SetDueDate | None:
    """The due date moved since the item was made, or since it was last brought to the ILS; or the patron's loan is to be brought to it."""
    loan = goal.loan
    if not isinstance(loan, LoanWish) or loan.due is None:
        return None
    if not (_moved(loan, item) or unaligned(loan, item.patron_loan)):
        return None
    return do.SetDueDate(target, loan.due, may_shorten=loan.may_shorten, leave_days=loan.leave_days)


def _moved(loan: LoanWish, item: ItemRecord) -> bool:
    return loan.due != item.due_written and (loan.renew or item.due_written is None)


def _loss(goal: ItemGoal, item: ItemRecord) -> Command | None:
    there = item.existence is Existence.PRESENT or bool(item.loans)
    ours = item.open_loan
    loan_id = ours.loan_id if ours else ""
    if goal.lost and not item.marked_lost and there and not item.over:
        account = ours.account if ours and ours.charge is not Charge.PATRON else ""
        return do.MarkLost(_target(goal, item, Origin.OWN), loan_id, account)
    if goal.found and item.marked_lost and not item.lost_ended:
        return do.MarkFound(_target(goal, item, Origin.OWN), loan_id)
    return None


def _lending(goal: ItemGoal, item: ItemRecord, can: Capabilities) -> Command | None:
    target = _target(goal, item, Origin.OWN)
    if _instead(goal, item) and (withdrawing := _withdrawing(goal, item)):
        return withdrawing
    if isinstance(goal.loan, LoanWish) and goal.loan.account:
        return _lent(goal, goal.loan, item, target, can)
    if goal.place is ABSENT:
        return _brought_home(goal, item, target, can)
    if goal.home_once_over:
        return _restoring(item, target) if item.over else None
    if isinstance(goal.transit, do.Place) and not item.transit_received:
        return do.ReceiveTransit(do.Target(goal.mark, Origin.OWN, goal.barcode, item.ids, goal.transit))
    if isinstance(goal.hold, HoldWish) and (item.hold is None or item.hold.state is HoldState.CANCELLED):
        return do.PlaceHold(target, goal.hold.patron_id, goal.hold.pickup_location, goal.mark.text, notify=False)
    return None


def _lent(goal: ItemGoal, loan: LoanWish, item: ItemRecord, target: do.Target, can: Capabilities) -> Command | None:
    moving = _moving(goal, loan, item, target, can)
    lending = _checking_out(loan, item, target)
    first, second = (moving, lending) if can.move_before_check_out else (lending, moving)
    within = goal.within if isinstance(goal.within, LentWithin) else None
    sending = lending_step(within, target, item) if within else None
    return first or second or _redating(loan, item, target) or sending


def _moving(goal: ItemGoal, loan: LoanWish, item: ItemRecord, target: do.Target, can: Capabilities) -> Command | None:
    if isinstance(goal.place, Wish) or not can.temporary_location or item.moved_to or item.restored or item.checked_in:
        return None
    return do.MoveItem(target, goal.place, back_on=loan.due)


def _checking_out(loan: LoanWish, item: ItemRecord, target: do.Target) -> Command | None:
    """A loan of ours that ended at the desk latches: the item was checked in, and is not checked out again by late news."""
    if item.loans or item.checked_in:
        return None
    return do.CheckOut(target, loan.account, loan.due)


def _redating(loan: LoanWish, item: ItemRecord, target: do.Target) -> Command | None:
    """A loan that was found with the date (its check-out was not heard of) needs none."""
    ours = item.open_loan
    if ours is None or loan.due is None or not _moved(loan, item):
        return None
    if item.due_written is None and ours.due == loan.due:
        return None
    return do.SetDueDate(
        target, loan.due, ours.loan_id, ours.account, may_shorten=loan.may_shorten, before=item.due_written
    )


def _brought_home(goal: ItemGoal, item: ItemRecord, target: do.Target, can: Capabilities) -> Command | None:
    restoring = _restoring(item, target)
    within = goal.within if isinstance(goal.within, LentWithin) and can.double_charge else None
    lost = goal.was_lost or item.marked_lost
    checking_in = lending_step(within, target, item, was_lost=lost) if within else _checking_in(goal, item, target)
    withdrawing = _withdrawing(goal, item)
    first, second = (restoring, checking_in) if can.restore_before_check_in else (checking_in, restoring)
    return first or second or withdrawing


def _restoring(item: ItemRecord, target: do.Target) -> Command | None:
    if item.moved_to is None or item.restored:
        return None
    return do.RestoreItem(target, item.moved_to, item.before or do.Place())


def _checking_in(goal: ItemGoal, item: ItemRecord, target: do.Target) -> Command | None:
    if goal.loan is not ABSENT or item.checked_in or not (item.loans or item.existence is Existence.PRESENT):
        return None
    if item.loans and all(loan.ended for loan in item.loans):
        return None
    account = item.loans[-1].account if item.loans else ""
    loans = tuple(loan.loan_id for loan in item.loans if loan.loan_id)
    return do.CheckIn(target, loans, account, was_lost=goal.was_lost or item.marked_lost)


def _clearing(goal: ItemGoal, item: ItemRecord, can: Capabilities) -> Command | StaffTask | None:
    """Check in (whose answer tells of the hold), withdraw the hold, delete; of adopted items staff have the last word."""
    target = _target(goal, item, Origin.CREATED)
    if goal.place is not ABSENT and item.existence is Existence.PRESENT:
        checking_in = _checking_in(goal, item, target)
        if checking_in:
            return checking_in
    withdrawing = _withdrawing(goal, item)
    goes_along = can.delete_ends_holds and goal.item is ABSENT and item.origin is Origin.CREATED
    if (withdrawing and not goes_along) or goal.item is not ABSENT or item.existence is Existence.DELETED:
        return withdrawing
    if item.origin is Origin.ADOPTED and item.existence is Existence.PRESENT:
        text = f"Item {item.barcode} was made by staff: delete it by hand if it is not needed any more."
        return StaffTask(None, f"adopted:{item.leg}:{item.volume}", text)
    if item.existence is Existence.PRESENT or _half_made(item):
        return do.DeleteTemporaryItem(target)
    return None


def _half_made(item: ItemRecord) -> bool:
    return item.origin is Origin.CREATED and item.existence is Existence.NONE and item.ids != do.VendorIds()
