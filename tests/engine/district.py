"""A pretend ILS that two libraries share: items charged twice, transits, the desks of both; and the stage for in-system loans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import count

from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.change import Phase
from bridge.domain.commands import Charge, Verb
from bridge.domain.identity import Role
from bridge.domain.parking import Nights
from bridge.domain.policy import BorrowingPolicy, InSystemBorrowing, InSystemLending, LendingPolicy, Policy
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind, SeenLoan, Sighting
from bridge.errors import Rejected, Retry
from tests.engine.pretend import Clock, PretendIls, Stage

OWNER, BORROWER = "NORTH", "SOUTH"
BARCODE = "OWN-1"
ACCOUNT = "DISTRICT-PARTNERILL"
PATRON = "id-p1"
ALREADY = OutcomeKind.ALREADY
POLICY = Policy(
    bridge="test",
    borrowing=BorrowingPolicy(
        existing_item=True,
        place=do.Place(BORROWER, "", "CIRC"),
        due_margin_days=3,
        in_system=InSystemBorrowing(ill_account=ACCOUNT),
    ),
    lending=LendingPolicy(
        default_account="DISTRICT-{partner}ILL",
        in_system=InSystemLending(partners={"partner": BORROWER}, home=do.Place(OWNER, "", "CIRC")),
    ),
)


@dataclass
class Charged:
    """One charge of an item."""

    loan_id: str
    account: str
    due: date | None
    began: datetime


@dataclass
class Book:
    """A real item: its charges, the last one on top; where it stands, or where it is on its way to."""

    barcode: str
    owner: str = OWNER
    at: str = OWNER
    to: str = ""
    charges: list[Charged] = field(default_factory=list)

    @property
    def home(self) -> bool:
        return not self.to and self.at == self.owner and not self.charges

    def on(self, account: str) -> Charged | None:
        return next((each for each in reversed(self.charges) if each.account == account), None)


class District(PretendIls):
    """What a discharge ends is the charge on top, whoever's it is: to end the right one is the connector's business."""

    def __init__(self, clock: Clock, **traits: object) -> None:
        abilities = {Verb.SEND_TRANSIT: Ability.YES}
        super().__init__(**{"abilities": abilities, "double_charge": True, "temporary_location": False, **traits})
        self.clock = clock
        self.books = {BARCODE: Book(BARCODE)}
        self.ended: list[str] = []
        self._charge_ids = count(1)

    # What the desks of both libraries can do.

    def lend(self, account: str, barcode: str = BARCODE) -> str:
        """Staff charge an item; over another charge, where there is one."""
        book = self.books[barcode]
        book.charges.append(Charged(f"c{next(self._charge_ids)}", account, None, self.clock()))
        book.to = ""
        return book.charges[-1].loan_id

    def scan(self, library: str, barcode: str = BARCODE) -> None:
        """Discharge what lies on top; what is charged no more goes home from elsewhere."""
        book = self.books[barcode]
        if book.charges:
            self.ended.append(book.charges.pop().loan_id)
        if not book.charges:
            book.at, book.to = library, "" if library == book.owner else book.owner

    # What the bridge can.

    def _book(self, command: do.Command | do.Inspect) -> Book:
        assert not isinstance(command, do.FindPatron)
        return self.books[command.target.barcode]

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        self._verb("check_out")
        book = self._book(command)
        beneath = self._beneath(command, book)
        if command.over and beneath is None:
            raise Retry(f"Item {book.barcode} is not charged to {command.over}.", cause="not_charged")
        if standing := book.on(command.account):
            return Outcome(ALREADY, self._both(command, book, standing))
        if [each for each in book.charges if each is not beneath]:
            raise Rejected("It is on loan to somebody else.", cause="on_loan")
        self.passing("before the charge")
        self.lend(command.account, book.barcode)
        book.charges[-1].due = command.due
        self.passing("charged")
        return Outcome(learned=self._both(command, book, book.charges[-1]))

    def _beneath(self, command: do.CheckOut, book: Book) -> Charged | None:
        found = book.on(command.over) if command.over else None
        if found is None or (command.over_loan_ids and found.loan_id not in command.over_loan_ids):
            return None
        late = command.over_began_before is not None and found.began >= command.over_began_before
        return None if late and not command.over_loan_ids else found

    def _both(self, command: do.CheckOut, book: Book, loan: Charged) -> Learned:
        charge = Charge.PATRON if command.over else Charge.ANY
        under = self._beneath(command, book)
        beneath = LoanRecord(under.loan_id, under.account, under.due, charge=Charge.ACCOUNT) if under else None
        learned = LoanRecord(loan.loan_id, loan.account, loan.due, charge=charge)
        return Learned(loan=learned, beneath=beneath, due=loan.due)

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        self._verb("check_in")
        assert command.charge is not Charge.ANY
        book = self._book(command)
        ours = [each for each in book.charges if self._is_ours(command, each)]
        if not ours:
            return Outcome(ALREADY, notes=("Somebody has it.",) if book.charges else ())
        if command.only_look:
            raise Retry(f"Item {book.barcode} is still charged; staff discharge it.", cause="left_to_staff")
        if book.charges[-1] is not ours[-1]:
            raise Retry(f"Somebody's charge of item {book.barcode} lies over ours.", cause="charged_over")
        self.passing("before the discharge")
        self.scan(command.at.library, book.barcode)
        self.passing("discharged")
        return Outcome(learned=Learned(transit_sent=True if book.to == book.owner else None))

    @staticmethod
    def _is_ours(command: do.CheckIn, charge: Charged) -> bool:
        if command.loan_ids:
            return charge.loan_id in command.loan_ids
        early = command.began_before is None or charge.began < command.began_before
        return charge.account in {command.account, f"id-{command.account}"} and early

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        self._verb("set_due_date")
        book = self._book(command)
        named = next((each for each in book.charges if each.loan_id == command.loan_id), None)
        charge = named if command.loan_id else book.on(command.account)
        if charge is None:
            return Outcome(ALREADY)
        charge.due = command.due
        return Outcome(learned=Learned(due=command.due))

    def receive_transit(self, command: do.ReceiveTransit, call: Call) -> Outcome:
        self._verb("receive_transit")
        book = self._book(command)
        if book.to != command.target.place.library:
            return Outcome(ALREADY)
        self.passing("before the arrival")
        book.at, book.to = book.to, ""
        self.passing("arrived")
        return Outcome(learned=Learned(transit_received=True))

    def send_transit(self, command: do.SendTransit, call: Call) -> Outcome:
        self._verb("send_transit")
        book = self._book(command)
        to = command.to.library or book.owner
        if to in {book.to, "" if book.to else book.at} or (not command.to.library and book.charges):
            return Outcome(ALREADY)
        if command.only_look:
            raise Retry(f"Item {book.barcode} was not sent home yet.", cause="left_to_staff")
        self.passing("before the transit")
        book.to = to
        self.passing("sent")
        return Outcome(learned=Learned(transit_sent=True))

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        self._verb("inspect")
        book = self._book(command)
        top = book.charges[-1:]
        shown = [each for each in book.charges if command.double or each in top or each.loan_id in command.loan_ids]
        loans = tuple(self._seen(command, each) for each in shown)
        return Sighting(item_present=True, barcode=book.barcode, loans=loans, loans_seen=True, in_transit=bool(book.to))

    @staticmethod
    def _seen(command: do.Inspect, each: Charged) -> SeenLoan:
        ours = each.loan_id in command.loan_ids or each.account == command.account
        charge = Charge.ANY
        if command.double:
            named = {command.account: Charge.ACCOUNT, command.patron_id: Charge.PATRON}
            charge = named.get(each.account, Charge.ANY)
        return SeenLoan(each.loan_id, each.account, each.due, ours, charge, each.began)


class DistrictStage:
    """Both sides of one loan on one ledger; either may be told of alone."""

    def __init__(self, make: Callable[..., Stage], policy: Policy = POLICY, **traits: object) -> None:
        clock = Clock()
        self.ils = District(clock, **traits)
        self.stage = make(ils=self.ils, clock=clock, policy=policy, nights=Nights(days={"main": 14}))
        self.number = "1"

    @property
    def book(self) -> Book:
        return self.ils.books[BARCODE]

    @property
    def clock(self) -> Clock:
        return self.stage.clock

    def lends(self, phase: Phase | None, **edits: object) -> int:
        """News of the owning library's request, and what follows."""
        edits = {"partner": "PARTNER", "barcode": BARCODE, **edits}
        return self._told(self.stage.tell(phase, role=Role.LENDER, at=self.clock(), number=self.number, **edits))  # type: ignore[arg-type]

    def borrows(self, phase: Phase | None, **edits: object) -> int:
        """News of the borrowing library's request, and what follows."""
        edits = {"partner": OWNER, "barcode": BARCODE, **edits}
        return self._told(self.stage.tell(phase, at=self.clock(), number=self.number, **edits))  # type: ignore[arg-type]

    def _told(self, request_id: int) -> int:
        self.stage.settle()
        self.clock.advance(minutes=1)
        return request_id

    def wait(self, *, hours: int) -> None:
        """Time passes, and what is due again is tried."""
        for _ in range(hours):
            self.clock.advance(hours=1)
            self.stage.settle()

    def said(self, request_id: int, words: str) -> list[str]:
        return [line for line in self.stage.history(request_id) if words in line]


def with_borrowing(**changes: object) -> Policy:
    """The policy with other switches on the borrowing side."""
    in_system = replace(POLICY.borrowing.in_system, **changes)  # type: ignore[arg-type]
    return replace(POLICY, borrowing=replace(POLICY.borrowing, in_system=in_system))


def with_lending(**changes: object) -> Policy:
    """The same on the lending side."""
    in_system = replace(POLICY.lending.in_system, **changes)  # type: ignore[arg-type]
    return replace(POLICY, lending=replace(POLICY.lending, in_system=in_system))
