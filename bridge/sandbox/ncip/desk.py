"""The desk: staff who act in the ILS between the bridge's steps, moved by POST /_sandbox/desk/…"""

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.ncip.model import Item, Patron
from bridge.sandbox.ncip.standing import note_desk_action, standing_of
from bridge.sandbox.ncip.state import State, ncip
from bridge.sandbox.orders import AtItem, OfPatron, Relabel

desk = Blueprint("desk", __name__, url_prefix="/_sandbox/desk")


class Lend(AtItem):
    """Lend to a patron (any identifier)."""

    patron: str


class PlaceHold(Lend):
    """A patron's own hold."""

    pickup: str = "MAIN"


def _item(state: State, barcode: str) -> Item:
    found = state.items_with_barcode(barcode)
    if not found:
        abort(404, f"no item with barcode {barcode}")
    return found[0]


def _patron(state: State, name: str) -> Patron:
    found = state.find_patron(name)
    if found is None:
        abort(404, f"no patron {name}")
    return found


def _shown(state: State, item: Item) -> Response:
    note_desk_action(state, item)
    return jsonify(barcode=item.barcode, gone=True) if item.deleted else jsonify(standing_of(state, item))


@desk.post("/lend")
def lend() -> Response:
    """Lends an item."""
    state, order = ncip(), Lend.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    if state.open_loan(item) is not None:
        abort(409, "on loan already")
    state.lend(item, patron, by="desk")
    return _shown(state, item)


@desk.post("/check_in")
def check_in() -> Response:
    """Scans an item in."""
    state, order = ncip(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    state.check_in(item)
    return _shown(state, item)


@desk.post("/renew")
def renew() -> Response:
    """Renews the open loan."""
    state, order = ncip(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    loan = state.open_loan(item)
    if loan is None:
        abort(409, "not on loan")
    loan.due = state.policy_due(loan.due)
    return _shown(state, item)


@desk.post("/place_hold")
def place_hold() -> Response:
    """A patron places a hold."""
    state, order = ncip(), PlaceHold.model_validate(request.get_json())
    item = _item(state, order.barcode)
    state.add_hold(item, _patron(state, order.patron), order.pickup, by="desk")
    return _shown(state, item)


def _close_hold(why: str) -> Response:
    state, order = ncip(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    holds = state.active_holds(item)
    if not holds:
        abort(409, "no active hold")
    holds[0].closed, item.shelved = why, False
    return _shown(state, item)


@desk.post("/expire_hold")
def expire_hold() -> Response:
    """The first hold on the item runs out."""
    return _close_hold("expired")


@desk.post("/cancel_hold")
def cancel_hold() -> Response:
    """The patron cancels the first hold on the item."""
    return _close_hold("cancelled by the patron")


@desk.post("/relabel")
def relabel() -> Response:
    """Puts another barcode on the item."""
    state, order = ncip(), Relabel.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.barcode = order.new_barcode
    return _shown(state, item)


@desk.post("/delete")
def delete() -> Response:
    """Deletes the item, ending loan and holds first."""
    state, order = ncip(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    state.check_in(item)
    state.delete(item, why="deleted by the desk")
    return _shown(state, item)


@desk.post("/lose")
def lose() -> Response:
    """Declares the item lost; the loan stays."""
    return _lost(lost=True)


@desk.post("/found")
def found() -> Response:
    """Takes it back."""
    return _lost(lost=False)


def _lost(*, lost: bool) -> Response:
    state, order = ncip(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.lost = lost
    return _shown(state, item)


@desk.post("/block_patron")
def block_patron() -> Response:
    """Blocks a patron."""
    state, order = ncip(), OfPatron.model_validate(request.get_json())
    _patron(state, order.patron).status = "BLOCKED"
    return jsonify(patron=order.patron, blocked=True)


@desk.post("/fix_patron")
def fix_patron() -> Response:
    """Makes a patron fit to borrow."""
    state, order = ncip(), OfPatron.model_validate(request.get_json())
    _patron(state, order.patron).status = "OK"
    return jsonify(patron=order.patron, blocked=False)
