"""What the Alma connector finds when it is asked whether everything is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.connectors.alma import CONNECTOR, AlmaSettings
from bridge.domain.commands import Place
from bridge.domain.expect import AccountStanding, Expectations, expectations_of
from bridge.domain.finding import Finding, Level
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.errors import CredentialsRejected, Unavailable
from bridge.sandbox.alma.model import Key
from tests.connectors.alma.bench import AlmaBench
from tests.connectors.alma.conftest import check as documented
from tests.openapi import VendorApi

BORROWING = BorrowingPolicy(
    item_type="ILL", material="BOOK", place=Place("RS", "ILLTEMP", "RSDESK"), default_pickup_location="MAIN"
)
LENDING = LendingPolicy(temporary_place=Place("RS", "ILLOUT"), default_account="ILL-DEFAULT")
POLICY = Policy(borrowing=BORROWING, lending=LENDING)
ALL = expectations_of({"main": POLICY})


def expecting(**borrowing: object) -> Expectations:
    policy = Policy(borrowing=replace(BORROWING, **borrowing), lending=LENDING)  # type: ignore[arg-type]
    return expectations_of({"main": policy})


Benching = Callable[..., AlmaBench]


@pytest.fixture(autouse=True)
def the_real_time(bench: AlmaBench) -> None:
    """The stand-in's server answers with it."""
    bench.clock = datetime.now(UTC)


@pytest.fixture
def benches(vendor_api: VendorApi | None) -> Iterator[Benching]:
    """Benches with settings of a test's own; everything they asked must stand in the vendor's documents."""
    made: list[AlmaBench] = []

    def make(**settings: object) -> AlmaBench:
        made.append(AlmaBench(**settings))
        made[-1].clock = datetime.now(UTC)
        made[-1].start()
        return made[-1]

    yield make
    for bench in made:
        bench.stop()
        documented(bench, vendor_api)


def bad(bench: AlmaBench, expected: Expectations = ALL) -> dict[str, Finding]:
    return {each.subject: each for each in bench.connector.check(expected) if each.level is not Level.OK}


def found(bench: AlmaBench, subject: str, expected: Expectations = ALL) -> Finding:
    (finding,) = (each for each in bench.connector.check(expected) if each.subject == subject)
    return finding


class TestRights:
    def test_a_key_that_may_only_read(self, bench: AlmaBench) -> None:
        bench.stand_in.state.keys[bench.stand_in.key] = Key(write=False)
        wrong = bad(bench)
        assert wrong["API key: Bibs"].text.startswith("It may read, not write: ")
        assert wrong["API key: Users"].level is Level.FAILED
        assert "API key: Configuration" not in wrong

    def test_a_key_without_configuration_says_what_could_not_be_looked_at(self, bench: AlmaBench) -> None:
        bench.stand_in.state.keys[bench.stand_in.key] = Key(frozenset({"bibs", "users"}))
        wrong = bad(bench)
        assert set(wrong) == {"API key: Configuration", "Configuration"}
        assert "could not be looked at" in wrong["Configuration"].text

    def test_a_key_that_may_nothing_is_refused(self, bench: AlmaBench) -> None:
        bench.stand_in.state.keys.clear()
        with pytest.raises(CredentialsRejected):
            bench.connector.check(ALL)

    def test_a_key_that_is_refused_on_the_way(self, bench: AlmaBench) -> None:
        bench.fault("unauthorized", path="/conf/libraries$")
        assert bad(bench)["Libraries"].level is Level.FAILED
        bench.fault("unauthorized", path="/conf/code-tables/ItemPolicy", times=1)
        assert bad(bench)["Code table ItemPolicy"].level is Level.FAILED
        bench.fault("unauthorized", path="/conf/libraries/RS/locations$", times=1)
        assert bad(bench)["Place of borrowed items RS/ILLTEMP/RSDESK"].level is Level.FAILED

    def test_nothing_is_written(self, bench: AlmaBench) -> None:
        before = bench.objects()
        bench.connector.check(ALL)
        assert bench.objects() == before
        assert {each.template for each in bench.heard.exchanges if each.method != "GET"} == {
            "/bibs/test",
            "/users/operation/test",
        }

    def test_an_alma_that_is_down_cannot_be_asked(self, bench: AlmaBench) -> None:
        bench.outage(on=True)
        with pytest.raises(Unavailable):
            bench.connector.check(ALL)
        with pytest.raises(Unavailable):
            bench.connector.accounts(("ILL-XYZ",))

    def test_the_clock(self, bench: AlmaBench) -> None:
        for off, level in ((0, Level.OK), (120, Level.WARNING), (400, Level.FAILED)):
            bench.clock = datetime.now(UTC) + timedelta(seconds=off)
            assert found(bench, "Clock of Alma").level is level


class TestPlaces:
    @pytest.mark.parametrize(
        ("place", "text"),
        [
            (Place("RSX", "ILLTEMP", "RSDESK"), "There is no library 'RSX' in Alma; is 'RS' meant?"),
            (Place("RS", "ILTEMP", "RSDESK"), "Library RS has no location 'ILTEMP'; is 'ILLTEMP' meant?"),
            (Place("RS", "ILLTEMP", "XDESK"), "Library RS has no desk 'XDESK' that can be read"),
            (Place("RS", "ILLTEMP"), "Library RS has no desk 'DEFAULT_CIRC_DESK' that can be read"),
            (Place("MAIN", "STACKS", "DEFAULT_CIRC_DESK"), ""),
        ],
    )
    def test_of_borrowed_items(self, bench: AlmaBench, place: Place, text: str) -> None:
        finding = found(bench, f"Place of borrowed items {place}", expecting(place=place))
        assert finding.ok is not bool(text)
        if text:
            assert finding.text.startswith(text)
            assert "libraries.main.borrowing.place" in finding.advice
        else:
            assert finding.level is Level.OK

    def test_a_desk_that_does_not_serve_the_location(self, bench: AlmaBench) -> None:
        bench.stand_in.state.libraries["RS"].desks["RSDESK"].serves.remove(("RS", "ILLTEMP"))
        assert "does not serve" in bad(bench)["Place of borrowed items RS/ILLTEMP/RSDESK"].text

    def test_a_desk_that_only_takes_back(self, bench: AlmaBench) -> None:
        bench.stand_in.state.libraries["RS"].desks["RSDESK"].returns_only.add(("RS", "ILLOUT"))
        assert "may not check out" in bad(bench)["Place of lent items RS/ILLOUT"].text

    def test_whether_another_librarys_desk_serves_it_cannot_be_seen(self, benches: Benching) -> None:
        bench = benches(lending_library="MAIN", lending_desk="DEFAULT_CIRC_DESK")
        finding = found(bench, "Place of lent items RS/ILLOUT")
        assert finding.level is Level.OK
        assert "cannot be seen" in finding.text
        bench = benches(lending_library="")
        assert "desk of the owning library" in found(bench, "Place of lent items RS/ILLOUT").text

    def test_where_in_system_loans_arrive(self, bench: AlmaBench) -> None:
        place = Place("BRANCH", "", "BRANCHDESK")
        subject = f"Place where in-system loans arrive {place}"
        assert found(bench, subject, expecting(existing_item=True, place=place)).level is Level.OK
        for nowhere in (Place("BRANCH", "", "X"), Place("MOON", "", "X")):
            subject = f"Place where in-system loans arrive {nowhere}"
            assert found(bench, subject, expecting(existing_item=True, place=nowhere)).level is Level.FAILED

    def test_desks_for_own_items(self, benches: Benching) -> None:
        bench = benches(return_desks={"BRANCH": "BRANCHDESK", "MAIN": "NONE"})
        wrong = bad(bench)
        assert wrong["Return desk MAIN/NONE"].level is Level.FAILED
        assert "Check-in of own items" not in wrong
        assert found(bench, "Return desk BRANCH/BRANCHDESK").level is Level.OK

    def test_a_library_without_the_usual_desk_is_warned_about(self, benches: Benching) -> None:
        finding = bad(benches())["Check-in of own items"]
        assert finding.level is Level.WARNING
        assert finding.text.endswith(": BRANCH.")
        everywhere = bad(benches(lending_library="", lending_desk="DEFAULT_CIRC_DESK"))["Check-in of own items"]
        assert everywhere.text.endswith(": BRANCH, RS.")
        assert "Check-in of own items" not in bad(benches(check_in_at="lending"))

    def test_a_lending_desk_that_is_not_there(self, benches: Benching) -> None:
        bench = benches(lending_desk="NO_DESK")
        wrong = bad(bench)
        assert wrong["Lending desk RS/NO_DESK"].level is Level.FAILED
        assert "NO_DESK" in wrong["Place of lent items RS/ILLOUT"].text


class TestPickupLocations:
    def test_by_library(self, bench: AlmaBench) -> None:
        finding = found(bench, "Pickup location MANI", expecting(default_pickup_location="MANI"))
        assert finding.text == "There is no library 'MANI' in Alma; is 'MAIN' meant?"
        assert found(bench, "Pickup location MAIN").level is Level.OK

    def test_by_desk(self, benches: Benching) -> None:
        bench = benches(pickup_type="CIRCULATION_DESK")
        places = {"a": "MAIN", "b": "MAIN/NONE", "c": "MAIN/DEFAULT_CIRC_DESK"}
        expected = expecting(default_pickup_location="", pickup_locations=places)
        wrong = bad(bench, expected)
        assert wrong["Pickup location MAIN"].text == "'MAIN' is not LIBRARY/DESK."
        assert wrong["Pickup location MAIN/NONE"].level is Level.FAILED
        assert "Pickup location MAIN/DEFAULT_CIRC_DESK" not in wrong
        bench.stand_in.state.libraries["MAIN"].desks["DEFAULT_CIRC_DESK"].hold_shelf = False
        assert bad(bench, expected)["Pickup location MAIN/DEFAULT_CIRC_DESK"].level is Level.WARNING


class TestCodes:
    def test_a_code_that_is_not_in_its_table(self, bench: AlmaBench) -> None:
        wrong = bad(bench, expecting(item_type="IL", material="BUCH"))
        assert wrong["Item type IL"].text == "It is not in Alma's code table ItemPolicy; is 'ILL' meant?"
        assert wrong["Material type BUCH"].text == "It is not in Alma's code table PhysicalMaterialType."
        assert "libraries.main.borrowing.item_type" in wrong["Item type IL"].advice

    def test_a_code_that_is_switched_off(self, bench: AlmaBench) -> None:
        bench.stand_in.state.switched_off.add(("ItemPolicy", "ILL"))
        assert "switched off" in bad(bench)["Item type ILL"].text

    def test_the_reason_for_cancelling(self, benches: Benching) -> None:
        assert bad(benches(cancellation_reason="Nope"))["Cancellation reason Nope"].level is Level.FAILED
        nothing = benches(cancellation_reason="Nope").connector.check(Expectations())
        assert all(finding.ok for finding in nothing), nothing

    def test_fees(self, benches: Benching) -> None:
        charging = expecting(charge_fee=True, fee_type="ILLFEE")
        assert "Fees" not in bad(benches(fee_owner=""))
        assert bad(benches(fee_owner=""), charging)["Fees"].level is Level.WARNING
        bench = benches(fee_owner="01SANDBOX_INST")
        assert found(bench, "Owner of fees", charging).level is Level.OK
        assert "ILLFEE" in found(bench, "Types of fee", charging).text
        assert "(OTHER)" in found(bench, "Types of fee", expecting(charge_fee=True)).text
        assert "is 'MAIN' meant?" in bad(benches(fee_owner="MAIM"), charging)["Owner of fees"].text


class TestAccounts:
    def standing(self, bench: AlmaBench, account: str = "ILL-XYZ") -> AccountStanding:
        (one,) = bench.connector.accounts((account,))
        return one

    def test_one_that_is_well(self, bench: AlmaBench) -> None:
        assert self.standing(bench) == AccountStanding("ILL-XYZ", expires=date(2099, 12, 31), group="ILLPARTNER")

    def test_one_that_is_not_there(self, bench: AlmaBench) -> None:
        assert not self.standing(bench, "ILL-NOBODY").known

    def test_blocked_inactive_expired(self, bench: AlmaBench) -> None:
        bench.desk("block_patron", patron="ILL-XYZ")
        assert self.standing(bench).against == ("blocked (Library privileges suspended)",)
        assert self.standing(bench, "P1006").against == ("expired on 2020-01-01",)
        assert self.standing(bench, "P1007").against == ("no active patron role",)

    def test_the_role_may_end_before_the_account(self, bench: AlmaBench) -> None:
        user = bench.stand_in.state.users["ill-xyz"]
        user.role_expiry = date(2027, 1, 31)
        assert self.standing(bench).expires == date(2027, 1, 31)
        user.expiry = None
        assert self.standing(bench).expires == date(2027, 1, 31)
        user.role_expiry = None
        assert self.standing(bench).expires is None

    def test_one_without_a_group(self, bench: AlmaBench) -> None:
        bench.stand_in.state.users["ill-xyz"].group = ""
        assert self.standing(bench).against == ("it has no user group",)

    def test_one_that_could_not_be_read(self, bench: AlmaBench) -> None:
        bench.fault("vendor_error", path="/users/", code="60999", message="Odd.")
        assert "refuses" in self.standing(bench).problem
        bench.fault("vendor_error", path="/users/", code="401652", message="General error")
        assert self.standing(bench).problem.startswith("Alma answers with a general error.")


def test_the_same_key_at_the_same_host_is_one_institution() -> None:
    assert CONNECTOR.institution is not None

    def settings(**more: object) -> AlmaSettings:
        known = {"host": "https://alma.example", "api_key": "k1", "timezone": "UTC"}
        return AlmaSettings.model_validate({**known, **more})

    one = CONNECTOR.institution(settings())
    assert CONNECTOR.institution(settings(timezone="Europe/Berlin")) == one
    assert CONNECTOR.institution(settings(api_key="k2")) != one
