"""What a goal is made of: items, holds, loans, fees that should be there, or not, or be left alone. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import Enum

from bridge.domain.commands import Description, Money, Place
from bridge.domain.identity import Mark, RequestKey
from bridge.domain.within import BorrowedWithin, LentWithin

FEE = "fee"
REPLACEMENT = "replacement"
"""Keys by which the fees of one item are told apart."""
DAMAGED = "The item came back damaged; see to it."
NAME_IT = ": name it at the service, or with ill-bridge set."
"""What to do where a request lacks patron or barcode."""


class Wish(Enum):
    """What is wanted of something that needs no values."""

    ABSENT = "absent"
    LEAVE = "leave"


ABSENT = Wish.ABSENT
LEAVE = Wish.LEAVE


@dataclass(frozen=True)
class ItemWish:
    """A temporary item that should be there."""

    barcode: str
    place: Place
    description: Description
    item_type: str = ""
    material: str = ""
    suppressed: bool = True
    public_note: str = ""
    staff_note: str = ""
    due: date | None = None


@dataclass(frozen=True)
class HoldWish:
    """A hold that should stand, or have been satisfied."""

    patron_id: str
    pickup_location: str
    notify: bool = True


@dataclass(frozen=True)
class LoanWish:
    """A loan that should be open: ours (``account``), or a patron's whose due date we may only set (``account`` empty).

    ``renew``: a date that comes after the first one is brought to the loan too. ``leave_days``: how many days a loan that is shortened
    still runs at least, from the day it is shortened. ``align``: a patron's loan that the desk makes, with the ILS's own date, is brought
    to ``due``.
    """

    account: str = ""
    due: date | None = None
    may_shorten: bool = False
    renew: bool = True
    leave_days: int = 0
    align: bool = False


@dataclass(frozen=True)
class FeeWish:
    """A fee that should have been charged. ``told``: the service told its amount; ``foreign``: in another currency than our fees."""

    fee_key: str
    patron_id: str
    fee: Money
    fee_type: str = ""
    told: bool = True
    foreign: bool = False


@dataclass(frozen=True)
class ItemGoal:
    """The goal for one leg and volume: each part present (with its values), absent, or left as it is.

    ``attention`` says what staff must see to or decide, behind all that can be done without them; ``asks_where``: it only asks where the
    item is. ``dispute`` says it of an item that is lost or was, and is moot where nothing of ours is in the ILS any more. ``lost`` wants
    the loan declared lost, ``found`` that taken back; ``was_lost``: it was declared lost at any time. ``if_there`` asks staff about an
    item that is there or on loan, ``{barcode}`` being its barcode. ``bill`` is the replacement fee, absent where none is owed (any more).
    ``within`` is what is wanted of an in-system loan. ``home_once_over``: its place is brought back once no loan of ours stands any more,
    which staff end.
    """

    leg: str
    volume: str
    mark: Mark
    barcode: str = ""
    item: ItemWish | Wish = LEAVE
    hold: HoldWish | Wish = LEAVE
    loan: LoanWish | Wish = LEAVE
    place: Place | Wish = LEAVE
    home_once_over: bool = False
    transit: Place | Wish = LEAVE
    within: BorrowedWithin | LentWithin | None = None
    fee: FeeWish | Wish = LEAVE
    bill: FeeWish | Wish = LEAVE
    lost: bool = False
    found: bool = False
    was_lost: bool = False
    attention: str = ""
    asks_where: bool = False
    dispute: str = ""
    if_there: str = ""

    @property
    def left_lost(self) -> bool:
        """Whether it is lost or closed without the item, and nothing of it is changed in the ILS."""
        return (self.was_lost or bool(self.dispute)) and {self.item, self.hold, self.loan} == {LEAVE}


@dataclass(frozen=True)
class Goal:
    """The goal for a request. ``patron_id`` is empty where no patron needs to be known; ``ended``: nothing more is expected.

    ``forsaken`` says what becomes of items that were made before the service named the suppliers, where there are any.
    """

    key: RequestKey
    patron_id: str = ""
    items: tuple[ItemGoal, ...] = ()
    forsaken: tuple[ItemGoal, ...] = ()
    ended: bool = False

    @property
    def fingerprint(self) -> str:
        """The same for equal goals, in every process."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]
