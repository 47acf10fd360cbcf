"""The verbs of the bridge in Alma (Alma REST API; known limits: docs/reference/connectors/alma.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.check import AlmaCheck
from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.errors import Missing, unknown_item
from bridge.connectors.alma.holds import Holds
from bridge.connectors.alma.listing import NO_SET, Listing
from bridge.connectors.alma.loans import Loans
from bridge.connectors.alma.moves import Moves
from bridge.connectors.alma.patrons import Patrons
from bridge.connectors.alma.probe import findings
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.alma.sight import Sight, permanent_place
from bridge.connectors.alma.temporary import TemporaryItems
from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.in_parts import InParts
from bridge.connectors.recent import Recent
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.expect import Expectations
from bridge.domain.finding import Finding
from bridge.domain.record import Learned, MarkedPage, Outcome, Sighting

NO_LOST = (
    "Alma's API cannot declare a loan lost: in Manage Patron Services open the borrower, show all loans, and choose Lost in the row "
    "actions of the loan. An item that is not on loan cannot be lost in Alma."
)
NO_FOUND = (
    "Alma's API cannot take it back: in Manage Patron Services open the borrower, show all loans, and choose Found Item in the row "
    "actions of the loan; an item that is at hand is scanned in instead. Look at the fees then."
)
"""Where staff find it: staff guides of WRLC and Harvard (lost processes in Alma)."""
NO_FEE = "No owner of fees is configured (fee_owner)."


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def capabilities_of(settings: AlmaSettings) -> Capabilities:
    """What Alma can do with these settings."""
    abilities = {Verb.MARK_LOST: Ability.STAFF, Verb.MARK_FOUND: Ability.STAFF}
    reasons = {Verb.MARK_LOST: NO_LOST, Verb.MARK_FOUND: NO_FOUND}
    if not settings.fee_owner:
        abilities[Verb.CHARGE_FEE] = Ability.STAFF
        reasons[Verb.CHARGE_FEE] = NO_FEE
    inspect_by = frozenset(InspectBy) if settings.audit_set else frozenset(InspectBy) - {InspectBy.ALL_MARKS}
    return Capabilities(
        inspect_by=inspect_by,
        cannot_list="" if settings.audit_set else NO_SET,
        abilities=abilities,
        reasons=reasons,
        due_date_at_check_out=False,
        barcode_unique_enforced=False,
        cascade_delete=True,
        move_before_check_out=True,
        restore_before_check_in=True,
    )


class AlmaConnector(InParts):
    """One Alma institution. Safe to use from several threads."""

    _patrons: Patrons
    _temporary: TemporaryItems
    _holds: Holds
    _loans: Loans

    def __init__(
        self,
        settings: AlmaSettings,
        surroundings: Surroundings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._now = now
        zone = ZoneInfo(settings.timezone)
        self._client = AlmaClient(settings, surroundings, sleep)
        seen: Recent[alma.Item] = Recent(now)

        def today() -> date:
            return now().astimezone(zone).date()

        self._sight = Sight(self._client, settings, sleep)
        self._patrons = Patrons(self._client, settings, today)
        self._temporary = TemporaryItems(self._client, settings, self._sight, seen)
        self._holds = Holds(self._client, settings, self._sight, sleep)
        self._loans = Loans(self._client, settings, self._sight, seen, today)
        self._moves = Moves(self._client, self._sight)
        self._listing = Listing(self._client, settings)

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        learned = Learned(ids=ids_of(item), place=permanent_place(item), barcode=item.item_data.barcode)
        return Outcome(learned=learned)

    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.relabel(command)

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._moves.move(command)

    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._moves.restore(command)

    def receive_transit(self, command: do.ReceiveTransit, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.receive_transit(command)

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
        return findings(self._client, self._settings)

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return AlmaCheck(self._client, self._settings, self._now).findings(expectations)

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (an ``AlmaSettings``)."""
    return AlmaConnector(AlmaSettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The institution these settings reach: the key selects it, within the region of its host (alma.md section 1)."""
    known = AlmaSettings.model_validate(settings.model_dump())
    return (known.host, known.api_key.get_secret_value())
