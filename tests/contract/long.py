"""Which of a connector's plays are too long for every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ALWAYS_LONG = ("[postgres-", "-time-out-", "-nonsense-", "-dropped-")
"""What one connector does on PostgreSQL in every run, the ledger cannot tell from the next; of unclear ends these are the slowest."""


def within(items: Iterable[pytest.Item], here: Path) -> Iterator[pytest.Item]:
    """The tests in a folder; as text, since paths of some thousand tests take seconds to be taken apart."""
    return (item for item in items if str(item.path).startswith(f"{here}/"))


def leave_long(items: Iterable[pytest.Item], here: Path, words: Iterable[str]) -> None:
    """Mark as thorough what is always long, and what has one of these words in its name, of the tests in a folder."""
    long = (*ALWAYS_LONG, *words)
    for item in within(items, here):
        if any(word in item.name for word in long):
            item.add_marker(pytest.mark.thorough)
