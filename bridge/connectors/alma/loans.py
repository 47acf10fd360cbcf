"""Loans in Alma: check-out with its due date afterwards, renewal by a new due date, scan-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.dates import day_of, end_of_day
from bridge.connectors.alma.errors import AlreadyThere, Missing, loan_not_shown, unknown_item
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.alma.sight import LISTED, LOST_AND_PAID, ON_LOAN, Sight, complete, is_ours, permanent_place
from bridge.connectors.base import Call
from bridge.connectors.due import floored, stays
from bridge.connectors.recent import Recent
from bridge.domain import commands as do
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind
from bridge.errors import Rejected

DEFAULT_DESK = "DEFAULT_CIRC_DESK"


class Loans:
    """Loans of one institution."""

    def __init__(
        self,
        client: AlmaClient,
        settings: AlmaSettings,
        sight: Sight,
        seen: Recent[alma.Item],
        today: Callable[[], date],
    ) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._seen = seen
        self._today = today

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Check out, keep the loan's id, then set the due date and verify it from the answer."""
        target = self._known(command.target, with_place=not self._settings.lending_library)
        loan, kind = self._loan(target, command, call)
        record = LoanRecord(loan.loan_id, loan.user_id or command.account)
        call.keep(Learned(ids=target.ids, place=target.place, loan=record))
        due, notes = self._dated(loan, record.account, command.due)
        learned = Learned(ids=target.ids, place=target.place, loan=replace(record, due=due), due=due)
        return Outcome(kind, learned, notes)

    def _known(self, target: do.Target, *, with_place: bool = False) -> do.Target:
        """The target with its ids, and with its place (whose library owns it) where that is needed; looked up if not known."""
        if complete(target.ids) and (target.place.library or not with_place):
            return target
        try:
            item = self._sight.item(target)
        except Missing as missing:
            if target.origin is do.Origin.CREATED:
                raise
            raise unknown_item(target.barcode) from missing
        return replace(target, ids=ids_of(item), place=permanent_place(item))

    def _loan(self, target: do.Target, command: do.CheckOut, call: Call) -> tuple[alma.Loan, OutcomeKind]:
        if call.verify:
            found = self._own_loan(target, command.account)
            if found is not None:
                return found, OutcomeKind.ALREADY
        library = self._settings.lending_library or target.place.library
        try:
            loan = self._client.create_loan(command.account, target.ids.item, library, self._settings.lending_desk)
        except AlreadyThere as there:
            found = self._own_loan(target, command.account)
            if found is None:
                raise Rejected(there.reason, code=there.code, cause="on_loan") from there
            return found, OutcomeKind.ALREADY
        return loan, OutcomeKind.DONE

    def _own_loan(self, target: do.Target, account: str, loan_ids: tuple[str, ...] = ()) -> alma.Loan | None:
        loans = self._client.item_loans(target.ids).item_loan
        return next((loan for loan in loans if is_ours(loan, loan_ids, account)), None)

    def _dated(self, loan: alma.Loan, account: str, due: date | None) -> tuple[date | None, tuple[str, ...]]:
        """Alma gives its own due date at check-out, so it is set afterwards (alma.md section 6)."""
        given = day_of(loan.due_date, self._settings.timezone)
        if due is None or given == due:
            return given, ()
        answer = self._client.update_due_date(account, loan.loan_id, end_of_day(due, self._settings.timezone))
        stands = day_of(answer.due_date, self._settings.timezone)
        return stands, () if stands == due else (f"Alma made the due date {stands} although {due} was asked for.",)

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:  # noqa: ARG002 - as of other ILSs
        """Change the due date of our loan, or of whoever has the item; never earlier unless the command allows it."""
        if command.loan_id and command.account:
            try:
                return self._changed(command.account, command.loan_id, command.due)
            except Missing:
                return self._for_loan_found(command)
        return self._for_loan_found(command)

    def _for_loan_found(self, command: do.SetDueDate) -> Outcome:
        loan = self._loan_to_date(command)
        if loan is None:
            note = "The item is not on loan, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        stands = day_of(loan.due_date, self._settings.timezone)
        if stands == command.due:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due))
        wanted = command.on(self._today(), stands)
        if wanted == stands:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (stays(command, wanted),))
        changed = self._changed(loan.user_id, loan.loan_id, wanted)
        notes = (floored(command, wanted), *changed.notes) if wanted != command.due else changed.notes
        return replace(changed, learned=replace(changed.learned, due=command.due), notes=notes)

    def _loan_to_date(self, command: do.SetDueDate) -> alma.Loan | None:
        try:
            loans = self._client.item_loans(self._known(command.target).ids).item_loan
        except (Missing, Rejected):
            return None
        if command.loan_id or command.account:
            loans = [loan for loan in loans if is_ours(loan, (command.loan_id,), command.account)]
        return next(iter(loans), None)

    def _changed(self, account: str, loan_id: str, due: date) -> Outcome:
        answer = self._client.update_due_date(account, loan_id, end_of_day(due, self._settings.timezone))
        stands = day_of(answer.due_date, self._settings.timezone)
        notes = () if stands == due else (f"Alma made the due date {stands} although {due} was asked for.",)
        return Outcome(learned=Learned(due=due, stands=stands), notes=notes)

    def check_in(self, command: do.CheckIn) -> Outcome:
        """Scan in at the item's desk; an own item only while the open loan is ours."""
        target = command.target
        try:
            if target.origin is do.Origin.OWN:
                return self._own_checked_in(command)
            target = self._known(target, with_place=True)
            if command.was_lost:
                self._refuse_paid(target)
            return self._scanned(target, target.place.library, target.place.desk or DEFAULT_DESK)
        except Missing:
            note = "The item is gone from Alma, so there is nothing to check in."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True, nothing_waits=True), (note,))

    def _own_checked_in(self, command: do.CheckIn) -> Outcome:
        at_lending_desk = self._settings.check_in_at == "lending" and self._settings.lending_library
        target = self._known(command.target, with_place=not at_lending_desk)
        loans = self._client.item_loans(target.ids).item_loan
        if not loans and alma.folded(self._sight.item(target).item_data.process_type) in LISTED:
            raise loan_not_shown(target.barcode)
        if not any(is_ours(loan, command.loan_ids, command.account) for loan in loans):
            said = (
                "The item is on loan to somebody else; that loan stays."
                if loans
                else "The item was checked in already."
            )
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), (said,))
        if command.was_lost or any("LOST" in alma.folded(loan.process_status) for loan in loans):
            self._refuse_paid(target)
        return self._scanned(target, *self._return_desk(target.place.library))

    def _refuse_paid(self, target: do.Target) -> None:
        """Raises ``Rejected`` where the replacement fee was paid: a scan-in would pay it back (observed practice of Alma libraries)."""
        item = self._sight.item(target)
        if alma.folded(item.item_data.process_type) == LOST_AND_PAID:
            raise Rejected(
                f"Item {target.barcode} is lost and paid in Alma; a scan-in might pay the replacement fee back.",
                cause="lost_and_paid",
                advice="Decide about the fee, then scan the item in at the desk in Alma, or leave it.",
            )

    def _return_desk(self, owner: str) -> tuple[str, str]:
        settings = self._settings
        if settings.check_in_at == "lending" and settings.lending_library:
            return settings.lending_library, settings.lending_desk
        usual = settings.lending_desk if settings.lending_library in {"", owner} else DEFAULT_DESK
        return owner, settings.return_desks.get(owner, usual)

    def _scanned(self, target: do.Target, library: str, desk: str) -> Outcome:
        item = self._scan(self._known(target).ids, library, desk)
        self._seen.keep(item.item_data.pid, item)
        where = alma.folded(item.item_data.process_type)
        if where in ON_LOAN:
            raise Rejected(
                f"Alma scanned item {target.barcode} in and still shows it as on loan ({where}).",
                cause="still_on_loan",
                advice="Check it in at the desk in Alma.",
            )
        waits = where in {"HOLDSHELF", "REQUESTED", "TRANSIT"} or item.item_data.requested is True
        note = {"TRANSIT": "Alma sends the item on.", "HOLDSHELF": "A hold is waiting for the item."}.get(where)
        learned = Learned(checked_in=True, nothing_waits=None if waits else True)
        return Outcome(learned=learned, notes=(note,) if note else ())

    def _scan(self, ids: do.VendorIds, library: str, desk: str) -> alma.Item:
        """Scan in. The code for "unknown item" (40166411) is also the one for an unknown desk, so the item is looked for."""
        try:
            return self._client.scan_in(ids, library, desk)
        except Missing as missing:
            self._client.item(ids)
            raise Rejected(
                f"Alma does not take the scan-in at {library}/{desk}. {missing.reason}".strip(),
                code=missing.code,
                cause="desk",
                advice="Correct library and desk in the configuration and restart.",
            ) from missing

    def receive_transit(self, command: do.ReceiveTransit) -> Outcome:
        """Scan an item in where it has arrived."""
        place = command.target.place
        target = replace(self._known(command.target), place=place)
        outcome = self._scanned(target, place.library, place.desk or DEFAULT_DESK)
        return replace(outcome, learned=Learned(transit_received=True))
