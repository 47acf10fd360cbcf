"""Commands ``db upgrade``, ``db backup`` and ``db check``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.choosing import end_with
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from bridge.ledger import Ledger, LedgerBusy
from bridge.ledger.upkeep import backup as copied
from bridge.ledger.upkeep import missing, size, stood, troubles
from bridge.wiring import configuration, ledger_of

NEWER = "The schema ({}) is of a newer release and was left as it is; this release works on it."
db = typer.Typer(name="db", help="Look after the ledger's database.", no_args_is_help=True, add_completion=False)


def _existing(config: Path) -> Ledger:
    """The ledger, which must be there: opening a SQLite file that is not would make an empty one."""
    known = configuration(config)
    absent = missing(known.settings.ledger.url)
    if absent:
        end_with(f"There is no ledger at {absent}; 'ill-bridge db upgrade' and 'ill-bridge run' make one.", exit_code=1)
    return ledger_of(known)


@db.command()
def upgrade(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Bring the ledger's schema to this release; the daemon does so too when it starts. Refused while a daemon runs on a SQLite file.

    Example: ill-bridge db upgrade
    """
    ledger = ledger_of(configuration(config))
    try:
        ledger.lock.take()
        before = ledger.upgrade()
    finally:
        ledger.close()
    if before.newer:
        typer.echo(NEWER.format(before.stands))
    elif before.current:
        typer.echo("The schema is this release's already.")
    else:
        typer.echo(f"The schema was brought from {before.stands or 'nothing'} to {before.head}.")


@db.command()
def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write a consistent copy of the ledger, beside a running daemon: a SQLite file, or pg_dump's custom format.

    Example: ill-bridge db backup /var/backups/ill-bridge-2026-11-24.db
    """
    ledger = _existing(config)
    try:
        copied(ledger.database, file)
    finally:
        ledger.close()
    typer.echo(f"{file}: {file.stat().st_size} bytes written.")


@db.command("check")
def check_database(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Read everything in the ledger and say what is wrong with it; nothing is changed. Exit code 1 where something is.

    Example: ill-bridge db check
    """
    ledger = _existing(config)
    try:
        found = tuple(troubles(ledger.database))
        rows = {} if found else size(ledger.database)
        newer = _newer(ledger)
    finally:
        ledger.close()
    if as_json:
        report = {
            "ok": not found,
            "troubles": [asdict(each) for each in found],
            "rows": rows,
            "newer_schema": bool(newer),
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    elif newer:
        typer.echo(NEWER.format(newer))
    for each in () if as_json else found:
        typer.echo(f"{each.what} {each.advice}")
    if not found and not as_json:
        typer.echo("The ledger is sound: " + ", ".join(f"{count} {name}" for name, count in rows.items()) + ".")
    raise typer.Exit(1 if found else 0)


def _newer(ledger: Ledger) -> str:
    """The schema's version where a newer release left it behind; a database that cannot be read is told among its troubles."""
    try:
        stands = stood(ledger.database)
    except LedgerBusy:
        return ""
    return stands.stands if stands.newer else ""
