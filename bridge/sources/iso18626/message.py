"""An ISO 18626 message as it stands in the XML: which kind, between whom, about which request. What it means is told elsewhere."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from bridge.sources.iso18626.elements import Branch

DEFAULT_VERSION = "1.2"
WAITING, REFUSED = ":waiting:", ":refused:"
"""In the keys of messages that are kept for who sent them, whose name stands behind it: taken once their request is heard of, or never."""
_SEQUENCE = re.compile(r"#seq:(\d{1,9})#")
_LAST_SEQUENCE = re.compile(r"#lastSeq:(-?\d{1,9})#")


class Kind(StrEnum):
    """The three messages that begin something; each is answered with a confirmation."""

    REQUEST = "request"
    SUPPLYING = "supplyingAgencyMessage"
    REQUESTING = "requestingAgencyMessage"


class Generation(StrEnum):
    """The two schemas there are: 1.2 of 2017, and 2021."""

    OLD = "1.2"
    NEW = "2021"


class FaultType(StrEnum):
    """``errorType`` of a confirmation (the same five in both schemas)."""

    ACTION = "UnsupportedActionType"
    REASON = "UnsupportedReasonForMessageType"
    ELEMENT = "UnrecognisedDataElement"
    VALUE = "UnrecognisedDataValue"
    FORM = "BadlyFormedMessage"


@dataclass(frozen=True)
class Fault:
    """Why a message is answered with ERROR; ``value`` is what the sender reads."""

    type: FaultType
    value: str


@dataclass(frozen=True)
class Agency:
    """Who speaks, as it stands in the header."""

    type: str
    scheme: str
    value: str

    def symbol(self, *, with_type: bool = False) -> str:
        """What the agency is called here."""
        return f"{self.type}:{self.value}" if with_type and self.type else self.value


class NoMessage(ValueError):
    """XML that holds none of the three messages."""


@dataclass(frozen=True)
class IsoMessage:
    """One message."""

    kind: Kind
    version: str
    body: Branch

    @cached_property
    def generation(self) -> Generation:
        """The schema that the sender speaks."""
        return Generation.NEW if re.search(r"2021|^v?1[._]3", self.version) else Generation.OLD

    def head(self, *path: str) -> str:
        """A text of the header."""
        return self.body.text("header", *path)

    @cached_property
    def supplier(self) -> Agency | None:
        """The supplying agency, where one is named."""
        return self._agency("supplyingAgencyId")

    @cached_property
    def requester(self) -> Agency | None:
        """The requesting agency, where one is named."""
        return self._agency("requestingAgencyId")

    @property
    def sender(self) -> Agency | None:
        """Who speaks: the supplying agency in its own messages, else the requesting one."""
        return self.supplier if self.kind is Kind.SUPPLYING else self.requester

    @cached_property
    def number(self) -> str:
        """``requestingAgencyRequestId``."""
        return self.head("requestingAgencyRequestId")

    @cached_property
    def reason(self) -> str:
        """``reasonForMessage``."""
        return self.body.text("messageInfo", "reasonForMessage")

    @cached_property
    def action(self) -> str:
        """``action``."""
        return self.body.text("action")

    @cached_property
    def status(self) -> str:
        """``status``."""
        return self.body.text("statusInfo", "status")

    @cached_property
    def note(self) -> str:
        """The note that goes with it, with its lines."""
        where = self.body.one("note") or self.body.one("messageInfo", "note")
        return where.raw() if where else ""

    @property
    def sequence(self) -> int | None:
        """The number that ReShare writes into the note of every message (``#seq:N#``)."""
        found = _SEQUENCE.search(self.note)
        return int(found.group(1)) if found else None

    @property
    def asked_sequence(self) -> int | None:
        """The number that ReShare asks about (``#lastSeq:N#``): was it the last one that came?"""
        silent = self.action == "StatusRequest" or (self.kind is Kind.SUPPLYING and not self.status)
        found = _LAST_SEQUENCE.search(self.note) if silent else None
        return int(found.group(1)) if found else None

    @cached_property
    def conversation(self) -> str:
        """Begins the key of every message about this request."""
        return conversation_of(self.requester.value if self.requester else "", self.number)

    @cached_property
    def key(self) -> str:
        """Tells it from other messages, and not from its repeats: these may bear another time in their header, and nothing else."""
        told = [leaf for child in self.body.children if child.name != "header" for leaf in child.leaves()]
        heads = [self.head("supplyingAgencyId", "agencyIdValue"), self.head("requestingAgencyId", "agencyIdValue")]
        again = self.head("timestamp") if self.action == "Renew" else ""
        digest = hashlib.sha256(repr((self.kind.value, heads, self.number, again, told)).encode()).hexdigest()
        sequence = "" if self.sequence is None else str(self.sequence)
        return f"{self.conversation}{self.kind.value[0]}:{sequence}:{digest[:32]}"

    def _agency(self, name: str) -> Agency | None:
        found = self.body.one("header", name)
        value = found.text("agencyIdValue") if found else ""
        if found is None or not value:
            return None
        kind = found.one("agencyIdType")
        return Agency(found.text("agencyIdType"), kind.attribute("scheme") if kind else "", value)


def conversation_of(requester: str, number: str) -> str:
    """Begins the key of every message about this request; ``requester`` is the agency's symbol without its type."""
    return "iso:" + hashlib.sha256(f"{requester}\x1f{number}".encode()).hexdigest()[:20] + ":"


def message_of(root: Branch) -> IsoMessage:
    """The message in a document, or the message that the document is. Raises ``NoMessage``."""
    kinds = tuple(Kind)
    if root.name in kinds:
        return IsoMessage(Kind(root.name), DEFAULT_VERSION, root)
    found = next((child for child in root.children if child.name in kinds), None)
    if root.name != "ISO18626Message" or found is None:
        named = ", ".join(kind.value for kind in Kind)
        raise NoMessage(f"The body is XML and holds no message of ISO 18626 that begins something ({named}).")
    return IsoMessage(Kind(found.name), root.attribute("version") or DEFAULT_VERSION, found)


def only_by_id(key: str) -> bool:
    """Whether a kept message is not one to be taken again among others: who sent it may not say it, or not yet."""
    return key.startswith("iso:") and (WAITING in key or REFUSED in key)
