"""What happens to items at the desk or through the API: lending, checking in, holding, renewing (sierra.md, sections 6 to 8)."""

from datetime import datetime, timedelta

from bridge.sandbox.sierra.errors import (
    LIBRARY_RECORD,
    NOT_AVAILABLE,
    NOT_LOADED,
    ON_HOLD_ALREADY,
    SENT_ALREADY,
    not_found,
    xcirc,
)
from bridge.sandbox.sierra.model import Actor, Checkout, Hold, Item, Patron
from bridge.sandbox.sierra.state import State

AVAILABLE, IN_TRANSIT, ON_SHELF, LIBRARY_USE = "-", "t", "!", "o"


def status_of(item: Item) -> str:
    """The status code of an item, fixed field 88."""
    return item.fixed.get("88", AVAILABLE)


def check_patron(state: State, patron: Patron) -> None:
    """Raises 132: expired, blocked by hand or by the system; the text does not say which."""
    today = state.clock().date()
    expired = patron.expires is not None and patron.expires < today
    if expired or patron.mblock != "-" or patron.auto_block != "-":
        raise xcirc(LIBRARY_RECORD)


def due_by_rule(state: State, patron: Patron) -> datetime:
    """The due date of the loan rule, which nothing in the API changes: 4 a.m. after the loan's days."""
    days = state.behaviour.other_loan_days.get(patron.ptype, state.behaviour.loan_days)
    later = state.clock() + timedelta(days=days)
    return later.replace(hour=4, minute=0, second=0, microsecond=0)


def lend(state: State, patron: Patron, item: Item, *, by: Actor) -> Checkout:
    """Check out. Raises 132 where the item is not available or the patron may not borrow."""
    check_patron(state, patron)
    waiting = next(state.active_holds(item), None)
    theirs = waiting is not None and waiting.patron == patron.id
    shelved = status_of(item) == ON_SHELF and theirs and by == "desk"
    if state.open_loan(item.id) or not (status_of(item) == AVAILABLE or shelved):
        raise xcirc(NOT_AVAILABLE)
    if waiting is not None and theirs:
        close_hold(state, waiting, why="filled")
    loan = Checkout(state.new_id("checkout"), patron.id, item.id, state.clock(), due_by_rule(state, patron), by)
    state.checkouts[loan.id] = loan
    item.fixed |= {"88": AVAILABLE, "65": f"{loan.due:%Y-%m-%dT%H:%M:%SZ}", "66": str(patron.id)}
    item.updated = state.clock()
    return loan


def check_in(state: State, item: Item, *, branch: str) -> None:
    """End a loan; what waits for the item is served: on the shelf where it is picked up here, else sent on."""
    loan = state.open_loan(item.id)
    if loan is not None:
        loan.returned = state.clock()
    for number in ("65", "66"):
        item.fixed.pop(number, None)
    waiting = next(state.active_holds(item), None)
    if waiting is not None:
        here = waiting.pickup == branch
        waiting.status, item.fixed["88"] = ("i", ON_SHELF) if here else ("t", IN_TRANSIT)
    elif status_of(item) in {ON_SHELF, IN_TRANSIT} or loan is not None:
        item.fixed["88"] = AVAILABLE
    item.updated = state.clock()


def renew(state: State, loan: Checkout) -> None:
    """A new due date by the loan rule. Raises 132 where another waits, or the number is used up."""
    item = state.items[loan.item]
    limit = min(state.behaviour.renewals, 255 - int(item.fixed.get("71", "0") or 0))
    if any(hold.patron != loan.patron for hold in state.active_holds(item)):
        raise xcirc("RENEWAL DENIED - on hold for another patron")
    if loan.renewals >= limit:
        raise xcirc("TOO MANY RENEWALS")
    loan.due = due_by_rule(state, state.patrons[loan.patron])
    loan.renewals += 1
    item.fixed["65"] = f"{loan.due:%Y-%m-%dT%H:%M:%SZ}"


def close_hold(state: State, hold: Hold, *, why: str) -> None:
    """A hold ends; it is gone from the API."""
    hold.closed, hold.closed_why = state.clock(), why


def place_hold(state: State, patron: Patron, item: Item | None, *, pickup: str, note: str, by: Actor) -> Hold:
    """An item-level hold. Raises 132 as Sierra words its refusals."""
    if item is None or item.deleted is not None:
        raise xcirc(NOT_LOADED, specific=433)
    if item.unseen:
        item.unseen -= 1
        raise xcirc(NOT_LOADED, specific=433, transient=True)
    _check_repeat(state, patron, item)
    check_patron(state, patron)
    loan = state.open_loan(item.id)
    own = any(hold.patron == patron.id for hold in state.active_holds(item))
    if own or (loan is not None and loan.patron == patron.id):
        raise xcirc(ON_HOLD_ALREADY)
    if status_of(item) == LIBRARY_USE:
        raise xcirc(NOT_AVAILABLE)
    hold = Hold(state.new_id("hold"), patron.id, "i", item.id, pickup, note, state.clock(), by)
    state.holds[hold.id] = hold
    return hold


def _check_repeat(state: State, patron: Patron, item: Item) -> None:
    key, now = (patron.id, "i", item.id), state.monotonic()
    last = state.last_holds.get(key)
    state.last_holds[key] = now
    if last is not None and now - last < state.behaviour.repeat_seconds:
        raise xcirc(SENT_ALREADY, specific=929, transient=True)


def delete_item(state: State, item: Item, *, force: bool = False) -> None:
    """Mark an item as deleted. Raises 132 where it is on loan or held (what Sierra itself answers is not known)."""
    holds = [hold for hold in state.active_holds(item) if hold.record_type == "i"]
    if not force and state.behaviour.refuses_delete and (state.open_loan(item.id) or holds):
        raise xcirc("Record is in use")
    if item.deleted is not None:
        raise not_found()
    item.deleted = state.clock().date()
