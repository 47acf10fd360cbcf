"""Each benchmark runs, and prints what it promises as one JSON document; the figures themselves are nobody's test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYED = ("alma", "koha", "manual")
"""Houses of the small day of chaos: two that do all by themselves, and one whose staff do it all and confirm it late or never."""
SCRIPTS: dict[str, tuple[list[str], set[str]]] = {
    "calls": ([], {"rows"}),
    "overhead": (
        ["--n", "1", "--runs", "1", "--latency", "0", "1"],
        {"ratio_0ms", "ratio_1ms", "cpu_ratio", "machine"},
    ),
    "latency": (["--n", "2", "--latency", "0"], {"p50_ratio", "p99_ratio", "machine"}),
    "scale": (
        ["--finished", "20", "--open", "60", "--calls", "5"],
        {"claim_ratio", "ingest_ratio", "sqlite", "machine"},
    ),
    "crash": (
        ["--requests", "6", "--kills", "2", *(part for name in PLAYED for part in ("--connector", name))],
        {"requests", "kills", "orphans", "duplicates", "lost", "foreign_touched", "seed", "machine"},
    ),
    "drain": (["--n", "2", "--latency", "1", "--rate", "50", "--edge", "0"], {"used_share", "throttled", "machine"}),
    "isolation": (
        ["--samples", "4", "--latency", "1", "--slow", "0.2"],
        {"ratio", "p95_ms", "alone_p95_ms", "machine"},
    ),
    "door": (["--n", "2", "--senders", "2"], {"ratio", "messages_per_second", "bare_per_second", "machine"}),
    "idle": (["--libraries", "2", "--seconds", "0.2", "--rest", "0.1"], {"cpu_share", "memory_mb", "machine"}),
}


LONG = {"door", "idle", "scale", "isolation", "overhead", "latency", "drain", "calls"}
"""A daemon and three stand-ins take their time to start: run by scripts/test --thorough."""


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.thorough) if each in LONG else each for each in SCRIPTS]
)
def test_a_benchmark_prints_its_figures(name: str) -> None:
    options, keys = SCRIPTS[name]
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", "--json", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COVERAGE_PROCESS_START": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert keys <= json.loads(done.stdout).keys()


def test_a_benchmark_may_be_called_by_its_file() -> None:
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "bench/crash.py", "--help"], cwd=ROOT, env=alone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "--kills" in done.stdout
