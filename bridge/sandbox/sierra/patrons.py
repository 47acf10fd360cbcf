"""Patrons: found by an identifier, read, made; their holds, loans and fines."""

from datetime import timedelta

from flask import Blueprint, Response, jsonify, request

from bridge.sandbox.sierra import circulation
from bridge.sandbox.sierra.errors import SierraError, invalid, not_found
from bridge.sandbox.sierra.items import shown_checkout
from bridge.sandbox.sierra.model import Fine, Hold, Patron
from bridge.sandbox.sierra.query import asked
from bridge.sandbox.sierra.state import State, sierra
from bridge.sandbox.sierra.wire import Json, body, chosen, done, link, listed, text_in, when, whole_in

patrons = Blueprint("patrons", __name__)
DEFAULT = ("id", "updatedDate", "createdDate", "deleted", "expirationDate", "names", "barcodes", "patronType")
HOLD_DEFAULT = (
    "id",
    "record",
    "patron",
    "frozen",
    "placed",
    "notNeededAfterDate",
    "pickupLocation",
    "status",
    "recordType",
    "priority",
)
LOAN_DEFAULT = ("id", "patron", "item", "dueDate", "outDate")


def shown_patron(state: State, patron: Patron) -> Json:
    """All of a patron."""
    if patron.deleted:
        return {"id": patron.id, "deleted": True}
    owed = sum(fine.cents - fine.paid for fine in state.fines.values() if fine.patron == patron.id)
    whole: Json = {
        "id": patron.id,
        "deleted": False,
        "suppressed": False,
        "names": [patron.name],
        "barcodes": patron.barcodes,
        "uniqueIds": patron.unique_ids,
        "emails": [patron.email] if patron.email else [],
        "patronType": patron.ptype,
        "homeLibraryCode": patron.home.ljust(5),
        "blockInfo": {"code": patron.mblock},
        "autoBlockInfo": {"code": patron.auto_block},
        "message": {"code": "-", "accountMessages": []},
        "moneyOwed": owed / 100,
    }
    return whole | ({"expirationDate": patron.expires.isoformat()} if patron.expires else {})


def _patron(state: State, patron_id: int) -> Patron:
    found = state.patrons.get(patron_id)
    if found is None:
        raise not_found()
    return found


@patrons.get("/patrons/find")
def find() -> Json:
    """The one patron whose field holds this content. Raises 107, and 133 where there are several."""
    state = sierra()
    tag, content = request.args.get("varFieldTag", ""), request.args.get("varFieldContent", "")
    if not tag or not content:
        raise SierraError(105, 400, "Missing parameter", "varFieldTag and varFieldContent are needed")
    found = state.patron_by(tag, content)
    if not found:
        raise not_found()
    if len(found) > 1:
        text = f"Duplicate patrons found for the specified varFieldTag[{tag}]."
        raise SierraError(133, 409, "Duplicate patrons found", text)
    return chosen(shown_patron(state, found[0]), DEFAULT)


@patrons.get("/patrons/<int:patron_id>")
def read(patron_id: int) -> Json:
    """One patron."""
    state = sierra()
    return chosen(shown_patron(state, _patron(state, patron_id)), DEFAULT)


@patrons.post("/patrons/query")
def query() -> Json:
    """Patrons by a field; links only."""
    tag, _, operands = asked("patron")
    found = sierra().patron_by(tag, operands[0] if operands else "")
    return {"total": len(found), "start": 0, "entries": [{"link": link(f"patrons/{one.id}")} for one in found]}


def shown_hold(state: State, hold: Hold) -> Json:
    """All of a hold."""
    names = {"0": "on hold.", "i": "item hold ready for pickup.", "t": "in transit to pickup location."}
    kind = {"i": "items", "b": "bibs"}[hold.record_type]
    return {
        "id": link(f"patrons/holds/{hold.id}"),
        "record": link(f"{kind}/{hold.record}"),
        "patron": link(f"patrons/{hold.patron}"),
        "frozen": False,
        "placed": f"{hold.placed:%Y-%m-%d}",
        "notNeededAfterDate": f"{hold.placed + timedelta(days=365):%Y-%m-%d}",
        "pickupLocation": {"code": hold.pickup.ljust(5), "name": state.pickups.get(hold.pickup, "")},
        "status": {"code": hold.status, "name": names[hold.status]},
        "recordType": hold.record_type,
        "priority": 1,
        "note": hold.note,
    }


@patrons.post("/patrons/<int:patron_id>/holds/requests")
def place_hold(patron_id: int) -> Response:
    """Places a hold; answers 204 and does not say its id."""
    state = sierra()
    given = body(("recordType", "recordNumber", "pickupLocation", "neededBy", "numberOfCopies", "note", "statgroup"))
    patron = _patron(state, patron_id)
    pickup = text_in(given, "pickupLocation").strip()
    if not pickup:
        raise SierraError(105, 400, "Missing parameter", "pickupLocation is needed")
    if text_in(given, "recordType") == "b":
        raise _volume_wanted(state, whole_in(given, "recordNumber"))
    if text_in(given, "recordType") != "i":
        raise invalid("recordType")
    item = state.items.get(whole_in(given, "recordNumber"))
    circulation.place_hold(state, patron, item, pickup=pickup, note=text_in(given, "note"), by="api")
    return done()


def _volume_wanted(state: State, bib_id: int) -> SierraError:
    """156, whose HTTP status nobody has told: the items of a bib, one of which must be chosen. (Title-level holds are not played here.)"""
    if not state.items_of(bib_id):
        return not_found()
    volumes = [
        {
            "id": str(item.id),
            "location": {"name": state.locations.get(item.fixed["79"], "")},
            "callNumber": item.first("c"),
            "status": {"display": state.statuses.get(circulation.status_of(item), "")},
        }
        for item in state.items_of(bib_id)
    ]
    return SierraError(156, 400, "Volume must be selected", details={"itemsAsVolumes": volumes})


@patrons.get("/patrons/<int:patron_id>/holds")
def holds(patron_id: int) -> Response:
    """A patron's holds; of a patron that does not exist an empty list."""
    state = sierra()
    found = [hold for hold in state.holds.values() if hold.active and hold.patron == patron_id]
    return listed([chosen(shown_hold(state, hold), HOLD_DEFAULT) for hold in found])


@patrons.delete("/patrons/<int:patron_id>/holds")
def cancel_all(patron_id: int) -> Response:
    """Cancels ALL holds of a patron: no client of ours may ever call it."""
    state = sierra()
    for hold in state.holds.values():
        if hold.active and hold.patron == patron_id:
            circulation.close_hold(state, hold, why="all cancelled")
    return done()


def _hold(state: State, hold_id: int) -> Hold:
    found = state.holds.get(hold_id)
    if found is None or not found.active:
        raise not_found()
    return found


@patrons.get("/patrons/holds/<int:hold_id>")
def hold(hold_id: int) -> Json:
    """One hold; gone once filled, cancelled or expired."""
    state = sierra()
    return chosen(shown_hold(state, _hold(state, hold_id)), HOLD_DEFAULT)


@patrons.delete("/patrons/holds/<int:hold_id>")
def cancel(hold_id: int) -> Response:
    """Cancels this hold."""
    state = sierra()
    found = _hold(state, hold_id)
    circulation.close_hold(state, found, why="cancelled")
    if found.status != "0" and (item := state.items.get(found.record)):
        item.fixed["88"] = circulation.AVAILABLE
    return done()


@patrons.post("/patrons/checkout")
def check_out() -> Response:
    """Checks an item out, by barcodes."""
    state = sierra()
    given = body(("itemBarcode", "patronBarcode", "patronPin", "statgroup"))
    found = state.items_with_barcode(text_in(given, "itemBarcode"))
    who = state.patron_by("b", text_in(given, "patronBarcode"))
    if not found or not who:
        raise not_found()
    if who[0].pin and who[0].pin != text_in(given, "patronPin"):
        raise SierraError(108, 400, "Invalid parameter", "Invalid parameter : Invalid barcode or PIN")
    loan = circulation.lend(state, who[0], found[0], by="api")
    if state.behaviour.checkout_tells:
        return jsonify(shown_checkout(state, loan.id))
    return jsonify(link=link(f"patrons/checkouts/{loan.id}"))


@patrons.get("/patrons/<int:patron_id>/checkouts")
def checkouts(patron_id: int) -> Response:
    """A patron's loans."""
    state = sierra()
    loans = [loan for loan in state.checkouts.values() if loan.open and loan.patron == patron_id]
    return listed([chosen(shown_checkout(state, loan.id), LOAN_DEFAULT) for loan in loans])


@patrons.get("/patrons/checkouts/<int:loan_id>")
def checkout(loan_id: int) -> Json:
    """One loan; gone once it came back."""
    state = sierra()
    loan = state.checkouts.get(loan_id)
    if loan is None or not loan.open:
        raise not_found()
    return chosen(shown_checkout(state, loan_id), LOAN_DEFAULT)


@patrons.post("/patrons/checkouts/<int:loan_id>/renewal")
def renewal(loan_id: int) -> Json:
    """Renews a loan by its loan rule."""
    state = sierra()
    loan = state.checkouts.get(loan_id)
    if loan is None or not loan.open:
        raise not_found()
    circulation.renew(state, loan)
    return chosen(shown_checkout(state, loan_id), (*LOAN_DEFAULT, "numberOfRenewals"))


@patrons.get("/patrons/<int:patron_id>/fines")
def fines(patron_id: int) -> Response:
    """A patron's fines."""
    found = [fine for fine in sierra().fines.values() if fine.patron == patron_id]
    return listed([_shown_fine(fine) for fine in found])


def _shown_fine(fine: Fine) -> Json:
    return {
        "id": link(f"patrons/fines/{fine.id}"),
        "patron": link(f"patrons/{fine.patron}"),
        "itemCharge": fine.cents / 100,
        "processingFee": 0.0,
        "billingFee": 0.0,
        "paidAmount": fine.paid / 100,
        "description": fine.reason,
        "assessedDate": when(fine.made),
        "location": {"code": fine.location.ljust(5)},
    }


@patrons.post("/patrons/<int:patron_id>/fines/charge")
def charge(patron_id: int) -> Response:
    """Charges a patron by hand; the amount is in cents."""
    state = sierra()
    _patron(state, patron_id)
    given = body(("amount", "reason", "location"))
    number = state.new_id("fine")
    state.fines[number] = Fine(
        number,
        patron_id,
        whole_in(given, "amount"),
        text_in(given, "reason"),
        text_in(given, "location"),
        state.clock(),
        "api",
    )
    return done()


@patrons.get("/branches/pickupLocations")
def pickup_locations() -> Response:
    """The places where holds are picked up: a plain list, codes padded."""
    return jsonify([{"code": code.ljust(5), "name": name} for code, name in sierra().pickups.items()])
