"""Plain words that alerts and digest share: times, numbers, requests, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bridge.domain.attention import ParkedGroup, ParkedRequest, common_advice, common_reason, in_sentences
from bridge.domain.audit import FindingGroup, KeptFinding
from bridge.domain.parking import Mend, mended_by

NAMED = 10
"""Requests named in one line; of more, the number is told."""
REASONS = 5
"""Different reasons told of one cause."""
ACCOUNTS = 20
"""Accounts told in one notice."""
CAUSES = {"staff": "waits for staff", "fault": "fault of the bridge"}


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment as people read it, in their zone."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def span(length: timedelta) -> str:
    """How long, in its two largest units."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{counted(days, 'day')} {hours} h" if hours else counted(days, "day")
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def named(requests: Sequence[ParkedRequest], count: int) -> str:
    """Short ids with service numbers, and how many more."""
    shown = ", ".join(f"{each.name} ({each.number})" for each in requests[:NAMED])
    more = count - min(len(requests), NAMED)
    return f"{shown} and {more} more" if more > 0 else shown


def cause_words(group: ParkedGroup) -> str:
    """A cause as people read it."""
    return CAUSES.get(group.cause, group.cause.replace("_", " "))


def reach(group: ParkedGroup) -> str:
    """How wide a cause reaches, in parentheses behind it; nothing for a single request."""
    return f" ({group.reach})" if group.reach else ""


def again(group: ParkedGroup, zone: ZoneInfo) -> list[str]:
    """When the bridge tries a group again by itself; no line where it does not."""
    if group.next_try is None:
        return []
    some = "Tried" if group.again == group.count else f"{group.again} of them: tried"
    return [f"{some} again by itself at {moment(group.next_try, zone)}."]


def reasons(group: ParkedGroup) -> list[str]:
    """What was said of a group's requests, like cases together: reason, advice, whom it concerns."""
    alike: dict[tuple[str, str], list[ParkedRequest]] = {}
    for each in group.newest:
        alike.setdefault((common_reason(each.reason), common_advice(each.advice)), []).append(each)
    lines = []
    for (reason, advice), members in list(alike.items())[:REASONS]:
        count = group.count if len(alike) == 1 else len(members)
        lines += [in_sentences(reason, advice), f"  {named(members, count)}"]
    told = sum(len(members) for members in list(alike.values())[:REASONS])
    if len(alike) > 1 and group.count > told:
        lines.append(f"and {counted(group.count - told, 'more request')}")
    return lines


def next_for(group: ParkedGroup) -> str:
    """The command to run next for a group."""
    if group.staff:
        look = f"ill-bridge requests --state staff --library {group.library}"
        return f'Next: {look}; when a task is done: ill-bridge resolve REQUEST --note "…"'
    these = f"--library {group.library} --cause {group.cause}"
    goes_on = 'resolve REQUEST --note "…"' if mended_by(group.cause, Mend.RESOLVE) else f"resync {these}"
    return f"Next: ill-bridge requests {these}; when it is mended: ill-bridge {goes_on}"


def finding_words(group: FindingGroup) -> str:
    """A kind of the audit's findings as people read it."""
    return group.kind.replace("_", " ")


def finding_line(found: KeptFinding) -> str:
    """One finding: whose it is, and what the matter is."""
    return f"{found.request} ({found.number}): {found.sentence}" if found.request else f"{found.lane}: {found.sentence}"


def next_for_findings(library: str) -> str:
    """The command to run next for findings."""
    return f"Next: ill-bridge audit --last{f' --library {library}' if library else ''}"
