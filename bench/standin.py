"""The stand-in Alma as a process of its own: its CPU is nobody's figure, and no measured process shares its interpreter."""

from __future__ import annotations

import re
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

import requests

KEY = "sandbox-key"


class StandIn:
    """``python -m bridge sandbox``, with every answer late by ``latency`` milliseconds, and nothing else unpleasant about it."""

    def __init__(self, latency: float = 0.0) -> None:
        command = [sys.executable, "-u", "-m", "bridge", "sandbox"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        found = re.search(r"http://\S+", told)
        if found is None:
            raise RuntimeError(f"The stand-in did not start; it said: {told!r}")
        self.url = found[0]
        self._asked("POST", "/settings", {"transient_requests": 0})
        self._asked("POST", "/latency", {"ms": latency})

    def throttle_above(self, per_second: int) -> None:
        """Answer 429 above so many calls in any second, as the vendor does."""
        self._asked("POST", "/settings", {"per_second": per_second})

    def throttle_always(self, retry_after: int) -> None:
        """Answer 429 to everything."""
        self._asked("POST", "/faults", {"kind": "throttle", "times": None, "retry_after": retry_after})

    def answers(self) -> list[tuple[float, int]]:
        """When each call was answered (seconds) and with which status, in the order of their ends."""
        return [(call["at"], call["status"]) for call in self._asked("GET", "/calls")["calls"]]

    def sequence(self) -> list[str]:
        """Every call so far, as method and template, in the order of their ends."""
        return [f"{call['method']} {call['template']}" for call in self._asked("GET", "/calls")["calls"]]

    def routes(self) -> dict[str, int]:
        """How often each method and template was called."""
        return dict(self._asked("GET", "/calls")["by_route"])

    def forget(self) -> None:
        """Count anew."""
        self._asked("DELETE", "/calls")

    def _asked(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=60)
        answer.raise_for_status()
        return dict(answer.json())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
