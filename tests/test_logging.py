"""Logs say what happened, and neither secrets nor patrons."""

from __future__ import annotations

import io
import json
import logging as standard
import warnings

import pytest
import structlog
from pydantic import SecretStr, TypeAdapter

from bridge import logging
from bridge.connectors.registry import connector_kind, connector_names
from bridge.errors import ConfigurationError
from bridge.http import Exchange
from bridge.logging import LIBRARIES, MASKED, SECRET, mask_patron, tell_exchange, tell_poll


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_secrets_and_patrons_are_hidden_whoever_logs_them(out: io.StringIO) -> None:
    logging.configure(console=False, to=out)
    structlog.get_logger("x").info("e", api_key="k-1", patron_id="21000000001001", token="t-1", other="kept")
    line = json.loads(out.getvalue())
    assert (line["api_key"], line["token"], line["patron_id"], line["other"]) == ("(secret)", "(secret)", "…01", "kept")


@pytest.mark.parametrize("console", [True, False])
@pytest.mark.parametrize("name", sorted(MASKED | SECRET))
def test_no_such_name_shows_its_value(out: io.StringIO, name: str, *, console: bool) -> None:
    logging.configure(console=console, to=out)
    structlog.get_logger("x").warning("e", **{name: "21000000001001"})
    assert "e" in out.getvalue()
    assert "2100000000" not in out.getvalue()


@pytest.mark.parametrize("console", [True, False])
def test_a_secret_is_none_under_any_name(out: io.StringIO, *, console: bool) -> None:
    logging.configure(console=console, to=out)
    structlog.get_logger("x").info("e", odd=SecretStr("hush-hush"), nested={"deep": [SecretStr("hush-hush")]})
    assert "odd" in out.getvalue()
    assert "hush" not in out.getvalue()


def test_what_is_bound_for_a_request_is_hidden_too(out: io.StringIO) -> None:
    logging.configure(console=False, to=out)
    with structlog.contextvars.bound_contextvars(patron="21000000001001", password="p-1"):
        structlog.get_logger("x").info("e")
    line = json.loads(out.getvalue())
    assert (line["patron"], line["password"]) == ("…01", "(secret)")


def test_a_patron_that_is_no_text_is_masked(out: io.StringIO) -> None:
    logging.configure(console=False, to=out)
    structlog.get_logger("x").info("e", patron_id=21000000001001, patron=None)
    line = json.loads(out.getvalue())
    assert (line["patron_id"], line["patron"]) == ("…01", "…")


def test_a_look_at_a_feed_is_told_only_to_who_looks_for_a_fault(out: io.StringIO) -> None:
    exchange = Exchange("feed", "GET", "/requests", 200, 1.5)
    logging.configure(console=False, to=out)
    tell_poll(exchange)
    assert out.getvalue() == ""
    logging.configure(console=False, level="debug", to=out)
    tell_poll(exchange)
    assert json.loads(out.getvalue())["path"] == "/requests"


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


@pytest.mark.parametrize("console", [True, False])
def test_a_traceback_shows_nothing_of_what_could_not_be_read(out: io.StringIO, *, console: bool) -> None:
    logging.configure(console=console, to=out)
    given = json.dumps("Doe, " + "Jane")
    try:
        TypeAdapter(int).validate_json(given)
    except ValueError:
        structlog.get_logger("x").exception("e")
    assert "[type=int_parsing, input_type=str]" in out.getvalue()
    assert "Jane" not in out.getvalue()


def test_a_traceback_shows_no_row_of_a_database() -> None:
    said = "psycopg.errors.NotNullViolation: null value\nDETAIL:  Failing row contains (Doe, Jane).\nmore"
    assert logging.without_input(said) == "psycopg.errors.NotNullViolation: null value\nDETAIL: …\nmore"


@pytest.mark.parametrize("name", ["why", "said", "error"])
def test_a_sentence_shows_no_secret_and_no_address(out: io.StringIO, name: str) -> None:
    logging.configure(console=False, to=out)
    said = "GET https://alma.example/almaws/v1/users/jane?apikey=l8xx77 failed for jane@example.org, token=abc, item 31234000012345"
    structlog.get_logger("x").info("e", **{name: said})
    told = json.loads(out.getvalue())[name]
    assert told == "GET https://alma.example/… failed for …, token=…, item 31234000012345"


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


class TestLibraries:
    """uvicorn, APScheduler and others say what they have to say by Python's own logging."""

    def said(self, out: io.StringIO) -> list[dict[str, str]]:
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        return [{name: value for name, value in line.items() if name != "timestamp"} for line in lines]

    def test_it_is_a_line_of_ours_and_told_once(self, out: io.StringIO) -> None:
        logging.configure(console=False, to=io.StringIO())
        logging.configure(console=False, to=out)
        standard.getLogger("uvicorn.error").warning("Invalid %s request received.", "HTTP")
        assert self.said(out) == [
            {
                "event": "library.said",
                "level": "warning",
                "logger": "uvicorn.error",
                "said": "Invalid HTTP request received.",
            }
        ]

    @pytest.mark.parametrize("console", [True, False])
    def test_it_is_masked_as_ours_are(self, out: io.StringIO, *, console: bool) -> None:
        logging.configure(console=console, to=out)
        try:
            raise ValueError("https://ils.example/bibs?apikey=hush-hush")
        except ValueError:
            standard.getLogger("asyncio").exception("https://ils.example/users/21000000001001?apikey=%s", "hush-hush")
        assert "library.said" in out.getvalue()
        assert "ValueError" in out.getvalue()
        assert "hush" not in out.getvalue()
        assert "2100000" not in out.getvalue()

    @pytest.mark.parametrize(
        ("logger", "level"),
        [
            ("alembic.runtime.migration", "INFO"),
            ("uvicorn.error", "INFO"),
            ("asyncio", "DEBUG"),
            ("urllib3.connectionpool", "WARNING"),
            ("apscheduler.scheduler", "WARNING"),
            ("apscheduler.executors.polls", "ERROR"),
        ],
    )
    def test_chatter_and_addresses_are_left_out(self, out: io.StringIO, logger: str, level: str) -> None:
        logging.configure(console=False, level="debug", to=out)
        standard.getLogger(logger).log(standard.getLevelNamesMapping()[level], "Retrying: /bibs?apikey=hush")
        assert out.getvalue() == ""

    def test_a_librarys_own_mistake_is_no_fault(self, out: io.StringIO) -> None:
        logging.configure(console=False, to=out)
        LIBRARIES.handle(standard.LogRecord("x", standard.ERROR, __file__, 1, "%d of %s", ("three",), None))
        assert [(line["level"], line["said"]) for line in self.said(out)] == [("error", "%d of %s")]

    def test_warnings_of_python_too(self, out: io.StringIO) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            standard.captureWarnings(capture=False)
            logging.configure(console=False, to=out)
            warnings.warn("odd certificate", UserWarning, stacklevel=1)
        (line,) = self.said(out)
        assert line["logger"] == "py.warnings"
        assert "odd certificate" in line["said"]
