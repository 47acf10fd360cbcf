"""``ill-bridge``: every command, and how a failure is told."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bridge import logging
from bridge.cli import (
    adopting,
    alerting,
    auditing,
    checking,
    database,
    exporting,
    looking,
    noting,
    overview,
    pausing,
    purging,
    replaying,
    running,
    sourcing,
    steering,
    tasking,
)
from bridge.cli.demo.command import demo
from bridge.cli.sandbox import sandbox
from bridge.errors import BridgeError, ConfigurationError

app = typer.Typer(
    name="ill-bridge",
    help="Keeps a library's ILS in step with its interlibrary loans.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(running.run)
app.command()(checking.check)
app.command()(overview.status)
app.command()(sourcing.sources)
app.command()(looking.requests)
app.command()(looking.show)
app.command()(tasking.tasks)
app.command()(steering.resync)
app.command()(auditing.audit)
app.command()(steering.retry)
app.command()(steering.skip)
app.command()(steering.resolve)
app.command()(steering.forget)
app.command("set")(steering.set_right)
app.command()(adopting.adopt)
app.command()(pausing.pause)
app.command()(pausing.resume)
app.command()(replaying.replay)
app.command()(noting.notes)
app.command()(exporting.export)
app.command()(purging.purge)
app.add_typer(database.db)
app.add_typer(alerting.alerts)
app.command()(demo)
app.command()(sandbox)


def _readable(arguments: Sequence[str]) -> None:
    """What is no UTF-8 could be neither looked up nor told; the command ends with exit code 2."""
    for argument in arguments:
        if not argument.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in argument):
            shown = argument.encode("utf-8", errors="backslashreplace").decode()
            typer.echo(f"The argument '{shown}' is not UTF-8.", err=True)
            sys.exit(2)


def main() -> None:
    """Run a command. Exit codes: 0 good, 1 something did not succeed, 2 the configuration or the command line is wrong."""
    logging.configure(console=True, level="warning")
    _readable(sys.argv[1:])
    try:
        app()
    except ConfigurationError as wrong:
        typer.echo("The configuration cannot be used:", err=True)
        for problem in wrong.problems:
            typer.echo(f"  - {problem}", err=True)
        sys.exit(2)
    except BridgeError as failure:
        typer.echo(str(failure), err=True)
        sys.exit(1)
