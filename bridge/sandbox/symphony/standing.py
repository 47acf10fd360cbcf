"""How things stand in the Symphony, and a judgement of what the API's caller left behind."""

from collections.abc import Iterable
from dataclasses import asdict

from bridge.sandbox.judgement import ReportAsked as AnyReportAsked
from bridge.sandbox.judgement import (
    SeededExpectation,
    Standing,
    given,
    marks_in,
    noted,
    seen_twice,
    touched,
)
from bridge.sandbox.symphony import marc
from bridge.sandbox.symphony.model import Bib, Item
from bridge.sandbox.symphony.state import State


class Expectation(SeededExpectation):
    """`current`: the location that is the item's status; `charges`: everyone it is charged to, the first charge first."""

    current: str | None = None
    charges: tuple[str, ...] | None = None


class ReportAsked(AnyReportAsked[Expectation]):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""


_OF_CIRCULATION = ("current", "loan", "charges", "transit", "shadowed")


def standing_of(state: State, item: Item) -> Standing:
    """Everything about an item that only its library should change."""
    charges = [state.patrons[one.patron].called for one in state.charges_of(item.key)]
    transit = state.transits.get(item.key)
    bib = state.bibs[item.bib]
    return {
        "barcode": item.barcode,
        "library": item.library,
        "location": item.home,
        "current": item.current,
        "item_type": item.type,
        "shadowed": item.shadowed,
        "call_number": state.call_numbers[item.call].text,
        "notes": [[one.code, one.data] for one in item.custom],
        "loan": charges[-1] if charges else None,
        "charges": charges,
        "transit": transit.destination if transit else None,
        "holds": sorted(state.patrons[hold.patron].called for hold in state.active_holds(item)),
        "bib": (bib.marc, bib.shadowed),
    }


def snapshot_item(state: State, item: Item) -> None:
    """Remembers how a seeded item stands."""
    state.snapshot[item.key] = standing_of(state, item)


def note_desk_action(state: State, item: Item) -> None:
    """What the desk did to a seeded item is from now on how it should stand (charges, where it is, holds, barcode).

    Charges made through the API stay the API's caller's to end, whatever the desk declares of them.
    """
    if item.key not in state.snapshot:
        return
    if item.key not in state.items:
        state.snapshot.pop(item.key)
        return
    by_api = any(one.created_by == "api" for one in state.charges_of(item.key))
    keys = ("barcode", "holds", *(() if by_api else _OF_CIRCULATION))
    state.snapshot[item.key] = noted(state.snapshot[item.key], standing_of(state, item), keys)


def texts_of_bib(state: State, bib: Bib) -> list[str]:
    """Where a bib and its call numbers may bear a mark."""
    return [*marc.texts(bib.marc), bib.control_number, *(call.text for call in state.calls_of(bib.key))]


def texts_of_item(item: Item) -> list[str]:
    """Where an item may bear a mark."""
    return [one.data for one in item.custom]


def objects(state: State) -> dict[str, list[Standing]]:
    """Every live object and every ended charge and hold, with who made it."""

    def who(patron: str) -> str:
        return state.patrons[patron].called

    return {
        "bibs": [
            {"id": bib.key, "created_by": bib.created_by, "title": marc.first(bib.marc, "245", "ab")}
            | {"author": marc.first(bib.marc, "100", "a"), "suppressed": bib.shadowed}
            | {"texts": texts_of_bib(state, bib)}
            for bib in state.bibs.values()
        ],
        "items": [
            {"id": one.key, "bib": one.bib, "created_by": one.created_by, "texts": texts_of_item(one)}
            | {key: value for key, value in standing_of(state, one).items() if key != "bib"}
            for one in state.items.values()
        ],
        "calls": [asdict(one) for one in state.call_numbers.values()],
        "holds": [
            asdict(one) | {"id": one.key, "active": one.active, "who": who(one.patron)} for one in state.holds.values()
        ],
        "loans": [asdict(one) | {"open": one.open, "who": who(one.patron)} for one in state.charges],
        "transits": [asdict(one) for one in state.transits.values()],
        "fees": [
            asdict(one) | {"id": one.key, "amount": str(one.amount), "owed": str(one.owed), "who": who(one.patron)}
            for one in state.bills.values()
        ],
    }


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
        if bib.created_by == "api" and not state.items_of(bib.key):
            yield {"kind": "bib", "id": bib.key, "why": "has no items"}
    for hold in state.holds.values():
        if hold.active and hold.created_by == "api" and hold.item is not None and hold.item not in state.items:
            yield {"kind": "hold", "id": hold.key, "why": "its item is gone"}


def _duplicates(state: State, asked: ReportAsked) -> Iterable[Standing]:
    bibs = [bib for bib in state.bibs.values() if bib.created_by == "api"]
    items = [item for item in state.items.values() if item.created_by == "api"]
    yield from seen_twice("barcode", (item.barcode for item in items), asked.barcode)
    marked = (mark for bib in bibs for mark in marks_in(texts_of_bib(state, bib)))
    yield from seen_twice("bib mark", marked, asked.mark)
    yield from seen_twice("item mark", (mark for item in items for mark in marks_in(texts_of_item(item))), asked.mark)
    wishes = (f"{state.patrons[one.patron].called} {one.item}" for one in state.holds.values() if one.active)
    yield from seen_twice("hold", wishes)


def _touched(state: State, asked: ReportAsked) -> Iterable[Standing]:
    for key, seeded in state.snapshot.items():
        barcode = str(seeded["barcode"])
        wanted = given(asked.expect.get(barcode))
        if wanted.get("loan"):
            wanted["loan"] = _called(state, str(wanted["loan"]))
        if "charges" in wanted:
            wanted["charges"] = list(asked.expect[barcode].charges or ())
        elif "loan" in wanted:
            wanted["charges"] = [wanted["loan"]] if wanted["loan"] else []
        item = state.items.get(key)
        if "loan" in wanted and "current" not in wanted and item is not None:
            wanted["current"] = item.current if wanted["loan"] else item.home
        found = standing_of(state, item) if item else None
        yield from ({"id": key} | row for row in touched(barcode, seeded, wanted, found))


def _called(state: State, name: str) -> str:
    """How reports name a patron who is expected under any identifier."""
    found = state.find_patron(name)
    return found.called if found else name


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    meant = set()
    for item in state.items.values():
        texts = [*texts_of_item(item), *texts_of_bib(state, state.bibs[item.bib])]
        if asked.means(item.barcode, texts):
            meant.add(item.key)
            if item.created_by == "api":
                yield {"kind": "item", "id": item.key, "barcode": item.barcode}
    for bib in state.bibs.values():
        if bib.created_by == "api" and asked.means("", texts_of_bib(state, bib)):
            yield {"kind": "bib", "id": bib.key}
    for hold in state.holds.values():
        if hold.active and hold.created_by == "api" and (asked.everything or hold.item in meant):
            yield {"kind": "hold", "id": hold.key}
    for loan in state.charges:
        if loan.open and loan.created_by == "api" and (asked.everything or loan.item in meant):
            yield {"kind": "loan", "id": loan.key, "who": state.patrons[loan.patron].called}
