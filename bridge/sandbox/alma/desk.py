"""The desk: staff who act in the ILS between the bridge's steps, moved by POST /_sandbox/desk/…"""

from datetime import date

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.alma import circulation, losses
from bridge.sandbox.alma.circulation import Counter, Wish
from bridge.sandbox.alma.fees import reduce_fee
from bridge.sandbox.alma.holdings import at_place
from bridge.sandbox.alma.model import Block, Item, Loan, Temp, User
from bridge.sandbox.alma.model import Request as Hold
from bridge.sandbox.alma.seed import SeedBlock, SeedItem, SeedPatron, add_patron, plant_item
from bridge.sandbox.alma.standing import note_desk_action, standing_of
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.orders import AtItem, OfPatron, Order, Relabel

desk = Blueprint("desk", __name__, url_prefix="/_sandbox/desk")


class Lend(AtItem):
    """Lend to a patron (any identifier) at a desk; by default one that serves the item, at its pickup library first."""

    patron: str
    library: str = ""
    desk: str = ""


class CheckIn(AtItem):
    """Scan in; by default at the item's own library."""

    library: str = ""
    desk: str = ""


class Lose(AtItem):
    """Declare the open loan lost, with a replacement fee."""

    fee: float = 80.0


class Move(AtItem):
    """Put in another place: for a while, or for good."""

    library: str
    location: str
    temporary: bool = False


class PlaceHold(AtItem):
    """A patron's own hold."""

    patron: str
    pickup: str = "MAIN"


class BlockPatron(OfPatron):
    """Block a patron."""

    block: SeedBlock = SeedBlock()


class PayFee(Order):
    """A fee is paid in full at the desk."""

    fee: str


def _item(state: State, barcode: str) -> Item:
    found = state.items_with_barcode(barcode)
    if not found:
        abort(404, f"no item with barcode {barcode}")
    return found[0]


def _user(state: State, patron: str) -> User:
    found = state.find_user(patron)
    if found is None:
        abort(404, f"no patron {patron}")
    return found


def _counter(state: State, item: Item, library: str, code: str) -> Counter:
    """The desk named, or one that serves the item: where it lies on the shelf first, then its own library."""
    if code:
        return Counter(library, code)
    wish = state.requests.get(item.request_id or "")
    order = [library, wish.pickup_library if wish else "", state.place_of(item)[0], *state.libraries]
    for name in order:
        for one in state.libraries[name].desks if name in state.libraries else ():
            if state.desk_serves(name, one, state.place_of(item)) or name == library:
                return Counter(name, one)
    return abort(409, "no desk serves this item")


def _shown(state: State, item: Item) -> Response:
    note_desk_action(state, item)
    if item.pid not in state.items:
        return jsonify(barcode=item.barcode, gone=True)
    return jsonify({key: value for key, value in standing_of(state, item).items() if key != "bib"} | {"pid": item.pid})


@desk.post("/lend")
def lend() -> Response:
    """Lends an item to a patron."""
    state, order = alma(), Lend.model_validate(request.get_json())
    item, user = _item(state, order.barcode), _user(state, order.patron)
    circulation.lend(state, user, item, _counter(state, item, order.library, order.desk), by="desk")
    return _shown(state, item)


@desk.post("/check_in")
def check_in() -> Response:
    """Scans an item in."""
    state, order = alma(), CheckIn.model_validate(request.get_json())
    item = _item(state, order.barcode)
    library = order.library or state.place_of(item)[0]
    circulation.scan(state, item, _counter(state, item, library, order.desk), in_house=False)
    return _shown(state, item)


@desk.post("/renew")
def renew() -> Response:
    """Renews the open loan."""
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    loan = state.open_loan(item.pid)
    if loan is None:
        abort(409, "not on loan")
    circulation.renew(state, loan)
    return _shown(state, item)


def _first_hold(state: State, item: Item) -> Hold:
    found = next(state.active_requests(item), None)
    if found is None:
        abort(409, "no active request")
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
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.close_request(state, _first_hold(state, item), why=why)
    return _shown(state, item)


@desk.post("/place_hold")
def place_hold() -> Response:
    """A patron places a hold."""
    state, order = alma(), PlaceHold.model_validate(request.get_json())
    item, user = _item(state, order.barcode), _user(state, order.patron)
    item.transient_left = 0
    wish = Wish(item.mms_id, item, "LIBRARY", order.pickup, "", "", "", same_title=True)
    circulation.place_request(state, user, wish, by="desk")
    return _shown(state, item)


@desk.post("/relabel")
def relabel() -> Response:
    """Puts another barcode on the item."""
    state, order = alma(), Relabel.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.barcode = order.new_barcode
    return _shown(state, item)


@desk.post("/move")
def move() -> Response:
    """Puts the item in another place; for good it hangs on another holding from then on, and an emptied one goes."""
    state, order = alma(), Move.model_validate(request.get_json())
    item = _item(state, order.barcode)
    if state.location(order.library, order.location) is None:
        abort(404, f"no location {order.library}/{order.location}")
    if order.temporary:
        item.temp = Temp(order.library, order.location)
        return _shown(state, item)
    before = state.holdings[item.holding_id]
    item.holding_id = at_place(state, item.mms_id, order.library, order.location, like=before).holding_id
    if not state.items_of(before.holding_id):
        state.holdings.pop(before.holding_id)
    return _shown(state, item)


@desk.post("/end_move")
def end_move() -> Response:
    """Brings the item back from its temporary place."""
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.temp = None
    return _shown(state, item)


@desk.post("/erase_mark")
def erase_mark() -> Response:
    """Empties the item's internal notes, as somebody does who tidies up."""
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.fields |= {name: "" for name in item.fields if name.startswith("internal_note")}
    return _shown(state, item)


@desk.post("/catalogue")
def catalogue() -> Response:
    """Makes a title with an item by hand; with ``network_number``, ``note`` and ``mark`` it is put back as a bridge once made it."""
    state, order = alma(), SeedItem.model_validate(request.get_json())
    return _shown(state, plant_item(state, order, by="desk"))


@desk.post("/delete")
def delete() -> Response:
    """Deletes the item with its holding and bib, ending loan and requests first."""
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    if loan := state.open_loan(item.pid):
        loan.returned = state.clock()
    for hold in list(state.active_requests(item)):
        circulation.close_request(state, hold, why="deleted by the desk")
    circulation.delete_item(state, item, override=True, holdings="delete", bib="delete")
    return _shown(state, item)


@desk.post("/lose")
def lose() -> Response:
    """Declares the open loan lost and charges for it; Alma's API has no such call."""
    state, order = alma(), Lose.model_validate(request.get_json())
    item = _item(state, order.barcode)
    losses.lose(state, item, _open_loan(state, item, "only items on loan can become lost"), order.fee)
    return _shown(state, item)


@desk.post("/found")
def found() -> Response:
    """Takes back that the open loan is lost or claimed returned."""
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    losses.find(state, item, _open_loan(state, item, "the loan is over"))
    return _shown(state, item)


@desk.post("/claim_returned")
def claim_returned() -> Response:
    """The patron claims that the item was brought back."""
    state, order = alma(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    losses.claim(item, _open_loan(state, item, "only items on loan can be claimed returned"))
    return _shown(state, item)


def _open_loan(state: State, item: Item, otherwise: str) -> Loan:
    loan = state.open_loan(item.pid)
    if loan is None:
        abort(409, otherwise)
    return loan


@desk.post("/block_patron")
def block_patron() -> Response:
    """Blocks a patron."""
    state, order = alma(), BlockPatron.model_validate(request.get_json())
    block = order.block
    _user(state, order.patron).blocks.append(Block(block.type, block.code, block.description, "ACTIVE", block.expiry))
    return jsonify(patron=order.patron, blocked=True)


@desk.post("/fix_patron")
def fix_patron() -> Response:
    """Makes a patron fit to borrow: no blocks, active, with role and expiry."""
    state, order = alma(), OfPatron.model_validate(request.get_json())
    user = _user(state, order.patron)
    user.blocks, user.status, user.patron_role, user.role_expiry = [], "ACTIVE", True, None
    user.expiry = date(2099, 12, 31)
    return jsonify(patron=order.patron, blocked=False)


@desk.post("/add_patron")
def new_patron() -> Response:
    """Registers a patron."""
    user = add_patron(alma(), SeedPatron.model_validate(request.get_json()), by="desk")
    return jsonify(patron=user.primary_id)


@desk.post("/pay_fee")
def pay_fee() -> Response:
    """A fee is paid in full."""
    state, order = alma(), PayFee.model_validate(request.get_json())
    fee = state.fees.get(order.fee)
    if fee is None:
        abort(404, f"no fee {order.fee}")
    reduce_fee(state, fee, kind="PAYMENT", amount=fee.balance, method="CASH")
    item = losses.paid(state, fee)
    if item is not None:
        note_desk_action(state, item)
    return jsonify(fee=fee.id, status=fee.status)
