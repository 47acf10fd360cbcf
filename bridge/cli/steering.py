"""Commands that set something in motion for requests: ``resync``, ``retry``, ``skip``, ``resolve``, ``forget``, ``set``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from bridge.cli.asking import Asking as Way
from bridge.cli.asking import asking, who
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption, opened
from bridge.domain.identity import Role
from bridge.engine.steering import Answer, Asked, Asking
from bridge.ledger import Ledger, State
from bridge.ledger.model import Row

Names = Annotated[list[str], typer.Argument(help="Short ids (R12) or the service's request numbers.")]
NoteOption = Annotated[str, typer.Option("--note", help="Why; stands in the history with your name and the time.")]
MANY_SHOWN = 40


def resync(
    names: Annotated[list[str] | None, typer.Argument(help="Short ids (R12) or the service's request numbers.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    library: Annotated[str, typer.Option(help="All open requests of this library.")] = "",
    state: Annotated[State | None, typer.Option(help="All requests in this state.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open requests.")] = False,
    resume: Annotated[str, typer.Option("--resume", help="What an interrupted resync left, by the name it told.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be done.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read requests afresh from the ILS and bring them in step. A running daemon carries it out; without one, this command does.

    Over more requests than [engine] ask_over it shows the plan first and asks.

    Example: ill-bridge resync --library main --state parked --dry-run
    """
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        if resume:
            wanted = way.again(resume)
        else:
            ids, unknown = _chosen(ledger, names or [], library, state, everything=everything)
            _complain(unknown)
            wanted = tuple(Asked(Asking.RESYNC, each, who()) for each in ids)
        if not wanted:
            typer.echo("No request matches.", err=as_json)
            if as_json:
                typer.echo("[]")
            raise typer.Exit(0)
        sure = yes or dry_run or len(wanted) <= known.settings.engine.ask_over
        well = _all_done(way, wanted, dry_run=dry_run, sure=sure, as_json=as_json)
    raise typer.Exit(0 if well else 1)


def _chosen(
    ledger: Ledger, names: Sequence[str], library: str, state: State | None, *, everything: bool
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Ledger ids of what the command line names, and names that nothing bears."""
    if names:
        found = {name: ledger.requests.find(name) for name in names}
        ids = tuple(row.id for rows in found.values() for row in rows)
        return tuple(dict.fromkeys(ids)), tuple(name for name, rows in found.items() if not rows)
    if not (library or state or everything):
        raise typer.BadParameter("name requests, or choose them with --library, --state or --all")
    return ledger.requests.open_ids(state=state, library=library), ()


def _complain(unknown: Sequence[str]) -> None:
    for name in unknown:
        typer.echo(f"{name}: there is no such request.", err=True)
    if unknown:
        raise typer.Exit(1)


def _all_done(way: Way, wanted: Sequence[Asked], *, dry_run: bool, sure: bool, as_json: bool) -> bool:
    """Look first where many are to be changed, ask, then do; answers whether all went well."""
    if not sure:
        _, plan = way.many([replace(each, dry_run=True) for each in wanted], "looking")
        _counted(plan)
        if not typer.confirm("Go on?", default=False, err=True):
            raise typer.Exit(1)
    what = wanted[0].kind.value
    if len(wanted) == 1:
        only = replace(wanted[0], dry_run=dry_run)
        answers, batch = {only.request_id: way.one(only)}, ""
    else:
        batch, answers = way.many([replace(each, dry_run=dry_run) for each in wanted], what)
    tell(way.ledger, answers, as_json=as_json)
    missing = len({each.request_id for each in wanted}) - len(answers)
    if missing:
        typer.echo(f"{missing} requests were not done. Go on with: ill-bridge {what} --resume {batch}", err=True)
    return not missing and all(answer.ok for answer in answers.values())


def _counted(plan: Mapping[int, Answer]) -> None:
    """The plan for many requests, on standard error since it only serves the question."""
    busy = {each: answer for each, answer in plan.items() if answer.creates or answer.deletes or not answer.ok}
    for each, answer in list(busy.items())[:MANY_SHOWN]:
        typer.echo(f"R{each}: {' '.join(answer.lines)}", err=True)
    if len(busy) > MANY_SHOWN:
        typer.echo(f"… and {len(busy) - MANY_SHOWN} more.", err=True)
    creates, deletes = (sum(getattr(answer, name) for answer in plan.values()) for name in ("creates", "deletes"))
    typer.echo(f"{len(plan)} requests: {creates} things would be made in the ILS, {deletes} items deleted.", err=True)


def tell(ledger: Ledger, answers: Mapping[int, Answer], *, as_json: bool) -> None:
    """Each request's answer, as lines or as one JSON document."""
    if as_json:
        told = [
            {"request": f"R{each}", "number": ledger.requests.one(each).request.key.number, **vars(answer)}
            for each, answer in answers.items()
        ]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for each, answer in answers.items():
        for line in answer.lines:
            typer.echo(f"R{each}: {line}")


def retry(names: Names, config: ConfigOption = DEFAULT_CONFIG, *, note: NoteOption = "") -> None:
    """Try parked or waiting requests again at once, without reading them afresh; takes forgotten ones up again.

    Example: ill-bridge retry R12 --note "patron's card was renewed"
    """
    _each(names, config, Asked(Asking.RETRY, 0, note=note))


def skip(
    names: Names,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    note: Annotated[str, typer.Option("--note", help="Why; stands in the history.")],
) -> None:
    """Leave out the step that requests stand at, as if it had been done, and go on with the next.

    Example: ill-bridge skip R12 --note "hold placed by hand"
    """
    _each(names, config, Asked(Asking.SKIP, 0, note=note))


def resolve(names: Names, config: ConfigOption = DEFAULT_CONFIG, *, note: NoteOption = "") -> None:
    """Confirm that what staff were asked to do for these requests is settled; the bridge then goes on.

    Example: ill-bridge resolve R12 --note "declared lost in Alma"
    """
    _each(names, config, Asked(Asking.RESOLVE, 0, note=note))


def forget(
    names: Names,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    note: Annotated[str, typer.Option("--note", help="Why; stands in the history.")],
    yes: YesOption = False,
) -> None:
    """Do no more for these requests, whatever comes; shows what would stay in the ILS and asks first.

    Example: ill-bridge forget R12 --note "handled by hand from here on"
    """
    asked = Asked(Asking.FORGET, 0, note=note)
    if not yes:
        _each(names, config, replace(asked, dry_run=True), ends=False)
        if not typer.confirm("Leave that in the ILS and do no more?", default=False, err=True):
            raise typer.Exit(1)
    _each(names, config, asked)


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
        rows = ledger.requests.find(name)
        _complain(() if rows else (name,))
        if len(rows) > 1:
            typer.echo(f"{name} names several requests: {', '.join(row.name for row in rows)}; choose one.", err=True)
            raise typer.Exit(2)
        fields = _fields(rows[0], barcode=barcode, patron=patron, due=due, pickup=pickup)
        asked = Asked(Asking.SET, rows[0].id, who(), note, fields=fields, volume=volume)
        answer = way.one(asked)
        tell(ledger, {rows[0].id: answer}, as_json=False)
    raise typer.Exit(0 if answer.ok else 1)


def _fields(row: Row, *, barcode: str, patron: str, due: datetime | None, pickup: str) -> dict[str, str]:
    bearer = "temporary_barcode" if row.request.key.role is Role.BORROWER else "barcode"
    given = {bearer: barcode, "patron_id": patron, "due": f"{due:%Y-%m-%d}" if due else "", "pickup_location": pickup}
    named = {field: value for field, value in given.items() if value}
    if not named:
        raise typer.BadParameter("name at least one of --barcode, --patron, --due, --pickup")
    return named


def _each(names: Sequence[str], config: ConfigOption, asked: Asked, *, ends: bool = True) -> None:
    """Ask the same for each request named; tells all of them, then ends the command unless more follows."""
    with opened(config) as (known, ledger), asking(known, ledger) as way:
        ids, unknown = _chosen(ledger, names, "", None, everything=False)
        _complain(unknown)
        answers = {each: way.one(replace(asked, request_id=each, by=who())) for each in ids}
        tell(ledger, answers, as_json=False)
    if ends or not all(answer.ok for answer in answers.values()):
        raise typer.Exit(0 if all(answer.ok for answer in answers.values()) else 1)
