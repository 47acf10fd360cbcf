"""SIP2 messages on the server's side: read strictly, written with checksum."""

import re
from dataclasses import dataclass
from datetime import datetime

FIXED = {
    "01": 19,
    "09": 37,
    "11": 38,
    "15": 19,
    "17": 18,
    "23": 21,
    "29": 38,
    "35": 18,
    "37": 25,
    "63": 31,
    "93": 2,
    "99": 8,
}
"""Length of the fixed part of each message that a client may send."""
_END = re.compile(rb"(?:AY(\d))?AZ([0-9A-F]{4})$")


class Garbage(Exception):
    """What came is no message; `checked` tells whether at least a checksum was tried."""

    def __init__(self, *, checked: bool = False) -> None:
        super().__init__()
        self.checked = checked


@dataclass(frozen=True)
class Asked:
    """A message as it came; `sequence` is empty where none was sent."""

    code: str
    fixed: str
    fields: dict[str, str]
    sequence: str = ""
    checked: bool = False


def checksum(octets: bytes) -> str:
    """Four hexadecimal digits over everything up to and including `AZ`."""
    return f"{-sum(octets) & 0xFFFF:04X}"


def read(line: bytes, charset: str) -> Asked:
    """What a client sent. Raises Garbage."""
    line = line.strip(b"\r\n")
    found = _END.search(line)
    if found and checksum(line[:-4]) != found[2].decode():
        raise Garbage(checked=True)
    sequence = found[1].decode() if found and found[1] else ""
    text = (line[: found.start()] if found else line).decode(charset, errors="replace")
    code = text[:2]
    if code == "97":
        return Asked(code, "", {}, sequence, bool(found))
    if code not in FIXED or len(text) < 2 + FIXED[code]:
        raise Garbage
    fixed, rest = text[2 : 2 + FIXED[code]], text[2 + FIXED[code] :]
    fields = {part[:2]: part[2:] for part in rest.split("|") if part}
    return Asked(code, fixed, fields, sequence, bool(found))


def written(body: str, sequence: str, charset: str, *, checked: bool) -> bytes:
    """An answer as bytes, without a line end."""
    if not checked:
        return body.encode(charset, errors="replace")
    octets = f"{body}{f'AY{sequence}' if sequence else ''}AZ".encode(charset, errors="replace")
    return octets + checksum(octets).encode()


def when(moment: datetime) -> str:
    """A local time in eighteen signs."""
    return f"{moment:%Y%m%d}    {moment:%H%M%S}"


def fields(*named: tuple[str, str | None]) -> str:
    """Variable fields; `None` leaves one out."""
    return "".join(f"{tag}{value}|" for tag, value in named if value is not None)
