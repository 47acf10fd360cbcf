"""Puts the Symphony stand-in together: routes, headers, sessions, counting, faults and control."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from bridge.sandbox.faults import CONTROL_PREFIX, Faults, VendorAnswers, install_faults
from bridge.sandbox.memory import one_at_a_time, utc_now
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.standin import StandIn
from bridge.sandbox.symphony.catalog import catalog
from bridge.sandbox.symphony.control import HOUSE, control
from bridge.sandbox.symphony.describe import describe
from bridge.sandbox.symphony.desk import desk
from bridge.sandbox.symphony.errors import SymphonyError, error_response, not_found, timed_out
from bridge.sandbox.symphony.holds import holds
from bridge.sandbox.symphony.loans import loans
from bridge.sandbox.symphony.model import Client, Staff
from bridge.sandbox.symphony.patrons import patrons
from bridge.sandbox.symphony.policies import policies
from bridge.sandbox.symphony.seed import seed_demo
from bridge.sandbox.symphony.sessions import check_caller, check_writer, sessions
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.transits import transits
from bridge.sandbox.symphony.wire import BASE_PATH, asked_form, path_asked

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ROUTES = (describe, sessions, catalog, loans, holds, transits, patrons, policies)


class _OlderBase:
    """Older clients put /v1 behind the base, and are served alike."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(f"{BASE_PATH}/v1/"):
            environ["PATH_INFO"] = BASE_PATH + path.removeprefix(f"{BASE_PATH}/v1")
        return self._app(environ, start_response)


def _own_error(error: SymphonyError) -> Response:
    g.symphony_error = error
    described = f"{path_asked()}/describe" if error.prompt else ""
    return error_response(error, described, foreign=symphony().behaviour.foreign_messages)


def _throttled() -> Response:
    return Response("Too Many Requests", status=429, content_type="text/plain")


def _ordered_error(code: str, message: str, status: int) -> Response:
    return _own_error(SymphonyError(code, message, status=status))


def _no_agent() -> Response:
    """Hosted servers refuse callers that do not name themselves."""
    return Response("<html><body>403 Forbidden</body></html>", status=403, content_type="text/html")


def _enter() -> Response | None:
    state = symphony()
    if not request.path.startswith(BASE_PATH):
        return None
    if not request.headers.get("User-Agent"):
        return _no_agent()
    if state.over_threshold():
        return _throttled()
    check_caller(state)
    check_writer(state)
    asked_form()
    if path_asked() in state.behaviour.hidden:
        raise not_found(f"action {path_asked()}")
    return None


def _count(response: Response) -> Response:
    if request.path.startswith(CONTROL_PREFIX):
        return response
    error: SymphonyError | None = g.get("symphony_error")
    by_session = request.path.endswith(("/staff/login", "/staff/logout"))
    transient = by_session or bool(error and error.transient)
    symphony().note_call(response, code=error.code if error else "", transient=transient)
    return response


def _unknown_route(error: HTTPException) -> Response:
    return _own_error(SymphonyError("resourceNotFound", error.name, status=error.code or 500))


def _make_app(state: State, faults: Faults | None) -> tuple[Flask, Faults]:
    app = StandInApp("symphony_stand_in")
    app.url_map.strict_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["symphony"] = state
    app.after_request(_count)
    vendor = VendorAnswers(lambda: _own_error(timed_out()), _throttled, _ordered_error)
    found = install_faults(app, vendor, faults)
    one_at_a_time(app, state)
    app.before_request(_enter)
    app.register_error_handler(SymphonyError, _own_error)
    app.register_error_handler(HTTPException, _unknown_route)
    for blueprint in _ROUTES:
        app.register_blueprint(blueprint, url_prefix=BASE_PATH)
    app.register_blueprint(control)
    app.register_blueprint(desk)
    app.wsgi_app = _OlderBase(app.wsgi_app)  # type: ignore[method-assign]
    return app, found


class SymphonyStandIn(StandIn[State]):
    """A sandbox Symphony of several libraries: see the package for how a test makes, seeds, spoils and inspects it."""

    house = HOUSE
    login = "ILLBRIDGE"
    password = "sandbox-password"
    client_id = "ILL-BRIDGE"
    override_code = "OVERRIDE"

    def __init__(
        self,
        *,
        seed: int = 1,
        demo: bool = True,
        zone: str = "America/New_York",
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        faults: Faults | None = None,
    ) -> None:
        state = State(seed=seed, clock=clock, monotonic=monotonic, zone=ZoneInfo(zone))
        state.clients |= {self.client_id: Client(), "OPAC": Client(staff=False)}
        state.staff[self.login] = Staff(self.password)
        state.override_code = self.override_code
        if demo:
            seed_demo(state)
        super().__init__(state, *_make_app(state, faults))

    def forget_sessions(self) -> None:
        """The web services were started anew: every session is worth nothing from now on."""
        with self.state.lock:
            self.state.sessions.clear()
