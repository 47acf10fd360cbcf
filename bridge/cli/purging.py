"""The command ``purge``: patrons and titles leave the ledger, by age or because a patron asks for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Annotated

import typer

from bridge.cli.asking import who
from bridge.cli.choosing import agreed, end_with
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, YesOption, opened
from bridge.domain.privacy import unsettled
from bridge.jobs.retention import BITE, Gone, Retention
from bridge.ledger import OPEN_STATES, HistoryLine, Ledger
from bridge.ledger.erasure import Found, Mentions
from bridge.ledger.model import Row
from bridge.ledger.privacy import Finished
from bridge.settings import Configuration, PrivacySettings

ERASED = "Erased by {}: the patron and the title were removed, as the patron asked."
UNREADABLE = "this release cannot read it; see: ill-bridge db check"
WANTED = "Asked for by {}: the patron and the title will be removed in the night after the request has ended."


@dataclass(frozen=True)
class Way:
    """How a command wants it."""

    dry_run: bool
    sure: bool
    as_json: bool
    unsettled: bool


@dataclass
class Plan:
    """What of a patron's data goes now, and what stays and why."""

    go: list[Finished] = field(default_factory=list)
    stay: list[tuple[str, str]] = field(default_factory=list)
    later: list[int] = field(default_factory=list)
    else_where: Mentions = field(default_factory=Mentions)

    @property
    def empty(self) -> bool:
        """Whether the ledger does not know the patron."""
        return not (self.go or self.stay or self.else_where.any)


def purge(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    patron: Annotated[
        str, typer.Option("--patron", metavar="ID", help="Erase this patron; '-' asks for the identifier, or reads it.")
    ] = "",
    also_unsettled: Annotated[
        bool, typer.Option("--unsettled", help="With --patron: finished requests with an open fee or a lost item too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would go.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove patrons and titles: of finished requests that are old enough (the table privacy), or everything of one patron who asks for it.

    With --patron it shows what would go and what stays, and asks first. Open requests keep their patron until they end, and lose it in the
    night after. Works beside a running daemon. Exit code 1 where something stays. With '-' the identifier stands in no list of processes
    and in no history of a shell; it is never logged.

    Example: ill-bridge purge --patron - --dry-run
    """
    way = Way(dry_run, yes, as_json, also_unsettled)
    wanted = _read() if patron == "-" else patron.strip()
    if patron and not wanted:
        raise typer.BadParameter("the patron's identifier is empty")
    if also_unsettled and not patron:
        raise typer.BadParameter(
            "--unsettled goes with --patron; without it, [privacy] unsettled_days says when they go"
        )
    with opened(config) as (known, ledger):
        well = _patron(ledger, wanted, way) if wanted else _by_age(known, ledger, way)
    raise typer.Exit(0 if well else 1)


def _read() -> str:
    """The identifier from a terminal, where it is not shown, or from the first line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt("Patron", hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()


def _by_age(known: Configuration, ledger: Ledger, way: Way) -> bool:
    rest = {} if ledger.daemon_runs() else {"rest": lambda _: None}
    retention = Retention(known.settings.privacy, ledger, **rest)  # type: ignore[arg-type]
    foreseen = retention.foreseen()
    if way.dry_run or not foreseen.anything:
        _tell_gone(foreseen, known.settings.privacy, "would go", as_json=way.as_json)
        return True
    if not way.sure:
        for line in _gone_lines(foreseen, known.settings.privacy, "would go"):
            typer.echo(line, err=True)
        if not agreed("Remove them for good?"):
            end_with("Nothing was changed.", exit_code=1)
    gone = retention.run()
    ledger.privacy.shorten_log()
    _tell_gone(gone, known.settings.privacy, "went", as_json=way.as_json)
    return not gone.unreadable


def _tell_gone(gone: Gone, rules: PrivacySettings, went: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(gone), indent=2))
        return
    for line in _gone_lines(gone, rules, went):
        typer.echo(line)


def _gone_lines(gone: Gone, rules: PrivacySettings, went: str) -> Iterator[str]:
    yield f"Patron and title of {gone.requests} finished requests {went} ({_after(rules.request_days)})."
    yield f"Bodies of {gone.messages} messages {went}, {gone.kept_messages} messages never understood, {gone.orders} orders of staff."
    for why, count in sorted(gone.stay.items()):
        yield f"{count} finished requests keep theirs ({_after(rules.unsettled_days)}): {why}."
    if gone.unreadable:
        yield f"{gone.unreadable} finished requests cannot be read by this release. See: ill-bridge db check."


def _after(days: int) -> str:
    return f"after {days} days" if days else "never by age"


def _patron(ledger: Ledger, identifier: str, way: Way) -> bool:
    found = ledger.erasure.of(identifier)
    plan = _planned(ledger, found, way)
    if plan.empty or way.dry_run:
        _tell(plan, found, way, done=False)
        return True
    if not way.sure:
        for line in _lines(plan, found, done=False):
            typer.echo(line, err=True)
        if not agreed("Remove it for good?"):
            end_with("Nothing was changed.", exit_code=1)
    done = _erased(ledger, found, plan)
    _tell(done, found, way, done=True)
    return not (done.stay or done.else_where.kept)


def _planned(ledger: Ledger, found: Found, way: Way) -> Plan:
    plan = Plan()
    for row in found.rows:
        _place(ledger, row, plan, way)
    plan.stay += [(f"R{each}", UNREADABLE) for each in found.unreadable]
    plan.else_where = ledger.erasure.mentions(found.identifiers, [each.id for each in plan.go])
    return plan


def _place(ledger: Ledger, row: Row, plan: Plan, way: Way) -> None:
    """Whether a request goes now, later, or why not."""
    why = unsettled(row.request, pending=row.pending is not None)
    if row.state in OPEN_STATES:
        plan.stay.append(
            (row.name, f"it is open ({row.status or 'new'}, {row.state.value}); it goes in the night after its end")
        )
        plan.later.append(row.id)
    elif why and not way.unsettled:
        text = f"it is finished, but {why}; it goes when that is settled, or with --unsettled"
        plan.stay.append((row.name, text))
        plan.later.append(row.id)
    elif free := ledger.privacy.one(row.id).found:
        plan.go += free
    else:
        plan.stay.append((row.name, "it is being worked on; run this again"))


def _erased(ledger: Ledger, found: Found, plan: Plan) -> Plan:
    """Do it; answers what went and what stayed."""
    by, done = who(), Plan(stay=list(plan.stay))
    gone: set[int] = set()
    for bite in _bites(plan.go):
        gone |= set(ledger.privacy.erase(bite, ERASED.format(by), kind="staff"))
    for each in plan.go:
        if each.id in gone:
            done.go.append(each)
        else:
            done.stay.append((each.row.name, "it changed meanwhile; run this again"))
    for request in ledger.privacy.want_erased(plan.later):
        ledger.requests.tell(request, [HistoryLine(ledger.clock(), "staff", WANTED.format(by))])
    done.else_where = ledger.erasure.hide(found.identifiers, gone)
    ledger.privacy.shorten_log()
    return done


def _bites(found: Sequence[Finished]) -> Iterator[list[Finished]]:
    rest = iter(found)
    while bite := list(islice(rest, BITE)):
        yield bite


def _tell(plan: Plan, found: Found, way: Way, *, done: bool) -> None:
    if way.as_json:
        report = {
            "done": done,
            "identifiers": found.different,
            "erased": [each.row.name for each in plan.go],
            "stay": [{"request": name, "why": why} for name, why in plan.stay],
            **asdict(plan.else_where),
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for line in _lines(plan, found, done=done):
        typer.echo(line)


def _lines(plan: Plan, found: Found, *, done: bool) -> Iterator[str]:
    if plan.empty and not done:
        yield "Nothing in the ledger names this patron."
        return
    went = "went" if done else "would go"
    if found.different > 1:
        yield f"The ILS knows the patron by another identifier too; {found.different} were looked for."
    names = ", ".join(each.row.name for each in plan.go)
    yield f"Patron and title of {len(plan.go)} finished requests {went}{f': {names}' if names else ''}."
    other = plan.else_where
    yield f"What {other.messages} messages, {other.steps} steps and {other.texts} other texts say of the patron {went}."
    for name, why in plan.stay:
        yield f"{name} keeps its patron: {why}."
    for key in other.kept:
        yield f"Message {key} stays: it was not understood yet. First: ill-bridge replay {key}, then this again."
