"""The command ``audit``: the ILS held against what should be there, now; and what earlier looks found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any

import typer

from bridge.cli.asking import Done, Way, asking, who
from bridge.cli.batches import left_over
from bridge.cli.choosing import agreed, end_with, known_library, named
from bridge.cli.completing import libraries
from bridge.cli.looking import as_text
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption, opened
from bridge.domain.audit import KeptFinding
from bridge.engine.asked import Asked, Asking
from bridge.engine.marks import Left, MarkReader
from bridge.errors import IlsError
from bridge.jobs.gathering import account_findings
from bridge.ledger import Ledger
from bridge.ledger.audits import DueFor
from bridge.settings import Configuration
from bridge.wiring import connector_of

WHAT = "audit"
NAMED = 10


@dataclass(frozen=True)
class Round:
    """What one round of the command did: looks and repairs; ``unread``: why lists of what bears our mark could not be read."""

    looks: tuple[Done, ...] = ()
    unread: tuple[str, ...] = ()
    repairs: tuple[Done, ...] = ()

    @property
    def failed(self) -> tuple[Done, ...]:
        """What could not be looked at or repaired."""
        return tuple(each for each in (*self.looks, *self.repairs) if each.answer is None or not each.answer.ok)

    @property
    def passed_by(self) -> dict[str, list[str]]:
        """Why nothing was compared = the requests of which nothing was."""
        found: dict[str, list[str]] = {}
        for each in self.looks:
            if each.answer is not None and each.answer.passed_by:
                found.setdefault(each.answer.passed_by, []).append(f"R{each.asked.request_id}")
        return found

    @property
    def looked(self) -> int:
        """How many requests were held against the ILS."""
        return sum(each.answer is not None and each.answer.ok and not each.answer.passed_by for each in self.looks)


def audit(
    names: Annotated[list[str] | None, typer.Argument(help="Only these: short ids (R12) or request numbers.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    library: Annotated[str, typer.Option(help="Only this library.", autocompletion=libraries)] = "",
    last: Annotated[bool, typer.Option("--last", help="Look at nothing; show what earlier looks found.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Bring in step what can be brought in step.")] = False,
    resume: Annotated[str, typer.Option("--resume", help="What an interrupted audit left, by the name it told.")] = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hold the ILS against what should be there: every open request, and finished ones not seen since they were closed. Tells what differs.

    Nothing is written in the ILS without --repair, which shows its plan first and asks where it concerns more requests than
    engine.ask_over. What bears our mark and no request knows is only told, never deleted. Live work goes first. Exit code 1 where
    something could not be looked at.

    Example: ill-bridge audit --library main
    """
    if last and (repair or resume or names):
        raise typer.BadParameter("--last only shows; leave --repair, --resume and names out")
    with opened(config) as (known, ledger):
        known_library(known, ledger, library)
        done = Round()
        ids = [row.id for row in named(ledger, names)] if names else None
        if not last:
            with asking(known, ledger) as way:
                done = _round(known, way, library, ids, resume=resume, repair=repair, sure=yes)
        _tell(known, ledger, done, library, ids, as_json=as_json)
    raise typer.Exit(1 if done.failed or done.unread else 0)


def _round(
    known: Configuration, way: Way, library: str, ids: Sequence[int] | None, *, resume: str, repair: bool, sure: bool
) -> Round:
    if resume:
        return Round(looks=_asked_for(way, left_over(way, resume, WHAT), resumes=resume))
    unread: tuple[str, ...] = ()
    finished: list[Left] = []
    reader = MarkReader(way.ledger, known.settings.bridge, known.settings.libraries)
    wanted = list(ids if ids is not None else _due(known, way.ledger, library))
    if ids is None:
        unread, finished = _lists(known, reader, library)
        wanted += [each.request_id for each in finished]
        _note_accounts(known, way.ledger)
    looks = _asked_for(way, [_look(each) for each in dict.fromkeys(wanted)])
    said = {each.asked.request_id: each.answer.lines for each in looks if each.answer is not None}
    for left in finished:
        reader.looked(left, said.get(left.request_id, ()))
    repairs = _repaired(known, way, looks, sure=sure) if repair else ()
    return Round(looks, unread, repairs)


def _look(request_id: int) -> Asked:
    return Asked(Asking.AUDIT, request_id, who(), dry_run=True)


def _due(known: Configuration, ledger: Ledger, library: str) -> Iterator[int]:
    """Every open request, whenever it was last looked at; of finished ones those that were not since they were closed."""
    now = ledger.clock()
    since = now - timedelta(days=known.settings.audit.finished_within_days)
    for name in [library] if library else known.settings.libraries:
        yield from ledger.audits.due(DueFor(name, now, since, now))


def _asked_for(way: Way, wanted: Sequence[Asked], *, resumes: str = "") -> tuple[Done, ...]:
    if not wanted:
        return ()
    if len(wanted) == 1:
        way.resumed(resumes)
        return (Done(wanted[0], way.one(wanted[0])),)
    return way.many(wanted, WHAT, resumes=resumes)


def _lists(known: Configuration, reader: MarkReader, library: str) -> tuple[tuple[str, ...], list[Left]]:
    """Read what bears our mark in each ILS concerned; why one could not be read, and what finished requests left there."""
    lanes = {known.settings.lane(library)} if library in known.settings.libraries else set(known.settings.ils)
    finished: list[Left] = []
    unread: list[str] = []
    for lane in sorted(lanes):
        with connector_of(known, lane) as connector:
            try:
                while True:
                    page = reader.page(lane, connector)
                    finished += page.finished
                    if page.ended:
                        break
            except IlsError as problem:
                unread.append(f"{lane}: the list of what bears our mark could not be read: {problem}")
    return tuple(unread), finished


def _note_accounts(known: Configuration, ledger: Ledger) -> None:
    began = ledger.clock()
    ledger.audits.seen(account_findings(known, ledger))
    for lane in known.settings.ils:
        ledger.audits.ended(lane, "account", unseen_since=began)


def _repaired(known: Configuration, way: Way, looks: Iterable[Done], *, sure: bool) -> tuple[Done, ...]:
    """Show the plan where it concerns many requests, ask, then repair."""
    looked = [each.asked.request_id for each in looks if each.answer is not None and each.answer.ok]
    found = [each for each in way.ledger.audits.standing(request_ids=looked) if each.repair]
    wanted = list(dict.fromkeys(each.request_id for each in found if each.request_id is not None))
    if not wanted:
        return ()
    if not sure and len(wanted) > known.settings.engine.ask_over:
        for each in found:
            typer.echo(f"{each.request}: {each.repair}", err=True)
        typer.echo(f"{len(found)} things would be repaired.", err=True)
        if not agreed(f"Go on with the repair of {len(wanted)} requests?"):
            end_with("Nothing was changed.", exit_code=1)
    return _asked_for(way, [replace(_look(each), dry_run=False) for each in wanted])


def _tell(
    known: Configuration, ledger: Ledger, done: Round, library: str, ids: Sequence[int] | None, *, as_json: bool
) -> None:
    found = ledger.audits.standing(library=library, request_ids=ids)
    if as_json:
        typer.echo(as_text(_report(ledger, done, found)))
        return
    for finding in found:
        typer.echo(_line(finding))
    for each in done.repairs:
        for line in each.answer.lines if each.answer is not None else ():
            typer.echo(f"R{each.asked.request_id}: {line}")
    for failed in done.failed:
        why = " ".join(failed.answer.lines) if failed.answer is not None else "It was taken back before it was begun."
        typer.echo(f"R{failed.asked.request_id} was not looked at: {why}", err=True)
    for why, requests in done.passed_by.items():
        typer.echo(f"{_named(requests)}: {why}")
    for line in done.unread:
        typer.echo(line, err=True)
    for marks in ledger.audits.lists():
        if marks.problem and (not library or marks.lane == known.settings.lane(library)):
            typer.echo(f"{marks.lane}: what bears our mark and no request knows was not looked for: {marks.problem}")
    typer.echo(_summary(done, found))


def _line(each: KeptFinding) -> str:
    who_for = f"{each.request} ({each.number}, {each.library})" if each.request else each.library or each.lane
    does = f"--repair would: {each.repair}" if each.repair else each.advice
    return f"{who_for}: {each.sentence} {does}".strip()


def _named(requests: Sequence[str]) -> str:
    """Some of them by name, the rest counted."""
    more = len(requests) - NAMED
    return ", ".join(requests[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _summary(done: Round, found: Sequence[KeptFinding]) -> str:
    kinds: dict[str, int] = {}
    for each in found:
        kinds[each.kind] = kinds.get(each.kind, 0) + 1
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    looks = done.looked
    looked = f"{looks} request{' was' if looks == 1 else 's were'} looked at. " if done.looks else ""
    stand = "1 finding stands" if len(found) == 1 else f"{len(found)} findings stand"
    return f"{looked}{f'{stand}: {counted}.' if found else 'Nothing differs.'}"


def _report(ledger: Ledger, done: Round, found: Sequence[KeptFinding]) -> dict[str, Any]:
    return {
        "looked": done.looked,
        "passed_by": [{"request": each, "why": why} for why, found in done.passed_by.items() for each in found],
        "failed": [
            {"request": f"R{each.asked.request_id}", "why": list(each.answer.lines) if each.answer else []}
            for each in done.failed
        ],
        "repaired": [
            {"request": f"R{each.asked.request_id}", "ok": each.answer is not None and each.answer.ok}
            | {"lines": list(each.answer.lines) if each.answer else []}
            for each in done.repairs
        ],
        "findings": [_told(each) for each in found],
        "lists": [
            {"ils": each.lane, "listed": each.listed, "ended_at": each.ended_at, "problem": each.problem}
            for each in ledger.audits.lists()
        ],
    }


def _told(each: KeptFinding) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "library": each.library,
        "ils": each.lane,
        "request": each.request or None,
        "number": each.number or None,
        "barcode": each.barcode,
        "sentence": each.sentence,
        "repair": each.repair,
        "advice": each.advice,
        "first_seen": each.first_seen,
        "last_seen": each.last_seen,
    }
