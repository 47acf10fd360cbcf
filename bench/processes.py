"""What a process has used so far, as Linux tells it."""

from __future__ import annotations

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1024 * 1024


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, all threads together, user and system (``/proc/PID/stat``, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_megabytes(pid: int) -> float:
    """Memory a process holds (``VmRSS``)."""
    return int(_status(pid, "VmRSS").split()[0]) * 1024 / MEGABYTE


def threads(pid: int) -> int:
    """How many threads a process has."""
    return int(_status(pid, "Threads"))


def _status(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    found = next((line for line in lines if line.startswith(f"{name}:")), None)
    if found is None:
        raise RuntimeError(f"Process {pid} has ended.")
    return found.partition(":")[2].strip()
