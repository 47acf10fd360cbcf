"""Patrons in Sierra: who they are, what is against them, and their fees (sierra.md, sections 5 and 8.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from bridge.connectors.amounts import minor
from bridge.connectors.base import Call
from bridge.connectors.days import day_of
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.client import SierraClient
from bridge.connectors.sierra.errors import Missing
from bridge.connectors.sierra.settings import SierraSettings
from bridge.domain import commands as do
from bridge.domain.expect import AccountStanding
from bridge.domain.record import FeeRecord, Learned, Outcome, OutcomeKind, PatronRecord
from bridge.errors import Rejected, Retry

BARCODE = "b"


class Patrons:
    """Patrons of one Sierra."""

    def __init__(self, client: SierraClient, settings: SierraSettings, today: Callable[[], date]) -> None:
        self._client = client
        self._settings = settings
        self._today = today

    def find(self, command: do.FindPatron) -> Outcome:
        """Look a patron up by any identifier; raises ``Rejected`` with every reason why they may not borrow."""
        patron = self._found(command.patron_id, self._settings.patron_tags)
        if patron is None:
            raise Rejected(
                "The patron is unknown in Sierra.",
                cause="unknown_patron",
                advice="Correct the patron id in the request at the service.",
            )
        reasons = self.reasons_against(patron)
        if reasons:
            raise self.refused(reasons)
        record = PatronRecord(command.patron_id, patron.id, day_of(patron.expires, self._settings.timezone))
        return Outcome(learned=Learned(patron=record))

    @staticmethod
    def refused(reasons: list[str]) -> Rejected:
        """Our error for a patron who may not borrow."""
        return Rejected(
            f"The patron may not borrow: {'; '.join(reasons)}.",
            cause="patron_not_entitled",
            advice="See to the patron's record in Sierra.",
        )

    def _found(self, identifier: str, tags: tuple[str, ...]) -> sierra.Patron | None:
        """A record that is deleted or suppressed does not count as found."""
        for tag in tags:
            try:
                patron = self._client.find_patron(tag, identifier)
            except Missing:
                continue
            except Rejected as refused:
                if refused.code == "133":
                    raise _ambiguous(refused) from refused
                raise
            if not patron.deleted and not patron.suppressed:
                return patron
        return None

    def number_of(self, account: str) -> str:
        """The record number of an ILL account, by its barcode; empty where there is none."""
        patron = self._found(account, (BARCODE,))
        return patron.id if patron else ""

    @staticmethod
    def unknown_account() -> Rejected:
        """Our error for an ILL account that Sierra does not know."""
        return Rejected(
            "The borrowing library's account is unknown in Sierra.",
            cause="unknown_account",
            advice="Correct the map of accounts (it names patron barcodes) and restart.",
        )

    def holder(self, target: do.Target, patron_id: str) -> str:
        """The record number of who a hold is for: own items are held for ILL accounts, which are named by barcode."""
        return self.number_of(patron_id) if target.origin is do.Origin.OWN else patron_id

    def reasons_against(self, patron: sierra.Patron) -> list[str]:
        """Why a patron may not borrow, each a part of a sentence."""
        blocks = ((patron.block, "blocked"), (patron.auto_block, "blocked by Sierra"))
        reasons = [f"{how} (code {block.code})" for block, how in blocks if self._stands(block)]
        expires = day_of(patron.expires, self._settings.timezone)
        if expires is not None and expires < self._today():
            reasons.append(f"expired on {expires}")
        return reasons

    def _stands(self, block: sierra.Block) -> bool:
        until = day_of(block.until, self._settings.timezone) if block.until else None
        return block.stands and (until is None or until >= self._today())

    def explained(self, patron_id: str, said: str) -> Rejected:
        """Why circulation refuses a patron: Sierra's own words cover five cases, so the record is read (sierra.md section 6)."""
        try:
            patron = self._client.patron(patron_id)
        except Missing:
            return self.refused(["the record is gone"])
        reasons = self.reasons_against(patron)
        owed = f"; {patron.owed:.2f} is owed" if patron.owed else ""
        if reasons:
            return self.refused(reasons)
        error = self.refused([f"Sierra does not say why; the number of holds may be at its limit{owed}"])
        return Rejected(f"{error.reason} {said}", cause=error.cause, advice=error.advice)

    def standing(self, account: str) -> AccountStanding:
        """How an ILL account stands."""
        try:
            patron = self._found(account, (BARCODE,))
        except (Rejected, Retry) as problem:
            return AccountStanding(account, problem=problem.reason)
        if patron is None:
            return AccountStanding(account, known=False)
        expires = day_of(patron.expires, self._settings.timezone)
        reasons = tuple(self.reasons_against(patron))
        return AccountStanding(account, against=reasons, expires=expires, group=patron.patron_type)

    def charge(self, command: do.ChargeFee, call: Call) -> Outcome:
        """Charge a fee; where it may have been charged before, its reason is looked for first."""
        reason = reason_of(command.target, command.fee_key)
        if call.verify and (found := self._fine(command.patron_id, reason)) is not None:
            return Outcome(OutcomeKind.ALREADY, Learned(fee=FeeRecord(command.fee_key, found.id, command.fee)))
        self._client.charge(command.patron_id, minor(command.fee.amount), reason)
        return Outcome(learned=Learned(fee=FeeRecord(command.fee_key, "", command.fee)))

    def fees_of(self, asked: do.Inspect) -> tuple[FeeRecord, ...]:
        """The fees asked about that have been charged."""
        found = ((key, self._fine(asked.patron_id, reason_of(asked.target, key))) for key in asked.fee_keys)
        return tuple(
            FeeRecord(key, fine.id, do.Money(Decimal(str(fine.amount)))) for key, fine in found if fine is not None
        )

    def _fine(self, patron_id: str, reason: str) -> sierra.Fine | None:
        if not patron_id:
            return None
        return next((fine for fine in self._client.fines(patron_id) if fine.description.startswith(reason)), None)


def reason_of(target: do.Target, fee_key: str) -> str:
    """What a fee of ours says, by which it is found again."""
    return f"{target.mark.code} {fee_key}"


def _ambiguous(refused: Rejected) -> Rejected:
    return Rejected(
        "Several patrons in Sierra bear this identifier.",
        code=refused.code,
        cause="ambiguous_patron",
        advice="Merge or correct the patron records in Sierra, or name another identifier at the service.",
    )
