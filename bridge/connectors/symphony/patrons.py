"""Patrons in Symphony: who they are, what is against them, and their bills (symphony.md, sections 4 and 5.9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation

from bridge.connectors.base import Call
from bridge.connectors.days import day_of
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.errors import Missing
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.wire import policy
from bridge.domain import commands as do
from bridge.domain.expect import AccountStanding
from bridge.domain.record import FeeRecord, Learned, Outcome, OutcomeKind, PatronRecord
from bridge.errors import IlsError, Rejected, Retry

BARCODE = "barcode"


class Patrons:
    """Patrons of one Symphony. ILL accounts, which are named by barcode, are looked up once."""

    def __init__(self, client: SymphonyClient, settings: SymphonySettings, today: Callable[[], date]) -> None:
        self._client = client
        self._settings = settings
        self._today = today
        self._accounts: dict[str, symphony.Patron] = {}

    def find(self, command: do.FindPatron) -> Outcome:
        """Look a patron up by any identifier; raises ``Rejected`` with every reason why they may not borrow."""
        patron = self._found(command.patron_id, self._settings.patron_lookups)
        if patron is None:
            raise Rejected(
                "The patron is unknown in Symphony.",
                cause="unknown_patron",
                advice="Correct the patron id in the request at the service.",
            )
        reasons = self.reasons_against(patron)
        if reasons:
            raise Rejected(
                f"The patron may not borrow: {'; '.join(reasons)}.",
                cause="patron_not_entitled",
                advice="See to the patron's record in Symphony.",
            )
        record = PatronRecord(command.patron_id, patron.key, day_of(patron.expires, self._settings.timezone))
        return Outcome(learned=Learned(patron=record))

    def _found(self, identifier: str, lookups: tuple[str, ...]) -> symphony.Patron | None:
        for lookup in lookups:
            found = self._client.patron_by(lookup, identifier)
            if len(found) > 1:
                raise _ambiguous()
            if found:
                return found[0]
        return None

    def account(self, name: str) -> symphony.Patron:
        """An ILL account. Raises ``Rejected`` where Symphony does not know it."""
        if name not in self._accounts:
            patron = self._found(name, (BARCODE,))
            if patron is None:
                raise Rejected(
                    "The borrowing library's account is unknown in Symphony.",
                    cause="unknown_account",
                    advice="Correct the map of accounts (it names patron barcodes) and restart.",
                )
            self._accounts[name] = patron
        return self._accounts[name]

    def key_of(self, account: str) -> str:
        """The key of an ILL account. Raises ``Rejected`` where Symphony does not know it."""
        return self.account(account).key

    def forget(self, account: str) -> None:
        """Look this account up anew when it is needed next."""
        self._accounts.pop(account, None)

    def holder(self, target: do.Target, patron_id: str) -> str:
        """The key of who a hold is for: own items are held for ILL accounts, which are named by barcode."""
        return self.key_of(patron_id) if target.origin is do.Origin.OWN else patron_id

    def reasons_against(self, patron: symphony.Patron) -> list[str]:
        """Why a patron may not borrow, each a part of a sentence."""
        reasons = [f"standing {patron.standing}"] if patron.standing in self._settings.refused_standings else []
        expires = day_of(patron.expires, self._settings.timezone)
        if (expires is not None and expires < self._today()) or patron.status.expired:
            reasons.append(f"expired on {expires}" if expires else "expired")
        status = patron.status
        limits = (
            (status.fines, "too much is owed"),
            (status.days_with_fines, "something has been owed for too long"),
            (status.lost, "too many items are lost"),
            (status.overdue or status.overdue_days, "too much is overdue"),
            (status.charges, "as many items are on loan as may be"),
        )
        return reasons + [why for stands, why in limits if stands]

    def standing(self, account: str) -> AccountStanding:
        """How an ILL account stands."""
        try:
            patron = self._found(account, (BARCODE,))
        except (Rejected, Retry) as problem:
            return AccountStanding(account, problem=problem.reason)
        if patron is None:
            return AccountStanding(account, known=False)
        self._accounts[account] = patron
        expires = day_of(patron.expires, self._settings.timezone)
        reasons, place = tuple(self.reasons_against(patron)), patron.checkout_location
        return AccountStanding(account, against=reasons, expires=expires, group=patron.profile, place=place)

    def account_refused(self, account: str, refused: IlsError) -> Rejected | None:
        """Our error where Symphony refuses a check-out for the account's sake; ``None`` where nothing is against it."""
        standing = self.standing(account)
        if not standing.against:
            return None
        return Rejected(
            f"Nothing can be checked out to the borrowing library's account: {'; '.join(standing.against)}. {refused.reason}",
            code=refused.code,
            cause="account_blocked",
            advice="See to the account in Symphony.",
        )

    def charge(self, command: do.ChargeFee, call: Call) -> Outcome:
        """Bill a fee; where it may have been billed before, its comment is looked for first."""
        comment = comment_of(command.target, command.fee_key)
        if call.verify and (found := self._bill(command.patron_id, comment)) is not None:
            return Outcome(OutcomeKind.ALREADY, Learned(fee=FeeRecord(command.fee_key, found.key, command.fee)))
        amount = {
            "currencyCode": command.fee.currency or self._settings.currency,
            "amount": f"{command.fee.amount:.2f}",
        }
        library = command.target.place.library or self._settings.library
        fields: dict[str, object] = {
            "block": policy("block", command.fee_type or self._settings.fee_reason),
            "amount": amount,
            "library": policy("library", library),
            "comment": comment,
        }
        try:
            made = self._client.bill(command.patron_id, fields, library)
        except Missing as missing:
            raise Rejected(
                f"Symphony does not take the bill. {missing.reason}",
                code=missing.code,
                cause="refused",
                advice="Are patron and reason of the bill (fee_type, fee_reason) there in Symphony?",
            ) from missing
        return Outcome(learned=Learned(fee=FeeRecord(command.fee_key, made.key, command.fee)))

    def fees_of(self, asked: do.Inspect) -> tuple[FeeRecord, ...]:
        """The fees asked about that are billed; Symphony does not show paid ones (symphony.md section 1)."""
        found = ((key, self._bill(asked.patron_id, comment_of(asked.target, key))) for key in asked.fee_keys)
        return tuple(FeeRecord(key, bill.key, _money(bill)) for key, bill in found if bill is not None)

    def _bill(self, patron: str, comment: str) -> symphony.Bill | None:
        if not patron:
            return None
        try:
            bills = self._client.patron_lists(patron, "blockList{*}").bills
        except Missing:
            return None
        return next((bill for bill in bills if bill.comment.startswith(comment)), None)

    def refuse_paid(self, item: symphony.Item, charge: symphony.Charge) -> None:
        """Before a discharge: of a lost item Symphony shows only what is still owed; where nothing is, it may have been paid for.

        Raises ``Rejected(cause="lost_and_paid")``.
        """
        if item.current not in self._settings.lost_locations or self._unpaid(charge.patron.key, item.key):
            return
        raise Rejected(
            f"Item {item.barcode} is lost in Symphony, and nothing is owed for it any more: it may have been paid for, and a "
            "check-in might pay that back.",
            cause="lost_and_paid",
            advice="Decide about the fee, then check the item in at the desk in Symphony, or leave it.",
        )

    def _unpaid(self, patron: str, item: str) -> bool:
        bills = self._client.patron_lists(patron, "blockList{*}").bills
        return any(bill.item == item and _number(bill.owed.amount) > 0 for bill in bills)


def comment_of(target: do.Target, fee_key: str) -> str:
    """What a bill of ours says, by which it is found again."""
    return f"{target.mark.code} {fee_key}"


def _money(bill: symphony.Bill) -> do.Money:
    return do.Money(_number(bill.amount.amount), bill.amount.currency)


def _number(amount: str) -> Decimal:
    try:
        return Decimal(amount or "0")
    except InvalidOperation:
        return Decimal(0)


def _ambiguous() -> Rejected:
    return Rejected(
        "Several patrons in Symphony bear this identifier.",
        cause="ambiguous_patron",
        advice="Merge or correct the patron records in Symphony, or name another identifier at the service.",
    )
