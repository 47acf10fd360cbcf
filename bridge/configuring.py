"""Reading a configuration: the file, the environment over it, secrets and maps from files of their own; every error at once."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from bridge.csvfile import read_csv
from bridge.domain.policy import BorrowingPolicy, LendingPolicy
from bridge.errors import ConfigurationError
from bridge.files import MOST_OF_CONFIGURATION, TooLarge, read_file
from bridge.settings import Configuration, KindOf, Settings


def load(path: Path, *, connector_settings: KindOf, source_settings: KindOf) -> Configuration:
    """Read and check the whole configuration. Raises ``ConfigurationError`` naming everything that is wrong with it."""
    return check(read(path), connector_settings=connector_settings, source_settings=source_settings, folder=path.parent)


def read(path: Path) -> dict[str, Any]:
    """The file as it is, unchecked. Raises ``ConfigurationError`` where it cannot be read."""
    try:
        return tomllib.loads(read_file(path, MOST_OF_CONFIGURATION).decode())
    except FileNotFoundError:
        problem = f"{path}: there is no such file; copy config/bridge.example.toml, or name yours with --config"
    except OSError as failure:
        problem = f"{path}: cannot be read ({failure.strerror})"
    except ValueError as failure:  # also numbers longer than Python reads
        problem = f"{path}: not a TOML file: {failure}"
    except RecursionError:
        problem = f"{path}: not a TOML file: it is nested too deeply"
    raise ConfigurationError((problem,))


def check(
    raw: dict[str, Any], *, connector_settings: KindOf, source_settings: KindOf, folder: Path = Path()
) -> Configuration:
    """Check a configuration that was read already. Raises ``ConfigurationError`` naming everything that is wrong.

    Files named in it are looked for from ``folder``, unless their path is absolute.
    """
    problems: list[str] = []
    merged = _with_maps(_merged(raw), folder, problems)
    part = partial(_part, folder=folder, problems=problems)
    settings = _validated(Settings, merged, "", folder, problems)
    connectors = {
        name: part(f"ils.{name}.settings", table.get("settings", {}), table.get("connector"), connector_settings)
        for name, table in _tables(merged, "ils")
    }
    sources = {
        name: part(f"sources.{name}", _without_kind(table), table.get("kind"), source_settings)
        for name, table in _tables(merged, "sources")
    }
    problems += _crossed(merged, sources)
    if problems or not isinstance(settings, Settings):
        raise ConfigurationError(tuple(problems))
    return Configuration(
        settings,
        {name: part for name, part in connectors.items() if part is not None},
        {name: part for name, part in sources.items() if part is not None},
    )


def _merged(raw: dict[str, Any]) -> dict[str, Any]:
    """The file with the environment's values over it, before anything is checked."""
    try:
        environment = EnvSettingsSource(Settings)()
    except SettingsError as wrong:
        raise ConfigurationError((f"the environment: {wrong}; a table there is JSON",)) from wrong
    return dict(_deep(raw, environment))


def _deep(below: Any, above: Any) -> Any:  # noqa: ANN401 - raw configuration
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: _deep(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}
    return above


MAP_COLUMNS: Mapping[str, tuple[str, str]] = {
    "pickup_locations": ("service", "ils"),
    "accounts": ("partner", "account"),
}
"""Maps of a policy that may stand in a CSV file beside it (NAME_file), and the columns there."""


def _with_maps(raw: dict[str, Any], folder: Path, problems: list[str]) -> dict[str, Any]:
    """The configuration with each map's CSV file read into it; what stands in the configuration itself goes before the file."""
    read = {
        name: {
            **library,
            **{side: _mapped(f"libraries.{name}.{side}", table, folder, problems) for side, table in sides},
        }
        for name, library in _tables(raw, "libraries")
        if (
            sides := [(side, library[side]) for side in ("borrowing", "lending") if isinstance(library.get(side), dict)]
        )
    }
    return {**raw, "libraries": {**raw["libraries"], **read}} if read else raw


def _mapped(where: str, table: dict[str, Any], folder: Path, problems: list[str]) -> dict[str, Any]:
    read = dict(table)
    for name, columns in MAP_COLUMNS.items():
        if name in _POLICY_MAPS[where.rpartition(".")[2]] and isinstance(read.get(f"{name}_file"), str):
            found = _map_of(folder / read.pop(f"{name}_file"), columns, f"{where}.{name}_file", problems)
            inline = read.get(name, {})
            read[name] = {**found, **inline} if isinstance(inline, dict) else inline
    return read


_POLICY_MAPS = {
    side: {field.name for field in fields(policy)} & set(MAP_COLUMNS)
    for side, policy in (("borrowing", BorrowingPolicy), ("lending", LendingPolicy))
}


def _map_of(path: Path, columns: tuple[str, str], where: str, problems: list[str]) -> dict[str, str]:
    try:
        lines = read_csv(path, columns)
    except ConfigurationError as wrong:
        problems += [f"{where}: {problem}" for problem in wrong.problems]
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, value = (line.cells[column] for column in columns)
        if not name or not value:
            problems.append(f"{where}: {path}, line {line.number}: a line needs both {columns[0]} and {columns[1]}")
        elif found.setdefault(name, value) != value:
            problems.append(f"{where}: {path}, line {line.number}: '{name}' stood before with another value")
    return found


def _tables(raw: dict[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    part = raw.get(name)
    return [(key, table) for key, table in part.items() if isinstance(table, dict)] if isinstance(part, dict) else []


def _without_kind(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "kind"}


def _part(
    where: str,
    raw: Any,  # noqa: ANN401 - raw configuration
    kind: Any,  # noqa: ANN401
    kind_of: KindOf,
    *,
    folder: Path,
    problems: list[str],
) -> BaseModel | None:
    if not isinstance(kind, str):
        key = "connector" if where.startswith("ils.") else "kind"
        problems.append(f'{where.removesuffix(".settings")}.{key}: missing; for example {key} = "{_EXAMPLE[key]}"')
        return None
    try:
        model = kind_of(kind)
    except ConfigurationError as unknown:
        problems += [f"{where.removesuffix('.settings')}: {problem}" for problem in unknown.problems]
        return None
    return _validated(model, raw, where, folder, problems)


_EXAMPLE = {"connector": "alma", "kind": "webhook"}


def _validated(
    model: type[BaseModel],
    raw: Any,  # noqa: ANN401 - raw configuration
    where: str,
    folder: Path,
    problems: list[str],
) -> BaseModel | None:
    raw = _with_secrets(model, raw, where, folder, problems)
    try:
        return (
            model.model_validate(raw)
            if not issubclass(model, BaseSettings)
            else model(**_without_switches(raw, problems))
        )
    except ValidationError as invalid:
        found = [_problem(model, error, where) for error in invalid.errors(include_url=False, include_context=False)]
        unread = {problem.partition("_file: ")[0] for problem in problems if "_file: the secret's file" in problem}
        problems += [problem for problem in found if problem.partition(": ")[0] not in unread]
    except TypeError:
        problems.append(f"{where}: must be a table of keys and values")
    return None


def _without_switches(raw: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Keys that begin with an underscore would be switches of pydantic-settings itself."""
    problems += [f"{key}: there is no such key" for key in raw if key.startswith("_")]
    return {key: value for key, value in raw.items() if not key.startswith("_")}


def _with_secrets(model: Any, raw: Any, where: str, folder: Path, problems: list[str]) -> Any:  # noqa: ANN401 - raw configuration
    """Read each ``NAME_file`` of a secret ``NAME``; what stands in the file, less the line's end, is the secret."""
    if not isinstance(raw, dict) or not isinstance(model, type) or not issubclass(model, BaseModel):
        return raw
    read = dict(raw)
    for name, field in model.model_fields.items():
        beside = f"{name}_file"
        if beside in read and beside not in model.model_fields and _holds(field.annotation, SecretStr):
            secret = _secret(folder / str(read.pop(beside)), f"{where}.{beside}".lstrip("."), problems)
            read.setdefault(name, secret)
        elif name in read:
            here = f"{where}.{name}".lstrip(".")
            read[name] = _inside(_plain(field.annotation), read[name], here, folder, problems)
    return read


def _inside(kind: Any, raw: Any, where: str, folder: Path, problems: list[str]) -> Any:  # noqa: ANN401 - raw configuration
    """The same for the tables within a table, named by the configuration or by the model."""
    if typing.get_origin(kind) is not dict or not isinstance(raw, dict):
        return _with_secrets(kind, raw, where, folder, problems)
    each = _plain(typing.get_args(kind)[1])
    return {name: _with_secrets(each, value, f"{where}.{name}", folder, problems) for name, value in raw.items()}


def _secret(path: Path, where: str, problems: list[str]) -> str:
    try:
        return read_file(path, MOST_OF_CONFIGURATION).decode().rstrip("\r\n")
    except TooLarge as large:
        problems.append(f"{where}: the secret's file {path} cannot be read ({large.strerror})")
        return ""
    except (OSError, ValueError) as failure:  # a name that no file can have, or what is not UTF-8
        problems.append(f"{where}: the secret's file {path} cannot be read ({type(failure).__name__})")
        return ""


def _holds(annotation: Any, wanted: type) -> bool:  # noqa: ANN401 - a type expression
    if annotation is wanted:
        return True
    return any(_holds(part, wanted) for part in typing.get_args(annotation))


def _problem(model: type[BaseModel], error: ErrorDetails, where: str) -> str:
    names = [str(part) for part in error["loc"]]
    path = ".".join([where, *names] if where else names)
    if error["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        near = difflib.get_close_matches(names[-1], _keys(model, names[:-1]), n=1)
        return f"{path}: there is no such key" + (f"; did you mean '{near[0]}'?" if near else "")
    example = _example(model, names) if names else ""
    said = "missing" if error["type"] == "missing" else error["msg"][:1].lower() + error["msg"][1:]
    said = re.sub(r"^value should have at least (\d+) items? after validation", r"should have at least \1 signs", said)
    return f"{path}: {said}" + (f"; for example {names[-1]} = {example}" if example else "")


def _keys(model: Any, names: list[str]) -> list[str]:  # noqa: ANN401 - a type expression
    inner = _inner(model, names)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return list(inner.model_fields)
    if not is_dataclass(inner):
        return []
    names = [field.name for field in fields(inner)]
    return [*names, *(f"{name}_file" for name in names if name in MAP_COLUMNS)]


def _inner(model: Any, names: list[str]) -> Any:  # noqa: ANN401 - a type expression
    """The type at this path of keys, as far as it can be followed."""
    current = _plain(model)
    for name in names:
        if isinstance(current, type) and issubclass(current, BaseModel) and name in current.model_fields:
            current = _plain(current.model_fields[name].annotation)
        elif is_dataclass(current):
            hints = typing.get_type_hints(current)
            current = _plain(hints.get(name))
        elif typing.get_origin(current) in {dict, Mapping}:
            current = _plain(typing.get_args(current)[1])
        elif typing.get_origin(current) in {tuple, list}:
            current = _plain(typing.get_args(current)[0])
    return current


def _plain(annotation: Any) -> Any:  # noqa: ANN401 - a type expression
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return next((part for part in typing.get_args(annotation) if part is not type(None)), annotation)
    return annotation


def _example(model: type[BaseModel], names: list[str]) -> str:
    holder = _inner(model, names[:-1])
    if isinstance(holder, type) and issubclass(holder, BaseModel):
        field = holder.model_fields.get(names[-1])
        examples = field.examples if field else None
        return _toml(examples[0]) if examples else ""
    if is_dataclass(holder):
        default = next((field.default for field in fields(holder) if field.name == names[-1]), "")
        return _toml(default) if isinstance(default, str | int | float) and default != "" else ""
    return ""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _crossed(raw: dict[str, Any], sources: Mapping[str, BaseModel | None]) -> list[str]:
    """Names that point nowhere."""
    ils, libraries = dict(_tables(raw, "ils")), dict(_tables(raw, "libraries"))
    problems = [
        f"libraries.{name}.ils: there is no [ils.{library['ils']}]" + _meant(str(library["ils"]), ils)
        for name, library in libraries.items()
        if isinstance(library.get("ils"), str) and library["ils"] not in ils
    ]
    for name, source in sources.items():
        named = [getattr(source, "library", None), *dict(getattr(source, "libraries", None) or {}).values()]
        by_service = getattr(source, "circulation_by_service", None)
        named += by_service if isinstance(by_service, tuple) else ()
        problems += [
            f"sources.{name}: there is no [libraries.{library}]" + _meant(library, libraries)
            for library in named
            if library and library not in libraries
        ]
    mail = dict(_tables(dict(_tables(raw, "alerts")), "mail"))
    problems += [
        f"alerts.mail.libraries: there is no [libraries.{library}]" + _meant(library, libraries)
        for library, _ in _tables_of(mail, "libraries")
        if library not in libraries
    ]
    return problems


def _tables_of(raw: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    part = raw.get(name)
    return list(part.items()) if isinstance(part, dict) else []


def _meant(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known are: {', '.join(sorted(known)) or 'none'}"
