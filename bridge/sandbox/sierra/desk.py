"""The desk: staff who act in Sierra between the bridge's steps, moved by POST /_sandbox/desk/…"""

from datetime import date

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.orders import AtItem, OfPatron, Relabel
from bridge.sandbox.sierra import circulation
from bridge.sandbox.sierra.fields import replaced
from bridge.sandbox.sierra.model import Hold, Item, Patron, VarField
from bridge.sandbox.sierra.seed import SeedPatron, add_patron
from bridge.sandbox.sierra.standing import note_desk_action, standing_of
from bridge.sandbox.sierra.state import State, sierra

desk = Blueprint("desk", __name__, url_prefix="/_sandbox/desk")


class Lend(AtItem):
    """Lend to a patron (any identifier)."""

    patron: str


class CheckIn(AtItem):
    """Scan in at a branch."""

    branch: str = "main"


class Move(AtItem):
    """Put the item at another location."""

    location: str


class PlaceHold(AtItem):
    """A patron's own hold."""

    patron: str
    pickup: str = "main"


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
    if item.deleted is not None:
        return jsonify(barcode=item.barcode, gone=True)
    return jsonify({key: value for key, value in standing_of(state, item).items() if key != "bib"} | {"id": item.id})


@desk.post("/lend")
def lend() -> Response:
    """Lends an item to a patron."""
    state, order = sierra(), Lend.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    circulation.lend(state, patron, item, by="desk")
    return _shown(state, item)


@desk.post("/check_in")
def check_in() -> Response:
    """Scans an item in."""
    state, order = sierra(), CheckIn.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.check_in(state, item, branch=order.branch)
    return _shown(state, item)


@desk.post("/renew")
def renew() -> Response:
    """Renews the open loan."""
    state, order = sierra(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    loan = state.open_loan(item.id)
    if loan is None:
        abort(409, "not on loan")
    circulation.renew(state, loan)
    return _shown(state, item)


def _first_hold(state: State, item: Item) -> Hold:
    found = next(state.active_holds(item), None)
    if found is None:
        abort(409, "no active hold")
    return found


@desk.post("/expire_hold")
def expire_hold() -> Response:
    """The first hold on the item runs out."""
    return _close_hold("expired")


@desk.post("/cancel_hold")
def cancel_hold() -> Response:
    """The patron cancels the first hold on the item."""
    return _close_hold("cancelled by the patron")


def _close_hold(why: str) -> Response:
    state, order = sierra(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.close_hold(state, _first_hold(state, item), why=why)
    if circulation.status_of(item) in {circulation.ON_SHELF, circulation.IN_TRANSIT}:
        item.fixed["88"] = circulation.AVAILABLE
    return _shown(state, item)


@desk.post("/place_hold")
def place_hold() -> Response:
    """A patron places a hold."""
    state, order = sierra(), PlaceHold.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    item.unseen = 0
    circulation.place_hold(state, patron, item, pickup=order.pickup, note="", by="desk")
    return _shown(state, item)


@desk.post("/relabel")
def relabel() -> Response:
    """Puts another barcode on the item."""
    state, order = sierra(), Relabel.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.var_fields = replaced(item.var_fields, [VarField("b", order.new_barcode)])
    return _shown(state, item)


@desk.post("/move")
def move() -> Response:
    """Puts the item at another location, for good."""
    state, order = sierra(), Move.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fixed["79"] = order.location
    if item.id in state.snapshot:
        state.snapshot[item.id]["location"] = order.location
    return _shown(state, item)


@desk.post("/delete")
def delete() -> Response:
    """Deletes the item and its bib, ending loan and holds first."""
    state, order = sierra(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.check_in(state, item, branch="")
    for hold in list(state.active_holds(item)):
        circulation.close_hold(state, hold, why="deleted by the desk")
    circulation.delete_item(state, item, force=True)
    for bib_id in item.bib_ids:
        if not state.items_of(bib_id):
            state.bibs[bib_id].deleted = state.clock().date()
    return _shown(state, item)


@desk.post("/lose")
def lose() -> Response:
    """Marks the item as missing, which the circulation desk may do."""
    state, order = sierra(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fixed["88"] = "m"
    return _shown(state, item)


@desk.post("/found")
def found() -> Response:
    """Takes it back."""
    state, order = sierra(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fixed["88"] = circulation.AVAILABLE
    return _shown(state, item)


@desk.post("/block_patron")
def block_patron() -> Response:
    """Blocks a patron by hand."""
    state, order = sierra(), OfPatron.model_validate(request.get_json())
    _patron(state, order.patron).mblock = "f"
    return jsonify(patron=order.patron, blocked=True)


@desk.post("/fix_patron")
def fix_patron() -> Response:
    """Makes a patron fit to borrow."""
    state, order = sierra(), OfPatron.model_validate(request.get_json())
    patron = _patron(state, order.patron)
    patron.mblock, patron.auto_block, patron.expires = "-", "-", date(2099, 12, 31)
    return jsonify(patron=order.patron, blocked=False)


@desk.post("/add_patron")
def new_patron() -> Response:
    """Registers a patron."""
    patron = add_patron(sierra(), SeedPatron.model_validate(request.get_json()), by="desk")
    return jsonify(patron=patron.called)
