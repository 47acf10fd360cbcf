"""A connector made of parts: patrons, temporary items, holds and loans of one ILS, each a room of its own; their verbs stand here once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bridge.connectors.base import Call
from bridge.connectors.by_hand import ByHand
from bridge.domain import commands as do
from bridge.domain.expect import AccountStanding
from bridge.domain.record import Outcome


class PatronPart(Protocol):
    """Patrons and the accounts of borrowing libraries."""

    def find(self, command: do.FindPatron) -> Outcome: ...  # noqa: D102
    def charge(self, command: do.ChargeFee, call: Call) -> Outcome: ...  # noqa: D102
    def standing(self, account: str) -> AccountStanding: ...  # noqa: D102


class TemporaryPart(Protocol):
    """Temporary items."""

    def create(self, command: do.CreateTemporaryItem, call: Call) -> Outcome: ...  # noqa: D102
    def delete(self, command: do.DeleteTemporaryItem) -> Outcome: ...  # noqa: D102


class HoldPart(Protocol):
    """Holds."""

    def place(self, command: do.PlaceHold, call: Call) -> Outcome: ...  # noqa: D102
    def cancel(self, command: do.CancelHold) -> Outcome: ...  # noqa: D102


class LoanPart(Protocol):
    """Loans."""

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome: ...  # noqa: D102
    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome: ...  # noqa: D102
    def check_in(self, command: do.CheckIn) -> Outcome: ...  # noqa: D102


class InParts(ByHand):
    """Each verb is its part's. A verb that no part has here is a task for staff, unless the connector overrides it."""

    _patrons: PatronPart
    _temporary: TemporaryPart
    _holds: HoldPart
    _loans: LoanPart

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._patrons.find(command)

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.create(command, call)

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._holds.place(command, call)

    def cancel_hold(self, command: do.CancelHold, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._holds.cancel(command)

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.check_out(command, call)

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.set_due_date(command, call)

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._loans.check_in(command)

    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._temporary.delete(command)

    def charge_fee(self, command: do.ChargeFee, call: Call) -> Outcome:
        """See ``Connector``."""
        return self._patrons.charge(command, call)

    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        """See ``Connector``."""
        return tuple(self._patrons.standing(name) for name in names)
