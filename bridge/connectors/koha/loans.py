"""Loans in Koha: check-out and check-in by SIP2, everything else read and renewed by REST (observed-on-running-systems.md)."""

from __future__ import annotations

from datetime import date

from bridge.connectors.base import Call
from bridge.connectors.koha import models as koha
from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import Missing, unknown_item
from bridge.connectors.koha.patrons import Patrons
from bridge.connectors.koha.settings import KohaSettings
from bridge.connectors.koha.sight import Sight, ids_of, place_of
from bridge.connectors.sip2 import Sip2Client
from bridge.connectors.sip2.answers import Loan, Return
from bridge.domain import commands as do
from bridge.domain.masking import vendor_words
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind
from bridge.errors import IlsError, Rejected


class Loans:
    """Loans of one Koha; ``sip`` may only be left out where check-out and check-in are declared as tasks for staff."""

    def __init__(
        self,
        client: KohaClient,
        sip: Sip2Client | None,
        settings: KohaSettings,
        sight: Sight,
        patrons: Patrons,
    ) -> None:
        self._client = client
        self._sip = sip
        self._settings = settings
        self._sight = sight
        self._patrons = patrons

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Check out by SIP2, then read the loan's number and date. Repeated it would renew, so that it is looked up first."""
        if call.verify and (standing := self._standing(command)) is not None:
            return standing
        answer = self._by_sip().check_out(command.target.barcode, command.account)
        if not answer.ok:
            return self._refused(command, answer)
        call.keep(Learned(loan=LoanRecord("", command.account, answer.due)))
        notes = ("Koha says that the account had the item already; the loan was renewed.",) if answer.renewed else ()
        return self._read(command, answer, notes)

    def _by_sip(self) -> Sip2Client:
        if self._sip is None:
            raise Rejected("No SIP2 account is configured (sip2).", cause="staff", advice="Do it at the desk in Koha.")
        return self._sip

    def _read(self, command: do.CheckOut, answer: Loan, notes: tuple[str, ...]) -> Outcome:
        """What goes wrong from here on undoes no check-out, so that it is told as a note."""
        try:
            item = self._sight.item(command.target)
            self._sight.keep(item)
            loan = self._client.checkout_of(item.item_id)
        except IlsError as unread:
            loan, item = None, None
            notes = (*notes, f"The loan could not be read by REST. {unread.reason}")
        due = self._sight.day(loan) if loan else answer.due
        record = LoanRecord(loan.checkout_id if loan else "", command.account, due)
        learned = Learned(
            ids=ids_of(item) if item else None,
            place=place_of(item) if item else None,
            loan=record,
            due=self._written(due, command.due),
        )
        return Outcome(learned=learned, notes=(*notes, *self._told(due, command.due)))

    def _standing(self, command: do.CheckOut) -> Outcome | None:
        """Our account's open loan of the item, if there is one."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            return None
        loan = self._sight.loan_of(item)
        if loan is None or loan.patron_id != self._patrons.number_of(command.account):
            return None
        due = self._sight.day(loan)
        record = LoanRecord(loan.checkout_id, command.account, due)
        learned = Learned(ids=ids_of(item), place=place_of(item), loan=record, due=self._written(due, command.due))
        return Outcome(OutcomeKind.ALREADY, learned, self._told(due, command.due))

    def _written(self, stands: date | None, wanted: date | None) -> date | None:
        """The date that counts as brought to the ILS: where staff are asked for it, only the one that stands."""
        return stands if self._settings.due_dates == "staff" else wanted or stands

    @staticmethod
    def _told(stands: date | None, wanted: date | None) -> tuple[str, ...]:
        if wanted is None or stands == wanted:
            return ()
        return (f"Koha's rule made it due {stands}; the lender's date is {wanted}, which no call can set.",)

    def _refused(self, command: do.CheckOut, answer: Loan) -> Outcome:
        said = vendor_words(" ".join(answer.words))
        told = f" Koha says: {said}" if said else ""
        account = self._patrons.standing(command.account)
        if not account.known:
            advice = "Make the account in Koha, or correct its name in the policy."
            raise Rejected(
                "The borrowing library's account is unknown in Koha.", cause="unknown_account", advice=advice
            )
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        if account.against:
            why = "; ".join(account.against)
            said = f"Nothing can be checked out to the borrowing library's account: {why}.{told}"
            raise Rejected(said, cause="account_blocked", advice="See to the account in Koha.")
        cause = "on_loan" if item.on_loan else "not_loanable"
        why = "it is on loan to somebody else" if item.on_loan else "it refuses the item"
        said = f"Koha does not check item {command.target.barcode} out: {why}.{told}"
        raise Rejected(said, cause=cause, advice="See to the item in Koha.")

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Say which date stands; a loan of ours is renewed by Koha's rule."""
        if command.loan_id:
            return self._renewed(command, call)
        try:
            item = self._sight.item(command.target)
        except Missing:
            item = None
        loan = self._sight.loan_of(item) if item is not None else None
        if loan is None:
            note = "The item is not on loan, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        return self._compared(loan, command, OutcomeKind.ALREADY)

    def _renewed(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Each repeat renews again: where a renewal may have happened, the date is only read; and where the date is to be earlier."""
        only_read = call.verify or command.is_earlier
        try:
            loan = self._client.checkout(command.loan_id) if only_read else self._client.renew(command.loan_id)
        except Missing:
            note = "The loan has ended, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        except Rejected as refused:
            note = f"Koha did not renew the loan; the lender's date is {command.due}. {refused.reason}"
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        return self._compared(loan, command, OutcomeKind.ALREADY if only_read else OutcomeKind.DONE)

    def _compared(self, loan: koha.Checkout, command: do.SetDueDate, kind: OutcomeKind) -> Outcome:
        stands = self._sight.day(loan)
        return Outcome(kind, Learned(due=command.due, stands=stands), self._told(stands, command.due))

    def check_in(self, command: do.CheckIn) -> Outcome:
        """Check in what is on loan: a temporary item from whoever has it, an own one only from our account."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            note = "The item is gone from Koha, so there is nothing to check in."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True, nothing_waits=True), (note,))
        if not item.on_loan:
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True))
        if command.target.origin is do.Origin.OWN and not self._ours(item, command):
            note = "The item is on loan to somebody else; that loan stays."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), (note,))
        return self._checked_in(item)

    def _ours(self, item: koha.Item, command: do.CheckIn) -> bool:
        loan = self._sight.loan_of(item)
        if loan is None or loan.checkout_id in command.loan_ids:
            return loan is not None
        return bool(command.account) and loan.patron_id == self._patrons.number_of(command.account)

    def _checked_in(self, item: koha.Item) -> Outcome:
        """That nobody had it any more is told in one way or another, depending on a setting of the SIP2 account."""
        answer = self._by_sip().check_in(item.external_id)
        ended = answer.ok and bool(answer.patron_id)
        if not ended:
            self._see_that_it_came_back(item, answer)
        if not answer.traps_hold:
            self._sight.keep(item.model_copy(update={"checked_out_date": None}))
        notes = ("Koha found a hold for the item when it was checked in.",) if answer.traps_hold else ()
        kind = OutcomeKind.DONE if ended else OutcomeKind.ALREADY
        return Outcome(kind, Learned(checked_in=True, nothing_waits=None if answer.traps_hold else True), notes)

    def _see_that_it_came_back(self, item: koha.Item, answer: Return) -> None:
        """An answer that names nobody who had it ends no loan that we know of: the item says. Raises ``Rejected`` while it is on loan."""
        try:
            on_loan = self._client.item(item.item_id).on_loan
        except Missing:
            return
        if on_loan:
            told = vendor_words(" ".join(answer.words))
            said = f"Koha does not check the item in.{f' Koha says: {told}' if told else ''}"
            raise Rejected(said, cause="still_on_loan", advice="Check the item in at the desk in Koha.")

    def find(self, command: do.FindItem) -> Outcome:
        """Look an item up."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        return Outcome(learned=Learned(ids=ids_of(item), place=place_of(item), barcode=item.external_id))
