"""Problems and what they mean: the standard's texts, bare numbers (Sierra), misspelt ones (Koha), and sentences of a responder's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    """What a problem is to the bridge."""

    UNKNOWN_USER = "unknown user"
    USER_BLOCKED = "user blocked"
    UNKNOWN_ITEM = "unknown item"
    NOT_ON_LOAN = "not on loan"
    ON_LOAN = "on loan already"
    UNKNOWN_REQUEST = "unknown request"
    BARCODE_TAKEN = "barcode taken"
    NOT_RENEWED = "not renewed"
    PICKUP = "pickup location"
    DOOR = "we are not let in"
    LATER = "later"
    UNSUPPORTED = "not supported"
    BROKEN = "the responder failed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Problem:
    """A problem as it was said; all four parts may be empty."""

    kind: str = ""
    detail: str = ""
    element: str = ""
    value: str = ""

    @property
    def told(self) -> str:
        """Type and detail, for people; value and element may name a patron and are left out."""
        return ": ".join(dict.fromkeys(part for part in (self.kind, self.detail) if part)) or "no reason is given"


BY_TYPE: Mapping[str, Meaning] = {
    "unknown user": Meaning.UNKNOWN_USER,
    "unkown user": Meaning.UNKNOWN_USER,
    "9004": Meaning.UNKNOWN_USER,
    "user blocked": Meaning.USER_BLOCKED,
    "userblocked": Meaning.USER_BLOCKED,
    "user access denied": Meaning.USER_BLOCKED,
    "user ineligible to check out this item": Meaning.USER_BLOCKED,
    "user ineligible to request this item": Meaning.USER_BLOCKED,
    "maximum check outs exceeded": Meaning.USER_BLOCKED,
    "9007": Meaning.USER_BLOCKED,
    "unknown item": Meaning.UNKNOWN_ITEM,
    "9016": Meaning.UNKNOWN_ITEM,
    "item not checked out": Meaning.NOT_ON_LOAN,
    "item is not checked out": Meaning.NOT_ON_LOAN,
    "not on loan": Meaning.NOT_ON_LOAN,
    "9022": Meaning.NOT_ON_LOAN,
    "item already checked out": Meaning.ON_LOAN,
    "check out not allowed - item is already checked out": Meaning.ON_LOAN,
    "9025": Meaning.ON_LOAN,
    "unknown request": Meaning.UNKNOWN_REQUEST,
    "request already processed": Meaning.UNKNOWN_REQUEST,
    "item not renewable": Meaning.NOT_RENEWED,
    "maximum renewals exceeded": Meaning.NOT_RENEWED,
    "renewal not allowed - item has outstanding requests": Meaning.NOT_RENEWED,
    "user ineligible to renew this item": Meaning.NOT_RENEWED,
    "pickup library invalid": Meaning.PICKUP,
    "pickup library not specified": Meaning.PICKUP,
    "agency authentication failed": Meaning.DOOR,
    "system authentication failed": Meaning.DOOR,
    "unknown agency": Meaning.DOOR,
    "unknown system": Meaning.DOOR,
    "unauthorized service for agency": Meaning.DOOR,
    "unauthorized service for system": Meaning.DOOR,
    "temporary processing failure": Meaning.LATER,
    "unsupported service": Meaning.UNSUPPORTED,
    "unknown service": Meaning.UNSUPPORTED,
}
BY_WORDS: tuple[tuple[str, Meaning], ...] = (
    ("did not find a user", Meaning.UNKNOWN_USER),
    ("user not found", Meaning.UNKNOWN_USER),
    ("barcode already exists", Meaning.BARCODE_TAKEN),
    ("barcode must be unique", Meaning.BARCODE_TAKEN),
    ("duplicate barcode", Meaning.BARCODE_TAKEN),
    ("already assigned to another item", Meaning.BARCODE_TAKEN),
    ("no item with barcode", Meaning.UNKNOWN_ITEM),
    ("item not found", Meaning.UNKNOWN_ITEM),
    ("already checked out", Meaning.ON_LOAN),
    ("no loan", Meaning.NOT_ON_LOAN),
    ("not checked out", Meaning.NOT_ON_LOAN),
    ("not on loan", Meaning.NOT_ON_LOAN),
    ("request not found", Meaning.UNKNOWN_REQUEST),
    ("no_holdable_items", Meaning.PICKUP),
    ("service point", Meaning.PICKUP),
    ("patron_requires_membership", Meaning.USER_BLOCKED),
    ("patron is blocked", Meaning.USER_BLOCKED),
)
"""Words of detail, value and element, asked where the type says nothing (mod-ncip puts sentences of its own, or nothing, in it)."""


def meaning_of(problems: Iterable[Problem], more: Mapping[str, Meaning]) -> Meaning:
    """What these problems come to; ``more`` is the dialect's own table of types, asked first."""
    found = [_meaning(each, more) for each in problems]
    return next((each for each in found if each is not Meaning.REFUSED), Meaning.REFUSED)


def _meaning(problem: Problem, more: Mapping[str, Meaning]) -> Meaning:
    kind = " ".join(problem.kind.casefold().split())
    if (known := more.get(kind) or BY_TYPE.get(kind)) is not None:
        return known
    words = " ".join((kind, problem.detail, problem.value, problem.element)).casefold()
    return next((meaning for words_of_it, meaning in BY_WORDS if words_of_it in words), Meaning.REFUSED)
