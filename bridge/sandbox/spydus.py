"""A stand-in Spydus: its SIP2 server, the house behind it, and the staff who do there what SIP2 has no message for.

What a Spydus itself does was never seen; this one lends as the protocol says (docs/reference/connectors/spydus.md).
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bridge.sandbox.faults import Outage
from bridge.sandbox.sip2 import Habits, House, SipServer
from bridge.sandbox.sip2.house import Copy, Person

ZONE = "Europe/Berlin"
PEOPLE = (
    Person("21000000001001", "Ada Borrower"),
    Person("P1002", "Bela Reader"),
    Person("ILL-XYZ", "Library XYZ"),
    Person("ILL-ABC", "Library ABC"),
)
OWN = tuple(f"3900000000000{number}" for number in (1, 2, 3, 4))
LENT = {OWN[3]: "P1002"}
"""Own items that are on loan from the start, which is nobody's business but the patron's."""


@dataclass(frozen=True)
class Wrong:
    """What is not as it should be, by barcode: items left over, holds placed twice, own items that were touched."""

    leftovers: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    foreign_touched: tuple[str, ...] = ()


class SpydusStandIn:
    """A Spydus of one library; `server` (start it) is its SIP2 door. Port 0 picks a free one. Raises ``OSError`` for one that is taken."""

    def __init__(self, *, port: int = 0) -> None:
        self.house = House(zone=ZoneInfo(ZONE))
        self.house.people = {each.patron_id: each for each in PEOPLE}
        self.house.copies = {barcode: Copy(barcode, "One of our own") for barcode in OWN}
        for barcode, patron in LENT.items():
            self.house.lend(patron, barcode, by="seed")
        self.notes: dict[str, str] = {}
        self.server = SipServer(self.house, self.house.lock, Habits(), port=port)

    def outage(self, *, on: bool) -> None:
        """The server hangs up on whatever comes, or answers again."""
        self.server.faults.set_outage(Outage(on=on))

    def make(self, barcode: str, title: str) -> None:
        """Staff make an item; one that is there stays as it is."""
        with self.house.lock:
            self.house.copies.setdefault(barcode, Copy(barcode, title, made_by="desk"))

    def relabel(self, barcode: str, new_barcode: str) -> None:
        """Staff put another barcode on an item."""
        with self.house.lock:
            copy = self.house.copies.pop(barcode)
            copy.barcode = new_barcode
            self.house.copies[new_barcode] = copy

    def hold(self, barcode: str, patron: str, pickup: str) -> None:
        """Staff place a hold for a patron."""
        with self.house.lock:
            self.house.hold(patron, barcode, pickup, add=True)

    def end_holds(self, barcode: str) -> None:
        """Staff withdraw every hold on an item."""
        with self.house.lock:
            copy = self.house.copies[barcode]
            copy.held_for, copy.trapped = [], False

    def note(self, barcode: str, text: str) -> None:
        """Staff write a note for the desk."""
        with self.house.lock:
            self.notes[barcode] = text

    def delete(self, barcode: str) -> None:
        """Staff delete an item, unless somebody has it."""
        with self.house.lock:
            if barcode not in self.house.loans:
                del self.house.copies[barcode]

    def discard(self, barcode: str) -> None:
        """Staff delete an item together with its loan."""
        with self.house.lock:
            self.house.loans.pop(barcode, None)
            del self.house.copies[barcode]

    def lend(self, barcode: str, patron: str) -> None:
        """The desk lends an item."""
        with self.house.lock:
            self.house.lend(patron, barcode, by="desk")

    def check_in(self, barcode: str) -> None:
        """The desk scans an item in."""
        with self.house.lock:
            self.house.check_in(barcode, self.server.habits.institution)

    def lost(self, barcode: str, *, yes: bool) -> None:
        """The desk declares an item lost, or takes it back; the loan stays."""
        with self.house.lock:
            self.house.copies[barcode].lost = yes

    def loan_of(self, barcode: str) -> str:
        """Who has an item; empty where nobody has."""
        with self.house.lock:
            loan = self.house.loans.get(barcode)
            return loan.patron_id if loan else ""

    def due_of(self, barcode: str) -> datetime | None:
        """When (the library's time) an item on loan is due."""
        with self.house.lock:
            loan = self.house.loans.get(barcode)
            return loan.due if loan else None

    def judged(self, expected_loans: dict[str, str]) -> Wrong:
        """What is wrong; `expected_loans` (barcode → patron) goes before the loans there were from the start."""
        with self.house.lock:
            copies, should = dict(self.house.copies), LENT | expected_loans
            made = tuple(each.barcode for each in copies.values() if each.made_by != "seed")
            twice = tuple(each.barcode for each in copies.values() if len(set(each.held_for)) < len(each.held_for))
            touched = (own for own in OWN if own not in copies or copies[own].held_for or copies[own].lost)
            lent = (own for own in OWN if self.loan_of(own) != should.get(own, ""))
            return Wrong(made, twice, tuple(sorted({*touched, *lent})))
