"""What is sent over NCIP, as values: one type a message, in the words of NCIP 2 (ncip_v2_02.xsd).

Empty fields are not sent. Days are those of the library; moments are written with the library's offset, so that a responder that ignores
zones (Koha) and one that honours them read the same day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Id:
    """An identifier of a user, item or request, with the agency it belongs to and the type it is of."""

    value: str
    agency: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Work:
    """What a title is, as far as it is told."""

    title: str = ""
    author: str = ""
    isbn: str = ""
    call_number: str = ""


@dataclass(frozen=True)
class LookupUser:
    """Who is this, may they borrow, and what have they? ``lists``: their loans and requests are wanted, too; ``account``: their fees."""

    user: Id
    elements: tuple[str, ...] = ()
    lists: bool = False
    account: bool = False


@dataclass(frozen=True)
class LookupItem:
    """What and where is this item? ``people``: who has it and who waits for it is wanted, too."""

    item: Id
    elements: tuple[str, ...] = ()
    people: bool = False


@dataclass(frozen=True)
class AcceptItem:
    """Make a temporary item and a hold on it for a user, in one step. The responder may give the item another barcode."""

    request: Id
    action: str
    item: Id
    user: Id | None = None
    work: Work = Work()
    pickup: str = ""
    due: datetime | None = None
    pickup_until: datetime | None = None


@dataclass(frozen=True)
class CheckOutItem:
    """Lend an item. ``happened``: it has left the house already, so that no policy may refuse it (MandatedAction)."""

    user: Id
    item: Id
    request: Id | None = None
    due: datetime | None = None
    happened: datetime | None = None


@dataclass(frozen=True)
class CheckInItem:
    """Take an item back; ``elements`` are wanted of it in the answer."""

    item: Id
    elements: tuple[str, ...] = ()
    happened: datetime | None = None


@dataclass(frozen=True)
class RenewItem:
    """Let a loan run on, until ``due`` if the responder lets us say so."""

    user: Id
    item: Id
    due: datetime | None = None


@dataclass(frozen=True)
class RequestItem:
    """Place a hold: on an item, or on a record (``bib``, of the kind ``bib_code``)."""

    user: Id
    request: Id
    request_type: str
    scope: str
    item: Id | None = None
    bib: str = ""
    bib_code: str = ""
    bib_agency: str = ""
    pickup: str = ""


@dataclass(frozen=True)
class CancelRequestItem:
    """Withdraw a hold, by the number the responder gave it, or by its item."""

    user: Id
    request: Id | None
    item: Id | None
    request_type: str
    scope: str = ""


@dataclass(frozen=True)
class DeleteItem:
    """Delete a temporary item. Never sent before the item was checked in: Koha's responder can never delete it after that."""

    item: Id


@dataclass(frozen=True)
class CreateUserFiscalTransaction:
    """Charge a user; ``minor`` is the amount in the currency's smallest unit, as OCLC's samples have it."""

    user: Id
    minor: int
    currency: str
    request: Id
    item: Id
    action: str
    kind: str
    description: str = ""
    due: datetime | None = None


Message = (
    LookupUser
    | LookupItem
    | AcceptItem
    | CheckOutItem
    | CheckInItem
    | RenewItem
    | RequestItem
    | CancelRequestItem
    | DeleteItem
    | CreateUserFiscalTransaction
)


def name_of(message: Message) -> str:
    """The message's name, as NCIP has it; its answer's is this with ``Response`` behind it."""
    return type(message).__name__
