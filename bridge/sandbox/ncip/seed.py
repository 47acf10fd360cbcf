"""What stands in the ILS before the bridge comes: patrons, accounts, the library's own items."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.ncip.model import Patron
from bridge.sandbox.ncip.standing import snapshot_item
from bridge.sandbox.ncip.state import State


class _Seed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeedPatron(_Seed):
    """A patron or account to be; `status` is OK, or the word that says what is against them."""

    barcode: str
    ids: tuple[str, ...] = ()
    name: str = "PATRON, TEST"
    status: str = "OK"
    expires: date = date(2099, 12, 31)
    is_account: bool = False


class SeedItem(_Seed):
    """An own item to be."""

    barcode: str
    title: str
    author: str = ""
    call_number: str = "PZ 100"


class Seed(_Seed):
    """The body of POST /_sandbox/seed; everything is added to what stands."""

    patrons: list[SeedPatron] = Field(default_factory=list)
    items: list[SeedItem] = Field(default_factory=list)


def plant(state: State, seed: Seed) -> None:
    """Adds the seed and remembers how its items should stand."""
    for one in seed.patrons:
        state.patrons.append(Patron(one.barcode, one.ids, one.name, one.status, one.expires, one.is_account, "seed"))
    for each in seed.items:
        item = state.add_item(each.barcode, by="seed", title=each.title, author=each.author, call=each.call_number)
        snapshot_item(state, item)


def demo_seed() -> Seed:
    """The ILS that the demo and the tests work in."""
    names = ("ASHBY, ADA", "BRANDT, BELA", "COLE, CHIDI", "DVORAK, DANA")
    fit = [
        SeedPatron(barcode=f"2100000000{1001 + number}", ids=(f"P{1001 + number}",), name=name)
        for number, name in enumerate(names)
    ]
    blocked = SeedPatron(barcode="21000000001005", ids=("P1005",), name="EK, EDDA", status="BLOCKED")
    expired = SeedPatron(barcode="21000000001006", ids=("P1006",), name="FOX, FEMI", expires=date(2020, 1, 1))
    accounts = [
        SeedPatron(barcode=f"ILL-{symbol}", name=f"LIBRARY {symbol}", is_account=True)
        for symbol in ("XYZ", "ABC", "DEFAULT")
    ]
    titles = ("The walking product", "Notes on lending", "A history of shelves", "Circulation in motion")
    items = [
        SeedItem(barcode=f"3900000000{number:04d}", title=title, author="Own, Olga", call_number=f"PZ {number}")
        for number, title in enumerate(titles, start=1)
    ]
    return Seed(patrons=[*fit, blocked, expired, *accounts], items=items)
