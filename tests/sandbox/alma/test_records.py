"""Bibs, holdings and items: XML where Alma knows only XML, duplicates accepted, a PUT that swaps all, deletions that refuse."""

from typing import Any

import pytest

from bridge.sandbox.alma import AlmaStandIn
from tests.sandbox.alma.client import OWN, AlmaClient, bib_xml, code, holding_xml, item_body, message, xml_text

DELETE_ALL = {"override": "true", "holdings": "delete", "bib": "delete"}


class TestBibs:
    def test_json_is_refused(self, alma: AlmaClient) -> None:
        assert code(alma.post("/bibs", {})) == "60105"

    def test_repeating_makes_a_second_one(self, alma: AlmaClient) -> None:
        assert alma.make_bib() != alma.make_bib()

    def test_it_is_found_by_its_number_and_its_id(self, alma: AlmaClient) -> None:
        mms_id = alma.make_bib(mark="(X)1")
        assert alma.get("/bibs", other_system_id="(X)1").json()["bib"][0]["mms_id"] == mms_id
        assert alma.get("/bibs", mms_id=mms_id, view="brief").json()["bib"][0].get("anies") is None
        assert alma.get(f"/bibs/{mms_id}").json()["suppress_from_publishing"] == "true"
        assert "<leader>" in alma.call("GET", f"/bibs/{mms_id}", headers={"Accept": "application/xml"}).text

    def test_nothing_found_is_an_empty_list_or_an_error(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        assert alma.get("/bibs", other_system_id="(X)9").json() == {"total_record_count": 0}
        stand_in.behave(missing_bib_is_error=True)
        assert code(alma.get("/bibs", other_system_id="(X)9")) == "402203"
        assert code(alma.get("/bibs", mms_id="99")) == "402203"
        assert code(alma.get("/bibs")) == "402203"
        assert code(alma.get("/bibs/99")) == "402203"
        assert code(alma.get("/bibs/abc")) == "402204"

    BAD = (
        ("<bib", "402209"),
        ("<holding/>", "402209"),
        ("<bib/>", "402209"),
        (bib_xml(leader="short"), "402209"),
        (bib_xml().replace("controlfield", "oddfield"), "402209"),
        (bib_xml().replace('tag="245"', 'tag="24"'), "402209"),
        (bib_xml().replace('ind1="0" ind2="0"', 'ind1="" ind2="0"'), "402209"),
        (bib_xml().replace('code="a"', 'code="ab"'), "402209"),
        (bib_xml().replace('tag="245"', 'tag="246"'), "402210"),
    )

    @pytest.mark.parametrize(("body", "expected"), BAD)
    def test_bad_records_are_refused(self, alma: AlmaClient, body: str, expected: str) -> None:
        answer = alma.send_xml("POST", "/bibs", body)
        assert answer.status_code == 400
        assert xml_text(answer, "{*}errorList/{*}error/{*}errorCode") == expected

    def test_what_may_be_asked_on_the_way(self, alma: AlmaClient) -> None:
        alma.make_bib()
        wrong = alma.send_xml("POST", "/bibs", bib_xml(), normalization="9")
        assert "66171233" in wrong.text
        assert alma.send_xml("POST", "/bibs", bib_xml(), normalization="66171233").status_code == 200
        assert "60307" in alma.send_xml("POST", "/bibs", bib_xml(), check_match="true").text

    def test_update_and_delete(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        mms_id = alma.make_bib()
        alma.send_xml("PUT", f"/bibs/{mms_id}", bib_xml("Another", suppressed="false"))
        assert alma.get(f"/bibs/{mms_id}").json()["title"] == "Another"
        assert not stand_in.state.bibs[mms_id].suppressed
        assert "402203" in alma.send_xml("PUT", "/bibs/99", bib_xml()).text
        assert alma.delete(f"/bibs/{mms_id}").status_code == 204
        assert code(alma.delete(f"/bibs/{mms_id}")) == "402203"

    def test_with_holdings_it_is_not_deleted(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        assert code(alma.delete(f"/bibs/{made.mms_id}", override="true")) == "4022020"


class TestHoldings:
    def test_errors_of_creation(self, alma: AlmaClient) -> None:
        mms_id = alma.make_bib()
        path = f"/bibs/{mms_id}/holdings"
        assert code(alma.post(path, {})) == "60105"
        for body, expected in (
            ("<holding", "402211"),
            (holding_xml("NOWHERE"), "33008"),
            (holding_xml("RS", "NOWHERE"), "33008"),
        ):
            assert expected in alma.send_xml("POST", path, body).text
        assert "33007" in alma.send_xml("POST", "/bibs/99/holdings", holding_xml()).text
        assert "402204" in alma.send_xml("POST", "/bibs/x/holdings", holding_xml()).text

    def test_read_list_and_update(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item()
        path = f"/bibs/{made.mms_id}/holdings"
        assert alma.get(f"{path}/{made.holding_id}").json()["holding_id"] == made.holding_id
        (brief,) = alma.get(path).json()["holding"]
        assert brief["location"]["value"] == "ILLTEMP"
        moved = alma.send_xml("PUT", f"{path}/{made.holding_id}", holding_xml("MAIN", "STACKS"))
        assert moved.status_code == 200
        assert stand_in.state.holdings[made.holding_id].library == "MAIN"
        assert "401652" in alma.send_xml("PUT", f"{path}/{made.holding_id}", holding_xml("NOWHERE")).text
        assert code(alma.get(f"{path}/22")) == "402208"
        assert code(alma.get("/bibs/99/holdings/22")) == "402203"
        assert code(alma.get("/bibs/99/holdings")) == "402203"

    def test_deletion(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        path = f"/bibs/{made.mms_id}/holdings/{made.holding_id}"
        assert code(alma.delete(path)) == "60214"
        alma.delete(made.path, override="true")
        assert code(alma.delete(path, bib="burn")) == "60218"
        assert code(alma.delete(f"/bibs/{made.mms_id}/holdings/22")) == "60213"
        assert code(alma.delete("/bibs/99/holdings/22")) == "402203"
        assert alma.delete(path, bib="suppress").status_code == 204
        assert code(alma.delete(path)) == "60214"
        assert alma.get(f"/bibs/{made.mms_id}").json()["suppress_from_publishing"] == "true"


class TestItems:
    def test_the_barcode_look_up_redirects_and_counts_twice(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        before = len(stand_in.calls())
        answer = alma.get("/items", item_barcode=OWN, expand="due_date_policy")
        assert [hop.status_code for hop in answer.history] == [302]
        assert answer.json()["item_data"]["due_date_policy"].startswith("Loan period")
        assert len(stand_in.calls()) - before == 2
        nothing = alma.get("/items", item_barcode="123")
        assert (code(nothing), message(nothing)) == ("401689", "No items found for barcode 123.")

    def test_a_barcode_in_use_is_accepted(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        alma.make_item("DOUBLE", mark="(X)1")
        alma.make_item("DOUBLE", mark="(X)2")
        assert len(stand_in.state.items_with_barcode("DOUBLE")) == 2
        assert [row["id"] for row in stand_in.report()["duplicates"]] == ["DOUBLE"]

    def test_without_a_barcode_one_is_generated(self, alma: AlmaClient) -> None:
        made = alma.make_item("")
        assert alma.get(made.path).json()["item_data"]["barcode"].startswith("AUTO")

    def test_errors_of_creation(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        path = f"/bibs/{made.mms_id}/holdings/{made.holding_id}/items"
        wrong = alma.post(path, item_body(policy={"value": "MOON"}))
        assert (code(wrong), message(wrong)) == ("40166404", "Given field policy has invalid value MOON.")
        assert code(alma.post(path, item_body(policy="ILL"))) == "401652"
        assert code(alma.post(path, item_body(public_note={"value": "x"}))) == "401652"
        assert code(alma.post("/bibs/99/holdings/22/items", item_body())) == "402203"
        assert code(alma.post(f"/bibs/{made.mms_id}/holdings/22/items", item_body())) == "402203"

    def test_xml_items_are_taken_too(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        path = f"/bibs/{made.mms_id}/holdings/{made.holding_id}/items"
        body = "<item><item_data><barcode>X-1</barcode><policy desc='x'>ILL</policy></item_data></item>"
        answer = alma.send_xml("POST", path, body)
        assert xml_text(answer, "item_data/barcode") == "X-1"
        assert xml_text(answer, "item_data/policy") == "ILL"
        assert "401652" in alma.send_xml("POST", path, "<item").text

    def test_lists(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        path = f"/bibs/{made.mms_id}/holdings"
        assert alma.get(f"{path}/ALL/items").json()["total_record_count"] == 1
        assert alma.get(f"{path}/{made.holding_id}/items", limit="1").json()["item"][0]["item_data"]["pid"] == made.pid
        assert code(alma.get(f"{path}/22/items")) == "401688"
        assert code(alma.get(f"{path}/ALL/items", offset="9")) == "60217"
        assert code(alma.get(f"{path}/ALL/items", limit="many")) == "401666"
        assert code(alma.get(f"{path}/{made.holding_id}/items/23")) == "402203"

    def test_an_update_swaps_all(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item("ILL-1", public_note="Mind the map")
        answer = alma.put(made.path, {"item_data": {"barcode": "ILL-1", "policy": {"value": "ILL"}}})
        assert answer.json()["item_data"]["public_note"] == ""
        assert stand_in.state.items[made.pid].fields["physical_material_type"] == ""
        assert alma.put(made.path, {"item_data": {}}).json()["item_data"]["barcode"].startswith("AUTO")

    def test_an_update_may_refuse_what_it_gave(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item()
        stand_in.behave(echo_put_fails=True)
        assert alma.put(made.path, alma.get(made.path).json()).status_code == 500

    TEMP: tuple[tuple[dict[str, Any], str], ...] = (
        ({"temp_library": {"value": "MOON"}, "temp_location": {"value": "X"}}, "401873"),
        ({"temp_library": {"value": "RS"}, "temp_location": {"value": "X"}}, "401873"),
        (
            {"temp_library": {"value": "RS"}, "temp_location": {"value": "ILLOUT"}, "temp_policy": {"value": "X"}},
            "40166404",
        ),
    )

    @pytest.mark.parametrize(("data", "expected"), TEMP)
    def test_wrong_temporary_places(self, alma: AlmaClient, data: dict[str, Any], expected: str) -> None:
        made = alma.own()
        body = alma.get(made.path).json()
        body["holding_data"] |= {"in_temp_location": True, **data}
        assert code(alma.put(made.path, body)) == expected

    def test_another_permanent_place_means_another_holding(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.own()
        body = alma.get(made.path).json()
        for place, expected in (
            ({"library": {"value": "MOON"}}, "401873"),
            ({"location": {"value": "MOON"}}, "401873"),
        ):
            assert code(alma.put(made.path, {**body, "item_data": {**body["item_data"], **place}})) == expected
        moved = {**body, "item_data": {**body["item_data"], "location": {"value": "REF"}}}
        assert alma.put(made.path, moved).json()["holding_data"]["holding_id"] != made.holding_id
        assert stand_in.report()["foreign_touched"]
        back = {**body, "item_data": {**body["item_data"], "location": {"value": "STACKS"}}}
        answer = alma.put(
            f"/bibs/{made.mms_id}/holdings/{stand_in.state.items[made.pid].holding_id}/items/{made.pid}", back
        )
        assert answer.json()["holding_data"]["holding_id"] == made.holding_id

    def test_one_call_cleans_up(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item()
        assert alma.delete(made.path, **DELETE_ALL).status_code == 204
        assert stand_in.report()["leftovers"] == []
        assert code(alma.delete(made.path, **DELETE_ALL)) == "402203"

    def test_refusals_to_delete(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        assert code(alma.delete(made.path, holdings="burn")) == "401666"
        alma.hold(made)
        refused = alma.delete(made.path, **DELETE_ALL)
        assert (code(refused), message(refused)) == ("401849", "Item delete errors: Item has active requests.")
        alma.desk("cancel_hold", barcode="ILL-1")
        alma.desk("lend", barcode="ILL-1", patron="P1001")
        assert "on loan" in message(alma.delete(made.path, **DELETE_ALL))
        alma.scan(made, library="MAIN", desk="DEFAULT_CIRC_DESK")
        assert "not in place" in message(alma.delete(made.path))

    def test_deleting_may_keep_or_suppress_what_is_above(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        for number, (holdings, bib, left) in enumerate(
            (("retain", "retain", 2), ("suppress", "retain", 2), ("delete", "suppress", 1), ("delete", "retain", 1))
        ):
            made = alma.make_item(f"B-{number}", mark=f"(X){number}")
            assert alma.delete(made.path, override="true", holdings=holdings, bib=bib).status_code == 204
            kept = (made.mms_id in stand_in.state.bibs) + (made.holding_id in stand_in.state.holdings)
            assert kept == left
