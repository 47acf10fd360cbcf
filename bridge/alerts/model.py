"""What is told, as plain frozen values: troubles, notices, and how they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pydantic import TypeAdapter

from bridge.errors import BridgeError


class Kind(StrEnum):
    """What a notice is about."""

    LANE_CLOSED = "lane_closed"
    SOURCE_SILENT = "source_silent"
    QUOTA_STOP = "quota_stop"
    PARKED = "parked"
    KEPT = "kept"
    NOTES = "notes"
    ACCOUNT = "account"
    AUDIT = "audit"
    DIGEST = "digest"
    TEST = "test"


IMMEDIATE = (
    Kind.LANE_CLOSED,
    Kind.SOURCE_SILENT,
    Kind.QUOTA_STOP,
    Kind.PARKED,
    Kind.KEPT,
    Kind.NOTES,
    Kind.ACCOUNT,
)
"""Kinds that are told at once unless the settings say otherwise; what the audit finds can wait for the digest."""


class Stage(StrEnum):
    """Where a trouble stands when a notice tells of it: it is new, it still stands (or grew), it is over."""

    NEW = "new"
    STANDS = "stands"
    OVER = "over"


@dataclass(frozen=True)
class Item:
    """One thing that needs attention. ``what``: request, lane, source, library, account, kept, notes, object. ``count`` stands for so many
    alike. ``name`` is its short id or name, ``number`` a request's number at the service, ``until`` the day an account ends.
    """

    what: str
    name: str
    library: str = ""
    number: str = ""
    cause: str = ""
    reason: str = ""
    advice: str = ""
    since: datetime | None = None
    until: date | None = None
    count: int = 1


@dataclass(frozen=True)
class Notice:
    """One mail, or one call of the webhook. ``lines`` is the whole text; ``library`` is empty where it is no single library's."""

    kind: Kind
    stage: Stage
    at: datetime
    title: str
    lines: tuple[str, ...]
    library: str = ""
    items: tuple[Item, ...] = ()

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Trouble:
    """Something that stands now and that people are told of.

    ``subject`` names it over time: one trouble has one subject, however long it stands. ``at_once``: without waiting whether it settles.
    ``lasting``: told again for as long as it stands; else only when it has grown: ``newest`` (its latest member) is later than what was
    told, or there is one among ``members`` that was not told.
    ``over``: the title that tells its end; empty where the end is not told.
    """

    subject: str
    kind: Kind
    title: str
    lines: tuple[str, ...]
    library: str = ""
    cause: str = ""
    items: tuple[Item, ...] = ()
    since: datetime | None = None
    newest: datetime | None = None
    members: tuple[str, ...] = ()
    at_once: bool = False
    lasting: bool = False
    over: str = ""


class Undelivered(BridgeError):
    """A channel did not take a notice; the text says why and what to do. It is tried again later."""


_NOTICE = TypeAdapter(Notice)
_TROUBLE = TypeAdapter(Trouble)


def notice_text(notice: Notice) -> str:
    """A notice as JSON."""
    return _NOTICE.dump_json(notice).decode()


def notice_from(text: str) -> Notice:
    """The notice of this JSON. Raises ``pydantic.ValidationError`` for what is none."""
    return _NOTICE.validate_json(text)


def trouble_text(trouble: Trouble) -> str:
    """A trouble as JSON."""
    return _TROUBLE.dump_json(trouble).decode()


def trouble_from(text: str) -> Trouble:
    """The trouble of this JSON. Raises ``pydantic.ValidationError`` for what is none."""
    return _TROUBLE.validate_json(text)
