"""Items: made, read, changed, deleted, found by barcode, and who has them."""

from datetime import datetime

from flask import Blueprint, Response, request

from bridge.sandbox.sierra import circulation
from bridge.sandbox.sierra.errors import bad_body, invalid, not_found, xcirc
from bridge.sandbox.sierra.fields import replaced, shown_fixed, shown_var, taken_fixed, taken_var
from bridge.sandbox.sierra.model import Item, VarField
from bridge.sandbox.sierra.query import matching, seen
from bridge.sandbox.sierra.state import State, sierra
from bridge.sandbox.sierra.wire import Json, body, chosen, done, link, listed, made, text_in, texts_in, when, whole_in

items = Blueprint("items", __name__)
DEFAULT = (
    "id",
    "updatedDate",
    "createdDate",
    "deleted",
    "deletedDate",
    "bibIds",
    "location",
    "status",
    "barcode",
    "callNumber",
)
TAKEN = (
    "barcodes",
    "bibIds",
    "callNumbers",
    "fixedFields",
    "internalNotes",
    "itemMessage",
    "itemType",
    "location",
    "messages",
    "owningLocations",
    "status",
    "varFields",
)
GROUPS = {"barcodes": "b", "callNumbers": "c", "internalNotes": "x", "messages": "m"}


def shown_item(state: State, item: Item) -> Json:
    """All of an item; of a deleted one only that it is, and no status."""
    if item.deleted is not None:
        return {"id": str(item.id), "deletedDate": item.deleted.isoformat(), "deleted": True, "bibIds": []}
    code = circulation.status_of(item)
    status: Json = {"code": code.ljust(1), "display": state.statuses.get(code, code)}
    if loan := state.open_loan(item.id):
        status["duedate"] = when(loan.due)
    place = item.fixed["79"]
    whole: Json = {
        "id": str(item.id),
        "createdDate": when(item.created),
        "updatedDate": when(item.updated),
        "deleted": False,
        "suppressed": False,
        "bibIds": [str(one) for one in item.bib_ids],
        "location": {"code": place.ljust(5), "name": state.locations.get(place, "")},
        "status": status,
        "barcode": item.barcode,
        "callNumber": item.first("c"),
        "itemType": item.fixed.get("61", "0"),
        "holdCount": sum(1 for _ in state.active_holds(item)),
        "volumes": [],
        "fixedFields": shown_fixed(item.fixed),
        "varFields": shown_var(item.var_fields),
    }
    waiting = next(state.active_holds(item), None)
    if code == circulation.IN_TRANSIT:
        to = waiting.pickup if waiting else place
        name = state.pickups.get(to, state.locations.get(to, ""))
        whole["transitInfo"] = {"to": {"code": to.ljust(5), "name": name}, "forHold": waiting is not None}
    return whole


def seen_item(state: State, item_id: int) -> Item:
    """An item that a read finds; a new one is not seen at once. Raises 107."""
    found = state.items.get(item_id)
    if found is None:
        raise not_found()
    if found.unseen:
        found.unseen -= 1
        raise not_found(transient=True)
    return found


@items.post("/items")
def create() -> Response:
    """An item on a bib."""
    state, given = sierra(), body(TAKEN)
    bib_ids = given.get("bibIds")
    if not isinstance(bib_ids, list) or not bib_ids or not all(isinstance(one, int) for one in bib_ids):
        raise bad_body("field 'bibIds' must be a list of whole numbers")
    for bib_id in bib_ids:
        bib = state.bibs.get(bib_id)
        if bib is None or bib.deleted is not None:
            raise not_found()
    now = state.clock()
    fixed = {"61": "0", "79": "none", "88": circulation.AVAILABLE}
    item = Item(state.new_id("item"), "api", now, now, fixed=fixed, bib_ids=tuple(bib_ids))
    _fill(state, item, given)
    item.unseen = state.behaviour.transient_requests
    state.items[item.id] = item
    return made(f"items/{item.id}")


def _fill(state: State, item: Item, given: Json) -> None:
    fresh = taken_fixed(given.get("fixedFields", {}))
    if "itemType" in given:
        fresh["61"] = str(whole_in(given, "itemType"))
    if place := text_in(given, "location").strip():
        if place not in state.locations:
            raise invalid(f"location '{place}'")
        fresh["79"] = place
    if status := text_in(given, "status"):
        fresh["88"] = status
    fields = item.var_fields
    for name, tag in GROUPS.items():
        texts = texts_in(given, name)
        if texts:
            fields = replaced(fields, [VarField(tag, text) for text in texts])
    item.var_fields = replaced(fields, taken_var(given.get("varFields", [])))
    item.owning = tuple(texts_in(given, "owningLocations")) or item.owning
    item.fixed |= fresh
    _obey_due_field(state, item, fresh.get("65", ""))


def _obey_due_field(state: State, item: Item, written: str) -> None:
    """Sierra may or may not take the due date from the item's field (sierra.md section 15); a switch says which it is here."""
    loan = state.open_loan(item.id)
    if written and loan is not None and state.behaviour.obeys_due_field:
        loan.due = datetime.fromisoformat(written)


@items.get("/items/<int:item_id>")
def read(item_id: int) -> Json:
    """One item."""
    state = sierra()
    return chosen(shown_item(state, seen_item(state, item_id)), DEFAULT)


@items.put("/items/<int:item_id>")
def change(item_id: int) -> Response:
    """Changes what is named; a group of variable fields is replaced as a whole."""
    state = sierra()
    item = state.items.get(item_id)
    if item is None or item.deleted is not None:
        raise not_found()
    _fill(state, item, body(TAKEN))
    item.updated = state.clock()
    return done()


@items.delete("/items/<int:item_id>")
def delete(item_id: int) -> Response:
    """Marks an item as deleted."""
    state = sierra()
    item = state.items.get(item_id)
    if item is None or item.deleted is not None:
        raise not_found()
    circulation.delete_item(state, item)
    return done()


@items.get("/items")
def many() -> Response:
    """Items by id, bib or location (no barcode: sierra.md section 4)."""
    state = sierra()
    found = list(state.items.values())
    if wanted := request.args.get("id", ""):
        found = [item for item in found if str(item.id) in wanted.split(",")]
    if wanted := request.args.get("bibIds", ""):
        found = [item for item in found if {str(one) for one in item.bib_ids} & set(wanted.split(","))]
    if wanted := request.args.get("locations", ""):
        found = [item for item in found if item.fixed["79"] in wanted.split(",")]
    if request.args.get("deleted", "") == "false":
        found = [item for item in found if item.deleted is None]
    found = [item for item in found if seen(item)]
    return listed([chosen(shown_item(state, item), DEFAULT) for item in found])


@items.post("/items/query")
def query() -> Json:
    """Items by the content of a variable field; links only."""
    found = matching("item", sierra().live_items())
    return {"total": len(found), "start": 0, "entries": [{"link": link(f"items/{item.id}")} for item in found]}


def shown_checkout(state: State, loan_id: int) -> Json:
    """All of a loan."""
    loan = state.checkouts[loan_id]
    item = state.items[loan.item]
    return {
        "id": link(f"patrons/checkouts/{loan.id}"),
        "patron": link(f"patrons/{loan.patron}"),
        "item": link(f"items/{loan.item}"),
        "barcode": item.barcode,
        "callNumber": item.first("c"),
        "dueDate": when(loan.due),
        "numberOfRenewals": loan.renewals,
        "outDate": when(loan.out),
    }


@items.get("/items/<int:item_id>/checkouts")
def checkouts(item_id: int) -> Response:
    """The open loan of an item, as a list."""
    state = sierra()
    item = seen_item(state, item_id)
    loan = state.open_loan(item.id)
    return listed([shown_checkout(state, loan.id)] if loan else [])


@items.delete("/items/checkouts/<barcode>")
def check_in(barcode: str) -> Response:
    """Checks an item in by barcode; the first that bears it."""
    state = sierra()
    found = state.items_with_barcode(barcode)
    if not found:
        raise not_found()
    if state.open_loan(found[0].id) is None:
        raise xcirc("Item is not checked out", specific=0)
    circulation.check_in(state, found[0], branch="main")
    if state.behaviour.sends_on and circulation.status_of(found[0]) == circulation.AVAILABLE:
        found[0].fixed["88"] = circulation.IN_TRANSIT
    return done()
