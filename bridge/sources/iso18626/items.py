"""What a supplier says of the items it sends, in every dialect seen: a barcode, several, a document's address, or a block in the note."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

LONGEST_BARCODE = 80
MOST_ITEMS = 100
_BARCODE = re.compile(r"[A-Za-z0-9._/:+$-]+")
_BLOCK = re.compile(r"#MultipleItems#(.*?)#MultipleItemsEnd#", re.DOTALL)
_CELL = re.compile(r"((?:\\.|[^\\|])*)(?:\||$)", re.DOTALL)
MULTIVOL = "multivol:"


@dataclass(frozen=True)
class Item:
    """One item: its barcode, and what its volume and shelf are called, where said."""

    barcode: str
    name: str = ""
    call_number: str = ""


@dataclass(frozen=True)
class Sent:
    """What was sent: items, or a document (``by_address``), which is no loan."""

    items: tuple[Item, ...] = ()
    by_address: bool = False


def sent(ids: tuple[str, ...], note: str, means: tuple[str, ...]) -> Sent:
    """What ``itemId`` (repeatable in 2021), the note and ``sentVia`` or ``deliveryMethod`` say together."""
    addressed = any(each.casefold() == "url" for each in means)
    if addressed or any(re.match(r"https?://", each, re.IGNORECASE) for each in ids):
        return Sent(by_address=True)
    told = tuple(item for each in ids for item in _items(each)) or _block(note)
    usable = (replace(each, barcode=each.barcode.strip()) for each in told)
    named = {each.barcode: each for each in usable if 0 < len(each.barcode) <= LONGEST_BARCODE}
    return Sent(tuple(named.values())[:MOST_ITEMS])


def volume_names(items: tuple[Item, ...]) -> tuple[str, ...]:
    """What to call the volumes: by their own names where these tell them apart, else by their barcodes."""
    names = tuple(each.name for each in items)
    apart = all(0 < len(name) <= LONGEST_BARCODE for name in names) and len(set(names)) == len(names)
    return names if apart else tuple(each.barcode for each in items)


def _items(text: str) -> tuple[Item, ...]:
    """mod-rs: ``name##callNumber##itemId``, several with ``multivol:`` and joined by ``###``; CrossLink towards Alma: commas."""
    if "##" in text:
        return tuple(_of_mod_rs(part) for part in re.split(r"###(?=multivol:)", text) if part)
    parts = tuple(part.strip() for part in text.split(","))
    if len(parts) > 1 and all(_BARCODE.fullmatch(part) for part in parts):
        return tuple(Item(part) for part in parts)
    return (Item(text),)


def _of_mod_rs(text: str) -> Item:
    name, _, rest = text.removeprefix(MULTIVOL).partition("##")
    call_number, _, barcode = rest.rpartition("##")
    return Item(barcode, name.strip(), call_number.strip())


def _block(note: str) -> tuple[Item, ...]:
    """CrossLink: an item a line between two marks, barcode, call number and title with bars between and backslashes before odd signs."""
    found = _BLOCK.search(note)
    lines = found.group(1).splitlines() if found else []
    rows = ([_plain(cell.group(1)) for cell in _CELL.finditer(line.strip())] for line in lines if line.strip())
    return tuple(Item(row[0], call_number=row[1] if len(row) > 1 else "") for row in rows if row[0])


def _plain(cell: str) -> str:
    return re.sub(r"\\(.)", r"\1", cell).strip()
