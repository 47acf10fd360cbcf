"""The messages, as the responder carries them out."""

from collections.abc import Callable, Iterator
from datetime import datetime

from bridge.sandbox.ncip.errors import NcipProblem, NoAnswer
from bridge.sandbox.ncip.model import Fee, Hold, Item, Loan, Patron
from bridge.sandbox.ncip.state import State
from bridge.sandbox.ncip.wire import Asked, El, identified

Answer = tuple[El, ...]


def _item(state: State, asked: Asked) -> Item:
    name = asked.text("ItemId", "ItemIdentifierValue")
    found = state.find_item(name)
    if found is None:
        raise NcipProblem("Unknown Item", "No item with barcode is known.", "ItemIdentifierValue", name)
    return found


def _patron(state: State, asked: Asked) -> Patron:
    name = asked.text("UserId", "UserIdentifierValue")
    found = state.find_patron(name)
    if found is None:
        raise NcipProblem("Unknown User", "User is not known", "UserId", name)
    return found


def _may_borrow(state: State, patron: Patron) -> None:
    if patron.status != "OK" or patron.expires < state.clock().date():
        raise NcipProblem("User Blocked", "The user may not borrow.")


def lookup_user(state: State, asked: Asked) -> Answer:
    """LookupUser."""
    patron = _patron(state, asked)
    if state.behaviour.refuses_user_id_element and "User Id" in " ".join(asked.texts("UserElementType")):
        raise NcipProblem("Invalid Message Syntax Error", "User Id is no element type.")
    name = El("PersonalNameInformation", (El("UnstructuredPersonalUserName", patron.name),))
    expired = patron.expires < state.clock().date()
    fields = (
        El("NameInformation", (name,)),
        _privilege("PROFILE", "LIBRARY" if patron.is_account else "ADULT", patron),
        _privilege("STATUS", "Expired" if expired else patron.status, patron),
    )
    listed = tuple(_lists(state, asked, patron)) if state.behaviour.lists else ()
    return (identified("User", patron.barcode), *listed, El("UserOptionalFields", fields))


def _privilege(kind: str, status: str, patron: Patron) -> El:
    return El(
        "UserPrivilege",
        (
            El("AgencyId", "LIB", coded=True),
            El("AgencyUserPrivilegeType", kind, coded=True),
            El("ValidToDate", f"{patron.expires}T00:00:00"),
            El("UserPrivilegeStatus", (El("UserPrivilegeStatusType", status, coded=True),)),
        ),
    )


def _lists(state: State, asked: Asked, patron: Patron) -> Iterator[El]:
    """In the schema's order: fees, loans, requests, each list with its count, be it nought."""
    if asked.has("UserFiscalAccountDesired"):
        yield _account(state, patron)
    if asked.has("LoanedItemsDesired"):
        loans = [loan for loan in state.loans if loan.open and loan.patron == patron.barcode]
        yield El(
            "LoanedItemsCount",
            (El("CirculationStatus", "On Loan", coded=True), El("LoanedItemCountValue", str(len(loans)))),
        )
        yield from (_loaned(state, loan) for loan in loans)
    if asked.has("RequestedItemsDesired"):
        holds = [hold for hold in state.holds if hold.active and hold.patron == patron.barcode]
        yield El(
            "RequestedItemsCount",
            (El("RequestType", "Hold", coded=True), El("RequestedItemCountValue", str(len(holds)))),
        )
        yield from (_requested(state, hold) for hold in holds)


def _loaned(state: State, loan: Loan) -> El:
    item = state.items[loan.item]
    return El(
        "LoanedItem", (identified("Item", item.barcode), El("DateDue", _moment(loan.due)), El("Title", item.title))
    )


def _requested(state: State, hold: Hold) -> El:
    item = state.items[hold.item]
    parts = (
        identified("Request", hold.number),
        identified("Item", item.barcode),
        El("RequestType", "Hold", coded=True),
        El("RequestStatusType", "Available For Pickup" if item.shelved else "In Process", coded=True),
        El("DatePlaced", _moment(hold.placed)),
        El("PickupLocation", hold.pickup, coded=True),
    )
    return El("RequestedItem", parts)


def _account(state: State, patron: Patron) -> El:
    fees = [fee for fee in state.fees if fee.patron == patron.barcode]
    details = tuple(
        El(
            "AccountDetails",
            (
                El("AccrualDate", _moment(state.clock())),
                El(
                    "FiscalTransactionInformation",
                    (
                        El("FiscalActionType", "Assess", coded=True),
                        El("FiscalTransactionReferenceId", _reference(fee.id)),
                        El("FiscalTransactionType", "Interlibrary Loan Fee", coded=True),
                        _amount(fee.currency, fee.minor),
                        El("FiscalTransactionDescription", fee.description),
                    ),
                ),
            ),
        )
        for fee in fees
    )
    total = _amount("USD", sum(fee.minor for fee in fees)).content
    assert isinstance(total, tuple)  # noqa: S101 - so it was made
    return El("UserFiscalAccount", (El("AccountBalance", total), *details))


def _amount(currency: str, minor: int) -> El:
    return El("Amount", (El("CurrencyCode", currency, coded=True), El("MonetaryValue", str(minor))))


def _reference(number: int) -> Answer:
    return (El("AgencyId", "LIB", coded=True), El("FiscalTransactionIdentifierValue", str(number)))


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def lookup_item(state: State, asked: Asked) -> Answer:
    """LookupItem."""
    item = _item(state, asked)
    loan = state.open_loan(item)
    people: list[El] = []
    if loan is not None and state.behaviour.shows_people:
        people.append(El("CurrentBorrower", (identified("User", _called(state, loan.patron)),)))
    if state.behaviour.shows_people:
        people += [El("CurrentRequester", (identified("User", hold.patron),)) for hold in state.active_holds(item)]
    status = (
        "Lost" if item.lost else "On Loan" if loan else "Available For Pickup" if item.shelved else "Available On Shelf"
    )
    told = status if state.behaviour.status_told is None else state.behaviour.status_told
    fields = (
        _description(item),
        *((El("CirculationStatus", told, coded=True),) if told else ()),
        *((El("HoldQueueLength", str(len(state.active_holds(item)))),) if state.behaviour.shows_queue else ()),
        *_described(state, item),
        *((El("DateDue", _moment(loan.due)),) if loan and state.behaviour.shows_due else ()),
    )
    transaction = (El("ItemTransaction", tuple(people)),) if people else ()
    return (identified("Item", item.barcode), *transaction, El("ItemOptionalFields", fields))


def _description(item: Item) -> El:
    return El("BibliographicDescription", (El("Author", item.author), El("Title", item.title)))


def _described(state: State, item: Item) -> Answer:
    if not item.call_number or not state.behaviour.shows_call_number:
        return ()
    return (El("ItemDescription", (El("CallNumber", item.call_number),)),)


def accept_item(state: State, asked: Asked) -> Answer:
    """AcceptItem: item and hold in one go, and idempotent nowhere."""
    if not any(asked.anywhere("Title")):
        raise NcipProblem("Needed Data Missing", "There is no title.", "Title")
    barcode = asked.text("ItemId", "ItemIdentifierValue")
    who = state.find_patron(
        asked.text("UserId", "UserIdentifierValue").removeprefix("b")
        if state.behaviour.problems == "numbers"
        else asked.text("UserId", "UserIdentifierValue")
    )
    if who is None and not state.behaviour.unknown_user_leaves_item:
        _patron(state, asked)
    if state.items_with_barcode(barcode):
        if state.behaviour.duplicate_barcode == "refused":
            raise NcipProblem(
                "Cannot Accept Item", "Barcode must be unique: duplicate barcode", "ItemIdentifierValue", barcode
            )
        barcode = str(9_000_000 + state.new_id())
    item = _taken_in(state, asked, barcode)
    if who is None:
        raise NcipProblem("Unknown User", "User is not known", "UserId")
    pickup = (
        asked.text("InitiationHeader", "ToAgencyId", "AgencyId")
        if state.behaviour.pickup_in_to_agency
        else asked.text("PickupLocation")
    )
    hold = state.add_hold(item, who, pickup, by="api", request=item.request)
    told = item.key if state.behaviour.own_item_ids else item.barcode
    return (
        identified("Request", hold.number, agency="LIB"),
        identified("Item", told, agency="LIB", kind="Item Barcode"),
    )


def _taken_in(state: State, asked: Asked, barcode: str) -> Item:
    return state.add_item(
        barcode,
        by="api",
        title=next(asked.anywhere("Title"), ""),
        author=next(asked.anywhere("Author"), ""),
        call=next(asked.anywhere("CallNumber"), ""),
        request=asked.text("RequestId", "RequestIdentifierValue"),
    )


def check_out(state: State, asked: Asked) -> Answer:
    """CheckOutItem."""
    item, patron = _item(state, asked), _patron(state, asked)
    _may_borrow(state, patron)
    standing = state.open_loan(item)
    if standing is not None:
        if state.behaviour.refused_check_out_checks_in:
            state.check_in(item)
        raise NcipProblem("Item Already Checked Out", "Item is already checked out")
    wanted = asked.text("DesiredDateDue")
    honoured = state.behaviour.honours_due or _mandated(state, asked)
    due = datetime.fromisoformat(wanted) if wanted and honoured else None
    if state.behaviour.requests_known:
        item.request = asked.text("RequestId", "RequestIdentifierValue")
    return _lent(state, item, state.lend(item, patron, by="api", due=due))


def _mandated(state: State, asked: Asked) -> bool:
    """Whether it says that it has happened already, so that no policy may refuse it (WMS)."""
    return state.behaviour.honours_mandated_due and asked.has("MandatedAction")


def _lent(state: State, item: Item, loan: Loan) -> Answer:
    user = identified("User", _called(state, loan.patron))
    return (identified("Item", item.barcode), user, El("DateDue", _moment(loan.due)))


def _called(state: State, barcode: str) -> str:
    """How the responder names a user who has something."""
    return f"USR{barcode[::-1]}" if state.behaviour.own_user_ids else barcode


def check_in(state: State, asked: Asked) -> Answer:
    """CheckInItem. By its request, what is finished is a success (koha-wms-spydus.md section B.3)."""
    name = asked.text("ItemId", "ItemIdentifierValue")
    by_request = state.behaviour.requests_known and name.startswith("ILLB-")
    item = state.find_item(name)
    if item is None and by_request:
        return (identified("Item", name),)
    item = item or _item(state, asked)
    goes = state.behaviour.deletes_on_check_in and item.created_by == "api"
    if state.open_loan(item) is None and state.behaviour.check_in_not_lent == "problem" and not by_request:
        raise NcipProblem("Item Not Checked Out", "Item is not checked out")
    loan = state.check_in(item)
    user = (identified("User", loan.patron),) if loan and state.behaviour.tells_borrower else ()
    fields = El("ItemOptionalFields", (_description(item), *_described(state, item)))
    if goes and loan is not None:
        state.delete(item, why="gone with its item")
    return (identified("Item", item.barcode), *user, fields)


def renew(state: State, asked: Asked) -> Answer:
    """RenewItem."""
    item, patron = _item(state, asked), _patron(state, asked)
    loan = state.open_loan(item)
    if loan is None:
        raise NcipProblem("Item Not Checked Out", "There is no record of the check out of the Item.")
    if loan.patron != patron.barcode:
        raise NcipProblem("Item Not Renewable", "The user does not have the item.")
    if state.behaviour.renews == "lies":
        return (identified("Item", item.barcode), El("DateDue", ""))
    exact = state.behaviour.renews == "exact"
    loan.due = datetime.fromisoformat(asked.text("DesiredDateDue")) if exact else state.policy_due(loan.due)
    return (identified("Item", item.barcode), identified("User", patron.barcode), El("DateDue", _moment(loan.due)))


def request_item(state: State, asked: Asked) -> Answer:
    """RequestItem, by item or where a record's number would stand; repeated, it makes a second hold."""
    by_barcode = asked.text("ItemId", "ItemIdentifierValue")
    if by_barcode and state.behaviour.own_numbers_only:
        raise NcipProblem("Unknown Record", "Record is not known.")
    name = by_barcode or next(asked.anywhere("BibliographicRecordIdentifier"), "")
    item = state.find_item(name)
    if item is None:
        raise NcipProblem("Unknown Item", "No item with barcode is known.")
    patron = _patron(state, asked)
    _may_borrow(state, patron)
    told = "" if state.behaviour.own_numbers_only else asked.text("RequestId", "RequestIdentifierValue")
    hold = state.add_hold(item, patron, asked.text("PickupLocation"), by="api", request=told)
    return (
        identified("Request", hold.number, agency="LIB"),
        identified("Item", item.barcode),
        identified("User", patron.barcode),
        El("RequestType", "Hold", coded=True),
        El("RequestScopeType", "Item", coded=True),
    )


def cancel(state: State, asked: Asked) -> Answer:
    """CancelRequestItem, by the responder's number, else by the item. Koha's knows no other number, and asks not whose hold it is."""
    patron = _patron(state, asked)
    number, name = asked.text("RequestId", "RequestIdentifierValue"), asked.text("ItemId", "ItemIdentifierValue")
    item = state.find_item(name)
    if state.behaviour.own_numbers_only:
        by_item: Iterator[Hold] = iter(())
        by_number = (hold for hold in state.holds if hold.active and str(hold.id) == number)
    else:
        mine = [hold for hold in state.holds if hold.active and hold.patron == patron.barcode]
        by_number = (hold for hold in mine if hold.number == number and (item is None or hold.item == item.key))
        by_item = (hold for hold in mine if not number and item is not None and hold.item == item.key)
    hold = next(by_number, None) or next(by_item, None)
    if hold is None:
        raise NcipProblem("Unknown Request", "Request not found.", "RequestIdentifierValue", number)
    hold.closed = "cancelled by the api"
    state.items[hold.item].shelved = False
    return (identified("Request", hold.number), identified("User", patron.barcode))


def delete(state: State, asked: Asked) -> Answer:
    """DeleteItem. On loan, Koha's fails without an answer, and for ever."""
    item = _item(state, asked)
    if item.stuck:
        raise NoAnswer
    if state.open_loan(item) is not None:
        if state.behaviour.delete_on_loan == "stuck":
            item.stuck = True
            raise NoAnswer
        raise NcipProblem("Item Already Checked Out", "Item is already checked out")
    if state.behaviour.delete_held == "refused" and state.active_holds(item):
        raise NcipProblem("Cannot Delete Item", "The item is held.")
    state.delete(item, why="gone with its item")
    return (identified("Item", item.barcode),)


def charge(state: State, asked: Asked) -> Answer:
    """CreateUserFiscalTransaction."""
    patron = _patron(state, asked)
    told = "FiscalTransactionInformation"
    fee = Fee(
        state.new_id(),
        patron.barcode,
        int(asked.text(told, "Amount", "MonetaryValue")),
        asked.text(told, "Amount", "CurrencyCode"),
        asked.text(told, "FiscalTransactionDescription"),
        asked.text(told, "RequestId", "RequestIdentifierValue"),
    )
    state.fees.append(fee)
    return (identified("User", patron.barcode), El("FiscalTransactionReferenceId", _reference(fee.id)))


SERVICES: dict[str, Callable[[State, Asked], Answer]] = {
    "LookupUser": lookup_user,
    "LookupItem": lookup_item,
    "AcceptItem": accept_item,
    "CheckOutItem": check_out,
    "CheckInItem": check_in,
    "RenewItem": renew,
    "RequestItem": request_item,
    "CancelRequestItem": cancel,
    "DeleteItem": delete,
    "CreateUserFiscalTransaction": charge,
}
