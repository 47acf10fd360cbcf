"""The verbs of the bridge in Cards. It lends and takes back; whatever else there is to do is a task for staff (``ByHand``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from datetime import date

from pydantic import BaseModel

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.by_hand import CANNOT_LIST, ByHand, staffed
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.expect import AccountStanding, Expectations
from bridge.domain.finding import Finding, well
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind, PatronRecord, SeenLoan, Sighting
from bridge.errors import Rejected
from ill_bridge_cards.client import CardsClient, Loan
from ill_bridge_cards.errors import Missing, OnLoan
from ill_bridge_cards.settings import CardsSettings

DOES = (Verb.FIND_PATRON, Verb.FIND_ITEM, Verb.CHECK_OUT, Verb.SET_DUE_DATE, Verb.CHECK_IN)


class CardsConnector(ByHand):
    """One Cards. Safe to use from several threads."""

    capabilities = Capabilities(
        abilities=staffed(dict.fromkeys(DOES, Ability.YES)),
        reasons=dict.fromkeys((verb for verb in Verb if verb not in DOES), "Cards has no call for it."),
        temporary_location=False,
        inspect_by=frozenset({InspectBy.BARCODE}),
        cannot_list=CANNOT_LIST,
    )

    def __init__(
        self, settings: CardsSettings, surroundings: Surroundings, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = CardsClient(settings, surroundings, sleep)

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        """Learn who it is, or say why they may not borrow."""
        try:
            patron = self._client.patron(command.patron_id)
        except Missing as missing:
            advice = "Correct the patron id in the request at the service."
            raise Rejected("The patron is unknown in Cards.", cause="unknown_patron", advice=advice) from missing
        if patron.barred:
            advice = "See to the patron's record in Cards."
            raise Rejected("The patron may not borrow: barred.", cause="patron_not_entitled", advice=advice)
        return Outcome(learned=Learned(patron=PatronRecord(command.patron_id, patron.card, patron.expires)))

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """Learn that it is there."""
        item = self._client.item(command.target.barcode)
        return Outcome(learned=Learned(ids=do.VendorIds(item=item.barcode), barcode=item.barcode))

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Check out; where it may have happened before, look first."""
        barcode = command.target.barcode
        standing = self._loan(barcode) if call.verify else None
        if standing is not None and standing.card == command.account:
            return self._lent(OutcomeKind.ALREADY, command, standing)
        try:
            return self._lent(OutcomeKind.DONE, command, self._client.lend(barcode, command.account, command.due))
        except OnLoan as refused:
            raise Rejected(refused.reason, cause="on_loan", advice="See to the item in Cards.") from refused

    def _lent(self, kind: OutcomeKind, command: do.CheckOut, loan: Loan) -> Outcome:
        record = LoanRecord(loan.id, command.account, loan.due)
        ids = do.VendorIds(item=command.target.barcode)
        return Outcome(kind, Learned(ids=ids, loan=record, due=loan.due))

    def _loan(self, barcode: str) -> Loan | None:
        try:
            return self._client.item(barcode).loan
        except Missing:
            return None

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """Date the loan anew, never earlier than it may be."""
        loan = self._loan(command.target.barcode)
        if loan is None or (command.loan_id and loan.id != command.loan_id):
            note = "The item is not on loan, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        wanted = command.on(date.today(), loan.due)  # noqa: DTZ011 - Cards counts in the library's days
        if wanted == loan.due:
            notes = () if loan.due == command.due else (f"The loan stays due {loan.due}: it is not made shorter.",)
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), notes)
        self._client.lend(command.target.barcode, loan.card, wanted)
        return Outcome(learned=Learned(due=command.due, stands=wanted))

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        """Check in our loan, and nobody else's."""
        loan = self._loan(command.target.barcode)
        if loan is None:
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True))
        if loan.id not in command.loan_ids and loan.card != command.account:
            note = "The item is on loan to somebody else; that loan stays."
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), (note,))
        try:
            self._client.take_back(command.target.barcode, loan.id)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True))
        return Outcome(learned=Learned(checked_in=True))

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """Who has the item; of what staff do by hand nothing can be seen."""
        try:
            item = self._client.item(command.target.barcode)
        except Missing:
            return Sighting()
        loan = item.loan
        if loan is None:
            return Sighting(loans_seen=True, barcode=item.barcode)
        ours = loan.id in command.loan_ids or loan.card == command.account
        return Sighting(loans_seen=True, barcode=item.barcode, loans=(SeenLoan(loan.id, loan.card, loan.due, ours),))

    def probe(self) -> tuple[Finding, ...]:
        """Quick and read-only: a closed lane asks it."""
        self._client.status()
        return (well("API", "Cards answers, and accepts the token."),)

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """What cannot be seen is said, not passed over."""
        return (*self.probe(), well("Codes", "Cards has no item types, places or pickup locations to compare."))

    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        """How ILL accounts stand."""
        return tuple(self._standing(name) for name in names)

    def _standing(self, name: str) -> AccountStanding:
        try:
            patron = self._client.patron(name)
        except Missing:
            return AccountStanding(name, known=False)
        return AccountStanding(name, against=("barred",) if patron.barred else (), expires=patron.expires)

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``CardsSettings``)."""
    return CardsConnector(CardsSettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The Cards these settings reach: two names of one are one lane."""
    return CardsSettings.model_validate(settings.model_dump()).base_url.casefold()
