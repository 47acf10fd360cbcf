"""One worker with one request: what it holds, what it found out, what went wrong, from claim to release."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.domain.goal import Goal, goal_of
from bridge.domain.plan import VolumeKey
from bridge.domain.policy import Policy
from bridge.domain.record import Record
from bridge.domain.request import Request
from bridge.domain.sentences import status_of
from bridge.domain.standing import Standing, standings
from bridge.errors import IlsError
from bridge.ledger import Claimed, Ending, HistoryLine, Ledger, State


class UnderWay(Exception):
    """A call whose end nobody knows is not seen in the ILS, and may still take effect ``until`` then."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


@dataclass
class Sitting:
    """One worker with one request, from claim to release. ``again``: it is parked and tried again by itself.

    ``attempts``: tries that failed before, none since something went well. ``down``: the ILS is; ``shared``: it fails alike on others.
    """

    held: Claimed
    policy: Policy
    record: Record
    version: int
    failures: dict[VolumeKey, IlsError] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    unknown: int = 0
    attempts: int = 0
    down: bool = False
    shared: bool = False
    reviewed: bool = False
    again: bool = False
    looked: bool = False
    look_again: timedelta | None = None
    ending: Ending | None = None
    planned: tuple[Request, tuple[Standing, ...], Goal] | None = None

    @property
    def goal(self) -> Goal:
        """What should exist now."""
        return self._plan()[1]

    @property
    def status(self) -> str:
        """The status a person sees."""
        return status_of(self._plan()[0])

    @property
    def in_vain(self) -> bool:
        """Whether it is tried again by itself and stands as before: no news came, nothing was learned."""
        row = self.held.row
        return self.again and row.state is State.PARKED and self.record == row.record

    @property
    def identifiers(self) -> tuple[str, ...]:
        """How the patron is named, here and in the ILS."""
        patron = self.record.patron
        return (self.goal.patron_id, *((patron.asked, patron.patron_id) if patron else ()))

    def _plan(self) -> tuple[tuple[Standing, ...], Goal]:
        """Standings and goal, worked out once for a request as it stands."""
        request = self.held.row.request
        if self.planned is None or self.planned[0] is not request:
            stands = standings(request)
            self.planned = request, stands, goal_of(request, stands, self.policy)
        return self.planned[1:]


def line_now(ledger: Ledger, kind: str, sentence: str, step: str = "") -> HistoryLine:
    """A line of the history, written now."""
    return HistoryLine(ledger.clock(), kind, sentence, step)
