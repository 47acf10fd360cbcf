"""Configuration: whatever stands in the file, the environment, secrets and maps, it is taken or every problem is told in words."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.configuring import check, load
from bridge.csvfile import read_csv
from bridge.errors import ConfigurationError
from bridge.wiring import connector_settings, source_settings
from tests.fuzz.nonsense import DATES, JSON, RAW, SCALARS, TEXTS, amounts

ROOT = Path(__file__).parents[2]
EXAMPLE = tomllib.loads((ROOT / "config" / "bridge.example.toml").read_text(encoding="utf-8"))


def taken(raw: dict[str, Any]) -> bool:
    """Whether a configuration is taken; a refusal names at least one problem, each a sentence of its own."""
    problems = refusal(lambda: check(raw, connector_settings=connector_settings, source_settings=source_settings))
    assert all(problem.strip() for problem in problems)
    return not problems


def refusal(read: Callable[[], object]) -> tuple[str, ...]:
    """Why a configuration is not taken; none where it is."""
    try:
        read()
    except ConfigurationError as wrong:
        return wrong.problems or ("",)
    return ()


def paths(table: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in the example."""
    inner = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    return [place for key, value in inner for place in ((*before, key), *paths(value, (*before, key)))]


def put(table: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The table with another value at this path."""
    key, *rest = path
    copy: Any = dict(table) if isinstance(table, dict) else list(table)
    copy[key] = put(table[key], tuple(rest), value) if rest else value
    return copy


ODD = st.one_of(
    SCALARS, DATES, JSON, st.sampled_from(["UTC\x00", "../../etc/passwd", "a" * 10_000, [], {}, "localhost:1:2"])
)


@amounts
def test_an_odd_value_anywhere_is_told_or_taken(amount: settings) -> None:
    @given(st.sampled_from(paths(EXAMPLE)), ODD)
    def holds(path: tuple[Any, ...], value: Any) -> None:
        taken(put(EXAMPLE, path, value))

    amount(holds)()


@amounts
def test_an_odd_key_anywhere_is_told(amount: settings) -> None:
    tables = [path for path in paths(EXAMPLE) if isinstance(at(EXAMPLE, path), dict)]

    @given(st.sampled_from(tables), TEXTS, ODD)
    def holds(path: tuple[Any, ...], key: str, value: Any) -> None:
        taken(put(EXAMPLE, path, {**at(EXAMPLE, path), key: value}))

    amount(holds)()


def at(table: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        table = table[key]
    return table


@pytest.mark.parametrize("key", ["_env_file", "_secrets_dir", "_cli_parse_args", "__init__"])
def test_switches_of_the_settings_library_are_no_keys(key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{key}: there is no such key"):
        check({key: True}, connector_settings=connector_settings, source_settings=source_settings)


@pytest.mark.parametrize("name", ["ils", "libraries", "sources", "ledger", "web", "alerts", "engine", "log", "bridge"])
def test_a_table_that_is_something_else_is_told(name: str) -> None:
    values: tuple[Any, ...] = (1, "x", [], [1], {"a": 1}, {"a": []}, {"a": {"b": 1}}, None)
    for value in values:
        assert not taken({**EXAMPLE, name: value}) or value in ("x", {}, [])


@amounts
def test_a_file_of_anything_is_told(tmp_path: Path, amount: settings) -> None:
    path = tmp_path / "bridge.toml"

    @given(st.one_of(RAW, st.binary(max_size=50).map(lambda raw: b'bridge = "' + raw + b'"')))
    def holds(raw: bytes) -> None:
        path.write_bytes(raw)
        problems = refusal(lambda: load(path, connector_settings=connector_settings, source_settings=source_settings))
        assert all(problem.strip() for problem in problems)

    amount(holds)()


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 5000, "a = 2026-02-30", "a = '\x00'", "\ufeffbridge = 'b'"],
)
def test_a_file_that_toml_forbids_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "bridge.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not a TOML file"):
        load(tmp_path / "bridge.toml", connector_settings=connector_settings, source_settings=source_settings)


@pytest.mark.parametrize("value", ["{", "[1]", "\x01", '{"url": 1}', "9" * 5000, "null"])
@pytest.mark.parametrize("name", ["LEDGER", "ILS", "LIBRARIES__MAIN", "WEB__PORT", "ENGINE__RETRY_WAITS", "SOURCES"])
def test_an_odd_environment_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ILL_BRIDGE_{name}", value)
    taken(EXAMPLE)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x00" * 20, "ü".encode("utf-16"), b"", b"short"])
def test_a_secrets_file_of_anything_is_told(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(raw)
    for name in (str(path), str(tmp_path), "\x00", "a" * 5000, ""):
        source = {"kind": "webhook", "service": "s", "secret_file": name}
        assert not taken({"sources": {"hook": source}}) or raw == b"\x00" * 20


@amounts
def test_a_map_of_anything_is_read_or_told(tmp_path: Path, amount: settings) -> None:
    path = tmp_path / "map.csv"
    cells = st.one_of(
        RAW, st.lists(st.binary(max_size=20), max_size=5).map(lambda lines: b"service,ils\n" + b"\n".join(lines))
    )

    @given(cells)
    def holds(raw: bytes) -> None:
        path.write_bytes(raw)
        try:
            lines = read_csv(path, ("service", "ils"))
        except ConfigurationError:
            return
        assert all(set(line.cells) == {"service", "ils"} for line in lines)

    amount(holds)()


@pytest.mark.parametrize(
    "raw", [b'service,ils\n"' + b"x" * 200_000, b"service,ils\r\ra,b", b"service,ils\n\x00,b", b"\xff"]
)
def test_a_map_that_is_no_csv_is_told(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "map.csv"
    path.write_bytes(raw)
    borrowing = {"pickup_locations_file": str(path)}
    taken({"ils": {"a": {"connector": "alma"}}, "libraries": {"main": {"ils": "a", "borrowing": borrowing}}})
    with pytest.raises(ConfigurationError):
        read_csv(tmp_path / "no\x00such", ("service",))


@pytest.mark.parametrize("key", ["{", "{0}", "{}", "{a[0]}", "{a!x}", "}"])
def test_a_key_of_a_feed_that_cannot_be_filled_is_told_at_once(key: str) -> None:
    feed = {"kind": "feed", "service": "s", "url": "https://x", "key": key}
    with pytest.raises(ConfigurationError, match="key: "):
        check({"sources": {"f": feed}}, connector_settings=connector_settings, source_settings=source_settings)


@pytest.mark.parametrize("start", ["soon", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_a_start_of_a_feed_that_never_was_is_told_at_once(start: str) -> None:
    feed = {"kind": "feed", "service": "s", "url": "https://x", "start": start}
    with pytest.raises(ConfigurationError, match="start: "):
        check({"sources": {"f": feed}}, connector_settings=connector_settings, source_settings=source_settings)


@pytest.mark.parametrize(("signs", "told"), [(900_000, ""), (10_000_000, "it is larger than 1 MB")])
def test_a_long_one_is_read_and_a_longer_one_told(tmp_path: Path, signs: int, told: str) -> None:
    path = tmp_path / "bridge.toml"
    path.write_bytes(b"# " + b"x" * signs + b"\nbridge = '1'")
    with pytest.raises(ConfigurationError, match=told) if told else nullcontext():
        load(path, connector_settings=connector_settings, source_settings=source_settings)
