"""The things that the Alma stand-in remembers."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from bridge.sandbox.memory import Switches

Actor = Literal["api", "seed", "desk"]
ErrorShape = Literal["list", "single", "wrapped", "xml", "rotate"]


class Behaviour(Switches):
    """Switches of the stand-in's unpleasantness."""

    transient_requests: int = Field(
        default=1, ge=0, description="Times a new item answers 401129 before it can be requested."
    )
    per_second: int = Field(default=0, ge=0, description="Calls a second before 429; 0: no limit. Alma's own is 25.")
    remaining: int = Field(default=150_000, ge=0, description="Starting value of X-Exl-Api-Remaining.")
    error_shape: ErrorShape = "list"
    unauthorized: Literal["envelope", "plain"] = "envelope"
    empties: Literal["null", "braces", "missing"] = "null"
    single_lists: bool = False
    keeps_history: bool = True
    echo_put_fails: bool = False
    missing_bib_is_error: bool = False
    renewals: int = 5
    loan_days: int = 28
    loan_limit: int = 100
    closes_paid_loans: bool = Field(default=True, description="A lost loan is closed when its replacement fee is paid.")
    fee_owner: Literal["any", "library", "institution"] = "any"


@dataclass
class Key:
    """An API key and its rights; areas: bibs, users, conf."""

    areas: frozenset[str] = frozenset({"bibs", "users", "conf"})
    write: bool = True


@dataclass
class Location:
    """A shelving location of a library."""

    code: str
    name: str
    suppressed: bool = False
    type: str = "OPEN"
    fulfillment_unit: str = "General"


@dataclass
class Desk:
    """A circulation desk; it serves the locations of its own library unless others are named.

    Items of the locations in `returns_only` it takes back, and does not lend.
    """

    code: str
    name: str
    serves: set[tuple[str, str]] = field(default_factory=set)
    hold_shelf: bool = True
    returns_only: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class Library:
    """A library with its locations and desks."""

    code: str
    name: str
    id: str
    resource_sharing: bool = False
    locations: dict[str, Location] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)


@dataclass
class Bib:
    """A bibliographic record; `record` is its MARC XML without namespace."""

    mms_id: str
    record: str
    suppressed: bool
    created_by: Actor
    created: datetime
    modified: datetime


@dataclass
class Holding:
    """A holdings record; library and location stand in its 852."""

    holding_id: str
    mms_id: str
    record: str
    suppressed: bool
    library: str
    location: str
    call_number: str
    created_by: Actor
    created: datetime
    modified: datetime


@dataclass
class Temp:
    """Where an item stands for a while, away from its holding's place."""

    library: str
    location: str
    policy: str = ""
    call_number: str = ""
    call_number_type: str = ""
    due_back_date: str = ""


@dataclass
class Item:
    """A physical item; `fields` holds what may be written in item_data, as text."""

    pid: str
    holding_id: str
    mms_id: str
    barcode: str
    fields: dict[str, str]
    created_by: Actor
    created: datetime
    modified: datetime
    copy_id: str = ""
    temp: Temp | None = None
    process: str = ""
    request_id: str | None = None
    destination: str = ""
    transient_left: int = 0
    in_house_uses: int = 0


@dataclass
class Block:
    """A block on a user; active unless its status says otherwise."""

    type: str
    code: str
    description: str
    status: str = "ACTIVE"
    expiry: date | None = None


@dataclass
class User:
    """A user; role 200 is the patron role (Alma user schema)."""

    primary_id: str
    first_name: str
    last_name: str
    group: str
    identifiers: dict[str, str] = field(default_factory=dict)
    expiry: date | None = None
    status: str = "ACTIVE"
    account_type: str = "INTERNAL"
    record_type: str = "PUBLIC"
    patron_role: bool = True
    role_expiry: date | None = None
    email: str = ""
    blocks: list[Block] = field(default_factory=list)
    created_by: Actor = "seed"


@dataclass
class Loan:
    """A loan, open or complete."""

    loan_id: str
    pid: str
    user: str
    library: str
    desk: str
    loaned: datetime
    due: datetime
    created_by: Actor
    renewals: int = 0
    process_status: str = "NORMAL"
    returned: datetime | None = None
    return_library: str = ""
    return_desk: str = ""

    @property
    def open(self) -> bool:
        """True while the item has not come back."""
        return self.returned is None


@dataclass
class Request:
    """A hold request; item level when `pid` is set."""

    request_id: str
    user: str
    mms_id: str
    pid: str | None
    pickup_type: str
    pickup_library: str
    pickup_desk: str
    comment: str
    last_interest: str
    made: datetime
    created_by: Actor
    status: str = "IN_PROCESS"
    task: str = "Pickup From Shelf"
    closed: datetime | None = None
    closed_why: str = ""
    notified: bool | None = None

    @property
    def active(self) -> bool:
        """True until filled, cancelled or expired."""
        return self.closed is None


@dataclass
class Transaction:
    """A payment or waiver on a fee."""

    type: str
    amount: float
    method: str
    reason: str
    comment: str
    external_id: str
    at: datetime


@dataclass
class Fee:
    """A fine or fee."""

    id: str
    user: str
    type: str
    original: float
    balance: float
    owner: str
    comment: str
    barcode: str
    title: str
    created: datetime
    status_time: datetime
    created_by: Actor
    status: str = "ACTIVE"
    transactions: list[Transaction] = field(default_factory=list)
