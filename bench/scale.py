"""A ledger full of loans against an empty one: ``python -m bench.scale [--json] [--finished 1000000] [--open 50000]``.

Two ledgers on each database, SQLite and PostgreSQL (``ILL_BRIDGE_TEST_POSTGRES`` names the server; skipped where it names none): one
empty, one with so many finished and open requests, each with a message in the inbox, a step and a line of history. A tenth of the open
ones is due, a tenth waits for a later try, the others are in step, with staff or parked. The rows are made by the databases themselves,
with short documents, in no order of their numbers.

Measured are one call of the ledger each, the two ledgers taking turns call by call: *ingest* takes in a change (half of them of new
requests, half of ones the ledger has), *claim* takes the next due request. ``claim_ratio`` and ``ingest_ratio`` are the medians of full ÷
empty, of the worse database; both with every commit durable. ``look`` is the dispatcher's look at all lanes, in milliseconds on the full
ledger.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Table,
    Text,
    case,
    cast,
    create_engine,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.engine import make_url

from bench.telling import tell
from bridge.domain.arrival import Arrival
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.domain.identity import RequestKey, Role
from bridge.domain.record import ItemRecord, Record
from bridge.domain.request import Request, fold
from bridge.ledger import Ledger, State, Verdict, codec, schema

SERVER = "ILL_BRIDGE_TEST_POSTGRES"
LEASE = timedelta(seconds=60)
SCATTER = 7_368_787
"""Multiplies a number before the remainder by a larger prime is taken: every number once, in no order."""
PRIME = 15_485_863


@dataclass(frozen=True)
class Times:
    """Medians in milliseconds."""

    claim: float
    ingest: float


def arrival(number: str, order: int) -> Arrival:
    """A change of a request."""
    key = f"bench-{number}-{order}"
    at = datetime(2026, 11, 24, 9, tzinfo=UTC) + timedelta(seconds=order)
    edits = Edits(title="The Left Hand of Darkness", patron_id="P1001", pickup_location="MAIN")
    request = RequestKey("main", "svc", Role.BORROWER, "REQ", number)
    change = Change(
        key, request, Stamp(0, at, Phase.RECEIVED.rank, key), word="Received", phase=Phase.RECEIVED, edits=edits
    )
    return Arrival(key, '{"status": "Received"}', (change,))


def fill(ledger: Ledger, finished: int, opened: int) -> None:
    """So many requests, made inside the database; durability is only switched off while they are made."""
    now = ledger.clock()
    numbers = select(literal(1, BigInteger).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < finished + opened))
    n = numbers.c.n
    name = cast((n * SCATTER) % PRIME, Text)
    (change,) = arrival("@", 0).changes
    document = func.replace(literal(codec.request_text(fold(Request(change.request), change))), "@", name)
    record = codec.record_text(Record(items=(ItemRecord("", "", barcode="ILL-1"),)))
    share = n % 10
    states = (
        (n > opened, State.CLOSED),
        (share == 0, State.DUE),
        (share == 1, State.WAITING),
        (share == 2, State.STAFF),
    )
    state = case(
        *((which, each.value) for which, each in (*states, (share == 3, State.PARKED))), else_=State.IN_STEP.value
    )
    due = case(
        (n > opened, None),
        (share == 0, literal(now - LEASE, schema.Instant) - n),
        (share == 1, literal(now + LEASE * 60, schema.Instant) + n),
    )
    then = literal(now, schema.Instant)
    request: dict[str, Any] = {
        "library": literal("main"), "service": literal("svc"), "role": literal("borrower"), "requester": literal("REQ"),
        "number": name, "conversation": literal("svc/REQ/") + name, "lane": literal("alma"), "state": state,
        "status": literal("received"), "title": literal("The Left Hand of Darkness"), "document": document,
        "version": literal(3), "record": literal(record), "due_at": due, "created_at": then, "updated_at": then,
    }  # fmt: skip
    message: dict[str, Any] = {
        "source": literal("hook"), "key": literal("event-") + name, "received_at": then, "state": literal("folded"),
        "problem": literal(""), "body": document, "request_id": n,
    }  # fmt: skip
    step: dict[str, Any] = {
        "request_id": n, "key": literal("-:-:place_hold:0"), "verb": literal("place_hold"), "state": literal("done"),
        "command": literal(record), "attempts": literal(1), "started_at": then,
    }  # fmt: skip
    line: dict[str, Any] = {
        "request_id": n,
        "at": then,
        "kind": literal("change"),
        "line": literal("The service says 'Received'."),
    }
    tables: tuple[tuple[Table, dict[str, Any]], ...]
    tables = ((schema.request, request), (schema.inbox, message), (schema.step, step), (schema.history, line))
    with ledger.database.engine.connect() as connection:
        if ledger.database.sqlite:
            pragmas(connection, "synchronous=OFF", "cache_size=-1000000")
        for table, columns in tables:
            values = select(*(value.label(column) for column, value in columns.items())).select_from(numbers)
            connection.execute(insert(table).from_select(list(columns), values))
            connection.commit()
        if ledger.database.sqlite:
            pragmas(connection, "synchronous=FULL", "wal_checkpoint(TRUNCATE)")
        connection.invalidate()
    if not ledger.database.sqlite:
        with ledger.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def pragmas(connection: Connection, *words: str) -> None:
    """Outside of any transaction, as SQLite wants it."""
    driver = connection.connection.dbapi_connection
    for word in words:
        driver.cursor().execute(f"PRAGMA {word}").close()  # type: ignore[union-attr]


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def take(ledger: Ledger, number: str, order: int) -> None:
    """Take a change in."""
    ledger.inbox.take("hook", (arrival(number, order),), lambda _: "alma")


def claim_and_give_back(ledger: Ledger) -> float:
    """Milliseconds of a claim; what was claimed is given back in step."""
    began = time.perf_counter()
    held = ledger.work.claim("alma", owner="bench", lease=LEASE, cap=4)
    took = (time.perf_counter() - began) * 1000
    if held is None:
        raise RuntimeError("Nothing was due.")
    ledger.work.release(held, Verdict(State.IN_STEP, "received"), version=held.row.version)
    return took


def compared(empty: Ledger, full: Ledger, calls: int) -> tuple[Times, Times]:
    """Both ledgers, taking turns."""
    ingests: tuple[list[float], list[float]] = ([], [])
    claims: tuple[list[float], list[float]] = ([], [])
    for number in range(calls):
        for ledger, ingest in zip((empty, full), ingests, strict=True):
            known = str((10 * number + 15) * SCATTER % PRIME) if ledger is full else f"new-{max(number - 1, 0)}"
            named, order = (known, 7) if number % 2 else (f"new-{number}", 0)
            ingest.append(timed(lambda one=ledger, who=named, nth=order: take(one, who, nth)))  # type: ignore[misc]
        for ledger, claim in zip((empty, full), claims, strict=True):
            claim.append(claim_and_give_back(ledger))
    warm = calls // 10
    times = [Times(median(claim[warm:]), median(ingest[warm:])) for claim, ingest in zip(claims, ingests, strict=True)]
    return times[0], times[1]


@contextmanager
def sqlite_ledgers() -> Iterator[tuple[Ledger, Ledger]]:
    """Two SQLite files."""
    with tempfile.TemporaryDirectory() as folder:
        ledgers = [Ledger(f"sqlite:///{Path(folder) / name}.db") for name in ("empty", "full")]
        yield ledgers[0], ledgers[1]
        for ledger in ledgers:
            ledger.close()


@contextmanager
def postgres_ledgers(server: str) -> Iterator[tuple[Ledger, Ledger]]:
    """Two databases on a PostgreSQL server, dropped at the end."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    names = [f"bench_{os.getpid()}_{which}" for which in ("empty", "full")]
    with engine.connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            urls = [make_url(server).set(database=name).render_as_string(hide_password=False) for name in names]
            ledgers = [Ledger(url) for url in urls]
            yield ledgers[0], ledgers[1]
            for ledger in ledgers:
                ledger.close()
        finally:
            for name in names:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def measured(ledgers: tuple[Ledger, Ledger], given: argparse.Namespace) -> dict[str, object]:
    """Fill one and compare."""
    for ledger in ledgers:
        ledger.upgrade()
        ledger.lanes.ensure(["alma"])
        ledger.libraries.ensure(["main"])
    empty, full = ledgers
    began = time.perf_counter()
    fill(full, given.finished, given.open)
    filled = time.perf_counter() - began
    print(f"{full.database.engine.dialect.name}: filled in {filled:.0f} s", file=sys.stderr)
    before, after = compared(empty, full, given.calls)
    look = median(timed(full.work.due_lanes) for _ in range(20))
    with full.database.read() as connection:
        rows = connection.execute(select(func.count()).select_from(schema.request)).scalar_one()
    return {
        "claim_ratio": round(after.claim / before.claim, 3),
        "ingest_ratio": round(after.ingest / before.ingest, 3),
        "claim_ms": round(after.claim, 3),
        "ingest_ms": round(after.ingest, 3),
        "empty_claim_ms": round(before.claim, 3),
        "empty_ingest_ms": round(before.ingest, 3),
        "look_ms": round(look, 3),
        "requests": rows,
        "filled_in_s": round(filled, 1),
    }


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument("--finished", type=int, default=1_000_000)
    arguments.add_argument("--open", type=int, default=50_000)
    arguments.add_argument("--calls", type=int, default=400, help="calls of each kind on each ledger")
    arguments.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = arguments.parse_args()
    if given.database == "postgresql" and not os.environ.get(SERVER):
        arguments.error(f"{SERVER} names no server")
    found: dict[str, dict[str, object]] = {}
    if given.database != "postgresql":
        with sqlite_ledgers() as ledgers:
            found["sqlite"] = measured(ledgers, given)
    figures: dict[str, object] = {"finished": given.finished, "open": given.open}
    server = os.environ.get(SERVER)
    if server and given.database != "sqlite":
        with postgres_ledgers(server) as ledgers:
            found["postgresql"] = measured(ledgers, given)
    elif given.database != "sqlite":
        figures["skipped"] = f"PostgreSQL: {SERVER} names no server."
        print(figures["skipped"], file=sys.stderr)
    worst = {name: max(float(str(each[name])) for each in found.values()) for name in ("claim_ratio", "ingest_ratio")}
    rows = [
        (name, *(each[key] for key in each if key not in {"requests", "filled_in_s"})) for name, each in found.items()
    ]
    heads = ("", "claim ÷", "ingest ÷", "claim ms", "ingest ms", "empty: claim", "ingest", "look ms")
    tell({**worst, **figures, **found}, rows, heads, as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
