"""Structured logs: one event per state change and per ILS exchange. No secret and no patron identifier is ever in one."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from bridge.http import Exchange

_exchanges = structlog.get_logger("bridge.exchange")
MASKED = frozenset({"patron", "patron_id", "patron_name", "email", "barcode_of_patron"})
SECRET = frozenset({"api_key", "secret", "token", "password", "authorization", "previous_secret"})


def mask_patron(value: str) -> str:
    """A patron identifier as logs may show it: its last two characters, where it is long enough to hide the rest."""
    return f"…{value[-2:]}" if len(value) > 4 else "…"


def hide(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask patron identifiers and drop secrets, whoever logs them."""
    for name in MASKED & event.keys():
        event[name] = mask_patron(str(event[name]))
    for name in SECRET & event.keys():
        event[name] = "(secret)"
    return event


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr)


def _as_json(event: Any, **_: object) -> str:  # noqa: ANN401 - whatever was logged
    """One event as JSON; the encoder is made once, since there is a line for every exchange."""
    return _ENCODER.encode(event)


def configure(*, console: bool, level: str = "info", to: TextIO | None = None, for_good: bool = False) -> None:
    """Set up logs for the process: JSON lines, or coloured lines for a person, on ``to`` (standard error).

    ``for_good`` spares every line the look whether they were set up anew meanwhile.
    """
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=(to or sys.stderr).isatty(), exception_formatter=structlog.dev.plain_traceback
        )
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
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=to or sys.stderr),
        cache_logger_on_first_use=for_good,
    )
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


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
