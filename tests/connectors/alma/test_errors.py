"""Every shape of Alma's errors, and what each means at its endpoint."""

from __future__ import annotations

import json

import pytest

from bridge.connectors.alma.errors import (
    AlreadyThere,
    Endpoint,
    Missing,
    NotYetVisible,
    error_of,
    nonsense,
    problem_of,
)
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer

NAMESPACE = "http://com/exlibris/urm/general/xmlbeans"
ONE = {"errorCode": "402203", "errorMessage": "No such record.", "trackingId": "E01-1"}
SHAPES = {
    "list": json.dumps({"errorsExist": True, "errorList": {"error": [ONE]}, "result": None}),
    "single object": json.dumps({"errorsExist": True, "errorList": {"error": ONE}}),
    "wrapped": json.dumps({"web_service_result": {"errorsExist": True, "errorList": {"error": ONE}}}),
    "xml": f'<?xml version="1.0"?><web_service_result xmlns="{NAMESPACE}"><errorsExist>true</errorsExist><errorList><error>'
    "<errorCode>402203</errorCode><errorMessage>No such record.</errorMessage><trackingId>E01-1</trackingId>"
    "</error></errorList></web_service_result>",
}


def answered(code: str, status: int = 400, message: str = "Words of Alma.") -> Answer:
    error = {"errorCode": code, "errorMessage": message, "trackingId": "E01-2"}
    return Answer(status, json.dumps({"errorsExist": True, "errorList": {"error": [error]}}).encode())


@pytest.mark.parametrize("shape", SHAPES)
def test_every_envelope_is_read(shape: str) -> None:
    problem = problem_of(Answer(400, SHAPES[shape].encode()))
    assert (problem.code, problem.message, problem.tracking) == ("402203", "No such record.", "E01-1")


def test_xml_with_a_bare_ampersand_is_read() -> None:
    body = SHAPES["xml"].replace("No such record.", "See http://x/?a=1&b=2")
    assert problem_of(Answer(400, body.encode())).code == "402203"


def test_xml_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + SHAPES["xml"].split("?>")[1].replace(
        "No such record.", "&a;"
    )
    assert problem_of(Answer(400, bomb.encode())).message == ""


@pytest.mark.parametrize(
    "body", ["", "   ", "<html><body>Bad gateway</body></html>", "<", "{", "{}", "[1]", '{"errorList": {"error": []}}']
)
def test_what_is_no_envelope_has_no_code(body: str) -> None:
    assert problem_of(Answer(502, body.encode())).code == ""


def test_plain_text_is_quoted_and_a_page_is_not() -> None:
    assert "Service\tdown".replace("\t", " ") in str(
        error_of(Endpoint.USER, Answer(400, b"Service\tdown"), repeatable=True)
    )
    assert "<html" not in str(error_of(Endpoint.USER, Answer(400, b"<html>x</html>"), repeatable=True))


MEANINGS: list[tuple[Endpoint, str, type[IlsError], str]] = [
    (Endpoint.USER, "401861", Rejected, "unknown_patron"),
    (Endpoint.ITEM_BY_BARCODE, "401689", Missing, "missing"),
    (Endpoint.REQUEST_CREATE, "401129", NotYetVisible, "not_yet_visible"),
    (Endpoint.REQUEST_CREATE, "401136", AlreadyThere, "already_there"),
    (Endpoint.REQUEST_CREATE, "401891", Rejected, "pickup_location"),
    (Endpoint.REQUEST_CANCEL, "401694", Missing, "missing"),
    (Endpoint.LOAN_CREATE, "400042", AlreadyThere, "already_there"),
    (Endpoint.LOAN_CREATE, "401153", Rejected, "desk"),
    (Endpoint.LOAN_CREATE, "401651", Rejected, "not_loanable"),
    (Endpoint.FEES, "401651", Rejected, "refused"),
    (Endpoint.LOAN_UPDATE, "401823", Missing, "missing"),
    (Endpoint.ITEM_DELETE, "402203", Missing, "missing"),
    (Endpoint.ITEM_DELETE, "401849", Rejected, "item_in_use"),
    (Endpoint.SCAN_IN, "40166411", Missing, "missing"),
    (Endpoint.ITEM_UPDATE, "401873", Rejected, "location"),
    (Endpoint.HOLDINGS, "33008", Rejected, "location"),
    (Endpoint.BIB, "60212", Rejected, "refused"),
    (Endpoint.ITEM_DELETE, "60212", Rejected, "bib_in_use"),
    (Endpoint.USER, "60340", CredentialsRejected, "credentials_rejected"),
    (Endpoint.USER, "DAILY_THRESHOLD", Unavailable, "daily_threshold"),
    (Endpoint.USER, "401652", Retry, "general_error"),
    (Endpoint.USER, "999999", Rejected, "refused"),
]


@pytest.mark.parametrize(("endpoint", "code", "kind", "cause"), MEANINGS)
def test_a_code_means_what_it_means_at_its_endpoint(
    endpoint: Endpoint, code: str, kind: type[IlsError], cause: str
) -> None:
    problem = error_of(endpoint, answered(code), repeatable=True)
    assert type(problem) is kind
    assert problem.cause == cause
    assert problem.code == code
    assert "E01-2" in problem.reason


def test_words_that_name_a_patron_are_not_repeated() -> None:
    problem = error_of(
        Endpoint.USER, answered("401861", message="User with identifier 4711 was not found."), repeatable=True
    )
    assert "4711" not in str(problem)


@pytest.mark.parametrize("body", [b"Invalid API Key", b"", b"<html>403</html>"])
def test_a_refused_key_in_any_words(body: bytes) -> None:
    assert isinstance(error_of(Endpoint.BIBS, Answer(401, body), repeatable=True), CredentialsRejected)


def test_an_invalid_key_is_known_by_its_words_too() -> None:
    assert isinstance(error_of(Endpoint.BIBS, Answer(400, b"Invalid API Key"), repeatable=True), CredentialsRejected)


def test_a_server_error_after_a_write_is_unclear() -> None:
    assert isinstance(error_of(Endpoint.BIBS, Answer(500, b"oops"), repeatable=False), OutcomeUnknown)
    assert isinstance(error_of(Endpoint.BIBS, answered("401652", 500), repeatable=False), OutcomeUnknown)
    unforeseen = error_of(Endpoint.BIBS, answered("888888", 500), repeatable=False)
    assert isinstance(unforeseen, OutcomeUnknown)
    assert unforeseen.cause == "server_error"


def test_a_server_error_after_a_read_may_be_an_outage_and_quotes_what_was_said() -> None:
    """Whether it is one, the probe decides."""
    coded = error_of(Endpoint.USER, answered("888888", 500), repeatable=True)
    assert isinstance(coded, Unavailable)
    assert (coded.code, "Words of Alma." in coded.reason) == ("888888", True)
    page = b"<html><title>500</title><script>x()</script><p>No such&nbsp;thing</p></html>"
    paged = error_of(Endpoint.USER, Answer(500, page), repeatable=True)
    assert isinstance(paged, Unavailable)
    assert paged.reason == "Alma answers with an error (user, HTTP 500). Alma says: 500 No such thing"


def test_an_unreadable_success_is_repeated_only_if_it_may_be() -> None:
    assert isinstance(nonsense(Endpoint.USER, Answer(200, b"?"), repeatable=True), Retry)
    assert isinstance(nonsense(Endpoint.BIBS, Answer(200, b"?"), repeatable=False), OutcomeUnknown)


def test_xml_with_a_prefix_that_nobody_declared_is_garbage_like_any_other() -> None:
    body = b"<ns1:web_service_result><errorCode>401861</errorCode></ns1:web_service_result>"
    assert error_of(Endpoint.USER, Answer(400, body), repeatable=True).cause == "unknown_patron"
    assert error_of(Endpoint.USER, Answer(400, b"<ns1:Other/>"), repeatable=True).cause == "refused"
