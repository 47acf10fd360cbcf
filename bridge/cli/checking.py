"""The command ``check``: the file, then the ILSs and sources as they answer now; and the drill."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bridge import logging
from bridge.checks.report import Part, worst
from bridge.checks.run import Scope, checked
from bridge.cli.drilling import DrillAsked, drill
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption
from bridge.domain.finding import Finding, Level
from bridge.ledger.ledger import utc_now
from bridge.settings import Configuration
from bridge.wiring import configuration

SHOWN = {Level.OK: ("✔ ok", "green"), Level.WARNING: ("! warning", "yellow"), Level.FAILED: ("✘ failed", "red")}


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    library: Annotated[str, typer.Option(help="Only this library, its ILS and its sources.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: only what the file alone tells.")] = False,
    expires_within: Annotated[
        int,
        typer.Option(min=0, max=36_500, metavar="DAYS", help="Warn of ILL accounts that expire within so many days."),
    ] = 30,
    drill_in: Annotated[
        str,
        typer.Option(
            "--drill", metavar="LIBRARY", help="Instead: make, verify and remove a temporary item in its ILS."
        ),
    ] = "",
    patron: Annotated[
        str, typer.Option(help="For the drill: a test patron, for whom a hold is placed and withdrawn.")
    ] = "",
    pickup: Annotated[
        str, typer.Option(help="For the drill: pickup location of that hold, as the service names it.")
    ] = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration, then, read-only, ledger, sources and ILSs: rights, places, codes, ILL accounts, clocks. One line a finding.

    Exit code 0: good, or only warnings; 1: something fails; 2: the file is wrong. With --drill one temporary item with bib and holding (and
    with --patron a hold) is made in the real ILS, verified there and removed; it asks first.

    Example: ill-bridge check --library main
    """
    logging.configure(console=True, level="critical")
    known = configuration(config)
    for name in (library, drill_in):
        if name and name not in known.settings.libraries:
            there = ", ".join(sorted(known.settings.libraries)) or "none"
            raise typer.BadParameter(f"there is no library '{name}'; libraries: {there}")
    if drill_in:
        if offline or library:
            raise typer.BadParameter("--drill goes without --offline and --library")
        raise typer.Exit(drill(config, DrillAsked(drill_in, patron, pickup), sure=yes, as_json=as_json))
    if patron or pickup:
        raise typer.BadParameter("--patron and --pickup belong to --drill")
    scope = Scope(library, offline, timedelta(days=expires_within))
    raise typer.Exit(1 if _told(known, scope, as_json=as_json) is Level.FAILED else 0)


def _told(known: Configuration, scope: Scope, *, as_json: bool) -> Level:
    found = checked(known, scope, utc_now)
    parts = tuple(found) if as_json else tuple(_lines(found))
    level = worst(parts)
    counts = {each: sum(one.level is each for part in parts for one in part.findings) for each in Level}
    if as_json:
        rows = [{"part": part.name, **asdict(finding)} for part in parts for finding in part.findings]
        report = {"result": level, "counts": counts, "offline": scope.offline, "findings": rows}
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return level
    typer.echo(f"{counts[Level.OK]} ok, {counts[Level.WARNING]} warnings, {counts[Level.FAILED]} failed.")
    return level


def _lines(parts: Iterable[Part]) -> Iterable[Part]:
    """Each part's findings on the screen as soon as they are there."""
    console = Console(soft_wrap=True, highlight=False)
    for part in parts:
        for finding in part.findings:
            console.print(_line(part, finding))
        yield part


def _line(part: Part, finding: Finding) -> Text:
    sign, colour = SHOWN[finding.level]
    said = f" {part.name} · {finding.subject}: {finding.text}"
    advice = f" → {finding.advice}" if finding.advice and finding.level is not Level.OK else ""
    return Text.assemble((f"{sign:<9}", colour), said, advice)
