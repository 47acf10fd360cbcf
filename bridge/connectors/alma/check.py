"""Is everything in this Alma that the policies take for granted? Read-only (alma.md sections 1 and 3; Alma OpenAPI conf.json)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from bridge.connectors.alma.client import AlmaClient
from bridge.connectors.alma.desks import Desks, Refused, looked_up, meant
from bridge.connectors.alma.loans import DEFAULT_DESK
from bridge.connectors.alma.rights import Rights
from bridge.connectors.alma.settings import AlmaSettings
from bridge.domain.expect import Expectations, Expected, Use
from bridge.domain.finding import Finding, failed, warned, well

TABLES = {Use.ITEM_TYPE: "ItemPolicy", Use.MATERIAL: "PhysicalMaterialType"}
"""Code tables that the Configuration API can read (bib.wadl, item_data)."""
REASONS = "RequestCancellationReasons"


class AlmaCheck:
    """One look at one institution; what was read is kept for the look."""

    def __init__(self, client: AlmaClient, settings: AlmaSettings, now: Callable[[], datetime]) -> None:
        self._client = client
        self._settings = settings
        self._rights = Rights(client, now)
        self._desks = Desks(client)

    def findings(self, expected: Expectations) -> tuple[Finding, ...]:
        """Everything, in the order an operator would set it up. Raises ``Unavailable``, ``CredentialsRejected``."""
        rights = self._rights.findings()
        if not self._rights.configuration:
            text = "Libraries, locations, desks and code tables could not be looked at."
            return (*rights, failed("Configuration", text, "Give the API key read rights for Configuration."))
        try:
            self._desks.read_libraries()
        except Refused as refused:
            return (*rights, failed("Libraries", refused.why, "See to the key's rights in Alma."))
        return (*rights, *self._places(expected), *self._codes(expected), *self._fees(expected), *self._set())

    def _set(self) -> Iterator[Finding]:
        """The set by which the audit lists what bears our mark, where one is named."""
        if not self._settings.audit_set:
            return
        subject = f"Set {self._settings.audit_set}"
        try:
            found = looked_up(lambda: self._client.set_members(self._settings.audit_set, 0))
        except Refused as refused:
            yield failed(subject, refused.why, "Correct audit_set, or see to the key's rights for Configuration.")
            return
        yield well(subject, f"It can be read; it has {found.total_record_count or 0} members now.")

    def _places(self, expected: Expectations) -> Iterator[Finding]:
        for each in expected.of(Use.TEMPORARY_PLACE):
            yield self._place(each, each.place.library, each.place.desk or DEFAULT_DESK, "check_in")
        for each in expected.of(Use.LENDING_PLACE):
            yield self._place(each, self._settings.lending_library, self._settings.lending_desk, "check_out")
        for each in expected.of(Use.ARRIVAL_PLACE):
            problem = self._desks.against_desk(each.place.library, each.place.desk or DEFAULT_DESK)
            yield failed(each.subject, problem, each.advice) if problem else well(each.subject, "The desk is there.")
        if expected.lends:
            yield from self._lending()
        for each in expected.of(Use.PICKUP_LOCATION):
            yield self._pickup(each)

    def _place(self, each: Expected, library: str, desk: str, what: str) -> Finding:
        """A location, and the desk that works with it, whose library ``library`` is (empty: the item's own, whichever that is)."""
        place, done_there = each.place, what.replace("_", " ")
        problem = self._desks.against_location(place.library, place.location)
        if not problem and library:
            problem = self._desks.against_desk(library, desk)
        if problem:
            return failed(each.subject, problem, each.advice)
        if library != place.library:
            text = f"It is there. Whether desk {library or 'of the owning library'}/{desk} serves it cannot be seen by API."
            return well(each.subject, text)
        problem = self._desks.against_serving(library, desk, place.location, what)
        if problem:
            advice = f"Let the desk serve the location in Alma (Fulfillment, Circulation Desks). {each.advice}"
            return failed(each.subject, problem, advice)
        return well(each.subject, f"It is there, and desk {library}/{desk} serves it ({done_there}).")

    def _lending(self) -> Iterator[Finding]:
        library, desk = self._settings.lending_library, self._settings.lending_desk
        if library:
            problem = self._desks.against_desk(library, desk)
            advice = "Correct lending_library and lending_desk, or make the desk in Alma."
            subject = f"Lending desk {library}/{desk}"
            yield failed(subject, problem, advice) if problem else well(subject, "It is there.")
        for owner, named in self._settings.return_desks.items():
            problem = self._desks.against_desk(owner, named)
            subject = f"Return desk {owner}/{named}"
            yield failed(subject, problem, "Correct return_desks.") if problem else well(subject, "It is there.")
        if not (library and self._settings.check_in_at == "lending"):
            yield self._owners()

    def _owners(self) -> Finding:
        """Own items come home to a desk of their owning library, whichever that is."""
        named = self._settings.return_desks
        owners = sorted(owner for owner in self._desks.libraries if owner not in named)
        without = [owner for owner in owners if self._desks.lacks(owner, self._usual_desk(owner))]
        subject = "Check-in of own items"
        if not without:
            return well(subject, "Every owning library has its desk.")
        text = f"These libraries have no desk that items of theirs would be checked in at: {', '.join(without)}."
        return warned(subject, text, "If any of them lends through ILL, name its desk under return_desks.")

    def _usual_desk(self, owner: str) -> str:
        return self._settings.lending_desk if self._settings.lending_library in {"", owner} else DEFAULT_DESK

    def _pickup(self, each: Expected) -> Finding:
        library, _, desk = each.code.partition("/")
        if self._settings.pickup_type == "LIBRARY":
            problem = self._desks.against_library(each.code)
        else:
            problem = self._desks.against_desk(library, desk) if desk else f"'{each.code}' is not LIBRARY/DESK."
        if problem:
            return failed(each.subject, problem, f"Correct the map of pickup locations. {each.advice}")
        if desk and not self._desks.has_hold_shelf(library, desk):
            return warned(each.subject, "The desk has no hold shelf.", "Choose another desk, or give it one in Alma.")
        return well(each.subject, "It is there.")

    def _codes(self, expected: Expectations) -> Iterator[Finding]:
        for use, table in TABLES.items():
            yield from self._in_table(table, expected.of(use))
        if expected.borrows or expected.lends:
            code = self._settings.cancellation_reason
            reason = Expected(Use.ITEM_TYPE, code, ("cancellation_reason",))
            for found in self._in_table(REASONS, (reason,)):
                yield Finding(f"Cancellation reason {code}", found.level, found.text, found.advice)

    def _in_table(self, table: str, wanted: tuple[Expected, ...]) -> Iterator[Finding]:
        if not wanted:
            return
        try:
            rows = looked_up(lambda: self._client.code_table(table)).row
        except Refused as refused:
            yield failed(f"Code table {table}", refused.why, "See to the key's rights, or look the codes up by hand.")
            return
        enabled = {row.code: row.enabled.lower() != "false" for row in rows}
        for each in wanted:
            yield _coded(each, table, enabled)

    def _fees(self, expected: Expectations) -> Iterator[Finding]:
        owner = self._settings.fee_owner
        if not expected.charges:
            return
        if not owner:
            yield warned("Fees", "No owner of fees is configured, so every fee is a task for staff.", "Set fee_owner.")
            return
        known = {*self._desks.libraries, self._desks.institution}
        if owner not in known:
            yield failed(
                "Owner of fees", f"'{owner}' is neither a library nor the institution{meant(owner, known)}", ""
            )
        else:
            yield well("Owner of fees", f"{owner} is there.")
        kinds = ", ".join(sorted({each.code for each in expected.of(Use.FEE_TYPE)} or {self._settings.fee_type}))
        yield well("Types of fee", f"Alma's API does not tell which can be posted ({kinds}): try one in your sandbox.")


def _coded(each: Expected, table: str, enabled: dict[str, bool]) -> Finding:
    if each.code not in enabled:
        text = f"It is not in Alma's code table {table}{meant(each.code, enabled)}"
        return failed(each.subject, text, each.advice)
    if not enabled[each.code]:
        return failed(each.subject, f"It is switched off in Alma's code table {table}.", each.advice)
    return well(each.subject, f"It is in Alma's code table {table}.")
