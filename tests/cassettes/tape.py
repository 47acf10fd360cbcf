"""Cassettes of vcrpy with a head that says what they were recorded against, and with whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vcr
import yaml

from tests.cassettes.scripts import Cast
from tests.cassettes.scrubbing import Scrubber

FOLDER = Path(__file__).parent
MATCHED = ("method", "scheme", "host", "path", "query", "raw_body")


@dataclass(frozen=True)
class Head:
    """What stands above the exchanges: the place they were recorded at, the cast, and how the play ended."""

    recorded_against: str
    recorded_on: str
    cast: Cast
    ended: tuple[str, ...]


class Tape:
    """vcrpy's serializer, with the head."""

    def __init__(self, head: Head | None = None) -> None:
        self.head = head

    def serialize(self, cassette: dict[str, Any]) -> str:
        """The cassette as YAML, head first."""
        head = self.head
        told: dict[str, Any] = {}
        if head is not None:
            told = {
                "recorded_against": head.recorded_against,
                "recorded_on": head.recorded_on,
                "cast": head.cast.known(),
                "ended": list(head.ended),
            }
        return str(yaml.safe_dump({**told, **_readable(cassette)}, sort_keys=False, allow_unicode=True, width=120))

    def deserialize(self, text: str) -> dict[str, Any]:
        """The cassette, without its head."""
        known: dict[str, Any] = yaml.safe_load(text)
        return {"version": known["version"], "interactions": known["interactions"]}


def _readable(cassette: dict[str, Any]) -> dict[str, Any]:
    """Bodies as text, so that a person can read what was said."""
    for exchange in cassette["interactions"]:
        request, body = exchange["request"], exchange["response"]["body"]
        if isinstance(request["body"], bytes):
            request["body"] = request["body"].decode()
        if isinstance(body["string"], bytes):
            body["string"] = body["string"].decode()
    return cassette


def head_of(path: Path) -> Head:
    """The head of a cassette."""
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Head(known["recorded_against"], known["recorded_on"], Cast.of(known["cast"]), tuple(known["ended"]))


def _raw_body(one: Any, other: Any) -> None:
    sent = [body.encode() if isinstance(body, str) else body or b"" for body in (one.body, other.body)]
    assert sent[0] == sent[1], f"{sent[0]!r} is not {sent[1]!r}"


def recorder(tape: Tape, *, record: bool, scrubber: Scrubber | None = None) -> vcr.VCR:
    """A VCR that records everything anew, or only plays."""
    made = vcr.VCR(record_mode="all" if record else "none", match_on=MATCHED, serializer="tape")
    made.register_serializer("tape", tape)
    made.register_matcher("raw_body", _raw_body)
    if scrubber is not None:
        made.before_record_request = scrubber.request
        made.before_record_response = scrubber.response
    return made
