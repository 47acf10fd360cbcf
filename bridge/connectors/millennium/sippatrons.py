"""Patrons by SIP2, Innovative's second door (millennium.md section 3; of message 63 there is one recorded answer, ncip-sip2/sip2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from bridge.connectors.ncip.patrons import Person, standing_of
from bridge.connectors.sip2 import Sip2Client
from bridge.connectors.sip2.answers import Patron
from bridge.domain.expect import AccountStanding
from bridge.errors import Rejected

_PIN = re.compile(r"\b(pin|password)\b", re.IGNORECASE)


class SipPatrons:
    """The SIP2 server of one Millennium, as far as patrons go."""

    door = "SIP2"

    def __init__(self, sip: Sip2Client, today: Callable[[], date]) -> None:
        self._sip = sip
        self._today = today

    def person(self, identifier: str) -> Person | None:
        """See ``Directory``. Innovative says of everybody that they are valid: one who has no name is none."""
        found = self._sip.patron(identifier)
        if not found.known or not found.named:
            return None
        if found.charge_denied and any(_PIN.search(words) for words in found.words):
            raise Rejected(
                "The SIP2 server tells of a patron only to who knows their PIN, which the bridge never does.",
                cause="refused",
                advice="Have the SIP2 account set up so that it needs none, or leave sip2 out: patrons are then looked up by NCIP.",
            )
        return Person(self._against(found), found.expires)

    def _against(self, found: Patron) -> tuple[str, ...]:
        return found.against_on(self._today())

    def account(self, identifier: str) -> AccountStanding:
        """See ``Directory``."""
        return standing_of(identifier, lambda: self.person(identifier))

    def close(self) -> None:
        """Hang up."""
        self._sip.close()
