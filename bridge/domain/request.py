"""What we know of a request: stamped registers, folded so that the order of delivery does not matter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Generic, TypeVar

from bridge.domain.change import ENDS, PHYSICAL, UNSET, WITHOUT_ITEM, Change, Closure, Condition, Phase, Stamp
from bridge.domain.commands import Money
from bridge.domain.identity import RequestKey, ServiceType

T = TypeVar("T")


@dataclass(frozen=True)
class Stamped(Generic[T]):
    """A value with the stamp of the change that set it."""

    value: T
    stamp: Stamp


def later(one: Stamped[T] | None, other: Stamped[T] | None) -> Stamped[T] | None:
    """The one set later; which comes first in the call does not matter."""
    if one is None or other is None:
        return one or other
    return max((one, other), key=lambda each: (each.stamp, repr(each.value)))


@dataclass(frozen=True)
class Facts:
    """What was said at one level of a request (all of it, a leg, a volume, or a volume of a leg).

    ``furthest`` is the furthest phase in which the item had moved; ``dues`` is the history of the due date; ``reached`` holds when each
    phase was first said. A date told with a recall is ``recall_due``, so that the lender's usual date is known when the recall is
    withdrawn. A fee told with a loss is the ``bill`` for it; one that is only communicated is a ``claim``, which may be either.
    ``came_back`` says whether the latest word of where the item is was that it is on its way back. ``forward`` is the furthest phase told
    by a service whose phases only go forward, and ``first_closure`` how such a service first said that it ended.
    """

    service_type: Stamped[ServiceType] | None = None
    partner: Stamped[str | None] | None = None
    patron_id: Stamped[str | None] | None = None
    pickup_location: Stamped[str | None] | None = None
    barcode: Stamped[str | None] | None = None
    temporary_barcode: Stamped[str | None] | None = None
    title: Stamped[str | None] | None = None
    author: Stamped[str | None] | None = None
    isbn: Stamped[str | None] | None = None
    call_number: Stamped[str | None] | None = None
    item_format: Stamped[str | None] | None = None
    due: Stamped[date | None] | None = None
    fee: Stamped[Money | None] | None = None
    recall_due: Stamped[date | None] | None = None
    claim: Stamped[Money | None] | None = None
    bill: Stamped[Money | None] | None = None
    came_back: Stamped[bool] | None = None
    phase: Stamped[Phase] | None = None
    furthest: Stamped[Phase] | None = None
    closure: Stamped[Closure] | None = None
    forward: Stamped[Phase] | None = None
    first_closure: Stamped[Closure] | None = None
    conditions: tuple[tuple[Condition, Stamped[bool]], ...] = ()
    dues: tuple[Stamped[date | None], ...] = ()
    reached: tuple[tuple[Phase, Stamp], ...] = ()

    def condition(self, name: Condition) -> Stamped[bool] | None:
        """The latest word on this condition."""
        return dict(self.conditions).get(name)


ONE_WAY = ("furthest", "forward", "first_closure")
"""Registers that keep something else than what was said last."""
PLAIN = tuple(each.name for each in fields(Facts) if each.name not in {*ONE_WAY, "conditions", "dues", "reached"})


@dataclass(frozen=True)
class Node:
    """The facts of one level; ``leg`` and ``volume`` are empty where it is not confined to one."""

    leg: str
    volume: str
    first: Stamp
    facts: Facts


@dataclass(frozen=True)
class Correction:
    """A field set right by staff: ``value`` stands for as long as the service says ``instead_of``; a new word of the service wins.

    ``name`` is a field of ``Standing``, ``volume`` is empty where all are meant; dates are ISO 8601 text.
    """

    name: str
    volume: str
    value: str
    instead_of: str


@dataclass(frozen=True)
class Request:
    """A request as its changes tell it. Two requests that saw the same changes, in any order, are equal.

    ``corrections`` are the work of staff, which no change touches.
    """

    key: RequestKey
    nodes: tuple[Node, ...] = ()
    corrections: tuple[Correction, ...] = ()

    def reached(self, phases: Collection[Phase]) -> datetime | None:
        """When the first of these phases was first said, by the service's own clock; ``None`` where none was."""
        said = (stamp.at for node in self.nodes for phase, stamp in node.facts.reached if phase in phases)
        return min(said, default=None)

    def node(self, leg: str, volume: str) -> Node | None:
        """The level of this leg and volume, if anything was said there."""
        return next((node for node in self.nodes if (node.leg, node.volume) == (leg, volume)), None)


def fold(request: Request, change: Change) -> Request:
    """The request with one more change in it. Late and repeated changes fold to the same; a notification changes nothing.

    Raises ``ValueError`` for a change of another request.
    """
    if change.request != request.key:
        raise ValueError(f"change {change.key} is of another request")
    if change.notification:
        return request
    told = _told(change)
    known = request.node(change.leg, change.volume)
    if known is None:
        node = Node(change.leg, change.volume, change.stamp, told)
    else:
        node = replace(known, first=min(known.first, change.stamp), facts=_joined(known.facts, told))
    others = tuple(each for each in request.nodes if each is not known)
    return replace(request, nodes=tuple(sorted((*others, node), key=lambda each: (each.leg, each.volume))))


def _told(change: Change) -> Facts:
    stamp = change.stamp
    raised = _raised(change)
    edits = {name: value for name, value in vars(change.edits).items() if value is not UNSET}
    said = {_register(name, change): Stamped(value, stamp) for name, value in edits.items()}
    if Condition.RECALLED in change.cleared:
        said["recall_due"] = Stamped(None, stamp)
    if Condition.FEE_COMMUNICATED in change.cleared:
        said |= {"claim": Stamped(None, stamp), "bill": Stamped(None, stamp)}
    if change.phase in _TRAVELLING:
        said["came_back"] = Stamped(change.phase is Phase.RETURNED, stamp)
    if change.phase is not None:
        said["forward" if change.one_way else "phase"] = Stamped(change.phase, stamp)
    if change.phase in PHYSICAL:
        said["furthest"] = Stamped(change.phase, stamp)
    if change.closure is not None:
        said["first_closure" if change.one_way else "closure"] = Stamped(change.closure, stamp)
    marks = {**dict.fromkeys(change.cleared, False), **dict.fromkeys(raised, True)}
    conditions = tuple((name, Stamped(marks[name], stamp)) for name in sorted(marks))
    dues = (Stamped(edits["due"], stamp),) if "due" in edits else ()
    reached = ((change.phase, stamp),) if change.phase is not None else ()
    return Facts(**said, conditions=conditions, dues=dues, reached=reached)


_TRAVELLING = frozenset({Phase.SHIPPED, Phase.RECEIVED, Phase.RETURNED})


def _raised(change: Change) -> tuple[Condition, ...]:
    """The conditions a change brings: a request that is closed as lost and paid says both."""
    closed = (Condition.LOST, Condition.FEE_PAID) if change.closure is Closure.LOST_PAID else ()
    return tuple(dict.fromkeys((*change.raised, *closed)))


def _register(name: str, change: Change) -> str:
    """Where a field of a change is kept."""
    if name == "due" and Condition.RECALLED in change.raised:
        return "recall_due"
    if name == "fee" and (Condition.LOST in change.raised or change.closure in WITHOUT_ITEM):
        return "bill"
    return "claim" if name == "fee" and Condition.FEE_COMMUNICATED in change.raised else name


def _joined(one: Facts, other: Facts) -> Facts:
    plain = {name: later(getattr(one, name), getattr(other, name)) for name in PLAIN}
    names = sorted({name for name, _ in (*one.conditions, *other.conditions)})
    conditions = ((name, later(one.condition(name), other.condition(name))) for name in names)
    dues = sorted({*one.dues, *other.dues}, key=lambda each: (each.stamp, repr(each.value)))
    return Facts(
        **plain,
        furthest=_further(one.furthest, other.furthest),
        forward=onward(one.forward, other.forward),
        first_closure=_earlier(one.first_closure, other.first_closure),
        conditions=tuple((name, value) for name, value in conditions if value is not None),
        dues=tuple(dues),
        reached=_first_reached(one.reached, other.reached),
    )


def _first_reached(
    one: tuple[tuple[Phase, Stamp], ...], other: tuple[tuple[Phase, Stamp], ...]
) -> tuple[tuple[Phase, Stamp], ...]:
    first = dict(one)
    for phase, stamp in other:
        first[phase] = min(first.get(phase, stamp), stamp)
    return tuple(sorted(first.items()))


def onward(one: Stamped[Phase] | None, other: Stamped[Phase] | None) -> Stamped[Phase] | None:
    """The one further in a loan's life; of two ends the one told first."""
    if one is None or other is None:
        return one or other
    if one.value in ENDS and other.value in ENDS:
        return min((one, other), key=lambda each: (each.stamp, each.value.rank))
    return max((one, other), key=lambda each: (each.value in ENDS, each.value.rank, each.stamp))


def _earlier(one: Stamped[Closure] | None, other: Stamped[Closure] | None) -> Stamped[Closure] | None:
    if one is None or other is None:
        return one or other
    return min((one, other), key=lambda each: (each.stamp, each.value))


def _further(one: Stamped[Phase] | None, other: Stamped[Phase] | None) -> Stamped[Phase] | None:
    if one is None or other is None:
        return one or other
    return max((one, other), key=lambda each: (each.value.rank, each.stamp))
