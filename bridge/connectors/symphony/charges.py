"""Items that are charged twice: to the borrowing library's ILL account and, over that, to its patron (in-system loans, DESIGN rule 10).

An item names only the charge on top. The ones beneath are found in the lists of who has them, and by their numbers: a charge's key is the
item's with a number (symphony.md section 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from bridge.connectors.base import Call
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import CHARGE, SymphonyClient
from bridge.connectors.symphony.dates import end_of_day
from bridge.connectors.symphony.errors import Missing, unknown_item
from bridge.connectors.symphony.patrons import Patrons
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.sight import Sight, ids_of, same_account
from bridge.domain import commands as do
from bridge.domain.commands import Charge
from bridge.domain.record import Learned, Outcome, OutcomeKind, SeenLoan
from bridge.errors import Rejected, Retry

MOST_NUMBERS = 9
"""Numbers of charges that are looked at; an item is charged twice, not more often."""


class Charges:
    """Charges of items of one Symphony, each told apart."""

    def __init__(self, client: SymphonyClient, settings: SymphonySettings, sight: Sight, patrons: Patrons) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._patrons = patrons

    def of(self, item: symphony.Item, account: str = "", patron: str = "") -> tuple[symphony.Charge, ...]:
        """Every charge of an item, the one on top first; ``account`` by barcode, ``patron`` by key."""
        top = self._sight.charge_of(item)
        if top is None:
            return ()
        found = {top.name: top}
        for who in filter(None, (self._patrons.key_of(account) if account else "", patron)):
            if not any(each.patron.key == who for each in found.values()):
                found |= {each.name: each for each in self._of_patron(who, item.key)}
        found |= {each.name: each for each in self._numbered(item.key, found.values())}
        beneath = sorted((each for each in found.values() if each is not top), key=lambda each: each.out)
        return (top, *reversed(beneath))

    def _of_patron(self, patron: str, item: str) -> Iterable[symphony.Charge]:
        try:
            charged = self._client.patron_lists(patron, f"circRecordList{{{CHARGE}}}").charges
        except Missing:
            return ()
        return tuple(each for each in charged if each.item == item)

    def _numbered(self, item: str, found: Iterable[symphony.Charge]) -> Iterable[symphony.Charge]:
        """Charges under the numbers below the highest that are not known yet."""
        known = {each.key for each in found}
        last = max((_number(key) for key in known), default=0)
        for number in range(1, min(last, MOST_NUMBERS)):
            key = f"{item}:{number}"
            if key not in known:
                with suppress(Missing):
                    yield self._client.charge(key)

    def seen(self, item: symphony.Item, asked: do.Inspect) -> tuple[SeenLoan, ...]:
        """The open loans of an item as ``inspect`` tells them."""
        double = asked.double
        charges = self.of(item, asked.account, asked.patron_id) if double else self.recorded(item, asked.loan_ids)
        return tuple(self._seen(each, asked) for each in charges)

    def recorded(self, item: symphony.Item, loan_ids: Iterable[str]) -> tuple[symphony.Charge, ...]:
        """The charge on top, and those of these loans that stand beneath it, read by their keys; without any beneath, nothing is read."""
        top = self._sight.charge_of(item)
        if top is None:
            return ()
        keys = {name: name.partition("@")[0] for name in loan_ids}
        others = {name: key for name, key in keys.items() if key.startswith(f"{item.key}:") and key != top.key}
        beneath = (self._standing(name, key) for name, key in others.items())
        return (top, *filter(None, beneath))

    def _standing(self, name: str, key: str) -> symphony.Charge | None:
        """The charge of this name; one with its key and another time is a later loan's."""
        with suppress(Missing):
            charge = self._client.charge(key)
            return charge if charge.name == name else None
        return None

    def _seen(self, charge: symphony.Charge, asked: do.Inspect) -> SeenLoan:
        on_account = same_account(charge, asked.account)
        which = Charge.ANY
        if asked.double and on_account:
            which = Charge.ACCOUNT
        elif asked.double and asked.patron_id and charge.patron.key == asked.patron_id:
            which = Charge.PATRON
        recorded = charge.name in asked.loan_ids and (which is Charge.PATRON or not asked.account)
        ours = on_account or recorded
        who = asked.account if on_account else charge.patron.key
        return SeenLoan(charge.name, who, self._sight.due(charge), ours, which, charge.began)

    def check_out_over(self, command: do.CheckOut, call: Call) -> Outcome:
        """Charge the item to a patron while the ILL account's charge stands."""
        item = self._item(command.target)
        charges = self.of(item, command.over, command.account)
        beneath = next((each for each in charges if _is_of_this_loan(each, command)), None)
        if beneath is None:
            raise Retry(
                f"Item {item.barcode} is not charged to {command.over} yet, so that it is not charged to the patron either.",
                cause="not_charged",
                advice="The owning library charges it to the ILL account when it sends it.",
            )
        mine = next((each for each in charges if each.patron.key == command.account), None)
        if mine is not None:
            return Outcome(OutcomeKind.ALREADY, self._learned(item, mine, beneath, command))
        if len(charges) > 1:
            raise Rejected(
                f"Item {item.barcode} is charged to somebody else too.",
                cause="on_loan",
                advice="See in Symphony who has it, and discharge what has ended.",
            )
        due = end_of_day(command.due, self._settings.timezone) if command.due else ""
        made = self._client.check_out_over(item.barcode, command.account, due, command.at.library or item.library)
        call.keep(self._learned(item, made, beneath, command))
        return self._both_standing(made, beneath, command)

    def _both_standing(self, made: symphony.Charge, beneath: symphony.Charge, command: do.CheckOut) -> Outcome:
        """That the charge beneath still stands is seen, not taken for granted."""
        after = self._item(command.target)
        stands = any(each.name == beneath.name for each in self.of(after, command.over, command.account))
        learned = self._learned(after, made, beneath, command)
        if stands:
            return Outcome(learned=learned)
        cleared = replace(self._sight.recorded(beneath, command.over, Charge.ACCOUNT), ended=True)
        note = f"Symphony cleared the charge of {command.over} when the item was charged to the patron."
        return Outcome(learned=replace(learned, beneath=cleared), notes=(note,))

    def _learned(
        self, item: symphony.Item, mine: symphony.Charge, beneath: symphony.Charge | None, command: do.CheckOut
    ) -> Learned:
        under = self._sight.recorded(beneath, command.over, Charge.ACCOUNT) if beneath else None
        loan = self._sight.recorded(mine, command.account, Charge.PATRON)
        return Learned(ids=ids_of(item), loan=loan, beneath=under, due=loan.due)

    def discharge(self, command: do.CheckIn, call: Call) -> Outcome:
        """Discharge exactly this charge, and only while it lies on top; what else lies on the item stays."""
        try:
            item = self._sight.item(command.target)
        except Missing:
            return Outcome(
                OutcomeKind.ALREADY, notes=("The item is gone from Symphony, so there is nothing to discharge.",)
            )
        on_patron = command.charge is Charge.PATRON
        account, patron = ("", command.account) if on_patron else (command.account, "")
        charges = self.of(item, account, patron)
        ours = next((each for each in charges if self._is_meant(each, command)), None)
        if ours is None:
            return self._discharged_already(item, () if call.verify else charges)
        if ours.name != charges[0].name:
            raise Retry(
                f"Another charge of item {item.barcode} lies over the one to be discharged, so that a scan would end that one.",
                cause="charged_over",
                advice="See in Symphony to whom it is charged, and discharge it there if the item is back.",
            )
        if command.only_look:
            raise Retry(
                f"Item {item.barcode} is still charged; its discharge is left to staff.",
                cause="left_to_staff",
                advice="Discharge it in Symphony.",
            )
        self._patrons.refuse_paid(item, ours)
        at = command.at.library or item.library
        self._client.check_in(item.barcode, at if on_patron else self._library_of(account) or at)
        after = self._client.item(item.key)
        if after.charge is None and after.transit is not None and after.transit.destination == at:
            self._client.receive(item.barcode, at)
            after = self._client.item(item.key)
        return self._gone(ours, command, after)

    def _library_of(self, account: str) -> str:
        """The library that an ILL account stands for: what is charged to it is discharged there, and anywhere else sent back there."""
        return self._patrons.account(account).library if account else ""

    def _is_meant(self, charge: symphony.Charge, command: do.CheckIn) -> bool:
        on_patron = command.charge is Charge.PATRON
        theirs = charge.patron.key == command.account if on_patron else same_account(charge, command.account)
        if command.loan_ids:
            return charge.name in command.loan_ids and (theirs or not command.account)
        before = command.began_before
        return theirs and (before is None or (charge.began is not None and charge.began < before))

    @staticmethod
    def _discharged_already(item: symphony.Item, charges: tuple[symphony.Charge, ...]) -> Outcome:
        sent = item.transit is not None and item.transit.destination == item.library
        notes = ("The item is charged to somebody else; that charge stays.",) if charges else ()
        return Outcome(OutcomeKind.ALREADY, Learned(ids=ids_of(item), transit_sent=True if sent else None), notes)

    def _gone(self, ours: symphony.Charge, command: do.CheckIn, after: symphony.Item) -> Outcome:
        top = self._sight.charge_of(after)
        if top is not None and top.name == ours.name:
            raise Rejected(
                f"Symphony checked item {after.barcode} in and still shows that charge.",
                cause="still_on_loan",
                advice="Discharge it at the desk in Symphony.",
            )
        loan = replace(self._sight.recorded(ours, command.account, command.charge), ended=True)
        sent = after.transit is not None and after.transit.destination == after.library
        learned = Learned(ids=ids_of(after), loan=loan, transit_sent=True if sent else None)
        return Outcome(learned=learned)

    def _item(self, target: do.Target) -> symphony.Item:
        try:
            return self._sight.item(target)
        except Missing as missing:
            raise unknown_item(target.barcode) from missing


def _is_of_this_loan(charge: symphony.Charge, command: do.CheckOut) -> bool:
    """Whether a charge on the ILL account is the one of this loan, and not of a later one to the same library."""
    if not same_account(charge, command.over):
        return False
    if command.over_loan_ids:
        return charge.name in command.over_loan_ids
    before = command.over_began_before
    return before is None or (charge.began is not None and charge.began < before)


def _number(key: str) -> int:
    last = key.rpartition(":")[2]
    return int(last) if last.isdigit() else 0
