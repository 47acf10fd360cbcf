"""Items on their way between libraries (symphony.md, section 5.10)."""

from flask import Blueprint, Response

from bridge.sandbox.symphony import circulation, include
from bridge.sandbox.symphony.errors import bad_body, refused
from bridge.sandbox.symphony.fields import HOLD, ITEM, TRANSIT
from bridge.sandbox.symphony.loans import item_in
from bridge.sandbox.symphony.sessions import working_library
from bridge.sandbox.symphony.state import symphony
from bridge.sandbox.symphony.wire import Link, code_in, submitted, text_in

transits = Blueprint("transits", __name__)


@transits.post("/circulation/transit")
def send() -> Response:
    """Puts an item in transit to a library."""
    state, given = symphony(), submitted(("destinationLibrary", "item", "itemBarcode", "transitReason"))
    item = item_in(state, given)
    to = code_in(state, given, "destinationLibrary", "library")
    if not to:
        raise bad_body("Field 'destinationLibrary' is needed.")
    if item.key in state.transits:
        raise refused(9003, "Item is in transit")
    circulation.touch(item)
    reason = text_in(given, "transitReason") or "EXCHANGE"
    circulation.send(state, item, source=working_library(state), destination=to, reason=reason)
    return include.shown(TRANSIT, item.key)


@transits.get("/circulation/transit/key/<key>")
def read(key: str) -> Response:
    """One transit."""
    return include.shown(TRANSIT, key)


@transits.post("/circulation/transit/untransit")
@transits.post("/circulation/untransit")
def receive() -> Response:
    """The item has come to the library that it was sent to; the path differs by version."""
    state = symphony()
    item = item_in(state, submitted(("itemBarcode", "item")))
    hold = circulation.receive(state, item, library=working_library(state))
    advice = {"code": "HOLD_SHELF" if hold else "SHELVE", "message": ""}
    return include.done(
        primaryAdvice=advice,
        secondaryAdvice=[],
        item=Link(ITEM, item.key),
        currentStatus=circulation.status_now(state, item),
        holdRecord=Link(HOLD, hold.key) if hold else None,
    )
