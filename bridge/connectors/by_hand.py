"""A connector none of whose verbs is done by machine: the ground on which connectors with few verbs stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Verb
from bridge.domain.expect import AccountStanding, Expectations
from bridge.domain.finding import Finding, well
from bridge.domain.plan import verb_of
from bridge.domain.record import MarkedPage, Outcome, Sighting
from bridge.errors import Rejected

CANNOT_LIST = "Nothing here can be listed by machine, so what bears our mark is found by hand only."


def staffed(done: Mapping[Verb, Ability]) -> Mapping[Verb, Ability]:
    """The ability of every verb: as named in ``done``, else a task for staff."""
    return {verb: done.get(verb, Ability.STAFF) for verb in Verb}


def left_to_staff(asked: do.Command) -> NoReturn:
    """A verb was asked for that is a task for staff here, as only a plan made for other capabilities can do. Raises ``Rejected``."""
    said = f"This ILS cannot {verb_of(type(asked)).value.replace('_', ' ')} by machine."
    raise Rejected(said, cause="staff", advice="Do it by hand in the ILS, then: ill-bridge skip.")


class ByHand:
    """Every verb is a task for staff, and nothing can be looked at. Whoever does more by machine overrides it and declares so."""

    capabilities = Capabilities(abilities=staffed({}), inspect_by=frozenset(), cannot_list=CANNOT_LIST)

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def cancel_hold(self, command: do.CancelHold, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def receive_transit(self, command: do.ReceiveTransit, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def send_transit(self, command: do.SendTransit, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def charge_fee(self, command: do.ChargeFee, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def mark_lost(self, command: do.MarkLost, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def mark_found(self, command: do.MarkFound, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def note_item(self, command: do.NoteItem, call: Call) -> Outcome:
        """See ``Connector``."""
        left_to_staff(command)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """Nothing can be seen, which is not the same as nothing being there."""
        return Sighting()

    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        """Never asked, since ``all_marks`` is not among what can be asked by."""
        return MarkedPage()

    def probe(self) -> tuple[Finding, ...]:
        """Staff are always there to be asked."""
        return (well("By hand", "Nothing is asked of the ILS: its work is done by staff."),)

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """Nothing can be compared, and that is said."""
        text = "Item types, places, pickup locations and accounts cannot be looked at: staff see them when they work."
        return (*self.probe(), well("Codes", text))

    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        """None can be looked at, so nothing is said of any."""
        return ()

    def close(self) -> None:
        """Nothing is open."""
