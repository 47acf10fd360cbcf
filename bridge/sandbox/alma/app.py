"""Puts the Alma stand-in together: routes, keys, limits, counting, faults and control."""

import re
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import UnicodeConverter

from bridge.sandbox.alma.bibs import bibs
from bridge.sandbox.alma.conf import conf
from bridge.sandbox.alma.control import HOUSE, control
from bridge.sandbox.alma.desk import desk
from bridge.sandbox.alma.errors import AlmaError, error_response
from bridge.sandbox.alma.fees import fees
from bridge.sandbox.alma.holdings import holding_routes
from bridge.sandbox.alma.items import items
from bridge.sandbox.alma.loans import loans
from bridge.sandbox.alma.model import Key
from bridge.sandbox.alma.requests import requests
from bridge.sandbox.alma.seed import seed_demo
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.users import users
from bridge.sandbox.alma.wire import BASE_PATH, wants_json
from bridge.sandbox.faults import CONTROL_PREFIX, Faults, VendorAnswers, install_faults
from bridge.sandbox.memory import one_at_a_time, utc_now
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.standin import StandIn

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SLASH = "\ue000"  # stands for an encoded slash on its way through the routing
_ROUTES = (bibs, holding_routes, items, users, loans, requests, fees, conf)


class _UserId(UnicodeConverter):
    """A user id in a path; an encoded slash is part of it."""

    def to_python(self, value: str) -> str:
        return value.replace(_SLASH, "/")


class _KeepsEncodedSlashes:
    """WSGI servers decode %2F before routing; this keeps it apart from a real slash."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        raw = environ.get("RAW_URI", "").split("?", 1)[0]
        if "%2f" in raw.lower():
            environ["PATH_INFO"] = _decoded(raw)
        return self._app(environ, start_response)


def _decoded(raw: str) -> str:
    marked = re.sub("%2f", "%EE%80%80", raw, flags=re.IGNORECASE)
    return unquote_to_bytes(marked).decode("latin-1")


def _own_error(error: AlmaError) -> Response:
    g.alma_error = error
    state = alma()
    shape = state.next_error_shape() if wants_json() else "xml"
    return error_response(error, shape=shape, tracking=state.tracking_id())


def _unauthorized() -> Response:
    if alma().behaviour.unauthorized == "plain":
        return Response("Invalid API Key", status=401, content_type="text/plain")
    return _own_error(AlmaError("UNAUTHORIZED", "Invalid API Key", status=401))


def _throttled() -> Response:
    text = "HTTP requests are more than allowed per second. See https://goo.gl/2x1c1M "
    return _own_error(AlmaError("PER_SECOND_THRESHOLD", text, status=429, transient=True))


def _ordered_error(code: str, message: str, status: int) -> Response:
    return _own_error(AlmaError(code, message, status=status))


def _key_asked(state: State) -> Key | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    given = key.strip() if scheme.lower() == "apikey" else request.args.get("apikey", "")
    return state.keys.get(given)


def _may(key: Key | None) -> bool:
    area = request.path.removeprefix(BASE_PATH).strip("/").split("/")[0]
    reading = request.method in {"GET", "HEAD"}
    return key is not None and ("bibs" if area == "items" else area) in key.areas and (reading or key.write)


def _enter() -> Response | None:
    state = alma()
    if not request.path.startswith(BASE_PATH):
        return None
    state.api_calls += 1
    if state.over_threshold():
        return _throttled()
    return None if _may(_key_asked(state)) else _unauthorized()


def _count(response: Response) -> Response:
    if request.path.startswith(CONTROL_PREFIX):
        return response
    state = alma()
    error: AlmaError | None = g.get("alma_error")
    transient = bool(error and error.transient)
    state.note_call(response, code=error.code if error else "", transient=transient, secret="apikey")
    response.headers["X-Exl-Api-Remaining"] = str(max(state.behaviour.remaining - state.api_calls, 0))
    return response


def _unknown_route(error: HTTPException) -> Response:
    code = error.code or 500
    return _own_error(AlmaError("401652", f"General Error - {error.name}", status=code))


def _make_app(state: State, faults: Faults | None) -> tuple[Flask, Faults]:
    app = StandInApp("alma_stand_in")
    app.url_map.strict_slashes = False
    app.url_map.converters["userid"] = _UserId
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["alma"] = state
    app.after_request(_count)
    vendor = VendorAnswers(unauthorized=_unauthorized, throttle=_throttled, error=_ordered_error)
    found = install_faults(app, vendor, faults)
    one_at_a_time(app, state)
    app.before_request(_enter)
    app.register_error_handler(AlmaError, _own_error)
    app.register_error_handler(HTTPException, _unknown_route)
    for blueprint in _ROUTES:
        app.register_blueprint(blueprint, url_prefix=BASE_PATH)
    app.register_blueprint(control)
    app.register_blueprint(desk)
    app.wsgi_app = _KeepsEncodedSlashes(app.wsgi_app)  # type: ignore[method-assign]
    return app, found


class AlmaStandIn(StandIn[State]):
    """A sandbox institution: `.app` is served by bridge.sandbox.server.Server, `.state` is what it holds.

    `key` may do everything; `seed` makes ids and tracking ids repeatable; `demo` plants the demo's seed; `clock` gives
    aware UTC times.
    """

    house = HOUSE

    def __init__(
        self,
        key: str = "sandbox-key",
        *,
        seed: int = 1,
        demo: bool = True,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        faults: Faults | None = None,
    ) -> None:
        self.key = key
        state = State(seed=seed, clock=clock, monotonic=monotonic)
        state.keys[key] = Key()
        if demo:
            seed_demo(state, key=key)
        super().__init__(state, *_make_app(state, faults))
