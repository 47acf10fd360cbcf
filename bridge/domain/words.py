"""The words of a resource-sharing service and what they mean here; applied when folding, so a corrected table can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.domain.change import Closure, Condition, Phase
from bridge.domain.identity import Role


@dataclass(frozen=True)
class Meaning:
    """What a word says. A word that only notifies changes nothing."""

    phase: Phase | None = None
    closure: Closure | None = None
    raised: tuple[Condition, ...] = ()
    cleared: tuple[Condition, ...] = ()
    notification: bool = False


def folded_word(word: str) -> str:
    """A word without case and with its white space, hyphens and underscores folded: services and sites differ in these."""
    return " ".join(word.casefold().replace("_", " ").replace("-", " ").split())


@dataclass(frozen=True)
class WordTable:
    """(role, word) → meaning; a word under the role ``None`` means the same for both. The meaning ``None``: the word is not known."""

    words: Mapping[tuple[Role | None, str], Meaning | None] = field(default_factory=dict)

    def meaning(self, role: Role, word: str) -> Meaning | None:
        """What this word means to this role, or ``None`` for an unknown word. An empty word says nothing (``Meaning()``)."""
        known = folded_word(word)
        if not known:
            return Meaning()
        return self.words.get((role, known), self.words.get((None, known)))

    def overridden(self, words: Mapping[tuple[Role | None, str], Meaning | None]) -> WordTable:
        """The table with some words replaced or added."""
        return WordTable({**self.words, **words})


def _plain() -> dict[tuple[Role | None, str], Meaning]:
    phases = {
        "requested": Phase.REQUESTED,
        "submitted": Phase.REQUESTED,
        "will supply": Phase.WILL_SUPPLY,
        "shipped": Phase.SHIPPED,
        "received": Phase.RECEIVED,
        "returned": Phase.RETURNED,
        "completed": Phase.COMPLETED,
        "cancelled": Phase.CANCELLED,
        "unfilled": Phase.UNFILLED,
    }
    closures = {
        Phase.RETURNED: Closure.RETURNED,
        Phase.COMPLETED: Closure.RETURNED,
        Phase.CANCELLED: Closure.CANCELLED,
        Phase.UNFILLED: Closure.UNFILLED,
    }
    return {(None, word): Meaning(phase=phase, closure=closures.get(phase)) for word, phase in phases.items()}


def _conditions() -> dict[tuple[Role | None, str], Meaning]:
    renewal = (Condition.RENEWAL_REQUESTED,)
    return {
        (None, "renewal requested"): Meaning(raised=renewal, cleared=(Condition.RENEWAL_REFUSED,)),
        (None, "renewed"): Meaning(
            cleared=(*renewal, Condition.RENEWAL_REFUSED, Condition.OVERDUE, Condition.RECALLED)
        ),
        (None, "renewal refused"): Meaning(raised=(Condition.RENEWAL_REFUSED,), cleared=renewal),
        (None, "recalled"): Meaning(raised=(Condition.RECALLED,)),
        (None, "recall withdrawn"): Meaning(cleared=(Condition.RECALLED,)),
        (None, "overdue"): Meaning(raised=(Condition.OVERDUE,)),
        (None, "lost"): Meaning(raised=(Condition.LOST,)),
        (None, "found"): Meaning(raised=(Condition.FOUND,)),
        (None, "fee communicated"): Meaning(raised=(Condition.FEE_COMMUNICATED,)),
        (None, "fee withdrawn"): Meaning(cleared=(Condition.FEE_COMMUNICATED,)),
        (None, "fee paid"): Meaning(raised=(Condition.FEE_PAID,)),
        (None, "fee refunded"): Meaning(cleared=(Condition.FEE_PAID,)),
        (None, "damaged"): Meaning(raised=(Condition.DAMAGED,)),
        (None, "completed without return"): Meaning(phase=Phase.COMPLETED, closure=Closure.WITHOUT_RETURN),
        (None, "completed lost paid"): Meaning(phase=Phase.COMPLETED, closure=Closure.LOST_PAID),
        (None, "updated"): Meaning(),
        (None, "notification"): Meaning(notification=True),
    }


PLAIN_WORDS = WordTable({**_plain(), **_conditions()})
"""Our own words, for the webhook schema and for services that a configuration maps onto them."""
