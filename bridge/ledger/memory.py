"""A file beside the ledger that remembers how far it had come, so that a restored backup is noticed at the next start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from bridge.ledger.ledger import Ledger

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reached:
    """How far a ledger had come: its identity, and its high-water mark."""

    ledger: str
    high_water: int


class RunFile:
    """The file. Where there is none (PostgreSQL without ``engine.run_file``), nothing is remembered and nothing noticed."""

    def __init__(self, ledger: Ledger, path: Path | None) -> None:
        self._ledger = ledger
        self._path = path
        self._written: Reached | None = None

    def older(self) -> bool:
        """Whether the ledger is older than the last known run on it: it was restored from a copy."""
        last, now = self._read(), self._now()
        return last is not None and last.ledger == now.ledger and last.high_water > now.high_water

    def remember(self) -> None:
        """Write down how far the ledger has come; only where that is news."""
        if self._path is None:
            return
        now = self._now()
        if now == self._written:
            return
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.write_text(json.dumps(asdict(now)), encoding="utf-8")
            os.replace(beside, self._path)  # noqa: PTH105 - atomic, and named for it
        except OSError as problem:
            log.warning("run_file.not_written", path=str(self._path), why=str(problem))
            return
        self._written = now

    def _now(self) -> Reached:
        return Reached(self._ledger.meta.identity(), self._ledger.meta.high_water())

    def _read(self) -> Reached | None:
        if self._path is None or not self._path.exists():
            return None
        try:
            return Reached(**json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as problem:
            log.warning("run_file.unreadable", path=str(self._path), why=str(problem))
            return None
