"""A change: one piece of news about a request, as a source understood it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum

from bridge.domain.commands import Money
from bridge.domain.identity import RequestKey, ServiceType


class Phase(StrEnum):
    """Where a request stands, in the order of a loan's life."""

    REQUESTED = "requested"
    WILL_SUPPLY = "will_supply"
    SHIPPED = "shipped"
    RECEIVED = "received"
    RETURNED = "returned"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNFILLED = "unfilled"

    @property
    def rank(self) -> int:
        """Place in the order of a loan's life; breaks ties of time."""
        return _RANKS[self]


_RANKS = {phase: rank for rank, phase in enumerate(Phase)}

ENDS = frozenset({Phase.COMPLETED, Phase.CANCELLED, Phase.UNFILLED})
ENDED = frozenset({Phase.RETURNED, Phase.COMPLETED, Phase.CANCELLED, Phase.UNFILLED})
NOT_SUPPLIED = frozenset({Phase.CANCELLED, Phase.UNFILLED})
PHYSICAL = frozenset({Phase.SHIPPED, Phase.RECEIVED, Phase.RETURNED, Phase.COMPLETED})
GONE_BACK = frozenset({Phase.RETURNED, Phase.COMPLETED})


class Closure(StrEnum):
    """How a request came to its end, where the source says."""

    RETURNED = "returned"
    WITHOUT_RETURN = "without_return"
    LOST_PAID = "lost_paid"
    CANCELLED = "cancelled"
    UNFILLED = "unfilled"


WITHOUT_ITEM = frozenset({Closure.WITHOUT_RETURN, Closure.LOST_PAID})


class Condition(StrEnum):
    """What may be true of a leg and volume beside its phase."""

    RENEWAL_REQUESTED = "renewal_requested"
    RENEWAL_REFUSED = "renewal_refused"
    RECALLED = "recalled"
    OVERDUE = "overdue"
    LOST = "lost"
    FOUND = "found"
    FEE_COMMUNICATED = "fee_communicated"
    FEE_PAID = "fee_paid"
    LIBRARY_USE_ONLY = "library_use_only"
    DAMAGED = "damaged"
    VANISHED = "vanished"


class Unset(Enum):
    """A field the change says nothing of, which differs from one it empties (``None``)."""

    UNSET = "unset"


UNSET = Unset.UNSET


class ChangeKind(StrEnum):
    """A snapshot tells all that is known; news tells what is new. Both fold alike: what they do not say stays."""

    SNAPSHOT = "snapshot"
    NEWS = "news"


@dataclass(frozen=True, order=True)
class Stamp:
    """When a change was made, in the source's own order.

    ``sequence`` is the source's own numbering of a request's changes (0 where it has none), ``at`` its time (aware), ``rank`` the
    phase's place, ``key`` the source's key of the change. The order of the fields is the order of comparison.
    """

    sequence: int
    at: datetime
    rank: int = 0
    key: str = ""


@dataclass(frozen=True)
class Edits:
    """Fields of a request that a change sets (or empties, with ``None``). Dates are the supplier's calendar dates.

    ``bill`` is what the lender wants for a lost or damaged item; ``fee`` any other fee, and what a change says that does not tell them
    apart (``Facts``).
    """

    service_type: ServiceType | Unset = UNSET
    partner: str | Unset | None = UNSET
    patron_id: str | Unset | None = UNSET
    pickup_location: str | Unset | None = UNSET
    barcode: str | Unset | None = UNSET
    temporary_barcode: str | Unset | None = UNSET
    title: str | Unset | None = UNSET
    author: str | Unset | None = UNSET
    isbn: str | Unset | None = UNSET
    call_number: str | Unset | None = UNSET
    item_format: str | Unset | None = UNSET
    due: date | Unset | None = UNSET
    fee: Money | Unset | None = UNSET
    bill: Money | Unset | None = UNSET


@dataclass(frozen=True)
class Change:
    """One change of one request.

    ``key`` is unique within the source. ``leg`` (a supplier) and ``volume`` are empty where the change speaks of the whole request.
    ``word`` is the status as received. A ``notification`` never changes anything. ``one_way``: the service's rules let its phases only go
    forward, so an earlier phase told later is no step back, and the first end stands.
    """

    key: str
    request: RequestKey
    stamp: Stamp
    kind: ChangeKind = ChangeKind.NEWS
    leg: str = ""
    volume: str = ""
    word: str = ""
    phase: Phase | None = None
    closure: Closure | None = None
    raised: tuple[Condition, ...] = ()
    cleared: tuple[Condition, ...] = ()
    edits: Edits = field(default_factory=Edits)
    notification: bool = False
    one_way: bool = False
