"""Loans, requests, scan-ins: the due date ignored at check-out, 401129 just after creation, one scan that does it all."""

from typing import Any

import pytest

from bridge.sandbox.alma import AlmaStandIn
from tests.sandbox.alma.client import HOLD, MAIN_DESK, OWN, RS_DESK, AlmaClient, code, message
from tests.sandbox.conftest import Clock


class TestLoans:
    def test_the_due_date_is_the_policys_whatever_is_sent(self, alma: AlmaClient, clock: Clock) -> None:
        loan = alma.lend(desk={**MAIN_DESK, "due_date": "2030-01-01T00:00:00Z"}).json()
        assert loan["due_date"] == "2026-03-30T23:59:00Z"
        path = f"/users/P1001/loans/{loan['loan_id']}"
        assert alma.put(path, {"due_date": "2026-05-01T21:59:00Z"}).json()["due_date"] == "2026-05-01T21:59:00Z"
        assert alma.get(path).json()["due_date"] == "2026-05-01T21:59:00Z"
        assert code(alma.put(path, {"due_date": "2020-01-01T00:00:00Z"})) == "401681"
        assert code(alma.put(path, {})) == "401824"
        assert code(alma.put(path, {"due_date": "soon"})) == "401652"
        assert code(alma.put("/users/P1001/loans/9", {"due_date": "2026-05-01"})) == "401823"
        assert code(alma.put(path.replace("P1001", "P1002"), {"due_date": "2026-05-01"})) == "401823"
        assert clock().year == 2026

    REFUSED: tuple[tuple[dict[str, Any], Any, str], ...] = (
        ({}, MAIN_DESK, "401672"),
        ({"item_pid": "9"}, MAIN_DESK, "401652"),
        ({"item_barcode": "9"}, MAIN_DESK, "401689"),
        ({"item_barcode": OWN}, {}, "401664"),
        ({"item_barcode": OWN}, {"library": {"value": "MAIN"}}, "401664"),
        ({"item_barcode": "39000000000102"}, MAIN_DESK, "401153"),
        ({"item_barcode": "39000000000103"}, MAIN_DESK, "401651"),
    )

    @pytest.mark.parametrize(("params", "body", "expected"), REFUSED)
    def test_refusals(self, alma: AlmaClient, params: dict[str, Any], body: Any, expected: str) -> None:
        assert code(alma.post("/users/P1001/loans", body, **params)) == expected

    PATRONS = (("P1005", "401163"), ("P1006", "401168"), ("P1007", "401151"), ("nobody", "401890"))

    @pytest.mark.parametrize(("patron", "expected"), PATRONS)
    def test_who_may_not_borrow(self, alma: AlmaClient, patron: str, expected: str) -> None:
        assert code(alma.lend(patron=patron)) == expected

    def test_limits_and_doubles(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        assert alma.lend().status_code == 200
        assert code(alma.lend()) == "400042"
        assert code(alma.lend(patron="P1002")) == "401651"
        stand_in.behave(loan_limit=1)
        assert code(alma.lend("39000000000002")) == "401161"

    def test_two_copies_of_one_title_are_too_many(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        path = f"/bibs/{made.mms_id}/holdings/{made.holding_id}/items"
        second = alma.post(path, {"item_data": {"barcode": "ILL-2"}}).json()["item_data"]["pid"]
        assert alma.post("/users/P1001/loans", RS_DESK, item_pid=made.pid).status_code == 200
        assert code(alma.post("/users/P1001/loans", RS_DESK, item_pid=second)) == "401198"

    def test_by_the_items_own_address(self, alma: AlmaClient) -> None:
        made = alma.own()
        loan = alma.post(f"{made.path}/loans", MAIN_DESK, user_id="P1001").json()
        path = f"{made.path}/loans/{loan['loan_id']}"
        assert alma.get(path).json()["user_id"] == "P1001"
        assert alma.put(path, {"due_date": "2026-05-01"}).json()["due_date"] == "2026-05-01T00:00:00Z"
        assert alma.post(path, op="renew").json()["process_status"] == "RENEW"
        assert alma.get(f"{made.path}/loans").json()["total_record_count"] == 1

    def test_renewals_follow_the_policy(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        loan = alma.lend().json()["loan_id"]
        path = f"/users/P1001/loans/{loan}"
        assert code(alma.post(path)) == "60211"
        stand_in.behave(renewals=1)
        assert alma.post(path, op="renew").status_code == 200
        assert code(alma.post(path, op="renew")) == "401822"
        alma.desk("check_in", barcode=OWN)
        assert code(alma.post(path, op="renew")) == "401822"
        assert code(alma.put(path, {"due_date": "2026-05-01"})) == "401823"

    def test_a_waiting_patron_stops_renewals(self, alma: AlmaClient) -> None:
        loan = alma.lend().json()["loan_id"]
        alma.desk("place_hold", barcode=OWN, patron="P1002")
        assert code(alma.post(f"/users/P1001/loans/{loan}", op="renew")) == "401822"

    def test_lists_and_history(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        assert alma.get("/users/P1001/loans").json() == {"total_record_count": 0}
        alma.lend()
        assert alma.get("/users/P1001/loans").json()["item_loan"][0]["item_barcode"] == OWN
        alma.desk("check_in", barcode=OWN)
        done = alma.get("/users/P1001/loans", loan_status="Complete").json()["item_loan"][0]
        assert done["loan_status"] == "COMPLETE"
        assert done["return_date"]
        stand_in.behave(keeps_history=False)
        assert alma.get("/users/P1001/loans", loan_status="Complete").json() == {"total_record_count": 0}
        assert code(alma.get("/users/P1001/loans", loan_status="Odd")) == "401666"
        assert code(alma.get("/users/nobody/loans")) == "401861"


class TestRequests:
    def test_401129_just_after_creation_then_the_hold(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.make_item()
        first = alma.post("/users/P1001/requests", HOLD, item_pid=made.pid)
        assert code(first) == "401129"
        assert stand_in.calls()[-1].transient
        placed = alma.post("/users/P1001/requests", HOLD | {"comment": "ILL 1"}, item_pid=made.pid).json()
        assert (placed["request_status"], placed["task_name"]) == ("IN_PROCESS", "Pickup From Shelf")
        assert placed["comment"] == "ILL 1"
        assert code(alma.post("/users/P1001/requests", HOLD, item_pid=made.pid)) == "401136"

    REFUSED: tuple[tuple[dict[str, str], dict[str, Any], str], ...] = (
        ({"item_pid": "9"}, HOLD, "60328"),
        ({}, HOLD, "401664"),
        ({"item_id": "9"}, HOLD, "401664"),
        ({"mms_id": "99"}, HOLD, "402203"),
    )

    @pytest.mark.parametrize(("params", "body", "expected"), REFUSED)
    def test_wrong_addresses(self, alma: AlmaClient, params: dict[str, str], body: Any, expected: str) -> None:
        assert code(alma.post("/users/P1001/requests", body, **params)) == expected

    BODIES: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "401664"),
        ({"request_type": "DANCE"}, "401666"),
        ({"request_type": "HOLD"}, "401664"),
        (HOLD | {"pickup_location_type": "USER_HOME_ADDRESS"}, "60308"),
        (HOLD | {"pickup_location_library": "MOON"}, "401891"),
        (HOLD | {"pickup_location_type": "CIRCULATION_DESK", "pickup_location_circulation_desk": "X"}, "401895"),
    )

    @pytest.mark.parametrize(("body", "expected"), BODIES)
    def test_wrong_bodies(self, alma: AlmaClient, body: dict[str, Any], expected: str) -> None:
        assert code(alma.post("/users/P1001/requests", body, item_pid=alma.own().pid)) == expected

    def test_blocked_patrons_and_borrowers_cannot_be_filled(self, alma: AlmaClient) -> None:
        pid = alma.own().pid
        assert code(alma.post("/users/P1005/requests", HOLD, item_pid=pid)) == "401129"
        alma.lend()
        stuck = alma.post("/users/P1001/requests", HOLD, item_pid=pid)
        assert code(stuck) == "401129"

    def test_on_a_title(self, alma: AlmaClient) -> None:
        made = alma.own()
        placed = alma.post("/users/P1001/requests", HOLD, mms_id=made.mms_id).json()
        assert placed.get("item_id") is None
        assert code(alma.post("/users/P1001/requests", HOLD, item_pid=made.pid)) == "401136"
        empty = alma.make_bib()
        assert code(alma.post("/users/P1001/requests", HOLD, mms_id=empty)) == "401129"

    def test_by_the_items_own_address_listed_and_cancelled(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.own()
        placed = alma.post(f"{made.path}/requests", HOLD, user_id="P1001").json()["request_id"]
        assert alma.get(f"{made.path}/requests").json()["user_request"][0]["request_id"] == placed
        assert alma.get(f"{made.path}/requests/{placed}").json()["place_in_queue"] == 1
        assert alma.get(f"/users/P1001/requests/{placed}").json()["barcode"] == OWN
        assert alma.get("/users/P1001/requests", request_type="BOOKING").json() == {"total_record_count": 0}
        assert code(alma.get(f"/users/P1002/requests/{placed}")) == "401694"
        assert code(alma.delete(f"{made.path}/requests/{placed}")) == "401664"
        assert code(alma.delete(f"{made.path}/requests/{placed}", reason="Whim")) == "401666"
        gone = alma.delete(f"{made.path}/requests/{placed}", reason="CannotBeFulfilled", notify_user="false")
        assert gone.status_code == 204
        assert stand_in.state.requests[placed].notified is False
        assert code(alma.delete(f"/users/P1001/requests/{placed}", reason="CannotBeFulfilled")) == "401694"
        assert (
            alma.get("/users/P1001/requests", status="history").json()["user_request"][0]["request_status"] == "HISTORY"
        )
        stand_in.behave(keeps_history=False)
        assert alma.get("/users/P1001/requests", status="history").json() == {"total_record_count": 0}
        assert code(alma.get("/users/P1001/requests", status="odd")) == "401666"

    def test_told_unless_asked_not_to(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.own()
        placed = alma.post(f"{made.path}/requests", HOLD, user_id="P1001").json()["request_id"]
        alma.delete(f"/users/P1001/requests/{placed}", reason="CannotBeFulfilled")
        assert stand_in.state.requests[placed].notified is True

    def test_options(self, alma: AlmaClient) -> None:
        options = alma.get(f"{alma.own().path}/request-options", user_id="P1001").json()
        assert options["request_option"][0]["type"]["value"] == "HOLD"


class TestScans:
    def test_at_its_own_desk_it_is_in_place(self, alma: AlmaClient, stand_in: AlmaStandIn) -> None:
        made = alma.own()
        alma.lend()
        scanned = alma.scan(made, "MAIN", "DEFAULT_CIRC_DESK").json()
        assert scanned["item_data"]["process_type"]["value"] == ""
        assert scanned["additional_info"].startswith("Item's destination is: Reshelve to Main stacks.")
        alma.scan(made, "MAIN", "DEFAULT_CIRC_DESK")
        alma.scan(made, "MAIN", "DEFAULT_CIRC_DESK", register_in_house_use="false")
        assert stand_in.state.items[made.pid].in_house_uses == 1

    def test_elsewhere_it_is_sent_on(self, alma: AlmaClient) -> None:
        scanned = alma.scan(alma.own(), "BRANCH", "BRANCHDESK").json()
        assert scanned["item_data"]["process_type"]["value"] == "TRANSIT"
        assert "Main Library" in scanned["additional_info"]

    def test_a_waiting_hold_is_filled_at_its_desk_or_sent_there(self, alma: AlmaClient) -> None:
        made = alma.make_item()
        placed = alma.hold(made).json()["request_id"]
        sent = alma.scan(made).json()
        assert sent["item_data"]["process_type"]["value"] == "TRANSIT"
        assert "Requester ID: P1001" in sent["additional_info"]
        shelved = alma.scan(made, "MAIN", "DEFAULT_CIRC_DESK", request_id=placed).json()
        assert shelved["item_data"]["process_type"]["value"] == "HOLDSHELF"
        assert alma.get(f"/users/P1001/requests/{placed}").json()["request_status"] == "ON_HOLD_SHELF"
        assert code(alma.lend("ILL-1", patron="P1002")) == "401651"
        assert alma.lend("ILL-1").status_code == 200
        assert alma.get(f"/users/P1001/requests/{placed}").json()["request_status"] == "HISTORY"

    BAD: tuple[tuple[dict[str, str], str], ...] = (
        ({"op": "dance"}, "401666"),
        ({"op": "scan", "library": "MAIN"}, "40166415"),
        ({"op": "scan", "library": "MAIN", "circ_desk": "A", "department": "B"}, "40166415"),
        ({"op": "scan", "circ_desk": "DEFAULT_CIRC_DESK"}, "401664"),
        ({"op": "scan", "library": "MOON", "circ_desk": "DEFAULT_CIRC_DESK"}, "40166411"),
        ({"op": "scan", "library": "MAIN", "circ_desk": "MOON"}, "40166411"),
        ({"op": "scan", "library": "MAIN", "department": "MOON"}, "40166411"),
    )

    @pytest.mark.parametrize(("params", "expected"), BAD)
    def test_wrong_scans(self, alma: AlmaClient, params: dict[str, str], expected: str) -> None:
        assert code(alma.post(alma.own().path, **params)) == expected

    def test_an_unknown_item(self, alma: AlmaClient) -> None:
        made = alma.own()
        wrong = alma.post(made.path.replace(made.pid, "23"), op="scan", library="MAIN", circ_desk="DEFAULT_CIRC_DESK")
        assert (code(wrong), message(wrong)) == ("40166411", "The parameter item_pid is invalid. Received: 23.")
