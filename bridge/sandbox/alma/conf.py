"""Configuration that a read-only probe asks for: libraries, locations, desks, code tables, key tests."""

from flask import Blueprint, Response, request

from bridge.sandbox.alma.errors import AlmaError
from bridge.sandbox.alma.model import Desk, Library, Location
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.wire import Json, answer, code, link, listed, page

conf = Blueprint("conf", __name__)

_LIBRARY = "/conf/libraries/<libraryCode>"


def _test() -> Response:
    result = {"status": f"{request.method} - OK", "institutionCode": alma().institution}
    return answer("result", result if request.method == "GET" else {"status": "POST - OK"})


for _path in ("/conf/test", "/bibs/test", "/users/operation/test"):
    conf.add_url_rule(_path, endpoint=f"test{_path.replace('/', '_')}", view_func=_test, methods=["GET", "POST"])


def _library_json(library: Library, *, institution: str) -> Json:
    first = next(iter(library.locations.values()), None)
    return {
        "code": library.code,
        "id": library.id,
        "name": library.name,
        "path": f"{institution.removesuffix('_INST')}.{institution}.{library.code}",
        "description": None,
        "resource_sharing": library.resource_sharing,
        "campus": code(""),
        "proxy": "",
        "default_location": code(first.code if first else None, first.name if first else None),
        "link": link(f"/conf/libraries/{library.code}"),
    }


def _library_asked(state: State, library_code: str) -> Library:
    library = state.libraries.get(library_code)
    if library is None:
        raise AlmaError("402119", f"General error: Library code {library_code} does not exist.")
    return library


@conf.get("/conf/libraries")
def libraries() -> Response:
    """All libraries."""
    state = alma()
    found = [_library_json(one, institution=state.institution) for one in state.libraries.values()]
    return answer("libraries", {"library": found, "total_record_count": len(found)})


@conf.get(_LIBRARY)
def library(libraryCode: str) -> Response:  # noqa: N803 - the OpenAPI document's name
    """One library."""
    return answer("library", _library_json(_library_asked(alma(), libraryCode), institution=alma().institution))


def _location_json(location: Location, library: Library) -> Json:
    return {
        "code": location.code,
        "name": location.name,
        "external_name": location.name,
        "type": code(location.type, location.type.title()),
        "remote_storage": "",
        "map": "",
        "suppress_from_publishing": str(location.suppressed).lower(),
        "fulfillment_unit": code(location.fulfillment_unit, location.fulfillment_unit),
        "accession_placement": code("none", "None"),
        "call_number_type": code("0", "Library of Congress classification"),
        "link": link(f"/conf/libraries/{library.code}/locations/{location.code}"),
    }


@conf.get(f"{_LIBRARY}/locations")
def locations(libraryCode: str) -> Response:  # noqa: N803 - the OpenAPI document's name
    """The locations of a library."""
    library = _library_asked(alma(), libraryCode)
    return listed("locations", "location", [_location_json(one, library) for one in library.locations.values()])


@conf.get(f"{_LIBRARY}/locations/<locationCode>")
def location(libraryCode: str, locationCode: str) -> Response:  # noqa: N803 - the OpenAPI document's names
    """One location."""
    library = _library_asked(alma(), libraryCode)
    found = library.locations.get(locationCode)
    if found is None:
        raise AlmaError("402119", f"General error: Location code {locationCode} does not exist.")
    return answer("location", _location_json(found, library))


def _desk_json(state: State, desk: Desk, library: Library) -> Json:
    served = []
    for library_code, location_code in sorted(desk.serves):
        place = state.location(library_code, location_code)
        if library_code == library.code and place:
            name = {"location_code": place.code, "location_name": place.name}
            lends = (library_code, location_code) not in desk.returns_only
            served.append(name | {"check_in": True, "check_out": lends, "reshelve": True})
    return {
        "code": desk.code,
        "name": desk.name,
        "primary": True,
        "reading_room_desk": False,
        "has_hold_shelf": desk.hold_shelf,
        "location": served,
        "link": link(f"/conf/libraries/{library.code}/circ-desks/{desk.code}"),
    }


@conf.get(f"{_LIBRARY}/circ-desks/")
def desks(libraryCode: str) -> Response:  # noqa: N803 - the OpenAPI document's name
    """The circulation desks of a library."""
    library = _library_asked(alma(), libraryCode)
    found = [_desk_json(alma(), desk, library) for desk in library.desks.values()]
    return listed("circ_desks", "circ_desk", page(found), len(found))


@conf.get(f"{_LIBRARY}/circ-desks/<circDeskCode>")
def desk(libraryCode: str, circDeskCode: str) -> Response:  # noqa: N803 - the OpenAPI document's names
    """One circulation desk."""
    library = _library_asked(alma(), libraryCode)
    found = library.desks.get(circDeskCode)
    if found is None:
        raise AlmaError("401664", f"Parameter value missing or invalid: {circDeskCode}.")
    return answer("circ_desk", _desk_json(alma(), found, library))


@conf.get("/conf/code-tables/<codeTableName>")
def code_table(codeTableName: str) -> Response:  # noqa: N803 - the OpenAPI document's name
    """The rows of a code table."""
    rows = alma().code_tables.get(codeTableName)
    if rows is None:
        raise AlmaError("40166411", f"The parameter codeTableName is invalid. Received: {codeTableName}.")
    body: Json = {
        "name": codeTableName,
        "description": codeTableName,
        "sub_system": code("INFRA", "Infrastructure"),
        "language": "en",
        "row": [
            {"code": key, "description": text, "default": "false", "enabled": _enabled(codeTableName, key)}
            for key, text in rows.items()
        ],
    }
    return answer("code_table", body)


def _enabled(table: str, key: str) -> str:
    return str((table, key) not in alma().switched_off).lower()


@conf.get("/conf/sets/<set_id>/members")
def set_members(set_id: str) -> Response:
    """The members of a logical set of titles: those whose record holds the set's word now."""
    state = alma()
    word = state.sets.get(set_id)
    if word is None:
        raise AlmaError("60107", "Invalid set ID.")
    found = [
        {"id": bib.mms_id, "description": state.title_of(bib.mms_id), "link": link(f"/bibs/{bib.mms_id}")}
        for bib in state.bibs.values()
        if word in bib.record
    ]
    return listed("members", "member", page(found), len(found))
