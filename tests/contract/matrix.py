"""The kill matrix as a table at the end of a test run: what was cut off where, and how often all was well afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.domain.identity import Role
from bridge.engine.boundary import Boundary
from tests.contract.bench import Spoilt
from tests.contract.lives import ANSWERED, BEFORE, OVERTAKEN, Point

PROPERTY = "kill_matrix"
COLUMNS = {
    Boundary.CLAIMED.value: "claimed",
    Boundary.STARTED.value: "started",
    Boundary.CALL_SENT.value: "before call",
    BEFORE: "before exchange",
    ANSWERED: "answer unread",
    OVERTAKEN: "and overtaken",
    Boundary.CALL_DONE.value: "call done",
    Boundary.FINISHED.value: "finished",
    Boundary.RELEASED.value: "released",
    **{way.value: f"unclear: {way.value}" for way in Spoilt},
}
LEGEND = """Each cell: SQLite/PostgreSQL, how often a life ended there. "before call", "before exchange": nothing of it was sent yet;
"answer unread": the ILS had done it (without --thorough: writes only). "-": not in this run, or there is nothing to cut: who only
looks writes nothing, and what an ILS cannot do at all is noted without a call."""
Cell = tuple[str, str, str, str, str, int, int]
"""Connector, role, verb, point, database; how often it was cut off there, and how often all was well."""


@dataclass
class Matrix:
    """What one test cut off; ``cells`` travel with its report."""

    connector: str
    database: str
    well: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    cut: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def count(self, role: Role, point: Point, *, ok: bool) -> None:
        """A life ended at this point."""
        for verb in point.verbs:
            key = (role.value, verb.value, point.what)
            self.cut[key] += 1
            self.well[key] += ok

    def cells(self) -> list[Cell]:
        """As a report can carry it."""
        return [(self.connector, *key, self.database, times, self.well[key]) for key, times in self.cut.items()]


def table(cells: Iterable[Cell]) -> list[str]:
    """A line for each connector, role and verb; in each cell SQLite/PostgreSQL: how often all was well, and of how many where not."""
    found: dict[tuple[str, str, str], dict[tuple[str, str], list[int]]] = defaultdict(
        lambda: defaultdict(lambda: [0, 0])
    )
    for connector, role, verb, what, database, times, well in cells:
        counts = found[connector, role, verb][what, database]
        counts[0] += times
        counts[1] += well
    shown = [what for what in COLUMNS if any(what == column for counted in found.values() for column, _ in counted)]
    rows = [["connector", "role", "verb", *(COLUMNS[what] for what in shown)]]
    rows += [[*names, *(_cell(counted, what) for what in shown)] for names, counted in sorted(found.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(counted: dict[tuple[str, str], list[int]], what: str) -> str:
    return "/".join(_share(*counted.get((what, database), [0, 0])) for database in ("sqlite", "postgres"))


def _share(times: int, well: int) -> str:
    if not times:
        return "-"
    return str(times) if well == times else f"{well} of {times}!"
