"""What happens to items at a desk or through the API: lending, scanning, requesting, deleting."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.sandbox.alma import losses
from bridge.sandbox.alma.errors import AlmaError
from bridge.sandbox.alma.model import Actor, Bib, Block, Holding, Item, Loan, Request, User
from bridge.sandbox.alma.state import State

LIBRARY_USE_ONLY = "LIBUSE"


@dataclass(frozen=True)
class Counter:
    """The library and circulation desk where something is done."""

    library: str
    desk: str


def active_blocks(user: User, now: datetime) -> list[Block]:
    """The blocks that count today."""
    return [
        block
        for block in user.blocks
        if block.status.upper() == "ACTIVE" and (block.expiry is None or block.expiry >= now.date())
    ]


def check_may_borrow(state: State, user: User) -> None:
    """Raises 401151, 401168, 401163 or 401161 (codes and meanings: almapy, quoted in alma.md)."""
    today = state.clock().date()
    role_over = user.role_expiry is not None and user.role_expiry < today
    if not user.patron_role or role_over or user.status.upper() != "ACTIVE":
        raise AlmaError("401151", "User is not a patron.")
    if user.expiry is not None and user.expiry < today:
        raise AlmaError("401168", "Patron's card has expired.")
    if blocks := active_blocks(user, state.clock()):
        one = blocks[0]
        raise AlmaError("401163", f"{one.type} - {one.description}. Note Scope: {state.institution}")
    if (
        sum(1 for loan in state.loans.values() if loan.open and loan.user == user.primary_id)
        >= state.behaviour.loan_limit
    ):
        raise AlmaError("401161", "Patron's loan limit was reached.")


def lend(state: State, user: User, item: Item, counter: Counter, *, by: Actor) -> Loan:
    """Lends by the institution's policy: due 23:59 UTC after `loan_days`; fills the user's request. Raises AlmaError."""
    _check_loanable(state, user, item, counter)
    check_may_borrow(state, user)
    now = state.clock()
    loan = Loan(
        loan_id=state.new_id("7"),
        pid=item.pid,
        user=user.primary_id,
        library=counter.library,
        desk=counter.desk,
        loaned=now,
        due=policy_due(state),
        created_by=by,
    )
    for request in list(state.active_requests(item)):
        if request.user == user.primary_id:
            close_request(state, request, why="filled")
            break
    state.loans[loan.loan_id] = loan
    item.process, item.request_id, item.destination = "LOAN", None, ""
    item.transient_left = state.behaviour.transient_requests
    return loan


def policy_due(state: State) -> datetime:
    """The due date that the policy gives now."""
    later = state.clock() + timedelta(days=state.behaviour.loan_days)
    return later.replace(hour=23, minute=59, second=0, microsecond=0)


def _check_loanable(state: State, user: User, item: Item, counter: Counter) -> None:
    if not state.desk_lends(counter.library, counter.desk, state.place_of(item)):
        raise AlmaError("401153", "Item cannot be loaned from this circulation desk.")
    if loan := state.open_loan(item.pid):
        if loan.user == user.primary_id:
            raise AlmaError("400042", "Item is already loaned to this user.")
        # Of the codes listed for this call in users.json only 401651 can mean "on loan to somebody else".
        raise AlmaError("401651", "Item is not loanable.")
    shelved = state.requests.get(item.request_id or "")
    if item.process == "HOLDSHELF" and shelved and shelved.active and shelved.user != user.primary_id:
        raise AlmaError("401651", "Item is not loanable.")
    policy = item.temp.policy if item.temp and item.temp.policy else item.fields.get("policy", "")
    if policy == LIBRARY_USE_ONLY:
        raise AlmaError("401651", "Item is not loanable.")
    for other in state.loans.values():
        parallel = other.open and other.user == user.primary_id and other.pid in state.items
        if parallel and state.items[other.pid].mms_id == item.mms_id:
            raise AlmaError("401198", "Patron has a parallel loan of this title.")


def renew(state: State, loan: Loan) -> None:
    """Recalculates the due date from the policy. Raises 401822."""
    item = state.items[loan.pid]
    wanted = any(request.user != loan.user for request in state.active_requests(item))
    if wanted or loan.renewals >= state.behaviour.renewals:
        raise AlmaError("401822", f"Cannot renew loan: Loan ID {loan.loan_id}.")
    loan.due = policy_due(state)
    loan.renewals += 1
    loan.process_status = "RENEW"


def close_request(state: State, request: Request, *, why: str) -> None:
    """Ends a request; its status becomes HISTORY."""
    request.closed, request.closed_why, request.status, request.task = state.clock(), why, "HISTORY", ""


@dataclass(frozen=True)
class ScanResult:
    """What the scan-in did, for additional_info."""

    destination: str
    request: Request | None
    queue: int


def scan(state: State, item: Item, counter: Counter, *, in_house: bool, request_id: str = "") -> ScanResult:
    """Ends a loan, then fills a waiting request, or sends the item on, or puts it back in place (alma.md section 7)."""
    losses.came_back(state, item)
    loan = state.open_loan(item.pid)
    if loan:
        loan.returned, loan.return_library, loan.return_desk = state.clock(), counter.library, counter.desk
    item.modified = state.clock()
    waiting = [one for one in state.active_requests(item) if not request_id or one.request_id == request_id]
    if waiting:
        return _fill(state, item, counter, waiting[0], len(waiting))
    item.request_id = None
    library, location = state.place_of(item)
    if library != counter.library:
        item.process, item.destination = "TRANSIT", library
        return ScanResult(state.library_name(library), None, 0)
    was_in_place = not item.process and not loan
    item.process, item.destination = "", ""
    if in_house and was_in_place:
        item.in_house_uses += 1
    place = state.location(library, location)
    return ScanResult(f"Reshelve to {place.name if place else location}", None, 0)


def _fill(state: State, item: Item, counter: Counter, request: Request, queue: int) -> ScanResult:
    item.request_id = request.request_id
    desk = state.libraries[counter.library].desks[counter.desk]
    if request.pickup_library == counter.library and desk.hold_shelf:
        item.process, item.destination = "HOLDSHELF", ""
        request.status, request.task = "ON_HOLD_SHELF", "On Hold Shelf"
        return ScanResult(f"On Hold Shelf - {desk.name}", request, queue)
    item.process, item.destination = "TRANSIT", request.pickup_library
    request.status, request.task = "IN_PROCESS", "Transit Item"
    return ScanResult(state.library_name(request.pickup_library), request, queue)


@dataclass(frozen=True)
class Wish:
    """A hold to be placed."""

    mms_id: str
    item: Item | None
    pickup_type: str
    pickup_library: str
    pickup_desk: str
    comment: str
    last_interest: str
    same_title: bool


def place_request(state: State, user: User, wish: Wish, *, by: Actor) -> Request:
    """Places a hold. Raises 401129 (transient just after the item was made), 401136, 401891, 401895."""
    _check_pickup(state, wish)
    _check_fulfillable(state, user, wish)
    _check_first_wish(state, user, wish)
    request = Request(
        request_id=state.new_id("8"),
        user=user.primary_id,
        mms_id=wish.mms_id,
        pid=wish.item.pid if wish.item else None,
        pickup_type=wish.pickup_type,
        pickup_library=wish.pickup_library,
        pickup_desk=wish.pickup_desk,
        comment=wish.comment,
        last_interest=wish.last_interest,
        made=state.clock(),
        created_by=by,
    )
    if wish.item and wish.item.process:
        request.status, request.task = "NOT_STARTED", ""
    state.requests[request.request_id] = request
    return request


def _check_pickup(state: State, wish: Wish) -> None:
    library = state.libraries.get(wish.pickup_library)
    if library is None:
        # Seen live, not in the OpenAPI document (alma.md); the wording is shaped after 401895's.
        raise AlmaError("401891", f"Pickup library with code {wish.pickup_library} was not found.")
    if wish.pickup_type == "CIRCULATION_DESK" and wish.pickup_desk not in library.desks:
        text = f"Pickup circulation desk with code {wish.pickup_desk} and library code {library.code} was not found."
        raise AlmaError("401895", text)


def _check_fulfillable(state: State, user: User, wish: Wish) -> None:
    unfit = AlmaError("401129", "No items can fulfill the submitted request.")
    candidates = [wish.item] if wish.item else [one for one in state.items.values() if one.mms_id == wish.mms_id]
    if not candidates:
        raise unfit
    for item in candidates:
        if item.transient_left:
            item.transient_left -= 1
            raise AlmaError(unfit.code, unfit.message, transient=True)
    try:
        check_may_borrow(state, user)
    except AlmaError as error:
        raise unfit from error
    lent = state.open_loan(wish.item.pid) if wish.item else None
    if lent and lent.user == user.primary_id:
        raise unfit


def _check_first_wish(state: State, user: User, wish: Wish) -> None:
    for request in state.requests.values():
        same_item = wish.item is not None and request.pid == wish.item.pid
        same_title = request.mms_id == wish.mms_id and not wish.same_title
        if request.active and request.user == user.primary_id and (same_item or same_title):
            raise AlmaError("401136", "Failed to save the request: Patron has active request for selected item")


def delete_item(state: State, item: Item, *, override: bool, holdings: str, bib: str) -> None:
    """Withdraws an item and, if asked, what is left empty above it. Raises 401849 with a reason text."""
    reason = _reason_to_keep(state, item, override=override)
    if reason:
        raise AlmaError("401849", f"Item delete errors: {reason}")
    del state.items[item.pid]
    state.gone.add(item.pid)
    if state.items_of(item.holding_id) or holdings == "retain":
        return
    empty_holding(state, state.holdings[item.holding_id], holdings=holdings, bib=bib)


def _reason_to_keep(state: State, item: Item, *, override: bool) -> str:
    if state.open_loan(item.pid):
        return "Item is on loan."
    if any(request.pid == item.pid for request in state.active_requests(item)):
        return "Item has active requests."
    if item.process and not override:
        return f"Item is not in place (process type {item.process}). Use override to delete it."
    return ""


def empty_holding(state: State, holding: Holding, *, holdings: str, bib: str) -> None:
    """Deletes or suppresses a holding without items, and then its bib if that is left empty."""
    if holdings == "suppress":
        holding.suppressed = True
        return
    del state.holdings[holding.holding_id]
    state.gone.add(holding.holding_id)
    found = state.bibs.get(holding.mms_id)
    if found and not state.holdings_of(found.mms_id):
        empty_bib(state, found, bib=bib)


def empty_bib(state: State, found: Bib, *, bib: str) -> None:
    """Deletes, suppresses or keeps a bib without holdings."""
    if bib == "suppress":
        found.suppressed = True
    elif bib == "delete" and not any(one.active and one.mms_id == found.mms_id for one in state.requests.values()):
        del state.bibs[found.mms_id]
        state.gone.add(found.mms_id)
