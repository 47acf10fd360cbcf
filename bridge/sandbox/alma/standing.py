"""How things stand in the institution, and a judgement of what the API's caller left behind."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from bridge.sandbox.alma import marc
from bridge.sandbox.alma.model import Item
from bridge.sandbox.alma.state import State
from bridge.sandbox.judgement import ReportAsked as AnyReportAsked
from bridge.sandbox.judgement import SeededExpectation, Standing, bears, given, seen_twice, touched


class Expectation(SeededExpectation):
    """`process`: that of the item."""

    process: str | None = None


class ReportAsked(AnyReportAsked[Expectation]):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""


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
        "requests": [vars(one) | {"id": one.request_id, "active": one.active} for one in state.requests.values()],
        "loans": [vars(one) | {"id": one.loan_id, "open": one.open} for one in state.loans.values()],
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
    ours = {item.barcode for item in state.items.values() if item.created_by == "api"}
    barcodes = (item.barcode for item in state.items.values() if item.barcode in ours)
    yield from seen_twice("barcode", barcodes, asked.barcode)
    bibs = (bib for bib in state.bibs.values() if bib.created_by == "api")
    numbers = (number for bib in bibs for number in set(marc.subfields(bib.record, "035", "a")))
    yield from seen_twice("bib mark", (one for one in numbers if not asked.mark or bears(asked.mark, one)))
    if asked.mark:
        marked = [one.pid for one in state.items.values() if bears(asked.mark, *item_texts(one))]
        yield from seen_twice("item mark", [asked.mark] * len(marked))
    wishes = (f"{one.user} {one.pid}" for one in state.requests.values() if one.active and one.pid)
    yield from seen_twice("request", wishes)


def _touched(state: State, expect: Mapping[str, Expectation]) -> Iterable[Standing]:
    for pid, seeded in state.snapshot.items():
        barcode, item = str(seeded["barcode"]), state.items.get(pid)
        wanted = given(expect.get(barcode))
        if "loan" in wanted and "process" not in wanted:
            wanted["process"] = "LOAN" if wanted["loan"] else ""
        found = standing_of(state, item) if item else None
        yield from ({"id": pid} | row for row in touched(barcode, seeded, wanted, found))


def _leftovers(state: State, asked: ReportAsked) -> Iterable[Standing]:
    numbers = {bib.mms_id: marc.subfields(bib.record, "035", "a") for bib in state.bibs.values()}
    marked = {mms_id for mms_id, texts in numbers.items() if asked.means("", texts)}
    items = list(state.items.values())
    meant = {one.pid for one in items if one.mms_id in marked or asked.means(one.barcode, item_texts(one))}
    for bib in state.bibs.values():
        if bib.created_by == "api" and bib.mms_id in marked:
            yield {"kind": "bib", "id": bib.mms_id}
    for holding in state.holdings.values():
        if holding.created_by == "api" and holding.mms_id in marked:
            yield {"kind": "holding", "id": holding.holding_id}
    for item in items:
        if item.created_by == "api" and item.pid in meant:
            yield {"kind": "item", "id": item.pid, "barcode": item.barcode}
    yield from _unfinished(state, meant, everything=asked.everything)


def _unfinished(state: State, meant: set[str], *, everything: bool) -> Iterable[Standing]:
    for request in state.requests.values():
        if request.active and request.created_by == "api" and (everything or request.pid in meant):
            yield {"kind": "request", "id": request.request_id}
    for loan in state.loans.values():
        if loan.open and loan.created_by == "api" and (everything or loan.pid in meant):
            yield {"kind": "loan", "id": loan.loan_id}
