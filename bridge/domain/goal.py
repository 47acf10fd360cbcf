"""The goal: what should exist in the ILS now. Pure: (request, policy) → goal."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from bridge.domain.care import is_drill
from bridge.domain.change import GONE_BACK, NOT_SUPPLIED, Closure, Condition, Phase
from bridge.domain.commands import Description, Money
from bridge.domain.identity import RequestKey, Role, ServiceType, mark_for
from bridge.domain.lent import lending_goal
from bridge.domain.policy import (
    AlignDueDate,
    BarcodeFrom,
    BorrowingPolicy,
    DoneBy,
    NoBarcode,
    OnRecall,
    Policy,
)
from bridge.domain.request import Request
from bridge.domain.standing import Standing, standings
from bridge.domain.troubles import asks_where, dispute, trouble
from bridge.domain.wishes import (
    ABSENT,
    DAMAGED,
    FEE,
    LEAVE,
    NAME_IT,
    REPLACEMENT,
    FeeWish,
    Goal,
    HoldWish,
    ItemGoal,
    ItemWish,
    LoanWish,
    Wish,
)
from bridge.domain.within import borrowed_within, charges_patron

__all__ = [
    "ABSENT",
    "DAMAGED",
    "FEE",
    "LEAVE",
    "REPLACEMENT",
    "FeeWish",
    "Goal",
    "HoldWish",
    "ItemGoal",
    "ItemWish",
    "LoanWish",
    "Wish",
    "dispute",
    "goal_for",
    "goal_of",
    "temporary_barcode",
    "trouble",
]


def goal_for(request: Request, policy: Policy) -> Goal:
    """What should exist in the ILS now, given what we know of the request and the library's policy."""
    return goal_of(request, standings(request), policy)


def goal_of(request: Request, stands: tuple[Standing, ...], policy: Policy) -> Goal:
    """The same, where the request's standings are known."""
    items = tuple(_item_goal(request.key, stand, policy) for stand in stands)
    living = tuple(stand for stand in stands if not stand.dead)
    needs_patron = request.key.role is Role.BORROWER and any(_needs_patron(stand, policy.borrowing) for stand in living)
    return Goal(
        key=request.key,
        patron_id=stands[-1].patron_id if needs_patron else "",
        items=items,
        forsaken=_forsaken(request, stands, policy) if request.key.role is Role.BORROWER else (),
        ended=all(_ended(stand) for stand in stands),
    )


def _forsaken(request: Request, stands: tuple[Standing, ...], policy: Policy) -> tuple[ItemGoal, ...]:
    """An item made when nobody had said who supplies it goes once a supplier is named, which gets one of its own; unless it had moved."""
    if not stands[-1].leg or not policy.borrowing.makes_items or not policy.borrowing.enabled:
        return ()
    moved = {node.volume for node in request.nodes if not node.leg and node.facts.furthest}
    volumes = dict.fromkeys(stand.volume for stand in stands)
    return tuple(
        ItemGoal("", volume, mark_for(policy.bridge, request.key, "", volume), item=ABSENT, hold=ABSENT)
        for volume in volumes
        if not moved & {"", volume}
    )


def _ended(stand: Standing) -> bool:
    return stand.dead or stand.phase in {Phase.COMPLETED, *NOT_SUPPLIED}


def _needs_patron(stand: Standing, policy: BorrowingPolicy) -> bool:
    if policy.within(stand.partner) and not charges_patron(policy):
        return False
    if not policy.enabled or stand.service_type is ServiceType.COPY or not stand.patron_id:
        return False
    if stand.phase is None or stand.phase.rank > Phase.RECEIVED.rank or stand.lost or dispute(stand):
        return False
    needed_on = Phase.RECEIVED if policy.within(stand.partner) else policy.create_on.phase
    return policy.verify_patron_on_request or stand.phase.rank >= needed_on.rank


def _item_goal(key: RequestKey, stand: Standing, policy: Policy) -> ItemGoal:
    mark = mark_for(policy.bridge, key, stand.leg, stand.volume)
    bare = ItemGoal(
        leg=stand.leg,
        volume=stand.volume,
        mark=mark,
        barcode=stand.barcode,
        was_lost=stand.was_lost,
        asks_where=asks_where(stand),
    )
    if stand.service_type is ServiceType.COPY:
        return _copy(bare, key, stand, policy)
    if key.role is Role.BORROWER:
        return _borrowing(bare, key, stand, policy.borrowing)
    return lending_goal(bare, stand, policy.lending)


def _copy(bare: ItemGoal, key: RequestKey, stand: Standing, policy: Policy) -> ItemGoal:
    """Copies never touch circulation; they may carry a fee. What was made while it was a loan goes, unless it has moved."""
    if key.role is Role.LENDER:
        return replace(bare, hold=ABSENT, if_there=_LENT_AS_COPY) if policy.lending.enabled else bare
    borrowing = policy.borrowing
    if borrowing.charge_fee_on_copies and not stand.dead:
        bare = replace(bare, fee=_fee(stand, borrowing))
    if not borrowing.enabled or borrowing.within(stand.partner):
        return bare
    if stand.arrived and not stand.dead:
        return replace(bare, if_there=_MADE_FOR_COPY)
    return replace(bare, item=ABSENT, hold=ABSENT)


_MADE_FOR_COPY = (
    "Item {barcode} was made for a loan, and the service says now that it is a copy: see what came, and delete the item by hand "
    "if nobody needs it."
)
_LENT_AS_COPY = "Item {barcode} was checked out, and the service says now that a copy was sent: see whether it is here, and check it in."


def _borrowing(bare: ItemGoal, key: RequestKey, stand: Standing, policy: BorrowingPolicy) -> ItemGoal:
    if not policy.enabled or stand.phase is None:
        return bare
    if stand.dead:
        return replace(bare, item=ABSENT, hold=ABSENT)
    if policy.within(stand.partner):
        return _existing(bare, stand, policy)
    if _never_came(stand):
        return replace(bare, item=ABSENT, hold=ABSENT, fee=ABSENT if policy.waive_fee_on_cancel else LEAVE)
    attention = trouble(stand)
    if not stand.lost_on_the_way_back and (stand.lost or dispute(stand)):
        return _missing(bare, stand, policy, attention)
    if attention:
        return replace(bare, attention=attention)
    return _in_order(bare, key, stand, policy)


def _never_came(stand: Standing) -> bool:
    """Lost on the way to us, and over: no patron of ours ever had it."""
    over = stand.phase in {Phase.COMPLETED, *NOT_SUPPLIED}
    return over and not stand.arrived and (stand.lost or stand.closed_without_item)


def _missing(bare: ItemGoal, stand: Standing, policy: BorrowingPolicy, attention: str) -> ItemGoal:
    """Lost, or closed without the item: nothing is checked in or deleted. One that never reached us no patron has, or pays for."""
    text = dispute(stand)
    if stand.found or not stand.arrived:
        return replace(bare, attention=attention, dispute=text)
    lost = stand.lost and policy.declare_lost
    bill = _bill(stand, policy)
    return replace(bare, lost=lost, fee=_fee(stand, policy), bill=bill, attention=attention, dispute=text)


def _in_order(bare: ItemGoal, key: RequestKey, stand: Standing, policy: BorrowingPolicy) -> ItemGoal:
    if stand.sent_back_since_ended:
        return _sent_back(bare, key, stand, policy)
    if stand.phase in NOT_SUPPLIED:
        return replace(bare, item=ABSENT, hold=ABSENT, fee=ABSENT if policy.waive_fee_on_cancel else LEAVE)
    back = stand.closure is Closure.RETURNED or stand.lost_on_the_way_back
    if stand.phase is Phase.COMPLETED and not back and not stand.shipped:
        return replace(bare, if_there=_COMPLETED)
    if stand.phase is Phase.COMPLETED and not back:
        return replace(bare, bill=ABSENT if stand.found else LEAVE, attention=_COMPLETED)
    if stand.phase in GONE_BACK or stand.lost_on_the_way_back:
        return _sent_back(bare, key, stand, policy)
    if stand.phase is None or stand.phase.rank < policy.create_on.phase.rank:
        return replace(bare, fee=_fee(stand, policy))
    return _borrowed(bare, key, stand, policy)


def _existing(bare: ItemGoal, stand: Standing, policy: BorrowingPolicy) -> ItemGoal:
    """In-system loan: the real item arrives; nothing is created or deleted. A loss is the lender's side of the same ILS to see to."""
    if stand.lost or dispute(stand):
        return bare
    attention = trouble(stand) or _not_said_to_be_back(stand)
    if attention:
        return replace(bare, attention=attention)
    back = stand.phase in GONE_BACK
    if stand.phase is not Phase.RECEIVED and not back:
        return bare
    by = policy.in_system
    goal = bare if back or by.receive_transit is DoneBy.STAFF else replace(bare, transit=policy.place)
    if not by.ill_account:
        return goal
    if not stand.barcode:
        return replace(
            goal,
            attention=f"The request does not name the barcode of the item, so it cannot be charged{NAME_IT}",
        )
    within = borrowed_within(stand, policy)
    if back:
        return replace(goal, within=within)
    unnamed = "" if stand.patron_id or not charges_patron(policy) else _NO_PATRON
    return replace(goal, within=within, loan=_within_loan(stand, policy), attention=unnamed or _undated(stand, policy))


_NO_PATRON = f"The request names no patron, so the item cannot be charged to them{NAME_IT}"


def _not_said_to_be_back(stand: Standing) -> str:
    if stand.phase is Phase.COMPLETED and stand.closure is not Closure.RETURNED and stand.shipped:
        return _COMPLETED
    return ""


_COMPLETED = "The service says that the request is completed, but not that the item went back."


def _within_loan(stand: Standing, policy: BorrowingPolicy) -> LoanWish:
    """The patron's charge, which is due the margin before the library's."""
    recalls = _recalls(stand, policy)
    days = policy.recall_minimum_days if recalls else 0
    due = _patrons_due(stand, policy)
    return LoanWish(due=due, may_shorten=recalls, renew=policy.renew or recalls, leave_days=days)


def _sent_back(bare: ItemGoal, key: RequestKey, stand: Standing, policy: BorrowingPolicy) -> ItemGoal:
    """No hold, no loan, no item; a replacement fee charged for it is no longer owed. What was damaged still is."""
    bill = _bill(stand, policy) if stand.has(Condition.DAMAGED) else ABSENT
    gone = replace(bare, hold=ABSENT, bill=bill)
    held_drill = is_drill(key) and bool(stand.patron_id)  # a scan-in would fill the hold and write to the patron
    if policy.check_in_on_return and not held_drill:
        gone = replace(gone, loan=ABSENT)
    return replace(gone, item=ABSENT) if policy.delete_on_return or is_drill(key) else gone


def _borrowed(bare: ItemGoal, key: RequestKey, stand: Standing, policy: BorrowingPolicy) -> ItemGoal:
    if not stand.patron_id and policy.hold and not is_drill(key):
        return replace(
            bare,
            attention=f"The request names no patron, so no hold can be placed{NAME_IT}",
        )
    barcode = temporary_barcode(key, stand, policy)
    if not barcode:
        return replace(
            bare,
            attention=f"The request has no temporary barcode, and the supplier's item barcode is not known{NAME_IT}",
        )
    due = _patrons_due(stand, policy)
    item = _item_wish(barcode, due, stand, policy)
    hold = (
        HoldWish(stand.patron_id, _pickup(stand, policy), policy.hold_notify)
        if policy.hold and stand.patron_id
        else LEAVE
    )
    fee = LEAVE if is_drill(key) else _fee(stand, policy)
    return replace(
        bare,
        barcode=barcode,
        item=item,
        hold=hold,
        loan=_patrons_loan(key, due, stand, policy),
        fee=fee,
        bill=_bill_in_use(stand, policy),
        found=stand.found,
        attention=_undated(stand, policy),
    )


def _patrons_loan(key: RequestKey, due: date | None, stand: Standing, policy: BorrowingPolicy) -> LoanWish:
    recalls = _recalls(stand, policy)
    days = policy.recall_minimum_days if recalls else 0
    aligns = policy.align_due_date is not AlignDueDate.OFF and stand.phase is Phase.RECEIVED and not is_drill(key)
    return LoanWish(due=due, may_shorten=recalls, renew=policy.renew or recalls, leave_days=days, align=aligns)


def _undated(stand: Standing, policy: BorrowingPolicy) -> str:
    """What staff are asked where a recall should shorten the loan and names no date."""
    if not _recalls(stand, policy) or stand.recall_dated:
        return ""
    return "The lender recalls the item and names no date: bring the patron's due date forward in the ILS as your rules say."


def _item_wish(barcode: str, due: date | None, stand: Standing, policy: BorrowingPolicy) -> ItemWish:
    def given(name: str, otherwise: Any) -> Any:  # noqa: ANN401 - a value of the policy
        found = policy.given(name, stand.partner, stand.item_format, stand.conditions)
        return otherwise if found is None else found

    return ItemWish(
        barcode=barcode,
        due=due,
        place=given("place", policy.place),
        description=Description(stand.title, stand.author, stand.isbn, stand.call_number, stand.volume),
        item_type=given("item_type", policy.item_type),
        material=given("material", policy.material),
        suppressed=policy.suppressed,
        public_note=given("public_note", policy.public_note),
        staff_note=_noted(given("staff_note", _use(stand)), stand, policy),
    )


def _use(stand: Standing) -> str:
    return "Library use only" if stand.has(Condition.LIBRARY_USE_ONLY) else ""


def _noted(note: str, stand: Standing, policy: BorrowingPolicy) -> str:
    """The note for the desk, with the recall where that is to be noted."""
    if policy.on_recall is OnRecall.SHOW or not stand.has(Condition.RECALLED):
        return note
    by = f", due back {stand.due}" if stand.recall_dated and stand.due else ""
    return "; ".join(part for part in (note, f"Recalled by the lender{by}") if part)


def _recalls(stand: Standing, policy: BorrowingPolicy) -> bool:
    return policy.on_recall is OnRecall.SHORTEN and stand.has(Condition.RECALLED)


def _patrons_due(stand: Standing, policy: BorrowingPolicy) -> date | None:
    """The lender's date less the margin."""
    if stand.due is None or not policy.update_due_date:
        return None
    return stand.due - timedelta(days=policy.due_margin_days)


def _pickup(stand: Standing, policy: BorrowingPolicy) -> str:
    return policy.pickup_locations.get(stand.pickup_location) or stand.pickup_location or policy.default_pickup_location


def _fee(stand: Standing, policy: BorrowingPolicy) -> FeeWish | Wish:
    wanted = policy.charge_fee or (stand.service_type is ServiceType.COPY and policy.charge_fee_on_copies)
    fee = stand.fee or (Money(policy.fee_amount, policy.fee_currency) if policy.fee_amount is not None else None)
    if not wanted or fee is None or not stand.patron_id or stand.phase is None or stand.phase in NOT_SUPPLIED:
        return LEAVE
    if stand.phase.rank < policy.fee_on.phase.rank:
        return LEAVE
    told, foreign = stand.fee is not None, _is_foreign(fee, policy)
    return FeeWish(FEE, stand.patron_id, fee, policy.fee_type, told=told, foreign=foreign)


def _is_foreign(fee: Money, policy: BorrowingPolicy) -> bool:
    """Not in the currency that the policy names; most ILSs know none, and would charge the bare number."""
    return bool(policy.fee_currency and fee.currency) and fee.currency.upper() != policy.fee_currency.upper()


def _bill(stand: Standing, policy: BorrowingPolicy) -> FeeWish | Wish:
    """What the lender bills, for the patron."""
    if not policy.charge_replacement_fee or not stand.patron_id:
        return LEAVE
    if stand.bill is None:
        return ABSENT
    kind, foreign = policy.replacement_fee_type, _is_foreign(stand.bill, policy)
    return FeeWish(REPLACEMENT, stand.patron_id, stand.bill, kind, foreign=foreign)


def _bill_in_use(stand: Standing, policy: BorrowingPolicy) -> FeeWish | Wish:
    """While the patron has the item: damage is billed, and what was charged for a loss is no longer owed."""
    if stand.has(Condition.DAMAGED):
        return _bill(stand, policy)
    return ABSENT if stand.found else LEAVE


def temporary_barcode(key: RequestKey, stand: Standing, policy: BorrowingPolicy) -> str:
    """The barcode of a temporary item: as typed by staff; else from the request's number or the supplier's item, with the prefix.

    Volumes of one request get the volume's name behind the request's number.
    """
    if stand.temporary_barcode:
        return stand.temporary_barcode
    if policy.barcode_from is BarcodeFrom.SUPPLIER and stand.barcode:
        return policy.barcode_prefix + stand.barcode
    if policy.barcode_from is BarcodeFrom.SUPPLIER and policy.when_no_barcode is NoBarcode.ASK:
        return ""
    return policy.barcode_prefix + key.number + (f"-{stand.volume}" if stand.volume else "")
