"""Where the engine says what it did, for whoever counts."""

from __future__ import annotations

from typing import Protocol

from bridge.domain.commands import Verb
from bridge.ledger import State, StepState


class Counting(Protocol):
    """Told of what happened, as it happens; must be quick and never raise."""

    def step(self, verb: Verb, outcome: StepState) -> None:
        """A step ended."""
        ...

    def released(self, library: str, state: State) -> None:
        """A worker was finished with a request."""
        ...


class Uncounted:
    """Nobody counts: commands and tests."""

    def step(self, verb: Verb, outcome: StepState) -> None:
        """Nothing to do."""

    def released(self, library: str, state: State) -> None:
        """Nothing to do."""
