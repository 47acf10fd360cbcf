"""The daemon as a process that is killed and started again, its log read line by line."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any, Protocol

from bridge import daemon
from bridge.cli.main import app

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
ORDERS_EVERY = 0.05
"""Seconds between a forked daemon's looks at what staff said; those of one that idles for a year are further apart."""


class Process(Protocol):
    """What is needed of a process."""

    def kill(self) -> None:
        """SIGKILL."""
        ...

    def terminate(self) -> None:
        """SIGTERM."""
        ...

    def wait(self) -> int:
        """Wait for its end; answers the exit code, negative for a signal."""
        ...


class Daemon:
    """``python -m bridge run`` under a supervisor of our own: killed at any time, and started again at once."""

    def __init__(self, config: Path, log: Path, *, warm: bool = False) -> None:
        self._config = config
        self._start = forked if warm else started
        self._log = log.open("a", encoding="utf-8")
        self._guard = threading.RLock()
        self._up = threading.Event()
        self._ending = False
        self._waiting: list[tuple[int, Callable[[], None]]] = []
        self.lines = 0
        self.kills = 0
        self.faults: list[str] = []
        self._process = self._started()

    def on_line(self, count: int, act: Callable[[], None]) -> None:
        """Act when the daemon has told so many more lines."""
        with self._guard:
            self._waiting.append((self.lines + count, act))

    def forget(self) -> None:
        """Nothing is to be done at a line any more."""
        with self._guard:
            self._waiting.clear()

    def kill(self) -> None:
        """SIGKILL, and start the next one."""
        with self._guard:
            self._up.clear()
            self._process.kill()
            self._process.wait()
            self.kills += 1
            self._log.write(f"--- killed ({self.kills})\n")
            self._process = self._started()

    def up(self, patience: float = PATIENCE) -> bool:
        """Wait until it works; answers whether it does."""
        return self._up.wait(patience)

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        with self._guard:
            self._ending = True
            self._process.terminate()
        code = self._process.wait()
        time.sleep(0.05)
        self._log.close()
        return code

    def _started(self) -> Process:
        process, lines = self._start(self._config)
        threading.Thread(target=self._listen, args=(process, lines), daemon=True).start()
        return process

    def _listen(self, process: Process, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._heard(process, line)
        code = process.wait()
        if code != -signal.SIGKILL and not self._ending:
            self.faults.append(f"The daemon ended by itself with exit code {code}.")
            self.kill()

    def _heard(self, process: Process, line: str) -> None:
        with self._guard:
            if not self._log.closed:
                self._log.write(line)
            if process is not self._process:
                return
            self.lines += 1
            due = [act for at, act in self._waiting if at <= self.lines]
            self._waiting = [(at, act) for at, act in self._waiting if at > self.lines]
        if '"daemon.started"' in line:
            self._up.set()
        elif '"worker.failed"' in line or '"thread.failed"' in line or not line.startswith("{"):
            self.faults.append(line.strip())
        for act in due:
            act()


def started(config: Path) -> tuple[Process, IO[str]]:
    """The daemon as people start it; and its log."""
    command = [sys.executable, "-m", "bridge", "run", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stderr is not None
    return process, process.stderr


class Forked:
    """A daemon in a process of its own that was forked from one which had read the code already."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self._guard = threading.Lock()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    def wait(self) -> int:
        """Wait for its end; answers the exit code."""
        with self._guard:
            self._process.join()
            return self._process.exitcode or 0


def forked(config: Path) -> tuple[Process, IO[str]]:
    """The same without the second in which Python reads the code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["bench.chaos.conductor", "bench.chaos.judge", "bench.chaos.houses", "bench.chaos.warm", "bridge.daemon"]
    )
    reading, writing = os.pipe()
    process = context.Process(target=_run, args=(DupFd(writing), str(config)))
    process.start()
    os.close(writing)
    return Forked(process), os.fdopen(reading, encoding="utf-8")


def _run(log: Any, config: str) -> None:  # noqa: ANN401 - multiprocessing's own
    os.dup2(log.detach(), 2)
    os.setsid()
    daemon.ORDERS_EVERY = ORDERS_EVERY
    app(["run", "--config", config])
