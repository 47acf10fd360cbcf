"""How things stand in the Sierra, and a judgement of what the API's caller left behind."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.sierra.model import Item, Record
from bridge.sandbox.sierra.state import State

Standing = dict[str, object]
_OF_CIRCULATION = {"65", "66", "88"}


class Expectation(BaseModel):
    """How a seeded item should stand where that differs from its seed; a field left out is not expected to differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loan: str | None = None
    status: str | None = None
    barcode: str | None = None
    gone: bool = False


class ReportAsked(BaseModel):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mark: str = ""
    barcode: str = ""
    expect: dict[str, Expectation] = Field(default_factory=dict)


def standing_of(state: State, item: Item) -> Standing:
    """Everything about an item that only its library should change."""
    loan = state.open_loan(item.id)
    bib = state.bibs[item.bib_ids[0]]
    return {
        "barcode": item.barcode,
        "location": item.fixed["79"],
        "status": item.fixed.get("88", "-"),
        "fixed": {number: value for number, value in item.fixed.items() if number not in {"79", *_OF_CIRCULATION}},
        "fields": sorted((one.tag, *one.texts) for one in item.var_fields if one.tag != "b" and any(one.texts)),
        "loan": state.patrons[loan.patron].called if loan else None,
        "holds": sorted(state.patrons[hold.patron].called for hold in state.active_holds(item)),
        "bib": (bib.title, bib.author, bib.fixed.get("31", "-"), bib.deleted is not None),
    }


def snapshot_item(state: State, item: Item) -> None:
    """Remembers how a seeded item stands."""
    state.snapshot[item.id] = standing_of(state, item)


def note_desk_action(state: State, item: Item) -> None:
    """What the desk did to a seeded item is from now on how it should stand (loan, status, holds, barcode).

    A loan made through the API stays the API's caller's to end, whatever the desk declares of it.
    """
    if item.id not in state.snapshot:
        return
    if item.deleted is not None:
        state.snapshot.pop(item.id)
        return
    now = standing_of(state, item)
    loan = state.open_loan(item.id)
    of_loan = () if loan and loan.created_by == "api" else ("status", "loan")
    state.snapshot[item.id] |= {key: now[key] for key in ("barcode", *of_loan, "holds")}


def bears(mark: str, *texts: str) -> bool:
    """True if one of the texts contains the mark as a whole word."""
    pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(mark)}(?![A-Za-z0-9])")
    return any(pattern.search(text) for text in texts)


def texts_of(record: Record) -> list[str]:
    """Where a record may bear a mark."""
    return [text for one in record.var_fields for text in one.texts]


def objects(state: State) -> dict[str, list[Standing]]:
    """Every live object and every ended loan and hold, with who made it."""
    return {
        "bibs": [
            {"id": bib.id, "created_by": bib.created_by, "title": bib.title, "author": bib.author}
            | {"suppressed": bib.fixed.get("31", "-") != "-", "texts": texts_of(bib)}
            for bib in state.live_bibs()
        ],
        "items": [
            {"id": one.id, "bib": one.bib_ids[0], "created_by": one.created_by}
            | {key: value for key, value in standing_of(state, one).items() if key not in {"bib", "fixed"}}
            | {"item_type": one.fixed.get("61", ""), "texts": texts_of(one)}
            for one in state.live_items()
        ],
        "holds": [
            asdict(one) | {"active": one.active, "who": state.patrons[one.patron].called}
            for one in state.holds.values()
        ],
        "loans": [
            asdict(one) | {"open": one.open, "who": state.patrons[one.patron].called}
            for one in state.checkouts.values()
        ],
        "fees": [asdict(one) | {"who": state.patrons[one.patron].called} for one in state.fines.values()],
    }


def report(state: State, asked: ReportAsked) -> dict[str, list[Standing]]:
    """Orphans, duplicates, foreign objects touched, and leftovers: API-made objects that still live."""
    return {
        "orphans": list(_orphans(state)),
        "duplicates": list(_duplicates(state, asked)),
        "foreign_touched": list(_touched(state, asked.expect)),
        "leftovers": list(_leftovers(state, asked)),
    }


def _orphans(state: State) -> Iterable[Standing]:
    for bib in state.live_bibs():
        if bib.created_by == "api" and not state.items_of(bib.id):
            yield {"kind": "bib", "id": bib.id, "why": "has no items"}
    for hold in state.holds.values():
        item = state.items.get(hold.record)
        if hold.active and hold.created_by == "api" and (item is None or item.deleted is not None):
            yield {"kind": "hold", "id": hold.id, "why": "its item is gone"}


def _duplicates(state: State, asked: ReportAsked) -> Iterable[Standing]:
    ours = {item.barcode for item in state.live_items() if item.created_by == "api"}
    for barcode, count in Counter(item.barcode for item in state.live_items()).items():
        if count > 1 and barcode in ours and asked.barcode in {"", barcode}:
            yield {"kind": "barcode", "id": barcode, "count": count}
    for kind, records in (("bib", list(state.live_bibs())), ("item", list(state.live_items()))):
        marks = Counter(mark for record in records if record.created_by == "api" for mark in _marks(record))
        for mark, count in marks.items():
            if count > 1 and asked.mark in {"", mark}:
                yield {"kind": f"{kind} mark", "id": mark, "count": count}
    wishes = Counter((one.patron, one.record) for one in state.holds.values() if one.active)
    for (patron, record), count in wishes.items():
        if count > 1:
            yield {"kind": "hold", "id": record, "patron": state.patrons[patron].called, "count": count}


def _marks(record: Record) -> set[str]:
    return {found for text in texts_of(record) for found in re.findall(r"ILLB-[0-9a-f]{16}", text)}


def _touched(state: State, expect: Mapping[str, Expectation]) -> Iterable[Standing]:
    for number, seeded in state.snapshot.items():
        barcode = str(seeded["barcode"])
        wanted = expect.get(barcode)
        item = state.items[number]
        if item.deleted is not None:
            if wanted is None or not wanted.gone:
                yield {"id": number, "barcode": barcode, "what": "item", "expected": "there", "found": "gone"}
            continue
        given = wanted.model_fields_set if wanted else set()
        should = seeded | {key: getattr(wanted, key) for key in ("loan", "status", "barcode") if key in given}
        found = standing_of(state, item)
        for key, value in should.items():
            if found[key] != value:
                yield {"id": number, "barcode": barcode, "what": key, "expected": value, "found": found[key]}


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    everything = not asked.mark and not asked.barcode
    meant = set()
    for item in state.live_items():
        named = bool(asked.barcode) and item.barcode == asked.barcode
        if everything or named or (asked.mark and bears(asked.mark, *texts_of(item))):
            meant.add(item.id)
            if item.created_by == "api":
                yield {"kind": "item", "id": item.id, "barcode": item.barcode}
    for bib in state.live_bibs():
        if bib.created_by == "api" and (everything or (asked.mark and bears(asked.mark, *texts_of(bib)))):
            yield {"kind": "bib", "id": bib.id}
    for hold in state.holds.values():
        if hold.active and hold.created_by == "api" and (everything or hold.record in meant):
            yield {"kind": "hold", "id": hold.id}
    for loan in state.checkouts.values():
        if loan.open and loan.created_by == "api" and (everything or loan.item in meant):
            yield {"kind": "loan", "id": loan.id}
