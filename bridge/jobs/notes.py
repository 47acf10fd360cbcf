"""Tells a service what its requests' histories say: at least once and never twice, and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from bridge.domain.masking import vendor_words
from bridge.engine.schedule import RetrySchedule
from bridge.errors import IlsError, OutcomeUnknown, Rejected
from bridge.ledger import Ledger
from bridge.ledger.outbox import KeptNote
from bridge.sources.notes import NoteChannel

log = structlog.get_logger(__name__)

PATIENCE = timedelta(minutes=10)
"""A sender that has been silent for so long is dead; what it was sending is looked up before it is sent anew."""
MOST = 50
"""Notes sent in one look, so that a stop is soon obeyed and others have their turn."""
MAY_BE_THERE = "It may have arrived, and this service cannot be asked; ill-bridge notes --retry sends it again."
REMEMBERED_FOR = timedelta(days=30)
DAY = timedelta(days=1)


class NoteJob:
    """The notes of one source. A service that fails is told once, left alone for longer each time, and told once when it takes notes again.

    A try whose end is not known, or that a crash cut off, is looked up at the service before the next; where nobody can be asked and a
    repeat would be told twice, it is given up, and people decide.
    """

    def __init__(
        self,
        source: str,
        channel: NoteChannel,
        ledger: Ledger,
        *,
        give_up_after: timedelta,
        stopping: Callable[[], bool] = lambda: False,
        count: Callable[[str, str], None] = lambda _source, _result: None,
        schedule: RetrySchedule | None = None,
    ) -> None:
        self._source = source
        self._channel = channel
        self._ledger = ledger
        self._give_up_after = give_up_after
        self._stopping = stopping
        self._count = count
        self._schedule = schedule or RetrySchedule()
        self._failures = 0
        self._silent_until: datetime | None = None
        self._forgot: datetime | None = None

    def run(self) -> None:
        """Send what is due, if the service takes anything. Raises ``LedgerBusy``."""
        now = self._ledger.clock()
        self._forget(now)
        if self._silent_until is not None and now < self._silent_until:
            return
        for _ in range(MOST):
            kept = None if self._stopping() else self._ledger.notes.take(self._source, patience=PATIENCE)
            if kept is None or not self._told(kept):
                return

    def close(self) -> None:
        """Close the channel's connections."""
        self._channel.close()

    def _told(self, kept: KeptNote) -> bool:
        """Tell one note; answers whether the service may be told the next."""
        if kept.note is None:
            self._drop(kept, "its request cannot be read by this release")
            return True
        if kept.unsure and not self._channel.repeats:
            self._drop(kept, MAY_BE_THERE, unsure=False)
            return True
        looking = kept.unsure
        try:
            there = looking and self._channel.has(kept.note)
            looking = False
            if not there:
                self._channel.send(kept.note)
        except Rejected as problem:
            self._drop(kept, str(problem))
            return True
        except OutcomeUnknown as problem:
            if self._channel.repeats:
                self._failed(kept, problem, unsure=True)
            else:
                self._drop(kept, f"{problem} {MAY_BE_THERE}", unsure=False)
            return False
        except IlsError as problem:
            self._failed(kept, problem, unsure=looking)
            return False
        self._ledger.notes.sent(kept)
        self._count(self._source, "sent")
        if self._failures:
            log.info("notes.taken_again", source=self._source)
        self._failures, self._silent_until = 0, None
        return True

    def _failed(self, kept: KeptNote, problem: IlsError, *, unsure: bool) -> None:
        """It waits; the others wait a while too, since it may be the service itself that fails."""
        now = self._ledger.clock()
        self._failures += 1
        self._silent_until = now + self._schedule.wait(self._failures, at_least=problem.after)
        if now - kept.at >= self._give_up_after:
            self._drop(kept, str(problem))
            return
        until = now + self._schedule.wait(kept.tries + 1, at_least=problem.after)
        self._count(self._source, "put_off")
        self._ledger.notes.put_off(kept, until=until, problem=str(problem), unsure=unsure)
        if self._failures == 1:
            log.warning("notes.not_taken", source=self._source, why=vendor_words(str(problem)))

    def _drop(self, kept: KeptNote, why: str, *, unsure: bool = True) -> None:
        self._count(self._source, "given_up")
        self._ledger.notes.drop(kept, why, unsure=unsure)
        of = kept.note.short_id if kept.note is not None else ""
        log.error("notes.given_up", source=self._source, request=of, tries=kept.tries + 1, why=vendor_words(why))

    def _forget(self, now: datetime) -> None:
        """Once a day (and at the start): what was told long ago takes no room."""
        if self._forgot is None or now - self._forgot >= DAY:
            self._forgot = now
            self._ledger.notes.forget(now - REMEMBERED_FOR)
