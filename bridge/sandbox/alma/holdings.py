"""Holdings: MARC XML in and out, and their deletion."""

from flask import Blueprint, Response, request

from bridge.sandbox.alma import circulation, marc
from bridge.sandbox.alma.errors import AlmaError, bad_mms
from bridge.sandbox.alma.model import Holding
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.wire import Json, answer, code, day, link, refuse_json, xml_answer

holding_routes = Blueprint("holdings", __name__)

_HOLDINGS = "/bibs/<mms_id>/holdings"
_HOLDING = f"{_HOLDINGS}/<holding_id>"


def brief(state: State, holding: Holding) -> Json:
    """A holding as the list of holdings shows it."""
    place = state.location(holding.library, holding.location)
    return {
        "holding_id": holding.holding_id,
        "library": code(holding.library, state.library_name(holding.library)),
        "location": code(holding.location, place.name if place else None),
        "call_number": holding.call_number,
        "suppress_from_publishing": str(holding.suppressed).lower(),
        "link": link(f"/bibs/{holding.mms_id}/holdings/{holding.holding_id}"),
    }


def full(holding: Holding) -> Json:
    """A holding with its record; in JSON the record is XML text in `anies` (recorded: alma_rb_single_holding.json)."""
    return {
        "holding_id": holding.holding_id,
        "created_by": "exl_api",
        "created_date": day(holding.created),
        "last_modified_by": "exl_api",
        "last_modified_date": day(holding.modified),
        "originating_system": "ILS",
        "originating_system_id": holding.holding_id,
        "suppress_from_publishing": str(holding.suppressed).lower(),
        "anies": [f'<?xml version="1.0" encoding="UTF-16"?>{holding.record}'],
    }


def _holding_at(state: State, mms_id: str, holding_id: str) -> Holding:
    if mms_id not in state.bibs:
        raise bad_mms(mms_id)
    holding = state.holdings.get(holding_id)
    if holding is None or holding.mms_id != mms_id:
        raise AlmaError("402208", f"Search failed for Holdings ID: {holding_id}")
    return holding


def _read_record(state: State, *, failed: str) -> tuple[marc.Submitted, tuple[str, str, str]]:
    """The record and its 852 library, location and call number. Raises 402211 or `failed`."""
    try:
        sent = marc.submitted(request.get_data(), root="holding")
    except marc.MarcError as error:
        raise AlmaError("402211", f"Given holding xml is invalid: {error}.") from error
    library, location = marc.first(sent.record, "852", "b"), marc.first(sent.record, "852", "c")
    if library not in state.libraries:
        raise AlmaError(failed, f"Failed to create holding due to errors: Invalid library code: {library}")
    if state.location(library, location) is None:
        raise AlmaError(failed, f"Failed to create holding due to errors: Invalid location code: {location}")
    return sent, (library, location, marc.first(sent.record, "852", "hi"))


@holding_routes.post(_HOLDINGS)
def create(mms_id: str) -> Response:
    """Makes a holding; its 852 says library and location."""
    refuse_json()
    state = alma()
    if mms_id not in state.bibs:
        if not mms_id.isdigit():
            raise bad_mms(mms_id)
        raise AlmaError("33007", f"No record found for MMS id {mms_id}")
    sent, (library, location, call_number) = _read_record(state, failed="33008")
    now = state.clock()
    holding = Holding(
        holding_id=state.new_id("22"),
        mms_id=mms_id,
        record=sent.record,
        suppressed=bool(sent.suppressed),
        library=library,
        location=location,
        call_number=call_number,
        created_by="api",
        created=now,
        modified=now,
    )
    state.holdings[holding.holding_id] = holding
    return xml_answer("holding", full(holding))


@holding_routes.get(_HOLDING)
def read(mms_id: str, holding_id: str) -> Response:
    """One holding."""
    return answer("holding", full(_holding_at(alma(), mms_id, holding_id)))


@holding_routes.put(_HOLDING)
def update(mms_id: str, holding_id: str) -> Response:
    """Replaces the record; another place in 852 moves the holding with its items."""
    refuse_json()
    state = alma()
    holding = _holding_at(state, mms_id, holding_id)
    sent, (library, location, call_number) = _read_record(state, failed="401652")
    holding.record, holding.library, holding.location = sent.record, library, location
    holding.call_number, holding.suppressed = call_number, bool(sent.suppressed)
    holding.modified = state.clock()
    return xml_answer("holding", full(holding))


@holding_routes.delete(_HOLDING)
def delete(mms_id: str, holding_id: str) -> Response:
    """Deletes a holding without items; there is no override (OpenAPI bibs.json)."""
    state = alma()
    bib = request.args.get("bib", "retain") or "retain"
    if bib not in {"retain", "delete", "suppress"}:
        raise AlmaError("60218", "Invalid action on Bib record without holdings.")
    if holding_id in state.gone:
        raise AlmaError("60214", "Holding has been deleted or cannot be deleted.")
    if mms_id not in state.bibs:
        raise bad_mms(mms_id)
    holding = state.holdings.get(holding_id)
    if holding is None or holding.mms_id != mms_id:
        raise AlmaError("60213", "Holding ID not valid.")
    if state.items_of(holding_id):
        raise AlmaError("60214", "Holding has been deleted or cannot be deleted.")
    circulation.empty_holding(state, holding, holdings="delete", bib=bib)
    return Response(status=204)


def at_place(state: State, mms_id: str, library: str, location: str, *, like: Holding) -> Holding:
    """The bib's holding at that place, made after the pattern of another if there is none."""
    for holding in state.holdings_of(mms_id):
        if (holding.library, holding.location) == (library, location):
            return holding
    now = state.clock()
    record = like.record.replace(f">{like.library}<", f">{library}<").replace(f">{like.location}<", f">{location}<")
    made = Holding(
        holding_id=state.new_id("22"),
        mms_id=mms_id,
        record=record,
        suppressed=like.suppressed,
        library=library,
        location=location,
        call_number=like.call_number,
        created_by="api",
        created=now,
        modified=now,
    )
    state.holdings[made.holding_id] = made
    return made
