"""How things stand in the ILS, and a judgement of what the responder's caller left behind."""

from collections.abc import Iterable

from bridge.sandbox.judgement import ReportAsked as AnyReportAsked
from bridge.sandbox.judgement import SeededExpectation, Standing, given, marks_in, noted, seen_twice, touched
from bridge.sandbox.ncip.model import Item
from bridge.sandbox.ncip.state import State


class ReportAsked(AnyReportAsked[SeededExpectation]):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""


def standing_of(state: State, item: Item) -> Standing:
    """Everything about an item that only its library should change."""
    loan = state.open_loan(item)
    having = state.find_patron(loan.patron) if loan else None
    return {
        "barcode": item.barcode,
        "title": item.title,
        "call_number": item.call_number,
        "lost": item.lost,
        "loan": having.called if having else None,
        "holds": sorted(hold.patron for hold in state.active_holds(item)),
    }


def snapshot_item(state: State, item: Item) -> None:
    """Remembers how a seeded item stands."""
    state.snapshot[item.key] = standing_of(state, item)


def note_desk_action(state: State, item: Item) -> None:
    """What the desk did to a seeded item is from now on how it should stand; a loan of the caller's stays the caller's to end."""
    if item.key not in state.snapshot:
        return
    if item.deleted:
        state.snapshot.pop(item.key)
        return
    loan = state.open_loan(item)
    of_loan = () if loan and loan.created_by == "api" else ("loan", "lost")
    state.snapshot[item.key] = noted(state.snapshot[item.key], standing_of(state, item), ("barcode", "holds", *of_loan))


def objects(state: State) -> dict[str, list[Standing]]:
    """Every live item and every hold, loan and fee, with who made it."""
    return {
        "items": [
            standing_of(state, item) | {"id": item.key, "created_by": item.created_by, "texts": item.texts}
            for item in state.live_items()
        ],
        "holds": [vars(hold) | {"active": hold.active, "who": hold.patron} for hold in state.holds],
        "loans": [vars(loan) | {"open": loan.open, "who": loan.patron} for loan in state.loans],
        "fees": [vars(fee) | {"who": fee.patron} for fee in state.fees],
    }


def report(state: State, asked: ReportAsked) -> dict[str, list[Standing]]:
    """Orphans, duplicates, foreign objects touched, and leftovers: caller-made objects that still live."""
    return {
        "orphans": list(_orphans(state)),
        "duplicates": list(_duplicates(state, asked)),
        "foreign_touched": list(_touched(state, asked)),
        "leftovers": list(_leftovers(state, asked)),
    }


def _orphans(state: State) -> Iterable[Standing]:
    for hold in state.holds:
        if hold.active and state.items[hold.item].deleted:
            yield {"kind": "hold", "id": hold.id, "why": "its item is gone"}


def _duplicates(state: State, asked: ReportAsked) -> Iterable[Standing]:
    made = [item for item in state.live_items() if item.created_by == "api"]
    yield from seen_twice("barcode", (item.barcode for item in made), asked.barcode)
    yield from seen_twice("item mark", (mark for item in made for mark in marks_in(item.texts)), asked.mark)
    yield from seen_twice("hold", (f"{hold.patron} {hold.item}" for hold in state.holds if hold.active))


def _touched(state: State, asked: ReportAsked) -> Iterable[Standing]:
    for key, seeded in state.snapshot.items():
        item = state.items[key]
        barcode = str(seeded["barcode"])
        found = None if item.deleted else standing_of(state, item)
        yield from touched(barcode, dict(seeded), given(asked.expect.get(barcode)), found)


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    meant = {item.key for item in state.items.values() if asked.means(item.barcode, item.texts)}
    for item in state.live_items():
        if item.created_by == "api" and item.key in meant:
            yield {"kind": "item", "id": item.key, "barcode": item.barcode}
    for hold in state.holds:
        if hold.active and hold.created_by == "api" and hold.item in meant:
            yield {"kind": "hold", "id": hold.id}
    for loan in state.loans:
        if loan.open and loan.created_by == "api" and loan.item in meant:
            yield {"kind": "loan", "id": loan.id}
