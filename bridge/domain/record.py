"""The record: what we did and know in the ILS for a request, and how an answer of the ILS is learned."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from bridge.domain.commands import Charge, Money, Origin, Place, VendorIds, Verb
from bridge.domain.identity import Mark


class Existence(StrEnum):
    """Whether our item is there; ``deleted`` latches for its leg."""

    NONE = "none"
    PRESENT = "present"
    DELETED = "deleted"


class HoldState(StrEnum):
    """What became of a hold. All but ``placed`` latch: such a hold is never placed again by itself."""

    PLACED = "placed"
    SATISFIED = "satisfied"
    EXPIRED = "expired"
    CANCELLED_BY_PATRON = "cancelled_by_patron"
    CANCELLED = "cancelled"


def told_apart(patron_id: str) -> str:
    """Tells patrons apart and names none."""
    return hashlib.sha256(patron_id.encode()).hexdigest()[:8] if patron_id else ""


@dataclass(frozen=True)
class PatronRecord:
    """A patron as the ILS knows them: the identifier we asked for, and the one to address them by."""

    asked: str
    patron_id: str
    expires: date | None = None


@dataclass(frozen=True)
class HoldRecord:
    """One hold of ours."""

    hold_id: str
    patron_id: str
    pickup_location: str
    state: HoldState = HoldState.PLACED


@dataclass(frozen=True)
class LoanRecord:
    """One loan that is ours: made by us, or found on our ILL account. ``charge`` tells the two of an in-system loan apart."""

    loan_id: str
    account: str
    due: date | None = None
    ended: bool = False
    charge: Charge = Charge.ANY

    @property
    def name_came_again(self) -> bool:
        """Whether an open loan of this name may be a later one: it ended, and where loans have no numbers the account names them all."""
        return self.ended and self.loan_id == self.account


@dataclass(frozen=True)
class PatronLoan:
    """The loan of a temporary item that the desk made, as it was last seen in the ILS; nothing of the patron stands in it.

    ``brought`` is the goal's date that it was last brought to or held against, ``None`` while it was not; ``firmly``: it might be shortened
    then.
    """

    loan_id: str
    due: date | None = None
    ended: bool = False
    brought: date | None = None
    firmly: bool = False


@dataclass(frozen=True)
class FeeRecord:
    """A fee once charged; latches, since it may have been paid. ``whom`` only tells patrons apart."""

    fee_key: str
    fee_id: str
    fee: Money
    whom: str = ""


@dataclass(frozen=True)
class Unseen:
    """A step that ended unclearly, about the item with this barcode, and of which the ILS does not show whether it was done."""

    verb: Verb
    barcode: str


@dataclass(frozen=True)
class Entrusted:
    """A task that staff were shown and have not confirmed: nobody knows whether it is done.

    ``wish`` says what they were asked to do, ``undo`` what undoes it; neither names a patron, and ``whom`` only tells patrons apart.
    """

    leg: str
    volume: str
    task_id: str
    verb: Verb
    barcode: str
    wish: str
    undo: str
    whom: str = ""


@dataclass(frozen=True)
class ItemRecord:
    """What we did for one leg and volume.

    ``barcode`` is the one the item bears, ``wished_barcode`` the one last asked for. ``due_written`` is the last due date brought to
    the ILS (or found there); ``staff_note`` is our note on the item (``None``: not known); ``moved_to`` and ``before`` are the place we
    set and the one it had; ``marked_lost``: it was declared lost for us; ``lost_ended``: the ILS showed since that it no longer is;
    ``transit_sent``: put in transit (to the borrower by the lender, home by the borrower); ``discharged``: charges of an in-system loan
    that were discharged, or seen to be; each latches.
    ``unseen`` is a step of which nobody knows whether it was done.
    ``counts`` is how often each verb was finished, which numbers the next step of that verb.
    """

    leg: str
    volume: str
    origin: Origin | None = None
    existence: Existence = Existence.NONE
    barcode: str = ""
    wished_barcode: str = ""
    ids: VendorIds = field(default_factory=VendorIds)
    place: Place = field(default_factory=Place)
    holds: tuple[HoldRecord, ...] = ()
    loans: tuple[LoanRecord, ...] = ()
    patron_loan: PatronLoan | None = None
    fees: tuple[FeeRecord, ...] = ()
    moved_to: Place | None = None
    before: Place | None = None
    restored: bool = False
    due_written: date | None = None
    checked_in: bool = False
    transit_received: bool = False
    transit_sent: bool = False
    discharged: tuple[Charge, ...] = ()
    marked_lost: bool = False
    lost_ended: bool = False
    staff_note: str | None = None
    unseen: Unseen | None = None
    counts: tuple[tuple[Verb, int], ...] = ()

    @property
    def hold(self) -> HoldRecord | None:
        """The latest hold."""
        return self.holds[-1] if self.holds else None

    @property
    def over(self) -> bool:
        """Whether nothing of ours is on loan or there any more, though something was."""
        ended = bool(self.loans) and all(loan.ended for loan in self.loans)
        return self.checked_in or ended or self.existence is Existence.DELETED

    @property
    def put_right(self) -> bool:
        """Whether nothing of ours is left in the ILS: what was made is deleted, what was lent is checked in and in its old place."""
        back = self.moved_to is None or self.restored
        return self.over and back and self.existence is not Existence.PRESENT and self.unseen is None

    @property
    def only_held(self) -> bool:
        """Whether it is an own item for which nothing was done but a hold: another one may still be sent in its place."""
        done = self.loans or self.moved_to or self.checked_in or self.transit_received or self.transit_sent
        return self.origin is Origin.OWN and bool(self.barcode and self.holds) and not done

    @property
    def open_loan(self) -> LoanRecord | None:
        """The latest loan of ours that has not ended."""
        return next((loan for loan in reversed(self.loans) if not loan.ended), None)

    def charged(self, charge: Charge) -> LoanRecord | None:
        """The latest loan recorded of this charge."""
        return next((loan for loan in reversed(self.loans) if loan.charge is charge), None)

    def count(self, verb: Verb) -> int:
        """How often this verb was finished for this leg and volume."""
        return dict(self.counts).get(verb, 0)

    def counted(self, verb: Verb) -> ItemRecord:
        """The record with one more finished step of this verb."""
        counts = {**dict(self.counts), verb: self.count(verb) + 1}
        unseen = None if self.unseen is not None and self.unseen.verb is verb else self.unseen
        return replace(self, unseen=unseen, counts=tuple(sorted(counts.items())))


@dataclass(frozen=True)
class Record:
    """Everything we did for a request: the patron, an item record each leg and volume, and the staff tasks that were confirmed.

    ``entrusted`` are those that staff were shown and have not confirmed yet, in the order in which they were.
    """

    patron: PatronRecord | None = None
    items: tuple[ItemRecord, ...] = ()
    confirmed: tuple[str, ...] = ()
    entrusted: tuple[Entrusted, ...] = ()

    def item(self, leg: str, volume: str) -> ItemRecord:
        """The record of this leg and volume; a fresh one where nothing was done yet."""
        found = (item for item in self.items if (item.leg, item.volume) == (leg, volume))
        return next(found, None) or ItemRecord(leg=leg, volume=volume)

    @property
    def unseen(self) -> Mapping[tuple[str, str], Unseen]:
        """Steps of which nobody knows whether they were done, by leg and volume."""
        return {(item.leg, item.volume): item.unseen for item in self.items if item.unseen is not None}

    def seen(self) -> Record:
        """The record once people have looked, so that of no step it is unknown whether it was done."""
        return replace(self, items=tuple(replace(item, unseen=None) for item in self.items))

    def with_item(self, item: ItemRecord) -> Record:
        """The record with this item record in the place of its predecessor; what it shows as done is not left to staff any more."""
        rest = tuple(other for other in self.items if (other.leg, other.volume) != (item.leg, item.volume))
        items = tuple(sorted((*rest, item), key=lambda each: (each.leg, each.volume)))
        if not self.entrusted:
            return replace(self, items=items)
        before = self.item(item.leg, item.volume)
        still = tuple(each for each in self.entrusted if not _shows(each, before, item))
        return replace(self, items=items, entrusted=still)


def _shows(entrusted: Entrusted, before: ItemRecord, now: ItemRecord) -> bool:
    """Whether it came to light that this was done."""
    if (entrusted.leg, entrusted.volume) != (now.leg, now.volume):
        return False
    match entrusted.verb:
        case Verb.SET_DUE_DATE:
            return now.due_written != before.due_written
        case Verb.NOTE_ITEM:
            return now.staff_note != before.staff_note
        case verb:
            return happened(before, now, verb) and not happened(before, before, verb)


def happened(before: ItemRecord, after: ItemRecord, verb: Verb) -> bool:
    """Whether what was seen in the ILS shows that a step of unknown end was taken; what cannot be seen is not claimed."""
    shown: dict[Verb, bool] = {
        Verb.CREATE_TEMPORARY_ITEM: after.existence is Existence.PRESENT,
        Verb.PLACE_HOLD: len(after.holds) > len(before.holds),
        Verb.CANCEL_HOLD: after.hold is not None and after.hold.state is HoldState.CANCELLED,
        Verb.CHECK_OUT: after.open_loan is not None,
        Verb.CHECK_IN: after.checked_in or bool(after.loans and after.open_loan is None),
        Verb.SEND_TRANSIT: after.transit_sent,
        Verb.MOVE_ITEM: after.moved_to is not None,
        Verb.RESTORE_ITEM: after.restored,
        Verb.DELETE_TEMPORARY_ITEM: after.existence is Existence.DELETED,
        Verb.CHARGE_FEE: len(after.fees) > len(before.fees),
        Verb.RELABEL_ITEM: after.barcode != before.barcode,
        Verb.MARK_LOST: after.marked_lost,
        Verb.MARK_FOUND: after.lost_ended,
    }
    return shown.get(verb, False)


class OutcomeKind(StrEnum):
    """How a step ended. ``already`` is success too: the goal was met before we came."""

    DONE = "done"
    ALREADY = "already"


@dataclass(frozen=True)
class Learned:
    """What an answer taught us, which may be more than was asked; ``None`` means nothing was said of it.

    ``due`` is the date that was brought to the ILS, ``stands`` the one that the loan has there now. ``nothing_waits``: no hold waits for
    the item any more, so ours has been filled, has expired or was withdrawn. ``beneath``: the charge that stands under ``loan``.
    """

    ids: VendorIds | None = None
    barcode: str | None = None
    existence: Existence | None = None
    origin: Origin | None = None
    place: Place | None = None
    patron: PatronRecord | None = None
    hold: HoldRecord | None = None
    loan: LoanRecord | None = None
    beneath: LoanRecord | None = None
    fee: FeeRecord | None = None
    before: Place | None = None
    moved_to: Place | None = None
    restored: bool | None = None
    due: date | None = None
    stands: date | None = None
    checked_in: bool | None = None
    transit_received: bool | None = None
    transit_sent: bool | None = None
    marked_lost: bool | None = None
    nothing_waits: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """A finished step: what was learned, and plain sentences for the history."""

    kind: OutcomeKind = OutcomeKind.DONE
    learned: Learned = field(default_factory=Learned)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenLoan:
    """An open loan seen in the ILS, with the day it is due; ``ours``: one we recorded, or one on our ILL account.

    ``charge``, where ``Inspect.double`` was asked: ``account`` for one of ``Inspect.account``, ``patron`` for one of
    ``Inspect.patron_id``, ``any`` for anybody else's. ``began`` (aware) is when it was made, where the ILS tells.
    """

    loan_id: str
    account: str
    due: date | None
    ours: bool
    charge: Charge = Charge.ANY
    began: datetime | None = None


@dataclass(frozen=True)
class Sighting:
    """What ``inspect`` saw for one mark. ``item_present`` is ``None`` where the ILS could not tell.

    ``barcode`` is the one the item bears now, ``marked`` whether it still bears our mark. ``hold`` is our hold with the state and pickup
    location it has now; ``None`` with ``hold_seen`` true means there is none. ``loans`` are all open ones, the desk's too. ``place`` is
    where the item belongs, ``temporary_place`` where it is meanwhile. Without an item ``ids`` names what is left of its record.
    ``lost`` is ``None`` where the ILS does not tell whether the item is declared lost. ``in_transit``: on its way somewhere, ``None``
    where the ILS does not tell.
    """

    item_present: bool | None = None
    ids: VendorIds = field(default_factory=VendorIds)
    barcode: str = ""
    marked: bool = False
    hold: HoldRecord | None = None
    hold_seen: bool = False
    loans: tuple[SeenLoan, ...] = ()
    loans_seen: bool = False
    place: Place | None = None
    temporary_place: Place | None = None
    lost: bool | None = None
    in_transit: bool | None = None
    fees: tuple[FeeRecord, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarkedObject:
    """Something in the ILS that bears a mark; the mark's text is empty where only its code is left."""

    mark: Mark
    ids: VendorIds
    barcode: str = ""


@dataclass(frozen=True)
class MarkedPage:
    """A page of what bears marks; ``following`` is what to ask for next, empty on the last."""

    objects: tuple[MarkedObject, ...] = ()
    following: str = ""
