"""Users, fees, configuration; the shapes of answers; keys and limits; the desk; control and judgement."""

from typing import Any

import pytest
import requests

from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.alma.seed import Seed, SeedLibrary, SeedLocation
from tests.sandbox.alma.client import HOLD, OWN, AlmaClient, code, xml_text

FEE: dict[str, Any] = {"type": {"value": "OTHER"}, "original_amount": 3.5, "owner": {"value": "MAIN"}, "comment": "ILL"}


class TestUsers:
    @pytest.mark.parametrize("identifier", ["P1001", "p1001", "21000000001001"])
    def test_by_any_identifier(self, alma: AlmaClient, identifier: str) -> None:
        assert alma.get(f"/users/{identifier}").json()["primary_id"] == "P1001"

    def test_with_a_slash_in_the_id(self, alma: AlmaClient) -> None:
        assert alma.get("/users/kim%40uni.example%2Fstaff").json()["first_name"] == "Kim"

    def test_an_identifier_of_one_type_only(self, alma: AlmaClient) -> None:
        assert alma.get("/users/21000000001001", user_id_type="BARCODE").status_code == 200
        assert code(alma.get("/users/P1001", user_id_type="BARCODE")) == "401890"

    def test_views_and_counts(self, alma: AlmaClient) -> None:
        alma.lend()
        alma.post("/users/P1001/fees", FEE)
        whole = alma.get("/users/P1001", expand="loans,requests,fees").json()
        assert [whole[name]["value"] for name in ("loans", "requests", "fees")] == [1, 0, 3.5]
        assert "user_role" not in alma.get("/users/P1001", view="brief").json()

    def test_what_stands_against_a_patron(self, alma: AlmaClient) -> None:
        alma.desk("block_patron", patron="P1001", block={"expiry": "2026-12-31"})
        alma.desk("add_patron", primary_id="P9", email="p9@example.org")
        (block,) = alma.get("/users/P1001").json()["user_block"]
        assert block["expiry_date"] == "2026-12-31T00:00:00Z"
        assert alma.get("/users/P9").json()["contact_info"]["email"][0]["email_address"] == "p9@example.org"
        assert alma.get("/users/P1007").json()["user_role"] == []
        alma.desk("fix_patron", patron="P1007")
        assert alma.get("/users/P1007").json()["user_role"]


class TestFees:
    def test_a_fees_life(self, alma: AlmaClient) -> None:
        fee = alma.post("/users/P1001/fees", FEE | {"barcode": {"value": OWN}}).json()
        path = f"/users/P1001/fees/{fee['id']}"
        assert fee["barcode"]["value"] == OWN
        assert alma.post(path, op="dispute").json()["status"]["value"] == "INDISPUTE"
        assert alma.post(path, op="restore").json()["status"]["value"] == "ACTIVE"
        assert alma.post(path, op="waive", amount="1", reason="STAFFERROR").json()["balance"] == 2.5
        paid = alma.post(path, op="pay", amount="2.5", method="CASH").json()
        assert paid["status"]["value"] == "CLOSED"
        assert [one["type"]["value"] for one in paid["transaction"]] == ["WAIVE", "PAYMENT"]
        assert alma.get(path).json()["balance"] == 0
        assert alma.get("/users/P1001/fees").json()["total_record_count"] == 0
        assert alma.get("/users/P1001/fees", status="CLOSED").json()["total_record_count"] == 1
        assert code(alma.post(path, op="pay", amount="1", method="CASH")) == "402119"

    BODIES: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "4019991"),
        (FEE | {"type": {"value": "ODD"}}, "4019992"),
        (FEE | {"original_amount": None}, "4019994"),
        (FEE | {"owner": None}, "4019996"),
        (FEE | {"owner": {"value": "MOON"}}, "4019999"),
        (FEE | {"barcode": "nowhere"}, "4019993"),
        (FEE | {"original_amount": "much"}, "401666"),
    )

    @pytest.mark.parametrize(("body", "expected"), BODIES)
    def test_wrong_fees(self, alma: AlmaClient, body: dict[str, Any], expected: str) -> None:
        assert code(alma.post("/users/P1001/fees", body)) == expected

    def test_an_institution_may_be_the_owner_or_must_not(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        institution = FEE | {"owner": {"value": stand_in.state.institution}}
        assert alma.post("/users/P1001/fees", institution).status_code == 200
        stand_in.behave(fee_owner="library")
        assert code(alma.post("/users/P1001/fees", institution)) == "4019997"
        stand_in.behave(fee_owner="institution")
        assert code(alma.post("/users/P1001/fees", FEE)) == "4019999"

    def test_wrong_operations(self, alma: AlmaClient) -> None:
        fee = alma.post("/users/P1001/fees", FEE).json()["id"]
        path = f"/users/P1001/fees/{fee}"
        assert code(alma.post(path, op="burn")) == "401666"
        assert code(alma.post(path, op="pay", amount="1", method="BARTER")) == "401666"
        assert code(alma.post(path, op="waive")) == "401666"
        assert code(alma.get("/users/P1002/fees/" + fee)) == "401665"
        assert code(alma.get("/users/P1001/fees", status="odd")) == "401666"


class TestConfiguration:
    @pytest.mark.parametrize("area", ["/conf/test", "/bibs/test", "/users/operation/test"])
    def test_the_keys_rights_can_be_tested(self, alma: AlmaClient, area: str) -> None:
        assert alma.get(area).json()["status"] == "GET - OK"
        assert alma.post(area).json()["status"] == "POST - OK"

    def test_libraries_locations_desks_tables(self, alma: AlmaClient) -> None:
        assert {one["code"] for one in alma.get("/conf/libraries").json()["library"]} == {"MAIN", "BRANCH", "RS"}
        assert alma.get("/conf/libraries/RS").json()["resource_sharing"] is True
        assert alma.get("/conf/libraries/RS/locations").json()["location"][0]["code"] == "ILLTEMP"
        assert alma.get("/conf/libraries/RS/locations/ILLTEMP").json()["suppress_from_publishing"] == "true"
        assert alma.get("/conf/libraries/MAIN/circ-desks/").json()["circ_desk"][0]["has_hold_shelf"] is True
        assert alma.get("/conf/libraries/MAIN/circ-desks/DEFAULT_CIRC_DESK").json()["location"]
        assert alma.get("/conf/code-tables/ItemPolicy").json()["row"][0]["code"]

    MISSING = (
        ("/conf/libraries/MOON", "402119"),
        ("/conf/libraries/RS/locations/MOON", "402119"),
        ("/conf/libraries/RS/circ-desks/MOON", "401664"),
        ("/conf/code-tables/Moon", "40166411"),
    )

    @pytest.mark.parametrize(("path", "expected"), MISSING)
    def test_what_is_not_there(self, alma: AlmaClient, path: str, expected: str) -> None:
        assert code(alma.get(path)) == expected


class TestKeysAndLimits:
    def test_who_is_let_in(self, alma: AlmaClient, address: str, stand_in: AlmaStandIn) -> None:
        url = f"{address}/almaws/v1/users/P1001"
        assert requests.get(url, timeout=10).status_code == 401
        assert requests.get(url, params={"apikey": stand_in.key}, timeout=10).status_code == 200
        stand_in.behave(unauthorized="plain")
        assert requests.get(url, timeout=10).text == "Invalid API Key"

    def test_rights_of_a_key(self, alma: AlmaClient) -> None:
        alma.control("POST", "/keys", {"key": "reader", "areas": ["users"], "write": False})
        alma.session.headers["Authorization"] = "apikey reader"
        assert alma.get("/users/P1001").status_code == 200
        assert alma.post("/users/P1001/fees", FEE).status_code == 401
        assert alma.get("/items", item_barcode=OWN).status_code == 401
        alma.control("POST", "/keys", {"key": "reader", "remove": True})
        assert alma.get("/users/P1001").status_code == 401

    def test_too_many_a_second(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        stand_in.behave(per_second=2)
        statuses = [alma.get("/users/P1001").status_code for _ in range(4)]
        assert statuses.count(429) >= 1
        assert "trackingId" not in next(
            answer.text for answer in (alma.get("/users/P1001") for _ in range(9)) if answer.status_code == 429
        )

    def test_what_is_left_of_the_day(self, alma: AlmaClient) -> None:
        first, second = (int(alma.get("/users/P1001").headers["X-Exl-Api-Remaining"]) for _ in range(2))
        assert first - second == 1

    def test_an_unknown_route(self, alma: AlmaClient) -> None:
        assert alma.get("/moon/cheese").status_code in {401, 404}
        assert alma.get("/users/P1001/cheese").status_code == 404


class TestShapes:
    def test_errors_in_every_shape(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        stand_in.behave(error_shape="rotate")
        texts = [alma.get("/users/nobody").text for _ in range(4)]
        assert '"error": [' in texts[0]
        assert '"error": {' in texts[1]
        assert texts[2].startswith('{"web_service_result"')
        assert texts[3].startswith("<?xml")
        xml = alma.call("GET", "/users/nobody", headers={"Accept": "application/xml"})
        assert "401861" in xml.text

    def test_nothing_in_every_shape(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        path = alma.own().path
        assert alma.get(path).json()["holding_data"]["temp_library"] == {"value": None, "desc": None}
        stand_in.behave(empties="braces")
        assert alma.get(path).json()["holding_data"]["temp_library"] == {}
        stand_in.behave(empties="missing")
        assert "temp_library" not in alma.get(path).json()["holding_data"]
        stand_in.behave(single_lists=True)
        assert isinstance(alma.get(f"{path.rsplit('/', 1)[0]}").json()["item"], dict)

    def test_xml_on_request(self, alma: AlmaClient) -> None:
        answer = alma.call("GET", "/users/P1001", headers={"Accept": "application/xml"})
        assert xml_text(answer, "primary_id") == "P1001"
        assert xml_text(answer, "user_roles/user_role/role_type") == "200"
        assert alma.call("GET", "/users/P1001", params={"format": "xml"}).text.startswith("<?xml")

    @pytest.mark.parametrize(
        ("body", "kind"), [("[]", "application/json"), ("{", "application/json"), ("x", "text/plain")]
    )
    def test_bodies_that_cannot_be_read(self, alma: AlmaClient, body: str, kind: str) -> None:
        answer = alma.call("POST", "/users/P1001/fees", data=body, headers={"Content-Type": kind})
        assert code(answer) == "401652"


class TestDesk:
    def test_everything_a_desk_does(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item()
        stand_in.state.items[made.pid].transient_left = 0
        alma.desk("place_hold", barcode="ILL-1", patron="P1001")
        assert alma.desk("expire_hold", barcode="ILL-1")["requests"] == []
        assert alma.desk("lend", barcode="ILL-1", patron="P1001", library="RS", desk="RSDESK")["loan"] == "P1001"
        assert alma.desk("renew", barcode="ILL-1")["loan"] == "P1001"
        assert alma.desk("lose", barcode="ILL-1")["process"] == "LOST_LOAN"
        assert alma.desk("relabel", barcode="ILL-1", new_barcode="S-1")["barcode"] == "S-1"
        fee = alma.post("/users/P1001/fees", FEE).json()["id"]
        assert alma.desk("pay_fee", fee=fee)["status"] == "CLOSED"
        stand_in.state.items[made.pid].process = ""
        assert alma.desk("delete", barcode="S-1") == {"barcode": "S-1", "gone": True}

    def test_a_lost_loan_costs_until_it_is_found_or_scanned_in(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        """Fees as staff guides of Alma libraries tell of them (losses.py)."""

        def fees() -> list[tuple[str, str, float]]:
            return [(fee.type, fee.status, fee.original) for fee in stand_in.state.fees.values()]

        made = alma.make_item()
        stand_in.state.items[made.pid].transient_left = 0
        alma.desk("lend", barcode="ILL-1", patron="P1001", library="RS", desk="RSDESK")
        alma.desk("lose", barcode="ILL-1", fee=0)
        assert fees() == []
        assert alma.desk("found", barcode="ILL-1")["process"] == "LOAN"
        alma.desk("lose", barcode="ILL-1", fee=50)
        assert alma.desk("found", barcode="ILL-1")["process"] == "LOAN"
        assert fees() == [("LOSTITEMREPLACEMENTFEE", "CLOSED", 50.0)]
        alma.desk("claim_returned", barcode="ILL-1")
        alma.desk("check_in", barcode="ILL-1", library="RS", desk="RSDESK")
        assert len(fees()) == 1

    def test_a_lost_loan_that_is_paid_is_over_and_a_scan_in_pays_it_back(
        self, alma: AlmaClient, stand_in: AlmaStandIn
    ) -> None:
        alma.desk("lend", barcode=OWN, patron="P1002")
        alma.desk("lose", barcode=OWN)
        (fee,) = stand_in.state.fees.values()
        alma.desk("pay_fee", fee=fee.id)
        item = stand_in.state.items_with_barcode(OWN)[0]
        assert (item.process, stand_in.state.open_loan(item.pid)) == ("LOST_LOAN_AND_PAID", None)
        assert stand_in.report()["foreign_touched"] == []
        assert alma.desk("check_in", barcode=OWN)["process"] == ""
        assert [one.original for one in stand_in.state.fees.values()] == [80.0, -80.0]

    def test_deleting_ends_holds_too(self, alma: AlmaClient) -> None:
        alma.hold(alma.make_item())
        assert alma.desk("delete", barcode="ILL-1")["gone"]

    def test_what_the_desk_did_to_a_seeded_item_is_as_it_should_be(
        self, alma: AlmaClient, stand_in: AlmaStandIn
    ) -> None:
        alma.desk("lend", barcode=OWN, patron="P1002")
        assert stand_in.report()["foreign_touched"] == []
        alma.desk("check_in", barcode=OWN)
        alma.desk("delete", barcode=OWN)
        assert stand_in.report()["foreign_touched"] == []

    WRONG: tuple[tuple[str, dict[str, str], int], ...] = (
        ("lend", {"barcode": "nowhere", "patron": "P1001"}, 404),
        ("lend", {"barcode": OWN, "patron": "nobody"}, 404),
        ("lend", {"barcode": OWN, "patron": "P1005"}, 409),
        ("lend", {"barcode": OWN}, 422),
        ("renew", {"barcode": OWN}, 409),
        ("lose", {"barcode": OWN}, 409),
        ("found", {"barcode": OWN}, 409),
        ("claim_returned", {"barcode": OWN}, 409),
        ("cancel_hold", {"barcode": OWN}, 409),
        ("pay_fee", {"fee": "9"}, 404),
    )

    @pytest.mark.parametrize(("what", "order", "status"), WRONG)
    def test_what_cannot_be_done(self, alma: AlmaClient, what: str, order: dict[str, str], status: int) -> None:
        assert alma.control("POST", f"/desk/{what}", order).status_code == status

    def test_no_desk_serves_a_lonely_library(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        alma.control(
            "POST",
            "/seed",
            {
                "libraries": [{"code": "LONE", "locations": [{"code": "L"}]}],
                "items": [{"barcode": "L-1", "title": "T", "library": "LONE", "location": "L"}],
                "code_tables": {"ItemPolicy": {"NEW": "New"}},
                "patrons": [{"primary_id": "P77"}],
            },
        )
        assert alma.control("POST", "/desk/lend", {"barcode": "L-1", "patron": "P77"}).status_code == 409
        assert stand_in.state.code_tables["ItemPolicy"]["NEW"] == "New"


class TestJudgement:
    def test_orphans_and_leftovers(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        mms_id = alma.make_bib(mark="(X)M-7")
        assert [row["kind"] for row in stand_in.report()["orphans"]] == ["bib"]
        assert stand_in.report(mark="M-7")["leftovers"] == [{"kind": "bib", "id": mms_id}]
        assert stand_in.report(mark="M-8")["leftovers"] == []
        made = alma.make_item("ILL-9", mark="(X)M-9", internal_note_3="M-9 more")
        alma.hold(made)
        kinds = {row["kind"] for row in stand_in.report(mark="M-9")["leftovers"]}
        assert kinds == {"bib", "holding", "item", "request"}
        assert {row["kind"] for row in stand_in.report(barcode="ILL-9")["leftovers"]} == {"item", "request"}
        assert {row["kind"] for row in stand_in.report()["leftovers"]} >= {"bib", "holding", "item", "request"}

    def test_duplicates_by_mark(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        alma.make_item("A", mark="(X)M-1", internal_note_3="M-1")
        alma.make_item("B", mark="(X)M-1", internal_note_3="M-1")
        assert {row["kind"] for row in stand_in.report(mark="M-1")["duplicates"]} == {"bib mark", "item mark"}

    def test_two_requests_of_one_patron_on_one_item(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.own()
        for _ in range(2):
            alma.post("/users/P1001/requests", HOLD, item_pid=made.pid)
            next(iter(stand_in.state.requests.values())).closed = None
            state = stand_in.state
            first = next(iter(state.requests.values()))
            state.requests["copy"] = type(first)(**{**vars(first), "request_id": "copy"})
        assert any(row["kind"] == "request" for row in stand_in.report()["duplicates"])

    def test_foreign_objects_touched(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        alma.lend()
        assert {row["what"] for row in stand_in.report()["foreign_touched"]} == {"process", "loan"}
        expected = alma.control("POST", "/report", {"expect": {OWN: {"loan": "P1001"}}}).json()
        assert expected["foreign_touched"] == []
        assert {row["kind"] for row in stand_in.report()["leftovers"]} == {"loan"}
        alma.desk("check_in", barcode=OWN)
        made = alma.own("39000000000002")
        alma.delete(made.path, override="true")
        (gone,) = stand_in.report()["foreign_touched"]
        assert (gone["what"], gone["found"]) == ("item", "gone")
        expected = alma.control("POST", "/report", {"expect": {"39000000000002": {"gone": True}}}).json()
        assert expected["foreign_touched"] == []

    def test_a_request_whose_item_is_gone(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item()
        alma.hold(made)
        del stand_in.state.items[made.pid]
        assert "request" in {row["kind"] for row in stand_in.report()["orphans"]}

    def test_control(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        alma.get("/users/P1001")
        counted = alma.control("GET", "/calls").json()
        assert counted["by_route"]["GET /almaws/v1/users/{user_id}"] == 1
        assert alma.control("DELETE", "/calls").json()["total"] == 0
        assert alma.control("GET", "/objects").json()["items"]
        assert alma.control("GET", "/report?mark=x&barcode=y").json()["leftovers"] == []
        assert alma.control("POST", "/settings", {"loan_days": 7}).json()["loan_days"] == 7
        assert alma.control("GET", "/settings").json()["loan_days"] == 7
        assert alma.control("POST", "/settings", {"moon": 7}).status_code == 422
        stand_in.plant(Seed(libraries=[SeedLibrary(code="NEW", locations=[SeedLocation(code="N")])]))
        assert alma.get("/conf/libraries/NEW").json()["default_location"]["value"] == "N"
        stand_in.forget_calls()
        assert stand_in.calls() == []


class TestConfigurationDetails:
    def test_a_desk_that_only_takes_back_does_not_lend(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        stand_in.state.libraries["MAIN"].desks["DEFAULT_CIRC_DESK"].returns_only.add(("MAIN", "STACKS"))
        served = alma.get("/conf/libraries/MAIN/circ-desks/DEFAULT_CIRC_DESK").json()["location"]
        flags = {row["location_code"]: (row["check_in"], row["check_out"]) for row in served}
        assert flags == {"STACKS": (True, False), "REF": (True, True)}
        assert code(alma.lend()) == "401153"

    def test_a_row_that_is_switched_off_stays_in_its_table(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        stand_in.state.switched_off.add(("ItemPolicy", "ILL"))
        rows = alma.get("/conf/code-tables/ItemPolicy").json()["row"]
        assert {row["code"] for row in rows if row["enabled"] == "false"} == {"ILL"}

    def test_a_librarys_path_names_the_institution(self, alma: AlmaClient) -> None:
        assert alma.get("/conf/libraries/MAIN").json()["path"] == "01SANDBOX.01SANDBOX_INST.MAIN"
