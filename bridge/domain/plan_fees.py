"""The plan of fees: the bridge charges each once. What comes after that is for staff, since no connector takes a fee back. Pure."""

from __future__ import annotations

from decimal import Decimal

from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Command, Money, Origin, Verb
from bridge.domain.record import FeeRecord, ItemRecord, Record, told_apart
from bridge.domain.steps import StaffTask, StepKey, recorded, wished
from bridge.domain.wishes import ABSENT, FEE, REPLACEMENT, FeeWish, ItemGoal, Wish

_KINDS = {FEE: "fee", REPLACEMENT: "replacement fee"}
_WAIVED = {
    FEE: "Waive the fee{of} in the ILS: the request was not supplied.",
    REPLACEMENT: "Waive the replacement fee{of} in the ILS, or pay it back: it is not owed any more.",
}


def usual_fee(goal: ItemGoal, item: ItemRecord, record: Record, can: Capabilities) -> Command | StaffTask | None:
    """What the fee of a request lacks."""
    return _lacking(goal, goal.fee, FEE, item, record, can)


def bill(goal: ItemGoal, item: ItemRecord, record: Record, can: Capabilities) -> Command | StaffTask | None:
    """What the replacement fee lacks; what was charged as the usual fee already is not charged another time."""
    usual = {each.fee for each in item.fees if each.fee_key == FEE}
    if isinstance(goal.bill, FeeWish) and goal.bill.fee in usual:
        return None
    return _lacking(goal, goal.bill, REPLACEMENT, item, record, can)


def _lacking(
    goal: ItemGoal, wish: FeeWish | Wish, key: str, item: ItemRecord, record: Record, can: Capabilities
) -> Command | StaffTask | None:
    charged = next((each for each in item.fees if each.fee_key == key), None)
    if charged is None:
        if isinstance(wish, FeeWish) and wish.fee.amount:
            return _charging(goal, wish, item, record, can)
        return None
    asked = _followed_up(wish, key, f"{item.leg}:{item.volume}", charged.fee, record)
    return asked or _of_another(goal, wish, charged, item, record, can)


def _of_another(
    goal: ItemGoal, wish: FeeWish | Wish, charged: FeeRecord, item: ItemRecord, record: Record, can: Capabilities
) -> Command | StaffTask | None:
    """The request names another patron since the fee was charged: only staff can move it, and their word tells whose it is then."""
    unheard = not charged.whom or can.of(Verb.CHARGE_FEE) is Ability.NO
    if not isinstance(wish, FeeWish) or not wish.fee.amount or unheard:
        return None
    if record.patron is None or record.patron.asked != wish.patron_id:
        return do.FindPatron(wish.patron_id)
    if charged.whom == told_apart(record.patron.patron_id):
        return None
    target = recorded(goal, item, Origin.CREATED)
    moved = do.ChargeFee(target, record.patron.patron_id, charged.fee_key, charged.fee, wish.fee_type, goal.mark.code)
    text = _ANOTHER.format(kind=_KINDS[charged.fee_key])
    return _left_to_staff(item, moved, text, wish=text)


_ANOTHER = (
    "The {kind} was charged to the patron whom the request named before: move it in the ILS to the one named now."
)


def _followed_up(wish: FeeWish | Wish, key: str, where: str, charged: Money, record: Record) -> StaffTask | None:
    """What staff are to do about a fee that was charged; what they confirmed tells what stands. An ILS may not tell the amount (0)."""
    waiving = f"waive:{where}" if key == FEE else f"waive:{where}:{key}"
    amount, again = f"amount:{where}:{key}:", f"again:{where}:{key}:"
    settled = [each for each in record.confirmed if each.startswith((amount, again))]
    stands = _money(settled[-1].rpartition(":")[2]) if settled else charged
    waived = _times(record, waiving)
    is_waived = waived > sum(each.startswith(again) for each in settled)
    untold = not settled and not charged.amount
    if wish is ABSENT and (stands.amount or untold) and not is_waived:
        return _asked(_nth(waiving, waived), _WAIVED[key].format(of="" if untold else f" of {stands}"))
    if not isinstance(wish, FeeWish):
        return None
    if is_waived and wish.fee.amount:
        text = f"Charge the {_KINDS[key]} of {wish.fee} again in the ILS: it was waived or paid back before, and is owed now."
        return _asked(f"{again}{len(settled)}:{wish.fee}", text)
    if wish.told and not is_waived and not untold and not _same(stands, wish.fee):
        text = f"The {_KINDS[key]} is {wish.fee} now, and {stands} was charged: correct it in the ILS."
        return _asked(f"{amount}{len(settled)}:{wish.fee}", text)
    return None


def _asked(task_id: str, text: str) -> StaffTask:
    return StaffTask(None, task_id, text, wish=text)


def _nth(task_id: str, times: int) -> str:
    return f"{task_id}:{times}" if times else task_id


def _times(record: Record, task_id: str) -> int:
    """How often staff confirmed this."""
    times = 0
    while _nth(task_id, times) in record.confirmed:
        times += 1
    return times


def _money(text: str) -> Money:
    amount, _, currency = text.partition(" ")
    return Money(Decimal(amount), currency)


def _same(one: Money, other: Money) -> bool:
    """Of a fee that was found in the ILS the currency may not be known."""
    return one.amount == other.amount and (one.currency == other.currency or not (one.currency and other.currency))


def _charging(
    goal: ItemGoal, wish: FeeWish, item: ItemRecord, record: Record, can: Capabilities
) -> Command | StaffTask:
    """The patron is looked up first where nothing else needed them: of a copy, or an item that was lost before it was made here."""
    if record.patron is None or record.patron.asked != wish.patron_id:
        return do.FindPatron(wish.patron_id)
    target = recorded(goal, item, Origin.CREATED)
    patron = record.patron.patron_id
    command = do.ChargeFee(target, patron, wish.fee_key, wish.fee, wish.fee_type, goal.mark.code)
    if not wish.foreign or can.of(Verb.CHARGE_FEE) in {Ability.STAFF, Ability.NO}:
        return command
    return _left_to_staff(item, command, f"{wished(command)} {_FOREIGN}", wish=wished(command))


def _left_to_staff(item: ItemRecord, command: do.ChargeFee, text: str, *, wish: str) -> StaffTask:
    key = StepKey(item.leg, item.volume, Verb.CHARGE_FEE, item.count(Verb.CHARGE_FEE))
    return StaffTask(key, str(key), text, command, wish)


_FOREIGN = "It is not in the currency of the library's fees, so the bridge does not charge it."
