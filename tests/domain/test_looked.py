"""What a look after an unclear end found is told for each verb in its own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bridge.domain import commands as do
from bridge.domain.commands import Charge, Command
from bridge.domain.goal import FEE
from bridge.domain.identity import Mark
from bridge.domain.looked import _FOUND, found_of
from bridge.domain.record import FeeRecord, HoldRecord, HoldState, SeenLoan, Sighting
from bridge.domain.steps import _VERBS

OURS = do.Target(Mark("ILLB-1", "ILLB-1 main"), do.Origin.CREATED, "ILL-1")
OWN = do.Target(Mark("ILLB-1", "ILLB-1 main"), do.Origin.OWN, "OWN-1")
PLACE = do.Place("RS", "OUT")
DUE = date(2027, 1, 15)
MONEY = do.Money(Decimal(5), "EUR")

CREATE = do.CreateTemporaryItem(OURS, do.Description())
HOLD = do.PlaceHold(OURS, "p1", "MAIN")
LEND = do.CheckOut(OWN, "PARTNER", DUE)
CHARGE = do.CheckOut(OWN, "p1", DUE, over="PARTNER")
DISCHARGE = do.CheckIn(OWN, (), "PARTNER", charge=Charge.ACCOUNT)
FEE_OF = do.ChargeFee(OURS, "p1", FEE, MONEY)


def seen(**more: object) -> Sighting:
    return replace(Sighting(), **more)  # type: ignore[arg-type]


def held(state: HoldState) -> Sighting:
    return seen(hold=HoldRecord("h1", "p1", "MAIN", state), hold_seen=True)


def loan(*, ours: bool, charge: Charge = Charge.ANY, due: date | None = DUE) -> Sighting:
    return seen(loans=(SeenLoan("l1", "somebody", due, ours, charge),), loans_seen=True)


NOTHING, EMPTY = seen(), seen(item_present=False, hold_seen=True, loans_seen=True, in_transit=False, lost=False)
THERE = seen(item_present=True, marked=True, barcode="ILL-1", place=PLACE, in_transit=True, lost=True, loans_seen=True)


@pytest.mark.parametrize(
    ("command", "sighting", "told"),
    [
        (CREATE, NOTHING, "the ILS does not show whether item ILL-1 is there"),
        (CREATE, EMPTY, "item ILL-1 is not there"),
        (CREATE, THERE, "item ILL-1 is there, with our mark"),
        (CREATE, replace(THERE, marked=False), "item ILL-1 is there, without our mark"),
        (do.DeleteTemporaryItem(OURS), replace(EMPTY, ids=do.VendorIds("b1")), "but a part of its record is"),
        (do.FindItem(OWN), NOTHING, "the ILS does not show whether item OWN-1 is there"),
        (do.FindItem(OWN), THERE, "item OWN-1 is there"),
        (do.FindItem(replace(OWN, barcode="")), EMPTY, "the item is not there"),
        (do.FindItem(replace(OWN, barcode="")), THERE, "item ILL-1 is there"),
        (do.NoteItem(OURS, "x"), THERE, "item ILL-1 is there; notes are not looked at"),
        (do.RelabelItem(OURS, "NEW"), replace(THERE, barcode="NEW"), "the item bears barcode NEW"),
        (do.RelabelItem(OURS, "NEW"), EMPTY, "item ILL-1 is not there"),
        (HOLD, NOTHING, "the ILS does not show whether our hold on item ILL-1 stands"),
        (HOLD, EMPTY, "there is no hold of ours on item ILL-1"),
        (HOLD, held(HoldState.PLACED), "our hold on item ILL-1 stands"),
        (do.CancelHold(OURS, "p1", "h1"), held(HoldState.SATISFIED), "our hold on item ILL-1 was filled"),
        (do.CancelHold(OURS, "p1", "h1"), held(HoldState.CANCELLED_BY_PATRON), "was cancelled by the patron"),
        (LEND, NOTHING, "the ILS does not show who has item OWN-1"),
        (LEND, EMPTY, "nobody has item OWN-1 on loan"),
        (LEND, loan(ours=True), "item OWN-1 is on loan to our account"),
        (do.CheckIn(OWN), loan(ours=False), "item OWN-1 is on loan"),
        (CHARGE, NOTHING, "the ILS does not show whether item OWN-1 is charged to the patron"),
        (CHARGE, loan(ours=True, charge=Charge.PATRON), "item OWN-1 is charged to the patron"),
        (DISCHARGE, loan(ours=True, charge=Charge.PATRON), "is not charged to the borrowing library's account"),
        (do.SetDueDate(OWN, DUE), loan(ours=True), "item OWN-1 is due on 2027-01-15"),
        (do.SetDueDate(OWN, DUE), loan(ours=True, due=None), "item OWN-1 is on loan to our account"),
        (do.MoveItem(OWN, PLACE), THERE, "item OWN-1 is at RS/OUT"),
        (do.RestoreItem(OWN, PLACE, PLACE), NOTHING, "the ILS does not show whether item OWN-1 is there"),
        (do.SendTransit(OWN), NOTHING, "the ILS does not show whether item OWN-1 is in transit"),
        (do.SendTransit(OWN), THERE, "item OWN-1 is in transit"),
        (do.ReceiveTransit(OWN), EMPTY, "item OWN-1 is not in transit"),
        (FEE_OF, seen(fees=(FeeRecord(FEE, "f1", MONEY),)), "our fee is there"),
        (FEE_OF, EMPTY, "no fee of ours is seen"),
        (do.MarkLost(OWN), NOTHING, "the ILS does not show whether item OWN-1 is declared lost"),
        (do.MarkLost(OWN), THERE, "item OWN-1 is declared lost"),
        (do.MarkFound(OWN), EMPTY, "item OWN-1 is not declared lost"),
    ],
)
def test_what_was_found(command: Command, sighting: Sighting, told: str) -> None:
    assert not isinstance(command, do.FindPatron)
    assert found_of(command, command.target.barcode, sighting).endswith(told)


def test_every_verb_that_is_looked_up_has_words() -> None:
    assert set(_FOUND) == set(_VERBS) - {do.FindPatron}
