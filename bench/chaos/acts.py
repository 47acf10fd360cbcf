"""What can happen in a day of chaos: words of the service, acts of the desk and of staff, faults of the ILS, and kills. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.ledger import State

Facts = Mapping[str, Any]


class When(StrEnum):
    """When the desk acts: at once, as soon as it can (between two steps, with luck), or when the request has come to rest."""

    NOW = "now"
    SOON = "soon"
    REST = "rest"


@dataclass(frozen=True)
class Tell:
    """The service says a word of a request. It is delivered ``copies`` times, the first time ``late`` turns later."""

    word: str
    facts: Facts = field(default_factory=dict)
    copies: int = 1
    late: int = 0


@dataclass(frozen=True)
class Rest:
    """Wait until the request has come to rest, for a while at most."""


@dataclass(frozen=True)
class Desk:
    """Somebody acts in the ILS by hand: ``act`` is a name of the stand-in's desk, ``more`` what it needs beside the barcode."""

    act: str
    barcode: str
    more: Facts = field(default_factory=dict)
    when: When = When.REST


@dataclass(frozen=True)
class Ask:
    """Staff ask the bridge for something: ``resync``, ``retry`` or ``resolve``."""

    kind: str


@dataclass(frozen=True)
class Fault:
    """The ILSs of these lanes misbehave: a fault of ``bridge.sandbox.faults`` by its fields."""

    fields: Facts
    lanes: tuple[str, ...]


@dataclass(frozen=True)
class Spell:
    """A trouble of these lanes that lasts ``turns`` turns: outage, unauthorized, throttle, latency."""

    kind: str
    turns: int
    lanes: tuple[str, ...]
    fields: Facts = field(default_factory=dict)


class KillAt(StrEnum):
    """What the daemon has just done when it is killed."""

    CALL_SENT = "call_sent"
    CALL_DONE = "call_done"
    LOG_LINE = "log_line"
    MESSAGE_SENT = "message_sent"


@dataclass(frozen=True)
class Kill:
    """SIGKILL at the ``count``-th exchange, log line or message from now. ``wait``: the script goes on only when the next daemon is up."""

    at: KillAt
    count: int
    wait: bool


Act = Tell | Rest | Desk | Ask
Trouble = Fault | Spell | Kill


@dataclass(frozen=True)
class Turn:
    """One thing that happens: to a story (its place in the script), or to all."""

    story: int | None
    act: Act | Trouble


@dataclass(frozen=True)
class Story:
    """One request and what happens to it.

    ``ends``: the states it may be in afterwards. ``own``: the library's own item it is about, ``lent_on``: whom the desk lent that to.
    ``feed``: how it is heard. ``forgiving``: by-hand acts that race with the bridge, after which an item of ours may be left for staff.
    """

    number: str
    name: str
    lane: str
    library: str
    role: str
    acts: tuple[Act, ...]
    ends: frozenset[State]
    channel: str = "webhook"
    sequence: bool = True
    own: str = ""
    lent_on: str = ""

    @property
    def barcode(self) -> str:
        """The temporary item's, where the request has one volume and staff typed none."""
        return f"{PREFIX[self.library.rpartition('-')[2]]}{self.number}"


PREFIX = {"main": "ILL-", "early": "ILE-"}


@dataclass(frozen=True)
class Script:
    """The whole day: its stories, and their turns in the order in which they are taken."""

    stories: tuple[Story, ...]
    turns: tuple[Turn, ...]
