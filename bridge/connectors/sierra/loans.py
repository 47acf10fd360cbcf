"""Loans in Sierra: on the terms of the site's loan rules, since no call changes a due date (sierra.md, sections 8 and 9)."""

from __future__ import annotations

from datetime import date

from bridge.connectors.base import Call
from bridge.connectors.days import day_of
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import AgainstPatron, Missing, NotAvailable, unknown_item
from bridge.connectors.sierra.moves import AVAILABLE, OF_CIRCULATION
from bridge.connectors.sierra.patrons import Patrons
from bridge.connectors.sierra.settings import SierraSettings
from bridge.connectors.sierra.sight import PATRON_FIELD, Sight, ids_of, loan_id, place_of, recorded
from bridge.domain import commands as do
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind
from bridge.errors import IlsError, Rejected

DUE_FIELD = "65"
LOST_AND_PAID = "$"
"""The usual code of a lost item that was paid for (sierra.md section 10)."""


class Loans:
    """Loans of one Sierra."""

    def __init__(
        self,
        client: SierraClient,
        settings: SierraSettings,
        sight: Sight,
        patrons: Patrons,
    ) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._patrons = patrons

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Check out by barcodes, keep the loan's id, then read which due date the loan rule gave."""
        if call.verify and (standing := self._standing(command)) is not None:
            return standing
        try:
            answer = self._client.check_out(command.target.barcode, command.account)
        except NotAvailable as refused:
            standing = self._standing(command)
            if standing is not None:
                return standing
            self._make_available(command, refused)
            answer = self._again(command)
        except (Missing, AgainstPatron) as refused:
            raise self._no_loan(command, refused) from refused
        return self._dated(command, answer, call)

    def _again(self, command: do.CheckOut) -> sierra.CheckedOut:
        try:
            return self._client.check_out(command.target.barcode, command.account)
        except NotAvailable as refused:
            raise self._not_lendable(command, refused) from refused
        except (Missing, AgainstPatron) as refused:
            raise self._no_loan(command, refused) from refused

    def _make_available(self, command: do.CheckOut, refused: NotAvailable) -> None:
        """An item that is said to be in transit, say, stands on the desk when it is shipped. Raises ``Rejected`` where that is not so."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        if item.on_loan or item.status.code not in OF_CIRCULATION.intersection(self._settings.lend_from_statuses):
            raise self._not_lendable(command, refused) from refused
        self._client.update_item(item.id, {"status": AVAILABLE})

    def _no_loan(self, command: do.CheckOut, refused: Missing | AgainstPatron) -> IlsError:
        if isinstance(refused, Missing):
            return self._nobody(command)
        return _account_refused(self._patrons.standing(command.account).against, refused)

    def _dated(self, command: do.CheckOut, answer: sierra.CheckedOut, call: Call) -> Outcome:
        """What goes wrong from here on undoes no check-out, so that it is told as a note: a step that fails counts as not done."""
        kept = LoanRecord(loan_id(answer.number, answer.patron), command.account)
        call.keep(Learned(loan=kept) if answer.patron else Learned())
        if answer.due:
            loan = sierra.Checkout(id=answer.number, patron=answer.patron, dueDate=answer.due)
            return self._lent(OutcomeKind.DONE, command, loan)
        try:
            return self._lent(OutcomeKind.DONE, command, self._client.checkout(answer.number))
        except IlsError as unread:
            note = (
                f"Which due date the loan rule gave could not be read; the lender's is {command.due}. {unread.reason}"
            )
            return Outcome(learned=Learned(loan=kept, due=self._written(None, command.due)), notes=(note,))

    def _lent(self, kind: OutcomeKind, command: do.CheckOut, loan: sierra.Checkout) -> Outcome:
        stands = day_of(loan.due, self._settings.timezone)
        notes = self._told(stands, command.due)
        if notes and command.due is not None and self._settings.write_due_date_field:
            stands, notes = self._tried(loan, loan.item or command.target.ids.item, command.due)
        record = LoanRecord(loan_id(loan.id, loan.patron), command.account, stands)
        ids = do.VendorIds(item=loan.item or command.target.ids.item)
        return Outcome(kind, Learned(ids=ids, loan=record, due=self._written(stands, command.due)), notes)

    def _written(self, stands: date | None, wanted: date | None) -> date | None:
        """The date that counts as brought to the ILS: where staff are asked for it, only the one that stands."""
        return stands if self._settings.due_dates == "staff" else wanted or stands

    def _told(self, stands: date | None, wanted: date | None) -> tuple[str, ...]:
        if wanted is None or stands == wanted:
            return ()
        return (f"Sierra's loan rule made it due {stands}; the lender's date is {wanted}, which no call can set.",)

    def _standing(self, command: do.CheckOut) -> Outcome | None:
        """Our account's open loan of the item, if there is one."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            return None
        account = self._patrons.number_of(command.account) if item.on_loan else ""
        for loan in self._sight.loans_of(item) if account else ():
            if loan.patron == account:
                return self._lent(OutcomeKind.ALREADY, command, loan)
        return None

    def _nobody(self, command: do.CheckOut) -> Rejected:
        """Which of the two barcodes Sierra does not know."""
        if not self._patrons.number_of(command.account):
            return self._patrons.unknown_account()
        return unknown_item(command.target.barcode)

    def _not_lendable(self, command: do.CheckOut, refused: NotAvailable) -> Rejected:
        try:
            item = self._sight.item(command.target)
        except Missing:
            return unknown_item(command.target.barcode)
        why = (
            "it is on loan to somebody else"
            if item.on_loan
            else f"its status is {self._sight.status_told(item.status.code)}"
        )
        return Rejected(
            f"Sierra does not check item {command.target.barcode} out: {why}. {refused.reason}",
            code=refused.code,
            cause="on_loan" if item.on_loan else "not_loanable",
            advice="See to the item in Sierra.",
        )

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Say which date stands; a loan of ours is renewed by its loan rule, unless the lender's date is earlier than it was."""
        if command.loan_id:
            return self._renewed(command, call)
        try:
            item_id = command.target.ids.item or self._sight.item(command.target).id
            loans = self._client.item_checkouts(item_id)
        except Missing:
            loans = ()
        if not loans:
            note = "The item is not on loan, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        return self._compared(loans[0], command, OutcomeKind.ALREADY)

    def _renewed(self, command: do.SetDueDate, call: Call) -> Outcome:
        """A renewal is not safe to repeat: where one may have happened, the date is only read."""
        number = command.loan_id.partition(":")[0]
        try:
            if call.verify or command.is_earlier:
                return self._compared(self._client.checkout(number), command, OutcomeKind.ALREADY)
            loan = self._client.renew(number)
        except Missing:
            note = "The loan has ended, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        except Rejected as refused:
            note = f"Sierra did not renew the loan; the lender's date is {command.due}. {refused.reason}"
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        return self._compared(loan, command, OutcomeKind.DONE)

    def _compared(self, loan: sierra.Checkout, command: do.SetDueDate, kind: OutcomeKind) -> Outcome:
        stands = day_of(loan.due, self._settings.timezone)
        longer = stands is not None and stands >= command.due
        if self._settings.write_due_date_field and stands != command.due and (command.may_shorten or not longer):
            stands = self._field_written(loan, loan.item or command.target.ids.item, command.due)
            return Outcome(learned=Learned(due=command.due, stands=stands), notes=self._obeyed(stands, command.due))
        return Outcome(kind, Learned(due=command.due, stands=stands), self._told(stands, command.due))

    def _tried(self, loan: sierra.Checkout, item: str, wanted: date) -> tuple[date | None, tuple[str, ...]]:
        """The date that stands after field 65 was written, and what is to be told; of a loan just made nothing may fail any more."""
        try:
            stands = self._field_written(loan, item, wanted)
        except IlsError as unwritten:
            stands = day_of(loan.due, self._settings.timezone)
            return stands, (*self._told(stands, wanted), f"Field 65 could not be written or read. {unwritten.reason}")
        return stands, self._obeyed(stands, wanted)

    def _field_written(self, loan: sierra.Checkout, item: str, wanted: date) -> date | None:
        """Fixed field 65, an opt-in that no source vouches for (sierra.md section 9): written, and what stands afterwards is read."""
        value = f"{wanted.isoformat()}T10:00:00Z"
        self._client.update_item(item, {"fixedFields": {DUE_FIELD: {"label": "DUE DATE", "value": value}}})
        return day_of(self._client.checkout(loan.id).due, self._settings.timezone)

    @staticmethod
    def _obeyed(stands: date | None, wanted: date) -> tuple[str, ...]:
        if stands == wanted:
            return (f"Field 65 was written: Sierra's loan is due {stands}.",)
        return (f"Field 65 was written and Sierra did not obey: due {stands}; the lender's date is {wanted}.",)

    def check_in(self, command: do.CheckIn) -> Outcome:
        """Check in what is on loan: a temporary item from whoever has it, an own one only from our account."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            note = "The item is gone from Sierra, so there is nothing to check in."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True, nothing_waits=True), (note,))
        waits = None if item.hold_count else True
        if not item.on_loan:
            self._remember(item)
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True, nothing_waits=waits))
        if item.status.code == LOST_AND_PAID != self._settings.lost_status:
            raise Rejected(
                f"Item {command.target.barcode} is lost and paid in Sierra; a check-in might pay the replacement fee back.",
                cause="lost_and_paid",
                advice="Decide about the fee, then check the item in at the desk in Sierra, or leave it.",
            )
        if command.target.origin is do.Origin.OWN and not self._ours(item, command):
            note = "The item is on loan to somebody else; that loan stays."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), (note,))
        return self._checked_in(item, command.target)

    def _ours(self, item: sierra.Item, command: do.CheckIn) -> bool:
        """The item says who has it (fixed field 66); where it does not, its loans are asked."""
        having = item.fixed_value(PATRON_FIELD)
        if having and having in {loan.partition(":")[2] for loan in command.loan_ids}:
            return True
        account = self._patrons.number_of(command.account) if command.account else ""
        if having:
            return having == account
        return any(
            recorded(loan, command.loan_ids) or (account and loan.patron == account)
            for loan in self._sight.loans_of(item)
        )

    def _checked_in(self, item: sierra.Item, target: do.Target) -> Outcome:
        """By barcode; where something waits for the item, what became of it is read and told."""
        barcode = item.barcode or target.barcode
        try:
            self._client.check_in(barcode)
        except Missing as missing:
            return self._came_back(item, barcode, missing)
        self._remember(item)
        if not item.hold_count:
            return Outcome(learned=Learned(checked_in=True, nothing_waits=True))
        after = self._client.item(item.id, transient=True)
        note = f"Something waits for the item: its status is {self._sight.status_told(after.status.code)}."
        return Outcome(learned=Learned(checked_in=True), notes=(note,))

    def _came_back(self, item: sierra.Item, barcode: str, missing: Missing) -> Outcome:
        """Sierra finds no loan to end, or not even the barcode: the item says whether it came back meanwhile."""
        try:
            stays = self._client.item(item.id, transient=True).on_loan
        except Missing:
            stays = False
        if stays:
            raise Rejected(
                f"Sierra does not check item {barcode} in, and says that it is on loan. {missing.reason}",
                code=missing.code,
                cause="still_on_loan",
                advice="Check the item in at the desk in Sierra.",
            ) from missing
        return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True))

    def _remember(self, item: sierra.Item) -> None:
        """For the step that follows, as the item is once it was checked in; not where a hold is to be withdrawn meanwhile."""
        if not item.hold_count:
            returned = item.status.model_copy(update={"duedate": ""})
            self._sight.keep(item.model_copy(update={"status": returned}))

    def find(self, command: do.FindItem) -> Outcome:
        """Look an item up."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        return Outcome(learned=Learned(ids=ids_of(item), place=place_of(item), barcode=item.barcode))


def _account_refused(against: tuple[str, ...], refused: AgainstPatron) -> Rejected:
    why = "; ".join(against) or "Sierra does not say why"
    return Rejected(
        f"Nothing can be checked out to the borrowing library's account: {why}. {refused.reason}",
        code=refused.code,
        cause="account_blocked",
        advice="See to the account in Sierra.",
    )
