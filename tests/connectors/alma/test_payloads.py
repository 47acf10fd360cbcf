"""Real payloads, as public projects recorded them, read with the meaning the reference states."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import ids_of, xml_text
from bridge.connectors.alma.dates import day_of
from bridge.connectors.alma.errors import problem_of
from bridge.connectors.alma.sight import permanent_place, temporary_place
from bridge.domain import commands as do
from bridge.http import Answer
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference

REST = REFERENCE / "alma" / "rest"


def body(name: str) -> bytes:
    return Path(REST / name).read_bytes()


def test_a_scan_in_that_left_the_item_in_place() -> None:
    item = alma.Item.model_validate_json(body("alma_rb_scan.json"))
    assert ids_of(item) == do.VendorIds("9968643943506421", "22258767470006421", "23258767460006421")
    assert item.item_data.process_type == ""
    assert item.item_data.requested is None
    assert temporary_place(item) is None
    assert item.additional_info


def test_an_item_by_barcode() -> None:
    item = alma.Item.model_validate_json(body("alma_rb_item_from_barcode.json"))
    assert all((item.item_data.barcode, item.item_data.pid, item.bib_data.mms_id, item.item_data.library))
    assert item.item_data.requested is False


def test_an_item_on_the_hold_shelf() -> None:
    (item,) = alma.ItemList.model_validate_json(body("princeton_item_holdshelf.json")).item
    assert item.item_data.process_type == "HOLDSHELF"
    assert item.item_data.requested is True
    assert permanent_place(item) == do.Place("firestone", "stacks")


def test_items_in_a_temporary_location_keep_their_permanent_place() -> None:
    items = alma.ItemList.model_validate_json(body("princeton_items_temp_location.json")).item
    moved = [item for item in items if temporary_place(item)]
    assert temporary_place(moved[0]) == do.Place("online", "etasrcp")
    assert permanent_place(moved[0]) not in {temporary_place(moved[0]), do.Place()}


def test_an_item_as_made() -> None:
    item = alma.Item.model_validate_json(body("php_item_response.json"))
    assert item.item_data.pid
    assert item.holding_data.holding_id


def test_no_loans_is_an_absent_list() -> None:
    assert alma.LoanList.model_validate_json(body("php_item_no_loan_response.json")).item_loan == []


def test_a_loan_as_made() -> None:
    loan = alma.Loan.model_validate_json(body("php_create_loan_response.json"))
    assert (loan.loan_id, loan.user_id, loan.loan_status) == ("7329587120002204", "Dan Michael", "ACTIVE")
    assert day_of(loan.due_date, "Europe/Oslo") == date(2018, 8, 10)


def test_loans_of_a_user() -> None:
    loans = alma.LoanList.model_validate_json(body("php_loans_response.json")).item_loan
    assert [loan.loan_id for loan in loans] == ["1822301570002204", "7378239410002204"]


def test_a_loan_that_ends_at_the_libraries_midnight_is_due_the_day_before_in_utc() -> None:
    (loan,) = alma.LoanList.model_validate_json(body("umich_claims_returned.json")).item_loan
    assert day_of(loan.due_date, "America/Detroit") == date(2022, 3, 8)


def test_holds_with_statuses_in_words() -> None:
    requests = alma.UserRequestList.model_validate_json(body("umich_requests.json")).user_request
    assert {alma.folded(request.request_status) for request in requests} >= {"NOT_STARTED"}
    assert {request.request_type for request in requests} == {"BOOKING", "HOLD"}


@pytest.mark.parametrize("name", ["princeton_alma_hold_response.json", "alma_rb_request_success.json"])
def test_a_hold_as_placed(name: str) -> None:
    request = alma.UserRequest.model_validate_json(body(name))
    assert request.request_id
    assert request.request_status == "IN_PROCESS"
    assert request.pickup_location_library


@pytest.mark.parametrize("name", ["php_fees_response.json", "umich_jbister_fines.json"])
def test_fees(name: str) -> None:
    fees = alma.FeeList.model_validate_json(body(name)).fee
    assert fees
    assert all(fee.id and fee.original_amount for fee in fees)


def test_no_fees_is_an_absent_list() -> None:
    assert alma.FeeList.model_validate_json(body("php_zero_fees_response.json")).fee == []


def test_holdings() -> None:
    holdings = alma.HoldingList.model_validate_json(body("php_holdings_response.json")).holding
    assert all(holding.holding_id.startswith("22") for holding in holdings)


CODES = {
    "alma_rb_error.json": "402203",
    "php_error_response.json": "401664",
    "php_error_response.xml": "401664",
    "php_item_barcode_error_response.json": "401689",
    "php_per_second_threshold_error_response.json": "PER_SECOND_THRESHOLD",
    "princeton_alma_hold_error_response.json": "401136",
    "princeton_error_401688_items_not_found.json": "401688",
    "princeton_error_scan_invalid_item_pid.json": "40166411",
    "alma_rb_scan_missing_params.json": "40166415",
    "umich_alma_error.json": "401861",
}


@pytest.mark.parametrize("name", CODES)
def test_errors(name: str) -> None:
    problem = problem_of(Answer(400, body(name)))
    assert problem.code == CODES[name]
    assert problem.message


XML_IDS = [
    ("php_bib_response.xml", "mms_id", "99"),
    ("bibsys_bib.xml", "mms_id", "99"),
    ("php_holding_response.xml", "holding_id", "22"),
    ("bibsys_holding.xml", "holding_id", "22"),
]


@pytest.mark.parametrize(("name", "element", "prefix"), XML_IDS)
def test_bibs_and_holdings_come_as_xml(name: str, element: str, prefix: str) -> None:
    assert xml_text(Answer(200, body(name)), element).startswith(prefix)
