"""The things that the NCIP stand-in remembers, and how it may behave."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from bridge.sandbox.memory import Switches

Actor = Literal["api", "seed", "desk"]


class Behaviour(Switches):
    """How this responder answers, and what the ILS behind it does."""

    version: Literal[1, 2] = 2
    qualified: bool = Field(default=True, description="Whether `version` is qualified, as the schema has it.")
    messages: tuple[str, ...] = Field(
        default=(), description="Messages it knows; none: all. Others get text and no answer."
    )
    pickup_in_to_agency: bool = False
    duplicate_barcode: Literal["refused", "second"] = Field(
        default="second",
        description="AcceptItem with a barcode in use: refused, or a second item with a barcode of its own.",
    )
    unknown_user_leaves_item: bool = Field(
        default=False, description="A refused AcceptItem leaves its item behind (Koha)."
    )
    own_numbers: bool = Field(
        default=False, description="RequestId in answers is the ILS's own number, not the caller's."
    )
    own_numbers_only: bool = Field(
        default=False,
        description="Holds are asked for by record and cancelled by the ILS's own number only, whatever AcceptItem answered, for "
        "whomever is named (Koha).",
    )
    own_user_ids: bool = Field(
        default=False,
        description="LookupItem and CheckOutItemResponse name users by a number of the ILS's own, whatever was asked for.",
    )
    own_item_ids: bool = Field(
        default=False, description="ItemId in AcceptItemResponse is a key, not the barcode (Sirsi)."
    )
    lists: bool = Field(default=True, description="LookupUser lists loans, requests and fees where asked.")
    shows_call_number: bool = True
    shows_people: bool = True
    shows_due: bool = Field(default=True, description="LookupItem names the date a loan is due.")
    status_told: str | None = Field(
        default=None, description="LookupItem says this of every item, whatever stands; empty: it names no status."
    )
    shows_queue: bool = Field(default=True, description="LookupItem counts those who wait.")
    honours_due: bool = True
    honours_mandated_due: bool = False
    renews: Literal["policy", "exact", "lies"] = "policy"
    check_in_not_lent: Literal["problem", "success"] = "problem"
    tells_borrower: bool = Field(default=True, description="CheckInItemResponse names who had the item.")
    requests_known: bool = Field(default=False, description="Items may be named by their ILL request (WMS).")
    refused_check_out_checks_in: bool = Field(
        default=False, description="As mod-ncip does, so that the next try goes through."
    )
    deletes_on_check_in: bool = Field(
        default=False, description="A temporary item goes when its loan ends, as is said of Innovative's virtual items."
    )
    delete_on_loan: Literal["refused", "stuck"] = "refused"
    delete_held: Literal["refused", "closes"] = "closes"
    problems: Literal["texts", "numbers", "sentences"] = "texts"
    problem_place: Literal["response", "message"] = "response"
    escapes: bool = Field(default=True, description="Whether values are escaped in answers (Koha's are not).")
    refuses_user_id_element: bool = Field(default=False, description="As SirsiDynix does.")
    loan_days: int = 28
    token_seconds: int = 1199


@dataclass
class Patron:
    """A patron or an ILL account."""

    barcode: str
    ids: tuple[str, ...]
    name: str
    status: str
    expires: date
    is_account: bool
    created_by: Actor

    @property
    def called(self) -> str:
        """How the stand-in names them."""
        return self.ids[0] if self.ids else self.barcode

    @property
    def names(self) -> set[str]:
        """Every identifier, in small letters."""
        return {each.casefold() for each in (self.barcode, *self.ids)}


@dataclass
class Item:
    """An item with what is told of its bib. `key` is the ILS's own."""

    key: str
    barcode: str
    title: str
    author: str
    call_number: str
    request: str
    created_by: Actor
    created: datetime
    lost: bool = False
    shelved: bool = False
    stuck: bool = False
    deleted: bool = False

    @property
    def texts(self) -> list[str]:
        """Where it may bear a mark."""
        return [self.call_number, self.request]


@dataclass
class Hold:
    """A hold; `number` is what the responder calls it, `request` what the caller did."""

    id: int
    number: str
    patron: str
    item: str
    pickup: str
    created_by: Actor
    placed: datetime
    request: str = ""
    closed: str = ""

    @property
    def active(self) -> bool:
        """Whether it still waits."""
        return not self.closed


@dataclass
class Loan:
    """A loan."""

    id: int
    patron: str
    item: str
    due: datetime
    created_by: Actor
    out: datetime
    returned: bool = False

    @property
    def open(self) -> bool:
        """Whether the item is out."""
        return not self.returned


@dataclass
class Fee:
    """A fee; `minor` in the smallest unit of its currency."""

    id: int
    patron: str
    minor: int
    currency: str
    description: str
    request: str
    created_by: Actor = "api"
