"""includeFields: which fields are shown, how deep, in which form (symphony.md, section 2.3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Response, jsonify, request

from bridge.sandbox.symphony.errors import bad_body
from bridge.sandbox.symphony.fields import FIELDS, NAMED_ONLY, PATRON
from bridge.sandbox.symphony.state import State, symphony
from bridge.sandbox.symphony.views import view
from bridge.sandbox.symphony.wire import V1, V2, Json, Link, asked_form

_TOKEN = re.compile(r"[A-Za-z0-9_*]+|[{},]")
ADDRESS = f"{PATRON}/address1"
"""Lines of an address come with their fields, however they are asked for (the recorded patrons)."""
_TAG = re.compile(r"(\d{3})(?:_(\w))?")


@dataclass
class Wanted:
    """The fields named, each with what is wanted inside it; `all` for ``*``."""

    all: bool = False
    named: dict[str, "Wanted | None"] = field(default_factory=dict)


def parsed(text: str) -> Wanted:
    """A list of fields. Raises 400 for braces that do not match."""
    tokens = _TOKEN.findall(re.sub(r"\s", "", text))
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise bad_body(f"includeFields cannot be read: {text}")
    wanted, rest = _list(tokens)
    if rest:
        raise bad_body(f"includeFields has a brace too many: {text}")
    return wanted


def _list(tokens: list[str]) -> tuple[Wanted, list[str]]:
    wanted, rest = Wanted(), tokens
    while rest and rest[0] != "}":
        name, rest = rest[0], rest[1:]
        inner: Wanted | None = None
        if name == "{":
            inner, rest = _braced(rest)
            wanted.all = wanted.all or inner.all
            wanted.named |= inner.named
        elif name == "*":
            wanted.all = True
        elif name != ",":
            if rest and rest[0] == "{":
                inner, rest = _braced(rest[1:])
            wanted.named[name] = inner
    return wanted, rest


def _braced(tokens: list[str]) -> tuple[Wanted, list[str]]:
    inner, rest = _list(tokens)
    if not rest:
        raise bad_body("includeFields: a brace is not closed.")
    return inner, rest[1:]


def asked() -> Wanted:
    """What the current call wants; all own fields where it does not say."""
    text = request.args.get("includeFields", "")
    return parsed(text) if text else Wanted(all=True)


def shown(resource: str, key: str) -> Response:
    """The answer to a GET of one record."""
    return answer(_expanded(symphony(), Link(resource, key), asked(), asked_form()))


def listed(resource: str, keys: list[str]) -> list[Json]:
    """Records of a list or a search."""
    state, wanted, form = symphony(), asked(), asked_form()
    return [_expanded(state, Link(resource, key), wanted, form) for key in keys]


def done(**parts: object) -> Response:
    """The answer to an action: its parts, of which links are expanded where includeFields names them, or all for ``{*}``."""
    state, form = symphony(), asked_form()
    text = request.args.get("includeFields", "")
    wanted = parsed(text) if text else Wanted()
    inner = Wanted(all=True) if text.startswith("{") and wanted.all else None
    for name in wanted.named:
        if name not in parts:
            raise bad_body(f"includeFields: '{name}' is no field of this answer.")
    return answer({name: _told(state, part, wanted.named.get(name) or inner, form) for name, part in parts.items()})


def answer(body: Any) -> Response:  # noqa: ANN401 - JSON
    """JSON in the form asked for."""
    told = jsonify(body)
    told.content_type = V2 if asked_form() == "v2" else V1
    return told


def _expanded(state: State, link: Link, wanted: Wanted, form: str) -> Json:
    whole = dict(link.own) or view(state, link.resource, link.key)
    known = {name: value for name, value in whole.items() if f"{link.resource}.{name}" not in state.behaviour.hidden}
    names = set(known) if link.own else set(FIELDS.get(link.resource, known))
    unknown = sorted(set(wanted.named) - names)
    if unknown:
        raise bad_body(f"includeFields: {link.resource} has no field {', '.join(unknown)}")
    fields = {
        name: _told(state, value, wanted.named.get(name), form)
        for name, value in known.items()
        if name in wanted.named or (wanted.all and not _by_name_only(link.resource, name, value))
    }
    head = _head(link, form)
    return head | (fields if form == "v2" else {"fields": fields})


def _by_name_only(resource: str, name: str, value: object) -> bool:
    links = isinstance(value, list) and (not value or isinstance(value[0], Link))
    return links or name in NAMED_ONLY.get(resource, ())


def _head(link: Link, form: str) -> Json:
    mark = "@" if form == "v2" else ""
    return {f"{mark}resource": link.resource, f"{mark}key": link.key}


def _told(state: State, value: object, wanted: Wanted | None, form: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_told(state, one, wanted, form) for one in value]
    if isinstance(value, Link):
        inner = wanted or (Wanted(all=True) if value.resource == ADDRESS else None)
        return _expanded(state, value, inner, form) if inner else _head(value, form)
    if isinstance(value, dict) and wanted is not None and "leader" in value:
        return value | {"fields": [one for one in map(_filter(wanted), value["fields"]) if one]}
    return value


def _filter(wanted: Wanted) -> Callable[[Json], Json | None]:
    """Keeps of MARC fields what names such as 650_a ask for."""
    tags: dict[str, set[str]] = {}
    for name in wanted.named:
        found = _TAG.fullmatch(name)
        if found is None:
            raise bad_body(f"includeFields: '{name}' is no MARC field.")
        tags.setdefault(found[1], set()).add(found[2] or "")

    def kept(marc: Json) -> Json | None:
        codes = tags.get(marc["tag"])
        if wanted.all or codes is None:
            return marc if wanted.all else None
        parts = [one for one in marc["subfields"] if "" in codes or one["code"] in codes]
        return marc | {"subfields": parts} if parts else None

    return kept
