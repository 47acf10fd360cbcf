"""What such a service remembers: rows by id, each with the time of its last change, and what may happen while somebody reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]


class Shelf:
    """Rows of a service; every method may be called from any thread.

    ``meanwhile`` is called after each page was answered, so that tests can change rows between two pages. ``times`` keeps the last
    change of each row beside it: two rows may have the same.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._guard = threading.RLock()
        self._rows: dict[str, Row] = {}
        self._times: dict[str, datetime] = {}

    def put(self, name: str, at: datetime | str, **fields: Any) -> Row:  # noqa: ANN401 - rows are JSON
        """Make a row, or change some of its fields; ``at`` is aware or ISO 8601."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        with self._guard:
            row = self._rows.setdefault(name, {})
            row.update(fields)
            self._times[name] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return deepcopy(row)

    def remove(self, name: str) -> None:
        """A row disappears."""
        with self._guard:
            self._rows.pop(name, None)
            self._times.pop(name, None)

    def row(self, name: str) -> Row | None:
        """One row."""
        with self._guard:
            return deepcopy(self._rows.get(name))

    def time(self, name: str) -> datetime:
        """When it changed last."""
        with self._guard:
            return self._times[name]

    def since(self, moment: datetime | None) -> list[tuple[str, datetime, Row]]:
        """Rows changed at or after a moment, in order of time and id."""
        with self._guard:
            found = [(self._times[name], name) for name in self._rows]
            ordered = sorted(each for each in found if moment is None or each[0] >= moment)
            return [(name, at, deepcopy(self._rows[name])) for at, name in ordered]
