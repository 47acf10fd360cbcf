"""Domain objects as JSON text and back; fields an older release did not write take their defaults."""

from __future__ import annotations

import json
from datetime import datetime
from threading import Lock
from typing import Any, Generic, TypeVar, get_args

from pydantic import TypeAdapter

from bridge.domain import commands as do
from bridge.domain.commands import Command, Verb
from bridge.domain.plan import Step, StepKey, verb_of
from bridge.domain.record import Record
from bridge.domain.request import Request

Meant = TypeVar("Meant")
REMEMBERED = 64
"""Texts whose meaning is remembered: a request is written and read several times within a second."""


class Remembered(Generic[Meant]):
    """What the last texts mean, so that nothing is read anew that was just written. What is kept here is frozen."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Meant] = {}
        self._guard = Lock()

    def found(self, text: str) -> Meant | None:
        """What this text means, if it is remembered."""
        return self._known.get(text)

    def forget(self) -> None:
        """Remember nothing."""
        with self._guard:
            self._known.clear()

    def keep(self, text: str, meant: Meant) -> Meant:
        """Remember it, and forget the oldest."""
        with self._guard:
            self._known[text] = meant
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        return meant


_REQUEST = TypeAdapter(Request)
_RECORD = TypeAdapter(Record)
_COMMANDS: dict[Verb, TypeAdapter[Any]] = {verb_of(kind): TypeAdapter(kind) for kind in get_args(Command)}
_KEY = TypeAdapter(StepKey)


_requests = Remembered[Request](REMEMBERED)
_records = Remembered[Record](REMEMBERED)


def request_text(request: Request) -> str:
    """A request as JSON; what was never said is left out."""
    text = _REQUEST.dump_json(request, exclude_none=False, exclude_defaults=True).decode()
    _requests.keep(text, request)
    return text


def request_from(text: str) -> Request:
    """The request of this JSON. Raises ``pydantic.ValidationError`` for what is none."""
    return _requests.found(text) or _requests.keep(text, _REQUEST.validate_json(text))


def record_text(record: Record) -> str:
    """A record as JSON."""
    text = _RECORD.dump_json(record, exclude_defaults=True).decode()
    _records.keep(text, record)
    return text


def record_from(text: str) -> Record:
    """The record of this JSON. Raises ``pydantic.ValidationError`` for what is none."""
    return _records.found(text) or _records.keep(text, _RECORD.validate_json(text))


def forget() -> None:
    """Remember no text: for a ledger that is opened or closed, and where a patron was taken out of one."""
    _requests.forget()
    _records.forget()


def command_text(command: do.Command) -> str:
    """A command as JSON; its verb is stored beside it."""
    return _COMMANDS[verb_of(type(command))].dump_json(command).decode()


def step_text(step: Step, state: str, command: str | None = None, *, since: datetime | None = None) -> str:
    """A step, its journal state and since when it stands so, as JSON; ``command`` is its command's own JSON, where that is at hand."""
    key = _KEY.dump_json(step.key).decode()
    said = command_text(step.command) if command is None else command
    at = json.dumps(since.isoformat() if since is not None else "")
    return f'{{"key":{key},"command":{said},"noted":{json.dumps(step.noted)},"state":{json.dumps(state)},"since":{at}}}'


def step_from(text: str) -> tuple[Step, str, datetime | None]:
    """The step of this JSON, its journal state, and since when it stands so (earlier releases did not say)."""
    raw = json.loads(text)
    key = _KEY.validate_python(raw["key"])
    command = _COMMANDS[key.verb].validate_python(raw["command"])
    since = raw.get("since")
    return Step(key, command, noted=raw["noted"]), raw["state"], datetime.fromisoformat(since) if since else None
