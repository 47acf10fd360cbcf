"""A pretend ILS in memory, and the stage for engine tests: a ledger, a lane, a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from bridge.connectors.base import Call, Connector
from bridge.domain import commands as do
from bridge.domain.arrival import Arrival
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.change import GONE_BACK, Change, Closure, Condition, Edits, Phase, Stamp
from bridge.domain.commands import Verb
from bridge.domain.expect import AccountStanding, Expectations
from bridge.domain.finding import Finding, well
from bridge.domain.identity import Mark, RequestKey, Role, ServiceType
from bridge.domain.parking import Nights
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.domain.record import (
    Existence,
    FeeRecord,
    HoldRecord,
    Learned,
    LoanRecord,
    MarkedObject,
    MarkedPage,
    Outcome,
    OutcomeKind,
    PatronRecord,
    SeenLoan,
    Sighting,
)
from bridge.engine.boundary import Boundary, Passing, pass_by
from bridge.engine.lane import LaneRules, WorkLane
from bridge.engine.reconciler import Reconciler
from bridge.engine.schedule import RetrySchedule
from bridge.errors import IlsError
from bridge.ledger import Ledger, State, codec
from bridge.ledger.model import HistoryLine, Row

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DUE = date(2027, 1, 15)
LATER = date(2027, 2, 15)
ALREADY = OutcomeKind.ALREADY
STAMPS = count(1)
POLICY = Policy(
    bridge="test",
    borrowing=BorrowingPolicy(barcode_prefix="ILL-", place=do.Place("RS", "TEMP"), charge_fee=True),
    lending=LendingPolicy(default_account="PARTNER", temporary_place=do.Place("RS", "OUT")),
)


class Killed(BaseException):
    """The process is gone, here."""


class Clock:
    """Simulated time."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class Thing:
    """An item in the pretend ILS."""

    mark: Mark
    barcode: str
    hold: HoldRecord | None = None
    loan: tuple[str, str, date | None] | None = None
    place: do.Place | None = None
    note: str = ""
    lost: bool = False


class PretendIls:
    """Bibs, items, holds, loans, fees; each write may be cut short by ``passing``, and verbs fail as ``fails`` says."""

    def __init__(self, **traits: object) -> None:
        traits = {"move_before_check_out": True, "restore_before_check_in": True, **traits}
        self.capabilities = Capabilities(**traits)  # type: ignore[arg-type]
        self.bibs: dict[str, str] = {}
        self.items: dict[str, Thing] = {"OWN-1": Thing(Mark("", ""), "OWN-1")}
        self.fees: list[tuple[str, str]] = []
        self.checked_in: list[str] = []
        self.fails: list[tuple[str, IlsError]] = []
        self.down: IlsError | None = None
        self.passing: Callable[[str], None] = lambda _: None
        self.asked: list[str] = []
        self.probes = 0
        self.closed = False
        self.listed: list[tuple[str, Mark]] = []
        self.page = 2
        self._ids = count(1)

    def _verb(self, name: str) -> None:
        self.asked.append(name)
        if self.down is not None:
            raise self.down
        if self.fails and self.fails[0][0] == name:
            raise self.fails.pop(0)[1]

    def _made(self, what: str) -> str:
        self.passing(what)
        return f"{what}-{next(self._ids)}"

    def _mine(self, mark: Mark) -> tuple[str, Thing] | None:
        return next(((pid, thing) for pid, thing in self.items.items() if thing.mark == mark), None)

    def _target(self, target: do.Target) -> Thing | None:
        if target.origin is do.Origin.OWN:
            return self.items.get("OWN-1")
        if target.origin is do.Origin.ADOPTED:
            return next((thing for thing in self.items.values() if thing.barcode == target.barcode), None)
        found = self._mine(target.mark)
        return found[1] if found else None

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        self._verb("find_patron")
        return Outcome(learned=Learned(patron=PatronRecord(command.patron_id, f"id-{command.patron_id}")))

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        raise NotImplementedError

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        self._verb("create_temporary_item")
        target, ids = command.target, command.target.ids
        if call.verify and not ids.bib:
            ids = do.VendorIds(bib=next((bib for bib, mark in self.bibs.items() if mark == target.mark.code), ""))
        found = self._mine(target.mark)
        kind = ALREADY if found else OutcomeKind.DONE
        if not ids.bib:
            bib = self._made("bib")
            self.bibs[bib] = target.mark.code
            self.passing("bib made")
            ids = replace(ids, bib=bib)
            call.keep(Learned(ids=ids, origin=do.Origin.CREATED))
        if found is None:
            pid = self._made("item")
            self.items[pid] = Thing(target.mark, target.barcode, place=target.place)
            self.passing("item made")
        else:
            pid = found[0]
        learned = Learned(ids=replace(ids, item=pid), barcode=target.barcode, existence=Existence.PRESENT)
        return Outcome(kind, learned)

    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        self._verb("relabel_item")
        thing = self._target(command.target)
        assert thing is not None
        thing.barcode = command.new_barcode
        return Outcome(learned=Learned(barcode=command.new_barcode))

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        self._verb("place_hold")
        thing = self._target(command.target)
        assert thing is not None
        if thing.hold is not None:
            return Outcome(ALREADY, Learned(hold=thing.hold))
        thing.hold = HoldRecord(self._made("hold"), command.patron_id, command.pickup_location)
        self.passing("hold made")
        return Outcome(learned=Learned(hold=thing.hold))

    def cancel_hold(self, command: do.CancelHold, call: Call) -> Outcome:
        self._verb("cancel_hold")
        thing = self._target(command.target)
        if thing is None or thing.hold is None:
            return Outcome(ALREADY)
        thing.hold = None
        return Outcome()

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        self._verb("check_out")
        thing = self._target(command.target)
        assert thing is not None
        if thing.loan is None:
            thing.loan = (self._made("loan"), command.account, command.due)
            self.passing("loan made")
            kind = OutcomeKind.DONE
        else:
            assert thing.loan[1] == command.account, "lent to somebody else"
            kind = ALREADY
        loan_id, account, due = thing.loan
        return Outcome(kind, Learned(loan=LoanRecord(loan_id, account, due), due=due))

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        self._verb("set_due_date")
        thing = self._target(command.target)
        if thing is None or thing.loan is None:
            return Outcome(ALREADY)
        thing.loan = (thing.loan[0], thing.loan[1], command.due)
        return Outcome(learned=Learned(due=command.due))

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        self._verb("check_in")
        thing = self._target(command.target)
        if thing is None:
            return Outcome(ALREADY, Learned(checked_in=True))
        ours = thing.loan is None or thing.loan[0] in command.loan_ids or command.target.origin is not do.Origin.OWN
        if not ours:
            return Outcome(ALREADY, Learned(checked_in=True), ("On loan to somebody else.",))
        thing.loan, thing.lost = None, False
        self.checked_in.append(thing.barcode)
        return Outcome(learned=Learned(checked_in=True))

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        self._verb("move_item")
        thing = self._target(command.target)
        assert thing is not None
        thing.place = command.to
        self.passing("moved")
        ids = do.VendorIds("b", "h", "OWN-1")
        return Outcome(learned=Learned(ids=ids, before=do.Place("MAIN", "STACKS"), moved_to=command.to))

    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        self._verb("restore_item")
        thing = self._target(command.target)
        assert thing is not None
        thing.place = None
        self.passing("restored")
        return Outcome(learned=Learned(restored=True))

    def receive_transit(self, command: do.ReceiveTransit, call: Call) -> Outcome:
        raise NotImplementedError

    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        self._verb("delete_temporary_item")
        mark = command.target.mark
        found = self._mine(mark)
        if found:
            del self.items[found[0]]
        self.bibs = {bib: code for bib, code in self.bibs.items() if code != mark.code}
        self.passing("deleted")
        return Outcome(learned=Learned(existence=Existence.DELETED))

    def charge_fee(self, command: do.ChargeFee, call: Call) -> Outcome:
        self._verb("charge_fee")
        fee = (command.target.mark.code, command.fee_key)
        if call.verify and fee in self.fees:
            return Outcome(ALREADY, Learned(fee=FeeRecord(command.fee_key, "fee-1", command.fee)))
        self.fees.append(fee)
        self.passing("fee charged")
        return Outcome(learned=Learned(fee=FeeRecord(command.fee_key, "fee-1", command.fee)))

    def mark_lost(self, command: do.MarkLost, call: Call) -> Outcome:
        self._verb("mark_lost")
        thing = self._target(command.target)
        assert thing is not None
        thing.lost = True
        self.passing("declared lost")
        return Outcome(learned=Learned(marked_lost=True))

    def mark_found(self, command: do.MarkFound, call: Call) -> Outcome:
        self._verb("mark_found")
        thing = self._target(command.target)
        assert thing is not None
        kind = OutcomeKind.DONE if thing.lost else ALREADY
        thing.lost = False
        self.passing("taken back")
        return Outcome(kind)

    def note_item(self, command: do.NoteItem, call: Call) -> Outcome:
        self._verb("note_item")
        thing = self._target(command.target)
        assert thing is not None
        thing.note = command.on(thing.note)
        return Outcome()

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        self._verb("inspect")
        thing = self._target(command.target)
        bib = next((bib for bib, code in self.bibs.items() if code == command.target.mark.code), "")
        pid = next((pid for pid, each in self.items.items() if each is thing), "")
        loans: tuple[SeenLoan, ...] = ()
        if thing is not None and thing.loan is not None:
            loan_id, account, due = thing.loan
            loans = (SeenLoan(loan_id, account, due, loan_id in command.loan_ids or account == command.account),)
        return Sighting(
            item_present=thing is not None,
            ids=do.VendorIds(bib=bib, item=pid),
            barcode=thing.barcode if thing else "",
            marked=bool(thing and thing.mark == command.target.mark),
            hold=thing.hold if thing else None,
            hold_seen=True,
            loans=loans,
            loans_seen=True,
            place=thing.place if thing and command.target.origin is not do.Origin.OWN else do.Place("MAIN", "STACKS"),
            temporary_place=thing.place if thing and thing.mark.code == "" else None,
            lost=thing.lost if thing else None,
            fees=(),
        )

    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        self._verb("marked")
        found = [MarkedObject(mark, do.VendorIds(bib=bib)) for bib, mark in self.listed]
        start = int(command.after or 0)
        page = found[start : start + self.page]
        more = start + self.page < len(found)
        return MarkedPage(tuple(page), str(start + self.page) if more else "")

    def probe(self) -> tuple[Finding, ...]:
        self.probes += 1
        if self.down is not None:
            raise self.down
        return (well("pretend", "well"),)

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        return self.probe()

    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        return tuple(AccountStanding(name) for name in names)

    def close(self) -> None:
        self.closed = True


@dataclass
class Stage:
    """A migrated ledger with one lane over a pretend ILS."""

    url: str
    ils: PretendIls = field(default_factory=PretendIls)
    clock: Clock = field(default_factory=Clock)
    policy: Policy = POLICY
    cap: int = 2
    schedule: RetrySchedule = field(default_factory=lambda: RetrySchedule(jitter=0.0, tries=4))
    passing: Passing = pass_by
    nights: Nights = field(default_factory=Nights)
    stops: list[bool] = field(default_factory=list)
    twins: list[Stage] = field(default_factory=list)
    late_writes: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.url, clock=self.clock)
        self.ledger.lanes.ensure(["pretend"])
        self.restart()

    def restart(self) -> None:
        """A new process on the same ledger: leases of the dead one are freed, as the daemon does."""
        self.ledger.work.free_all()
        codec.forget()
        connector: Connector = self.ils
        rules = LaneRules(self.cap, timedelta(seconds=60), late_writes=self.late_writes)
        self.lane = WorkLane("pretend", connector, self.ledger, rules)
        self.reconciler = Reconciler(
            self.ledger,
            self.lane,
            lambda _: self.policy,
            schedule=self.schedule,
            nights=self.nights,
            stopping=lambda: bool(self.stops),
            passing=self._pass,
        )

    def twin(self) -> Stage:
        """Another daemon on the same ledger, beside the same ILS."""
        self.twins.append(Stage(self.url, self.ils, self.clock, self.policy, self.cap, self.schedule))
        return self.twins[-1]

    def _pass(self, boundary: Boundary) -> None:
        self.passing(boundary)

    def close(self) -> None:
        for each in (*self.twins, self):
            each.ledger.close()

    def tell(
        self,
        phase: Phase | None,
        *,
        number: str = "1",
        role: Role = Role.BORROWER,
        raised: tuple[Condition, ...] = (),
        volume: str = "",
        service_type: ServiceType = ServiceType.LOAN,
        at: datetime | None = None,
        lane: str = "pretend",
        **edits: object,
    ) -> int:
        """A change comes in, made ``at`` (else in the order they are told); answers the request's id."""
        sequence = next(STAMPS)
        key = RequestKey("main", "svc", role, "REQ", number)
        base: dict[str, object] = {"service_type": service_type}
        if role is Role.BORROWER:
            base |= {"patron_id": "p1", "pickup_location": "MAIN"}
        else:
            base |= {"barcode": "OWN-1", "partner": "PARTNER"}
        change = Change(
            key=f"c{sequence}",
            request=key,
            stamp=Stamp(0, at or START + timedelta(seconds=sequence), phase.rank if phase else 0, f"c{sequence}"),
            volume=volume,
            phase=phase,
            closure=Closure.RETURNED if phase in GONE_BACK else None,
            word=phase.value if phase else "",
            raised=raised,
            edits=Edits(**(base | edits)),  # type: ignore[arg-type]
        )
        arrival = Arrival(key=change.key, body="{}", changes=(change,))
        (receipt,) = self.ledger.inbox.take("hook", (arrival,), lambda _: lane)
        return receipt.requests[0]

    def work(self, *, afresh: bool = False, lease: float = 60) -> State | None:
        """One sitting with whatever is due."""
        held = self.ledger.work.claim("pretend", owner="test", lease=timedelta(seconds=lease), cap=self.cap)
        return self.reconciler.work(held, afresh=afresh) if held else None

    def settle(self, *, sittings: int = 20) -> None:
        """Sit until nothing is due any more."""
        for _ in range(sittings):
            if self.work() is None:
                return
        raise AssertionError("does not settle")

    def row(self, request_id: int = 1) -> Row:
        return self.ledger.requests.one(request_id)

    def history(self, request_id: int = 1) -> list[str]:
        return [line.line for line in self.lines(request_id)]

    def lines(self, request_id: int = 1) -> tuple[HistoryLine, ...]:
        return self.ledger.requests.history(request_id)


def staffed(*verbs: Verb, ability: Ability = Ability.STAFF) -> PretendIls:
    """A pretend ILS in which these verbs are for staff (or cannot be done)."""
    return PretendIls(abilities=dict.fromkeys(verbs, ability), reasons=dict.fromkeys(verbs, "It has no such call."))


ALL_BOUNDARIES = tuple(Boundary)
