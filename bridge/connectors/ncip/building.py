"""Messages as XML: element order is the schema's (ncip_v2_02.xsd), NCIP 1 is the same tree under its older names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.envelope import NAMESPACE, V1_DOCTYPE, VERSION_NAMES, Envelope

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CODED = frozenset(
    {
        "AgencyId",
        "ApplicationProfileType",
        "BibliographicItemIdentifierCode",
        "BibliographicRecordIdentifierCode",
        "CurrencyCode",
        "FiscalActionType",
        "FiscalTransactionType",
        "FromSystemId",
        "ItemElementType",
        "ItemIdentifierType",
        "PickupLocation",
        "RequestIdentifierType",
        "RequestScopeType",
        "RequestType",
        "RequestedActionType",
        "ToSystemId",
        "UserElementType",
        "UserIdentifierType",
    }
)
"""Elements whose text is a value of a scheme."""
_V1_NAMES = {"UserId": "UniqueUserId", "ItemId": "UniqueItemId", "RequestId": "UniqueRequestId"}
_NOT_IN_V1 = frozenset(
    {"PickupLocation", "PickupExpiryDate", "ItemIdentifierType", "UserIdentifierType", "RequestIdentifierType"}
)
"""What NCIP 1 has no place for (ncip-sip2.md section 1.7): the pickup location goes into ToAgencyId there."""


@dataclass(frozen=True)
class _El:
    name: str
    content: str | tuple[_El, ...] = ()


def build(message: say.Message, envelope: Envelope) -> bytes:
    """The message as UTF-8 XML with a declaration; signs that XML has no place for are left out."""
    parts = tuple(_BODIES[type(message)](message))
    element = _El(say.name_of(message), (*_header(envelope), *parts))
    return _first(element, envelope) if envelope.first else _second(element, envelope)


def _second(element: _El, envelope: Envelope) -> bytes:
    """NCIP 2: ``version`` and ``Scheme`` are qualified, which needs a prefix; without one for elements, another is bound beside."""
    names: dict[Any, str] = {envelope.prefix or None: NAMESPACE} | ({} if envelope.prefix else {"ncip": NAMESPACE})
    root = etree.Element(f"{{{NAMESPACE}}}NCIPMessage", nsmap=names)
    root.set(f"{{{NAMESPACE}}}version", VERSION_NAMES[envelope.version])
    _grow(root, element, envelope)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _grow(parent: etree._Element, element: _El, envelope: Envelope) -> None:
    node = etree.SubElement(parent, f"{{{NAMESPACE}}}{element.name}")
    if isinstance(element.content, str):
        node.text = _NOT_XML.sub("", element.content)
        if element.name in CODED and (scheme := envelope.scheme(element.name, element.content)):
            node.set(f"{{{NAMESPACE}}}Scheme", scheme)
        return
    for child in element.content:
        _grow(node, child, envelope)


def _first(element: _El, envelope: Envelope) -> bytes:
    root = etree.Element("NCIPMessage", version=VERSION_NAMES[envelope.version])
    _grow_first(root, element, envelope)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", doctype=V1_DOCTYPE))


def _grow_first(parent: etree._Element, element: _El, envelope: Envelope) -> None:
    if element.name in _NOT_IN_V1:
        return
    if isinstance(element.content, str):
        _text_first(parent, element.name, element.content, envelope)
        return
    node = etree.SubElement(parent, _V1_NAMES.get(element.name, element.name))
    for child in element.content:
        _grow_first(node, child, envelope)


def _text_first(parent: etree._Element, name: str, text: str, envelope: Envelope) -> None:
    node = etree.SubElement(parent, "UniqueAgencyId" if name == "AgencyId" else name)
    if name in CODED:
        etree.SubElement(node, "Scheme").text = envelope.scheme(name, text)
        node = etree.SubElement(node, "Value")
    node.text = _NOT_XML.sub("", text)


def _header(envelope: Envelope) -> Iterator[_El]:
    """The InitiationHeader; left out where no agency is named, as Millennium's users do (millennium.md section 2.1)."""
    if not (envelope.from_agency or envelope.to_agency):
        return
    yield _El(
        "InitiationHeader",
        (
            *_text("FromSystemId", envelope.from_system),
            _El("FromAgencyId", (_El("AgencyId", envelope.from_agency),)),
            *_text("FromAgencyAuthentication", envelope.password),
            *_text("ToSystemId", envelope.to_system),
            _El("ToAgencyId", (_El("AgencyId", envelope.to_agency),)),
            *_text("ApplicationProfileType", envelope.profile),
        ),
    )


def _text(name: str, text: str) -> tuple[_El, ...]:
    return (_El(name, text),) if text else ()


def _texts(name: str, texts: tuple[str, ...]) -> tuple[_El, ...]:
    return tuple(_El(name, text) for text in texts)


def _moment(name: str, moment: datetime | None) -> tuple[_El, ...]:
    return (_El(name, moment.isoformat(timespec="seconds")),) if moment is not None else ()


def _identified(what: str, given: say.Id | None) -> tuple[_El, ...]:
    if given is None:
        return ()
    kind, value = f"{what}IdentifierType", f"{what}IdentifierValue"
    return (_El(f"{what}Id", (*_text("AgencyId", given.agency), *_text(kind, given.kind), _El(value, given.value))),)


def _happened(moment: datetime | None) -> tuple[_El, ...]:
    return (_El("MandatedAction", _moment("DateEventOccurred", moment)),) if moment is not None else ()


def _lookup_user(message: say.LookupUser) -> Iterator[_El]:
    yield from _identified("User", message.user)
    yield from _texts("UserElementType", message.elements)
    if message.lists:
        yield from (_El("LoanedItemsDesired"), _El("RequestedItemsDesired"))
    if message.account:
        yield _El("UserFiscalAccountDesired")


def _lookup_item(message: say.LookupItem) -> Iterator[_El]:
    yield from _identified("Item", message.item)
    yield from _texts("ItemElementType", message.elements)
    if message.people:
        yield from (_El("CurrentBorrowerDesired"), _El("CurrentRequestersDesired"))


def _accept_item(message: say.AcceptItem) -> Iterator[_El]:
    yield from _identified("Request", message.request)
    yield _El("RequestedActionType", message.action)
    yield from _identified("User", message.user)
    yield from _identified("Item", message.item)
    yield from _moment("DateForReturn", message.due)
    yield from _optional_fields(message.work)
    yield from _text("PickupLocation", message.pickup)
    yield from _moment("PickupExpiryDate", message.pickup_until)


def _optional_fields(work: say.Work) -> Iterator[_El]:
    described = (
        *_text("Author", work.author),
        *_isbn(work.isbn),
        *_text("Title", work.title),
    )
    item = _text("CallNumber", work.call_number)
    fields = (
        *((_El("BibliographicDescription", described),) if described else ()),
        *((_El("ItemDescription", item),) if item else ()),
    )
    if fields:
        yield _El("ItemOptionalFields", fields)


def _isbn(isbn: str) -> tuple[_El, ...]:
    if not isbn:
        return ()
    named = (_El("BibliographicItemIdentifier", isbn), _El("BibliographicItemIdentifierCode", "ISBN"))
    return (_El("BibliographicItemId", named),)


def _check_out(message: say.CheckOutItem) -> Iterator[_El]:
    yield from _happened(message.happened)
    yield from _identified("User", message.user)
    yield from _identified("Item", message.item)
    yield from _identified("Request", message.request)
    yield from _moment("DesiredDateDue", message.due)


def _check_in(message: say.CheckInItem) -> Iterator[_El]:
    yield from _happened(message.happened)
    yield from _identified("Item", message.item)
    yield from _texts("ItemElementType", message.elements)


def _renew(message: say.RenewItem) -> Iterator[_El]:
    yield from _identified("User", message.user)
    yield from _identified("Item", message.item)
    yield from _moment("DesiredDateDue", message.due)


def _request(message: say.RequestItem) -> Iterator[_El]:
    yield from _identified("User", message.user)
    yield from _identified("Item", message.item)
    if message.bib:
        code = _text("BibliographicRecordIdentifierCode", message.bib_code)
        whose = code or _text("AgencyId", message.bib_agency)
        record = (_El("BibliographicRecordIdentifier", message.bib), *whose)
        yield _El("BibliographicId", (_El("BibliographicRecordId", record),))
    yield from _identified("Request", message.request)
    yield _El("RequestType", message.request_type)
    yield _El("RequestScopeType", message.scope)
    yield from _text("PickupLocation", message.pickup)


def _cancel(message: say.CancelRequestItem) -> Iterator[_El]:
    yield from _identified("User", message.user)
    yield from _identified("Request", message.request)
    yield from _identified("Item", message.item)
    yield _El("RequestType", message.request_type)
    yield from _text("RequestScopeType", message.scope)


def _delete(message: say.DeleteItem) -> Iterator[_El]:
    yield from _identified("Item", message.item)


def _charge(message: say.CreateUserFiscalTransaction) -> Iterator[_El]:
    yield from _identified("User", message.user)
    amount = (_El("CurrencyCode", message.currency), _El("MonetaryValue", str(message.minor)))
    flag = _moment("DateDue", message.due) or (_El("IndeterminateLoanPeriodFlag"),)
    details = (*_identified("Item", message.item), _El("BibliographicDescription"), *flag)
    yield _El(
        "FiscalTransactionInformation",
        (
            _El("FiscalActionType", message.action),
            _El("FiscalTransactionType", message.kind),
            _El("Amount", amount),
            *_text("FiscalTransactionDescription", message.description),
            *_identified("Request", message.request),
            _El("ItemDetails", details),
        ),
    )


_BODIES: dict[type, Callable[[Any], Iterator[_El]]] = {
    say.LookupUser: _lookup_user,
    say.LookupItem: _lookup_item,
    say.AcceptItem: _accept_item,
    say.CheckOutItem: _check_out,
    say.CheckInItem: _check_in,
    say.RenewItem: _renew,
    say.RequestItem: _request,
    say.CancelRequestItem: _cancel,
    say.DeleteItem: _delete,
    say.CreateUserFiscalTransaction: _charge,
}
