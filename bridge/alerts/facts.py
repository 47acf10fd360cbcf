"""What the ledger knows at one moment, as digest and alerts are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bridge.alerts.model import Kind
from bridge.domain.attention import IllAccount, KeptGroup, ParkedGroup, QuietRequest
from bridge.domain.audit import FindingGroup
from bridge.domain.notes import NotesStanding


@dataclass(frozen=True)
class LaneFact:
    """A lane, and the libraries that work on it; open where ``closed_at`` is ``None``.

    ``credentials``: the ILS does not accept us. ``held_why``: staff paused it.
    """

    name: str
    closed_at: datetime | None = None
    why: str = ""
    cause: str = ""
    credentials: bool = False
    held_why: str = ""
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceFact:
    """A source; ``problem`` is why its last poll failed, ``last`` its latest message.

    ``usual`` is what the same hours of past weeks brought, where now's silence is longer than usual; else empty.
    """

    name: str
    problem: str = ""
    last: datetime | None = None
    usual: tuple[int, ...] = ()


@dataclass(frozen=True)
class StopFact:
    """A library in which no work begins: over its quota of deletions, or paused by staff."""

    library: str
    why: str
    quota: bool


@dataclass(frozen=True)
class AccountFact:
    """An ILL account, and the libraries that check items out to it."""

    account: IllAccount
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class PastTrouble:
    """A trouble that ended, as the digest tells it."""

    kind: Kind
    name: str
    began: datetime
    ended: datetime


@dataclass(frozen=True)
class Facts:
    """Everything at one moment (``now``, aware). ``age_limits``: library = days without news that need attention.

    ``conditions``: unfinished requests by library and condition (``fee paid``).
    """

    now: datetime
    lanes: tuple[LaneFact, ...] = ()
    sources: tuple[SourceFact, ...] = ()
    stops: tuple[StopFact, ...] = ()
    parked: tuple[ParkedGroup, ...] = ()
    kept: tuple[KeptGroup, ...] = ()
    notes: tuple[NotesStanding, ...] = ()
    accounts: tuple[AccountFact, ...] = ()
    quiet: tuple[QuietRequest, ...] = ()
    aged: tuple[QuietRequest, ...] = ()
    past: tuple[PastTrouble, ...] = ()
    findings: tuple[FindingGroup, ...] = ()
    age_limits: Mapping[str, int] = field(default_factory=dict)
    conditions: Mapping[tuple[str, str], int] = field(default_factory=dict)
