"""Commands that set something in motion for requests: ``resync``, ``retry``, ``skip``, ``resolve``, ``forget``, ``set``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.asking import Done, asking, who
from bridge.cli.batches import Manner, carried_out, left_over, tell
from bridge.cli.choosing import Choice, agreed, chosen, each_named, end_with
from bridge.cli.completing import libraries
from bridge.cli.options import DEFAULT_CONFIG, CauseOption, ConfigOption, JsonOption, YesOption, opened
from bridge.domain.identity import Role
from bridge.engine.asked import Asked, Asking
from bridge.ledger import State
from bridge.ledger.model import Row


def _said(note: str) -> str:
    if not note.strip():
        raise typer.BadParameter("say why")
    return note.strip()


Names = Annotated[list[str], typer.Argument(help="Short ids (R12) or the service's request numbers.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; stands in the history with your name and the time.")]
NeededNote = Annotated[
    str,
    typer.Option("--note", help="Why; stands in the history with your name and the time.", callback=_said),
]


def resync(
    names: Annotated[list[str] | None, typer.Argument(help="Short ids (R12) or the service's request numbers.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    library: Annotated[str, typer.Option(help="All open requests of this library.", autocompletion=libraries)] = "",
    state: Annotated[
        State | None, typer.Option(help="All requests in this state; with --library, of that library.")
    ] = None,
    cause: CauseOption = "",
    everything: Annotated[bool, typer.Option("--all", help="All open requests.")] = False,
    resume: Annotated[str, typer.Option("--resume", help="What an interrupted resync left, by the name it told.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be done.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read requests afresh from the ILS and bring them in step. A running daemon carries it out; without one, this command does.

    Over more requests than engine.ask_over it shows the plan first and asks. Other work goes first, and a lane that is closed or paused
    is waited for. Ctrl-C stops after the request in hand and tells how to go on later.

    Example: ill-bridge resync --library main --state parked --dry-run
    """
    choice = Choice(names or (), library, state, everything, cause)
    if resume and (choice.names or choice.selectors):
        raise typer.BadParameter("--resume goes on with what it names; choose nothing else")
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        if resume:
            wanted = left_over(way, resume, "resync")
        else:
            wanted = tuple(Asked(Asking.RESYNC, each, who()) for each in chosen(known, ledger, choice))
        manner = Manner("resync", dry_run, yes, as_json, known.settings.engine.ask_over, resume)
        well = carried_out(way, wanted, manner)
    raise typer.Exit(0 if well else 1)


def retry(names: Names, config: ConfigOption = DEFAULT_CONFIG, *, note: NoteOption = "") -> None:
    """Try parked or waiting requests again at once, without reading them afresh; takes forgotten ones up again.

    Example: ill-bridge retry R12 --note "patron's card was renewed"
    """
    well = _each(names, config, Asked(Asking.RETRY, 0, note=note))
    raise typer.Exit(0 if well else 1)


def skip(
    names: Names,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    note: NeededNote,
) -> None:
    """Leave out the step that requests stand at, as if it had been done, and go on with the next.

    Example: ill-bridge skip R12 --note "hold placed by hand"
    """
    well = _each(names, config, Asked(Asking.SKIP, 0, note=note))
    raise typer.Exit(0 if well else 1)


def resolve(
    names: Names,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="All tasks that stand one after the other, as `tasks` lists them.")
    ] = False,
    note: NoteOption = "",
) -> None:
    """Confirm that what staff were asked to do for these requests is settled; the bridge then goes on.

    Where several tasks follow one another, the first is meant, or with --all every one of them. It is also how to say that a step is done
    which the ILS refused or did not show.

    Example: ill-bridge resolve R12 --note "declared lost in Alma"
    """
    well = _each(names, config, Asked(Asking.RESOLVE, 0, note=note, whole=everything))
    raise typer.Exit(0 if well else 1)


def forget(
    names: Names,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    note: NeededNote,
    yes: YesOption = False,
) -> None:
    """Do no more for these requests, whatever comes; shows what would stay in the ILS and asks first.

    Example: ill-bridge forget R12 --note "handled by hand from here on"
    """
    asked = Asked(Asking.FORGET, 0, note=note)
    if not yes:
        _each(names, config, replace(asked, dry_run=True))
        if not agreed("Leave that in the ILS and do no more?"):
            end_with("Nothing was changed.", exit_code=1)
    well = _each(names, config, asked)
    raise typer.Exit(0 if well else 1)


def set_right(
    name: Annotated[str, typer.Argument(metavar="REQUEST", help="Short id (R12) or the service's request number.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    barcode: Annotated[
        str, typer.Option(help="The temporary barcode of a borrowed item; the item's own barcode of a lent one.")
    ] = "",
    patron: Annotated[str, typer.Option(help="The patron's identifier.")] = "",
    due: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The lender's due date.")] = None,
    pickup: Annotated[str, typer.Option(help="The pickup location.")] = "",
    volume: Annotated[str, typer.Option(help="Only for this volume.")] = "",
    note: NoteOption = "",
) -> None:
    """Set a field of a request right by hand, and bring the ILS in step with it. It stands until the service says something new.

    Example: ill-bridge set R12 --barcode ILL-0815 --note "label printed wrong"
    """
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        (row,) = each_named(ledger, [name])
        fields = _fields(row, barcode=barcode, patron=patron, due=due, pickup=pickup)
        asked = Asked(Asking.SET, row.id, who(), note, fields=fields, volume=volume)
        answer = way.one(asked)
        tell(ledger, [Done(asked, answer)], as_json=False)
    raise typer.Exit(0 if answer.ok else 1)


def _fields(row: Row, *, barcode: str, patron: str, due: datetime | None, pickup: str) -> dict[str, str]:
    bearer = "temporary_barcode" if row.request.key.role is Role.BORROWER else "barcode"
    given = {bearer: barcode, "patron_id": patron, "due": f"{due:%Y-%m-%d}" if due else "", "pickup_location": pickup}
    named = {field: value.strip() for field, value in given.items() if value.strip()}
    if not named:
        raise typer.BadParameter("name at least one of --barcode, --patron, --due, --pickup")
    return named


def _each(names: Sequence[str], config: Path, asked: Asked) -> bool:
    """Ask the same for each request named, tell all answers; answers whether all went well."""
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        rows = each_named(ledger, names)
        done = []
        for row in rows:
            mine = replace(asked, request_id=row.id, by=who(), goal=row.parked.goal, stop=row.parked.fingerprint)
            done.append(Done(mine, way.one(mine)))
            tell(ledger, done[-1:], as_json=False)
    return all(each.answer is not None and each.answer.ok for each in done)
