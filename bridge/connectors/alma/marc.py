"""The temporary bib and holding as MARC, in the XML that Alma takes: without namespace, suppressed (alma.md section 3)."""

from __future__ import annotations

import re
from xml.etree.ElementTree import tostring

from lxml import etree
from pymarc import Field, Indicators, Record, Subfield
from pymarc.marcxml import record_to_xml_node

from bridge.domain.commands import CreateTemporaryItem
from bridge.domain.identity import Mark

AGENCY = "(ILLB)"
"""Prefix of our number in 035, by which ``GET /bibs?other_system_id=`` finds the bib again."""

LEADER_BIB = "00000nam a2200000 i 4500"
LEADER_HOLDING = "00000nx  a22000001n 4500"


def system_number(mark: Mark) -> str:
    """Our number of a bib, as 035 has it."""
    return AGENCY + mark.code


def bib(command: CreateTemporaryItem) -> bytes:
    """The bib to create."""
    said = command.description
    record = Record(leader=LEADER_BIB)
    record.add_field(Field(tag="008", data="000000s        xx            000 0 und d"))
    if said.isbn:
        record.add_field(_field("020", " ", " ", ("a", said.isbn)))
    record.add_field(_field("035", " ", " ", ("a", system_number(command.target.mark))))
    if said.author:
        record.add_field(_field("100", "1", " ", ("a", said.author)))
    title = f"{said.title or 'Interlibrary loan'}{f' ({said.volume})' if said.volume else ''}"
    record.add_field(_field("245", "0" if not said.author else "1", "0", ("a", title)))
    record.add_field(
        _field("500", " ", " ", ("a", f"Temporary record of an interlibrary loan. {command.target.mark.text}"))
    )
    return _wrapped("bib", record, suppressed=command.suppressed)


def holding(command: CreateTemporaryItem) -> bytes:
    """The holding to create; library and location of the item follow from its 852."""
    place = command.target.place
    record = Record(leader=LEADER_HOLDING)
    record.add_field(Field(tag="008", data="0000000p    8   4001uueng0000000"))
    call_number = command.description.call_number or "ILL"
    record.add_field(_field("852", "0", " ", ("b", place.library), ("c", place.location), ("h", call_number)))
    return _wrapped("holding", record, suppressed=command.suppressed)


_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold (XML 1.0, 2.2 Characters); MARC's own separators are among it."""


def _written(value: str) -> str:
    return _FORBIDDEN.sub(" ", value)


def _field(tag: str, first: str, second: str, *subfields: tuple[str, str]) -> Field:
    return Field(
        tag=tag,
        indicators=Indicators(first, second),
        subfields=[Subfield(code=code, value=_written(value)) for code, value in subfields],
    )


def _wrapped(name: str, record: Record, *, suppressed: bool) -> bytes:
    root = etree.Element(name)
    etree.SubElement(root, "suppress_from_publishing").text = str(suppressed).lower()
    node = etree.fromstring(_plain_xml(record), parser=etree.XMLParser(resolve_entities=False, no_network=True))
    root.append(node)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _plain_xml(record: Record) -> bytes:
    return bytes(tostring(record_to_xml_node(record, namespace=False)))
