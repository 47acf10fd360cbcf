"""How things stand in the Koha, and a judgement of what the caller of its API left behind."""

from collections.abc import Iterable

from bridge.sandbox.judgement import ReportAsked as AnyReportAsked
from bridge.sandbox.judgement import SeededExpectation, Standing, given, marks_in, noted, seen_twice, touched
from bridge.sandbox.koha.state import Bib, Debit, Hold, Item, State


class Expectation(SeededExpectation):
    """How a seeded item should stand."""


class ReportAsked(AnyReportAsked[Expectation]):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""


def standing_of(state: State, item: Item) -> Standing:
    """Everything about an item that only its library should change."""
    loan, bib = state.open_loan(item.id), state.bibs[item.bib]
    plain = {name: item.fields.get(name) for name in ("location", "item_type_id", "home_library_id", "callnumber")}
    return {
        "barcode": item.barcode,
        "notes": (
            item.fields.get("internal_notes"),
            item.fields.get("materials_notes"),
            item.fields.get("public_notes"),
        ),
        "loan": state.patrons[loan.patron].userid if loan else None,
        "holds": sorted(state.patrons[hold.patron].userid for hold in state.holds_on(item)),
        "lost": bool(item.fields.get("lost_status")),
        "bib": (bib.title, bib.author, bib.notes),
        **plain,
    }


def snapshot_item(state: State, item: Item) -> None:
    """Remembers how a seeded item stands."""
    state.snapshot[item.id] = standing_of(state, item)


def note_desk_action(state: State, item: Item) -> None:
    """What the desk did to a seeded item is from now on how it should stand; a loan by API stays its caller's to end."""
    if item.id not in state.snapshot:
        return
    if item.id not in state.items:
        state.snapshot.pop(item.id)
        return
    loan = state.open_loan(item.id)
    of_loan = () if loan and loan.made_by == "api" else ("loan", "lost")
    snapshot = state.snapshot[item.id]
    state.snapshot[item.id] = noted(snapshot, standing_of(state, item), ("barcode", "holds", *of_loan))


def texts_of(thing: Bib | Item) -> list[str]:
    """Where a record may bear a mark."""
    if isinstance(thing, Bib):
        return [thing.notes]
    return [str(thing.fields.get(name) or "") for name in ("internal_notes", "materials_notes", "public_notes")]


def objects(state: State) -> dict[str, list[Standing]]:
    """Every object, with who made it."""
    names = {one.id: one.userid for one in state.patrons.values()}
    return {
        "bibs": [
            {
                "id": bib.id,
                "created_by": bib.made_by,
                "title": bib.title,
                "suppressed": bib.suppressed,
                "texts": texts_of(bib),
            }
            for bib in state.bibs.values()
        ],
        "items": [
            {"id": one.id, "bib": one.bib, "created_by": one.made_by, "texts": texts_of(one)}
            | {key: value for key, value in standing_of(state, one).items() if key not in {"bib", "notes"}}
            for one in state.items.values()
        ],
        "holds": [_hold(one, names) for one in (*state.holds.values(), *state.ended_holds.values())],
        "loans": [
            {"id": one.id, "item": one.item, "open": one.returned is None, "who": names[one.patron], "due": one.due}
            | {"created_by": one.made_by}
            for one in state.checkouts.values()
        ],
        "fees": [_fee(one, names) for one in state.debits.values()],
    }


def _hold(hold: Hold, names: dict[int, str]) -> Standing:
    told: Standing = {
        "id": hold.id,
        "item": hold.item,
        "who": names[hold.patron],
        "pickup": hold.pickup,
        "note": hold.notes,
    }
    return told | {"active": not hold.ended, "closed_why": hold.ended, "created_by": hold.made_by}


def _fee(debit: Debit, names: dict[int, str]) -> Standing:
    told: Standing = {"id": debit.id, "amount": debit.amount, "who": names[debit.patron]}
    return told | {"description": debit.description, "created_by": debit.made_by}


def report(state: State, asked: ReportAsked) -> dict[str, list[Standing]]:
    """Orphans, duplicates, foreign objects touched, and leftovers: API-made objects that still live."""
    return {
        "orphans": list(_orphans(state)),
        "duplicates": list(_duplicates(state, asked)),
        "foreign_touched": list(_touched(state, asked)),
        "leftovers": list(_leftovers(state, asked)),
    }


def _orphans(state: State) -> Iterable[Standing]:
    for bib in state.bibs.values():
        if bib.made_by == "api" and not state.items_of(bib.id):
            yield {"kind": "bib", "id": bib.id, "why": "has no items"}


def _duplicates(state: State, asked: ReportAsked) -> Iterable[Standing]:
    ours = (bib for bib in state.bibs.values() if bib.made_by == "api")
    yield from seen_twice("bib", (mark for bib in ours for mark in marks_in(texts_of(bib))), asked.mark)
    pairs = (f"{one.item}:{one.patron}" for one in state.holds.values() if one.made_by == "api")
    yield from seen_twice("hold", pairs)


def _touched(state: State, asked: ReportAsked) -> Iterable[Standing]:
    for number, should in state.snapshot.items():
        item = state.items.get(number)
        barcode = str(should["barcode"])
        wanted = given(asked.expect.get(barcode))
        yield from touched(barcode, should, wanted, standing_of(state, item) if item else None)


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    for item in state.items.values():
        if item.made_by == "api" and asked.means(item.barcode, texts_of(item)):
            yield {"kind": "item", "id": item.id, "barcode": item.barcode}
    for hold in state.holds.values():
        held = state.items.get(hold.item or 0)
        if hold.made_by == "api" and asked.means(held.barcode if held else "", texts_of(held) if held else []):
            yield {"kind": "hold", "id": hold.id, "item": hold.item}
    for loan in state.checkouts.values():
        lent = state.items.get(loan.item)
        if loan.made_by == "api" and loan.returned is None and lent and asked.means(lent.barcode, texts_of(lent)):
            yield {"kind": "loan", "id": loan.id, "item": loan.item}
    for bib in state.bibs.values():
        if bib.made_by == "api" and asked.means("", texts_of(bib)):
            yield {"kind": "bib", "id": bib.id}
