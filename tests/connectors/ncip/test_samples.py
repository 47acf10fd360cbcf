"""Every sample of the reference and every recorded answer, read with the meaning stated there (ncip-sip2.md, recorded/README.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from bridge.connectors.ncip.dates import day_of
from bridge.connectors.ncip.dialects import KOHA
from bridge.connectors.ncip.problems import Meaning, Problem, meaning_of
from bridge.connectors.ncip.reading import (
    Answer,
    NoAnswer,
    Privilege,
    SeenLoanedItem,
    SeenRequest,
    item_seen,
    lent_seen,
    named,
    read,
    user_seen,
)
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference

SAMPLES = REFERENCE / "ncip-sip2"
RECORDED = REFERENCE / "recorded" / "koha-ncip"
CHICAGO = "America/Chicago"


def asked_of(path: Path) -> str:
    """The message that a sample answers; empty for requests and for problems of the whole message."""
    root = etree.parse(path).getroot()
    (first, *_) = [etree.QName(each).localname for each in root if isinstance(each.tag, str)] or [""]
    return first.removesuffix("Response") if first.endswith("Response") else ""


def sample(folder: str, name: str) -> Answer:
    path = SAMPLES / folder / f"{name}.xml"
    return read(path.read_bytes(), asked_of(path))


def recorded(name: str, asked: str) -> Answer:
    return read((RECORDED / f"{name}.response.xml").read_bytes(), asked)


def answers() -> list[Path]:
    """None where the reference is not there."""
    return [path for path in sorted(SAMPLES.glob("*/*.xml")) if asked_of(path)] if SAMPLES.is_dir() else []


@pytest.mark.parametrize("path", answers(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_answer_among_the_samples_is_read(path: Path) -> None:
    answer = read(path.read_bytes(), asked_of(path))
    assert bool(answer.body)
    root = etree.parse(path).getroot()
    problems = root.findall("{*}*/{*}Problem") or root.findall("*/Problem")
    assert len(answer.problems) == len(problems)
    assert all(problem.kind for problem in answer.problems)


def test_a_request_is_no_answer() -> None:
    for path in sorted(SAMPLES.glob("folio-mod-ncip/*.xml")):
        with pytest.raises(NoAnswer):
            read(path.read_bytes(), "AcceptItem")


def test_problems_right_under_the_message() -> None:
    for name, meaning in (
        ("GeneralProcessingErrorResponseSample1", Meaning.LATER),
        ("ProblemResponseSample1", Meaning.DOOR),
    ):
        answer = read((SAMPLES / "ncip-2.01-samples" / f"{name}.xml").read_bytes(), "CheckInItem")
        assert meaning_of(answer.problems, {}) is meaning


def test_ncip_1_nests_its_problems() -> None:
    answer = sample("reshare-ncip1", "ncipOneCheckinItemXmlErrorResponseExample")
    assert answer.problems == (Problem("Item Not Checked Out", "Item not on loan.", "UniqueItemId"),)
    assert meaning_of(answer.problems, {}) is Meaning.NOT_ON_LOAN


def test_a_user_of_ncip_1() -> None:
    user = user_seen(sample("reshare-ncip1", "ncipOneLookupUserXmlResponseExample").body)
    assert (user.user.value, user.name) == ("N55551212", "Doe, Jane")
    assert Privilege("STATUS", "OK", "2020-06-16T00:00:00Z") in user.privileges
    assert (user.requests, user.loans, user.blocks) == (None, None, ())


@pytest.mark.parametrize(
    "name",
    [
        "ncipOneUnstructuredNameSpaces",
        "ncipOneUnstructuredNameComma",
        "ncipOneStructuredName",
        "ncipTwoUnstructuredName",
    ],
)
def test_names_in_every_form(name: str) -> None:
    assert user_seen(sample("reshare-ncip1", name).body).name


def test_the_other_answers_of_ncip_1() -> None:
    accepted = sample("reshare-ncip1", "ncipOneAcceptItemXmlResponseExample").body
    assert (named(accepted, "Request").value, named(accepted, "Item").value) == ("TNS-11423833", "100556043-10")
    lent = lent_seen(sample("reshare-ncip1", "ncipOneCheckoutItemXmlResponseExample").body)
    assert (lent.item.value, lent.user.value, day_of(lent.due, CHICAGO)) == (
        "5555555025805",
        "TNSNOTREAL",
        date(2021, 6, 30),
    )
    back = lent_seen(sample("reshare-ncip1", "ncipOneCheckinItemXmlResponseExample").body)
    assert (back.user.value, back.routing, back.waits) == ("LEH-TMP", "No special instructions", "")
    cancelled = sample("reshare-ncip1", "ncipOneCancelRequestItemXmlResponseExample").body
    assert named(cancelled, "Request").value == "12345"


def test_the_lists_of_a_user() -> None:
    user = user_seen(sample("ncip-2.01-samples", "LookupUserResponseSample1").body)
    (loan,), (request,) = user.loans or (), user.requests or ()
    assert (loan.title, request.title) != ("", "")
    assert replace(loan, title="") == SeenLoanedItem("09128312", "2010-11-20T00:00:00.329Z")
    assert replace(request, title="") == SeenRequest("", "09128312", "", "Available For Pickup")


def test_loans_of_the_past_are_no_loans() -> None:
    assert user_seen(sample("xc-toolkit-koha", "user-lookup-with-loaned-history").body).loans is None


def test_an_item_of_the_toolkit() -> None:
    item = item_seen(sample("xc-toolkit-koha", "lookup-item-itemid").body)
    assert (item.status, item.queue, item.call_number) == ("Available On Shelf", 0, "621.3 ANG")
    assert (item.on_loan, item.borrower) == (False, "")


def test_wms_answers() -> None:
    lent = lent_seen(sample("wms-circill-2.0", "CheckOutItemResponseSuccess").body)
    assert (lent.user.kind, day_of(lent.due, CHICAGO)) == ("OCLC Institution Symbol", date(2018, 2, 1))
    accepted = sample("wms-circill-2.0", "AcceptItemMinimalResponseSuccess").body
    assert (named(accepted, "Request").value, named(accepted, "Item").value) == ("12345", "ABCDE")
    unknown = sample("wms-circill-2.0", "CheckInResponseBarcodedItemUnknown")
    assert meaning_of(unknown.problems, {}) is Meaning.UNKNOWN_ITEM
    charged = sample("wms-circill-2.0", "CreateUserFiscalTransactionResponseSuccess").body
    assert charged.first("FiscalTransactionIdentifierValue") == "4ddb6543-34d3-43b7-8f07-4c6ca9d38e23"
    for name in ("CheckInResponseBarcodedItemSuccess", "CheckInResponseRequestedItemSuccess"):
        assert sample("wms-circill-2.0", name).problems == ()


PROBLEMS = {
    "03-lookup-user-unknown": ("LookupUser", Meaning.UNKNOWN_USER),
    "04-lookup-user-pin": ("LookupUser", Meaning.REFUSED),
    "05-lookup-item-before": ("LookupItem", Meaning.UNKNOWN_ITEM),
    "10-accept-item-unknown-user": ("AcceptItem", Meaning.UNKNOWN_USER),
    "15-check-out-repeated": ("CheckOutItem", Meaning.ON_LOAN),
    "16-check-out-refused-on-loan": ("CheckOutItem", Meaning.ON_LOAN),
    "17-check-out-unknown-item": ("CheckOutItem", Meaning.UNKNOWN_ITEM),
    "18-check-out-unknown-user": ("CheckOutItem", Meaning.UNKNOWN_USER),
    "20-renew-other-user": ("RenewItem", Meaning.NOT_RENEWED),
    "23-check-in-unknown": ("CheckInItem", Meaning.UNKNOWN_ITEM),
    "24-renew-not-on-loan": ("RenewItem", Meaning.NOT_ON_LOAN),
    "26-delete-repeated": ("DeleteItem", Meaning.UNKNOWN_ITEM),
    "27-lookup-item-deleted": ("LookupItem", Meaning.UNKNOWN_ITEM),
    "33-cancel-request-unknown": ("CancelRequestItem", Meaning.UNKNOWN_REQUEST),
    "37-cancel-request-our-number": ("CancelRequestItem", Meaning.UNKNOWN_REQUEST),
    "40-cancel-request-repeated": ("CancelRequestItem", Meaning.UNKNOWN_REQUEST),
    "41-request-item-unknown-user": ("RequestItem", Meaning.UNKNOWN_USER),
    "43-check-out-blocked-user": ("CheckOutItem", Meaning.USER_BLOCKED),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_a_running_koha_refuses(name: str) -> None:
    asked, meaning = PROBLEMS[name]
    answer = recorded(name, asked)
    assert meaning_of(answer.problems, KOHA.problems) is meaning, answer.problems


NOTHING = {
    "30-delete-on-loan": "DeleteItem",
    "32-delete-after-failed-delete": "DeleteItem",
    "48-unsupported-message": "UndoCheckOutItem",
    "49-unknown-element": "CheckInItem",
    "50-not-xml": "CheckInItem",
    "51-cut-off-xml": "CheckInItem",
    "52-empty-body": "CheckInItem",
}


@pytest.mark.parametrize("name", NOTHING)
def test_text_instead_of_an_answer_is_no_success(name: str) -> None:
    with pytest.raises(NoAnswer):
        recorded(name, NOTHING[name])


def test_what_a_running_koha_answers() -> None:
    user = user_seen(recorded("02-lookup-user", "LookupUser").body)
    assert (user.user.value, user.requests, user.loans) == ("23529001000463", None, None)
    assert Privilege("STATUS", "Ok", "2099-12-31T00:00:00") in user.privileges
    accepted = recorded("06-accept-item", "AcceptItem").body
    assert (named(accepted, "Request").value, named(accepted, "Item").value) == ("RQ-1001", "NCIP0001")
    again = recorded("07-accept-item-repeated", "AcceptItem").body
    assert named(again, "Item").value not in {"", "NCIP0001"}
    item = item_seen(recorded("08-lookup-item-after", "LookupItem").body)
    assert (item.status, item.queue, item.on_loan, item.title) == ("Checked In", 1, False, "NCIP temporary title")
    lent = lent_seen(recorded("13-check-out", "CheckOutItem").body)
    assert day_of(lent.due, CHICAGO) == date(2027, 1, 30)
    assert item_seen(recorded("14-lookup-item-on-loan", "LookupItem").body).on_loan
    renewed = lent_seen(recorded("19-renew", "RenewItem").body)
    assert day_of(renewed.due, CHICAGO) == date(2027, 2, 13)
    for name in ("21-check-in", "22-check-in-repeated"):
        assert lent_seen(recorded(name, "CheckInItem").body).item.value == "NCIP0001"
    assert recorded("25-delete", "DeleteItem").problems == ()
    asked_for = recorded("35-request-item-by-record", "RequestItem").body
    assert named(asked_for, "Request").value == "4"


def test_an_unescaped_value_is_read_all_the_same() -> None:
    """Seen on a running Koha: LookupItem's title is not escaped."""
    told = (RECORDED / "08-lookup-item-after.response.xml").read_bytes().replace(b"NCIP temporary", b"Salt & silver")
    assert item_seen(read(told, "LookupItem").body).title == "Salt & silver title"
    assert item_seen(recorded("45-lookup-item-non-ascii", "LookupItem").body).title
