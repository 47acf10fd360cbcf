"""``ill-bridge``: every command, and how a failure is told."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bridge import logging
from bridge.cli.deferred import Place, deferred
from bridge.errors import BridgeError, ConfigurationError

PLACES = (
    Place(
        "run",
        "bridge.cli.running:run",
        "Run the daemon until SIGTERM or Ctrl-C; the step in hand is finished first.",
    ),
    Place(
        "check",
        "bridge.cli.checking:check",
        "Check the configuration, then, read-only, ledger, sources and ILSs: rights, places, codes, ILL "
        "accounts, clocks. One line a finding.",
    ),
    Place(
        "status",
        "bridge.cli.overview:status",
        "What needs attention; lanes, libraries, sources, how many requests are in which state, and what is parked and why.",
    ),
    Place(
        "sources",
        "bridge.cli.sourcing:sources",
        "Every source with its last poll, how far it is behind, its cursor, and the words it used that are not known, with an example.",
    ),
    Place(
        "requests",
        "bridge.cli.looking:requests",
        "List requests, newest first; what is parked or waits for staff also by cause, with how wide the cause reaches.",
    ),
    Place(
        "show",
        "bridge.cli.looking:show",
        "What we know of a request, what we did in the ILS, the next step, and its circulation history.",
    ),
    Place(
        "tasks",
        "bridge.cli.tasking:tasks",
        "List what staff are asked to do, oldest first; tasks of one request follow one another. Confirmed with `resolve`.",
    ),
    Place(
        "resync",
        "bridge.cli.steering:resync",
        "Read requests afresh from the ILS and bring them in step. A running daemon carries it out; without one, this command does.",
    ),
    Place(
        "audit",
        "bridge.cli.auditing:audit",
        "Hold the ILS against what should be there: every open request, and finished ones not seen since "
        "they were closed. Tells what differs.",
    ),
    Place(
        "retry",
        "bridge.cli.steering:retry",
        "Try parked or waiting requests again at once, without reading them afresh; takes forgotten ones up again.",
    ),
    Place(
        "skip",
        "bridge.cli.steering:skip",
        "Leave out the step that requests stand at, as if it had been done, and go on with the next.",
    ),
    Place(
        "resolve",
        "bridge.cli.steering:resolve",
        "Confirm that what staff were asked to do for these requests is settled; the bridge then goes on.",
    ),
    Place(
        "forget",
        "bridge.cli.steering:forget",
        "Do no more for these requests, whatever comes; shows what would stay in the ILS and asks first.",
    ),
    Place(
        "set",
        "bridge.cli.steering:set_right",
        "Set a field of a request right by hand, and bring the ILS in step with it. It stands until the service says something new.",
    ),
    Place(
        "adopt",
        "bridge.cli.adopting:adopt",
        "Take over loans that staff made by hand: each item is looked up by its barcode and recorded as it stands. Nothing is made.",
    ),
    Place(
        "pause",
        "bridge.cli.pausing:pause",
        "Let no work begin for a library, or on a lane; changes still come in and are kept. The step in hand is finished.",
    ),
    Place(
        "resume",
        "bridge.cli.pausing:resume",
        "Let work begin again: after a pause, or after a library reached its quota of deletions (which then begins anew).",
    ),
    Place(
        "replay",
        "bridge.cli.replaying:replay",
        "Take kept messages again, after the word table or the mapping was corrected. What follows is worked on by the daemon.",
    ),
    Place(
        "notes",
        "bridge.cli.noting:notes",
        "Lines of histories that services are still to be told, and those that were given up, with the reason.",
    ),
    Place(
        "export",
        "bridge.cli.exporting:export",
        "Write the circulation history, a line each event, oldest first. No patron stands in it, unless staff named one in a note.",
    ),
    Place(
        "purge",
        "bridge.cli.purging:purge",
        "Remove patrons and titles: of finished requests that are old enough (the table privacy), or "
        "everything of one patron who asks for it.",
    ),
    Place(
        "demo",
        "bridge.cli.demo.command:demo",
        "Watch loans move through a stand-in service, the daemon and a stand-in ILS; exit 0 only if all ended as stated.",
    ),
    Place(
        "sandbox",
        "bridge.cli.sandbox:sandbox",
        "Run the stand-ins (Alma, a resource-sharing service; Sierra, Symphony, Koha and Spydus on demand) on loopback until Ctrl-C.",
    ),
    Place("db", "bridge.cli.database:db", "Look after the ledger's database."),
    Place("alerts", "bridge.cli.alerting:alerts", "Digest and alerts: try the channels, see what is told."),
)


def _begin() -> None:
    """Nothing: each command opens what it needs. Without it typer takes the group for empty."""


app = typer.Typer(
    name="ill-bridge",
    cls=deferred(PLACES),
    callback=_begin,
    help="Keeps a library's ILS in step with its interlibrary loans.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
