"""Control of the Alma stand-in: what all have, and keys."""

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict

from bridge.sandbox.alma.desk import desk
from bridge.sandbox.alma.errors import AlmaError
from bridge.sandbox.alma.model import Key
from bridge.sandbox.alma.seed import Seed, plant
from bridge.sandbox.alma.standing import ReportAsked, objects, report
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.control import House, control_of


class KeyRights(BaseModel):
    """The body of POST /_sandbox/keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    areas: frozenset[str] = frozenset({"bibs", "users", "conf"})
    write: bool = True
    remove: bool = False


def _worded(error: AlmaError) -> tuple[str, object]:
    return error.message, error.code


HOUSE: House[State] = House(alma, Seed, plant, objects, ReportAsked, report, AlmaError, _worded)
control = control_of(HOUSE, desk)


@control.post("/keys")
def keys() -> Response:
    """Adds, changes or removes an API key."""
    order = KeyRights.model_validate(request.get_json())
    if order.remove:
        alma().keys.pop(order.key, None)
    else:
        alma().keys[order.key] = Key(order.areas, order.write)
    return jsonify(ok=True)
