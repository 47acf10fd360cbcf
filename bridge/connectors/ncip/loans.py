"""Loans: check-out with the date wanted, renewal, check-in. NCIP has no number for a loan: it is named by the account that has it."""

from __future__ import annotations

from datetime import date

from bridge.connectors.base import Call
from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dates import day_of, last_minute
from bridge.connectors.ncip.dialects import Renews
from bridge.connectors.ncip.errors import Refused, for_good, lent_to_nobody_knows_whom, not_seen, unknown_item
from bridge.connectors.ncip.problems import Meaning
from bridge.connectors.ncip.reading import LentSeen, Node, item_seen, lent_seen
from bridge.connectors.ncip.sight import OnLoan, Sight, handle
from bridge.domain import commands as do
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind, SeenLoan
from bridge.errors import Rejected, Retry, Unavailable

UNSEEN = "Whether somebody else had the item could not be seen: this NCIP responder does not tell."
WHO_HAS_IT = (
    "See who has the item in the ILS: if the borrowing library's account has it, go on with 'skip'; else check it in"
)
NOT_LENT = frozenset({Meaning.NOT_ON_LOAN, Meaning.UNKNOWN_ITEM})


class Loans:
    """Loans of one ILS."""

    def __init__(self, client: NcipClient, sight: Sight) -> None:
        self._client = client
        self._dialect = client.dialect
        self._sight = sight

    def find(self, command: do.FindItem) -> Outcome:
        """Look an item up."""
        seen = self._sight.item(handle(command.target)) if self._sight.by_item else None
        if seen is None and self._sight.by_item:
            raise unknown_item(command.target.barcode)
        found = seen.item.value if seen else ""
        return Outcome(learned=Learned(ids=do.VendorIds(item=found), barcode=command.target.barcode))

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Check out to an ILL account; the answer's date is the one that stands."""
        if call.verify and (standing := self._lent_before(command)) is not None:
            return standing
        try:
            return self._checked_out(command, lent_seen(self._client.ask(self._lending(command))))
        except Refused as refused:
            return self._not_lent(command, refused)

    def _lending(self, command: do.CheckOut) -> say.CheckOutItem:
        names, target = self._client.names, command.target
        return say.CheckOutItem(
            user=names.account(command.account),
            item=names.item(handle(target)),
            request=names.request(target.mark.code),
            due=last_minute(command.due, self._client.zone) if command.due else None,
            happened=self._client.now() if self._dialect.check_out_mandated else None,
        )

    def _checked_out(self, command: do.CheckOut, seen: LentSeen) -> Outcome:
        stands = day_of(seen.due, self._client.zone)
        loan = LoanRecord(self._named(seen, command.account), command.account, stands)
        return Outcome(learned=Learned(loan=loan, due=command.due), notes=told(stands, command.due))

    def _named(self, seen: LentSeen, account: str) -> str:
        """What the loan is named by: the borrower as the responder names them, by which LookupItem's are told apart, else the account."""
        return (seen.user.value if self._sight.by_item else "") or account

    def _lent_before(self, command: do.CheckOut) -> Outcome | None:
        """The loan to our account, if it stands. Raises ``Rejected`` where one stands and nothing tells whose it is."""
        loan = self._loan(command.target, command.account)
        if loan is not None and loan.ours is None:
            raise lent_to_nobody_knows_whom(command.target.barcode)
        if loan is None or not loan.ours:
            return None
        record = LoanRecord(command.account, command.account, loan.loan.due)
        return Outcome(OutcomeKind.ALREADY, Learned(loan=record, due=command.due), told(loan.loan.due, command.due))

    def _not_lent(self, command: do.CheckOut, refused: Refused) -> Outcome:
        """On loan already: to our account it is done (a Koha refuses it with the loan standing); to anybody else it is not ours to end."""
        if refused.meaning is Meaning.UNKNOWN_ITEM:
            raise unknown_item(command.target.barcode) from refused
        if refused.meaning is Meaning.UNKNOWN_USER:
            raise Rejected(
                "The borrowing library's account is unknown in the ILS.",
                cause="unknown_account",
                advice="Correct the map of accounts and restart.",
            ) from refused
        if refused.meaning is Meaning.USER_BLOCKED:
            raise for_good(refused, "account_blocked", "See to the account in the ILS.") from refused
        standing = self._lent_all_the_same(command)
        if standing is not None:
            return standing
        cause = "not_loanable" if refused.meaning is Meaning.ON_LOAN else "refused"
        raise for_good(refused, cause, WHO_HAS_IT) from refused

    def _lent_all_the_same(self, command: do.CheckOut) -> Outcome | None:
        """What stands of a check-out that was refused; where that cannot be seen, the refusal is what there is to tell."""
        try:
            return self._lent_before(command)
        except Rejected:
            return None

    def _loan(self, target: do.Target, account: str) -> OnLoan | None:
        """The open loan, as far as it can be seen: all of them by LookupItem, those of the account by LookupUser.

        Raises ``Rejected`` where nothing is said of loans at all.
        """
        if self._sight.by_item:
            seen = self._sight.item(handle(target))
            if seen is not None and seen.lent is None:
                raise not_seen(f"Lending item {target.barcode}")
            return self._sight.loan_of(seen, target, (account,)) if seen is not None else None
        user = None if self._sight.blind else self._sight.lists_of(self._client.names.account(account))
        if user is None or user.loans is None:
            raise not_seen(f"Lending item {target.barcode}")
        found = self._sight.loan_in(user, target, account, own=True)
        return OnLoan(ours=True, loan=found) if found is not None else None

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Renew once for whoever has the item; which date came of it is told. A renewal granted is asked for without a look."""
        own = command.target.origin is do.Origin.OWN
        who = command.account if own else command.patron_id
        longer = command.before is None or command.due > command.before
        known = longer and (own or command.before is not None)
        if call.verify or not known or self._dialect.renews is Renews.EXACT:
            seen = self._seen(command, who, again=call.verify)
            if isinstance(seen, Outcome):
                return seen
        return self._renewed(command, who)

    def _seen(self, command: do.SetDueDate, who: str, *, again: bool) -> Outcome | None:
        """An end where nothing is to be done. After an unclear end a loan that runs longer than before was renewed: not twice.

        Raises ``Rejected`` where that cannot be seen.
        """
        loan, sure = self._date_of(command, who)
        if not sure:
            return _unseen(command, again=again)
        if loan is None:
            note = "The item is not on loan, so there is no due date to set."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        if loan.due is None:
            return _unseen(command, again=again)
        renewed = again and command.before is not None and loan.due is not None and loan.due > command.before
        if loan.due is not None and (renewed or loan.due >= command.due):
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), told(loan.due, command.due))
        return None

    def _date_of(self, command: do.SetDueDate, who: str) -> tuple[SeenLoan | None, bool]:
        """The open loan, and whether it is sure that there is no other."""
        target, own = command.target, command.target.origin is do.Origin.OWN
        if self._sight.by_item:
            seen = self._sight.item(handle(target))
            if seen is not None and seen.lent is None:
                return None, False
            found = self._sight.loan_of(seen, target, (who, command.loan_id)) if seen is not None else None
            return (found.loan if found is not None and (not own or found.ours is not False) else None), True
        if self._sight.blind or not who:
            return None, False
        names = self._client.names
        user = self._sight.lists_of(names.account(who) if own else names.user(who))
        if user is None or user.loans is None:
            return None, False
        return self._sight.loan_in(user, target, who, own=own), True

    def _renewed(self, command: do.SetDueDate, who: str) -> Outcome:
        if not who:
            raise Rejected(
                "NCIP renews a loan only for a named patron, and none is known.",
                cause="patron_needed",
                advice="Renew the loan by hand in the ILS.",
            )
        names = self._client.names
        user = names.account(who) if command.target.origin is do.Origin.OWN else names.user(who)
        due = last_minute(command.due, self._client.zone)
        try:
            seen = lent_seen(self._client.ask(say.RenewItem(user, names.item(handle(command.target)), due)))
        except Refused as refused:
            return self._not_renewed(command, refused)
        stands = day_of(seen.due, self._client.zone)
        if stands is None:
            return self._read_back(command, who)
        return Outcome(learned=Learned(due=command.due, stands=stands), notes=told(stands, command.due))

    def _read_back(self, command: do.SetDueDate, who: str) -> Outcome:
        """A responder that names no date may have renewed nothing (observed-on-running-systems.md, NCIP): what stands is looked up."""
        try:
            loan, _ = self._date_of(command, who)
        except (Rejected, Retry, Unavailable):
            loan = None
        if loan is None or loan.due is None:
            return Outcome(learned=Learned(due=command.due), notes=(_UNTOLD,))
        if command.before is not None and loan.due <= command.before:
            note = f"The ILS says that it renewed the loan, but it is still due on {loan.due}. {_UNTOLD_ADVICE}"
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        return Outcome(learned=Learned(due=command.due, stands=loan.due), notes=told(loan.due, command.due))

    def _not_renewed(self, command: do.SetDueDate, refused: Refused) -> Outcome:
        """A circulation failure holds no request up: what was refused is told, and staff see the date wanted."""
        if refused.meaning in NOT_LENT:
            note = "The item is not on loan, so there is no due date to set."
        else:
            note = f"The loan was not renewed; the lender's date is {command.due}. {refused.reason}"
        return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))

    def check_in(self, command: do.CheckIn) -> Outcome:
        """Check in: a temporary item from whoever has it, an own one only from our account, as far as that can be seen."""
        notes: tuple[str, ...] = ()
        by_request = self._dialect.check_in_by_request and _known_by_request(command)
        if command.target.origin is do.Origin.OWN and not by_request:
            ended, notes = self._not_ours_now(command)
            if ended is not None:
                return ended
        try:
            body = self._client.ask(self._taking_back(command.target, by_request=by_request))
        except Refused as refused:
            if refused.meaning in NOT_LENT:
                gone = refused.meaning is Meaning.UNKNOWN_ITEM
                note = ("The item is gone from the ILS, so there is nothing to check in.",) if gone else ()
                return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), note)
            raise for_good(refused, "by_hand", "Check the item in at the desk.") from refused
        return self._taken_back(command, body, notes)

    def _taking_back(self, target: do.Target, *, by_request: bool) -> say.CheckInItem:
        """By the request where the ILS knows it: an item that is finished, or lent to somebody else, is then left alone."""
        named = say.Id(target.mark.code, kind="ILL Request Id") if by_request else None
        return say.CheckInItem(
            item=named or self._client.names.item(handle(target)),
            elements=self._dialect.check_in_elements,
            happened=self._client.now() if self._dialect.check_out_mandated else None,
        )

    def _taken_back(self, command: do.CheckIn, body: Node, notes: tuple[str, ...]) -> Outcome:
        seen, target = lent_seen(body), command.target
        item = item_seen(body)
        if item.call_number and target.origin is do.Origin.CREATED:
            self._sight.keep(handle(target), item)
        if seen.waits or seen.routing.casefold().startswith("request"):
            notes = (*notes, "Something waits for the item: see to it at the desk.")
        filled = True if seen.user.value and not seen.waits else None
        return Outcome(learned=Learned(checked_in=True, nothing_waits=filled), notes=notes)

    def _not_ours_now(self, command: do.CheckIn) -> tuple[Outcome | None, tuple[str, ...]]:
        """What ends the check-in of an own item before it begins, or what is to be said of it."""
        if self._sight.blind:
            return None, (UNSEEN,)
        accounts = tuple(dict.fromkeys(filter(None, (*command.loan_ids, command.account))))
        if self._sight.by_item:
            return self._guarded_by_item(command, accounts)
        return self._guarded_by_account(command, accounts)

    def _guarded_by_item(
        self, command: do.CheckIn, accounts: tuple[str, ...]
    ) -> tuple[Outcome | None, tuple[str, ...]]:
        seen = self._sight.item(handle(command.target))
        if seen is None:
            return _ended("The item is gone from the ILS, so there is nothing to check in."), ()
        loan = self._sight.loan_of(seen, command.target, accounts)
        if loan is None:
            return _ended(), ()
        if loan.ours is False:
            return _ended("The item is on loan to somebody else; that loan stays."), ()
        return None, () if loan.ours else (UNSEEN,)

    def _guarded_by_account(
        self, command: do.CheckIn, accounts: tuple[str, ...]
    ) -> tuple[Outcome | None, tuple[str, ...]]:
        user = self._sight.lists_of(self._client.names.account(accounts[0])) if accounts else None
        if user is None or user.loans is None:
            return None, (UNSEEN,)
        if self._sight.loan_in(user, command.target, accounts[0], own=True) is None:
            return _ended("The item is no longer on loan to the borrowing library; whatever loan there is stays."), ()
        return None, ()


def _known_by_request(command: do.CheckIn) -> bool:
    """Whether a message of ours told the ILS of the request, and was answered: one that it does not know counts as finished there."""
    target = command.target
    lent = target.origin is do.Origin.OWN and bool(command.loan_ids)
    return lent or (target.origin is do.Origin.CREATED and bool(target.ids.item))


_UNTOLD_ADVICE = "Look at it there."
_UNTOLD = f"The ILS does not say until when it renewed the loan. {_UNTOLD_ADVICE}"


def told(stands: date | None, wanted: date | None) -> tuple[str, ...]:
    """What to say where the ILS gave another date than was wanted."""
    if wanted is None or stands is None or stands == wanted:
        return ()
    return (f"The loan is due on {stands} in the ILS; the date asked for is {wanted}.",)


def _unseen(command: do.SetDueDate, *, again: bool) -> Outcome | None:
    """A loan that cannot be seen is renewed, but only once, and not to make it shorter, which no renewal does."""
    if again:
        raise not_seen("Renewing the loan")
    if command.before is None or command.due > command.before:
        return None
    note = f"No renewal makes a loan shorter: it was left as it is. The date asked for is {command.due}."
    return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))


def _ended(*notes: str) -> Outcome:
    return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), notes)
