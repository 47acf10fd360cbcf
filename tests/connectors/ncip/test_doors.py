"""Patrons by other doors: OCLC's SCIM and Innovative's Patron API, on payloads of real sites and on stand-ins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from flask import request

from bridge.connectors.base import Call
from bridge.connectors.millennium import MillenniumSettings
from bridge.connectors.millennium.patronapi import PatronApi
from bridge.connectors.millennium.sippatrons import SipPatrons
from bridge.connectors.sip2.answers import WIDTHS, Patron
from bridge.connectors.sip2.message import decoded
from bridge.connectors.wms import WmsSettings
from bridge.connectors.wms.scim import ScimDirectory, ScimList
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.errors import CredentialsRejected, IlsError, Rejected, Retry, Unavailable
from bridge.http import Answer, Sending
from bridge.sandbox.ncip.sip import sip_server
from tests.connectors.ncip.bench import MillenniumBench, NcipBench, WmsBench
from tests.contract.bench import expected, own
from tests.contract.suite import made
from tests.reference import REFERENCE, needs_reference

CALL = Call()
TODAY = date(2026, 11, 24)
DUMPS = REFERENCE / "sierra" / "millennium-patronapi"
SCIM = REFERENCE / "koha" / "oclc-idm"


class Told:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[Sending] = []

    def send(self, sending: Sending) -> Answer:
        self.asked.append(sending)
        return self._answers.pop(0)

    def close(self) -> None:
        """Nothing."""


class Token:
    """A token that is always good."""

    forgotten = 0

    def headers(self) -> dict[str, str]:
        return {}

    def forget(self) -> None:
        self.forgotten += 1


def patron_api(body: bytes, status: int = 200) -> PatronApi:
    return PatronApi(Told(Answer(status, body)), lambda: TODAY)  # type: ignore[arg-type]


@needs_reference
class TestPatronApiPayloads:
    """As other projects recorded them."""

    def test_a_patron(self) -> None:
        person = patron_api((DUMPS / "dump.success.html").read_bytes()).person("44444444444447")
        assert person is not None
        assert not [each for each in person.against if "blocked" in each]

    def test_a_blocked_one(self) -> None:
        person = patron_api((DUMPS / "dump.blocked.html").read_bytes()).person("1")
        assert person is not None
        assert any("blocked" in each for each in person.against)

    def test_an_expired_one(self) -> None:
        person = patron_api((DUMPS / "dump.expired.html").read_bytes()).person("1")
        assert person is not None
        assert any("expired" in each for each in person.against)

    def test_a_day_that_cannot_be_read_ends_nothing(self) -> None:
        person = patron_api((DUMPS / "dump.invalid_expiration.html").read_bytes()).person("1")
        assert person is not None
        assert person.expires is None

    def test_an_unknown_one(self) -> None:
        assert patron_api((DUMPS / "dump.no such barcode.html").read_bytes()).person("1") is None


def api_bench() -> MillenniumBench:
    bench = MillenniumBench()
    bench.settings = bench.configured({**bench._common(), "patron_api": f"{bench._server.url}/PATRONAPI"})
    bench.start()
    bench.reconnect()
    return bench


class TestProbe:
    """A responder that is not the door for patrons is asked all the same."""

    @pytest.mark.parametrize("kind", ["wms", "millennium"])
    @pytest.mark.parametrize(("status", "error"), [(404, Unavailable), (503, Unavailable), (403, CredentialsRejected)])
    def test_a_responder_that_lets_nobody_in_is_told(self, kind: str, status: int, error: type[IlsError]) -> None:
        with other_door(kind) as bench:
            bench.fault("status", path="^/ncip", status=status, times=9)
            with pytest.raises(error):
                bench.connector.probe()
            with pytest.raises(error):
                bench.connector.check(expected(bench))

    @pytest.mark.parametrize("kind", ["wms", "millennium"])
    def test_whatever_it_says_is_an_answer(self, kind: str) -> None:
        with other_door(kind) as bench:
            bench.stand_in.behave(messages=("CheckInItem",))
            found = bench.connector.probe()
            assert all(each.ok for each in found)
            assert [each.subject for each in found] == ["SCIM" if kind == "wms" else "Patron API", "NCIP"]

    def test_a_status_that_means_nothing_known_is_a_finding(self) -> None:
        with other_door("wms") as bench:
            bench.fault("status", path="^/ncip", status=418)
            good, bad = bench.connector.probe()
        assert (good.ok, bad.ok) == (True, False)
        assert "418" in bad.text


@contextmanager
def other_door(kind: str) -> Iterator[NcipBench]:
    bench = api_bench() if kind == "millennium" else WmsBench()
    if kind == "wms":
        bench.start()
    try:
        yield bench
    finally:
        bench.stop()


class TestPatronApi:
    """By the stand-in."""

    def test_patrons_are_looked_up_there(self) -> None:
        bench = api_bench()
        try:
            bench.connector.find_patron(do.FindPatron(bench.patron), CALL)
            with pytest.raises(Rejected) as unknown:
                bench.connector.find_patron(do.FindPatron(bench.unknown_patron), CALL)
            with pytest.raises(Rejected) as blocked:
                bench.connector.find_patron(do.FindPatron(bench.blocked_patron), CALL)
            good, none = bench.connector.accounts((bench.account, "nobody"))
            assert all(finding.ok for finding in bench.connector.probe())
        finally:
            bench.stop()
        assert (unknown.value.cause, blocked.value.cause) == ("unknown_patron", "patron_not_entitled")
        assert (good.known, none.known) == (True, False)
        assert bench.patron not in repr(bench.heard.exchanges)

    def test_a_barcode_that_would_have_to_be_encoded_is_not_asked_for(self) -> None:
        told = Told()
        assert PatronApi(told, lambda: TODAY).person("a/../b") is None  # type: ignore[arg-type]
        assert told.asked == []

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [(403, b"", CredentialsRejected), (500, b"<p>Down</p>", Unavailable), (200, b"<html/>", Retry)],
    )
    def test_answers_that_are_none(self, status: int, body: bytes, error: type[IlsError]) -> None:
        with pytest.raises(error):
            patron_api(body, status).person("1")
        standing = PatronApi(Told(Answer(200, b"")), lambda: TODAY).account("1")  # type: ignore[arg-type]
        assert standing.problem

    def test_an_address_is_wanted(self) -> None:
        with pytest.raises(ValueError, match="https"):
            MillenniumSettings.model_validate({"url": "https://x", "timezone": "UTC", "patron_api": "PATRONAPI"})


class SipBench(MillenniumBench):
    """A Millennium whose patrons are looked up by SIP2."""

    def more(self, url: str) -> dict[str, object]:
        self.sip = sip_server(self.stand_in)
        habits = self.sip.habits
        account = {"host": "127.0.0.1", "port": self.sip.port, "login": habits.login, "password": habits.password}
        return {"sip2": {**account, "timezone": "America/Chicago", "idle_seconds": 3600}}

    def start(self) -> None:
        self.sip.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.sip.stop()


@pytest.fixture
def by_sip() -> Iterator[SipBench]:
    bench = SipBench()
    bench.start()
    try:
        yield bench
    finally:
        bench.stop()


class TestSip:
    """By the stand-in's SIP2 server, beside the responder."""

    def test_patrons_are_looked_up_there(self, by_sip: SipBench) -> None:
        patron = by_sip.connector.find_patron(do.FindPatron(by_sip.patron), CALL).learned.patron
        with pytest.raises(Rejected) as unknown:
            by_sip.connector.find_patron(do.FindPatron(by_sip.unknown_patron), CALL)
        with pytest.raises(Rejected) as blocked:
            by_sip.connector.find_patron(do.FindPatron(by_sip.blocked_patron), CALL)
        good, none = by_sip.connector.accounts((by_sip.account, "nobody"))
        assert patron is not None
        assert (unknown.value.cause, blocked.value.cause) == ("unknown_patron", "patron_not_entitled")
        assert (good.known, none.known) == (True, False)
        assert "LookupUser" not in by_sip.sent()
        assert by_sip.patron not in repr(by_sip.heard.exchanges)

    def test_items_and_loans_go_by_ncip(self, by_sip: SipBench) -> None:
        target, _ = made(by_sip, "1")
        by_sip.lend(target.barcode, by_sip.patron)
        by_sip.connector.check_in(do.CheckIn(target), CALL)
        assert [each for each in by_sip.sent() if each.isdigit()] == []

    def test_both_doors_are_probed(self, by_sip: SipBench) -> None:
        assert [(each.subject, each.ok) for each in by_sip.connector.probe()] == [("SIP2", True), ("NCIP", True)]
        by_sip.fault("throttle", path="/sip2/63", method="SIP2", times=99)
        assert [each.ok for each in by_sip.connector.probe()] == [False, True]
        assert by_sip.connector.accounts(("ILL-XYZ",))[0].problem
        by_sip.sip.stop()
        with pytest.raises(Unavailable):
            by_sip.connector.probe()

    def test_a_log_in_that_is_refused_is_told(self, by_sip: SipBench) -> None:
        by_sip.fault("unauthorized", path="/sip2/93", method="SIP2", times=9)
        with pytest.raises(CredentialsRejected):
            by_sip.connector.find_patron(do.FindPatron(by_sip.patron), CALL)

    def test_one_door_is_enough(self) -> None:
        sip = {"host": "sip.example.org", "timezone": "UTC"}
        both = {"url": "https://x", "timezone": "UTC", "patron_api": "https://x/PATRONAPI", "sip2": sip}
        with pytest.raises(ValueError, match="not by both"):
            MillenniumSettings.model_validate(both)


def sip_patrons(fields: str, marks: str = "") -> SipPatrons:
    answer = decoded(f"64{marks:14}00020261124    090000{'0' * 24}{fields}".encode(), "utf-8", WIDTHS)
    patron = Patron.read(answer, ZoneInfo("UTC"))
    return SipPatrons(SimpleNamespace(patron=lambda _: patron), lambda: TODAY)  # type: ignore[arg-type]


class TestSipAnswers:
    """What is made of message 64."""

    def test_what_stands_against_them(self) -> None:
        person = sip_patrons("AA1|AEReader, Ada|BLY|PA20200101|", "Y   Y").person("1")
        assert person is not None
        assert len(person.against) == 3

    def test_nobody(self) -> None:
        assert sip_patrons("AA1|AE, |BLY|AFNo such patron|", "YYYY").person("1") is None
        assert sip_patrons("AA1|AEReader|BLN|").person("1") is None

    def test_where_a_pin_is_wanted_nothing_is_held_against_the_patron(self) -> None:
        asked = sip_patrons("AA1|AEReader, Ada|BLY|CQN|AFInvalid PIN entered.|", "Y  YYYYYYYYYYY")
        with pytest.raises(Rejected, match="PIN"):
            asked.person("1")
        assert "PIN" in asked.account("1").problem

    @needs_reference
    def test_as_a_sierra_answered(self) -> None:
        text = (REFERENCE / "ncip-sip2" / "sip2" / "patron-information-responses.txt").read_text(encoding="utf-8")
        lines = iter(text.splitlines())
        said = {line[2:]: next(lines) for line in lines if line.startswith("# sierra_")}
        good, bad = (
            Patron.read(decoded(re.sub(r"AY\dAZ....$", "", said[name]).encode(), "utf-8", WIDTHS), ZoneInfo("UTC"))
            for name in ("sierra_valid_login", "sierra_invalid_login")
        )
        assert (good.known, good.named, good.against) == (True, True, ())
        with pytest.raises(Rejected, match="PIN"):
            SipPatrons(SimpleNamespace(patron=lambda _: bad), lambda: TODAY).person("1")  # type: ignore[arg-type]


@needs_reference
class TestScimPayloads:
    """As OCLC answers."""

    def test_a_patron(self) -> None:
        found = ScimList.model_validate_json((SCIM / "wmsLookupUserGoodPatron.json").read_bytes())
        (user,) = found.users
        assert (user.circulation.info.category, user.circulation.info.blocked, user.ill.info.blocked) == (
            "ADULT",
            False,
            False,
        )
        assert user.persona.expires == "2030-09-07T00:00:00Z"

    def test_nobody(self) -> None:
        assert scim(Answer(200, (SCIM / "wmsLookupUserNotFound.json").read_bytes())).person("1") is None

    @pytest.mark.parametrize(
        ("name", "status", "error"),
        [
            ("wmsLookupUserAuthNotWorking", 401, CredentialsRejected),
            ("wmsLookupUserMissingPermissions", 403, CredentialsRejected),
            ("wmsLookupUserUnsupportedMediaType", 415, Rejected),
            ("wmsLookupUserUnsupportedEndpoint", 404, Unavailable),
        ],
    )
    def test_errors(self, name: str, status: int, error: type[IlsError]) -> None:
        answer = Answer(status, (SCIM / f"{name}.json").read_bytes())
        with pytest.raises(error) as failed:
            scim(answer, answer).person("1")
        assert f"HTTP {status}" in failed.value.reason


def scim(*answers: Answer) -> ScimDirectory:
    return ScimDirectory(Told(*answers), Token(), Told(), "America/Chicago", lambda: TODAY)  # type: ignore[arg-type]


class TestScim:
    """What is made of it."""

    def test_reasons_against_a_patron(self) -> None:
        body = (
            b'{"totalResults": 1, "Resources": [{"urn:mace:oclc.org:eidm:schema:persona:wmscircpatroninfo:20180101": {"circulationInfo":'
            b' {"isCircBlocked": true}}, "urn:mace:oclc.org:eidm:schema:persona:wsillinfo:20180101": {"illInfo": {"isBlocked": true}},'
            b' "urn:mace:oclc.org:eidm:schema:persona:persona:20180305": {"oclcExpirationDate": "2020-01-01T00:00:00Z"}}]}'
        )
        person = scim(Answer(200, body)).person("1")
        assert person is not None
        assert len(person.against) == 3

    def test_nonsense_is_no_patron(self) -> None:
        with pytest.raises(Retry):
            scim(Answer(200, b"[]")).person("1")
        with pytest.raises(Unavailable):
            scim(Answer(500, b"[1]")).person("1")

    def test_an_identifier_is_quoted(self) -> None:
        told = Told(Answer(200, b'{"totalResults": 0}'))
        directory = ScimDirectory(told, Token(), Told(), "UTC", lambda: TODAY)  # type: ignore[arg-type]
        directory.person('x" or "1" eq "1')
        assert told.asked[0].body is not None
        assert rb"External_ID eq \"x\\\" or" in told.asked[0].body

    def test_the_platform_form_lends_and_takes_back_only(self) -> None:
        bench = WmsBench(form="platform")
        bench.stand_in.behave(
            messages=("CheckOutItem", "CheckInItem"), requests_known=False, honours_mandated_due=False
        )
        bench.start()
        try:
            target = do.Target(Mark("ILLB-0", "ILLB-0"), do.Origin.OWN, bench.own_barcode)
            bench.connector.check_out(do.CheckOut(target, bench.account, date(2027, 1, 15)), CALL)
            assert bench.loan_of(bench.own_barcode) == bench.account
            home = bench.connector.check_in(do.CheckIn(target, (), bench.account), CALL)
            assert "could not be seen" in " ".join(home.notes)
        finally:
            bench.stop()

    def test_calls_are_attributed_to_a_user_where_one_is_named(self) -> None:
        bench = WmsBench(principal_id="p-4711", principal_idns="urn:oclc:platform:1")
        asked: list[str] = []
        bench.stand_in.app.before_request(lambda: asked.append(request.query_string.decode()))
        bench.start()
        try:
            bench.connector.check_out(do.CheckOut(own(bench, "1"), bench.account, date(2027, 1, 15)), CALL)
        finally:
            bench.stop()
        assert "principalID=p-4711&principalIDNS=urn%3Aoclc%3Aplatform%3A1" in asked
        assert "p-4711" not in repr(bench.heard.exchanges)

    def test_half_a_user_is_none(self) -> None:
        settings = {"url": "https://x", "timezone": "UTC", "key": "k", "secret": "s", "scim_url": "https://y"}
        with pytest.raises(ValueError, match="together"):
            WmsSettings.model_validate({**settings, "principal_id": "p-4711"})

    def test_addresses_are_wanted(self) -> None:
        settings = {"url": "https://x", "timezone": "UTC", "key": "k", "secret": "s", "scim_url": "nowhere"}
        with pytest.raises(ValueError, match="https"):
            WmsSettings.model_validate(settings)
