"""What bears a mark in Alma, page by page, whatever staff did to the records."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from bridge.connectors.alma.connector import capabilities_of
from bridge.connectors.alma.listing import NO_SET
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.capabilities import InspectBy
from bridge.domain.finding import Level
from bridge.errors import Rejected, Retry
from bridge.sandbox.alma.seed import MARKED_SET
from tests.connectors.alma.bench import AlmaBench
from tests.contract.bench import a_mark, expected

CALL = Call()


def test_more_than_a_hundred_titles_are_pages_of_two_calls_each(bench: AlmaBench) -> None:
    for number in range(101):
        bench.put_back(f"B{number}", a_mark(str(number)))
    bench.recording.asked.clear()
    first = bench.connector.marked(do.ListMarked(), CALL)
    second = bench.connector.marked(do.ListMarked(first.following), CALL)
    assert (len(first.objects), len(second.objects)) == (100, 1)
    assert (first.following, second.following) == ("100", "")
    assert len(bench.recording.asked) == 4
    assert len({each.mark for each in (*first.objects, *second.objects)}) == 101


def test_an_empty_set_costs_one_call(bench: AlmaBench) -> None:
    assert bench.connector.marked(do.ListMarked(), CALL).objects == ()
    assert len(bench.recording.asked) == 1


def test_a_set_that_shrank_between_two_pages_ends_the_list(bench: AlmaBench) -> None:
    bench.put_back("B1", a_mark("1"))
    assert bench.connector.marked(do.ListMarked("100"), CALL).objects == ()


def test_the_mark_is_read_from_the_item_where_the_titles_note_was_changed(bench: AlmaBench) -> None:
    mark = a_mark("1")
    borne = {"network_number": f"(ILLB){mark.code}", "mark": mark.text, "library": "RS", "location": "ILLTEMP"}
    bench.desk("catalogue", barcode="B1", title="Tidied", **borne)
    (found,) = bench.connector.marked(do.ListMarked(), CALL).objects
    assert found.mark == mark
    assert found.barcode == "B1"
    bench.erase_mark("B1")
    (bare,) = bench.connector.marked(do.ListMarked(), CALL).objects
    assert (bare.mark.code, bare.mark.text) == (mark.code, "")
    assert bare.ids.bib


def test_a_title_whose_items_are_gone_is_listed_all_the_same(bench: AlmaBench) -> None:
    mark = a_mark("1")
    bench.desk("catalogue", barcode="B1", title="Tidied", network_number=f"(ILLB){mark.code}")
    bench.fault(
        "vendor_error", method="GET", path="^/almaws/v1/bibs/[0-9]+/holdings/ALL/items", code="401688", status=400
    )
    (found,) = bench.connector.marked(do.ListMarked(), CALL).objects
    assert found.mark.text == ""


def test_other_titles_of_the_set_are_passed_over(bench: AlmaBench) -> None:
    bench.desk("catalogue", barcode="B1", title="About ILLB- marks")
    assert bench.connector.marked(do.ListMarked(), CALL).objects == ()


def test_a_set_of_anything_but_titles_is_refused(bench: AlmaBench) -> None:
    bench.put_back("B1", a_mark("1"))
    bench.fault("vendor_error", method="GET", path="^/almaws/v1/bibs$", code="402203", status=400)
    with pytest.raises(Rejected, match=f"No member of set {MARKED_SET} is a title") as refused:
        bench.connector.marked(do.ListMarked(), CALL)
    assert refused.value.cause == "audit_set"


def test_a_set_that_is_not_there_is_refused_and_found_by_check() -> None:
    bench = AlmaBench(audit_set="1")
    bench.start()
    try:
        with pytest.raises(Rejected, match="no set with the id in audit_set"):
            bench.connector.marked(do.ListMarked(), CALL)
        (found,) = [each for each in bench.connector.check(expected(bench)) if each.subject == "Set 1"]
        assert found.level is Level.FAILED
    finally:
        bench.stop()


def test_without_a_set_nothing_can_be_listed() -> None:
    can = capabilities_of(AlmaSettings(host="https://alma.example", api_key=SecretStr("k"), timezone="UTC"))
    assert InspectBy.ALL_MARKS not in can.inspect_by
    assert can.cannot_list == NO_SET


def test_an_answer_that_makes_no_sense_is_asked_for_again_later(bench: AlmaBench) -> None:
    bench.put_back("B1", a_mark("1"))
    bench.fault("garbage", method="GET", path="^/almaws/v1/bibs$")
    with pytest.raises(Retry):
        bench.connector.marked(do.ListMarked(), CALL)
