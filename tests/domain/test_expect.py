"""What policies take for granted, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bridge.domain.commands import Place
from bridge.domain.expect import AccountStanding, Expectations, Expected, Use, account_findings, expectations_of
from bridge.domain.finding import CLOCK_LIMIT, Finding, Level, clock_finding, warned, well
from bridge.domain.policy import BorrowingPolicy, ItemRule, LendingPolicy, LendingRule, Policy

BORROWING = BorrowingPolicy(item_type="ILL", material="BOOK", place=Place("RS", "TEMP", "DESK"))
NO_LENDING = LendingPolicy(enabled=False)
TODAY = date(2026, 11, 24)


def codes(found: Expectations, use: Use) -> dict[str, tuple[str, ...]]:
    return {each.code: each.named_by for each in found.of(use)}


def borrowing(**more: object) -> Expectations:
    return expectations_of({"main": Policy(borrowing=replace(BORROWING, **more), lending=NO_LENDING)})  # type: ignore[arg-type]


def lending(**more: object) -> Expectations:
    policy = LendingPolicy(**more)  # type: ignore[arg-type]
    return expectations_of({"main": Policy(borrowing=BorrowingPolicy(enabled=False), lending=policy)})


class TestExpectations:
    def test_a_code_is_expected_once_with_every_setting_that_names_it(self) -> None:
        policy = Policy(borrowing=BORROWING, lending=NO_LENDING)
        found = expectations_of({"main": policy, "branch": policy})
        named = ("libraries.main.borrowing.item_type", "libraries.branch.borrowing.item_type")
        assert codes(found, Use.ITEM_TYPE) == {"ILL": named}
        (place,) = found.of(Use.TEMPORARY_PLACE)
        assert (place.code, place.place) == ("RS/TEMP/DESK", Place("RS", "TEMP", "DESK"))
        assert place.subject == "Place of borrowed items RS/TEMP/DESK"
        assert place.advice.startswith("It is named by libraries.main.borrowing.place, ")
        assert (found.borrows, found.lends, found.charges) == (True, False, False)

    def test_rules_name_codes_too(self) -> None:
        rules = (ItemRule(item_type="DVD"), ItemRule(material="FILM", place=Place("RS", "SAFE")))
        found = borrowing(rules=rules)
        assert codes(found, Use.ITEM_TYPE)["DVD"] == ("libraries.main.borrowing.rules[1].item_type",)
        assert set(codes(found, Use.MATERIAL)) == {"BOOK", "FILM"}
        assert set(codes(found, Use.TEMPORARY_PLACE)) == {"RS/TEMP/DESK", "RS/SAFE"}

    def test_pickup_locations_are_expected_only_where_holds_are_placed(self) -> None:
        named = {"pickup_locations": {"Main library": "MAIN", "Hall": "BRANCH"}, "default_pickup_location": "MAIN"}
        assert set(codes(borrowing(**named), Use.PICKUP_LOCATION)) == {"MAIN", "BRANCH"}
        assert codes(borrowing(hold=False, **named), Use.PICKUP_LOCATION) == {}

    def test_what_is_switched_off_or_not_set_is_not_expected(self) -> None:
        assert borrowing(enabled=False) == Expectations()
        assert codes(borrowing(item_type="", material="", place=Place()), Use.ITEM_TYPE) == {}
        assert lending().wanted == ()

    def test_in_system_loans_expect_only_a_place_to_arrive(self) -> None:
        found = borrowing(existing_item=True)
        assert [each.use for each in found.wanted] == [Use.ARRIVAL_PLACE]

    @pytest.mark.parametrize("switch", ["charge_fee", "charge_fee_on_copies"])
    def test_a_type_of_fee_is_expected_where_fees_are_charged(self, switch: str) -> None:
        found = borrowing(**{switch: True, "fee_type": "ILLFEE"})
        assert found.charges
        assert set(codes(found, Use.FEE_TYPE)) == {"ILLFEE"}
        assert codes(borrowing(fee_type="ILLFEE"), Use.FEE_TYPE) == {}

    def test_a_replacement_fee_expects_its_type(self) -> None:
        found = borrowing(charge_replacement_fee=True, replacement_fee_type="LOSTITEM")
        assert codes(found, Use.FEE_TYPE) == {"LOSTITEM": ("libraries.main.borrowing.replacement_fee_type",)}

    def test_lending_names_accounts_places_and_a_pickup_location(self) -> None:
        found = lending(
            accounts={"XYZ": "ILL-XYZ"},
            default_account="ILL-OTHERS",
            temporary_place=Place("RS", "OUT"),
            rules=(LendingRule(account="ILL-MAPS", temporary_place=Place("RS", "MAPS")),),
            hold_on_request=True,
            pickup_location="RS",
        )
        assert set(codes(found, Use.ACCOUNT)) == {"ILL-XYZ", "ILL-OTHERS", "ILL-MAPS"}
        assert set(codes(found, Use.LENDING_PLACE)) == {"RS/OUT", "RS/MAPS"}
        assert set(codes(found, Use.PICKUP_LOCATION)) == {"RS"}
        assert found.lends

    def test_without_a_check_out_nothing_is_moved(self) -> None:
        assert lending(temporary_place=Place("RS", "OUT"), check_out_on_shipped=False).of(Use.LENDING_PLACE) == ()


class TestAccounts:
    """Of an ILL account: unknown, blocked and expired ones fail, and a warning comes in time."""

    def found(self, **about: object) -> Finding:
        expected = Expected(Use.ACCOUNT, "ILL-XYZ", ("libraries.main.lending.accounts",))
        standing = AccountStanding("ILL-XYZ", **about)  # type: ignore[arg-type]
        (finding,) = account_findings((standing,), (expected,), today=TODAY)
        assert finding.subject == "ILL account ILL-XYZ"
        return finding

    def test_one_that_is_well(self) -> None:
        assert self.found() == well("ILL account ILL-XYZ", "It may borrow.")
        text = self.found(expires=date(2030, 1, 1), group="ILL").text
        assert text == "It may borrow (patron group ILL), until 2030-01-01."

    def test_one_that_expires_soon(self) -> None:
        assert self.found(expires=TODAY + timedelta(days=31)).level is Level.OK
        finding = self.found(expires=TODAY + timedelta(days=30))
        assert finding.level is Level.WARNING
        assert finding.text == "It expires on 2026-12-24 (30 days from now)."

    def test_one_that_cannot_borrow(self) -> None:
        finding = self.found(against=("blocked (too much lost)", "expired on 2020-01-01"), expires=date(2020, 1, 1))
        assert finding.level is Level.FAILED
        assert "blocked (too much lost); expired on 2020-01-01" in finding.text
        assert "libraries.main.lending.accounts" in finding.advice

    def test_one_that_is_not_there(self) -> None:
        finding = self.found(known=False)
        assert not finding.ok
        assert "libraries.main.lending.accounts" in finding.advice

    def test_one_that_could_not_be_looked_up(self) -> None:
        assert self.found(problem="Alma answers with a general error.").level is Level.FAILED

    def test_one_that_nobody_named(self) -> None:
        (finding,) = account_findings((AccountStanding("X", known=False),), (), today=TODAY)
        assert finding.advice == "Make it, or correct its name."


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(None, "ok"), (2, "ok"), (-60, "ok"), (61, "warning"), (-300, "warning"), (301, "failed"), (-999, "failed")],
)
def test_clocks_may_differ_a_little(seconds: int | None, level: str) -> None:
    ahead = None if seconds is None else timedelta(seconds=seconds)
    finding = clock_finding("Clock", ahead)
    assert finding.level == level
    assert bool(finding.advice) is (level != "ok")
    if seconds is not None and abs(seconds) > 3:
        assert ("ahead" in finding.text) is (seconds > 0)


def test_a_webhook_that_tolerates_less_makes_a_difference_fail_sooner() -> None:
    assert clock_finding("Clock", timedelta(seconds=90), limit=timedelta(seconds=80)).level is Level.FAILED
    assert timedelta(seconds=300) == CLOCK_LIMIT


def test_a_warning_lets_work_go_on() -> None:
    assert warned("x", "y").ok
