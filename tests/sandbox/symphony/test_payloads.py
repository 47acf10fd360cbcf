"""What the recorded replies hold, the stand-in shows too, in the same shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.fields import FIELDS
from tests.reference import REFERENCE, needs_reference
from tests.sandbox.symphony.client import OWN, PATRON, SymphonyClient

pytestmark = needs_reference
RECORDED = REFERENCE / "symphony"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text(encoding="utf-8"))


def records(told: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every resource in a reply, with its fields."""
    if isinstance(told, list):
        for one in told:
            yield from records(one)
    if isinstance(told, dict):
        if isinstance(told.get("fields"), dict) and "resource" in told:
            yield told["resource"], told["fields"]
        for one in told.values():
            yield from records(one)


def shape(value: Any) -> str:
    """What kind of value a field holds; nothing tells nothing."""
    if isinstance(value, dict):
        return "link" if {"resource", "key"} <= set(value) else "object"
    return type(value).__name__


def test_every_field_that_was_recorded_is_known() -> None:
    found = [
        pair
        for path in sorted(RECORDED.glob("*/*.json"))
        for pair in records(recorded(f"{path.parent.name}/{path.name}"))
    ]
    assert len(found) > 100
    for resource, fields in found:
        assert set(fields) <= set(FIELDS.get(resource, fields)), resource


def test_fields_hold_what_was_recorded(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(busy_writes=0, blank_looks=0)
    symphony.lend()
    symphony.hold("39000000000002")
    symphony.desk("lend", barcode="39000000000003", patron=PATRON)
    symphony.desk("lose", barcode="39000000000003")
    lists = (
        "circRecordList{*,item{*,bib{title,author},call{*}}},holdRecordList{*,item{*}},blockList{*,item{*}},address1"
    )
    shown = [
        symphony.get(f"/user/patron/barcode/{PATRON}", f"*,{lists}"),
        symphony.get(f"/catalog/item/barcode/{OWN}", "*,call{*}"),
    ]
    ours: dict[tuple[str, str], set[str]] = {}
    for resource, fields in records(shown):
        for name, value in fields.items():
            ours.setdefault((resource, name), set()).add(shape(value))
    files = (
        "stanford-mylibrary/patron_521181.json",
        "psu-myaccount/item_by_barcode.json",
        "psu-myaccount/hold_cancelled.json",
    )
    compared = 0
    for resource, fields in records([recorded(name) for name in files]):
        for name, value in fields.items():
            kinds = ours.get((resource, name), set()) - {"NoneType"}
            if value is not None and kinds:
                assert shape(value) in kinds, (resource, name)
                compared += 1
    assert compared > 300


def test_refusals_and_the_answer_to_a_hold_look_alike(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(busy_writes=0)
    body = {"itemBarcode": OWN, "patronBarcode": PATRON, "holdType": "COPY"}
    placed = symphony.call("POST", "/circulation/holdRecord/placeHold", body).json()
    wanted = recorded("psu-myaccount/place_hold_response.json")
    assert {**placed, "holdRecord": {**placed["holdRecord"], "key": wanted["holdRecord"]["key"]}} == wanted
    again = symphony.call("POST", "/circulation/holdRecord/placeHold", body)
    assert again.json() == recorded("psu-myaccount/error_hold_722.json")


def test_policies_look_alike(symphony: SymphonyClient) -> None:
    ours = symphony.get("/policy/location/simpleQuery", "displayName,holdable")
    for one in recorded("psu-myaccount/policy_location_simpleQuery.json")[:5]:
        assert {name: shape(value) for name, value in one["fields"].items()} == {
            name: shape(value) for name, value in ours[0]["fields"].items()
        }
        assert set(one) == set(ours[0])
