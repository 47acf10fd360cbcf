"""How a benchmark tells its figures: a table for people, one JSON document for programs; with the machine and the versions."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "sqlalchemy": version("SQLAlchemy"),
        "requests": version("requests"),
    }


def tell(
    figures: Mapping[str, object], rows: Sequence[Sequence[object]], heads: Sequence[str], *, as_json: bool
) -> None:
    """Print the figures (JSON), or the rows as a table."""
    about = machine()
    if as_json:
        print(json.dumps({**figures, "machine": about}, indent=2))
        return
    table = Table(*heads)
    for row in rows:
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row))
    console = Console()
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in about.items()), style="dim")


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
