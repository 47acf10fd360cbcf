"""Real payloads, as public projects recorded them, read with the meaning the reference states (symphony.md)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.connectors.days import day_of
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.errors import AlreadyThere, error_of
from bridge.connectors.symphony.sight import ids_of, place_of
from bridge.connectors.symphony.wire import flat
from bridge.domain import commands as do
from bridge.errors import OutcomeUnknown, Retry
from bridge.http import Answer
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference

PAYLOADS = REFERENCE / "symphony"
PSU, STANFORD = "psu-myaccount", "stanford-mylibrary"
NEW_YORK, PACIFIC = "America/New_York", "America/Los_Angeles"


def body(folder: str, name: str) -> bytes:
    return Path(PAYLOADS / folder / name).read_bytes()


def read(folder: str, name: str) -> Any:
    return flat(json.loads(body(folder, name)))


def second_form(value: Any) -> Any:
    """The same answer in the second JSON form (symphony.md section 2.2)."""
    if isinstance(value, list):
        return [second_form(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "resource" in value:
        head = {f"@{name}": value[name] for name in ("resource", "key") if name in value}
        return head | {name: second_form(each) for name, each in value.get("fields", {}).items()}
    return {name: second_form(each) for name, each in value.items()}


def test_an_item_says_where_it_belongs_and_where_it_is() -> None:
    item = symphony.Item.model_validate(read(PSU, "item_by_barcode.json"))
    assert ids_of(item) == do.VendorIds("17036759", "17036759:4", "17036759:4:1")
    assert place_of(item) == do.Place("UP-EMS", "STACKS-EM")
    assert (item.current, item.item_type, item.barcode) == ("STACKS-EM", "PERIODICAL", "000062062862")
    assert (item.charge, item.transit, item.shadowed, item.now_library) == (None, None, False, "")
    assert item.bib.title == "Mining people magazine"


def test_a_bib_says_what_hangs_on_it_and_bears_marc() -> None:
    bib = symphony.Bib.model_validate(read(PSU, "bib_6066288.json"))
    assert bib.key == "6066288"
    assert all(call.key.startswith("6066288:") for call in bib.calls)
    assert all(item.key.startswith("6066288:") for item in bib.items)
    assert bib.items
    assert bib.marc.texts("245")
    assert bib.marc.texts("910") == ()


def test_a_cancelled_hold_does_not_stand() -> None:
    hold = symphony.Hold.model_validate(read(PSU, "hold_cancelled.json"))
    assert (hold.key, hold.status, hold.active, hold.inactive_reason) == ("3912325", "CANCELLED", False, "CANCELLED")
    assert (hold.kind, hold.item, hold.pickup, hold.patron) == ("TITLE", "476022:46:1", "FAYETTE", "837363")


def test_a_placed_hold_is_told_by_its_key() -> None:
    assert symphony.Placed.model_validate(read(PSU, "place_hold_response.json")).hold.key == "3912343"


def test_a_duplicate_hold_is_no_error_and_a_fault_is_no_refusal() -> None:
    duplicate = error_of("place the hold", Answer(500, body(PSU, "error_hold_722.json")), repeatable=False)
    assert isinstance(duplicate, AlreadyThere)
    assert "has a hold on this material" in duplicate.reason
    fault = Answer(500, body(PSU, "error_renew_unhandled.json"))
    assert isinstance(error_of("renew", fault, repeatable=False), OutcomeUnknown)
    assert isinstance(error_of("read", fault, repeatable=True), Retry)


def test_loans_have_times_with_their_offset() -> None:
    overdue, recalled = symphony.Patron.model_validate(read(PSU, "patron_with_checkouts.json")).charges
    assert (overdue.key, overdue.item, overdue.status) == ("2145643:5:1:1", "2145643:5:1", "ACTIVE")
    assert overdue.name == "2145643:5:1:1@2007-07-03T10:34:00-04:00"
    assert overdue.began == datetime(2007, 7, 3, 14, 34, tzinfo=UTC)
    assert day_of(overdue.due, NEW_YORK) == date(2020, 5, 7)
    assert day_of(recalled.recall_due, NEW_YORK) == date(2020, 8, 4)


def test_item_types_and_locations_are_policies_with_their_traits() -> None:
    types = {
        each["key"]: symphony.Policy.model_validate(each) for each in read(PSU, "policy_itemType_simpleQuery.json")
    }
    assert "ILL" in types
    locations = {
        each["key"]: symphony.Policy.model_validate(each) for each in read(PSU, "policy_location_simpleQuery.json")
    }
    assert len(locations) == 724
    assert [locations[code].holdable for code in ("ILL", "MISSING", "LOST-CLAIM", "DISCARD")] == [False] * 4
    assert [locations[code].holdable for code in ("CHECKEDOUT", "INTRANSIT", "HOLDS")] == [True] * 3


def test_a_patron_with_nothing_on_the_account() -> None:
    patron = symphony.Patron.model_validate(read(STANFORD, "patron_521206.json"))
    assert (patron.key, patron.barcode, patron.standing, patron.expires) == ("521206", "NOTHING", "OK", "")
    assert patron.checkout_location == "CHECKEDOUT"
    assert (patron.charges, patron.holds, patron.bills) == ((), (), ())


def test_a_blocked_patron_owes_more_than_nothing() -> None:
    patron = symphony.Patron.model_validate(read(STANFORD, "patron_521197.json"))
    assert (patron.standing, day_of(patron.expires, PACIFIC)) == ("BLOCKED", date(2999, 2, 1))
    assert patron.bills
    assert (patron.bills[0].item, patron.bills[0].reason, patron.bills[0].owed.amount) == (
        "12326034:1:1",
        "DAMAGED",
        "20.00",
    )
    assert day_of(patron.charges[0].due, PACIFIC) == date(2019, 10, 13)
    assert {charge.item for charge in patron.charges} >= {"6629536:4:1", "11832277:2:1"}


def test_holds_on_a_copy_and_on_a_title_placed_and_being_held_stand() -> None:
    patron = symphony.Patron.model_validate(read(STANFORD, "patron_521181.json"))
    assert len(patron.charges) == 13
    assert {hold.kind for hold in patron.holds} == {"COPY", "TITLE"}
    assert {hold.status for hold in patron.holds} == {"PLACED", "BEING_HELD"}
    assert all(hold.active for hold in patron.holds)
    copy = next(hold for hold in patron.holds if hold.kind == "COPY")
    assert (copy.item, copy.pickup) == ("12871638:1:1", "GREEN")


@pytest.mark.parametrize(
    ("folder", "name", "model"),
    [
        (PSU, "item_by_barcode.json", symphony.Item),
        (PSU, "bib_6066288.json", symphony.Bib),
        (PSU, "hold_cancelled.json", symphony.Hold),
        (PSU, "place_hold_response.json", symphony.Placed),
        (PSU, "patron_with_checkouts.json", symphony.Patron),
        (STANFORD, "patron_521181.json", symphony.Patron),
        (STANFORD, "patron_521197.json", symphony.Patron),
        (STANFORD, "patron_521206.json", symphony.Patron),
    ],
)
def test_both_json_forms_mean_the_same(folder: str, name: str, model: type[symphony.Payload]) -> None:
    raw = json.loads(body(folder, name))
    assert model.model_validate(flat(raw)) == model.model_validate(flat(second_form(raw)))


def test_every_payload_of_the_json_interface_is_read_here() -> None:
    """The others are of interfaces that the connector does not speak: NCIP, Z39.50, and the old XML."""
    text = Path(__file__).read_text(encoding="utf-8")
    names = [path.name for folder in (PSU, STANFORD) for path in (PAYLOADS / folder).glob("*.json")]
    assert names
    assert [name for name in names if name not in text] == []
