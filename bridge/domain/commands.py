"""What a connector can be asked to do: each verb has one frozen command, and all of them may safely be asked again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bridge.domain.identity import Mark


class Verb(StrEnum):
    """A connector's verbs, named by intent."""

    FIND_PATRON = "find_patron"
    FIND_ITEM = "find_item"
    CREATE_TEMPORARY_ITEM = "create_temporary_item"
    RELABEL_ITEM = "relabel_item"
    PLACE_HOLD = "place_hold"
    CANCEL_HOLD = "cancel_hold"
    CHECK_OUT = "check_out"
    SET_DUE_DATE = "set_due_date"
    CHECK_IN = "check_in"
    MOVE_ITEM = "move_item"
    RESTORE_ITEM = "restore_item"
    RECEIVE_TRANSIT = "receive_transit"
    SEND_TRANSIT = "send_transit"
    DELETE_TEMPORARY_ITEM = "delete_temporary_item"
    CHARGE_FEE = "charge_fee"
    MARK_LOST = "mark_lost"
    MARK_FOUND = "mark_found"
    NOTE_ITEM = "note_item"


class Origin(StrEnum):
    """Where an item came from, which says what may be done to it."""

    CREATED = "created"
    ADOPTED = "adopted"
    OWN = "own"


class Charge(StrEnum):
    """Which charge of an item a command is about. The item of an in-system loan is charged twice (rule 10): first to the borrowing
    library's ILL account, then, over that, to the patron; all others have one charge, ``any``.
    """

    ANY = "any"
    ACCOUNT = "account"
    PATRON = "patron"


@dataclass(frozen=True)
class Money:
    """An amount in a currency (ISO 4217 code)."""

    amount: Decimal
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}".strip()


@dataclass(frozen=True)
class Place:
    """A place in an ILS, in its own codes; what an ILS has no word for stays empty."""

    library: str = ""
    location: str = ""
    desk: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.library, self.location, self.desk) if part) or "nowhere"


@dataclass(frozen=True)
class VendorIds:
    """The ILS's own ids of an item and what it hangs on; empty where not known. Always text."""

    bib: str = ""
    holding: str = ""
    item: str = ""

    def merged(self, newer: VendorIds) -> VendorIds:
        """These ids, with each one that ``newer`` knows in its place."""
        return VendorIds(newer.bib or self.bib, newer.holding or self.holding, newer.item or self.item)


@dataclass(frozen=True)
class Target:
    """The item a command is about: what we know of it, and what it must still bear before it is touched."""

    mark: Mark
    origin: Origin
    barcode: str = ""
    ids: VendorIds = field(default_factory=VendorIds)
    place: Place = field(default_factory=Place)


@dataclass(frozen=True)
class Description:
    """What the temporary bib says of the title."""

    title: str = ""
    author: str = ""
    isbn: str = ""
    call_number: str = ""
    volume: str = ""


@dataclass(frozen=True)
class FindPatron:
    """Look a patron up by any identifier the ILS knows; refused with a reason when they may not borrow."""

    patron_id: str


@dataclass(frozen=True)
class FindItem:
    """Look an item up; nothing is changed."""

    target: Target


@dataclass(frozen=True)
class CreateTemporaryItem:
    """Make bib, holding and item (``target.place`` is where), or go on from the ids already in ``target``.

    ``due`` is when the lender wants it back, for notes; no loan can stand yet. ``patron_id``, ``pickup_location`` and ``notify`` are of the
    hold that is wanted, where an ILS makes both in one step (``Capabilities.by_patron``); else they are empty.
    """

    target: Target
    description: Description
    item_type: str = ""
    material: str = ""
    suppressed: bool = True
    public_note: str = ""
    staff_note: str = ""
    due: date | None = None
    patron_id: str = ""
    pickup_location: str = ""
    notify: bool = True


@dataclass(frozen=True)
class RelabelItem:
    """Give a temporary item another barcode."""

    target: Target
    new_barcode: str


@dataclass(frozen=True)
class PlaceHold:
    """Item-level hold for a patron at a pickup location (the ILS's code)."""

    target: Target
    patron_id: str
    pickup_location: str
    note: str = ""
    notify: bool = True


@dataclass(frozen=True)
class CancelHold:
    """Withdraw our hold; the patron is not notified."""

    target: Target
    patron_id: str
    hold_id: str
    reason: str = ""


@dataclass(frozen=True)
class CheckOut:
    """Check the item out to an account, due at the end of ``due`` in the library's time zone.

    ``over``: only asked of an ILS with ``double_charge``. ``account`` is a patron then, and ``over`` the ILL account of their library,
    to which the item is charged already and stays charged. The connector looks at every charge of the item first. Not charged to
    ``over``: ``Retry(cause="not_charged")``, nothing is charged, even where the patron has the item: that is a loan of their own. Charged
    to ``over`` and to the patron: ``already``. Charged to anybody else too: ``Rejected(cause="on_loan")``. Else it charges the item once
    more, without clearing the charge beneath, and sees that both stand. It
    learns ``loan`` (the patron's, ``charge`` patron) and ``beneath`` (the account's, ``charge`` account). ``at`` is where that is done.
    The charge to ``over`` that counts is the one whose id is in ``over_loan_ids``; where none is given, one that began before
    ``over_began_before``: any other is of a later loan to the same library.
    """

    target: Target
    account: str
    due: date | None = None
    over: str = ""
    over_loan_ids: tuple[str, ...] = ()
    over_began_before: datetime | None = None
    at: Place = field(default_factory=Place)


@dataclass(frozen=True)
class SetDueDate:
    """Give an open loan another due date: our loan (``loan_id``), or whoever has the item where that is empty.

    The loan gets an earlier date only where it ``may_shorten``, and then the one that ``on`` says. ``charge`` is not ``any`` where the
    item may be charged twice: then only the loan with ``loan_id`` is changed, or the one of ``account`` where that is empty.
    ``patron_id`` is who should have a temporary item, where the ILS speaks of loans by their patrons only (``Capabilities.by_patron``).
    ``before`` is the date that was brought to the ILS last, where it is known.
    """

    target: Target
    due: date
    loan_id: str = ""
    account: str = ""
    may_shorten: bool = False
    leave_days: int = 0
    charge: Charge = Charge.ANY
    patron_id: str = ""
    before: date | None = None

    @property
    def is_earlier(self) -> bool:
        """Whether the date is to be earlier than the one before, which no renewal makes it."""
        return self.before is not None and self.due < self.before

    def on(self, today: date, stands: date | None) -> date:
        """The date a loan should have that now is due on ``stands``: one that is shortened still runs ``leave_days``, if it did before."""
        if stands is None or self.due >= stands:
            return self.due
        if not self.may_shorten:
            return stands
        return min(stands, max(self.due, today + timedelta(days=self.leave_days)))


@dataclass(frozen=True)
class CheckIn:
    """Check the item in, but only while the open loan is ours (``loan_ids`` or ``account``) or the item is one we made.

    ``was_lost``: it was declared lost once, so look first whether a replacement fee was paid that a check-in would pay back.

    ``charge`` is not ``any`` where the item may be charged twice; only asked so of an ILS with ``double_charge``. Then one charge is
    discharged and no other. The connector looks at every charge of the item first. Ours is the one whose id is in ``loan_ids``; where
    none is given, the one of ``account`` that began before ``began_before`` (if that is given). None is ours: ``already``, with a note
    where somebody has the item. Another charge lies over ours, so that a scan would discharge that one:
    ``Retry(cause="charged_over")``, nothing is discharged. ``only_look`` is for a discharge that is left to staff: where ours still
    stands, ``Retry(cause="left_to_staff")``. Else it is discharged at ``at`` (the library and desk where the item is scanned), and the
    connector sees that it is gone: one that still stands is ``Rejected(cause="still_on_loan")``, never a second scan. It learns ``loan``
    (the one that ended, ``ended`` true, where it was seen), and ``transit_sent`` where the item was put in transit to its owner by that.
    """

    target: Target
    loan_ids: tuple[str, ...] = ()
    account: str = ""
    was_lost: bool = False
    charge: Charge = Charge.ANY
    at: Place = field(default_factory=Place)
    began_before: datetime | None = None
    only_look: bool = False


@dataclass(frozen=True)
class MoveItem:
    """Put an own item at a temporary place; the answer says where it was."""

    target: Target
    to: Place
    back_on: date | None = None


@dataclass(frozen=True)
class RestoreItem:
    """Put an own item back where ``before`` says, only while it is still at ``moved_to``."""

    target: Target
    moved_to: Place
    before: Place


@dataclass(frozen=True)
class ReceiveTransit:
    """End a transit at ``target.place``; no transit to that library is ``already``. Never ends a loan."""

    target: Target


@dataclass(frozen=True)
class SendTransit:
    """Put an item in transit from ``at`` (a library and desk) to the library ``to``, or home to its owner where that names none.

    Only asked of an ILS whose connector names the verb in its abilities. The connector looks first. On its way there, or there already
    (home: on the owner's shelf, held there): ``already``. On its way home and on loan to anybody: ``already`` with a note, it was lent
    on. A loan never keeps it from being sent to ``to``: it is charged to the ILL account there. ``only_look`` is for a transit that is
    left to staff: neither on its way nor there is ``Retry(cause="left_to_staff")``, and nothing is sent. Learns ``transit_sent``.
    """

    target: Target
    at: Place = field(default_factory=Place)
    to: Place = field(default_factory=Place)
    only_look: bool = False


@dataclass(frozen=True)
class DeleteTemporaryItem:
    """Delete item, holding and bib that we made, while they still bear our mark, barcode and place."""

    target: Target


@dataclass(frozen=True)
class ChargeFee:
    """Charge a patron once; ``fee_key`` tells our fees of one request apart."""

    target: Target
    patron_id: str
    fee_key: str
    fee: Money
    fee_type: str = ""
    note: str = ""


@dataclass(frozen=True)
class MarkLost:
    """Declare the loan lost; ``account`` is the ILL account that an own item is lent to."""

    target: Target
    loan_id: str = ""
    account: str = ""


@dataclass(frozen=True)
class MarkFound:
    """Take back that the loan was declared lost: it goes on as an ordinary loan."""

    target: Target
    loan_id: str = ""


@dataclass(frozen=True)
class NoteItem:
    """Put a note for the desk on an item we made, in the place of ``instead_of``, our note before; what others wrote there stays."""

    target: Target
    note: str
    instead_of: str = ""

    def on(self, stands: str) -> str:
        """The whole note, where ``stands`` is the one there now."""
        if self.instead_of and self.instead_of in stands:
            return stands.replace(self.instead_of, self.note, 1).strip("; ")
        if not self.note or self.note in stands:
            return stands
        return "; ".join(part for part in (stands, self.note) if part)


@dataclass(frozen=True)
class Inspect:
    """What exists in the ILS for this mark? Read-only; the other fields say where to look.

    Each loan in ``loan_ids`` that stands is told, under another charge too: one that is not told has ended. ``loans_only``: only who has
    the item is asked, so that one call may do; whoever sees more may say more. ``double``: the item may be charged to ``account`` (an ILL
    account) and to ``patron_id`` at once; every open charge is told, with its ``charge``.
    """

    target: Target
    patron_id: str = ""
    hold_id: str = ""
    account: str = ""
    loan_ids: tuple[str, ...] = ()
    fee_keys: tuple[str, ...] = ()
    loans_only: bool = False
    double: bool = False


@dataclass(frozen=True)
class ListMarked:
    """What bears a mark of any bridge? Read-only, a page at a time: ``after`` is what the last page said, empty for the first."""

    after: str = ""


Command = (
    FindPatron
    | FindItem
    | CreateTemporaryItem
    | RelabelItem
    | PlaceHold
    | CancelHold
    | CheckOut
    | SetDueDate
    | CheckIn
    | MoveItem
    | RestoreItem
    | ReceiveTransit
    | SendTransit
    | DeleteTemporaryItem
    | ChargeFee
    | MarkLost
    | MarkFound
    | NoteItem
)
