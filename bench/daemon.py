"""The daemon as a process of its own with its durable ledger, and a service that posts signed webhooks to it.

Whether a request is in step is heard, not asked: the daemon's log tells every release, and its pipe wakes the reader here. A run ends
with the log line of its last release, which the daemon writes after the commit.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.processes import cpu_seconds
from bench.standin import KEY

SECRET = "a secret of the benchmark"
PATIENCE = 30.0
RESTING = frozenset({"in_step", "closed"})
CONFIG = """
bridge = "bench"
[ledger]
url = "{ledger}"
[web]
port = 0
[ils.alma]
connector = "alma"
cap = {cap}
calls_per_second = 0
[ils.alma.settings]
host = "{alma}"
api_key = "{key}"
timezone = "Europe/Berlin"
lending_library = "RS"
lending_desk = "RSDESK"
[libraries.main]
mode = "live"
ils = "alma"
deletes_per_hour = 1000000
[libraries.main.borrowing]
verify_patron_on_request = true
item_type = "ILL"
material = "BOOK"
barcode_prefix = "ILL-"
place = {{ library = "RS", location = "ILLTEMP", desk = "RSDESK" }}
[sources.hook]
kind = "webhook"
service = "svc"
library = "main"
timezone = "Europe/Berlin"
secret = "{secret}"
"""
NAMED = re.compile(r'"request": "(R[0-9]+)"')
STATED = re.compile(r'"state": "([a-z_]+)"')


class DaemonProcess:
    """``python -m bridge run`` on a configuration in ``folder``, logging as it does by default."""

    def __init__(self, folder: Path, config: str) -> None:
        path = folder / "bridge.toml"
        path.write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "bridge", "run", "--config", str(path)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=_environment())
        self.url = self._started()
        self._news = threading.Condition()
        self._rested: Counter[str] = Counter()
        self._held: Counter[str] = Counter()
        self._trouble = ""
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def cpu(self) -> float:
        """CPU seconds used so far."""
        return cpu_seconds(self.pid)

    def rested(self, name: str, times: int) -> None:
        """Wait until this request was given back in step so often."""
        self._wait(lambda: self._rested[name] >= times, f"{name} in step")

    def hold_placed(self, name: str) -> None:
        """Wait until this request's hold stands and is journalled."""
        self._wait(lambda: self._held[name] > 0, f"the hold of {name}")

    def _wait(self, holds: object, what: str) -> None:
        with self._news:
            assert callable(holds)
            if not self._news.wait_for(lambda: holds() or self._trouble, PATIENCE) or self._trouble:
                raise RuntimeError(f"{what}: {self._trouble or 'did not happen'}")

    def _started(self) -> str:
        assert self._process.stderr is not None
        told = []
        for line in self._process.stderr:
            if "daemon.started" in line:
                return str(json.loads(line)["url"])
            told.append(line)
        raise RuntimeError(f"The daemon did not start: {''.join(told)}")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if '"request.released"' in line:
                self._released(line)
            elif '"step.finished"' in line and "place_hold" in line:
                self._note(self._held, line)

    def _released(self, line: str) -> None:
        state = STATED.search(line)
        if state is not None and state[1] in RESTING:
            self._note(self._rested, line)
        elif state is None or state[1] != "due":
            self._trouble = line
            with self._news:
                self._news.notify_all()

    def _note(self, counts: Counter[str], line: str) -> None:
        found = NAMED.search(line)
        if found is not None:
            with self._news:
                counts[found[1]] += 1
                self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        self._reader.join()
        if self._process.stderr is not None:
            self._process.stderr.close()


def daemon_on(alma: str, folder: Path, *, ledger: str = "", cap: int = 4) -> DaemonProcess:
    """A daemon for one library on this Alma; its ledger is a SQLite file in ``folder`` where none is named."""
    ledger = ledger or f"sqlite:///{folder / 'bridge.db'}"
    return DaemonProcess(folder, CONFIG.format(ledger=ledger, alma=alma, key=KEY, cap=cap, secret=SECRET))


class AilingDaemon(DaemonProcess):
    """One beside ILSs that fail: that a request waits or is parked is no trouble of the benchmark."""

    def _released(self, line: str) -> None:
        state = STATED.search(line)
        if state is not None and state[1] in RESTING:
            self._note(self._rested, line)


class Service:
    """Posts events over one kept-alive connection, with as little work of its own as can be."""

    def __init__(self, url: str, source: str = "hook") -> None:
        self._path = f"/sources/{source}/events"
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def tell(self, number: str, order: int, word: str, **more: object) -> None:
        """One event of a borrowed loan. Raises ``RuntimeError`` where it is not taken."""
        message = {
            "id": f"{number}/{order}",
            "time": f"2026-11-24T09:{order:02d}:00Z",
            "role": "borrower",
            "request": {"number": number, "requester": "ABC"},
            "status": word,
            **more,
        }
        body = json.dumps(message).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-ILL-Bridge-Timestamp": stamp, "X-ILL-Bridge-Signature": f"sha256={signature}"}
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"The daemon answered {answer.status}: {said!r}")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


WORDS: Sequence[tuple[str, dict[str, object]]] = (
    (
        "Requested",
        {
            "patron": {"id": "P1001"},
            "pickup_location": "MAIN",
            "item": {"title": "The Left Hand of Darkness", "author": "Le Guin, Ursula K."},
        },
    ),
    ("Received", {"due_date": "2027-01-15"}),
    ("Renewed", {"due_date": "2027-02-15"}),
    ("Returned", {}),
    ("Completed", {}),
)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
