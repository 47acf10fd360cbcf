"""Every resource's fields, as a GET shows them (from the recorded replies; symphony.md, sections 4 and 5)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from bridge.sandbox.symphony import marc
from bridge.sandbox.symphony.errors import bad_key, not_found
from bridge.sandbox.symphony.fields import BIB, BLOCK, CALL, CIRC, CUSTOM, HOLD, ITEM, PATRON, STATUS_INFO, TRANSIT
from bridge.sandbox.symphony.model import Bib, Bill, CallNumber, Charge, Hold, Item, Patron, Transit
from bridge.sandbox.symphony.state import State
from bridge.sandbox.symphony.wire import Link, day, money, policy, when

R = TypeVar("R")
Fields = dict[str, Any]


def view(state: State, resource: str, key: str) -> Fields:
    """All fields of one record, links unexpanded. Raises 404, or 400 for a key that cannot be one."""
    if resource.startswith("/policy/"):
        return _policy(state, resource.removeprefix("/policy/"), key)
    return _VIEWS[resource](state, key)


def _policy(state: State, kind: str, code: str) -> Fields:
    found = state.policy(kind, code)
    if found is None:
        raise not_found(f"policy {kind} {code}")
    fields: Fields = {"displayName": code, "description": found.name}
    if kind == "location":
        fields |= {"holdable": found.holdable, "shadowed": found.shadowed}
    return fields


def bib_of(state: State, key: str) -> Bib:
    """A bib. Raises 404, 400."""
    return _numbered(state.bibs, key, "bib", parts=1)


def call_of(state: State, key: str) -> CallNumber:
    """A call number. Raises 404, 400."""
    return _numbered(state.call_numbers, key, "call", parts=2)


def item_of(state: State, key: str) -> Item:
    """An item. Raises 404, 400."""
    return _numbered(state.items, key, "item", parts=3)


def patron_of(state: State, key: str) -> Patron:
    """A patron. Raises 404, 400."""
    return _numbered(state.patrons, key, "patron", parts=1)


def _numbered(records: dict[str, R], key: str, what: str, *, parts: int) -> R:
    numbers = key.split(":")
    if len(numbers) != parts or not all(number.isdigit() for number in numbers):
        raise bad_key(key)
    if key not in records:
        raise not_found(f"{what} {key}")
    return records[key]


def charge_of(state: State, key: str) -> Charge:
    """An open charge; once discharged there is none. Raises 404, 400."""
    if len(key.split(":")) != 4:
        raise bad_key(key)
    found = state.charge_by_key(key)
    if found is None:
        raise not_found(f"circRecord {key}")
    return found


def hold_of(state: State, key: str) -> Hold:
    """A hold, cancelled and expired ones too, filled ones not. Raises 404, 400."""
    found = _numbered(state.holds, key, "holdRecord", parts=1)
    if found.status == "FILLED":
        raise not_found(f"holdRecord {key}")
    return found


def _bib(state: State, key: str) -> Fields:
    bib = bib_of(state, key)
    return {
        "shadowed": bib.shadowed,
        "author": marc.first(bib.marc, "100", "a"),
        "title": marc.first(bib.marc, "245", "ab"),
        "titleControlNumber": bib.control_number or f"u{key}",
        "catalogDate": day(bib.created),
        "catalogFormat": policy("catalogFormat", bib.format),
        "modifiedDate": day(bib.created),
        "systemModifiedDate": when(bib.created),
        "createDate": day(bib.created),
        "bib": bib.marc,
        "callList": [Link(CALL, call.key) for call in state.calls_of(key)],
        "holdRecordList": [Link(HOLD, hold.key) for hold in state.holds.values() if hold.active and hold.bib == key],
    }


def _call(state: State, key: str) -> Fields:
    call = call_of(state, key)
    return {
        "library": policy("library", call.library),
        "callNumber": call.text,
        "shadowed": call.shadowed,
        "volumetric": None,
        "sortCallNumber": call.text.upper(),
        "systemModifiedDate": when(state.bibs[call.bib].created),
        "dispCallNumber": call.text,
        "bib": Link(BIB, call.bib),
        "classification": policy("classification", call.classification),
        "itemList": [Link(ITEM, item.key) for item in state.items.values() if item.call == key],
    }


def _item(state: State, key: str) -> Fields:
    item = item_of(state, key)
    charge = state.open_loan(key)
    fields: Fields = {f"itemCategory{number}": None for number in range(1, 6)}
    fields |= {
        "barcode": item.barcode,
        "itemType": policy("itemType", item.type),
        "library": policy("library", item.library),
        "currentLibrary": policy("library", _now_at(state, item)),
        "homeLocation": policy("location", item.home),
        "currentLocation": policy("location", item.current),
        "copyNumber": item.copy,
        "circulate": charge is None,
        "permanent": item.permanent,
        "shadowed": item.shadowed,
        "pieces": 1,
        "price": money(item.price),
        "mediaDesk": None,
        "timesInventoried": 0,
        "lastInvDate": None,
        "createdDate": day(item.created),
        "systemModifiedDate": when(item.modified),
        "bib": Link(BIB, item.bib),
        "call": Link(CALL, item.call),
        "circRecord": Link(CIRC, charge.key) if charge and state.behaviour.shows_charges else None,
        "transit": Link(TRANSIT, key) if key in state.transits else None,
        "holdRecordList": [Link(HOLD, hold.key) for hold in state.active_holds(item)],
        "fillableHoldList": [Link(HOLD, hold.key) for hold in state.active_holds(item)],
        "customInformation": [_custom(number, one.code, one.data) for number, one in enumerate(item.custom, start=1)],
    }
    return fields


def _now_at(state: State, item: Item) -> str:
    """The library where an item is, as far as Symphony knows."""
    transit = state.transits.get(item.key)
    if transit:
        return transit.source
    charge = state.open_loan(item.key)
    held = next((hold for hold in state.active_holds(item) if hold.status == "BEING_HELD"), None)
    return charge.library if charge else held.pickup if held else item.library


def _custom(number: int, code: str, data: str) -> Link:
    own = (("itemExtendedInformation", policy("itemExtendedInformation", code)), ("data", data))
    return Link(CUSTOM, str(number), own)


def _circ(state: State, key: str) -> Fields:
    charge = charge_of(state, key)
    days = state.behaviour.loan_days
    return {
        "item": Link(ITEM, charge.item),
        "patron": Link(PATRON, charge.patron),
        "library": policy("library", charge.library),
        "circulationRule": policy("circulationRule", f"{days}D"),
        "status": "INACTIVE" if charge.lost else "ACTIVE",
        "checkOutDate": when(charge.out),
        "dueDate": when(charge.due),
        "renewalCount": charge.renewals or None,
        "renewalDate": when(charge.renewed),
        "seenRenewalsRemaining": None,
        "unseenRenewalsRemaining": max(state.behaviour.renewals - charge.renewals, 0),
        "recalledDate": when(charge.recalled),
        "recallDueDate": when(charge.recall_due),
        "claimsReturnedDate": when(charge.claimed),
        "overdue": charge.due < state.clock(),
        "estimatedOverdueAmount": {"currencyCode": "USD", "amount": "0.00"},
        "piecesReturned": 0,
    }


def _hold(state: State, key: str) -> Fields:
    hold = hold_of(state, key)
    seen = not hold.blank
    hold.blank = max(hold.blank - 1, 0)
    item = Link(ITEM, hold.item) if hold.item and seen and hold.item in state.items else None
    waiting = [one.key for one in state.holds.values() if one.active and one.bib == hold.bib]
    reason = {"CANCELLED": "CANCELLED", "EXPIRED": "EXPIRED"}.get(hold.status, "")
    return {
        "patron": Link(PATRON, hold.patron),
        "bib": Link(BIB, hold.bib) if seen and hold.bib in state.bibs else None,
        "item": item,
        "selectedItem": item,
        "holdType": hold.kind,
        "holdRange": policy("holdRange", hold.range),
        "recallStatus": hold.recall,
        "status": hold.status,
        "pickupLibrary": policy("library", hold.pickup),
        "placedLibrary": policy("library", hold.library),
        "placedDate": day(hold.placed),
        "placedWithOverride": hold.overridden,
        "fillByDate": day(hold.fill_by),
        "expirationDate": day(hold.shelf_until),
        "beingHeldDate": day(hold.held),
        "inactiveDate": day(hold.closed),
        "inactiveReason": policy("holdInactiveReason", reason),
        "comment": hold.comment,
        "queuePosition": waiting.index(key) + 1 if key in waiting else None,
        "queueLength": len(waiting),
        "holdPriority": None,
        "noticeDate": None,
        "suspendBeginDate": None,
        "suspendEndDate": None,
        "reserveHold": False,
        "alternateHoldID": "",
    }


def transit_of(state: State, key: str) -> Transit:
    """The transit of an item. Raises 404."""
    found = state.transits.get(key)
    if found is None:
        raise not_found(f"transit {key}")
    return found


def _transit(state: State, key: str) -> Fields:
    transit = transit_of(state, key)
    return {
        "item": Link(ITEM, transit.item),
        "sourceLibrary": policy("library", transit.source),
        "destinationLibrary": policy("library", transit.destination),
        "transitReason": transit.reason,
        "transitDate": when(transit.began),
        "holdRecord": Link(HOLD, transit.hold) if transit.hold else None,
    }


def _patron(state: State, key: str) -> Fields:
    patron = patron_of(state, key)
    last, _, given = patron.name.partition(", ")
    return {
        "barcode": patron.barcode,
        "alternateID": patron.alternate_id,
        "webAuthID": patron.web_auth_id,
        "displayName": patron.name,
        "firstName": given,
        "middleName": "",
        "lastName": last,
        "profile": policy("userProfile", patron.profile),
        "library": policy("library", patron.library),
        "standing": policy("patronStanding", patron.standing),
        "privilegeExpiresDate": day(patron.expires),
        "checkoutLocation": policy("location", patron.checkout_location),
        "groupId": patron.group,
        "claimsReturnedCount": 0,
        "createdDate": "2019-07-29",
        **_PERSONAL,
        "address1": [_address(number, *line) for number, line in enumerate(_lines(patron), start=1)],
        "patronStatusInfo": Link(STATUS_INFO, key),
        "circRecordList": [Link(CIRC, one.key) for one in state.charges if one.open and one.patron == key],
        "holdRecordList": [Link(HOLD, one.key) for one in state.holds.values() if one.active and one.patron == key],
        "blockList": [Link(BLOCK, one.key) for one in state.bills.values() if one.owed > 0 and one.patron == key],
    }


_PERSONAL: Fields = {
    "preferredName": "",
    "usePreferredName": False,
    "suffix": "",
    "title": "",
    "department": "",
    "birthDate": None,
    "keepCircHistory": "CIRCRULE",
    "groupSettings": None,
    "access": Link("/policy/userAccess", "PUBLIC"),
    "environment": Link("/policy/environment", "PUBLIC"),
    "language": Link("/policy/language", "ENGLISH"),
    **{f"category{number:02d}": None for number in range(1, 13)},
}


def _lines(patron: Patron) -> list[tuple[str, str | None]]:
    return [("LINE1", "1 Library Walk"), ("LINE2", None), ("EMAIL", patron.email or None)]


def _address(number: int, code: str, data: str | None) -> Link:
    return Link(f"{PATRON}/address1", str(number), (("code", policy("patronAddress1", code)), ("data", data)))


def _status_info(state: State, key: str) -> Fields:
    patron = patron_of(state, key)
    owed = sum((bill.owed for bill in state.bills.values() if bill.patron == key), start=Decimal(0))
    flags = ("MaxFines", "MaxDaysWithFines", "MaxLostItem", "MaxOverdueDays", "MaxOverdueItem", "MaxItemsCheckedOut")
    available = [one for one in state.holds.values() if one.patron == key and one.status == "BEING_HELD"]
    return {
        "standing": policy("patronStanding", patron.standing),
        "amountOwed": money(owed),
        "estimatedFines": money(Decimal(0)),
        "availableHoldCount": len(available),
        "expired": patron.expires is not None and patron.expires < state.today(),
        **{f"has{flag}": False for flag in flags},
    }


def bill_of(state: State, key: str) -> Bill:
    """A bill. Raises 404."""
    return _numbered(state.bills, key, "block", parts=2)


def _block(state: State, key: str) -> Fields:
    bill = bill_of(state, key)
    return {
        "patron": Link(PATRON, bill.patron),
        "item": Link(ITEM, bill.item) if bill.item and bill.item in state.items else None,
        "block": policy("block", bill.reason),
        "amount": money(bill.amount),
        "owed": money(bill.owed),
        "tax": money(Decimal(0)),
        "estimatedOverdueAmount": money(Decimal(0)),
        "library": policy("library", bill.library),
        "billDate": day(bill.made),
        "createDate": day(bill.made),
        "comment": bill.comment or None,
    }


_VIEWS: dict[str, Callable[[State, str], Fields]] = {
    BIB: _bib,
    CALL: _call,
    ITEM: _item,
    CIRC: _circ,
    HOLD: _hold,
    TRANSIT: _transit,
    PATRON: _patron,
    STATUS_INFO: _status_info,
    BLOCK: _block,
}
