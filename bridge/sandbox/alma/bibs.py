"""Bibs: MARC XML in and out, look-up by id or network number, deletion."""

from flask import Blueprint, Response, request

from bridge.sandbox.alma import marc
from bridge.sandbox.alma.errors import AlmaError, bad_mms
from bridge.sandbox.alma.model import Bib
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.wire import Json, answer, day, link, listed, refuse_json, truth, xml_answer

bibs = Blueprint("bibs", __name__)

NORMALIZATIONS = {"66171233": "Marc21 Bib normalize on save"}


def bib_json(bib: Bib, *, view: str = "full") -> Json:
    """A bib; its record is XML text in `anies` when JSON was asked."""
    body: Json = {
        "mms_id": bib.mms_id,
        "record_format": "marc21",
        "linked_record_id": {"value": None, "type": None},
        "title": marc.first(bib.record, "245", "abc"),
        "author": marc.first(bib.record, "100", "a") or None,
        "network_number": marc.subfields(bib.record, "035", "a"),
        "place_of_publication": marc.first(bib.record, "260", "a"),
        "date_of_publication": marc.first(bib.record, "260", "c"),
        "publisher_const": marc.first(bib.record, "260", "b"),
        "holdings": {"value": "", "link": link(f"/bibs/{bib.mms_id}/holdings")},
        "created_by": "exl_api",
        "created_date": day(bib.created),
        "last_modified_by": "exl_api",
        "last_modified_date": day(bib.modified),
        "suppress_from_publishing": str(bib.suppressed).lower(),
        "suppress_from_external_search": "false",
        "sync_with_oclc": "NONE",
        "originating_system": "ILS",
        "originating_system_id": bib.mms_id,
    }
    if view != "brief":
        body["anies"] = [f'<?xml version="1.0" encoding="UTF-16"?>{bib.record}']
    return body


@bibs.get("/bibs")
def search() -> Response:
    """By a list of mms_id, or by a network number (OpenAPI: "An additional ID stored as part of the … network numbers")."""
    state = alma()
    view = request.args.get("view", "full")
    wanted = [one for one in request.args.get("mms_id", "").split(",") if one]
    other = request.args.get("other_system_id", "")
    if not wanted and not other:
        raise AlmaError("402203", "Input parameter mmsId list is not valid.")
    if wanted:
        found = [state.bibs[one] for one in wanted if one in state.bibs]
    else:
        found = [bib for bib in state.bibs.values() if other in marc.subfields(bib.record, "035", "a")]
    if not found and (wanted or state.behaviour.missing_bib_is_error):
        raise AlmaError("402203", "Input parameter mmsId list is not valid.")
    return listed("bibs", "bib", [bib_json(bib, view=view) for bib in found])


def _read_record() -> marc.Submitted:
    try:
        sent = marc.submitted(request.get_data(), root="bib")
    except marc.MarcError as error:
        raise AlmaError("402209", f"Given bib xml is invalid: {error}.") from error
    if not marc.first(sent.record, "245", "a"):
        raise AlmaError("402210", "Failed to create new bib: field 245 is missing.")
    return sent


def _check_asked(state: State, sent: marc.Submitted) -> None:
    normalization = request.args.get("normalization", "")
    if normalization and normalization not in NORMALIZATIONS:
        valid = ", ".join(f"{number} ({name})" for number, name in NORMALIZATIONS.items())
        raise AlmaError("4022030", f"Invalid normalization profile ID. Valid values are: {valid}.")
    if truth("check_match", default=False):
        numbers = set(marc.subfields(sent.record, "035", "a"))
        if any(numbers & set(marc.subfields(bib.record, "035", "a")) for bib in state.bibs.values()):
            raise AlmaError("60307", "The given bib object has matching records.")


@bibs.post("/bibs")
def create() -> Response:
    """Makes a bib; repeating makes a second one."""
    refuse_json()
    state = alma()
    sent = _read_record()
    _check_asked(state, sent)
    now = state.clock()
    mms_id = state.new_id("99")
    record = marc.with_control_number(sent.record, mms_id)
    bib = Bib(mms_id, record, bool(sent.suppressed), created_by="api", created=now, modified=now)
    state.bibs[mms_id] = bib
    return xml_answer("bib", bib_json(bib))


@bibs.get("/bibs/<mms_id>")
def read(mms_id: str) -> Response:
    """One bib."""
    bib = alma().bibs.get(mms_id)
    if bib is None:
        raise bad_mms(mms_id)
    return answer("bib", bib_json(bib, view=request.args.get("view", "full")))


@bibs.put("/bibs/<mms_id>")
def update(mms_id: str) -> Response:
    """Replaces the record."""
    refuse_json()
    state = alma()
    bib = state.bibs.get(mms_id)
    if bib is None:
        raise bad_mms(mms_id)
    sent = _read_record()
    bib.record = marc.with_control_number(sent.record, mms_id)
    bib.suppressed = bib.suppressed if sent.suppressed is None else sent.suppressed
    bib.modified = state.clock()
    return xml_answer("bib", bib_json(bib))


@bibs.delete("/bibs/<mms_id>")
def delete(mms_id: str) -> Response:
    """Deletes a bib; 4022020 while holdings are there, or requests without override."""
    state = alma()
    bib = state.bibs.get(mms_id)
    if bib is None:
        raise bad_mms(mms_id)
    requested = any(one.active and one.mms_id == mms_id for one in state.requests.values())
    if state.holdings_of(mms_id) or (requested and not truth("override", default=False)):
        raise AlmaError("4022020", f"Delete Bib error: record {mms_id} has related records.")
    del state.bibs[mms_id]
    state.gone.add(mms_id)
    return Response(status=204)
