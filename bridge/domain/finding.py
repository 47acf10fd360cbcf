"""One line of a check: what was looked at, how it is, and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

CLOCK_SLACK = timedelta(seconds=3)
"""Less cannot be told: the header counts whole seconds, and an answer takes its time."""
CLOCK_WARNING = timedelta(seconds=60)
"""A clock that is further off than this is worth a warning."""
CLOCK_LIMIT = timedelta(seconds=300)
"""A clock that is further off than this breaks signatures: webhooks allow so much (``tolerance_seconds``)."""


class Level(StrEnum):
    """How something is: well; to be looked at, though work goes on; or so that work would fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What was looked at (``subject``), how it is, in one sentence, and what to do about it."""

    subject: str
    level: Level
    text: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether work can go on."""
        return self.level is not Level.FAILED


def well(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, Level.OK, text)


def warned(subject: str, text: str, advice: str = "") -> Finding:
    """Work goes on, but somebody should look."""
    return Finding(subject, Level.WARNING, text, advice)


def failed(subject: str, text: str, advice: str = "") -> Finding:
    """Work would fail, or do harm."""
    return Finding(subject, Level.FAILED, text, advice)


def clock_finding(subject: str, ahead: timedelta | None, *, limit: timedelta = CLOCK_LIMIT) -> Finding:
    """How far a peer's clock is from ours; ``ahead`` is positive where the peer's is ahead, ``None`` where it does not say."""
    if ahead is None:
        return well(subject, "The answer names no time of its own, so the clocks could not be compared.")
    off = abs(ahead)
    seconds = round(off.total_seconds())
    if off < CLOCK_SLACK:
        return well(subject, "Its clock agrees with ours.")
    text = f"Its clock is {seconds} s {'ahead of' if ahead >= timedelta() else 'behind'} ours."
    advice = "Let both machines take the time from NTP (see 'timedatectl')."
    if off > limit:
        return failed(subject, f"{text} Signatures are refused beyond {round(limit.total_seconds())} s.", advice)
    return warned(subject, text, advice) if off > CLOCK_WARNING else well(subject, text)
