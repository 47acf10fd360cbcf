"""The contract every connector keeps: verbs in, outcomes out, errors by consequence (``bridge.errors``)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from bridge.domain import commands as do
from bridge.domain.capabilities import Capabilities
from bridge.domain.expect import AccountStanding, Expectations
from bridge.domain.finding import Finding
from bridge.domain.record import Learned, MarkedPage, Outcome, Sighting
from bridge.http import Exchange, Http, HttpRules, Pace


def keep_nothing(learned: Learned) -> None:
    """For calls whose progress need not survive a crash."""


@dataclass(frozen=True)
class Call:
    """What a verb gets beside its command.

    ``keep`` stores at once what a half-finished verb has learned (an id, say), so that a crash right after loses nothing; ``verify`` is
    true when this very step was started before and its end is not known.
    """

    keep: Callable[[Learned], None] = keep_nothing
    verify: bool = False


class Patience(Protocol):
    """What settings of a connector say of HTTP: seconds to connect, of silence and before the second try, and the file of CAs."""

    @property
    def connect_timeout(self) -> float: ...  # noqa: D102
    @property
    def read_timeout(self) -> float: ...  # noqa: D102
    @property
    def first_wait(self) -> float: ...  # noqa: D102
    @property
    def ca_file(self) -> str | None: ...  # noqa: D102


def http_rules(settings: Patience) -> HttpRules:
    """The rules of HTTP that these settings ask for; all else is as usual."""
    return HttpRules(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        first_wait=settings.first_wait,
        ca_file=settings.ca_file,
    )


@dataclass(frozen=True)
class Surroundings:
    """What the bridge lends a connector: the lane's pace, and where each exchange is told."""

    ils: str
    pace: Pace
    tell: Callable[[Exchange], None]

    def http(self, address: str, rules: HttpRules, sleep: Callable[[float], None]) -> Http:
        """HTTP to this ILS, at the lane's pace."""
        return Http(address, name=self.ils, pace=self.pace, tell=self.tell, rules=rules, sleep=sleep)


class Connector(Protocol):
    """One ILS. Every verb may be asked again after any failure; "already so" is an outcome, not an error.

    Raises of every verb: ``Retry``, ``Unavailable``, ``CredentialsRejected``, ``Rejected``, ``OutcomeUnknown``.
    """

    capabilities: Capabilities

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        """Learn ``patron``; ``Rejected(cause="unknown_patron" | "patron_not_entitled")`` where they are unknown or may not borrow."""
        ...

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """Learn ``ids``, ``place``, ``barcode``."""
        ...

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """Learn ``ids``, ``barcode``, ``existence``, ``origin``, ``place``; each id is kept as soon as it is known."""
        ...

    def relabel_item(self, command: do.RelabelItem, call: Call) -> Outcome:
        """Learn ``barcode``."""
        ...

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        """Learn ``hold``; a hold of ours that stands already is ``already``."""
        ...

    def cancel_hold(self, command: do.CancelHold, call: Call) -> Outcome:
        """Learn ``hold``; one that is gone is ``already``."""
        ...

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Learn ``loan`` and, with the date verified, ``due``; with ``over``, ``beneath`` too, as ``CheckOut`` says."""
        ...

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Learn ``due`` as asked; nothing on loan is ``already``. The date written is the one ``SetDueDate.on`` says today."""
        ...

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        """Learn ``checked_in``, and ``hold`` where the answer tells; a loan that is not ours stays: ``already`` with a note.

        ``Rejected(cause="lost_and_paid")`` where the ILS shows that a replacement fee was paid, which a check-in would pay back. Of an item
        that may be charged twice (``command.charge``), learn ``loan`` and ``transit_sent``, as ``CheckIn`` says.
        """
        ...

    def move_item(self, command: do.MoveItem, call: Call) -> Outcome:
        """Learn ``ids``, ``before``, ``moved_to``."""
        ...

    def restore_item(self, command: do.RestoreItem, call: Call) -> Outcome:
        """Learn ``restored``; an item that is no longer where we put it is ``already``."""
        ...

    def receive_transit(self, command: do.ReceiveTransit, call: Call) -> Outcome:
        """Learn ``transit_received``."""
        ...

    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        """Learn ``existence`` deleted; gone already is ``already``; what no longer bears our mark is ``Rejected(cause="not_ours")``."""
        ...

    def charge_fee(self, command: do.ChargeFee, call: Call) -> Outcome:
        """Learn ``fee``; never twice for one ``fee_key``."""
        ...

    def mark_lost(self, command: do.MarkLost, call: Call) -> Outcome:
        """Learn ``marked_lost``."""
        ...

    def mark_found(self, command: do.MarkFound, call: Call) -> Outcome:
        """The loan goes on as an ordinary one; a loan that is not lost is ``already``."""
        ...

    def note_item(self, command: do.NoteItem, call: Call) -> Outcome:
        """Put our note in the place ``NoteItem.on`` says; an item that is gone is ``already``."""
        ...

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """What exists for this mark; read-only."""
        ...

    def marked(self, command: do.ListMarked, call: Call) -> MarkedPage:
        """A page of what bears marks; read-only, and only asked where ``capabilities.inspect_by`` has ``all_marks``.

        An index that lags may leave out what was made a moment ago and show what was just deleted. Raises as ``check`` does, and
        ``Rejected`` where the list cannot be read.
        """
        ...

    def probe(self) -> tuple[Finding, ...]:
        """May I do my work? Read-only and quick; raises ``Unavailable`` or ``CredentialsRejected`` where the ILS cannot be asked."""
        ...

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """Is everything here that the policies take for granted: rights, places, codes; and do the clocks agree?

        Read-only. What cannot be seen through the ILS's API is said in a finding, not passed over. Accounts are looked at by
        ``accounts``. Raises ``Unavailable`` or ``CredentialsRejected`` where the ILS cannot be asked at all.
        """
        ...

    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        """How these ILL accounts stand, in the order asked; read-only. Raises as ``check`` does."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class SendsTransits(Connector, Protocol):
    """A connector whose capabilities name ``send_transit``; most ILSs send an item on by the scan that checks it in."""

    def send_transit(self, command: do.SendTransit, call: Call) -> Outcome:
        """Learn ``transit_sent``, as ``SendTransit`` says."""
        ...


@dataclass(frozen=True)
class LoanNews:
    """An ILS tells that something became of a loan: the item by its id or barcode, and nothing else of it."""

    item: str = ""
    barcode: str = ""


class LoanHook(Protocol):
    """How a vendor tells of loans at our door (``/ils/NAME/loans``)."""

    max_bytes: int

    def challenge(self, query: Mapping[str, str]) -> Mapping[str, str] | None:
        """What a question whether somebody listens is answered with; ``None`` for what is no such question."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ``RefusedInput`` for what is not signed as it should be; compared in constant time."""
        ...

    def read(self, body: bytes) -> LoanNews | None:
        """The item a signed event is about; ``None`` for events of another kind. Raises ``RefusedInput`` for what is no event."""
        ...


@dataclass(frozen=True)
class ConnectorKind:
    """What an entry point of the group ``ill_bridge.connectors`` names: a settings model and how to build the connector.

    ``institution`` tells from the settings which institution they reach, as far as they can tell: settings that name the same one must
    not be two lanes, since one institution has one rate limit. The answer is compared, never shown: it may hold a secret. ``loan_hook``
    gives the reading of the vendor's webhook for loans, where the settings have what it needs.
    """

    name: str
    settings: type[BaseModel]
    build: Callable[[BaseModel, Surroundings], Connector]
    institution: Callable[[BaseModel], Hashable] | None = None
    loan_hook: Callable[[BaseModel], LoanHook | None] | None = None
