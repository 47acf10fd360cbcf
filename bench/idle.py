"""A hundred libraries and nothing to do: ``python -m bench.idle [--json] [--libraries 100] [--seconds 60]``.

``python -m bridge run`` with so many libraries, each with its own ILS (a lane with its workers, its pace and its connector) and its own
webhook, on a SQLite ledger with the default settings. After ten seconds to come to rest its CPU time is read twice, so many seconds apart:
``cpu_share`` is in percent of one core. ``memory_mb`` is the resident memory at the end; ``threads`` their number. No ILS is asked anything
meanwhile, which the design promises.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.daemon import SECRET, DaemonProcess
from bench.processes import resident_megabytes, threads
from bench.standin import KEY
from bench.telling import tell

HEAD = """
bridge = "bench"
[ledger]
url = "sqlite:///{folder}/bridge.db"
[web]
port = 0
"""
LIBRARY = """
[ils.alma{number}]
connector = "alma"
[ils.alma{number}.settings]
host = "http://127.0.0.1:9"
api_key = "{key}"
timezone = "Europe/Berlin"
[libraries.library{number}]
mode = "live"
ils = "alma{number}"
[libraries.library{number}.borrowing]
place = {{ library = "RS", location = "ILLTEMP", desk = "RSDESK" }}
[sources.hook{number}]
kind = "webhook"
service = "svc{number}"
library = "library{number}"
timezone = "Europe/Berlin"
secret = "{secret}"
"""


def configuration(folder: Path, libraries: int) -> str:
    """So many libraries."""
    parts = (LIBRARY.format(number=number, key=KEY, secret=SECRET) for number in range(libraries))
    return HEAD.format(folder=folder) + "".join(parts)


def main() -> int:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    arguments.add_argument("--libraries", type=int, default=100)
    arguments.add_argument("--seconds", type=float, default=60, help="how long is measured")
    arguments.add_argument("--rest", type=float, default=10, help="seconds to come to rest before")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with DaemonProcess(folder, configuration(folder, given.libraries)) as daemon:
            time.sleep(given.rest)
            before, began = daemon.cpu(), time.monotonic()
            time.sleep(given.seconds)
            share = (daemon.cpu() - before) / (time.monotonic() - began) * 100
            memory, lives = resident_megabytes(daemon.pid), threads(daemon.pid)
    figures = {
        "libraries": given.libraries,
        "cpu_share": round(share, 2),
        "memory_mb": round(memory, 1),
        "threads": lives,
    }
    heads = ("libraries", "CPU, % of a core", "memory, MB", "threads")
    tell(figures, [(given.libraries, share, memory, lives)], heads, as_json=given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
