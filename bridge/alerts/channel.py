"""What every channel shares: a name, whom it serves, and how a notice goes out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.alerts.model import Notice


@dataclass(frozen=True)
class Parcel:
    """A notice as it is sent: its key (the same at every try), the key of the first notice of its trouble, and whose people are told.

    ``bridge`` is this bridge's name; ``audience`` a library, or empty.
    """

    notice: Notice
    key: str
    first: str
    bridge: str
    audience: str = ""

    @property
    def id(self) -> str:
        """A short id made of the key, by which a receiver knows a repetition."""
        return short_id(f"{self.key}/{self.audience}")

    @property
    def first_id(self) -> str:
        """The id of the first notice of the same trouble; its own where it is the first."""
        return short_id(f"{self.first}/{self.audience}")


def short_id(text: str) -> str:
    """Thirty-two hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


class Channel(Protocol):
    """A way to tell people."""

    name: str

    def audiences(self) -> tuple[str, ...]:
        """Libraries whose people are told apart."""
        ...

    def send(self, parcel: Parcel, now: datetime) -> None:
        """Send; what is not delivered raises ``Undelivered`` and may be sent again."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
