"""The verbs of the bridge in Spydus: SIP2 lends and takes back, LCF makes items and holds where it is to be had, the rest is for staff.

Known limits: docs/reference/connectors/spydus.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.by_hand import CANNOT_LIST, ByHand, left_to_staff, staffed
from bridge.connectors.sip2 import Sip2Client
from bridge.connectors.sip2.answers import Item, Loan, Patron
from bridge.connectors.sip2.check import sip_finding
from bridge.connectors.spydus.lcf import SAYS
from bridge.connectors.spydus.making import ONLY_BY_SIP, Lcf
from bridge.connectors.spydus.settings import SpydusSettings
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability, Capabilities, InspectBy
from bridge.domain.commands import Verb
from bridge.domain.expect import AccountStanding, Expectations
from bridge.domain.finding import Finding, warned
from bridge.domain.masking import vendor_words
from bridge.domain.record import Learned, LoanRecord, Outcome, OutcomeKind, PatronRecord, SeenLoan, Sighting
from bridge.errors import Rejected

NOT_BY_SIP = "SIP2 has no message for it."
NEEDS_LCF = "SIP2 has no message for it, and no LCF interface is configured (lcf)."
BY_LCF = (Verb.CREATE_TEMPORARY_ITEM, Verb.PLACE_HOLD, Verb.CANCEL_HOLD, Verb.DELETE_TEMPORARY_ITEM)
LOOK = "See in Spydus who has the item."
UNSEEN = "Which codes there are is not asked: look them up in Spydus."


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def capabilities_of(settings: SpydusSettings) -> Capabilities:
    """What SIP2 can do, and LCF where it is configured."""
    yes = (Verb.FIND_PATRON, Verb.FIND_ITEM, Verb.CHECK_OUT, Verb.CHECK_IN, *(BY_LCF if settings.lcf else ()))
    due = Ability.STAFF if settings.due_dates == "staff" else Ability.ADVISORY
    moves = dict.fromkeys((Verb.MOVE_ITEM, Verb.RESTORE_ITEM), Ability.NO)
    done = {**dict.fromkeys(yes, Ability.YES), **moves, Verb.SET_DUE_DATE: due}
    return Capabilities(
        abilities=staffed(done),
        reasons={verb: NEEDS_LCF if verb in BY_LCF else NOT_BY_SIP for verb in Verb if verb not in yes},
        temporary_location=False,
        due_date_at_check_out=settings.due_date == "no_block",
        inspect_by=frozenset({InspectBy.BARCODE}),
        cannot_list=CANNOT_LIST,
    )


class SpydusConnector(ByHand):
    """One Spydus. Safe to use from several threads. SIP2 gives loans no numbers, so that a loan is named by its account."""

    def __init__(
        self,
        settings: SpydusSettings,
        surroundings: Surroundings,
        *,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._now = now
        self._zone = ZoneInfo(settings.timezone)
        self._sip = Sip2Client(settings, surroundings, now=now)
        self._lcf = Lcf(settings.lcf, surroundings, sleep) if settings.lcf else None

    def find_patron(self, command: do.FindPatron, call: Call) -> Outcome:
        """See ``Connector``."""
        patron = self._sip.patron(command.patron_id)
        if not patron.known:
            advice = "Correct the patron id in the request at the service."
            raise Rejected("The patron is unknown in Spydus.", cause="unknown_patron", advice=advice)
        against = self._against(patron)
        if against:
            said = f"The patron may not borrow: {'; '.join(against)}."
            raise Rejected(said, cause="patron_not_entitled", advice="See to the patron's record in Spydus.")
        number = patron.patron_id or command.patron_id
        return Outcome(learned=Learned(patron=PatronRecord(command.patron_id, number, patron.expires)))

    def _against(self, patron: Patron) -> tuple[str, ...]:
        return patron.against_on(self._now().astimezone(self._zone).date())

    def find_item(self, command: do.FindItem, call: Call) -> Outcome:
        """See ``Connector``."""
        item = self._sip.item(command.target.barcode)
        if not item.known:
            raise SAYS.unknown_item(command.target.barcode)
        return Outcome(learned=Learned(barcode=command.target.barcode))

    def create_temporary_item(self, command: do.CreateTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``; by LCF."""
        return self._by_lcf(command).items.create(command, call)

    def place_hold(self, command: do.PlaceHold, call: Call) -> Outcome:
        """See ``Connector``; by LCF."""
        return self._by_lcf(command).holds.place(command, call)

    def cancel_hold(self, command: do.CancelHold, call: Call) -> Outcome:
        """See ``Connector``; by LCF."""
        return self._by_lcf(command).holds.cancel(command)

    def delete_temporary_item(self, command: do.DeleteTemporaryItem, call: Call) -> Outcome:
        """See ``Connector``; by LCF. What LCF does not know is gone only where SIP2 does not know it either."""
        outcome = self._by_lcf(command).items.delete(command)
        if outcome.kind is OutcomeKind.ALREADY and self._sip.item(command.target.barcode).known:
            raise Rejected(
                f"{ONLY_BY_SIP}: item {command.target.barcode} is not taken for deleted.",
                cause="cannot_look",
                advice="See whether lcf.url and lcf.record are right, and whether the item is there.",
            )
        return outcome

    def _by_lcf(self, command: do.Command) -> Lcf:
        return self._lcf or left_to_staff(command)

    def check_out(self, command: do.CheckOut, call: Call) -> Outcome:
        """Repeated it may renew, so that it is looked up first; the date is the one that stands afterwards."""
        barcode, account = command.target.barcode, command.account
        if call.verify and self._has(account, barcode):
            return self._lent(OutcomeKind.ALREADY, command, self._sip.item(barcode).due)
        answer = self._sip.check_out(barcode, account, command.due)
        if not answer.ok:
            raise self._refused(command, answer)
        return self._lent(OutcomeKind.DONE, command, answer.due)

    def _has(self, account: str, barcode: str) -> bool:
        """Whether an account has the item, by the list of what it has. Raises ``Rejected`` where the list lacks some of them."""
        patron = self._sip.patron(account, charged=True)
        if barcode.casefold() in {each.casefold() for each in patron.charged}:
            return True
        if not patron.charged_in_full:
            said = f"Spydus lists {len(patron.charged)} of the {patron.charged_count} items that the account has, and not this one"
            raise Rejected(f"{said}: whether it has the item cannot be told.", cause="cannot_look", advice=LOOK)
        return False

    def _lent(self, kind: OutcomeKind, command: do.CheckOut, due: date | None) -> Outcome:
        record = LoanRecord(command.account, command.account, due)
        written = due if self._settings.due_dates == "staff" else command.due or due
        return Outcome(kind, Learned(loan=record, due=written), _told(due, command.due))

    def _refused(self, command: do.CheckOut, answer: Loan) -> Rejected:
        words = vendor_words(" ".join(answer.words))
        said = f" Spydus says: {words}" if words else ""
        account = self._standing(command.account)
        if not account.known:
            advice = "Make the account in Spydus, or correct its name in the policy."
            return Rejected(
                "The borrowing library's account is unknown in Spydus.", cause="unknown_account", advice=advice
            )
        item = self._sip.item(command.target.barcode)
        if not item.known:
            return SAYS.unknown_item(command.target.barcode)
        if account.against:
            why = f"Nothing can be checked out to the borrowing library's account: {'; '.join(account.against)}.{said}"
            return Rejected(why, cause="account_blocked", advice="See to the account in Spydus.")
        cause = "on_loan" if item.on_loan else "not_loanable"
        why = f"Spydus does not check item {command.target.barcode} out.{said}"
        return Rejected(why, cause=cause, advice="See to the item in Spydus.")

    def set_due_date(self, command: do.SetDueDate, call: Call) -> Outcome:
        """A loan of ours is renewed once by Spydus's rule; of the patron's the date is read."""
        item = self._sip.item(command.target.barcode)
        if not (item.on_loan or item.untold):
            note = "The item is not on loan, so there is no due date to change."
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        if not command.loan_id or call.verify or command.is_earlier:
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), _told(item.due, command.due))
        renewed = self._sip.renew(command.target.barcode, command.account or command.loan_id)
        if not renewed.ok:
            words = vendor_words(" ".join(renewed.words))
            note = f"Spydus did not renew the loan; the lender's date is {command.due}. {words}".rstrip()
            return Outcome(OutcomeKind.ALREADY, Learned(due=command.due), (note,))
        return Outcome(learned=Learned(due=command.due, stands=renewed.due), notes=_told(renewed.due, command.due))

    def check_in(self, command: do.CheckIn, call: Call) -> Outcome:
        """A temporary item from whoever has it, an own one only from our account; what was declared lost may be on loan all the same."""
        barcode = command.target.barcode
        item = self._sip.item(barcode)
        if not item.may_be_on_loan:
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True))
        account = command.account or next(iter(command.loan_ids), "")
        if command.target.origin is do.Origin.OWN and not (account and self._has(account, barcode)):
            notes = ("The item is on loan to somebody else; that loan stays.",) if item.on_loan else ()
            return Outcome(OutcomeKind.ALREADY, Learned(checked_in=True), notes)
        return self._checked_in(barcode)

    def _checked_in(self, barcode: str) -> Outcome:
        answer = self._sip.check_in(barcode)
        if not answer.ok and self._sip.item(barcode).may_be_on_loan:
            words = vendor_words(" ".join(answer.words))
            said = f"Spydus does not check the item in. Spydus says: {words}"
            raise Rejected(said, cause="refused", advice="See to the item in Spydus.")
        notes = ("Spydus found a hold for the item when it was checked in.",) if answer.traps_hold else ()
        kind = OutcomeKind.DONE if answer.ok else OutcomeKind.ALREADY
        return Outcome(kind, Learned(checked_in=True), notes)

    def inspect(self, command: do.Inspect, call: Call) -> Sighting:
        """Who has the item. What staff made or deleted by hand SIP2 does not show as ours, so nothing is said of it; LCF shows it.

        Raises ``Rejected`` where the list of what the account has lacks some of it.
        """
        barcode = command.target.barcode
        item = self._sip.item(barcode) if barcode else None
        own = command.target.origin is do.Origin.OWN
        seen = Sighting(
            loans_seen=own and item is not None and not command.loan_ids
        )  # what it does not know it has not lent
        if item is not None and item.known:
            loans = self._loans(item, command)
            seen = Sighting(barcode=barcode, loans_seen=loans is not None, loans=loans or ())
        if self._lcf is None:
            return seen
        return self._lcf.seen_own(seen, command) if own else self._lcf.seen(seen, command)

    def _loans(self, item: Item, asked: do.Inspect) -> tuple[SeenLoan, ...] | None:
        """Who has it; ``None`` where that is not told. An item of which nothing is told is on loan only if the account's list has it."""
        if not item.may_be_on_loan:
            return ()
        account = asked.account or next(iter(asked.loan_ids), "")
        ours = bool(account) and self._has(account, asked.target.barcode)
        if item.untold and not ours:
            return () if account else None
        return (SeenLoan(account if ours else "", account if ours else "", item.due, ours),)

    def probe(self) -> tuple[Finding, ...]:
        """See ``Connector``."""
        return (sip_finding(self._sip), *((self._lcf.finding(),) if self._lcf else ()))

    def check(self, expectations: Expectations) -> tuple[Finding, ...]:
        """See ``Connector``."""
        advice = (
            "Try an item and a hold of each pickup location."
            if self._lcf
            else "Items and holds are made by staff here."
        )
        return (*self.probe(), warned("Codes", UNSEEN, advice))

    def accounts(self, names: Sequence[str]) -> tuple[AccountStanding, ...]:
        """See ``Connector``."""
        return tuple(self._standing(name) for name in names)

    def _standing(self, name: str) -> AccountStanding:
        patron = self._sip.patron(name)
        if not patron.known:
            return AccountStanding(name, known=False)
        return AccountStanding(name, against=self._against(patron), expires=patron.expires)

    def close(self) -> None:
        """Hang up."""
        self._sip.close()
        if self._lcf is not None:
            self._lcf.close()


def _told(stands: date | None, wanted: date | None) -> tuple[str, ...]:
    if wanted is None or stands == wanted:
        return ()
    told = stands or "on a date that it does not tell"
    return (f"Spydus made it due {told}; the lender's date is {wanted}, which SIP2 cannot set.",)


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``SpydusSettings``)."""
    return SpydusConnector(SpydusSettings.model_validate(settings.model_dump()), surroundings)


def institution(settings: BaseModel) -> Hashable:
    """The Spydus these settings reach."""
    known = SpydusSettings.model_validate(settings.model_dump())
    return known.host.casefold(), known.port, known.institution
