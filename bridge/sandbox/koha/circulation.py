"""What happens to items in the Koha stand-in, by API, SIP2 or desk (observed-on-running-systems.md, Koha 23.05)."""

from datetime import datetime

from bridge.sandbox.koha.state import Actor, Checkout, Debit, Hold, Item, Patron, State
from bridge.sandbox.sip2.desk import ItemSeen, LoanMade, PatronSeen, TakenIn


def barred(state: State, patron: Patron) -> str:
    """Why nothing may be lent to a patron; empty where nothing is against it."""
    today = state.now().date()
    if patron.expires is not None and patron.expires < today:
        return "Patron expired"
    if patron.debarred:
        return "Patron restricted"
    return "Card lost" if patron.lost else ""


def lend(state: State, patron: Patron, item: Item, *, by: Actor) -> Checkout:
    """A loan by the rule; fills the patron's hold."""
    for hold in [one for one in state.holds_on(item) if one.patron == patron.id]:
        state.end_hold(hold, "filled")
    loan = Checkout(state.new_id(), item.id, patron.id, by, state.clock(), state.due())
    state.checkouts[loan.id] = loan
    return loan


def take_in(state: State, item: Item, branch: str) -> tuple[Checkout | None, Hold | None]:
    """End a loan and capture the first hold."""
    loan = state.open_loan(item.id)
    if loan is not None:
        loan.returned = state.clock()
        item.fields["lost_status"] = 0
    hold = next(state.holds_on(item), None)
    if hold is not None:
        hold.status = "W" if hold.pickup == branch else "T"
        hold.item = item.id
    item.fields["holding_library_id"] = branch or item.fields["holding_library_id"]
    return loan, hold


def renew(state: State, loan: Checkout) -> str:
    """Renew by the rule; answers why not."""
    item = state.items[loan.item]
    if any(hold.patron != loan.patron for hold in state.holds_on(item)):
        return "on_reserve"
    if loan.renewals >= state.behaviour.renewals:
        return "too_many"
    loan.renewals += 1
    loan.due = max(loan.due, state.due())
    return ""


class SipDesk:
    """What the SIP2 server asks of this Koha."""

    def __init__(self, state: State) -> None:
        self._state = state

    def now(self) -> datetime:
        """The local time."""
        return self._state.now()

    def patron(self, patron_id: str) -> PatronSeen | None:
        """By card number or user id."""
        found = self._state.named(patron_id)
        if found is None:
            return None
        why = barred(self._state, found)
        charged = tuple(
            self._state.items[one.item].barcode
            for one in self._state.checkouts.values()
            if one.patron == found.id and one.returned is None
        )
        name = f"{found.firstname} {found.surname}".strip()
        return PatronSeen(
            found.cardnumber, name, bool(why), words=f"Greetings from Koha. {why}".strip(), charged=charged
        )

    def item(self, barcode: str) -> ItemSeen | None:
        """By barcode."""
        state, found = self._state, self._state.barcoded(barcode)
        if found is None:
            return None
        loan, holds = state.open_loan(found.id), list(state.holds_on(found))
        captured = {"W": "08", "T": "10"}.get(holds[0].status or "") if holds else None
        lost = "12" if found.fields.get("lost_status") else None
        circulation = lost or ("04" if loan else captured or "03")
        due = loan.due.astimezone(state.zone).replace(tzinfo=None) if loan else None
        return ItemSeen(
            found.barcode, state.bibs[found.bib].title, circulation, found.fields["home_library_id"], due, len(holds)
        )

    def check_out(self, patron_id: str, barcode: str, due: datetime | None, *, no_block: bool) -> LoanMade:
        """A date that is sent is passed over; with "no block" it is taken for the check-out date, and no due date is told."""
        state = self._state
        patron, item = state.named(patron_id), state.barcoded(barcode)
        if patron is None or item is None:
            return LoanMade(ok=False, words="Invalid Item" if item is None else "Invalid Patron")
        why, loan = barred(state, patron), state.open_loan(item.id)
        if why and not no_block:
            return LoanMade(ok=False, words=why)
        if loan is not None and loan.patron != patron.id:
            return LoanMade(ok=False, words="Item checked out to another patron")
        if loan is not None:
            refused = renew(state, loan)
            words = "Item already checked out to you: renewing item."
            return LoanMade(ok=not refused, renewed=not refused, due=self._local(loan), words=words)
        first = next(state.holds_on(item), None)
        if first is not None and first.status and first.patron != patron.id and not no_block:
            return LoanMade(ok=False, words="Item is on hold for another patron.")
        made = lend(state, patron, item, by="api")
        if no_block and due is not None:
            made.out = due.replace(tzinfo=state.zone)
            return LoanMade(ok=True)
        return LoanMade(ok=True, due=self._local(made))

    def _local(self, loan: Checkout) -> datetime:
        return loan.due.astimezone(self._state.zone).replace(tzinfo=None)

    def check_in(self, barcode: str, place: str) -> TakenIn:
        """Take in at a branch."""
        state, item = self._state, self._state.barcoded(barcode)
        if item is None:
            return TakenIn(ok=False)
        loan, hold = take_in(state, item, place)
        had = state.patrons[loan.patron].cardnumber if loan else ""
        if hold is None:
            return TakenIn(loan is not None or state.behaviour.checked_in_ok, had)
        waiting = state.patrons[hold.patron]
        alert = "01" if hold.status == "W" else "02"
        named = f"{waiting.firstname} {waiting.surname} ((212) 555-1212)"
        return TakenIn(
            ok=True, had=had, alert=alert, held_for=waiting.cardnumber, held_for_name=named, destination=hold.pickup
        )

    def renew(self, patron_id: str, barcode: str) -> LoanMade:
        """Renew; a date that is sent is passed over."""
        state = self._state
        patron, item = state.named(patron_id), state.barcoded(barcode)
        loan = state.open_loan(item.id) if item else None
        if loan is None or patron is None or loan.patron != patron.id:
            who = f"{patron.firstname} {patron.surname}" if patron else "this patron"
            return LoanMade(ok=False, words=f"Item not checked out to {who}")
        if refused := renew(state, loan):
            return LoanMade(ok=False, words=f"Item cannot be renewed: {refused}")
        return LoanMade(ok=True, renewed=True, due=self._local(loan))

    def hold(self, patron_id: str, barcode: str, pickup: str, *, add: bool) -> str:
        """A title-level hold, whatever was asked for; deleting one fails, as it was seen to."""
        state = self._state
        patron, item = state.named(patron_id), state.barcoded(barcode)
        if not add or patron is None or item is None:
            return "Error with transaction drop_hold:"
        hold = Hold(state.new_id(), item.bib, None, patron.id, pickup, "", "api", state.now().date())
        state.holds[hold.id] = hold
        return ""

    def pay(self, patron_id: str, amount: str) -> None:
        """A payment that nothing is owed for becomes credit."""
        state = self._state
        patron = state.named(patron_id)
        if patron is not None:
            number = state.new_id()
            state.debits[number] = Debit(number, patron.id, -float(amount or 0), "PAYMENT", "", "api")
