"""Where each leg and volume of a request stands now, seen through all levels of what was said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from bridge.domain.change import (
    ENDED,
    GONE_BACK,
    NOT_SUPPLIED,
    PHYSICAL,
    WITHOUT_ITEM,
    Closure,
    Condition,
    Phase,
    Stamp,
)
from bridge.domain.commands import Money
from bridge.domain.dates import possible
from bridge.domain.identity import ServiceType
from bridge.domain.request import ONE_WAY, PLAIN, Correction, Facts, Node, Request, Stamped, later, onward


@dataclass(frozen=True)
class Standing:
    """One leg and volume as it stands.

    ``dead``: another supplier's leg took over. ``reverted_from``: the service took back a phase in which the item had moved.
    ``unnamed``: the request came back as a whole, but nobody named this one of its volumes. ``moved``: it was shipped or further.
    ``shipped``: it was said to be shipped, received or sent back, and not only that the request is completed.
    ``arrived``: the borrower said that it was received or sent back. ``lost``: declared lost and not found or returned since, nor
    received for the first time; ``was_lost``: declared lost at any time; ``lost_on_the_way_back``: lost after the borrower had sent it.
    ``turned_up_since_closed``: found or sent back after the loan had been closed without it, ``sent_back_since_ended``: sent back after
    that or after it was cancelled. ``recall_dated``: the recall in force named a date, which is ``due`` then. ``received_at``,
    ``back_at``: when it was first said to be received, and to be on its way back or back. ``bill`` is what the lender wants for a lost
    or damaged item, ``fee`` any other fee.
    """

    leg: str
    volume: str
    dead: bool = False
    service_type: ServiceType = ServiceType.LOAN
    phase: Phase | None = None
    reverted_from: Phase | None = None
    unnamed: bool = False
    moved: bool = False
    shipped: bool = False
    arrived: bool = False
    recall_dated: bool = False
    closure: Closure | None = None
    turned_up_since_closed: bool = False
    sent_back_since_ended: bool = False
    conditions: tuple[Condition, ...] = ()
    lost: bool = False
    was_lost: bool = False
    lost_on_the_way_back: bool = False
    received_at: datetime | None = None
    back_at: datetime | None = None
    due: date | None = None
    partner: str = ""
    patron_id: str = ""
    pickup_location: str = ""
    barcode: str = ""
    temporary_barcode: str = ""
    title: str = ""
    author: str = ""
    isbn: str = ""
    call_number: str = ""
    item_format: str = ""
    fee: Money | None = None
    bill: Money | None = None

    @property
    def found(self) -> bool:
        """Whether it was declared lost, or the loan was closed without it, and it was found or sent back since."""
        gone = self.was_lost or self.turned_up_since_closed
        return gone and not self.lost and not self.closed_without_item

    @property
    def closed_without_item(self) -> bool:
        """Whether the service closed the loan without the item, which has not turned up since."""
        closed = self.phase is Phase.COMPLETED and self.closure in WITHOUT_ITEM
        return closed and not self.turned_up_since_closed

    def has(self, condition: Condition) -> bool:
        """Whether this condition is in force."""
        return condition in self.conditions


def standings(request: Request) -> tuple[Standing, ...]:
    """Every leg and volume, dead legs first, so that they are cleared before the live one is worked on."""
    legs = legs_of(request)
    live = live_leg(request)
    ordered = [leg for leg in legs if leg != live] + [live]
    volumes = volumes_of(request)
    told = (_standing(request, leg, volume, live, volumes) for leg in ordered for volume in volumes)
    return tuple(_corrected(stand, request) for stand in told)


CORRECTABLE = ("patron_id", "pickup_location", "barcode", "temporary_barcode", "due")
"""Fields of a standing that staff may set right."""


def correct(request: Request, name: str, value: str, *, volume: str = "") -> Request:
    """The request with a field set right by staff. Raises ``ValueError`` for a field, volume or date that makes no sense."""
    if name not in CORRECTABLE:
        raise ValueError(f"'{name}' cannot be corrected")
    if volume and volume not in volumes_of(request):
        raise ValueError(f"the request has no volume '{volume}'")
    if name == "due" and not possible(date.fromisoformat(value)):
        raise ValueError(f"{value} is no day that a loan can have")
    told = standings(replace(request, corrections=()))
    others = tuple(each for each in request.corrections if (each.name, each.volume) != (name, volume))
    living = next(stand for stand in told if not stand.dead and volume in {"", stand.volume})
    made = Correction(name, volume, value, _text(living, name))
    return replace(request, corrections=others if made.instead_of == value else (*others, made))


def _text(stand: Standing, name: str) -> str:
    value = getattr(stand, name)
    return str(value) if value else ""


def _corrected(stand: Standing, request: Request) -> Standing:
    for each in request.corrections:
        if not stand.dead and each.volume in {"", stand.volume} and _text(stand, each.name) == each.instead_of:
            value = date.fromisoformat(each.value) if each.name == "due" else each.value
            stand = replace(stand, **{each.name: value})  # type: ignore[arg-type]
    return stand


def legs_of(request: Request) -> tuple[str, ...]:
    """The legs named, or the one nameless leg where there are none."""
    named = sorted({node.leg for node in request.nodes if node.leg})
    return tuple(named) or ("",)


def volumes_of(request: Request) -> tuple[str, ...]:
    """The volumes named, or the one nameless volume where there are none."""
    named = sorted({node.volume for node in request.nodes if node.volume})
    return tuple(named) or ("",)


def live_leg(request: Request) -> str:
    """The leg opened last among those that were not refused or cancelled; where all were, the one opened last."""
    legs = legs_of(request)
    if legs == ("",):
        return ""
    return max(legs, key=lambda leg: (not _refused(request, leg), _opened(request, leg), leg))


def _opened(request: Request, leg: str) -> Stamp:
    return min(node.first for node in request.nodes if node.leg == leg)


def _refused(request: Request, leg: str) -> bool:
    newest = _phase(tuple(node for node in request.nodes if node.leg == leg))
    return newest is not None and newest.value in NOT_SUPPLIED


def _phase(levels: tuple[Node, ...]) -> Stamped[Phase] | None:
    """Where it stands: what was said last, or what a service whose phases only go forward said, where that is further."""
    found: Stamped[Phase] | None = _latest(levels, "phase")
    for node in levels:
        found = onward(found, node.facts.forward) if node.facts.forward else found
    return found


def _closure(levels: tuple[Node, ...], phase: Stamped[Phase] | None) -> Stamped[Closure] | None:
    """How it ended: as was said first by a service whose phases only go forward, else as was said last."""
    first = [node.facts.first_closure for node in levels if node.facts.first_closure]
    if first and phase is not None and phase.value in ENDED:
        return min(first, key=lambda each: (each.stamp, each.value))
    return _latest(levels, "closure")


_OF_THE_REQUEST = ("patron_id", "pickup_location")
"""Of the whole request, at whatever level they were told: one patron fetches all of it at one place."""
_OF_ANY_LEVEL = (
    "partner",
    "temporary_barcode",
    "title",
    "author",
    "isbn",
    "call_number",
    "item_format",
)


def _standing(request: Request, leg: str, volume: str, live: str, volumes: tuple[str, ...]) -> Standing:
    wide = tuple(node for node in request.nodes if node.leg in {"", leg} and node.volume in {"", volume})
    own = _own(request, wide, leg, live)
    phase = _phase(own)
    furthest = _furthest(own, phase)
    back = _came_back(own, volumes)
    lost = _in_force(own, Condition.LOST)
    conditions = _conditions(own, phase, back, volumes)
    due, recall = _latest(own, "due"), _recall(own)
    closed = _closure(own, phase)
    closure = closed.value if closed else None
    fee, bill = _fees(own, conditions, closure, was_lost=lost is not None)
    found = _in_force(own, Condition.FOUND)
    without = closed if closed and closed.value in WITHOUT_ITEM else None
    ended = phase if phase and furthest and phase.value in NOT_SUPPLIED else without
    sent_back = bool(ended and back and back > ended.stamp)
    turned_up = without and (sent_back or bool(found and found.stamp > without.stamp))
    return Standing(
        leg=leg,
        volume=volume,
        dead=leg != live,
        service_type=_value(_latest(request.nodes, "service_type"), ServiceType.LOAN),
        phase=phase.value if phase else None,
        reverted_from=furthest if furthest and phase and phase.value.rank < furthest.rank else None,
        unnamed=_unnamed(own, phase, volumes),
        moved=furthest is not None,
        shipped=any(phase in _TRAVELLED for node in own for phase, _ in node.facts.reached),
        arrived=any(phase in _ARRIVED for node in own for phase, _ in node.facts.reached),
        closure=closure,
        turned_up_since_closed=bool(turned_up),
        sent_back_since_ended=sent_back,
        conditions=conditions,
        recall_dated=recall is not None or _dated_since(own, due),
        lost=Condition.LOST in conditions,
        was_lost=lost is not None,
        lost_on_the_way_back=bool(lost and back and back < lost.stamp),
        received_at=_first_reached(own, frozenset({Phase.RECEIVED})),
        back_at=_first_reached(own, GONE_BACK),
        due=_value(later(due, recall), None),
        fee=_value(fee, None),
        bill=_value(bill, None),
        barcode=_value(_latest(own, "barcode"), "") or "",
        **{name: _value(_latest(wide, name), "") or "" for name in _OF_ANY_LEVEL},
        **{name: _value(_latest(request.nodes, name), "") or "" for name in _OF_THE_REQUEST},
    )


def _own(request: Request, wide: tuple[Node, ...], leg: str, live: str) -> tuple[Node, ...]:
    """What was said of this leg: a dead leg's own news only; a live one's, and request-wide news since it was opened."""
    if not leg:
        return wide
    if leg != live:
        return tuple(node for node in wide if node.leg)
    opened = _opened(request, leg)
    return tuple(node if node.leg else replace(node, facts=_since(node.facts, opened)) for node in wide)


def _since(facts: Facts, opened: Stamp) -> Facts:
    fresh = {
        name: found
        for name in (*PLAIN, *ONE_WAY)
        if (found := getattr(facts, name)) is not None and found.stamp >= opened
    }
    conditions = tuple((name, value) for name, value in facts.conditions if value.stamp >= opened)
    dues = tuple(each for each in facts.dues if each.stamp >= opened)
    reached = tuple((phase, stamp) for phase, stamp in facts.reached if stamp >= opened)
    return Facts(**fresh, conditions=conditions, dues=dues, reached=reached)


def _latest(levels: tuple[Node, ...], name: str) -> Stamped[Any] | None:
    found: Stamped[Any] | None = None
    for node in levels:
        found = later(found, getattr(node.facts, name))
    return found


def _value(found: Stamped[Any] | None, otherwise: Any) -> Any:  # noqa: ANN401 - a register of any type
    return found.value if found is not None else otherwise


def _furthest(own: tuple[Node, ...], phase: Stamped[Phase] | None) -> Phase | None:
    """How far the item had moved; what a service whose phases only go forward says after it ended without the item is no move."""
    reached = [node.facts.furthest.value for node in own if node.facts.furthest]
    if phase is not None and phase.value in NOT_SUPPLIED and any(node.facts.forward == phase for node in own):
        said = (each for node in own for each in node.facts.reached)
        reached = [each for each, stamp in said if each in PHYSICAL and stamp < phase.stamp]
    return max(reached, key=lambda phase: phase.rank, default=None)


def _first_reached(own: tuple[Node, ...], phases: frozenset[Phase]) -> datetime | None:
    times = (stamp.at for node in own for phase, stamp in node.facts.reached if phase in phases)
    return min(times, default=None)


def _unnamed(own: tuple[Node, ...], phase: Stamped[Phase] | None, volumes: tuple[str, ...]) -> bool:
    if len(volumes) < 2 or phase is None or phase.value not in GONE_BACK:
        return False
    named = (_phase((node,)) for node in own if node.volume)
    return not any(each is not None and each.value in GONE_BACK for each in named)


def _in_force(own: tuple[Node, ...], name: Condition) -> Stamped[bool] | None:
    newest: Stamped[bool] | None = None
    for node in own:
        newest = later(newest, node.facts.condition(name))
    return newest if newest is not None and newest.value else None


_ARRIVED = frozenset({Phase.RECEIVED, Phase.RETURNED})
_TRAVELLED = PHYSICAL - {Phase.COMPLETED}


def _recall(own: tuple[Node, ...]) -> Stamped[date] | None:
    """The date that the recall in force named, if it named one."""
    dated = _latest(own, "recall_due")
    named = dated is not None and dated.value is not None
    return dated if named and _in_force(own, Condition.RECALLED) is not None else None


def _dated_since(own: tuple[Node, ...], due: Stamped[date] | None) -> bool:
    """Whether a date came with a change of its own after the recall."""
    recalled = _in_force(own, Condition.RECALLED)
    return recalled is not None and due is not None and due.stamp > recalled.stamp


def _fees(
    own: tuple[Node, ...], conditions: tuple[Condition, ...], closure: Closure | None, *, was_lost: bool
) -> tuple[Stamped[Money] | None, Stamped[Money] | None]:
    """The fee and the lender's bill: what was only communicated is the bill where the item is lost or damaged, else the fee."""
    fee, claim, bill = (_latest(own, name) for name in ("fee", "claim", "bill"))
    if was_lost or closure in WITHOUT_ITEM or Condition.DAMAGED in conditions:
        return fee, later(bill, claim)
    return later(fee, claim), bill


def _came_back(own: tuple[Node, ...], volumes: tuple[str, ...]) -> Stamp | None:
    """When the item was said to be on its way back, if it still is; of several volumes each must be named."""
    said = _latest(tuple(node for node in own if node.volume or len(volumes) == 1), "came_back")
    return said.stamp if said is not None and said.value else None


def _conditions(
    own: tuple[Node, ...], phase: Stamped[Phase] | None, back: Stamp | None, volumes: tuple[str, ...]
) -> tuple[Condition, ...]:
    standing = {name: found for name in Condition if (found := _in_force(own, name))}
    lost, found = standing.get(Condition.LOST), standing.get(Condition.FOUND)
    if lost and found and found.stamp <= lost.stamp:
        del standing[Condition.FOUND]
    if lost and (Condition.FOUND in standing or _turned_up(own, lost.stamp, back, volumes)):
        del standing[Condition.LOST]
    if Condition.OVERDUE in standing and _dated_later(own, standing[Condition.OVERDUE].stamp):
        del standing[Condition.OVERDUE]
    if phase is not None and phase.value in ENDED:
        for name in (Condition.OVERDUE, Condition.RECALLED, Condition.RENEWAL_REQUESTED):
            standing.pop(name, None)
    return tuple(sorted(standing))


def _turned_up(own: tuple[Node, ...], lost: Stamp, back: Stamp | None, volumes: tuple[str, ...]) -> bool:
    """Whether it was sent back after it had been called lost, or only then received for the first time: it was lost on the way there.

    Of several volumes each must be named.
    """
    arrived = [(stamp, node.volume) for node in own for phase, stamp in node.facts.reached if phase in _ARRIVED]
    of_this_one = any(volume or len(volumes) == 1 for _, volume in arrived)
    at_last = of_this_one and min(stamp for stamp, _ in arrived) > lost
    return at_last or (back is not None and back > lost)


def _dated_later(own: tuple[Node, ...], overdue: Stamp) -> bool:
    """Whether a later due date was agreed after the item had been called overdue."""
    dues = sorted((each for node in own for each in node.facts.dues), key=lambda each: each.stamp)
    before = [each.value for each in dues if each.stamp <= overdue and each.value is not None]
    since = [each.value for each in dues if each.stamp > overdue and each.value is not None]
    return bool(before and since and since[-1] > before[-1])
