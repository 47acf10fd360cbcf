"""Commands that set something in motion: ``resync``, ``resolve``, ``replay``."""

from __future__ import annotations

import getpass
import json
import time
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, opened
from bridge.daemon import engine_of
from bridge.domain.arrival import ArrivalState
from bridge.engine.resync import Answer
from bridge.ledger import Ledger
from bridge.ledger.model import Row
from bridge.settings import Configuration
from bridge.wiring import readers_of

PATIENCE = 60.0
LOOK_EVERY = 0.05


def resync(
    names: Annotated[list[str], typer.Argument(help="Short ids (R12) or the service's request numbers.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look, and say what would be done.")] = False,
) -> None:
    """Read requests afresh from the ILS and bring them in step. A running daemon carries it out; without one, this command does.

    Example: ill-bridge resync R12 --dry-run
    """
    _ordered("resync", names, config, options=json.dumps({"dry_run": dry_run}))


def resolve(
    names: Annotated[list[str], typer.Argument(help="Short ids (R12) or the service's request numbers.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Confirm that what staff were asked to do for these requests is settled; the bridge then goes on.

    Example: ill-bridge resolve R12
    """
    _ordered("resolve", names, config)


def _ordered(kind: str, names: list[str], config: Path, *, options: str = "{}") -> None:
    well = True
    with opened(config) as (known, ledger):
        for name in names:
            rows = ledger.requests.find(name)
            if not rows:
                typer.echo(f"{name}: there is no such request.")
                well = False
            for row in rows:
                answer = _carried_out(known, ledger, row, kind, options)
                well = well and answer.ok
                for line in answer.lines:
                    typer.echo(f"{row.name}: {line}")
    raise typer.Exit(0 if well else 1)


def _carried_out(known: Configuration, ledger: Ledger, row: Row, kind: str, options: str) -> Answer:
    order = ledger.orders.give(kind, request_id=row.id, options=options, by=getpass.getuser())
    if ledger.lock.exclusive and ledger.lock.free():
        with engine_of(known, ledger) as engine:
            engine.orders.run()
    return _answered(ledger, order)


def _answered(ledger: Ledger, order: int) -> Answer:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = ledger.orders.one(order)
        if found.done_at is not None:
            return Answer(tuple(found.answer.splitlines()), ok=not found.failed)
        time.sleep(LOOK_EVERY)
    return Answer(
        (f"The daemon has not carried it out yet (order {order}); it will, when the request is free.",), ok=False
    )


def replay(
    ids: Annotated[list[int], typer.Argument(help="Ids of kept messages, as `status` shows them.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take kept messages again, after the word table or the mapping was corrected.

    Example: ill-bridge replay 17 18
    """
    well = True
    with opened(config) as (known, ledger):
        doors = readers_of(known)
        kept = {message.id: message for message in ledger.inbox.kept(ids)}
        for wanted in ids:
            message = kept.get(wanted)
            if message is None or message.source not in doors:
                typer.echo(f"{wanted}: there is no such message of a configured source.")
                well = False
                continue
            arrival = doors[message.source].replayed(message.body)
            folded = ledger.inbox.replay(wanted, arrival, known.settings.lane)
            if arrival.state is ArrivalState.FOLDED:
                names = ", ".join(f"R{each}" for each in folded) or "no request"
                typer.echo(f"{wanted}: taken into {names}.")
            else:
                typer.echo(f"{wanted}: still not understood: {arrival.problem}")
                well = False
    raise typer.Exit(0 if well else 1)
