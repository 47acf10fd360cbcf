"""Loans in Symphony: check-out with its due date, renewal, check-in (symphony.md, sections 5.5 to 5.9).

What lies on an item is looked at before anything is charged or discharged: a charge over somebody else's would clear that one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date

from bridge.connectors.base import Call
from bridge.connectors.due import floored, stays
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.charges import Charges
from bridge.connectors.symphony.client import WHOLE_LOOK, SymphonyClient
from bridge.connectors.symphony.dates import end_of_day
from bridge.connectors.symphony.errors import Missing, NotRenewed, unknown_item
from bridge.connectors.symphony.patrons import Patrons
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.sight import Sight, ids_of, is_ours, place_of, same_account
from bridge.domain import commands as do
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind
from bridge.errors import IlsError, Rejected

NOT_ON_LOAN = "The item is not on loan, so there is no due date to change."
ENDED = "The loan has ended, so there is no due date to change."


class Loans:
    """Loans of one Symphony."""

    def __init__(
        self,
        client: SymphonyClient,
        settings: SymphonySettings,
        sight: Sight,
        patrons: Patrons,
        charges: Charges,
        today: Callable[[], date],
    ) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._patrons = patrons
        self._charges = charges
        self._today = today

    def find(self, command: do.FindItem) -> Outcome:
        """Look an item up."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        return Outcome(learned=Learned(ids=ids_of(item), place=place_of(item), barcode=item.barcode))

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Check an item out that nobody has; a loan of our account that stands is taken over."""
        try:
            item = self._sight.item(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        top = self._sight.charge_of(item)
        if top is not None:
            return self._taken_over(item, top, command)
        charge = self._charged(item, command)
        learned = self._learned(item, charge, command)
        call.keep(learned)
        return self._dated(item, charge, command, learned)

    def _taken_over(self, item: symphony.Item, top: symphony.Charge, command: do.CheckOut) -> Outcome:
        """Of an in-system loan that was charged by hand, the borrowing library may have charged its patron over our account already."""
        account = command.account
        charges = (top,) if same_account(top, account) else self._charges.of(item, account)
        charge = next((each for each in charges if same_account(each, account)), None)
        if charge is None:
            raise Rejected(
                f"Item {item.barcode} is on loan to somebody else in Symphony.",
                cause="on_loan",
                advice="Check it in at the desk, or see to the loan by hand.",
            )
        return replace(
            self._dated(item, charge, command, self._learned(item, charge, command)), kind=OutcomeKind.ALREADY
        )

    def _charged(self, item: symphony.Item, command: do.CheckOut) -> symphony.Charge:
        account = self._patrons.key_of(command.account)
        due = end_of_day(command.due, self._settings.timezone) if command.due else ""
        try:
            return self._client.check_out(item.barcode, account, due, item.library)
        except Missing as missing:
            self._patrons.forget(command.account)
            self._patrons.key_of(command.account)
            raise unknown_item(item.barcode) from missing
        except Rejected as refused:
            raise self._patrons.account_refused(command.account, refused) or refused from refused

    def _learned(self, item: symphony.Item, charge: symphony.Charge, command: do.CheckOut) -> Learned:
        loan = self._sight.recorded(charge, command.account)
        return Learned(ids=ids_of(item), place=place_of(item), loan=loan, due=loan.due)

    def _dated(self, item: symphony.Item, charge: symphony.Charge, command: do.CheckOut, learned: Learned) -> Outcome:
        """The check-out takes the date it is given; where it did not, the date is written afterwards, and what failed then is told."""
        if command.due is None or learned.due == command.due:
            return Outcome(learned=learned)
        try:
            written = self._written(charge, command.due, item.library)
        except (IlsError, Missing) as failed:
            note = f"Symphony's rule made it due {learned.due}, and {command.due} could not be written. {failed.reason}"
            return Outcome(learned=learned, notes=(note,))
        loan = self._sight.recorded(written, command.account)
        notes = () if loan.due == command.due else (_made(loan.due, command.due),)
        return Outcome(learned=replace(learned, loan=loan, due=loan.due), notes=notes)

    def _written(self, charge: symphony.Charge, due: date, station: str) -> symphony.Charge:
        return self._client.set_due_date(charge.key, end_of_day(due, self._settings.timezone), station)

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Renew a loan of ours to the date; of others, and where that is refused, write the date once it was seen whose loan it is."""
        ours = command.charge is do.Charge.ANY and command.loan_id and command.account
        asked = ours and self._settings.renew_loans and not command.leave_days and not call.verify
        renewed, refused = self._renewed(command) if asked else (None, "")
        if renewed is not None and renewed.name == command.loan_id:
            return self._brought(renewed, command)
        try:
            item = self._sight.item(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (NOT_ON_LOAN,))
        loan = self._loan_to_date(item, command)
        if renewed is not None and loan is None:
            call.keep(Learned(loan=LoanRecord(command.loan_id, command.account, ended=True)))
            raise self._another_renewed(renewed, command)
        outcome = self._redated(item, loan, command)
        if not refused or outcome.kind is not OutcomeKind.DONE:
            return outcome
        note = f"Symphony did not renew the loan, so that only the date was written. {refused}"
        return replace(outcome, notes=(note, *outcome.notes))

    def _renewed(self, command: do.SetDueDate) -> tuple[symphony.Charge | None, str]:
        """What was renewed, else why that is refused. Symphony does it only for the account that has the item, and tells which loan that
        was, so that nothing is looked at before.
        """
        due, station = end_of_day(command.due, self._settings.timezone), command.target.place.library
        try:
            return self._client.renew(command.target.barcode, command.account, due, station), ""
        except (NotRenewed, Missing, Rejected) as refused:
            return None, refused.reason

    def _brought(self, renewed: symphony.Charge, command: do.SetDueDate) -> Outcome:
        """A renewal that did not take the date gets it afterwards."""
        learned = Learned(due=command.due)
        if self._sight.due(renewed) == command.due:
            return Outcome(learned=learned)
        try:
            written = self._sight.due(self._written(renewed, command.due, command.target.place.library))
        except Missing:
            return Outcome(OutcomeKind.ALREADY, learned, (ENDED,))
        notes = () if written == command.due else (_made(written, command.due),)
        return Outcome(learned=replace(learned, stands=written), notes=notes)

    def _another_renewed(self, renewed: symphony.Charge, command: do.SetDueDate) -> Rejected:
        barcode, account = command.target.barcode, command.account
        return Rejected(
            f"Item {barcode} had come back and gone out to {account} again: Symphony renewed that later loan, which is due "
            f"{self._sight.due(renewed)} now.",
            cause="another_renewed",
            advice="See when that loan should be due, and correct it in Symphony.",
        )

    def _loan_to_date(self, item: symphony.Item, command: do.SetDueDate) -> symphony.Charge | None:
        """The loan meant, under another charge too; where neither loan nor account is named, the one on top."""
        if not (command.loan_id or command.account):
            return self._sight.charge_of(item)
        if command.loan_id:
            charges = self._charges.recorded(item, (command.loan_id,))
        elif command.charge is do.Charge.PATRON:
            charges = self._charges.of(item, patron=command.account)
        else:
            charges = self._charges.of(item, command.account)
        return next((each for each in charges if _is_meant(each, command)), None)

    def _redated(self, item: symphony.Item, charge: symphony.Charge | None, command: do.SetDueDate) -> Outcome:
        if charge is None:
            note = ENDED if command.loan_id or command.account else NOT_ON_LOAN
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        stands = self._sight.due(charge)
        if stands == command.due:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due))
        wanted = command.on(self._today(), stands)
        if wanted == stands:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (stays(command, wanted),))
        try:
            written = self._sight.due(self._written(charge, wanted, item.library))
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (ENDED,))
        notes = (floored(command, wanted),) if wanted != command.due else ()
        notes = notes if written == wanted else (_made(written, wanted),)
        return Outcome(learned=Learned(due=command.due, stands=written), notes=notes)

    def check_in(self, command: do.CheckIn) -> Outcome:
        """Check in what is on loan: a temporary item from whoever has it, an own one only from our account."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            note = "The item is gone from Symphony, so there is nothing to check in."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True, nothing_waits=True), (note,))
        top = self._sight.charge_of(item)
        if top is None:
            return self._not_charged(item, command.target)
        own = command.target.origin is do.Origin.OWN
        if own and not is_ours(top, command.loan_ids, command.account):
            note = "The item is on loan to somebody else; that loan stays."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), (note,))
        self._patrons.refuse_paid(item, top)
        self._client.check_in(item.barcode, item.library)
        return self._come_home(item) if own else self._come_back(item)

    def _not_charged(self, item: symphony.Item, target: do.Target) -> Outcome:
        """Nobody has it. A temporary item on its way somewhere is received there, so that it can be deleted."""
        waits = None if item.holds or item.transit else True
        if target.origin is not do.Origin.OWN:
            item = self._received(item)
        if not item.holds:
            self._sight.keep(item)
        said = ("The item was checked in already.",) if target.origin is do.Origin.OWN else ()
        return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True, nothing_waits=waits), said)

    def _received(self, item: symphony.Item) -> symphony.Item:
        """The item as it is once it was received where it was sent, and at its own library where it was sent on to."""
        for _ in range(2):
            if item.transit is None:
                break
            with suppress(Missing, Rejected):
                self._client.receive(item.barcode, item.transit.destination)
            item = self._client.item(item.key, WHOLE_LOOK)
        return item

    def _come_back(self, item: symphony.Item) -> Outcome:
        """A temporary item is looked at again only where something waits for it."""
        if item.holds:
            return Outcome(learned=Learned(checked_in=True), notes=("Something waits for the item.",))
        self._sight.keep(item.model_copy(update={"charge": None, "current": item.home, "transit": None}))
        return Outcome(learned=Learned(checked_in=True, nothing_waits=True))

    def _come_home(self, item: symphony.Item) -> Outcome:
        """Where an own item is after the check-in is seen, not taken for granted."""
        after = self._client.item(item.key)
        before, stands = item.charge, self._sight.charge_of(after)
        if before is not None and stands is not None and stands.name == before.name:
            raise Rejected(
                f"Symphony checked item {item.barcode} in and still shows it on loan.",
                cause="still_on_loan",
                advice="Check it in at the desk in Symphony.",
            )
        learned = Learned(checked_in=True, nothing_waits=None if after.holds else True)
        if after.transit is not None:
            return Outcome(learned=learned, notes=(f"Symphony sends the item to {after.transit.destination}.",))
        if after.current != after.home:
            return Outcome(learned=learned, notes=(f"The item is now at {after.current}.",))
        return Outcome(learned=learned)

    def mark_lost(self, command: do.MarkLost) -> Outcome:
        """Use the site's own action (``lost_action``)."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            note = "The item is gone from Symphony."
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True), (note,))
        if item.current in self._settings.lost_locations:
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True))
        charges = self._charges.recorded(item, (command.loan_id,))
        if not charges or (command.loan_id and command.loan_id not in {each.name for each in charges}):
            note = "The loan has ended, so it is not declared lost."
            return Outcome(OutcomeKind.ALREADY, Learned(marked_lost=True), (note,))
        if command.loan_id and charges[0].name != command.loan_id:
            raise Rejected(
                f"Another charge of item {item.barcode} lies over the one to be declared lost, so that Symphony would take that one.",
                cause="charged_over",
                advice="Declare the item lost in Symphony by hand, or discharge what lies over it.",
            )
        self._client.mark_lost(self._settings.lost_action, item.barcode, item.library)
        return Outcome(learned=Learned(marked_lost=True))


def _is_meant(charge: symphony.Charge, command: do.SetDueDate) -> bool:
    if command.charge is do.Charge.ANY:
        return is_ours(charge, (command.loan_id,), command.account)
    if command.loan_id:
        return charge.name == command.loan_id
    return command.account in {charge.patron.key, charge.patron.barcode}


def _made(stands: date | None, wanted: date) -> str:
    return f"Symphony made the due date {stands} although {wanted} was asked for."
