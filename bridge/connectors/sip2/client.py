"""A SIP2 client: a few connections, one method a message, every message paced and told like a call on any other transport."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from datetime import time as day_time
from typing import TypeVar
from zoneinfo import ZoneInfo

from bridge.connectors.base import Surroundings
from bridge.connectors.sip2.answers import Done, Item, Loan, Patron, Return, Status
from bridge.connectors.sip2.connection import Connection, NoAnswer, NotOpened, NotUnderstood, Refused
from bridge.connectors.sip2.message import Message, Unsendable, field, stamp
from bridge.connectors.sip2.settings import Sip2Settings
from bridge.domain.commands import Money
from bridge.errors import CredentialsRejected, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Exchange

TRIES = 3
"""Times that a message is sent whose repetition changes nothing."""
UNDERSTOOD = 200
"""Status of an exchange whose answer could be read, whatever it says."""
About = tuple[str, str]
NOTHING: About = ("", "")
Told = TypeVar("Told")


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class Sip2Client:
    """One SIP2 server. Safe to use from several threads; each message takes a connection of its own for as long as it lasts.

    Every method raises ``Unavailable`` (no connection, or no answer to what only looks), ``CredentialsRejected`` (log-in refused),
    ``Retry`` (not understood), and ``Rejected`` for a value that the protocol cannot carry; what writes raises ``OutcomeUnknown`` too.
    """

    def __init__(
        self,
        settings: Sip2Settings,
        surroundings: Surroundings,
        *,
        now: Callable[[], datetime] = utc_now,
        open_one: Callable[[Sip2Settings], Connection] = Connection,
    ) -> None:
        self.settings = settings
        self._zone = ZoneInfo(settings.timezone)
        self._name = surroundings.ils
        self._pace = surroundings.pace
        self._tell = surroundings.tell
        self._now = now
        self._open_one = open_one
        self._idle: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._places = threading.BoundedSemaphore(settings.connections)

    def status(self) -> Status:
        """How the server stands, and what it understands (99)."""
        return Status.read(self._look("99 SC status", "9900802.00", "98"))

    def patron(self, patron_id: str, *, charged: bool = False) -> Patron:
        """A patron's standing (63), with the items they have where ``charged``. No PIN is sent: an empty one counts as a wrong one."""
        summary = "  Y       " if charged else " " * 10
        body = f"63000{self._stamp()}{summary}{self._names(('AA', patron_id))}"
        return Patron.read(self._look("63 patron information", body, "64", ("AA", patron_id)), self._zone)

    def item(self, barcode: str) -> Item:
        """Where an item stands (17)."""
        body = f"17{self._stamp()}{self._names(('AB', barcode))}"
        return Item.read(self._look("17 item information", body, "18", ("AB", barcode)), self._zone)

    def check_out(self, barcode: str, patron_id: str, due: date | None = None) -> Loan:
        """Check out (11); repeated, it renews, so look before. ``due`` is sent only where the server is known to obey it."""
        dated = due is not None and self.settings.due_date == "no_block"
        wanted = stamp(datetime.combine(due, day_time(23, 59))) if dated and due is not None else " " * 18
        named = self._names(("AA", patron_id), ("AB", barcode)) + field("BO", "N") + field("BI", "N")
        body = f"11N{'Y' if dated else 'N'}{self._stamp()}{wanted}{named}"
        return Loan.read(self._write("11 check out", body, "12", ("AB", barcode)), self._zone)

    def check_in(self, barcode: str) -> Return:
        """Check in at the account's location (09)."""
        now = self._stamp()
        place = field("AP", self.settings.location) if self.settings.location else ""
        body = f"09N{now}{now}{place}{self._names(('AB', barcode))}{field('BI', 'N')}"
        return Return.read(self._write("09 check in", body, "10", ("AB", barcode)), self._zone)

    def renew(self, barcode: str, patron_id: str) -> Loan:
        """Renew by the server's own rule (29); repeated, it renews again."""
        named = self._names(("AA", patron_id), ("AB", barcode)) + field("BO", "N")
        body = f"29NN{self._stamp()}{' ' * 18}{named}"
        return Loan.read(self._write("29 renew", body, "30", ("AB", barcode)), self._zone)

    def hold(self, barcode: str, patron_id: str, pickup: str, *, add: bool) -> Done:
        """Place or withdraw a hold (15). Hold type 3 asks for this very copy; many servers hold the title all the same."""
        named = (
            (field("BS", pickup) if pickup else "") + field("BY", "3") + self._names(("AA", patron_id), ("AB", barcode))
        )
        body = f"15{'+' if add else '-'}{self._stamp()}{named}{field('BO', 'N')}"
        return Done.read(self._write("15 hold", body, "16", ("AB", barcode)), self._zone)

    def pay(self, patron_id: str, paid: Money, transaction: str) -> Done:
        """Tell that a fee was paid (37); repeated, it becomes credit."""
        currency = (paid.currency or "XXX")[:3].ljust(3)
        named = field("BV", f"{paid.amount:.2f}") + self._names(("AA", patron_id)) + field("BK", transaction)
        return Done.read(
            self._write("37 fee paid", f"37{self._stamp()}0100{currency}{named}", "38", ("AA", patron_id)), self._zone
        )

    def close(self) -> None:
        """Hang up everywhere."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _stamp(self) -> str:
        return stamp(self._now().astimezone(self._zone))

    def _names(self, *names: tuple[str, str]) -> str:
        own = self.settings
        try:
            named = "".join(field(tag, value) for tag, value in names)
        except Unsendable as unsendable:
            raise self._unsendable(unsendable) from unsendable
        return field("AO", own.institution) + named + field("AC", own.terminal_password.get_secret_value())

    def _unsendable(self, why: Unsendable) -> Rejected:
        said = f"An identifier cannot be sent to {self._name}: {why}."
        return Rejected(said, advice="Correct the barcode or patron id in the request, or the charset in the settings.")

    def _look(self, name: str, body: str, code: str, about: About = NOTHING) -> Message:
        """Ask what changes nothing, so that it may be asked again."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._exchange(name, body, code, about, attempt)
            except NoAnswer as silent:
                why = silent
        raise Unavailable(f"{self._name} did not answer '{name}' by SIP2: {why}.") from why

    def _write(self, name: str, body: str, code: str, about: About) -> Message:
        try:
            return self._exchange(name, body, code, about)
        except NoAnswer as silent:
            raise OutcomeUnknown(f"{self._name} did not answer '{name}' by SIP2: {silent}.") from silent

    def _exchange(self, name: str, body: str, code: str, about: About, attempt: int = 1) -> Message:
        with self._connection() as connection:
            try:
                return self._told(name, attempt, lambda: connection.ask(body, code, about))
            except NotUnderstood as never:
                raise Retry(f"{self._name} does not understand '{name}' by SIP2.", cause="nonsense") from never
            except Unsendable as unsendable:
                raise self._unsendable(unsendable) from unsendable

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection that is logged in on; one on which something failed is not used again."""
        with self._places:
            connection, well = self._lively() or self._new(), False
            try:
                yield connection
                well = True
            finally:
                if well:
                    self._idle.put(connection)
                else:
                    connection.close()

    def _lively(self) -> Connection | None:
        while True:
            try:
                found = self._idle.get_nowait()
            except queue.Empty:
                return None
            if not found.stale:
                return found
            found.close()

    def _new(self) -> Connection:
        try:
            connection = self._open_one(self.settings)
        except NotOpened as failure:
            raise Unavailable(f"{self._name} cannot be reached by SIP2: {failure}.") from failure
        well = False
        try:
            if self.settings.login:
                self._told("93 log in", 1, connection.log_in)
            well = True
        except Refused as refused:
            said = f"{self._name} does not accept the SIP2 log-in."
            raise CredentialsRejected(
                said, advice="Correct login, password and location of the SIP2 account."
            ) from refused
        except (NoAnswer, NotUnderstood) as silent:
            raise Unavailable(f"{self._name} did not answer the SIP2 log-in: {silent}.") from silent
        finally:
            if not well:
                connection.close()
        return connection

    def _told(self, name: str, attempt: int, act: Callable[[], Told]) -> Told:
        """One message at the lane's pace; whatever becomes of it is told, never what stood in it."""
        self._pace.acquire(1)
        started = time.perf_counter()
        try:
            found = act()
        except (NoAnswer, NotUnderstood, Refused, Unsendable) as failure:
            self._tell(self._heard(name, attempt, started, error=type(failure).__name__))
            raise
        self._tell(self._heard(name, attempt, started))
        return found

    def _heard(self, name: str, attempt: int, started: float, *, error: str = "") -> Exchange:
        return Exchange(
            ils=self._name,
            method="SIP2",
            template=name,
            status=None if error else UNDERSTOOD,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            attempt=attempt,
            transient=name.startswith("93"),
            error=error,
        )
