"""The command ``adopt``: takes over loans that staff made by hand, without making anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.asking import asking, who
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption, opened
from bridge.cli.steering import tell
from bridge.csvfile import read_csv
from bridge.engine.steering import Asked, Asking
from bridge.errors import ConfigurationError
from bridge.ledger import Ledger, State


@dataclass(frozen=True)
class Line:
    """A line of the file: the request, the barcode that staff gave the item, the volume where there are several."""

    request: str
    barcode: str
    volume: str = ""


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
    library: Annotated[str, typer.Option(help="Only requests of this library.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be taken over.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take over loans that staff made by hand: each item is looked up by its barcode and recorded as it stands. Nothing is made.

    Example: ill-bridge adopt --from open-loans.csv --dry-run
    """
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        wanted = _from_file(ledger, source) if source is not None else _chosen(ledger, names or [], library)
        if not wanted:
            typer.echo("[]" if as_json else "No request matches.")
            raise typer.Exit(0)
        if len(wanted) > known.settings.engine.ask_over and not (yes or dry_run):
            typer.echo(
                f"{len(wanted)} requests are looked up; what is found is taken over. Nothing is made or deleted.",
                err=True,
            )
            if not typer.confirm("Go on?", default=False, err=True):
                raise typer.Exit(1)
        _, answers = way.many([replace(each, dry_run=dry_run) for each in wanted], "adopt")
        tell(ledger, answers, as_json=as_json)
        taken = sum(answer.ok for answer in answers.values())
        would = "would be" if dry_run else "were"
        typer.echo(f"{taken} of {len(wanted)} requests {would} taken over.", err=True)
    raise typer.Exit(0 if taken == len(wanted) else 1)


def _chosen(ledger: Ledger, names: Sequence[str], library: str) -> tuple[Asked, ...]:
    if not names:
        ids = ledger.requests.open_ids(state=State.OBSERVED, library=library)
        return tuple(Asked(Asking.ADOPT, each, who()) for each in ids)
    return tuple(_asked(ledger, Line(name, ""), name) for name in names)


def _asked(ledger: Ledger, line: Line, where: str) -> Asked:
    rows = ledger.requests.find(line.request)
    if len(rows) != 1:
        said = "there is no such request" if not rows else f"it names several: {', '.join(row.name for row in rows)}"
        raise ConfigurationError((f"{where}: {line.request}: {said}",))
    return Asked(Asking.ADOPT, rows[0].id, who(), barcode=line.barcode, volume=line.volume)


def _from_file(ledger: Ledger, path: Path) -> tuple[Asked, ...]:
    """What the file names; every problem of it is told at once. Raises ``ConfigurationError``."""
    wanted: list[Asked] = []
    problems: list[str] = []
    for read in read_csv(path, ("request", "barcode"), optional=("volume",)):
        where = f"{path}, line {read.number}"
        line = Line(**read.cells)
        if not line.request or not line.barcode:
            problems.append(f"{where}: a line needs a request and a barcode")
            continue
        try:
            wanted.append(_asked(ledger, line, where))
        except ConfigurationError as wrong:
            problems += wrong.problems
    if problems:
        raise ConfigurationError(tuple(problems))
    return tuple(wanted)
