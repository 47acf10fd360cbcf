"""The two JSON forms of Symphony Web Services: v1 (``resource``, ``key``, ``fields``) and v2 (``@resource``, ``@key``, fields beside them).

What is sent is written in the form named; what is answered is read in either (symphony.md, sections 2.1 and 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Form = Literal["v1", "v2"]
MEDIA: Mapping[Form, str] = {"v1": "application/json", "v2": "application/vnd.sirsidynix.roa.resource.v2+json"}


@dataclass(frozen=True)
class Resource:
    """A resource to be sent, or a link to one where it has no fields."""

    resource: str
    key: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


def policy(kind: str, code: str) -> Resource:
    """A link to a code of a policy."""
    return Resource(f"/policy/{kind}", code)


def written(value: object, form: Form) -> Any:  # noqa: ANN401 - JSON
    """As JSON of this form; texts, numbers and MARC go as they are."""
    if isinstance(value, Resource):
        return _resource(value, form)
    if isinstance(value, list):
        return [written(each, form) for each in value]
    if isinstance(value, dict):
        return {name: written(each, form) for name, each in value.items()}
    return value


def _resource(value: Resource, form: Form) -> dict[str, Any]:
    sign = "@" if form == "v2" else ""
    head = {f"{sign}resource": value.resource} | ({f"{sign}key": value.key} if value.key else {})
    fields = {name: written(each, form) for name, each in value.fields.items()}
    if not fields:
        return head
    return head | fields if form == "v2" else {**head, "fields": fields}


def flat(value: Any) -> Any:  # noqa: ANN401 - JSON
    """An answer in either form with ``resource``, ``key`` and fields side by side, all the way down."""
    if isinstance(value, list):
        return [flat(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {
        name.removeprefix("@") if name in {"@resource", "@key"} else name: flat(each) for name, each in value.items()
    }
    if "resource" in plain and isinstance(plain.get("fields"), dict):
        return {**plain.pop("fields"), **plain}
    return plain
