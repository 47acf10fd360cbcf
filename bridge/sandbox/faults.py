"""Faults that a test or the demo orders per call, for any stand-in that is a Flask app."""

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from flask import Blueprint, Flask, Response, g, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

CONTROL_PREFIX = "/_sandbox"

Kind = Literal[
    "delay",
    "drop_before",
    "drop_after",
    "status",
    "html",
    "unauthorized",
    "garbage",
    "throttle",
    "vendor_error",
    "hang",
    "less",
]

_LONGEST_HANG = 120.0
_PROXY_PAGE = (
    "<!DOCTYPE html><html><head><title>{status} Gateway trouble</title></head>"
    "<body><h1>{status}</h1><p>The proxy could not reach the application.</p></body></html>"
)


class Fault(BaseModel):
    """One ordered misbehaviour; `method` and `path` are regular expressions searched in the request's own.

    `skip` matching calls pass unharmed first; then `times` calls are hit (None: until cleared). `status` is 503, for
    vendor_error 400, unless given. delay: wait `seconds`, then answer properly. drop_before: close the connection,
    nothing done. drop_after: do the work, then close without an answer. status: `status` with `body`. html: `status`
    with a proxy's page. garbage: 200 with an unreadable body, nothing done. unauthorized, throttle, vendor_error: as the
    vendor words them (`code`, `message`). hang: no answer until the client hangs up. less: an index that lags, every list in the
    answer empty and counted so, everything else as it is. With `done` the work is done first and
    only its answer is spoilt, for every kind but delay; calls then name the kind with "_after", or "_refused" where there was an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    method: str = ".*"
    path: str = ".*"
    done: bool = False
    times: int | None = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0, le=120)
    status: int | None = Field(default=None, ge=400, le=599)
    body: str = ""
    content_type: str = "text/plain"
    retry_after: int | None = None
    code: str = "401652"
    message: str = "General Error - An error has occurred while processing the request."

    @field_validator("method", "path")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    def concerns(self, method: str, path: str) -> bool:
        """True if this request is one of those to be hit."""
        return bool(re.search(self.method, method, re.IGNORECASE) and re.search(self.path, path))


class Outage(BaseModel):
    """An outage: for `seconds`, or until `on` is set false; calls meet `status` with a proxy's page, or a closed door."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: bool = True
    seconds: float | None = Field(default=None, ge=0)
    status: int = Field(default=503, ge=500, le=599)
    drop: bool = False


class Latency(BaseModel):
    """A fixed wait before every answer, in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ms: float = Field(default=0.0, ge=0, le=60_000)


@dataclass(frozen=True)
class VendorAnswers:
    """How one vendor words the errors that faults imitate."""

    unauthorized: Callable[[], Response]
    throttle: Callable[[], Response]
    error: Callable[[str, str, int], Response]


@dataclass
class _Armed:
    fault: Fault
    skip: int
    left: int | None


@dataclass
class Faults:
    """The faults in force for one app; thread-safe."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _armed: list[_Armed] = field(default_factory=list)
    _outage: Outage = field(default_factory=lambda: Outage(on=False))
    _outage_until: float = 0.0
    _latency: float = 0.0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Arms a fault behind those that wait already."""
        with self._guard:
            self._armed.append(_Armed(fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Disarms all faults and ends an outage; the latency stays."""
        with self._guard:
            self._armed.clear()
            self._outage = Outage(on=False)

    def set_outage(self, outage: Outage) -> None:
        """Begins or ends an outage."""
        with self._guard:
            self._outage = outage
            self._outage_until = self.clock() + (outage.seconds or 0.0)

    def set_latency(self, latency: Latency) -> None:
        """Sets the wait before every answer."""
        with self._guard:
            self._latency = latency.ms / 1000

    @property
    def latency(self) -> float:
        """The wait before every answer, in seconds."""
        return self._latency

    def outage(self) -> Outage | None:
        """The outage in force, if any."""
        with self._guard:
            timed = self._outage.seconds is not None and self.clock() >= self._outage_until
            return None if timed or not self._outage.on else self._outage

    def take(self, method: str, path: str) -> Fault | None:
        """The first armed fault that concerns this call; used up by one."""
        with self._guard:
            for armed in self._armed:
                if not armed.fault.concerns(method, path):
                    continue
                if armed.skip:
                    armed.skip -= 1
                    continue
                if armed.left is not None:
                    armed.left -= 1
                    if armed.left <= 0:
                        self._armed.remove(armed)
                return armed.fault
        return None

    def waiting(self) -> list[Fault]:
        """The faults still armed."""
        with self._guard:
            return [armed.fault for armed in self._armed]


def drop_connection() -> None:
    """Closes the client's connection without an answer; what the view returns afterwards goes nowhere."""
    connection = request.environ["werkzeug.socket"]
    g.dropped = True
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        g.dropped = True  # the client was quicker


def _hang() -> Response:
    """Waits until the client has had enough."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    select.select([connection], [], [], _LONGEST_HANG)
    return _dropped()


def was_hit() -> str | None:
    """The kind of fault that met the current call, or None."""
    hit: str | None = g.get("fault_kind")
    return hit


def proxy_page(status: int, retry_after: int | None = None) -> Response:
    """An HTML error page as a proxy in front of the application sends it."""
    answer = Response(_PROXY_PAGE.format(status=status), status=status, mimetype="text/html")
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _plain(fault: Fault) -> Response:
    answer = Response(fault.body, status=fault.status or 503, content_type=fault.content_type)
    if fault.retry_after is not None:
        answer.headers["Retry-After"] = str(fault.retry_after)
    return answer


def _throttled(fault: Fault, vendor: VendorAnswers) -> Response:
    answer = vendor.throttle()
    if fault.retry_after is not None:
        answer.headers["Retry-After"] = str(fault.retry_after)
    return answer


def _dropped() -> Response:
    drop_connection()
    return Response(status=503)


def _answer_of(fault: Fault, vendor: VendorAnswers) -> Response:
    answers: dict[str, Callable[[], Response]] = {
        "drop_before": _dropped,
        "status": lambda: _plain(fault),
        "html": lambda: proxy_page(fault.status or 503, fault.retry_after),
        "unauthorized": vendor.unauthorized,
        "garbage": lambda: Response(fault.body or '{"item_data": {"pid": "23', content_type="application/json"),
        "throttle": lambda: _throttled(fault, vendor),
        "vendor_error": lambda: vendor.error(fault.code, fault.message, fault.status or 400),
        "hang": _hang,
    }
    return answers[fault.kind]()


def install_faults(app: Flask, vendor: VendorAnswers, faults: Faults | None = None) -> Faults:
    """Lets `app` misbehave on order: adds hooks and the control endpoints under /_sandbox. Call it before other hooks."""
    found = faults or Faults()

    @app.before_request
    def misbehave() -> Response | None:
        if request.path.startswith(CONTROL_PREFIX):
            return None
        if found.latency:
            found.sleep(found.latency)
        if outage := found.outage():
            g.fault_kind = "outage"
            return _dropped() if outage.drop else proxy_page(outage.status)
        return _meet(found, vendor)

    @app.after_request
    def spoil(response: Response) -> Response:
        if was_hit() == "drop_after":
            drop_connection()
        if was_hit() == "less":
            _show_less(response)
        fault: Fault | None = g.pop("spoilt", None)
        if fault is None:
            return response
        if response.status_code >= 400:
            g.fault_kind = f"{fault.kind}_refused"
        return _answer_of(fault, vendor)

    app.register_blueprint(_control(found))
    return found


def _meet(faults: Faults, vendor: VendorAnswers) -> Response | None:
    fault = faults.take(request.method, request.path)
    if fault is None:
        return None
    g.fault_kind = f"{fault.kind}_after" if fault.done else fault.kind
    if fault.seconds:
        faults.sleep(fault.seconds)
    if fault.done:
        g.spoilt = fault
    if fault.done or fault.kind in {"delay", "drop_after", "less"}:
        return None
    return _answer_of(fault, vendor)


def _show_less(response: Response) -> None:
    if response.is_json and response.status_code < 300:
        response.set_data(json.dumps(_emptied(json.loads(response.get_data()))))


def _emptied(told: object, name: str = "") -> object:
    if isinstance(told, list):
        return []
    if isinstance(told, dict):
        return {key: _emptied(value, key) for key, value in told.items()}
    return 0 if "total" in name.lower() and isinstance(told, int) else told


def _control(faults: Faults) -> Blueprint:
    control = Blueprint("faults", __name__, url_prefix=CONTROL_PREFIX)

    @control.errorhandler(ValidationError)
    def refused(error: ValidationError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 422

    @control.post("/faults")
    def add() -> Response:
        faults.add(Fault.model_validate(request.get_json()))
        return shown()

    @control.get("/faults")
    def shown() -> Response:
        return jsonify(faults=[fault.model_dump() for fault in faults.waiting()])

    @control.delete("/faults")
    def clear() -> Response:
        faults.clear()
        return shown()

    @control.post("/outage")
    def outage() -> Response:
        faults.set_outage(Outage.model_validate(request.get_json()))
        return jsonify(outage=faults.outage() is not None)

    @control.post("/latency")
    def latency() -> Response:
        faults.set_latency(Latency.model_validate(request.get_json()))
        return jsonify(ms=faults.latency * 1000)

    return control
