"""A message as it came in, and what it was understood as."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.change import Change

POLL_FAULT = "The bridge itself failed on what this source said; report it with the log's 'job.failed'."
"""Why a poll failed, where nobody foresaw it."""


class ArrivalState(StrEnum):
    """What became of a message: folded into requests; kept because it was malformed, or because its word is unknown."""

    FOLDED = "folded"
    MALFORMED = "malformed"
    UNKNOWN_WORD = "unknown"


@dataclass(frozen=True)
class Arrival:
    """A message: its key (unique in its source), its body as received, and the changes it was understood as.

    A message with an unknown word is kept and shown; the changes it carries beside the word are none, so nothing is guessed.
    """

    key: str
    body: str
    changes: tuple[Change, ...] = ()
    state: ArrivalState = ArrivalState.FOLDED
    problem: str = ""
