"""Holds, charges, prompts, discharges, renewals."""

from typing import Any

import pytest

from bridge.sandbox.symphony import SymphonyStandIn
from tests.sandbox.conftest import Clock
from tests.sandbox.symphony.client import (
    BLOCKED,
    BRANCH,
    OTHER,
    OWN,
    PATRON,
    REFERENCE,
    SymphonyClient,
    code,
    link,
    prompt,
)


@pytest.fixture
def ready(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> SymphonyClient:
    """A temporary item that is not in use any more."""
    stand_in.behave(busy_writes=0, blank_looks=0)
    symphony.make()
    return symphony


def key_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["holdRecord"]["key"])


def test_a_new_item_is_in_use_and_its_hold_comes_blank_at_first(symphony: SymphonyClient) -> None:
    symphony.make()
    assert code(symphony.hold()) == "hatErrorResponse.116"
    told = symphony.hold(comment="ILL 1", fillByDate="2026-03-20").json()["holdRecord"]
    assert (told["fields"]["item"], told["fields"]["bib"]) == (None, None)
    again = symphony.get(f"/circulation/holdRecord/key/{told['key']}")["fields"]
    assert (again["status"], again["comment"], again["fillByDate"]) == ("PLACED", "ILL 1", "2026-03-20")
    assert again["item"]["resource"] == "/catalog/item"


def test_a_hold_is_placed_once_and_waits_on_the_shelf_after_a_check_in(ready: SymphonyClient) -> None:
    hold = key_of(ready.hold())
    assert code(ready.hold()) == "hatErrorResponse.722"
    assert ready.item("ILL-1")["currentLocation"]["key"] == "ILL"
    assert ready.check_in("ILL-1").json()["holdRecord"]["key"] == hold
    assert ready.item("ILL-1")["currentLocation"]["key"] == "HOLDS"
    told = ready.get(f"/circulation/holdRecord/key/{hold}")["fields"]
    assert (told["status"], told["expirationDate"]) == ("BEING_HELD", "2026-03-12")


def test_a_check_in_elsewhere_sends_the_item_to_the_pickup_library(ready: SymphonyClient) -> None:
    hold = key_of(ready.hold(pickupLibrary=link("/policy/library", "BRANCH")))
    ready.check_in("ILL-1")
    item = ready.item("ILL-1")
    assert item["currentLocation"]["key"] == "INTRANSIT"
    assert item["transit"]["fields"]["holdRecord"]["key"] == hold
    assert code(ready.receive("ILL-1", "MAIN")).startswith("hatErrorResponse.9")
    assert ready.receive("ILL-1", "BRANCH").json()["currentStatus"] == "ON_HOLD_SHELF"
    assert code(ready.receive("ILL-1", "BRANCH")).startswith("hatErrorResponse.9")


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"comment": "x" * 51}, 400),
    ({"fillByDate": "20.3.2026"}, 400),
    ({"fillByDate": "2026-03-01"}, 500),
    ({"pickupLibrary": link("/policy/library", "NOWHERE")}, 404),
    ({"pickupLibrary": link("/policy/location", "MAIN")}, 400),
    ({"holdType": "OTHER"}, 400),
    ({"patron": "nobody"}, 404),
    ({"patron": BLOCKED}, 500),
    ({"barcode": "none"}, 500),
    ({"volume": 1}, 400),
]


def test_holds_that_are_refused(ready: SymphonyClient) -> None:
    for changes, status in REFUSED:
        assert ready.hold(**changes).status_code == status, changes
    assert ready.item("ILL-1")["holdRecordList"] == []


def test_a_location_that_takes_no_holds_wants_the_override_code(
    ready: SymphonyClient, stand_in: SymphonyStandIn
) -> None:
    ready.make("ILL-2", location="ILL-NOHOLD")
    assert prompt(ready.hold("ILL-2")) == "HOLD_NO_HOLDS_OVRCD"
    assert prompt(ready.hold("ILL-2", SD_Prompt_Return="HOLD_NO_HOLDS_OVRCD/wrong")) == "HOLD_NO_HOLDS_OVRCD"
    given = f"CKOBLOCKS;HOLD_NO_HOLDS_OVRCD/{stand_in.override_code}"
    assert ready.hold("ILL-2", SD_Prompt_Return=given).json()["holdRecord"]["fields"]["placedWithOverride"] is True


def test_a_member_of_a_group_is_asked_about(ready: SymphonyClient) -> None:
    ready.desk("add_patron", barcode="G1", group="FAMILY")
    assert prompt(ready.hold(patron="G1")) == "GROUP_PROMPT"
    assert ready.hold(patron="G1", SD_Prompt_Return="GROUP_PROMPT/false", SD_Preferred_Role="PATRON").ok


def test_shadowed_records_may_refuse_holds(ready: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    stand_in.behave(shadowed_takes_holds=False)
    ready.make("ILL-2", shadowed=True)
    assert code(ready.hold("ILL-2")).startswith("hatErrorResponse.9")


def test_a_cancelled_hold_can_still_be_read_and_its_item_stays_on_the_shelf(ready: SymphonyClient) -> None:
    hold = key_of(ready.hold())
    ready.check_in("ILL-1")
    answer = ready.call("DELETE", f"/circulation/holdRecord/key/{hold}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert ready.call("DELETE", f"/circulation/holdRecord/key/{hold}").status_code == 404
    told = ready.get(f"/circulation/holdRecord/key/{hold}")["fields"]
    assert (told["status"], told["inactiveReason"]["key"]) == ("CANCELLED", "CANCELLED")
    assert ready.item("ILL-1")["currentLocation"]["key"] == "HOLDS"
    ready.check_in("ILL-1")
    assert ready.item("ILL-1")["currentLocation"]["key"] == "ILL"


def test_a_hold_is_changed_and_cancelled_by_an_action(ready: SymphonyClient) -> None:
    hold = key_of(ready.hold())
    fields = {"comment": "new", "fillByDate": "2026-04-01"}
    body = {"resource": "/circulation/holdRecord", "key": hold, "fields": fields}
    told = ready.call("PUT", f"/circulation/holdRecord/key/{hold}", body).json()["fields"]
    assert (told["comment"], told["fillByDate"]) == ("new", "2026-04-01")
    named = {"holdRecord": link("/circulation/holdRecord", hold)}
    more = named | {"pickupLibrary": link("/policy/library", "BRANCH")}
    assert ready.call("POST", "/circulation/holdRecord/changePickupLibrary", more).ok
    assert ready.get(f"/circulation/holdRecord/key/{hold}")["fields"]["pickupLibrary"]["key"] == "BRANCH"
    assert ready.call("POST", "/circulation/holdRecord/cancelHold", named).ok
    assert ready.call("POST", "/circulation/holdRecord/cancelHold", named).status_code == 404


def test_a_hold_that_was_filled_is_gone(ready: SymphonyClient) -> None:
    hold = key_of(ready.hold())
    ready.check_in("ILL-1")
    assert ready.lend("ILL-1").ok
    assert ready.call("GET", f"/circulation/holdRecord/key/{hold}").status_code == 404
    assert code(ready.hold()).startswith("hatErrorResponse.9")


def test_a_title_hold_waits_for_any_copy(ready: SymphonyClient) -> None:
    bib = ready.item(OWN)["bib"]["key"]
    body = {"bib": link("/catalog/bib", bib), "patronBarcode": PATRON, "fillByDate": "2026-04-01"}
    assert ready.call("POST", "/circulation/holdRecord/placeHold", body).ok
    assert code(ready.call("POST", "/circulation/holdRecord/placeHold", body)) == "hatErrorResponse.722"
    assert len(ready.item(OWN)["holdRecordList"]) == 1
    call = {"call": link("/catalog/call", f"{bib}:1"), "patronBarcode": OTHER, "holdType": "COPY"}
    assert code(ready.call("POST", "/circulation/holdRecord/placeHold", call), 400) == "unableToParse"


def test_a_due_date_needs_its_offset(symphony: SymphonyClient) -> None:
    for due in ("2026-04-01", "2026-04-01 23:59:00", "2026-04-01T23:59:00", "tomorrow"):
        assert symphony.lend(due=due).status_code == 400, due
    assert symphony.item(OWN)["circRecord"] is None


def test_a_loan_has_its_due_date_and_its_key_is_used_again(symphony: SymphonyClient, clock: Clock) -> None:
    first = symphony.lend(due="2026-04-01T23:59:00-04:00").json()["circRecord"]
    assert first["fields"]["dueDate"] == "2026-04-01T23:59:00-04:00"
    assert first["fields"]["checkOutDate"] == "2026-03-02T05:00:00-05:00"
    assert symphony.item(OWN)["currentLocation"]["key"] == "CHECKEDOUT"
    symphony.check_in()
    assert symphony.call("GET", f"/circulation/circRecord/key/{first['key']}").status_code == 404
    clock.advance(minutes=1)
    second = symphony.lend(patron=OTHER).json()["circRecord"]
    assert second["key"] == first["key"]
    assert second["fields"]["checkOutDate"] != first["fields"]["checkOutDate"]
    assert second["fields"]["dueDate"].startswith("2026-03-30T23:59:00")


def test_a_site_may_not_honour_the_date_nor_take_one_by_put(
    symphony: SymphonyClient, stand_in: SymphonyStandIn
) -> None:
    stand_in.behave(honours_due_date=False, due_by_put=False)
    told = symphony.lend(due="2026-04-01T23:59:00-04:00").json()["circRecord"]
    assert told["fields"]["dueDate"].startswith("2026-03-30")
    fields = {"dueDate": "2026-05-01T23:59:00-04:00"}
    body = {"resource": "/circulation/circRecord", "key": told["key"], "fields": fields}
    assert code(symphony.call("PUT", f"/circulation/circRecord/key/{told['key']}", body)).startswith(
        "hatErrorResponse.9"
    )


def test_a_due_date_is_changed_without_a_renewal(symphony: SymphonyClient) -> None:
    key = symphony.lend().json()["circRecord"]["key"]
    body = {"resource": "/circulation/circRecord", "key": key, "fields": {"dueDate": "2026-05-01T23:59:00-04:00"}}
    told = symphony.call("PUT", f"/circulation/circRecord/key/{key}", body).json()["fields"]
    assert (told["dueDate"], told["renewalCount"]) == ("2026-05-01T23:59:00-04:00", None)
    body["fields"] = {}
    assert symphony.call("PUT", f"/circulation/circRecord/key/{key}", body).status_code == 400
    assert code(symphony.call("GET", "/circulation/circRecord/key/12"), 400) == "keyParseError"


def test_prompts_come_one_after_the_other(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    override = stand_in.override_code
    symphony.desk("place_hold", barcode=REFERENCE, patron=OTHER)
    assert prompt(symphony.lend(REFERENCE, BLOCKED)) == "CIRC_NONCHARGEABLE_OVRCD"
    given = f"CIRC_NONCHARGEABLE_OVRCD/{override}"
    assert prompt(symphony.lend(REFERENCE, BLOCKED, SD_Prompt_Return=given)) == "CIRC_HOLDS_OVRCD"
    given += f";CIRC_HOLDS_OVRCD/{override}"
    assert prompt(symphony.lend(REFERENCE, BLOCKED, SD_Prompt_Return=given)) == "CKOBLOCKS"
    answer = symphony.lend(REFERENCE, BLOCKED, SD_Prompt_Return=f"{given};CKOBLOCKS")
    assert answer.status_code == 200
    assert prompt(symphony.lend(OWN, "21000000001006")) == "CKOBLOCKS"


def test_an_item_of_another_patron_is_taken_only_over_a_prompt(symphony: SymphonyClient) -> None:
    symphony.lend()
    assert code(symphony.lend()).startswith("hatErrorResponse.9")
    assert prompt(symphony.lend(patron=OTHER)) == "CKOBLOCKS"
    assert symphony.lend(patron=OTHER, SD_Prompt_Return="CKOBLOCKS").ok
    assert [charge.patron for charge in symphony.stand_in.state.charges if charge.open] == [
        symphony.stand_in.state.patron_by("ID", OTHER)[0].key
    ]


def test_a_discharge_away_from_home_sends_the_item_there(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    symphony.lend(BRANCH, SD_Working_LibraryID="BRANCH")
    symphony.check_in(BRANCH)
    item = symphony.item(BRANCH)
    assert (item["currentLocation"]["key"], item["currentLibrary"]["key"]) == ("INTRANSIT", "MAIN")
    assert prompt(symphony.lend(BRANCH)) == "CKOBLOCKS"
    assert symphony.receive(BRANCH, "BRANCH").json()["currentStatus"] == "ON_SHELF"
    assert symphony.item(BRANCH)["currentLocation"]["key"] == "STACKS"
    stand_in.behave(discharge_transits=False)
    symphony.check_in(BRANCH)
    assert symphony.item(BRANCH)["transit"] is None


def test_a_check_in_of_what_is_not_charged_routes_or_is_refused(
    symphony: SymphonyClient, stand_in: SymphonyStandIn
) -> None:
    assert symphony.check_in().json()["currentStatus"] == "ON_SHELF"
    stand_in.behave(idle_check_in="refused")
    assert code(symphony.check_in()).startswith("hatErrorResponse.9")
    assert code(symphony.check_in("none")) == "hatErrorResponse.7"


def test_an_account_gives_what_it_borrows_a_location(symphony: SymphonyClient) -> None:
    symphony.lend(patron="ILL-XYZ")
    item = symphony.item(OWN)
    assert (item["currentLocation"]["key"], item["homeLocation"]["key"]) == ("ILL-LENT", "STACKS")
    assert item["transit"] is None
    symphony.check_in()
    assert symphony.item(OWN)["currentLocation"]["key"] == "STACKS"


def renew(symphony: SymphonyClient, **more: Any) -> Any:
    headers = {name: more.pop(name) for name in list(more) if name.startswith("SD_")}
    return symphony.call(
        "POST", "/circulation/circRecord/renew", {"itemBarcode": OWN, **more}, "circRecord{*}", **headers
    )


def test_renewals_have_their_limit_and_their_prompts(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    assert code(renew(symphony)).startswith("hatErrorResponse.9")
    symphony.lend(due="2026-03-05T23:59:00-05:00")
    told = renew(symphony, patronBarcode=PATRON).json()["circRecord"]["fields"]
    assert (told["dueDate"][:10], told["renewalCount"]) == ("2026-03-30", 1)
    assert (
        renew(symphony, dueDate="2026-05-01T23:59:00-04:00").json()["circRecord"]["fields"]["dueDate"][:10]
        == "2026-05-01"
    )
    assert code(renew(symphony)) == "hatErrorResponse.141"
    assert code(renew(symphony, patronBarcode=OTHER)).startswith("hatErrorResponse.9")
    stand_in.behave(renewals=9)
    assert symphony.hold(OWN, OTHER).ok
    refused = renew(symphony)
    assert (code(refused), prompt(refused)) == ("hatErrorResponse.252", "CIRC_HOLDS_OVRCD")
    assert renew(symphony, SD_Prompt_Return=f"CIRC_HOLDS_OVRCD/{stand_in.override_code}").ok


def test_a_recall_makes_the_loan_due_earlier(symphony: SymphonyClient) -> None:
    symphony.lend()
    assert symphony.hold(OWN, OTHER, recallStatus="STANDARD").ok
    told = symphony.item(OWN)["circRecord"]["fields"]
    assert (told["recalledDate"][:10], told["recallDueDate"][:10]) == ("2026-03-02", "2026-03-09")
    assert code(renew(symphony)) == "hatErrorResponse.105"


def test_circulation_of_an_item_is_told_apart(symphony: SymphonyClient) -> None:
    key = symphony.lend().json()["circRecord"]["key"].rsplit(":", 1)[0]
    advice = symphony.call("POST", "/circulation/itemCircInfo/advise", {"itemBarcode": OWN}).json()
    assert advice["currentStatus"] == "CHARGED"
    told = symphony.get(f"/circulation/itemCircInfo/key/{key}")["fields"]
    assert (told["currentStatus"], told["charges"]) == ("CHARGED", 1)


def test_an_action_that_marks_lost_is_there_only_by_a_switch(
    symphony: SymphonyClient, stand_in: SymphonyStandIn
) -> None:
    path, body = "/circulation/circRecord/markLost", {"itemBarcode": OWN}
    assert symphony.call("POST", path, body).status_code == 404
    stand_in.behave(lost_action="markLost")
    assert code(symphony.call("POST", path, body)).startswith("hatErrorResponse.9")
    symphony.lend()
    assert symphony.call("POST", path, body).ok
    item = symphony.item(OWN)
    assert (item["currentLocation"]["key"], item["shadowed"]) == ("LOST-CLAIM", True)
    assert item["circRecord"]["fields"]["status"] == "INACTIVE"
    bills = symphony.get(f"/user/patron/barcode/{PATRON}", "blockList{*}")["fields"]["blockList"]
    assert [(one["fields"]["block"]["key"], one["fields"]["owed"]["amount"]) for one in bills] == [("LOST", "25.00")]


def test_a_lost_item_may_be_refused_at_its_return(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    symphony.lend()
    symphony.desk("lose", barcode=OWN)
    stand_in.behave(lost_return="refused")
    assert prompt(symphony.check_in()) == ""
    assert symphony.item(OWN)["currentLocation"]["key"] == "LOST-CLAIM"
    stand_in.behave(lost_return="accepted")
    assert symphony.check_in().ok
    assert symphony.item(OWN)["currentLocation"]["key"] == "STACKS"
