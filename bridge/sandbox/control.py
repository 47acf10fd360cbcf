"""Control that all stand-ins have under /_sandbox: calls counted, objects shown, judgement, settings, seeds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from bridge.sandbox.faults import CONTROL_PREFIX
from bridge.sandbox.judgement import Standing
from bridge.sandbox.memory import Memory, calls_json

M = TypeVar("M", bound=Memory)
Objects = dict[str, list[Standing]]


@dataclass(frozen=True)
class House(Generic[M]):
    """What the control asks of one vendor's stand-in.

    `memory` is that of the current request; `seed` and `asked` are the bodies of POST /seed and /report; `refusal` is the
    vendor's own error, `worded` how it is told to a desk that breaks a rule: text and code.
    """

    memory: Callable[[], M]
    seed: type[BaseModel]
    plant: Callable[[M, Any], None]
    objects: Callable[[M], Objects]
    asked: type[BaseModel]
    report: Callable[[M, Any], Objects]
    refusal: type[Exception]
    worded: Callable[[Any], tuple[str, object]]


def control_of(house: House[M], *more: Blueprint) -> Blueprint:
    """The control of one stand-in; its own error words hold for the blueprints beside it (the desk) too."""
    control = Blueprint("control", __name__, url_prefix=CONTROL_PREFIX)
    for blueprint in (control, *more):
        _word_errors(blueprint, house)
    _add_calls(control, house)
    _add_judgement(control, house)
    _add_settings(control, house)
    return control


def _word_errors(blueprint: Blueprint, house: House[M]) -> None:
    def refused(error: ValidationError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 422

    def impossible(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    def against_the_rules(error: Exception) -> tuple[Response, int]:
        text, code = house.worded(error)
        return jsonify(error=text, code=code), 409

    blueprint.register_error_handler(ValidationError, refused)
    blueprint.register_error_handler(HTTPException, impossible)
    blueprint.register_error_handler(house.refusal, against_the_rules)


def _add_calls(control: Blueprint, house: House[M]) -> None:
    @control.get("/calls")
    def calls() -> Response:
        return jsonify(calls_json(house.memory().calls))

    @control.delete("/calls")
    def forget_calls() -> Response:
        house.memory().calls.clear()
        return calls()


def _add_judgement(control: Blueprint, house: House[M]) -> None:
    @control.get("/objects")
    def all_objects() -> Response:
        return jsonify(house.objects(house.memory()))

    @control.get("/report")
    def judged() -> Response:
        asked = {name: request.args.get(name, "") for name in ("mark", "barcode")}
        return jsonify(house.report(house.memory(), house.asked.model_validate(asked)))

    @control.post("/report")
    def judged_as_expected() -> Response:
        return jsonify(house.report(house.memory(), house.asked.model_validate(request.get_json())))


def _add_settings(control: Blueprint, house: House[M]) -> None:
    @control.get("/settings")
    def settings() -> Response:
        return jsonify(house.memory().behaviour.model_dump())

    @control.post("/settings")
    def change_settings() -> Response:
        switch(house.memory(), request.get_json())
        return settings()

    @control.post("/seed")
    def seed() -> Response:
        house.plant(house.memory(), house.seed.model_validate(request.get_json()))
        return jsonify(ok=True)


def switch(memory: Memory, changes: dict[str, object]) -> None:
    """Changes switches by name. Raises ``ValidationError`` for one that there is not."""
    kind = type(memory.behaviour)
    memory.behaviour = kind.model_validate(memory.behaviour.model_dump() | changes)
