"""The things that the Sierra stand-in remembers."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from bridge.sandbox.memory import Switches

Actor = Literal["api", "seed", "desk"]
ROLES = (
    "Patrons Read",
    "Patrons Write",
    "Patrons Holds CRUD",
    "Holds Read",
    "Items Read",
    "Items Write",
    "Bibs Read",
    "Bibs Write",
)


class Behaviour(Switches):
    """Switches of the stand-in's unpleasantness."""

    transient_requests: int = Field(
        default=1, ge=0, description="Looks at a new item (a read or a hold) that do not see it yet."
    )
    unseen_bibs: int = Field(default=0, ge=0, description="Queries that do not find a new bib yet.")
    per_second: int = Field(default=0, ge=0, description="Calls a second before 429; 0: no limit (Sierra names none).")
    empty_lists: Literal["404", "entries", "rotate"] = "rotate"
    token_seconds: int = 3600
    token_status: Literal[200, 201] = 200
    repeat_seconds: float = Field(default=0.0, ge=0, description="Within these a repeated hold is 'already sent'.")
    refuses_delete: bool = True
    sends_on: bool = Field(default=False, description="A check-in through the API leaves an own item in transit.")
    checkout_tells: bool = Field(default=False, description="Check-out answers with the whole loan, not only its link.")
    obeys_due_field: bool = Field(
        default=False,
        description="Whether fixed field 65 of an item, written, becomes its loan's due date: nobody has seen it.",
    )
    renewals: int = 5
    loan_days: int = 28
    other_loan_days: dict[int, int] = Field(default_factory=dict, description="By PTYPE.")


@dataclass
class Key:
    """An API key with its secret and roles."""

    secret: str
    roles: tuple[str, ...] = ROLES


@dataclass
class Token:
    """A token of a key."""

    key: str
    until: datetime


@dataclass
class VarField:
    """A variable field: plain content, or a MARC tag with subfields."""

    tag: str
    content: str = ""
    marc: str = ""
    ind1: str = " "
    ind2: str = " "
    subfields: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> list[str]:
        """Everything it says."""
        return (
            [self.content, *(value for _, value in self.subfields)] if self.content else [v for _, v in self.subfields]
        )


@dataclass
class Record:
    """What bibs and items have in common; `unseen` looks do not see it yet."""

    id: int
    created_by: Actor
    created: datetime
    updated: datetime
    var_fields: list[VarField] = field(default_factory=list)
    fixed: dict[str, str] = field(default_factory=dict)
    deleted: date | None = None
    unseen: int = 0


@dataclass
class Bib(Record):
    """A bibliographic record; fixed field 31 is BCODE3."""

    title: str = ""
    author: str = ""


@dataclass
class Item(Record):
    """An item; fixed fields 61 item type, 79 location, 88 status."""

    bib_ids: tuple[int, ...] = ()
    owning: tuple[str, ...] = ()

    def first(self, tag: str) -> str:
        """The first field of a tag, in text."""
        return next((one.content or " ".join(one.texts) for one in self.var_fields if one.tag == tag), "")

    @property
    def barcode(self) -> str:
        """Field tag b."""
        return self.first("b")


@dataclass
class Patron:
    """A patron or institution; `mblock` and `auto_block` are `-` where nothing is against them."""

    id: int
    name: str
    barcodes: list[str]
    unique_ids: list[str]
    ptype: int = 10
    expires: date | None = None
    mblock: str = "-"
    auto_block: str = "-"
    pin: str = ""
    home: str = "main"
    email: str = ""
    created_by: Actor = "seed"
    deleted: bool = False

    @property
    def called(self) -> str:
        """How reports name the patron: the first unique id, else the first barcode."""
        return next(iter((*self.unique_ids, *self.barcodes)), str(self.id))


@dataclass
class Checkout:
    """A loan; it is removed from Sierra when it ends, kept here for the report."""

    id: int
    patron: int
    item: int
    out: datetime
    due: datetime
    created_by: Actor
    renewals: int = 0
    returned: datetime | None = None

    @property
    def open(self) -> bool:
        """True while the item has not come back."""
        return self.returned is None


@dataclass
class Hold:
    """A hold; status `0` on hold, `i` ready on the shelf, `t` on its way to the pickup location."""

    id: int
    patron: int
    record_type: str
    record: int
    pickup: str
    note: str
    placed: datetime
    created_by: Actor
    status: str = "0"
    closed: datetime | None = None
    closed_why: str = ""

    @property
    def active(self) -> bool:
        """True until filled, cancelled or expired."""
        return self.closed is None


@dataclass
class Fine:
    """A charge, in cents."""

    id: int
    patron: int
    cents: int
    reason: str
    location: str
    made: datetime
    created_by: Actor
    paid: int = 0
