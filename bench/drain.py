"""A lane with a backlog at its configured rate: ``python -m bench.drain [--json] [--n 80] [--rate 20] [--limit 25]``.

``python -m bridge run`` with ``calls_per_second`` = rate works off N borrowed loans that are told *received* faster than it can: against a
stand-in Alma in a process of its own, which takes ``--latency`` milliseconds for an answer and, as Alma does, answers 429 above ``--limit``
calls in any second. ``used_share``: calls a second ÷ the rate over the steady part, from the stand-in's own log of calls; its first and
last ``--edge`` seconds are left out (the burst after a pause, and the last loans, which no longer fill the lane). ``throttled``: answers
429 in the whole run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.daemon import CONFIG, SECRET, WORDS, DaemonProcess, Service
from bench.standin import KEY, StandIn
from bench.telling import tell
from bridge.ledger import Ledger


@dataclass(frozen=True)
class Drained:
    """Calls a second over so many seconds of the steady part, and answers 429 of the whole."""

    per_second: float
    seconds: float
    calls: int
    throttled: int


def drained(given: argparse.Namespace) -> Drained:
    """Work the backlog off, then read the stand-in's log."""
    with StandIn(given.latency) as alma, tempfile.TemporaryDirectory() as name:
        alma.throttle_above(given.limit)
        ledger_url = f"sqlite:///{Path(name) / 'bridge.db'}"
        config = CONFIG.format(ledger=ledger_url, alma=alma.url, key=KEY, cap=given.cap, secret=SECRET)
        config = config.replace("calls_per_second = 0", f"calls_per_second = {given.rate}")
        with DaemonProcess(Path(name), config) as daemon:
            ledger = Ledger(ledger_url)
            work_off(daemon, ledger, given.n)
            ledger.close()
        return steady(alma.answers(), given.edge)


def work_off(daemon: DaemonProcess, ledger: Ledger, n: int) -> None:
    """Tell so many loans at once, and wait for the last."""
    (_, facts), (received, more) = WORDS[:2]
    service = Service(daemon.url)
    numbers = [f"D{number}" for number in range(n)]
    for number in numbers:
        service.tell(number, 1, received, **facts, **more)
    service.close()
    for number in numbers:
        daemon.rested(ledger.requests.find(number)[0].name, 1)


def steady(answers: Sequence[tuple[float, int]], edge: float) -> Drained:
    """The part of the log between its edges."""
    began, ended = answers[0][0] + edge, answers[-1][0] - edge
    within = [at for at, _ in answers if began <= at < ended]
    if ended <= began:
        raise RuntimeError("The run was too short: take more loans, or smaller edges.")
    throttled = sum(status == 429 for _, status in answers)
    return Drained(len(within) / (ended - began), ended - began, len(within), throttled)


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument("--n", type=int, default=80, help="loans")
    arguments.add_argument("--rate", type=float, default=20, help="calls_per_second of the lane")
    arguments.add_argument("--limit", type=int, default=25, help="calls in a second above which the ILS answers 429")
    arguments.add_argument("--cap", type=int, default=4, help="requests worked on at once")
    arguments.add_argument("--latency", type=float, default=50, help="milliseconds before every answer")
    arguments.add_argument("--edge", type=float, default=2, help="seconds left out at either end")
    given = arguments.parse_args()
    found = drained(given)
    share = found.per_second / given.rate
    figures = {
        "used_share": round(share, 3),
        "throttled": found.throttled,
        "calls_per_second": round(found.per_second, 2),
        "rate": given.rate,
        "limit": given.limit,
        "calls": found.calls,
        "seconds": round(found.seconds, 1),
    }
    heads = ("rate", "used, calls a second", "share", "429")
    tell(figures, [(given.rate, found.per_second, share, found.throttled)], heads, as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
