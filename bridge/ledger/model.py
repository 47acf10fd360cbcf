"""What the ledger takes and gives: plain frozen values, no SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Protocol

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.attention import common_reason
from bridge.domain.plan import Step
from bridge.domain.record import Record
from bridge.domain.request import Request
from bridge.errors import BridgeError

__all__ = [
    "OPEN_STATES",
    "Arrival",
    "ArrivalState",
    "Claimed",
    "Ending",
    "HistoryLine",
    "Kept",
    "Lane",
    "LeaseLost",
    "LedgerBusy",
    "Library",
    "Look",
    "NewOrder",
    "Order",
    "Parked",
    "Pending",
    "Quota",
    "QuotaReached",
    "Receipt",
    "Row",
    "SpareWorker",
    "State",
    "StepState",
    "Terms",
    "Verdict",
    "Watch",
]


class State(StrEnum):
    """What a request is waiting for, in a word."""

    DUE = "due"
    WAITING = "waiting"
    IN_STEP = "in_step"
    STAFF = "staff"
    PARKED = "parked"
    CLOSED = "closed"
    OBSERVED = "observed"
    FORGOTTEN = "forgotten"


OPEN_STATES = frozenset(State) - {State.CLOSED, State.FORGOTTEN}
"""States of requests that the bridge still has to do with."""


class StepState(StrEnum):
    """How a step of the journal stands."""

    STARTED = "started"
    DONE = "done"
    ALREADY = "already"
    REFUSED = "refused"
    UNKNOWN = "unknown"


UNREADABLE = "This release cannot read the request."


class Look(IntEnum):
    """Whether it is to be seen who has a request's temporary items: those whose loan is not settled, or all of them."""

    NONE = 0
    UNSETTLED = 1
    ALL = 2


FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Until somebody says otherwise."""


class LeaseLost(BridgeError):
    """Another worker took the request over; nothing of this one counts any more."""


class QuotaReached(BridgeError):
    """A library's deletions are more than its policy allows in an hour; nothing was begun."""


class LedgerBusy(BridgeError):
    """The ledger cannot take this now (locked by another daemon, disk full, not reachable)."""


@dataclass(frozen=True)
class Kept:
    """A message in the inbox."""

    id: int
    source: str
    key: str
    body: str
    state: ArrivalState
    problem: str
    received_at: datetime


@dataclass(frozen=True)
class Receipt:
    """What became of one arrival: its id in the inbox, and whether it had come before."""

    inbox_id: int
    repeated: bool
    requests: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pending:
    """A step whose end is not known: started before a crash, or its outcome unknown; ``since`` when, where that was noted."""

    step: Step
    state: StepState
    since: datetime | None = None


@dataclass(frozen=True)
class Parked:
    """Why a request is parked (or waits for staff), on which goal, and what to do about it."""

    goal: str = ""
    cause: str = ""
    reason: str = ""
    advice: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for whoever was told the same; empty where it is stopped for nothing."""
        told = f"{self.cause}\n{self.reason}"
        return hashlib.sha256(told.encode()).hexdigest()[:16] if self.cause else ""

    def alike(self, other: Parked) -> bool:
        """Whether both are for the same reason; parked again for the same is no news."""
        return self.cause == other.cause and common_reason(self.reason) == common_reason(other.reason)


@dataclass(frozen=True)
class Row:
    """A request as the ledger has it. ``due_at`` of a parked one is when it is tried again by itself; ``parked_at`` is since when it is."""

    id: int
    lane: str
    state: State
    status: str
    request: Request
    version: int
    record: Record
    pending: Pending | None
    attempts: int
    parked: Parked
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    afresh: bool = False
    parked_at: datetime | None = None
    readable: bool = True
    look: Look = Look.NONE

    @property
    def name(self) -> str:
        """The short id for people."""
        return f"R{self.id}"


@dataclass
class Lease:
    """Until when a request is held; lengthened while it is worked on."""

    until: datetime


@dataclass(frozen=True)
class Claimed:
    """A request held under a lease; ``fence`` grows with every claim, and a write with an old one is refused.

    ``more``: another request of the lane was due when this one was claimed.
    """

    row: Row
    fence: int
    lease: Lease
    more: bool = False


@dataclass(frozen=True)
class Terms:
    """On which a request is claimed: by whom, for how long at first, and how many of its lane may be worked on at once."""

    owner: str
    lease: timedelta
    cap: int


class SpareWorker(Protocol):
    """One who waits for what is being taken in: it is claimed on these terms in the same transaction, and begun once that is durable."""

    lane: str
    terms: Terms

    @property
    def begun(self) -> bool:
        """Whether it was begun."""
        ...

    def begin(self, held: Claimed) -> None:
        """Work on it. Called once, or not at all."""
        ...


@dataclass(frozen=True)
class HistoryLine:
    """One plain sentence of a circulation history. ``kind``: change, step, state, staff."""

    at: datetime
    kind: str
    line: str
    step: str = ""


@dataclass(frozen=True)
class Ending:
    """How a step ended, with the record as it is now and the sentences that tell it; ``problem`` is told in the journal alone."""

    step: Step
    state: StepState
    record: Record
    lines: tuple[HistoryLine, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Watch:
    """A temporary item whose loan by the desk concerns us, by the ILS's id and barcode; ``look_at``: when to look who has it."""

    item: str
    barcode: str
    look_at: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """How a worker leaves a request: its state, when it is due again, why it stopped.

    ``afresh``: it must still be looked up in the ILS; ``look``: it must still be seen who has its items. ``watches`` are the items to watch
    from now on (``None``: as before); a look that was to come stays as it was, unless one was taken now (``looked``). ``record`` is kept
    with it, where no news came meanwhile (``None``: it stays as it is).
    """

    state: State
    status: str
    due_at: datetime | None = None
    attempts: int = 0
    backlog: bool = False
    parked: Parked = field(default_factory=Parked)
    lines: tuple[HistoryLine, ...] = ()
    afresh: bool = False
    look: Look = Look.NONE
    watches: tuple[Watch, ...] | None = None
    looked: bool = False
    record: Record | None = None


@dataclass(frozen=True)
class Lane:
    """A lane as the ledger has it; open where ``paused_until`` is ``None``. ``held_until`` is staff's own pause."""

    name: str
    paused_until: datetime | None = None
    why: str = ""
    cause: str = ""
    calls_remaining: int | None = None
    closed_at: datetime | None = None
    held_until: datetime | None = None
    held_why: str = ""


@dataclass(frozen=True)
class Library:
    """A library as the ledger has it; ``held_until`` is set while no work of it may begin, ``held_cause`` is staff or delete_quota."""

    name: str
    held_until: datetime | None = None
    held_why: str = ""
    held_cause: str = ""


@dataclass(frozen=True)
class Quota:
    """How many temporary items of a library may be deleted within a time."""

    library: str
    most: int
    within: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class NewOrder:
    """An order as it is given; ``options`` is JSON."""

    kind: str
    request_id: int
    options: str = "{}"
    given_by: str = ""


@dataclass(frozen=True)
class Order:
    """Something staff asked the daemon to do."""

    id: int
    kind: str
    request_id: int | None
    options: str
    given_by: str
    answer: str = ""
    failed: bool = False
    done_at: datetime | None = None
    batch: str = ""
