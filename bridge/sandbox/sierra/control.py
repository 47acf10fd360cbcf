"""Control of the Sierra stand-in: what all have, and tokens and keys."""

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict

from bridge.sandbox.control import House, control_of
from bridge.sandbox.sierra.desk import desk
from bridge.sandbox.sierra.errors import SierraError
from bridge.sandbox.sierra.model import ROLES, Key
from bridge.sandbox.sierra.seed import Seed, plant
from bridge.sandbox.sierra.standing import ReportAsked, objects, report
from bridge.sandbox.sierra.state import State, sierra


class KeyRights(BaseModel):
    """The body of POST /_sandbox/keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    secret: str
    roles: tuple[str, ...] = ROLES
    remove: bool = False


def _worded(error: SierraError) -> tuple[str, object]:
    return error.description, error.code


HOUSE: House[State] = House(sierra, Seed, plant, objects, ReportAsked, report, SierraError, _worded)
control = control_of(HOUSE, desk)


@control.delete("/tokens")
def forget_tokens() -> Response:
    """Every token is worth nothing from now on."""
    sierra().tokens.clear()
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
