"""The command ``replay``: kept messages are taken again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from bridge.cli.choosing import listed
from bridge.cli.completing import sources
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, opened
from bridge.domain.arrival import ArrivalState
from bridge.ledger import Ledger
from bridge.ledger.model import Kept
from bridge.settings import Configuration
from bridge.wiring import readers_of


def replay(
    ids: Annotated[list[int] | None, typer.Argument(help="Ids of kept messages, as `status` shows them.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All kept messages.")] = False,
    source: Annotated[str, typer.Option(help="All kept messages of this source.", autocompletion=sources)] = "",
) -> None:
    """Take kept messages again, after the word table or the mapping was corrected. What follows is worked on by the daemon.

    A message named by its id is taken again even where it was understood before, which changes nothing twice.

    Example: ill-bridge replay 17 18
    """
    if bool(ids) + everything + bool(source) != 1:
        raise typer.BadParameter("name messages, or choose them with --all or --source; one of them")
    with opened(config) as (known, ledger):
        kept = _chosen(known, ledger, ids or (), source)
        missing = sorted(set(ids or ()) - {each.id for each in kept})
        for wanted in missing:
            typer.echo(f"{wanted}: there is no such message.", err=True)
        if not kept and not missing:
            typer.echo("No message is kept" + (f" of source '{source}'." if source else "."))
        taken = [_taken(known, ledger, each) for each in kept]
    raise typer.Exit(0 if all(taken) and not missing else 1)


def _chosen(known: Configuration, ledger: Ledger, ids: Sequence[int], source: str) -> tuple[Kept, ...]:
    kept = ledger.inbox.kept(ids)
    if not source:
        return kept
    mine = tuple(each for each in kept if each.source == source)
    if not mine and source not in known.sources:
        raise typer.BadParameter(f"there is no source '{source}'; there are: {listed(known.sources)}")
    return mine


def _taken(known: Configuration, ledger: Ledger, kept: Kept) -> bool:
    door = readers_of(known).get(kept.source)
    if door is None:
        typer.echo(f"{kept.id}: its source '{kept.source}' is not in the configuration.")
        return False
    if not kept.body:
        typer.echo(
            f"{kept.id}: its body was removed to protect patrons ([privacy] message_days), so it cannot be taken again."
        )
        return False
    arrival = door.replayed(kept.body)
    folded = ledger.inbox.replay(kept.id, arrival, known.settings.lane)
    if arrival.state is not ArrivalState.FOLDED:
        typer.echo(f"{kept.id}: still not understood: {arrival.problem}")
        return False
    typer.echo(f"{kept.id}: taken into {', '.join(f'R{each}' for each in folded) or 'no request'}.")
    return True
