"""NCIP on the wire as a responder has it: what came in by local names, and answers in either version."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

NAMESPACE = "http://www.niso.org/2008/ncip"
V2 = "http://www.niso.org/schemas/ncip/v2_02/ncip_v2_02.xsd"
V1 = "http://www.niso.org/ncip/v1_0/imp1/dtd/ncip_v1_0.dtd"
_SCHEME = "www.sirsidynix.com/schemes/uniqueagencyid.scm"
_OLD = {
    "UniqueUserId": "UserId",
    "UniqueItemId": "ItemId",
    "UniqueRequestId": "RequestId",
    "UniqueAgencyId": "AgencyId",
}


def _local(element: etree._Element) -> str:
    name = etree.QName(element).localname
    return _OLD.get(name, name)


class Asked:
    """A message as it came."""

    def __init__(self, name: str, root: etree._Element) -> None:
        self.name = name
        self._root = root

    def within(self, *path: str) -> etree._Element | None:
        """The element at the end of this path below the message; `None` where it is not."""
        found = self._root
        for name in path:
            below = next((each for each in found if isinstance(each.tag, str) and _local(each) == name), None)
            if below is None:
                return None
            found = below
        return found

    def has(self, *path: str) -> bool:
        """Whether there is such an element."""
        return self.within(*path) is not None

    def text(self, *path: str) -> str:
        """Its text; of a value with a scheme the value."""
        found = self.within(*path)
        if found is None:
            return ""
        value = next((each for each in found if isinstance(each.tag, str) and _local(each) == "Value"), found)
        return (value.text or "").strip()

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of this name right below the message."""
        return [
            "".join(map(str, each.itertext())).strip()
            for each in self._root
            if isinstance(each.tag, str) and _local(each) == name
        ]

    def anywhere(self, name: str) -> Iterator[str]:
        """The texts of all elements of this name."""
        return (
            (each.text or "").strip()
            for each in self._root.iter()
            if isinstance(each.tag, str) and _local(each) == name
        )


def read(body: bytes) -> Asked | None:
    """The message in a body; `None` where there is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(body, parser=parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    messages = [each for each in root if isinstance(each.tag, str)]
    return Asked(_local(messages[0]), messages[0]) if _local(root) == "NCIPMessage" and messages else None


@dataclass(frozen=True)
class El:
    """An element of an answer, under its name in version 2; `coded` values have a scheme in version 1."""

    name: str
    content: "str | tuple[El, ...]" = ()
    coded: bool = False


def identified(what: str, value: str, *, agency: str = "", kind: str = "") -> El:
    """An identifier."""
    inside = (
        *((El("AgencyId", agency, coded=True),) if agency else ()),
        *((El(f"{what}IdentifierType", kind),) if kind else ()),
        El(f"{what}IdentifierValue", value),
    )
    return El(f"{what}Id", inside)


def problem(kind: str, detail: str, element: str = "", value: str = "") -> El:
    """A problem, as version 2 has it; version 1's is made of it when it is written."""
    parts = (("ProblemType", kind), ("ProblemDetail", detail), ("ProblemElement", element), ("ProblemValue", value))
    return El("Problem", tuple(El(name, text) for name, text in parts if text))


def written(content: tuple[El, ...], *, version: int, qualified: bool = True, escapes: bool = True) -> bytes:
    """A whole message."""
    if version == 1:
        root = etree.Element("NCIPMessage", version=V1)
    else:
        root = etree.Element(f"{{{NAMESPACE}}}NCIPMessage", nsmap={"ns1": NAMESPACE})
        root.set(f"{{{NAMESPACE}}}version" if qualified else "version", V2)
    for each in content:
        _grow(root, each, version)
    sent = bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    return sent if escapes else sent.replace(b"&amp;", b"&")


def _grow(parent: etree._Element, element: El, version: int) -> None:
    if version == 1 and element.name == "Problem":
        _old_problem(parent, element)
        return
    back = {new: old for old, new in _OLD.items()}
    name = back.get(element.name, element.name) if version == 1 else f"{{{NAMESPACE}}}{element.name}"
    node = etree.SubElement(parent, name)
    if isinstance(element.content, str):
        if version == 1 and element.coded:
            etree.SubElement(node, "Scheme").text = _SCHEME
            node = etree.SubElement(node, "Value")
        node.text = element.content
        return
    for child in element.content:
        if version == 1 and child.name.endswith("IdentifierType"):
            continue
        _grow(node, child, version)


def _old_problem(parent: etree._Element, element: El) -> None:
    said = {each.name: str(each.content) for each in element.content if isinstance(each, El)}
    error = etree.SubElement(etree.SubElement(parent, "Problem"), "ProcessingError")
    kind = etree.SubElement(error, "ProcessingErrorType")
    etree.SubElement(kind, "Scheme").text = _SCHEME
    etree.SubElement(kind, "Value").text = said.get("ProblemType", "")
    where = etree.SubElement(error, "ProcessingErrorElement")
    etree.SubElement(where, "ElementName").text = said.get("ProblemElement", "")
    etree.SubElement(where, "ProcessingErrorValue").text = said.get("ProblemDetail", "")
