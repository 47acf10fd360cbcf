"""How things stand in the Sierra, and a judgement of what the API's caller left behind."""

from collections.abc import Iterable, Mapping

from bridge.sandbox.judgement import ReportAsked as AnyReportAsked
from bridge.sandbox.judgement import SeededExpectation, Standing, given, marks_in, seen_twice, touched
from bridge.sandbox.sierra.model import Item, Record
from bridge.sandbox.sierra.state import State

_OF_CIRCULATION = {"65", "66", "88"}


class Expectation(SeededExpectation):
    """`status`: that of the item."""

    status: str | None = None


class ReportAsked(AnyReportAsked[Expectation]):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""


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


def texts_of(record: Record) -> list[str]:
    """Where a record may bear a mark."""
    return [text for one in record.var_fields for text in one.texts]


def objects(state: State) -> dict[str, list[Standing]]:
    """Every live object and every ended loan and hold, with who made it.

    Their fields hold no lists: ``asdict`` would copy each date anew, which is most of the work.
    """
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
            vars(one) | {"active": one.active, "who": state.patrons[one.patron].called} for one in state.holds.values()
        ],
        "loans": [
            vars(one) | {"open": one.open, "who": state.patrons[one.patron].called} for one in state.checkouts.values()
        ],
        "fees": [vars(one) | {"who": state.patrons[one.patron].called} for one in state.fines.values()],
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
    barcodes = (item.barcode for item in state.live_items() if item.barcode in ours)
    yield from seen_twice("barcode", barcodes, asked.barcode)
    for kind, records in (("bib", list(state.live_bibs())), ("item", list(state.live_items()))):
        ours_too = (record for record in records if record.created_by == "api")
        marks = (mark for record in ours_too for mark in marks_in(texts_of(record)))
        yield from seen_twice(f"{kind} mark", marks, asked.mark)
    wishes = (f"{state.patrons[one.patron].called} {one.record}" for one in state.holds.values() if one.active)
    yield from seen_twice("hold", wishes)


def _touched(state: State, expect: Mapping[str, Expectation]) -> Iterable[Standing]:
    for number, seeded in state.snapshot.items():
        barcode, item = str(seeded["barcode"]), state.items[number]
        found = standing_of(state, item) if item.deleted is None else None
        rows = touched(barcode, seeded, given(expect.get(barcode)), found)
        yield from ({"id": number} | row for row in rows)


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    meant = set()
    for item in state.live_items():
        if asked.means(item.barcode, texts_of(item)):
            meant.add(item.id)
            if item.created_by == "api":
                yield {"kind": "item", "id": item.id, "barcode": item.barcode}
    for bib in state.live_bibs():
        if bib.created_by == "api" and asked.means("", texts_of(bib)):
            yield {"kind": "bib", "id": bib.id}
    for hold in state.holds.values():
        if hold.active and hold.created_by == "api" and (asked.everything or hold.record in meant):
            yield {"kind": "hold", "id": hold.id}
    for loan in state.checkouts.values():
        if loan.open and loan.created_by == "api" and (asked.everything or loan.item in meant):
            yield {"kind": "loan", "id": loan.id}
