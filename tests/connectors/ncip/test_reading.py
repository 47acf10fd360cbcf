"""Answers as no standard has them, and none that could be read."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.connectors.ncip.dates import day_of, last_minute
from bridge.connectors.ncip.problems import Meaning, Problem, meaning_of
from bridge.connectors.ncip.reading import NoAnswer, item_seen, read, user_seen

NS = 'xmlns="http://www.niso.org/2008/ncip"'
ZONE = "America/Chicago"


@pytest.mark.parametrize(
    "body",
    [
        f"<NCIPMessage {NS}><CheckInItemResponse><ItemId/></CheckInItemResponse></NCIPMessage>",
        "<NCIPMessage><CheckInItemResponse/></NCIPMessage>",
        "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n<NCIPMessage version='x'><CheckInItemResponse/></NCIPMessage>\r\n",
        "<a:NCIPMessage xmlns:a='urn:other'><a:CheckInItemResponse/></a:NCIPMessage>",
    ],
)
def test_neither_namespace_nor_version_is_needed(body: str) -> None:
    assert read(body.encode(), "CheckInItem").problems == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "empty"),
        ("It works!", "no XML"),
        ("<NCIPMessage>It works!</NCIPMessage>", "holds text"),
        ("<NCIPMessage><CheckInItemResponse>", "cut off"),
        ("<NCIPMessage><RenewItemResponse/></NCIPMessage>", "RenewItemResponse"),
        ("<NCIPMessage><a><b></a></NCIPMessage>", "ill-formed"),
        ("<html><body>NCIPMessage</body></html>", "no XML"),
    ],
)
def test_what_is_no_answer_says_why(body: str, why: str) -> None:
    with pytest.raises(NoAnswer) as found:
        read(body.encode(), "CheckInItem")
    assert why in str(found.value)


def test_entities_are_not_followed() -> None:
    bomb = (
        '<!DOCTYPE NCIPMessage [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        "<NCIPMessage><LookupItemResponse><Title>&x;</Title></LookupItemResponse></NCIPMessage>"
    )
    assert "root" not in item_seen(read(bomb.encode(), "LookupItem").body).title


def test_a_problem_that_says_nothing() -> None:
    answer = read(b"<NCIPMessage><CheckInItemResponse><Problem/></CheckInItemResponse></NCIPMessage>", "CheckInItem")
    assert answer.problems[0].told == "no reason is given"
    assert meaning_of(answer.problems, {}) is Meaning.REFUSED


@pytest.mark.parametrize(
    ("problem", "meaning"),
    [
        (Problem("9016"), Meaning.UNKNOWN_ITEM),
        (Problem(" Unknown  ITEM "), Meaning.UNKNOWN_ITEM),
        (Problem("", "", "Userid", "Did not find a user with that id"), Meaning.UNKNOWN_USER),
        (Problem("Problem performing AcceptItem", "Barcode already exists"), Meaning.BARCODE_TAKEN),
        (Problem("1"), Meaning.REFUSED),
        (Problem("Odd One"), Meaning.LATER),
    ],
)
def test_problems_are_known_by_type_then_by_words(problem: Problem, meaning: Meaning) -> None:
    assert meaning_of([problem], {"odd one": Meaning.LATER}) is meaning


def test_of_several_problems_the_one_that_says_something_counts() -> None:
    assert meaning_of([Problem("1"), Problem("Unknown User")], {}) is Meaning.UNKNOWN_USER


def test_a_count_of_nought_says_that_the_list_is_whole() -> None:
    counted = b"<NCIPMessage><LookupUserResponse><RequestedItemsCount/></LookupUserResponse></NCIPMessage>"
    user = user_seen(read(counted, "LookupUser").body)
    assert (user.requests, user.loans) == ((), None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-01-30T23:59:00", date(2027, 1, 30)),
        ("2027-01-31T05:59:59.000+00:00", date(2027, 1, 30)),
        ("2017-09-27 16:38:11-04:00", date(2017, 9, 27)),
        ("2027-01-30", date(2027, 1, 30)),
        ("2027-01-30Tnoon", date(2027, 1, 30)),
        ("2027-13-45Tnoon", None),
        ("soon", None),
        ("", None),
    ],
)
def test_days_are_read_in_any_form(text: str, day: date | None) -> None:
    assert day_of(text, ZONE) == day


def test_a_day_is_sent_as_its_end_with_the_librarys_offset() -> None:
    assert last_minute(date(2027, 1, 30), ZONE).isoformat() == "2027-01-30T23:59:00-06:00"
    assert last_minute(date(2027, 7, 30), ZONE).isoformat() == "2027-07-30T23:59:00-05:00"
