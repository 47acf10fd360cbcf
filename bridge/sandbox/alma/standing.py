"""How things stand in the institution, and a judgement of what the API's caller left behind."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from bridge.sandbox.alma import marc
from bridge.sandbox.alma.model import Item
from bridge.sandbox.alma.state import State

Standing = dict[str, object]


class Expectation(BaseModel):
    """How a seeded item should stand where that differs from its seed; a field left out is not expected to differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loan: str | None = None
    process: str | None = None
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
    loan = state.open_loan(item.pid)
    library, location = state.holdings[item.holding_id].library, state.holdings[item.holding_id].location
    return {
        "barcode": item.barcode,
        "place": f"{library}/{location}",
        "copy_id": item.copy_id,
        "fields": {key: value for key, value in item.fields.items() if value not in {"", "false"}},
        "temp": asdict(item.temp) if item.temp else None,
        "process": item.process,
        "loan": loan.user if loan else None,
        "requests": sorted(one.user for one in state.active_requests(item)),
        "bib": state.bibs[item.mms_id].record,
        "suppressed": state.bibs[item.mms_id].suppressed,
    }


def snapshot_item(state: State, item: Item) -> None:
    """Remembers how a seeded item stands."""
    state.snapshot[item.pid] = standing_of(state, item)


def note_desk_action(state: State, item: Item) -> None:
    """What the desk did to a seeded item is from now on how it should stand (loan, process, requests, barcode).

    A loan made through the API stays the API's caller's to end, whatever the desk declares of it.
    """
    if item.pid not in state.snapshot:
        return
    if item.pid not in state.items:
        state.snapshot.pop(item.pid)
        return
    now = standing_of(state, item)
    loan = state.open_loan(item.pid)
    of_loan = () if loan and loan.created_by == "api" else ("process", "loan")
    state.snapshot[item.pid] |= {key: now[key] for key in ("barcode", *of_loan, "requests")}


def bears(mark: str, *texts: str) -> bool:
    """True if one of the texts contains the mark as a whole word."""
    pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(mark)}(?![A-Za-z0-9])")
    return any(pattern.search(text) for text in texts)


def item_texts(item: Item) -> list[str]:
    """Where an item may bear a mark."""
    return [value for key, value in item.fields.items() if "note" in key]


def objects(state: State) -> dict[str, list[Standing]]:
    """Every live object and every ended loan and request, with who made it."""
    found: dict[str, list[Standing]] = {
        "bibs": [
            {
                "id": bib.mms_id,
                "created_by": bib.created_by,
                "suppressed": bib.suppressed,
                "title": state.title_of(bib.mms_id),
            }
            | {"network_numbers": marc.subfields(bib.record, "035", "a")}
            for bib in state.bibs.values()
        ],
        "holdings": [
            {"id": one.holding_id, "mms_id": one.mms_id, "created_by": one.created_by, "suppressed": one.suppressed}
            | {"library": one.library, "location": one.location}
            for one in state.holdings.values()
        ],
        "items": [
            {"id": one.pid, "mms_id": one.mms_id, "holding_id": one.holding_id, "created_by": one.created_by}
            | {"in_house_uses": one.in_house_uses}
            | {key: value for key, value in standing_of(state, one).items() if key != "bib"}
            for one in state.items.values()
        ],
        "requests": [asdict(one) | {"id": one.request_id, "active": one.active} for one in state.requests.values()],
        "loans": [asdict(one) | {"id": one.loan_id, "open": one.open} for one in state.loans.values()],
        "fees": [asdict(one) for one in state.fees.values()],
    }
    return found


def report(state: State, asked: ReportAsked) -> dict[str, list[Standing]]:
    """Orphans, duplicates, foreign objects touched, and leftovers: API-made objects that still live."""
    return {
        "orphans": list(_orphans(state)),
        "duplicates": list(_duplicates(state, asked)),
        "foreign_touched": list(_touched(state, asked.expect)),
        "leftovers": list(_leftovers(state, asked)),
    }


def _orphans(state: State) -> Iterable[Standing]:
    for bib in state.bibs.values():
        if bib.created_by == "api" and not any(one.mms_id == bib.mms_id for one in state.items.values()):
            yield {"kind": "bib", "id": bib.mms_id, "why": "has no items"}
    for holding in state.holdings.values():
        if holding.created_by == "api" and not state.items_of(holding.holding_id):
            yield {"kind": "holding", "id": holding.holding_id, "why": "has no items"}
    for request in state.requests.values():
        if request.active and request.created_by == "api" and request.pid and request.pid not in state.items:
            yield {"kind": "request", "id": request.request_id, "why": "its item is gone"}


def _duplicates(state: State, asked: ReportAsked) -> Iterable[Standing]:
    barcodes = Counter(item.barcode for item in state.items.values())
    ours = {item.barcode for item in state.items.values() if item.created_by == "api"}
    for barcode, count in barcodes.items():
        if count > 1 and barcode in ours and asked.barcode in {"", barcode}:
            yield {"kind": "barcode", "id": barcode, "count": count}
    marks = Counter(
        number
        for bib in state.bibs.values()
        if bib.created_by == "api"
        for number in set(marc.subfields(bib.record, "035", "a"))
    )
    for number, count in marks.items():
        if count > 1 and (not asked.mark or bears(asked.mark, number)):
            yield {"kind": "bib mark", "id": number, "count": count}
    if asked.mark:
        marked = [one.pid for one in state.items.values() if bears(asked.mark, *item_texts(one))]
        if len(marked) > 1:
            yield {"kind": "item mark", "id": asked.mark, "count": len(marked)}
    wishes = Counter((one.user, one.pid) for one in state.requests.values() if one.active and one.pid)
    for (user, pid), count in wishes.items():
        if count > 1:
            yield {"kind": "request", "id": pid, "user": user, "count": count}


def _touched(state: State, expect: Mapping[str, Expectation]) -> Iterable[Standing]:
    for pid, seeded in state.snapshot.items():
        barcode = str(seeded["barcode"])
        wanted = expect.get(barcode)
        item = state.items.get(pid)
        if item is None:
            if wanted is None or not wanted.gone:
                yield {"id": pid, "barcode": barcode, "what": "item", "expected": "there", "found": "gone"}
            continue
        should = seeded | (_overrides(wanted) if wanted else {})
        found = standing_of(state, item)
        for key, value in should.items():
            if found[key] != value:
                yield {"id": pid, "barcode": barcode, "what": key, "expected": value, "found": found[key]}


def _overrides(wanted: Expectation) -> Standing:
    given = wanted.model_fields_set
    changed: Standing = {key: getattr(wanted, key) for key in ("loan", "process", "barcode") if key in given}
    if "loan" in given and "process" not in given:
        changed["process"] = "LOAN" if wanted.loan else ""
    return changed


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    everything = not asked.mark and not asked.barcode
    marked = {
        bib.mms_id
        for bib in state.bibs.values()
        if everything or (asked.mark and bears(asked.mark, *marc.subfields(bib.record, "035", "a")))
    }
    meant = {item.pid for item in state.items.values() if item.mms_id in marked or _is_meant(item, asked)}
    for bib in state.bibs.values():
        if bib.created_by == "api" and bib.mms_id in marked:
            yield {"kind": "bib", "id": bib.mms_id}
    for holding in state.holdings.values():
        if holding.created_by == "api" and holding.mms_id in marked:
            yield {"kind": "holding", "id": holding.holding_id}
    for item in state.items.values():
        if item.created_by == "api" and item.pid in meant:
            yield {"kind": "item", "id": item.pid, "barcode": item.barcode}
    yield from _unfinished(state, meant, everything=everything)


def _is_meant(item: Item, asked: ReportAsked) -> bool:
    by_barcode = bool(asked.barcode) and item.barcode == asked.barcode
    return by_barcode or (bool(asked.mark) and bears(asked.mark, *item_texts(item)))


def _unfinished(state: State, meant: set[str], *, everything: bool) -> Iterable[Standing]:
    for request in state.requests.values():
        if request.active and request.created_by == "api" and (everything or request.pid in meant):
            yield {"kind": "request", "id": request.request_id}
    for loan in state.loans.values():
        if loan.open and loan.created_by == "api" and (everything or loan.pid in meant):
            yield {"kind": "loan", "id": loan.loan_id}
