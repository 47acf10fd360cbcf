"""Patrons in Koha: who they are, what is against them, and their fees (koha-wms-spydus.md A.2; recorded/koha-rest 08)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from bridge.connectors.base import Call
from bridge.connectors.koha import models as koha
from bridge.connectors.koha.client import KohaClient
from bridge.connectors.koha.errors import Missing
from bridge.connectors.koha.settings import KohaSettings
from bridge.domain import commands as do
from bridge.domain.expect import AccountStanding
from bridge.domain.record import FeeRecord, Learned, Outcome, OutcomeKind, PatronRecord
from bridge.errors import Rejected, Retry


class Patrons:
    """Patrons of one Koha."""

    def __init__(self, client: KohaClient, settings: KohaSettings, today: Callable[[], date]) -> None:
        self._client = client
        self._settings = settings
        self._today = today

    def find(self, command: do.FindPatron) -> Outcome:
        """Look a patron up; raises ``Rejected`` with every reason why they may not borrow."""
        patron = self._found(command.patron_id)
        if patron is None:
            raise Rejected(
                "The patron is unknown in Koha.",
                cause="unknown_patron",
                advice="Correct the patron id in the request at the service.",
            )
        reasons = self.reasons_against(patron)
        if reasons:
            raise Rejected(
                f"The patron may not borrow: {'; '.join(reasons)}.",
                cause="patron_not_entitled",
                advice="See to the patron's record in Koha.",
            )
        return Outcome(learned=Learned(patron=PatronRecord(command.patron_id, patron.patron_id, patron.expiry_date)))

    def _found(self, name: str) -> koha.Patron | None:
        for field in self._settings.patron_fields:
            exact = [
                each for each in self._client.patrons(field, name) if getattr(each, field).casefold() == name.casefold()
            ]
            if exact:
                return exact[0]
        return None

    def number_of(self, account: str) -> str:
        """The record number of an ILL account; empty where there is none."""
        found = self._found(account)
        return found.patron_id if found else ""

    def holder(self, target: do.Target, patron_id: str) -> str:
        """The record number of who a hold is for: own items are held for ILL accounts, which are named by card number."""
        return self.number_of(patron_id) if target.origin is do.Origin.OWN else patron_id

    def reasons_against(self, patron: koha.Patron) -> tuple[str, ...]:
        """Why a patron may not borrow, each a part of a sentence."""
        said = ((patron.restricted, "restricted"), (patron.patron_card_lost, "the card is lost"))
        reasons = [why for stands, why in (*said, (patron.incorrect_address, "the address is not right")) if stands]
        if patron.expiry_date is not None and patron.expiry_date < self._today():
            reasons.append(f"expired on {patron.expiry_date}")
        return tuple(reasons)

    def standing(self, account: str) -> AccountStanding:
        """How an ILL account stands."""
        try:
            patron = self._found(account)
        except (Rejected, Retry) as problem:
            return AccountStanding(account, problem=problem.reason)
        if patron is None:
            return AccountStanding(account, known=False)
        return AccountStanding(
            account, against=self.reasons_against(patron), expires=patron.expiry_date, group=patron.category_id
        )

    def charge(self, command: do.ChargeFee, call: Call) -> Outcome:
        """Charge a fee; where it may have been charged before, its description is looked for first."""
        said = description_of(command.target, command.fee_key)
        if call.verify and (found := self._debit(command.patron_id, said)) is not None:
            return Outcome(
                OutcomeKind.ALREADY, Learned(fee=FeeRecord(command.fee_key, found.account_line_id, command.fee))
            )
        body = {
            "amount": float(command.fee.amount),
            "type": command.fee_type or self._settings.debit_type,
            "description": said,
        }
        made = self._client.charge(command.patron_id, body)
        return Outcome(learned=Learned(fee=FeeRecord(command.fee_key, made.account_line_id, command.fee)))

    def fees_of(self, asked: do.Inspect) -> tuple[FeeRecord, ...]:
        """The fees asked about that have been charged."""
        if not asked.patron_id:
            return ()
        found = ((key, self._debit(asked.patron_id, description_of(asked.target, key))) for key in asked.fee_keys)
        return tuple(
            FeeRecord(key, debit.account_line_id, do.Money(Decimal(str(debit.amount)))) for key, debit in found if debit
        )

    def _debit(self, patron_id: str, said: str) -> koha.Debit | None:
        try:
            return next((each for each in self._client.debits(patron_id) if each.description == said), None)
        except Missing:  # nobody by this number was charged anything
            return None

    def is_lost(self, item: koha.Item) -> bool | None:
        """Whether it is declared lost; not known where no value of LOST is configured."""
        return bool(item.lost_status) if self._settings.lost_status else None


def description_of(target: do.Target, fee_key: str) -> str:
    """What a fee of ours says, by which it is found again."""
    return f"{target.mark.code} {fee_key}"
