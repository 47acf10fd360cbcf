"""Puts the NCIP stand-in together: one address for all messages, counting, faults, control and the desk."""

import io
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from bridge.sandbox.control import House, control_of
from bridge.sandbox.faults import CONTROL_PREFIX, Faults, VendorAnswers, install_faults
from bridge.sandbox.memory import utc_now
from bridge.sandbox.ncip.desk import desk
from bridge.sandbox.ncip.doors import doors, let_in
from bridge.sandbox.ncip.errors import NcipProblem, NoAnswer
from bridge.sandbox.ncip.model import Behaviour
from bridge.sandbox.ncip.seed import Seed, demo_seed, plant
from bridge.sandbox.ncip.services import SERVICES
from bridge.sandbox.ncip.standing import ReportAsked, objects, report
from bridge.sandbox.ncip.state import State, ncip
from bridge.sandbox.ncip.wire import Asked, El, read, written
from bridge.sandbox.routes import StandInApp
from bridge.sandbox.standin import StandIn

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/ncip"
_OTHER = "other"
_IT_WORKS = b"<?xml version='1.0' encoding='UTF-8'?><NCIPMessage xmlns='http://www.niso.org/2008/ncip'>\nIt works!</NCIPMessage>"
_REQUESTS = ("LookupUser", "AcceptItem", "CheckOutItem", "CheckInItem", "RequestItem", "CancelRequestItem")
SPEAKS: Mapping[str, Behaviour] = {
    "generic": Behaviour(),
    "horizon": Behaviour(
        version=1,
        messages=_REQUESTS,
        pickup_in_to_agency=True,
        duplicate_barcode="refused",
        own_numbers=True,
        own_item_ids=True,
        refuses_user_id_element=True,
        honours_due=False,
    ),
    "millennium": Behaviour(
        messages=_REQUESTS,
        duplicate_barcode="refused",
        problems="numbers",
        honours_due=False,
        qualified=False,
    ),
    "folio": Behaviour(
        messages=(*_REQUESTS, "DeleteItem", "CreateUserFiscalTransaction"),
        duplicate_barcode="refused",
        own_numbers=True,
        lists=False,
        problems="sentences",
        honours_due=False,
        check_in_not_lent="success",
        tells_borrower=False,
        refused_check_out_checks_in=True,
    ),
    "wms": Behaviour(
        messages=("AcceptItem", "CheckOutItem", "CheckInItem", "CreateUserFiscalTransaction"),
        duplicate_barcode="refused",
        lists=False,
        requests_known=True,
        honours_due=False,
        honours_mandated_due=True,
        problem_place="message",
    ),
    "wms-platform": Behaviour(
        messages=("CheckOutItem", "CheckInItem", "RequestItem", "CancelRequestItem"),
        lists=False,
        honours_due=False,
        problem_place="message",
    ),
    "koha": Behaviour(
        qualified=False,
        pickup_in_to_agency=True,
        unknown_user_leaves_item=True,
        own_numbers_only=True,
        lists=False,
        shows_call_number=False,
        shows_people=False,
        check_in_not_lent="success",
        tells_borrower=False,
        delete_on_loan="stuck",
        escapes=False,
    ),
}
"""How known responders behave. What nobody has seen (a barcode used twice at Horizon, Millennium or WMS, say) is our guess."""


class _ByMessage:
    """All messages go to one address; behind it, each has a path of its own, so that faults and counts can tell them apart."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == PATH or path.startswith(f"{PATH}/"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            asked = read(body)
            environ["wsgi.input"] = io.BytesIO(body)
            environ["ncip.key"] = path.removeprefix(PATH).strip("/")
            environ["ncip.asked"] = asked
            environ["PATH_INFO"] = f"{PATH}/{asked.name if asked and asked.name in SERVICES else _OTHER}"
        return self._app(environ, start_response)


def _sent(content: tuple[El, ...]) -> Response:
    how = ncip().behaviour
    body = written(content, version=how.version, qualified=how.qualified, escapes=how.escapes)
    return Response(body, content_type="application/xml; charset=utf-8")


def _serve() -> Response:
    state = ncip()
    asked: Asked | None = request.environ["ncip.asked"]
    known = asked is not None and asked.name in SERVICES
    if asked is None or not known or (state.behaviour.messages and asked.name not in state.behaviour.messages):
        return Response(_IT_WORKS, content_type="text/html; charset=utf-8")
    try:
        content = SERVICES[asked.name](state, asked)
    except NoAnswer:
        g.refused = "no answer"
        return Response(_IT_WORKS, content_type="text/html; charset=utf-8")
    except NcipProblem as problem:
        return _refused(asked.name, problem)
    return _sent((El(f"{asked.name}Response", content),))


def _refused(name: str, problem: NcipProblem) -> Response:
    how = ncip().behaviour
    g.refused = problem.kind
    told = problem.told(name, how.problems)
    return _sent((told,) if how.problem_place == "message" else (El(f"{name}Response", (told,)),))


def _unauthorized() -> Response:
    return Response("Unauthorized", status=401, content_type="text/plain")


def _throttled() -> Response:
    return Response("Too Many Requests", status=429, content_type="text/plain")


def _ordered_error(code: str, message: str, status: int) -> Response:
    """As a problem (of this type where it is words) under the message, with this HTTP status; 400 is told with HTTP 200, as they do."""
    kind = f"Code {code}" if code.isdigit() else code
    answer = _sent((NcipProblem(kind, message).told("", "texts"),))
    answer.status_code = 200 if status == 400 else status
    return answer


def _enter() -> Response | None:
    state = ncip()
    state.lock.acquire()
    g.locked = True
    if not request.path.startswith(PATH):
        return None
    if state.over_threshold():
        return _throttled()
    key = request.environ["ncip.key"]
    return None if let_in(state) and key == state.api_key else _unauthorized()


def _leave(_: BaseException | None) -> None:
    if g.pop("locked", False):
        ncip().lock.release()


def _count(response: Response) -> Response:
    if not request.path.startswith(CONTROL_PREFIX):
        ncip().note_call(response, code=g.get("refused", ""), transient=request.path == "/token")
    return response


def _nowhere(error: HTTPException) -> Response:
    return Response(error.name, status=error.code or 500, content_type="text/plain")


def _worded(problem: NcipProblem) -> tuple[str, object]:
    return problem.detail, problem.kind


HOUSE: House[State] = House(ncip, Seed, plant, objects, ReportAsked, report, NcipProblem, _worded)


_CONTROL = control_of(HOUSE, desk)


def _make_app(state: State, faults: Faults | None) -> tuple[Flask, Faults]:
    app = StandInApp("ncip_stand_in")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["ncip"] = state
    app.after_request(_count)
    found = install_faults(app, VendorAnswers(_unauthorized, _throttled, _ordered_error), faults)
    app.before_request(_enter)
    app.teardown_request(_leave)
    for name in (*SERVICES, _OTHER):
        app.add_url_rule(f"{PATH}/{name}", name, _serve, methods=["POST"])
    app.register_blueprint(doors)
    app.register_blueprint(_CONTROL)
    app.register_blueprint(desk)
    app.register_error_handler(HTTPException, _nowhere)
    app.wsgi_app = _ByMessage(app.wsgi_app)  # type: ignore[method-assign]
    return app, found


class NcipStandIn(StandIn[State]):
    """A sandbox ILS behind an NCIP responder at /ncip, which speaks as `speaks` says (see SPEAKS).

    `api_key` is wanted behind the address where it is set; `clients` (key → secret) get tokens, without which nothing is let in.
    """

    house = HOUSE
    client = "sandbox-key"
    client_secret = "sandbox-secret"

    def __init__(
        self,
        speaks: str = "generic",
        *,
        seed: int = 1,
        demo: bool = True,
        api_key: str = "",
        tokens: bool = False,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        faults: Faults | None = None,
    ) -> None:
        state = State(seed=seed, clock=clock, monotonic=monotonic, behaviour=SPEAKS[speaks], api_key=api_key)
        if tokens:
            state.clients[self.client] = self.client_secret
        if demo:
            plant(state, demo_seed())
        super().__init__(state, *_make_app(state, faults))

    def forget_tokens(self) -> None:
        """Every token is worth nothing from now on."""
        with self.state.lock:
            self.state.tokens.clear()
