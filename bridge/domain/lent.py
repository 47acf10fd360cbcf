"""The goal of an own item that is lent: charged to the borrowing library's account, moved away, and all of that undone. Pure."""

from __future__ import annotations

from dataclasses import replace

from bridge.domain.change import GONE_BACK, NOT_SUPPLIED, Condition, Phase
from bridge.domain.policy import LendingPolicy, NotReturned
from bridge.domain.standing import Standing
from bridge.domain.troubles import dispute, trouble
from bridge.domain.wishes import ABSENT, DAMAGED, LEAVE, NAME_IT, HoldWish, ItemGoal, LoanWish
from bridge.domain.within import lent_within


def lending_goal(bare: ItemGoal, stand: Standing, policy: LendingPolicy) -> ItemGoal:
    """What should exist in the lender's ILS for one leg and volume."""
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
    if stand.sent_back_since_ended and not stand.has(Condition.FOUND):
        return replace(bare, hold=ABSENT, dispute=_ON_ITS_WAY)
    if stand.phase in NOT_SUPPLIED:
        return replace(bare, hold=ABSENT)
    if stand.phase is Phase.COMPLETED:
        home = ABSENT if policy.check_in_on_completed else LEAVE
        damaged = DAMAGED if stand.has(Condition.DAMAGED) else ""
        return replace(bare, hold=ABSENT, loan=home, place=ABSENT, attention=damaged)
    if stand.phase.rank < Phase.SHIPPED.rank:
        return _asked_for(bare, stand, policy)
    return replace(_lent(bare, stand, policy), found=stand.found and stand.phase not in GONE_BACK)


_ON_ITS_WAY = "The request had ended when the borrower sent the item back: check it in when it arrives."


def _gone_astray(bare: ItemGoal, stand: Standing, policy: LendingPolicy, attention: str) -> ItemGoal:
    """Lost, or closed without the item: declared lost unless it is paid for, and never checked in."""
    if stand.found:
        return replace(bare, attention=attention, dispute=dispute(stand), home_once_over=True)
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
        return replace(
            bare,
            attention=f"The item was shipped, but the request does not name its barcode{NAME_IT}",
        )
    account = policy.account(stand.partner, stand.item_format)
    if not account:
        return replace(
            bare,
            attention="The borrowing library is not named, so its account is not known: name it at the service, or a default_account.",
        )
    due = stand.due if policy.update_due_date else None
    loan = LoanWish(account=account, due=due, may_shorten=True, renew=policy.renew)
    place = policy.place_away(stand.partner, stand.item_format) or LEAVE
    return replace(bare, loan=loan, place=place)
