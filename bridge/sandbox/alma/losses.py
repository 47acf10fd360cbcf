"""Lost loans: declared by the desk with a replacement fee, found, claimed returned, paid, and what a scan-in does to the fee.

Written from alma.md (section 6: no call declares a loan lost; only what is on loan can be) and from staff guides of Alma libraries (CARLI,
WRLC: the fee goes when a lost item is found or comes back, a paid one is paid back by the refund ratio, and paying may close the loan).
"""

from collections.abc import Iterator

from bridge.sandbox.alma.model import Fee, Item, Loan, Transaction
from bridge.sandbox.alma.state import State

REPLACEMENT = "LOSTITEMREPLACEMENTFEE"
LOST = "LOST_LOAN"
LOST_AND_PAID = "LOST_LOAN_AND_PAID"
CLAIMED = "CLAIM_RETURNED_LOAN"


def lose(state: State, item: Item, loan: Loan, amount: float) -> None:
    """Declares the open loan lost and charges the replacement fee; an amount of 0 charges none."""
    item.process, loan.process_status = LOST, "LOST"
    if amount:
        _charged(state, item, loan.user, REPLACEMENT, amount)


def find(state: State, item: Item, loan: Loan) -> None:
    """The loan goes on as an ordinary one."""
    item.process, loan.process_status = "LOAN", "NORMAL"
    _forgive(state, item)


def claim(item: Item, loan: Loan) -> None:
    """The patron says that they brought it back."""
    item.process, loan.process_status = CLAIMED, "CLAIMED_RETURN"


def paid(state: State, fee: Fee) -> Item | None:
    """A replacement fee was paid in full: the item is lost and paid, and the loan closed where the institution wants that."""
    items = state.items_with_barcode(fee.barcode)
    if fee.type != REPLACEMENT or fee.status != "CLOSED" or not items or items[0].process != LOST:
        return None
    item = items[0]
    item.process = LOST_AND_PAID
    loan = state.open_loan(item.pid)
    if loan and state.behaviour.closes_paid_loans:
        loan.returned = state.clock()
    return item


def came_back(state: State, item: Item) -> None:
    """A lost item is scanned in: its fee is waived, and one that was paid is paid back."""
    if item.process in {LOST, LOST_AND_PAID}:
        _forgive(state, item)


def _forgive(state: State, item: Item) -> None:
    for fee in list(_replacement_fees(state, item)):
        if fee.status == "ACTIVE":
            fee.transactions.append(Transaction("WAIVE", fee.balance, "", "LOST_RETURNED", "", "", state.clock()))
            fee.balance, fee.status = 0.0, "CLOSED"
        elif any(one.type == "PAYMENT" for one in fee.transactions):
            _charged(state, item, fee.user, "CREDIT", -fee.original)


def _replacement_fees(state: State, item: Item) -> Iterator[Fee]:
    return (fee for fee in state.fees.values() if fee.type == REPLACEMENT and fee.barcode == item.barcode)


def _charged(state: State, item: Item, user: str, kind: str, amount: float) -> Fee:
    now = state.clock()
    fee = Fee(
        id=state.new_id("9"),
        user=user,
        type=kind,
        original=amount,
        balance=amount,
        owner=state.place_of(item)[0],
        comment="",
        barcode=item.barcode,
        title=state.title_of(item.mms_id),
        created=now,
        status_time=now,
        created_by="desk",
    )
    state.fees[fee.id] = fee
    return fee
