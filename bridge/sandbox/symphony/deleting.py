"""Deleting items, call numbers and bibs; unverified in the reference, so that switches say what is so here (symphony.md, section 5.11)."""

from bridge.sandbox.symphony.circulation import close_hold, touch
from bridge.sandbox.symphony.errors import refused
from bridge.sandbox.symphony.model import MARKED_LOST, Bib, CallNumber, Item
from bridge.sandbox.symphony.state import State


def delete_item(state: State, item: Item, *, force: bool = False) -> None:
    """Raises where the item is charged, has holds, or is billed for and not paid."""
    if not force:
        touch(item)
        _check(state, item)
    for hold in [one for one in state.active_holds(item) if one.item == item.key]:
        close_hold(state, hold, "CANCELLED", "its item was deleted")
    for charge in state.charges_of(item.key):
        charge.ended = state.clock()
    state.transits.pop(item.key, None)
    del state.items[item.key]
    if state.behaviour.last_item_takes_title and not state.items_of(item.bib):
        _forget_bib(state, state.bibs[item.bib])


def _check(state: State, item: Item) -> None:
    if state.charges_of(item.key):
        raise refused(9020, "Item is charged, cannot be removed")
    if item.current in MARKED_LOST or state.unpaid(item.key):
        raise refused(9021, "Item has bills, cannot be removed")
    if any(hold.item == item.key for hold in state.active_holds(item)):
        raise refused(9022, "Item has holds, cannot be removed")


def delete_call(state: State, call: CallNumber) -> None:
    """Raises where it still has items."""
    if any(item.call == call.key for item in state.items.values()):
        raise refused(9023, "Call number has items, cannot be removed")
    del state.call_numbers[call.key]


def delete_bib(state: State, bib: Bib) -> None:
    """Raises where it still has call numbers, unless deleting cascades here."""
    items = state.items_of(bib.key)
    if state.behaviour.delete_cascades:
        for item in items:
            _check(state, item)
    elif state.calls_of(bib.key):
        raise refused(9024, "Title has call numbers, cannot be removed")
    for item in items:
        delete_item(state, item)
    if bib.key in state.bibs:
        _forget_bib(state, bib)


def _forget_bib(state: State, bib: Bib) -> None:
    for call in state.calls_of(bib.key):
        del state.call_numbers[call.key]
    for hold in state.holds.values():
        if hold.active and hold.bib == bib.key:
            close_hold(state, hold, "CANCELLED", "its title was deleted")
    del state.bibs[bib.key]
