"""The verbs of the bridge in Symphony (Symphony Web Services; known limits: docs/reference/connectors/symphony.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, date, datetime
from functools import wraps
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.symphony.charges import Charges
from bridge.connectors.symphony.check import SymphonyCheck, probed
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.errors import Inner, outward
from bridge.connectors.symphony.holds import Holds
from bridge.connectors.symphony.listing import NO_INDEX, Listing
from bridge.connectors.symphony.loans import Loans
from bridge.connectors.symphony.moves import Moves
from bridge.connectors.symphony.patrons import Patrons
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.sight import Sight
from bridge.connectors.symphony.temporary import TemporaryItems
from bridge.connectors.symphony.transits import Transits
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Charge, Verb
from bridge.domain.expect import AccountStanding, Expectations
from bridge.domain.finding import Finding
from bridge.domain.record import MarkedPage, Outcome, Sighting
from bridge.errors import Rejected

P = ParamSpec("P")
R = TypeVar("R")
NO_LOST = "No call of Symphony's is known that declares a loan lost (lost_action)."
NO_FOUND = "No call of Symphony's is known that takes a declared loss back."
NO_FEES = "Billing through Symphony's API is not switched on (charge_fees)."
NO_DELETING = "Deleting is left to staff in this Symphony (deleting)."
NO_NOTES = "This site has no notes for the desk (note_code)."


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def capabilities_of(settings: SymphonySettings) -> Capabilities:
    """What Symphony can do with these settings."""
    limits = {
        Verb.MARK_FOUND: (Ability.STAFF, NO_FOUND),
        Verb.MARK_LOST: (Ability.YES if settings.lost_action else Ability.STAFF, NO_LOST),
        Verb.CHARGE_FEE: (Ability.YES if settings.charge_fees else Ability.STAFF, NO_FEES),
        Verb.DELETE_TEMPORARY_ITEM: (Ability.STAFF if settings.deleting == "staff" else Ability.YES, NO_DELETING),
        Verb.NOTE_ITEM: (Ability.YES if settings.note_code else Ability.NO, NO_NOTES),
        Verb.SEND_TRANSIT: (Ability.YES, ""),
    }
    lists = bool(settings.search_index)
    return Capabilities(
        abilities={verb: ability for verb, (ability, _) in limits.items()},
        reasons={verb: reason for verb, (ability, reason) in limits.items() if ability is not Ability.YES},
        due_date_at_check_out=True,
        barcode_unique_enforced=True,
        cascade_delete=False,
        move_before_check_out=False,
        restore_before_check_in=True,
        double_charge=True,
        inspect_by=frozenset(InspectBy) if lists else frozenset({InspectBy.IDS, InspectBy.BARCODE}),
        cannot_list="" if lists else NO_INDEX,
    )


def at_the_border(verb: Callable[P, R]) -> Callable[P, R]:
    """No error that only this connector knows leaves it."""

    @wraps(verb)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(*args, **kwargs)
        except Inner as inner:
            raise outward(inner) from inner

    return told


class SymphonyConnector:
    """One Symphony. Safe to use from several threads."""

    def __init__(
        self,
        settings: SymphonySettings,
        surroundings: Surroundings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._now = now
        zone = ZoneInfo(settings.timezone)
        self._today: Callable[[], date] = lambda: now().astimezone(zone).date()
        self._client = SymphonyClient(settings, surroundings, sleep, now)
        self._sight = Sight(self._client, settings, sleep, now)
        self._patrons = Patrons(self._client, settings, self._today)
        self._temporary = TemporaryItems(self._client, settings, self._sight, self._patrons)
        self._holds = Holds(self._client, settings, self._sight, self._patrons, self._today)
        self._charges = Charges(self._client, settings, self._sight, self._patrons)
        self._loans = Loans(self._client, settings, self._sight, self._patrons, self._charges, self._today)
        self._transits = Transits(self._client, self._sight)
        self._moves = Moves(self._client, self._sight)
        self._listing = Listing(self._client, settings)

    @at_the_border
    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._patrons.find(command)

    @at_the_border
    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.find(command)

    @at_the_border
    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.create(command, call)

    @at_the_border
    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.relabel(command)

    @at_the_border
    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._holds.place(command, call)

    @at_the_border
    def cancel_hold(self, command: do.CancelHold, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._holds.cancel(command)

    @at_the_border
    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._charges.check_out_over(command, call) if command.over else self._loans.check_out(command, call)

    @at_the_border
    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.set_due_date(command, call)

    @at_the_border
    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.check_in(command) if command.charge is Charge.ANY else self._charges.discharge(command, call)

    @at_the_border
    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._moves.move(command, call)

    @at_the_border
    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._moves.restore(command)

    @at_the_border
    def receive_transit(self, command: do.ReceiveTransit, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._transits.receive(command)

    @at_the_border
    def send_transit(self, command: do.SendTransit, call: Call) -> Outcome:
        """See ``SendsTransits``."""
        return self._transits.send(command)

    @at_the_border
    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.delete(command)

    @at_the_border
    def charge_fee(self, command: do.ChargeFee, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._patrons.charge(command, call)

    @at_the_border
    def mark_lost(self, command: do.MarkLost, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.mark_lost(command)

    def mark_found(self, command: do.MarkFound, call: Call) -> Outcome:
        """Declared as a task for staff, so the planner never asks for it."""
        raise Rejected(NO_FOUND, cause="staff", advice="Take it back at the desk in Symphony.")

    @at_the_border
    def note_item(self, command: do.NoteItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.note(command)

    @at_the_border
    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """See ``Connector``."""
        return self._sight.inspect(command, self._patrons, lambda item: self._charges.seen(item, command))

    @at_the_border
    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        """See ``Connector``."""
        return self._listing.page(command)

    @at_the_border
    def probe(self) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return probed(self._client, self._settings, self._today())

    @at_the_border
    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return SymphonyCheck(self._client, self._settings, self._now).findings(expectations)

    @at_the_border
    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        """See ``Connector``."""
        return tuple(self._patrons.standing(name) for name in names)

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``SymphonySettings``)."""
    return SymphonyConnector(SymphonySettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The Symphony these settings reach."""
    return SymphonySettings.model_validate(settings.model_dump()).base_url.casefold()
