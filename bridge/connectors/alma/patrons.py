"""Patrons in Alma: who they are, whether they may borrow, and their fees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient
from bridge.connectors.alma.dates import day_of
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.base import Call
from bridge.domain import commands as do
from bridge.domain.expect import AccountStanding
from bridge.domain.record import FeeRecord, Learned, Outcome, OutcomeKind, PatronRecord
from bridge.errors import Rejected, Retry

PATRON_ROLE = "200"
"""Role type of a patron (code table HFrUserRoles.roleType; alma.md section 2)."""
FEE_STATUSES = ("ACTIVE", "CLOSED", "INDISPUTE", "EXPORTED")
"""All statuses of a fee (users.json): a paid fee is closed, and was charged none the less."""


class Patrons:
    """Patrons of one institution."""

    def __init__(self, client: AlmaClient, settings: AlmaSettings, today: Callable[[], date]) -> None:
        self._client = client
        self._settings = settings
        self._today = today

    def find(self, command: do.FindPatron) -> Outcome:
        """Look a patron up by any identifier; raises ``Rejected`` with every reason why they may not borrow."""
        user = self._client.user(command.patron_id)
        reasons = self._reasons_against(user)
        if reasons:
            raise Rejected(
                f"The patron may not borrow: {'; '.join(reasons)}.",
                cause="patron_not_entitled",
                advice="See to the patron's record in Alma.",
            )
        expires = day_of(user.expiry_date, self._settings.timezone)
        patron = PatronRecord(command.patron_id, user.primary_id or command.patron_id, expires)
        return Outcome(learned=Learned(patron=patron))

    def standing(self, account: str) -> AccountStanding:
        """How an ILL account stands; of its own expiry and its patron role's, the earlier one."""
        try:
            user = self._client.user(account)
        except Rejected as refused:
            if refused.cause == "unknown_patron":
                return AccountStanding(account, known=False)
            return AccountStanding(account, problem=refused.reason)
        except Retry as problem:
            return AccountStanding(account, problem=problem.reason)
        against = [*self._reasons_against(user), *(() if user.user_group else ("it has no user group",))]
        return AccountStanding(account, against=tuple(against), expires=self._ends(user), group=user.user_group)

    def _ends(self, user: alma.User) -> date | None:
        """The day after which nothing can be checked out; of several patron roles the one that lasts longest counts."""
        zone = self._settings.timezone
        roles = [day_of(role.expiry_date, zone) for role in user.user_role if self._is_patron(role)]
        role_ends = max((day for day in roles if day is not None), default=None) if None not in roles else None
        ends = [day for day in (day_of(user.expiry_date, zone), role_ends) if day is not None]
        return min(ends, default=None)

    def _reasons_against(self, user: alma.User) -> list[str]:
        reasons = [f"blocked ({self._told(block)})" for block in user.user_block if self._blocks(block)]
        if user.status and user.status.upper() != "ACTIVE":
            reasons.append(f"status {user.status.lower()}")
        if self._over(user.expiry_date):
            reasons.append(f"expired on {user.expiry_date.rstrip('Z')}")
        if not any(self._is_patron(role) for role in user.user_role):
            reasons.append("no active patron role")
        return reasons

    def _blocks(self, block: alma.Block) -> bool:
        return block.block_status.upper() in {"ACTIVE", ""} and not self._over(block.expiry_date)

    @staticmethod
    def _told(block: alma.Block) -> str:
        return block.block_description or block.block_type or "no description"

    def _is_patron(self, role: alma.Role) -> bool:
        active = role.status.upper() in {"ACTIVE", ""}
        return role.role_type == PATRON_ROLE and active and not self._over(role.expiry_date)

    def _over(self, day: str) -> bool:
        ends = day_of(day, self._settings.timezone) if day else None
        return ends is not None and ends < self._today()

    def charge(self, command: do.ChargeFee, call: Call) -> Outcome:
        """Charge a fee; where it may have been charged before, its comment is looked for first."""
        if call.verify:
            found = self._fee(command.patron_id, comment_of(command.target, command.fee_key))
            if found is not None:
                return Outcome(OutcomeKind.ALREADY, Learned(fee=FeeRecord(command.fee_key, found.id, command.fee)))
        body = {
            "type": {"value": command.fee_type or self._settings.fee_type},
            "original_amount": float(command.fee.amount),
            "owner": {"value": self._settings.fee_owner},
            "comment": comment_of(command.target, command.fee_key),
        }
        fee = self._client.create_fee(command.patron_id, body)
        return Outcome(learned=Learned(fee=FeeRecord(command.fee_key, fee.id, command.fee)))

    def fees_of(self, asked: do.Inspect) -> tuple[FeeRecord, ...]:
        """The fees asked about that have been charged, paid ones too."""
        found = ((key, self._fee(asked.patron_id, comment_of(asked.target, key))) for key in asked.fee_keys)
        return tuple(FeeRecord(key, fee.id, do.Money(_amount(fee))) for key, fee in found if fee is not None)

    def _fee(self, patron_id: str, comment: str) -> alma.Fee | None:
        for status in FEE_STATUSES:
            for fee in self._client.fees(patron_id, status).fee:
                if fee.comment.startswith(comment):
                    return fee
        return None


def comment_of(target: do.Target, fee_key: str) -> str:
    """What a fee of ours says, by which it is found again."""
    return f"{target.mark.code} {fee_key}"


def _amount(fee: alma.Fee) -> Decimal:
    try:
        return Decimal(fee.original_amount or "0")
    except InvalidOperation:
        return Decimal(0)
