"""The audit by night: a few requests a minute, while nothing else is due; what was cut off goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from bridge.domain.audit import AuditMode
from bridge.domain.drift import Drift
from bridge.domain.policy import Mode
from bridge.engine.asked import Asked, Asking
from bridge.engine.lane import WorkLane
from bridge.engine.marks import Left, MarkReader, PageRead
from bridge.engine.steering import Steering
from bridge.errors import CredentialsRejected, IlsError, Unavailable
from bridge.jobs.accounts import AccountJob
from bridge.jobs.gathering import account_findings
from bridge.ledger import LeaseLost, Ledger
from bridge.ledger.audits import DueFor
from bridge.settings import Configuration

log = structlog.get_logger(__name__)

BY = "the nightly audit"
SETTLED = timedelta(hours=1)
"""A request that was closed more lately is let be: the ILS may still be at it."""
ACCOUNTS_EVERY = timedelta(hours=1)
REMEMBERED_FOR = timedelta(days=60)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class AuditJob:
    """Looks at what is due, lane by lane; each lane is a job of its own, so that a slow ILS holds up no other.

    A lane that is closed or paused, or where other work is due, is left alone until the next minute; so is a paused library.
    """

    def __init__(
        self,
        known: Configuration,
        ledger: Ledger,
        steering: Steering,
        lanes: Mapping[str, WorkLane],
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._known = known
        self._rules = known.settings.audit
        self._ledger = ledger
        self._steering = steering
        self._lanes = lanes
        self._stopping = stopping
        self._accounts = AccountJob(known.settings, ledger, lanes, stopping=stopping)
        self._reader = MarkReader(ledger, known.settings.bridge, known.settings.libraries)
        self._tried: dict[str, tuple[datetime, set[int]]] = {}
        self._accounted: datetime | None = None

    def run(self, lane: str) -> None:
        """One minute's looks in a lane. Raises ``LedgerBusy``."""
        modes = self._modes(lane)
        by_night = {name: modes[name] for name in modes if self._night(name)}
        if not by_night:
            return
        looked = self._look(lane, by_night)
        if looked:
            log.info("audit.looked", lane=lane, requests=looked)
        self._list(lane, modes)

    def look_after(self) -> None:
        """Once an hour of the night: what the ILSs say of ILL accounts, and what is long over takes no room. Raises ``LedgerBusy``."""
        now = self._ledger.clock()
        lately = self._accounted is not None and now - self._accounted < ACCOUNTS_EVERY
        if lately or not any(self._night(name) for lane in self._lanes for name in self._modes(lane)):
            return
        self._accounted = now
        if not self._known.settings.alerts.on:  # else they are asked about all day long
            self._accounts.run()
        self._ledger.audits.seen(account_findings(self._known, self._ledger))
        for lane in self._lanes:
            self._ledger.audits.ended(lane, Drift.ACCOUNT, unseen_since=now)
        self._ledger.audits.forget(now - REMEMBERED_FOR)

    def _modes(self, lane: str) -> dict[str, AuditMode]:
        """The libraries of a lane that are audited."""
        libraries = self._known.settings.libraries
        return {
            name: each.audit for name, each in libraries.items() if each.ils == lane and each.audit is not AuditMode.OFF
        }

    def _night(self, library: str) -> datetime | None:
        """When the night began in which the audit of a library may be at work now; ``None`` by day."""
        return self._known.settings.audit_of(library).night(self._ledger.clock())

    def _may(self, lane: str) -> bool:
        """Whether the lane is open and nothing else is to be done there."""
        if self._stopping():
            return False
        now = self._ledger.clock()
        if any(each.name == lane and (each.paused_until or each.held_until) for each in self._ledger.lanes.all()):
            return False
        return not any(name == lane and due <= now for name, due in self._ledger.work.due_lanes())

    def _look(self, lane: str, modes: Mapping[str, AuditMode]) -> int:
        """Looks at what is due, as many as a minute may have; answers how many."""
        held = {each.name for each in self._ledger.libraries.all() if each.held_until}
        looked = 0
        for library in sorted(set(modes) - held):
            while looked < self._rules.looks_per_minute:
                if not self._may(lane):
                    return looked
                request_id = self._next(library)
                if request_id is None:
                    break
                self._audit(library, request_id, modes[library])
                looked += 1
        return looked

    def _next(self, library: str) -> int | None:
        """The next request of a library to look at, once a night at most; asked anew each time since another daemon may be at it too."""
        tried = self._tried_tonight(library)
        due = self._ledger.audits.due(self._due(library), limit=len(tried) + 1)
        return next((each for each in due if each not in tried), None)

    def _tried_tonight(self, library: str) -> set[int]:
        night = self._night(library)
        began, tried = self._tried.get(library, (None, set()))
        if night is not None and night != began:
            tried = set()
            self._tried[library] = night, tried
        return tried

    def _due(self, library: str) -> DueFor:
        now, rules = self._ledger.clock(), self._rules
        open_before = now - timedelta(days=rules.open_every_days) if rules.open_every_days else _NEVER
        own = self._known.settings.libraries[library]
        mends = own.audit is AuditMode.REPAIR and own.mode is Mode.LIVE
        return DueFor(
            library,
            open_before,
            now - timedelta(days=rules.finished_within_days),
            now - SETTLED,
            self._night(library) if mends else None,
        )

    def _audit(self, library: str, request_id: int, mode: AuditMode) -> tuple[str, ...]:
        """Look at one request, and answer what was said of it; one that could not be looked at comes again in the next night."""
        asked = Asked(Asking.AUDIT, request_id, BY, dry_run=mode is not AuditMode.REPAIR)
        self._tried_tonight(library).add(request_id)
        try:
            answer = self._steering.carry_out(asked)
        except LeaseLost as lost:
            log.warning("audit.not_looked", request=f"R{request_id}", why=str(lost))
            return ()
        if answer is not None and not answer.ok:
            log.warning("audit.not_looked", request=f"R{request_id}", why=" ".join(answer.lines))
        return answer.lines if answer is not None else ()

    def _list(self, lane: str, modes: Mapping[str, AuditMode]) -> None:
        """Read a page of what bears our mark, where that is due; finished requests that left something there are looked at."""
        known = self._ledger.audits.marked_list(lane)
        every = timedelta(days=self._rules.list_every_days)
        fresh = known.ended_at is not None and known.ended_at > self._ledger.clock() - every
        if not every or (fresh and not known.following) or not self._may(lane):
            return
        try:
            page = self._reader.page(lane, self._lanes[lane].connector)
        except IlsError as problem:
            log.warning("audit.not_listed", lane=lane, why=str(problem))
            if isinstance(problem, Unavailable | CredentialsRejected):
                self._lanes[lane].close(problem)
            return
        self._left(page.finished, modes)
        self._say(lane, page)

    def _left(self, finished: Iterable[Left], modes: Mapping[str, AuditMode]) -> None:
        """What finished requests left behind is looked at with the page that shows it, whosever night it is."""
        for each in finished:
            library = self._ledger.requests.one(each.request_id).request.key.library
            if library in modes:
                self._reader.looked(each, self._audit(library, each.request_id, modes[library]))

    @staticmethod
    def _say(lane: str, page: PageRead) -> None:
        if page.ended:
            log.info("audit.listed", lane=lane, objects=page.now.listed, problem=page.now.problem)
