"""From a change to its hold: ``python -m bench.latency [--json] [--n 60] [--latency 50]``.

A borrowed loan whose patron is known is told *received*; measured is the time from just before the webhook is posted until the daemon's
log says that the hold was placed, which is after the ILS answered and the step is durable. Divided by the time a bare ``requests`` session
takes for the same five calls (barcode looked up, bib, holding and item made, hold placed). One loan at a time, the two sides taking turns
loan by loan against the same stand-in in a process of its own. ``p50_ratio`` is the ratio of the medians, ``p99_ratio`` that of the 99th
percentiles (of few loans: nearly the slowest one).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import requests

from bench.bare import BareLoan
from bench.daemon import WORDS, DaemonProcess, Service, daemon_on
from bench.standin import StandIn
from bench.telling import tell
from bridge.ledger import Ledger

WARM = 5


def bridge_hold(service: Service, daemon: DaemonProcess, ledger: Ledger, number: str) -> float:
    """Milliseconds from the change to the journalled hold."""
    (requested, facts), (received, more) = WORDS[:2]
    service.tell(number, 0, requested, **facts)
    name = ledger.requests.find(number)[0].name
    daemon.rested(name, 1)
    began = time.perf_counter()
    service.tell(number, 1, received, **more)
    daemon.hold_placed(name)
    took = (time.perf_counter() - began) * 1000
    daemon.rested(name, 2)
    return took


def bare_hold(session: requests.Session, url: str, number: str) -> float:
    """Milliseconds of the same calls."""
    loan = BareLoan(session, url, number)
    loan.requested()
    return loan.received()


def measured(latency: float, n: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each loan's hold: the bridge's, the bare ones."""
    ours: list[float] = []
    bare: list[float] = []
    with (
        StandIn(latency) as alma,
        tempfile.TemporaryDirectory() as folder,
        daemon_on(alma.url, Path(folder)) as daemon,
        requests.Session() as session,
    ):
        session.trust_env = False
        ledger = Ledger(f"sqlite:///{Path(folder) / 'bridge.db'}")
        service = Service(daemon.url)
        for number in range(WARM + n):
            ours.append(bridge_hold(service, daemon, ledger, f"N{number}"))
            bare.append(bare_hold(session, alma.url, f"B{number}"))
        service.close()
        ledger.close()
    return ours[WARM:], bare[WARM:]


def percentile(values: list[float], share: int) -> float:
    """The value that this share (in percent) does not exceed, between measured values where need be."""
    return quantiles(values, n=100, method="inclusive")[share - 1]


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument("--n", type=int, default=60, help="loans of each side")
    arguments.add_argument("--latency", type=float, default=50, help="milliseconds before every answer")
    given = arguments.parse_args()
    ours, bare = measured(given.latency, max(given.n, 2))
    figures: dict[str, object] = {"n": given.n, "latency_ms": given.latency}
    rows = []
    for share in (50, 99):
        mine, theirs = percentile(ours, share), percentile(bare, share)
        figures |= {
            f"p{share}_ratio": round(mine / theirs, 3),
            f"p{share}_ms": round(mine, 1),
            f"p{share}_bare_ms": round(theirs, 1),
        }
        rows.append((f"p{share}", mine, theirs, mine / theirs))
    tell(figures, rows, ("", "change to hold, ms", "bare calls, ms", "ratio"), as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
