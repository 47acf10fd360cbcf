"""ISO 18626 over real HTTP on a real ledger: confirmations, who may say what, and the relay that nothing of ours breaks."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import requests
from lxml import etree

from bridge.configuring import check
from bridge.conversing import Conversations
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import UNSET, Change, Edits, Phase, Stamp, Unset
from bridge.domain.identity import RequestKey, Role
from bridge.domain.standing import standings
from bridge.errors import ConfigurationError
from bridge.ledger import Ledger, LedgerBusy
from bridge.metrics import Metrics
from bridge.sandbox.iso18626 import IsoPeer, Talk
from bridge.sandbox.server import Server
from bridge.settings import Configuration
from bridge.sources.iso18626.message import only_by_id
from bridge.sources.iso18626.relay import Relay
from bridge.unkept import Unkept, UnkeptMessages
from bridge.web.app import make_app
from bridge.web.conversations import conversations_router
from bridge.web.server import WebServer
from bridge.wiring import connector_settings, conversations_of, source_settings
from tests.databases import migrate
from tests.reference import needs_reference
from tests.sources.iso18626.house import schemas

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
AT = "2026-11-20T10:00:00Z"
SYSTEM, BROKER, XYZ = "the secret of our system", "the secret of the broker", "the secret of library xyz"
XML = {"Content-Type": "application/xml;charset=UTF-8"}
BORROWED, LENT = Talk("OUR", "XYZ", "B-1"), Talk("XYZ", "OUR", "L-1")


def configuration(folder: Path, **source: Any) -> Configuration:
    peers = {
        "system": {"ours": True, "secret": SYSTEM},
        "broker": {"broker": True, "user": "broker", "password": BROKER},
        "xyz": {"symbols": ["XYZ"], "secret": XYZ, "secret_header": "X-Key"},
    }
    iso = {"kind": "iso18626", "service": "svc", "libraries": {"OUR": "main"}, "peers": peers, "max_bytes": 8192}
    raw: dict[str, Any] = {
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "ils": {
            "alma": {"connector": "alma", "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}}
        },
        "libraries": {"main": {"ils": "alma"}},
        "sources": {"iso": {**iso, **source}, "poll": {"kind": "webhook", "service": "svc", "secret": "of a webhook"}},
    }
    return check(raw, connector_settings=connector_settings, source_settings=source_settings)


@dataclass
class House:
    """A door, its ledger, and how often the engine was woken."""

    url: str
    ledger: Ledger
    door: Conversations
    metrics: Metrics
    woken: list[str]
    unkept: Path

    def post(self, body: bytes, **headers: str) -> requests.Response:
        told = {**XML, **({"X-ILL-Bridge-Secret": SYSTEM} if not headers else {}), **headers}
        return requests.post(f"{self.url}/iso18626/iso", data=body, headers=told, timeout=20)

    def say(self, body: bytes, **headers: str) -> tuple[str, str]:
        """messageStatus, and errorType of the confirmation."""
        answer = self.post(body, **headers)
        assert answer.status_code == 200, answer.text
        return field(answer, "messageStatus"), field(answer, "errorType")

    def phase(self, talk: Talk, role: Role) -> Phase | None:
        row = self.ledger.requests.of(RequestKey("main", "svc", role, talk.requester, talk.number))
        return standings(row.request)[-1].phase if row else None

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def field(answer: requests.Response, name: str) -> str:
    return str(etree.fromstring(answer.content).findtext(f".//{{*}}{name}") or "")


def basic(user: str = "broker", password: str = BROKER) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[Callable[[], None]] = []

    def opened(**source: Any) -> House:
        known = configuration(tmp_path, **source)
        ledger = Ledger(migrate(known.settings.ledger.url), clock=lambda: NOW)
        ledger.lanes.ensure(["alma"])
        woken: list[str] = []
        metrics = Metrics()
        doors = conversations_of(known, ledger, taken=lambda *lanes: woken.extend(lanes), metrics=metrics)
        server = WebServer(make_app({}, [conversations_router(doors)]), "127.0.0.1", 0)
        server.start()
        made.extend([ledger.close, doors["iso"].close, server.stop])
        return House(server.url, ledger, doors["iso"], metrics, woken, tmp_path / "ledger.db.unkept" / "iso")

    yield opened
    for close in reversed(made):
        close()


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    return open_house()


class TestConfirmations:
    def test_a_request_is_confirmed_taken_and_wakes_the_engine(self, house: House) -> None:
        answer = house.post(BORROWED.request(at="2026-11-20T10:00:00.123456789Z", patron="P1"))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml; charset=utf-8")
        told = {
            name: field(answer, name) for name in ("messageStatus", "timestampReceived", "requestingAgencyRequestId")
        }
        assert told == {
            "messageStatus": "OK",
            "timestampReceived": "2026-11-20T10:00:00.123456789Z",
            "requestingAgencyRequestId": "B-1",
        }
        assert house.phase(BORROWED, Role.BORROWER) is Phase.REQUESTED
        assert house.woken == ["alma"]
        counted = house.counted("ill_bridge_iso18626_confirmations_total", source="iso", kind="request", status="OK")
        assert counted == 1

    def test_a_repeat_is_confirmed_and_changes_nothing(self, house: House) -> None:
        for at in (AT, "2026-11-20T10:09:00Z"):
            assert house.say(BORROWED.supplied("Loaned", at=at, changed=AT)) == ("OK", "")
        (row,) = house.ledger.requests.list()
        assert len(house.ledger.requests.history(row.id)) == 1

    @needs_reference
    @pytest.mark.parametrize("version", ["1.2", "v1_2_2017", "2021-2"])
    def test_each_is_valid_by_the_schema_of_its_version_and_echoes_what_it_confirms(
        self, house: House, version: str
    ) -> None:
        schema = schemas()["2021" if "2021" in version else "1.2"]
        lent, borrowed = Talk("XYZ", "OUR", "L-1", version), Talk("OUR", "XYZ", "B-1", version)
        for message, name, said in (
            (lent.request(at=AT), "requestConfirmation", ""),
            (lent.request(at="0001-01-01T00:00:00Z"), "requestConfirmation", ""),
            (lent.request(at="2026-02-30T00:00:00+0000"), "requestConfirmation", ""),
            (lent.acted("Received", at="1900-01-01T01:01:01+0000"), "action", "Received"),
            (lent.acted("Lost", at=AT), "action", "Lost" if "2021" in version else ""),
            (lent.acted("WeCancelThisMessage", at=AT), "action", ""),
            (
                borrowed.supplied("Loaned", at=AT, reason="RenewResponse", answer="Y"),
                "reasonForMessage",
                "RenewResponse",
            ),
            (borrowed.supplied("Loaned", at="", reason="NoGoodReason"), "reasonForMessage", ""),
            (Talk("A", "B", "1", version).supplied("Loaned", at=AT), "reasonForMessage", "StatusChange"),
        ):
            answer = house.post(message.replace(b"<multipleItemRequestId></", b"<multipleItemRequestId>M</"))
            document = etree.fromstring(answer.content)
            assert schema.validate(document), (schema.error_log, answer.text)
            assert version in document.attrib.values()
            assert field(answer, name) == said
            assert field(answer, "multipleItemRequestId") == ("" if "2021" in version else "M")

    def test_what_is_not_taken_is_kept_and_its_sender_told(self, house: House) -> None:
        for message, type_ in (
            (BORROWED.supplied("WeCouldLoan", at=AT), "UnrecognisedDataValue"),
            (BORROWED.supplied("Loaned", at=AT, reason="NoGoodReason"), "UnsupportedReasonForMessageType"),
            (LENT.acted("WeCancelThisMessage", at=AT), "UnsupportedActionType"),
            (Talk("OUR", "XYZ", "").supplied("Loaned", at=AT), "UnrecognisedDataValue"),
            (Talk("A", "B", "1").supplied("Loaned", at=AT), "UnrecognisedDataValue"),
        ):
            assert house.say(message) == ("ERROR", type_)
        states = [kept.state for kept in house.ledger.inbox.kept()]
        assert states == [ArrivalState.UNKNOWN_WORD] * 3 + [ArrivalState.MALFORMED] * 2
        assert house.ledger.requests.list() == ()

    def test_late_and_impossible_moves_are_confirmed_kept_and_not_applied(self, house: House) -> None:
        house.say(BORROWED.request(at=AT))
        for number, status in enumerate(("Loaned", "LoanCompleted", "Loaned", "Overdue", "WillSupply", "Cancelled")):
            assert house.say(BORROWED.supplied(status, at=f"2026-11-21T1{number}:00:00Z")) == ("OK", "")
        assert house.phase(BORROWED, Role.BORROWER) is Phase.COMPLETED

    def test_a_notification_of_a_request_never_heard_of_makes_none(self, house: House) -> None:
        assert house.say(LENT.acted("Notification", at=AT)) == ("OK", "")
        assert house.ledger.requests.list() == ()


class TestRefusals:
    def test_the_statuses_that_the_field_uses(self, house: House) -> None:
        good = LENT.request(at=AT)
        url, key = f"{house.url}/iso18626/iso", {"X-ILL-Bridge-Secret": SYSTEM}
        assert requests.get(url, headers=key, timeout=9).status_code == 405
        assert (
            requests.post(url, data=good, headers={**key, "Content-Type": "application/json"}, timeout=9).status_code
            == 415
        )
        assert requests.post(url, data=good, headers=key, timeout=9).status_code == 415
        assert requests.post(url, data=good, headers={**key, "Content-Type": "text/xml"}, timeout=9).status_code == 200
        assert requests.post(f"{house.url}/iso18626/moon", data=good, headers=XML, timeout=9).status_code == 404
        assert house.post(b"<a>" + b"x" * 9000).status_code == 413

    def test_what_holds_no_message_is_told_and_kept(self, house: House) -> None:
        for body in (b"", b"<a>", b"{}", b"<ISO18626Message/>", b"<!DOCTYPE x><request/>"):
            answer = house.post(body)
            assert answer.status_code == 400
            kept = house.ledger.inbox.kept()[-1]
            assert answer.json() == {"error": kept.problem, "kept": kept.id}

    def test_a_ledger_that_refuses_is_our_failure(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(house.ledger.inbox, "take", busy)
        answer = house.post(LENT.request(at=AT))
        assert (answer.status_code, answer.headers["Retry-After"]) == (500, "5")
        assert house.counted("ill_bridge_changes_received_total", source="iso", result="not_kept") == 1

    def test_a_sender_that_falls_silent(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bridge.web.app.PATIENCE", 0.05)
        address = urlsplit(house.url)
        head = f"POST /iso18626/iso HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nX-ILL-Bridge-Secret: {SYSTEM}\r\n"
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as line:
            line.sendall(f"{head}Content-Length: 20\r\n\r\n<a>".encode())
            assert line.recv(65_536).startswith(b"HTTP/1.1 408 ")


def numbers(house: House) -> list[str]:
    return sorted(row.request.key.number for row in house.ledger.requests.list())


def busy(*_: object, **__: object) -> None:
    raise LedgerBusy("Disk full.")


class TestCallers:
    def test_a_stranger_is_not_heard(self, house: House) -> None:
        strangers = (
            {"X-Nothing": "1"},
            {"X-ILL-Bridge-Secret": "wrong"},
            {"X-ILL-Bridge-Secret": XYZ},
            {"X-Key": "wrong"},
            {"Authorization": "Basic !!!"},
            {"Authorization": f"Bearer {BROKER}"},
            {"Authorization": basic("broker", "wrong")},
            {"Authorization": basic("other")},
            {"X-Forwarded-For": "10.1.1.1"},
        )
        for headers in strangers:
            answer = house.post(LENT.request(at=AT), **headers)
            assert answer.status_code == 401
            assert "WWW-Authenticate" in answer.headers
        assert (house.ledger.inbox.kept(), house.ledger.requests.list()) == ((), ())
        refused = house.counted("ill_bridge_changes_received_total", source="iso", result="refused")
        assert refused == len(strangers)

    def test_a_peer_is(self, house: House) -> None:
        for headers in ({"X-Key": XYZ}, {"Authorization": basic()}):
            assert house.say(LENT.request(at=AT), **headers) == ("OK", "")

    def test_the_previous_secret_still_is_one(self, open_house: Callable[..., House]) -> None:
        house = open_house(peers={"a": {"broker": True, "secret": XYZ, "previous_secret": BROKER}})
        assert house.say(LENT.request(at=AT), **{"X-ILL-Bridge-Secret": BROKER}) == ("OK", "")

    def test_by_account_and_security_code(self, open_house: Callable[..., House]) -> None:
        house = open_house(peers={"a": {"broker": True, "account": "acc", "security_code": "code"}})
        plain = LENT.request(at=AT)
        for code, status in (("code", 200), ("wrong", 401)):
            told = f"<requestingAgencyAuthentication><accountId>acc</accountId><securityCode>{code}</securityCode>"
            body = plain.replace(b"</header>", f"{told}</requestingAgencyAuthentication></header>".encode())
            assert house.post(body).status_code == status
        assert house.post(plain).status_code == 401
        assert house.post(b"<a>").status_code == 401, "nothing is kept of somebody who cannot be known"
        assert house.ledger.inbox.kept() == ()

    def test_by_address(self, open_house: Callable[..., House]) -> None:
        peers = {"a": {"broker": True, "addresses": ["127.0.0.0/8"]}, "b": {"broker": True, "addresses": ["192.0.2.7"]}}
        house = open_house(peers=peers)
        assert house.say(LENT.request(at=AT)) == ("OK", "")
        assert house.say(LENT.request(at=AT), **{"X-Forwarded-For": "10.9.9.9"}) == ("OK", ""), (
            "nobody's word is believed"
        )

    def test_behind_a_proxy_that_is_trusted(self, open_house: Callable[..., House]) -> None:
        peers = {"b": {"broker": True, "addresses": ["192.0.2.7"]}}
        house = open_house(peers=peers, trusted_proxies=["127.0.0.1"])
        for forwarded, status in (
            ("192.0.2.7", 200),
            ("10.0.0.1, 192.0.2.7", 200),
            ("192.0.2.7, 127.0.0.1", 200),
            ("192.0.2.7, 10.0.0.1", 401),
            ("", 401),
            ("x", 401),
        ):
            assert house.post(LENT.request(at=AT), **{"X-Forwarded-For": forwarded}).status_code == status, forwarded

    def test_what_a_stranger_says_of_its_address_is_not_believed_where_the_proxy_writes_a_line_of_its_own(
        self, open_house: Callable[..., House]
    ) -> None:
        peers = {"b": {"broker": True, "addresses": ["192.0.2.7"]}}
        house = open_house(peers=peers, trusted_proxies=["127.0.0.1"])
        body, address = LENT.request(at=AT), urlsplit(house.url)
        for lines, status in ((("192.0.2.7", "198.51.100.9"), 401), (("198.51.100.9", "192.0.2.7"), 200)):
            line = HTTPConnection(address.hostname or "", address.port, timeout=20)
            line.putrequest("POST", "/iso18626/iso")
            for name, value in (*XML.items(), ("Content-Length", str(len(body)))):
                line.putheader(name, value)
            for forwarded in lines:
                line.putheader("X-Forwarded-For", forwarded)
            line.endheaders(body)
            assert line.getresponse().status == status, lines
            line.close()

    def test_peers_behind_one_address_each_speak_for_their_own_symbol(self, open_house: Callable[..., House]) -> None:
        here = ["127.0.0.1"]
        house = open_house(
            peers={"abc": {"symbols": ["ABC"], "addresses": here}, "xyz": {"symbols": ["XYZ"], "addresses": here}}
        )
        assert house.say(LENT.request(at=AT)) == ("OK", "")
        assert house.say(Talk("DEF", "OUR", "1").request(at=AT)) == ("ERROR", "UnrecognisedDataValue")

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ({"peers": {"a": {"ours": True}}}, "something to know it by"),
            ({"peers": {"a": {"secret": "a long secret"}}}, "needs its symbols"),
            ({"peers": {"a": {"ours": True, "user": "u"}}}, "go together"),
            ({"peers": {"a": {"ours": True, "account": "u"}}}, "go together"),
            ({"peers": {"a": {"ours": True, "addresses": ["nowhere"]}}}, "neither an address nor a network"),
            ({"peers": {"a": {"ours": True, "secret": "a long secret", "url": "ftp://x"}}}, "https://"),
            ({"peers": {"a": {"ours": True, "secret_file": "/no/such/file"}}}, "peers.a.secret_file"),
            ({"peers": {}}, "at least 1"),
            ({"deployment": "relay"}, "a relay needs exactly one peer that is ours"),
            ({"libraries": {}}, "needs our symbols"),
            ({"trusted_proxies": ["x y"]}, "neither an address nor a network"),
        ],
    )
    def test_settings_that_would_let_anybody_in_or_lead_nowhere(
        self, tmp_path: Path, source: dict[str, Any], why: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=why):
            configuration(tmp_path, **source)

    def test_a_secret_may_stand_in_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "s").write_text("a long secret\n", encoding="utf-8")
        known = configuration(tmp_path, peers={"a": {"ours": True, "secret_file": str(tmp_path / "s")}})
        assert known.sources["iso"].peers["a"].secret.get_secret_value() == "a long secret"  # type: ignore[attr-defined]


class TestLegs:
    PEER: ClassVar = {"X-Key": XYZ}
    BROKERED: ClassVar = {"Authorization": basic()}

    def test_a_peer_speaks_for_its_own_symbol_only(self, house: House) -> None:
        other = Talk("OUR", "ABC", "B-1")
        house.say(other.request(at=AT))
        assert house.say(other.supplied("LoanCompleted", at=AT), **self.PEER) == ("ERROR", "UnrecognisedDataValue")
        assert house.say(Talk("ABC", "OUR", "1").acted("ShippedReturn", at=AT), **self.PEER)[0] == "ERROR"
        assert house.phase(other, Role.BORROWER) is Phase.REQUESTED
        said = [kept.problem for kept in house.ledger.inbox.kept()]
        assert ["may not speak for 'ABC'" in each for each in said] == [True, True]

    def test_what_it_may_not_say_is_taken_by_id_only(self, house: House) -> None:
        house.say(Talk("OUR", "ABC", "B-1").request(at=AT))
        house.say(Talk("OUR", "ABC", "B-1").supplied("Unfilled", at=AT), **self.PEER)
        house.say(BORROWED.supplied("WeCouldLoan", at=AT), **self.PEER)
        house.say(Talk("OUR", "ABC", "B-1").supplied("WeCouldLoan", at=AT))
        held = [only_by_id(kept.key) for kept in house.ledger.inbox.kept()]
        assert held == [True, True, False]

    def test_it_cannot_open_a_leg_of_a_request_that_was_sent_to_somebody_else(self, house: House) -> None:
        other = Talk("OUR", "ABC", "B-1")
        house.say(other.request(at=AT))
        house.say(other.supplied("Loaned", at=AT))
        assert house.say(BORROWED.supplied("Loaned", at="2026-11-21T10:00:00Z"), **self.PEER)[0] == "ERROR"
        row = house.ledger.requests.of(RequestKey("main", "svc", Role.BORROWER, "OUR", "B-1"))
        assert row is not None
        assert [each.leg for each in standings(row.request)] == ["ABC"]

    def test_nor_does_our_own_system_believe_another_supplier_before_the_first_could_not(self, house: House) -> None:
        first = Talk("OUR", "ABC", "B-1")
        house.say(first.request(at=AT))
        house.say(first.supplied("Loaned", at="2026-11-21T10:00:00Z"))
        assert house.say(BORROWED.supplied("Loaned", at="2026-11-22T10:00:00Z"))[0] == "ERROR"
        row = house.ledger.requests.of(RequestKey("main", "svc", Role.BORROWER, "OUR", "B-1"))
        assert row is not None
        assert [each.leg for each in standings(row.request)] == ["ABC"]

    def test_once_the_first_could_not_the_next_one_is_believed_in_any_order(self, house: House) -> None:
        for number, order in (("1", (0, 1, 2)), ("2", (0, 2, 1)), ("3", (2, 1, 0))):
            first, second = Talk("OUR", "ABC", number), Talk("OUR", "XYZ", number)
            said = (
                first.request(at=AT),
                first.supplied("Unfilled", at="2026-11-21T10:00:00Z"),
                second.supplied("Loaned", at="2026-11-22T10:00:00Z"),
            )
            for place in order:
                house.say(said[place])
            row = house.ledger.requests.of(RequestKey("main", "svc", Role.BORROWER, "OUR", number))
            assert row is not None
            live = standings(row.request)[-1]
            assert (live.leg, live.phase) == ("XYZ", Phase.SHIPPED), order

    def test_a_gateway_behind_which_a_broker_stands(self, open_house: Callable[..., House]) -> None:
        house = open_house(peers={"system": {"ours": True, "broker": True, "secret": SYSTEM}})
        house.say(Talk("OUR", "BROKER", "B-1").request(at=AT))
        assert house.say(BORROWED.supplied("Loaned", at="2026-11-22T10:00:00Z")) == ("OK", "")

    def test_a_broker_may_choose_the_next_supplier(self, house: House) -> None:
        house.say(Talk("OUR", "BROKER", "B-1").request(at=AT, patron="P1"))
        assert house.say(BORROWED.supplied("Loaned", at=AT), **self.BROKERED) == ("OK", "")
        row = house.ledger.requests.of(RequestKey("main", "svc", Role.BORROWER, "OUR", "B-1"))
        assert row is not None
        live = standings(row.request)[-1]
        assert (live.leg, live.phase, live.patron_id) == ("XYZ", Phase.SHIPPED, "P1")

    def test_of_a_request_never_heard_of_nothing_is_taken_until_it_is(self, house: House) -> None:
        loaned = BORROWED.supplied("Loaned", at="2026-11-21T10:00:00Z", item="39001")
        assert house.say(loaned, **self.PEER) == ("ERROR", "UnrecognisedDataValue")
        assert house.ledger.requests.list() == ()
        (kept,) = house.ledger.inbox.kept()
        assert "as soon as it is heard of" in kept.problem
        assert house.say(BORROWED.request(at=AT, patron="P1")) == ("OK", "")
        assert house.phase(BORROWED, Role.BORROWER) is Phase.SHIPPED
        assert house.ledger.inbox.kept() == ()
        assert house.say(loaned, **self.PEER) == ("OK", ""), "sent again, it is known"

    @pytest.mark.parametrize("requester", ["OUR", "ISIL:OUR"])
    def test_what_waited_is_taken_when_another_source_tells_of_the_request(
        self, open_house: Callable[..., House], requester: str
    ) -> None:
        house = open_house(symbols_with_type=":" in requester)
        loaned = BORROWED.supplied("Loaned", at="2026-11-21T10:00:00Z", item="39001")
        assert house.say(loaned, **self.PEER)[0] == "ERROR"
        house.door.catch_up()
        assert house.ledger.requests.list() == ()
        key = RequestKey("main", "svc", Role.BORROWER, requester, "B-1")
        told = Change("p1", key, Stamp(0, datetime.fromisoformat(AT)), phase=Phase.REQUESTED)
        house.ledger.inbox.take("poll", [Arrival("p1", "{}", (told,))], lambda _: "alma")
        house.woken.clear()
        house.door.catch_up()
        (row,) = house.ledger.requests.list()
        assert standings(row.request)[-1].phase is Phase.SHIPPED
        assert (house.ledger.inbox.kept(), house.woken) == ((), ["alma"])

    def test_in_any_order_a_conversation_through_the_door_ends_alike(self, open_house: Callable[..., House]) -> None:
        house = open_house()
        said: tuple[tuple[str, dict[str, str]], ...] = (
            ("request", {}),
            ("Loaned", self.PEER),
            ("Received", {}),
            ("RenewResponse", self.PEER),
            ("ShippedReturn", {}),
        )
        for place, order in enumerate(list(permutations(said))[::11]):
            talk = Talk("OUR", "XYZ", f"N-{place}")
            for name, headers in order[:: 1 if place % 2 else -1]:
                house.post(spoken(talk, name), **headers)
            assert house.phase(talk, Role.BORROWER) is Phase.RETURNED, order
            row = house.ledger.requests.of(RequestKey("main", "svc", Role.BORROWER, "OUR", talk.number))
            assert row is not None
            stand = standings(row.request)[-1]
            assert (str(stand.due), stand.barcode, stand.patron_id) == ("2027-01-30", "39001", "P1"), order
        assert house.ledger.inbox.kept() == ()

    def test_where_only_the_other_side_is_heard_it_may_open(self, open_house: Callable[..., House]) -> None:
        house = open_house(peers_open_requests=True)
        assert house.say(BORROWED.supplied("Loaned", at=AT), **self.PEER) == ("OK", "")
        assert house.phase(BORROWED, Role.BORROWER) is Phase.SHIPPED

    def test_there_too_no_other_supplier_takes_over_before_the_first_could_not(
        self, open_house: Callable[..., House]
    ) -> None:
        house = open_house(peers_open_requests=True)
        first = Talk("OUR", "ABC", "B-1")
        house.say(first.supplied("Loaned", at=AT), **self.BROKERED)
        done = BORROWED.supplied("LoanCompleted", at="2026-11-21T10:00:00Z")
        assert house.say(done, **self.PEER) == ("ERROR", "UnrecognisedDataValue")
        assert house.phase(first, Role.BORROWER) is Phase.SHIPPED
        house.say(first.supplied("Unfilled", at="2026-11-21T11:00:00Z"), **self.BROKERED)
        assert house.say(BORROWED.supplied("Loaned", at="2026-11-22T10:00:00Z"), **self.PEER) == ("OK", "")

    @pytest.mark.parametrize(
        ("partner", "said", "phase"),
        [
            ("ABC", "ERROR", Phase.RECEIVED),
            ("ISIL:ABC", "ERROR", Phase.RECEIVED),
            ("XYZ", "OK", Phase.COMPLETED),
            ("ISIL:xyz", "OK", Phase.COMPLETED),
            (UNSET, "OK", Phase.COMPLETED),
        ],
    )
    def test_of_a_request_that_another_source_told_of_only_its_partner_may_speak(
        self, house: House, partner: str | Unset, said: str, phase: Phase
    ) -> None:
        key = RequestKey("main", "svc", Role.BORROWER, "OUR", "B-1")
        at = datetime.fromisoformat(AT)
        told = Change("p1", key, Stamp(0, at), phase=Phase.RECEIVED, edits=Edits(partner=partner))
        house.ledger.inbox.take("poll", [Arrival("p1", "{}", (told,))], lambda _: "alma")
        done = BORROWED.supplied("LoanCompleted", at="2026-11-21T10:00:00Z")
        assert house.say(done, **self.PEER)[0] == said
        assert house.phase(BORROWED, Role.BORROWER) is phase
        assert house.say(BORROWED.supplied("Recalled", at="2026-11-22T10:00:00Z"))[0] == "OK", "our own system hears it"

    def test_a_request_for_us_opens_and_its_requester_goes_on(self, house: House) -> None:
        for message in (LENT.request(at=AT), LENT.acted("Received", at=AT)):
            assert house.say(message, **self.PEER) == ("OK", "")
        assert house.phase(LENT, Role.LENDER) is Phase.RECEIVED

    def test_what_was_kept_for_a_word_is_taken_when_it_comes_again_and_is_known(
        self, open_house: Callable[..., House], tmp_path: Path
    ) -> None:
        odd = LENT.acted("ShippedForward", at=AT)
        assert open_house().say(odd)[0] == "ERROR"
        house = open_house(words={"ShippedForward": {"phase": "returned"}})
        assert house.say(odd) == ("OK", "")
        assert house.phase(LENT, Role.LENDER) is Phase.RETURNED


def spoken(talk: Talk, name: str) -> bytes:
    match name:
        case "request":
            return talk.request(at="2026-11-20T10:00:00Z", patron="P1")
        case "Loaned":
            return talk.supplied("Loaned", at="2026-11-21T10:00:00Z", item="39001", due="2027-01-15")
        case "RenewResponse":
            at, due = "2026-11-23T10:00:00Z", "2027-01-30"
            return talk.supplied("Loaned", at=at, reason="RenewResponse", answer="Y", due=due)
        case _:
            day = {"Received": 22, "ShippedReturn": 24}[name]
            return talk.acted(name, at=f"2026-11-{day}T10:00:00Z")


class TestProbes:
    def test_the_last_number_is_known(self, house: House) -> None:
        house.say(LENT.request(at=AT))
        house.say(LENT.acted("Received", at=AT, note="#seq:4#"))
        house.say(LENT.acted("Renew", at=AT, note="Please #seq:5#"))
        before = house.ledger.inbox.sources()
        for asked, status in ((5, "OK"), (6, "ERROR"), (-1, "ERROR")):
            answer = house.post(LENT.acted("StatusRequest", at=AT, note=f"#lastSeq:{asked}#"))
            assert (field(answer, "messageStatus"), field(answer, "errorValue")) == (status, "5")
        assert house.ledger.inbox.sources() == before, "a probe is no message of the conversation"

    def test_of_a_supplier_by_a_message_without_a_status(self, house: House) -> None:
        assert house.say(BORROWED.supplied("", at=AT, note="#lastSeq:1#")) == ("ERROR", "UnrecognisedDataValue")
        house.say(BORROWED.supplied("WillSupply", at=AT, note="#seq:1#"))
        assert house.say(BORROWED.supplied("", at=AT, note="#lastSeq:1#"))[0] == "OK"


@dataclass
class Between:
    """A relay between our system and a broker, both stand-ins."""

    house: House
    system: IsoPeer
    broker: IsoPeer


@pytest.fixture
def relay(open_house: Callable[..., House]) -> Iterator[Between]:
    system, broker = IsoPeer(), IsoPeer()
    servers = [Server(system.app), Server(broker.app)]
    for server in servers:
        server.start()
    peers = {
        "system": {"ours": True, "secret": SYSTEM, "url": f"{servers[0].url}/iso18626"},
        "broker": {
            "broker": True,
            "secret": BROKER,
            "url": f"{servers[1].url}/iso18626",
            "send_secret": "what the broker wants",
            "send_user": "us",
            "send_password": "our password",
        },
    }
    yield Between(open_house(deployment="relay", peers=peers, relay_timeout=20), system, broker)
    for server in servers:
        server.stop()


class TestRelay:
    OUT, IN = {"X-ILL-Bridge-Secret": SYSTEM}, {"X-ILL-Bridge-Secret": BROKER}

    def test_a_message_goes_on_as_it_is_and_the_peers_confirmation_comes_back(self, relay: Between) -> None:
        body = BORROWED.request(at=AT, patron="P1")
        answer = relay.house.post(body, **self.OUT)
        (headers, heard), *more = relay.broker.heard
        assert (heard, more, relay.system.heard) == (body, [], [])
        assert (field(answer, "messageStatus"), answer.headers["content-type"]) == (
            "OK",
            "application/xml; charset=utf-8",
        )
        assert headers["X-Ill-Bridge-Secret"] == "what the broker wants"
        assert headers["Authorization"] == basic("us", "our password")
        assert headers["Content-Type"] == XML["Content-Type"]
        assert relay.house.phase(BORROWED, Role.BORROWER) is Phase.REQUESTED
        assert relay.house.counted("ill_bridge_relay_calls_total", source="iso", peer="broker", status="2xx") == 1

    def test_both_ways(self, relay: Between) -> None:
        relay.house.post(BORROWED.request(at=AT), **self.OUT)
        relay.house.post(BORROWED.supplied("Loaned", at=AT), **self.IN)
        assert [body for _, body in relay.system.heard] == [BORROWED.supplied("Loaned", at=AT)]
        assert relay.house.phase(BORROWED, Role.BORROWER) is Phase.SHIPPED

    def test_the_peers_refusal_comes_back_unchanged(self, relay: Between) -> None:
        relay.broker.refuses = "Never heard of it"
        answer = relay.house.post(BORROWED.request(at=AT), **self.OUT)
        assert field(answer, "errorValue") == "Never heard of it"
        relay.broker.status = 413
        assert relay.house.post(BORROWED.request(at=AT), **self.OUT).status_code == 413

    def test_what_is_not_understood_goes_on_all_the_same_and_is_kept(self, relay: Between) -> None:
        relay.broker.status = 202
        odd = [b"<not xml", b"{}", BORROWED.supplied("WeCouldLoan", at=AT), Talk("A", "B", "1").acted("Lost", at=AT)]
        for body in odd:
            assert relay.house.post(body, **self.OUT).status_code == 202
        assert [heard for _, heard in relay.broker.heard] == odd
        assert len(relay.house.ledger.inbox.kept()) == len(odd)

    def test_a_stranger_is_not_forwarded(self, relay: Between) -> None:
        assert relay.house.post(LENT.request(at=AT), **{"X-ILL-Bridge-Secret": "wrong"}).status_code == 401
        assert (relay.system.heard, relay.broker.heard) == ([], [])

    def test_a_probe_is_answered_by_the_peer(self, relay: Between) -> None:
        relay.house.post(LENT.acted("StatusRequest", at=AT, note="#lastSeq:7#"), **self.IN)
        assert len(relay.system.heard) == 1
        assert relay.house.ledger.inbox.kept() == ()

    def test_a_ledger_that_refuses_does_not_break_it_and_is_caught_up_with(
        self, relay: Between, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(relay.house.ledger.inbox, "take", busy)
            for number in ("1", "2"):
                answer = relay.house.post(Talk("OUR", "XYZ", number).request(at=AT), **self.OUT)
                assert field(answer, "messageStatus") == "OK"
            relay.house.door.catch_up()
        assert numbers(relay.house) == []
        relay.house.post(Talk("OUR", "XYZ", "3").request(at=AT), **self.OUT)
        relay.house.door.close()
        assert numbers(relay.house) == ["1", "2", "3"]
        assert list(relay.house.unkept.iterdir()) == []

    def test_it_is_on_the_disk_before_it_goes_on_and_the_next_daemon_takes_it(
        self, relay: Between, open_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held: list[int] = []
        forward = Relay.forward

        def seen(line: Relay, *said: Any) -> Any:
            held.append(len(list(relay.house.unkept.glob("*.json"))))
            return forward(line, *said)

        monkeypatch.setattr(Relay, "forward", seen)
        monkeypatch.setattr(relay.house.ledger.inbox, "take", busy)
        code = b"<requestingAgencyAuthentication><securityCode>hush</securityCode></requestingAgencyAuthentication></header>"
        relay.house.post(BORROWED.request(at=AT).replace(b"</header>", code), **self.OUT)
        assert held == [1]
        (path,) = relay.house.unkept.iterdir()
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert "hush" not in path.read_text(encoding="utf-8")
        monkeypatch.undo()
        peers = {"system": {"ours": True, "secret": SYSTEM, "url": "http://127.0.0.1:9/"}}
        other = {"broker": {"broker": True, "secret": BROKER, "url": "http://127.0.0.1:9/"}}
        successor = open_house(deployment="relay", peers={**peers, **other})
        successor.door.catch_up()
        assert successor.phase(BORROWED, Role.BORROWER) is Phase.REQUESTED
        assert list(relay.house.unkept.iterdir()) == []

    def test_a_message_that_a_fault_of_ours_meets_holds_up_no_other(
        self, relay: Between, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        understood = relay.house.door._judged

        def faulty(caller: Any, reading: Any, message: Any) -> Any:
            if message.number == "1":
                raise ZeroDivisionError
            return understood(caller, reading, message)

        monkeypatch.setattr(relay.house.door, "_judged", faulty)
        with monkeypatch.context() as patched:
            patched.setattr(relay.house.ledger.inbox, "take", busy)
            for number in ("1", "2"):
                relay.house.post(Talk("OUR", "XYZ", number).request(at=AT), **self.OUT)
        relay.house.door.catch_up()
        assert numbers(relay.house) == ["2"]
        (kept,) = relay.house.ledger.inbox.kept()
        assert "fault of the bridge" in kept.problem

    def test_what_a_peer_said_that_is_no_longer_configured_is_kept_as_it_is(self, relay: Between) -> None:
        unkept = UnkeptMessages("iso", relay.house.unkept)
        assert unkept.put(Unkept("gone", BORROWED.request(at=AT).decode()))
        relay.house.door.catch_up()
        assert numbers(relay.house) == []
        assert len(relay.house.ledger.inbox.kept()) == 1

    def test_a_fault_of_our_own_after_the_reading_loses_nothing_either(
        self, relay: Between, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(relay.house.door, "heard", broken)
            assert relay.house.post(BORROWED.request(at=AT), **self.OUT).status_code == 200
        relay.house.door.catch_up()
        assert relay.house.phase(BORROWED, Role.BORROWER) is Phase.REQUESTED

    def test_nor_does_a_fault_of_our_own_reading(self, relay: Between, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(_body: bytes) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(relay.house.door.source, "read", broken)
        code = b"<requestingAgencyAuthentication><securityCode>hush</securityCode></requestingAgencyAuthentication></header>"
        body = BORROWED.request(at=AT).replace(b"</header>", code)
        answer = relay.house.post(body, **self.OUT)
        assert field(answer, "messageStatus") == "OK"
        assert [heard for _, heard in relay.broker.heard] == [body]
        (kept,) = relay.house.ledger.inbox.kept()
        assert "fault of the bridge" in kept.problem
        assert "hush" not in kept.body

    def test_a_slow_ledger_holds_nothing_up(self, relay: Between, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bridge.relaying.STORE_PATIENCE", 0.01)
        with relay.house.ledger.database.write():
            answer = relay.house.post(BORROWED.request(at=AT), **self.OUT)
        assert field(answer, "messageStatus") == "OK"
        relay.house.door.close()
        assert relay.house.phase(BORROWED, Role.BORROWER) is Phase.REQUESTED

    def test_a_peer_that_does_not_answer_is_told_and_the_message_kept(self, open_house: Callable[..., House]) -> None:
        peers = {
            "system": {"ours": True, "secret": SYSTEM, "url": "http://127.0.0.1:9/iso"},
            "broker": {"broker": True, "secret": BROKER, "url": "http://127.0.0.1:9/iso"},
        }
        house = open_house(deployment="relay", peers=peers)
        answer = house.post(BORROWED.request(at=AT), **self.OUT)
        assert (answer.status_code, "broker" in answer.json()["error"]) == (502, True)
        assert house.phase(BORROWED, Role.BORROWER) is Phase.REQUESTED

    def test_a_peer_that_has_enough(self, relay: Between) -> None:
        for status in (429, 503):
            relay.broker.status = status
            assert relay.house.post(BORROWED.request(at=AT), **self.OUT).status_code == status

    def test_among_several_the_one_who_bears_the_symbol(self, open_house: Callable[..., House]) -> None:
        xyz, abc = IsoPeer(), IsoPeer()
        servers = [Server(xyz.app), Server(abc.app)]
        for server in servers:
            server.start()
        known = {"ours": True, "secret": SYSTEM, "url": "http://127.0.0.1:9/"}
        one = {"symbols": ["XYZ"], "secret": XYZ, "url": f"{servers[0].url}/iso18626"}
        two = {"symbols": ["ABC"], "secret": BROKER, "url": f"{servers[1].url}/iso18626"}
        house = open_house(deployment="relay", peers={"system": known, "xyz": one, "abc": two})
        house.post(BORROWED.request(at=AT), **self.OUT)
        house.post(Talk("ABC", "OUR", "1").supplied("Loaned", at=AT), **self.OUT)
        assert (len(xyz.heard), len(abc.heard)) == (1, 1)
        assert house.post(Talk("OUR", "DEF", "1").request(at=AT), **self.OUT).status_code == 400
        for server in servers:
            server.stop()


def test_times_of_the_tests_lie_before_now() -> None:
    assert datetime.fromisoformat(AT) < NOW - timedelta(days=1)
