"""What is odd about a library's policies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.checks.policies import policy_findings
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Verb
from bridge.domain.finding import Finding
from tests.checks.build import bad, known

NOW = datetime(2026, 11, 24, tzinfo=UTC)
STAFF = Capabilities({Verb.CHARGE_FEE: Ability.STAFF}, reasons={Verb.CHARGE_FEE: "No owner."})


def found(can: Capabilities | None = None, **changes: Any) -> tuple[Finding, ...]:
    inside = {f"libraries__main__{path}": value for path, value in changes.items()}
    return policy_findings(known(**inside).settings.libraries["main"], can or Capabilities(), NOW)


def test_a_good_library() -> None:
    assert [(finding.subject, finding.text) for finding in found()] == [("Mode", "live.")]


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({"mode": "observe"}, "ok", "nothing is written"),
        ({"live_from": datetime(2026, 12, 1, tzinfo=UTC)}, "warning", "for now, all"),
        ({"live_from": datetime(2026, 11, 1, tzinfo=UTC)}, "ok", "since 2026-11-01"),
    ],
)
def test_the_mode_is_said(changes: dict[str, Any], level: str, text: str) -> None:
    finding = found(**changes)[0]
    assert (finding.subject, finding.level) == ("Mode", level)
    assert text in finding.text


PLACE = {"library": "RS", "location": "TEMP"}
BORROWING_RULE = {"partners": ["XYZ"], "item_type": "A"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"deletes_per_hour": 0}, [("Quota", "warning")]),
        ({"borrowing__align_due_date": "daily"}, []),
        (
            {"borrowing__align_due_date": "daily", "borrowing__update_due_date": False},
            [("Borrowing: due dates", "warning")],
        ),
        (
            {"borrowing__align_due_date": "webhook", "borrowing__existing_item": True},
            [("Borrowing: due dates", "warning")],
        ),
        ({"borrowing__enabled": False, "lending__enabled": False}, [("Policies", "warning")]),
        ({"borrowing__place": {}}, [("Borrowing: place", "failed")]),
        ({"borrowing__place": {}, "borrowing__rules": [{"place": PLACE}]}, []),
        (
            {"borrowing__place": {}, "borrowing__rules": [{"place": PLACE, "formats": ["dvd"]}]},
            [("Borrowing: place", "failed")],
        ),
        ({"borrowing__item_type": ""}, [("Borrowing: item type", "warning")]),
        ({"borrowing__item_type": "", "borrowing__rules": [{"item_type": "ILL"}]}, []),
        ({"borrowing__check_in_on_return": False}, [("Borrowing: return", "warning")]),
        ({"borrowing__existing_item": True}, []),
        ({"borrowing__existing_item": True, "borrowing__place": {}}, [("Borrowing: place", "failed")]),
        ({"borrowing__barcode_prefix": ""}, [("Borrowing: barcodes", "warning")]),
        (
            {"borrowing__barcode_prefix": "", "borrowing__barcode_from": "supplier"},
            [("Borrowing: barcodes", "warning")],
        ),
        ({"borrowing__barcode_from": "supplier"}, []),
        (
            {"borrowing__barcode_from": "supplier", "borrowing__create_on": "requested"},
            [("Borrowing: barcodes", "warning")],
        ),
        ({"borrowing__default_pickup_location": ""}, [("Borrowing: holds", "warning")]),
        ({"borrowing__default_pickup_location": "", "borrowing__hold": False}, []),
        ({"borrowing__pickup_locations": {}}, []),
        ({"borrowing__pickup_locations": {"Main": ""}}, [("Borrowing: holds", "failed")]),
        ({"borrowing__fee_amount": "2.50"}, [("Borrowing: fees", "warning")]),
        ({"borrowing__charge_replacement_fee": True}, [("Borrowing: fees", "warning")]),
        ({"borrowing__charge_replacement_fee": True, "borrowing__declare_lost": False}, []),
        ({"borrowing__fee_amount": "2.50", "borrowing__charge_fee": True}, [("Borrowing: fees", "warning")]),
        (
            {
                "borrowing__fee_amount": "2.50",
                "borrowing__fee_currency": "EUR",
                "borrowing__charge_fee_on_copies": True,
            },
            [],
        ),
        ({"borrowing__due_margin_days": -1}, [("Borrowing: due dates", "failed")]),
        ({"lending__accounts": {"XYZ": " "}}, [("Lending: accounts", "failed")]),
        ({"lending__default_account": ""}, []),
        ({"lending__default_account": "", "lending__accounts": {}}, [("Lending: accounts", "warning")]),
        ({"lending__temporary_place": PLACE}, [("Lending: temporary place", "warning")]),
        ({"lending__temporary_place": PLACE, "borrowing__enabled": False}, []),
        ({"lending__temporary_place": {"library": "RS", "location": "OUT"}}, []),
        ({"lending__hold_on_request": True}, [("Lending: holds", "failed")]),
        ({"lending__hold_on_request": True, "lending__pickup_location": "RS"}, []),
        ({"lending__rules": [{"partners": ["A"]}]}, [("Lending: rule 1", "warning")]),
    ],
)
def test_what_is_odd(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    findings = found(**changes)
    assert bad(findings) == expected
    assert all(finding.advice for finding in findings if finding.level != "ok")


def test_an_ils_that_takes_no_due_date() -> None:
    finding = found(Capabilities({Verb.SET_DUE_DATE: Ability.NO}), borrowing__align_due_date="daily")[-1]
    assert (finding.subject, finding.level) == ("Borrowing: due dates", "warning")
    assert finding.text == "align_due_date has no effect: the ILS takes no due date."


def test_places_of_an_ils_that_has_no_libraries_in_them() -> None:
    place = {"location": "illtm"}
    assert bad(found(Capabilities(places_have_libraries=False), borrowing__place=place)) == []
    assert bad(found(borrowing__place=place)) == [("Borrowing: place", "failed")]


def test_fees_that_only_staff_can_charge() -> None:
    (finding,) = (each for each in found(STAFF, borrowing__charge_fee=True) if each.level != "ok")
    assert finding.text == "Every fee is a task for staff. No owner."


@pytest.mark.parametrize(
    ("rules", "without_effect"),
    [
        ([{"item_type": "A"}, {"item_type": "B", "formats": ["dvd"]}], [2]),
        ([{"item_type": "A", "formats": ["DVD", "video"]}, {"item_type": "B", "formats": ["dvd"]}], [2]),
        ([{"item_type": "A", "formats": ["dvd"]}, {"item_type": "B", "formats": ["dvd", "video"]}], []),
        ([{"item_type": "A", "formats": ["dvd"]}, {"item_type": "B"}], []),
        ([{"item_type": "A"}, {"item_type": "B", "material": "M"}], []),
        ([{"item_type": "A"}, {"material": "C"}, {"item_type": "B", "material": "M"}], [3]),
        ([{"item_type": "A", "conditions": ["overdue"]}, {"item_type": "B"}], []),
        ([{"item_type": "A"}, {"item_type": "B", "conditions": ["overdue"]}], [2]),
        ([{"item_type": "A", "partners": ["X"]}, {"item_type": "B", "partners": ["Y"]}], []),
    ],
)
def test_rules_behind_others(rules: list[dict[str, Any]], without_effect: list[int]) -> None:
    expected = [(f"Borrowing: rule {number}", "warning") for number in without_effect]
    assert bad(found(borrowing__rules=rules)) == expected
