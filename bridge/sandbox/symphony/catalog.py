"""Bibs, call numbers and items: made in one call, read, searched, changed, deleted (symphony.md, sections 5.1, 5.2, 5.6, 5.11)."""

import re
from typing import Any

from flask import Blueprint, Response, request

from bridge.sandbox.symphony import include, marc
from bridge.sandbox.symphony.circulation import touch
from bridge.sandbox.symphony.deleting import delete_bib, delete_call, delete_item
from bridge.sandbox.symphony.errors import SymphonyError, bad_body, not_found, refused
from bridge.sandbox.symphony.fields import BIB, CALL, CUSTOM, ITEM
from bridge.sandbox.symphony.model import Bib, CallNumber, Custom, Item
from bridge.sandbox.symphony.search import page, wanted_terms
from bridge.sandbox.symphony.sessions import working_library
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.views import bib_of, call_of, item_of
from bridge.sandbox.symphony.wire import (
    Json,
    Taken,
    code_in,
    flag_in,
    key_in,
    money_in,
    submitted,
    text_in,
)

catalog = Blueprint("catalog", __name__)
BIB_TAKEN = ("bib", "callList", "catalogFormat", "shadowed", "titleControlNumber")
CALL_TAKEN = ("bib", "callNumber", "classification", "itemList", "library", "shadowed", "volumetric")
ITEM_TAKEN = (
    "barcode",
    "call",
    "copyNumber",
    "currentLocation",
    "customInformation",
    "homeLocation",
    "itemType",
    "library",
    "permanent",
    "price",
    "shadowed",
    *(f"itemCategory{number}" for number in range(1, 6)),
)
SHOWN_ONLY = (
    "bib",
    "circulate",
    "createdDate",
    "currentLibrary",
    "lastInvDate",
    "mediaDesk",
    "pieces",
    "systemModifiedDate",
    "timesInventoried",
)
"""Fields of an item that come back with a whole record and change nothing."""
CODE = "itemExtendedInformation"
TEXT_INDEXES = {"GENERAL": None, "TITLE": ("245", "ab"), "AUTHOR": ("100", "a")}


def _parts(given: Json, name: str, resource: str) -> list[Taken]:
    found = given.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, Taken) and one.resource == resource for one in found):
        raise bad_body(f"Field '{name}' must be a list of {resource}.")
    return found


def _known_only(given: Json, known: tuple[str, ...], resource: str) -> None:
    hidden = symphony().behaviour.hidden
    unknown = sorted(name for name in given if name not in known or f"{resource}.{name}" in hidden)
    if unknown:
        raise bad_body(f"{resource}: unrecognized field {', '.join(unknown)}")


@catalog.post("/catalog/bib")
def create() -> Response:
    """A bib with its call numbers and items, or nothing at all."""
    state, given = symphony(), submitted(BIB_TAKEN)
    _known_only(given, BIB_TAKEN, BIB)
    record = marc.checked(given.get("bib"))
    _check_calls(state, _parts(given, "callList", CALL))
    bib = Bib(str(state.new_number("bib")), "api", state.clock(), record, unseen=state.behaviour.index_looks)
    bib.format = code_in(state, given, "catalogFormat", "catalogFormat") or "MARC"
    bib.shadowed = flag_in(given, "shadowed")
    bib.control_number = text_in(given, "titleControlNumber")
    state.bibs[bib.key] = bib
    for call in _parts(given, "callList", CALL):
        _add_call(state, bib, call.fields)
    return include.shown(BIB, bib.key)


def _check_calls(state: State, calls: list[Taken]) -> None:
    """Everything that could be refused is looked at before anything is made."""
    for call in calls:
        _known_only(call.fields, CALL_TAKEN, CALL)
        if not code_in(state, call.fields, "library", "library"):
            raise bad_body("A call number must have its library.")
        code_in(state, call.fields, "classification", "classification")
        flag_in(call.fields, "shadowed")
        text_in(call.fields, "callNumber")
        for item in _parts(call.fields, "itemList", ITEM):
            _check_item(state, item.fields)


def _check_item(state: State, given: Json) -> None:
    _known_only(given, ITEM_TAKEN, ITEM)
    for name, kind in (("itemType", "itemType"), ("homeLocation", "location")):
        if not code_in(state, given, name, kind):
            raise bad_body(f"An item must have its {name}.")
    for name in ("shadowed", "permanent"):
        flag_in(given, name)
    if "price" in given:
        money_in(given, "price")
    _custom(state, given)
    _check_barcode(state, text_in(given, "barcode"))


def _check_barcode(state: State, barcode: str, item: Item | None = None) -> None:
    if barcode != "AUTO" and any(one is not item for one in state.items_with_barcode(barcode)):
        raise refused(9030, "Item ID already exists")


def _add_call(state: State, bib: Bib, given: Json) -> CallNumber:
    bib.calls += 1
    text = text_in(given, "callNumber")
    call = CallNumber(
        key=f"{bib.key}:{bib.calls}",
        bib=bib.key,
        created_by="api",
        text=f"XX({bib.key}.{bib.calls})" if text in {"", "AUTO"} else text,
        library=code_in(state, given, "library", "library"),
        classification=code_in(state, given, "classification", "classification") or "LC",
        shadowed=flag_in(given, "shadowed"),
    )
    state.call_numbers[call.key] = call
    for item in _parts(given, "itemList", ITEM):
        _add_item(state, call, item.fields)
    return call


def _add_item(state: State, call: CallNumber, given: Json) -> Item:
    call.copies += 1
    now, barcode = state.clock(), text_in(given, "barcode")
    home = code_in(state, given, "homeLocation", "location")
    item = Item(
        key=f"{call.key}:{call.copies}",
        call=call.key,
        created_by="api",
        created=now,
        modified=now,
        barcode=f"{call.key}-{1000 + call.copies}".replace(":", "-") if barcode in {"", "AUTO"} else barcode,
        type=code_in(state, given, "itemType", "itemType"),
        home=home,
        current=home,
        library=code_in(state, given, "library", "library") or call.library,
        copy=call.copies,
        shadowed=flag_in(given, "shadowed"),
        permanent=flag_in(given, "permanent", default=True),
        custom=_custom(state, given),
        busy=state.behaviour.busy_writes,
    )
    if "price" in given:
        item.price = money_in(given, "price")
    state.items[item.key] = item
    return item


def _custom(state: State, given: Json) -> list[Custom]:
    return [
        Custom(code_in(state, one.fields, CODE, CODE), text_in(one.fields, "data"))
        for one in _parts(given, "customInformation", CUSTOM)
    ]


@catalog.post("/catalog/call")
def create_call() -> Response:
    """A call number on a bib (from memory in the reference)."""
    state, given = symphony(), submitted(CALL_TAKEN)
    bib = bib_of(state, key_in(given, "bib", BIB))
    _check_calls(state, [Taken(CALL, "", given)])
    return include.shown(CALL, _add_call(state, bib, given).key)


@catalog.post("/catalog/item")
def create_item() -> Response:
    """An item on a call number (from memory in the reference)."""
    state, given = symphony(), submitted(ITEM_TAKEN)
    call = call_of(state, key_in(given, "call", CALL))
    _check_item(state, given)
    return include.shown(ITEM, _add_item(state, call, given).key)


@catalog.get("/catalog/<kind>/key/<key>")
def read(kind: str, key: str) -> Response:
    """One bib, call number or item."""
    return include.shown(_resource(kind), key)


def _resource(kind: str) -> str:
    found = f"/catalog/{kind}"
    if found not in {BIB, CALL, ITEM}:
        raise not_found(kind)
    return found


@catalog.get("/catalog/item/barcode/<path:barcode>")
def by_barcode(barcode: str) -> Response:
    """One item by its barcode."""
    found = symphony().items_with_barcode(barcode)
    if not found:
        raise not_found(f"item with barcode {barcode}")
    return include.shown(ITEM, found[0].key)


@catalog.get("/catalog/bib/search")
def search() -> Response:
    """Bibs by words; one just made is not indexed at once."""
    state, terms = symphony(), wanted_terms(TEXT_INDEXES)
    found = [bib for bib in state.bibs.values() if _meets(state, bib, terms) and _indexed(bib)]
    return page(BIB, [bib.key for bib in found])


def _meets(state: State, bib: Bib, terms: list[tuple[str, str]]) -> bool:
    if bib.shadowed and not state.behaviour.search_sees_shadowed:
        return False
    return all(_words(value) <= _words(_indexed_text(bib, index)) for index, value in terms)


def _indexed_text(bib: Bib, index: str) -> str:
    where = TEXT_INDEXES[index]
    return marc.first(bib.marc, *where) if where else " ".join(marc.texts(bib.marc))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _indexed(bib: Bib) -> bool:
    if not bib.unseen:
        return True
    bib.unseen -= 1
    return False


@catalog.put("/catalog/item/key/<key>")
def change_item(key: str) -> Response:
    """Changes what is named; a whole record may come back, too."""
    state, given = symphony(), submitted((*ITEM_TAKEN, *SHOWN_ONLY))
    item = item_of(state, key)
    _known_only(given, (*ITEM_TAKEN, *SHOWN_ONLY), ITEM)
    _check_owner(state, item)
    touch(item)
    _check_barcode(state, text_in(given, "barcode"), item)
    _move(state, item, given)
    item.barcode = text_in(given, "barcode") or item.barcode
    item.type = code_in(state, given, "itemType", "itemType") or item.type
    item.library = code_in(state, given, "library", "library") or item.library
    item.shadowed = flag_in(given, "shadowed", default=item.shadowed)
    item.permanent = flag_in(given, "permanent", default=item.permanent)
    if "price" in given:
        item.price = money_in(given, "price")
    if "customInformation" in given:
        item.custom = _custom(state, given)
    item.modified = state.clock()
    return include.shown(ITEM, key)


def _check_owner(state: State, item: Item) -> None:
    if state.behaviour.own_items_only and working_library(state) != item.library:
        raise refused(9032, "Not in your maintenance group")


def _move(state: State, item: Item, given: Json) -> None:
    """A new home location moves an item that is at home; what is written to currentLocation counts only where a switch says so."""
    wanted = code_in(state, given, "currentLocation", "location")
    how = state.behaviour.location_writes
    if wanted and wanted != item.current and how == "refused":
        raise refused(9031, "Current location cannot be changed")
    home = code_in(state, given, "homeLocation", "location") or item.home
    if item.current == item.home:
        item.current = home
    item.home = home
    if wanted and how == "obeyed":
        item.current = wanted


@catalog.put("/catalog/call/key/<key>")
def change_call(key: str) -> Response:
    """Changes what is named."""
    state, given = symphony(), submitted((*CALL_TAKEN, "dispCallNumber", "sortCallNumber", "systemModifiedDate"))
    call = call_of(state, key)
    call.text = text_in(given, "callNumber") or call.text
    call.shadowed = flag_in(given, "shadowed", default=call.shadowed)
    return include.shown(CALL, key)


@catalog.put("/catalog/bib/key/<key>")
def change_bib(key: str) -> Response:
    """Changes what is named. An upper-case encoding level in the leader is refused ([UVA] blanks it before every PUT)."""
    state, given = symphony(), submitted((*BIB_TAKEN, "author", "title", "catalogDate", "createDate", "modifiedDate"))
    bib = bib_of(state, key)
    if "bib" in given:
        record = marc.checked(given["bib"])
        if str(record["leader"])[17].isupper():
            raise bad_body("The leader's encoding level is not valid.")
        bib.marc = record
    bib.shadowed = flag_in(given, "shadowed", default=bib.shadowed)
    return include.shown(BIB, key)


@catalog.delete("/catalog/<kind>/key/<key>")
def delete(kind: str, key: str) -> Response:
    """Deletes an item, a call number or a bib; 204 without a body, as for holds."""
    state, how = symphony(), symphony().behaviour.deletes
    resource = _resource(kind)
    if how == "missing":
        raise SymphonyError("methodNotAllowed", f"{request.method} is not allowed here.", status=405)
    found: Any = {BIB: bib_of, CALL: call_of, ITEM: item_of}[resource](state, key)
    if how == "refused":
        raise refused(9032, "Not in your maintenance group")
    if isinstance(found, Item):
        _check_owner(state, found)
    delete_of: Any = {BIB: delete_bib, CALL: delete_call, ITEM: delete_item}[resource]
    delete_of(state, found)
    return Response(status=204)
