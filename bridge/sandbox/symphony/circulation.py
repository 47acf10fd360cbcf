"""What happens to items at a desk or through the API: charging, discharging, holds, transits, renewals (symphony.md, sections 5 and 6)."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from bridge.sandbox.symphony.errors import (
    BLOCKS,
    DUPLICATE_HOLD,
    GROUP,
    HAS_HOLDS,
    HELD_FOR_OTHERS,
    NO_HOLDS,
    NOT_CHARGEABLE,
    RECALLED,
    RENEWALS_USED,
    Prompt,
    SymphonyError,
    busy,
    hat,
    refused,
)
from bridge.sandbox.symphony.model import (
    IN_TRANSIT,
    LOST,
    MARKED_LOST,
    ON_HOLD_SHELF,
    Actor,
    Bill,
    Charge,
    Hold,
    HoldStatus,
    Item,
    Patron,
    Transit,
)
from bridge.sandbox.symphony.state import State

OVERRIDE = "OPERATOR_OVERRIDE"
"""What kind of data a prompt wants; the word is ours."""
SHELF_DAYS = 10
NEVER_BORROW = frozenset({"BLOCKED", "BARRED", "COLLECTION", "EXCLUDED", "REVIEW"})


@dataclass(frozen=True)
class Answers:
    """What a call answers to prompts: type → value. `everything`: staff at a desk, who answer what they are asked."""

    given: dict[str, str] = field(default_factory=dict)
    code: str = ""
    everything: bool = False

    def has(self, prompt: Prompt) -> bool:
        """Whether this prompt is answered, with the operator's override code where it wants data."""
        if self.everything:
            return True
        value = self.given.get(prompt.kind)
        return value is not None and (not prompt.data or prompt.kind == GROUP or value == self.code)


STAFF = Answers(everything=True)


def touch(item: Item) -> None:
    """A write to an item's record. Raises 116 while it is in use."""
    if item.busy:
        item.busy -= 1
        raise busy()


def _ask(answers: Answers, error: SymphonyError) -> None:
    if error.prompt is None or not answers.has(error.prompt):
        raise error


def check_patron(state: State, patron: Patron) -> SymphonyError | None:
    """What is against a patron: standing, or an account that ran out."""
    if patron.standing in NEVER_BORROW:
        return refused(9001, f"User is {patron.standing}", Prompt(BLOCKS))
    if patron.expires is not None and patron.expires < state.today():
        return refused(9002, "User's privilege has expired", Prompt(BLOCKS))
    return None


def due_by_rule(state: State, patron: Patron) -> datetime:
    """The due date of the circulation map: the end of a day."""
    days = state.behaviour.other_loan_days.get(patron.profile, state.behaviour.loan_days)
    return (state.local(state.clock()) + timedelta(days=days)).replace(hour=23, minute=59)


def lend(
    state: State, patron: Patron, item: Item, *, library: str, due: datetime | None, answers: Answers, by: Actor
) -> Charge:
    """Check out. Raises what is in the way, one prompt after the other."""
    touch(item)
    _check_item(state, patron, item, answers)
    if problem := check_patron(state, patron):
        _ask(answers, problem)
    standing = state.open_loan(item.key)
    if standing is not None:
        _charge_over(state, standing, patron, answers)
    state.transits.pop(item.key, None)
    for hold in [one for one in state.active_holds(item) if one.patron == patron.key]:
        close_hold(state, hold, "FILLED", "filled")
    moment = state.local(state.clock())
    asked = due if due is not None and state.behaviour.honours_due_date else due_by_rule(state, patron)
    charge = Charge(
        state.new_number("charge"), _free_key(state, item), item.key, patron.key, moment, asked, library, by
    )
    state.charges.append(charge)
    _now_at(state, item, patron.checkout_location)
    home = patron.stands_for
    if home and home != library and state.behaviour.account_transits:
        send(state, item, source=library, destination=home, reason="EXCHANGE")
    return charge


def _free_key(state: State, item: Item) -> str:
    """The item's key with the lowest charge number that is free: numbers are used again."""
    taken = {charge.key for charge in state.charges_of(item.key)}
    return next(key for key in (f"{item.key}:{number}" for number in range(1, 100)) if key not in taken)


def _check_item(state: State, patron: Patron, item: Item, answers: Answers) -> None:
    transit = state.transits.get(item.key)
    if transit is not None:
        _ask(answers, refused(9003, "Item is in transit", Prompt(BLOCKS)))
    places = (state.policy("itemType", item.type), state.policy("location", item.home))
    if item.current in MARKED_LOST or not all(place is None or place.circulates for place in places):
        _ask(answers, refused(9004, "Item may not circulate", Prompt(NOT_CHARGEABLE, OVERRIDE)))
    waiting = next(state.active_holds(item), None)
    if waiting is not None and waiting.patron != patron.key:
        _ask(answers, refused(9005, "Item has holds", Prompt(HELD_FOR_OTHERS, OVERRIDE)))


def _charge_over(state: State, standing: Charge, patron: Patron, answers: Answers) -> None:
    """An item that is charged already: to an ILL account of this system it may be charged twice, from others it is taken."""
    if standing.patron == patron.key:
        raise refused(9006, "Item is already charged to this user")
    over_account = bool(state.patrons[standing.patron].stands_for)
    how = state.behaviour.second_charge if over_account else "prompts"
    if how == "prompts":
        _ask(answers, refused(9007, "Item has not been discharged from previous user", Prompt(BLOCKS)))
    if not over_account or how == "clears":
        standing.ended = state.clock()


def _now_at(state: State, item: Item, location: str) -> None:
    item.current, item.modified = location, state.clock()


def check_in(state: State, item: Item, *, library: str) -> Charge | None:
    """Discharge the latest charge, if there is one, and route the item: to a hold, its owning library, its shelf."""
    touch(item)
    charge = state.open_loan(item.key)
    if charge is None:
        if state.behaviour.idle_check_in == "refused":
            raise refused(9008, "Item is not charged")
        arrive(state, item, library)
        return None
    account = state.patrons[charge.patron].stands_for
    if account and account != library and state.behaviour.bounces:
        state.transits.pop(item.key, None)
        send(state, item, source=library, destination=account, reason="EXCHANGE")
        return None
    if item.current in MARKED_LOST and state.behaviour.lost_return == "refused":
        raise refused(9037, "User's account needs updating")
    charge.ended = state.clock()
    if item.current in MARKED_LOST:
        item.shadowed = False
    under = state.open_loan(item.key)
    if under is not None:
        state.transits.pop(item.key, None)
        _now_at(state, item, state.patrons[under.patron].checkout_location)
        return charge
    arrive(state, item, library)
    return charge


def arrive(state: State, item: Item, library: str) -> Hold | None:
    """An item not charged is scanned at a library; answers the hold that it is kept for."""
    state.transits.pop(item.key, None)
    waiting = next(state.active_holds(item), None)
    if waiting is not None:
        return _serve(state, item, waiting, library)
    if item.library != library and state.behaviour.discharge_transits:
        send(state, item, source=library, destination=item.library, reason="RETURN")
    else:
        _now_at(state, item, item.home)
    return None


def _serve(state: State, item: Item, hold: Hold, library: str) -> Hold:
    if hold.pickup != library:
        send(state, item, source=library, destination=hold.pickup, reason="HOLD", hold=hold.key)
        return hold
    hold.status, hold.held, hold.item = "BEING_HELD", state.clock(), item.key
    hold.shelf_until = state.today() + timedelta(days=SHELF_DAYS)
    _now_at(state, item, ON_HOLD_SHELF)
    return hold


def send(state: State, item: Item, *, source: str, destination: str, reason: str, hold: str | None = None) -> Transit:
    """Put an item in transit."""
    transit = Transit(item.key, source, destination, reason, state.clock(), hold)
    state.transits[item.key] = transit
    _now_at(state, item, IN_TRANSIT)
    return transit


def receive(state: State, item: Item, *, library: str) -> Hold | None:
    """Untransit: the item is where it was sent. An item that is charged stays so. Raises where it was sent elsewhere, or nowhere."""
    touch(item)
    transit = state.transits.get(item.key)
    if transit is None:
        raise refused(9009, "Item is not in transit")
    if transit.destination != library:
        raise refused(9010, f"Item is in transit to {transit.destination}")
    del state.transits[item.key]
    charge = state.open_loan(item.key)
    if charge is None:
        return arrive(state, item, library)
    _now_at(state, item, state.patrons[charge.patron].checkout_location)
    return None


def status_now(state: State, item: Item) -> str:
    """How an untransit tells where the item is; only ON_SHELF is known from a client, the others are ours."""
    if item.key in state.transits:
        return "IN_TRANSIT"
    if state.open_loan(item.key):
        return "CHARGED"
    return "ON_HOLD_SHELF" if item.current == ON_HOLD_SHELF else "ON_SHELF"


def mark_lost(state: State, item: Item, charge: Charge) -> None:
    """As staff do it: the charge stays, the item goes to LOST-CLAIM and is shadowed, and its price is billed."""
    charge.lost, item.shadowed = True, True
    _now_at(state, item, LOST)
    patron = state.patrons[charge.patron]
    if item.price > 0:
        patron.bills += 1
        key = f"{patron.key}:{patron.bills}"
        now = state.clock()
        bill = Bill(key, patron.key, "LOST", item.price, item.price, charge.library, now, charge.created_by, item.key)
        state.bills[key] = bill


def mark_found(state: State, item: Item, charge: Charge) -> None:
    """Staff take it back; the bill is waived."""
    charge.lost, item.shadowed = False, False
    _now_at(state, item, state.patrons[charge.patron].checkout_location)
    for bill in state.unpaid(item.key):
        if bill.reason == "LOST":
            bill.owed = Decimal(0)


def renew(state: State, charge: Charge, *, due: datetime | None, answers: Answers) -> None:
    """A new due date. Raises 105, 141, 252."""
    item = state.items[charge.item]
    touch(item)
    if charge.recalled is not None:
        raise hat(RECALLED, "Item has been recalled, cannot renew")
    if any(hold.patron != charge.patron for hold in state.active_holds(item)):
        _ask(answers, hat(HAS_HOLDS, "Item has holds, cannot renew", Prompt(HELD_FOR_OTHERS, OVERRIDE)))
    if charge.renewals >= state.behaviour.renewals:
        raise hat(RENEWALS_USED, "Renewal limit reached")
    asked = due if state.behaviour.honours_due_date else None
    charge.due = asked or due_by_rule(state, state.patrons[charge.patron])
    charge.renewals += 1
    charge.renewed = state.clock()


@dataclass(frozen=True)
class Wish:
    """A hold to be placed; without an item on the whole title."""

    patron: Patron
    bib: str
    item: Item | None
    pickup: str
    kind: str = "TITLE"
    range: str = "GROUP"
    recall: str = "NO"
    fill_by: date | None = None
    comment: str = ""


def place_hold(state: State, wish: Wish, *, library: str, answers: Answers, by: Actor) -> Hold:
    """Place a hold. Raises 116, 722 and refusals."""
    if wish.item is not None:
        touch(wish.item)
    _check_repeat(state, wish)
    overridden = _check_holdable(state, wish, answers)
    if problem := check_patron(state, wish.patron):
        raise SymphonyError(problem.code, problem.message)
    if wish.patron.group:
        _ask(answers, refused(9011, "User belongs to a group", Prompt(GROUP, "BOOLEAN")))
    hold = Hold(
        key=str(state.new_number("hold")),
        patron=wish.patron.key,
        kind=wish.kind,
        bib=wish.bib,
        item=wish.item.key if wish.item else None,
        pickup=wish.pickup,
        placed=state.clock(),
        library=library,
        created_by=by,
        range=wish.range,
        recall=wish.recall,
        fill_by=wish.fill_by,
        comment=wish.comment,
        overridden=overridden,
        blank=state.behaviour.blank_looks,
    )
    state.holds[hold.key] = hold
    _recall(state, wish)
    return hold


def _check_repeat(state: State, wish: Wish) -> None:
    for hold in state.holds.values():
        same = hold.item == wish.item.key if wish.item and hold.kind == wish.kind == "COPY" else hold.bib == wish.bib
        if hold.active and hold.patron == wish.patron.key and same:
            raise hat(DUPLICATE_HOLD, "User already has a hold on this material")
    loans = state.charges_of(wish.item.key) if wish.item else []
    if any(loan.patron == wish.patron.key for loan in loans):
        raise refused(9012, "User already has this item")


def _check_holdable(state: State, wish: Wish, answers: Answers) -> bool:
    """Whether an override was needed, and given."""
    item = wish.item
    if item is None:
        return False
    named = (("location", item.home), ("location", item.current), ("itemType", item.type))
    places = [state.policy(kind, code) for kind, code in named]
    if item.shadowed and not state.behaviour.shadowed_takes_holds:
        raise refused(9013, "Item is shadowed, no holds allowed")
    if item.current in MARKED_LOST or not all(place is None or place.holdable for place in places):
        _ask(answers, refused(9014, "No holds allowed on this item", Prompt(NO_HOLDS, OVERRIDE)))
        return True
    return False


def _recall(state: State, wish: Wish) -> None:
    """A hold that recalls: the patron's loan is due earlier."""
    loan = state.open_loan(wish.item.key) if wish.item and wish.recall in {"STANDARD", "RUSH"} else None
    if loan is not None:
        loan.recalled = state.clock()
        soon = (state.local(state.clock()) + timedelta(days=7)).replace(hour=23, minute=59)
        loan.recall_due = min(loan.due, soon)


def close_hold(state: State, hold: Hold, status: HoldStatus, why: str) -> None:
    """A hold ends. An item that waited for it stays on the hold shelf until somebody scans it."""
    hold.status = status
    hold.closed, hold.closed_why = state.clock(), why
    transit = state.transits.get(hold.item or "")
    if transit is not None and transit.hold == hold.key:
        transit.hold = None
