"""Who a request is, and the mark its objects bear in the ILS."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


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
