"""What Symphony's errors mean: by code, then by prompt, then by status (symphony.md, sections 6 and 7)."""

from __future__ import annotations

import json

import pytest

from bridge.connectors.symphony.errors import (
    PROMPTS,
    AlreadyThere,
    Asked,
    Busy,
    Missing,
    NotRenewed,
    SessionTimedOut,
    error_of,
    nonsense,
    not_overridden,
    problem_of,
)
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer


def refused(code: str, status: int = 500, text: str = "told", prompt: str = "", *, wants_data: bool = False) -> Answer:
    body: dict[str, object] = {"messageList": [{"code": code, "message": text}]}
    if prompt:
        body |= {"promptRequired": True, "dataMap": {"promptType": prompt, "promptRequiresData": wants_data}}
    return Answer(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("sessionTimedOut", 401, SessionTimedOut),
        ("unableToLogin", 401, CredentialsRejected),
        ("operationNotAllowed", 403, CredentialsRejected),
        ("recordNotFound", 404, Missing),
        ("anythingElse", 404, Missing),
        ("hatErrorResponse.7", 500, Missing),
        ("7", 500, Missing),
        ("hatErrorResponse.116", 500, Busy),
        ("hatErrorResponse.722", 500, AlreadyThere),
        ("hatErrorResponse.141", 500, NotRenewed),
        ("hatErrorResponse.7703", 500, NotRenewed),
        ("hatErrorResponse.105", 500, NotRenewed),
        ("hatErrorResponse.252", 500, NotRenewed),
        ("hatErrorResponse.46", 500, NotRenewed),
        ("hatErrorResponse.238", 500, NotRenewed),
        ("hatErrorResponse.4711", 500, Rejected),
        ("keyParseError", 400, Rejected),
        ("methodNotAllowed", 405, Rejected),
    ],
)
def test_the_code_decides_whatever_else_is_so(code: str, status: int, kind: type[IlsError]) -> None:
    for repeatable in (True, False):
        error = error_of("check out", refused(code, status), repeatable=repeatable)
        assert type(error) is kind
        assert error.code == code
        assert "told" in error.reason


def test_a_refusal_with_success_is_a_refusal() -> None:
    """Anything that bears messages failed, whatever its status."""
    assert problem_of(refused("hatErrorResponse.1", 200)) is not None
    assert type(error_of("check out", refused("hatErrorResponse.1", 200), repeatable=False)) is Rejected


def test_a_known_code_goes_before_its_prompt_and_a_prompt_before_the_status() -> None:
    renewal = refused("hatErrorResponse.252", prompt="CIRC_HOLDS_OVRCD")
    assert type(error_of("renew", renewal, repeatable=False)) is NotRenewed
    asked = error_of("check out", refused("hatErrorResponse.9", prompt="CKOBLOCKS", wants_data=True), repeatable=False)
    assert isinstance(asked, Asked)
    assert (asked.prompt, asked.wants_data) == ("CKOBLOCKS", True)


@pytest.mark.parametrize(("repeatable", "kind"), [(True, Retry), (False, OutcomeUnknown)])
def test_a_fault_of_the_server_is_no_refusal(repeatable: bool, kind: type[IlsError]) -> None:
    error = error_of("renew", refused("unhandledException"), repeatable=repeatable)
    assert type(error) is kind
    assert error.cause == "server_error"


def test_a_server_that_is_away_says_so_in_its_own_words_too() -> None:
    assert type(error_of("read", refused("serviceUnavailable", 503), repeatable=True)) is Unavailable


@pytest.mark.parametrize(
    ("status", "repeatable", "kind"),
    [
        (503, True, Unavailable),
        (500, False, OutcomeUnknown),
        (401, True, CredentialsRejected),
        (403, True, CredentialsRejected),
        (404, True, Unavailable),
        (418, True, Rejected),
    ],
)
def test_what_is_not_symphonys_own_word(status: int, repeatable: bool, kind: type[IlsError]) -> None:
    for page in (b"<html><body>Down for maintenance</body></html>", b"[1]", b'{"messageList": []}'):
        error = error_of("read the item", Answer(status, page), repeatable=repeatable)
        assert type(error) is kind
        assert "not in Symphony's own words" in error.reason
    assert (
        "maintenance" in error_of("read", Answer(status, b"<p>Down for maintenance</p>"), repeatable=repeatable).reason
    )


@pytest.mark.parametrize("prompt", [*PROMPTS, "SOMETHING_NEW"])
def test_a_rule_in_the_way_is_told_with_the_override_that_would_help(prompt: str) -> None:
    asked = Asked("Symphony refuses.", code="hatErrorResponse.1", prompt=prompt, wants_data=True)
    error = not_overridden(asked, allowed=False)
    assert prompt in error.advice
    assert "overrides" in error.advice
    assert "override_code" in not_overridden(asked, allowed=True).advice


def test_nonsense_is_no_success() -> None:
    assert type(nonsense("x", Answer(200, b"?"), repeatable=True)) is Retry
    assert type(nonsense("x", Answer(200, b"?"), repeatable=False)) is OutcomeUnknown
