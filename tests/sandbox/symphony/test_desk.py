"""Staff: what they do at their desks, and loans between libraries of one system."""

from typing import Any

import pytest

from bridge.sandbox.symphony import SymphonyStandIn
from tests.sandbox.symphony.client import BLOCKED, OTHER, OWN, PATRON, SCHOOL, SymphonyClient, prompt

SOUTH, STUDENT = "DISTRICT-SOUTHILL", "21000000001102"


def standing(symphony: SymphonyClient, barcode: str = SCHOOL) -> tuple[list[str], str, str | None]:
    """Everyone the item is charged to, where it is, and where it is sent."""
    item = next(one for one in symphony.stand_in.objects()["items"] if one["barcode"] == barcode)
    return item["charges"], item["current"], item["transit"]  # type: ignore[return-value]


def at(symphony: SymphonyClient, library: str) -> dict[str, str]:
    return {"SD_Working_LibraryID": library}


def test_an_item_lent_within_the_system_is_charged_and_discharged_twice(symphony: SymphonyClient) -> None:
    assert symphony.lend(SCHOOL, SOUTH, **at(symphony, "NORTH")).ok
    assert standing(symphony) == ([SOUTH], "INTRANSIT", "SOUTH")
    assert symphony.receive(SCHOOL, "SOUTH").json()["currentStatus"] == "CHARGED"
    assert standing(symphony) == ([SOUTH], "ILL-LENT", None)
    second = symphony.lend(SCHOOL, STUDENT, **at(symphony, "SOUTH")).json()["circRecord"]["key"]
    assert second.endswith(":2")
    assert standing(symphony) == ([SOUTH, STUDENT], "CHECKEDOUT", None)
    symphony.check_in(SCHOOL, **at(symphony, "SOUTH"))
    assert standing(symphony) == ([SOUTH], "ILL-LENT", None)
    symphony.check_in(SCHOOL, **at(symphony, "SOUTH"))
    assert standing(symphony) == ([], "INTRANSIT", "NORTH")
    symphony.check_in(SCHOOL, **at(symphony, "NORTH"))
    assert standing(symphony) == ([], "STACKS", None)


def test_what_was_scanned_once_bounces_back_for_ever(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    symphony.lend(SCHOOL, SOUTH, **at(symphony, "NORTH"))
    symphony.desk("receive_transit", barcode=SCHOOL)
    symphony.desk("lend", barcode=SCHOOL, patron=STUDENT)
    symphony.desk("scan_once", barcode=SCHOOL)
    assert standing(symphony) == ([SOUTH], "ILL-LENT", None)
    for _ in range(2):
        symphony.desk("scan_once", barcode=SCHOOL, library="NORTH")
        assert standing(symphony) == ([SOUTH], "INTRANSIT", "SOUTH")
        symphony.desk("receive_transit", barcode=SCHOOL)
    stand_in.behave(bounces=False)
    symphony.desk("scan_once", barcode=SCHOOL, library="NORTH")
    assert standing(symphony) == ([], "STACKS", None)


def test_staff_who_look_discharge_until_nobody_has_it(symphony: SymphonyClient) -> None:
    symphony.lend(SCHOOL, SOUTH, **at(symphony, "NORTH"))
    symphony.desk("receive_transit", barcode=SCHOOL)
    symphony.desk("lend", barcode=SCHOOL, patron=STUDENT)
    symphony.desk("check_in", barcode=SCHOOL)
    assert standing(symphony) == ([], "INTRANSIT", "NORTH")
    symphony.desk("check_in", barcode=SCHOOL)
    assert standing(symphony) == ([], "STACKS", None)
    assert symphony.stand_in.report()["foreign_touched"] == []


@pytest.mark.parametrize(("how", "charges"), [("prompts", [SOUTH, STUDENT]), ("clears", [STUDENT])])
def test_sites_differ_in_what_a_second_charge_does(
    symphony: SymphonyClient, stand_in: SymphonyStandIn, how: str, charges: list[str]
) -> None:
    stand_in.behave(second_charge=how, account_transits=False)
    symphony.lend(SCHOOL, SOUTH, **at(symphony, "NORTH"))
    assert standing(symphony) == ([SOUTH], "ILL-LENT", None)
    answer = symphony.lend(SCHOOL, STUDENT, **at(symphony, "SOUTH"))
    if how == "prompts":
        assert prompt(answer) == "CKOBLOCKS"
        answer = symphony.lend(SCHOOL, STUDENT, SD_Prompt_Return="CKOBLOCKS", **at(symphony, "SOUTH"))
    assert answer.ok
    assert standing(symphony)[0] == charges


def test_an_item_is_put_in_transit_by_hand_and_by_call(symphony: SymphonyClient) -> None:
    symphony.desk("send", barcode=OWN, library="BRANCH")
    assert standing(symphony, OWN) == ([], "INTRANSIT", "BRANCH")
    symphony.desk("receive_transit", barcode=OWN)
    assert standing(symphony, OWN) == ([], "INTRANSIT", "MAIN")
    symphony.desk("receive_transit", barcode=OWN)
    key = symphony.get(f"/catalog/item/barcode/{OWN}")["key"]
    fields: dict[str, Any] = {"item": {"resource": "/catalog/item", "key": key}, "transitReason": "EXCHANGE"}
    body = {"resource": "/circulation/transit", "fields": fields}
    assert symphony.call("POST", "/circulation/transit", body).status_code == 400
    fields["destinationLibrary"] = {"resource": "/policy/library", "key": "NORTH"}
    told = symphony.call("POST", "/circulation/transit", body).json()
    assert symphony.get(f"/circulation/transit/key/{told['key']}")["fields"]["destinationLibrary"]["key"] == "NORTH"
    assert symphony.call("POST", "/circulation/transit", body).status_code == 500
    assert symphony.call("POST", "/circulation/untransit", {"itemBarcode": OWN}, **at(symphony, "NORTH")).ok


def test_the_desk_lends_renews_holds_and_takes_back(symphony: SymphonyClient) -> None:
    assert symphony.desk("lend", barcode=OWN, patron="P1001", due="2026-03-20T23:59:00-04:00")["loan"] == PATRON
    symphony.desk("renew", barcode=OWN)
    symphony.desk("place_hold", barcode=OWN, patron=OTHER)
    assert symphony.desk("check_in", barcode=OWN)["current"] == "HOLDS"
    assert symphony.desk("expire_hold", barcode=OWN)["current"] == "STACKS"
    symphony.desk("place_hold", barcode=OWN, patron=OTHER, pickup="BRANCH")
    assert symphony.desk("cancel_hold", barcode=OWN)["holds"] == []
    assert symphony.control("POST", "/desk/renew", {"barcode": OWN}).status_code == 409
    assert symphony.control("POST", "/desk/cancel_hold", {"barcode": OWN}).status_code == 409
    assert symphony.control("POST", "/desk/lend", {"barcode": OWN, "patron": "nobody"}).status_code == 404
    assert symphony.control("POST", "/desk/lend", {"barcode": OWN, "patron": BLOCKED}).status_code == 409
    assert symphony.stand_in.report()["foreign_touched"] == []


def test_the_desk_relabels_moves_notes_and_deletes(symphony: SymphonyClient) -> None:
    assert symphony.desk("relabel", barcode=OWN, new_barcode="NEW")["barcode"] == "NEW"
    assert symphony.control("POST", "/desk/relabel", {"barcode": "NEW", "new_barcode": SCHOOL}).status_code == 409
    assert symphony.desk("move", barcode="NEW", location="REFERENCE", library="BRANCH")["current"] == "REFERENCE"
    assert symphony.desk("note", barcode="NEW", data="torn")["notes"] == [["STAFF", "torn"]]
    assert symphony.stand_in.report()["foreign_touched"] == []
    symphony.desk("place_hold", barcode="NEW", patron=PATRON)
    assert symphony.desk("delete", barcode="NEW") == {"barcode": "NEW", "gone": True}
    assert symphony.stand_in.report() == {"orphans": [], "duplicates": [], "foreign_touched": [], "leftovers": []}


def test_the_desk_loses_finds_and_withdraws(symphony: SymphonyClient, stand_in: SymphonyStandIn) -> None:
    symphony.desk("lend", barcode=OWN, patron=PATRON)
    assert symphony.desk("lose", barcode=OWN)["current"] == "LOST-CLAIM"
    assert prompt(symphony.hold(OWN, OTHER)) == "HOLD_NO_HOLDS_OVRCD"
    assert symphony.desk("found", barcode=OWN)["current"] == "CHECKEDOUT"
    symphony.desk("claim_returned", barcode=OWN)
    assert symphony.item(OWN)["circRecord"]["fields"]["claimsReturnedDate"].startswith("2026-03-02")
    symphony.desk("lose", barcode=OWN)
    bills = list(stand_in.state.bills)
    assert symphony.desk("pay_fee", fee=bills[-1])["owed"] == "0.00"
    assert symphony.control("POST", "/desk/pay_fee", {"fee": "none"}).status_code == 404
    assert symphony.desk("check_in", barcode=OWN)["shadowed"] is False
    symphony.desk("lend", barcode=OWN, patron=PATRON)
    assert symphony.desk("withdraw", barcode=OWN)["current"] == "DISCARD"


def test_the_desk_blocks_mends_and_registers_patrons(symphony: SymphonyClient) -> None:
    symphony.desk("block_patron", patron=PATRON, standing="BARRED")
    assert prompt(symphony.lend()) == "CKOBLOCKS"
    symphony.desk("fix_patron", patron=PATRON)
    assert symphony.lend().ok
    assert symphony.desk("add_patron", barcode="NEW-1")["patron"] == "NEW-1"


def test_the_desk_catalogues_and_tidies_up(symphony: SymphonyClient) -> None:
    marked = {"bib_notes": ["ILLB-0123456789abcdef"], "notes": {"STAFF": "ILLB-0123456789abcdef"}}
    symphony.desk("catalogue", barcode="HAND-1", title="By hand", author="Staff", **marked)
    assert symphony.stand_in.report()["leftovers"] == []
    assert (
        "ILLB"
        in symphony.get(f"/catalog/bib/key/{symphony.item('HAND-1')['bib']['key']}", "bib")["fields"]["bib"]["fields"][
            -1
        ]["subfields"][0]["data"]
    )
    assert symphony.desk("erase_mark", barcode="HAND-1")["notes"] == []
    assert "ILLB" not in str(symphony.stand_in.objects()["bibs"])
