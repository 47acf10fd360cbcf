"""The desk: staff who act in Koha between the bridge's steps, moved by POST /_sandbox/desk/…"""

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.koha import circulation
from bridge.sandbox.koha.records import remove_item
from bridge.sandbox.koha.seed import SeedPatron, add_patron
from bridge.sandbox.koha.standing import note_desk_action, standing_of
from bridge.sandbox.koha.state import Hold, Item, Patron, State, koha
from bridge.sandbox.orders import AtItem, OfPatron, Relabel

desk = Blueprint("desk", __name__, url_prefix="/_sandbox/desk")


class Lend(AtItem):
    """Lend to a patron (any identifier)."""

    patron: str


class PlaceHold(AtItem):
    """Place a hold for a patron (any identifier)."""

    patron: str
    pickup: str = "CPL"


class CheckIn(AtItem):
    """Scan in at a branch."""

    branch: str = "CPL"


class Move(AtItem):
    """Put the item at another shelving location."""

    location: str


def _item(state: State, barcode: str) -> Item:
    found = state.barcoded(barcode)
    if found is None:
        abort(404, f"no item with barcode {barcode}")
    return found


def _patron(state: State, name: str) -> Patron:
    found = state.named(name)
    if found is None:
        abort(404, f"no patron {name}")
    return found


def _shown(state: State, item: Item) -> Response:
    note_desk_action(state, item)
    if item.id not in state.items:
        return jsonify(barcode=item.barcode, gone=True)
    return jsonify({"id": item.id} | standing_of(state, item))


@desk.post("/lend")
def lend() -> Response:
    """Lends an item to a patron, unless somebody has it or the patron may not borrow."""
    state, order = koha(), Lend.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    if state.open_loan(item.id) is not None or circulation.barred(state, patron):
        abort(409, "on loan, or the patron may not borrow")
    circulation.lend(state, patron, item, by="desk")
    return _shown(state, item)


@desk.post("/renew")
def renew() -> Response:
    """Renews the open loan by the rule."""
    state, order = koha(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    loan = state.open_loan(item.id)
    why = circulation.renew(state, loan) if loan is not None else "not on loan"
    if why:
        abort(409, why)
    return _shown(state, item)


@desk.post("/check_in")
def check_in() -> Response:
    """Scans an item in."""
    state, order = koha(), CheckIn.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.take_in(state, item, order.branch)
    return _shown(state, item)


@desk.post("/place_hold")
def place_hold() -> Response:
    """Places an item-level hold for a patron."""
    state, order = koha(), PlaceHold.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    if any(hold.patron == patron.id for hold in state.holds_on(item)):
        abort(409, "itemAlreadyOnHold")
    today = state.now().date()
    hold = Hold(state.new_id(), item.bib, item.id, patron.id, order.pickup, "", "desk", today)
    state.holds[hold.id] = hold
    return _shown(state, item)


@desk.post("/cancel_hold")
def cancel_hold() -> Response:
    """The patron cancels the first hold on the item."""
    return _end_hold("cancelled by the patron")


@desk.post("/expire_hold")
def expire_hold() -> Response:
    """The first hold on the item runs out."""
    return _end_hold("expired")


def _end_hold(why: str) -> Response:
    state, order = koha(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    hold = next(state.holds_on(item), None)
    if hold is None:
        abort(409, "no hold")
    state.end_hold(hold, why)
    return _shown(state, item)


@desk.post("/relabel")
def relabel() -> Response:
    """Puts another barcode on the item."""
    state, order = koha(), Relabel.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fields["external_id"] = order.new_barcode
    return _shown(state, item)


@desk.post("/move")
def move() -> Response:
    """Puts the item at another location, for good."""
    state, order = koha(), Move.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fields["location"] = item.fields["permanent_location"] = order.location
    if item.id in state.snapshot:
        state.snapshot[item.id]["location"] = order.location
    return _shown(state, item)


@desk.post("/delete")
def delete() -> Response:
    """Deletes the item and its biblio, ending the loan first."""
    state, order = koha(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.take_in(state, item, "")
    remove_item(state, item)
    if not state.items_of(item.bib):
        del state.bibs[item.bib]
    return _shown(state, item)


@desk.post("/lose")
def lose() -> Response:
    """Declares an item lost; the loan stays."""
    return _lost(2)


@desk.post("/found")
def found() -> Response:
    """Takes it back."""
    return _lost(0)


def _lost(status: int) -> Response:
    state, order = koha(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fields["lost_status"] = status
    return _shown(state, item)


@desk.post("/add_patron")
def new_patron() -> Response:
    """Registers a patron."""
    patron = add_patron(koha(), SeedPatron.model_validate(request.get_json()))
    return jsonify(patron=patron.cardnumber)


@desk.post("/block_patron")
def block_patron() -> Response:
    """Restricts a patron."""
    order = OfPatron.model_validate(request.get_json())
    _patron(koha(), order.patron).debarred = True
    return jsonify(patron=order.patron, blocked=True)


@desk.post("/fix_patron")
def fix_patron() -> Response:
    """Makes a patron fit to borrow."""
    order = OfPatron.model_validate(request.get_json())
    patron = _patron(koha(), order.patron)
    patron.debarred, patron.lost, patron.expires = False, False, None
    return jsonify(patron=order.patron, blocked=False)
