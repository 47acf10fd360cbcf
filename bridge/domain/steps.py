"""What a plan is made of: steps for a connector, tasks for staff, and how both are named and said. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain import commands as do
from bridge.domain.capabilities import Capabilities
from bridge.domain.commands import Command, Origin, Verb
from bridge.domain.plan_within import twice
from bridge.domain.record import Entrusted, ItemRecord
from bridge.domain.sentences_within import Telling, account_of, of_two
from bridge.domain.wishes import REPLACEMENT, ItemGoal


@dataclass(frozen=True, order=True)
class StepKey:
    """Names a step within its request: never by position, so that it means the same after an upgrade."""

    leg: str
    volume: str
    verb: Verb
    ordinal: int

    def __str__(self) -> str:
        return ":".join((self.leg or "-", self.volume or "-", self.verb.value, str(self.ordinal)))


@dataclass(frozen=True)
class Step:
    """One thing for the connector to do. ``noted``: the ILS cannot do it at all; the step only leaves a note."""

    key: StepKey
    command: Command
    noted: bool = False


@dataclass(frozen=True)
class StaffTask:
    """One thing only staff can do; ``confirmed`` by its id with the command ``resolve``.

    ``instruction`` says what to do, and why and how where that needs saying; ``wish`` only what, and nothing where they must decide first.
    ``withdrawn``: what they were asked before and are asked no more; settled once it is not done, or undone.
    """

    key: StepKey | None
    task_id: str
    instruction: str
    command: Command | None = None
    wish: str = ""
    withdrawn: Entrusted | None = None


MOST_STEPS = 60
"""Steps in one sitting; a request that needs more does not settle and is shown to staff."""
VolumeKey = tuple[str, str]
PATRON: VolumeKey = ("", "the patron")
"""Stands for the look-up of the patron where a leg and volume are named."""


def volume_key(key: StepKey) -> VolumeKey:
    """What a failed step of this key holds up: its leg and volume, or the patron."""
    return PATRON if key.verb is Verb.FIND_PATRON else (key.leg, key.volume)


_VERBS: dict[type, Verb] = {
    do.FindPatron: Verb.FIND_PATRON,
    do.FindItem: Verb.FIND_ITEM,
    do.CreateTemporaryItem: Verb.CREATE_TEMPORARY_ITEM,
    do.RelabelItem: Verb.RELABEL_ITEM,
    do.PlaceHold: Verb.PLACE_HOLD,
    do.CancelHold: Verb.CANCEL_HOLD,
    do.CheckOut: Verb.CHECK_OUT,
    do.SetDueDate: Verb.SET_DUE_DATE,
    do.CheckIn: Verb.CHECK_IN,
    do.MoveItem: Verb.MOVE_ITEM,
    do.RestoreItem: Verb.RESTORE_ITEM,
    do.ReceiveTransit: Verb.RECEIVE_TRANSIT,
    do.SendTransit: Verb.SEND_TRANSIT,
    do.DeleteTemporaryItem: Verb.DELETE_TEMPORARY_ITEM,
    do.ChargeFee: Verb.CHARGE_FEE,
    do.MarkLost: Verb.MARK_LOST,
    do.MarkFound: Verb.MARK_FOUND,
    do.NoteItem: Verb.NOTE_ITEM,
}


def verb_of(kind: type) -> Verb:
    """The verb of a type of command."""
    return _VERBS[kind]


def instruction(command: Command, can: Capabilities) -> str:
    """What staff are asked to do, in one sentence, with the reason why the bridge cannot."""
    return f"{wished(command)} {can.reasons.get(verb_of(type(command)), '')}".strip()


def recorded(goal: ItemGoal, item: ItemRecord, origin: Origin) -> do.Target:
    """The item as it is recorded, else as it is wanted; ``origin`` where that is not recorded yet."""
    return do.Target(goal.mark, item.origin or origin, item.barcode or goal.barcode, item.ids, item.place)


def as_task(step: Step, can: Capabilities) -> StaffTask:
    """A step that staff take over."""
    return StaffTask(step.key, str(step.key), instruction(step.command, can), step.command)


def wished(command: Command) -> str:
    """What staff are asked to do, in one sentence."""
    barcode = command.target.barcode if not isinstance(command, do.FindPatron) else ""
    note = getattr(command, "note", "")
    fee, kind = getattr(command, "fee", ""), kind_of_fee(command)
    due = getattr(command, "due", "")
    words = {"barcode": barcode, "fee": fee, "kind": kind, "note": note, "due": due, "way": way_of(command)}
    words["account"] = account_of(command)
    return _asked(command).format(**words, details=_details(command))


def _asked(command: Command) -> str:
    if twice(command):
        return of_two(command, Telling.ASKED)
    if isinstance(command, do.NoteItem) and not command.note:
        return "Take our note off item {barcode}."
    return _INSTRUCTIONS[type(command)]


def _details(command: Command) -> str:
    """What staff need to know beside the barcode; nothing of the patron."""
    named: tuple[str, ...] = ()
    match command:
        case do.CreateTemporaryItem(target=target, item_type=item_type, material=material):
            at = f"at {target.place}" if target.place != do.Place() else ""
            named = (f"item type {item_type}" if item_type else "", f"material {material}" if material else "", at)
        case do.PlaceHold(pickup_location=pickup):
            named = (f"pickup at {pickup}" if pickup else "",)
        case do.CheckOut(account=account, due=due):
            named = (f"account {account}" if account else "", f"due {due}" if due else "")
        case do.MarkLost(account=account):
            return f", if it is still on loan to account {account}" if account else ""
        case do.ChargeFee(target=target):
            return f" for item {target.barcode}" if target.barcode else ""
        case do.RelabelItem(new_barcode=barcode):
            return f" {barcode}"
        case do.MoveItem(to=place) | do.RestoreItem(before=place):
            return f" {place}" if place != do.Place() else ""
    return "".join(f", {each}" for each in named if each)


def way_of(command: Command) -> str:
    """Where an item is sent."""
    to = command.to if isinstance(command, do.SendTransit) else do.Place()
    return f"to {to}" if to != do.Place() else "home to its owner"


def kind_of_fee(command: Command) -> str:
    """What people call the fee of a command."""
    return "replacement fee" if getattr(command, "fee_key", "") == REPLACEMENT else "fee"


_INSTRUCTIONS: dict[type, str] = {
    do.FindPatron: "Check that the patron may borrow.",
    do.FindItem: "Find item {barcode}.",
    do.CreateTemporaryItem: "Make a temporary item with barcode {barcode}{details}.",
    do.RelabelItem: "Give temporary item {barcode} its new barcode{details}.",
    do.PlaceHold: "Place a hold on item {barcode} for the patron{details}.",
    do.CancelHold: "Cancel the hold on item {barcode}.",
    do.CheckOut: "Check item {barcode} out to the borrowing library{details}.",
    do.SetDueDate: "Set the due date of item {barcode} to {due}.",
    do.CheckIn: "Check item {barcode} in.",
    do.MoveItem: "Move item {barcode} to the ILL location{details}.",
    do.RestoreItem: "Bring item {barcode} back to its location{details}.",
    do.ReceiveTransit: "Receive item {barcode} from transit.",
    do.SendTransit: "Put item {barcode} in transit {way}.",
    do.DeleteTemporaryItem: "Delete temporary item {barcode} with its holding and bib.",
    do.ChargeFee: "Charge the {kind} of {fee}{details}.",
    do.MarkLost: "Declare item {barcode} lost{details}.",
    do.MarkFound: "Item {barcode} was found: take back that it was declared lost.",
    do.NoteItem: "Put a note on item {barcode}: {note}.",
}
