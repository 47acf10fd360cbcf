"""A library's policy: which steps are made, when, and with which values. Names follow the field's circulation-integration options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from bridge.domain.change import Phase
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


@dataclass(frozen=True)
class BorrowingPolicy:
    """What is done for items we borrow.

    ``existing_item``: lender and borrower share one ILS, so the real item is used and nothing is created or deleted. ``pickup_locations``
    maps the service's names to the ILS's codes; a name that is not in it passes as it is. ``due_margin_days`` is how many days before the
    lender's date the patron's loan falls due.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    enabled: bool = True
    existing_item: bool = False
    verify_patron_on_request: bool = False
    create_on: CreateOn = CreateOn.RECEIVED
    barcode_from: BarcodeFrom = BarcodeFrom.REQUEST
    barcode_prefix: str = ""
    item_type: str = ""
    material: str = ""
    place: Place = field(default_factory=Place)
    suppressed: bool = True
    public_note: str = ""
    hold: bool = True
    hold_notify: bool = True
    pickup_locations: Mapping[str, str] = field(default_factory=dict)
    default_pickup_location: str = ""
    due_margin_days: int = 0
    update_due_date: bool = True
    check_in_on_return: bool = True
    delete_on_return: bool = True
    charge_fee: bool = False
    charge_fee_on_copies: bool = False
    fee_type: str = ""


@dataclass(frozen=True)
class LendingPolicy:
    """What is done for our own items that others borrow.

    The account an item is checked out to: ``accounts`` by partner symbol, else ``default_account``, else the symbol itself.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    enabled: bool = True
    hold_on_request: bool = False
    pickup_location: str = ""
    check_out_on_shipped: bool = True
    update_due_date: bool = True
    accounts: Mapping[str, str] = field(default_factory=dict)
    default_account: str = ""
    temporary_place: Place | None = None
    check_in_on_completed: bool = True

    def account(self, partner: str) -> str:
        """The ILS account of a borrowing library."""
        return self.accounts.get(partner) or self.default_account or partner


@dataclass(frozen=True)
class Policy:
    """A library's policy for both roles, and the name of the bridge that stands in its marks."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    bridge: str = "ill-bridge"
    borrowing: BorrowingPolicy = field(default_factory=BorrowingPolicy)
    lending: LendingPolicy = field(default_factory=LendingPolicy)
