"""Confirmations: the answer in the same response, valid by the schema of the version that the sender speaks."""

from __future__ import annotations

import re
from datetime import datetime

from lxml import etree

from bridge.sources.iso18626.elements import valid_moment
from bridge.sources.iso18626.message import Agency, Fault, Generation, IsoMessage, Kind
from bridge.sources.iso18626.words import REASONS, SCHEMA_ACTIONS

NAMESPACE = "http://illtransactions.org/2013/iso18626"
MEDIA_TYPE = "application/xml; charset=utf-8"
LATER_ACTIONS = frozenset({"HoldReturn", "Lost"})
"""Actions that the schema of 1.2 does not know."""
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9/?@!$&'()*+,;=._~-]+(#[A-Za-z0-9/?._~-]*)?|[A-Za-z0-9._-]+")
"""Schemes of code lists that are plainly an ``xs:anyURI``; any other is not repeated."""
LONGEST_VALUE = 500


def confirmation(message: IsoMessage, fault: Fault | None, now: datetime, *, remark: Fault | None = None) -> bytes:
    """The confirmation of a message: OK, or ERROR where there is a fault. ``remark`` is error data that goes with OK (ReShare's probes).

    Ids, action and reason are echoed as they came; an action or reason that the schema of the sender's version does not know is left out,
    and stands in the error's value. ``timestampReceived`` repeats the header's time, as all known implementations do.
    """
    root = etree.Element(_name("ISO18626Message"), nsmap={"ill": NAMESPACE})
    root.set(_name("version"), message.version)
    made = _child(root, f"{message.kind.value}Confirmation")
    _header(_child(made, "confirmationHeader"), message, now, ok=fault is None)
    for name, text in _echoed(message):
        _child(made, name, text)
    said = fault or remark
    if said is not None:
        error = _child(made, "errorData")
        _child(error, "errorType", said.type.value)
        _child(error, "errorValue", said.value[:LONGEST_VALUE])
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _header(header: etree._Element, message: IsoMessage, now: datetime, *, ok: bool) -> None:
    _agency(header, "supplyingAgencyId", message.supplier)
    _agency(header, "requestingAgencyId", message.requester)
    _child(header, "timestamp", now.isoformat())
    if message.number:
        _child(header, "requestingAgencyRequestId", message.number)
    if message.generation is Generation.OLD and (multiple := message.head("multipleItemRequestId")):
        _child(header, "multipleItemRequestId", multiple)
    _child(header, "timestampReceived", valid_moment(message.head("timestamp"), now))
    _child(header, "messageStatus", "OK" if ok else "ERROR")


def _agency(header: etree._Element, name: str, agency: Agency | None) -> None:
    if agency is None:
        return
    made = _child(header, name)
    kind = _child(made, "agencyIdType", agency.type)
    if _SCHEME.fullmatch(agency.scheme):
        kind.set(_name("scheme"), _writable(agency.scheme))
    _child(made, "agencyIdValue", agency.value)


def _echoed(message: IsoMessage) -> tuple[tuple[str, str], ...]:
    if message.kind is Kind.SUPPLYING and message.reason in REASONS:
        return (("reasonForMessage", message.reason),)
    known = SCHEMA_ACTIONS - (LATER_ACTIONS if message.generation is Generation.OLD else frozenset())
    if message.kind is Kind.REQUESTING and message.action in known:
        return (("action", message.action),)
    return ()


def _child(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    made = etree.SubElement(parent, _name(name))
    if text is not None:
        made.text = _writable(text)
    return made


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"


def _writable(text: str) -> str:
    """Without the signs that XML cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)
