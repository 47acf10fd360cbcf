"""What differs between what should be in the ILS and what is there, of one leg and volume. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.goal import ItemGoal
from bridge.domain.record import ItemRecord, SeenLoan, Sighting
from bridge.domain.within import Within, may_be_of


class Drift(StrEnum):
    """What is not as it should be. The first four are of finished requests."""

    ITEM_LEFT = "item_left"
    STILL_CHARGED = "still_charged"
    HOLD_LEFT = "hold_left"
    PLACE_LEFT = "place_left"
    ITEM_GONE = "item_gone"
    RELABELLED = "relabelled"
    MARK_GONE = "mark_gone"
    HOLD_GONE = "hold_gone"
    PICKUP = "pickup"
    PLACE = "place"
    DUE_DATE = "due_date"
    CHECKED_IN = "checked_in"
    LENT_ON = "lent_on"
    ORPHAN = "orphan"
    ACCOUNT = "account"


@dataclass(frozen=True)
class AuditFinding:
    """One thing that differs, of one leg and volume. ``sentence`` says what, for a librarian.

    ``repair`` is what the bridge would do about it, ``advice`` what staff can do where the bridge does nothing.
    """

    kind: Drift
    leg: str
    volume: str
    barcode: str
    sentence: str
    repair: str = ""
    advice: str = ""

    @property
    def told(self) -> str:
        """Everything in one line, as the history has it."""
        return " ".join(part for part in (self.sentence, self.advice) if part)


class Say:
    """Findings about one leg and volume."""

    def __init__(self, goal: ItemGoal, item: ItemRecord) -> None:
        self.goal = goal
        self.item = item
        self.barcode = item.barcode or goal.barcode

    def __call__(self, kind: Drift, sentence: str, repair: str = "", advice: str = "") -> AuditFinding:
        """A finding of this kind; ``{item}`` in what is said is the barcode. Where there is a repair, no advice is needed."""
        volume = f" (volume {self.goal.volume})" if self.goal.volume else ""
        said = f"{sentence.format(item=self.barcode)}{volume}."
        done = repair.format(item=self.barcode)
        return AuditFinding(kind, self.goal.leg, self.goal.volume, self.barcode, said, done, "" if done else advice)


def ours_open(
    item: ItemRecord, seen: Sighting, *, elsewhere: bool = False, within: Within | None = None
) -> tuple[SeenLoan, ...]:
    """Open loans of this request: those we recorded; one on our account that nobody else in the ledger can have made, too.

    Of an in-system loan only a charge that can be of this loan by the time it began.
    """
    known = {loan.loan_id for loan in item.loans if loan.loan_id and not (elsewhere and loan.name_came_again)}
    return tuple(
        loan
        for loan in seen.loans
        if loan.loan_id in known or (not elsewhere and (loan.ours if within is None else may_be_of(within, loan)))
    )
