"""The desk: staff of the libraries who act in Symphony between the bridge's steps, moved by POST /_sandbox/desk/…"""

from datetime import date, datetime
from decimal import Decimal

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.orders import AtItem, OfPatron, Order, Relabel
from bridge.sandbox.symphony import circulation, marc
from bridge.sandbox.symphony.circulation import STAFF, Wish
from bridge.sandbox.symphony.deleting import delete_bib, delete_call, delete_item
from bridge.sandbox.symphony.model import Charge, Custom, Hold, Item, Patron
from bridge.sandbox.symphony.seed import SeedItem, SeedPatron, add_patron, plant_item
from bridge.sandbox.symphony.standing import note_desk_action, standing_of
from bridge.sandbox.symphony.state import State, symphony

desk = Blueprint("desk", __name__, url_prefix="/_sandbox/desk")


class At(AtItem):
    """An order about one item, at a library's desk; by default where the item is."""

    library: str = ""


class Lend(At):
    """Charge to a patron (any identifier)."""

    patron: str
    due: datetime | None = None


class Move(AtItem):
    """Another home location, and perhaps another owning library."""

    location: str
    library: str = ""


class PlaceHold(At):
    """A patron's own hold."""

    patron: str
    pickup: str = "MAIN"


class Note(AtItem):
    """Write a note into the item's custom information."""

    code: str = "STAFF"
    data: str


class BlockPatron(OfPatron):
    """Another standing."""

    standing: str = "BLOCKED"


class PayBill(Order):
    """A bill is paid in full."""

    fee: str


def _item(state: State, barcode: str) -> Item:
    found = state.items_with_barcode(barcode)
    if not found:
        abort(404, f"no item with barcode {barcode}")
    found[0].busy = 0
    return found[0]


def _patron(state: State, name: str) -> Patron:
    found = state.find_patron(name)
    if found is None:
        abort(404, f"no patron {name}")
    return found


def _here(state: State, item: Item, library: str) -> str:
    """The library whose desk acts: the one named, else where the item was sent, is kept, or is on loan from, else its own."""
    transit = state.transits.get(item.key)
    held = next((hold.pickup for hold in state.active_holds(item) if hold.status == "BEING_HELD"), "")
    loan = state.open_loan(item.key)
    lent = (state.patrons[loan.patron].stands_for or loan.library) if loan else ""
    return library or (transit.destination if transit else "") or held or lent or item.library


def _shown(state: State, item: Item) -> Response:
    note_desk_action(state, item)
    if item.key not in state.items:
        return jsonify(barcode=item.barcode, gone=True)
    return jsonify({key: value for key, value in standing_of(state, item).items() if key != "bib"} | {"id": item.key})


@desk.post("/lend")
def lend() -> Response:
    """Charges an item to a patron; staff answer what they are asked, but not for a patron who may not borrow."""
    state, order = symphony(), Lend.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    if problem := circulation.check_patron(state, patron):
        raise problem
    where = _here(state, item, order.library)
    circulation.lend(state, patron, item, library=where, due=order.due, answers=STAFF, by="desk")
    return _shown(state, item)


@desk.post("/check_in")
def check_in() -> Response:
    """Scans an item in until it is charged to nobody, as staff do who look at the screen."""
    state, order = symphony(), At.model_validate(request.get_json())
    item = _item(state, order.barcode)
    where = _here(state, item, order.library)
    for _ in range(max(len(state.charges_of(item.key)), 1)):
        circulation.check_in(state, item, library=where)
    return _shown(state, item)


@desk.post("/scan_once")
def scan_once() -> Response:
    """Scans an item in once and never looks: what is charged twice stays charged to the first."""
    state, order = symphony(), At.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.check_in(state, item, library=_here(state, item, order.library))
    return _shown(state, item)


@desk.post("/receive_transit")
def receive_transit() -> Response:
    """Receives an item that was sent to this library."""
    state, order = symphony(), At.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.receive(state, item, library=_here(state, item, order.library))
    return _shown(state, item)


@desk.post("/send")
def send() -> Response:
    """Puts an item in transit to its owning library or another."""
    state, order = symphony(), At.model_validate(request.get_json())
    item = _item(state, order.barcode)
    where = _here(state, item, "")
    circulation.send(state, item, source=where, destination=order.library or item.library, reason="EXCHANGE")
    return _shown(state, item)


def _open_loan(state: State, item: Item) -> Charge:
    loan = state.open_loan(item.key)
    if loan is None:
        abort(409, "not on loan")
    return loan


@desk.post("/renew")
def renew() -> Response:
    """Renews the latest charge."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.renew(state, _open_loan(state, item), due=None, answers=STAFF)
    return _shown(state, item)


def _first_hold(state: State, item: Item) -> Hold:
    found = next(state.active_holds(item), None)
    if found is None:
        abort(409, "no active hold")
    return found


@desk.post("/place_hold")
def place_hold() -> Response:
    """A patron places a hold."""
    state, order = symphony(), PlaceHold.model_validate(request.get_json())
    item, patron = _item(state, order.barcode), _patron(state, order.patron)
    wish = Wish(patron, item.bib, item, order.pickup, kind="COPY", range="SYSTEM")
    hold = circulation.place_hold(state, wish, library=_here(state, item, order.library), answers=STAFF, by="desk")
    hold.blank = 0
    return _shown(state, item)


@desk.post("/expire_hold")
def expire_hold() -> Response:
    """The first hold on the item runs out; what lay on the hold shelf is put back."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    hold = _first_hold(state, item)
    circulation.close_hold(state, hold, "EXPIRED", "expired")
    return _put_back(state, item, hold)


@desk.post("/cancel_hold")
def cancel_hold() -> Response:
    """The patron cancels the first hold on the item."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    hold = _first_hold(state, item)
    circulation.close_hold(state, hold, "CANCELLED", "cancelled by the patron")
    return _put_back(state, item, hold)


def _put_back(state: State, item: Item, hold: Hold) -> Response:
    if hold.held is not None and not state.charges_of(item.key):
        circulation.arrive(state, item, hold.pickup)
    return _shown(state, item)


@desk.post("/relabel")
def relabel() -> Response:
    """Puts another barcode on the item."""
    state, order = symphony(), Relabel.model_validate(request.get_json())
    item = _item(state, order.barcode)
    if state.items_with_barcode(order.new_barcode):
        abort(409, f"there is an item {order.new_barcode}")
    item.barcode = order.new_barcode
    return _shown(state, item)


@desk.post("/move")
def move() -> Response:
    """Gives the item another home location, for good."""
    state, order = symphony(), Move.model_validate(request.get_json())
    item = _item(state, order.barcode)
    if item.current == item.home:
        item.current = order.location
    item.home, item.library = order.location, order.library or item.library
    if item.key in state.snapshot:
        state.snapshot[item.key] |= {"location": item.home, "library": item.library, "current": item.current}
    return _shown(state, item)


@desk.post("/note")
def note() -> Response:
    """Writes a note into the item's custom information."""
    state, order = symphony(), Note.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.custom.append(Custom(order.code, order.data))
    if item.key in state.snapshot:
        state.snapshot[item.key]["notes"] = standing_of(state, item)["notes"]
    return _shown(state, item)


@desk.post("/erase_mark")
def erase_mark() -> Response:
    """Empties the item's custom information and the title's notes, as somebody does who tidies up."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    item.custom.clear()
    marc.without_notes(state.bibs[item.bib].marc)
    state.bibs[item.bib].control_number = ""
    return _shown(state, item)


@desk.post("/catalogue")
def catalogue() -> Response:
    """Makes a title with an item by hand; with ``bib_notes`` and ``notes`` it is put back as a bridge once made it."""
    state, order = symphony(), SeedItem.model_validate(request.get_json())
    return _shown(state, plant_item(state, order, by="desk"))


@desk.post("/delete")
def delete() -> Response:
    """Deletes the item with its call number and bib, ending charges and holds first."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    delete_item(state, item, force=True)
    if item.call in state.call_numbers and not any(one.call == item.call for one in state.items.values()):
        delete_call(state, state.call_numbers[item.call])
    if item.bib in state.bibs and not state.calls_of(item.bib):
        delete_bib(state, state.bibs[item.bib])
    return _shown(state, item)


@desk.post("/withdraw")
def withdraw() -> Response:
    """Discards the item: it is charged to the pseudo-user DISCARD, whom a report deletes later."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    for charge in state.charges_of(item.key):
        charge.ended = state.clock()
    who = _patron(state, "DISCARD-USER")
    circulation.lend(state, who, item, library=item.library, due=None, answers=STAFF, by="desk")
    return _shown(state, item)


@desk.post("/lose")
def lose() -> Response:
    """Marks the item as lost: still charged, shadowed, billed."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.mark_lost(state, item, _open_loan(state, item))
    return _shown(state, item)


@desk.post("/found")
def found() -> Response:
    """Takes that back."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    circulation.mark_found(state, item, _open_loan(state, item))
    return _shown(state, item)


@desk.post("/claim_returned")
def claim_returned() -> Response:
    """The patron claims that the item was brought back; it stays charged."""
    state, order = symphony(), AtItem.model_validate(request.get_json())
    item = _item(state, order.barcode)
    _open_loan(state, item).claimed = state.clock()
    return _shown(state, item)


@desk.post("/block_patron")
def block_patron() -> Response:
    """Blocks a patron."""
    state, order = symphony(), BlockPatron.model_validate(request.get_json())
    _patron(state, order.patron).standing = order.standing
    return jsonify(patron=order.patron, blocked=True)


@desk.post("/fix_patron")
def fix_patron() -> Response:
    """Makes a patron fit to borrow."""
    state, order = symphony(), OfPatron.model_validate(request.get_json())
    patron = _patron(state, order.patron)
    patron.standing, patron.expires, patron.group = "OK", date(2099, 12, 31), ""
    return jsonify(patron=order.patron, blocked=False)


@desk.post("/add_patron")
def new_patron() -> Response:
    """Registers a patron."""
    patron = add_patron(symphony(), SeedPatron.model_validate(request.get_json()), by="desk")
    return jsonify(patron=patron.called)


@desk.post("/pay_fee")
def pay_fee() -> Response:
    """A bill is paid in full."""
    state, order = symphony(), PayBill.model_validate(request.get_json())
    bill = state.bills.get(order.fee)
    if bill is None:
        abort(404, f"no bill {order.fee}")
    bill.owed = Decimal(0)
    return jsonify(fee=bill.key, owed="0.00")
