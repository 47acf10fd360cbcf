"""The temporary biblio as MARCXML: suppressed in 942$n, with our mark in a note (koha-wms-spydus.md A.2, A.6)."""

from __future__ import annotations

import re
from xml.etree.ElementTree import tostring

from pymarc import Field, Indicators, Record, Subfield
from pymarc.marcxml import record_to_xml_node

from bridge.domain.commands import CreateTemporaryItem

LEADER = "00000nam a2200000 i 4500"
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold (XML 1.0, 2.2 Characters); MARC's own separators are among it."""


def bib(command: CreateTemporaryItem) -> bytes:
    """The biblio to create."""
    said = command.description
    record = Record(leader=LEADER)
    record.add_field(Field(tag="008", data="000000s        xx            000 0 und d"))
    if said.isbn:
        record.add_field(_field("020", "  ", ("a", said.isbn)))
    if said.author:
        record.add_field(_field("100", "1 ", ("a", said.author)))
    title = f"{said.title or 'Interlibrary loan'}{f' ({said.volume})' if said.volume else ''}"
    record.add_field(_field("245", "10" if said.author else "00", ("a", title)))
    record.add_field(_field("500", "  ", ("a", command.target.mark.text)))
    kind = (("c", command.item_type),) if command.item_type else ()
    record.add_field(_field("942", "  ", *kind, ("n", "1" if command.suppressed else "0")))
    return bytes(tostring(record_to_xml_node(record, namespace=True)))


def _field(tag: str, indicators: str, *subfields: tuple[str, str]) -> Field:
    written = [Subfield(code=code, value=_FORBIDDEN.sub(" ", value)) for code, value in subfields]
    return Field(tag=tag, indicators=Indicators(*indicators), subfields=written)
