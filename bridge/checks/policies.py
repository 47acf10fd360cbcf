"""What is odd about a library's policies, as far as the file alone can tell. Nothing is asked of anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bridge.checks.in_system import borrowed_within, lent_within
from bridge.domain.capabilities import Ability, Capabilities
from bridge.domain.commands import Place, Verb
from bridge.domain.finding import Finding, failed, warned, well
from bridge.domain.policy import (
    AlignDueDate,
    BarcodeFrom,
    BorrowingPolicy,
    CreateOn,
    ItemRule,
    LendingPolicy,
    LendingRule,
    Mode,
)
from bridge.settings import LibrarySettings

GIVEN = {
    ItemRule: ("item_type", "material", "place", "public_note", "staff_note"),
    LendingRule: ("account", "temporary_place"),
}
"""The values that a rule can give."""


def policy_findings(library: LibrarySettings, can: Capabilities, now: datetime) -> tuple[Finding, ...]:
    """Everything odd about one library's policies; ``can`` is what its ILS can do."""
    found = (*_mode(library, now), *_sides(library), *_borrowing(library.borrowing, can), *_lending(library, can))
    return found or (well("Policies", "Nothing is odd about them."),)


def _mode(library: LibrarySettings, now: datetime) -> Iterator[Finding]:
    if library.mode is Mode.OBSERVE:
        yield well(
            "Mode",
            'observe: everything is planned and shown, nothing is written. When that looks right: mode = "live".',
        )
    elif library.live_from is not None and library.live_from > now:
        text = (
            f"live, but requests that begin before {library.live_from:%Y-%m-%d %H:%M %z} are left alone: for now, all."
        )
        yield warned("Mode", text, "Right before a cut-over; otherwise correct live_from.")
    elif library.live_from is not None:
        yield well(
            "Mode", f"live for requests that began since {library.live_from:%Y-%m-%d}; 'adopt' takes over older ones."
        )
    else:
        yield well("Mode", "live.")
    if library.deletes_per_hour == 0:
        text = "deletes_per_hour = 0: the library stops before every deletion until somebody resumes it."
        yield warned("Quota", text, "Allow as many as a busy hour needs.")


def _sides(library: LibrarySettings) -> Iterator[Finding]:
    if not (library.borrowing.enabled or library.lending.enabled):
        yield warned("Policies", "Neither borrowing nor lending is enabled, so nothing is ever done.", "Enable one.")


def _borrowing(policy: BorrowingPolicy, can: Capabilities) -> Iterator[Finding]:
    if not policy.enabled:
        return
    yield from borrowed_within(policy, can)
    if policy.makes_items:
        yield from _temporary_items(policy, can)
        yield from _barcodes(policy)
        yield from _holds(policy)
        yield from _rules("Borrowing", policy.rules)
    yield from _fees(policy, can)
    yield from _due_dates(policy, can)


def _due_dates(policy: BorrowingPolicy, can: Capabilities) -> Iterator[Finding]:
    if policy.due_margin_days < 0:
        text = "The patron's loan would fall due after the lender's date (due_margin_days is negative)."
        yield failed("Borrowing: due dates", text, "Set due_margin_days to 0 or more.")
    if policy.align_due_date is AlignDueDate.OFF:
        return
    reasons = (
        (not policy.update_due_date, "update_due_date is off"),
        (not policy.makes_items, "in-system loans have no temporary item"),
        (can.of(Verb.SET_DUE_DATE) is Ability.NO, "the ILS takes no due date"),
    )
    for holds, why in reasons:
        if holds:
            text = f"align_due_date has no effect: {why}."
            yield warned("Borrowing: due dates", text, 'Set align_due_date = "off".')


def _temporary_items(policy: BorrowingPolicy, can: Capabilities) -> Iterator[Finding]:
    always = [rule for rule in policy.rules if not (rule.partners or rule.formats or rule.conditions)]
    somewhere = policy.place.location and (policy.place.library or not can.places_have_libraries)
    somewhere = somewhere or not can.places_exist
    if not somewhere and not any(rule.place for rule in always):
        text = "Temporary items live nowhere: place names no library or no location."
        yield failed("Borrowing: place", text, "Set place = { library, location, desk }.")
    if can.places_exist and not policy.item_type and not any(rule.item_type for rule in always):
        text = "No item_type is set, so the ILS gives temporary items its default, with the loan rules of that."
        yield warned("Borrowing: item type", text, "Set item_type.")
    if not policy.check_in_on_return and policy.delete_on_return:
        text = (
            "Items are deleted on return without being checked in; one still on loan to the patron cannot be deleted."
        )
        yield warned("Borrowing: return", text, "Set check_in_on_return = true, or delete_on_return = false.")


def _barcodes(policy: BorrowingPolicy) -> Iterator[Finding]:
    if policy.barcode_from is not BarcodeFrom.SUPPLIER:
        if not policy.barcode_prefix:
            text = "Temporary barcodes have no prefix, so a request's number could meet a barcode of your own stock."
            yield warned("Borrowing: barcodes", text, "Set barcode_prefix.")
        return
    if not policy.barcode_prefix:
        text = "The supplier's barcode is used without a prefix, so it could meet one of your own stock."
        yield warned("Borrowing: barcodes", text, "Set barcode_prefix.")
    if policy.create_on is CreateOn.REQUESTED:
        text = "The item is made on 'requested', when the supplier's barcode is not known yet."
        yield warned("Borrowing: barcodes", text, 'Set create_on = "received", or barcode_from = "request".')


def _holds(policy: BorrowingPolicy) -> Iterator[Finding]:
    if not policy.hold:
        return
    if not policy.default_pickup_location:
        text = "A hold for a request that names no pickup location cannot be placed (no default_pickup_location)."
        yield warned("Borrowing: holds", text, "Set default_pickup_location.")
    if not policy.pickup_locations:
        yield well(
            "Borrowing: holds", "There is no map of pickup locations: the service must send the ILS's own codes."
        )
    empty = sorted(name for name, code in policy.pickup_locations.items() if not code)
    if empty:
        text = f"These pickup locations stand for nothing: {', '.join(empty)}."
        yield failed("Borrowing: holds", text, "Give each its code in the ILS.")


def _fees(policy: BorrowingPolicy, can: Capabilities) -> Iterator[Finding]:
    usual = policy.charge_fee or policy.charge_fee_on_copies
    charges = usual or policy.charge_replacement_fee
    if charges and can.of(Verb.CHARGE_FEE) in {Ability.STAFF, Ability.NO}:
        why = can.reasons.get(Verb.CHARGE_FEE, "The ILS cannot charge fees.")
        yield warned("Borrowing: fees", f"Every fee is a task for staff. {why}", "Set up fees, or switch them off.")
    if policy.charge_replacement_fee and policy.declare_lost:
        text = "The lender's bill is charged, and loans are declared lost: an ILS that charges lost loans itself would charge twice."
        yield warned(
            "Borrowing: fees", text, "See that lost loans of temporary items cost nothing in the ILS, or leave one off."
        )
    if policy.fee_amount is not None and not usual:
        yield warned(
            "Borrowing: fees", "fee_amount is set, but no fee is charged.", "Set charge_fee = true, or remove it."
        )
    if policy.fee_amount is not None and usual and not policy.fee_currency:
        yield warned("Borrowing: fees", "fee_amount has no currency.", 'Set fee_currency, as in "EUR".')


def _lending(library: LibrarySettings, can: Capabilities) -> Iterator[Finding]:
    policy = library.lending
    if not policy.enabled:
        return
    yield from _accounts(policy)
    yield from _rules("Lending", policy.rules)
    yield from _places_shared(library)
    yield from lent_within(policy, can)
    if policy.hold_on_request and not policy.pickup_location:
        text = "hold_on_request is set, and pickup_location is not: such a hold cannot be placed."
        yield failed("Lending: holds", text, "Set pickup_location.")


def _accounts(policy: LendingPolicy) -> Iterator[Finding]:
    empty = sorted(symbol for symbol, account in policy.accounts.items() if not account.strip())
    if empty:
        text = f"These partners have an empty account: {', '.join(empty)}."
        yield failed("Lending: accounts", text, "Name the account, or take the partner out of the list.")
    if not policy.default_account:
        text = "There is no default_account: a partner that is not listed is looked for under its own symbol."
        odd = warned("Lending: accounts", text, "List accounts, or set default_account.")
        yield well("Lending: accounts", text) if policy.accounts else odd


def _places_shared(library: LibrarySettings) -> Iterator[Finding]:
    """Lent items beside borrowed ones are taken for one another at the desk, and are hidden where that place is suppressed."""
    lent = {place_key(place) for place in _lending_places(library.lending)}
    borrowed = {place_key(place) for place in _borrowing_places(library.borrowing)}
    for shared in sorted(lent & borrowed):
        text = f"{'/'.join(shared)} is the place of borrowed items and of lent ones."
        yield warned("Lending: temporary place", text, "Keep two locations, so that own items stay visible and apart.")


def _lending_places(policy: LendingPolicy) -> list[Place]:
    places = [policy.temporary_place, *(rule.temporary_place for rule in policy.rules)]
    return [place for place in places if place is not None]


def _borrowing_places(policy: BorrowingPolicy) -> list[Place]:
    if not policy.enabled or not policy.makes_items:
        return []
    places = [policy.place, *(rule.place for rule in policy.rules)]
    return [place for place in places if place is not None]


def place_key(place: Place) -> tuple[str, str]:
    """Where an item stands; a desk is no part of that."""
    return place.library, place.location


def _rules(side: str, rules: Sequence[ItemRule | LendingRule]) -> Iterator[Finding]:
    """Rules that give nothing, or nothing that earlier ones do not give already."""
    for number, rule in enumerate(rules, start=1):
        gives = _gives(rule)
        before = [one for one in rules[: number - 1] if _covers(one, rule)]
        if not gives:
            yield warned(f"{side}: rule {number}", "It gives no value.", "Name a value, or remove the rule.")
        elif gives <= {name for one in before for name in _gives(one)}:
            text = "It never has an effect: earlier rules fit every item that it fits, and go first."
            yield warned(f"{side}: rule {number}", text, "Put it before them, or remove it.")


def _gives(rule: ItemRule | LendingRule) -> set[str]:
    return {name for name in GIVEN[type(rule)] if getattr(rule, name) is not None}


def _covers(one: ItemRule | LendingRule, other: ItemRule | LendingRule) -> bool:
    """Whether every item that the second fits is fitted by the first too."""
    words = all(_wider(getattr(one, name), getattr(other, name)) for name in ("partners", "formats"))
    conditions = set(getattr(one, "conditions", ())) <= set(getattr(other, "conditions", ()))
    return words and conditions


def _wider(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """No words mean all of them."""
    if not one:
        return True
    return bool(other) and {word.casefold() for word in other} <= {word.casefold() for word in one}
