"""Changes, requests and records for the tests of the domain, in few words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from bridge.domain import commands as do
from bridge.domain.capabilities import Capabilities
from bridge.domain.change import GONE_BACK, Change, Closure, Condition, Edits, Phase, Stamp
from bridge.domain.goal import Goal, goal_for
from bridge.domain.identity import RequestKey, Role, ServiceType
from bridge.domain.learn import learn
from bridge.domain.plan import StaffTask, Step, next_step
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.domain.record import (
    Existence,
    HoldRecord,
    ItemRecord,
    Learned,
    LoanRecord,
    Outcome,
    PatronRecord,
    Record,
)
from bridge.domain.request import Request, fold

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DUE = date(2027, 1, 15)
LATER = date(2027, 2, 15)
BORROWER = RequestKey("main", "svc", Role.BORROWER, "REQ", "1")
LENDER = RequestKey("main", "svc", Role.LENDER, "REQ", "1")
TEMP = do.Place("RS", "TEMP")
OUT = do.Place("RS", "OUT")
HOME = do.Place("MAIN", "STACKS")
POLICY = Policy(
    bridge="test",
    borrowing=BorrowingPolicy(barcode_prefix="ILL-", place=TEMP),
    lending=LendingPolicy(temporary_place=OUT),
)
CAN = Capabilities(move_before_check_out=True, restore_before_check_in=True)


def change(
    at: int,
    phase: Phase | None = None,
    *,
    key: RequestKey = BORROWER,
    leg: str = "",
    volume: str = "",
    raised: tuple[Condition, ...] = (),
    cleared: tuple[Condition, ...] = (),
    closure: Closure | None = None,
    notification: bool = False,
    one_way: bool = False,
    **edits: object,
) -> Change:
    """A change at this second."""
    told = closure or (Closure.RETURNED if phase in GONE_BACK else None)
    return Change(
        key=f"c{at}",
        request=key,
        stamp=Stamp(0, START + timedelta(seconds=at), phase.rank if phase else 0, f"c{at}"),
        leg=leg,
        volume=volume,
        word=phase.value if phase else "",
        phase=phase,
        closure=told,
        raised=raised,
        cleared=cleared,
        edits=Edits(**edits),  # type: ignore[arg-type]
        notification=notification,
        one_way=one_way,
    )


def borrowed(at: int = 0, **edits: object) -> Change:
    """The first change of a borrowing request."""
    known: dict[str, object] = {"patron_id": "p1", "pickup_location": "MAIN", "title": "T", "partner": "XYZ"}
    return change(at, Phase.REQUESTED, **{**known, **edits})  # type: ignore[arg-type]


def lent(at: int = 0, **edits: object) -> Change:
    """The first change of a lending request."""
    known: dict[str, object] = {"barcode": "OWN-1", "partner": "XYZ"}
    return change(at, Phase.REQUESTED, key=LENDER, **{**known, **edits})  # type: ignore[arg-type]


def folded(*changes: Change, onto: Request | None = None) -> Request:
    """The request after these changes."""
    request = onto or Request(changes[0].request)
    for each in changes:
        request = fold(request, each)
    return request


def goal_of(*changes: Change, policy: Policy = POLICY) -> Goal:
    """What should exist after these changes."""
    return goal_for(folded(*changes), policy)


def answer(step: Step) -> Outcome:
    """What an obliging ILS answers."""
    command = step.command
    match command:
        case do.FindPatron(patron_id=patron):
            return Outcome(learned=Learned(patron=PatronRecord(patron, f"id-{patron}")))
        case do.CreateTemporaryItem(target=target):
            ids = do.VendorIds("b1", "h1", "i1")
            return Outcome(
                learned=Learned(ids=ids, barcode=target.barcode, existence=Existence.PRESENT, place=target.place)
            )
        case do.PlaceHold(patron_id=patron, pickup_location=pickup):
            return Outcome(learned=Learned(hold=HoldRecord(f"hold-{step.key.ordinal}", patron, pickup)))
        case do.CheckOut(account=account, due=due):
            return Outcome(learned=Learned(loan=LoanRecord(f"loan-{step.key.ordinal}", account, due), due=due))
        case do.MoveItem(to=to):
            return Outcome(learned=Learned(ids=do.VendorIds("b", "h", "own"), before=HOME, moved_to=to))
        case _:
            return Outcome()


def run(
    goal: Goal, record: Record | None = None, can: Capabilities = CAN, *, most: int = 80
) -> tuple[Record, list[Step], StaffTask | None]:
    """Take every step until there is none; answers the record, the steps, and what staff are asked."""
    known = record or Record()
    steps: list[Step] = []
    for _ in range(most):
        found = next_step(goal, known, can)
        if not isinstance(found, Step):
            return known, steps, found
        steps.append(found)
        known = learn(known, found, answer(found))
    raise AssertionError(f"no end: {[str(step.key) for step in steps[-6:]]}")


def verbs(steps: Iterable[Step]) -> list[str]:
    """The verbs of steps."""
    return [step.key.verb.value for step in steps]


def with_item(record: Record, **more: object) -> Record:
    """A record whose only item differs in these fields."""
    (item,) = record.items or (ItemRecord("", ""),)
    return record.with_item(replace(item, **more))  # type: ignore[arg-type]


def copy_of(request: Change) -> Change:
    """The same as a copy request."""
    return replace(request, edits=replace(request.edits, service_type=ServiceType.COPY))
