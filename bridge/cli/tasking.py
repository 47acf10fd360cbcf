"""The command ``tasks``: what staff are asked to do, request by request, to read, to print or for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.table import Table

from bridge.cli.choosing import known_library
from bridge.cli.completing import libraries
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, opened
from bridge.cli.tables import written
from bridge.domain.capabilities import Capabilities
from bridge.domain.cells import cell
from bridge.domain.goal import goal_for
from bridge.domain.plan import StaffTask
from bridge.domain.preview import tasks_ahead
from bridge.domain.standing import standings
from bridge.ledger import Ledger, State
from bridge.ledger.model import Row
from bridge.logging import mask_patron
from bridge.settings import Configuration
from bridge.wiring import capabilities_of


class Form(StrEnum):
    """How the list is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True)
class Task:
    """One line of the list; ``task`` is its place among those of its request. The patron stands masked: the service names them."""

    request: str
    number: str
    library: str
    role: str
    status: str
    since: str
    task: int
    instruction: str
    title: str
    partner: str
    patron: str


def tasks(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    library: Annotated[str, typer.Option(help="Only of this library.", autocompletion=libraries)] = "",
    form: Annotated[
        Form, typer.Option("--format", help="A table to read, CSV for a spreadsheet, or one JSON document.")
    ] = Form.TABLE,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; left out: standard output.")] = None,
) -> None:
    """List what staff are asked to do, oldest first; tasks of one request follow one another. Confirmed with `resolve`.

    In CSV, text that a spreadsheet would take for a formula stands behind an apostrophe.

    Example: ill-bridge tasks --library main --format csv --out tasks.csv
    """
    with opened(config) as (known, ledger):
        known_library(known, ledger, library)
        found = list(_listed(known, ledger, library))
    with written(out) as file:
        _WRITERS[form](found, file)
    if out is not None:
        typer.echo(f"{out}: {len(found)} tasks written.", err=True)
    elif not found and form is not Form.JSON:
        typer.echo("Nothing waits for staff.", err=True)


def _listed(known: Configuration, ledger: Ledger, library: str) -> Iterator[Task]:
    can: dict[str, Capabilities] = {}
    rows = ledger.requests.list(state=State.STAFF, library=library)
    for row in sorted(rows, key=lambda each: (each.parked_at is None, each.parked_at, each.id)):
        if row.request.key.library in known.settings.libraries:
            if row.lane not in can:
                can[row.lane] = capabilities_of(known, row.lane)
            goal = goal_for(row.request, known.settings.policy(row.request.key.library))
            found = tasks_ahead(goal, row.record, can[row.lane])
            yield from (_task(row, number, each) for number, each in enumerate(found, start=1))


def _task(row: Row, number: int, task: StaffTask) -> Task:
    key, live = row.request.key, standings(row.request)[-1]
    return Task(
        request=row.name,
        number=key.number,
        library=key.library,
        role=key.role.value,
        status=row.status,
        since=row.parked_at.isoformat(timespec="seconds") if row.parked_at else "",
        task=number,
        instruction=task.instruction,
        title=live.title or "",
        partner=live.partner or "",
        patron=mask_patron(live.patron_id) if live.patron_id else "",
    )


def _as_table(found: list[Task], file: TextIO) -> None:
    if not found:
        return
    table = Table("request", "number", "library", "", "what to do", "title", "partner", "patron")
    for each in found:
        first = (each.request, each.number, each.library) if each.task == 1 else ("", "", "")
        table.add_row(*first, str(each.task), each.instruction, each.title, each.partner, each.patron)
    Console(file=file).print(table)


def _as_csv(found: list[Task], file: TextIO) -> None:
    writer = csv.writer(file)
    writer.writerow([field.name for field in fields(Task)])
    writer.writerows([[cell(str(value)) for value in asdict(each).values()] for each in found])


def _as_json(found: list[Task], file: TextIO) -> None:
    file.write(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2) + "\n")


_WRITERS = {Form.TABLE: _as_table, Form.CSV: _as_csv, Form.JSON: _as_json}
