"""The goal: what should exist in the ILS now. Pure: (request, policy) → goal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from typing import Any

from bridge.domain.care import is_drill
from bridge.domain.change import GONE_BACK, NOT_SUPPLIED, Closure, Condition, Phase
from bridge.domain.commands import Description, Money, Place
from bridge.domain.identity import Mark, RequestKey, Role, ServiceType, mark_for
from bridge.domain.policy import (
    AlignDueDate,
    BarcodeFrom,
    BorrowingPolicy,
    DoneBy,
    LendingPolicy,
    NoBarcode,
    NotReturned,
    OnRecall,
    Policy,
)
from bridge.domain.request import Request
from bridge.domain.standing import Standing, standings
from bridge.domain.within import BorrowedWithin, LentWithin, borrowed_within, charges_patron, lent_within

FEE = "fee"
REPLACEMENT = "replacement"
"""Keys by which the fees of one item are told apart."""
DAMAGED = "The item came back damaged; see to it."


class Wish(Enum):
    """What is wanted of something that needs no values."""

    ABSENT = "absent"
    LEAVE = "leave"


ABSENT = Wish.ABSENT
LEAVE = Wish.LEAVE


@dataclass(frozen=True)
class ItemWish:
    """A temporary item that should be there."""

    barcode: str
    place: Place
    description: Description
    item_type: str = ""
    material: str = ""
    suppressed: bool = True
    public_note: str = ""
    staff_note: str = ""
    due: date | None = None


@dataclass(frozen=True)
class HoldWish:
    """A hold that should stand, or have been satisfied."""

    patron_id: str
    pickup_location: str
    notify: bool = True


@dataclass(frozen=True)
class LoanWish:
    """A loan that should be open: ours (``account``), or a patron's whose due date we may only set (``account`` empty).

    ``renew``: a date that comes after the first one is brought to the loan too. ``leave_days``: how many days a loan that is shortened
    still runs at least, from the day it is shortened. ``align``: a patron's loan that the desk makes, with the ILS's own date, is brought
    to ``due``.
    """

    account: str = ""
    due: date | None = None
    may_shorten: bool = False
    renew: bool = True
    leave_days: int = 0
    align: bool = False


@dataclass(frozen=True)
class FeeWish:
    """A fee that should have been charged."""

    fee_key: str
    patron_id: str
    fee: Money
    fee_type: str = ""


@dataclass(frozen=True)
class ItemGoal:
    """The goal for one leg and volume: each part present (with its values), absent, or left as it is.

    ``attention`` says what staff must see to or decide, behind all that can be done without them; ``dispute`` says it of an item that is
    lost or was, and is moot where nothing of ours is in the ILS any more. ``lost`` wants the loan declared lost, ``found`` that taken back;
    ``was_lost``: it was declared lost at any time.
    ``bill`` is the replacement fee. ``within`` is what is wanted of an in-system loan.
    """

    leg: str
    volume: str
    mark: Mark
    barcode: str = ""
    item: ItemWish | Wish = LEAVE
    hold: HoldWish | Wish = LEAVE
    loan: LoanWish | Wish = LEAVE
    place: Place | Wish = LEAVE
    transit: Place | Wish = LEAVE
    within: BorrowedWithin | LentWithin | None = None
    fee: FeeWish | Wish = LEAVE
    bill: FeeWish | Wish = LEAVE
    lost: bool = False
    found: bool = False
    was_lost: bool = False
    attention: str = ""
    dispute: str = ""


@dataclass(frozen=True)
class Goal:
    """The goal for a request. ``patron_id`` is empty where no patron needs to be known; ``ended``: nothing more is expected.

    ``forsaken`` says what becomes of items that were made before the service named the suppliers, where there are any.
    """

    key: RequestKey
    patron_id: str = ""
    items: tuple[ItemGoal, ...] = ()
    forsaken: tuple[ItemGoal, ...] = ()
    ended: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for equal goals, in every process."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


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
    bare = ItemGoal(leg=stand.leg, volume=stand.volume, mark=mark, barcode=stand.barcode, was_lost=stand.was_lost)
    if stand.service_type is ServiceType.COPY:
        return _copy(bare, key, stand, policy.borrowing)
    if key.role is Role.BORROWER:
        return _borrowing(bare, key, stand, policy.borrowing)
    return _lending(bare, stand, policy.lending)


def _copy(bare: ItemGoal, key: RequestKey, stand: Standing, policy: BorrowingPolicy) -> ItemGoal:
    """Copies never touch circulation; they may carry a fee."""
    if key.role is Role.BORROWER and policy.charge_fee_on_copies and not stand.dead:
        return replace(bare, fee=_fee(stand, policy))
    return bare


def trouble(stand: Standing) -> str:
    """Why staff must decide about a living leg, or the empty text. One plain sentence."""
    if stand.has(Condition.VANISHED):
        return "The service no longer shows the request; where the item is, and what stays in the ILS, only staff can tell."
    turned_up = stand.found and stand.reverted_from is Phase.COMPLETED
    if stand.reverted_from and not stand.lost and not turned_up:
        return f"The service took the request back from '{stand.reverted_from}' to '{stand.phase}' after the item had moved."
    if stand.phase in NOT_SUPPLIED and stand.moved:
        return (
            f"The request was {stand.phase} after the item had been shipped; where the item is now, only staff can see."
        )
    if stand.unnamed and not stand.lost and not stand.closed_without_item:
        return "The request came back as a whole, but nobody said that this volume is among what came back."
    return ""


def dispute(stand: Standing) -> str:
    """Why staff must decide about an item that is lost or was, or the empty text. One plain sentence."""
    paid = stand.has(Condition.FEE_PAID)
    if stand.found and paid:
        return "The item came back after it was lost and paid for; a check-in might wipe out the replacement fee."
    if stand.closed_without_item:
        ended = " and was paid for" if paid else ""
        return f"The loan was closed without the item coming back{ended}; decide what stays in the ILS."
    if stand.lost and stand.phase is Phase.COMPLETED:
        ended = " and paid for" if paid else ""
        return f"The item was declared lost{ended}, and then the request was completed; nobody said that the item came back."
    return ""


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
    if stand.phase in NOT_SUPPLIED:
        return replace(bare, item=ABSENT, hold=ABSENT, fee=ABSENT if policy.waive_fee_on_cancel else LEAVE)
    back = stand.closure is Closure.RETURNED or stand.lost_on_the_way_back
    if stand.phase is Phase.COMPLETED and not back:
        return replace(bare, attention=_COMPLETED)
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
        return replace(goal, attention="The request does not name the barcode of the item, so it cannot be charged.")
    within = borrowed_within(stand, policy)
    if back:
        return replace(goal, within=within)
    unnamed = "" if stand.patron_id or not charges_patron(policy) else _NO_PATRON
    return replace(goal, within=within, loan=_within_loan(stand, policy), attention=unnamed or _undated(stand, policy))


_NO_PATRON = "The request names no patron, so the item cannot be charged to them."


def _not_said_to_be_back(stand: Standing) -> str:
    if stand.phase is Phase.COMPLETED and stand.closure is not Closure.RETURNED:
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
        return replace(bare, attention="The request names no patron, so no hold can be placed.")
    barcode = temporary_barcode(key, stand, policy)
    if not barcode:
        return replace(
            bare, attention="The request has no temporary barcode, and the supplier's item barcode is not known."
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
    return FeeWish(fee_key=FEE, patron_id=stand.patron_id, fee=fee, fee_type=policy.fee_type)


def _bill(stand: Standing, policy: BorrowingPolicy) -> FeeWish | Wish:
    """What the lender bills, for the patron."""
    if not policy.charge_replacement_fee or stand.bill is None or not stand.patron_id:
        return LEAVE
    return FeeWish(fee_key=REPLACEMENT, patron_id=stand.patron_id, fee=stand.bill, fee_type=policy.replacement_fee_type)


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


def _lending(bare: ItemGoal, stand: Standing, policy: LendingPolicy) -> ItemGoal:
    goal = _lent_anywhere(bare, stand, policy)
    out = isinstance(goal.loan, LoanWish) and bool(goal.loan.account)
    return replace(goal, within=lent_within(stand, policy, out=out)) if out or goal.loan is ABSENT else goal


def _lent_anywhere(bare: ItemGoal, stand: Standing, policy: LendingPolicy) -> ItemGoal:
    if not policy.enabled or stand.phase is None:
        return bare
    if stand.dead:
        return replace(bare, hold=ABSENT)
    attention = trouble(stand)
    if stand.lost or dispute(stand):
        return _gone_astray(bare, stand, policy, attention)
    if attention:
        return replace(bare, attention=attention)
    if stand.phase in NOT_SUPPLIED:
        return replace(bare, hold=ABSENT)
    if stand.phase is Phase.COMPLETED:
        home = ABSENT if policy.check_in_on_completed else LEAVE
        damaged = DAMAGED if stand.has(Condition.DAMAGED) else ""
        return replace(bare, hold=ABSENT, loan=home, place=ABSENT, attention=damaged)
    if stand.phase.rank < Phase.SHIPPED.rank:
        return _asked_for(bare, stand, policy)
    return replace(_lent(bare, stand, policy), found=stand.found and stand.phase not in GONE_BACK)


def _gone_astray(bare: ItemGoal, stand: Standing, policy: LendingPolicy, attention: str) -> ItemGoal:
    """Lost, or closed without the item: declared lost unless it is paid for, and never checked in."""
    if stand.found:
        return replace(bare, attention=attention, dispute=dispute(stand))
    paid = stand.has(Condition.FEE_PAID)
    declared = stand.closed_without_item and policy.not_returned is NotReturned.LOST and not paid
    text = "" if declared else dispute(stand)
    lost = declared or (stand.lost and policy.declare_lost and not paid)
    goal = _out(bare, stand, policy)
    return replace(goal, lost=lost, attention=attention or goal.attention, dispute=text)


def _out(bare: ItemGoal, stand: Standing, policy: LendingPolicy) -> ItemGoal:
    """A lost item left the house: the loan that shows it should stand, but is not changed any more."""
    if stand.phase not in {Phase.SHIPPED, Phase.RECEIVED, Phase.RETURNED}:
        return bare
    goal = _lent(bare, stand, policy)
    return replace(goal, loan=replace(goal.loan, renew=False)) if isinstance(goal.loan, LoanWish) else goal


def _asked_for(bare: ItemGoal, stand: Standing, policy: LendingPolicy) -> ItemGoal:
    if not policy.hold_on_request or not stand.barcode:
        return bare
    account = policy.account(stand.partner, stand.item_format)
    return replace(bare, hold=HoldWish(account, policy.pickup_location, notify=False))


def _lent(bare: ItemGoal, stand: Standing, policy: LendingPolicy) -> ItemGoal:
    if not policy.check_out_on_shipped:
        return bare
    if not stand.barcode:
        return replace(bare, attention="The item was shipped, but the request does not name its barcode.")
    account = policy.account(stand.partner, stand.item_format)
    if not account:
        return replace(bare, attention="The borrowing library is not named, so its account is not known.")
    due = stand.due if policy.update_due_date else None
    loan = LoanWish(account=account, due=due, may_shorten=True, renew=policy.renew)
    place = policy.place_away(stand.partner, stand.item_format) or LEAVE
    return replace(bare, loan=loan, place=place)
