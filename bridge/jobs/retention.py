"""Once a day patrons and titles of finished requests are removed, and the bodies of messages: in short bites, behind all other work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from bridge.domain.privacy import unsettled
from bridge.ledger import Ledger
from bridge.ledger.privacy import Finished, Look, Place
from bridge.settings import PrivacySettings

log = structlog.get_logger(__name__)

BITE = 50
"""Requests rewritten in one transaction."""
LEAST_REST = 0.05
SHARE = 4
"""How much longer than a bite took, the ledger is then left to others."""
BY_TIME = "The patron and the title were removed, since the request has been finished for {} days."
BY_WISH = "The patron and the title were removed, as was asked for or due while the request was open."


@dataclass(frozen=True)
class Gone:
    """What went, or would go. ``stay`` counts finished requests of an age that keep theirs, by why; ``whole``: nothing was cut short."""

    requests: int = 0
    messages: int = 0
    kept_messages: int = 0
    orders: int = 0
    unreadable: int = 0
    stay: Mapping[str, int] = field(default_factory=dict)
    whole: bool = True

    @property
    def anything(self) -> bool:
        """Whether something went."""
        return bool(self.requests or self.messages or self.kept_messages or self.orders)


def latest_due(rules: PrivacySettings, now: datetime) -> datetime:
    """The last moment (UTC) at which a run was due."""
    zone = ZoneInfo(rules.timezone)
    today = now.astimezone(zone).date()
    moments = (datetime.combine(today - timedelta(days=back), rules.at, tzinfo=zone) for back in range(3))
    return next(moment.astimezone(UTC) for moment in moments if moment.astimezone(UTC) <= now)


def _never() -> bool:
    return False


class Retention:
    """One run. ``rest`` waits for so many seconds, or until the daemon stops; every bite may be taken again."""

    def __init__(
        self,
        rules: PrivacySettings,
        ledger: Ledger,
        *,
        stopping: Callable[[], bool] = _never,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._stopping = stopping
        self._rest = rest

    def run(self) -> Gone:
        """Remove what is old enough. Raises ``LedgerBusy``; what was removed by then is gone."""
        privacy = self._ledger.privacy

        def erase(found: Sequence[Finished], said: str) -> int:
            return self._bite(lambda: len(privacy.erase(found, said)))

        return self._gone(
            erase,
            partial(self._all, privacy.drop_bodies),
            partial(self._all, privacy.drop_kept),
            partial(self._all, privacy.drop_orders),
        )

    def foreseen(self) -> Gone:
        """What a run would remove now; nothing is changed but the dates of requests that have none."""
        privacy = self._ledger.privacy
        return self._gone(lambda found, _: len(found), privacy.bodies, privacy.kept, privacy.orders)

    def _gone(
        self,
        erase: Callable[[Sequence[Finished], str], int],
        bodies: Callable[[datetime], int],
        kept: Callable[[datetime], int],
        orders: Callable[[datetime], int],
    ) -> Gone:
        requests, unreadable, stay = 0, 0, Counter[str]()
        for look, said in self._looks():
            requests += erase([each for each in look.found if not self._stays(each, stay)], said)
            unreadable += len(look.unreadable)
        limits = (self._message_days, self._rules.kept_message_days, self._rules.request_days)
        before = [self._before(days) for days in limits]
        messages, not_understood, of_staff = (
            some(limit) if limit else 0 for some, limit in zip((bodies, kept, orders), before, strict=True)
        )
        whole = not self._stopping()
        return Gone(requests, messages, not_understood, of_staff, unreadable, dict(stay), whole=whole)

    @property
    def _message_days(self) -> int:
        """A body never outlives the request it tells of; without a limit for either it stays."""
        limits = (self._rules.message_days, self._rules.request_days)
        return min(filter(None, limits), default=0)

    def _before(self, days: int) -> datetime | None:
        return self._ledger.clock() - timedelta(days=days) if days else None

    def _stays(self, each: Finished, stay: Counter[str]) -> bool:
        """Whether a request still needs what it has, for want of a settlement and not for longer than that may take."""
        why = unsettled(each.row.request, pending=each.row.pending is not None)
        limit = self._before(self._rules.unsettled_days)
        stays = bool(why) and (limit is None or each.settled_at >= limit)
        stay.update([why] if stays else [])
        return stays

    def _looks(self) -> Iterator[tuple[Look, str]]:
        """Finished requests in bites, each with what its history will say."""
        privacy = self._ledger.privacy
        wanted = privacy.wanted(limit=BITE)
        while wanted.place is not None and not self._stopping():
            yield wanted, BY_WISH
            wanted = privacy.wanted(after=wanted.place.id, limit=BITE)
        limit = self._before(self._rules.request_days)
        if limit is None:
            return
        while not self._stopping() and self._bite(privacy.date_finished):
            pass
        place: Place | None = None
        while not self._stopping():
            look = privacy.finished(limit, after=place, limit=BITE)
            if look.place is None:
                return
            yield look, BY_TIME.format(self._rules.request_days)
            place = look.place

    def _all(self, some: Callable[[datetime], int], before: datetime) -> int:
        count = 0
        while not self._stopping():
            found = self._bite(lambda: some(before))
            count += found
            if not found:
                break
        return count

    def _bite(self, write: Callable[[], int]) -> int:
        """Write, then leave the ledger to others for a while."""
        began = time.perf_counter()
        done = write()
        self._rest(max(LEAST_REST, SHARE * (time.perf_counter() - began)))
        return done


class RetentionJob:
    """Looks whether the day's run is due, or was missed, and makes it. A run that was cut off is made again from its beginning."""

    def __init__(self, rules: PrivacySettings, ledger: Ledger, retention: Retention) -> None:
        self._rules = rules
        self._ledger = ledger
        self._retention = retention
        self._log_is_long = True

    def run(self) -> None:
        """Look once. Raises ``LedgerBusy``."""
        due = latest_due(self._rules, self._ledger.clock())
        last = self._ledger.privacy.last_run()
        if last is None or last < due:
            self._made(self._retention.run(), due)
        if self._log_is_long:
            self._log_is_long = not self._ledger.privacy.shorten_log()

    def _made(self, gone: Gone, due: datetime) -> None:
        self._log_is_long = self._log_is_long or gone.anything
        if not gone.whole:
            return
        self._ledger.privacy.ran(due)
        log.info(
            "retention.done",
            requests=gone.requests,
            messages=gone.messages,
            kept_messages=gone.kept_messages,
            orders=gone.orders,
            stay=sum(gone.stay.values()),
        )
        if gone.unreadable:
            log.warning("retention.unreadable", requests=gone.unreadable)
