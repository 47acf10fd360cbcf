"""Many requests at once: look and ask first where they are many, then do it; what was not done can be resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer

from bridge.cli.asking import LOOK, Done, Way
from bridge.cli.choosing import agreed, end_with
from bridge.engine.asked import Answer, Asked
from bridge.ledger import Ledger

MANY_SHOWN = 40


@dataclass(frozen=True)
class Manner:
    """How a command wants it: ``sure`` asks nothing, ``ask_over`` is the number of requests above which it would; ``resumes`` names the
    batch of which this is the rest.
    """

    what: str
    dry_run: bool
    sure: bool
    as_json: bool
    ask_over: int
    resumes: str = ""


def left_over(way: Way, batch: str, what: str) -> tuple[Asked, ...]:
    """What an interrupted command of this name did not do. Ends the command where there is no such batch."""
    found = way.interrupted(batch) if batch.startswith(f"{what}-") else ()
    if not found:
        known = [f"{name} ({count} left)" for name, count in way.ledger.orders.interrupted(what).items()]
        known += [f"{name} (still being carried out)" for name in way.ledger.orders.under_way(what)]
        end_with(f"Nothing is left of '{batch}'. Interrupted: {', '.join(known) or 'none'}.", exit_code=1)
    return found


def carried_out(way: Way, wanted: Sequence[Asked], manner: Manner) -> bool:
    """Look first where many are to be changed, ask, then do; answers whether all went well."""
    if not wanted:
        _nothing(as_json=manner.as_json)
    dry_run = manner.dry_run or all(each.dry_run for each in wanted)
    if not dry_run and not manner.sure and len(wanted) > manner.ask_over:
        _asked_first(way, wanted, manner.what)
    done = _done(way, [replace(each, dry_run=dry_run) for each in wanted], manner)
    tell(way.ledger, done, as_json=manner.as_json)
    if dry_run and len(done) > 1 and not manner.as_json:
        typer.echo(_counts(done), err=True)
    return all(each.answer is not None and each.answer.ok for each in done)


def _nothing(*, as_json: bool) -> None:
    typer.echo("No request matches.", err=as_json)
    if as_json:
        typer.echo("[]")
    raise typer.Exit(0)


def _asked_first(way: Way, wanted: Sequence[Asked], what: str) -> None:
    plan = way.many([replace(each, dry_run=True) for each in wanted], LOOK)
    if any(each.answer is None for each in plan):
        end_with("Stopped while looking; nothing was changed.", exit_code=1)
    _show_plan(plan)
    if not agreed(f"Go on with {what} for {len(wanted)} requests?"):
        end_with("Nothing was changed.", exit_code=1)


def _done(way: Way, wanted: Sequence[Asked], manner: Manner) -> tuple[Done, ...]:
    if len(wanted) == 1:
        way.resumed(manner.resumes)
        return (Done(wanted[0], way.one(wanted[0])),)
    return way.many(wanted, manner.what, resumes=manner.resumes)


def _show_plan(plan: Sequence[Done]) -> None:
    """The plan for many requests, on standard error since it only serves the question."""
    busy = [(each.asked.request_id, each.answer) for each in plan if each.answer is not None and _busy(each.answer)]
    for request_id, answer in busy[:MANY_SHOWN]:
        typer.echo(f"R{request_id}: {' '.join(answer.lines)}", err=True)
    if len(busy) > MANY_SHOWN:
        typer.echo(f"… and {len(busy) - MANY_SHOWN} more.", err=True)
    typer.echo(_counts(plan), err=True)


def _busy(answer: Answer) -> bool:
    return bool(answer.creates or answer.deletes or not answer.ok)


def _counts(plan: Sequence[Done]) -> str:
    answers = [each.answer for each in plan if each.answer is not None]
    creates, deletes = sum(each.creates for each in answers), sum(each.deletes for each in answers)
    failed = sum(not each.ok for each in answers)
    trouble = f"; {failed} could not be planned" if failed else ""
    return f"{len(plan)} requests: {creates} things would be made in the ILS, {deletes} items deleted{trouble}."


def tell(ledger: Ledger, done: Sequence[Done], *, as_json: bool) -> None:
    """Each request's answer, as lines or as one JSON document; what was not done stands in the document too."""
    if as_json:
        typer.echo(json.dumps([_told(ledger, each) for each in done], ensure_ascii=False, indent=2))
        return
    for each in done:
        name = f"R{each.asked.request_id}"
        for line in each.answer.lines if each.answer is not None else ():
            typer.echo(line if line.startswith(f"{name} ") else f"{name}: {line}")


def _told(ledger: Ledger, each: Done) -> dict[str, object]:
    key = ledger.requests.one(each.asked.request_id).request.key
    volume = {"volume": each.asked.volume} if each.asked.volume else {}
    answer = each.answer or Answer((), ok=False)
    return {
        "request": f"R{each.asked.request_id}",
        "number": key.number,
        "library": key.library,
        **volume,
        "done": each.answer is not None,
        "ok": answer.ok,
        "lines": list(answer.lines),
        "creates": answer.creates,
        "deletes": answer.deletes,
    }
