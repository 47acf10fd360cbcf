"""What stands still, by cause: how wide the cause reaches, when it is tried again by itself, and which requests it concerns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from bridge.alerts import words
from bridge.domain.attention import ParkedGroup, in_sentences
from bridge.domain.parking import cause_of
from bridge.ledger import Ledger, State

SHOWN = 20
"""Requests of a group that are told one by one."""


def groups(
    ledger: Ledger, *, library: str = "", state: State | None = None, cause: str = ""
) -> tuple[ParkedGroup, ...]:
    """Parked requests and those that wait for staff by library and cause; of one library, state or cause where named."""
    found = ledger.attention.parked(ledger.clock(), named=SHOWN)
    return tuple(
        group
        for group in found
        if library in {"", group.library} and state in {None, state_of(group)} and cause in {"", group.cause}
    )


def state_of(group: ParkedGroup) -> State:
    """The state of all its requests."""
    return State.STAFF if group.staff else State.PARKED


def as_json(group: ParkedGroup) -> dict[str, Any]:
    """A group for programs; its requests are listed on their own."""
    return {
        "library": group.library,
        "state": state_of(group).value,
        "cause": group.cause,
        "count": group.count,
        "reach": group.reach,
        "latest": group.latest,
        "heals_by_time": not group.staff and cause_of(group.cause).heals,
        "tried_again": group.again,
        "next_try": group.next_try,
    }


def head(group: ParkedGroup, zone: ZoneInfo) -> str:
    """What a group is, in one line."""
    what = "Waiting for staff" if group.staff else f"Parked, {words.cause_words(group)}"
    said = f"{what}: {words.counted(group.count, 'request')} of {group.library}{words.reach(group)}."
    return " ".join((said, *words.again(group, zone)))


def lines(found: Sequence[ParkedGroup], zone: ZoneInfo) -> Iterator[str]:
    """All groups, each with its latest requests, their reasons and what to do."""
    for group in found:
        yield head(group, zone)
        for each in group.newest:
            yield f"  {each.name} ({each.number}, {state_of(group)}): {in_sentences(each.reason, each.advice)}"
        if group.count > len(group.newest):
            all_of_it = f"--state {state_of(group)} --library {group.library} --cause {group.cause}"
            yield f"  and {group.count - len(group.newest)} more: ill-bridge requests {all_of_it}"
