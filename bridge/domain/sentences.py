"""Plain sentences for the circulation history. No patron identifier stands in any of them."""

from __future__ import annotations

from datetime import date

from bridge.domain import commands as do
from bridge.domain.change import UNSET, WITHOUT_ITEM, Change, Closure
from bridge.domain.plan import Step, kind_of_fee, way_of
from bridge.domain.plan_within import twice
from bridge.domain.record import HoldState, ItemRecord, Outcome, OutcomeKind
from bridge.domain.sentences_within import Telling, account_of, of_two
from bridge.domain.standing import Standing
from bridge.domain.words import folded_word

_EDITED = {
    "partner": "partner",
    "patron_id": "patron",
    "pickup_location": "pickup location",
    "barcode": "item barcode",
    "temporary_barcode": "temporary barcode",
    "due": "due date",
    "fee": "fee",
    "bill": "replacement fee",
}


def change_sentence(change: Change, *, changed: bool) -> str:
    """What the service said, and whether that was news."""
    subject = " ".join(
        part
        for part in (
            "The service says" + (f" '{change.word}'" if change.word else " something new"),
            f"for volume {change.volume}" if change.volume else "",
            f"at supplier {change.leg}" if change.leg else "",
        )
        if part
    )
    edits = _edits(change)
    meant = _meant(change)
    told = f"{subject} ({', '.join(edits)})" if edits else subject
    told = f"{told}, which means {' and '.join(meant)}" if meant else told
    if change.notification:
        return f"{told}: a notification, which changes nothing."
    return f"{told}." if changed else f"{told}: known already or overtaken by later news, nothing changed."


def _meant(change: Change) -> list[str]:
    """What a word means beyond what it says itself."""
    word = folded_word(change.word)
    raised = [name.replace("_", " ") for name in change.raised]
    closed = [_CLOSED[change.closure]] if change.closure in WITHOUT_ITEM else []
    said = set(word.split())
    return [each for each in (*raised, *closed) if said and not set(each.split()) - {"and"} <= said]


_CLOSED = {Closure.WITHOUT_RETURN: "closed without the item", Closure.LOST_PAID: "lost and paid"}


def _edits(change: Change) -> list[str]:
    edits = []
    for name, label in _EDITED.items():
        value = getattr(change.edits, name)
        if value is UNSET:
            continue
        if name == "patron_id":
            edits.append("patron named" if value else "patron removed")
        else:
            edits.append(f"{label} {value}" if value else f"no {label}")
    return edits


def step_sentence(step: Step, outcome: Outcome, item: ItemRecord, ils: str) -> str:
    """What a step did, in one sentence; notes of the connector follow in their own lines."""
    telling = Telling.ALREADY if outcome.kind is OutcomeKind.ALREADY else Telling.DONE
    if step.noted:
        telling = Telling.NOTED
    command = step.command
    if (
        telling is Telling.ALREADY
        and isinstance(command, do.PlaceHold)
        and item.hold
        and item.hold.state is not HoldState.PLACED
    ):
        return f"Item {item.barcode} needed no hold."
    words = _words(command, item, outcome.learned.stands if telling is Telling.DONE else None)
    return _said(command, telling).format(ils=ils, **words)


def _said(command: do.Command, telling: Telling) -> str:
    """The sentence, with its words still to be filled in."""
    if twice(command):
        return of_two(command, telling)
    if isinstance(command, do.NoteItem) and not command.note:
        return _NOTE_OFF[telling]
    return _TOLD[telling][type(command)]


def _words(command: do.Command, item: ItemRecord, stands: date | None = None) -> dict[str, str]:
    target = None if isinstance(command, do.FindPatron) else command.target
    ids = item.ids
    named = ", ".join(
        f"{label} {value}" for label, value in (("bib", ids.bib), ("holding", ids.holding), ("item", ids.item)) if value
    )
    return {
        "barcode": item.barcode or (target.barcode if target else ""),
        "ids": f" ({named})" if named else "",
        "pickup": getattr(command, "pickup_location", ""),
        "due": str(_due(command, item, stands) or "the ILS's own date"),
        "account": account_of(command),
        "place": str(getattr(command, "to", "") or getattr(command, "before", "") or ""),
        "new": getattr(command, "new_barcode", ""),
        "fee": str(command.fee) if isinstance(command, do.ChargeFee) else "",
        "kind": kind_of_fee(command),
        "way": way_of(command),
        "note": getattr(command, "note", ""),
    }


def _due(command: do.Command, item: ItemRecord, stands: date | None) -> object:
    """The date that stands after a check-out or a change of date, where the ILS told it; else the one asked for."""
    loan = item.open_loan if isinstance(command, do.CheckOut) else None
    return (loan.due if loan else stands) or getattr(command, "due", None)


DONE: dict[type, str] = {
    do.FindPatron: "The patron is known in {ils} and may borrow.",
    do.FindItem: "Item {barcode} was found in {ils}.",
    do.CreateTemporaryItem: "Temporary item {barcode} was made in {ils}{ids}.",
    do.RelabelItem: "The temporary item was given barcode {new}.",
    do.PlaceHold: "A hold on item {barcode} was placed, pickup at {pickup}.",
    do.CancelHold: "The hold on item {barcode} was cancelled.",
    do.CheckOut: "Item {barcode} was checked out to {account}, due {due}.",
    do.SetDueDate: "The due date of item {barcode} was set to {due}.",
    do.CheckIn: "Item {barcode} was checked in.",
    do.MoveItem: "Item {barcode} was moved to {place}.",
    do.RestoreItem: "Item {barcode} was brought back to {place}.",
    do.ReceiveTransit: "Item {barcode} was received from transit.",
    do.SendTransit: "Item {barcode} was put in transit {way}.",
    do.DeleteTemporaryItem: "Temporary item {barcode} was deleted with its holding and bib.",
    do.ChargeFee: "A {kind} of {fee} was charged.",
    do.MarkLost: "Item {barcode} was declared lost.",
    do.MarkFound: "Item {barcode} is no longer declared lost.",
    do.NoteItem: "The note on item {barcode} is now: {note}.",
}
_ALREADY: dict[type, str] = {
    do.FindPatron: "The patron was known in {ils} already.",
    do.FindItem: "Item {barcode} was found in {ils}.",
    do.CreateTemporaryItem: "Temporary item {barcode} was in {ils} already{ids}.",
    do.RelabelItem: "The temporary item had barcode {new} already.",
    do.PlaceHold: "The hold on item {barcode} stood already.",
    do.CancelHold: "The hold on item {barcode} was gone already.",
    do.CheckOut: "Item {barcode} was checked out to {account} already.",
    do.SetDueDate: "The due date of item {barcode} was left as it is; it was to be {due}.",
    do.CheckIn: "Item {barcode} needed no check-in.",
    do.MoveItem: "Item {barcode} was at {place} already.",
    do.RestoreItem: "Item {barcode} needed no move back.",
    do.ReceiveTransit: "Item {barcode} was not in transit.",
    do.SendTransit: "Item {barcode} needed no transit {way}.",
    do.DeleteTemporaryItem: "Temporary item {barcode} was gone already.",
    do.ChargeFee: "The {kind} of {fee} had been charged already.",
    do.MarkLost: "Item {barcode} was declared lost already.",
    do.MarkFound: "Item {barcode} was no longer declared lost.",
    do.NoteItem: "The note on item {barcode} stood already: {note}.",
}
_NOTED: dict[type, str] = {
    do.FindPatron: "{ils} cannot look patrons up; the patron is taken as named.",
    do.FindItem: "{ils} cannot look items up.",
    do.CreateTemporaryItem: "{ils} cannot make temporary items; none was made.",
    do.RelabelItem: "{ils} cannot change a barcode; item {barcode} keeps it.",
    do.PlaceHold: "{ils} cannot place holds; none was placed on item {barcode}.",
    do.CancelHold: "{ils} cannot cancel holds; the hold on item {barcode} was left.",
    do.CheckOut: "{ils} cannot check items out; item {barcode} was left.",
    do.SetDueDate: "{ils} cannot set due dates; item {barcode} should be due {due}.",
    do.CheckIn: "{ils} cannot check items in; item {barcode} was left.",
    do.MoveItem: "{ils} cannot move items; item {barcode} was left where it is.",
    do.RestoreItem: "{ils} cannot move items; item {barcode} was left where it is.",
    do.ReceiveTransit: "{ils} cannot end transits; item {barcode} was left.",
    do.SendTransit: "{ils} cannot put items in transit; send item {barcode} {way} by hand.",
    do.DeleteTemporaryItem: "{ils} cannot delete items; temporary item {barcode} was left.",
    do.ChargeFee: "{ils} cannot take fees; the {kind} of {fee} was not charged.",
    do.MarkLost: "{ils} cannot be told that item {barcode} is lost.",
    do.MarkFound: "{ils} cannot be told that item {barcode} was found.",
    do.NoteItem: "{ils} cannot put a note on item {barcode}: {note}.",
}
LONGEST_STATUS = 200
"""Signs of a status that are kept; many volumes of which everything was said at once have more."""


def status_of(goal_standings: tuple[Standing, ...]) -> str:
    """The status a person sees: phase and conditions of the live leg."""
    live = goal_standings[-1]
    phases = {str(each.phase) for each in goal_standings if not each.dead and each.phase}
    phase = live.phase.replace("_", " ") if live.phase and len(phases) == 1 else " / ".join(sorted(phases)) or "unknown"
    conditions = sorted(
        {name.replace("_", " ") for each in goal_standings if not each.dead for name in each.conditions}
    )
    kind = "copy, " if live.service_type == "copy" else ""
    said = f"{kind}{phase}" + (f" ({', '.join(conditions)})" if conditions else "")
    return said if len(said) <= LONGEST_STATUS else f"{said[: LONGEST_STATUS - 1]}…"


def conditions_in(status: str) -> tuple[str, ...]:
    """The conditions (as people read them) that a status names."""
    _, opened, named = status.rstrip(")").rpartition("(")
    return tuple(named.split(", ")) if opened else ()


def plan_sentence(step: Step) -> str:
    """What a step would do, in one sentence."""
    words = _words(step.command, ItemRecord(step.key.leg, step.key.volume))
    volume = f" (volume {step.key.volume})" if step.key.volume else ""
    return "Would " + _said(step.command, Telling.PLANNED).format(**words) + volume + "."


_PLANNED: dict[type, str] = {
    do.FindPatron: "look the patron up",
    do.FindItem: "look item {barcode} up",
    do.CreateTemporaryItem: "make temporary item {barcode}",
    do.RelabelItem: "give temporary item {barcode} barcode {new}",
    do.PlaceHold: "place a hold on item {barcode}, pickup at {pickup}",
    do.CancelHold: "cancel the hold on item {barcode}",
    do.CheckOut: "check item {barcode} out to {account}, due {due}",
    do.SetDueDate: "set the due date of item {barcode} to {due}",
    do.CheckIn: "check item {barcode} in",
    do.MoveItem: "move item {barcode} to {place}",
    do.RestoreItem: "bring item {barcode} back to {place}",
    do.ReceiveTransit: "receive item {barcode} from transit",
    do.SendTransit: "put item {barcode} in transit {way}",
    do.DeleteTemporaryItem: "delete temporary item {barcode} with its holding and bib",
    do.ChargeFee: "charge a {kind} of {fee}",
    do.MarkLost: "declare item {barcode} lost",
    do.MarkFound: "take back that item {barcode} was declared lost",
    do.NoteItem: "put a note on item {barcode}: {note}",
}
_TOLD = {Telling.DONE: DONE, Telling.ALREADY: _ALREADY, Telling.NOTED: _NOTED, Telling.PLANNED: _PLANNED}
_NOTE_OFF = {
    Telling.DONE: "Our note on item {barcode} was taken off.",
    Telling.ALREADY: "Our note on item {barcode} was off already.",
    Telling.NOTED: "No note on item {barcode} is wanted any more; {ils} never had one of ours.",
    Telling.PLANNED: "take our note off item {barcode}",
}
"""Where a note of ours is no longer wanted."""
