"""What stands in the Sierra before the bridge comes: locations, patrons, the library's own items."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.sierra.model import Actor, Bib, Item, Patron, VarField
from bridge.sandbox.sierra.standing import snapshot_item
from bridge.sandbox.sierra.state import State


class _Seed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeedPatron(_Seed):
    """A patron or partner to be; `mblock` and `auto_block` are `-` where nothing is against them."""

    barcode: str
    unique_id: str = ""
    name: str = "PATRON, TEST"
    ptype: int = 10
    expires: date | None = date(2099, 12, 31)
    mblock: str = "-"
    auto_block: str = "-"
    pin: str = ""
    email: str = ""


class SeedItem(_Seed):
    """An item to be, with a bib of its own."""

    barcode: str
    title: str
    author: str = ""
    location: str = "main"
    call_number: str = "PZ 100"
    item_type: int = 0
    status: str = "-"
    notes: tuple[str, ...] = ()
    bcode3: str = "-"


class Seed(_Seed):
    """The body of POST /_sandbox/seed; everything is added to what stands."""

    locations: dict[str, str] = Field(default_factory=dict)
    pickups: dict[str, str] = Field(default_factory=dict)
    statuses: dict[str, str] = Field(default_factory=dict)
    patrons: list[SeedPatron] = Field(default_factory=list)
    items: list[SeedItem] = Field(default_factory=list)


def plant(state: State, seed: Seed) -> None:
    """Adds the seed to the state and remembers how its items should stand."""
    state.locations |= seed.locations
    state.pickups |= seed.pickups
    state.statuses |= seed.statuses
    for patron in seed.patrons:
        add_patron(state, patron, by="seed")
    for item in seed.items:
        _plant_item(state, item)


def add_patron(state: State, seed: SeedPatron, *, by: Actor) -> Patron:
    """Adds a patron."""
    patron = Patron(
        id=state.new_id("patron"),
        name=seed.name,
        barcodes=[seed.barcode],
        unique_ids=[seed.unique_id] if seed.unique_id else [],
        ptype=seed.ptype,
        expires=seed.expires,
        mblock=seed.mblock,
        auto_block=seed.auto_block,
        pin=seed.pin,
        email=seed.email,
        created_by=by,
    )
    state.patrons[patron.id] = patron
    return patron


def _plant_item(state: State, seed: SeedItem) -> None:
    now = state.clock()
    bib = Bib(state.new_id("bib"), "seed", now, now, fixed={"31": seed.bcode3}, title=seed.title, author=seed.author)
    state.bibs[bib.id] = bib
    fields = [VarField("b", seed.barcode), VarField("c", marc="050", subfields=(("a", seed.call_number),))]
    fields += [VarField("x", note) for note in seed.notes]
    fixed = {"58": "1", "61": str(seed.item_type), "71": "0", "79": seed.location, "88": seed.status, "97": "-"}
    item = Item(state.new_id("item"), "seed", now, now, fields, fixed, bib_ids=(bib.id,))
    state.items[item.id] = item
    snapshot_item(state, item)


def _demo_patrons() -> list[SeedPatron]:
    def patron(number: int, name: str) -> SeedPatron:
        return SeedPatron(barcode=f"2100000000{number}", unique_id=f"P{number}", name=name)

    names = ("ASHBY, ADA", "BRANDT, BELA", "COLE, CHIDI", "DVORAK, DANA")
    fit = [patron(1001 + index, name) for index, name in enumerate(names)]
    blocked = patron(1005, "EK, EDDA").model_copy(update={"mblock": "f"})
    expired = patron(1006, "FOX, FEMI").model_copy(update={"expires": date(2020, 1, 1)})
    owing = patron(1007, "GRANT, GUS").model_copy(update={"auto_block": "o"})
    more = [patron(1008 + index, name) for index, name in enumerate(("HORVAT, HANA", "ILIC, IVO", "JANSEN, JUN"))]
    twins = [SeedPatron(barcode="21000000001090", name=f"TWIN, {name}") for name in ("ONE", "TWO")]
    accounts = [
        SeedPatron(barcode=f"ILL-{symbol}", name=f"LIBRARY {symbol}", ptype=60) for symbol in ("XYZ", "ABC", "DEFAULT")
    ]
    return [*fit, blocked, expired, owing, *more, *twins, *accounts]


def _demo_items() -> list[SeedItem]:
    titles = ("The walking product", "Notes on lending", "A history of shelves", "Circulation in motion")
    more = ("On due dates", "Temporary places", "The patient borrower", "Renewals")
    own = [
        SeedItem(barcode=f"3900000000{number:04d}", title=title, author="Own, Olga", call_number=f"PZ {number}")
        for number, title in enumerate((*titles, *more), start=1)
    ]
    branch = SeedItem(barcode="39000000000101", title="Branch matters", location="bran")
    noted = SeedItem(barcode="39000000000102", title="Rare things", location="bran", notes=("handle with care", "gift"))
    reference = SeedItem(barcode="39000000000103", title="Stay here", location="mref", status="o")
    foreign = SeedItem(
        barcode="TEMP-OTHER-1",
        title="Somebody else's loan",
        location="illtm",
        item_type=50,
        notes=("made by another bridge: 4711",),
        bcode3="n",
    )
    return [*own, branch, noted, reference, foreign]


def demo_seed() -> Seed:
    """The Sierra that the demo and the tests work in."""
    return Seed(
        locations={
            "main": "Main stacks",
            "mref": "Main reading room",
            "bran": "Branch stacks",
            "illtm": "Borrowed through ILL",
            "illx": "Lent through ILL",
            "none": "No location",
        },
        pickups={"main": "Main Library", "bran": "Branch Library"},
        statuses={"-": "AVAILABLE", "t": "IN TRANSIT", "!": "ON HOLDSHELF", "o": "LIB USE ONLY", "m": "MISSING"},
        patrons=_demo_patrons(),
        items=_demo_items(),
    )


def seed_demo(state: State) -> None:
    """Plants the demo's seed."""
    plant(state, demo_seed())
