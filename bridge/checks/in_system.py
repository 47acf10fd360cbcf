"""What is odd about the policies of in-system loans (rule 10), as far as the file alone can tell. Nothing is asked of anybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Verb
from bridge.domain.finding import Finding, failed, warned
from bridge.domain.policy import BorrowingPolicy, CreateOn, DoneBy, InSystemBorrowing, InSystemLending, LendingPolicy
from bridge.settings import Settings

BORROWING = "Borrowing: in-system loans"
LENDING = "Lending: in-system loans"
HOW = "See docs/how-to/in-system-loans.md."


def borrowed_within(policy: BorrowingPolicy, can: Capabilities) -> Iterator[Finding]:
    """The borrowing side of one library."""
    by = policy.in_system
    if not policy.existing_item:
        if by != InSystemBorrowing():
            yield warned(BORROWING, "in_system has no effect while existing_item is off.", "Set existing_item = true.")
        return
    if not policy.place.library:
        text = "Items of in-system loans arrive nowhere: place names no library and desk."
        yield failed("Borrowing: place", text, "Set place = { library, desk }.")
    if by.suppliers and policy.create_on is CreateOn.REQUESTED:
        text = "Items are made on 'requested', when nobody knows yet whether one of the suppliers in in_system sends its own."
        yield failed(BORROWING, text, 'Set create_on = "shipped" or "received".')
    if by.ill_account:
        yield from _charged_twice(can)
    elif can.double_charge:
        text = "There is no ill_account, so items are only received from transit: charging and discharging are left to staff."
        yield warned(BORROWING, text, f"Set in_system.ill_account. {HOW}")


def _charged_twice(can: Capabilities) -> Iterator[Finding]:
    if not can.double_charge:
        text = "This ILS cannot charge an item twice, so the patron is not charged over the ILL account and nothing is discharged."
        yield warned(BORROWING, text, "Leave ill_account out, or do not use existing_item here.")
    elif can.of(Verb.SEND_TRANSIT) is not Ability.YES:
        why = can.reasons.get(Verb.SEND_TRANSIT, "")
        yield warned(
            BORROWING, f"The bridge cannot put items in transit here. {why}".strip(), "Let staff send them home."
        )


def lent_within(policy: LendingPolicy, can: Capabilities) -> Iterator[Finding]:
    """The lending side of one library."""
    by = policy.in_system
    if not by.partners:
        if by != InSystemLending():
            yield warned(LENDING, "in_system names no partners, so it has no effect.", "Name the partners on this ILS.")
        return
    if not by.home.library and DoneBy.BRIDGE in {by.receive_transit, by.discharge_account}:
        text = "Items of in-system loans come home to nowhere: home names no library and desk."
        yield failed(LENDING, text, "Set in_system.home = { library, desk }.")
    nowhere = sorted(symbol for symbol, code in by.partners.items() if not code)
    if nowhere and by.send_transit is DoneBy.BRIDGE:
        text = f"Items cannot be sent to partners without a library's code: {', '.join(nowhere)}."
        yield failed(LENDING, text, "Give each its library's code in the ILS.")
    yield from _accounts(policy)
    if by.send_transit is DoneBy.BRIDGE and can.of(Verb.SEND_TRANSIT) is not Ability.YES:
        yield warned(LENDING, "The bridge cannot put items in transit here.", 'Set send_transit = "staff".')


def _accounts(policy: LendingPolicy) -> Iterator[Finding]:
    """One account a library: two that share one cannot be told apart, and a return of one would end the other's loan."""
    accounts = {symbol: policy.account(symbol) for symbol in sorted(policy.in_system.partners)}
    for one, other in combinations(accounts, 2):
        if accounts[one] == accounts[other]:
            text = f"{one} and {other} have the same ILL account ({accounts[one]}), so that their loans cannot be told apart."
            yield failed(LENDING, text, f"Give each library an account of its own. {HOW}")


def accounts_shared(settings: Settings) -> Iterator[Finding]:
    """Libraries of one ILS that borrow under the same ILL account."""
    borrowing = {
        name: library.borrowing.in_system.ill_account
        for name, library in settings.libraries.items()
        if library.borrowing.enabled and library.borrowing.existing_item and library.borrowing.in_system.ill_account
    }
    for one, other in combinations(sorted(borrowing), 2):
        if settings.lane(one) == settings.lane(other) and borrowing[one].casefold() == borrowing[other].casefold():
            text = f"Both borrow under the ILL account {borrowing[one]}, so that a return of one could end a loan of the other."
            yield failed(f"Libraries {one} and {other}", text, "Give each library an ILL account of its own.")
