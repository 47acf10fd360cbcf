"""The command ``replay``: kept messages are taken again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from bridge.cli.choosing import listed
from bridge.cli.completing import sources
from bridge.cli.looking import as_text
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption, opened
from bridge.cli.retelling import Retelling, Retold, Shown
from bridge.domain.arrival import ArrivalState
from bridge.ledger import Ledger
from bridge.ledger.model import Kept
from bridge.settings import Configuration
from bridge.sources.iso18626.message import only_by_id
from bridge.wiring import readers_of


def replay(
    ids: Annotated[list[int] | None, typer.Argument(help="Ids of kept messages, as `status` shows them.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All kept messages.")] = False,
    source: Annotated[str, typer.Option(help="All kept messages of this source.", autocompletion=sources)] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="With --source: all its messages since then (UTC), also those that were understood.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would become of them.")] = False,
    sure: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take kept messages again, after the word table or the mapping was corrected. What follows is worked on by the daemon.

    A message named by its id is taken again even where it was understood before, which changes nothing twice. With --since the requests of
    all these messages are told anew: what a corrected word no longer says is taken back. Try it with --dry-run first.
    An ISO 18626 message whose sender may not say what it says, or not yet, is taken by its id only.

    Example: ill-bridge replay --source tipasa --since 2026-11-20 --dry-run
    """
    if bool(ids) + everything + bool(source) != 1:
        raise typer.BadParameter("name messages, or choose them with --all or --source; one of them")
    if since is not None and not source:
        raise typer.BadParameter("--since needs --source")
    with opened(config) as (known, ledger):
        if since is not None or dry_run:
            done = _retold(
                known,
                ledger,
                _messages(known, ledger, ids or (), source, since),
                _Manner(since, dry_run, sure, as_json),
            )
            raise typer.Exit(0 if done else 1)
        kept = _chosen(known, ledger, ids or (), source)
        missing = sorted(set(ids or ()) - {each.id for each in kept})
        for wanted in missing:
            typer.echo(f"{wanted}: there is no such message.", err=True)
        if not kept and not missing:
            typer.echo("No message is kept" + (f" of source '{source}'." if source else "."))
        taken = [_taken(known, ledger, each) for each in kept]
    raise typer.Exit(0 if all(taken) and not missing else 1)


@dataclass(frozen=True)
class _Manner:
    since: datetime | None
    dry_run: bool
    sure: bool
    as_json: bool


def _messages(
    known: Configuration, ledger: Ledger, ids: Sequence[int], source: str, since: datetime | None
) -> tuple[Kept, ...]:
    if since is None:
        return tuple(kept for kept in _chosen(known, ledger, ids, source) if kept.body)
    if source not in known.sources:
        raise typer.BadParameter(f"there is no source '{source}'; there are: {listed(known.sources)}")
    heard = (kept for kept in ledger.inbox.heard(source, since.replace(tzinfo=UTC)) if kept.body)
    return tuple(kept for kept in heard if kept.state is ArrivalState.FOLDED or not only_by_id(kept.key))


def _retold(known: Configuration, ledger: Ledger, messages: Sequence[Kept], manner: _Manner) -> bool:
    """Show what these messages would tell now, and have it so unless it is a dry run; whether all could be done."""
    retelling = Retelling(known, ledger)
    found = retelling.of(messages)
    differing = [told for told in found.requests if told.differs]
    shown = [retelling.shown(told) for told in differing]
    if manner.as_json:
        left = [{"id": id_, "why": why} for id_, why in found.left]
        typer.echo(as_text({"messages": len(messages), "requests": [each.as_json() for each in shown], "left": left}))
    else:
        _tell(len(messages), shown, found)
    doable = [told for told in differing if not told.problem]
    if manner.dry_run or not doable:
        return True
    if not manner.sure and not typer.confirm(f"Tell {len(doable)} requests anew?", err=True):
        return False
    moved = [told for told in doable if not retelling.do(told, manner.since or ledger.clock())]
    for told in moved:
        typer.echo(f"{told.after.key.number}: something new was said of it meanwhile; try again.", err=True)
    return not moved


def _tell(messages: int, shown: Sequence[Shown], found: Retold) -> None:
    for each in shown:
        for line in each.lines():
            typer.echo(line)
    for id_, why in found.left:
        typer.echo(f"{id_}: still not understood: {why}")
    same = len(found.requests) - len(shown)
    typer.echo(f"{messages} messages of {len(found.requests)} requests; {same} would stay as they are.")


def _chosen(known: Configuration, ledger: Ledger, ids: Sequence[int], source: str) -> tuple[Kept, ...]:
    kept = ledger.inbox.kept(ids)
    if ids:
        return kept
    kept = tuple(each for each in kept if not only_by_id(each.key))
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
