"""The verbs of the bridge in Koha (REST API of 23.05 and later, SIP2; known limits: docs/reference/connectors/koha.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.in_parts import InParts
from bridge.connectors.koha.check import KohaCheck, probed
from bridge.connectors.koha.client import PAGE, KohaClient
from bridge.connectors.koha.holds import Holds
from bridge.connectors.koha.items import Items
from bridge.connectors.koha.loans import Loans
from bridge.connectors.koha.patrons import Patrons
from bridge.connectors.koha.settings import KohaSettings
from bridge.connectors.koha.sight import Sight, ids_of
from bridge.connectors.koha.temporary import TemporaryItems
from bridge.connectors.sip2 import Sip2Client
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.expect import Expectations
from bridge.domain.finding import Finding
from bridge.domain.identity import CODE, Mark
from bridge.domain.record import MarkedObject, MarkedPage, Outcome, Sighting

NO_DUE_DATE = "Koha's API sets no due date; it comes from the circulation rules."
NO_LOST = "No value of LOST is configured (lost_status)."
NO_SIP = "Koha's REST API cannot check out or in, and no SIP2 account is configured (sip2)."
NO_TRANSIT = "Koha's API has no call for transits."


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def capabilities_of(settings: KohaSettings) -> Capabilities:
    """What Koha can do with these settings."""
    due = Ability.STAFF if settings.due_dates == "staff" else Ability.ADVISORY
    abilities = {Verb.SET_DUE_DATE: due, Verb.RECEIVE_TRANSIT: Ability.STAFF, Verb.SEND_TRANSIT: Ability.STAFF}
    reasons = {Verb.SET_DUE_DATE: NO_DUE_DATE, Verb.RECEIVE_TRANSIT: NO_TRANSIT, Verb.SEND_TRANSIT: NO_TRANSIT}
    if not settings.lost_status:
        for verb in (Verb.MARK_LOST, Verb.MARK_FOUND):
            abilities[verb], reasons[verb] = Ability.STAFF, NO_LOST
    if settings.sip2 is None:
        for verb in (Verb.CHECK_OUT, Verb.CHECK_IN):
            abilities[verb], reasons[verb] = Ability.STAFF, NO_SIP
    return Capabilities(
        abilities=abilities,
        reasons=reasons,
        due_date_at_check_out=False,
        barcode_unique_enforced=True,
        inspect_by=frozenset(InspectBy),
    )


class KohaConnector(InParts):
    """One Koha. Safe to use from several threads. Due dates are its rules', and told."""

    _patrons: Patrons
    _temporary: TemporaryItems
    _holds: Holds
    _loans: Loans

    def __init__(
        self,
        settings: KohaSettings,
        surroundings: Surroundings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._now = now
        zone = ZoneInfo(settings.timezone)
        self._client = KohaClient(settings, surroundings, sleep, now)
        self._sip = Sip2Client(settings.sip2, surroundings, now=now) if settings.sip2 else None
        self._patrons = Patrons(self._client, settings, lambda: now().astimezone(zone).date())
        self._sight = Sight(self._client, zone, now)
        self._temporary = TemporaryItems(self._client, settings, self._sight)
        self._holds = Holds(self._client, self._sight, self._patrons)
        self._loans = Loans(self._client, self._sip, settings, self._sight, self._patrons)
        self._items = Items(self._client, settings, self._sight)

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.find(command)

    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.relabel(command)

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._items.move(command, call)

    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._items.restore(command)

    def mark_lost(self, command: do.MarkLost, call: Call) -> Outcome:
        """Set the value that means lost here (``lost_status``)."""
        return self._items.mark_lost(command)

    def mark_found(self, command: do.MarkFound, call: Call) -> Outcome:
        """Take it back."""
        return self._items.mark_found(command.target)

    def note_item(self, command: do.NoteItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.note(command)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """See ``Connector``."""
        return self._sight.inspect(command, self._patrons)

    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        """A page of the items in whose non-public note a mark stands."""
        page = int(command.after or 1)
        items = self._client.items_noted("ILLB-", page)
        found = ((CODE.search(item.internal_notes), item) for item in items)
        objects = tuple(
            MarkedObject(Mark(code[0], item.internal_notes[code.start() :]), ids_of(item), item.external_id)
            for code, item in found
            if code is not None
        )
        return MarkedPage(objects, str(page + 1) if len(items) == PAGE else "")

    def probe(self) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return probed(self._client, self._sip)

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return KohaCheck(self._client, self._sip, self._settings, self._now).findings(expectations)

    def close(self) -> None:
        """Close connections."""
        self._client.close()
        if self._sip is not None:
            self._sip.close()


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``KohaSettings``)."""
    return KohaConnector(KohaSettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The Koha these settings reach."""
    return KohaSettings.model_validate(settings.model_dump()).base_url.casefold()
