"""The verbs of the bridge in Sierra (Sierra REST API; known limits: docs/reference/connectors/sierra.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.in_parts import InParts
from bridge.connectors.sierra.check import SierraCheck, probed
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import Missing
from bridge.connectors.sierra.holds import Holds
from bridge.connectors.sierra.listing import NO_LOCATIONS, Listing
from bridge.connectors.sierra.loans import Loans
from bridge.connectors.sierra.moves import AVAILABLE, OF_CIRCULATION, Moves
from bridge.connectors.sierra.patrons import Patrons
from bridge.connectors.sierra.settings import SierraSettings
from bridge.connectors.sierra.sight import Sight, has_ended
from bridge.connectors.sierra.temporary import TemporaryItems
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.expect import Expectations
from bridge.domain.finding import Finding
from bridge.domain.record import Learned, MarkedPage, Outcome, OutcomeKind, Sighting

NO_DUE_DATE = "Sierra's API changes no due date; it comes from the loan rule."
NO_LOST = "No status code for lost items is configured (lost_status)."
NO_FEES = "Charging fees through Sierra's API is not switched on (charge_fees)."
NO_TRANSIT = "Sierra's API cannot scan an item in where it arrives."
ONLY_V6 = "Check-out and check-in by API need version 6 of Sierra's API."


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def capabilities_of(settings: SierraSettings) -> Capabilities:
    """What Sierra can do with these settings."""
    due = Ability.STAFF if settings.due_dates == "staff" else Ability.ADVISORY
    abilities = {Verb.SET_DUE_DATE: due, Verb.RECEIVE_TRANSIT: Ability.STAFF}
    reasons = {Verb.SET_DUE_DATE: NO_DUE_DATE, Verb.RECEIVE_TRANSIT: NO_TRANSIT}
    if not settings.lost_status:
        for verb in (Verb.MARK_LOST, Verb.MARK_FOUND):
            abilities[verb], reasons[verb] = Ability.STAFF, NO_LOST
    if not settings.charge_fees:
        abilities[Verb.CHARGE_FEE], reasons[Verb.CHARGE_FEE] = Ability.STAFF, NO_FEES
    if settings.api_version == 5:
        for verb in (Verb.CHECK_OUT, Verb.CHECK_IN):
            abilities[verb], reasons[verb] = Ability.STAFF, ONLY_V6
    return Capabilities(
        abilities=abilities,
        reasons=reasons,
        due_date_at_check_out=False,
        barcode_unique_enforced=False,
        cascade_delete=False,
        move_before_check_out=settings.move_first or not OF_CIRCULATION.issuperset(settings.lend_from_statuses),
        restore_before_check_in=False,
        places_have_libraries=False,
        inspect_by=frozenset(InspectBy) if settings.audit_locations else frozenset(InspectBy) - {InspectBy.ALL_MARKS},
        cannot_list="" if settings.audit_locations else NO_LOCATIONS,
    )


class SierraConnector(InParts):
    """One Sierra. Safe to use from several threads. Due dates are its loan rules', and told."""

    _patrons: Patrons
    _temporary: TemporaryItems
    _holds: Holds
    _loans: Loans

    def __init__(
        self,
        settings: SierraSettings,
        surroundings: Surroundings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._now = now
        zone = ZoneInfo(settings.timezone)
        self._client = SierraClient(settings, surroundings, sleep, now)
        self._sight = Sight(self._client, settings, sleep, now)
        self._patrons = Patrons(self._client, settings, lambda: now().astimezone(zone).date())
        self._temporary = TemporaryItems(self._client, settings, self._sight)
        self._holds = Holds(self._client, settings, self._sight, self._patrons, sleep)
        self._loans = Loans(self._client, settings, self._sight, self._patrons)
        self._listing = Listing(self._client, settings)
        self._moves = Moves(self._client, settings, self._sight)

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.find(command)

    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.relabel(command)

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._moves.move(command, call)

    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._moves.restore(command)

    def mark_lost(self, command: do.MarkLost, call: Call) -> Outcome:
        """Set the status that means lost here (``lost_status``). An item that came back, or was lent on, is not lost."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            note = "The item is gone from Sierra."
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True), (note,))
        if item.status.code == self._settings.lost_status:
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True))
        if has_ended(item, command.loan_id):
            note = "The loan has ended, so the item is not declared lost."
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True), (note,))
        self._client.update_item(item.id, {"status": self._settings.lost_status})
        return Outcome(learned=Learned(marked_lost=True))

    def mark_found(self, command: do.MarkFound, call: Call) -> Outcome:
        """Set the status back to available (which is also that of a loan), while it is the one that means lost here."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, notes=("The item is gone from Sierra.",))
        if not self._settings.lost_status or item.status.code != self._settings.lost_status:
            return Outcome(OutcomeKind.ALREADY)
        self._client.update_item(item.id, {"status": AVAILABLE})
        return Outcome()

    def note_item(self, command: do.NoteItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.note(command)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """See ``Connector``."""
        return self._sight.inspect(command, self._patrons)

    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        """See ``Connector``."""
        return self._listing.page(command)

    def probe(self) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return probed(self._client)

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return SierraCheck(self._client, self._settings, self._now).findings(expectations)

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``SierraSettings``)."""
    return SierraConnector(SierraSettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The Sierra these settings reach."""
    return SierraSettings.model_validate(settings.model_dump()).base_url.casefold()
