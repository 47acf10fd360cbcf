"""Puts the Sierra stand-in together: routes, tokens, roles, counting, faults and control."""

import base64
import binascii
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from bridge.sandbox.faults import CONTROL_PREFIX, Faults, VendorAnswers, install_faults
from bridge.sandbox.memory import one_at_a_time, utc_now
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sierra.bibs import bibs
from bridge.sandbox.sierra.control import HOUSE, control
from bridge.sandbox.sierra.desk import desk
from bridge.sandbox.sierra.errors import SierraError, error_response, not_found
from bridge.sandbox.sierra.items import items
from bridge.sandbox.sierra.model import Key, Token
from bridge.sandbox.sierra.patrons import patrons
from bridge.sandbox.sierra.seed import seed_demo
from bridge.sandbox.sierra.state import State, sierra
from bridge.sandbox.sierra.wire import BASE_PATH, VERSIONS
from bridge.sandbox.standin import StandIn

_ONLY_V6 = re.compile(r"/(patrons/checkout$|items/checkouts/)")


def _own_error(error: SierraError) -> Response:
    g.sierra_error = error
    return error_response(error)


def _unauthorized() -> Response:
    return _own_error(SierraError(123, 401, "Unauthorized", "invalid_grant"))


def _throttled() -> Response:
    return Response("Too Many Requests", status=429, content_type="text/plain")


def _ordered_error(code: str, message: str, status: int) -> Response:
    return _own_error(SierraError(int(code) if code.isdigit() else 102, status, "Internal error", message))


def _key_of_basic() -> str:
    """The key whose secret the Authorization header holds; empty where it holds none."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    key = sierra().keys.get(name)
    return name if scheme.lower() == "basic" and key is not None and key.secret == secret else ""


def _token_route() -> Response:
    state, name = sierra(), _key_of_basic()
    if not name:
        return _own_error(SierraError(123, 401, "Unauthorized", "invalid_client"))
    told = jsonify(access_token=state.new_token(name), token_type="bearer", expires_in=state.behaviour.token_seconds)
    told.status_code = state.behaviour.token_status
    return told


def _bearer() -> Token | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    state = sierra()
    found = state.tokens.get(given)
    good = found is not None and found.until > state.clock() and found.key in state.keys
    return found if scheme.lower() == "bearer" and good else None


def _info_route() -> Response:
    token = _bearer()
    if token is None:
        return _own_error(SierraError(120, 401, "Unauthorized", "invalid_token"))
    left = max(int((token.until - sierra().clock()) / timedelta(seconds=1)), 0)
    roles = [{"name": role, "tokenLifetime": 3600, "permissions": [role]} for role in sierra().keys[token.key].roles]
    return jsonify(
        keyId=token.key, grantType="client_credentials", authorizationScheme="bearer", expiresIn=left, roles=roles
    )


def _role_needed() -> tuple[str, ...]:
    """The roles of which one is needed for the current call (sierra.md section 2)."""
    path = re.sub(rf"^{BASE_PATH}/v\d+", "", request.path)
    area = path.strip("/").split("/")[0]
    reading = request.method == "GET" or path.endswith("/query")
    if "/holds" in path:
        return ("Patrons Holds CRUD",) if not re.fullmatch(r"/patrons/holds", path) else ("Holds Read",)
    if path.startswith("/items/checkouts/"):
        return ("Patrons Write",)
    names = {"patrons": "Patrons", "items": "Items", "bibs": "Bibs"}
    if area not in names:
        return ()
    return (f"{names[area]} {'Read' if reading else 'Write'}",)


def _enter() -> Response | None:
    state = sierra()
    if not request.path.startswith(BASE_PATH) or request.path.endswith("/token"):
        return None
    if state.over_threshold():
        return _throttled()
    token = _bearer()
    if token is None:
        return _own_error(SierraError(120, 401, "Unauthorized", "invalid_token"))
    if "/v5/" in request.path and _ONLY_V6.search(request.path):
        raise not_found()
    needed = _role_needed()
    if needed and not set(needed) & set(state.keys[token.key].roles):
        return _own_error(SierraError(116, 403, "Forbidden", "Operation is not allowed for this key"))
    return None


def _count(response: Response) -> Response:
    if request.path.startswith(CONTROL_PREFIX):
        return response
    error: SierraError | None = g.get("sierra_error")
    transient = request.path.endswith("/token") or bool(error and error.transient)
    sierra().note_call(response, code=str(error.code) if error else "", transient=transient)
    return response


def _unknown_route(error: HTTPException) -> Response:
    return _own_error(SierraError(104 if error.code == 405 else 107, error.code or 500, error.name))


def _make_app(state: State, faults: Faults | None) -> tuple[Flask, Faults]:
    app = StandInApp("sierra_stand_in")
    app.url_map.strict_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["sierra"] = state
    app.after_request(_count)
    found = install_faults(app, VendorAnswers(_unauthorized, _throttled, _ordered_error), faults)
    one_at_a_time(app, state)
    app.before_request(_enter)
    app.register_error_handler(SierraError, _own_error)
    app.register_error_handler(HTTPException, _unknown_route)
    for version in VERSIONS:
        prefix = f"{BASE_PATH}/{version}"
        for blueprint in (bibs, items, patrons):
            app.register_blueprint(blueprint, url_prefix=prefix, name=f"{blueprint.name}_{version}")
        app.add_url_rule(f"{prefix}/token", f"token_{version}", _token_route, methods=["POST"])
        app.add_url_rule(f"{prefix}/info/token", f"info_{version}", _info_route, methods=["GET"])
    app.register_blueprint(control)
    app.register_blueprint(desk)
    return app, found


class SierraStandIn(StandIn[State]):
    """A sandbox Sierra: `.app` is served by bridge.sandbox.server.Server, `.state` is what it holds.

    `key` and `secret` may do everything; `demo` plants the demo's seed; `clock` gives aware UTC times.
    """

    house = HOUSE
    key = "sandbox-key"
    secret = "sandbox-secret"

    def __init__(
        self,
        *,
        seed: int = 1,
        demo: bool = True,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        faults: Faults | None = None,
    ) -> None:
        state = State(seed=seed, clock=clock, monotonic=monotonic)
        state.keys[self.key] = Key(self.secret)
        if demo:
            seed_demo(state)
        super().__init__(state, *_make_app(state, faults))

    def forget_tokens(self) -> None:
        """Every token is worth nothing from now on, before its time."""
        with self.state.lock:
            self.state.tokens.clear()
