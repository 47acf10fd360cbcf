"""XML from strangers: parsed with entities and network off, and asked by local name, whatever namespace, prefix or order it comes in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from lxml import etree

from bridge.domain.dates import possible

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?")
"""An ``xs:dateTime`` as XML Schema writes it (part 2, 3.2.7)."""
_DECLARED = re.compile(rb"""^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


class NoXml(ValueError):
    """A body that is no XML document, or one that declares a document type; the text says so."""


@dataclass(frozen=True)
class Branch:
    """An element, asked by local names."""

    element: etree._Element

    @cached_property
    def name(self) -> str:
        """Its local name."""
        return etree.QName(self.element).localname

    def attribute(self, name: str) -> str:
        """An attribute by its local name, qualified or not; empty where there is none."""
        for found, value in self.element.attrib.items():
            if etree.QName(found).localname == name:
                return str(value).strip()
        return ""

    def every(self, *path: str) -> tuple[Branch, ...]:
        """All elements at this path, in the document's order."""
        found: tuple[Branch, ...] = (self,)
        for name in path:
            found = tuple(child for each in found for child in each.children if child.name == name)
        return found

    def one(self, *path: str) -> Branch | None:
        """The first element at this path."""
        return next(iter(self.every(*path)), None)

    def text(self, *path: str) -> str:
        """The first text at this path that is not empty, as one line."""
        return next((text for each in self.every(*path) if (text := each.line())), "")

    def line(self) -> str:
        """Its own text as one line; control characters say nothing."""
        return " ".join(_CONTROL.sub(" ", self.raw()).split())

    def raw(self) -> str:
        """Its own text with its lines, without the blanks around."""
        return "".join(str(part) for part in self.element.itertext()).strip() if len(self.element) == 0 else ""

    @cached_property
    def children(self) -> tuple[Branch, ...]:
        """Its elements; comments and the like are none."""
        return tuple(Branch(each) for each in self.element if isinstance(each.tag, str))

    def leaves(self, path: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
        """Every text in it, with the local names that lead there."""
        here = (*path, self.name)
        children = self.children
        if not children:
            return (("/".join(here), self.line()),) if self.line() else ()
        return tuple(leaf for child in children for leaf in child.leaves(here))


def parsed(body: bytes, *, encoding: str | None = None) -> Branch:
    """The root of a document; ``encoding`` overrides the one it declares. Raises ``NoXml``.

    Entities are not resolved, nothing is fetched, lxml's limits of depth and size stay, and a document type (which no ISO 18626 message
    has) is refused.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding=encoding,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as wrong:
        raise NoXml(f"The body is not XML: {wrong}"[:300]) from wrong
    if root is None:
        raise NoXml("The body is not XML: it is empty.")
    if _doctype(root):
        raise NoXml("The body declares a document type, which no ISO 18626 message has.")
    return Branch(root)


def _doctype(root: etree._Element) -> str:
    document: Any = root.getroottree()  # lxml-stubs do not know docinfo.doctype
    return str(document.docinfo.doctype)


def text_of(body: bytes) -> str:
    """The body as text, in the encoding it declares (UTF-8 where it declares none), to be kept and shown."""
    declared = _DECLARED.match(body)
    named = declared.group(1).decode() if declared else "utf-8"
    if body[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        named = "utf-16"
    try:
        text = body.decode(named, errors="backslashreplace")
    except (LookupError, UnicodeError, ValueError):
        text = body.decode("utf-8", errors="backslashreplace")
    return text.replace("\x00", "\\x00")


def moment(text: str) -> datetime | None:
    """The time a text means, with or without a zone, to the microsecond; ``None`` for what is no time, or was never meant (year 0001)."""
    try:
        found = datetime.fromisoformat(text.strip())
        utc = found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None
    return found if possible(utc.date()) else None


def day_or_moment(text: str) -> date | datetime | None:
    """The same for a due date, which may be a calendar date alone."""
    if len(text.strip()) == len("2026-11-26"):
        found = moment(text)
        return found.date() if found else None
    return moment(text)


def valid_moment(text: str, otherwise: datetime) -> str:
    """The text itself where a schema takes it for a time, else the time it means, else another time; always one that a schema takes."""
    if _MOMENT.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = otherwise
    zone = found.utcoffset()
    exact = zone is None or zone.total_seconds() % 60 == 0
    return (found if exact and abs(zone.total_seconds() if zone else 0) <= 14 * 3600 else otherwise).isoformat()
