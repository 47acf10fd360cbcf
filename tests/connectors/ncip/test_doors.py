"""Patrons by other doors: OCLC's SCIM and Innovative's Patron API, on payloads of real sites and on stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from flask import request

from bridge.connectors.base import Call
from bridge.connectors.millennium import MillenniumSettings
from bridge.connectors.millennium.patronapi import PatronApi
from bridge.connectors.wms import WmsSettings
from bridge.connectors.wms.scim import ScimDirectory, ScimList
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.errors import CredentialsRejected, IlsError, Rejected, Retry, Unavailable
from bridge.http import Answer, Sending
from tests.connectors.ncip.bench import MillenniumBench, NcipBench, WmsBench
from tests.contract.bench import expected, own
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
