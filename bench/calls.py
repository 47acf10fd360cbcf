"""ILS calls of a whole loan, counted at the stand-in: ``python -m bench.calls [--json]``.

One row a connector and role. Renewals are counted apart, and so are transient repeats, which only wait for the ILS to catch up.
``by_step`` comes from the daemon's own log; the totals are the stand-in's count, in the vendor's measure (a redirect costs two).
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bridge import logging
from bridge.cli.demo.command import STAGES
from bridge.cli.demo.in_system import both_sides
from bridge.cli.demo.scenarios import PATRON, borrowed, lent
from bridge.cli.demo.stage import Stage


@dataclass(frozen=True)
class CallsRow:
    """Calls of one whole loan, less renewals and transient repeats; ``quiet_calls`` while nothing changed."""

    connector: str
    role: str
    ils_calls: int
    renewal_calls: int
    transient_calls: int
    quiet_calls: int
    by_step: dict[str, int]


class Counting:
    """Counts the stand-in's calls of a stretch."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def during(self, work: Callable[[], object]) -> tuple[int, int]:
        """Calls and transient calls while this is done."""
        before = self._stage.ils.calls()
        work()
        after = self._stage.ils.calls()
        return after.all - before.all, after.transient - before.transient


def borrowed_loan(stage: Stage) -> CallsRow:
    """Requested, shipped, received, lent by the desk, renewed, returned, completed."""
    number, count = "B1", Counting(stage)

    def until_received() -> None:
        borrowed(stage, number)
        stage.tell(number, "Shipped", due_date="2027-01-15")
        stage.settled(number)
        stage.tell(number, "Received")
        stage.settled(number)

    def back() -> None:
        stage.tell(number, "Returned")
        stage.settled(number)
        stage.tell(number, "Completed")
        stage.settled(number)

    return measured(stage, "borrower", number, count, until_received, back, f"ILL-{number}")


def lent_loan(stage: Stage) -> CallsRow:
    """Requested, shipped, renewed, returned, completed, with temporary location and the guard for foreign loans."""
    number, count = "L1", Counting(stage)

    def until_shipped() -> None:
        lent(stage, number, "39000000000001", channel="webhook")
        stage.tell(number, "Shipped", due_date="2027-01-15")
        stage.settled(number)

    def back() -> None:
        stage.tell(number, "Returned")
        stage.tell(number, "Completed")
        stage.settled(number)

    return measured(stage, "lender", number, count, until_shipped, back, "")


def in_system_loan(stage: Stage) -> CallsRow:
    """Both sides of a loan within one ILS: charged twice, renewed, discharged twice, sent home, received there."""
    number, count = "S1", Counting(stage)
    there, here = f"{number}-north", f"{number}-south"

    def until_received() -> None:
        both_sides(stage, number)
        stage.tell(there, "Shipped", due_date="2027-01-15")
        stage.settled(there)
        stage.tell(here, "Received", due_date="2027-01-15")
        stage.settled(here)

    def back() -> None:
        for name, status in ((here, "Returned"), (here, "Completed"), (there, "Completed")):
            stage.tell(name, status)
            stage.settled(name)

    return measured(stage, "in_system", (there, here), count, until_received, back, "")


def measured(
    stage: Stage,
    role: str,
    names: str | tuple[str, ...],
    count: Counting,
    there: Callable[[], None],
    back: Callable[[], None],
    desk_lends: str,
) -> CallsRow:
    """Play a loan and count its stretches."""
    log = io.StringIO()
    logging.configure(console=False, to=log)
    out, out_transient = count.during(there)
    if desk_lends:
        stage.ils.lend(desk_lends, PATRON)
    sides = (names,) if isinstance(names, str) else names

    def told(status: str, **facts: str) -> None:
        for name in sides:
            stage.tell(name, status, **facts)
            stage.settled(name)

    quiet, _ = count.during(lambda: told("Updated"))
    renewal, renewal_transient = count.during(lambda: told("Renewed", due_date="2027-02-15"))
    home, home_transient = count.during(back)
    transient = out_transient + home_transient + renewal_transient
    return CallsRow(
        connector=stage.ils.connector,
        role=role,
        ils_calls=out + home - out_transient - home_transient,
        renewal_calls=renewal - renewal_transient,
        transient_calls=transient,
        quiet_calls=quiet,
        by_step=by_step(log.getvalue()),
    )


def by_step(log: str) -> dict[str, int]:
    """Exchanges of each verb, from the log."""
    counts: Counter[str] = Counter()
    for line in log.splitlines():
        event = json.loads(line)
        if event.get("event") == "exchange" and "step" in event and not event.get("transient"):
            counts[event["step"].split(":")[2]] += 1
    return dict(sorted(counts.items()))


def rows(names: Iterable[str] = tuple(STAGES)) -> list[CallsRow]:
    """Both roles (and in-system loans, where the ILS can charge an item twice) of these connectors, as far as they ask by machine."""
    found: list[CallsRow] = []
    for ils in filter(lambda each: each.by_machine, (STAGES[name]() for name in names)):
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(ils, Path(folder))
            logging.configure(console=False, to=io.StringIO())
            try:
                stage.start()
                found += [borrowed_loan(stage), lent_loan(stage)]
                found += [in_system_loan(stage)] if stage.charges_twice else []
            finally:
                stage.stop()
    return found


def main() -> int:
    """Print the table, or one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    found = rows()
    if arguments.parse_args().json:
        print(json.dumps({"rows": [asdict(row) for row in found]}, indent=2))
        return 0
    table = Table("connector", "role", "ILS calls", "+ a renewal", "transient", "quiet", "by step")
    for row in found:
        steps = ", ".join(f"{name} {calls}" for name, calls in row.by_step.items())
        numbers = (row.ils_calls, row.renewal_calls, row.transient_calls, row.quiet_calls)
        table.add_row(row.connector, row.role, *(str(number) for number in numbers), steps)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
