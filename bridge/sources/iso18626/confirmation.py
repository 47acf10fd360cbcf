"""Confirmations: the answer in the same response, valid by the schema of the version that the sender speaks."""

from __future__ import annotations

import re
from datetime import datetime

from lxml import etree

from bridge.sources.iso18626.elements import valid_moment
from bridge.sources.iso18626.message import Agency, Fault, Generation, IsoMessage, Kind
from bridge.sources.iso18626.words import REASONS, SCHEMA_ACTIONS
from bridge.sources.iso18626.writing import child, document, qualified, writable, written

LATER_ACTIONS = frozenset({"HoldReturn", "Lost"})
"""Actions that the schema of 1.2 does not know."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9/?@!$&'()*+,;=._~-]+(#[A-Za-z0-9/?._~-]*)?|[A-Za-z0-9._-]+")
"""Schemes of code lists that are plainly an ``xs:anyURI``; any other is not repeated."""
LONGEST_VALUE = 500


def confirmation(message: IsoMessage, fault: Fault | None, now: datetime, *, remark: Fault | None = None) -> bytes:
    """The confirmation of a message: OK, or ERROR where there is a fault. ``remark`` is error data that goes with OK (ReShare's probes).

    Ids, action and reason are echoed as they came; an action or reason that the schema of the sender's version does not know is left out,
    and stands in the error's value. ``timestampReceived`` repeats the header's time, as all known implementations do.
    """
    root = document(message.version)
    made = child(root, f"{message.kind.value}Confirmation")
    _header(child(made, "confirmationHeader"), message, now, ok=fault is None)
    for name, text in _echoed(message):
        child(made, name, text)
    said = fault or remark
    if said is not None:
        error = child(made, "errorData")
        child(error, "errorType", said.type.value)
        child(error, "errorValue", said.value[:LONGEST_VALUE])
    return written(root)


def _header(header: etree._Element, message: IsoMessage, now: datetime, *, ok: bool) -> None:
    _agency(header, "supplyingAgencyId", message.supplier)
    _agency(header, "requestingAgencyId", message.requester)
    child(header, "timestamp", now.isoformat())
    if message.number:
        child(header, "requestingAgencyRequestId", message.number)
    if message.generation is Generation.OLD and (multiple := message.head("multipleItemRequestId")):
        child(header, "multipleItemRequestId", multiple)
    child(header, "timestampReceived", valid_moment(message.head("timestamp"), now))
    child(header, "messageStatus", "OK" if ok else "ERROR")


def _agency(header: etree._Element, name: str, agency: Agency | None) -> None:
    if agency is None:
        return
    made = child(header, name)
    kind = child(made, "agencyIdType", agency.type)
    if _SCHEME.fullmatch(agency.scheme):
        kind.set(qualified("scheme"), writable(agency.scheme))
    child(made, "agencyIdValue", agency.value)


def _echoed(message: IsoMessage) -> tuple[tuple[str, str], ...]:
    if message.kind is Kind.SUPPLYING and message.reason in REASONS:
        return (("reasonForMessage", message.reason),)
    known = SCHEMA_ACTIONS - (LATER_ACTIONS if message.generation is Generation.OLD else frozenset())
    if message.kind is Kind.REQUESTING and message.action in known:
        return (("action", message.action),)
    return ()
