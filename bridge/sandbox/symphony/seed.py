"""What stands in the Symphony before the bridge comes: libraries, policies, patrons, ILL accounts, the libraries' own items."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.symphony import marc
from bridge.sandbox.symphony.model import (
    CHECKED_OUT,
    IN_TRANSIT,
    LOST,
    ON_HOLD_SHELF,
    Actor,
    Bib,
    CallNumber,
    Custom,
    Item,
    Patron,
    Policy,
)
from bridge.sandbox.symphony.standing import snapshot_item
from bridge.sandbox.symphony.state import State


class _Seed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeedPolicy(_Seed):
    """A code of a policy; holdable and circulates matter for locations and item types."""

    kind: str
    code: str
    name: str = ""
    holdable: bool = True
    shadowed: bool = False
    circulates: bool = True


class SeedPatron(_Seed):
    """A patron or account; `stands_for`: the library of this system whose ILL account it is."""

    barcode: str
    name: str = "PATRON, TEST"
    alternate_id: str = ""
    web_auth_id: str = ""
    profile: str = "PUBLIC"
    library: str = "MAIN"
    standing: str = "OK"
    expires: date | None = date(2099, 12, 31)
    checkout_location: str = CHECKED_OUT
    email: str = ""
    group: str = ""
    stands_for: str = ""


class SeedItem(_Seed):
    """An item to be, with a bib and a call number of its own; `notes`: custom information, code → text; `bib_notes`: fields 500."""

    barcode: str
    title: str
    author: str = ""
    library: str = "MAIN"
    location: str = "STACKS"
    call_number: str = "PZ 100"
    item_type: str = "BOOK"
    price: str = "25.00"
    shadowed: bool = False
    notes: dict[str, str] = Field(default_factory=dict)
    bib_notes: tuple[str, ...] = ()


class Seed(_Seed):
    """The body of POST /_sandbox/seed; everything is added to what stands."""

    policies: list[SeedPolicy] = Field(default_factory=list)
    patrons: list[SeedPatron] = Field(default_factory=list)
    items: list[SeedItem] = Field(default_factory=list)


def plant(state: State, seed: Seed) -> None:
    """Adds the seed to the state and remembers how its items should stand."""
    for one in seed.policies:
        policy = Policy(one.name or one.code, one.holdable, one.shadowed, one.circulates)
        state.policies.setdefault(one.kind, {})[one.code] = policy
    for patron in seed.patrons:
        add_patron(state, patron, by="seed")
    for item in seed.items:
        snapshot_item(state, plant_item(state, item, by="seed"))


def add_patron(state: State, seed: SeedPatron, *, by: Actor) -> Patron:
    """Adds a patron."""
    patron = Patron(key=str(state.new_number("patron")), created_by=by, **seed.model_dump())
    state.patrons[patron.key] = patron
    return patron


def plant_item(state: State, seed: SeedItem, *, by: Actor) -> Item:
    """Adds an item with its call number and bib."""
    now, key = state.clock(), str(state.new_number("bib"))
    state.bibs[key] = Bib(
        key, by, now, marc.brief(seed.title, seed.author, seed.bib_notes), shadowed=seed.shadowed, calls=1
    )
    call = CallNumber(f"{key}:1", key, by, seed.call_number, seed.library, copies=1)
    state.call_numbers[call.key] = call
    item = Item(
        key=f"{call.key}:1",
        call=call.key,
        created_by=by,
        created=now,
        modified=now,
        barcode=seed.barcode,
        type=seed.item_type,
        home=seed.location,
        current=seed.location,
        library=seed.library,
        price=Decimal(seed.price),
        shadowed=seed.shadowed,
        custom=[Custom(code, data) for code, data in seed.notes.items()],
    )
    state.items[item.key] = item
    return item


LIBRARIES = {
    "MAIN": "Main Library",
    "BRANCH": "Branch Library",
    "NORTH": "North High School",
    "SOUTH": "South High School",
}
"""All on one system: MAIN and BRANCH are one town's, NORTH and SOUTH a district's schools, which lend to one another."""


def _policies() -> list[SeedPolicy]:
    def codes(kind: str, *names: str) -> list[SeedPolicy]:
        return [SeedPolicy(kind=kind, code=code) for code in names]

    def place(code: str, **about: bool) -> SeedPolicy:
        return SeedPolicy(kind="location", code=code, **about)

    closed = {"holdable": False, "circulates": False}
    return [
        *(SeedPolicy(kind="library", code=code, name=name) for code, name in LIBRARIES.items()),
        *codes("location", "STACKS", "ILL-LENT", CHECKED_OUT, IN_TRANSIT, ON_HOLD_SHELF),
        place("ILL", shadowed=True),
        place("ILL-NOHOLD", holdable=False, shadowed=True),
        place("REFERENCE", **closed),
        *(place(code, **closed) for code in ("MISSING", LOST, "LOST-ASSUM", "DISCARD")),
        *codes("itemType", "BOOK", "PERIODICAL", "ILL"),
        SeedPolicy(kind="itemType", code="REFBOOK", holdable=False, circulates=False),
        *codes("classification", "LC", "DEWEY", "ALPHANUM"),
        *codes("catalogFormat", "MARC", "EQUIP"),
        *codes("userProfile", "PUBLIC", "ILL", "STUDENT"),
        *codes("patronStanding", "OK", "DELINQUENT", "BLOCKED", "BARRED", "COLLECTION"),
        *codes("block", "OVERDUE", "LOST", "PROCESSFEE", "DAMAGED", "ILLFEE"),
        *codes("holdRange", "SYSTEM", "GROUP", "LIBRARY"),
        *codes("holdInactiveReason", "CANCELLED", "EXPIRED"),
        *codes("paymentType", "CASH", "CREDITCARD"),
        *codes("creditReason", "PAYMENT"),
        *codes("circulationRule", "28D"),
        *codes("itemExtendedInformation", "CIRCNOTE", "STAFF", "PUBLIC", "ILLBRIDGE"),
    ]


def _demo_patrons() -> list[SeedPatron]:
    def patron(number: int, name: str, **about: str) -> SeedPatron:
        return SeedPatron(barcode=f"2100000000{number}", alternate_id=f"P{number}", name=name, **about)

    names = ("ASHBY, ADA", "BRANDT, BELA", "COLE, CHIDI", "DVORAK, DANA")
    fit = [patron(1001 + index, name, email=f"p{1001 + index}@example.org") for index, name in enumerate(names)]
    blocked = patron(1005, "EK, EDDA", standing="BLOCKED")
    expired = patron(1006, "FOX, FEMI").model_copy(update={"expires": date(2020, 1, 1)})
    owing = patron(1007, "GRANT, GUS", standing="DELINQUENT")
    more = [patron(1008 + index, name) for index, name in enumerate(("HORVAT, HANA", "ILIC, IVO", "JANSEN, JUN"))]
    twins = [patron(1091 + index, f"TWIN, {name}") for index, name in enumerate(("ONE", "TWO"))]
    twins = [twin.model_copy(update={"alternate_id": "P1090"}) for twin in twins]
    students = [
        patron(1101, "KATZ, KIM", library="NORTH", profile="STUDENT"),
        patron(1102, "LOPEZ, LEE", library="SOUTH", profile="STUDENT"),
    ]
    return [*fit, blocked, expired, owing, *more, *twins, *students, *_accounts()]


def _accounts() -> list[SeedPatron]:
    """Partners elsewhere, schools of this district, and pseudo-users. ILL-ABC has no location of its own for what it borrows."""

    def account(barcode: str, name: str, location: str, **about: str) -> SeedPatron:
        more = {"profile": "ILL"} | about
        return SeedPatron(barcode=barcode, name=name, checkout_location=location, expires=None, **more)

    partners = [account(f"ILL-{symbol}", f"LIBRARY {symbol}", "ILL-LENT") for symbol in ("XYZ", "DEFAULT")]
    plain = account("ILL-ABC", "LIBRARY ABC", CHECKED_OUT)
    schools = [
        account(f"DISTRICT-{code}ILL", LIBRARIES[code].upper(), "ILL-LENT", library=code, stands_for=code)
        for code in ("NORTH", "SOUTH")
    ]
    pseudo = [
        account(f"{code}-USER", f"{code} USER", code, profile="PUBLIC") for code in ("MISSING", "LOST-ASSUM", "DISCARD")
    ]
    return [*partners, plain, *schools, *pseudo]


def _demo_items() -> list[SeedItem]:
    titles = ("The walking product", "Notes on lending", "A history of shelves", "Circulation in motion")
    more = ("On due dates", "Temporary places", "The patient borrower", "Renewals")
    own = [
        SeedItem(barcode=f"3900000000{number:04d}", title=title, author="Own, Olga", call_number=f"PZ {number}")
        for number, title in enumerate((*titles, *more), start=1)
    ]
    branch = SeedItem(barcode="39000000000101", title="Branch matters", library="BRANCH")
    noted = SeedItem(
        barcode="39000000000102", title="Rare things", library="BRANCH", notes={"STAFF": "handle with care"}
    )
    reference = SeedItem(barcode="39000000000103", title="Stay here", location="REFERENCE", item_type="REFBOOK")
    schools = [
        SeedItem(barcode="39000000000201", title="Algebra for all", library="NORTH"),
        SeedItem(barcode="39000000000202", title="Frogs, dissected", library="SOUTH"),
    ]
    foreign = SeedItem(
        barcode="TEMP-OTHER-1",
        title="Somebody else's loan",
        location="ILL",
        item_type="ILL",
        notes={"STAFF": "made by another bridge: 4711"},
        shadowed=True,
    )
    return [*own, branch, noted, reference, *schools, foreign]


def demo_seed() -> Seed:
    """The Symphony that the demo and the tests work in."""
    return Seed(policies=_policies(), patrons=_demo_patrons(), items=_demo_items())


def seed_demo(state: State) -> None:
    """Plants the demo's seed."""
    plant(state, demo_seed())
