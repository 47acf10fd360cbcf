"""What is recorded of a connector: short plays over its verbs, the same against a stand-in and against a vendor's real sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from bridge.connectors.base import Call, Connector
from bridge.domain import commands as do
from bridge.domain.identity import Role
from bridge.domain.record import Outcome
from bridge.errors import IlsError
from tests.contract.bench import a_mark

CALL = Call()


@dataclass(frozen=True)
class Cast:
    """Who and what plays: ids of the institution that was recorded, after scrubbing."""

    patron: str
    account: str
    own_barcode: str
    temporary_barcode: str
    library: str
    location: str
    desk: str
    lending_library: str
    lending_location: str
    pickup: str
    item_type: str
    material: str
    due: str
    renewed: str
    run: str

    @classmethod
    def of(cls, known: dict[str, Any]) -> Cast:
        """From the head of a cassette."""
        return cls(**known)

    def known(self) -> dict[str, str]:
        """For the head of a cassette."""
        return asdict(self)

    @property
    def temporary(self) -> do.CreateTemporaryItem:
        """The temporary item of this play."""
        place = do.Place(self.library, self.location, self.desk)
        target = do.Target(a_mark(self.run), do.Origin.CREATED, self.temporary_barcode, place=place)
        description = do.Description("The Left Hand of Darkness", "Le Guin, Ursula K.", "9780441478125")
        return do.CreateTemporaryItem(target, description, self.item_type, self.material)


def borrowed(ils: Connector, cast: Cast) -> list[str]:
    """A borrowed loan: patron, temporary item, hold, check-out, renewal, check-in, clean-up."""
    patron = ils.find_patron(do.FindPatron(cast.patron), CALL)
    target, made = _made(ils, cast)
    hold = ils.place_hold(do.PlaceHold(target, _id_of(patron), cast.pickup, target.mark.text), CALL)
    lent = ils.check_out(do.CheckOut(target, cast.patron, date.fromisoformat(cast.due)), CALL)
    renewed = ils.set_due_date(do.SetDueDate(target, date.fromisoformat(cast.renewed)), CALL)
    back = ils.check_in(do.CheckIn(target), CALL)
    gone = ils.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    return [_told(outcome) for outcome in (patron, made, hold, lent, renewed, back, gone)]


def cancelled(ils: Connector, cast: Cast) -> list[str]:
    """A temporary item with a hold, both undone."""
    patron_id = _id_of(ils.find_patron(do.FindPatron(cast.patron), CALL))
    target, made = _made(ils, cast)
    hold = ils.place_hold(do.PlaceHold(target, patron_id, cast.pickup, target.mark.text), CALL)
    placed = hold.learned.hold
    undone = ils.cancel_hold(do.CancelHold(target, patron_id, placed.hold_id if placed else ""), CALL)
    gone = ils.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    again = ils.delete_temporary_item(do.DeleteTemporaryItem(target), CALL)
    return [_told(outcome) for outcome in (made, hold, undone, gone, again)]


def lent(ils: Connector, cast: Cast) -> list[str]:
    """An own item: moved, checked out, renewed, restored, checked in."""
    target = do.Target(a_mark(cast.run, Role.LENDER), do.Origin.OWN, cast.own_barcode)
    place = do.Place(cast.lending_library, cast.lending_location)
    moved = ils.move_item(do.MoveItem(target, place, date.fromisoformat(cast.due)), CALL)
    target = replace(target, ids=moved.learned.ids or target.ids, place=moved.learned.place or target.place)
    out = ils.check_out(do.CheckOut(target, cast.account, date.fromisoformat(cast.due)), CALL)
    loan = out.learned.loan
    assert loan is not None
    later = do.SetDueDate(target, date.fromisoformat(cast.renewed), loan.loan_id, loan.account)
    renewed = ils.set_due_date(later, CALL)
    restored = ils.restore_item(do.RestoreItem(target, place, moved.learned.before or do.Place()), CALL)
    back = ils.check_in(do.CheckIn(target, (loan.loan_id,), cast.account), CALL)
    again = ils.check_in(do.CheckIn(target, (loan.loan_id,), cast.account), CALL)
    return [_told(outcome) for outcome in (moved, out, renewed, restored, back, again)]


def refusals(ils: Connector, cast: Cast) -> list[str]:
    """What the ILS says to what is not there; nothing is written."""
    nowhere = do.Target(a_mark(cast.run), do.Origin.OWN, f"no-such-barcode-{cast.run}")
    plays: tuple[Callable[[], object], ...] = (
        lambda: ils.find_patron(do.FindPatron(f"no-such-patron-{cast.run}"), CALL),
        lambda: ils.find_item(do.FindItem(nowhere), CALL),
        lambda: ils.check_out(do.CheckOut(nowhere, cast.account), CALL),
    )
    return [_refused(play) for play in plays]


def _id_of(found: Outcome) -> str:
    assert found.learned.patron is not None
    return found.learned.patron.patron_id


def _made(ils: Connector, cast: Cast) -> tuple[do.Target, Outcome]:
    made = ils.create_temporary_item(cast.temporary, CALL)
    assert made.learned.ids is not None
    return replace(cast.temporary.target, ids=made.learned.ids), made


def _told(outcome: Outcome) -> str:
    return " ".join((outcome.kind.value, *outcome.notes))


def _refused(play: Callable[[], object]) -> str:
    try:
        play()
    except IlsError as refused:
        return f"{refused.consequence} {refused.cause} {refused.code}".strip()
    return "not refused"


SCRIPTS: dict[str, Callable[[Connector, Cast], list[str]]] = {
    "borrowed": borrowed,
    "cancelled": cancelled,
    "lent": lent,
    "refusals": refusals,
}
