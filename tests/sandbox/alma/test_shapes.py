"""The stand-in's answers against the shape of recorded ones: the same keys with the same kinds of values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.reference import REFERENCE, needs_reference
from tests.sandbox.alma.client import OWN, AlmaClient

pytestmark = needs_reference
REST = REFERENCE / "alma" / "rest"


def recorded(name: str) -> Any:
    found = json.loads((REST / name).read_text(encoding="utf-8"))
    if "user_request" in found:  # bookings, which are recorded among them, are none of ours
        found["user_request"] = [each for each in found["user_request"] if each["request_type"] == "HOLD"]
    return found


def kind(value: object) -> str:
    """Null and empty of any kind stand for one another: Alma sends all of them."""
    if value in (None, "", {}, []):
        return "nothing"
    if isinstance(value, bool):
        return "bool"
    return {int: "number", float: "number", str: "text", dict: "object", list: "list"}[type(value)]


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Keys recorded that we lack, and values of another kind."""
    if kind(ours) == "nothing" or kind(theirs) == "nothing":
        return []
    if kind(ours) != kind(theirs):
        return [f"{path}: {kind(ours)}, recorded {kind(theirs)}"]
    if isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{path}[]")
    if not isinstance(theirs, dict):
        return []
    found = [f"{path}.{name}: missing" for name in theirs if name not in ours]
    for name in set(theirs) & set(ours):
        found += differences(ours[name], theirs[name], f"{path}.{name}")
    return sorted(found)


def item(alma: AlmaClient) -> Any:
    return alma.get("/items", item_barcode=OWN).json()


def scanned(alma: AlmaClient) -> Any:
    return alma.scan(alma.own(), "MAIN", "DEFAULT_CIRC_DESK").json()


def moved(alma: AlmaClient) -> Any:
    body = item(alma)
    places = {"in_temp_location": True, "temp_library": {"value": "RS"}, "temp_location": {"value": "ILLOUT"}}
    body["holding_data"] |= places
    alma.put(alma.own().path, body)
    return alma.get(alma.own().path.rsplit("/", 1)[0]).json()


def lent(alma: AlmaClient) -> Any:
    return alma.lend().json()


def loans(alma: AlmaClient) -> Any:
    alma.lend()
    return alma.get("/users/P1001/loans").json()


def held(alma: AlmaClient) -> Any:
    return alma.hold(alma.make_item()).json()


def requests(alma: AlmaClient) -> Any:
    alma.hold(alma.make_item())
    return alma.get("/users/P1001/requests").json()


def fees(alma: AlmaClient) -> Any:
    fee = {"type": {"value": "OTHER"}, "original_amount": 3.5, "owner": {"value": "MAIN"}, "barcode": OWN}
    alma.post("/users/P1001/fees", fee)
    return alma.get("/users/P1001/fees").json()


def holdings(alma: AlmaClient) -> Any:
    return alma.get(f"/bibs/{alma.own().mms_id}/holdings").json()


RECORDED = [
    ("alma_rb_item_from_barcode.json", item),
    ("php_item_response.json", item),
    ("alma_rb_scan.json", scanned),
    ("princeton_items_temp_location.json", moved),
    ("php_create_loan_response.json", lent),
    ("umich_claims_returned.json", loans),
    ("princeton_alma_hold_response.json", held),
    ("umich_requests.json", requests),
    ("php_fees_response.json", fees),
    ("php_holdings_response.json", holdings),
    ("alma_rb_libraries.json", lambda alma: alma.get("/conf/libraries").json()),
    ("alma_rb_location.json", lambda alma: alma.get("/conf/libraries/RS/locations/ILLTEMP").json()),
    ("umich_alma_error.json", lambda alma: alma.get("/users/nobody").json()),
    ("php_item_barcode_error_response.json", lambda alma: alma.get("/items", item_barcode="123").json()),
]


@pytest.mark.parametrize(("name", "ask"), RECORDED, ids=[name for name, _ in RECORDED])
def test_an_answer_has_the_recorded_shape(alma: AlmaClient, name: str, ask: Any) -> None:
    assert differences(ask(alma), recorded(name)) == []


def test_nothing_found_looks_as_recorded(alma: AlmaClient) -> None:
    assert alma.get("/users/P1001/loans").json() == recorded("php_item_no_loan_response.json")
    assert alma.get("/users/P1001/fees").json() == recorded("php_zero_fees_response.json")


def test_the_check_sees_differences() -> None:
    assert differences({"a": 1}, {"a": "x", "b": 2}) == [".a: number, recorded text", ".b: missing"]
