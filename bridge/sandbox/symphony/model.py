"""The things that the Symphony stand-in remembers."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from bridge.sandbox.memory import Switches

Actor = Literal["api", "seed", "desk"]
MARKED_LOST = frozenset({"LOST-CLAIM", "LOST-ASSUM"})
CHECKED_OUT, IN_TRANSIT, ON_HOLD_SHELF, LOST = "CHECKEDOUT", "INTRANSIT", "HOLDS", "LOST-CLAIM"


class Behaviour(Switches):
    """Switches of the stand-in's unpleasantness, and of what the reference leaves unverified."""

    busy_writes: int = Field(default=1, ge=0, description="Writes that a record just made refuses as in use (116).")
    blank_looks: int = Field(default=1, ge=0, description="Looks at a new hold that do not see its item and title.")
    index_looks: int = Field(default=1, ge=0, description="Catalogue searches that do not find a new bib yet.")
    forms: Literal["both", "v1", "v2"] = Field(default="both", description="Representations that the site serves.")
    session_seconds: int = Field(default=1800, description="Sessions end by lying idle so long.")
    lock_after: int = Field(default=3, ge=1, description="Wrong passwords after which a staff account is locked.")
    loan_days: int = 28
    other_loan_days: dict[str, int] = Field(default_factory=dict, description="By user profile.")
    renewals: int = 2
    honours_due_date: bool = Field(
        default=True, description="Whether check-out and renewal take the date they are given."
    )
    due_by_put: bool = Field(default=True, description="Whether a PUT on the circRecord changes the due date.")
    second_charge: Literal["adds", "prompts", "clears"] = Field(
        default="adds",
        description="An item charged to an ILL account of this system and then to a patron: charged twice at once, "
        "after a prompt, or the account's charge is cleared.",
    )
    account_transits: bool = Field(
        default=True, description="A charge to the ILL account of a library elsewhere puts the item in transit there."
    )
    bounces: bool = Field(
        default=True,
        description="An item still charged to an ILL account, discharged at any other library, goes back there in transit.",
    )
    discharge_transits: bool = Field(
        default=True, description="A discharge away from the owning library puts the item in transit to it."
    )
    shows_charges: bool = Field(
        default=True,
        description="Items name the charge on top of them; else only their location says that somebody has them.",
    )
    idle_check_in: Literal["routes", "refused"] = Field(
        default="routes", description="What a check-in of an item not charged does: unverified."
    )
    lost_return: Literal["accepted", "refused"] = Field(
        default="accepted",
        description="A check-in of what is marked lost; refused without a prompt (bills want staff).",
    )
    own_items_only: bool = Field(
        default=False,
        description="Items are edited and deleted only at the library that owns them (maintenance groups).",
    )
    foreign_messages: bool = Field(default=False, description="Messages come in another language; codes stay.")
    shadowed_takes_holds: bool = Field(default=True, description="Holds on shadowed records: unverified.")
    search_sees_shadowed: bool = Field(default=True, description="Catalogue searches by staff find shadowed bibs.")
    location_writes: Literal["ignored", "refused", "obeyed"] = Field(
        default="ignored", description="A PUT of an item's currentLocation: nobody may count on it."
    )
    deletes: Literal["allowed", "refused", "missing"] = Field(
        default="allowed", description="DELETE of items, calls and bibs: unverified. missing: there is no such call."
    )
    delete_cascades: bool = Field(default=False, description="Deleting a bib deletes its calls and items.")
    last_item_takes_title: bool = Field(default=False, description="Deleting the last item deletes call and bib.")
    bills: Literal["allowed", "refused", "missing"] = Field(
        default="allowed", description="POST of a block: unverified."
    )
    lost_action: str = Field(
        default="", description="An action of circRecord that marks lost; Symphony has none known."
    )
    hidden: tuple[str, ...] = Field(
        default=(),
        description='What this site has not: fields ("/catalog/item.customInformation") or actions '
        '("/circulation/transit/untransit"); describe does not tell them, and they are refused.',
    )


@dataclass
class Client:
    """A client id; staff work needs one that is defined as a staff interface."""

    staff: bool = True


@dataclass
class Staff:
    """A staff account."""

    password: str
    name: str = "ILL BRIDGE"
    failures: int = 0
    pin_expires: date | None = None


@dataclass
class Session:
    """A session of a staff account."""

    login: str
    last: datetime


@dataclass
class Policy:
    """A code of a policy; locations are holdable or not, shadowed or not, item types and locations circulate or not."""

    name: str
    holdable: bool = True
    shadowed: bool = False
    circulates: bool = True


@dataclass
class Bib:
    """A title; `marc` is its record as JSON. `unseen` searches do not find it yet."""

    key: str
    created_by: Actor
    created: datetime
    marc: dict[str, Any]
    format: str = "MARC"
    shadowed: bool = False
    control_number: str = ""
    unseen: int = 0
    calls: int = 0


@dataclass
class CallNumber:
    """A call number, between bib and item."""

    key: str
    bib: str
    created_by: Actor
    text: str
    library: str
    classification: str = "LC"
    shadowed: bool = False
    copies: int = 0


@dataclass
class Custom:
    """One entry of an item's custom information."""

    code: str
    data: str


@dataclass
class Item:
    """A copy. It has no status: where it is now is its status. `busy` writes meet 116."""

    key: str
    call: str
    created_by: Actor
    created: datetime
    modified: datetime
    barcode: str
    type: str
    home: str
    current: str
    library: str
    copy: int = 1
    price: Decimal = Decimal("0.00")
    shadowed: bool = False
    permanent: bool = True
    custom: list[Custom] = field(default_factory=list)
    busy: int = 0

    @property
    def bib(self) -> str:
        """The key of its bib."""
        return self.key.split(":")[0]


@dataclass
class Patron:
    """A patron, a partner's account, or a pseudo-user; `stands_for` is the library of this system whose ILL account it is."""

    key: str
    barcode: str
    name: str
    alternate_id: str = ""
    web_auth_id: str = ""
    profile: str = "PUBLIC"
    library: str = "MAIN"
    standing: str = "OK"
    expires: date | None = None
    checkout_location: str = CHECKED_OUT
    email: str = ""
    group: str = ""
    stands_for: str = ""
    created_by: Actor = "seed"
    bills: int = 0

    @property
    def called(self) -> str:
        """How reports name the patron."""
        return self.barcode


@dataclass
class Charge:
    """A loan; `key` is the item's with a number that is used again, `id` ours alone."""

    id: int
    key: str
    item: str
    patron: str
    out: datetime
    due: datetime
    library: str
    created_by: Actor
    renewals: int = 0
    renewed: datetime | None = None
    recalled: datetime | None = None
    recall_due: datetime | None = None
    lost: bool = False
    claimed: datetime | None = None
    ended: datetime | None = None

    @property
    def open(self) -> bool:
        """True while the item has not been discharged."""
        return self.ended is None


HoldStatus = Literal["PLACED", "BEING_HELD", "EXPIRED", "CANCELLED", "FILLED"]


@dataclass
class Hold:
    """A hold; FILLED is ours: such a record is gone from the API. `blank` looks do not see its item and title."""

    key: str
    patron: str
    kind: str
    bib: str
    item: str | None
    pickup: str
    placed: datetime
    library: str
    created_by: Actor
    range: str = "SYSTEM"
    recall: str = "NO"
    fill_by: date | None = None
    comment: str = ""
    overridden: bool = False
    status: HoldStatus = "PLACED"
    held: datetime | None = None
    shelf_until: date | None = None
    closed: datetime | None = None
    closed_why: str = ""
    blank: int = 0

    @property
    def active(self) -> bool:
        """True until filled, cancelled or expired."""
        return self.status in {"PLACED", "BEING_HELD"}


@dataclass
class Transit:
    """An item's way to a library, for a hold or for its own sake."""

    item: str
    source: str
    destination: str
    reason: str
    began: datetime
    hold: str | None = None


@dataclass
class Bill:
    """A bill; `owed` falls as it is paid."""

    key: str
    patron: str
    reason: str
    amount: Decimal
    owed: Decimal
    library: str
    made: datetime
    created_by: Actor
    item: str | None = None
    comment: str = ""
