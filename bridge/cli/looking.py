"""Commands that only look at requests: ``requests``, ``show``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge.cli import stopped
from bridge.cli.options import DEFAULT_CONFIG, CauseOption, ConfigOption, JsonOption, opened
from bridge.domain.attention import in_sentences
from bridge.domain.change import Condition
from bridge.domain.goal import goal_for
from bridge.domain.plan import StaffTask, Step, next_step
from bridge.domain.preview import tasks_ahead
from bridge.domain.record import Existence, ItemRecord
from bridge.domain.sentences import plan_sentence
from bridge.domain.standing import Standing, standings
from bridge.ledger import Ledger, State
from bridge.ledger.model import Row
from bridge.logging import mask_patron
from bridge.settings import Configuration
from bridge.wiring import capabilities_of


def requests(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    state: Annotated[State | None, typer.Option(help="Only requests in this state.")] = None,
    library: Annotated[str, typer.Option(help="Only requests of this library.")] = "",
    cause: CauseOption = "",
    condition: Annotated[
        Condition | None, typer.Option(help="Only requests of which this is true beside their phase.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List requests, newest first; what is parked or waits for staff also by cause, with how wide the cause reaches.

    Example: ill-bridge requests --condition lost
    """
    with opened(config) as (known, ledger):
        rows = ledger.requests.list(state=state, library=library, cause=cause, condition=condition)
        groups = stopped.groups(ledger, library=library, state=state, cause=cause) if condition is None else ()
    if as_json:
        typer.echo(as_text([_brief(row) for row in rows]))
        return
    if not rows:
        typer.echo("No request matches.")
        return
    for group in groups:
        typer.echo(stopped.head(group, known.settings.nights.zone))
    table = Table("request", "number", "library", "role", "status", "state", "why")
    for row in rows:
        key = row.request.key
        table.add_row(row.name, key.number, key.library, key.role.value, row.status, row.state.value, row.parked.reason)
    Console().print(table)


def _brief(row: Row) -> dict[str, Any]:
    key = row.request.key
    return {
        "request": row.name,
        "number": key.number,
        "library": key.library,
        "service": key.service,
        "role": key.role.value,
        "status": row.status,
        "state": row.state.value,
        "due_at": row.due_at,
        "cause": row.parked.cause,
        "parked_at": row.parked_at,
        "reason": row.parked.reason,
        "advice": row.parked.advice,
    }


def show(
    request: Annotated[str, typer.Argument(help="Short id (R12) or the service's request number.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    as_json: JsonOption = False,
) -> None:
    """What we know of a request, what we did in the ILS, the next step, and its circulation history.

    Example: ill-bridge show R12
    """
    with opened(config) as (known, ledger):
        rows = ledger.requests.find(request)
        shown = [_whole(known, ledger, row) for row in rows]
    if as_json:
        typer.echo(as_text(shown))
    elif not shown:
        typer.echo(f"There is no request '{request}'.")
    for each in [] if as_json else shown:
        _print_whole(each)
    if not shown:
        raise typer.Exit(1)


def _whole(known: Configuration, ledger: Ledger, row: Row) -> dict[str, Any]:
    found: Step | StaffTask | None = None
    tasks: tuple[StaffTask, ...] = ()
    if row.request.key.library in known.settings.libraries:
        goal = goal_for(row.request, known.settings.policy(row.request.key.library))
        can = capabilities_of(known, row.lane)
        found, tasks = next_step(goal, row.record, can), tasks_ahead(goal, row.record, can)
    upcoming = (
        "nothing" if found is None else found.instruction if isinstance(found, StaffTask) else plan_sentence(found)
    )
    return {
        **_brief(row),
        "known": [_known(stand) for stand in standings(row.request)],
        "items": [_item(item) for item in row.record.items],
        "next_step": upcoming,
        "tasks": [task.instruction for task in tasks],
        "history": [{"at": line.at, "kind": line.kind, "line": line.line} for line in ledger.requests.history(row.id)],
        "steps": [asdict(step) for step in ledger.requests.journal(row.id)],
    }


def _known(stand: Standing) -> dict[str, Any]:
    """What the service told of one leg and volume; the patron only as named or not."""
    return {
        "leg": stand.leg,
        "volume": stand.volume,
        "dead": stand.dead,
        "service_type": stand.service_type.value,
        "phase": stand.phase.value if stand.phase else None,
        "conditions": [condition.value for condition in stand.conditions],
        "due": stand.due,
        "partner": stand.partner,
        "patron": mask_patron(stand.patron_id) if stand.patron_id else "",
        "pickup_location": stand.pickup_location,
        "fee": stand.fee and str(stand.fee),
        "bill": stand.bill and str(stand.bill),
        "barcode": stand.barcode,
        "temporary_barcode": stand.temporary_barcode,
        "title": stand.title,
        "author": stand.author,
    }


def _told(known: dict[str, Any]) -> str:
    named = (("volume", known["volume"]), ("supplier", known["leg"]))
    where = ", ".join(f"{name} {value}" for name, value in named if value)
    facts = {
        "": known["title"],
        "partner": known["partner"],
        "patron": known["patron"],
        "pickup location": known["pickup_location"],
        "due": known["due"],
        "condition": ", ".join(name.replace("_", " ") for name in known["conditions"]),
        "fee": known["fee"],
        "the lender's bill": known["bill"],
        "item barcode": known["barcode"],
        "temporary barcode": known["temporary_barcode"],
    }
    said = ", ".join(f"{name} {value}".strip() for name, value in facts.items() if value) or "nothing more"
    return f"Known{f' of {where}' if where else ''}: {said}"


def _item(item: ItemRecord) -> dict[str, Any]:
    return {
        "leg": item.leg,
        "volume": item.volume,
        "barcode": item.barcode,
        "existence": item.existence.value,
        "ids": asdict(item.ids),
        "holds": [
            {"id": hold.hold_id, "pickup": hold.pickup_location, "state": hold.state.value} for hold in item.holds
        ],
        "loans": [{"id": loan.loan_id, "account": loan.account, "ended": loan.ended} for loan in item.loans],
        "due": item.due_written,
        "moved_to": str(item.moved_to) if item.moved_to else None,
        "restored": item.restored,
        "checked_in": item.checked_in,
        "declared_lost": item.marked_lost,
        "note": item.staff_note,
        "fees": [{"kind": fee.fee_key, "fee": str(fee.fee)} for fee in item.fees],
    }


def _print_whole(shown: dict[str, Any]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    out.print(
        f"{shown['request']}  {shown['role']}  {shown['number']}  ({shown['library']}, {shown['service']})",
        markup=False,
    )
    out.print(f"Status: {shown['status']}   State: {shown['state']}", markup=False)
    if shown["reason"]:
        out.print(f"Why: {in_sentences(shown['reason'], shown['advice'])}", markup=False)
    if shown["state"] == State.PARKED and shown["due_at"]:
        out.print(f"Tried again by itself: {shown['due_at']:%Y-%m-%d %H:%M} UTC", markup=False)
    for known in shown["known"]:
        out.print(_told(known), markup=False)
    for item in shown["items"]:
        out.print(f"Item {item['barcode']}: {', '.join(_stands(item))}", markup=False)
    out.print(f"Next step: {shown['next_step']}", markup=False)
    for number, task in enumerate(shown["tasks"] if len(shown["tasks"]) > 1 else (), start=1):
        out.print(f"  for staff, {number}: {task}", markup=False)
    out.print("Circulation history:")
    for line in shown["history"]:
        out.print(f"  {line['at']:%Y-%m-%d %H:%M:%S}  {line['line']}", markup=False)


def _stands(item: dict[str, Any]) -> Iterator[str]:
    """How it stands in the ILS as far as we know; what is not there and has ids is the library's own."""
    ids = ", ".join(f"{name} {value}" for name, value in item["ids"].items() if value)
    existence = "own" if ids and item["existence"] == Existence.NONE else item["existence"]
    yield f"{existence} {ids}".strip()
    if item["moved_to"] and not item["restored"]:
        yield f"moved to {item['moved_to']}"
    if any(not loan["ended"] for loan in item["loans"]):
        yield "on loan"
    yield from (f"{each['kind']} {each['fee']} charged" for each in item["fees"])
    if item["declared_lost"]:
        yield "declared lost"


def as_text(value: object) -> str:
    """One JSON document, for people and programs."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
