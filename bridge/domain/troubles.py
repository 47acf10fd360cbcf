"""What only staff can decide about a leg or an item. Pure."""

from __future__ import annotations

from bridge.domain.change import NOT_SUPPLIED, Closure, Condition, Phase
from bridge.domain.standing import Standing

__all__ = ["asks_where", "dispute", "trouble"]


def trouble(stand: Standing) -> str:
    """Why staff must decide about a living leg, or the empty text. One plain sentence."""
    if stand.has(Condition.VANISHED):
        return "The service no longer shows the request; where the item is, and what stays in the ILS, only staff can tell."
    turned_up = stand.found and stand.reverted_from is Phase.COMPLETED
    if stand.reverted_from and not stand.lost and not turned_up:
        return f"The service took the request back from '{stand.reverted_from}' to '{stand.phase}' after the item had moved."
    if stand.phase in NOT_SUPPLIED and stand.moved and not stand.sent_back_since_ended:
        return (
            f"The request was {stand.phase} after the item had been shipped; where the item is now, only staff can see."
        )
    if stand.unnamed and not stand.lost and not stand.closed_without_item:
        return "The request came back as a whole, but nobody said that this volume is among what came back."
    return ""


def asks_where(stand: Standing) -> bool:
    """Whether the trouble is only where the item is, which nobody needs to know of one that was put right before."""
    return stand.phase in NOT_SUPPLIED or stand.has(Condition.VANISHED)


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
        if stand.closure is Closure.RETURNED:  # said of items that are back, and by OCLC's lenders of lost ones too
            return f"The item was declared lost{ended}, and then the request was completed as if it had come back: see whether it did."
        return f"The item was declared lost{ended}, and then the request was completed; nobody said that the item came back."
    return ""
