"""Koha's REST routes for biblios, items, patrons, holds, check-outs, accounts and libraries."""

from flask import Blueprint, Response, request
from lxml import etree

from bridge.sandbox.koha import circulation
from bridge.sandbox.koha.state import Bib, Checkout, Debit, Hold, Item, Json, Patron, State, koha
from bridge.sandbox.koha.wire import (
    WRITABLE,
    answered,
    body,
    listed,
    refused,
    shown_bib,
    shown_checkout,
    shown_debit,
    shown_hold,
    shown_item,
    shown_patron,
    went_wrong,
)

records = Blueprint("records", __name__, url_prefix="/api/v1")
MARC = "{http://www.loc.gov/MARC21/slim}"
TYPES = ["application/marcxml+xml", "application/marc-in-json", "application/marc"]


def _subfield(root: etree._Element, tag: str, code: str) -> str:
    found = root.find(f"{MARC}datafield[@tag='{tag}']/{MARC}subfield[@code='{code}']")
    return (found.text or "") if found is not None else ""


@records.post("/biblios")
def add_biblio() -> Response:
    """A biblio from MARCXML: 200 and its id. One that looks like another is refused, unless that was confirmed."""
    state = koha()
    if request.content_type != TYPES[0]:
        return answered(TYPES, 406)
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(request.get_data(), parser)
    except etree.XMLSyntaxError as broken:
        raise went_wrong() from broken
    bib = Bib(
        id=state.new_id(),
        made_by="api",
        title=_subfield(root, "245", "a"),
        author=_subfield(root, "100", "a"),
        notes=_subfield(root, "500", "a"),
        suppressed=_subfield(root, "942", "n") == "1",
    )
    if request.headers.get("x-confirm-not-duplicate") != "1":
        for other in state.bibs.values():
            if (other.title, other.author) == (bib.title, bib.author):
                raise refused(400, f"Duplicate biblio {other.id}")
    state.bibs[bib.id] = bib
    return answered({"id": bib.id})


@records.get("/biblios")
def list_biblios() -> Response:
    """Later releases have it."""
    state = koha()
    if not state.behaviour.lists_biblios:
        return answered({"errors": [{"message": "Not Found.", "path": "/"}], "status": 404}, 404)
    return listed([shown_bib(bib) for bib in state.bibs.values()], "title")


def _bib(bib_id: int, words: str = "Object not found") -> Bib:
    found = koha().bibs.get(bib_id)
    if found is None:
        raise refused(404, words)
    return found


@records.get("/biblios/<int:bib_id>")
def get_biblio(bib_id: int) -> Response:
    """A biblio as JSON."""
    return answered(shown_bib(_bib(bib_id)))


@records.delete("/biblios/<int:bib_id>")
def delete_biblio(bib_id: int) -> Response:
    """Only without items."""
    state, found = koha(), _bib(bib_id)
    if state.items_of(found.id):
        words = "This Biblio has items attached, please delete them first before deleting this biblio "
        raise refused(409, words)
    del state.bibs[found.id]
    return Response(status=204)


@records.post("/biblios/<int:bib_id>/items")
def add_item(bib_id: int) -> Response:
    """An item; a library or type that is not there is a fault of the server's."""
    state, given = koha(), body(*WRITABLE)
    bib = _bib(bib_id, "Biblio not found")
    item = Item(state.new_id(), bib.id, "api", {"lost_status": 0, "not_for_loan_status": 0})
    _fill(state, item, given)
    state.items[item.id] = item
    return answered(shown_item(state, item), 201)


def _fill(state: State, item: Item, given: Json) -> None:
    barcode = str(given.get("external_id") or "")
    bearer = state.barcoded(barcode) if barcode else None
    if bearer is not None and bearer.id != item.id:
        raise refused(409, "Duplicate barcode.")
    merged = item.fields | given
    libraries = {merged.get("home_library_id"), merged.get("holding_library_id")}
    if not libraries <= set(state.libraries) or merged.get("item_type_id") not in state.item_types:
        raise went_wrong()
    if "location" in given and given["location"] != "CART":
        merged["permanent_location"] = given["location"]
    item.fields = merged


@records.put("/biblios/<int:bib_id>/items/<int:item_id>")
def update_item(bib_id: int, item_id: int) -> Response:
    """What is left out keeps its value; computed fields sent back are a fault of the server's."""
    state = koha()
    given = request.get_json(silent=True) or {}
    if set(given) - WRITABLE:
        raise went_wrong()
    item = _item(item_id)
    if item.bib != bib_id:
        raise refused(404, "Item not found")
    _fill(state, item, given)
    return answered(shown_item(state, item))


def _item(item_id: int) -> Item:
    found = koha().items.get(item_id)
    if found is None:
        raise refused(404, "Item not found")
    return found


@records.get("/items")
def list_items() -> Response:
    """Items by field or query."""
    state = koha()
    return listed([shown_item(state, item) for item in state.items.values()], "external_id")


@records.get("/items/<int:item_id>")
def get_item(item_id: int) -> Response:
    """One item."""
    return answered(shown_item(koha(), _item(item_id)))


@records.delete("/items/<int:item_id>")
def delete_item(item_id: int) -> Response:
    """Not while on loan, nor with a captured hold; one that is not captured goes with it."""
    state, item = koha(), _item(item_id)
    if state.open_loan(item.id) is not None:
        raise refused(409, "The item is checked out", "checked_out")
    if any(hold.status for hold in state.holds_on(item)):
        raise refused(409, "Waiting or in-transit hold for the item", "found_hold")
    remove_item(state, item)
    return Response(status=204)


def remove_item(state: State, item: Item) -> None:
    """An item and the holds on it go."""
    for hold in [one for one in state.holds.values() if one.item == item.id]:
        state.end_hold(hold, "gone with the item")
    del state.items[item.id]


@records.get("/patrons")
def list_patrons() -> Response:
    """Patrons by field or query."""
    return listed([shown_patron(one) for one in koha().patrons.values()], "cardnumber", "userid")


@records.get("/patrons/<int:patron_id>")
def get_patron(patron_id: int) -> Response:
    """One patron."""
    return answered(shown_patron(_patron(patron_id)))


def _patron(patron_id: int) -> Patron:
    found = koha().patrons.get(patron_id)
    if found is None:
        raise refused(404, "Patron not found.")
    return found


@records.post("/holds")
def add_hold() -> Response:
    """A hold on an item of a biblio."""
    state = koha()
    given = body("patron_id", "biblio_id", "item_id", "pickup_library_id", "expiration_date", "notes", "hold_date")
    patron = state.patrons.get(given.get("patron_id", 0))
    if patron is None:
        raise refused(400, "patron_id not found")
    bib = state.bibs.get(given.get("biblio_id", 0))
    if bib is None:
        raise went_wrong()
    item = state.items.get(given.get("item_id", 0))
    if item is None or item.bib != bib.id:
        raise refused(400, f"Item {given.get('item_id')} doesn't belong to biblio {bib.id}")
    if given.get("pickup_library_id") not in state.libraries:
        raise refused(400, "The supplied pickup location is not valid")
    if any(hold.patron == patron.id for hold in state.holds_on(item)):
        raise refused(403, "Hold cannot be placed. Reason: itemAlreadyOnHold")
    if circulation.barred(state, patron):
        raise refused(403, "Hold cannot be placed. Reason: noReservesAllowed")
    hold = Hold(
        state.new_id(),
        bib.id,
        item.id,
        patron.id,
        str(given["pickup_library_id"]),
        str(given.get("notes") or ""),
        "api",
        state.now().date(),
    )
    state.holds[hold.id] = hold
    return answered(shown_hold(hold, fresh=True), 201)


@records.get("/holds")
def list_holds() -> Response:
    """Holds by field."""
    return listed([shown_hold(one) for one in koha().holds.values()], "hold_id", "patron_id", "item_id", "biblio_id")


@records.delete("/holds/<int:hold_id>")
def delete_hold(hold_id: int) -> Response:
    """Cancel."""
    state = koha()
    found = state.holds.get(hold_id)
    if found is None:
        raise refused(404, "Hold not found.")
    state.end_hold(found, "cancelled")
    return Response(status=204)


@records.get("/checkouts")
def list_checkouts() -> Response:
    """Open loans; returned ones with `checked_in`."""
    back = request.args.get("checked_in") in {"1", "true"}
    loans = [one for one in koha().checkouts.values() if (one.returned is not None) == back]
    return listed([shown_checkout(one) for one in loans], "patron_id", "checkout_id")


def _checkout(loan_id: int) -> Checkout:
    found = koha().checkouts.get(loan_id)
    if found is None:
        raise refused(404, "Checkout doesn't exist")
    return found


@records.get("/checkouts/<int:loan_id>")
def get_checkout(loan_id: int) -> Response:
    """A loan, returned or not."""
    return answered(shown_checkout(_checkout(loan_id)))


@records.post("/checkouts/<int:loan_id>/renewals")
def renew(loan_id: int) -> Response:
    """Each repeat renews again."""
    state, loan = koha(), _checkout(loan_id)
    if loan.returned is not None:
        raise refused(404, "Checkout doesn't exist")
    if why := circulation.renew(state, loan):
        raise refused(403, f"Renewal not authorized ({why})")
    return answered(shown_checkout(loan), 201)


@records.get("/patrons/<int:patron_id>/account/debits")
def list_debits(patron_id: int) -> Response:
    """What was charged."""
    _patron(patron_id)
    return listed([shown_debit(one) for one in koha().debits.values() if one.patron == patron_id])


@records.post("/patrons/<int:patron_id>/account/debits")
def add_debit(patron_id: int) -> Response:
    """Charge; without a type it is a fault of the server's."""
    state, given = koha(), body("amount", "type", "description", "internal_note", "item_id", "library_id")
    patron = _patron(patron_id)
    amount = given.get("amount", 0)
    if "type" not in given:
        raise went_wrong()
    if given["type"] not in {"MANUAL", "LOST", "ILL"}:
        raise refused(400, "Account type was not recognised")
    if amount <= 0:
        raise refused(400, "Amount should be a positive decimal")
    debit = Debit(state.new_id(), patron.id, float(amount), given["type"], given.get("description", ""), "api")
    state.debits[debit.id] = debit
    return answered(shown_debit(debit), 201)


@records.get("/libraries")
def list_libraries() -> Response:
    """The libraries, with whether holds are picked up there."""
    rows = [{"library_id": code, "name": name, "pickup_location": True} for code, name in koha().libraries.items()]
    return listed(rows, "library_id")


@records.get("/item_types")
def list_item_types() -> Response:
    """The item types."""
    return listed([{"item_type_id": code, "description": code} for code in koha().item_types], "item_type_id")
