"""Checks exchanges against a vendor's own OpenAPI documents: path, method, parameters, content types, statuses, codes."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

# Parameters whose values the documents state in prose; every value sent must stand there as a word.
_STATED = {"op", "holdings", "bib", "status", "loan_status", "request_type", "method", "direction", "view", "expand"}
# Known everywhere without being parameters: the key (security scheme) and the format that all Alma APIs accept.
_EVERYWHERE = {"apikey", "format"}
_ITEM = "/almaws/v1/bibs/{mms_id}/holdings/{holding_id}/items/{item_pid}"


@dataclass(frozen=True)
class Parameter:
    """One documented parameter."""

    name: str
    required: bool
    type: str
    default: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One documented method on one path; content types are what it takes and gives, codes those of its errors."""

    method: str
    template: str
    query: Mapping[str, Parameter]
    takes: frozenset[str]
    gives: frozenset[str]
    statuses: frozenset[str]
    codes: frozenset[str]
    pattern: re.Pattern[str] = field(compare=False)


def _prose(text: str | None) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text or "")).strip()


def _parameter(raw: Mapping[str, Any]) -> Parameter:
    schema = raw.get("schema", {})
    return Parameter(
        name=raw["name"],
        required=bool(raw.get("required")),
        type=schema.get("type", "string"),
        default=str(schema.get("default", "")),
        description=_prose(raw.get("description")),
    )


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for template, methods in document["paths"].items():
        for method, raw in methods.items():
            if method not in {"get", "post", "put", "delete"}:
                continue
            answers = raw.get("responses", {}).values()
            stated = " ".join(answer.get("description", "") for answer in answers)
            yield Operation(
                method=method.upper(),
                template=template,
                query={one["name"]: _parameter(one) for one in raw.get("parameters", []) if one["in"] == "query"},
                takes=frozenset(raw.get("requestBody", {}).get("content", {})),
                gives=frozenset(kind for answer in answers for kind in answer.get("content", {})),
                statuses=frozenset(raw.get("responses", {})),
                codes=frozenset(re.findall(r"\b(\d{5,8}) - ", stated)),
                pattern=re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template.rstrip("/")) + "/?"),
            )


@dataclass(frozen=True)
class Answer:
    """What of an answer the documents can judge; `code` is "" unless it is an error with one."""

    status: int
    content_type: str
    code: str = ""


@dataclass(frozen=True)
class VendorApi:
    """The operations of all OpenAPI documents in one folder."""

    operations: tuple[Operation, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads every *.json in the folder; Alma's look-up by barcode stands only in the prose of GET item."""
        found: list[Operation] = []
        for file in sorted(folder.glob("*.json")):
            found += _operations(json.loads(file.read_text()))
        read_item = next((one for one in found if one.method == "GET" and one.template == _ITEM), None)
        if read_item:
            barcode = Parameter("item_barcode", required=True, type="string", default="", description="")
            path = "/almaws/v1/items"
            query = {**read_item.query, barcode.name: barcode}
            statuses = read_item.statuses | {"302"}
            found.append(
                replace(read_item, template=path, query=query, statuses=statuses, pattern=re.compile(re.escape(path)))
            )
        return cls(tuple(found))

    def find(self, method: str, path: str) -> Operation | None:
        """The operation for a path, encoded as sent; a literal path wins over a templated one."""
        matching = [one for one in self.operations if one.method == method.upper() and one.pattern.fullmatch(path)]
        return min(matching, key=lambda one: one.template.count("{"), default=None)

    def check_request(self, method: str, url: str, headers: Mapping[str, str], *, has_body: bool) -> list[str]:
        """What is wrong with the request by the documents; empty if nothing is."""
        parts = urlsplit(url)
        operation = self.find(method, parts.path)
        if operation is None:
            return [f"{method} {parts.path}: not in the vendor's documents"]
        query = parse_qsl(parts.query, keep_blank_values=True)
        sent = {name.lower(): value for name, value in headers.items()}
        problems = [
            *_query_problems(operation, query),
            *_missing_problems(operation, dict(query)),
            *_body_problems(operation, sent, has_body=has_body),
            *_accept_problems(operation, sent),
        ]
        if not sent.get("authorization", "").startswith("apikey ") and "apikey" not in dict(query):
            problems.append("no API key")
        return [f"{method} {operation.template}: {problem}" for problem in problems]

    def check_answer(self, method: str, url: str, answer: Answer, *, elsewhere: Collection[str] = ()) -> list[str]:
        """What is wrong with an answer by the documents; `elsewhere` holds error codes known from another source."""
        operation = self.find(method, urlsplit(url).path)
        if operation is None:
            return [f"{method} {urlsplit(url).path}: not in the vendor's documents"]
        problems = []
        if str(answer.status) not in operation.statuses:
            problems.append(f"status {answer.status} is not one of {sorted(operation.statuses)}")
        if answer.code and answer.code not in operation.codes and answer.code not in elsewhere:
            problems.append(f"error code {answer.code} is not stated")
        kind = answer.content_type.split(";")[0].strip()
        if answer.status == 200 and kind not in operation.gives:
            problems.append(f"Content-Type {kind or 'missing'} is not one of {sorted(operation.gives)}")
        return [f"{method} {operation.template}: {problem}" for problem in problems]


def _query_problems(operation: Operation, query: list[tuple[str, str]]) -> Iterator[str]:
    for name, value in query:
        if name in _EVERYWHERE:
            continue
        parameter = operation.query.get(name)
        if parameter is None:
            yield f"parameter {name} is unknown"
        elif problem := _value_problem(parameter, value):
            yield f"parameter {name}={value}: {problem}"
    names = [name for name, _ in query]
    yield from (f"parameter {name} is sent twice" for name in sorted(set(names)) if names.count(name) > 1)


def _value_problem(parameter: Parameter, value: str) -> str:
    if parameter.type == "integer" and not value.isdigit():
        return "is not a whole number"
    if parameter.name == "limit" and not 0 <= int(value) <= 100:
        return "is not between 0 and 100"
    if (parameter.type == "boolean" or parameter.default in {"true", "false"}) and value not in {"true", "false"}:
        return "is neither true nor false"
    if parameter.name in _STATED and value and value != parameter.default:
        words = set(re.findall(r"\w+", parameter.description.lower()))
        unknown = [one for one in value.split(",") if one.strip().lower() not in words]
        return f"not among the stated values: {parameter.description}" if unknown else ""
    return ""


def _missing_problems(operation: Operation, query: Mapping[str, str]) -> Iterator[str]:
    if query.get("op") == "scan":
        # The document marks all six parameters as required while its text calls them alternatives.
        if not query.get("library"):
            yield "parameter library is missing"
        if bool(query.get("circ_desk")) == bool(query.get("department")):
            yield "exactly one of circ_desk and department is needed"
        return
    for name, parameter in operation.query.items():
        # A password may come in a header instead (users.json, POST /users/{user_id}).
        if parameter.required and not query.get(name) and name != "password":
            yield f"parameter {name} is missing"
    lends = operation.method == "POST" and operation.template == "/almaws/v1/users/{user_id}/loans"
    if lends and not query.get("item_pid") and not query.get("item_barcode"):
        yield "one of item_pid and item_barcode is needed"


def _body_problems(operation: Operation, headers: Mapping[str, str], *, has_body: bool) -> Iterator[str]:
    kind = headers.get("content-type", "").split(";")[0].strip()
    if has_body and not operation.takes:
        yield "takes no body"
    elif has_body and kind not in operation.takes:
        yield f"Content-Type {kind or 'missing'} is not one of {sorted(operation.takes)}"
    elif operation.takes and not has_body:
        yield "needs a body"


def _accept_problems(operation: Operation, headers: Mapping[str, str]) -> Iterator[str]:
    if not operation.gives:
        return
    accepted = {part.split(";")[0].strip() for part in headers.get("accept", "*/*").split(",")}
    if not accepted & (operation.gives | {"*/*", "application/*"}):
        yield f"Accept {headers.get('accept')} is not one of {sorted(operation.gives)}"
