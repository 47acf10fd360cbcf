"""Real payloads, as public projects recorded them, read with the meaning the reference states (sierra.md)."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from bridge.connectors.days import day_of
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.errors import Missing, error_of, problem_of
from bridge.connectors.sierra.sight import ids_of, place_of
from bridge.domain import commands as do
from bridge.http import Answer
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference

REST = REFERENCE / "sierra" / "sierra-rest"


def body(name: str) -> bytes:
    return Path(REST / name).read_bytes()


def test_a_token() -> None:
    token = sierra.Token.model_validate_json(body("sierra-api-login.json"))
    assert (token.access_token, token.expires_in) == ("mock_sierra_token", 3600)


def test_a_patron_who_owes_is_not_blocked_by_that() -> None:
    patron = sierra.Patron.model_validate_json(body("sierra-api-patron-found.json"))
    assert (patron.id, patron.owed, patron.block.stands, patron.auto_block.stands) == ("1000002", 101.89, False, False)
    assert day_of(patron.expires, "America/Chicago") == date(2020, 12, 31)
    assert sierra.Patron.model_validate_json(body("sierra-api-patron-updated.json")).patron_type == "15"


def test_holds_name_their_records_by_address_and_bear_notes() -> None:
    first, second = sierra.Holds.model_validate_json(body("sierra-api-patron-hold.json")).entries
    assert (first.id, first.record, first.record_type, first.status.code) == ("407557", "1000002", "i", "0")
    assert (second.id, second.pickup.code) == ("864902", "21")
    assert first.note.endswith("tno=cb401b03-70d6-4a1f-8092-846f94f67888")


def test_the_loans_of_an_item() -> None:
    (loan,) = sierra.Checkouts.model_validate_json(body("sierra-get-item-checkouts-success.json")).entries
    assert (loan.id, loan.patron, loan.item, loan.renewals) == ("1811242", "1182843", "10942942", 1)
    assert day_of(loan.due, "America/Chicago") == date(2025, 2, 6)


def test_an_item_that_despite_its_files_name_is_not_on_loan() -> None:
    item = sierra.Item.model_validate_json(body("sierra-item-on-loan.json"))
    assert not item.on_loan
    assert ids_of(item) == do.VendorIds(bib="1589866", item="1835534")
    assert place_of(item) == do.Place(location="wgmem")
    assert (item.barcode, item.fixed_value("88"), item.fixed_value("66")) == ("22501739848", "-", "")
    assert item.texts("c") == ("B105.T54 2004W48h",)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("sierra-api-POST-bibs-success-response.json", None),
        ("sierra-api-post-item-success-response.json", "7916922"),
        ("sierra-api-post-patron.json", None),
    ],
)
def test_what_was_made_is_told_by_its_address(name: str, number: str | None) -> None:
    made = sierra.Made.model_validate_json(body(name))
    assert made.link.isdigit()
    assert number in {None, made.link}


def test_deleted_records_say_only_that() -> None:
    found = sierra.Items.model_validate_json(body("sierra-api-deleted.json"))
    assert [item.deleted for item in found.entries] == [True] * 5


def test_bibs_in_every_recorded_form_have_their_ids() -> None:
    for name in ("bibs-slice-0-2.json", "sierra-api-GET-bibs-success-response.json", "sierra-api-id.json"):
        entries = json.loads(body(name))["entries"]
        assert entries, name
        assert all(sierra.Item.model_validate(entry).id.isdigit() for entry in entries)
    records = json.loads(body("sierra-records.json"))
    codes = {
        name: sierra.Item.model_validate(record).fixed_value("31")
        for name, record in records.items()
        if "fixedFields" in record
    }
    assert {"z", "n", "s"} & set(codes.values()), codes


def test_errors_are_one_envelope() -> None:
    missing = Answer(404, body("sierra-api-patron-not-found.json"))
    found = problem_of(missing)
    assert found is not None
    assert (found.code, found.name, found.description) == (107, "Record not found", "")
    assert isinstance(error_of("find the patron", missing, repeatable=True), Missing)
    assert (
        "expected JSON data types" in error_of("place", Answer(400, body("json-error.json")), repeatable=False).reason
    )
