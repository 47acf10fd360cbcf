"""Makes requests due whose temporary items are to be looked at: has the desk lent them, and until when (due-date alignment)?"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bridge.domain.policy import AlignDueDate, Mode
from bridge.ledger import Ledger
from bridge.settings import LibrarySettings, Settings

log = structlog.get_logger(__name__)

AT_ONCE = 50
"""Looks of one lane made due in one go; the next ones follow when these are done."""


def aligning(settings: Settings) -> tuple[str, ...]:
    """Libraries that bring the lender's date to the loan which the desk makes."""
    return tuple(name for name, library in settings.libraries.items() if _aligns(library))


def _aligns(library: LibrarySettings) -> bool:
    policy = library.borrowing
    return library.mode is Mode.LIVE and policy.enabled and policy.align_due_date is not AlignDueDate.OFF


class LookJob:
    """One round over the lanes. A lane that is closed, paused or has other work due is left alone until the next round."""

    def __init__(
        self, settings: Settings, ledger: Ledger, *, wake: Callable[..., None], at_once: int = AT_ONCE
    ) -> None:
        self._ledger = ledger
        self._at_once = at_once
        self._wake = wake
        self._libraries: dict[str, list[str]] = {}
        for name in aligning(settings):
            self._libraries.setdefault(settings.lane(name), []).append(name)

    def take_up(self) -> None:
        """At the start: what was received before its library aligned due dates is planned anew."""
        names = [name for libraries in self._libraries.values() for name in libraries]
        if taken := self._ledger.watches.take_up(names):
            log.info("loans.watched", requests=taken)

    def run(self) -> None:
        """Let the next looks of each idle lane fall due."""
        now = self._ledger.clock()
        busy = {name for name, due in self._ledger.work.due_lanes() if due <= now}
        busy |= {lane.name for lane in self._ledger.lanes.all() if lane.paused_until or lane.held_until}
        for lane, libraries in self._libraries.items():
            if lane not in busy and self._ledger.watches.fall_due(lane, libraries, most=self._at_once):
                self._wake(lane)
