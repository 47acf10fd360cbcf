"""All that the Sierra stand-in holds, behind one lock, with the look-ups that its routes share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from flask import current_app

from bridge.sandbox.memory import Memory
from bridge.sandbox.sierra.model import Behaviour, Bib, Checkout, Fine, Hold, Item, Key, Patron, Token


@dataclass
class State(Memory):
    """One Sierra. Hold `lock` while reading or changing it. Locations and pickup locations: code → name."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    keys: dict[str, Key] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    pickups: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    bibs: dict[int, Bib] = field(default_factory=dict)
    items: dict[int, Item] = field(default_factory=dict)
    patrons: dict[int, Patron] = field(default_factory=dict)
    checkouts: dict[int, Checkout] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    fines: dict[int, Fine] = field(default_factory=dict)
    snapshot: dict[int, dict[str, object]] = field(default_factory=dict)
    last_holds: dict[tuple[int, str, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._next = {"bib": 1_100_000, "item": 2_200_000, "patron": 3_300_000, "hold": 407_000, "checkout": 1_811_000}
        self._empties = 0

    def new_id(self, kind: str) -> int:
        """Record numbers rise, with gaps."""
        self._next[kind] = self._next.get(kind, 900_000) + self._random.randrange(1, 9)
        return self._next[kind]

    def new_token(self, key: str) -> str:
        """A token for a key, good for `token_seconds`."""
        token = "".join(self._random.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(40))
        self.tokens[token] = Token(key, self.clock() + timedelta(seconds=self.behaviour.token_seconds))
        return token

    def empty_is_error(self) -> bool:
        """Whether the next empty list is told as 404/107; some sites answer so, others with no entries (sierra.md section 1)."""
        self._empties += 1
        wanted = self.behaviour.empty_lists
        return wanted == "404" or (wanted == "rotate" and self._empties % 2 == 1)

    def live_items(self) -> Iterator[Item]:
        """Items that are not deleted."""
        return (item for item in self.items.values() if item.deleted is None)

    def live_bibs(self) -> Iterator[Bib]:
        """Bibs that are not deleted."""
        return (bib for bib in self.bibs.values() if bib.deleted is None)

    def items_with_barcode(self, barcode: str) -> list[Item]:
        """Several items may bear one barcode; the oldest comes first."""
        return [item for item in self.live_items() if barcode and item.barcode == barcode]

    def items_of(self, bib_id: int) -> list[Item]:
        """The live items of a bib."""
        return [item for item in self.live_items() if bib_id in item.bib_ids]

    def open_loan(self, item_id: int) -> Checkout | None:
        """The item's open loan."""
        return next((loan for loan in self.checkouts.values() if loan.item == item_id and loan.open), None)

    def active_holds(self, item: Item) -> Iterator[Hold]:
        """The holds that this item could fill, in the order of the queue."""
        for hold in self.holds.values():
            on_bib = hold.record_type == "b" and hold.record in item.bib_ids
            if hold.active and (on_bib or (hold.record_type == "i" and hold.record == item.id)):
                yield hold

    def patron_by(self, tag: str, content: str) -> list[Patron]:
        """Patrons by barcode (tag b) or unique id (tag u); unique ids regardless of case."""
        wanted = content.casefold()
        if tag == "b":
            return [one for one in self.patrons.values() if content in one.barcodes]
        if tag == "u":
            return [one for one in self.patrons.values() if wanted in {each.casefold() for each in one.unique_ids}]
        return []

    def find_patron(self, name: str) -> Patron | None:
        """A patron by any identifier, for the desk."""
        found = (*self.patron_by("b", name), *self.patron_by("u", name))
        return next(iter(found), None)


def sierra() -> State:
    """The state of the app that answers the current request."""
    return cast("State", current_app.extensions["sierra"])
