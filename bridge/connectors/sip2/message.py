"""SIP2 messages as bytes: fixed part, variable fields, sequence number and checksum (3M SIP2 2.00; ncip-sip2.md sections 2.1 to 2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_FIELD = re.compile(r"\|(?=[A-Z][A-Z0-9])")
_CHECKED = re.compile(rb"(?:AY(?P<sequence>\d))?AZ(?P<sum>[0-9A-Fa-f]{4})\s*$")
_CUT_OFF = re.compile(rb"AY\d(?:AZ?[0-9A-Fa-f]{0,3})?$")
_STAMP = re.compile(r"(\d{8})(....)(\d{6})")
SIGNS_OF_ITS_OWN = ("|", "\r", "\n", "\0")
"""What no value may hold, since it would end a field or the message."""


class Corrupt(Exception):
    """What came is no SIP2 message, or was damaged on its way."""


class Unsendable(Exception):
    """A value cannot be sent: it holds a sign of SIP2's own, or one that the character set lacks."""


@dataclass(frozen=True)
class Message:
    """A message that was read: its two-digit code, the text of its fixed part, and its fields in order, repeated ones too."""

    code: str
    fixed: str
    fields: tuple[tuple[str, str], ...] = ()
    sequence: int | None = None

    def first(self, tag: str) -> str:
        """The first field of this tag; empty where there is none."""
        return next((value for name, value in self.fields if name == tag), "")

    def has(self, tag: str) -> bool:
        """Whether the field is there, with a value or without."""
        return any(name == tag for name, _ in self.fields)

    def all(self, tag: str) -> tuple[str, ...]:
        """Every field of this tag that says something."""
        return tuple(value for name, value in self.fields if name == tag and value.strip())


def checksum(octets: bytes) -> str:
    """Four hexadecimal digits over everything up to and including ``AZ``."""
    return f"{-sum(octets) & 0xFFFF:04X}"


def encoded(body: str, charset: str, sequence: int | None) -> bytes:
    """A message with its checksum, and with its sequence number unless it is asked for anew; without a line end. Raises ``Unsendable``."""
    numbered = f"{body}AY{sequence}AZ" if sequence is not None else f"{body}AZ"
    try:
        octets = numbered.encode(charset)
    except UnicodeEncodeError as lacking:
        raise Unsendable(f"its character set ({charset}) lacks a sign of it") from lacking
    return octets + checksum(octets).encode("ascii")


def field(tag: str, value: str) -> str:
    """One variable field. Raises ``Unsendable``."""
    if any(sign in value for sign in SIGNS_OF_ITS_OWN):
        raise Unsendable("it holds a sign that SIP2 keeps for itself")
    return f"{tag}{value}|"


def decoded(octets: bytes, charset: str, widths: dict[str, int]) -> Message:
    """Read a message; ``widths`` names the length of the fixed part by code. Raises ``Corrupt``.

    A message without a checksum is taken as it is; unknown fields are kept, and a delimiter that leaked into a value stays in it.
    """
    line = octets.strip(b"\r\n\0 ")
    found = _CHECKED.search(line)
    sequence = None
    if found:
        upto = line[: found.start("sum")]
        if checksum(upto) != found["sum"].decode("ascii").upper():
            raise Corrupt("its checksum is wrong")
        sequence = int(found["sequence"]) if found["sequence"] else None
        line = line[: found.start()]
    elif _CUT_OFF.search(line):
        raise Corrupt("its checksum is cut off")
    text = line.decode(charset, errors="replace")
    code = text[:2]
    if code not in widths:
        raise Corrupt("it begins like no answer that is known")
    fixed, rest = text[2 : 2 + widths[code]], text[2 + widths[code] :]
    if len(fixed) < widths[code]:
        raise Corrupt("it is cut off")
    parts = _FIELD.split(f"|{rest}")
    return Message(code, fixed, tuple((part[:2], part[2:].rstrip("|")) for part in parts if part.strip("|")), sequence)


def stamp(moment: datetime) -> str:
    """A local time in the eighteen signs of the protocol, without a zone, as strict servers want it."""
    return f"{moment:%Y%m%d}    {moment:%H%M%S}"


def day_in(text: str, zone: ZoneInfo) -> date | None:
    """The day that a due date names: eighteen signs, eight digits, or ISO 8601; ``None`` for free text, which servers may send."""
    text = text.strip()
    found = _STAMP.fullmatch(text)
    try:
        if found:
            moment = datetime.strptime(found[1] + found[3], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return moment.astimezone(zone).date() if found[2].strip() == "Z" else moment.date()
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date() if len(text) == 8 else _iso(text)
    except ValueError:
        return None


def _iso(text: str) -> date:
    return datetime.fromisoformat(text).date()
