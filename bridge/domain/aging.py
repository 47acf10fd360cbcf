"""Requests of which nothing was heard for very long: closed by rule, or handed to staff where something of ours may be in use. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.identity import Role
from bridge.domain.preview import left_behind
from bridge.domain.record import Record

AGED = "aged"
"""The cause of what age did, closed or parked."""


@dataclass(frozen=True)
class Aging:
    """What age does to a request: it is closed, or parked for staff; ``said`` tells it and names the rule."""

    closes: bool
    said: str


def aging(role: Role, record: Record, days: int) -> Aging:
    """Nothing is deleted, cancelled or checked in by age.

    A lent item that did not come back stays on its account. A borrowed item that stands in the ILS may be with the patron, or on the shelf:
    only staff can see.
    """
    stays = " ".join(left_behind(record))
    rule = f"The service has said nothing for more than {days} days (close_after_days)"
    if role is Role.BORROWER and stays:
        return Aging(closes=False, said=f"{rule}, and where the item is, only staff can see: {stays}")
    what = f"Nothing is done in the ILS: {stays}" if stays else "Nothing of it is in the ILS."
    return Aging(closes=True, said=f"Closed by age. {rule}. {what} News of it takes it up again.")
