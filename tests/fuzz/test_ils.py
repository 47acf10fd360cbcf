"""What an ILS answers, and what it is asked for: whatever comes back, a verb ends in an outcome or in one of our errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug import Response
from werkzeug.test import run_wsgi_app

from bridge.connectors.alma import AlmaConnector, AlmaSettings
from bridge.connectors.alma.dates import day_of, end_of_day
from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.sierra import SierraConnector, SierraSettings
from bridge.domain import commands as do
from bridge.domain.dates import FIRST, LAST
from bridge.domain.expect import expectations_of
from bridge.domain.identity import Mark
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.errors import IlsError
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.server import Server
from bridge.sandbox.sierra import SierraStandIn
from tests.contract.bench import Listening, SpyPace
from tests.fuzz.nonsense import DATES, DEEP, RAW, SCALARS, TEXTS, XML, amounts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MARK = Mark("ill-bridge:main:B:svc:1", "ILLB0123456789")
IDS = do.VendorIds("99100", "22100", "23100")
PLACE = do.Place("RS", "ILLTEMP", "RSDESK")
CREATED = do.Target(MARK, do.Origin.CREATED, "ILL-1", IDS, PLACE)
OWN = do.Target(MARK, do.Origin.OWN, "39000000000001", do.VendorIds(), PLACE)
PATRON = "21000000001001"
COMMANDS: tuple[tuple[str, Any], ...] = (
    ("find_patron", do.FindPatron(PATRON)),
    ("find_item", do.FindItem(OWN)),
    ("create_temporary_item", do.CreateTemporaryItem(replace(CREATED, ids=do.VendorIds()), do.Description("A title"))),
    ("relabel_item", do.RelabelItem(CREATED, "ILL-2")),
    ("place_hold", do.PlaceHold(CREATED, PATRON, "MAIN")),
    ("cancel_hold", do.CancelHold(CREATED, PATRON, "17")),
    ("check_out", do.CheckOut(OWN, "ILL-XYZ", date(2027, 1, 15))),
    ("set_due_date", do.SetDueDate(CREATED, date(2027, 1, 15), "8", PATRON)),
    ("check_in", do.CheckIn(OWN, ("8",), "ILL-XYZ")),
    ("move_item", do.MoveItem(OWN, do.Place("RS", "ILLOUT"), date(2027, 1, 15))),
    ("restore_item", do.RestoreItem(OWN, do.Place("RS", "ILLOUT"), do.Place("MAIN", "STACKS"))),
    ("receive_transit", do.ReceiveTransit(OWN)),
    ("delete_temporary_item", do.DeleteTemporaryItem(CREATED)),
    ("charge_fee", do.ChargeFee(CREATED, PATRON, "fee", do.Money(Decimal("2.50"), "EUR"), "OTHER", MARK.code)),
    ("inspect", do.Inspect(CREATED, PATRON, "17", "ILL-XYZ", ("8",), ("fee",))),
)
EXPECTED = expectations_of(
    {"main": Policy("b", BorrowingPolicy(place=PLACE, item_type="ILL"), LendingPolicy(default_account="A"))}
)


def alma(url: str, stand_in: AlmaStandIn) -> AlmaConnector:
    """In the zone that is furthest ahead."""
    known = AlmaSettings.model_validate(
        {
            "host": url,
            "api_key": stand_in.key,
            "timezone": "Pacific/Kiritimati",
            "lending_library": "RS",
            "fee_owner": "MAIN",
            "visibility_tries": 2,
        }
    )
    return AlmaConnector(
        known, Surroundings("alma", SpyPace(), Listening().tell), sleep=lambda _: None, now=lambda: NOW
    )


def sierra(url: str, stand_in: SierraStandIn) -> SierraConnector:
    """With everything switched on that can be."""
    known = SierraSettings.model_validate(
        {
            "base_url": f"{url}/iii/sierra-api",
            "key": stand_in.key,
            "secret": stand_in.secret,
            "timezone": "Pacific/Kiritimati",
            "charge_fees": True,
            "lost_status": "l",
            "write_due_date_field": True,
            "audit_locations": ["illtm"],
            "visibility_tries": 2,
        }
    )
    return SierraConnector(
        known, Surroundings("sierra", SpyPace(), Listening().tell), sleep=lambda _: None, now=lambda: NOW
    )


class StandIn(Protocol):
    """What a stand-in is to a server."""

    @property
    def app(self) -> WSGIApplication:
        """The application."""
        ...


@dataclass(frozen=True)
class Vendor:
    """One of those that answer: its stand-in, a connector to it, an answer's key under which arrays may be nested, where items are made."""

    stand_in: Callable[[], StandIn]
    connector: Callable[[str, Any], Connector]
    key: str
    place: do.Place
    item_type: str = ""


VENDORS: Mapping[str, Vendor] = {
    "alma": Vendor(lambda: AlmaStandIn(clock=lambda: NOW), alma, "item_data", PLACE),
    "sierra": Vendor(lambda: SierraStandIn(clock=lambda: NOW), sierra, "entries", do.Place(location="illtm"), "50"),
}


class Ils:
    """An ILS whose answers a test may spoil on their way."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.spoil: Callable[[Response], Response] = lambda answer: answer
        self.stand_in = vendor.stand_in()
        self.connector: Connector

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chunks, status, headers = run_wsgi_app(self.stand_in.app, environ, buffered=True)
        return self.spoil(Response(b"".join(chunks), status, headers))(environ, start_response)


@pytest.fixture(params=VENDORS)
def ils(request: pytest.FixtureRequest) -> Iterator[Ils]:
    made = Ils(VENDORS[request.param])
    with Server(made) as server:
        made.connector = made.vendor.connector(server.url, made.stand_in)
        yield made
        made.connector.close()


def ask(ils: Ils, which: int) -> None:
    """One verb, or one of the questions; it ends in an answer or in one of our errors."""
    problem = refusal(ils.connector, which)
    assert problem is None or 0 < len(problem.reason) < 1500
    assert problem is None or PATRON not in problem.reason


def refusal(asked: Connector, which: int) -> IlsError | None:
    questions = (asked.probe, lambda: asked.check(EXPECTED), lambda: asked.accounts(["ILL-XYZ", PATRON]))
    try:
        if which < len(COMMANDS):
            name, command = COMMANDS[which]
            getattr(asked, name)(command, Call(verify=which % 2 == 0))
        else:
            questions[which - len(COMMANDS)]()
    except IlsError as problem:
        return problem
    return None


WHICH = st.integers(0, len(COMMANDS) + 2)
HEADERS = st.dictionaries(
    st.sampled_from(["X-Exl-Api-Remaining", "Retry-After", "Date", "Location", "Content-Encoding", "Content-Type"]),
    st.sampled_from(
        [
            "²",
            "-1",
            "9" * 30,
            "soon",
            "Mon, 01 Jan 99999 00:00:00 GMT",
            "Mon, 01 Jan 0001 00:00:00 +9999",
            "http://[",
            "gzip",
            "br",
            "text/html",
        ]
    ),
    max_size=2,
)


@amounts
def test_any_answer_ends_in_an_outcome_or_an_error_of_ours(ils: Ils, amount: settings) -> None:
    statuses = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503])

    @given(WHICH, st.one_of(RAW, DEEP, XML), statuses, HEADERS)
    def holds(which: int, raw: bytes, status: int, headers: dict[str, str]) -> None:
        ils.spoil = lambda _: Response(raw, status, headers)
        ask(ils, which)

    amount(holds)()


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in inner for place in ((*before, key), *places(each, (*before, key)))]


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    key, *rest = path
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = put(value[key], tuple(rest), odd) if rest else odd
    return copy


ODD = st.one_of(
    SCALARS,
    DATES,
    TEXTS,
    st.just([]),
    st.just({}),
    st.lists(SCALARS, max_size=2),
    st.fixed_dictionaries({"value": SCALARS}),
)


@amounts
def test_an_odd_value_anywhere_in_an_answer_ends_so_too(ils: Ils, amount: settings) -> None:
    @given(WHICH, st.integers(0, 400), ODD, st.integers(0, 5))
    def holds(which: int, where: int, odd: Any, later: int) -> None:
        left = [later]

        def spoil(answer: Response) -> Response:
            left[0] -= 1
            if left[0] >= 0 or not answer.get_data().startswith(b"{"):
                return answer
            found = json.loads(answer.get_data())
            spots = places(found)
            changed = put(found, spots[where % len(spots)], odd) if spots else found
            return Response(json.dumps(changed), answer.status, content_type="application/json")

        ils.spoil = spoil
        ask(ils, which)

    amount(holds)()


@pytest.mark.parametrize("which", range(len(COMMANDS) + 3))
@pytest.mark.parametrize("raw", [b"{" + b'"a":{' * 950 + b"}" * 951, b'{"KEY": ' + b"[" * 960 + b"]" * 960 + b"}", b""])
def test_an_answer_nested_deeply_or_empty(ils: Ils, which: int, raw: bytes) -> None:
    found = raw.replace(b"KEY", ils.vendor.key.encode())
    ils.spoil = lambda _: Response(found, 200, content_type="application/json")
    ask(ils, which)


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x1fb\x1d", "\ufffe\uffff", "\x0b\x0c", "<&>\"'", "\u202e" * 50, "t" * 2000, "ک" * 500, "\U0001f4d5"],
)
def test_any_title_can_be_catalogued(ils: Ils, text: str) -> None:
    description = do.Description(title=text, author=text, isbn=text, call_number=text, volume=text)
    target = replace(CREATED, ids=do.VendorIds(), place=ils.vendor.place)
    command = do.CreateTemporaryItem(target, description, ils.vendor.item_type, public_note=text, staff_note=text)
    ils.connector.create_temporary_item(command, Call())


@pytest.mark.parametrize(
    "text", ["a/b", "a?b=c", "a b", "../..", "ü", "%2f", "'; --", "a" * 300, "\U0001f4d5", "\t", "."]
)
def test_any_identifier_is_one_piece_of_the_address(ils: Ils, text: str) -> None:
    with pytest.raises(IlsError):
        ils.connector.find_patron(do.FindPatron(text), Call())
    with pytest.raises(IlsError):
        ils.connector.find_item(do.FindItem(replace(OWN, barcode=text)), Call())


@amounts
def test_a_date_is_a_day_or_none(amount: settings) -> None:
    @given(st.one_of(DATES, TEXTS))
    def holds(text: str) -> None:
        for zone in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
            assert day_of(text, zone) is None or isinstance(day_of(text, zone), date)

    amount(holds)()
    for zone in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
        assert end_of_day(FIRST, zone) < end_of_day(LAST, zone)
