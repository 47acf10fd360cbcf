"""When a trouble is told: after it has settled, again while it stands, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.alerts.model import Notice, Stage, Trouble
from bridge.alerts.settings import AlertSettings
from bridge.alerts.words import span


@dataclass(frozen=True)
class Told:
    """A trouble's past: first seen, last told (``None``: never), with which cause and members then.

    ``earlier`` is when one of the same subject was told before.
    """

    seen_at: datetime
    told_at: datetime | None = None
    cause: str = ""
    members: tuple[str, ...] = ()
    earlier: datetime | None = None


def notice_due(trouble: Trouble, past: Told, now: datetime, settings: AlertSettings) -> Notice | None:
    """The notice to give of a trouble that stands, or ``None`` while there is nothing to say."""
    if trouble.kind not in settings.immediate:
        return None
    stage = Stage.NEW if past.told_at is None else Stage.STANDS
    due = _is_due(trouble, past, now, settings) if past.told_at is None else _again(trouble, past, now, settings)
    if not due:
        return None
    still = stage is Stage.STANDS and trouble.lasting and trouble.cause == past.cause
    title = f"{trouble.title} (still)" if still else trouble.title
    return Notice(trouble.kind, stage, now, title, trouble.lines, trouble.library, trouble.items)


def _is_due(trouble: Trouble, past: Told, now: datetime, settings: AlertSettings) -> bool:
    if trouble.at_once:
        return True
    if past.earlier is not None and now - past.earlier < timedelta(minutes=settings.quiet_minutes):
        return False
    return now - past.seen_at >= timedelta(minutes=settings.settle_minutes)


def _again(trouble: Trouble, past: Told, now: datetime, settings: AlertSettings) -> bool:
    """It became worse, it stands for long, or it has grown."""
    told_at = past.told_at or now
    if trouble.at_once and trouble.cause != past.cause:
        return True
    if trouble.lasting:
        return bool(settings.repeat_hours) and now - told_at >= timedelta(hours=settings.repeat_hours)
    grown = trouble.newest is not None and trouble.newest > told_at
    grown = grown or bool(set(trouble.members) - set(past.members))
    return grown and now - told_at >= timedelta(minutes=settings.quiet_minutes)


def notice_over(trouble: Trouble, past: Told, now: datetime) -> Notice | None:
    """The notice that a trouble is over; ``None`` where nobody was told that it began, or its end is not told."""
    if past.told_at is None or not trouble.over:
        return None
    began = trouble.since or past.seen_at
    line = f"{trouble.over}, after {span(now - began)}. The work that waited goes on by itself."
    return Notice(trouble.kind, Stage.OVER, now, trouble.over, (line,), trouble.library, trouble.items)
