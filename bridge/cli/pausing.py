"""Commands ``pause`` and ``resume``: no work begins for a library or on a lane until staff say so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bridge.cli.asking import who
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, opened
from bridge.ledger import Ledger
from bridge.ledger.model import FOREVER
from bridge.settings import Configuration

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="LIBRARY|LANE", help="A library or a lane (an ILS); library:NAME or lane:NAME where both bear it."
    ),
]


def pause(
    name: NameArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    until: Annotated[
        datetime | None,
        typer.Option(
            help="When work may begin again by itself, in this machine's time zone; left out: on `resume`.",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Why; shown by `status`.")] = "",
) -> None:
    """Let no work begin for a library, or on a lane; changes still come in and are kept. The step in hand is finished.

    Example: ill-bridge pause alma --until "2026-12-01 06:00" --note "Alma upgrade"
    """
    with opened(config) as (known, ledger):
        kind, named = _named(known, name)
        end = until.astimezone(UTC) if until is not None else FOREVER
        if end <= ledger.clock():
            raise typer.BadParameter("--until is in the past")
        why = f"Paused by {who()} at {ledger.clock():%Y-%m-%d %H:%M} UTC" + (f": {note}" if note else ".")
        ledger.lanes.ensure(known.settings.ils)
        if kind == "lane":
            ledger.lanes.hold(named, until=end, why=why)
        else:
            ledger.libraries.hold(named, until=end, why=why)
    typer.echo(
        f"{kind.capitalize()} '{named}' is paused"
        + (f" until {until:%Y-%m-%d %H:%M}." if until else "; 'resume' ends it.")
    )


def resume(name: NameArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Let work begin again: after a pause, or after a library reached its quota of deletions (which then begins anew).

    Example: ill-bridge resume main
    """
    with opened(config) as (known, ledger):
        kind, named = _named(known, name)
        was = _freed(ledger, kind, named)
    typer.echo(f"{kind.capitalize()} '{named}' " + ("goes on." if was else "was not paused."))


def _freed(ledger: Ledger, kind: str, name: str) -> bool:
    return ledger.lanes.resume(name) if kind == "lane" else ledger.libraries.resume(name)


def _named(known: Configuration, name: str) -> tuple[str, str]:
    """Whether a library or a lane is meant, and which."""
    there = {"library": tuple(known.settings.libraries), "lane": tuple(known.settings.ils)}
    kind, _, rest = name.partition(":")
    if kind in there and rest in there[kind]:
        return kind, rest
    found = [kind for kind, names in there.items() if name in names]
    if len(found) > 1:
        raise typer.BadParameter(f"'{name}' is a library and a lane: say library:{name} or lane:{name}")
    if not found:
        libraries, lanes = (", ".join(sorted(names)) or "none" for names in there.values())
        raise typer.BadParameter(f"there is no '{name}'; libraries: {libraries}; lanes: {lanes}")
    return found[0], name
