"""What stands in the institution before the bridge comes: libraries, desks, patrons, the library's own items."""

from datetime import date
from xml.sax.saxutils import escape

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.alma.model import Actor, Bib, Block, Desk, Holding, Item, Key, Library, Location, User
from bridge.sandbox.alma.standing import snapshot_item
from bridge.sandbox.alma.state import BARCODE_ID_TYPE, State


class _Seed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeedLocation(_Seed):
    """A location to be."""

    code: str
    name: str = ""
    suppressed: bool = False
    type: str = "OPEN"
    fulfillment_unit: str = "General"


class SeedDesk(_Seed):
    """A desk to be; without `serves` it serves all locations of its library."""

    code: str
    name: str = ""
    serves: list[tuple[str, str]] | None = None
    hold_shelf: bool = True


class SeedLibrary(_Seed):
    """A library to be."""

    code: str
    name: str = ""
    resource_sharing: bool = False
    locations: list[SeedLocation] = Field(default_factory=list)
    desks: list[SeedDesk] = Field(default_factory=list)


class SeedBlock(_Seed):
    """A block on a patron to be."""

    type: str = "GENERAL"
    code: str = "02"
    description: str = "Library privileges suspended"
    expiry: date | None = None


class SeedPatron(_Seed):
    """A patron or partner account to be."""

    primary_id: str
    barcode: str = ""
    first_name: str = "Test"
    last_name: str = "Patron"
    group: str = "STUDENT"
    expiry: date | None = date(2099, 12, 31)
    status: str = "ACTIVE"
    patron_role: bool = True
    account_type: str = "INTERNAL"
    email: str = ""
    identifiers: dict[str, str] = Field(default_factory=dict)
    blocks: list[SeedBlock] = Field(default_factory=list)


class SeedItem(_Seed):
    """An item to be, with bib and holding of its own."""

    barcode: str
    title: str
    author: str = ""
    library: str = "MAIN"
    location: str = "STACKS"
    call_number: str = "PZ 100"
    policy: str = "REGULAR"
    material: str = "BOOK"
    network_number: str = ""
    note: str = ""
    internal_note: str = ""
    mark: str = ""
    suppressed: bool = False


class Seed(_Seed):
    """The body of POST /_sandbox/seed; everything is added to what stands."""

    libraries: list[SeedLibrary] = Field(default_factory=list)
    code_tables: dict[str, dict[str, str]] = Field(default_factory=dict)
    patrons: list[SeedPatron] = Field(default_factory=list)
    items: list[SeedItem] = Field(default_factory=list)
    sets: dict[str, str] = Field(
        default_factory=dict, description="Logical sets of titles: id = a word their records hold."
    )


def plant(state: State, seed: Seed) -> None:
    """Adds the seed to the state and remembers how its items should stand."""
    for library in seed.libraries:
        _plant_library(state, library)
    for name, rows in seed.code_tables.items():
        state.code_tables[name] = state.code_tables.get(name, {}) | rows
    for patron in seed.patrons:
        add_patron(state, patron, by="seed")
    for item in seed.items:
        snapshot_item(state, plant_item(state, item, by="seed"))
    state.sets |= seed.sets


def _plant_library(state: State, seed: SeedLibrary) -> None:
    library = Library(seed.code, seed.name or seed.code, state.new_id("1"), seed.resource_sharing)
    for place in seed.locations:
        library.locations[place.code] = Location(
            place.code, place.name or place.code, place.suppressed, place.type, place.fulfillment_unit
        )
    own = {(library.code, code) for code in library.locations}
    for desk in seed.desks:
        serves = own if desk.serves is None else set(desk.serves)
        library.desks[desk.code] = Desk(desk.code, desk.name or desk.code, serves, desk.hold_shelf)
    state.libraries[library.code] = library


def add_patron(state: State, seed: SeedPatron, *, by: Actor) -> User:
    """Adds a user; a user with the same primary id is replaced."""
    identifiers = dict(seed.identifiers)
    if seed.barcode:
        identifiers[BARCODE_ID_TYPE] = seed.barcode
    user = User(
        primary_id=seed.primary_id,
        first_name=seed.first_name,
        last_name=seed.last_name,
        group=seed.group,
        identifiers=identifiers,
        expiry=seed.expiry,
        status=seed.status,
        account_type=seed.account_type,
        patron_role=seed.patron_role,
        email=seed.email,
        blocks=[Block(one.type, one.code, one.description, "ACTIVE", one.expiry) for one in seed.blocks],
        created_by=by,
    )
    state.users[user.primary_id.lower()] = user
    return user


def _datafield(tag: str, ind1: str, *parts: tuple[str, str]) -> str:
    inner = "".join(f'<subfield code="{code}">{escape(value)}</subfield>' for code, value in parts if value)
    return f'<datafield tag="{tag}" ind1="{ind1}" ind2=" ">{inner}</datafield>' if inner else ""


def plant_item(state: State, seed: SeedItem, *, by: Actor) -> Item:
    """Adds an item with a bib and a holding of its own."""
    now = state.clock()
    mms_id, holding_id, pid = state.new_id("99"), state.new_id("22"), state.new_id("23")
    record = (
        "<record><leader>00000nam a2200000 a 4500</leader>"
        f'<controlfield tag="001">{mms_id}</controlfield>'
        '<controlfield tag="008">000101s2000    xx            000 0 eng d</controlfield>'
        + _datafield("035", " ", ("a", seed.network_number))
        + _datafield("100", "1", ("a", seed.author))
        + _datafield("245", "1", ("a", seed.title))
        + _datafield("500", " ", ("a", seed.note))
        + _datafield("260", " ", ("a", "Sandbox"), ("b", "Stand-in Press"), ("c", "2000"))
        + "</record>"
    )
    placed = ("b", seed.library), ("c", seed.location), ("h", seed.call_number)
    holding_record = (
        "<record><leader>00000nx  a2200000zn 4500</leader>"
        '<controlfield tag="008">0001010u    8   4001uueng0000000</controlfield>'
        + _datafield("852", "0", *placed)
        + "</record>"
    )
    state.bibs[mms_id] = Bib(mms_id, record, seed.suppressed, created_by=by, created=now, modified=now)
    state.holdings[holding_id] = Holding(
        holding_id=holding_id,
        mms_id=mms_id,
        record=holding_record,
        suppressed=seed.suppressed,
        library=seed.library,
        location=seed.location,
        call_number=seed.call_number,
        created_by=by,
        created=now,
        modified=now,
    )
    fields = {"policy": seed.policy, "physical_material_type": seed.material, "internal_note_1": seed.internal_note}
    fields |= {"internal_note_3": seed.mark} if seed.mark else {}
    item = Item(pid, holding_id, mms_id, seed.barcode, fields | {"pieces": "1"}, by, now, now, copy_id="1")
    state.items[pid] = item
    return item


MARKED_SET = "5543638640000121"
"""The demo's set of titles that bear a bridge's mark."""

_ILLTEMP = ("RS", "ILLTEMP")
_PATRON_NAMES = (("Ada", "Ashby"), ("Bela", "Brandt"), ("Chidi", "Cole"), ("Dana", "Dvorak"))
_MORE_NAMES = (("Hana", "Horvat"), ("Ivo", "Ilic"), ("Jun", "Jansen"))


def _demo_libraries() -> list[SeedLibrary]:
    main = [SeedLocation(code="STACKS", name="Main stacks"), SeedLocation(code="REF", name="Reading room")]
    branch = [
        SeedLocation(code="STACKS", name="Branch stacks"),
        SeedLocation(code="SPECIAL", name="Special collection"),
    ]
    shared = [
        SeedLocation(code="ILLTEMP", name="Borrowed through ILL", suppressed=True, fulfillment_unit="ILL"),
        SeedLocation(code="ILLOUT", name="Lent through ILL", fulfillment_unit="ILL"),
    ]
    all_main, all_branch = [("MAIN", "STACKS"), ("MAIN", "REF")], [("BRANCH", "STACKS"), ("BRANCH", "SPECIAL")]
    front = SeedDesk(code="DEFAULT_CIRC_DESK", name="Main desk", serves=[*all_main, ("BRANCH", "STACKS"), _ILLTEMP])
    branch_desk = SeedDesk(code="BRANCHDESK", name="Branch desk", serves=[*all_branch, ("MAIN", "STACKS"), _ILLTEMP])
    back = SeedDesk(
        code="RSDESK",
        name="Resource sharing desk",
        serves=[_ILLTEMP, ("RS", "ILLOUT"), ("MAIN", "STACKS"), ("BRANCH", "STACKS")],
    )
    return [
        SeedLibrary(code="MAIN", name="Main Library", locations=main, desks=[front]),
        SeedLibrary(code="BRANCH", name="Branch Library", locations=branch, desks=[branch_desk]),
        SeedLibrary(code="RS", name="Resource Sharing", resource_sharing=True, locations=shared, desks=[back]),
    ]


def _demo_patrons() -> list[SeedPatron]:
    def patron(number: int, first: str, last: str) -> SeedPatron:
        return SeedPatron(primary_id=f"P{number}", barcode=f"2100000000{number}", first_name=first, last_name=last)

    fit = [patron(1001 + index, *name) for index, name in enumerate(_PATRON_NAMES)]
    more = [patron(1008 + index, *name) for index, name in enumerate(_MORE_NAMES)]
    blocked = patron(1005, "Edda", "Ek").model_copy(update={"blocks": [SeedBlock()]})
    expired = patron(1006, "Femi", "Fox").model_copy(update={"expiry": date(2020, 1, 1)})
    no_role = patron(1007, "Gus", "Grant").model_copy(update={"patron_role": False})
    odd = SeedPatron(primary_id="kim@uni.example/staff", barcode="21000000001099", first_name="Kim", last_name="Kaye")
    accounts = [
        SeedPatron(primary_id=f"ILL-{symbol}", barcode=f"ILLACCT-{symbol}", first_name="Library", last_name=symbol)
        for symbol in ("XYZ", "ABC", "DEFAULT")
    ]
    partners = [one.model_copy(update={"group": "ILLPARTNER", "account_type": "EXTERNAL"}) for one in accounts]
    return [*fit, blocked, expired, no_role, *more, odd, *partners]


def _demo_items() -> list[SeedItem]:
    titles = ("The walking product", "Notes on lending", "A history of shelves", "Circulation in motion")
    more = ("On due dates", "Temporary places", "The patient borrower", "Renewals")
    own = [
        SeedItem(barcode=f"3900000000{number:04d}", title=title, author="Own, Olga", call_number=f"PZ {number}")
        for number, title in enumerate((*titles, *more), start=1)
    ]
    branch = SeedItem(barcode="39000000000101", title="Branch matters", library="BRANCH")
    special = SeedItem(barcode="39000000000102", title="Rare things", library="BRANCH", location="SPECIAL")
    reference = SeedItem(barcode="39000000000103", title="Stay here", location="REF", policy="LIBUSE")
    foreign = SeedItem(
        barcode="TEMP-OTHER-1",
        title="Somebody else's loan",
        library="RS",
        location="ILLTEMP",
        policy="ILL",
        network_number="(OTHERBRIDGE)4711",
        internal_note="made by another bridge: 4711",
        suppressed=True,
    )
    return [*own, branch, special, reference, foreign]


_CODE_TABLES = {
    "ItemPolicy": {
        "REGULAR": "Regular loan",
        "ILL": "Interlibrary loan",
        "LIBUSE": "Library use only",
        "SHORT": "Short loan",
    },
    "PhysicalMaterialType": {"BOOK": "Book", "ISSUE": "Issue", "DVD": "DVD", "MAP": "Map", "OTHER": "Other"},
    "RequestCancellationReasons": {
        "CannotBeFulfilled": "Request cannot be fulfilled",
        "PatronNotInterested": "Patron is no longer interested",
        "RequestSwitched": "Request switched",
    },
    "FineFeeTransactionReason": {"OTHER": "Other", "STAFFERROR": "Staff error"},
}


def demo_seed() -> Seed:
    """The institution that the demo and the tests work in."""
    return Seed(
        libraries=_demo_libraries(),
        code_tables=_CODE_TABLES,
        patrons=_demo_patrons(),
        items=_demo_items(),
        sets={MARKED_SET: "ILLB-"},
    )


def seed_demo(state: State, *, key: str = "sandbox-key") -> None:
    """Plants the demo's seed and lets one key do everything."""
    state.keys[key] = Key()
    plant(state, demo_seed())
