"""What the policies of an ILS's libraries take for granted: codes and accounts that must exist there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from bridge.domain.commands import Place
from bridge.domain.finding import Finding, failed, warned, well
from bridge.domain.policy import PARTNER, BorrowingPolicy, LendingPolicy, Policy

EXPIRY_WARNING = timedelta(days=30)
"""ILL accounts that expire within this time are warned about."""


class Use(StrEnum):
    """What a code is used for."""

    TEMPORARY_PLACE = "place of borrowed items"
    LENDING_PLACE = "place of lent items"
    ARRIVAL_PLACE = "place where in-system loans arrive"
    ITEM_TYPE = "item type"
    MATERIAL = "material type"
    PICKUP_LOCATION = "pickup location"
    FEE_TYPE = "type of fee"
    ACCOUNT = "ILL account"


@dataclass(frozen=True)
class Expected:
    """A code or account that must exist in the ILS, and the settings that name it; of a place, ``place`` is set instead."""

    use: Use
    code: str
    named_by: tuple[str, ...]
    place: Place = field(default_factory=Place)

    @property
    def subject(self) -> str:
        """What a finding about it is headed."""
        return f"{self.use.value[0].upper()}{self.use.value[1:]} {self.code}"

    @property
    def advice(self) -> str:
        """Which settings to look at."""
        return f"It is named by {', '.join(self.named_by)}."


@dataclass(frozen=True)
class Expectations:
    """All that must exist in one ILS. ``borrows``, ``lends``, ``charges``: whether any of its libraries does."""

    wanted: tuple[Expected, ...] = ()
    borrows: bool = False
    lends: bool = False
    charges: bool = False

    def of(self, *uses: Use) -> tuple[Expected, ...]:
        """Those that are used so."""
        return tuple(each for each in self.wanted if each.use in uses)


def expectations_of(policies: Mapping[str, Policy]) -> Expectations:
    """What these libraries (by name), which share an ILS, expect of it; each code once, with every setting that names it."""
    found: dict[tuple[Use, str, Place], list[str]] = {}
    for library, policy in policies.items():
        for use, value, key in _named(policy):
            if value in ("", Place(), None):
                continue
            place = value if isinstance(value, Place) else Place()
            found.setdefault((use, str(value), place), []).append(f"libraries.{library}.{key}")
    wanted = tuple(Expected(use, code, tuple(keys), place) for (use, code, place), keys in found.items())
    return Expectations(
        wanted,
        borrows=any(policy.borrowing.enabled for policy in policies.values()),
        lends=any(policy.lending.enabled for policy in policies.values()),
        charges=any(policy.borrowing.enabled and _charges(policy.borrowing) for policy in policies.values()),
    )


def _charges(policy: BorrowingPolicy) -> bool:
    return policy.charge_fee or policy.charge_fee_on_copies or policy.charge_replacement_fee


Named = Iterator[tuple[Use, str | Place | None, str]]


def _named(policy: Policy) -> Named:
    if policy.borrowing.enabled:
        yield from _existing(policy.borrowing) if policy.borrowing.existing_item else ()
        yield from _borrowing(policy.borrowing) if policy.borrowing.makes_items else ()
        if policy.borrowing.charge_fee or policy.borrowing.charge_fee_on_copies:
            yield Use.FEE_TYPE, policy.borrowing.fee_type, "borrowing.fee_type"
        if policy.borrowing.charge_replacement_fee:
            yield Use.FEE_TYPE, policy.borrowing.replacement_fee_type, "borrowing.replacement_fee_type"
    if policy.lending.enabled:
        yield from _lending(policy.lending)


def _existing(policy: BorrowingPolicy) -> Named:
    yield Use.ARRIVAL_PLACE, policy.place, "borrowing.place"
    yield Use.ACCOUNT, policy.in_system.ill_account, "borrowing.in_system.ill_account"


def _borrowing(policy: BorrowingPolicy) -> Named:
    yield Use.TEMPORARY_PLACE, policy.place, "borrowing.place"
    yield Use.ITEM_TYPE, policy.item_type, "borrowing.item_type"
    yield Use.MATERIAL, policy.material, "borrowing.material"
    for number, rule in enumerate(policy.rules, start=1):
        yield Use.TEMPORARY_PLACE, rule.place, f"borrowing.rules[{number}].place"
        yield Use.ITEM_TYPE, rule.item_type, f"borrowing.rules[{number}].item_type"
        yield Use.MATERIAL, rule.material, f"borrowing.rules[{number}].material"
    if policy.hold:
        yield Use.PICKUP_LOCATION, policy.default_pickup_location, "borrowing.default_pickup_location"
        for code in policy.pickup_locations.values():
            yield Use.PICKUP_LOCATION, code, "borrowing.pickup_locations"


def _lending(policy: LendingPolicy) -> Named:
    if policy.check_out_on_shipped:
        yield Use.LENDING_PLACE, policy.temporary_place, "lending.temporary_place"
        for number, rule in enumerate(policy.rules, start=1):
            yield Use.LENDING_PLACE, rule.temporary_place, f"lending.rules[{number}].temporary_place"
    if policy.hold_on_request:
        yield Use.PICKUP_LOCATION, policy.pickup_location, "lending.pickup_location"
    for number, rule in enumerate(policy.rules, start=1):
        yield Use.ACCOUNT, rule.account, f"lending.rules[{number}].account"
    yield from _default_accounts(policy)
    if policy.in_system.partners:
        yield Use.ARRIVAL_PLACE, policy.in_system.home, "lending.in_system.home"
    for account in policy.accounts.values():
        yield Use.ACCOUNT, account, "lending.accounts"


def _default_accounts(policy: LendingPolicy) -> Named:
    """A pattern stands for the accounts of the partners that are known to have one."""
    if PARTNER not in policy.default_account:
        yield Use.ACCOUNT, policy.default_account, "lending.default_account"
        return
    for symbol in policy.in_system.partners:
        if symbol not in policy.accounts:
            yield Use.ACCOUNT, policy.default_account.replace(PARTNER, symbol), "lending.default_account"


@dataclass(frozen=True)
class AccountStanding:
    """How an ILL account stands in the ILS: what is ``against`` lending to it (parts of a sentence), the day it ends, its patron group.

    ``place``: where the ILS puts what is charged to it. ``problem`` is set where the ILS could not say, ``unseen`` where it never can (a
    sentence).
    """

    account: str
    known: bool = True
    against: tuple[str, ...] = ()
    expires: date | None = None
    group: str = ""
    place: str = ""
    problem: str = ""
    unseen: str = ""


def account_findings(
    standings: Iterable[AccountStanding],
    expected: Iterable[Expected],
    *,
    today: date,
    within: timedelta = EXPIRY_WARNING,
) -> tuple[Finding, ...]:
    """What to say of ILL accounts: those unknown, blocked or expired fail; those that expire within ``within`` are warned about."""
    settings = {each.code: each for each in expected}
    return tuple(_account(each, settings.get(each.account), today, within) for each in standings)


def _account(standing: AccountStanding, expected: Expected | None, today: date, within: timedelta) -> Finding:
    subject = f"ILL account {standing.account}"
    named = f" {expected.advice}" if expected else ""
    if standing.problem:
        return failed(subject, standing.problem, f"See to the account in the ILS.{named}")
    if standing.unseen:
        return well(subject, standing.unseen)
    if not standing.known:
        return failed(subject, "There is no such account in the ILS.", f"Make it, or correct its name.{named}")
    if standing.against:
        return failed(
            subject, f"Nothing can be checked out to it: {'; '.join(standing.against)}.", f"See to the account.{named}"
        )
    if standing.expires is not None and standing.expires - today <= within:
        days = (standing.expires - today).days
        text = f"It expires on {standing.expires} ({days} days from now)."
        return warned(subject, text, f"Extend the account in the ILS.{named}")
    until = f", until {standing.expires}" if standing.expires else ""
    group = f" (patron group {standing.group})" if standing.group else ""
    place = f" What is charged to it is shown at {standing.place}." if standing.place else ""
    return well(subject, f"It may borrow{group}{until}.{place}")
