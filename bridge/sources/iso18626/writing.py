"""Writing ISO 18626: elements in the standard's namespace, with text that XML can hold."""

from __future__ import annotations

import re

from lxml import etree

NAMESPACE = "http://illtransactions.org/2013/iso18626"
MEDIA_TYPE = "application/xml; charset=utf-8"
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(version: str) -> etree._Element:
    """The root of a message of this version."""
    root = etree.Element(qualified("ISO18626Message"), nsmap={"ill": NAMESPACE})
    root.set(qualified("version"), version)
    return root


def child(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    """A new element below, with text where there is any."""
    made = etree.SubElement(parent, qualified(name))
    if text is not None:
        made.text = writable(text)
    return made


def written(root: etree._Element) -> bytes:
    """The document, in UTF-8."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def qualified(local: str) -> str:
    """A name in the standard's namespace."""
    return f"{{{NAMESPACE}}}{local}"


def writable(text: str) -> str:
    """Without the signs that XML cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
