"""What the API key may do, area by area, and how far Alma's clock is from ours (alma.md section 1, "Key scopes")."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bridge.connectors.alma.client import AlmaClient
from bridge.connectors.alma.errors import Missing
from bridge.domain.finding import Finding, clock_finding, failed, well
from bridge.errors import CredentialsRejected, IlsError, Rejected, Retry
from bridge.http import moment_of

AREAS = {"Bibs": "/bibs/test", "Users": "/users/operation/test", "Configuration": "/conf/test"}
WRITTEN = ("Bibs", "Users")


class Rights:
    """The rights of one key. ``configuration``: whether libraries, desks and code tables can be read."""

    def __init__(self, client: AlmaClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._ahead: timedelta | None = None
        self.configuration = False

    def findings(self) -> tuple[Finding, ...]:
        """A finding for each area, then the clock. Raises ``CredentialsRejected`` where the key may read nothing at all."""
        problems = {area: self._reading(path) for area, path in AREAS.items()}
        refused = [problem for problem in problems.values() if isinstance(problem, CredentialsRejected)]
        if len(refused) == len(AREAS):
            raise refused[0]
        self.configuration = problems["Configuration"] is None
        areas = tuple(self._area(area, problem) for area, problem in problems.items())
        return (*areas, clock_finding("Clock of Alma", self._ahead))

    def _reading(self, path: str) -> IlsError | None:
        try:
            answer = self._client.look(path, path)
        except (CredentialsRejected, Rejected, Missing, Retry) as problem:
            return problem
        said = moment_of(answer)
        self._ahead = said - self._now() if said is not None else None
        return None

    def _area(self, area: str, problem: IlsError | None) -> Finding:
        subject, needed = f"API key: {area}", "read/write" if area in WRITTEN else "read"
        advice = f"Give the API key {needed} rights for {area} (Ex Libris Developer Network, API keys)."
        if problem is not None:
            return failed(subject, problem.reason, advice)
        if area not in WRITTEN:
            return well(subject, "It may read.")
        try:
            self._client.try_writing(AREAS[area])
        except (CredentialsRejected, Rejected, Missing, Retry) as refused:
            return failed(subject, f"It may read, not write: {refused.reason}", advice)
        return well(subject, "It may read and write.")
