"""Control of the stand-in under /_sandbox: calls counted, objects shown, judgement, settings, seeds, keys."""

from collections import Counter
from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import HTTPException

from bridge.sandbox.alma.desk import desk
from bridge.sandbox.alma.errors import AlmaError
from bridge.sandbox.alma.model import Behaviour, Key
from bridge.sandbox.alma.seed import Seed, plant
from bridge.sandbox.alma.standing import ReportAsked, objects, report
from bridge.sandbox.alma.state import alma
from bridge.sandbox.alma.wire import Json

control = Blueprint("control", __name__, url_prefix="/_sandbox")


class KeyRights(BaseModel):
    """The body of POST /_sandbox/keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    areas: frozenset[str] = frozenset({"bibs", "users", "conf"})
    write: bool = True
    remove: bool = False


def _refused(error: ValidationError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 422


def _impossible(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code or 500


def _against_the_rules(error: AlmaError) -> tuple[Response, int]:
    return jsonify(error=error.message, code=error.code), 409


for _blueprint in (control, desk):
    _blueprint.register_error_handler(ValidationError, _refused)
    _blueprint.register_error_handler(HTTPException, _impossible)
    _blueprint.register_error_handler(AlmaError, _against_the_rules)


def calls_json() -> Json:
    """All calls since the last reset, with counts by "METHOD template"."""
    calls = alma().calls
    by_route = Counter(f"{call.method} {call.template}" for call in calls)
    return {
        "calls": [asdict(call) for call in calls],
        "total": sum(call.cost for call in calls),
        "transient": sum(call.cost for call in calls if call.transient),
        "by_route": dict(by_route),
    }


@control.get("/calls")
def calls() -> Response:
    """The calls so far."""
    return jsonify(calls_json())


@control.delete("/calls")
def forget_calls() -> Response:
    """Starts counting anew."""
    alma().calls.clear()
    return jsonify(calls_json())


@control.get("/objects")
def all_objects() -> Response:
    """Every object with who made it."""
    return jsonify(objects(alma()))


@control.get("/report")
def judged() -> Response:
    """The judgement, for mark= or barcode= or everything."""
    asked = ReportAsked(mark=request.args.get("mark", ""), barcode=request.args.get("barcode", ""))
    return jsonify(report(alma(), asked))


@control.post("/report")
def judged_as_expected() -> Response:
    """The judgement, with what is expected of seeded items."""
    return jsonify(report(alma(), ReportAsked.model_validate(request.get_json())))


@control.get("/settings")
def settings() -> Response:
    """The switches."""
    return jsonify(alma().behaviour.model_dump())


@control.post("/settings")
def change_settings() -> Response:
    """Changes the switches named in the body."""
    state = alma()
    state.behaviour = Behaviour.model_validate(state.behaviour.model_dump() | request.get_json())
    return settings()


@control.post("/seed")
def seed() -> Response:
    """Adds libraries, code tables, patrons and items."""
    plant(alma(), Seed.model_validate(request.get_json()))
    return jsonify(ok=True)


@control.post("/keys")
def keys() -> Response:
    """Adds, changes or removes an API key."""
    order = KeyRights.model_validate(request.get_json())
    if order.remove:
        alma().keys.pop(order.key, None)
    else:
        alma().keys[order.key] = Key(order.areas, order.write)
    return jsonify(ok=True)
