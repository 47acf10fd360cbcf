"""Items: look-up by barcode, lists, creation, the swap-all update, scan-in and withdrawal."""

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as Redirect

from bridge.sandbox.alma import circulation, holdings, marc
from bridge.sandbox.alma.circulation import Counter, ScanResult
from bridge.sandbox.alma.errors import AlmaError, bad_mms, missing
from bridge.sandbox.alma.item_view import CODE_TABLE_OF, bib_data, item_json, read_fields
from bridge.sandbox.alma.model import Item, Temp
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.wire import Json, answer, code_in, link, listed, page, part_in, submitted, text_in, truth

items = Blueprint("items", __name__)

_ITEMS = "/bibs/<mms_id>/holdings/<holding_id>/items"
_ITEM = f"{_ITEMS}/<item_pid>"


def item_at(state: State, mms_id: str, holding_id: str, pid: str) -> Item:
    """The item at this address. Raises 402203 or 402204 (several wordings, alma.md)."""
    if mms_id not in state.bibs:
        raise bad_mms(mms_id)
    item = state.items.get(pid)
    if item is None or item.holding_id != holding_id or item.mms_id != mms_id:
        raise AlmaError("402203", f"Input parameters itemPid {pid} is not valid.")
    return item


@items.get("/items")
def by_barcode() -> Redirect:
    """302 to the first item with the barcode; following it is a second call (OpenAPI bibs.json, GET item)."""
    barcode = request.args.get("item_barcode", "")
    found = alma().items_with_barcode(barcode)
    if not found:
        raise AlmaError("401689", f"No items found for barcode {barcode}.")
    item = found[0]
    where = link(f"/bibs/{item.mms_id}/holdings/{item.holding_id}/items/{item.pid}")
    kept = {key: value for key, value in request.args.items() if key not in {"item_barcode", "apikey"}}
    return redirect(where + (f"?{urlencode(kept)}" if kept else ""), code=302)


@items.get(_ITEMS)
def item_list(mms_id: str, holding_id: str) -> Response:
    """The items of a holding, or of all holdings with ALL."""
    state = alma()
    known = holding_id == "ALL" or holding_id in {one.holding_id for one in state.holdings_of(mms_id)}
    if mms_id not in state.bibs or not known:
        raise AlmaError("401688", f"Search failed for Items with mmsId {mms_id}, holdings id {holding_id}.")
    found = [
        item_json(state, item, expand=request.args.get("expand", ""))
        for item in state.items.values()
        if item.mms_id == mms_id and holding_id in {"ALL", item.holding_id}
    ]
    return listed("items", "item", page(found), len(found))


@items.post(_ITEMS)
def create(mms_id: str, holding_id: str) -> Response:
    """Makes an item; a barcode in use is accepted, one left out is generated."""
    state = alma()
    if mms_id not in state.bibs:
        raise bad_mms(mms_id)
    holding = state.holdings.get(holding_id)
    if holding is None or holding.mms_id != mms_id:
        raise AlmaError("402203", f"Input parameters holdingId {holding_id} is not valid.")
    body = submitted()
    data = part_in(body, "item_data")
    fields = read_fields(data)
    _check_codes(state, fields)
    now = state.clock()
    item = Item(
        pid=state.new_id("23"),
        holding_id=holding_id,
        mms_id=mms_id,
        barcode=text_in(data, "barcode") or state.new_barcode(),
        fields=fields,
        created_by="api",
        created=now,
        modified=now,
        copy_id=text_in(part_in(body, "holding_data"), "copy_id"),
        temp=_temp(state, part_in(body, "holding_data")),
        transient_left=state.behaviour.transient_requests,
    )
    state.items[item.pid] = item
    return answer("item", item_json(state, item))


@items.get(_ITEM)
def read(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """One item."""
    item = item_at(alma(), mms_id, holding_id, item_pid)
    return answer("item", item_json(alma(), item, expand=request.args.get("expand", "")))


@items.put(_ITEM)
def update(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """Swap-all: what the body leaves out is blanked, and a barcode left out is generated anew (WADL's XSD)."""
    state = alma()
    item = item_at(state, mms_id, holding_id, item_pid)
    body = submitted()
    if state.behaviour.echo_put_fails and ("bib_data" in body or "link" in body):
        raise AlmaError("401652", "General Error - An error has occurred while processing the request.", status=500)
    data = part_in(body, "item_data")
    fields = read_fields(data)
    _check_codes(state, fields)
    temp = _temp(state, part_in(body, "holding_data"))
    _move(state, item, code_in(data, "library"), code_in(data, "location"))
    item.fields, item.temp = fields, temp
    item.barcode = text_in(data, "barcode") or state.new_barcode()
    item.copy_id = text_in(part_in(body, "holding_data"), "copy_id")
    item.modified = state.clock()
    return answer("item", item_json(state, item))


def _check_codes(state: State, fields: dict[str, str]) -> None:
    for name, table in CODE_TABLE_OF.items():
        value = fields[name]
        if value and value not in state.code_tables.get(table, {}):
            raise AlmaError("40166404", f"Given field {name} has invalid value {value}.")


def _temp(state: State, data: Json) -> Temp | None:
    if text_in(data, "in_temp_location") != "true":
        return None
    library, location = code_in(data, "temp_library"), code_in(data, "temp_location")
    if library not in state.libraries:
        raise AlmaError("401873", f"Request failed: Invalid library code: {library}.")
    if state.location(library, location) is None:
        raise AlmaError("401873", f"Request failed: Invalid location code: {location}.")
    policy = code_in(data, "temp_policy")
    if policy and policy not in state.code_tables.get("ItemPolicy", {}):
        raise AlmaError("40166404", f"Given field temp_policy has invalid value {policy}.")
    return Temp(
        library=library,
        location=location,
        policy=policy,
        call_number=text_in(data, "temp_call_number"),
        call_number_type=code_in(data, "temp_call_number_type"),
        due_back_date=text_in(data, "due_back_date"),
    )


def _move(state: State, item: Item, library: str, location: str) -> None:
    """Another library or location moves the item to another, perhaps new, holding of its bib."""
    current = state.holdings[item.holding_id]
    target = (library or current.library, location or current.location)
    if target == (current.library, current.location):
        return
    if target[0] not in state.libraries:
        raise AlmaError("401873", f"Request failed: Invalid library code: {target[0]}.")
    if state.location(*target) is None:
        raise AlmaError("401873", f"Request failed: Invalid location code: {target[1]}.")
    item.holding_id = holdings.at_place(state, item.mms_id, *target, like=current).holding_id


@items.delete(_ITEM)
def withdraw(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """Withdraws the item, and its holding and bib if asked and left empty."""
    item = item_at(alma(), mms_id, holding_id, item_pid)
    above = {name: request.args.get(name, "retain") or "retain" for name in ("holdings", "bib")}
    for name, value in above.items():
        if value not in {"retain", "delete", "suppress"}:
            raise AlmaError("401666", f"{name} parameter is not valid.")
    override = truth("override", default=False)
    circulation.delete_item(alma(), item, override=override, holdings=above["holdings"], bib=above["bib"])
    return Response(status=204)


@items.post(_ITEM)
def scan(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """Scan-in; one operation that checks in, fills requests and starts transits."""
    state = alma()
    if request.args.get("op", "") != "scan":
        raise AlmaError("401666", "op parameter is not valid.")
    item = state.items.get(item_pid)
    if item is None or item.holding_id != holding_id or item.mms_id != mms_id:
        raise AlmaError("40166411", f"The parameter item_pid is invalid. Received: {item_pid}.")
    counter = _counter(state)
    in_house = truth("register_in_house_use", default=True)
    result = circulation.scan(state, item, counter, in_house=in_house, request_id=request.args.get("request_id", ""))
    body = item_json(state, item)
    body["item_data"]["requested"] = None  # as recorded: alma_rb_scan.json
    body["additional_info"] = _prose(state, result)
    return answer("item", body)


def _counter(state: State) -> Counter:
    desk, department = request.args.get("circ_desk", ""), request.args.get("department", "")
    if bool(desk) == bool(department):
        text = "Must send at least one of the following parameters: [circ_desk,department]"
        raise AlmaError("40166415", text)
    library = request.args.get("library", "")
    if not library:
        raise missing("library")
    if library not in state.libraries:
        raise AlmaError("40166411", f"The parameter library is invalid. Received: {library}.")
    if desk not in state.libraries[library].desks:  # the sandbox institution has no departments
        name = "circ_desk" if desk else "department"
        raise AlmaError("40166411", f"The parameter {name} is invalid. Received: {desk or department}.")
    return Counter(library, desk)


def _prose(state: State, result: ScanResult) -> str:
    wish = result.request
    user = state.users.get(wish.user.lower()) if wish else None
    kind = "Patron physical item request" if wish else ""
    name = f"{user.last_name}, {user.first_name}" if user else ""
    return (
        f"Item's destination is: {result.destination}. Request/Process Type: {kind}. Requester: {name}. "
        f"Requester ID: {user.primary_id if user else ''}. Place in Queue: {result.queue}"
    )


@items.get("/bibs/<mms_id>/holdings")
def holding_list(mms_id: str) -> Response:
    """The holdings of a bib."""
    state = alma()
    if mms_id not in state.bibs:
        raise bad_mms(mms_id)
    found: list[Json] = [holdings.brief(state, one) for one in state.holdings_of(mms_id)]
    data = bib_data(state, mms_id) | {"publisher": marc.first(state.bibs[mms_id].record, "260", "b")}
    data.pop("publisher_const")
    data.pop("complete_edition")
    return listed("holdings", "holding", found, bib_data=data)
