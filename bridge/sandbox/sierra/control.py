"""Control of the stand-in under /_sandbox: calls counted, objects shown, judgement, settings, seeds, keys."""

from collections import Counter
from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import HTTPException

from bridge.sandbox.sierra.desk import desk
from bridge.sandbox.sierra.errors import SierraError
from bridge.sandbox.sierra.model import ROLES, Behaviour, Key
from bridge.sandbox.sierra.seed import Seed, plant
from bridge.sandbox.sierra.standing import ReportAsked, objects, report
from bridge.sandbox.sierra.state import sierra
from bridge.sandbox.sierra.wire import Json

control = Blueprint("control", __name__, url_prefix="/_sandbox")


class KeyRights(BaseModel):
    """The body of POST /_sandbox/keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    secret: str
    roles: tuple[str, ...] = ROLES
    remove: bool = False


def _refused(error: ValidationError) -> tuple[Response, int]:
    return jsonify(error=str(error)), 422


def _impossible(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code or 500


def _against_the_rules(error: SierraError) -> tuple[Response, int]:
    return jsonify(error=error.description, code=error.code), 409


for _blueprint in (control, desk):
    _blueprint.register_error_handler(ValidationError, _refused)
    _blueprint.register_error_handler(HTTPException, _impossible)
    _blueprint.register_error_handler(SierraError, _against_the_rules)


def calls_json() -> Json:
    """All calls since the last reset, with counts by "METHOD template"."""
    calls = sierra().calls
    return {
        "calls": [asdict(call) for call in calls],
        "total": sum(call.cost for call in calls),
        "transient": sum(call.cost for call in calls if call.transient),
        "by_route": dict(Counter(f"{call.method} {call.template}" for call in calls)),
    }


@control.get("/calls")
def calls() -> Response:
    """The calls so far."""
    return jsonify(calls_json())


@control.delete("/calls")
def forget_calls() -> Response:
    """Starts counting anew."""
    sierra().calls.clear()
    return jsonify(calls_json())


@control.delete("/tokens")
def forget_tokens() -> Response:
    """Every token is worth nothing from now on."""
    sierra().tokens.clear()
    return jsonify(ok=True)


@control.get("/objects")
def all_objects() -> Response:
    """Every object with who made it."""
    return jsonify(objects(sierra()))


@control.get("/report")
def judged() -> Response:
    """The judgement, for mark= or barcode= or everything."""
    asked = ReportAsked(mark=request.args.get("mark", ""), barcode=request.args.get("barcode", ""))
    return jsonify(report(sierra(), asked))


@control.post("/report")
def judged_as_expected() -> Response:
    """The judgement, with what is expected of seeded items."""
    return jsonify(report(sierra(), ReportAsked.model_validate(request.get_json())))


@control.get("/settings")
def settings() -> Response:
    """The switches."""
    return jsonify(sierra().behaviour.model_dump())


@control.post("/settings")
def change_settings() -> Response:
    """Changes the switches named in the body."""
    state = sierra()
    state.behaviour = Behaviour.model_validate(state.behaviour.model_dump() | request.get_json())
    return settings()


@control.post("/seed")
def seed() -> Response:
    """Adds locations, patrons and items."""
    plant(sierra(), Seed.model_validate(request.get_json()))
    return jsonify(ok=True)


@control.post("/keys")
def keys() -> Response:
    """Adds, changes or removes an API key."""
    order = KeyRights.model_validate(request.get_json())
    if order.remove:
        sierra().keys.pop(order.key, None)
    else:
        sierra().keys[order.key] = Key(order.secret, order.roles)
    return jsonify(ok=True)
