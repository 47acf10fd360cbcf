"""Commands ``pause`` and ``resume``: no work begins for a library or on a lane until staff say so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bridge.cli.asking import who
from bridge.cli.choosing import listed
from bridge.cli.completing import pausable
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, opened
from bridge.ledger import Ledger
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER
from bridge.settings import Configuration

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="LIBRARY|LANE",
        help="A library or a lane (an ILS); library:NAME or lane:NAME where both bear it.",
        autocompletion=pausable,
    ),
]
NoteOption = Annotated[str, typer.Option("--note", help="Why; shown with your name by `status` and by `pause`.")]


def pause(
    name: NameArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    until: Annotated[
        datetime | None,
        typer.Option(
            help="When work begins again by itself, in this machine's time zone; left out: on `resume`.",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        ),
    ] = None,
    note: NoteOption = "",
) -> None:
    """Let no work begin for a library, or on a lane; changes still come in and are kept. The step in hand is finished.

    What staff ask for meanwhile is noted and done when the pause ends; looking (--dry-run) is always possible. A pause given again
    takes the place of the one before.

    Example: ill-bridge pause alma --until "2026-12-01 06:00" --note "Alma upgrade"
    """
    with opened(config) as (known, ledger):
        kind, named = _named(known, name)
        end = _utc(until) if until is not None else FOREVER
        if end <= ledger.clock():
            raise typer.BadParameter("--until is in the past")
        stopped = _stopped_by_quota(ledger, kind, named)
        if stopped:
            typer.echo(f"Library '{named}' stands still already. {stopped}")
            return
        _held(known, ledger, (kind, named), end, f"Paused {_by(ledger, note)}")
    typer.echo(
        f"{kind.capitalize()} '{named}' is paused"
        + (f" until {until:%Y-%m-%d %H:%M}." if until else f"; 'ill-bridge resume {name}' ends it.")
    )


def _utc(moment: datetime) -> datetime:
    """Of a time on this machine's clock."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError) as wrong:
        raise typer.BadParameter(f"--until: {moment.date()} is no day that can be waited for") from wrong


def _by(ledger: Ledger, note: str) -> str:
    said = f"by {who()} at {ledger.clock():%Y-%m-%d %H:%M} UTC"
    return f"{said}: {note.strip().rstrip('.')}." if note.strip() else f"{said}."


def _held(known: Configuration, ledger: Ledger, what: tuple[str, str], end: datetime, why: str) -> None:
    kind, name = what
    if kind == "lane":
        ledger.lanes.ensure(known.settings.ils)
        ledger.lanes.hold(name, until=end, why=why)
    else:
        ledger.libraries.hold(name, until=end, why=why)


def _stopped_by_quota(ledger: Ledger, kind: str, name: str) -> str:
    """Why a library stands still until a human says so, which no pause with an end may shorten."""
    found = [each for each in ledger.libraries.all() if kind == "library" and each.name == name]
    return next((each.held_why for each in found if each.held_cause == OVER_QUOTA), "")


def resume(name: NameArgument, config: ConfigOption = DEFAULT_CONFIG, *, note: NoteOption = "") -> None:
    """Let work begin again: after a pause, or after a library reached its quota of deletions (which then begins anew).

    Example: ill-bridge resume main --note "looked the deletions through"
    """
    with opened(config) as (known, ledger):
        kind, named = _named(known, name)
        was = _freed(ledger, kind, named, _by(ledger, note))
        said = "goes on." if was else f"was not paused.{_else(ledger, kind, named)}"
    typer.echo(f"{kind.capitalize()} '{named}' {said}")


def _freed(ledger: Ledger, kind: str, name: str, by: str) -> bool:
    why = f"Resumed {by}"
    return ledger.lanes.resume(name, why=why) if kind == "lane" else ledger.libraries.resume(name, why=why)


def _else(ledger: Ledger, kind: str, name: str) -> str:
    """What else there is to know of something that is not paused: a closed lane, who ended the last pause."""
    if kind == "library":
        last = ledger.libraries.last_said(name)
        return f" {last}" if last else ""
    for lane in ledger.lanes.all():
        if lane.name == name and lane.paused_until is not None:
            return f" It is closed, and opens by itself when the ILS answers: {lane.why}"
    last = ledger.lanes.last_said(name)
    return f" {last}" if last else ""


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
        libraries, lanes = (listed(names) for names in there.values())
        raise typer.BadParameter(f"there is no '{name}'; libraries: {libraries}; lanes: {lanes}")
    return found[0], name
