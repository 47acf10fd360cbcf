"""How the record grows: by the outcome of a step, and by what an inspection saw. Outcomes latch."""

from __future__ import annotations

from dataclasses import replace

from bridge.domain import commands as do
from bridge.domain.commands import Charge, Origin, Verb
from bridge.domain.entrusted import settled, undone
from bridge.domain.record import (
    Existence,
    FeeRecord,
    HoldRecord,
    HoldState,
    ItemRecord,
    Learned,
    LoanRecord,
    Outcome,
    OutcomeKind,
    PatronLoan,
    PatronRecord,
    Record,
    SeenLoan,
    Sighting,
    told_apart,
)
from bridge.domain.steps import StaffTask, Step


def learn(record: Record, step: Step, outcome: Outcome) -> Record:
    """The record after a finished step: what the answer taught, and what the step's success itself says."""
    learned = keep(record, step, outcome.learned)
    if step.key.verb is Verb.FIND_PATRON:
        return _patron_settled(learned, step)
    item = _settled(learned.item(step.key.leg, step.key.volume), step)
    return settled(learned.with_item(item.counted(step.key.verb)), str(step.key))


def confirm(record: Record, task: StaffTask) -> Record:
    """The record after staff settled a task: its step counts as done, and the task is not shown again.

    A withdrawn one counts as not done, and may be asked again.
    """
    if task.withdrawn is not None:
        return undone(record, task.withdrawn)
    if task.command is not None and task.key is not None:
        record = learn(record, Step(task.key, task.command), Outcome(OutcomeKind.ALREADY))
    return replace(settled(record, task.task_id), confirmed=(*record.confirmed, task.task_id))


def taken_at_word(record: Record, step: Step) -> Record:
    """The record before staff's word is taken for a step of ours: the hold that an ILS makes together with an item was made, too."""
    command = step.command
    if not isinstance(command, do.CreateTemporaryItem) or not command.patron_id:
        return record
    return keep(record, step, Learned(hold=HoldRecord("", command.patron_id, command.pickup_location)))


def keep(record: Record, step: Step, learned: Learned) -> Record:
    """The record with what an answer taught, while the step may still be under way."""
    if learned.patron is not None:
        record = replace(record, patron=learned.patron)
    if step.key.verb is Verb.FIND_PATRON:
        return record
    return record.with_item(_taught(_meant(record.item(step.key.leg, step.key.volume), step), learned))


def _meant(item: ItemRecord, step: Step) -> ItemRecord:
    """The record; of another item of ours than the one that was held, nothing is known yet but what became of that hold."""
    barcode = "" if isinstance(step.command, do.FindPatron) else step.command.target.barcode
    if not item.only_held or barcode in {"", item.barcode}:
        return item
    return replace(item, barcode="", ids=do.VendorIds(), place=do.Place())


def _patron_settled(record: Record, step: Step) -> Record:
    """A patron the ILS cannot look up is taken as named, so that the step ends."""
    command = step.command
    if not isinstance(command, do.FindPatron) or (record.patron and record.patron.asked == command.patron_id):
        return record
    return replace(record, patron=PatronRecord(command.patron_id, command.patron_id))


def _taught(item: ItemRecord, learned: Learned) -> ItemRecord:
    plain = {
        "barcode": learned.barcode,
        "existence": _latched(item, learned.existence),
        "origin": learned.origin,
        "place": learned.place,
        "before": learned.before,
        "moved_to": learned.moved_to,
        "restored": learned.restored,
        "due_written": learned.due,
        "checked_in": learned.checked_in,
        "transit_received": learned.transit_received,
        "transit_sent": learned.transit_sent,
        "marked_lost": learned.marked_lost,
        "ids": item.ids.merged(learned.ids) if learned.ids else None,
    }
    item = replace(item, **{name: value for name, value in plain.items() if value is not None})  # type: ignore[arg-type]
    if learned.hold is not None:
        item = replace(item, holds=_with_hold(item.holds, learned.hold))
    if learned.nothing_waits:
        item = replace(item, holds=_holds_filled(item.holds))
    for loan in (learned.beneath, learned.loan):
        item = replace(item, loans=_with_loan(item.loans, loan)) if loan is not None else item
    if learned.fee is not None:
        item = replace(item, fees=_with_fee(item.fees, learned.fee))
    return item


def _latched(item: ItemRecord, existence: Existence | None) -> Existence | None:
    return item.existence if item.existence is Existence.DELETED else existence


def _with_hold(holds: tuple[HoldRecord, ...], hold: HoldRecord) -> tuple[HoldRecord, ...]:
    if holds and (holds[-1].hold_id == hold.hold_id or _now_known(holds[-1], hold)):
        kept = holds[-1].state if holds[-1].state is not HoldState.PLACED else hold.state
        return (*holds[:-1], replace(hold, state=kept))
    return (*holds, hold)


def _now_known(last: HoldRecord, hold: HoldRecord) -> bool:
    """A hold that was placed without an answer, and is seen with its id for the first time."""
    return not last.hold_id and last.state is HoldState.PLACED and last.patron_id == hold.patron_id


def _with_loan(loans: tuple[LoanRecord, ...], loan: LoanRecord) -> tuple[LoanRecord, ...]:
    known = {each.loan_id: each for each in loans if not _named_now(each, loan)}
    before = known.get(loan.loan_id)
    known[loan.loan_id] = replace(loan, ended=True) if before and before.ended else loan
    return tuple(known.values())


def _named_now(before: LoanRecord, loan: LoanRecord) -> bool:
    """A loan of which only its account was known, and whose id is told for the first time."""
    same = (before.account, before.charge, before.ended) == (loan.account, loan.charge, False)
    return same and bool(loan.loan_id) and not before.loan_id


def _with_fee(fees: tuple[FeeRecord, ...], fee: FeeRecord) -> tuple[FeeRecord, ...]:
    return fees if any(each.fee_key == fee.fee_key for each in fees) else (*fees, fee)


def _charged(fees: tuple[FeeRecord, ...], command: do.ChargeFee) -> tuple[FeeRecord, ...]:
    """As asked for, whatever the ILS tells of it: it may show no amount, or its own currency."""
    fees = _with_fee(fees, FeeRecord(command.fee_key, "", command.fee))
    whom = told_apart(command.patron_id)
    return tuple(
        replace(each, fee=command.fee, whom=whom) if each.fee_key == command.fee_key else each for each in fees
    )


def _settled(item: ItemRecord, step: Step) -> ItemRecord:
    """What the end of this step means even where the answer said nothing, so that it is never planned again."""
    command = step.command
    if isinstance(command, do.CreateTemporaryItem):
        return _created(item, command)
    if isinstance(command, do.CheckIn) and command.charge is not Charge.ANY:
        return _discharged(item, command)
    if isinstance(command, do.CheckIn):
        loans = tuple(replace(loan, ended=True) for loan in item.loans)
        return replace(item, checked_in=True, loans=loans, marked_lost=False)
    if isinstance(command, do.PlaceHold | do.CancelHold):
        return _hold_settled(item, command)
    if isinstance(command, do.CheckOut):
        return _checked_out(item, command)
    return _plainly_settled(item, command)


def _discharged(item: ItemRecord, command: do.CheckIn) -> ItemRecord:
    """One charge of an in-system loan has ended, or never was; that latches. The lender's own loan is the account's charge."""
    ended = {command.charge, Charge.ANY} if command.charge is Charge.ACCOUNT else {command.charge}
    loans = tuple(replace(loan, ended=True) if loan.charge in ended else loan for loan in item.loans)
    discharged = tuple(sorted({*item.discharged, command.charge}))
    return replace(_touched(item, command), loans=loans, discharged=discharged)


def _touched(item: ItemRecord, command: do.CheckIn | do.ReceiveTransit | do.SendTransit) -> ItemRecord:
    """An item of which nothing was recorded before has been found and scanned."""
    target = command.target
    return replace(item, origin=item.origin or target.origin, barcode=item.barcode or target.barcode)


def _relabelled(item: ItemRecord, command: do.RelabelItem) -> ItemRecord:
    """Which barcode it bears now the ILS may have told, staff's word does not; in some ILSs the barcode is the item's only id."""
    old = command.target.barcode
    bears = command.new_barcode if item.barcode == old else item.barcode
    ids = replace(item.ids, item=bears) if item.ids.item == old else item.ids
    return replace(item, barcode=bears, wished_barcode=command.new_barcode, ids=ids)


def _plainly_settled(item: ItemRecord, command: do.Command) -> ItemRecord:
    match command:
        case do.RelabelItem():
            return _relabelled(item, command)
        case do.SetDueDate():
            return _dated(item, command)
        case do.MoveItem(to=to):
            barcode = item.barcode or command.target.barcode
            return replace(item, barcode=barcode, moved_to=to, before=item.before or do.Place())
        case do.RestoreItem():
            return replace(item, restored=True)
        case do.ReceiveTransit():
            return replace(_touched(item, command), transit_received=True)
        case do.SendTransit():
            return replace(_touched(item, command), transit_sent=True)
        case do.DeleteTemporaryItem():
            return replace(item, existence=Existence.DELETED, holds=_holds_gone(item.holds))
        case do.ChargeFee():
            return replace(item, fees=_charged(item.fees, command))
        case _:
            return _loss_settled(item, command)


def _loss_settled(item: ItemRecord, command: do.Command) -> ItemRecord:
    match command:
        case do.MarkLost():
            return replace(item, marked_lost=True, lost_ended=False)
        case do.MarkFound():
            return replace(item, marked_lost=False)
        case do.NoteItem(note=note):
            return replace(item, staff_note=note)
        case _:
            return item


def _dated(item: ItemRecord, command: do.SetDueDate) -> ItemRecord:
    seen = item.patron_loan
    if seen is not None:
        seen = replace(seen, due=command.due, brought=command.due, firmly=command.may_shorten)
    return replace(item, due_written=command.due, patron_loan=seen)


def _holds_gone(holds: tuple[HoldRecord, ...]) -> tuple[HoldRecord, ...]:
    return tuple(replace(hold, state=HoldState.CANCELLED) if hold.state is HoldState.PLACED else hold for hold in holds)


def _created(item: ItemRecord, command: do.CreateTemporaryItem) -> ItemRecord:
    return replace(
        item,
        existence=Existence.PRESENT,
        origin=item.origin or Origin.CREATED,
        barcode=item.barcode or command.target.barcode,
        wished_barcode=command.target.barcode,
        due_written=command.due,
        staff_note=command.staff_note,
        place=item.place if item.place != do.Place() else command.target.place,
    )


def _hold_settled(item: ItemRecord, command: do.PlaceHold | do.CancelHold) -> ItemRecord:
    latest = item.hold
    if isinstance(command, do.CancelHold):
        ended = tuple(
            replace(hold, state=HoldState.CANCELLED)
            if hold.hold_id == command.hold_id and hold.state is HoldState.PLACED
            else hold
            for hold in item.holds
        )
        return replace(item, holds=ended)
    if item.existence is Existence.DELETED:
        return item
    item = replace(item, origin=item.origin or command.target.origin)
    if item.origin is Origin.OWN:
        item = replace(item, barcode=item.barcode or command.target.barcode)
    if latest is None or latest.state is HoldState.CANCELLED:
        return replace(item, holds=(*item.holds, HoldRecord("", command.patron_id, command.pickup_location)))
    as_asked = replace(latest, patron_id=command.patron_id, pickup_location=command.pickup_location)
    return replace(item, holds=(*item.holds[:-1], as_asked))


def _checked_out(item: ItemRecord, command: do.CheckOut) -> ItemRecord:
    loans = item.loans or (LoanRecord("", command.account, command.due),)
    if command.over and item.charged(Charge.PATRON) is None:
        loans = (*item.loans, LoanRecord("", command.account, command.due, charge=Charge.PATRON))
    origin = item.origin or Origin.OWN
    return replace(
        item,
        barcode=item.barcode or command.target.barcode,
        loans=loans,
        origin=origin,
        due_written=item.due_written or command.due,
        holds=_holds_filled(item.holds),
    )


def _holds_filled(holds: tuple[HoldRecord, ...]) -> tuple[HoldRecord, ...]:
    return tuple(replace(hold, state=HoldState.SATISFIED) if hold.state is HoldState.PLACED else hold for hold in holds)


def shows(verb: Verb, seen: Sighting) -> bool:
    """Whether a look can tell if this was done; of what is safe to do once more, or harmless if it was done, nobody has to know."""
    if verb is Verb.CREATE_TEMPORARY_ITEM:
        return seen.item_present is not None or seen.hold_seen
    if verb is Verb.PLACE_HOLD:
        return seen.hold_seen
    return verb is not Verb.CHECK_OUT or seen.loans_seen


def _doubted_still(item: ItemRecord, seen: Sighting) -> ItemRecord:
    return item if item.unseen is None or not shows(item.unseen.verb, seen) else replace(item, unseen=None)


def amend(item: ItemRecord, seen: Sighting, under_way: Verb | None = None) -> ItemRecord:
    """An item record made to agree with what an inspection saw; what has latched stays (rule 1).

    ``under_way`` is the verb whose end is not known: where nothing is on loan any more, its check-in has happened; where our hold is gone,
    it was cancelled, and not filled; where the item is in no temporary place any more, it was brought back; where the item is gone and its
    bib is not, the deletion is only half done.
    """
    item = _doubted_still(item, seen)
    if under_way is Verb.CHECK_IN and seen.loans_seen and not seen.loans:
        item = replace(item, checked_in=True)
    if under_way is Verb.RESTORE_ITEM and seen.item_present and seen.place is not None and seen.temporary_place is None:
        item = replace(item, restored=True)
    if under_way is Verb.SEND_TRANSIT and seen.in_transit:
        item = replace(item, transit_sent=True)
    if seen.ids != do.VendorIds():
        item = replace(item, ids=item.ids.merged(seen.ids))
    half_deleted = under_way is Verb.DELETE_TEMPORARY_ITEM and seen.item_present is False and bool(seen.ids.bib)
    item = item if half_deleted else _amend_existence(item, seen)
    if seen.hold is not None:
        item = replace(item, holds=_with_hold(item.holds, seen.hold))
    elif seen.hold_seen and item.hold and item.hold.state is HoldState.PLACED:
        gone = HoldState.CANCELLED if under_way is Verb.CANCEL_HOLD else HoldState.SATISFIED
        item = replace(item, holds=(*item.holds[:-1], replace(item.hold, state=gone)))
    if seen.loans_seen:
        item = _amend_patron_loan(replace(item, loans=_amend_loans(item, seen.loans)), seen)
    if seen.lost is not None:
        item = replace(item, marked_lost=item.marked_lost or seen.lost, lost_ended=item.marked_lost and not seen.lost)
    for fee in seen.fees:
        item = replace(item, fees=_with_fee(item.fees, fee))
    return _amend_place(item, seen)


def _amend_existence(item: ItemRecord, seen: Sighting) -> ItemRecord:
    if item.existence is Existence.PRESENT and seen.item_present is False:
        return replace(item, existence=Existence.DELETED)
    if item.existence is Existence.NONE and seen.item_present and seen.marked and item.origin is not Origin.OWN:
        barcode = seen.barcode or item.barcode
        return replace(item, existence=Existence.PRESENT, origin=item.origin or Origin.CREATED, barcode=barcode)
    if item.existence is Existence.NONE and seen.item_present is False and seen.ids != do.VendorIds():
        return replace(item, origin=item.origin or Origin.CREATED)  # half made: found by our mark
    return item


def _amend_loans(item: ItemRecord, loans: tuple[SeenLoan, ...]) -> tuple[LoanRecord, ...]:
    opened = {loan.loan_id for loan in loans}
    # of two charges only what was recorded is ours: the verbs look themselves, and may tell a later loan apart
    known = tuple(
        loan if loan.loan_id in opened or (not loan.loan_id and loans) else replace(loan, ended=True)
        for loan in item.loans
    )
    for loan in loans:
        if loan.ours and loan.charge is Charge.ANY and loan.loan_id not in {each.loan_id for each in known}:
            known = _with_loan(known, LoanRecord(loan.loan_id, loan.account, loan.due))
    return known


def _amend_patron_loan(item: ItemRecord, seen: Sighting) -> ItemRecord:
    """The desk has lent a temporary item: that fills our hold, unless it was lent to somebody else than the hold is for."""
    if item.existence is not Existence.PRESENT or item.origin is Origin.OWN:
        return item
    found = next((loan for loan in seen.loans if not loan.ours), None)
    before = item.patron_loan
    if found is None:
        return replace(item, patron_loan=replace(before, ended=True)) if before is not None else item
    same = before is not None and before.loan_id == found.loan_id
    loan = replace(before, due=found.due, ended=False) if same and before else PatronLoan(found.loan_id, found.due)
    item = replace(item, patron_loan=loan)
    hold = item.hold
    for_them = hold is not None and found.account.casefold() in {"", hold.patron_id.casefold()}
    return replace(item, holds=_holds_filled(item.holds)) if for_them and seen.hold is None else item


def handed_over(item: ItemRecord, seen: Sighting, patron_id: str) -> ItemRecord:
    """A patron to whom the desk lent the item before our hold was placed needs none any more: it counts as filled."""
    theirs = any(not loan.ours and loan.account.casefold() in {"", patron_id.casefold()} for loan in seen.loans)
    placed = item.hold is not None and item.hold.state is not HoldState.CANCELLED
    if not theirs or placed or item.existence is not Existence.PRESENT:
        return item
    return replace(item, holds=(*item.holds, HoldRecord("", patron_id, "", HoldState.SATISFIED)))


def _amend_place(item: ItemRecord, seen: Sighting) -> ItemRecord:
    """A move of ours that only a look shows; where the item was may be known from before the call that was cut off."""
    before = item.before or seen.place
    if seen.temporary_place is None or item.moved_to is not None or before is None:
        return item
    return replace(item, before=before, moved_to=seen.temporary_place)


SHOWN = frozenset(
    {
        Verb.CREATE_TEMPORARY_ITEM,
        Verb.PLACE_HOLD,
        Verb.CANCEL_HOLD,
        Verb.CHECK_OUT,
        Verb.CHECK_IN,
        Verb.MOVE_ITEM,
        Verb.RESTORE_ITEM,
        Verb.DELETE_TEMPORARY_ITEM,
        Verb.CHARGE_FEE,
        Verb.RELABEL_ITEM,
    }
)
"""Verbs of which a look shows whether they were done; of the others, doing them again is the same."""
