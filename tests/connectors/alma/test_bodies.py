"""Bodies of items and bibs against the XSD inside the vendor's WADL document."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from bridge.domain import commands as do
from tests.connectors.alma.bench import AlmaBench, Asked
from tests.contract.bench import creating, own
from tests.contract.suite import CALL, DUE, made
from tests.reference import REFERENCE, needs_reference
from tests.vendor_schema import InlineSchema

pytestmark = needs_reference
ITEM = r".*/items(/\d+)?$"
NEWER = ("awaiting_reshelving", "permanent_call_number")
"""In recorded answers, and so in what is sent back; the document's schema is older."""


@pytest.fixture(scope="module")
def items() -> InlineSchema:
    return InlineSchema(REFERENCE / "alma" / "schema" / "bib.wadl", "item")


def sent(bench: AlmaBench, pattern: str) -> list[Asked]:
    return [asked for asked in bench.recording.asked if asked.body and re.match(pattern, asked.address.split("?")[0])]


def test_every_item_we_send_is_an_item(bench: AlmaBench, items: InlineSchema) -> None:
    target, _ = made(bench, "1")
    bench.connector.relabel_item(do.RelabelItem(target, "ILL-new"), CALL)
    moved = bench.connector.move_item(do.MoveItem(own(bench, "2"), bench.lending_place, DUE), CALL)
    back = do.RestoreItem(own(bench, "2"), bench.lending_place, moved.learned.before or do.Place())
    bench.connector.restore_item(back, CALL)
    bodies = sent(bench, ITEM)
    assert len(bodies) == 4
    for asked in bodies:
        known = [problem for problem in items.problems(asked.body) if not any(name in problem for name in NEWER)]
        assert known == [], asked


def test_every_bib_we_send_is_a_bib(bench: AlmaBench) -> None:
    bibs = InlineSchema(REFERENCE / "alma" / "schema" / "bib.wadl", "bib")
    bench.connector.create_temporary_item(creating(bench, "1"), CALL)
    (asked,) = sent(bench, r".*/bibs$")
    body = etree.fromstring(asked.body)
    record = body.find("record")
    assert record is not None, "MARC without a namespace, which the schema's 'any other namespace' does not foresee"
    body.remove(record)
    assert bibs.problems(etree.tostring(body)) == []


def test_the_check_sees_mistakes(items: InlineSchema) -> None:
    assert items.problems(b'{"item_data": {"barcode": "1"}}')
    assert items.problems(b'{"holding_data": {"holding_id": "1"}, "item_data": {"barcod": "1"}}')
