"""Whatever those answer whom ``test_ils`` does not play (REST, NCIP, LCF, tokens, SIP2): an outcome, or one of our errors.

Bodies are spoiled where they have been read from the connection, lines of SIP2 where they are parted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from bridge import http
from bridge.connectors.base import Call
from bridge.connectors.sip2.connection import Connection
from bridge.domain import commands as do
from bridge.domain.expect import expectations_of
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.errors import IlsError
from tests.connectors.koha.bench import KohaBench
from tests.connectors.ncip.bench import FolioBench, HorizonBench, MillenniumBench, NcipBench, WmsBench
from tests.connectors.spydus.bench import LcfBench
from tests.connectors.symphony.bench import SymphonyBench
from tests.fuzz.nonsense import DATES, RAW, SCALARS, amounts
from tests.fuzz.test_ils import MARK, places, put

BENCHES = (KohaBench, SymphonyBench, NcipBench, HorizonBench, MillenniumBench, FolioBench, WmsBench, LcfBench)
ODD = st.one_of(SCALARS, DATES, st.sampled_from([[], {}, [None], [[]], {"value": None}, 2**70, float("inf")]))
PIECES = st.sampled_from([b"", b"|", b"\x00", b"\xff", b"99999999", b"AE", b"CQY|", b"1e999", b"<x>", b'"'])


class Spoiler:
    """Spoils some of what comes, as long as it is told to."""

    def __init__(self) -> None:
        self.random = Random(0)
        self.raw, self.odd, self.piece = b"", None, b""
        self.on = False

    def __call__(self, body: bytes) -> bytes:
        if not self.on or self.random.random() < 0.4:
            return body
        if self.random.random() < 0.2:
            return self.raw
        return self.random.choice([self._cut, self._spliced, self._changed, self._changed])(body)

    def _cut(self, body: bytes) -> bytes:
        return body[: self.random.randint(0, len(body))]

    def _spliced(self, body: bytes) -> bytes:
        at = self.random.randint(0, len(body))
        return body[:at] + self.piece + body[at + self.random.choice([0, 1, 5]) :]

    def _changed(self, body: bytes) -> bytes:
        """One value of JSON, or one text or element of XML."""
        try:
            found = json.loads(body)
            spots = places(found)
            return json.dumps(put(found, self.random.choice(spots), self.odd)).encode() if spots else body
        except ValueError:
            return self._changed_xml(body)

    def _changed_xml(self, body: bytes) -> bytes:
        try:
            root = etree.fromstring(body)
            one = self.random.choice([each for each in root.iter() if isinstance(each.tag, str)])
            above = one.getparent()
            if above is not None and self.random.random() < 0.3:
                above.remove(one)
            else:
                one.text = str(self.odd)
            return etree.tostring(root)
        except (etree.XMLSyntaxError, ValueError):
            return self._spliced(body)


@pytest.fixture
def spoiler(monkeypatch: pytest.MonkeyPatch) -> Spoiler:
    made, body, line = Spoiler(), http._body, Connection._line
    monkeypatch.setattr(http, "_body", lambda response: made(body(response)))
    monkeypatch.setattr(Connection, "_line", lambda self: made(line(self)))
    return made


@pytest.fixture(params=BENCHES, ids=lambda each: each.__name__)
def bench(request: pytest.FixtureRequest, spoiler: Spoiler) -> Iterator[Any]:
    made = request.param()
    made.start()
    yield made
    spoiler.on = False
    made.stop()


def commands(bench: Any) -> list[tuple[str, Any]]:
    new = do.Target(MARK, do.Origin.CREATED, "ILL-1", do.VendorIds(), bench.temporary_place)
    ids = ("1", "1:1", "1:1:1") if isinstance(bench, SymphonyBench) else ("1", "1", "1")
    made = replace(new, ids=do.VendorIds(*ids))
    own = do.Target(MARK, do.Origin.OWN, bench.own_barcode, do.VendorIds(), bench.lending_place)
    due = date(2027, 1, 15)
    return [
        ("find_patron", do.FindPatron(bench.patron)),
        ("find_item", do.FindItem(own)),
        ("create_temporary_item", do.CreateTemporaryItem(new, do.Description("A title"), bench.item_type)),
        ("place_hold", do.PlaceHold(made, bench.patron, bench.pickup)),
        ("cancel_hold", do.CancelHold(made, bench.patron, "17")),
        ("check_out", do.CheckOut(own, bench.account, due)),
        ("set_due_date", do.SetDueDate(own, due, "8", bench.account)),
        ("check_in", do.CheckIn(own, ("8",), bench.account)),
        ("move_item", do.MoveItem(own, bench.lending_place, due)),
        ("delete_temporary_item", do.DeleteTemporaryItem(made)),
        ("charge_fee", do.ChargeFee(made, bench.patron, "fee", do.Money(Decimal("2.50")), "", MARK.code)),
        ("inspect", do.Inspect(made, bench.patron, "17", bench.account, ("8",), ("fee",))),
        ("inspect", do.Inspect(own, "", "", bench.account, ("8",))),
    ]


def refusal(bench: Any, which: int) -> IlsError | None:
    policy = Policy("b", BorrowingPolicy(place=bench.temporary_place), LendingPolicy(default_account=bench.account))
    known, expected = commands(bench), expectations_of({"main": policy})
    ways = (bench.connector.probe, lambda: bench.connector.check(expected))
    try:
        if which < len(known):
            getattr(bench.connector, known[which][0])(known[which][1], Call(verify=which % 2 == 0))
        else:
            (*ways, lambda: bench.connector.accounts([bench.account]))[which - len(known)]()
    except IlsError as problem:
        return problem
    return None


@amounts
def test_any_answer_of_anybody_ends_in_an_outcome_or_an_error_of_ours(
    bench: Any, spoiler: Spoiler, amount: settings
) -> None:
    @given(st.integers(0, 15), RAW, ODD, PIECES, st.integers())
    def holds(which: int, raw: bytes, odd: Any, piece: bytes, seed: int) -> None:
        spoiler.raw, spoiler.odd, spoiler.piece = raw, odd, piece
        spoiler.random.seed(seed)
        spoiler.on = True
        problem = refusal(bench, which)
        assert problem is None or 0 < len(problem.reason) < 1500
        assert problem is None or bench.patron not in problem.reason

    amount(holds)()
