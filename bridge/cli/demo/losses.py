"""Scenarios of loans that do not simply come back: recalled, overdue, lost, billed, paid, found (docs/explanation/lost-and-recalled.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bridge.cli.demo.scenarios import PATRON, Ending, borrowed, closed, lent, sent_home
from bridge.cli.demo.stage import Stage
from bridge.domain.commands import Verb
from bridge.ledger import State
from bridge.ledger.model import Row

OWN = "39000000000001"
BILL = {"amount": "80.00", "currency": "EUR"}
DUE = "2027-01-15"


def _in_use(stage: Stage, number: str) -> str:
    """A borrowed item that the patron has; answers its barcode."""
    borrowed(stage, number)
    stage.tell(number, "Shipped", due_date=DUE)
    stage.tell(number, "Received")
    stage.settled(number)
    barcode = f"ILL-{number}"
    stage.ils.lend(barcode, PATRON)
    return barcode


def _asked(ending: Ending, row: Row, text: str) -> None:
    ending.row = row
    ending.expect(f"staff are asked: {text}", holds=row.state is State.STAFF and text in row.parked.reason)


def recalled(stage: Stage, number: str) -> Ending:
    """The lender recalls; the patron's loan is shortened, the desk sees why, and the item goes back late."""
    barcode = _in_use(stage, number)
    due = datetime.now(UTC).date() + timedelta(days=10)
    stage.tell(number, "Recalled", due_date=due.isoformat())
    row = stage.settled(number)
    ending = Ending(row)
    ending.expect("the recall is shown", holds=row.status == "received (recalled)")
    if stage.can(Verb.SET_DUE_DATE):
        ending.expect("the patron's loan is shortened", holds=stage.ils.due_of(barcode) == due.isoformat())
    stage.tell(number, "Overdue")
    ending.row = stage.settled(number)
    ending.expect("it is shown as overdue", holds=ending.row.status == "received (overdue, recalled)")
    return sent_home(stage, number, ending)


def lost_and_paid(stage: Stage, number: str) -> Ending:
    """The patron lost it, the lender billed it and was paid; what stays in the ILS is for staff to decide."""
    barcode = _in_use(stage, number)
    stage.tell(number, "Lost")
    ending = Ending(stage.settled(number))
    _asked(ending, ending.row, f"Declare item {barcode} lost.")
    stage.ils.lose(barcode)
    stage.resolve(number, "declared lost on the patron's account")
    stage.tell(number, "Fee communicated", fee=BILL)
    stage.tell(number, "Fee paid")
    ending.expect("nothing more is done or asked", holds=stage.settled(number).state is State.IN_STEP)
    stage.tell(number, "Completed lost paid")
    _asked(ending, stage.settled(number), "closed without the item coming back")
    ending.expect("the patron's loan is still there", holds=stage.ils.loan_of(barcode) != "")
    stage.ils.discard(barcode)
    stage.resolve(number, "the patron has paid; item deleted by hand")
    ending.row = stage.settled(number)
    ending.expect("the request is closed", holds=closed(ending.row))
    return ending


def lost_and_found(stage: Stage, number: str) -> Ending:
    """Declared lost, then the patron finds it and it goes back."""
    barcode = _in_use(stage, number)
    stage.tell(number, "Lost")
    stage.settled(number)
    stage.ils.lose(barcode)
    stage.resolve(number, "declared lost on the patron's account")
    stage.tell(number, "Found")
    ending = Ending(stage.settled(number))
    _asked(ending, ending.row, f"Item {barcode} was found")
    stage.ils.find(barcode)
    stage.resolve(number, "it was under the bed")
    return sent_home(stage, number, ending)


def lent_and_lost(stage: Stage, number: str) -> Ending:
    """The borrower lost our item and the request was closed; nothing is checked in until it turns up."""
    lent(stage, number, OWN)
    stage.tell(number, "Shipped", due_date=DUE)
    stage.settled(number)
    stage.tell(number, "Lost")
    ending = Ending(stage.settled(number))
    _asked(ending, ending.row, f"Declare item {OWN} lost, if it is still on loan to account ILL-XYZ.")
    stage.ils.lose(OWN)
    stage.resolve(number, "declared lost on the ILL account")
    stage.tell(number, "Completed")
    _asked(ending, stage.settled(number), "as if it had come back: see whether it did")
    ending.expect("the loan stays", holds=stage.ils.loan_of(OWN) == "ILL-XYZ")
    stage.tell(number, "Found")
    ending.row = stage.settled(number)
    ending.expect("the request is closed", holds=closed(ending.row))
    ending.expect("the item is back", holds=not stage.ils.loan_of(OWN))
    return ending
