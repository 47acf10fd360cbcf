"""Other doors of the same ILS: OCLC's tokens and SCIM search, Innovative's Patron API.

koha-wms-spydus.md part B, millennium.md section 4.
"""

import base64
import binascii
import re
from datetime import date

from flask import Blueprint, Response, g, jsonify, request

from bridge.sandbox.ncip.model import Patron
from bridge.sandbox.ncip.state import State, ncip

doors = Blueprint("doors", __name__)
_LAST = date(2068, 12, 31)
"""Years have two digits there."""
_FILTER = re.compile(r'External_ID eq "(.*)"')
_CIRCULATION = "urn:mace:oclc.org:eidm:schema:persona:wmscircpatroninfo:20180101"
_PERSONA = "urn:mace:oclc.org:eidm:schema:persona:persona:20180305"


def let_in(state: State) -> bool:
    """Whether the call bears a token that is still good, where tokens are wanted."""
    if not state.clients:
        return True
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    until = state.tokens.get(token)
    return scheme.lower() == "bearer" and until is not None and until > state.clock()


@doors.post("/token")
def token() -> Response:
    """OAuth2 client credentials."""
    state = ncip()
    try:
        given = base64.b64decode(request.headers.get("Authorization", "").partition(" ")[2]).decode()
    except (binascii.Error, UnicodeDecodeError):
        given = ""
    name, _, secret = given.partition(":")
    if not name or state.clients.get(name) != secret:
        answer = jsonify(code=401, message="invalid client")
        answer.status_code = 401
        return answer
    return jsonify(access_token=state.new_token(), token_type="bearer", expires_in=state.behaviour.token_seconds)


def _scim_error(status: int, detail: str) -> Response:
    answer = jsonify(schemas=["urn:ietf:params:scim:api:messages:2.0:Error"], status=str(status), detail=detail)
    answer.status_code = status
    return answer


@doors.post("/scim/v2/Users/.search")
def scim() -> Response:
    """A patron by barcode."""
    state = ncip()
    g.vendor_code = ""
    if not let_in(state):
        return _scim_error(401, "Authentication failure. Missing or invalid authorization token.")
    wanted = _FILTER.search(str((request.get_json(force=True) or {}).get("filter", "")))
    found = state.find_patron(wanted[1]) if wanted else None
    people = [_scim_person(found)] if found is not None and not found.is_account else []
    return jsonify(totalResults=len(people), itemsPerPage=len(people), startIndex=1, Resources=people)


def _scim_person(patron: Patron) -> dict[str, object]:
    circulation = {"barcode": patron.barcode, "borrowerCategory": "ADULT", "isCircBlocked": patron.status != "OK"}
    return {
        "externalId": patron.barcode,
        "name": {"familyName": patron.name},
        _PERSONA: {"oclcExpirationDate": f"{patron.expires}T00:00:00Z"},
        _CIRCULATION: {"circulationInfo": circulation},
    }


@doors.get("/PATRONAPI/<barcode>/dump")
def dump(barcode: str) -> Response:
    """Innovative's page of a patron."""
    found = ncip().find_patron(barcode)
    if found is None:
        lines = ["ERRNUM=1", "ERRMSG=Requested record not found"]
    else:
        lines = [
            f"P BARCODE[pb]={found.barcode}",
            f"PATRN NAME[pn]={found.name}",
            f"EXP DATE[p43]={min(found.expires, _LAST):%m-%d-%y}",
            "P TYPE[p47]=10",
            f"MBLOCK[p56]={'-' if found.status == 'OK' else 'f'}",
        ]
    return Response(
        f"<HTML><BODY>\n{chr(10).join(f'{line}<BR>' for line in lines)}\n</BODY></HTML>", mimetype="text/html"
    )
