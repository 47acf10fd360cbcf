"""Charging, discharging, renewing, and the due date of a loan (symphony.md, sections 5.5, 5.7, 5.8)."""

from typing import Any

from flask import Blueprint, Response

from bridge.sandbox.symphony import circulation, include
from bridge.sandbox.symphony.errors import NOT_IN_CATALOGUE, bad_body, hat, not_found, refused
from bridge.sandbox.symphony.fields import CIRC, ITEM, PATRON
from bridge.sandbox.symphony.model import Item, Patron
from bridge.sandbox.symphony.sessions import answers, working_library
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.views import charge_of, item_of, patron_of
from bridge.sandbox.symphony.wire import Json, Link, key_in, moment_in, submitted, text_in

loans = Blueprint("loans", __name__)


def item_in(state: State, given: Json) -> Item:
    """The item named by ``itemBarcode`` or ``item``. Raises message 7, 400."""
    if key := key_in(given, "item", ITEM):
        return item_of(state, key)
    barcode = text_in(given, "itemBarcode")
    if not barcode:
        raise bad_body("itemBarcode or item is needed.")
    found = state.items_with_barcode(barcode)
    if not found:
        raise hat(NOT_IN_CATALOGUE, "Item not found in catalog")
    return found[0]


def patron_in(state: State, given: Json) -> Patron:
    """The patron named by ``patronBarcode`` or ``patron``. Raises 404, 400."""
    if key := key_in(given, "patron", PATRON):
        return patron_of(state, key)
    barcode = text_in(given, "patronBarcode")
    if not barcode:
        raise bad_body("patronBarcode or patron is needed.")
    found = state.patron_by("ID", barcode)
    if not found:
        raise not_found("patron")
    return found[0]


@loans.post("/circulation/circRecord/checkOut")
def check_out() -> Response:
    """Charges an item to a patron."""
    state = symphony()
    given = submitted(("itemBarcode", "item", "patronBarcode", "patron", "dueDate", "reserveCollection"))
    due = moment_in(given, "dueDate")
    item, patron = item_in(state, given), patron_in(state, given)
    where = working_library(state)
    charge = circulation.lend(state, patron, item, library=where, due=due, answers=answers(state), by="api")
    return include.done(circRecord=Link(CIRC, charge.key))


@loans.post("/circulation/circRecord/checkIn")
def check_in() -> Response:
    """Discharges an item's latest charge; nobody has recorded the answer, so that it says where the item is now and no more."""
    state = symphony()
    item = item_in(state, submitted(("itemBarcode", "item")))
    circulation.check_in(state, item, library=working_library(state))
    held = next((hold for hold in state.active_holds(item) if hold.status == "BEING_HELD"), None)
    return include.done(
        item=Link(ITEM, item.key),
        currentStatus=circulation.status_now(state, item),
        holdRecord=Link("/circulation/holdRecord", held.key) if held else None,
    )


@loans.post("/circulation/circRecord/renew")
def renew() -> Response:
    """Renews the latest charge of an item, or a patron's."""
    state = symphony()
    given = submitted(("itemBarcode", "item", "patronBarcode", "patron", "dueDate"))
    due, item = moment_in(given, "dueDate"), item_in(state, given)
    charges = state.charges_of(item.key)
    if "patronBarcode" in given or "patron" in given:
        patron = patron_in(state, given)
        charges = [one for one in charges if one.patron == patron.key]
    if not charges:
        raise refused(9008, "Item is not charged")
    circulation.renew(state, charges[-1], due=due, answers=answers(state))
    return include.done(finesAndFeesAssessed=None, circRecord=Link(CIRC, charges[-1].key))


@loans.get("/circulation/circRecord/key/<key>")
def read(key: str) -> Response:
    """An open charge."""
    return include.shown(CIRC, key)


@loans.put("/circulation/circRecord/key/<key>")
def change(key: str) -> Response:
    """Sets the due date; no renewal is used."""
    state, given = symphony(), submitted(("dueDate",))
    charge, due = charge_of(state, key), moment_in(given, "dueDate")
    if due is None:
        raise bad_body("Field 'dueDate' is needed.")
    if not state.behaviour.due_by_put:
        raise refused(9033, "Due date cannot be changed")
    circulation.touch(state.items[charge.item])
    charge.due = due
    return include.shown(CIRC, key)


@loans.get("/circulation/itemCircInfo/key/<key>")
def circ_info(key: str) -> Response:
    """How an item circulates."""
    state = symphony()
    item = item_of(state, key)
    told: dict[str, Any] = {"currentStatus": circulation.status_now(state, item)}
    told |= {"totalCharges": sum(one.item == key for one in state.charges), "charges": len(state.charges_of(key))}
    return include.answer({"resource": "/circulation/itemCircInfo", "key": key, "fields": told})


@loans.post("/circulation/itemCircInfo/advise")
def advise() -> Response:
    """Where the item is and what is to be done with it."""
    state = symphony()
    item = item_in(state, submitted(("itemBarcode",)))
    told = {"code": circulation.status_now(state, item), "message": ""}
    return include.done(primaryAdvice=told, currentStatus=told["code"], item=Link(ITEM, item.key), secondaryAdvice=[])


@loans.post("/circulation/circRecord/<action>")
def lost(action: str) -> Response:
    """An action that marks a loan as lost, where a switch says that the site has one; Symphony has none known."""
    state = symphony()
    if action != state.behaviour.lost_action:
        raise not_found(f"action {action}")
    item = item_in(state, submitted(("itemBarcode", "item")))
    charge = state.open_loan(item.key)
    if charge is None:
        raise refused(9008, "Item is not charged")
    circulation.touch(item)
    circulation.mark_lost(state, item, charge)
    return include.done(circRecord=Link(CIRC, charge.key))
