"""The command ``export``: the circulation history as CSV or JSON Lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from bridge.cli.choosing import known_library, named
from bridge.cli.completing import libraries
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, opened
from bridge.cli.tables import written
from bridge.domain.cells import cell
from bridge.ledger.requests import Told

DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


class Form(StrEnum):
    """How the history is written."""

    CSV = "csv"
    JSONL = "jsonl"


def export(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only of these requests (R12, or the service's number).")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    form: Annotated[Form, typer.Option("--format", help="CSV for a spreadsheet, or JSON Lines.")] = Form.CSV,
    library: Annotated[str, typer.Option(help="Only of this library.", autocompletion=libraries)] = "",
    since: Annotated[datetime | None, typer.Option(formats=DAYS, help="Only lines from this moment on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAYS, help="Only lines before this moment (UTC).")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write; left out: standard output.")] = None,
) -> None:
    """Write the circulation history, a line each event, oldest first. No patron stands in it, unless staff named one in a note.

    A file is put in its place only when it is whole; one of that name is replaced. In CSV, text that a spreadsheet
    would take for a formula (it begins with = + - @, a tab or a line's end) stands behind an apostrophe; JSON Lines is as it is.

    Example: ill-bridge export --library main --since 2026-11-01 --out november.csv
    """
    with opened(config) as (known, ledger):
        known_library(known, ledger, library)
        ids = [row.id for row in named(ledger, names)] if names else None
        lines = ledger.requests.told(ids=ids, library=library, since=_utc(since), until=_utc(until))
        with written(out) as file:
            count = _as_csv(lines, file) if form is Form.CSV else _as_jsonl(lines, file)
    if not count:
        typer.echo("No line matches.", err=True)
    elif out is not None:
        typer.echo(f"{out}: {count} lines written.", err=True)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None


def _as_csv(lines: Iterator[Told], file: TextIO) -> int:
    writer = csv.writer(file)
    writer.writerow([field.name for field in fields(Told)])
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007 - the last number is the answer
        writer.writerow([cell(value) for value in _plain(line).values()])
    return count


def _as_jsonl(lines: Iterator[Told], file: TextIO) -> int:
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007
        file.write(json.dumps(_plain(line), ensure_ascii=False) + "\n")
    return count


def _plain(line: Told) -> dict[str, str]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(line).items()}
