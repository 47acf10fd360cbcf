"""The command ``notes``: what services are still to be told of their requests, and what was given up."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bridge.cli.completing import sources
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, opened
from bridge.ledger.outbox import KeptNote


def notes(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    retry: Annotated[
        str, typer.Option(help="Try again now what this source did not take.", autocompletion=sources)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Lines of histories that services are still to be told, and those that were given up, with the reason.

    Example: ill-bridge notes --retry illiad
    """
    with opened(config) as (known, ledger):
        if retry:
            if retry not in known.sources:
                raise typer.BadParameter(f"there is no source '{retry}'", param_hint="--retry")
            typer.echo(f"{ledger.notes.retry(retry)} notes are tried again.", err=as_json)
        unsent = ledger.notes.unsent()
    if as_json:
        typer.echo(json.dumps([_report(each) for each in unsent], ensure_ascii=False, indent=2))
        return
    for each in unsent:
        typer.echo(_sentence(each))
    if not unsent:
        typer.echo("Nothing is still to be told.")


def _report(kept: KeptNote) -> dict[str, object]:
    note = kept.note
    return {
        "source": kept.source,
        "request": note.short_id if note else None,
        "number": note.request.number if note else None,
        "line": note.line if note else None,
        "at": kept.at.isoformat(),
        "tries": kept.tries,
        "given_up": kept.dropped,
        "problem": kept.problem,
    }


def _sentence(kept: KeptNote) -> str:
    of = f"{kept.note.short_id} ({kept.note.request.number})" if kept.note else "a request that cannot be read"
    state = "given up" if kept.dropped else "waits"
    problem = f", {kept.tries} tries: {kept.problem}" if kept.problem else ""
    line = f' "{kept.note.line}"' if kept.note else ""
    return f"{kept.source}, {of}, of {kept.at:%Y-%m-%d %H:%M} UTC:{line} {state}{problem}"
