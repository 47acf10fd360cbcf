"""Control of the Symphony stand-in: what all have, and sessions and accounts."""

from datetime import date

from flask import Response, jsonify, request
from pydantic import BaseModel, ConfigDict

from bridge.sandbox.control import House, control_of
from bridge.sandbox.symphony.desk import desk
from bridge.sandbox.symphony.errors import SymphonyError
from bridge.sandbox.symphony.model import Client, Staff
from bridge.sandbox.symphony.seed import Seed, plant
from bridge.sandbox.symphony.standing import ReportAsked, objects, report
from bridge.sandbox.symphony.state import State, symphony


class KeyRights(BaseModel):
    """The body of POST /_sandbox/keys: a staff account, and the client id it works with; `remove` ends account and sessions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    login: str
    password: str = ""
    client_id: str = ""
    staff: bool = True
    pin_expires: date | None = None
    remove: bool = False


def _worded(error: SymphonyError) -> tuple[str, object]:
    return error.message, error.code


HOUSE: House[State] = House(symphony, Seed, plant, objects, ReportAsked, report, SymphonyError, _worded)


control = control_of(HOUSE, desk)


@control.delete("/sessions")
def forget_sessions() -> Response:
    """Every session is worth nothing from now on."""
    symphony().sessions.clear()
    return jsonify(ok=True)


@control.post("/keys")
def keys() -> Response:
    """Adds, changes or removes a staff account; a locked one is free again."""
    state, order = symphony(), KeyRights.model_validate(request.get_json())
    if order.remove:
        state.staff.pop(order.login, None)
        state.sessions = {token: one for token, one in state.sessions.items() if one.login != order.login}
    else:
        state.staff[order.login] = Staff(order.password, pin_expires=order.pin_expires)
    if order.client_id and not order.remove:
        state.clients[order.client_id] = Client(order.staff)
    return jsonify(ok=True)
