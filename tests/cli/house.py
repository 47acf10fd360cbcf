"""A library's house for the tests of commands: a stand-in Alma, a configuration file, and a service that posts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import requests
from typer import testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from bridge.cli.main import app
from bridge.daemon import Daemon
from bridge.ledger import Ledger
from bridge.ledger.model import Row
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.faults import Latency, Outage
from bridge.sandbox.server import Server
from bridge.sources.signing import sign
from bridge.wiring import configuration, readers_of
from tests.patience import PATIENCE
from tests.sources.messages import body, message

# Typer builds all commands anew for each, which takes longer than most of them do.
testing._get_command = cache(get_command)  # type: ignore[attr-defined]

SECRET = "a shared secret"
CONFIG = """
bridge = "test"
[ledger]
url = "{ledger}"
[web]
port = {port}
[engine]
retry_waits = [0.1, 0.2]
probe_interval = 0.2
lease = 5
backstop = 0.2
[ils.alma]
connector = "alma"
calls_per_second = 0
late_writes = 0
[ils.alma.settings]
host = "{alma}"
api_key = "sandbox-key"
timezone = "Europe/Berlin"
lending_library = "RS"
lending_desk = "RSDESK"
visibility_wait = 0.01
first_wait = 0.01
[libraries.main]
mode = "live"
ils = "alma"
[libraries.main.borrowing]
item_type = "ILL"
material = "BOOK"
barcode_prefix = "ILL-"
place = {{ library = "RS", location = "ILLTEMP", desk = "RSDESK" }}
[sources.hook]
kind = "webhook"
service = "svc"
library = "main"
secret = "{secret}"
"""


def until(holds: Callable[[], Any], what: str = "it") -> Any:
    """Wait for another process's work, with an end."""
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"{what} did not happen")


@dataclass
class House:
    """Everything a command needs."""

    folder: Path
    ledger_url: str = ""
    port: int = 0
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alma = AlmaStandIn()
        self.server = Server(self.alma.app)
        self.server.start()
        self.ledger_url = self.ledger_url or f"sqlite:///{self.folder / 'bridge.db'}"
        self.config = self.folder / "bridge.toml"
        self.write()
        self._events = 0

    def write(self, more: str = "") -> None:
        text = CONFIG.format(ledger=self.ledger_url, port=self.port, alma=self.server.url, secret=SECRET)
        self.config.write_text(text + more, encoding="utf-8")

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.server.stop()

    def command(self, *arguments: str) -> Result:
        """A command in this process."""
        return CliRunner().invoke(app, [*arguments, "--config", str(self.config)])

    def asked(self, *arguments: str) -> Any:
        """What a command answers as JSON."""
        result = self.command(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """The daemon as a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bridge", "run", "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        )
        self.processes.append(process)
        return process

    def url_of(self, process: subprocess.Popen[str]) -> str:
        """Where a daemon listens, from its log."""
        assert process.stderr is not None
        for line in process.stderr:
            if "daemon.started" in line:
                return str(json.loads(line)["url"])
        raise AssertionError("the daemon did not start")

    def post(self, url: str, **more: object) -> requests.Response:
        """The service posts an event."""
        self._events += 1
        known = message(**{"id": f"e{self._events}", "patron": {"id": "P1001"}, "pickup_location": "MAIN", **more})
        raw = json.dumps({**known, "time": f"2026-11-24T09:{self._events:02d}:00Z"}).encode()
        timestamp = str(int(time.time()))
        headers = {"X-ILL-Bridge-Timestamp": timestamp, "X-ILL-Bridge-Signature": sign(SECRET, timestamp, raw)}
        return requests.post(f"{url}/sources/hook/events", data=raw, headers=headers, timeout=10)

    def repeat(self, url: str, **more: object) -> requests.Response:
        """The service posts its last event once more."""
        self._events -= 1
        return self.post(url, **more)

    def row(self, number: str = "1001") -> Row | None:
        ledger = Ledger(self.ledger_url)
        try:
            return next(iter(ledger.requests.find(number)), None)
        finally:
            ledger.close()

    def settled(self, state: str, number: str = "1001") -> Row:
        def there() -> Row | None:
            row = self.row(number)
            return row if row is not None and row.state == state else None

        found: Row = until(there, f"{number} {state}")
        return found

    def change(self, old: str, new: str) -> None:
        """Write something else into the configuration."""
        text = self.config.read_text(encoding="utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), encoding="utf-8")

    def slow(self, milliseconds: int) -> None:
        """So slow the ILS answers."""
        self.alma.faults.set_latency(Latency(ms=milliseconds))

    def outage(self, *, on: bool) -> None:
        self.alma.faults.set_outage(Outage(on=on))


@contextmanager
def daemon(house: House) -> Iterator[str]:
    """The daemon in this process."""
    made = Daemon(configuration(house.config))
    made.start()
    try:
        yield made.url
    finally:
        made.stop()


@contextmanager
def ledger_of(house: House) -> Iterator[Ledger]:
    """The house's ledger, opened once more."""
    made = Ledger(house.ledger_url)
    try:
        yield made
    finally:
        made.close()


def take(house: House, **more: object) -> None:
    """A message comes in while no daemon runs."""
    take_all(house, [more])


def take_all(house: House, messages: list[dict[str, object]]) -> None:
    """Messages come in while no daemon runs."""
    known = configuration(house.config)
    with ledger_of(house) as ledger:
        ledger.upgrade()
        read = readers_of(known)["hook"].replayed
        told = (body(**{"patron": {"id": "P1001"}, "pickup_location": "MAIN", **more}) for more in messages)
        arrivals = [read(each.decode()) for each in told]
        ledger.inbox.take("hook", arrivals, known.settings.lane)


def several(house: House, count: int, **more: object) -> None:
    """So many requests, R1, R2 …, numbered from 1001 on."""
    numbered = (
        {"id": f"s{each}", "request": {"number": str(1000 + each), "requester": "ABC"}} for each in range(1, count + 1)
    )
    take_all(house, [{**each, **more} for each in numbered])


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Something happens on a thread of its own while a command runs; its failure is the test's."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except AssertionError as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE)
    assert not failures, failures
