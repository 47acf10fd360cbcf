"""The audit of one claimed request: looked at, compared, noted; and, where that is asked, brought in step by the same loop as all work."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from bridge.connectors.base import Call
from bridge.domain.align import unaligned, watched
from bridge.domain.audit import WHILE_STUCK, beyond_doubt, compare, stands_again, tells, unshown, worth_a_look
from bridge.domain.care import hands_off
from bridge.domain.commands import Inspect, Origin
from bridge.domain.drift import AuditFinding, Drift
from bridge.domain.goal import ItemGoal, ItemWish, LoanWish
from bridge.domain.inspection import review
from bridge.domain.learn import amend
from bridge.domain.mending import mended, put_back
from bridge.domain.preview import Preview, preview
from bridge.domain.record import ItemRecord, Record, Sighting
from bridge.engine.lane import WorkLane
from bridge.engine.sitting import Sitting
from bridge.ledger import Claimed, Ledger, State
from bridge.ledger.audits import NewFinding

log = structlog.get_logger(__name__)

UNSETTLED = frozenset({State.DUE, State.WAITING})
"""Work is still to be done: whatever is there is not what should be there yet."""
STUCK = frozenset({State.PARKED, State.STAFF})
MENDABLE = frozenset({State.IN_STEP, State.CLOSED})
AS_IT_SHOULD_BE = "Everything is as it should be."
NOT_SHOWN = "The ILS does not show what became of its item, so that nothing was compared."


@dataclass(frozen=True)
class Looked:
    """What one look found, and the record from which the plan would repair it; ``news``: something came in meanwhile.

    ``lent`` are items that the desk has lent, and whose date is still to be brought to the goal's (due-date alignment). ``hidden``: of
    an item the ILS shows nothing to compare. ``stays`` names findings that stand, if they did: not shown, or not told.
    """

    record: Record
    findings: tuple[AuditFinding, ...] = ()
    news: bool = False
    lent: tuple[ItemRecord, ...] = ()
    hidden: bool = False
    stays: frozenset[str] = frozenset()

    @property
    def mendable(self) -> bool:
        """Whether there is anything that the bridge would repair."""
        return any(each.repair for each in self.findings)


def look(ledger: Ledger, sitting: Sitting, lane: WorkLane) -> Looked:
    """Look at everything of a request in the ILS and compare it; nothing is written, neither there nor in the ledger.

    Costs no call where nothing was ever made. ``news``: something came in meanwhile, so that the comparison says nothing. Raises as a
    connector's verbs do.
    """
    if not worth_a_look(sitting.record):
        return Looked(sitting.record)
    findings: list[AuditFinding] = []
    lent: list[ItemRecord] = []
    hidden = False
    stays: set[str] = set()
    record = sitting.record
    can = lane.connector.capabilities
    for goal in sitting.goal.items:
        item = sitting.record.item(goal.leg, goal.volume)
        if not worth_a_look(Record(items=(item,))):
            continue
        seen = lane.connector.inspect(_asked(sitting, goal, item), Call())
        elsewhere = _elsewhere(ledger, sitting.held, item, seen)
        found = compare(goal, item, seen, can, elsewhere=elsewhere, confirmed=sitting.record.confirmed)
        told = _telling(sitting.held, found)
        findings += told
        stays |= {_subject(sitting.held, goal.leg, goal.volume, kind) for kind in unshown(goal, item, seen)}
        stays |= {_subject(sitting.held, each.leg, each.volume, each.kind) for each in found if each not in told}
        hidden = hidden or not tells(goal, item, seen)
        record = record.with_item(mended(item, seen, found, elsewhere=elsewhere, within=goal.within))
        loan = goal.loan
        if watched(goal, item, can) and isinstance(loan, LoanWish) and unaligned(loan, amend(item, seen).patron_loan):
            lent.append(item)
    news = ledger.work.refreshed(sitting.held).row.version != sitting.held.row.version
    return Looked(record, tuple(findings), news, tuple(lent), hidden, frozenset(stays))


def taken_up(
    ledger: Ledger, sitting: Sitting, lane: WorkLane, goal: ItemGoal, item: ItemRecord, seen: Sighting
) -> tuple[ItemRecord, tuple[str, ...]]:
    """The record of a temporary item that counts as deleted and stands in the ILS with our mark: taken up where it is wanted, else as the
    audit tells of it and would have it repaired.
    """
    if not stands_again(item, seen) or _elsewhere(ledger, sitting.held, item, seen):
        return item, ()
    if isinstance(goal.item, ItemWish) and beyond_doubt(item, seen):
        return put_back(item, seen), (
            f"Temporary item {item.barcode} counted as deleted, and is in the ILS with our mark.",
        )
    found = compare(goal, item, seen, lane.connector.capabilities, confirmed=sitting.record.confirmed)
    left = tuple(each for each in found if each.kind is Drift.ITEM_LEFT)
    return mended(item, seen, left), tuple(each.told for each in left)


def _asked(sitting: Sitting, goal: ItemGoal, item: ItemRecord) -> Inspect:
    """As a resync looks, but for fees: whether they were paid is nobody's business here."""
    role = sitting.held.row.request.key.role
    return replace(review(goal, item, sitting.record, role), fee_keys=())


def _elsewhere(ledger: Ledger, held: Claimed, item: ItemRecord, seen: Sighting) -> bool:
    """Whether a loan or place of an own item, or a temporary item that came back, may be another open request's; only asked where there
    is something to tell apart.
    """
    known = {loan.loan_id for loan in item.loans if not loan.name_came_again}
    unknown = any(loan.ours and loan.loan_id not in known for loan in seen.loans)
    away = seen.temporary_place is not None and item.restored
    if not stands_again(item, seen) and (item.origin is not Origin.OWN or not (unknown or away)):
        return False
    return ledger.audits.elsewhere(held.row.id, held.row.lane, item.barcode)


def _telling(held: Claimed, found: tuple[AuditFinding, ...]) -> tuple[AuditFinding, ...]:
    """Of a request that is stuck only what is not told by that already."""
    return tuple(each for each in found if held.row.state not in STUCK or each.kind in WHILE_STUCK)


def _subject(held: Claimed, leg: str, volume: str, kind: Drift) -> str:
    return f"{held.row.name}:{leg}:{volume}:{kind}"


def why_not_mended(sitting: Sitting) -> str:
    """Why the bridge writes nothing for this request now; empty where it may."""
    why = hands_off(sitting.held.row.request, sitting.record, sitting.policy)
    if why or sitting.held.row.state in MENDABLE:
        return why
    return f"The request is {sitting.held.row.state.value.replace('_', ' ')}: see to that first."


def foreseen(sitting: Sitting, looked: Looked, lane: WorkLane) -> Preview:
    """The steps by which the findings would be repaired."""
    return preview(sitting.goal, looked.record, lane.connector.capabilities)


def no_room(ledger: Ledger, sitting: Sitting, plan: Preview) -> str:
    """Why the deletions of a repair have to wait: they leave live work half of the library's quota, so that an audit never stops it. Empty
    where they need not.
    """
    library, most = sitting.held.row.request.key.library, sitting.policy.deletes_per_hour
    if not plan.deletes or 2 * (ledger.libraries.deletions(library) + plan.deletes) <= most:
        return ""
    return f"Not repaired now: an audit leaves live work half of the deletions an hour (deletes_per_hour). {' '.join(plan.sentences)}"


def kept_as(held: Claimed, findings: tuple[AuditFinding, ...]) -> tuple[NewFinding, ...]:
    """The findings as the ledger keeps them."""
    return tuple(
        NewFinding(
            subject=_subject(held, each.leg, each.volume, each.kind),
            library=held.row.request.key.library,
            lane=held.row.lane,
            kind=each.kind.value,
            sentence=each.sentence,
            barcode=each.barcode,
            repair=each.repair,
            advice=each.advice.replace("REQUEST", held.row.name),
            request_id=held.row.id,
        )
        for each in findings
    )
