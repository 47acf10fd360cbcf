"""Holds: placed, read, changed, cancelled (symphony.md, sections 5.3 and 5.4)."""

from flask import Blueprint, Response

from bridge.sandbox.symphony import circulation, include
from bridge.sandbox.symphony.circulation import Wish
from bridge.sandbox.symphony.errors import bad_body, not_found, refused
from bridge.sandbox.symphony.fields import BIB, CALL, HOLD
from bridge.sandbox.symphony.loans import item_in, patron_in
from bridge.sandbox.symphony.model import Hold, Item
from bridge.sandbox.symphony.sessions import answers, working_library
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.views import bib_of, call_of, hold_of
from bridge.sandbox.symphony.wire import Json, Link, code_in, day_in, key_in, submitted, text_in

holds = Blueprint("holds", __name__)
COMMENT_LENGTH = 50
TAKEN = (
    "itemBarcode",
    "item",
    "call",
    "bib",
    "patronBarcode",
    "patron",
    "holdType",
    "holdRange",
    "recallStatus",
    "pickupLibrary",
    "fillByDate",
    "comment",
)


@holds.post("/circulation/holdRecord/placeHold")
def place() -> Response:
    """Places a hold on this copy or on the title."""
    state, given = symphony(), submitted(TAKEN)
    hidden = [name for name in given if f"{HOLD}.{name}" in state.behaviour.hidden]
    if hidden:
        raise bad_body(f"{HOLD}: unrecognized field {', '.join(hidden)}")
    bib, item = _target(state, given)
    wish = Wish(
        patron=patron_in(state, given),
        bib=bib,
        item=item,
        pickup=code_in(state, given, "pickupLibrary", "library") or working_library(state),
        kind=_word(given, "holdType", "TITLE", {"TITLE", "COPY"}),
        range=_word(given, "holdRange", "GROUP", set(state.policies["holdRange"])),
        recall=_word(given, "recallStatus", "NO", {"NO", "STANDARD", "RUSH"}),
        fill_by=day_in(given, "fillByDate"),
        comment=_comment(given),
    )
    if wish.fill_by is not None and wish.fill_by < state.today():
        raise refused(9034, "Fill-by date has passed")
    if wish.kind == "COPY" and wish.item is None:
        raise bad_body("A hold of type COPY needs an item.")
    hold = circulation.place_hold(state, wish, library=working_library(state), answers=answers(state), by="api")
    return include.done(holdFee=None, holdRecord=Link(HOLD, hold.key))


def _target(state: State, given: Json) -> tuple[str, Item | None]:
    if key := key_in(given, "bib", BIB):
        return bib_of(state, key).key, None
    if key := key_in(given, "call", CALL):
        return call_of(state, key).bib, None
    item = item_in(state, given)
    return item.bib, item


def _word(given: Json, name: str, default: str, known: set[str]) -> str:
    found = text_in(given, name) or default
    if found not in known:
        raise bad_body(f"Field '{name}' must be one of {', '.join(sorted(known))}.")
    return found


def _comment(given: Json) -> str:
    found = text_in(given, "comment")
    if len(found) > COMMENT_LENGTH:
        raise bad_body(f"Field 'comment' holds at most {COMMENT_LENGTH} characters.")
    return found


@holds.get("/circulation/holdRecord/key/<key>")
def read(key: str) -> Response:
    """A hold; a cancelled or expired one can be read, a filled one is gone."""
    return include.shown(HOLD, key)


def _active(key: str) -> Hold:
    hold = hold_of(symphony(), key)
    if not hold.active:
        raise not_found(f"holdRecord {key}")
    return hold


@holds.delete("/circulation/holdRecord/key/<key>")
def delete(key: str) -> Response:
    """Cancels a hold; 204 without a body."""
    circulation.close_hold(symphony(), _active(key), "CANCELLED", "cancelled")
    return Response(status=204)


@holds.post("/circulation/holdRecord/cancelHold")
def cancel() -> Response:
    """Cancels a hold."""
    hold = _active(key_in(submitted(("holdRecord",)), "holdRecord", HOLD))
    circulation.close_hold(symphony(), hold, "CANCELLED", "cancelled")
    return include.done(holdRecord=Link(HOLD, hold.key))


@holds.post("/circulation/holdRecord/changePickupLibrary")
def change_pickup() -> Response:
    """Another pickup library."""
    state, given = symphony(), submitted(("holdRecord", "pickupLibrary"))
    hold = _active(key_in(given, "holdRecord", HOLD))
    hold.pickup = code_in(state, given, "pickupLibrary", "library") or hold.pickup
    return include.done(holdRecord=Link(HOLD, hold.key))


@holds.put("/circulation/holdRecord/key/<key>")
def change(key: str) -> Response:
    """Changes what is named: fillByDate, comment."""
    given, hold = submitted(("fillByDate", "comment")), _active(key)
    if "comment" in given:
        hold.comment = _comment(given)
    hold.fill_by = day_in(given, "fillByDate") or hold.fill_by
    return include.shown(HOLD, key)
