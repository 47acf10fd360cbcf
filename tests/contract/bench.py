"""What the contract suite needs of a connector and its stand-in; each connector brings one ``ContractBench``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bridge.connectors.base import Connector
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.expect import Expectations, expectations_of
from bridge.domain.identity import Mark, RequestKey, Role, mark_for
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.http import Exchange, Unpaced


class Spoilt(StrEnum):
    """How a write may end without saying so: every way in which its outcome is unknown."""

    TIME_OUT = "time-out"
    DROPPED = "dropped"
    SERVER_ERROR = "server error"
    NONSENSE = "nonsense"


class SpyPace(Unpaced):
    """A pace that remembers what it was told; ``before`` is called before each exchange."""

    def __init__(self) -> None:
        self.cost = 0
        self.throttlings: list[float | None] = []
        self.before: Callable[[], None] = lambda: None

    def acquire(self, cost: int = 1) -> None:
        self.before()
        self.cost += cost

    def throttled(self, after: float | None) -> None:
        self.throttlings.append(after)


@dataclass
class Listening:
    """Every exchange the connector told; ``after`` is called when the answer is there, before the connector reads it."""

    exchanges: list[Exchange] = field(default_factory=list)
    after: Callable[[Exchange], None] = lambda _: None

    def tell(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.after(exchange)


class ContractBench(Protocol):
    """One connector, its stand-in, and the names of things seeded there.

    ``reconnect`` builds the connector anew, as a restart does, with another read time-out where one is named. ``writes`` counts what
    took effect at the stand-in, by name. ``changes`` tells exchanges that write from those that only look, ``same_twice`` the names of
    writes that are the same done twice (some only within certain verbs). ``spoil`` has a write end unclearly, the next one or one behind
    it, with its work ``done`` or not. ``refusal`` is the vendor's own envelope with these words and a code that no table knows.
    ``unseen_codes`` are kinds of code that nobody can ask the ILS about. ``shown`` is how the items with a barcode stand in circulation.
    """

    connector: Connector
    pace: SpyPace
    heard: Listening
    patron: str
    other_patron: str
    unknown_patron: str
    blocked_patron: str
    account: str
    own_barcode: str
    foreign_barcode: str
    temporary_place: do.Place
    lending_place: do.Place
    pickup: str
    other_pickup: str
    item_type: str
    material: str
    clock: datetime
    unseen_codes: frozenset[str]

    def reconnect(self, read_timeout: float = 30.0) -> None: ...
    def writes(self) -> Counter[str]: ...
    def changes(self, exchange: Exchange) -> bool: ...
    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool: ...
    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None: ...
    def outage(self, *, on: bool) -> None: ...
    def drop_after_next_write(self) -> None: ...
    def drop_before_next_write(self) -> None: ...
    def unauthorized(self, *, times: int) -> None: ...
    def throttle(self, *, times: int, retry_after: float) -> None: ...
    def garbage(self, *, times: int) -> None: ...
    def proxy_page(self, *, times: int) -> None: ...
    def server_error(self, words: str, *, times: int) -> None: ...
    def refusal(self, words: str, *, status: int, times: int) -> None: ...
    def lend(self, barcode: str, patron: str) -> None: ...
    def check_in(self, barcode: str) -> None: ...
    def relabel(self, barcode: str, new_barcode: str) -> None: ...
    def delete_by_hand(self, barcode: str) -> None: ...
    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None: ...
    def cancel_hold(self, barcode: str) -> None: ...
    def erase_mark(self, barcode: str) -> None: ...
    def put_back(self, barcode: str, mark: Mark) -> None: ...
    def items_with_barcode(self, barcode: str) -> int: ...
    def bibs_with_mark(self, mark: Mark) -> int: ...
    def holds_on(self, barcode: str) -> int: ...
    def loan_of(self, barcode: str) -> str: ...
    def due_of(self, barcode: str) -> str: ...
    def note_of(self, barcode: str) -> str: ...
    def shown(self, barcode: str) -> tuple[str, ...]: ...
    def write_note(self, barcode: str, note: str) -> None: ...
    def fees_of(self, patron: str) -> int: ...
    def orphans(self) -> int: ...


@runtime_checkable
class Sisters(Protocol):
    """What a bench has too whose ILS charges an item twice: another library on the same ILS, and its ILL account."""

    sister_account: str
    sister_library: str


CIRCULATING = frozenset(
    {
        "place",
        "temp",
        "location",
        "current",
        "library",
        "process",
        "status",
        "transit",
        "lost",
        "loan",
        "charges",
        "holds",
        "requests",
    }
)
"""What a stand-in tells of an item that circulation changes, and that is alike for every request."""


def circulating(standing: Mapping[str, object]) -> str:
    """How an item stands in circulation, comparable."""
    return ", ".join(f"{name}={value}" for name, value in sorted(standing.items()) if name in CIRCULATING)


def a_mark(number: str, role: Role = Role.BORROWER) -> Mark:
    return mark_for("test", RequestKey("main", "svc", role, "REQ", number), "", "")


def creating(bench: ContractBench, number: str, barcode: str = "") -> do.CreateTemporaryItem:
    target = do.Target(a_mark(number), do.Origin.CREATED, barcode or f"ILL-{number}", place=bench.temporary_place)
    description = do.Description(title="A title & <more>", author="Writer, A.", isbn="9780441478125")
    command = do.CreateTemporaryItem(target, description, item_type=bench.item_type, material=bench.material)
    if not bench.connector.capabilities.by_patron:
        return command
    return replace(command, patron_id=bench.patron, pickup_location=bench.pickup)


def own(bench: ContractBench, number: str) -> do.Target:
    return do.Target(a_mark(number, Role.LENDER), do.Origin.OWN, bench.own_barcode)


def expected(bench: ContractBench, **changes: object) -> Expectations:
    """What a library expects of this ILS; ``changes`` are of its borrowing policy."""
    borrowing = BorrowingPolicy(
        item_type=bench.item_type,
        material=bench.material,
        place=bench.temporary_place,
        default_pickup_location=bench.pickup,
        pickup_locations={"other": bench.other_pickup},
    )
    lending = LendingPolicy(temporary_place=bench.lending_place, default_account=bench.account)
    policy = Policy(borrowing=replace(borrowing, **changes), lending=lending)  # type: ignore[arg-type]
    return expectations_of({"main": policy})
