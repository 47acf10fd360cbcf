"""Logs say what happened, and neither secrets nor patrons."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from bridge import logging
from bridge.connectors.registry import connector_kind, connector_names
from bridge.errors import ConfigurationError
from bridge.http import Exchange
from bridge.logging import mask_patron, tell_exchange


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_secrets_and_patrons_are_hidden_whoever_logs_them(out: io.StringIO) -> None:
    logging.configure(console=False, to=out)
    structlog.get_logger("x").info("e", api_key="k-1", patron_id="21000000001001", token="t-1", other="kept")
    line = json.loads(out.getvalue())
    assert (line["api_key"], line["token"], line["patron_id"], line["other"]) == ("(secret)", "(secret)", "…01", "kept")


def test_short_identifiers_are_hidden_whole() -> None:
    assert (mask_patron("1234"), mask_patron("12345")) == ("…", "…45")


@pytest.mark.parametrize("console", [True, False])
def test_a_traceback_shows_no_variables(out: io.StringIO, *, console: bool) -> None:
    logging.configure(console=console, to=out)
    hidden = "very" + "secret"
    try:
        raise ValueError(len(hidden))
    except ValueError:
        structlog.get_logger("x").exception("e")
    assert "ValueError" in out.getvalue()
    assert "verysecret" not in out.getvalue()


def test_levels(out: io.StringIO) -> None:
    logging.configure(console=False, level="warning", to=out)
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


def test_an_exchange_is_one_event_with_what_it_belongs_to(out: io.StringIO) -> None:
    logging.configure(console=False, to=out)
    with structlog.contextvars.bound_contextvars(request="R1", library="main", step="-:-:check_in:0", attempt=1):
        tell_exchange(Exchange("alma", "GET", "/users/{user_id}", 200, 1.5, 1))
    line = json.loads(out.getvalue())
    assert {name: line[name] for name in ("event", "request", "library", "step", "attempt", "path", "status")} == {
        "event": "exchange",
        "request": "R1",
        "library": "main",
        "step": "-:-:check_in:0",
        "attempt": 1,
        "path": "/users/{user_id}",
        "status": 200,
    }


def test_connectors_are_found_by_name() -> None:
    assert "alma" in connector_names()
    assert connector_kind("alma").name == "alma"
    with pytest.raises(ConfigurationError, match="installed are: alma"):
        connector_kind("moon")


def test_what_calls_itself_a_connector_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "odd"
        value = "odd:THING"

        def load(self) -> object:
            return object()

    monkeypatch.setattr("bridge.connectors.registry.entry_points", lambda group: [Point()])
    with pytest.raises(ConfigurationError, match="is not a ConnectorKind"):
        connector_kind("odd")
