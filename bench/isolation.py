"""Healthy libraries beside ailing ones: ``python -m bench.isolation [--json] [--samples 1000] [--latency 50] [--slow 30]``.

One daemon for four libraries, each with an ILS of its own: a healthy one (a stand-in Alma that takes 50 ms), one that is dead (nobody
listens), one that takes 30 seconds for an answer, and one that answers 429 to everything. Measured is the time from just before a webhook
is posted to the healthy library until the daemon's log says that its request is in step (one call: the patron is looked up), four at a
time. First *alone*: the others have nothing to do. Then *beside*: each of the others is told a new request ``--ailing`` times a second, so
that their lanes are full of work that fails. ``ratio``: p95 beside ÷ p95 alone. In one run, by one daemon.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.daemon import SECRET, WORDS, AilingDaemon, DaemonProcess, Service
from bench.latency import percentile
from bench.standin import KEY, StandIn
from bench.telling import tell
from bridge.ledger import Ledger

WORKERS = 4
NOBODY = "http://127.0.0.1:9"
AILING = ("dead", "slow", "throttled")
HEAD = """
bridge = "bench"
[ledger]
url = "{ledger}"
[web]
port = 0
"""
LIBRARY = """
[ils.{name}]
connector = "alma"
cap = 4
calls_per_second = 0
[ils.{name}.settings]
host = "{alma}"
api_key = "{key}"
timezone = "Europe/Berlin"
[libraries.{name}]
mode = "live"
ils = "{name}"
[libraries.{name}.borrowing]
verify_patron_on_request = true
place = {{ library = "RS", location = "ILLTEMP", desk = "RSDESK" }}
[sources.{name}]
kind = "webhook"
service = "svc-{name}"
library = "{name}"
timezone = "Europe/Berlin"
secret = "{secret}"
"""


def configuration(ledger: str, addresses: dict[str, str]) -> str:
    """A library for each address."""
    parts = (LIBRARY.format(name=name, alma=url, key=KEY, secret=SECRET) for name, url in addresses.items())
    return HEAD.format(ledger=ledger) + "".join(parts)


def sampled(daemon: DaemonProcess, ledger: Ledger, samples: int, prefix: str) -> list[float]:
    """Milliseconds from change to in step, of so many requests of the healthy library."""
    numbers = iter([f"{prefix}{number}" for number in range(samples)])
    guard = threading.Lock()
    word, facts = WORDS[0]

    def work(_worker: int) -> list[float]:
        service = Service(daemon.url, "healthy")
        took: list[float] = []
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                service.close()
                return took
            began = time.perf_counter()
            service.tell(number, 0, word, **facts)
            daemon.rested(ledger.requests.find(number)[0].name, 1)
            took.append((time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(WORKERS) as pool:
        return [each for found in pool.map(work, range(WORKERS)) for each in found]


@contextmanager
def ailing_work(daemon: DaemonProcess, every: float) -> Iterator[None]:
    """Meanwhile each ailing library is told a new request every so many seconds."""
    ended = threading.Event()
    word, facts = WORDS[0]

    def post() -> None:
        services = {name: Service(daemon.url, name) for name in AILING}
        number = 0
        while not ended.wait(every):
            for name, service in services.items():
                service.tell(f"{name}-{number}", 0, word, **facts)
            number += 1
        for service in services.values():
            service.close()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def measured(given: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Milliseconds of each sample: alone, beside."""
    with (
        StandIn(given.latency) as healthy,
        StandIn(given.slow * 1000) as slow,
        StandIn() as throttled,
        tempfile.TemporaryDirectory() as name,
    ):
        throttled.throttle_always(retry_after=1)
        ledger_url = f"sqlite:///{Path(name) / 'bridge.db'}"
        addresses = {"healthy": healthy.url, "dead": NOBODY, "slow": slow.url, "throttled": throttled.url}
        with AilingDaemon(Path(name), configuration(ledger_url, addresses)) as daemon:
            ledger = Ledger(ledger_url)
            sampled(daemon, ledger, WORKERS * 5, "warm")
            alone = sampled(daemon, ledger, given.samples, "alone")
            with ailing_work(daemon, 1 / given.ailing):
                time.sleep(min(given.samples / 100, 5))
                beside = sampled(daemon, ledger, given.samples, "beside")
            ledger.close()
    return alone, beside


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument(
        "--samples", type=int, default=1000, help="requests of the healthy library, alone and beside"
    )
    arguments.add_argument(
        "--latency", type=float, default=50, help="milliseconds before every answer of the healthy ILS"
    )
    arguments.add_argument("--slow", type=float, default=30, help="seconds before every answer of the slow one")
    arguments.add_argument("--ailing", type=float, default=2, help="requests a second for each ailing library")
    given = arguments.parse_args()
    alone, beside = measured(given)
    p95_alone, p95_beside = percentile(alone, 95), percentile(beside, 95)
    figures = {
        "ratio": round(p95_beside / p95_alone, 3),
        "p95_ms": round(p95_beside, 1),
        "alone_p95_ms": round(p95_alone, 1),
        "p50_ratio": round(percentile(beside, 50) / percentile(alone, 50), 3),
        "samples": given.samples,
        "latency_ms": given.latency,
        "slow_s": given.slow,
    }
    rows = [
        (
            f"p{share}",
            percentile(alone, share),
            percentile(beside, share),
            percentile(beside, share) / percentile(alone, share),
        )
        for share in (50, 95)
    ]
    tell(figures, rows, ("", "alone, ms", "beside, ms", "ratio"), as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
