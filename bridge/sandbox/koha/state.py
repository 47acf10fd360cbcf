"""All that the Koha stand-in holds, behind one lock."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from flask import current_app
from pydantic import Field

from bridge.sandbox.memory import Memory, Switches

Actor = Literal["api", "seed", "desk"]
Json = dict[str, Any]


class Behaviour(Switches):
    """Switches of the Koha stand-in."""

    lists_biblios: bool = Field(default=True, description="Whether GET /biblios is there, as in later releases.")
    loan_days: int = 14
    renewals: int = 10
    checked_in_ok: bool = Field(default=False, description="The SIP2 account's setting for repeated check-ins.")
    token_seconds: int = 3600


@dataclass
class Bib:
    """A biblio; `notes` is 500$a."""

    id: int
    made_by: Actor
    title: str
    author: str = ""
    notes: str = ""
    suppressed: bool = False


@dataclass
class Item:
    """An item; fields of the API that can be written stand in `fields`."""

    id: int
    bib: int
    made_by: Actor
    fields: Json

    @property
    def barcode(self) -> str:
        """`external_id`."""
        return str(self.fields.get("external_id") or "")


@dataclass
class Patron:
    """A patron; `debarred` is a restriction by hand."""

    id: int
    cardnumber: str
    userid: str
    surname: str
    firstname: str = ""
    library: str = "CPL"
    category: str = "PT"
    expires: date | None = None
    debarred: bool = False
    lost: bool = False


@dataclass
class Checkout:
    """A loan."""

    id: int
    item: int
    patron: int
    made_by: Actor
    out: datetime
    due: datetime
    renewals: int = 0
    returned: datetime | None = None


@dataclass
class Hold:
    """A hold; `status` is W or T once it is captured, `ended` says why it stands no more."""

    id: int
    bib: int
    item: int | None
    patron: int
    pickup: str
    notes: str
    made_by: Actor
    placed: date
    status: str | None = None
    ended: str = ""


@dataclass
class Debit:
    """A charge."""

    id: int
    patron: int
    amount: float
    kind: str
    description: str
    made_by: Actor


@dataclass
class State(Memory):
    """One Koha. Hold `lock` while reading or changing it."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Berlin"))
    libraries: dict[str, str] = field(default_factory=dict)
    item_types: tuple[str, ...] = ()
    users: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    bibs: dict[int, Bib] = field(default_factory=dict)
    items: dict[int, Item] = field(default_factory=dict)
    patrons: dict[int, Patron] = field(default_factory=dict)
    checkouts: dict[int, Checkout] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    ended_holds: dict[int, Hold] = field(default_factory=dict)
    debits: dict[int, Debit] = field(default_factory=dict)
    snapshot: dict[int, dict[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last = 0

    def new_id(self) -> int:
        """Ids rise, and none is given twice."""
        self._last += self._random.randrange(1, 5)
        return self._last

    def now(self) -> datetime:
        """The library's local time."""
        return self.clock().astimezone(self.zone).replace(tzinfo=None)

    def barcoded(self, barcode: str) -> Item | None:
        """An item by barcode, whatever its case."""
        wanted = barcode.casefold()
        return next((item for item in self.items.values() if wanted and item.barcode.casefold() == wanted), None)

    def items_of(self, bib: int) -> list[Item]:
        """The items of a biblio."""
        return [item for item in self.items.values() if item.bib == bib]

    def open_loan(self, item: int) -> Checkout | None:
        """Who has an item."""
        return next((one for one in self.checkouts.values() if one.item == item and one.returned is None), None)

    def holds_on(self, item: Item) -> Iterator[Hold]:
        """Holds that this item may fill, in their order."""
        return (one for one in self.holds.values() if one.item == item.id or (one.item is None and one.bib == item.bib))

    def end_hold(self, hold: Hold, why: str) -> None:
        """It is gone from the API; what became of it is remembered."""
        hold.ended = why
        self.ended_holds[hold.id] = self.holds.pop(hold.id)

    def named(self, name: str) -> Patron | None:
        """A patron by card number or user id, whatever its case."""
        wanted = name.casefold()
        both = (one for one in self.patrons.values() if wanted in {one.cardnumber.casefold(), one.userid.casefold()})
        return next(both, None)

    def due(self) -> datetime:
        """When a loan made now is due, by the rule."""
        later = self.clock() + timedelta(days=self.behaviour.loan_days)
        return later.astimezone(self.zone).replace(hour=23, minute=59, second=0, microsecond=0)


def koha() -> State:
    """The state of the app that answers the current request."""
    return cast("State", current_app.extensions["koha"])
