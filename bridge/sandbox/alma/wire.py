"""What goes over the wire: XML or JSON by the client's wish, and bodies read alike from both."""

import json
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from flask import Response, request
from lxml import etree

from bridge.sandbox.alma.errors import AlmaError, general
from bridge.sandbox.alma.state import alma

Json = dict[str, Any]

BASE_PATH = "/almaws/v1"
_ATTRIBUTES = ("desc", "link", "name", "description")
_LIST_WRAPPERS = {"network_number": "network_numbers", "transaction": "transactions", "user_block": "user_blocks"}
_LIST_WRAPPERS |= {"user_identifier": "user_identifiers", "user_role": "user_roles", "row": "rows"}


def wants_json() -> bool:
    """True if JSON is asked by format= or Accept; XML is the default when nothing is asked (alma.md, from memory there)."""
    asked = request.args.get("format", "")
    if asked:
        return asked == "json"
    accepted = request.headers.get("Accept", "")
    return "json" in accepted and "xml" not in accepted.split("json", maxsplit=1)[0]


def refuse_json() -> None:
    """60105 where a route knows XML only (OpenAPI bibs.json: bib and holding POST and PUT)."""
    if wants_json() or "json" in (request.content_type or ""):
        raise AlmaError("60105", "JSON is not supported for this API.")


def when(moment: datetime) -> str:
    """A time as Alma writes it: UTC with milliseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def due(moment: datetime) -> str:
    """A due date: UTC to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def day(moment: datetime | date) -> str:
    """A date as Alma writes it."""
    return f"{moment:%Y-%m-%d}Z"


def code(value: str | None, desc: str | None = None) -> Json:
    """A value of a code table."""
    return {"value": value, "desc": desc}


def link(path: str) -> str:
    """The absolute address of a resource below the base path."""
    return f"{request.host_url.rstrip('/')}{BASE_PATH}{quote(path, safe='/%')}"


def answer(root: str, body: Json) -> Response:
    """The body as JSON or XML, as asked."""
    if wants_json():
        return Response(json.dumps(_shaped(body)), content_type="application/json;charset=UTF-8")
    return xml_answer(root, body)


def xml_answer(root: str, body: Json) -> Response:
    """The body as XML; the code-table values become element text with a desc attribute."""
    element = etree.Element(root)
    _fill(element, body)
    text = etree.tostring(element, xml_declaration=True, encoding="UTF-8", standalone=True)
    return Response(text, content_type="application/xml;charset=UTF-8")


def listed(root: str, name: str, entries: list[Json], total: int | None = None, **more: object) -> Response:
    """A list; its key is absent when it is empty (recorded: php_item_no_loan_response.json)."""
    body: Json = {name: entries} if entries else {}
    return answer(root, body | {"total_record_count": len(entries) if total is None else total} | more)


def page(entries: list[Json]) -> list[Json]:
    """The slice asked by limit and offset. Raises 60217 when the offset is too large."""
    limit = min(_number("limit", 10), 100)
    offset = _number("offset", 0)
    if offset and offset >= len(entries):
        raise AlmaError("60217", "The offset is too large.")
    return entries[offset : offset + limit]


def _number(name: str, default: int) -> int:
    given = request.args.get(name, "")
    if given and not given.isdigit():
        raise AlmaError("401666", f"{name} parameter is not valid.")
    return int(given) if given else default


def _shaped(value: Any) -> Any:  # noqa: ANN401 - JSON
    behaviour = alma().behaviour
    if isinstance(value, list):
        shaped = [_shaped(entry) for entry in value]
        return shaped[0] if behaviour.single_lists and len(shaped) == 1 and isinstance(shaped[0], dict) else shaped
    if not isinstance(value, dict):
        return value
    inner = {key: _shaped(entry) for key, entry in value.items()}
    if behaviour.empties == "missing":
        return {key: entry for key, entry in inner.items() if entry not in (None, "", {})}
    if behaviour.empties == "braces" and set(inner) == {"value", "desc"} and not inner["value"]:
        return {}
    return inner


def _fill(element: etree._Element, value: Any) -> None:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and "value" in value:
        for name in _ATTRIBUTES:
            if value.get(name) is not None:
                element.set(name, str(value[name]))
        element.text = _text(value["value"])
    elif isinstance(value, dict):
        for key, entry in value.items():
            _add(element, key, entry)
    else:
        element.text = _text(value)


def _add(element: etree._Element, key: str, entry: Any) -> None:  # noqa: ANN401 - JSON
    if key in {"link", "total_record_count"}:
        element.set(key, str(entry))
    elif key == "anies":
        element.append(etree.fromstring(entry[0].split("?>", 1)[1]))
    elif isinstance(entry, list):
        parent = etree.SubElement(element, _LIST_WRAPPERS[key]) if key in _LIST_WRAPPERS else element
        for one in entry:
            _fill(etree.SubElement(parent, key), one)
    else:
        _fill(etree.SubElement(element, key), entry)


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def submitted() -> Json:
    """The request's body as a tree, from JSON or XML; {} if there is none. Raises 401652 if it cannot be read."""
    raw = request.get_data()
    if not raw.strip():
        return {}
    kind = request.content_type or ""
    if "xml" in kind:
        return _from_xml(raw)
    if "json" not in kind:
        raise general()
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise general() from error
    if not isinstance(body, dict):
        raise general()
    return body


def _from_xml(raw: bytes) -> Json:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = _tree(etree.fromstring(raw, parser))
    except etree.XMLSyntaxError as error:
        raise general() from error
    return tree if isinstance(tree, dict) else {}


def _tree(element: etree._Element) -> Json | str:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return (element.text or "").strip()
    return {str(child.tag): _tree(child) for child in children}


def text_in(body: Json, name: str) -> str:
    """A plain value; "" if missing or null. Raises 401652 where an object stands in its place."""
    found = body.get(name)
    if found is None:
        return ""
    if isinstance(found, (dict, list)):
        raise general()
    return str(found).lower() if isinstance(found, bool) else str(found)


def code_in(body: Json, name: str) -> str:
    """A code-table value: {"value": …} in JSON, element text in XML; a bare string in JSON cannot be read (401652)."""
    found = body.get(name)
    if found is None:
        return ""
    if isinstance(found, dict):
        return text_in(found, "value")
    if "json" in (request.content_type or ""):
        raise general()
    return str(found)


def part_in(body: Json, name: str) -> Json:
    """A nested object; {} if missing."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def truth(name: str, *, default: bool) -> bool:
    """A query parameter that is true or false."""
    given = request.args.get(name, "")
    return default if not given else given.lower() == "true"
