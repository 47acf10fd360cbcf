"""The command ``demo``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bridge import logging
from bridge.cli.demo.alma import AlmaStage
from bridge.cli.demo.koha import KohaStage
from bridge.cli.demo.manual import ManualStage
from bridge.cli.demo.ncip import NcipStage
from bridge.cli.demo.programme import SCENARIOS
from bridge.cli.demo.report import Result, as_json, as_page
from bridge.cli.demo.scenarios import Ending, Scenario
from bridge.cli.demo.sierra import SierraStage
from bridge.cli.demo.spydus import SpydusStage
from bridge.cli.demo.stage import Calls, IlsStage, Stage, Stuck
from bridge.cli.demo.symphony import SymphonyStage
from bridge.cli.options import JsonOption

STAGES: dict[str, Callable[[], IlsStage]] = {
    "alma": AlmaStage,
    "folio": partial(NcipStage, "folio"),
    "horizon": partial(NcipStage, "horizon"),
    "koha": KohaStage,
    "manual": ManualStage,
    "millennium": partial(NcipStage, "millennium"),
    "ncip": partial(NcipStage, "ncip"),
    "sierra": SierraStage,
    "spydus": SpydusStage,
    "symphony": SymphonyStage,
    "wms": partial(NcipStage, "wms"),
}


def demo(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A configuration of your own for the demonstration.")
    ] = None,
    *,
    connector: Annotated[
        list[str] | None, typer.Option("--connector", help="Which connectors to show (default: all).")
    ] = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep database and logs in this folder.")] = None,
    json_only: JsonOption = False,
) -> None:
    """Watch loans move through a stand-in service, the daemon and a stand-in ILS; exit 0 only if all ended as stated.

    Example: ill-bridge demo --keep /tmp/demo
    """
    names = connector or list(STAGES)
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        typer.echo(f"There is no stage for: {', '.join(unknown)}; there are: {', '.join(STAGES)}.", err=True)
        raise typer.Exit(2)
    results: list[Result] = []
    console = Console(stderr=json_only)
    for name in names:
        with _folder(keep, name) as folder:
            results += _show(STAGES[name](), config, folder, console)
    if json_only:
        typer.echo(as_json(results))
    else:
        as_page(results, Console(soft_wrap=True))
    raise typer.Exit(0 if all(result.ok for result in results) else 1)


@contextmanager
def _folder(keep: Path | None, connector: str) -> Iterator[Path]:
    """A folder for database and logs: the kept one (emptied of an earlier run), or one that goes away."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="ill-bridge-demo-") as name:
            yield Path(name)
        return
    folder = keep.resolve() / connector
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder


def _show(ils: IlsStage, config: Path | None, folder: Path, console: Console) -> list[Result]:
    with (folder / "bridge.log").open("w", encoding="utf-8") as log:
        logging.configure(console=False, to=log)
        stage = Stage(ils, folder, config)
        try:
            stage.start()
            return _played(stage, console)
        finally:
            stage.stop()
            logging.configure(console=False)


def _played(stage: Stage, console: Console) -> list[Result]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    results: list[Result] = []
    loans: dict[str, str] = {}
    with Progress(*columns, console=console) as progress:
        for scenario in (each for each in SCENARIOS if _can_be_shown(each, stage)):
            task = progress.add_task(f"{stage.ils.connector}: {scenario.name}", total=1)
            results.append(_one(stage, scenario, loans))
            progress.update(task, completed=1)
    return results


def _can_be_shown(scenario: Scenario, stage: Stage) -> bool:
    """Whether the ILS does by machine what the scenario is about."""
    asked = stage.ils.by_machine or not scenario.by_machine
    charged = stage.charges_twice or not scenario.charges_twice
    return asked and charged and all(stage.can(verb) for verb in scenario.needs)


def _one(stage: Stage, scenario: Scenario, loans: dict[str, str]) -> Result:
    before = stage.ils.calls()
    try:
        ending = scenario.play(stage, scenario.number)
    except Stuck as stuck:
        stage.ils.outage(on=False)
        return _stuck(stage, scenario, str(stuck))
    loans |= ending.loans
    return _result(stage, scenario, ending, loans, before)


def _result(stage: Stage, scenario: Scenario, ending: Ending, loans: dict[str, str], before: Calls) -> Result:
    row, after = ending.row, stage.ils.calls()
    remains = stage.ils.remains(expected_loans=loans)
    clean = (remains.leftovers, remains.duplicates, remains.foreign_touched) == (0, 0, 0)
    return Result(
        name=scenario.name,
        role=scenario.role,
        connector=stage.ils.connector,
        request=f"{row.name} ({scenario.number})",
        status=row.status,
        state=row.state.value,
        history=_told(stage, ending),
        ils_calls=after.all - before.all,
        transient_calls=after.transient - before.transient,
        leftovers=remains.leftovers,
        duplicates=remains.duplicates,
        foreign_touched=remains.foreign_touched,
        ok=clean and not ending.wrong,
        wrong=tuple(ending.wrong),
    )


def _told(stage: Stage, ending: Ending) -> tuple[str, ...]:
    """The history; of two requests in one conversation both, as it went, with the library before each line."""
    if ending.beside is None:
        return tuple(line.line for line in stage.ledger.requests.history(ending.row.id))
    sides = (ending.beside, ending.row)
    lines = [
        (line.at, f"{row.request.key.library}: {line.line}")
        for row in sides
        for line in stage.ledger.requests.history(row.id)
    ]
    return tuple(line for _, line in sorted(lines, key=lambda each: each[0]))


def _stuck(stage: Stage, scenario: Scenario, why: str) -> Result:
    row = next(iter(stage.ledger.requests.find(scenario.number)), None)
    history = tuple(line.line for line in stage.ledger.requests.history(row.id)) if row else ()
    return Result(
        name=scenario.name,
        role=scenario.role,
        connector=stage.ils.connector,
        request=scenario.number,
        status=row.status if row else "",
        state=row.state.value if row else "",
        history=history,
        ils_calls=0,
        transient_calls=0,
        leftovers=0,
        duplicates=0,
        foreign_touched=0,
        ok=False,
        wrong=(why,),
    )
