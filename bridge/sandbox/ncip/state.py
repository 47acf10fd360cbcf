"""All that the NCIP stand-in holds, behind one lock, and what circulation does with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from flask import current_app

from bridge.sandbox.memory import Memory
from bridge.sandbox.ncip.model import Actor, Behaviour, Fee, Hold, Item, Loan, Patron


@dataclass
class State(Memory):
    """One ILS."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    patrons: list[Patron] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    fees: list[Fee] = field(default_factory=list)
    snapshot: dict[str, dict[str, object]] = field(default_factory=dict)
    api_key: str = ""
    clients: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last = 1000

    def new_id(self) -> int:
        """Numbers rise, with gaps."""
        self._last += self._random.randrange(1, 9)
        return self._last

    def new_token(self) -> str:
        """A token, good for `token_seconds`."""
        token = "".join(self._random.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(40))
        self.tokens[token] = self.clock() + timedelta(seconds=self.behaviour.token_seconds)
        return token

    def live_items(self) -> Iterator[Item]:
        """Items that are not deleted."""
        return (item for item in self.items.values() if not item.deleted)

    def items_with_barcode(self, barcode: str) -> list[Item]:
        """Live items that bear a barcode."""
        return [item for item in self.live_items() if barcode and item.barcode == barcode]

    def find_item(self, name: str) -> Item | None:
        """A live item by barcode or key, or by its ILL request where the ILS knows those."""
        by_request = self.behaviour.requests_known
        return next(
            (
                item
                for item in self.live_items()
                if name and (name in {item.barcode, item.key} or (by_request and name == item.request))
            ),
            None,
        )

    def find_patron(self, name: str) -> Patron | None:
        """A patron by any identifier."""
        return next((one for one in self.patrons if name.casefold() in one.names), None)

    def open_loan(self, item: Item) -> Loan | None:
        """The item's open loan."""
        return next((loan for loan in self.loans if loan.item == item.key and loan.open), None)

    def active_holds(self, item: Item) -> list[Hold]:
        """Holds that wait for this item."""
        return [hold for hold in self.holds if hold.item == item.key and hold.active]

    def add_item(
        self, barcode: str, *, by: Actor, title: str = "", author: str = "", call: str = "", request: str = ""
    ) -> Item:
        """Another item."""
        key = f"{self.new_id()}-1001"
        item = Item(key, barcode, title, author, call, request, by, self.clock())
        self.items[key] = item
        return item

    def add_hold(self, item: Item, patron: Patron, pickup: str, *, by: Actor, request: str = "") -> Hold:
        """Another hold; a temporary item waits on the shelf at once."""
        number = self.new_id()
        told = str(number) if self.behaviour.own_numbers or not request else request
        hold = Hold(number, told, patron.barcode, item.key, pickup, by, self.clock(), request)
        self.holds.append(hold)
        item.shelved = item.created_by == "api"
        return hold

    def lend(self, item: Item, patron: Patron, *, by: Actor, due: datetime | None = None) -> Loan:
        """Lend; a hold of the same patron is filled."""
        for hold in self.active_holds(item):
            if hold.patron == patron.barcode:
                hold.closed = "filled"
        loan = Loan(self.new_id(), patron.barcode, item.key, due or self.policy_due(), by, self.clock())
        self.loans.append(loan)
        item.shelved = False
        return loan

    def policy_due(self, since: datetime | None = None) -> datetime:
        """The date the ILS would give."""
        day = (since or self.clock()) + timedelta(days=self.behaviour.loan_days)
        return day.replace(hour=23, minute=59, second=0, microsecond=0)

    def check_in(self, item: Item) -> Loan | None:
        """End a loan; answers the one that ended."""
        loan = self.open_loan(item)
        if loan is not None:
            loan.returned = True
        item.lost = False
        item.request = item.request if item.created_by == "api" else ""
        return loan

    def delete(self, item: Item, *, why: str) -> None:
        """The item goes, with its holds."""
        item.deleted = True
        for hold in self.active_holds(item):
            hold.closed = why


def ncip() -> State:
    """The state of the app that answers the current request."""
    return cast("State", current_app.extensions["ncip"])
