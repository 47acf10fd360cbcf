"""Policies: one code, or all of a kind (symphony.md, section 2.5)."""

from flask import Blueprint, Response, request

from bridge.sandbox.symphony import include
from bridge.sandbox.symphony.errors import not_found
from bridge.sandbox.symphony.state import symphony

policies = Blueprint("policies", __name__)


@policies.get("/policy/<kind>/key/<code>")
def read(kind: str, code: str) -> Response:
    """One code."""
    return include.shown(f"/policy/{kind}", code)


@policies.get("/policy/<kind>/simpleQuery")
def query(kind: str) -> Response:
    """All codes of a kind, or those named by ``key``: a plain list, not paged."""
    known = symphony().policies.get(kind)
    if known is None:
        raise not_found(f"policy {kind}")
    key = request.args.get("key", "*")
    return include.answer(include.listed(f"/policy/{kind}", [code for code in known if key in {"*", code}]))
