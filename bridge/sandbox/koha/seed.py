"""What stands in the Koha before the bridge comes: libraries, item types, patrons, the library's own items."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.koha.standing import snapshot_item
from bridge.sandbox.koha.state import Actor, Bib, Item, Patron, State


class _Seed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeedPatron(_Seed):
    """A patron or partner to be."""

    cardnumber: str
    userid: str = ""
    surname: str = "Patron"
    firstname: str = ""
    category: str = "PT"
    expires: date | None = date(2099, 12, 31)
    debarred: bool = False
    lost: bool = False


class SeedItem(_Seed):
    """An item to be, with a biblio of its own."""

    barcode: str
    title: str
    author: str = ""
    library: str = "CPL"
    location: str = "STACKS"
    item_type: str = "BK"
    internal_notes: str = ""
    bib_notes: str = ""
    materials_notes: str = ""


class Seed(_Seed):
    """The body of POST /_sandbox/seed; everything is added to what stands."""

    libraries: dict[str, str] = Field(default_factory=dict)
    item_types: tuple[str, ...] = ()
    patrons: list[SeedPatron] = Field(default_factory=list)
    items: list[SeedItem] = Field(default_factory=list)


def plant(state: State, seed: Seed) -> None:
    """Adds the seed to the state and remembers how its items should stand."""
    state.libraries |= seed.libraries
    state.item_types = tuple(dict.fromkeys((*state.item_types, *seed.item_types)))
    for patron in seed.patrons:
        add_patron(state, patron)
    for item in seed.items:
        add_item(state, item, by="seed")


def add_patron(state: State, seed: SeedPatron) -> Patron:
    """Adds a patron."""
    named = seed.model_dump() | {"userid": seed.userid or seed.cardnumber}
    patron = Patron(id=state.new_id(), **named)
    state.patrons[patron.id] = patron
    return patron


def add_item(state: State, seed: SeedItem, *, by: Actor) -> Item:
    """Adds an item and its biblio."""
    bib = Bib(state.new_id(), by, seed.title, seed.author, seed.bib_notes)
    state.bibs[bib.id] = bib
    fields = {
        "external_id": seed.barcode,
        "home_library_id": seed.library,
        "holding_library_id": seed.library,
        "location": seed.location,
        "permanent_location": seed.location,
        "item_type_id": seed.item_type,
        "internal_notes": seed.internal_notes or None,
        "materials_notes": seed.materials_notes or None,
        "lost_status": 0,
        "callnumber": "822.33",
    }
    item = Item(state.new_id(), bib.id, by, fields)
    state.items[item.id] = item
    snapshot_item(state, item)
    return item


def _demo_patrons() -> list[SeedPatron]:
    names = ("Ashby, Ada", "Brandt, Bela", "Cole, Chidi", "Dvorak, Dana", "Ek, Edda", "Fox, Femi")
    fit = [
        SeedPatron(cardnumber=f"2100000000{1001 + place}", userid=f"P{1001 + place}", surname=name.split(", ")[0])
        for place, name in enumerate(names)
    ]
    fit[4] = fit[4].model_copy(update={"debarred": True})
    fit[5] = fit[5].model_copy(update={"expires": date(2020, 1, 1)})
    accounts = [
        SeedPatron(cardnumber=f"ILL-{symbol}", surname=f"Library {symbol}", category="ILL")
        for symbol in ("XYZ", "ABC", "DEFAULT")
    ]
    return [*fit, *accounts]


def demo_seed() -> Seed:
    """The Koha that the demo and the tests work in."""
    titles = ("The walking product", "Notes on lending", "A history of shelves", "Circulation in motion")
    own = [
        SeedItem(barcode=f"3900000000{number:04d}", title=title, author="Own, Olga")
        for number, title in enumerate(titles, start=1)
    ]
    branch = SeedItem(barcode="39000000000101", title="Branch matters", library="MPL")
    noted = SeedItem(barcode="39000000000102", title="Rare things", materials_notes="handle with care")
    foreign = SeedItem(
        barcode="TEMP-OTHER-1", title="Somebody else's loan", location="ILLTEMP", item_type="ILL", internal_notes="4711"
    )
    return Seed(
        libraries={"CPL": "Centerville", "MPL": "Midway"},
        item_types=("BK", "ILL"),
        patrons=_demo_patrons(),
        items=[*own, branch, noted, foreign],
    )
