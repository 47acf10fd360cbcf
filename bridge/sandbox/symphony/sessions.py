"""Staff log-in, and what every call must bring: client id, session, headers (symphony.md, sections 1 and 3)."""

import re

from flask import Blueprint, Response, jsonify, request

from bridge.sandbox.symphony.circulation import Answers
from bridge.sandbox.symphony.errors import SymphonyError, bad_body, not_found, timed_out
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.wire import day, path_asked, submitted, text_in

sessions = Blueprint("sessions", __name__)
_OPEN = re.compile(r"/(user/(staff|patron)/login(/describe)?|aboutIlsWs)/?")
_OF_PATRONS = re.compile(r"/circulation/holdRecord/(placeHold|cancelHold)")


def _denied(code: str, text: str, status: int = 401) -> SymphonyError:
    """A refusal that no second log-in cures; the codes are ours."""
    return SymphonyError(code, text, status=status)


def check_caller(state: State) -> None:
    """Client id, application and session. Raises 401: sessionTimedOut is the only one that a log-in cures."""
    client = state.clients.get(request.headers.get("x-sirs-clientID", ""))
    if client is None:
        raise _denied("clientIDNotKnown", "The client ID is missing or not known.")
    if not request.headers.get("SD-Originating-App-Id"):
        raise bad_body("SD-Originating-App-Id is missing.")
    if _OPEN.fullmatch(path_asked()):
        return
    token = request.headers.get("x-sirs-sessionToken", "")
    if state.session(token) is None:
        raise timed_out()
    if not client.staff:
        raise _denied("operationNotAllowed", "The client ID may not do this.")


def check_writer(state: State) -> None:
    """Writes of catalogue and circulation: SD-Preferred-Role, and for circulation SD-Working-LibraryID."""
    path = path_asked()
    if request.method == "GET" or not path.startswith(("/catalog/", "/circulation/")):
        return
    role = request.headers.get("SD-Preferred-Role", "")
    if role != "STAFF" and not (role == "PATRON" and _OF_PATRONS.match(path)):
        raise _denied("operationNotAllowed", f"Not allowed in the role {role or 'none'}.", 403)
    if path.startswith("/circulation/"):
        working_library(state)


def working_library(state: State) -> str:
    """The station library of the current call. Raises 400 where there is none."""
    code = request.headers.get("SD-Working-LibraryID", "")
    if state.policy("library", code) is None:
        raise bad_body(f"SD-Working-LibraryID {code!r} is no library.")
    return code


def answers(state: State) -> Answers:
    """SD-Prompt-Return: ``type`` or ``type/value``, joined by ; in one header, or the header repeated."""
    given = {}
    for told in re.split(r"[;,]", request.headers.get("SD-Prompt-Return", "")):
        kind, _, value = told.strip().partition("/")
        if kind:
            given[kind] = value
    return Answers(given, state.override_code)


def _account(given: dict[str, object]) -> tuple[str, str]:
    return text_in(given, "login"), text_in(given, "password")


@sessions.post("/user/staff/login")
def log_in() -> Response:
    """A session; wrong passwords lock the account."""
    state = symphony()
    client = state.clients[request.headers["x-sirs-clientID"]]
    login, password = _account(submitted(("login", "password")))
    account = state.staff.get(login)
    if not client.staff:
        raise _denied("operationNotAllowed", "The client ID is no staff interface.")
    if account is None or account.failures >= state.behaviour.lock_after or account.password != password:
        if account is not None:
            account.failures += 1
        raise _denied("unableToLogin", "Unable to log in.")
    account.failures = 0
    return jsonify(
        staffKey="1",
        name=account.name,
        sessionToken=state.new_session(login),
        pinCreateDate=day(state.clock()),
        pinExpirationDate=day(account.pin_expires),
        message=None,
    )


@sessions.post("/user/staff/logout")
def log_out() -> Response:
    """Ends the session."""
    symphony().sessions.pop(request.headers["x-sirs-sessionToken"], None)
    return jsonify({})


@sessions.get("/user/staff/key/<key>")
def staff(key: str) -> Response:
    """A cheap look, used to see whether the session lives."""
    if key != "1":
        raise not_found(f"staff {key}")
    return jsonify(resource="/user/staff", key=key, fields={"displayName": "ILL BRIDGE"})


@sessions.get("/aboutIlsWs")
def about() -> Response:
    """The version."""
    return jsonify(fields={"version": "sandbox"}, ilswsVersion="sandbox")
