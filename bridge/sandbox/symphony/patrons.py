"""Patrons: by barcode, alternate id, key or search; their bills (symphony.md, sections 4 and 5.9)."""

from flask import Blueprint, Response, request

from bridge.sandbox.symphony import include
from bridge.sandbox.symphony.errors import SymphonyError, bad_body, not_found, refused
from bridge.sandbox.symphony.fields import BLOCK, ITEM, PATRON, STATUS_INFO
from bridge.sandbox.symphony.model import Bill, Patron
from bridge.sandbox.symphony.search import page, wanted_terms
from bridge.sandbox.symphony.sessions import working_library
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.views import bill_of, item_of, patron_of
from bridge.sandbox.symphony.wire import Json, Link, code_in, key_in, money_in, submitted, text_in

patrons = Blueprint("patrons", __name__)
INDEXES = ("ID", "ALT_ID", "webAuthID", "EMAIL", "name")


@patrons.get("/user/patron/key/<key>")
def read(key: str) -> Response:
    """One patron."""
    return include.shown(PATRON, key)


@patrons.get("/user/patron/barcode/<path:barcode>")
def by_barcode(barcode: str) -> Response:
    """One patron by barcode."""
    return _one("ID", barcode)


@patrons.get("/user/patron/alternateID/<path:name>")
def by_alternate_id(name: str) -> Response:
    """One patron by alternate id; the first where several bear it."""
    return _one("ALT_ID", name)


def _one(index: str, value: str) -> Response:
    found = symphony().patron_by(index, value)
    if not found:
        raise not_found("patron")
    return include.shown(PATRON, found[0].key)


@patrons.get("/user/patron/search")
def search() -> Response:
    """Patrons by the terms of a query; none is 200 with nothing."""
    state, terms = symphony(), wanted_terms(INDEXES)
    join = any if request.args.get("j", "AND") == "OR" else all
    found = [one for one in state.patrons.values() if join(_meets(state, one, *term) for term in terms)]
    return page(PATRON, [one.key for one in found])


def _meets(state: State, patron: Patron, index: str, value: str) -> bool:
    if index == "name":
        return value.casefold() in patron.name.casefold()
    return patron in state.patron_by(index, value)


@patrons.get("/user/patronStatusInfo/key/<key>")
def status_info(key: str) -> Response:
    """What is against a patron."""
    return include.shown(STATUS_INFO, key)


@patrons.get("/circulation/block/key/<key>")
def bill(key: str) -> Response:
    """One bill."""
    return include.shown(BLOCK, key)


@patrons.post("/circulation/block")
def charge() -> Response:
    """Bills a patron; unverified in the reference."""
    state = symphony()
    if state.behaviour.bills == "missing":
        raise SymphonyError("methodNotAllowed", "POST is not allowed here.", status=405)
    given = submitted(("patron", "item", "block", "amount", "library", "comment", "billDate"))
    if state.behaviour.bills == "refused":
        raise refused(9035, "Bills may not be made here")
    patron, amount = patron_of(state, key_in(given, "patron", PATRON)), money_in(given, "amount")
    reason = code_in(state, given, "block", "block")
    if not reason or amount <= 0:
        raise bad_body("A bill needs block and an amount above nothing.")
    item = key_in(given, "item", ITEM)
    found = Bill(
        key=f"{patron.key}:{patron.bills + 1}",
        patron=patron.key,
        reason=reason,
        amount=amount,
        owed=amount,
        library=code_in(state, given, "library", "library") or working_library(state),
        made=state.clock(),
        created_by="api",
        item=item_of(state, item).key if item else None,
        comment=text_in(given, "comment"),
    )
    patron.bills += 1
    state.bills[found.key] = found
    return include.shown(BLOCK, found.key)


@patrons.post("/circulation/block/addPayment")
def pay() -> Response:
    """Pays a bill or a part of it."""
    state = symphony()
    given: Json = submitted(("blockKey", "amount", "paymentType", "creditReason", "vendorTransactionID"))
    found, amount = bill_of(state, text_in(given, "blockKey")), money_in(given, "amount")
    if not code_in(state, given, "paymentType", "paymentType") or len(text_in(given, "vendorTransactionID")) > 30:
        raise bad_body("paymentType is needed; vendorTransactionID holds at most 30 characters.")
    if amount > found.owed:
        raise refused(9036, "Payment is above what is owed")
    found.owed -= amount
    return include.done(block=Link(BLOCK, found.key))
