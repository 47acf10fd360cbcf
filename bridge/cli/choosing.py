"""Which requests a command line means."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn

import typer

from bridge.ledger import Ledger, State
from bridge.ledger.model import Row
from bridge.settings import Configuration


@dataclass(frozen=True)
class Choice:
    """Requests by name, or by what they have in common."""

    names: Sequence[str] = ()
    library: str = ""
    state: State | None = None
    everything: bool = False
    cause: str = ""

    @property
    def selectors(self) -> bool:
        """Whether it names what requests have in common."""
        return bool(self.library or self.state or self.everything or self.cause)


def chosen(known: Configuration, ledger: Ledger, choice: Choice) -> tuple[int, ...]:
    """Ledger ids of the requests meant. Ends the command where a name or library is not there, or nothing is chosen."""
    if choice.names and choice.selectors:
        raise typer.BadParameter("name requests, or choose them with --library, --state, --cause or --all; not both")
    if choice.names:
        return tuple(dict.fromkeys(row.id for row in named(ledger, choice.names)))
    if not choice.selectors:
        raise typer.BadParameter("name requests, or choose them with --library, --state, --cause or --all")
    known_library(known, ledger, choice.library)
    return ledger.requests.open_ids(state=choice.state, library=choice.library, cause=choice.cause)


def named(ledger: Ledger, names: Sequence[str]) -> tuple[Row, ...]:
    """The requests that bear these names; ends the command with exit code 1 where one bears none."""
    found = {name: ledger.requests.find(name) for name in names}
    complain([f"{name}: there is no such request." for name, rows in found.items() if not rows], exit_code=1)
    return tuple(row for rows in found.values() for row in rows)


def each_named(ledger: Ledger, names: Sequence[str]) -> tuple[Row, ...]:
    """The one request that each name means; ends the command with exit code 2 where a name means several."""
    named(ledger, names)
    rows = {name: ledger.requests.find(name) for name in dict.fromkeys(names)}
    complain([_several(name, found) for name, found in rows.items() if len(found) > 1], exit_code=2)
    return tuple({found.id: found for many in rows.values() for found in many}.values())


def _several(name: str, rows: Sequence[Row]) -> str:
    each = (
        f"{row.name} ({row.request.key.library}, {row.request.key.service}, {row.request.key.role})" for row in rows
    )
    return f"{name} names several requests: {', '.join(each)}; choose one by its short id."


def known_library(known: Configuration, ledger: Ledger, name: str) -> None:
    """End the command with exit code 2 where neither the configuration nor the ledger knows this library; an empty name is none."""
    if name and name not in known.settings.libraries and not ledger.requests.ids(library=name, limit=1):
        raise typer.BadParameter(f"there is no library '{name}'; there are: {listed(known.settings.libraries)}")


def listed(names: Collection[str]) -> str:
    """Names for a sentence."""
    return ", ".join(sorted(names)) or "none"


def agreed(question: str) -> bool:
    """Ask on standard error, so that standard output holds the answers alone; anything but yes, and silence, mean no."""
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    said = sys.stdin.readline()
    if not said.endswith("\n"):
        typer.echo(err=True)
    return said.strip().casefold() in {"y", "yes"}


def end_with(problem: str, *, exit_code: int) -> NoReturn:
    """Say what is wrong on standard error and end the command."""
    typer.echo(problem, err=True)
    raise typer.Exit(exit_code)


def complain(problems: Sequence[str], *, exit_code: int) -> None:
    """Say what is wrong on standard error and end the command, if anything is."""
    if problems:
        end_with("\n".join(problems), exit_code=exit_code)
