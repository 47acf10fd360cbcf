"""What goes over the wire: links, lists, chosen fields, and bodies read strictly."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request

from bridge.sandbox.sierra.errors import bad_body, invalid, not_found
from bridge.sandbox.sierra.state import sierra

Json = dict[str, Any]
BASE_PATH = "/iii/sierra-api"
VERSIONS = ("v5", "v6")


def version() -> str:
    """The version in the path of the current request."""
    return request.path.removeprefix(BASE_PATH).strip("/").split("/")[0]


def link(path: str) -> str:
    """The absolute address of a record; ids inside objects are such addresses (sierra.md section 4)."""
    return f"{request.host_url.rstrip('/')}{BASE_PATH}/{version()}/{path}"


def when(moment: datetime) -> str:
    """A time: UTC to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def made(path: str) -> Response:
    """The answer to a creation: only the address of what was made."""
    return jsonify(link=link(path))


def done() -> Response:
    """204, without a body."""
    return Response(status=204)


def chosen(whole: Json, default: Collection[str]) -> Json:
    """The fields asked for; `default` where none are, and with `default` among them. Raises 108 for an unknown name."""
    asked = request.args.get("fields", "")
    if not asked:
        return {key: value for key, value in whole.items() if key in default}
    names = asked.split(",")
    wanted = {"id"} | (set(default) if "default" in names else set()) | set(names) - {"default", ""}
    for name in wanted:
        if name not in whole and name not in KNOWN:
            raise invalid(f"fields: '{name}' is not a known field")
    return {key: value for key, value in whole.items() if key in wanted}


KNOWN = frozenset(
    {
        "autoBlockInfo",
        "author",
        "barcode",
        "barcodes",
        "bibIds",
        "blockInfo",
        "callNumber",
        "createdDate",
        "deleted",
        "deletedDate",
        "dueDate",
        "emails",
        "expirationDate",
        "fixedFields",
        "holdCount",
        "homeLibraryCode",
        "itemType",
        "location",
        "locations",
        "message",
        "moneyOwed",
        "names",
        "note",
        "notNeededAfterDate",
        "numberOfRenewals",
        "outDate",
        "patronType",
        "pickupLocation",
        "placed",
        "priority",
        "recallDate",
        "record",
        "recordType",
        "status",
        "suppressed",
        "title",
        "transitInfo",
        "uniqueIds",
        "updatedDate",
        "varFields",
        "volumes",
    }
)


def listed(entries: list[Json]) -> Response:
    """A page of a list; an empty one may be told as 404/107."""
    offset, limit = number("offset", 0), number("limit", 50)
    page = entries[offset : offset + limit]
    if not entries and sierra().empty_is_error():
        raise not_found()
    return jsonify(total=len(page), start=offset, entries=page)


def number(name: str, default: int) -> int:
    """A whole number of the query. Raises 108."""
    given = request.args.get(name, "")
    if given and not given.isdigit():
        raise invalid(name)
    return int(given) if given else default


def body(known: Collection[str]) -> Json:
    """The JSON body; an unknown field is refused by name. Raises 115."""
    found = request.get_json(silent=True)
    if not isinstance(found, dict):
        raise bad_body("the body is not a JSON object")
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise bad_body(f"field(s) unknown : {', '.join(unknown)}")
    return found


def text_in(given: Json, name: str) -> str:
    """A text; empty where missing. Raises 115 for what is no text."""
    found = given.get(name, "")
    if not isinstance(found, str):
        raise bad_body(f"field '{name}' must be a text")
    return found


def whole_in(given: Json, name: str) -> int:
    """A whole number that must be there. Raises 115."""
    found = given.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise bad_body(f"field '{name}' must be a whole number")
    return found


def texts_in(given: Json, name: str) -> list[str]:
    """A list of texts. Raises 115."""
    found = given.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise bad_body(f"field '{name}' must be a list of texts")
    return found
