"""What the ISO 18626 door takes durably: ``python -m bench.door [--json] [--n 200] [--senders 4]``.

So many conversations of six messages (request, Loaned, Received, a renewal, ShippedReturn, LoanCompleted) are posted by a process of
its own, several at a time, to a real server with a real SQLite ledger; each message is read, judged, kept, folded into its request, told in
its history, made durable (``synchronous=FULL``) and confirmed. Then the same rows are written to an empty ledger of the same schema by bare
``sqlite3``, a transaction a message, as durably, by one writer that reads nothing. ``ratio`` is messages a second through the door ÷ bare
messages a second.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from bench.telling import tell
from bridge.configuring import check
from bridge.ledger import Ledger
from bridge.logging import configure
from bridge.sandbox.iso18626 import IsoPeer, Talk
from bridge.web.app import make_app
from bridge.web.conversations import conversations_router
from bridge.web.server import WebServer
from bridge.wiring import connector_settings, conversations_of, source_settings

SECRET = "a secret of the benchmark"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Measured:
    """Messages a second."""

    door: float
    bare: float

    @property
    def ratio(self) -> float:
        """The door's ÷ the bare ones."""
        return self.door / self.bare


def conversation(number: str) -> Iterator[bytes]:
    """The messages of one borrowed loan."""
    talk = Talk("OUR", "XYZ", number)
    yield talk.request(
        at="2026-09-01T09:00:00Z", patron="P1001", title="The Left Hand of Darkness", isbn="9780441478125"
    )
    yield talk.supplied("Loaned", at="2026-09-03T09:00:00Z", due="2026-10-15T04:00:00Z", item=f"SUP-{number}")
    yield talk.acted("Received", at="2026-09-06T09:00:00Z")
    answer = {"reason": "RenewResponse", "answer": "Y", "due": "2026-11-15T05:00:00Z"}
    yield talk.supplied("Loaned", at="2026-09-20T09:00:00Z", **answer)
    yield talk.acted("ShippedReturn", at="2026-10-20T09:00:00Z")
    yield talk.supplied("LoanCompleted", at="2026-10-24T09:00:00Z")


def send(url: str, first: int, n: int, senders: int) -> int:
    """Post so many conversations, each in its order; print the messages that were confirmed and the seconds it took."""
    peer = IsoPeer(headers={"X-ILL-Bridge-Secret": SECRET})

    def converse(number: int) -> int:
        answers = [peer.post(url, message) for message in conversation(f"N-{number}")]
        return sum(answer.status_code == requests.codes.ok and b">OK<" in answer.content for answer in answers)

    began = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        confirmed = sum(pool.map(converse, range(first, first + n)))
    print(confirmed, time.perf_counter() - began)
    peer.close()
    return 0


def door(folder: Path, n: int, senders: int) -> tuple[float, Path]:
    """Messages a second through a door, and the ledger that they are in."""
    file = folder / "door.db"
    iso = {"kind": "iso18626", "service": "svc", "libraries": {"OUR": "main"}}
    raw: dict[str, Any] = {
        "ledger": {"url": f"sqlite:///{file}"},
        "ils": {
            "alma": {"connector": "alma", "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}}
        },
        "libraries": {"main": {"ils": "alma"}},
        "sources": {"iso": {**iso, "peers": {"system": {"ours": True, "secret": SECRET}}}},
    }
    known = check(raw, connector_settings=connector_settings, source_settings=source_settings)
    ledger = Ledger(known.settings.ledger.url, clock=lambda: NOW)
    ledger.upgrade()
    ledger.lanes.ensure(["alma"])
    server = WebServer(make_app({}, [conversations_router(conversations_of(known, ledger))]), "127.0.0.1", 0)
    server.start()
    url = f"{server.url}/iso18626/iso"
    _sent(url, n, 5, senders)
    confirmed, seconds = _sent(url, 0, n, senders)
    server.stop()
    ledger.close()
    if confirmed != 6 * n:
        raise SystemExit(f"{6 * n - confirmed} messages were not confirmed")
    return confirmed / seconds, file


def _sent(url: str, first: int, n: int, senders: int) -> tuple[int, float]:
    command = [sys.executable, "-m", "bench.door", "--send", url, "--first", str(first), "--n", str(n)]
    said = subprocess.run([*command, "--senders", str(senders)], check=True, capture_output=True, text=True).stdout
    confirmed, seconds = said.split()
    return int(confirmed), float(seconds)


def bare(folder: Path, source: Path) -> float:
    """Messages a second where the same rows are only written."""
    file = folder / "bare.db"
    ledger = Ledger(f"sqlite:///{file}")
    ledger.upgrade()
    ledger.close()
    rows = _rows(source)
    target = sqlite3.connect(file, isolation_level=None)
    target.execute("pragma journal_mode=wal")
    target.execute("pragma synchronous=full")
    began = time.perf_counter()
    for statements in rows:
        target.execute("begin immediate")
        for statement, values in statements:
            target.execute(statement, values)
        target.execute("commit")
    took = time.perf_counter() - began
    target.close()
    return len(rows) / took


def _rows(source: Path) -> list[list[tuple[str, tuple[Any, ...]]]]:
    """What was written for each message: its row, its request's (made, then changed), its lines of history."""
    read = sqlite3.connect(source)
    read.row_factory = sqlite3.Row
    made: list[list[tuple[str, tuple[Any, ...]]]] = []
    known: set[int] = set()
    lines = {each["id"]: each for each in read.execute("select * from request")}
    history: dict[int, list[sqlite3.Row]] = {}
    for line in read.execute("select * from history order by id"):
        history.setdefault(line["request_id"], []).append(line)
    for message in read.execute("select * from inbox order by id"):
        request = lines[message["request_id"]]
        statements = [_insert("inbox", message)]
        if request["id"] in known:
            change = "update request set document = ?, version = version + 1, updated_at = ?, due_at = ? where id = ?"
            statements.append((change, (request["document"], request["updated_at"], request["due_at"], request["id"])))
        else:
            statements.append(_insert("request", request))
        told = history[request["id"]]
        statements += [_insert("history", told.pop(0)) for _ in range(1 if request["id"] in known else 2)]
        known.add(request["id"])
        made.append(statements)
    read.close()
    return made


def _insert(table: str, row: sqlite3.Row) -> tuple[str, tuple[Any, ...]]:
    names = row.keys()
    places = ", ".join("?" * len(names))
    return f"insert into {table} ({', '.join(names)}) values ({places})", tuple(row)  # noqa: S608 - our own names


def measured(n: int, senders: int) -> Measured:
    """Both, in folders of the same disk."""
    with tempfile.TemporaryDirectory() as folder:
        through, file = door(Path(folder), n, senders)
        return Measured(through, bare(Path(folder), file))


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument("--n", type=int, default=200, help="conversations, of six messages each")
    arguments.add_argument("--senders", type=int, default=4, help="conversations at a time")
    arguments.add_argument("--send", default="", help=argparse.SUPPRESS)
    arguments.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    configure(console=False, level="warning")
    if given.send:
        return send(given.send, given.first, given.n, given.senders)
    found = measured(given.n, given.senders)
    figures = {
        "ratio": round(found.ratio, 3),
        "messages_per_second": round(found.door, 1),
        "bare_per_second": round(found.bare, 1),
        "messages": 6 * given.n,
    }
    rows = [(found.door, found.bare, found.ratio)]
    tell(figures, rows, ("door, messages/s", "bare inserts, messages/s", "ratio"), as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
