"""What ``check`` and ``probe`` say of a Symphony: above all what ``describe`` lacks (symphony.md section 2.6)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import SymphonyClient
from bridge.domain import commands as do
from bridge.domain.expect import Expectations, Expected, Use, account_findings
from bridge.domain.finding import Finding, Level
from tests.connectors.symphony.bench import SymphonyBench
from tests.contract.bench import expected


def found(bench: SymphonyBench, expectations: Expectations | None = None) -> dict[str, Finding]:
    bench.clock = datetime.now(UTC)
    return {finding.subject: finding for finding in bench.connector.check(expectations or expected(bench))}


def wrong(bench: SymphonyBench, expectations: Expectations | None = None) -> list[Finding]:
    return [each for each in found(bench, expectations).values() if each.level is not Level.OK]


@pytest.mark.parametrize(
    ("hidden", "subject", "says"),
    [
        ("/catalog/item.customInformation", "/catalog/item: notes to the desk (note_code)", "lacks customInformation"),
        ("/user/patron.patronStatusInfo", "/user/patron: looking patrons up", "lacks patronStatusInfo"),
        ("/circulation/circRecord/checkOut", "/circulation/circRecord/checkOut: checking out", "does not tell of it"),
        ("/circulation/block", "/circulation/block: fees (charge_fees)", "does not tell of it"),
    ],
)
def test_what_a_site_lacks_is_told(bench: SymphonyBench, hidden: str, subject: str, says: str) -> None:
    charging = Expectations(expected(bench).wanted, borrows=True, lends=True, charges=True)
    assert wrong(bench, charging) == []
    bench.stand_in.behave(hidden=(hidden,))
    (finding,) = wrong(bench, charging)
    assert (finding.subject, finding.level) == (subject, Level.FAILED)
    assert says in finding.text
    assert finding.advice


@pytest.mark.parametrize(
    ("hidden", "subject", "level"),
    [
        ("/circulation/circRecord/checkOut", "/circulation/circRecord/checkOut: checking out", Level.FAILED),
        ("/circulation/transit.destinationLibrary", "/circulation/transit: sending items to a library", Level.FAILED),
        ("/circulation/transit/untransit", "/circulation/transit/untransit: receiving items", Level.FAILED),
        ("/catalog/item.currentLibrary", "/catalog/item: whether an item is home", Level.WARNING),
    ],
)
@pytest.mark.parametrize("lends", [False, True])
def test_what_in_system_loans_need_is_looked_for(
    bench: SymphonyBench, hidden: str, subject: str, level: Level, *, lends: bool
) -> None:
    arrival = Expected(Use.ARRIVAL_PLACE, "SOUTH", ("libraries.south.borrowing.place",), do.Place("SOUTH"))
    within = Expectations((arrival,), borrows=True, lends=lends)
    assert wrong(bench, within) == []
    bench.stand_in.behave(hidden=(hidden,))
    (finding,) = wrong(bench, within)
    assert (finding.subject, finding.level) == (subject, level)
    bench.stand_in.behave(hidden=("/circulation/transit", "/catalog/item.currentLibrary"))
    assert wrong(bench, Expectations(borrows=True, lends=True)) == []


@pytest.mark.parametrize("told", [[], ["barcode"], {"barcode": {}}, [{"fieldName": "barcode"}], None])
def test_a_description_that_cannot_be_read_accuses_nobody(
    bench: SymphonyBench, monkeypatch: pytest.MonkeyPatch, told: object
) -> None:
    answer = symphony.Described.model_validate({"fields": told, "searchIndexList": told})
    monkeypatch.setattr(SymphonyClient, "describe", lambda self, of: answer)
    findings = found(bench)
    described = [each for subject, each in findings.items() if subject.startswith(("/", "Index"))]
    unread = [each for each in described if "could not be read" in each.text]
    assert {each.level for each in unread} == {Level.WARNING}
    assert [each.subject for each in described if each not in unread] == [
        "/circulation/circRecord/markLost: marking loans as lost (lost_action)"
    ]


def test_an_action_that_a_site_does_not_have_is_told(bench: SymphonyBench) -> None:
    bench.stand_in.behave(lost_action="")
    (finding,) = wrong(bench)
    assert "markLost" in finding.subject


def test_who_only_lends_needs_less(bench: SymphonyBench) -> None:
    bench.stand_in.behave(hidden=("/catalog/bib", "/circulation/holdRecord/placeHold.fillByDate"))
    lending = Expectations(expected(bench).of(), lends=True)
    assert [each for each in wrong(bench, lending) if "/catalog/bib" in each.subject] == []
    assert "Classification LC" not in found(bench, lending)


def test_an_index_that_is_not_there_is_told_with_those_that_are(bench: SymphonyBench) -> None:
    bench.settings = bench.settings.model_copy(update={"search_index": "KEYWORD"})
    bench.connector = bench.connect()
    (finding,) = wrong(bench)
    assert finding.subject == "Index KEYWORD"
    assert "AUTHOR, GENERAL, TITLE" in finding.text
    bench.stand_in.behave(hidden=("/catalog/bib",))
    assert {each.subject for each in wrong(bench)} == {"Index KEYWORD", "/catalog/bib: making temporary bibs"}


def test_without_notes_days_and_an_index_they_are_not_looked_for(bench: SymphonyBench) -> None:
    less = {"search_index": "", "note_code": "", "public_note_code": "", "hold_days": 0, "lost_action": ""}
    bench.settings = bench.settings.model_copy(update=less)
    bench.connector = bench.connect()
    said = " ".join(found(bench))
    assert not [word for word in ("Index", "notes", "end by themselves", "lost") if word in said]


def test_locations_must_take_holds_and_should_be_hidden(bench: SymphonyBench) -> None:
    (finding,) = wrong(bench, expected(bench, place=do.Place("MAIN", "ILL-NOHOLD")))
    assert "takes no holds" in finding.text
    assert "libraries.main.borrowing.place" in finding.advice
    bench.settings = bench.settings.model_copy(update={"overrides": ("HOLD_NO_HOLDS_OVRCD",)})
    bench.connector = bench.connect()
    assert wrong(bench, expected(bench, place=do.Place("MAIN", "ILL-NOHOLD"))) == []
    (seen,) = wrong(bench, expected(bench, place=do.Place("MAIN", "STACKS")))
    assert (seen.level, "the public sees" in seen.text) == (Level.WARNING, True)
    bench.settings = bench.settings.model_copy(update={"suppress_by": "record"})
    bench.connector = bench.connect()
    assert wrong(bench, expected(bench, place=do.Place("MAIN", "STACKS"))) == []


def test_a_place_must_name_a_library_that_is_there(bench: SymphonyBench) -> None:
    (unknown,) = wrong(bench, expected(bench, place=do.Place("NOWHERE", "ILL")))
    assert "There is no 'NOWHERE'" in unknown.text
    (unnamed,) = wrong(bench, expected(bench, place=do.Place("", "ILL")))
    assert "names no library" in unnamed.text


def test_where_in_system_loans_arrive_a_library_will_do(bench: SymphonyBench) -> None:
    arriving = expected(bench, existing_item=True, place=do.Place("NORTH"))
    assert wrong(bench, arriving) == []
    assert any("arrive" in subject for subject in found(bench, arriving))


def test_a_material_type_is_passed_over_and_said_so(bench: SymphonyBench) -> None:
    (finding,) = wrong(bench, expected(bench, material="BOOK"))
    assert (finding.level, "passed over" in finding.text) == (Level.WARNING, True)


def test_a_code_that_cannot_be_read_is_told_with_the_reason(bench: SymphonyBench) -> None:
    bench.fault("vendor_error", method="GET", path="policy/classification", code="oddError", status=400)
    (finding,) = wrong(bench)
    assert "oddError" in finding.text
    bench.fault("vendor_error", method="GET", path="policy/itemType", code="oddError", status=400)
    (finding,) = wrong(bench)
    assert finding.subject == "Item type ILL"


def test_a_password_that_ends_soon_is_warned_of(bench: SymphonyBench) -> None:
    account = bench.stand_in.state.staff[bench.stand_in.login]
    account.pin_expires = bench.clock.date() + timedelta(days=20)
    bench.connector = bench.connect()
    assert [each.subject for each in bench.connector.probe() if each.level is Level.WARNING] == ["Password"]
    assert any(each.subject == "Password" for each in bench.connector.check(expected(bench)))
    account.pin_expires = bench.clock.date() + timedelta(days=90)
    bench.connector = bench.connect()
    assert len(bench.connector.probe()) == 1


def test_where_lent_items_are_shown_is_said_of_each_account(bench: SymphonyBench) -> None:
    standings = bench.connector.accounts(("ILL-XYZ",))
    (finding,) = account_findings(standings, (), today=date(2026, 11, 24))
    assert "What is charged to it is shown at ILL-LENT." in finding.text
