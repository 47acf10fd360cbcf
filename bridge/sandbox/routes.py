"""The WSGI application of a stand-in: Flask's, which finds routes and never builds addresses of them."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import Rule


def _no_address(*_: object, **__: object) -> tuple[str, str]:
    raise NotImplementedError("a stand-in's routes are found, not built")


class Route(Rule):
    """A route without its builder: compiling the builders is nearly all that it takes to start a stand-in."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002, FBT001, FBT002 - Werkzeug's
        return _no_address


class StandInApp(Flask):
    """Flask whose routes are ``Route``, with no folder of static files; ``url_for`` does not work."""

    url_rule_class = Route

    def __init__(self, name: str, **more: Any) -> None:  # noqa: ANN401 - Flask's own
        super().__init__(name, static_folder=None, **more)
