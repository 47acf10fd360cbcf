"""An item as Alma shows it, and the fields that may be written (inline XSD of the vendor's WADL, tags "post put")."""

from bridge.sandbox.alma import marc
from bridge.sandbox.alma.model import Item, Temp
from bridge.sandbox.alma.state import State
from bridge.sandbox.alma.wire import Json, code, code_in, day, due, link, text_in

_LETTERS = [f"enumeration_{letter}" for letter in "abcdefgh"] + [f"chronology_{letter}" for letter in "ijklm"]
TEXT_FIELDS = (
    "po_line",
    "arrival_date",
    "year_of_issue",
    *_LETTERS,
    "description",
    "receiving_operator",
    "inventory_number",
    "inventory_price",
    "alternative_call_number",
    "storage_location_id",
    "pages",
    "pieces",
    "public_note",
    "fulfillment_note",
    "internal_note_1",
    "internal_note_2",
    "internal_note_3",
    "statistics_note_1",
    "statistics_note_2",
    "statistics_note_3",
)
CODE_FIELDS = ("physical_material_type", "policy", "provenance", "alternative_call_number_type", "physical_condition")
# Kept by the swap-all update like the others, but shown only while set: some recorded answers have them, most have not
# (the first two stand in the WADL's XSD, the rest is newer: princeton_item_holdshelf.json).
SPARSE_TEXT_FIELDS = (
    "expected_arrival_date",
    "replacement_cost",
    "inventory_date",
    "linking_number",
    "type_of_unit",
    "retention_note",
)
SPARSE_CODE_FIELDS = ("break_indicator", "pattern_type", "committed_to_retain", "retention_reason")
CODE_TABLE_OF = {"physical_material_type": "PhysicalMaterialType", "policy": "ItemPolicy"}
PROCESS_NAMES = {
    "LOAN": "Loan",
    "TRANSIT": "Transit",
    "HOLDSHELF": "Hold Shelf",
    "LOST_LOAN": "Lost",
    "CLAIM_RETURNED_LOAN": "Claimed Returned",
    "MISSING": "Missing",
}


def read_fields(data: Json) -> dict[str, str]:
    """The writable fields of item_data in a body; what is left out is blank (swap-all)."""
    fields = {name: text_in(data, name) for name in (*TEXT_FIELDS, *SPARSE_TEXT_FIELDS)}
    fields |= {name: code_in(data, name) for name in (*CODE_FIELDS, *SPARSE_CODE_FIELDS)}
    fields["is_magnetic"] = text_in(data, "is_magnetic") or "false"
    return fields


def item_json(state: State, item: Item, *, expand: str = "") -> Json:
    """The whole item, with bib_data and holding_data."""
    path = f"/bibs/{item.mms_id}/holdings/{item.holding_id}/items/{item.pid}"
    body: Json = {
        "bib_data": bib_data(state, item.mms_id),
        "holding_data": _holding_data(state, item),
        "item_data": _item_data(state, item),
        "link": link(path),
    }
    loan = state.open_loan(item.pid)
    if loan and "due_date" in expand:
        body["item_data"]["due_date"] = due(loan.due)
    if "due_date_policy" in expand:
        body["item_data"]["due_date_policy"] = f"Loan period: {state.behaviour.loan_days} days"
    return body


def bib_data(state: State, mms_id: str) -> Json:
    """The bib's data as items and holdings lists carry them."""
    bib = state.bibs[mms_id]
    record = bib.record
    return {
        "mms_id": mms_id,
        "bib_suppress_from_publishing": str(bib.suppressed).lower(),
        "title": marc.first(record, "245", "abc"),
        "author": marc.first(record, "100", "a") or None,
        "issn": marc.first(record, "022", "a") or None,
        "isbn": marc.first(record, "020", "a") or None,
        "complete_edition": marc.first(record, "250", "a"),
        "network_number": marc.subfields(record, "035", "a"),
        "place_of_publication": marc.first(record, "260", "a") or marc.first(record, "264", "a"),
        "date_of_publication": marc.first(record, "260", "c") or marc.first(record, "264", "c"),
        "publisher_const": marc.first(record, "260", "b") or marc.first(record, "264", "b"),
        "link": link(f"/bibs/{mms_id}"),
    }


def _holding_data(state: State, item: Item) -> Json:
    holding = state.holdings[item.holding_id]
    temp = item.temp or Temp("", "")
    body: Json = {
        "holding_id": holding.holding_id,
        "permanent_call_number_type": code("0", "Library of Congress classification"),
        "permanent_call_number": holding.call_number,
        "call_number_type": code("0", "Library of Congress classification"),
        "call_number": holding.call_number,
        "accession_number": "",
        "copy_id": item.copy_id,
        "in_temp_location": item.temp is not None,
        "temp_library": code(temp.library or None, state.library_name(temp.library) or None),
        "temp_location": code(temp.location or None, _location_name(state, temp.library, temp.location)),
        "temp_call_number_type": code(temp.call_number_type),
        "temp_call_number": temp.call_number,
        "temp_policy": code(temp.policy, _code_name(state, "ItemPolicy", temp.policy)),
        "link": link(f"/bibs/{holding.mms_id}/holdings/{holding.holding_id}"),
    }
    if temp.due_back_date:
        body["due_back_date"] = temp.due_back_date
    return body


def _item_data(state: State, item: Item) -> Json:
    holding = state.holdings[item.holding_id]
    in_place = not item.process
    body: Json = {
        "pid": item.pid,
        "barcode": item.barcode,
        "creation_date": day(item.created),
        "modification_date": day(item.modified),
        "base_status": code("1", "Item in place") if in_place else code("0", "Item not in place"),
        "awaiting_reshelving": False,
        "process_type": code(item.process, PROCESS_NAMES.get(item.process)),
        "library": code(holding.library, state.library_name(holding.library)),
        "location": code(holding.location, _location_name(state, holding.library, holding.location)),
        "is_magnetic": item.fields.get("is_magnetic") == "true",
        "requested": any(True for _ in state.active_requests(item)),
        "edition": None,
        "imprint": None,
        "language": None,
    }
    body |= {name: item.fields.get(name, "") for name in TEXT_FIELDS}
    for name in CODE_FIELDS:
        value = item.fields.get(name, "")
        body[name] = code(value, _code_name(state, CODE_TABLE_OF.get(name, ""), value))
    return body | _sparse(item)


def _sparse(item: Item) -> Json:
    texts: Json = {name: item.fields[name] for name in SPARSE_TEXT_FIELDS if item.fields.get(name)}
    return texts | {name: code(item.fields[name]) for name in SPARSE_CODE_FIELDS if item.fields.get(name)}


def _location_name(state: State, library: str, location: str) -> str | None:
    found = state.location(library, location)
    return found.name if found else None


def _code_name(state: State, table: str, value: str) -> str | None:
    return state.code_tables.get(table, {}).get(value)
