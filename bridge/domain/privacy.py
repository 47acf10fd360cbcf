"""What of a request tells who reads what, when it may go, and the request without it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from bridge.domain import commands as do
from bridge.domain.change import NOT_SUPPLIED, Closure, Condition
from bridge.domain.commands import Charge, Command
from bridge.domain.identity import Role
from bridge.domain.plan import Step
from bridge.domain.plan_within import charge_of
from bridge.domain.record import HoldRecord, ItemRecord, LoanRecord, Record
from bridge.domain.request import Facts, Request, Stamped
from bridge.domain.standing import Standing, standings

HIDDEN = "…"
SHORT_TITLE = 4
"""Signs below which a title is taken for any word where it stands in a sentence."""
PERSON = "patron_id"
WORK = ("title", "author", "isbn", "call_number")
"""Fields that name the title."""
PERSONAL = (PERSON, *WORK)
NOTE = re.compile(r"(?<= Note: ).+", re.DOTALL)
"""What staff wrote by hand, at the end of a line: nobody can say whom it names."""
SAID = re.compile(r"(?<= says: ).+?(?= \(code [^)]*\)| \[tracking id |$)", re.DOTALL)
"""An ILS's own words in a line, as connectors quote them."""


def unsettled(request: Request, *, pending: bool = False) -> str:
    """Why a finished request still needs its patron and title, in a few words; empty where it does not.

    ``pending``: a step of it was begun and how it ended is not known.
    """
    if pending:
        return "how its last step ended is not known"
    return next(filter(None, map(_unsettled, standings(request))), "")


def _unsettled(stand: Standing) -> str:
    never_came = stand.phase in NOT_SUPPLIED and not stand.moved
    if stand.dead or never_came or stand.has(Condition.FEE_PAID) or stand.closure is Closure.LOST_PAID:
        return ""
    if stand.lost or stand.closure is Closure.WITHOUT_RETURN:
        return "the item is lost and not paid for"
    return "a fee is open" if stand.has(Condition.FEE_COMMUNICATED) else ""


def patrons_of(request: Request, record: Record, commands: Iterable[Command] = ()) -> frozenset[str]:
    """Every identifier of a patron that stands in a request, its record and the commands of its steps.

    A lender's holds and loans bear the accounts of libraries, which are no patrons.
    """
    found = {getattr(node.facts, PERSON).value for node in request.nodes if getattr(node.facts, PERSON)}
    for each in request.corrections:
        found |= {each.value, each.instead_of} if each.name == PERSON else set()
    found |= {record.patron.asked, record.patron.patron_id} if record.patron else set()
    if request.key.role is Role.BORROWER:
        found |= {hold.patron_id for item in record.items for hold in item.holds}
        loans = (loan for item in record.items for loan in item.loans if loan.charge is not Charge.ACCOUNT)
        found |= {loan.account for loan in loans}
        for command in commands:
            found |= {getattr(command, PERSON, "")}
            found |= {str(getattr(command, "account", ""))} if charge_of(command) is Charge.PATRON else set()
    return frozenset(filter(None, found))


def titles_of(request: Request) -> frozenset[str]:
    """Title, author, ISBN and call number, as they were told."""
    told = (getattr(node.facts, name) for node in request.nodes for name in WORK)
    return frozenset(each.value for each in told if each is not None and each.value)


def without_person(request: Request) -> Request:
    """The request without patron and title. Their stamps stay, so that only later news brings them back."""
    corrections = tuple(each for each in request.corrections if each.name != PERSON)
    nodes = tuple(replace(node, facts=_emptied(node.facts)) for node in request.nodes)
    return replace(request, nodes=nodes, corrections=corrections)


def _emptied(facts: Facts) -> Facts:
    told = {name: getattr(facts, name) for name in PERSONAL}
    emptied: dict[str, Any] = {name: Stamped(None, each.stamp) for name, each in told.items() if each is not None}
    return replace(facts, **emptied)


def record_without_person(record: Record, role: Role) -> Record:
    """The record without the patron; what latched, the ILS's own ids, and the accounts of libraries stay."""
    items = record.items if role is Role.LENDER else tuple(_item_without(item) for item in record.items)
    entrusted = tuple(replace(each, whom="") for each in record.entrusted)
    return replace(record, patron=None, items=items, entrusted=entrusted)


def _item_without(item: ItemRecord) -> ItemRecord:
    holds: tuple[HoldRecord, ...] = tuple(replace(hold, patron_id="") for hold in item.holds)
    loans: tuple[LoanRecord, ...] = tuple(replace(loan, account="") for loan in item.loans)
    fees = tuple(replace(fee, whom="") for fee in item.fees)
    return replace(item, holds=holds, loans=loans, fees=fees)


def step_without_person(step: Step, role: Role) -> Step:
    """A step without patron, title and notes: enough to look up how it ended."""
    empty: dict[str, Any] = {"description": do.Description(), "note": "", "public_note": "", "staff_note": ""}
    if role is Role.BORROWER:
        empty |= {PERSON: "", "account": ""}
    has = {field.name for field in fields(step.command)}
    return replace(step, command=replace(step.command, **{name: empty[name] for name in empty if name in has}))


@dataclass(frozen=True)
class Redaction:
    """Hides identifiers and titles in sentences, whole words only and in any case of letters."""

    hidden: re.Pattern[str] | None

    @classmethod
    def of(cls, patrons: Collection[str], titles: Collection[str] = ()) -> Redaction:
        """Hides these; the longest first, since one may hold another."""
        words = {*patrons, *(title for title in titles if len(title) >= SHORT_TITLE)}
        ordered = sorted(filter(None, words), key=lambda word: (-len(word), word))
        if not ordered:
            return cls(None)
        return cls(re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)", re.IGNORECASE))

    def text(self, text: str) -> str:
        """The text without them."""
        return self.hidden.sub(HIDDEN, text) if self.hidden is not None else text

    def line(self, text: str) -> str:
        """A line of a history without them, without what staff wrote by hand, and without an ILS's own words."""
        return self.text(SAID.sub(HIDDEN, NOTE.sub(HIDDEN, text)))


def redaction_of(request: Request, record: Record, commands: Iterable[Command] = ()) -> Redaction:
    """Hides whatever names the patron or the title of a request."""
    return Redaction.of(patrons_of(request, record, commands), titles_of(request))
