"""Log-in, sessions, headers, forms, describe, control."""

from typing import Any, cast

import requests

from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.fields import FIELDS
from bridge.sandbox.symphony.views import view
from tests.sandbox.conftest import Clock
from tests.sandbox.symphony.client import OWN, PATRON, V2, SymphonyClient, bib_body, code, link


def test_a_session_ends_by_lying_idle_and_when_the_services_start_anew(symphony: SymphonyClient, clock: Clock) -> None:
    clock.advance(minutes=29)
    symphony.item(OWN)
    clock.advance(minutes=29)
    symphony.item(OWN)
    clock.advance(minutes=31)
    assert code(symphony.call("GET", f"/catalog/item/barcode/{OWN}"), 401) == "sessionTimedOut"
    symphony.session.headers["x-sirs-sessionToken"] = symphony.log_in().json()["sessionToken"]
    symphony.item(OWN)
    symphony.control("DELETE", "/sessions")
    assert code(symphony.call("GET", f"/catalog/item/barcode/{OWN}"), 401) == "sessionTimedOut"


def test_wrong_passwords_lock_the_account(symphony: SymphonyClient) -> None:
    for _ in range(3):
        assert code(symphony.log_in("wrong"), 401) == "unableToLogin"
    assert code(symphony.log_in(), 401) == "unableToLogin"
    order = {"login": "ILLBRIDGE", "password": "sandbox-password", "pin_expires": "2026-04-01", "client_id": "SECOND"}
    symphony.control("POST", "/keys", order)
    assert symphony.log_in().json()["pinExpirationDate"] == "2026-04-01"
    symphony.get(f"/catalog/item/barcode/{OWN}", x_sirs_clientID="SECOND")


def test_a_removed_account_has_no_session(symphony: SymphonyClient) -> None:
    symphony.control("POST", "/keys", {"login": "ILLBRIDGE", "remove": True})
    assert code(symphony.call("GET", f"/catalog/item/barcode/{OWN}"), 401) == "sessionTimedOut"
    assert code(symphony.log_in(), 401) == "unableToLogin"


HEADERS: list[tuple[str, str | None, int]] = [
    ("User_Agent", "", 403),
    ("x_sirs_clientID", None, 401),
    ("x_sirs_clientID", "OPAC", 401),
    ("SD_Originating_App_Id", None, 400),
    ("SD_Preferred_Role", None, 403),
    ("SD_Preferred_Role", "PATRON", 403),
    ("SD_Working_LibraryID", None, 400),
    ("SD_Working_LibraryID", "NOWHERE", 400),
    ("Content_Type", "text/plain", 415),
]


def test_every_header_is_wanted(symphony: SymphonyClient) -> None:
    for header, value, status in HEADERS:
        assert symphony.lend(**cast("Any", {header: value})).status_code == status, header
    assert symphony.item(OWN)["circRecord"] is None


def test_a_base_with_v1_behind_it_serves_too(symphony: SymphonyClient) -> None:
    assert symphony.get(f"/v1/catalog/item/barcode/{OWN}")["fields"]["barcode"] == OWN


def test_the_second_form_is_read_and_written(symphony: SymphonyClient) -> None:
    told = symphony.get(f"/catalog/item/barcode/{OWN}", "barcode,call{library}", Accept=V2)
    key = told["@key"]
    assert told == {
        "@resource": "/catalog/item",
        "@key": key,
        "barcode": OWN,
        "call": {
            "@resource": "/catalog/call",
            "@key": key.rsplit(":", 1)[0],
            "library": {"@resource": "/policy/library", "@key": "MAIN"},
        },
    }
    mixed = symphony.call("PUT", f"/catalog/item/key/{key}", {"@resource": "/catalog/item", "price": None})
    assert mixed.status_code == 400


def test_a_site_may_serve_one_form_only(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(forms="v2")
    assert symphony.call("GET", f"/catalog/item/barcode/{OWN}").status_code == 406
    assert symphony.call("POST", "/catalog/bib", bib_body("X"), Accept=V2).status_code == 415
    assert symphony.get(f"/catalog/item/barcode/{OWN}", Accept=V2)["barcode"] == OWN


def test_fields_that_cannot_be_read_or_are_unknown_are_refused(symphony: SymphonyClient) -> None:
    for include in ("call{*", "nonsense", "call}{", "call;bib", "bib{nonsense}"):
        assert code(symphony.call("GET", f"/catalog/item/barcode/{OWN}", include=include), 400) == "unableToParse"
    assert symphony.call("GET", f"/catalog/bib/key/{symphony.make()}", include="bib{title}").status_code == 400
    body = {"itemBarcode": OWN}
    assert symphony.call("POST", "/circulation/circRecord/checkIn", body, "nonsense").status_code == 400
    told = symphony.call("POST", "/circulation/circRecord/checkIn", body, "{*}").json()
    assert told["item"]["fields"]["barcode"] == OWN


def test_lists_come_only_by_name_and_marc_fields_can_be_chosen(symphony: SymphonyClient) -> None:
    key = symphony.make()
    assert "callList" not in symphony.get(f"/catalog/bib/key/{key}")["fields"]
    chosen = symphony.get(f"/catalog/bib/key/{key}", "bib{245_a},callList{itemList{barcode}}")["fields"]
    assert [one["tag"] for one in chosen["bib"]["fields"]] == ["245"]
    assert chosen["callList"][0]["fields"]["itemList"][0]["fields"] == {"barcode": "ILL-1"}


def test_views_show_exactly_what_describe_tells(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    symphony.make()
    symphony.desk("place_hold", barcode=OWN, patron=PATRON)
    symphony.desk("lend", barcode="ILL-1", patron=PATRON)
    symphony.desk("send", barcode="39000000000002", library="BRANCH")
    patron = stand_in.state.find_patron(PATRON)
    assert patron is not None
    bill = {"patron": link("/user/patron", patron.key), "block": link("/policy/block", "ILLFEE")}
    amount = {"amount": {"currencyCode": "USD", "amount": "2.50"}}
    assert symphony.call("POST", "/circulation/block", bill | amount).status_code == 200
    state = stand_in.state
    keys: dict[str, Any] = {
        "/catalog/bib": next(iter(state.bibs)),
        "/catalog/call": next(iter(state.call_numbers)),
        "/catalog/item": next(iter(state.items)),
        "/circulation/circRecord": state.charges[0].key,
        "/circulation/holdRecord": next(iter(state.holds)),
        "/circulation/transit": next(iter(state.transits)),
        "/circulation/block": next(iter(state.bills)),
        "/user/patron": patron.key,
        "/user/patronStatusInfo": patron.key,
    }
    with stand_in.app.test_request_context("/symws"):
        for resource, fields in FIELDS.items():
            assert set(view(state, resource, keys[resource])) == set(fields), resource


def test_describe_tells_what_a_site_has_not(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    told = symphony.get("/circulation/holdRecord/placeHold/describe")
    assert {"fillByDate", "comment", "holdType"} <= {one["name"] for one in told["fields"]}
    assert "DELETE" in symphony.get("/catalog/bib/describe")["methods"]
    assert {"name": "ID"} in symphony.get("/user/patron/describe")["searchIndexList"]
    hidden = ["/circulation/circRecord/checkOut", "/catalog/item.customInformation"]
    stand_in.behave(deletes="missing", hidden=hidden, lost_action="markLost")
    assert symphony.call("GET", "/circulation/circRecord/checkOut/describe").status_code == 404
    assert symphony.lend().status_code == 404
    circ = symphony.get("/circulation/circRecord/describe")
    assert "checkOut" not in circ["actions"]
    assert "markLost" in circ["actions"]
    assert "DELETE" not in symphony.get("/catalog/bib/describe")["methods"]
    assert symphony.call("DELETE", "/catalog/bib/key/1").status_code == 405
    fields = {one["name"] for one in symphony.get("/catalog/item/describe")["fields"]}
    assert "customInformation" not in fields
    body = bib_body("X", customInformation=[])
    assert symphony.call("POST", "/catalog/bib", body).status_code == 400


def test_policies_are_read_by_kind_and_code(symphony: SymphonyClient) -> None:
    libraries = symphony.get("/policy/library/simpleQuery", "displayName,description")
    assert [one["key"] for one in libraries] == ["MAIN", "BRANCH", "NORTH", "SOUTH"]
    place = symphony.get("/policy/location/key/ILL-NOHOLD")["fields"]
    assert (place["holdable"], place["shadowed"]) == (False, True)
    assert symphony.call("GET", "/policy/location/key/NONE").status_code == 404


def test_calls_faults_switches_and_unknown_routes(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    told = symphony.control("GET", "/calls").json()
    assert told["by_route"] == {"POST /symws/user/staff/login": 1}
    assert told["transient"] == 1
    order = {"kind": "vendor_error", "code": "hatErrorResponse.116", "message": "busy", "status": 500, "done": True}
    assert symphony.control("POST", "/faults", order).status_code == 200
    assert code(symphony.lend()) == "hatErrorResponse.116"
    assert symphony.item(OWN)["circRecord"] is not None
    symphony.control("POST", "/faults", {"kind": "unauthorized"})
    assert code(symphony.call("GET", "/aboutIlsWs"), 401) == "sessionTimedOut"
    symphony.control("POST", "/outage", {"on": True})
    assert "<html>" in symphony.call("GET", "/aboutIlsWs").text
    symphony.control("POST", "/outage", {"on": False})
    assert symphony.control("POST", "/settings", {"per_second": 1}).json()["per_second"] == 1
    assert symphony.call("GET", "/aboutIlsWs").status_code == 429
    stand_in.behave(per_second=0)
    assert code(symphony.call("GET", "/no/such/route"), 404) == "resourceNotFound"
    assert symphony.control("POST", "/settings", {"nonsense": 1}).status_code == 422
    assert symphony.control("POST", "/desk/lend", {"barcode": "none", "patron": PATRON}).status_code == 404
    assert symphony.control("DELETE", "/calls").json()["total"] == 0


def test_no_other_session_is_hurt_by_log_out(symphony: SymphonyClient) -> None:
    second = symphony.log_in().json()["sessionToken"]
    assert symphony.call("GET", "/user/staff/key/1").status_code == 200
    assert symphony.call("GET", "/user/staff/key/2").status_code == 404
    assert symphony.call("POST", "/user/staff/logout", {}).status_code == 200
    assert symphony.call("GET", "/user/staff/key/1").status_code == 401
    assert symphony.call("GET", "/user/staff/key/1", x_sirs_sessionToken=second).status_code == 200


def test_messages_may_come_in_another_language(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(foreign_messages=True)
    answer = symphony.check_in("none")
    assert code(answer) == "hatErrorResponse.7"
    assert answer.json()["messageList"][0]["message"].startswith("Die ")


def test_a_body_that_is_none_is_refused(symphony: SymphonyClient, address: str) -> None:
    headers = {name: str(value) for name, value in symphony.session.headers.items()}
    answer = requests.post(f"{address}/symws/catalog/bib", data="nonsense", headers=headers, timeout=10)
    assert code(answer, 400) == "unableToParse"
