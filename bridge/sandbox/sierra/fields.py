"""Fixed and variable fields as Sierra shows and takes them (sierra.md, section 10, "Write rules")."""

from typing import Any

from bridge.sandbox.sierra.errors import bad_body
from bridge.sandbox.sierra.model import VarField
from bridge.sandbox.sierra.wire import Json

LABELS = {
    "31": "BIB CODE 3",
    "57": "BIB HOLD",
    "58": "COPY #",
    "60": "ICODE2",
    "61": "I TYPE",
    "65": "DUE DATE",
    "66": "PATRON#",
    "71": "# RENEWALS",
    "79": "LOCATION",
    "88": "STATUS",
    "97": "IMESSAGE",
}
PADDED = {"79": 5}
"""Codes that come padded with blanks to this width."""


def shown_fixed(fixed: dict[str, str]) -> Json:
    """All fixed fields with label and value."""
    return {
        number: {"label": LABELS.get(number, number), "value": value.ljust(PADDED.get(number, 0))}
        for number, value in sorted(fixed.items())
    }


def shown_var(fields: list[VarField]) -> list[Json]:
    """All variable fields; one with a MARC tag shows its subfields."""
    return [_shown(one) for one in fields]


def _shown(one: VarField) -> Json:
    if not one.marc:
        return {"fieldTag": one.tag, "content": one.content}
    parts = [{"tag": tag, "content": content} for tag, content in one.subfields]
    return {"fieldTag": one.tag, "marcTag": one.marc, "ind1": one.ind1, "ind2": one.ind2, "subfields": parts}


def taken_fixed(given: object) -> dict[str, str]:
    """Fixed fields of a body; label and value are needed together, else all of it fails."""
    if not isinstance(given, dict):
        raise bad_body("field 'fixedFields' must be an object")
    found = {}
    for number, field in given.items():
        if not isinstance(field, dict) or not {"label", "value"} <= set(field):
            raise bad_body(f"fixedFields.{number}: label and value are needed")
        found[str(number)] = str(field["value"]).strip() or "-"
    return found


def taken_var(given: object) -> list[VarField]:
    """Variable fields of a body. Raises 115 for a content of null."""
    if not isinstance(given, list):
        raise bad_body("field 'varFields' must be a list")
    return [_taken(one) for one in given]


def _taken(given: Any) -> VarField:  # noqa: ANN401 - JSON
    if not isinstance(given, dict) or not isinstance(given.get("fieldTag"), str):
        raise bad_body("varFields: fieldTag is needed")
    if "content" in given and not isinstance(given["content"], str):
        raise bad_body("varFields: content must be a text")
    parts = tuple((str(each["tag"]), str(each["content"])) for each in given.get("subfields", []))
    marc = str(given.get("marcTag", ""))
    return VarField(
        given["fieldTag"], given.get("content", ""), marc, given.get("ind1", " "), given.get("ind2", " "), parts
    )


def replaced(fields: list[VarField], fresh: list[VarField]) -> list[VarField]:
    """The fields with each tag group that `fresh` names in the place of the old; other groups stay."""
    tags = {one.tag for one in fresh}
    return [one for one in fields if one.tag not in tags] + fresh
