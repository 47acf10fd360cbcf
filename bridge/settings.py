"""Settings: one TOML file, ``ILL_BRIDGE_…`` environment overrides, secrets from environment or ``*_file``; every error at once."""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.alerts.settings import AlertSettings
from bridge.csvfile import read_csv
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Mode, Policy
from bridge.errors import ConfigurationError


class Section(BaseModel):
    """A table of the configuration file; keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LedgerSettings(Section):
    """Where the bridge remembers."""

    url: str = Field(
        default="sqlite:///var/ill-bridge.db",
        description="Database: sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME for several daemons.",
        examples=["sqlite:////var/lib/ill-bridge/ill-bridge.db"],
    )
    password: SecretStr | None = Field(
        default=None,
        description="PostgreSQL password of that user; without one libpq looks into its own password file (PGPASSFILE).",
        examples=["a long random secret"],
    )


class WatchSettings(Section):
    """Where something is looked at, and who may."""

    address: str = Field(
        default="",
        description="HOST:PORT of its own; empty: on the main address.",
        examples=["127.0.0.1:9101"],
    )
    token: SecretStr | None = Field(
        default=None,
        description="Only those who send it may look ('Authorization: Bearer …'); at least 16 signs. None: everybody who reaches the "
        "address.",
        examples=["a long random text"],
    )

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        fits = bool(host) and (":" not in host or bracketed) and port.isascii() and port.isdigit() and int(port) < 65536
        if value and not fits:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:9101, or [::1]:9101")
        return value

    @field_validator("token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value is not None else None
        if text is not None and (
            len(text) < 16 or not text.isascii() or not text.isprintable() or text != text.strip()
        ):
            raise ValueError("must have at least 16 signs, all of them ASCII, and no blank at its ends")
        return value

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The address of its own in its two parts."""
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


class HealthSettings(WatchSettings):
    """Where `/healthz` and `/readyz` are asked; without a token `/readyz` only says yes or no, unless on a loopback address of its own."""


class MetricsSettings(WatchSettings):
    """Where Prometheus reads `/metrics`."""


class WebSettings(Section):
    """Where webhooks come in, and where health and metrics are asked."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.", examples=["127.0.0.1"])
    port: int = Field(
        default=8018, ge=0, le=65535, description="Port to listen on; 0 takes a free one.", examples=[8018]
    )
    health: HealthSettings = Field(default_factory=HealthSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)


class LogSettings(Section):
    """How logs look."""

    format: Literal["json", "console"] = Field(
        default="json", description="JSON lines for a log collector, or coloured lines for a person.", examples=["json"]
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important event that is logged.", examples=["info"]
    )


class EngineSettings(Section):
    """When work is tried again, and how requests are held."""

    retry_waits: tuple[float, ...] = Field(
        default=(60, 300, 900, 1800, 3600),
        min_length=1,
        description="Seconds to wait after each failed try; the last one is repeated.",
        examples=[[60, 300, 900, 1800, 3600]],
    )
    retry_tries: int = Field(default=40, ge=1, description="Tries before staff are asked.", examples=[40])
    retry_jitter: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share by which a wait may grow, so that not all try at once.",
        examples=[0.2],
    )
    probe_interval: float = Field(
        default=60, gt=0, description="Seconds between looks at an ILS that is down.", examples=[60]
    )
    lease: float = Field(
        default=60, gt=0, description="Seconds a worker may be silent before another takes over.", examples=[60]
    )
    backstop: float = Field(
        default=5, gt=0, description="Seconds between looks for work that nobody announced.", examples=[5]
    )
    ask_over: int = Field(
        default=20,
        ge=0,
        description="A command that changes more requests than this shows its plan first and asks.",
        examples=[20],
    )
    verify_on_start: Literal["restored", "always", "never"] = Field(
        default="restored",
        description="When every open request is looked up in the ILS before anything is done for it: when the ledger is older "
        "than the last known run, at every start, or never.",
        examples=["restored"],
    )
    run_file: str = Field(
        default="",
        description="File that remembers how far the ledger had come, to notice a restored backup; empty: beside a SQLite file (FILE.run), "
        "none with PostgreSQL.",
        examples=["/var/lib/ill-bridge/ill-bridge.run"],
    )


class IlsSettings(Section):
    """One ILS institution: its connector, its pace, and the connector's own settings."""

    connector: str = Field(description="Which connector speaks to this ILS.", examples=["alma"])
    cap: int = Field(default=4, ge=1, le=64, description="Requests worked on at once.", examples=[4])
    calls_per_second: float = Field(
        default=8,
        ge=0,
        description="Our share of the vendor's limit, for all libraries of this ILS together; 0 means no limit.",
        examples=[8],
    )
    burst: float = Field(default=4, ge=1, description="Calls that may be made at once after a pause.", examples=[4])
    settings: dict[str, Any] = Field(
        default_factory=dict, description="The connector's own settings; see its page.", examples=[{}]
    )


class LibrarySettings(Section):
    """One library: its ILS and its policies."""

    ils: str = Field(
        description="Name of the ILS (a table under [ils]) this library's circulation desk works in.", examples=["alma"]
    )
    mode: Mode = Field(
        default=Mode.OBSERVE,
        description="observe: everything is planned and shown, nothing is written in the ILS; live: it is done.",
        examples=["live"],
    )
    live_from: datetime | None = Field(
        default=None,
        description="Cut-over, with its zone: loans that began before it (received, or as `create_on` says; lent: shipped) are left alone "
        "until `adopt` takes them over.",
        examples=["2026-12-01T06:00:00+01:00"],
    )
    deletes_per_hour: int = Field(
        default=50,
        ge=0,
        description="Temporary items deleted in an hour before the library stops and a human is asked.",
        examples=[50],
    )
    age_limit_days: int = Field(
        default=0,
        ge=0,
        description="Open requests of which the service has said nothing for more days than this need attention: `status` and the digest "
        "show them; 0: none do.",
        examples=[120],
    )
    borrowing: BorrowingPolicy = Field(
        default_factory=BorrowingPolicy, description="What is done for items this library borrows.", examples=[{}]
    )
    lending: LendingPolicy = Field(
        default_factory=LendingPolicy, description="What is done for items this library lends.", examples=[{}]
    )

    @field_validator("live_from")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs its zone, as in 2026-12-01T06:00:00+01:00")
        return value


class Settings(BaseSettings):
    """The whole configuration. ``ils`` and ``sources`` hold tables that connectors and sources check themselves."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="ILL_BRIDGE_", env_nested_delimiter="__", env_ignore_empty=True
    )

    bridge: str = Field(
        default="ill-bridge",
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="Name of this bridge inside the marks it leaves in the ILS; never change it while loans are open.",
        examples=["ill-bridge"],
    )
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    ils: dict[str, IlsSettings] = Field(default_factory=dict, description="The ILS institutions, by name.")
    libraries: dict[str, LibrarySettings] = Field(default_factory=dict, description="The libraries, by name.")
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict, description="The resource-sharing side, by name.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``check`` hands in: it laid the environment over the file and read the secrets' files already."""
        return (init_settings,)

    def policy(self, library: str) -> Policy:
        """The policy of a library, with the name of this bridge."""
        found = self.libraries[library]
        return Policy(
            self.bridge,
            found.borrowing,
            found.lending,
            mode=found.mode,
            live_from=found.live_from,
            deletes_per_hour=found.deletes_per_hour,
        )

    def lane(self, library: str) -> str:
        """The lane of a library: its ILS."""
        return self.libraries[library].ils


KindOf = Callable[[str], type[BaseModel]]
"""The settings model of a connector or of a kind of source, by name. Raises ``ConfigurationError`` for an unknown name."""


@dataclass(frozen=True)
class Configuration:
    """Settings with every part checked: the connectors' and the sources' own settings as their models."""

    settings: Settings
    connectors: Mapping[str, BaseModel]
    sources: Mapping[str, BaseModel]


def load(path: Path, *, connector_settings: KindOf, source_settings: KindOf) -> Configuration:
    """Read and check the whole configuration. Raises ``ConfigurationError`` naming everything that is wrong with it."""
    return check(
        _read(path), connector_settings=connector_settings, source_settings=source_settings, folder=path.parent
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        problem = f"{path}: there is no such file; copy config/bridge.example.toml, or name yours with --config"
    except OSError as failure:
        problem = f"{path}: cannot be read ({failure.strerror})"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        problem = f"{path}: not a TOML file: {failure}"
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
    environment = EnvSettingsSource(Settings)()
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
        return model.model_validate(raw) if not issubclass(model, BaseSettings) else model(**raw)
    except ValidationError as invalid:
        problems += [
            _problem(model, error, where) for error in invalid.errors(include_url=False, include_context=False)
        ]
    except TypeError:
        problems.append(f"{where}: must be a table of keys and values")
    return None


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
            read[name] = _with_secrets(
                _plain(field.annotation), read[name], f"{where}.{name}".lstrip("."), folder, problems
            )
    return read


def _secret(path: Path, where: str, problems: list[str]) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as failure:
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
        if "ils" in library and library["ils"] not in ils
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
        for library in mail.get("libraries", {})
        if library not in libraries
    ]
    return problems


def _meant(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known are: {', '.join(sorted(known)) or 'none'}"
