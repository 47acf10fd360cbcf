"""The command ``adopt``: takes over loans that staff made by hand, without making anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.asking import Way, asking, who
from bridge.cli.batches import Manner, carried_out, left_over
from bridge.cli.choosing import complain, each_named, end_with, known_library
from bridge.cli.completing import libraries
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption, opened
from bridge.csvfile import CsvLine, read_csv
from bridge.engine.asked import Asked, Asking
from bridge.errors import ConfigurationError
from bridge.ledger import Ledger, State
from bridge.settings import Configuration


@dataclass(frozen=True)
class Meant:
    """What the command line means: requests by name, a file, what a library only observed, or the rest of an interrupted command."""

    names: Sequence[str]
    file: Path | None
    library: str
    resume: str


def adopt(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Short ids (R12) or request numbers; left out: all that were only observed."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    source: Annotated[
        Path | None, typer.Option("--from", help="CSV file with the columns request, barcode and, if need be, volume.")
    ] = None,
    library: Annotated[
        str, typer.Option(help="All requests of this library that were only observed.", autocompletion=libraries)
    ] = "",
    resume: Annotated[str, typer.Option("--resume", help="What an interrupted adopt left, by the name it told.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be taken over.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take over loans that staff made by hand: each item is looked up by its barcode and recorded as it stands. Nothing is made.

    A lent item must be on loan to the borrowing library's account. A borrowed item whose barcode no file names must stand where temporary
    items belong. What was taken over before is left as it is.

    Example: ill-bridge adopt --from open-loans.csv --dry-run
    """
    meant = Meant(names or (), source, library, resume)
    if sum(map(bool, (meant.names, meant.file, meant.library, meant.resume))) > 1:
        raise typer.BadParameter("name requests, or a file, or a library, or what to resume; one of them")
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        wanted = _wanted(known, way, meant)
        well = carried_out(way, wanted, Manner("adopt", dry_run, yes, as_json, known.settings.engine.ask_over, resume))
    raise typer.Exit(0 if well else 1)


def _wanted(known: Configuration, way: Way, meant: Meant) -> tuple[Asked, ...]:
    if meant.resume:
        return left_over(way, meant.resume, "adopt")
    if meant.file is not None:
        return _from_file(way.ledger, meant.file)
    if meant.names:
        return tuple(Asked(Asking.ADOPT, row.id, who()) for row in each_named(way.ledger, meant.names))
    known_library(known, way.ledger, meant.library)
    ids = way.ledger.requests.open_ids(state=State.OBSERVED, library=meant.library)
    return tuple(Asked(Asking.ADOPT, each, who()) for each in ids)


def _from_file(ledger: Ledger, path: Path) -> tuple[Asked, ...]:
    """What the file names; every problem of it is told at once, and then nothing is done (exit code 2)."""
    wanted: list[Asked] = []
    problems: list[str] = []
    for line in _lines(path):
        where, request = f"{path}, line {line.number}", line.cells["request"]
        rows = ledger.requests.find(request) if request else ()
        if not request or not line.cells["barcode"]:
            problems.append(f"{where}: a line needs a request and a barcode.")
        elif not rows:
            problems.append(f"{where}: {request}: there is no such request.")
        elif len(rows) > 1:
            problems.append(f"{where}: {request} names several: {', '.join(row.name for row in rows)}; choose one.")
        else:
            wanted.append(
                Asked(Asking.ADOPT, rows[0].id, who(), barcode=line.cells["barcode"], volume=line.cells["volume"])
            )
    complain([*problems, *_twice(path, wanted)], exit_code=2)
    return tuple(wanted)


def _twice(path: Path, wanted: Sequence[Asked]) -> list[str]:
    counts = Counter((each.request_id, each.volume) for each in wanted)
    named = (
        (f"R{request}" + (f", volume {volume}" if volume else "")) for (request, volume), n in counts.items() if n > 1
    )
    return [f"{path}: {each} stands in several lines." for each in named]


def _lines(path: Path) -> tuple[CsvLine, ...]:
    try:
        return read_csv(path, ("request", "barcode"), optional=("volume",))
    except ConfigurationError as wrong:
        end_with(str(wrong), exit_code=2)
