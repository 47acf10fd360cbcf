"""Searches and their pages: ``q=INDEX:value,…&j=AND&rw=1&ct=10`` (symphony.md, section 2.5)."""

from collections.abc import Collection

from flask import Response, request

from bridge.sandbox.symphony import include
from bridge.sandbox.symphony.errors import bad_body


def wanted_terms(indexes: Collection[str]) -> list[tuple[str, str]]:
    """The terms of the query. Raises 400 for none, and for an index that there is not."""
    terms = [tuple(part.split(":", 1)) for part in request.args.get("q", "").split(",") if part]
    if not terms or any(len(term) != 2 for term in terms):
        raise bad_body("q must be INDEX:value.")
    found = [(index, value) for index, value in terms]
    for index, _ in found:
        if index not in indexes:
            raise bad_body(f"There is no search index {index}.")
    return found


def number(name: str, default: int) -> int:
    """A whole number of the query."""
    given = request.args.get(name, "")
    if given and not given.isdigit():
        raise bad_body(f"{name} must be a whole number.")
    return int(given) if given else default


def page(resource: str, keys: list[str]) -> Response:
    """From row ``rw``, which counts from 1, ``ct`` of the records found."""
    first, count = number("rw", 1), number("ct", 10)
    chosen = keys[first - 1 : first - 1 + count]
    return include.answer({"totalResults": len(keys), "startRow": first, "result": include.listed(resource, chosen)})
