"""A library's policy: which steps are made, when, and with which values. Names follow the field's circulation-integration options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from bridge.domain.change import Condition, Phase
from bridge.domain.commands import Place


class BarcodeFrom(StrEnum):
    """Where a temporary item's barcode comes from; one typed by staff always goes first."""

    REQUEST = "request"
    SUPPLIER = "supplier"


class CreateOn(StrEnum):
    """When the temporary item is made."""

    REQUESTED = "requested"
    SHIPPED = "shipped"
    RECEIVED = "received"

    @property
    def phase(self) -> Phase:
        """The phase of that name."""
        return Phase(self.value)


class Mode(StrEnum):
    """How far the bridge goes for a library: it only plans and shows, or it writes in the ILS."""

    OBSERVE = "observe"
    LIVE = "live"


class NoBarcode(StrEnum):
    """What is done where the supplier's barcode is wanted and not known: staff are asked, or the request's number is taken."""

    ASK = "ask"
    REQUEST = "request"


class OnRecall(StrEnum):
    """What a recall does to the borrowed item: it is only shown; a note on the item tells the desk; the due date is brought forward too."""

    SHOW = "show"
    NOTE = "note"
    SHORTEN = "shorten"


class AlignDueDate(StrEnum):
    """How the bridge learns that the desk has lent a temporary item, to bring the patron's date to the lender's.

    Not at all; by a look once a day until the loan was seen; or only where the ILS tells of the loan itself.
    """

    OFF = "off"
    DAILY = "daily"
    WEBHOOK = "webhook"


class NotReturned(StrEnum):
    """What is done where a lent item's request is closed without the item: staff are asked, or the loan is declared lost."""

    ASK = "ask"
    LOST = "lost"


@dataclass(frozen=True)
class ItemRule:
    """Values for the borrowed items that meet every condition named here; the first rule that names a value gives it.

    ``partners`` and ``formats`` are the service's own words, compared without case; ``conditions`` must all be in force.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    partners: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    item_type: str | None = None
    material: str | None = None
    place: Place | None = None
    public_note: str | None = None
    staff_note: str | None = None

    def meets(self, partner: str, item_format: str, conditions: tuple[Condition, ...]) -> bool:
        """Whether an item meets every condition of the rule."""
        named = _among(partner, self.partners) and _among(item_format, self.formats)
        return named and set(self.conditions) <= set(conditions)


@dataclass(frozen=True)
class LendingRule:
    """Values for the own items that meet every condition named here; the first rule that names a value gives it."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    partners: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    account: str | None = None
    temporary_place: Place | None = None

    def meets(self, partner: str, item_format: str) -> bool:
        """Whether an item meets every condition of the rule."""
        return _among(partner, self.partners) and _among(item_format, self.formats)


def _among(value: str, names: tuple[str, ...]) -> bool:
    return not names or value.casefold() in {name.casefold() for name in names}


class DoneBy(StrEnum):
    """Who takes a step that a scan at the desk takes: the bridge, or staff."""

    BRIDGE = "bridge"
    STAFF = "staff"


@dataclass(frozen=True)
class InSystemBorrowing:
    """How items of another library on the same ILS are borrowed (``existing_item``): who charges, discharges and sends them.

    ``suppliers`` (the service's symbols, compared without case): from whom; from everybody where none is named. ``ill_account`` is this
    library's own ILL account, which the owning library charges items to; without it items are only received from transit.
    ``charge_patron`` and the transits are not done where they are left to staff; the discharges, and the transit home, are seen to.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    suppliers: tuple[str, ...] = ()
    ill_account: str = ""
    receive_transit: DoneBy = DoneBy.BRIDGE
    charge_patron: DoneBy = DoneBy.BRIDGE
    discharge_patron: DoneBy = DoneBy.BRIDGE
    discharge_account: DoneBy = DoneBy.BRIDGE
    send_transit: DoneBy = DoneBy.BRIDGE


@dataclass(frozen=True)
class InSystemLending:
    """How items are lent to other libraries on the same ILS: ``partners`` are these, by symbol, each with its library's code in the ILS.

    ``home`` is where an item that comes back is scanned in. The account of a partner is named as for any other.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    partners: Mapping[str, str] = field(default_factory=dict)
    home: Place = field(default_factory=Place)
    send_transit: DoneBy = DoneBy.STAFF
    receive_transit: DoneBy = DoneBy.BRIDGE
    discharge_account: DoneBy = DoneBy.BRIDGE

    def library_of(self, partner: str) -> str | None:
        """The code of a partner's library, empty where none is given; ``None`` for a partner that is not on this ILS."""
        codes = (code for symbol, code in self.partners.items() if symbol.casefold() == partner.casefold())
        return next(codes, None)


@dataclass(frozen=True)
class BorrowingPolicy:
    """What is done for items we borrow.

    ``existing_item``: lender and borrower share one ILS, so the real item is used and nothing is created or deleted, as ``in_system``
    says. ``pickup_locations`` maps the service's names to the ILS's codes; a name that is not in it passes as it is. ``due_margin_days``
    is how many days before the lender's date the patron's loan falls due; ``align_due_date`` says whether that date is brought to the
    loan which the desk makes.
    ``fee_amount`` is charged where the service names no amount; from ``fee_on`` on. What is told in another currency than
    ``fee_currency`` is left to staff. A recall that shortens leaves the patron
    ``recall_minimum_days`` at least, counted from the day it is written. ``charge_replacement_fee`` passes on what the lender bills for a
    lost or damaged item, where the ILS does not charge it by itself.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    enabled: bool = True
    existing_item: bool = False
    in_system: InSystemBorrowing = field(default_factory=InSystemBorrowing)
    verify_patron_on_request: bool = False
    create_on: CreateOn = CreateOn.RECEIVED
    barcode_from: BarcodeFrom = BarcodeFrom.REQUEST
    when_no_barcode: NoBarcode = NoBarcode.ASK
    barcode_prefix: str = ""
    item_type: str = ""
    material: str = ""
    place: Place = field(default_factory=Place)
    suppressed: bool = True
    public_note: str = ""
    rules: tuple[ItemRule, ...] = ()
    hold: bool = True
    hold_notify: bool = True
    pickup_locations: Mapping[str, str] = field(default_factory=dict)
    default_pickup_location: str = ""
    due_margin_days: int = 0
    update_due_date: bool = True
    align_due_date: AlignDueDate = AlignDueDate.OFF
    renew: bool = True
    on_recall: OnRecall = OnRecall.SHOW
    recall_minimum_days: int = 7
    declare_lost: bool = True
    check_in_on_return: bool = True
    delete_on_return: bool = True
    charge_fee: bool = False
    charge_fee_on_copies: bool = False
    fee_on: CreateOn = CreateOn.RECEIVED
    fee_type: str = ""
    fee_amount: Decimal | None = None
    fee_currency: str = ""
    waive_fee_on_cancel: bool = True
    charge_replacement_fee: bool = False
    replacement_fee_type: str = ""

    def given(self, name: str, partner: str, item_format: str, conditions: tuple[Condition, ...]) -> Any:  # noqa: ANN401
        """What the first rule that names this value says for such an item; ``None`` where none does."""
        rules = (rule for rule in self.rules if rule.meets(partner, item_format, conditions))
        return next((value for rule in rules if (value := getattr(rule, name)) is not None), None)

    def within(self, supplier: str) -> bool:
        """Whether what this supplier sends is an item of our own ILS."""
        return self.existing_item and _among(supplier, self.in_system.suppliers)

    @property
    def makes_items(self) -> bool:
        """Whether temporary items are made for anything that is borrowed."""
        return not self.existing_item or bool(self.in_system.suppliers)


PARTNER = "{partner}"
"""Stands in ``default_account`` for the partner's symbol."""


@dataclass(frozen=True)
class LendingPolicy:
    """What is done for our own items that others borrow.

    The account an item is checked out to: the first rule that names one, ``accounts`` by partner symbol, ``default_account`` (in which
    ``{partner}`` stands for the symbol), else the symbol itself.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    enabled: bool = True
    hold_on_request: bool = False
    pickup_location: str = ""
    check_out_on_shipped: bool = True
    update_due_date: bool = True
    renew: bool = True
    accounts: Mapping[str, str] = field(default_factory=dict)
    default_account: str = ""
    temporary_place: Place | None = None
    rules: tuple[LendingRule, ...] = ()
    declare_lost: bool = True
    not_returned: NotReturned = NotReturned.ASK
    check_in_on_completed: bool = True
    in_system: InSystemLending = field(default_factory=InSystemLending)

    def account(self, partner: str, item_format: str = "") -> str:
        """The ILS account of a borrowing library."""
        named = (rule.account for rule in self.rules if rule.meets(partner, item_format))
        usual = self.default_account.replace(PARTNER, partner)
        return next(filter(None, named), "") or self.accounts.get(partner) or usual or partner

    def place_away(self, partner: str, item_format: str = "") -> Place | None:
        """Where an item is while it is lent, if it is moved at all."""
        named = (rule.temporary_place for rule in self.rules if rule.meets(partner, item_format))
        return next((place for place in named if place is not None), None) or self.temporary_place


@dataclass(frozen=True)
class Policy:
    """A library's policy for both roles, and the name of the bridge that stands in its marks.

    ``live_from`` (aware) is the cut-over: loans that began before it are left alone until they are adopted. ``deletes_per_hour`` is
    how many temporary items may be deleted in an hour before a human is asked (rule 12).
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    bridge: str = "ill-bridge"
    borrowing: BorrowingPolicy = field(default_factory=BorrowingPolicy)
    lending: LendingPolicy = field(default_factory=LendingPolicy)
    mode: Mode = Mode.LIVE
    live_from: datetime | None = None
    deletes_per_hour: int = 50
