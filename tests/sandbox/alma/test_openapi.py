"""Every route of the stand-in exists in the vendor's own OpenAPI documents, and the checker itself sees mistakes."""

import re
from pathlib import Path

import pytest

import bridge.sandbox.alma
from bridge.sandbox.alma import AlmaStandIn
from tests.openapi import VendorApi
from tests.reference import REFERENCE, needs_reference
from tests.sandbox.alma.client import XML

pytestmark = needs_reference

BASE = "https://api-eu.hosted.exlibrisgroup.com/almaws/v1"
JSON = {"Accept": "application/json", "Authorization": "apikey k"}
JSON_BODY = JSON | {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api() -> VendorApi:
    return VendorApi.load(REFERENCE / "alma" / "openapi")


def routes() -> list[tuple[str, str]]:
    rules = AlmaStandIn(demo=False).app.url_map.iter_rules()
    served = [rule for rule in rules if rule.rule.startswith("/almaws/")]
    return [
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in served
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


@pytest.mark.parametrize(("method", "template"), routes())
def test_every_route_is_documented(api: VendorApi, method: str, template: str) -> None:
    assert (method, template) in {(one.method, one.template) for one in api.operations}


def test_every_query_parameter_read_is_documented(api: VendorApi) -> None:
    folder = Path(bridge.sandbox.alma.__file__).parent
    pattern = re.compile(r"""(?:args\.get|truth|_number)\(\s*"(\w+)\"""")
    read = {
        name for file in folder.glob("*.py") if file.name != "control.py" for name in pattern.findall(file.read_text())
    }
    documented = {name for one in api.operations for name in one.query} | {"apikey", "format"}
    assert {"item_barcode", "op", "notify_user", "limit", "override"} <= read
    assert read <= documented


def test_a_proper_request_has_no_problems(api: VendorApi) -> None:
    item = f"{BASE}/bibs/99/holdings/22/items/23"
    scan = f"{item}?op=scan&library=RS&circ_desk=RSDESK&register_in_house_use=false"
    delete = f"{item}?override=true&holdings=delete&bib=delete"
    assert api.check_request("POST", scan, JSON, has_body=False) == []
    assert api.check_request("DELETE", delete, JSON, has_body=False) == []
    assert api.check_request("GET", f"{BASE}/items?item_barcode=1", JSON, has_body=False) == []
    assert api.check_request("POST", f"{BASE}/users/a%2Fb/loans?item_pid=1", JSON_BODY, has_body=True) == []
    assert api.check_request("POST", f"{BASE}/bibs", XML | {"Authorization": "apikey k"}, has_body=True) == []
    assert api.check_request("GET", f"{item}/loans?loan_status=Complete&limit=100", JSON, has_body=False) == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "has_body", "problem"),
    [
        ("PATCH", "/bibs/99", JSON, False, "not in the vendor's documents"),
        ("GET", "/loans", JSON, False, "not in the vendor's documents"),
        ("POST", "/users/u/requests?item_id=23", JSON_BODY, True, "parameter item_id is unknown"),
        ("POST", "/bibs", JSON_BODY, True, "Content-Type application/json"),
        ("POST", "/bibs", XML | {"Accept": "application/json"}, True, "Accept application/json"),
        ("DELETE", "/users/u/requests/8", JSON, False, "parameter reason is missing"),
        ("DELETE", "/users/u/requests/8?reason=R&notify_user=0", JSON, False, "neither true nor false"),
        ("DELETE", "/bibs/99/holdings/22/items/23?holdings=remove", JSON, False, "not among the stated values"),
        ("DELETE", "/bibs/99/holdings/22?override=true", JSON, False, "parameter override is unknown"),
        ("POST", "/bibs/9/holdings/2/items/2?op=scan&library=L", JSON, False, "exactly one of"),
        (
            "POST",
            "/bibs/9/holdings/2/items/2?op=check&library=L&circ_desk=D",
            JSON,
            False,
            "not among the stated values",
        ),
        ("GET", "/users/u/loans?limit=500", JSON, False, "not between 0 and 100"),
        ("GET", "/users/u/loans?loan_status=Lost", JSON, False, "not among the stated values"),
        ("POST", "/users/u/loans", JSON_BODY, True, "one of item_pid and item_barcode"),
        ("POST", "/users/u/fees", JSON_BODY, False, "needs a body"),
        ("POST", "/users/u/loans/7?op=renew", JSON_BODY, True, "takes no body"),
        ("GET", "/bibs/99", {"Accept": "application/json"}, False, "no API key"),
        ("GET", "/items?item_barcode=1&item_barcode=2", JSON, False, "sent twice"),
    ],
)
def test_a_mistake_is_seen(
    api: VendorApi, method: str, path: str, headers: dict[str, str], has_body: bool, problem: str
) -> None:
    found = api.check_request(method, BASE + path, headers, has_body=has_body)
    assert any(problem in one for one in found), found
