"""What the bridge costs beside the bare calls: ``python -m bench.overhead [--json] [--n 40] [--runs 5] [--latency 0 50]``.

N borrowed loans (requested, received, renewed, returned, completed: five changes, ten ILS calls), four at a time, each next change as soon
as the request is in step. One side is ``python -m bridge run`` with its SQLite ledger (WAL, synchronous=FULL), driven by signed webhooks;
the other the same HTTP calls in the same order from four bare ``requests`` sessions. Both against a stand-in Alma in a process of its own,
taking turns; each figure is the median of the runs.

``ratio_0ms`` and ``ratio_50ms``: wall time of the bridge ÷ wall time of the bare calls. It counts the webhooks' delivery, the fold, the
claims, the journal and every fsync. ``cpu_ratio``: CPU time of the daemon's process ÷ CPU time of the bare script's process, at the first
latency; the stand-in's and the service's CPU count for neither. Not counted: the start of either side (the daemon has worked on four loans
before the clock starts), and the stand-in's own delays for what Alma does not see at once. Before anything is timed, one loan of each
side is played and the two sequences of calls are compared: they must be equal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.bare import Spent
from bench.daemon import WORDS, DaemonProcess, Service, daemon_on
from bench.standin import StandIn
from bench.telling import tell
from bridge.ledger import Ledger

WORKERS = 4


@dataclass(frozen=True)
class Run:
    """Both sides of one run, in seconds for all loans."""

    bridge: Spent
    bare: Spent


class BridgeSide:
    """A daemon on a fresh SQLite ledger, and what drives it."""

    def __init__(self, daemon: DaemonProcess, ledger: Ledger) -> None:
        self._daemon = daemon
        self._ledger = ledger

    def run(self, n: int, prefix: str) -> Spent:
        """So many loans, four at a time."""
        numbers = iter([f"{prefix}{number}" for number in range(n)])

        def work(_worker: int) -> None:
            service = Service(self._daemon.url)
            for number in numbers:
                self._play(service, number)
            service.close()

        used, began = self._daemon.cpu(), time.perf_counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, range(WORKERS)))
        return Spent(time.perf_counter() - began, self._daemon.cpu() - used, ())

    def _play(self, service: Service, number: str) -> None:
        name = ""
        for order, (word, more) in enumerate(WORDS):
            service.tell(number, order, word, **more)
            name = name or self._ledger.requests.find(number)[0].name
            self._daemon.rested(name, order + 1)


@contextmanager
def bridge_side(alma: str) -> Iterator[BridgeSide]:
    """A daemon that has done its first work."""
    with tempfile.TemporaryDirectory() as folder, daemon_on(alma, Path(folder), cap=WORKERS) as daemon:
        ledger = Ledger(f"sqlite:///{Path(folder) / 'bridge.db'}")
        side = BridgeSide(daemon, ledger)
        side.run(WORKERS, "WARM")
        yield side
        ledger.close()


def bare_side(alma: str, n: int) -> Spent:
    """The bare script as a process of its own."""
    command = [sys.executable, "-m", "bench.bare", alma, "--n", str(n), "--workers", str(WORKERS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return Spent(**json.loads(done.stdout))


def compare(alma: StandIn, side: BridgeSide) -> int:
    """Play one loan on each side; answers the calls of a loan. Raises ``RuntimeError`` where the sides do not make the same calls."""
    alma.forget()
    side.run(1, "SAME")
    ours = alma.sequence()
    alma.forget()
    bare_side(alma.url, 1)
    bare = alma.sequence()
    if ours != bare:
        raise RuntimeError(f"The two sides make different calls.\nbridge: {ours}\nbare:   {bare}")
    return len(bare)


def measured(latency: float, *, n: int, runs: int) -> tuple[list[Run], int]:
    """Runs of both sides, taking turns, at this latency."""
    found: list[Run] = []
    with StandIn(latency) as alma, bridge_side(alma.url) as side:
        calls = compare(alma, side)
        for number in range(runs):
            alma.forget()
            bare = bare_side(alma.url, n)
            routes = alma.routes()
            alma.forget()
            bridge = side.run(n, f"N{number}-")
            if alma.routes() != routes:
                raise RuntimeError(f"The two sides made different calls.\nbridge: {alma.routes()}\nbare:   {routes}")
            found.append(Run(bridge, bare))
    return found, calls


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument("--n", type=int, default=40, help="loans a run")
    arguments.add_argument("--runs", type=int, default=5, help="runs of each side")
    arguments.add_argument("--latency", type=float, nargs="+", default=[0, 50], help="milliseconds before every answer")
    given = arguments.parse_args()
    figures: dict[str, object] = {"n": given.n, "runs": given.runs, "at_a_time": WORKERS}
    rows: list[tuple[object, ...]] = []
    for latency in given.latency:
        found, calls = measured(latency, n=given.n, runs=given.runs)
        wall = median(run.bridge.wall / run.bare.wall for run in found)
        cpu = median(run.bridge.cpu / run.bare.cpu for run in found)
        figures[f"ratio_{latency:g}ms"] = round(wall, 3)
        figures.setdefault("cpu_ratio", round(cpu, 2))
        figures.setdefault("calls_of_a_loan", calls)
        ours, bare = (median(getattr(run, side).wall for run in found) / given.n * 1000 for side in ("bridge", "bare"))
        busy, idle = (median(getattr(run, side).cpu for run in found) / given.n * 1000 for side in ("bridge", "bare"))
        figures[f"milliseconds_of_a_loan_{latency:g}ms"] = {
            "bridge": round(ours, 2),
            "bare": round(bare, 2),
            "bridge_cpu": round(busy, 2),
            "bare_cpu": round(idle, 2),
        }
        rows.append((f"{latency:g}", ours, bare, wall, busy, idle, cpu))
    heads = ("latency ms", "bridge ms a loan", "bare", "ratio", "bridge CPU ms a loan", "bare", "ratio")
    tell(figures, rows, heads, as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
