"""Checks bodies against the XSD that stands inside a vendor's WADL document; JSON bodies are read as the XML they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
ATTRIBUTES = frozenset({"desc", "link"})


class InlineSchema:
    """The inline schema of one root element."""

    def __init__(self, wadl: Path, root: str) -> None:
        self.root = root
        document = etree.parse(str(wadl))
        found = next(each for each in document.iter(XS + "schema") if root in _roots(each))
        bare = etree.Element(XS + "schema", nsmap={"xs": XS[1:-1]}, elementFormDefault="unqualified")
        bare.extend(list(found))
        self._schema = etree.XMLSchema(etree.fromstring(etree.tostring(bare)))

    def problems(self, body: bytes) -> list[str]:
        """What the schema says against a body, JSON or XML."""
        tree = etree.fromstring(body) if body.lstrip().startswith(b"<") else self._tree(json.loads(body))
        self._schema.validate(tree)
        return [f"{entry.path}: {entry.message}" for entry in self._schema.error_log]  # type: ignore[attr-defined]

    def _tree(self, value: dict[str, Any]) -> etree._Element:
        root = etree.Element(self.root)
        _fill(root, value)
        return etree.fromstring(etree.tostring(root))


def _roots(schema: etree._Element) -> Iterator[str]:
    return (str(each.get("name")) for each in schema.findall(XS + "element"))


def _fill(element: etree._Element, value: Any) -> None:
    if isinstance(value, dict) and "value" in value:
        if value.get("desc") is not None:
            element.set("desc", str(value["desc"]))
        element.text = _text(value["value"])
    elif isinstance(value, dict):
        for name, entry in value.items():
            for one in entry if isinstance(entry, list) else [entry]:
                if one is not None and name not in ATTRIBUTES:
                    _fill(etree.SubElement(element, name), one)
    else:
        element.text = _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
