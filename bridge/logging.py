"""Structured logs: one event per state change and per ILS exchange. No secret and no patron identifier is ever in one."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from bridge.domain.masking import without_secrets
from bridge.http import Exchange

_exchanges = structlog.get_logger("bridge.exchange")
MASKED = frozenset({"patron", "patron_id", "patron_name", "user_id", "email", "phone", "address", "barcode_of_patron"})
SECRET = frozenset(
    {"api_key", "apikey", "secret", "token", "password", "pin", "authorization", "previous_secret", "body", "title"}
)
WORDS = ("why", "said", "error")
"""Sentences, into which others may have written."""
_INPUT = re.compile(r"\[type=(\w+), input_value=.*?, input_type=(\w+)\]", re.DOTALL)
"""What pydantic's errors quote of what they were given."""
_ROW = re.compile(r"(DETAIL:|CONTEXT:)  ?.*")
"""Where PostgreSQL's errors quote rows."""


def mask_patron(value: str) -> str:
    """A patron identifier as logs may show it: its last two characters, where it is long enough to hide the rest."""
    return f"…{value[-2:]}" if len(value) > 4 else "…"


def hide(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask patron identifiers and drop secrets, whoever logs them."""
    for name in MASKED & event.keys():
        event[name] = mask_patron(str(event[name]))
    for name in SECRET & event.keys():
        event[name] = "(secret)"
    for name in WORDS:
        if event.get(name):
            event[name] = without_secrets(str(event[name]))
    return event


def without_input(text: str) -> str:
    """A traceback without what was given to a model, or a database, that could not take it."""
    return without_secrets(_ROW.sub(r"\1 …", _INPUT.sub(r"[type=\1, input_type=\2]", text)))


def _hide_input(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if "exception" in event:
        event["exception"] = without_input(event["exception"])
    return event


def _plain_traceback(to: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    told = io.StringIO()
    structlog.dev.plain_traceback(told, exc_info)
    to.write(without_input(told.getvalue()))


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr)


def _as_json(event: Any, **_: object) -> str:  # noqa: ANN401 - whatever was logged
    """One event as JSON; the encoder is made once, since there is a line for every exchange."""
    return _ENCODER.encode(event)


def configure(*, console: bool, level: str = "info", to: TextIO | None = None, for_good: bool = False) -> None:
    """Set up logs for the process: JSON lines, or coloured lines for a person, on ``to`` (standard error).

    ``for_good`` spares every line the look whether they were set up anew meanwhile.
    """
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=(to or sys.stderr).isatty(), exception_formatter=_plain_traceback)
        if console
        else structlog.processors.JSONRenderer(serializer=_as_json)
    )
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide,
    ]
    if not console:
        processors += [structlog.processors.format_exc_info, _hide_input]
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=to or sys.stderr),
        cache_logger_on_first_use=for_good,
    )
    _hear_libraries()


log = structlog.get_logger(__name__)

QUIET = {"apscheduler": logging.ERROR, "apscheduler.executors": logging.CRITICAL, "urllib3": logging.ERROR}
"""Libraries whose warnings are of no use, or hold addresses with keys in them; what a job fails of is told as ``job.failed``."""


class _Libraries(logging.Handler):
    """What libraries say by Python's own logging, as a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # the library's own mistake
            said = str(record.msg)
        if record.levelno >= logging.ERROR:
            log.error("library.said", logger=record.name, said=said.strip(), exc_info=record.exc_info)
        else:
            log.warning("library.said", logger=record.name, said=said.strip())


LIBRARIES = _Libraries(logging.WARNING)
"""One for the process, however often logs are set up."""


def _hear_libraries() -> None:
    """Warnings and worse of all libraries, Python's own warnings among them."""
    logging.getLogger().addHandler(LIBRARIES)
    logging.captureWarnings(capture=True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def tell_exchange(exchange: Exchange) -> None:
    """Log one exchange with an ILS, with the request and step it belongs to."""
    _told(exchange, "info")


def tell_poll(exchange: Exchange) -> None:
    """Log one look at a feed: of interest only to those who look for a fault; what it brought is told by itself."""
    _told(exchange, "debug")


def _told(exchange: Exchange, level: str) -> None:
    tell = getattr(_exchanges, level)
    tell(
        "exchange",
        ils=exchange.ils,
        method=exchange.method,
        path=exchange.template,
        status=exchange.status,
        milliseconds=exchange.milliseconds,
        call_attempt=exchange.attempt,
        transient=exchange.transient,
        error=exchange.error,
    )
