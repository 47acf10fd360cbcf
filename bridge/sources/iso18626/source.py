"""One ISO 18626 door's reading: what a body says, who sent it, and what it is answered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.sources.iso18626.callers import Caller, candidates
from bridge.sources.iso18626.elements import NoXml, parsed, text_of
from bridge.sources.iso18626.meaning import NotTaken, Side, changes_of, sides_of
from bridge.sources.iso18626.message import Fault, IsoMessage, NoMessage, message_of
from bridge.sources.iso18626.settings import Iso18626Settings

_CODE = re.compile(
    r"(<(?:[\w.-]+:)?securityCode(?:\s[^<>]*)?>)(?:[^<]|<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z))*",
    re.DOTALL,
)
"""A security code to its end, whatever it is written as; a body that breaks off in it, or is no XML, has one too."""


@dataclass(frozen=True)
class Reading:
    """What a body was understood as. ``message`` is ``None`` for what holds none of the three messages; ``fault`` is what is answered."""

    arrival: Arrival
    message: IsoMessage | None = None
    sides: tuple[Side, ...] = ()
    fault: Fault | None = None


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class Iso18626Source:
    """One door. ``libraries`` are the names of our libraries."""

    def __init__(
        self,
        name: str,
        settings: Iso18626Settings,
        libraries: AbstractSet[str],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = name
        self.settings = settings
        self.clock = clock
        self._libraries = frozenset(libraries)

    def callers(self, address: str, headers: Mapping[str, str]) -> tuple[Caller, ...]:
        """Who may be calling, by address and headers. Raises ``RefusedInput``."""
        return candidates(self.settings, address, {name.lower(): value for name, value in headers.items()})

    def read(self, body: bytes) -> Reading:
        """What a body says; never raises."""
        return self._read(body, text_of(body), None)

    def reread(self, text: str) -> Reading:
        """A kept message, as it is understood now; never raises."""
        return self._read(text.encode(errors="backslashreplace"), text, "utf-8")

    def replayed(self, text: str) -> Arrival:
        """The same, where only its changes matter; never raises."""
        return self.reread(text).arrival

    def _read(self, body: bytes, text: str, encoding: str | None) -> Reading:
        kept = without_codes(text)
        try:
            message = message_of(parsed(body, encoding=encoding))
        except (NoXml, NoMessage) as wrong:
            return Reading(Arrival(_digest(kept), kept, state=ArrivalState.MALFORMED, problem=str(wrong)))
        return self._understood(message, kept)

    def _understood(self, message: IsoMessage, kept: str) -> Reading:
        sides: tuple[Side, ...] = ()
        try:
            sides = sides_of(message, self.settings, self._libraries)
            now = self.clock()
            changes = tuple(each for side in sides for each in changes_of(message, side, self.settings, now))
        except NotTaken as wrong:
            state = ArrivalState.UNKNOWN_WORD if wrong.unknown_word else ArrivalState.MALFORMED
            return Reading(Arrival(message.key, kept, (), state, str(wrong)), message, sides, wrong.fault)
        return Reading(Arrival(message.key, kept, changes), message, sides)


def without_codes(text: str) -> str:
    """A body without security codes, whether it is XML or not."""
    return _CODE.sub(r"\1(removed)", text)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
