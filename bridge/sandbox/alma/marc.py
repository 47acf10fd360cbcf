"""Reads and checks the MARC XML of bibs and holdings; Alma takes it without a namespace."""

from dataclasses import dataclass

from lxml import etree

_LEADER = 24


class MarcError(Exception):
    """The XML is not what Alma accepts; the message says why."""


@dataclass(frozen=True)
class Submitted:
    """A bib or holding as sent; `suppressed` is None where the body does not say."""

    record: str
    suppressed: bool | None


def _parsed(raw: bytes | str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)
    try:
        return etree.fromstring(raw.encode() if isinstance(raw, str) else raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MarcError(f"not well-formed: {error}") from error


def submitted(raw: bytes, *, root: str) -> Submitted:
    """The record in a <bib> or <holding> document. Raises MarcError."""
    document = _parsed(raw)
    if document.tag != root:
        raise MarcError(f"the document is {document.tag}, not {root}")
    record = document.find("record")
    if record is None:
        raise MarcError("there is no record without namespace")
    _check(record)
    said = document.findtext("suppress_from_publishing")
    return Submitted(etree.tostring(record, encoding="unicode"), None if said is None else said.strip() == "true")


def _check(record: etree._Element) -> None:
    leader = record.findtext("leader") or ""
    if len(leader) != _LEADER:
        raise MarcError(f"the leader has {len(leader)} characters, not {_LEADER}")
    for part in record:
        if part.tag not in {"leader", "controlfield", "datafield"}:
            raise MarcError(f"{part.tag} is no part of a record")
        if part.tag == "leader":
            continue
        tag = part.get("tag") or ""
        if len(tag) != len("245"):
            raise MarcError(f"the tag {tag!r} has not three characters")
        if part.tag == "datafield":
            _check_datafield(part, tag)


def _check_datafield(part: etree._Element, tag: str) -> None:
    if len(part.get("ind1") or "") != 1 or len(part.get("ind2") or "") != 1:
        raise MarcError(f"field {tag} lacks an indicator")
    if not len(part) or any(child.tag != "subfield" or len(child.get("code") or "") != 1 for child in part):
        raise MarcError(f"field {tag} has no proper subfields")


def subfields(record: str, tag: str, code: str) -> list[str]:
    """All values of a subfield, in order."""
    found = _parsed(record).findall(f"datafield[@tag='{tag}']/subfield[@code='{code}']")
    return [(element.text or "").strip() for element in found]


def first(record: str, tag: str, codes: str) -> str:
    """The subfields of the first field with this tag, joined by a space; "" if there is none."""
    field = _parsed(record).find(f"datafield[@tag='{tag}']")
    if field is None:
        return ""
    return " ".join((part.text or "").strip() for part in field if (part.get("code") or "") in codes)


def with_control_number(record: str, number: str) -> str:
    """The record with 001 set to Alma's own id, as Alma does on saving."""
    tree = _parsed(record)
    for old in tree.findall("controlfield[@tag='001']"):
        tree.remove(old)
    control = etree.Element("controlfield", {"tag": "001"})
    control.text = number
    tree.insert(1, control)
    return etree.tostring(tree, encoding="unicode")
