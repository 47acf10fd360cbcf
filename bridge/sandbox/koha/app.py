"""Puts the Koha stand-in together: routes, who may enter, counting, faults, control, and the SIP2 server beside it."""

import base64
import binascii
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from bridge.sandbox.control import House, control_of
from bridge.sandbox.faults import CONTROL_PREFIX, Faults, VendorAnswers, install_faults
from bridge.sandbox.koha.circulation import SipDesk
from bridge.sandbox.koha.desk import desk
from bridge.sandbox.koha.records import records
from bridge.sandbox.koha.seed import Seed, demo_seed, plant
from bridge.sandbox.koha.standing import ReportAsked, objects, report
from bridge.sandbox.koha.state import State, koha
from bridge.sandbox.koha.wire import KohaError, answered
from bridge.sandbox.memory import Call, utc_now
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sip2.server import Habits, Heard, SipServer
from bridge.sandbox.standin import StandIn

BASE_PATH = "/api/v1"
SIP_NAMES = {
    "93": "93 log in",
    "99": "99 SC status",
    "63": "63 patron information",
    "17": "17 item information",
    "11": "11 check out",
    "09": "09 check in",
    "29": "29 renew",
    "15": "15 hold",
    "37": "37 fee paid",
    "97": "97 resend",
}


def _worded(error: KohaError) -> tuple[str, object]:
    return str(error.body), error.status


HOUSE: House[State] = House(koha, Seed, plant, objects, ReportAsked, report, KohaError, _worded)
control = control_of(HOUSE, desk)


def _own_error(error: KohaError) -> Response:
    g.koha_error = error
    return answered(error.body, error.status)


def _wrong_password() -> Response:
    return answered({"error": "Invalid password", "required_permissions": None}, 403)


def _throttled() -> Response:
    return Response("Too Many Requests", status=429, content_type="text/plain")


def _ordered_error(_code: str, message: str, status: int) -> Response:
    return answered({"error": message}, status)


def _basic() -> str:
    """The user whose password came; empty where it is wrong or missing."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return name if scheme.lower() == "basic" and koha().users.get(name) == password else ""


def _token_route() -> Response:
    """Client credentials: a wrong secret is 403."""
    state = koha()
    client, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
    if request.form.get("grant_type") != "client_credentials":
        return answered({"error": "Unimplemented grant type"}, 400)
    if not client or state.users.get(client) != secret:
        return answered({"error": "access_denied"}, 403)
    token = f"token-{state.new_id()}"
    state.tokens[token] = state.clock() + timedelta(seconds=state.behaviour.token_seconds)
    return answered({"access_token": token, "token_type": "Bearer", "expires_in": state.behaviour.token_seconds})


def _enter() -> Response | None:
    state = koha()
    state.lock.acquire()
    g.locked = True
    if not request.path.startswith(BASE_PATH) or request.path.endswith("/oauth/token"):
        return None
    if state.over_threshold():
        return _throttled()
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        good = state.tokens.get(given, state.clock()) > state.clock()
        return None if good else answered({"error": "Authentication failure."}, 401)
    if not scheme:
        return answered({"error": "Authentication failure."}, 401)
    return None if _basic() else _wrong_password()


def _leave(_: BaseException | None) -> None:
    if g.pop("locked", False):
        koha().lock.release()


def _count(response: Response) -> Response:
    if not request.path.startswith(CONTROL_PREFIX):
        error: KohaError | None = g.get("koha_error")
        code = json.dumps(error.body) if error else ""
        koha().note_call(response, code=code, transient=request.path.endswith("/oauth/token"))
    return response


def _unknown_route(error: HTTPException) -> Response:
    return answered({"errors": [{"message": "Not Found.", "path": "/"}], "status": 404}, error.code or 500)


def _make_app(state: State, faults: Faults | None) -> tuple[Flask, Faults]:
    app = StandInApp("koha_stand_in")
    app.extensions["koha"] = state
    app.after_request(_count)
    found = install_faults(app, VendorAnswers(_wrong_password, _throttled, _ordered_error), faults)
    app.before_request(_enter)
    app.teardown_request(_leave)
    app.register_error_handler(KohaError, _own_error)
    app.register_error_handler(HTTPException, _unknown_route)
    app.add_url_rule(f"{BASE_PATH}/oauth/token", "token", _token_route, methods=["POST"])
    app.register_blueprint(records)
    app.register_blueprint(control)
    app.register_blueprint(desk)
    return app, found


class KohaStandIn(StandIn[State]):
    """A sandbox Koha: `.app` is served by bridge.sandbox.server.Server, `.sip` (start it) is its SIP2 server.

    `user` and `password` may do everything, as a patron by Basic and as a client of OAuth2.
    """

    house = HOUSE
    user = "sandbox-user"
    password = "sandbox-secret"

    def __init__(
        self,
        *,
        seed: int = 1,
        demo: bool = True,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        faults: Faults | None = None,
        sip_port: int = 0,
    ) -> None:
        state = State(seed=seed, clock=clock, monotonic=monotonic)
        state.users[self.user] = self.password
        if demo:
            plant(state, demo_seed())
        super().__init__(state, *_make_app(state, faults))
        habits = Habits(institution="CPL", supports="YYYYYYYYYYYNYYYY")
        self.sip = SipServer(SipDesk(state), state.lock, habits, self.faults, self._heard, port=sip_port)

    def _heard(self, heard: Heard) -> None:
        state = self.state
        name = SIP_NAMES.get(heard.code, heard.code)
        transient = heard.code in {"93", "97"} or bool(heard.fault)
        status = 200 if heard.ok else 409
        call = Call(
            "SIP2", name, f"/sip2/{heard.code}", (), status, "", transient, 1, heard.fault or None, state.monotonic()
        )
        with state.lock:
            state.calls.append(call)
