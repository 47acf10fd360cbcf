"""What goes over the wire: the two JSON forms, bodies read strictly by the one that is named, times and money (symphony.md, section 2)."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import request

from bridge.sandbox.symphony.errors import SymphonyError, bad_body, not_found
from bridge.sandbox.symphony.state import State, symphony

Json = dict[str, Any]
BASE_PATH = "/symws"
V1, V2 = "application/json", "application/vnd.sirsidynix.roa.resource.v2+json"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Link:
    """A link to a resource; `own` are its fields where it cannot be read by itself (an address, an entry of custom information)."""

    resource: str
    key: str
    own: tuple[tuple[str, object], ...] = ()


@dataclass
class Taken:
    """A resource or a link in a body, in either form; empty names for what is none."""

    resource: str = ""
    key: str = ""
    fields: Json = field(default_factory=dict)


def path_asked() -> str:
    """The path below the base."""
    return request.path.removeprefix(BASE_PATH)


def asked_form() -> str:
    """v1 or v2, by the Accept header. Raises 406 for a form that this site does not serve."""
    accepted = request.headers.get("Accept", "*/*")
    form = "v2" if V2 in accepted else "v1"
    if symphony().behaviour.forms not in {"both", form}:
        raise SymphonyError("notAcceptable", f"This server does not serve {accepted}.", status=406)
    return form


def _sent_form() -> str:
    kind = (request.content_type or "").split(";")[0].strip()
    if kind not in {V1, V2} or symphony().behaviour.forms not in {"both", "v1" if kind == V1 else "v2"}:
        raise SymphonyError("unsupportedMediaType", f"The body's type {kind!r} is not known.", status=415)
    return "v1" if kind == V1 else "v2"


def submitted(known: Collection[str]) -> Json:
    """The fields of the body, with links and resources in it as ``Taken``; an unknown field is refused by name. Raises 400, 415."""
    return taken_body(known).fields


def taken_body(known: Collection[str]) -> Taken:
    """As ``submitted``, with the body's own resource and key where it names them."""
    form = _sent_form()
    raw = request.get_json(silent=True, force=True)
    if not isinstance(raw, dict):
        raise bad_body("The body is not a JSON object.")
    body = _taken(raw, form)
    if not isinstance(body, Taken):
        body = Taken(fields=body)
    unknown = sorted(set(body.fields) - set(known))
    if unknown:
        raise bad_body(f"Unrecognized field: {', '.join(unknown)}")
    return body


def _taken(value: Any, form: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_taken(one, form) for one in value]
    if not isinstance(value, dict):
        return value
    if ("resource" if form == "v2" else "@resource") in value:
        raise bad_body(f"The body is not in the form that its Content-Type names ({form}).")
    if form == "v2" and "@resource" in value:
        inner = {key: _taken(one, form) for key, one in value.items() if not key.startswith("@")}
        return Taken(str(value["@resource"]), str(value.get("@key", "")), inner)
    if form == "v1" and "resource" in value:
        told = value.get("fields", {})
        if not isinstance(told, dict) or set(value) - {"resource", "key", "fields"}:
            raise bad_body("A resource has resource, key and fields.")
        inner = {key: _taken(one, form) for key, one in told.items()}
        return Taken(str(value["resource"]), str(value.get("key") or ""), inner)
    return {key: _taken(one, form) for key, one in value.items()}


def key_in(given: Json, name: str, resource: str) -> str:
    """The key of a link; empty where it is missing. Raises 400 for what is no link to this resource."""
    found = given.get(name)
    if found is None:
        return ""
    if not isinstance(found, Taken) or found.resource != resource or not found.key:
        raise bad_body(f"Field '{name}' must be a link to {resource}.")
    return found.key


def code_in(state: State, given: Json, name: str, kind: str) -> str:
    """The code of a policy that a field names; empty where it is missing. Raises 404 for a code that there is not."""
    code = key_in(given, name, f"/policy/{kind}")
    if code and state.policy(kind, code) is None:
        raise not_found(f"policy {kind} {code}")
    return code


def text_in(given: Json, name: str) -> str:
    """A text; empty where missing or null. Raises 400 for what is no text."""
    found = given.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise bad_body(f"Field '{name}' must be a text.")
    return found


def flag_in(given: Json, name: str, *, default: bool = False) -> bool:
    """True or false; `default` where missing."""
    found = given.get(name, default)
    if not isinstance(found, bool):
        raise bad_body(f"Field '{name}' must be true or false.")
    return found


def day_in(given: Json, name: str) -> date | None:
    """A date, YYYY-MM-DD; None where missing."""
    text = text_in(given, name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise bad_body(f"Field '{name}' must be a date, YYYY-MM-DD.") from error


def moment_in(given: Json, name: str) -> datetime | None:
    """A time with its offset, RFC 3339; every other format is refused ([UVA-OLD]). None where missing."""
    text = text_in(given, name)
    if not text:
        return None
    if not _RFC3339.fullmatch(text):
        raise bad_body(f"Field '{name}' must be a date and time, RFC 3339 with its offset.")
    return datetime.fromisoformat(text)


def money_in(given: Json, name: str) -> Decimal:
    """An amount of money; the amount is a text."""
    found = given.get(name)
    if not isinstance(found, dict) or not isinstance(found.get("amount"), str) or not found.get("currencyCode"):
        raise bad_body(f"Field '{name}' must have currencyCode and amount, a text.")
    try:
        return Decimal(found["amount"])
    except InvalidOperation as error:
        raise bad_body(f"Field '{name}' holds no amount.") from error


def money(amount: Decimal) -> Json:
    """An amount as Symphony writes it."""
    return {"currencyCode": "USD", "amount": f"{amount:.2f}"}


def when(moment: datetime | None) -> str | None:
    """A time with the site's offset, to the minute."""
    return symphony().local(moment).isoformat() if moment else None


def day(moment: datetime | date | None) -> str | None:
    """A date in the site's zone."""
    if isinstance(moment, datetime):
        moment = symphony().local(moment).date()
    return moment.isoformat() if moment else None


def policy(kind: str, code: str) -> Link | None:
    """A link to a policy's code; None for no code."""
    return Link(f"/policy/{kind}", code) if code else None
