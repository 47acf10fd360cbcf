"""Exchanges recorded with a running Koha 23.05 (recorded/koha-rest), read with the meaning the reference states."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import TypeAdapter

from bridge.connectors.koha import models as koha
from bridge.connectors.koha.errors import AlreadyThere, BarcodeTaken, Missing, NoSuchCall, error_of
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Unavailable
from bridge.http import Answer
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference
REST = REFERENCE / "recorded" / "koha-rest"


def exchanges(name: str) -> list[tuple[str, str, Answer]]:
    """Method, path with query, and answer of each exchange of a cassette."""
    cassette: dict[str, Any] = yaml.safe_load((REST / name).read_text(encoding="utf-8"))
    found = []
    for each in cassette["interactions"]:
        body = each["response"]["body"].get("string") or ""
        octets = body if isinstance(body, bytes) else body.encode()
        path = each["request"]["uri"].partition("/api/v1")[2]
        found.append((each["request"]["method"], path, Answer(each["response"]["status"]["code"], octets)))
    return found


def all_exchanges() -> list[tuple[str, str, Answer]]:
    return [each for path in sorted(REST.glob("*.yaml")) for each in exchanges(path.name)]


def test_every_success_is_read() -> None:
    lists: dict[str, Any] = {
        "/items?": koha.Item,
        "/patrons?": koha.Patron,
        "/holds?": koha.Hold,
        "/checkouts?": koha.Checkout,
        "/libraries": koha.Library,
    }
    count = 0
    for method, path, answer in all_exchanges():
        model = next((kind for start, kind in lists.items() if path.startswith(start)), None)
        if method == "GET" and answer.status == 200 and model is not None:
            for row in json.loads(answer.body):
                model.model_validate(row)
            count += 1
    assert count > 20


def test_every_refusal_is_one_of_ours_and_names_nobody() -> None:
    count = 0
    for method, path, answer in all_exchanges():
        if answer.status >= 400:
            error = error_of("do it", answer, repeatable=method == "GET")
            assert isinstance(error, IlsError)
            assert error.reason.startswith(("Koha ", "The API user", "This Koha", "Koha's"))
            assert "Daniels" not in str(error)
            count += path != ""
    assert count > 40


def answer_to(name: str, method: str, path: str, nth: int = 0) -> Answer:
    found = [each for how, where, each in exchanges(name) if how == method and where.startswith(path)]
    return found[nth]


def kind_of(name: str, method: str, path: str, nth: int = 0) -> type[IlsError]:
    return type(error_of("do it", answer_to(name, method, path, nth), repeatable=method == "GET"))


def test_making_things() -> None:
    name = "01-borrowing-complete.yaml"
    made = answer_to(name, "POST", "/biblios")
    assert (made.status, koha.Made.model_validate_json(made.body).id) == (200, "1")
    item = koha.Item.model_validate_json(answer_to(name, "POST", "/biblios/1/items").body)
    assert (item.external_id, item.home_library_id, item.on_loan, item.biblio_id) == ("ILLB0001", "CPL", False, "1")
    hold = koha.Hold.model_validate_json(answer_to(name, "POST", "/holds").body)
    assert (hold.hold_id, hold.item_id, hold.pickup_library_id) == ("1", "1", "CPL")
    assert kind_of(name, "GET", "/holds/1") is NoSuchCall


def test_barcodes() -> None:
    name = "02-duplicate-barcode.yaml"
    assert kind_of(name, "POST", "/biblios/2/items") is BarcodeTaken
    assert kind_of(name, "POST", "/biblios/2/items", 1) is BarcodeTaken  # in other case
    assert kind_of(name, "POST", "/biblios/999999/items") is Missing
    by_part = answer_to(name, "GET", "/items?external_id=ILLB0001")
    exact = answer_to(name, "GET", "/items?external_id=ILLB0001&_match=exact")
    assert (len(json.loads(by_part.body)), len(json.loads(exact.body))) == (2, 1)


def test_a_5xx_may_be_our_own_mistake_and_is_looked_up_before_it_is_tried_again() -> None:
    unknown_library = answer_to("02-duplicate-barcode.yaml", "POST", "/biblios/2/items", 4)
    assert unknown_library.status == 500
    wrote = error_of("make the item", unknown_library, repeatable=False)
    assert (type(wrote), wrote.cause) == (OutcomeUnknown, "server_error")
    assert type(error_of("look", unknown_library, repeatable=True)) is Unavailable


def test_holds() -> None:
    name = "03-hold-and-marc-errors.yaml"
    errors = [error_of("hold", each, repeatable=False) for how, path, each in exchanges(name) if path == "/holds"]
    assert [(type(each), each.cause) for each in errors[:4]] == [
        (Rejected, "unknown_patron"),
        (AlreadyThere, "rejected"),
        (Rejected, "pickup_location"),
        (Rejected, "refused"),
    ]


def test_deletes() -> None:
    name = "05-deletes.yaml"
    told = [
        (path, each.status, error_of("x", each, repeatable=False).cause if each.status >= 400 else "")
        for how, path, each in exchanges(name)
        if how == "DELETE"
    ]
    assert ("/items/9", 409, "item_in_use") in told
    assert ("/items/10", 409, "item_in_use") in told
    assert ("/biblios/7", 409, "bib_in_use") in told
    assert ("/items/10", 204, "") in told
    assert kind_of(name, "DELETE", "/items/10", 2) is Missing


def test_loans() -> None:
    name = "04-checkout-and-renewal.yaml"
    loan = koha.Checkout.model_validate_json(answer_to(name, "GET", "/checkouts/1").body)
    assert loan.due_date is not None
    assert loan.due_date.astimezone(ZoneInfo("UTC")).date() == date(2026, 12, 7)
    assert loan.checkin_date is None
    returned = koha.Checkout.model_validate_json(answer_to(name, "GET", "/checkouts/1", 5).body)
    assert returned.checkin_date is not None
    item = koha.Item.model_validate_json(answer_to(name, "GET", "/items/8").body)
    assert (item.on_loan, item.checked_out_date) == (
        True,
        date(2027, 1, 4),
    )  # named like a check-out, it is the due date


@pytest.mark.parametrize(("nth", "kind"), [(0, CredentialsRejected), (1, CredentialsRejected)])
def test_wrong_log_ins(nth: int, kind: type[IlsError]) -> None:
    refused = [
        each
        for _, path, each in exchanges("07-authentication.yaml")
        if path.startswith("/patrons") and each.status > 400
    ]
    assert type(error_of("look", refused[nth], repeatable=True)) is kind
    lacking = [each for each in refused if b"Missing required" in each.body]
    assert "permissions" in error_of("look", lacking[0], repeatable=True).advice
    wrong = [each for each in refused if b"Invalid password" in each.body]
    assert "log-in" in error_of("look", wrong[0], repeatable=True).reason


def test_fees() -> None:
    found = answer_to("08-fees.yaml", "GET", "/patrons/4/account/debits")
    debits = TypeAdapter(list[koha.Debit]).validate_json(found.body)
    assert [each.description for each in debits][:2] == ["ILL request 4711", "ILL request 4712"]
