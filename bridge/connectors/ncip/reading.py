"""Answers read leniently: by local names, whatever the namespace, the version, or the order (ncip-sip2.md sections 1.2, 1.6 and 1.7).

NCIP 1's names are read as those of NCIP 2. Text instead of an answer, an answer cut off, and an answer to something else are
``NoAnswer``: what became of the message is then not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from bridge.connectors.ncip.problems import Problem

_BARE = re.compile(rb"&(?!(?:#\d+|#x[0-9A-Fa-f]+|amp|lt|gt|quot|apos);)")
_XML_INSIDE = re.compile(rb"<(?:\?xml|!DOCTYPE|(?:\w+:)?NCIPMessage).*</(?:\w+:)?NCIPMessage\s*>", re.DOTALL)
_OLD_NAMES = {
    "UniqueUserId": "UserId",
    "UniqueItemId": "ItemId",
    "UniqueRequestId": "RequestId",
    "UniqueAgencyId": "AgencyId",
}


class NoAnswer(Exception):
    """What came is no answer to what was sent; the text says what it is."""


class Node:
    """An element by local names; one that is not there is empty and has nothing in it."""

    def __init__(self, element: etree._Element | None) -> None:
        self._element = element

    def __bool__(self) -> bool:
        return self._element is not None

    @property
    def name(self) -> str:
        """The local name, as NCIP 2 has it."""
        return _name(self._element) if self._element is not None else ""

    @property
    def text(self) -> str:
        """The text, of a coded value in either version, without the padding some put around it."""
        if self._element is None:
            return ""
        value = self.child("Value")
        return value.text if value else " ".join((self._element.text or "").split())

    def children(self, *names: str) -> Iterator[Node]:
        """Elements of these names right below; all of them where none is named."""
        for child in self._element if self._element is not None else ():
            if isinstance(child.tag, str) and (not names or _name(child) in names):
                yield Node(child)

    def child(self, *path: str) -> Node:
        """The first element at the end of this path."""
        found = self
        for name in path:
            found = next(found.children(name), Node(None))
        return found

    def anywhere(self, *names: str) -> Iterator[Node]:
        """Elements of these names however deep, in the order of the document."""
        if self._element is not None:
            found = (each for each in self._element.iter() if isinstance(each.tag, str) and _name(each) in names)
            yield from (Node(each) for each in found)

    def first(self, *names: str) -> str:
        """The text of the first element of these names, however deep."""
        return next((each.text for each in self.anywhere(*names)), "")


def _name(element: etree._Element) -> str:
    local = etree.QName(element).localname
    return _OLD_NAMES.get(local, local)


@dataclass(frozen=True)
class Answer:
    """An answer to a message: its problems, or what is in it."""

    body: Node
    problems: tuple[Problem, ...] = ()


def read(body: bytes, asked: str) -> Answer:
    """The answer to a message of the name ``asked``. Raises ``NoAnswer``."""
    root = Node(_parsed(body))
    if root.name != "NCIPMessage":
        raise NoAnswer(f"it is <{root.name}> and no NCIPMessage")
    direct = tuple(map(problem_of, root.children("Problem")))
    if direct:
        return Answer(Node(None), direct)
    found = root.child(f"{asked}Response")
    if not found:
        others = ", ".join(sorted({each.name for each in root.children()}))
        raise NoAnswer(f"it holds {others} and no {asked}Response" if others else "it holds text and no answer")
    return Answer(found, tuple(map(problem_of, found.children("Problem"))))


def _parsed(body: bytes) -> etree._Element:
    """Values may not be escaped (Koha's are not): a bare ``&`` is mended, and nothing else."""
    inside = _XML_INSIDE.search(body)
    if inside is None:
        raise NoAnswer("it is no XML, or was cut off" if body.strip() else "it is empty")
    try:
        return etree.fromstring(_BARE.sub(b"&amp;", inside[0]), parser=_parser())
    except (etree.XMLSyntaxError, ValueError) as ill_formed:
        raise NoAnswer("it is ill-formed XML") from ill_formed


def _parser() -> etree.XMLParser:
    """Neither entities nor the network: NCIP 1 names a DTD that must never be fetched."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )


def problem_of(node: Node) -> Problem:
    """A problem in either version: NCIP 1 nests it, SirsiDynix one level less than others."""
    inner = node.child("ProcessingError") or node.child("MessagingError")
    if not inner:
        said = (node.child(f"Problem{part}").text for part in ("Type", "Detail", "Element", "Value"))
        kind, detail, element, value = said
        return Problem(kind or ("" if detail or element or value else node.text), detail, element, value)
    kind = inner.first("ProcessingErrorType", "MessagingErrorType")
    element = inner.first("ElementName")
    return Problem(kind, inner.first("ProcessingErrorValue", "MessagingErrorValue"), element)


@dataclass(frozen=True)
class Named:
    """An identifier in an answer."""

    value: str = ""
    kind: str = ""


def named(node: Node, what: str) -> Named:
    """The identifier of a user, item or request that stands right below ``node``."""
    return _named(node.child(f"{what}Id"), what)


def _named(found: Node, what: str) -> Named:
    value = found.child(f"{what}IdentifierValue").text or found.child(f"Visible{what}Identifier").text
    return Named(value, found.child(f"{what}IdentifierType").text)


@dataclass(frozen=True)
class Privilege:
    """What a user may, as key and value; some servers put the value in the key and leave the status out."""

    kind: str
    status: str
    until: str


@dataclass(frozen=True)
class SeenRequest:
    """A request of a user: the responder's number, or the item's identifier where it has none."""

    request: str
    item: str
    pickup: str
    status: str
    title: str = ""


@dataclass(frozen=True)
class SeenLoanedItem:
    """A loan of a user."""

    item: str
    due: str
    title: str = ""


@dataclass(frozen=True)
class SeenFee:
    """A fee of a user: the number of the request it is for, what it says, and its own number."""

    request: str
    description: str
    number: str


@dataclass(frozen=True)
class UserSeen:
    """A user. ``requests`` and ``loans`` are ``None`` where the responder gave neither list nor count: nothing can be said of them."""

    user: Named
    name: str
    privileges: tuple[Privilege, ...]
    blocks: tuple[str, ...]
    requests: tuple[SeenRequest, ...] | None
    loans: tuple[SeenLoanedItem, ...] | None
    fees: tuple[SeenFee, ...] | None


def user_seen(body: Node) -> UserSeen:
    """A LookupUserResponse."""
    fields = body.child("UserOptionalFields")
    return UserSeen(
        user=named(body, "User"),
        name=_whole_name(fields.child("NameInformation", "PersonalNameInformation")),
        privileges=tuple(map(_privilege, fields.children("UserPrivilege"))),
        blocks=tuple(each.text for each in fields.anywhere("BlockOrTrapType")),
        requests=_listed(body, "Requested"),
        loans=_loaned(body),
        fees=_fees(body),
    )


def _whole_name(node: Node) -> str:
    parts = (node.first("GivenName"), node.first("Surname"))
    return " ".join(part for part in parts if part) or node.first("UnstructuredPersonalUserName")


def _privilege(node: Node) -> Privilege:
    status = node.child("UserPrivilegeStatus").first("UserPrivilegeStatusType")
    return Privilege(node.child("AgencyUserPrivilegeType").text, status, node.child("ValidToDate").text)


def _told(body: Node, what: str) -> bool:
    """Whether this list was given at all: an entry, or a count, be it nought."""
    return any(body.children(f"{what}Item", f"{what}ItemsCount"))


def _listed(body: Node, what: str) -> tuple[SeenRequest, ...] | None:
    if not _told(body, what):
        return None
    return tuple(
        SeenRequest(
            request=named(each, "Request").value,
            item=named(each, "Item").value,
            pickup=each.child("PickupLocation").text,
            status=each.child("RequestStatusType").text,
            title=each.first("Title"),
        )
        for each in body.children(f"{what}Item")
    )


def _loaned(body: Node) -> tuple[SeenLoanedItem, ...] | None:
    if not _told(body, "Loaned"):
        return None
    return tuple(
        SeenLoanedItem(named(each, "Item").value, each.child("DateDue").text, each.first("Title"))
        for each in body.children("LoanedItem")
    )


def _fees(body: Node) -> tuple[SeenFee, ...] | None:
    accounts = tuple(body.children("UserFiscalAccount"))
    if not accounts:
        return None
    told = (each for account in accounts for each in account.anywhere("FiscalTransactionInformation"))
    return tuple(
        SeenFee(
            request=named(each, "Request").value,
            description=each.child("FiscalTransactionDescription").text,
            number=each.first("FiscalTransactionIdentifierValue"),
        )
        for each in told
    )


LENT = frozenset({"on loan", "checked out", "charged"})
AT_HOME = frozenset(
    {
        "available",
        "available for pickup",
        "available on shelf",
        "checked in",
        "in process",
        "in transit",
        "in transit between library locations",
        "on order",
        "pending transfer",
        "waiting to be reshelved",
    }
)
"""Statuses beside which no loan stands: the standard's (ncip-sip2.md section 1.5), a running Koha's "Checked In", and two shorter forms."""


@dataclass(frozen=True)
class ItemSeen:
    """An item. ``borrower`` and ``requesters`` are empty where nobody is named; ``due`` as the responder writes it."""

    item: Named
    status: str
    borrower: str
    requesters: tuple[str, ...]
    queue: int | None
    call_number: str
    title: str
    due: str
    places: tuple[str, ...]
    bib: str

    @property
    def lent(self) -> bool | None:
        """Whether somebody has it; ``None`` where that is not told: no status, or one that a loan may stand beside (lost, recalled)."""
        status = self.status.casefold()
        if self.borrower or status in LENT:
            return True
        return False if status in AT_HOME else None

    @property
    def on_loan(self) -> bool:
        """Whether somebody has it, as far as it is told."""
        return self.lent is True

    @property
    def lost(self) -> bool:
        """Whether it is declared lost."""
        return "lost" in self.status.casefold()


def item_seen(body: Node) -> ItemSeen:
    """A LookupItemResponse, or what another answer says of its item; Koha has the fields in the wrong place."""
    people = body.child("ItemTransaction")
    queue = body.first("HoldQueueLength")
    return ItemSeen(
        item=named(body, "Item"),
        status=body.first("CirculationStatus"),
        borrower=named(people.child("CurrentBorrower"), "User").value,
        requesters=tuple(named(each, "User").value for each in people.children("CurrentRequester")),
        queue=int(queue) if queue.isdigit() else None,
        call_number=body.first("CallNumber"),
        title=body.first("Title"),
        due=body.first("DateDue"),
        places=tuple(filter(None, (each.text for each in body.anywhere("LocationNameValue")))),
        bib=body.first("BibliographicRecordIdentifier"),
    )


@dataclass(frozen=True)
class LentSeen:
    """What a check-out, renewal or check-in says: item, user, and the date it is due."""

    item: Named
    user: Named
    due: str
    routing: str
    waits: str


def lent_seen(body: Node) -> LentSeen:
    """A CheckOutItemResponse, RenewItemResponse or CheckInItemResponse; ``waits`` is the request the item goes to now."""
    routing = body.child("RoutingInformation")
    return LentSeen(
        item=named(body, "Item"),
        user=named(body, "User"),
        due=body.child("DateDue").text,
        routing=routing.child("RoutingInstructions").text,
        waits=routing.child("RequestType").text,
    )
