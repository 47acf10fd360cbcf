"""What needs attention: parked requests by cause, requests without news, messages not understood, sources that fell silent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bridge.domain.identity import Role
from bridge.domain.record import Record
from bridge.domain.request import Request
from bridge.domain.standing import standings

WEEK = timedelta(weeks=1)
HIDDEN = "…"
PERSONAL = re.compile(r",? *(then|Then|When it is settled): ill-bridge \w+ R[0-9]+\.$")
"""The command at the end of an advice that names one request."""
TRACKED = re.compile(r"\s*\[tracking id [^\]]*\]")
"""What a vendor's support asks for, different in each answer."""


def in_sentences(*parts: str) -> str:
    """Parts as one text, each ended as a sentence: what an ILS says often lacks the full stop. Empty ones are left out."""
    return " ".join(part if part.endswith((".", "!", "?", ":", "…")) else f"{part}." for part in parts if part)


@dataclass(frozen=True)
class ParkedRequest:
    """A request that is parked or waits for staff; no patron's identifier stands in ``reason`` and ``advice``."""

    name: str
    number: str
    reason: str
    advice: str
    since: datetime


@dataclass(frozen=True)
class ParkedGroup:
    """Parked requests (``staff``: requests that wait for staff) of one library and cause; ``newest`` are the latest of them.

    ``fresh`` is how many of ``count`` came within the time asked about. ``reach`` says how wide the cause reaches. ``again`` is how
    many are tried again by themselves, the first of them at ``next_try``.
    """

    library: str
    staff: bool
    cause: str
    count: int
    fresh: int
    latest: datetime
    newest: tuple[ParkedRequest, ...] = ()
    reach: str = ""
    again: int = 0
    next_try: datetime | None = None


@dataclass(frozen=True)
class Concerned:
    """What one of several stopped requests is about. ``patron`` is compared, never shown; empty text: not known."""

    role: Role
    partner: str = ""
    patron: str = ""
    barcode: str = ""


@dataclass(frozen=True)
class QuietRequest:
    """An open request without news for longer than its library's ``age_limit_days``; ``heard`` is when the service last spoke of it."""

    name: str
    number: str
    library: str
    status: str
    state: str
    heard: datetime


@dataclass(frozen=True)
class KeptGroup:
    """Messages of a source that could not be understood."""

    source: str
    count: int
    fresh: int
    latest: datetime


@dataclass(frozen=True)
class IllAccount:
    """What an ILS says of an account that items are checked out to; ``problem`` is why nothing can be lent to it."""

    lane: str
    name: str
    expires: date | None = None
    problem: str = ""
    asked_at: datetime | None = None


def without_patron(text: str, request: Request, record: Record) -> str:
    """The text with every identifier of the request's patron hidden, whoever wrote it there."""
    known = {stand.patron_id for stand in standings(request)}
    known |= {record.patron.asked, record.patron.patron_id} if record.patron else set()
    known |= {hold.patron_id for item in record.items for hold in item.holds}
    for identifier in sorted(filter(None, known), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(identifier)}(?!\w)", HIDDEN, text)
    return text


def concerned(request: Request, record: Record) -> Concerned:
    """Whom and what a request is about."""
    live = standings(request)[-1]
    made = next((item.barcode for item in record.items if item.barcode), "")
    return Concerned(request.key.role, live.partner, live.patron_id, made or live.temporary_barcode or live.barcode)


def reach_of(library: str, looked_at: Sequence[Concerned], count: int, still_open: Mapping[Role, int]) -> str:
    """How wide a cause reaches: one request, one item, one patron, one partner, or how many of the library's open ones.

    ``looked_at`` are the latest of ``count`` requests, ``still_open`` is how many of the library are open, by role.
    """
    if count < 2 or not looked_at:
        return ""
    many = f"all {count}" if len(looked_at) == count else f"the latest {len(looked_at)} of {count}"
    if barcode := _only(each.barcode for each in looked_at):
        return f"{many} are about item {barcode}"
    if _only(each.patron for each in looked_at):
        return f"{many} are of one patron"
    roles = {each.role for each in looked_at}
    one = _LOAN[next(iter(roles))] if len(roles) == 1 else "request"
    total = sum(still_open.get(role, 0) for role in roles)
    if count >= total:
        return f"every open {one} of library {library}"
    if partner := _only(each.partner for each in looked_at):
        return f"{many} are of partner {partner}"
    partners = len({each.partner for each in looked_at if each.partner})
    of = f", of {partners} partners" if partners > 1 else ""
    return f"{count} of {total} open {one}s of library {library}{of}"


_LOAN = {Role.BORROWER: "borrowed loan", Role.LENDER: "lent loan"}


def _only(values: Iterable[str]) -> str:
    """The one value that all have; empty where they differ or one is not known."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def common_advice(advice: str) -> str:
    """An advice without the command that names one request, so that like cases are told together."""
    common = PERSONAL.sub("", advice)
    return common if not common or common.endswith(".") else f"{common}."


def common_reason(reason: str) -> str:
    """A reason without what is different each time it is given."""
    return TRACKED.sub("", reason)


def same_hours(last: datetime, now: datetime, weeks: int) -> tuple[tuple[datetime, datetime], ...]:
    """The span from ``last`` to ``now`` in each of so many earlier weeks, latest first.

    A span longer than a week is moved back by as many weeks as it covers, so that no two spans meet.
    """
    stride = max(1, math.ceil((now - last) / WEEK)) * WEEK
    return tuple((last - stride * back, now - stride * back) for back in range(1, weeks + 1))


def longer_than_usual(counts: Sequence[int], least: int) -> bool:
    """Whether none now is unusual, where the same hours of past weeks brought so many messages.

    Every week must have brought ``least`` at least; of three weeks or more the poorest is left out (a holiday, an outage). Fewer than two
    weeks say nothing.
    """
    judged = sorted(counts)[1:] if len(counts) > 2 else list(counts)
    return len(judged) > 1 and min(judged) >= least
