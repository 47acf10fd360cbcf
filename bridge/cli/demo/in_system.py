"""Lender and borrower on one ILS: the real item, charged twice, and a desk that scans it only once on its way back."""

from __future__ import annotations

from bridge.cli.demo.scenarios import TITLE, Ending, closed
from bridge.cli.demo.stage import Stage

BARCODE = "39000000000201"
STUDENT = "21000000001102"
OWNER, BORROWER = "NORTH", "SOUTH"


def both_sides(stage: Stage, number: str, *, barcode: str = BARCODE) -> tuple[str, str]:
    """One conversation, two requests: of the owning library, and of the borrowing one; answers their names."""
    there, here = f"{number}-north", f"{number}-south"
    common = {"service_type": "loan", "item": {**TITLE, "barcode": barcode}, "channel": "webhook"}
    stage.ask(number, name=there, role="lender", library="north", partner=BORROWER, **common)
    person = {"patron": {"id": STUDENT}, "pickup_location": BORROWER}
    stage.ask(number, name=here, role="borrower", library="south", partner=OWNER, **person, **common)
    return there, here


def in_system(stage: Stage, number: str) -> Ending:
    """Charged to the borrowing school's account and its student, scanned once on return, home all the same."""
    there, here = both_sides(stage, number)
    stage.tell(there, "Shipped", due_date="2027-01-15")
    stage.settled(there)
    account = stage.ils.loan_of(BARCODE)
    stage.tell(here, "Received", due_date="2027-01-15")
    ending = Ending(stage.settled(here))
    ending.expect("the item was charged to the borrowing library's account", holds=bool(account))
    ending.expect("and then to the student", holds=stage.ils.loan_of(BARCODE) not in {"", account})
    for side in (there, here):
        stage.tell(side, "Renewed", due_date="2027-02-15")
        stage.settled(side)
    stage.ils.scan_once(BARCODE, BORROWER)
    ending.expect("a scan ends only the student's charge", holds=stage.ils.loan_of(BARCODE) == account)
    stage.tell(here, "Returned")
    stage.settled(here)
    ending.expect("the bridge ends the account's charge", holds=not stage.ils.loan_of(BARCODE))
    stage.tell(here, "Completed")
    stage.tell(there, "Completed")
    ending.row = stage.settled(here)
    ending.expect("the borrower's request is closed", holds=closed(ending.row))
    ending.beside = stage.settled(there)
    ending.expect("the lender's request is closed", holds=closed(ending.beside))
    return ending
