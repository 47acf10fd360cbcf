"""May the bridge do its work in this Sierra, and is everything there that the policies take for granted? Read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.settings import SierraSettings
from bridge.domain.expect import Expectations, Use
from bridge.domain.finding import Finding, clock_finding, failed, warned, well
from bridge.errors import Rejected, Retry
from bridge.http import Answer

ROLES = (
    "Patrons Read",
    "Patrons Write",
    "Patrons Holds CRUD",
    "Items Read",
    "Items Write",
    "Bibs Read",
    "Bibs Write",
)
"""Roles the key needs (sierra.md section 2)."""
LONGEST_LOCATION = 5
UNSEEN = "Sierra's API does not tell which there are: look it up in Sierra Admin."


def probed(client: SierraClient) -> tuple[Finding, ...]:
    """One finding a role. Raises ``Unavailable`` and ``CredentialsRejected`` where Sierra cannot be asked at all."""
    info, _ = client.token_info()
    return tuple(_roles({role.name.casefold() for role in info.roles}))


def _roles(given: set[str]) -> Iterator[Finding]:
    for role in ROLES:
        if role.casefold() in given:
            yield well(f"API key: {role}", "The key has this role.")
        else:
            advice = "Give the key this role in Sierra Admin (Sierra API Keys)."
            yield failed(f"API key: {role}", "The key lacks this role.", advice)


class SierraCheck:
    """One look at one Sierra."""

    def __init__(self, client: SierraClient, settings: SierraSettings, now: Callable[[], datetime]) -> None:
        self._client = client
        self._settings = settings
        self._now = now

    def findings(self, expected: Expectations) -> tuple[Finding, ...]:
        """Everything, in the order an operator would set it up."""
        info, answer = self._client.token_info()
        roles = _roles({role.name.casefold() for role in info.roles})
        return (*roles, self._clock(answer), *self._version(), *self._codes(expected), *self._pickups(expected))

    def _clock(self, answer: Answer) -> Finding:
        try:
            ahead = parsedate_to_datetime(answer.header("Date")) - self._now()
        except (TypeError, ValueError):
            ahead = None
        return clock_finding("Clock", ahead)

    def _version(self) -> Iterator[Finding]:
        if self._settings.api_version == 5:
            text = "With version 5 nothing can be checked out or in by API: these are tasks for staff."
            yield warned("API version", text, "Use version 6 where this Sierra has it.")

    def _codes(self, expected: Expectations) -> Iterator[Finding]:
        """Item types and locations by their form; whether they are there, the API does not tell."""
        for each in expected.of(Use.ITEM_TYPE):
            right = each.code.isdigit()
            text = "It is a number." if right else f"'{each.code}' is not a number, as Sierra's item types are."
            yield well(each.subject, f"{text} {UNSEEN}") if right else failed(each.subject, text, each.advice)
        for each in expected.of(Use.TEMPORARY_PLACE, Use.LENDING_PLACE, Use.ARRIVAL_PLACE):
            code = each.place.location
            if 0 < len(code) <= LONGEST_LOCATION:
                yield well(each.subject, f"'{code}' has the form of a location code. {UNSEEN}")
            else:
                text = f"'{code}' is no location code: one to five signs are wanted."
                yield failed(each.subject, text, each.advice)
        for each in expected.of(Use.MATERIAL):
            yield warned(
                each.subject, "Sierra's temporary items have no material type; it is passed over.", each.advice
            )

    def _pickups(self, expected: Expectations) -> Iterator[Finding]:
        wanted = expected.of(Use.PICKUP_LOCATION)
        if not wanted:
            return
        try:
            known = self._client.pickup_locations()
        except (Rejected, Retry) as refused:
            yield failed("Pickup locations", refused.reason, "See to the key's roles in Sierra Admin.")
            return
        for each in wanted:
            if each.code in known:
                yield well(each.subject, f"It is there ({known[each.code]}).")
            else:
                text = f"There is no such pickup location; there are: {', '.join(sorted(known))}."
                yield failed(each.subject, text, f"Correct the map of pickup locations. {each.advice}")
