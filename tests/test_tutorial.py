"""The tutorial is carried out as it stands, by a reader with three terminals; only addresses, programs and places are this test's own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial" / "first-loan.md"
STEP = re.compile(r'^```sh title="([^"]+)"\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    terminal: str
    commands: str
    output: str

    @property
    def stays(self) -> bool:
        """Whether the command runs until Ctrl-C."""
        return bool(re.search(r"ill-bridge (run|sandbox)", self.commands))


def steps() -> list[Step]:
    return [Step(*found) for found in STEP.findall(PAGE.read_text(encoding="utf-8"))]


def free_ports(count: int) -> list[int]:
    listening = [socket.socket() for _ in range(count)]
    for each in listening:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in listening]
    for each in listening:
        each.close()
    return ports


def shape(text: str) -> list[str]:
    """Lines without what differs from run to run: moments and the ILS's numbers."""
    plain = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "(then)", text)
    return [re.sub(r"\d{15,}", "(number)", line).strip() for line in plain.splitlines() if line.strip()]


class Reader:
    """Somebody who types what stands there."""

    def __init__(self, folder: Path) -> None:
        alma, service, self._web = free_ports(3)
        self._own = {
            "8901": str(alma),
            "8902": str(service),
            "/tmp/first": str(folder / "first"),  # noqa: S108
            ".venv/bin/ill-bridge": f"exec {sys.executable} -m bridge",
        }
        self._running: dict[str, subprocess.Popen[str]] = {}

    def own(self, text: str) -> str:
        for theirs, mine in self._own.items():
            text = text.replace(theirs, mine)
        return text

    def follow(self, step: Step) -> None:
        self.stop(step.terminal)
        if step.stays:
            self._stay(step)
        elif step.output:
            self._look(step)
        else:
            done = self._shell(step.commands)
            assert done.returncode == 0, done.stderr

    def _stay(self, step: Step) -> None:
        process = subprocess.Popen(
            ["sh", "-ec", self.own(step.commands)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
        )
        self._running[step.terminal] = process
        assert process.stdout is not None
        wanted = shape(self.own(step.output)) or ["daemon.started"]
        for line in process.stdout:
            if wanted[0] in line:
                wanted.pop(0)
            if not wanted:
                return
        pytest.fail(f"it never said {wanted}")

    def _look(self, step: Step) -> None:
        """What is shown comes about by itself, a moment later."""
        wanted, deadline, pause = shape(self.own(step.output)), time.monotonic() + PATIENCE, threading.Event()
        seen: list[str] = []
        while time.monotonic() < deadline:
            seen = shape(self._shell(step.commands).stdout)
            if set(wanted) <= set(seen):
                return
            pause.wait(0.2)
        assert wanted == seen

    def _shell(self, commands: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-ec", self.own(commands)], capture_output=True, text=True, env=self._environment, timeout=PATIENCE
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "ILL_BRIDGE_WEB__PORT": str(self._web), "NO_COLOR": "1"}

    def stop(self, terminal: str) -> None:
        """Ctrl-C."""
        process = self._running.pop(terminal, None)
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)

    def leave(self) -> None:
        for terminal in list(self._running):
            self.stop(terminal)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    if shutil.which("curl") is None:
        pytest.skip("no curl")
    made = Reader(tmp_path)
    yield made
    made.leave()


@pytest.mark.thorough
def test_a_reader_gets_what_the_tutorial_shows(reader: Reader) -> None:
    first, *rest = steps()
    assert first.commands.endswith("scripts/demo\n")  # tests/cli/test_demo.py
    assert len(rest) == 11
    for step in rest:
        reader.follow(step)
