"""What Koha's REST API answers, as far as we read it (koha-wms-spydus.md A.1, A.2; recorded/koha-rest)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bridge.values import AccessToken

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]
"""Ids come as numbers, and in holds as text; what is empty comes as null."""
Flag = Annotated[bool, BeforeValidator(bool)]


class Payload(BaseModel):
    """Fields that we do not read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Made(Payload):
    """The answer to a new biblio."""

    id: Text = Field(pattern="^[0-9]+$")


class Bib(Payload):
    """A biblio; ``notes`` is 500$a in Koha's default mapping."""

    biblio_id: Text
    notes: Text = ""


class Item(Payload):
    """An item. ``checked_out_date`` is set while it is on loan (to the day it is due)."""

    item_id: Text = Field(pattern="^[0-9]+$")
    biblio_id: Text = ""
    external_id: Text = ""
    home_library_id: Text = ""
    location: Text = ""
    internal_notes: Text = ""
    materials_notes: Text = ""
    checked_out_date: date | None = None
    lost_status: int = 0

    @property
    def on_loan(self) -> bool:
        """Whether somebody has it."""
        return self.checked_out_date is not None


class Patron(Payload):
    """A patron, as far as lending needs it; no name is read."""

    patron_id: Text = Field(pattern="^[0-9]+$")
    cardnumber: Text = ""
    userid: Text = ""
    category_id: Text = ""
    expiry_date: date | None = None
    restricted: Flag = False
    patron_card_lost: Flag = False
    incorrect_address: Flag = False


class Hold(Payload):
    """A hold."""

    hold_id: Text = Field(pattern="^[0-9]+$")
    item_id: Text = ""
    patron_id: Text = ""
    pickup_library_id: Text = ""
    notes: Text = ""


class Checkout(Payload):
    """A loan; ``checkin_date`` is set once it has ended."""

    checkout_id: Text = Field(pattern="^[0-9]+$")
    item_id: Text = ""
    patron_id: Text = ""
    due_date: datetime | None = None
    checkin_date: datetime | None = None


class Debit(Payload):
    """A charge."""

    account_line_id: Text
    amount: float = 0.0
    description: Text = ""


class Library(Payload):
    """A library; holds may be picked up there or not."""

    library_id: Text
    name: Text = ""
    pickup_location: bool = True


class ItemType(Payload):
    """An item type."""

    item_type_id: Text


class Token(Payload):
    """An access token."""

    access_token: AccessToken
    expires_in: int = 3600
