"""May the bridge do its work in this Koha, and is everything there that the policies take for granted? Read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import NoSuchCall
from bridge.connectors.koha.settings import KohaSettings
from bridge.connectors.sip2 import Sip2Client
from bridge.connectors.sip2.check import sip_finding
from bridge.domain.expect import Expectations, Expected, Use
from bridge.domain.finding import Finding, clock_finding, failed, warned, well
from bridge.http import moment_of

SEEN_BY_STAFF = "Koha's API does not list them: look it up in Koha (authorised values, LOC)."


def probed(client: KohaClient, sip: Sip2Client | None) -> tuple[Finding, ...]:
    """Koha answers, by both ways. Raises ``Unavailable`` and ``CredentialsRejected`` where it cannot be asked."""
    client.libraries()
    return (well("REST API", "Koha answers, and accepts our log-in."), *sip_findings(sip))


def sip_findings(sip: Sip2Client | None) -> Iterator[Finding]:
    """How the SIP2 server stands."""
    if sip is None:
        text = "No SIP2 account is configured: check-out and check-in are tasks for staff."
        yield well("SIP2", text)
        return
    yield sip_finding(sip)


class KohaCheck:
    """One look at one Koha."""

    def __init__(
        self, client: KohaClient, sip: Sip2Client | None, settings: KohaSettings, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._sip = sip
        self._settings = settings
        self._now = now

    def findings(self, expected: Expectations) -> tuple[Finding, ...]:
        """Everything, in the order an operator would set it up."""
        libraries, answer = self._client.libraries()
        moment = moment_of(answer)
        known = {each.library_id: each for each in libraries}
        pickups = {code for code, each in known.items() if each.pickup_location}
        return (
            well("REST API", "Koha answers, and accepts our log-in."),
            clock_finding("Clock", moment - self._now() if moment else None),
            *sip_findings(self._sip),
            *self._biblios(),
            *self._types(expected),
            *(
                _place(each, frozenset(known))
                for each in expected.of(Use.TEMPORARY_PLACE, Use.LENDING_PLACE, Use.ARRIVAL_PLACE)
            ),
            *(
                _listed(each, frozenset(pickups), "library where holds are picked up")
                for each in expected.of(Use.PICKUP_LOCATION)
            ),
            *(_material(each) for each in expected.of(Use.MATERIAL)),
        )

    def _biblios(self) -> Iterator[Finding]:
        try:
            self._client.bibs_noted("ILLB-0000000000000000")
        except NoSuchCall:
            text = "This Koha cannot list biblios: one whose making was cut off is found again only where it is tried again."
            yield warned(
                "Biblios", text, "Koha later than 23.05 can; until then look for biblios without items now and then."
            )
        else:
            yield well("Biblios", "What bears our mark can be found.")

    def _types(self, expected: Expectations) -> Iterator[Finding]:
        wanted = expected.of(Use.ITEM_TYPE)
        try:
            known = frozenset(each.item_type_id for each in self._client.item_types()) if wanted else frozenset()
        except NoSuchCall:
            yield from (warned(each.subject, "This Koha does not list its item types.", each.advice) for each in wanted)
            return
        yield from (_listed(each, known, "item type") for each in wanted)


def _listed(each: Expected, known: frozenset[str], what: str) -> Finding:
    if each.code in known:
        return well(each.subject, "It is there.")
    return failed(each.subject, f"'{each.code}' is no {what}; there are: {', '.join(sorted(known))}.", each.advice)


def _place(each: Expected, known: frozenset[str]) -> Finding:
    library, location = each.place.library, each.place.location
    if library and library not in known:
        return failed(
            each.subject, f"There is no library '{library}'; there are: {', '.join(sorted(known))}.", each.advice
        )
    if each.use is Use.TEMPORARY_PLACE and not library:
        return failed(each.subject, "A temporary item needs a library.", each.advice)
    if len(location) > LONGEST_LOCATION:
        return failed(each.subject, f"'{location}' is no shelving location: ten signs at most.", each.advice)
    return well(each.subject, f"The library is there. {SEEN_BY_STAFF}")


LONGEST_LOCATION = 10
"""Shelving locations are authorised values, whose column holds more; codes in use are short (unverified)."""


def _material(each: Expected) -> Finding:
    return warned(each.subject, "Koha's items have no material type; it is passed over.", each.advice)
