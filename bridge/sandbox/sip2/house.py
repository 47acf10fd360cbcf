"""A small ILS behind a SIP2 server: patrons, items, loans, holds. The plainest desk there is."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bridge.sandbox.sip2.desk import ItemSeen, LoanMade, PatronSeen, TakenIn

AVAILABLE, CHARGED, ON_SHELF, LOST = "03", "04", "08", "12"
Actor = Literal["seed", "desk", "api"]


@dataclass
class Person:
    """A patron or partner."""

    patron_id: str
    name: str
    blocked: str = ""
    expires: str = "20991231"


@dataclass
class Copy:
    """An item; `held_for` are the holds in their order, `lost` what the desk declared, `told` the status that is told whatever stands."""

    barcode: str
    title: str
    home: str = "MAIN"
    made_by: Actor = "seed"
    held_for: list[str] = field(default_factory=list)
    pickup: str = ""
    trapped: bool = False
    lost: bool = False
    told: str = ""


@dataclass
class Lent:
    """A loan."""

    patron_id: str
    due: datetime
    made_by: Actor
    renewals: int = 0


@dataclass
class House:
    """All it holds, behind one lock. `no_block`: what a check-out with a date sent as "no block" comes to."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    lock: threading.RLock = field(default_factory=threading.RLock)
    no_block: Literal["obeyed", "mistaken", "ignored"] = "ignored"
    loan_days: int = 28
    renewals: int = 3
    people: dict[str, Person] = field(default_factory=dict)
    copies: dict[str, Copy] = field(default_factory=dict)
    loans: dict[str, Lent] = field(default_factory=dict)
    payments: list[tuple[str, str]] = field(default_factory=list)

    def now(self) -> datetime:
        """The local time."""
        return self.clock().astimezone(self.zone).replace(tzinfo=None)

    def patron(self, patron_id: str) -> PatronSeen | None:
        """A patron by card number, whatever its case."""
        found = self.people.get(patron_id.upper())
        if found is None:
            return None
        expired = found.expires < f"{self.now():%Y%m%d}"
        words = found.blocked or ("Patron expired" if expired else "")
        charged = tuple(barcode for barcode, loan in self.loans.items() if loan.patron_id == found.patron_id)
        held = tuple(each.barcode for each in self.copies.values() if found.patron_id in each.held_for)
        return PatronSeen(
            found.patron_id,
            found.name,
            bool(words),
            words="Greetings. " + words,
            charged=charged,
            held=held,
            expires=found.expires,
        )

    def item(self, barcode: str) -> ItemSeen | None:
        """An item by barcode."""
        copy, loan = self.copies.get(barcode), self.loans.get(barcode)
        if copy is None:
            return None
        standing = copy.told or (LOST if copy.lost else CHARGED if loan else ON_SHELF if copy.trapped else AVAILABLE)
        return ItemSeen(barcode, copy.title, standing, copy.home, loan.due if loan else None, len(copy.held_for))

    def check_out(self, patron_id: str, barcode: str, due: datetime | None, *, no_block: bool) -> LoanMade:
        """Lend; a loan of the same patron is renewed."""
        copy, loan, patron = self.copies[barcode], self.loans.get(barcode), self.people[patron_id.upper()]
        forced = no_block and self.no_block == "obeyed"
        seen = self.patron(patron_id)
        if seen is not None and seen.denied and not forced:
            return LoanMade(ok=False, words=f"Patron {patron.name} is blocked")
        if loan is not None and loan.patron_id != patron.patron_id:
            return LoanMade(ok=False, words="Item checked out to another patron")
        if loan is not None:
            return self.renew(patron.patron_id, barcode)
        if copy.held_for and copy.held_for[0] != patron.patron_id and not forced:
            return LoanMade(ok=False, words="Item is on hold for another patron")
        made = self.lend(patron.patron_id, barcode, by="api", due=due if forced else None)
        return LoanMade(ok=True, due=None if no_block and self.no_block == "mistaken" else made.due)

    def lend(self, patron_id: str, barcode: str, *, by: Actor, due: datetime | None = None) -> Lent:
        """A loan by the rule, or due when it is said."""
        copy = self.copies[barcode]
        self.loans[barcode] = made = Lent(self.people[patron_id.upper()].patron_id, due or self._rule(), by)
        copy.held_for = [each for each in copy.held_for if each != made.patron_id]
        copy.trapped = False
        return made

    def _rule(self) -> datetime:
        return (self.now() + timedelta(days=self.loan_days)).replace(hour=23, minute=59, second=0, microsecond=0)

    def check_in(self, barcode: str, place: str) -> TakenIn:
        """Take in; the first hold is trapped."""
        copy, loan = self.copies[barcode], self.loans.pop(barcode, None)
        copy.lost = False
        if not copy.held_for:
            return TakenIn(loan is not None, loan.patron_id if loan else "")
        copy.trapped = True
        waiting = self.people[copy.held_for[0]]
        had = loan.patron_id if loan else ""
        named = f"{waiting.name} ((212) 555-1212)"
        return TakenIn(ok=True, had=had, alert="01", held_for=waiting.patron_id, held_for_name=named, destination=place)

    def renew(self, patron_id: str, barcode: str) -> LoanMade:
        """Renew by the rule."""
        loan = self.loans.get(barcode)
        if loan is None or loan.patron_id != self.people[patron_id.upper()].patron_id:
            return LoanMade(ok=False, words="Item not checked out to this user")
        if self.copies[barcode].held_for or loan.renewals >= self.renewals:
            return LoanMade(ok=False, words="Item cannot be renewed")
        loan.renewals += 1
        loan.due = max(loan.due, self._rule())
        return LoanMade(ok=True, renewed=True, due=loan.due)

    def hold(self, patron_id: str, barcode: str, pickup: str, *, add: bool) -> str:
        """A hold; placed twice it stands twice, withdrawn all of them go."""
        copy, number = self.copies[barcode], self.people[patron_id.upper()].patron_id
        if add:
            copy.held_for.append(number)
            copy.pickup = pickup
            return ""
        if number not in copy.held_for:
            return "There is no such hold"
        copy.held_for = [each for each in copy.held_for if each != number]
        copy.trapped = copy.trapped and bool(copy.held_for)
        return ""

    def pay(self, patron_id: str, amount: str) -> None:
        """Note a payment."""
        self.payments.append((patron_id, amount))
