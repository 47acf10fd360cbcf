"""The desk: staff who act in Koha between the bridge's steps, moved by POST /_sandbox/desk/…"""

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.koha import circulation
from bridge.sandbox.koha.records import remove_item
from bridge.sandbox.koha.standing import note_desk_action, standing_of
from bridge.sandbox.koha.state import Item, Patron, State, koha
from bridge.sandbox.orders import AtItem, OfPatron, Relabel

desk = Blueprint("desk", __name__, url_prefix="/_sandbox/desk")


class Lend(AtItem):
    """Lend to a patron (any identifier)."""

    patron: str


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
    """Lends an item to a patron."""
    state, order = koha(), Lend.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.lend(state, _patron(state, order.patron), item, by="desk")
    return _shown(state, item)


@desk.post("/check_in")
def check_in() -> Response:
    """Scans an item in."""
    state, order = koha(), CheckIn.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.take_in(state, item, order.branch)
    return _shown(state, item)


@desk.post("/cancel_hold")
def cancel_hold() -> Response:
    """The patron cancels the first hold on the item."""
    state, order = koha(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    hold = next(state.holds_on(item), None)
    if hold is None:
        abort(409, "no hold")
    del state.holds[hold.id]
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
