"""All that the Alma stand-in holds, behind one lock, with the look-ups that its routes share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

from flask import current_app

from bridge.sandbox.alma import marc
from bridge.sandbox.alma.model import (
    Behaviour,
    Bib,
    Fee,
    Holding,
    Item,
    Key,
    Library,
    Loan,
    Location,
    Request,
    User,
)
from bridge.sandbox.memory import Memory

T = TypeVar("T")
_SUFFIX = "0006421"

BARCODE_ID_TYPE = "BARCODE"


@dataclass
class State(Memory):
    """The institution. Hold `lock` while reading or changing it."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    institution: str = "01SANDBOX_INST"
    keys: dict[str, Key] = field(default_factory=dict)
    libraries: dict[str, Library] = field(default_factory=dict)
    code_tables: dict[str, dict[str, str]] = field(default_factory=dict)
    switched_off: set[tuple[str, str]] = field(default_factory=set)
    sets: dict[str, str] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    bibs: dict[str, Bib] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    loans: dict[str, Loan] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    fees: dict[str, Fee] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    snapshot: dict[str, dict[str, object]] = field(default_factory=dict)
    api_calls: int = 0
    errors_told: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._given: set[str] = set()
        self._barcodes = 0

    def new_id(self, prefix: str) -> str:
        """A digit string with Alma's prefix (99 bib, 22 holding, 23 item); its order tells nothing."""
        while True:
            found = f"{prefix}{self._random.randrange(10**8, 10**9)}{_SUFFIX}"
            if found not in self._given:
                self._given.add(found)
                return found

    def tracking_id(self) -> str:
        """A trackingId in the form of the recorded ones."""
        letters = "".join(self._random.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(5))
        return f"E01-{self.clock():%d%m%H%M%S}-{letters}-AWAE{self._random.randrange(10**8, 10**9)}"

    def new_barcode(self) -> str:
        """A barcode by the institution's generation rule."""
        self._barcodes += 1
        return f"AUTO{self._barcodes:08d}"

    def next_error_shape(self) -> str:
        """The shape of the next JSON error body."""
        self.errors_told += 1
        if self.behaviour.error_shape != "rotate":
            return self.behaviour.error_shape
        return ("list", "single", "wrapped", "xml")[(self.errors_told - 1) % 4]

    def find_user(self, identifier: str, id_type: str = "all_unique") -> User | None:
        """Primary ids regardless of case, other identifiers with it (php client schema notes in alma.md)."""
        if id_type in {"all_unique", "PRIMARY_ID", "PRIMARY"} and (user := self.users.get(identifier.lower())):
            return user
        for user in self.users.values():
            for kind, value in user.identifiers.items():
                if value == identifier and id_type in {"all_unique", kind}:
                    return user
        return None

    def items_with_barcode(self, barcode: str) -> list[Item]:
        """Several items may bear one barcode; the oldest comes first."""
        return [item for item in self.items.values() if item.barcode == barcode]

    def items_of(self, holding_id: str) -> list[Item]:
        """The items of a holding."""
        return [item for item in self.items.values() if item.holding_id == holding_id]

    def holdings_of(self, mms_id: str) -> list[Holding]:
        """The holdings of a bib."""
        return [holding for holding in self.holdings.values() if holding.mms_id == mms_id]

    def open_loan(self, pid: str) -> Loan | None:
        """The item's open loan."""
        return next((loan for loan in self.loans.values() if loan.pid == pid and loan.open), None)

    def active_requests(self, item: Item) -> Iterator[Request]:
        """The active requests that this item could fill, in the order of the queue."""
        for request in self.requests.values():
            title_level = request.pid is None and request.mms_id == item.mms_id
            if request.active and (request.pid == item.pid or title_level):
                yield request

    def place_of(self, item: Item) -> tuple[str, str]:
        """The effective library and location: the temporary one while there is one."""
        if item.temp:
            return item.temp.library, item.temp.location
        holding = self.holdings[item.holding_id]
        return holding.library, holding.location

    def library_name(self, code: str) -> str:
        """The name of a library; "" if unknown."""
        library = self.libraries.get(code)
        return library.name if library else ""

    def location(self, library: str, code: str) -> Location | None:
        """A location, if the library has it."""
        found = self.libraries.get(library)
        return found.locations.get(code) if found else None

    def desk_serves(self, library: str, desk: str, place: tuple[str, str]) -> bool:
        """True if this desk lends and takes back items of that place."""
        found = self.libraries.get(library)
        counter = found.desks.get(desk) if found else None
        return counter is not None and place in counter.serves

    def desk_lends(self, library: str, desk: str, place: tuple[str, str]) -> bool:
        """True if this desk lends items of that place."""
        return self.desk_serves(library, desk, place) and place not in self.libraries[library].desks[desk].returns_only

    def title_of(self, mms_id: str) -> str:
        """The title of a bib; "" if it is gone."""
        bib = self.bibs.get(mms_id)
        return marc.first(bib.record, "245", "abc") if bib else ""

    def author_of(self, mms_id: str) -> str:
        """The main author of a bib."""
        bib = self.bibs.get(mms_id)
        return marc.first(bib.record, "100", "a") if bib else ""


def alma() -> State:
    """The state of the app that answers the current request."""
    return cast("State", current_app.extensions["alma"])
