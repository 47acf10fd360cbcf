"""Bibliographic records as Symphony writes MARC in JSON (symphony.md, section 5.1)."""

from collections.abc import Iterable
from typing import Any

from bridge.sandbox.symphony.errors import bad_body

Json = dict[str, Any]


def checked(record: object) -> Json:
    """A record that can be stored. Raises 400 for what is none: control fields have one subfield `_`, others two indicators."""
    if not isinstance(record, dict) or not isinstance(record.get("fields"), list):
        raise bad_body("Field 'bib' must be a record with fields.")
    if len(str(record.get("leader", ""))) != 24:
        raise bad_body("The leader must have 24 characters.")
    for one in record["fields"]:
        _check(one)
    return {"standard": "MARC21", "type": "BIB"} | record


def _check(one: object) -> None:
    if not isinstance(one, dict) or not isinstance(one.get("tag"), str) or not one.get("subfields"):
        raise bad_body("A MARC field must have tag and subfields.")
    parts = one["subfields"]
    if any(not isinstance(part, dict) or not isinstance(part.get("data"), str) for part in parts):
        raise bad_body(f"MARC field {one['tag']}: a subfield must have code and data.")
    if one["tag"] < "010":
        if [part.get("code") for part in parts] != ["_"] or "inds" in one:
            raise bad_body(f"MARC field {one['tag']} must have one subfield _ and no indicators.")
    elif len(str(one.get("inds", ""))) != 2:
        raise bad_body(f"MARC field {one['tag']} must have two indicators.")


def first(record: Json, tag: str, codes: str) -> str:
    """The named subfields of the first field with this tag, joined."""
    for one in record["fields"]:
        if one["tag"] == tag:
            return " ".join(part["data"] for part in one["subfields"] if part["code"] in codes)
    return ""


def texts(record: Json) -> list[str]:
    """Everything that a record says."""
    return [part["data"] for one in record["fields"] for part in one["subfields"]]


def without_notes(record: Json) -> None:
    """Takes the notes (5xx), local fields (9xx) and numbers (035) out of a record."""
    record["fields"] = [one for one in record["fields"] if one["tag"][0] not in "59" and one["tag"] != "035"]


def brief(title: str, author: str, notes: Iterable[str] = ()) -> Json:
    """A short record, for seeds."""
    fields = [{"tag": "245", "inds": "10", "subfields": [{"code": "a", "data": title}]}]
    if author:
        fields.insert(0, {"tag": "100", "inds": "1 ", "subfields": [{"code": "a", "data": author}]})
    fields += [{"tag": "500", "inds": "  ", "subfields": [{"code": "a", "data": note}]} for note in notes]
    return {"standard": "MARC21", "type": "BIB", "leader": "00000nam a2200000 a 4500", "fields": fields}
