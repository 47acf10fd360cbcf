"""Plays a row of docs/explanation/lost-and-recalled.md: what the service says and the desk does, one after the other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import TypeAdapter

from bridge.domain import commands as do
from bridge.domain.change import Change, Edits, Stamp
from bridge.domain.goal import goal_for
from bridge.domain.identity import RequestKey, Role
from bridge.domain.plan import Step
from bridge.domain.policy import BorrowingPolicy, LendingPolicy, Policy
from bridge.domain.record import HoldState, ItemRecord, Record
from bridge.domain.request import Request, fold
from bridge.domain.sentences import status_of
from bridge.domain.standing import standings
from bridge.domain.words import PLAIN_WORDS
from tests.domain.build import BORROWER, DUE, LENDER, POLICY, START, run

PAGE = Path(__file__).parents[2] / "docs/explanation/lost-and-recalled.md"
SAID = re.compile(r"(?P<word>[^(]+?)(?: \((?P<more>[^)]*)\))?")
DESK = {"*desk lends*", "*desk checks in*"}
DONE = {
    "mark_lost": "declare lost",
    "mark_found": "take lost back",
    "note_item": "note on the item",
    "delete_temporary_item": "delete",
    "create_temporary_item": "make item",
    "restore_item": "restore location",
    "place_hold": "place hold",
}
"""Verbs as the page calls them, where they have another name there than their own."""


@dataclass(frozen=True)
class Row:
    """A row of one of the page's tables."""

    role: Role
    what: str
    said: tuple[str, ...]
    status: str
    done: str
    staff: str


@dataclass
class Played:
    """How things stand after a row was played."""

    request: Request
    policy: Policy
    record: Record = field(default_factory=Record)
    steps: list[Step] = field(default_factory=list)
    before: int = 0
    staff: str = ""

    @property
    def status(self) -> str:
        return status_of(standings(self.request))

    @property
    def done(self) -> str:
        """What was done for the last thing that happened."""
        return ", ".join(dict.fromkeys(named(step) for step in self.steps[self.before :])) or "nothing"


def named(step: Step) -> str:
    """A step as the page calls it."""
    name = DONE.get(step.key.verb.value, step.key.verb.value.replace("_", " "))
    match step.command:
        case do.SetDueDate(may_shorten=False):
            return f"{name}, not shortened"
        case do.SetDueDate(leave_days=days) if days:
            return f"{name}, {days} days left at least"
        case do.ChargeFee(fee_key="replacement"):
            return "charge replacement fee"
        case _:
            return name


def rows() -> Iterator[Row]:
    """Every row of the page's tables of situations."""
    role: Role | None = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            role = {"## When we borrow": Role.BORROWER, "## When we lend": Role.LENDER}.get(line)
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        if role is not None and len(cells) == 5 and cells[0] != "Situation":
            what, said, status, done, staff = cells
            yield Row(role, what, tuple(said.split(" · ")), status, done, staff)


def policy_of(row: Row) -> Policy:
    """The usual policy with what the row's first cell sets."""
    text = "\n".join(re.findall(r"`([a-z_]+ = [^`]+)`", row.what))
    if row.role is Role.BORROWER:
        given = TypeAdapter(BorrowingPolicy).dump_python(POLICY.borrowing) | tomllib.loads(text)
        return replace(POLICY, borrowing=TypeAdapter(BorrowingPolicy).validate_python(given))
    given = TypeAdapter(LendingPolicy).dump_python(POLICY.lending) | tomllib.loads(text)
    return replace(POLICY, lending=TypeAdapter(LendingPolicy).validate_python(given))


def changes_of(row: Row) -> list[tuple[str, Change | None]]:
    """The row's changes, after a request; ``None`` for what the desk did."""
    key = BORROWER if row.role is Role.BORROWER else LENDER
    told: list[tuple[str, Change | None]] = [("Requested", _change(0, key, "Requested", "", _first(row.role)))]
    for at, said in enumerate(row.said, start=1):
        if said in DESK:
            told.append((said, None))
            continue
        found = SAID.fullmatch(said)
        assert found is not None, said
        told.append((said, _change(at, key, found["word"], found["more"] or "")))
    return told


def _first(role: Role) -> dict[str, object]:
    known: dict[str, object] = {"partner": "XYZ", "due": DUE}
    more = {"patron_id": "p1", "pickup_location": "MAIN"} if role is Role.BORROWER else {"barcode": "OWN-1"}
    return known | more


def _change(at: int, key: RequestKey, word: str, more: str, edits: dict[str, object] | None = None) -> Change:
    known = dict(edits or {})
    volume = ""
    for part in filter(None, more.split(", ")):
        if part.startswith("volume "):
            volume = part.removeprefix("volume ")
        elif part.startswith("due "):
            known["due"] = date.fromisoformat(part.removeprefix("due "))
        else:
            amount, currency = part.split()
            known["fee"] = do.Money(Decimal(amount), currency)
    meaning = PLAIN_WORDS.meaning(key.role, word)
    assert meaning is not None, word
    return Change(
        key=f"c{at}",
        request=key,
        stamp=Stamp(0, START + timedelta(days=at), meaning.phase.rank if meaning.phase else 0, f"c{at}"),
        volume=volume,
        word=word,
        phase=meaning.phase,
        closure=meaning.closure,
        raised=meaning.raised,
        cleared=meaning.cleared,
        edits=Edits(**known),  # type: ignore[arg-type]
    )


def played(row: Row) -> Played:
    """Take every step after each thing that happens, as on a quiet day."""
    policy = policy_of(row)
    told = changes_of(row)
    first = told[0][1]
    assert first is not None
    play = Played(Request(first.request), policy)
    for said, change in told:
        play.before = len(play.steps)
        if change is None:
            play.record = at_the_desk(play.record, said)
            continue
        play.request = fold(play.request, change)
        work(play)
    return play


def played_at_once(row: Row) -> Played:
    """The same, all told in one go after an outage, in the wrong order and some of it twice."""
    told = [change for _, change in changes_of(row) if change is not None]
    play = Played(Request(told[0].request), policy_of(row))
    for change in [*reversed(told), *told[::2]]:
        play.request = fold(play.request, change)
    work(play)
    return play


def work(play: Played) -> None:
    """Take every step there is."""
    play.record, steps, task = run(goal_for(play.request, play.policy), play.record)
    play.steps += steps
    play.staff = task.instruction if task is not None else ""


def at_the_desk(record: Record, what: str) -> Record:
    """What the desk did, as a look in the ILS would tell of it."""
    for item in record.items:
        record = record.with_item(_lent(item) if what == "*desk lends*" else _checked_in(item))
    return record


def _lent(item: ItemRecord) -> ItemRecord:
    return replace(item, holds=tuple(replace(hold, state=HoldState.SATISFIED) for hold in item.holds))


def _checked_in(item: ItemRecord) -> ItemRecord:
    return replace(item, loans=tuple(replace(loan, ended=True) for loan in item.loans))
