"""Notes back to a service: which lines of a circulation history are told, and how a note is found again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.domain.identity import RequestKey

STOPPED = ("Parked.", "Staff are asked:")
"""How a line begins that says that staff are needed (``bridge/engine/verdicts.py``)."""


class NoteKind(StrEnum):
    """What a line tells: what was done in the ILS; that staff are needed, and why; other states; what staff decided."""

    STEP = "step"
    STOP = "stop"
    STATE = "state"
    STAFF = "staff"


def note_kind(kind: str, line: str) -> NoteKind | None:
    """What a history line tells a service; ``None`` for what is not its business: its own news, and the audit."""
    if kind == "state" and line.startswith(STOPPED):
        return NoteKind.STOP
    return NoteKind(kind) if kind in set(NoteKind) else None


@dataclass(frozen=True)
class Note:
    """A line that is told to a service. ``key`` is unique and the same in every try; ``short_id`` is the request's here.

    ``partner`` is the other library of the leg that the line is about, where it is known.
    """

    key: str
    request: RequestKey
    short_id: str
    kind: NoteKind
    at: datetime
    line: str
    partner: str = ""

    @property
    def mark(self) -> str:
        """By which it is found again at the service."""
        return f"[ill-bridge {self.key[:12]}]"

    @property
    def text(self) -> str:
        """The line, with its mark."""
        return f"{self.line} {self.mark}"


NOTES_WAIT = timedelta(hours=1)
"""A service that has not taken a note for longer than this takes none."""


@dataclass(frozen=True)
class NotesStanding:
    """How a source's notes stand: how many wait and since when, how many were given up and when last, why the latest of them failed."""

    source: str
    waiting: int = 0
    oldest: datetime | None = None
    given_up: int = 0
    last_given_up: datetime | None = None
    problem: str = ""

    def not_taken(self, now: datetime) -> bool:
        """Whether the source takes no notes; what waits for a moment is on its way."""
        return self.oldest is not None and now - self.oldest > NOTES_WAIT
