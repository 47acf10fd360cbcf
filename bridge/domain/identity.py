"""Who a request is, and the mark its objects bear in the ILS."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

CODE = re.compile(r"ILLB-[0-9a-f]{16}")
"""The code of a mark, whoever's it is."""


class Role(StrEnum):
    """Which side of a loan our library is on."""

    BORROWER = "borrower"
    LENDER = "lender"


class ServiceType(StrEnum):
    """What is asked for; a copy never touches circulation."""

    LOAN = "loan"
    COPY = "copy"


@dataclass(frozen=True, order=True)
class RequestKey:
    """Identity of a request: the resource-sharing service names it, never the channel it came by.

    ``requester`` is the requesting agency's symbol and ``number`` its request number, unique together within ``service``.
    """

    library: str
    service: str
    role: Role
    requester: str
    number: str

    @property
    def conversation(self) -> str:
        """What both sides of an in-system loan share; they are worked under one lock."""
        return f"{self.service}/{self.requester}/{self.number}"


@dataclass(frozen=True, order=True)
class Mark:
    """Our signature on an object in the ILS.

    ``code`` (21 characters) fits small fields and is what an ILS is searched for; ``text`` says the same to a human.
    """

    code: str
    text: str


def mark_for(bridge: str, key: RequestKey, leg: str, volume: str) -> Mark:
    """The mark of one leg and volume of a request, the same each time it is asked for."""
    parts = (bridge, key.library, key.role.value, key.service, key.requester, key.number, leg, volume)
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
    readable = "/".join(part or "-" for part in parts)
    return Mark(code=f"ILLB-{digest}", text=f"ILLB-{digest} {readable}")


def bears_another(text: str, mark: Mark) -> bool:
    """Whether this text bears marks, and not this one: what it stands on is another request's then."""
    found = CODE.findall(text)
    return bool(found) and mark.code not in found


@dataclass(frozen=True)
class MarkOwner:
    """Whose mark a mark is: the bridge that left it, and for what."""

    bridge: str
    key: RequestKey
    leg: str
    volume: str


FIELDS = 8
MOST_PARTS = 16
"""Parts of a readable mark that are tried; a name with more slashes than that is not told apart."""


def owner_of(mark: Mark) -> MarkOwner | None:
    """Whose mark this is, read from its text and proved by its code; ``None`` where the text was changed, or never was a mark.

    A name may hold slashes itself, so every way to take the text apart is tried.
    """
    code, _, readable = mark.text.partition(" ")
    parts = readable.split("/")
    if code != mark.code or not FIELDS <= len(parts) <= MOST_PARTS:
        return None
    for fields in _taken_apart(parts):
        bridge, library, role, service, requester, number, leg, volume = fields
        if role not in tuple(Role):
            continue
        key = RequestKey(library, service, Role(role), requester, number)
        if mark_for(bridge, key, leg, volume).code == mark.code:
            return MarkOwner(bridge, key, leg, volume)
    return None


def _taken_apart(parts: list[str]) -> Iterator[tuple[str, ...]]:
    """The parts as eight fields; those between the slashes of one name are put together again."""
    for cuts in combinations(range(1, len(parts)), FIELDS - 1):
        ends = (*cuts, len(parts))
        fields = ("/".join(parts[start:end]) for start, end in zip((0, *cuts), ends, strict=True))
        yield tuple("" if field == "-" else field for field in fields)
