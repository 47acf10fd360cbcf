"""What can be asked for one request, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridge.domain.preview import Preview


class Asking(StrEnum):
    """What can be asked."""

    RESYNC = "resync"
    RETRY = "retry"
    SKIP = "skip"
    RESOLVE = "resolve"
    FORGET = "forget"
    SET = "set"
    ADOPT = "adopt"
    WORK = "work"
    LOOK = "look"
    AUDIT = "audit"


@dataclass(frozen=True)
class Asked:
    """One thing asked for one request: by whom and why.

    ``dry_run`` only looks and plans. ``fields`` are corrections (names of ``standing.CORRECTABLE``, dates as ISO 8601), ``volume``
    confines them to one; ``barcode`` names the item to adopt. ``whole``: all tasks for staff that stand one after the other are settled,
    not only the first. ``goal``: fingerprint of the goal that a request was stopped on when whoever asks looked at it; what is asked of
    ``resolve`` and ``skip`` is about that, and nothing is settled once news made it another. ``stop``: fingerprint of why it was stopped
    then; once that is settled, the same word settles nothing else.
    """

    kind: Asking
    request_id: int
    by: str = ""
    note: str = ""
    dry_run: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    volume: str = ""
    barcode: str = ""
    whole: bool = False
    goal: str = ""
    stop: str = ""


@dataclass(frozen=True)
class Answer:
    """What was found or done, in sentences; for a dry run also how many things would be made and deleted.

    ``passed_by``: why an audit held nothing, or not all of the request, against the ILS.
    """

    lines: tuple[str, ...]
    ok: bool = True
    creates: int = 0
    deletes: int = 0
    passed_by: str = ""


def planned(found: Preview, notes: tuple[str, ...], why_not: str) -> Answer:
    """The plan; where nothing may be written it is still shown, and counts nothing."""
    lines = (*notes, *([why_not] if why_not else []), *(found.sentences or ("Nothing is left to do.",)))
    return Answer(lines) if why_not else Answer(lines, creates=found.creates, deletes=found.deletes)


def no(*lines: str) -> Answer:
    """It cannot be done, and why."""
    return Answer(lines, ok=False)


def passed_by(why: str) -> Answer:
    """An audit compared nothing, and why."""
    return Answer((why,), passed_by=why)
