"""The command ``status``: how everything stands, and what needs attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import typer
from rich.console import Console

from bridge.cli import stopped
from bridge.cli.looking import as_text
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, opened
from bridge.domain.notes import NOTES_WAIT
from bridge.jobs.gathering import age_limits
from bridge.ledger import Ledger, State
from bridge.ledger.figures import Heard, Seen
from bridge.ledger.libraries import OVER_QUOTA
from bridge.ledger.model import FOREVER, Lane
from bridge.settings import Configuration

AGED_SHOWN = timedelta(days=30)
"""How long a request that was closed by age is shown."""
LONG_DUE = timedelta(minutes=15)
"""A request that is due for longer than this, with nobody working on it and nothing paused, needs attention."""


def status(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """What needs attention; lanes, libraries, sources, how many requests are in which state, and what is parked and why.

    Example: ill-bridge status --config /etc/ill-bridge/bridge.toml
    """
    with opened(config) as (known, ledger):
        report = _report(known, ledger)
        people = list(stopped.lines(stopped.groups(ledger), known.settings.nights.zone))
    if as_json:
        typer.echo(as_text(report))
    else:
        _print(report, people)


def _report(known: Configuration, ledger: Ledger) -> dict[str, Any]:
    ledger.lanes.ensure(known.settings.ils)
    seen = ledger.figures.seen()
    report = {
        "daemon": ledger.daemon_runs(),
        "lanes": [_lane(lane, seen) for lane in seen.lanes],
        "libraries": [_library(known, name, seen) for name in known.settings.libraries],
        "sources": _sources(ledger, seen),
        "requests": {state.value: count for state, count in sorted(ledger.requests.counts().items())},
        "conditions": _conditions(seen),
        "oldest_due": _oldest_due(ledger, seen),
        "orders": dict(seen.orders),
        "kept": [
            {"id": kept.id, "source": kept.source, "why": kept.problem, "received_at": kept.received_at}
            for kept in ledger.inbox.kept()
        ],
        "notes": [asdict(each) for each in seen.notes],
        "stopped": [stopped.as_json(group) for group in stopped.groups(ledger)],
        "attention": _attention(ledger),
        "audit": _audit(ledger, seen),
        "silent_for_long": [asdict(each) for each in ledger.attention.quiet(age_limits(known))],
        "closed_by_age": [asdict(each) for each in ledger.attention.closed_by_age(seen.at - AGED_SHOWN)],
    }
    return {"concerns": list(_concerns(report, seen.at)), **report}


def _audit(ledger: Ledger, seen: Seen) -> dict[str, Any]:
    """What the audit found and still stands, and which lists of what bears our mark cannot be read."""
    return {
        "findings": [
            {"library": library, "kind": kind, "count": count}
            for (library, kind), count in sorted(seen.findings.items())
        ],
        "not_listed": [{"ils": each.lane, "why": each.problem} for each in ledger.audits.lists() if each.problem],
    }


def _conditions(seen: Seen) -> dict[str, int]:
    """Unfinished requests by condition."""
    names = sorted({name for _, name in seen.conditions})
    return {name: sum(count for (_, each), count in seen.conditions.items() if each == name) for name in names}


def _lane(lane: Lane, seen: Seen) -> dict[str, Any]:
    closed_for = (seen.at - lane.closed_at).total_seconds() if lane.closed_at is not None else None
    return {
        "name": lane.name,
        "open": lane.paused_until is None,
        "why": lane.why,
        "cause": lane.cause,
        "closed_at": lane.closed_at,
        "closed_seconds": closed_for,
        "held": lane.held_until is not None,
        "held_why": lane.held_why,
        "held_until": _end(lane.held_until),
        "calls_remaining": lane.calls_remaining,
        "due": sum(group.due for group in seen.workable(lane.name)),
        "oldest_due_seconds": seen.oldest_due(lane.name),
    }


def _library(known: Configuration, name: str, seen: Seen) -> dict[str, Any]:
    settings = known.settings.libraries[name]
    held = next((each for each in seen.libraries if each.name == name and each.held_until), None)
    counts: dict[str, int] = {}
    for group in seen.groups:
        if group.library == name:
            counts[group.state.value] = counts.get(group.state.value, 0) + group.count
    return {
        "name": name,
        "ils": settings.ils,
        "mode": settings.mode.value,
        "live_from": settings.live_from,
        "held": held is not None,
        "held_by": held.held_cause if held else "",
        "held_why": held.held_why if held else "",
        "held_until": _end(held.held_until) if held else None,
        "deletions": {"used": seen.deletions.get(name, 0), "limit": settings.deletes_per_hour},
        "requests": dict(sorted(counts.items())),
    }


def _sources(ledger: Ledger, seen: Seen) -> list[dict[str, Any]]:
    heard = {each.name: each for each in seen.sources}
    return [
        {
            "name": name,
            "polled_at": polled,
            "succeeded_at": heard.get(name, Heard(name)).succeeded_at,
            "heard_at": heard.get(name, Heard(name)).heard_at,
            "problem": problem,
            "messages": count,
        }
        for name, polled, problem, count in ledger.inbox.sources()
    ]


def _oldest_due(ledger: Ledger, seen: Seen) -> dict[str, Any] | None:
    first = ledger.figures.first_due()
    if first is None:
        return None
    request_id, lane, since = first
    return {"request": f"R{request_id}", "lane": lane, "since": since, "seconds": (seen.at - since).total_seconds()}


def _attention(ledger: Ledger) -> list[dict[str, Any]]:
    rows = [row for state in (State.PARKED, State.STAFF) for row in ledger.requests.list(state=state)]
    return [
        {
            "request": row.name,
            "number": row.request.key.number,
            "library": row.request.key.library,
            "state": row.state.value,
            "cause": row.parked.cause,
            "reason": row.parked.reason,
            "advice": row.parked.advice,
        }
        for row in rows
    ]


def _end(until: datetime | None) -> datetime | None:
    """When a pause ends by itself; ``None`` where somebody has to end it."""
    return until if until != FOREVER else None


def _concerns(report: dict[str, Any], now: datetime) -> Iterator[str]:
    """What needs attention, a sentence each; pauses by staff do not."""
    if report["daemon"] is False:
        yield "The daemon is not running."
    for lane in report["lanes"]:
        if not lane["open"] and not lane["held"]:
            yield f"Lane {lane['name']} has been closed{_for(lane['closed_seconds'])}: {lane['why']}"
    for library in report["libraries"]:
        if library["held_by"] == OVER_QUOTA:
            yield f"Library {library['name']} stopped at its quota of deletions: {library['held_why']}"
    for source in report["sources"]:
        if source["problem"]:
            yield f"Source {source['name']} is silent: {source['problem']}"
    for told in report["notes"]:
        yield from _untold(told, now)
    oldest = report["oldest_due"]
    closed = {lane["name"] for lane in report["lanes"] if not lane["open"]}
    if oldest and oldest["lane"] not in closed and oldest["seconds"] > LONG_DUE.total_seconds():
        yield f"{oldest['request']} has been due{_for(oldest['seconds'])} on lane {oldest['lane']}."
    yield from _left_to_people(report)


def _untold(told: dict[str, Any], now: datetime) -> Iterator[str]:
    """What a service was not told, a sentence each; what waits for a moment is none."""
    why = f": {told['problem']}" if told["problem"] else "."
    if told["given_up"]:
        many = "1 note" if told["given_up"] == 1 else f"{told['given_up']} notes"
        yield f"{many} to {told['source']} given up{why} See: ill-bridge notes"
    waited = (now - told["oldest"]).total_seconds() if told["oldest"] is not None else 0
    if waited > NOTES_WAIT.total_seconds():
        yield f"Notes to {told['source']} have waited{_for(waited)}{why} See: ill-bridge notes"


def _left_to_people(report: dict[str, Any]) -> Iterator[str]:
    for state, says in ((State.PARKED, "parked"), (State.STAFF, "waiting for staff")):
        if count := report["requests"].get(state.value, 0):
            yield f"{_many(count, 'request')} {says}: ill-bridge requests --state {state.value}"
    if count := len(report["kept"]):
        yield f"{_many(count, 'message')} not understood: correct the source's words or fields, restart, then ill-bridge replay --all."
    if count := sum(each["count"] for each in report["audit"]["findings"]):
        yield f"{count} finding{'' if count == 1 else 's'} of the audit: ill-bridge audit --last"
    if count := len(report["silent_for_long"]):
        yield f"{_many(count, 'open request')} without news for longer than age_limit_days; see below."


def _many(count: int, what: str) -> str:
    return f"{count} {what} is" if count == 1 else f"{count} {what}s are"


def _print(report: dict[str, Any], people: Sequence[str]) -> None:
    out = Console(soft_wrap=True, highlight=False)

    def say(line: str) -> None:
        out.print(line, markup=False)

    daemon = "running" if report["daemon"] else "not running"
    say(f"Daemon: {daemon}")
    say("Needs attention:" if report["concerns"] else "Nothing needs attention.")
    for concern in report["concerns"]:
        say(f"  - {concern}")
    for lane in report["lanes"]:
        say(_lane_line(lane))
    for library in report["libraries"]:
        say(_library_line(library))
    for line in _services(report):
        say(line)
    say(f"Requests: {_counted(report['requests'])}")
    if report["conditions"]:
        say(f"Of the unfinished: {_counted(report['conditions'])} (ill-bridge requests --condition NAME)")
    if oldest := report["oldest_due"]:
        say(f"Due the longest: {oldest['request']} on lane {oldest['lane']}{_for(oldest['seconds'])}")
    if report["orders"]:
        say(f"Orders not carried out yet: {_counted(report['orders'])}")
    for line in (*_kept(report), *people, *_found(report), *_quiet(report), *_aged(report)):
        say(line)


def _services(report: dict[str, Any]) -> Iterator[str]:
    for source in report["sources"]:
        trouble = f" - {source['problem']}" if source["problem"] else ""
        yield f"Source {source['name']}: {source['messages']} messages{trouble}"
    for told in report["notes"]:
        yield f"Notes to {told['source']}: {told['waiting']} waiting, {told['given_up']} given up (ill-bridge notes)"


def _kept(report: dict[str, Any]) -> Iterator[str]:
    for kept in report["kept"]:
        yield f"Kept message {kept['id']} from {kept['source']}: {kept['why']}"


def _found(report: dict[str, Any]) -> Iterator[str]:
    for found in report["audit"]["findings"]:
        of = f" of {found['library']}" if found["library"] else ""
        yield f"Audit{of}: {found['count']} {found['kind'].replace('_', ' ')}"
    for each in report["audit"]["not_listed"]:
        yield f"Audit: what bears our mark is not listed in {each['ils']}: {each['why']}"


def _quiet(report: dict[str, Any]) -> Iterator[str]:
    for row in report["silent_for_long"]:
        status = row["status"] or row["state"]
        yield f"{row['name']} ({row['number']}, {status}): no news since {row['heard']:%Y-%m-%d}"


def _aged(report: dict[str, Any]) -> Iterator[str]:
    aged = report["closed_by_age"]
    for row in aged[: stopped.SHOWN]:
        yield f"{row['name']} ({row['number']}, {row['status']}): closed by age on {row['heard']:%Y-%m-%d}"
    if len(aged) > stopped.SHOWN:
        yield f"and {len(aged) - stopped.SHOWN} more closed by age in the last {AGED_SHOWN.days} days"


def _lane_line(lane: dict[str, Any]) -> str:
    closed = "open" if lane["open"] else f"closed{_for(lane['closed_seconds'])}: {lane['why']}"
    said = [closed]
    if lane["held"]:
        said.append(_pause(lane))
    if lane["calls_remaining"] is not None:
        said.append(f"{lane['calls_remaining']} calls left")
    if lane["due"]:
        said.append(f"{lane['due']} due, the first{_for(lane['oldest_due_seconds'])}")
    return f"Lane {lane['name']}: {'; '.join(said)}"


def _library_line(library: dict[str, Any]) -> str:
    began = f", cut-over {library['live_from'].isoformat(' ', 'minutes')}" if library["live_from"] else ""
    said = [_counted(library["requests"])]
    used, limit = library["deletions"]["used"], library["deletions"]["limit"]
    said.append(f"{used} of {limit} deletions in this hour")
    if library["held"]:
        said.append(_pause(library))
    return f"Library {library['name']} ({library['ils']}, {library['mode']}{began}): {'; '.join(said)}"


def _pause(held: dict[str, Any]) -> str:
    until = f"until {held['held_until']:%Y-%m-%d %H:%M} UTC" if held["held_until"] else "until it is resumed"
    return f"paused {until} ({held['held_why']})"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _for(seconds: float | None) -> str:
    """`` for 23 min``; nothing where it is not known."""
    if seconds is None:
        return ""
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if minutes < 1:
        return f" for {int(seconds)} s"
    if hours < 1:
        return f" for {minutes} min"
    return f" for {hours} h {minutes % 60} min" if hours < 48 else f" for {hours // 24} days"
