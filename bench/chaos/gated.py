"""A SIP2 server's desk at a gate: its messages are exchanges at which a daemon may die as well."""

from __future__ import annotations

from datetime import datetime

from bench.chaos.ils import Gate
from bridge.sandbox.sip2.desk import Desk, ItemSeen, LoanMade, PatronSeen, TakenIn


class GatedDesk:
    """A desk behind SIP2, each of whose loans, returns and renewals passes the gate."""

    def __init__(self, desk: Desk, gate: Gate) -> None:
        self._desk = desk
        self._gate = gate

    def now(self) -> datetime:
        """See ``Desk``."""
        return self._desk.now()

    def patron(self, patron_id: str) -> PatronSeen | None:
        """See ``Desk``."""
        return self._desk.patron(patron_id)

    def item(self, barcode: str) -> ItemSeen | None:
        """See ``Desk``."""
        return self._desk.item(barcode)

    def check_out(self, patron_id: str, barcode: str, due: datetime | None, *, no_block: bool) -> LoanMade:
        """See ``Desk``."""
        with self._gate.passing():
            return self._desk.check_out(patron_id, barcode, due, no_block=no_block)

    def check_in(self, barcode: str, place: str) -> TakenIn:
        """See ``Desk``."""
        with self._gate.passing():
            return self._desk.check_in(barcode, place)

    def renew(self, patron_id: str, barcode: str) -> LoanMade:
        """See ``Desk``."""
        with self._gate.passing():
            return self._desk.renew(patron_id, barcode)

    def hold(self, patron_id: str, barcode: str, pickup: str, *, add: bool) -> str:
        """See ``Desk``."""
        return self._desk.hold(patron_id, barcode, pickup, add=add)

    def pay(self, patron_id: str, amount: str) -> None:
        """See ``Desk``."""
        self._desk.pay(patron_id, amount)
