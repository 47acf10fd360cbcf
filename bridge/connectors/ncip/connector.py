"""The verbs of the bridge over NCIP, for every dialect (known limits: docs/reference/connectors/ncip.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.in_parts import InParts
from bridge.connectors.ncip.check import NcipCheck
from bridge.connectors.ncip.client import NcipClient, transport_of
from bridge.connectors.ncip.dialects import Deletes, Dialect, Renews, Sees
from bridge.connectors.ncip.holds import Holds
from bridge.connectors.ncip.loans import Loans
from bridge.connectors.ncip.patrons import Directory, NcipDirectory, Patrons
from bridge.connectors.ncip.settings import NcipBase, NcipSettings
from bridge.connectors.ncip.sight import Sight
from bridge.connectors.ncip.temporary import TemporaryItems
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.expect import Expectations
from bridge.domain.finding import Finding
from bridge.domain.record import MarkedPage, Outcome, Sighting
from bridge.errors import Rejected

NO_LIST = "NCIP cannot list what bears a mark."
REASONS = {
    Verb.CREATE_TEMPORARY_ITEM: "This NCIP responder makes no items (AcceptItem).",
    Verb.RELABEL_ITEM: "NCIP changes no barcode.",
    Verb.PLACE_HOLD: "Over NCIP a hold is made together with its item only; this responder takes no other.",
    Verb.CANCEL_HOLD: "NCIP cannot cancel the hold in this ILS: cancel it in the staff client.",
    Verb.SET_DUE_DATE: "This NCIP responder renews nothing (RenewItem).",
    Verb.MOVE_ITEM: "NCIP moves no items.",
    Verb.RESTORE_ITEM: "NCIP moves no items.",
    Verb.RECEIVE_TRANSIT: "NCIP cannot scan an item in where it arrives.",
    Verb.DELETE_TEMPORARY_ITEM: "NCIP deletes nothing in this ILS: delete it in the staff client, unless it went when it was checked in.",
    Verb.CHARGE_FEE: "Charging fees over NCIP is not switched on (charge_fees).",
    Verb.MARK_LOST: "NCIP has no message for lost items.",
    Verb.MARK_FOUND: "NCIP has no message for lost items.",
    Verb.NOTE_ITEM: "NCIP writes no notes.",
}
GOES_BY_ITSELF = "No message deletes an item here: the ILS is set to remove it when it is checked in (deletes)."
_INSPECT = {
    Sees.ITEM: frozenset({InspectBy.BARCODE}),
    Sees.USER: frozenset({InspectBy.MARK}),
    Sees.NOTHING: frozenset[InspectBy](),
}


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def capabilities_of(dialect: Dialect) -> Capabilities:
    """What an ILS can do over NCIP, by its dialect."""
    staff, no = Ability.STAFF, Ability.NO
    abilities = {
        Verb.RELABEL_ITEM: staff,
        Verb.MOVE_ITEM: no,
        Verb.RESTORE_ITEM: no,
        Verb.RECEIVE_TRANSIT: staff,
        Verb.MARK_LOST: staff,
        Verb.MARK_FOUND: staff,
        Verb.NOTE_ITEM: no,
        Verb.SET_DUE_DATE: _renewing(dialect),
    }
    lacking = {
        Verb.CREATE_TEMPORARY_ITEM: not dialect.accepts,
        Verb.PLACE_HOLD: not dialect.requests_items,
        Verb.CANCEL_HOLD: not dialect.cancels,
        Verb.CHARGE_FEE: not dialect.charges,
        Verb.DELETE_TEMPORARY_ITEM: dialect.deletes is Deletes.STAFF,
    }
    abilities |= {verb: staff for verb, lacks in lacking.items() if lacks}
    reasons = {verb: REASONS[verb] for verb in abilities if verb in REASONS}
    if dialect.deletes is Deletes.CHECK_IN:
        abilities[Verb.DELETE_TEMPORARY_ITEM] = Ability.ADVISORY
        reasons[Verb.DELETE_TEMPORARY_ITEM] = GOES_BY_ITSELF
    return Capabilities(
        abilities=abilities,
        reasons=reasons,
        due_date_at_check_out=dialect.check_out_exact,
        temporary_location=False,
        barcode_unique_enforced=dialect.barcode_unique,
        places_have_libraries=False,
        places_exist=False,
        by_patron=True,
        delete_ends_holds=dialect.delete_ends_holds,
        own_loans_guarded=dialect.names_borrowers or dialect.check_in_by_request,
        inspect_by=_INSPECT[dialect.sees],
        cannot_list=NO_LIST,
    )


def _renewing(dialect: Dialect) -> Ability:
    return Ability.STAFF if dialect.renews is Renews.NO else Ability.ADVISORY


class NcipConnector(InParts):
    """One ILS over NCIP. ``directory`` is another door for patrons, where there is one. Safe to use from several threads."""

    _patrons: Patrons
    _temporary: TemporaryItems
    _holds: Holds
    _loans: Loans

    def __init__(
        self,
        settings: NcipBase,
        surroundings: Surroundings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
        client: NcipClient | None = None,
        directory: Directory | None = None,
    ) -> None:
        self._client = client or NcipClient(settings, transport_of(settings, surroundings, sleep), now)
        self.capabilities = capabilities_of(self._client.dialect)
        zone = ZoneInfo(settings.timezone)
        self._directory = directory or NcipDirectory(self._client, lambda: now().astimezone(zone).date())
        self._sight = Sight(self._client)
        self._patrons = Patrons(self._client, settings, self._sight, self._directory)
        self._temporary = TemporaryItems(self._client, settings, self._sight)
        self._holds = Holds(self._client, self._sight)
        self._loans = Loans(self._client, self._sight)
        self._check = NcipCheck(self._client, settings, self._directory)

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.find(command)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """See ``Connector``."""
        return self._sight.inspect(command)

    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        """Declared as impossible."""
        raise Rejected(NO_LIST, cause="refused", advice="Look in the ILS for what is left.")

    def probe(self) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return self._check.probed()

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return self._check.findings(expectations)

    def close(self) -> None:
        """Close connections."""
        self._directory.close()
        self._client.close()


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The generic connector for these settings (an ``NcipSettings``)."""
    return NcipConnector(NcipSettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The responder these settings reach, and the library behind it: one responder may serve several."""
    known = {name: value for name, value in settings.model_dump().items() if name in NcipBase.model_fields}
    reached = NcipBase.model_validate(known)
    key = reached.api_key.get_secret_value() if reached.api_key else ""
    return reached.url.casefold(), reached.to_agency.casefold(), key
