"""describe: what a resource or an action knows at this site (symphony.md, section 2.6); its shape beyond names is ours."""

from flask import Blueprint, Response, jsonify

from bridge.sandbox.symphony import catalog, holds
from bridge.sandbox.symphony.errors import not_found
from bridge.sandbox.symphony.fields import BIB, BLOCK, CALL, CIRC, FIELDS, HOLD, ITEM, PATRON, TRANSIT
from bridge.sandbox.symphony.patrons import INDEXES
from bridge.sandbox.symphony.state import State, symphony

describe = Blueprint("describe", __name__)

_LOAN = ("itemBarcode", "item")
_BORROWER = ("patronBarcode", "patron", "dueDate")
ACTIONS = {
    f"{CIRC}/checkOut": (*_LOAN, *_BORROWER, "reserveCollection"),
    f"{CIRC}/checkIn": _LOAN,
    f"{CIRC}/renew": (*_LOAN, *_BORROWER),
    f"{HOLD}/placeHold": holds.TAKEN,
    f"{HOLD}/cancelHold": ("holdRecord",),
    f"{HOLD}/changePickupLibrary": ("holdRecord", "pickupLibrary"),
    f"{TRANSIT}/untransit": _LOAN,
    f"{BLOCK}/addPayment": ("blockKey", "amount", "paymentType", "creditReason", "vendorTransactionID"),
    f"{PATRON}/login": ("login", "password"),
    "/user/staff/login": ("login", "password"),
}
SEARCHES = {BIB: tuple(catalog.TEXT_INDEXES), PATRON: INDEXES}
WRITTEN = {CIRC: ("GET", "PUT"), HOLD: ("GET", "PUT", "DELETE"), TRANSIT: ("GET", "POST"), PATRON: ("GET",)}


@describe.get("/<area>/<kind>/describe")
def resource(area: str, kind: str) -> Response:
    """Fields, methods, actions and search indexes of a resource."""
    state, name = symphony(), f"/{area}/{kind}"
    known = FIELDS.get(name)
    if known is None or name in state.behaviour.hidden:
        raise not_found(f"resource {name}")
    fields = [
        {"name": field, "type": kind, "required": False}
        for field, kind in known.items()
        if f"{name}.{field}" not in state.behaviour.hidden
    ]
    told: dict[str, object] = {"resource": name, "fields": fields, "methods": _methods(state, name)}
    told["actions"] = [action.rsplit("/", 1)[1] for action in _actions(state) if action.rsplit("/", 1)[0] == name]
    if name in SEARCHES:
        told["searchIndexList"] = [{"name": index} for index in SEARCHES[name]]
    return jsonify(told)


def _methods(state: State, name: str) -> list[str]:
    methods = set(WRITTEN.get(name, ("GET",)))
    if name in {BIB, CALL, ITEM}:
        methods |= {"POST", "PUT"} | ({"DELETE"} if state.behaviour.deletes != "missing" else set())
    if name == BLOCK and state.behaviour.bills != "missing":
        methods.add("POST")
    return sorted(methods)


def _actions(state: State) -> dict[str, tuple[str, ...]]:
    found = dict(ACTIONS)
    if state.behaviour.lost_action:
        found[f"{CIRC}/{state.behaviour.lost_action}"] = _LOAN
    return {name: params for name, params in found.items() if name not in state.behaviour.hidden}


@describe.get("/<area>/<kind>/<action>/describe")
def action(area: str, kind: str, action: str) -> Response:
    """What an action takes."""
    name = f"/{area}/{kind}/{action}"
    params = _actions(symphony()).get(name)
    if params is None:
        raise not_found(f"action {name}")
    return jsonify(action=name, fields=[{"name": one, "required": False} for one in params], methods=["POST"])
